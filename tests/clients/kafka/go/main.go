// The client scenario with franz-go: `franz BOOTSTRAP PREFIX`.
// Prints one fact a line, `name=value`; tests/it/kafka_clients.rs says what each must be.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	deadline = 40 * time.Second
	baseMs   = 1_700_000_000_000
)

var bootstrap, topic, group string

func main() {
	bootstrap, topic, group = os.Args[1], os.Args[2]+"-topic", os.Args[2]+"-group"
	ctx, cancel := context.WithTimeout(context.Background(), 2*deadline)
	defer cancel()
	admin := client()
	defer admin.Close()

	createTopic(ctx, admin)
	fact("delivered", produce(ctx, 0, 200))
	readAndCommit(ctx)
	fact("delivered_later", produce(ctx, 200, 250))
	resumeAndShare(ctx)
	lookUp(ctx, admin)
	deleteAll(ctx, admin)
}

func fact(name string, value any) { fmt.Printf("%s=%v\n", name, value) }

func must(err error) {
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
}

func client(opts ...kgo.Opt) *kgo.Client {
	c, err := kgo.NewClient(append(opts, kgo.SeedBrokers(bootstrap))...)
	must(err)
	return c
}

func createTopic(ctx context.Context, admin *kgo.Client) {
	t := kmsg.NewCreateTopicsRequestTopic()
	t.Topic, t.NumPartitions, t.ReplicationFactor = topic, 2, 1
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics = append(req.Topics, t)
	resp, err := req.RequestWith(ctx, admin)
	must(err)
	must(kerr.ErrorForCode(resp.Topics[0].ErrorCode))
}

func produce(ctx context.Context, from, to int) int64 {
	c := client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.SnappyCompression()))
	defer c.Close()
	var delivered atomic.Int64
	for n := from; n < to; n++ {
		c.Produce(ctx, &kgo.Record{
			Topic:     topic,
			Partition: int32(n % 2),
			Timestamp: time.UnixMilli(baseMs + int64(n)),
			Key:       []byte("key-" + strconv.Itoa(n%10)),
			Value:     []byte("value-" + strconv.Itoa(n)),
			Headers:   []kgo.RecordHeader{{Key: "n", Value: []byte(strconv.Itoa(n))}, {Key: "n", Value: []byte("again")}},
		}, func(_ *kgo.Record, err error) {
			if err == nil {
				delivered.Add(1)
			} else {
				fmt.Println("produce error:", err)
			}
		})
	}
	must(c.Flush(ctx))
	return delivered.Load()
}

// member counts what it is assigned.
type member struct {
	*kgo.Client
	assigned atomic.Int32
	stop     context.CancelFunc
	done     chan struct{}
}

func newMember() *member {
	m := &member{done: make(chan struct{})}
	count := func(sign int32) func(context.Context, *kgo.Client, map[string][]int32) {
		return func(_ context.Context, _ *kgo.Client, partitions map[string][]int32) {
			m.assigned.Add(sign * int32(len(partitions[topic])))
		}
	}
	m.Client = client(
		kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.SessionTimeout(6*time.Second), kgo.HeartbeatInterval(300*time.Millisecond),
		kgo.OnPartitionsAssigned(count(1)), kgo.OnPartitionsRevoked(count(-1)), kgo.OnPartitionsLost(count(-1)),
	)
	return m
}

func (m *member) poll(ctx context.Context) {
	ctx, m.stop = context.WithCancel(ctx)
	go func() {
		defer close(m.done)
		for ctx.Err() == nil {
			m.PollFetches(ctx)
		}
		m.Close()
	}()
}

func (m *member) leave() {
	m.stop()
	<-m.done
}

func (m *member) consume(ctx context.Context, count int) []*kgo.Record {
	var records []*kgo.Record
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	for len(records) < count && ctx.Err() == nil {
		fetches := m.PollFetches(ctx)
		fetches.EachError(func(_ string, _ int32, err error) { fmt.Println("fetch error:", err) })
		records = append(records, fetches.Records()...)
	}
	return records
}

func number(r *kgo.Record) int {
	n, err := strconv.Atoi(strings.TrimPrefix(string(r.Value), "value-"))
	must(err)
	return n
}

func isAsSent(r *kgo.Record) bool {
	n := number(r)
	return string(r.Key) == fmt.Sprintf("key-%d", n%10) && r.Partition == int32(n%2) &&
		r.Timestamp.UnixMilli() == baseMs+int64(n) && len(r.Headers) == 2 &&
		string(r.Headers[0].Value) == strconv.Itoa(n) && string(r.Headers[1].Value) == "again"
}

func readAndCommit(ctx context.Context) {
	m := newMember()
	defer m.Close()
	records := m.consume(ctx, 200)
	distinct, wrong := map[int]bool{}, 0
	for _, r := range records {
		distinct[number(r)] = true
		if !isAsSent(r) {
			wrong++
		}
	}
	fact("consumed", len(records))
	fact("distinct", len(distinct))
	fact("wrong", wrong)
	must(m.CommitUncommittedOffsets(ctx))
}

func waitForAssignments(members []*member, counts string) string {
	end := time.Now().Add(deadline)
	for {
		var now []string
		for _, m := range members {
			now = append(now, strconv.Itoa(int(m.assigned.Load())))
		}
		if joined := strings.Join(now, ","); joined == counts || time.Now().After(end) {
			return joined
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func resumeAndShare(ctx context.Context) {
	second := newMember()
	low, high := 1<<30, -1
	for _, r := range second.consume(ctx, 50) {
		low, high = min(low, number(r)), max(high, number(r))
	}
	fact("resumed", fmt.Sprintf("%d..%d", low, high))
	must(second.CommitUncommittedOffsets(ctx))
	third := newMember()
	second.poll(ctx)
	third.poll(ctx)
	fact("shared", waitForAssignments([]*member{second, third}, "1,1"))
	second.leave()
	fact("after_leave", waitForAssignments([]*member{third}, "2"))
	third.leave()
}

func lookUp(ctx context.Context, admin *kgo.Client) {
	list := func(partition int32, timestamp int64) int64 {
		p := kmsg.NewListOffsetsRequestTopicPartition()
		p.Partition, p.Timestamp = partition, timestamp
		t := kmsg.NewListOffsetsRequestTopic()
		t.Topic, t.Partitions = topic, append(t.Partitions, p)
		req := kmsg.NewPtrListOffsetsRequest()
		req.ReplicaID, req.Topics = -1, append(req.Topics, t)
		resp, err := req.RequestWith(ctx, admin)
		must(err)
		must(kerr.ErrorForCode(resp.Topics[0].Partitions[0].ErrorCode))
		return resp.Topics[0].Partitions[0].Offset
	}
	fact("offsets_for_time", fmt.Sprintf("%d,%d", list(0, baseMs+100), list(1, baseMs+100)))
	fact("latest", list(0, -1))

	req := kmsg.NewPtrOffsetFetchRequest()
	g := kmsg.NewOffsetFetchRequestGroup()
	g.Group = group
	req.Groups = append(req.Groups, g)
	resp, err := req.RequestWith(ctx, admin)
	must(err)
	committed := map[int32]int64{}
	for _, p := range resp.Groups[0].Topics[0].Partitions {
		committed[p.Partition] = p.Offset
	}
	fact("committed", fmt.Sprintf("%d,%d", committed[0], committed[1]))

	listed := false
	groups, err := kmsg.NewPtrListGroupsRequest().RequestWith(ctx, admin)
	must(err)
	for _, g := range groups.Groups {
		listed = listed || g.Group == group
	}
	fact("group_listed", listed)
}

func deleteAll(ctx context.Context, admin *kgo.Client) {
	groups := kmsg.NewPtrDeleteGroupsRequest()
	groups.Groups = []string{group}
	deleted, err := groups.RequestWith(ctx, admin)
	must(err)
	must(kerr.ErrorForCode(deleted.Groups[0].ErrorCode))

	topics := kmsg.NewPtrDeleteTopicsRequest()
	t := kmsg.NewDeleteTopicsRequestTopic()
	t.Topic = &topic
	topics.Topics, topics.TopicNames = append(topics.Topics, t), []string{topic}
	resp, err := topics.RequestWith(ctx, admin)
	must(err)
	must(kerr.ErrorForCode(resp.Topics[0].ErrorCode))

	metadata := kmsg.NewPtrMetadataRequest()
	all, err := metadata.RequestWith(ctx, admin)
	must(err)
	left := false
	for _, t := range all.Topics {
		left = left || (t.Topic != nil && *t.Topic == topic)
	}
	fact("topic_left", left)
}
