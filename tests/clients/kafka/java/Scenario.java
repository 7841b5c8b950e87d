// The client scenario with Kafka's own Java client: `java Scenario BOOTSTRAP PREFIX`.
// Prints one fact a line, `name=value`; tests/it/kafka_clients.rs says what each must be.

import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.clients.producer.*;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.*;

public class Scenario {
    static final long DEADLINE_MS = 40_000;
    static final long BASE_MS = 1_700_000_000_000L;
    static String bootstrap, topic, group;

    public static void main(String[] args) throws Exception {
        bootstrap = args[0];
        topic = args[1] + "-topic";
        group = args[1] + "-group";
        try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
            admin.createTopics(List.of(new NewTopic(topic, 2, (short) 1))).all().get();
            fact("delivered", produce(0, 200));
            readAndCommit();
            fact("delivered_later", produce(200, 250));
            resumeAndShare(admin);
            lookUp(admin);
            admin.deleteConsumerGroups(List.of(group)).all().get();
            admin.deleteTopics(List.of(topic)).all().get();
            fact("topic_left", admin.listTopics().names().get().contains(topic));
        }
    }

    static void fact(String name, Object value) {
        System.out.println(name + "=" + value);
    }

    static int produce(int from, int to) throws Exception {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "acks", "all", "enable.idempotence", true,
            "compression.type", "lz4", "linger.ms", 5);
        List<Future<RecordMetadata>> sent = new ArrayList<>();
        try (var producer = new KafkaProducer<>(config, new StringSerializer(), new StringSerializer())) {
            for (int n = from; n < to; n++) {
                var record = new ProducerRecord<>(topic, n % 2, BASE_MS + n, "key-" + n % 10, "value-" + n);
                record.headers().add("n", ("" + n).getBytes()).add("n", "again".getBytes());
                sent.add(producer.send(record));
            }
        }
        int delivered = 0;
        for (var future : sent) delivered += future.get().hasOffset() ? 1 : 0;
        return delivered;
    }

    static KafkaConsumer<String, String> member() {
        Map<String, Object> config = Map.of("bootstrap.servers", bootstrap, "group.id", group,
            "auto.offset.reset", "earliest", "enable.auto.commit", false, "session.timeout.ms", 6000,
            "heartbeat.interval.ms", 300, "client.id", "scenario");
        var consumer = new KafkaConsumer<>(config, new StringDeserializer(), new StringDeserializer());
        consumer.subscribe(List.of(topic));
        return consumer;
    }

    static boolean isAsSent(ConsumerRecord<String, String> record) {
        int n = number(record);
        var headers = new ArrayList<String>();
        for (Header header : record.headers()) headers.add(header.key() + ":" + new String(header.value()));
        return record.key().equals("key-" + n % 10) && headers.equals(List.of("n:" + n, "n:again"))
            && record.partition() == n % 2 && record.timestamp() == BASE_MS + n;
    }

    static int number(ConsumerRecord<String, String> record) {
        return Integer.parseInt(record.value().substring("value-".length()));
    }

    static List<ConsumerRecord<String, String>> consume(KafkaConsumer<String, String> consumer, int count) {
        var records = new ArrayList<ConsumerRecord<String, String>>();
        long end = System.currentTimeMillis() + DEADLINE_MS;
        while (records.size() < count && System.currentTimeMillis() < end) {
            consumer.poll(Duration.ofMillis(200)).forEach(records::add);
        }
        return records;
    }

    static void readAndCommit() {
        try (var consumer = member()) {
            var records = consume(consumer, 200);
            fact("consumed", records.size());
            fact("distinct", records.stream().map(Scenario::number).distinct().count());
            fact("wrong", records.stream().filter(record -> !isAsSent(record)).count());
            consumer.commitSync();
        }
    }

    /** A member polled by its own thread: one member's join waits for the other's poll. */
    static class Polled extends Thread {
        final KafkaConsumer<String, String> consumer;
        final AtomicBoolean stop = new AtomicBoolean();
        volatile int assigned;

        Polled(KafkaConsumer<String, String> consumer) {
            this.consumer = consumer;
            start();
        }

        @Override
        public void run() {
            while (!stop.get()) {
                consumer.poll(Duration.ofMillis(100));
                assigned = consumer.assignment().size();
            }
            consumer.close();
        }

        void leave() throws InterruptedException {
            stop.set(true);
            join();
        }
    }

    static String waitForAssignments(List<Polled> members, List<Integer> counts) throws InterruptedException {
        long end = System.currentTimeMillis() + DEADLINE_MS;
        List<Integer> now;
        do {
            Thread.sleep(50);
            now = members.stream().map(member -> member.assigned).toList();
        } while (!now.equals(counts) && System.currentTimeMillis() < end);
        return now.stream().map(String::valueOf).collect(Collectors.joining(","));
    }

    static void resumeAndShare(Admin admin) throws Exception {
        var consumer = member();
        var numbers = consume(consumer, 50).stream().map(Scenario::number).collect(Collectors.toCollection(TreeSet::new));
        fact("resumed", numbers.first() + ".." + numbers.last());
        consumer.commitSync();
        var second = new Polled(consumer);
        var third = new Polled(member());
        fact("shared", waitForAssignments(List.of(second, third), List.of(1, 1)));
        var described = admin.describeConsumerGroups(List.of(group)).describedGroups().get(group).get();
        fact("group_members", described.members().size());
        second.leave();
        fact("after_leave", waitForAssignments(List.of(third), List.of(2)));
        third.leave();
    }

    static void lookUp(Admin admin) throws Exception {
        var partitions = List.of(new TopicPartition(topic, 0), new TopicPartition(topic, 1));
        var at = OffsetSpec.forTimestamp(BASE_MS + 100);
        var times = admin.listOffsets(Map.of(partitions.get(0), at, partitions.get(1), at)).all().get();
        fact("offsets_for_time", times.get(partitions.get(0)).offset() + "," + times.get(partitions.get(1)).offset());
        var latest = admin.listOffsets(Map.of(partitions.get(0), OffsetSpec.latest())).all().get();
        fact("latest", latest.get(partitions.get(0)).offset());
        var committed = admin.listConsumerGroupOffsets(group).partitionsToOffsetAndMetadata().get();
        fact("committed", committed.get(partitions.get(0)).offset() + "," + committed.get(partitions.get(1)).offset());
        var groups = admin.listConsumerGroups().all().get().stream().map(ConsumerGroupListing::groupId).toList();
        fact("group_listed", groups.contains(group));
    }
}
