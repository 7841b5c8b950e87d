"""The client scenario with kafka-python, 2.3 and 3: `kafka_python.py BOOTSTRAP PREFIX`.

Prints one fact a line, `name=value`; tests/it/kafka_clients.rs says what each must be.
"""

import sys
import threading
import time

from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

bootstrap, prefix = sys.argv[1:]
topic, group = prefix + "-topic", prefix + "-group"
DEADLINE_S = 40


def fact(name, value):
    print(f"{name}={str(value).lower() if isinstance(value, bool) else value}", flush=True)


def produce(numbers):
    producer = KafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, compression_type="gzip", linger_ms=5
    )
    sent = [
        producer.send(
            topic,
            key=f"key-{n % 10}".encode(),
            value=f"value-{n}".encode(),
            headers=[("n", str(n).encode())],
            partition=n % 2,
            timestamp_ms=1_700_000_000_000 + n,
        )
        for n in numbers
    ]
    producer.flush(DEADLINE_S)
    delivered = sum(future.succeeded() for future in sent)
    producer.close(5)
    return delivered


def member():
    return KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=6000,
        heartbeat_interval_ms=300,
    )


def is_as_sent(record):
    n = int(record.value.decode().removeprefix("value-"))
    return (
        record.key == f"key-{n % 10}".encode()
        and list(record.headers) == [("n", str(n).encode())]
        and record.partition == n % 2
        and record.timestamp == 1_700_000_000_000 + n
    )


def consume(consumer, count):
    numbers, wrong, end = [], 0, time.time() + DEADLINE_S
    while len(numbers) < count and time.time() < end:
        for records in consumer.poll(timeout_ms=200).values():
            numbers += [int(record.value.decode().removeprefix("value-")) for record in records]
            wrong += sum(not is_as_sent(record) for record in records)
    return numbers, wrong


class Polled:
    """A member polled by its own thread: one member's join waits for the other's poll."""

    def __init__(self, consumer):
        self.consumer, self.stop, self.assigned = consumer, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stop.is_set():
            self.consumer.poll(timeout_ms=100)
            self.assigned = len(self.consumer.assignment())
        self.consumer.close()

    def leave(self):
        self.stop.set()
        self.thread.join()


def wait_for_assignments(members, counts):
    end = time.time() + DEADLINE_S
    while [member.assigned for member in members] != counts and time.time() < end:
        time.sleep(0.05)
    return ",".join(str(member.assigned) for member in members)


admin = KafkaAdminClient(bootstrap_servers=bootstrap)
admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])
fact("delivered", produce(range(200)))

first = member()
numbers, wrong = consume(first, 200)
fact("consumed", len(numbers))
fact("distinct", len(set(numbers)))
fact("wrong", wrong)
first.commit()
first.close()

fact("delivered_later", produce(range(200, 250)))
second = member()
numbers, wrong = consume(second, 50)
fact("resumed", f"{min(numbers)}..{max(numbers)}")
second.commit()
partitions = [TopicPartition(topic, p) for p in (0, 1)]
times = second.offsets_for_times({p: 1_700_000_000_100 for p in partitions})
fact("offsets_for_time", ",".join(str(times[p].offset) for p in partitions))
fact("committed", ",".join(str(second.committed(p)) for p in partitions))
fact("latest", second.end_offsets(partitions)[partitions[0]])

second, third = Polled(second), Polled(member())
fact("shared", wait_for_assignments([second, third], [1, 1]))
second.leave()
fact("after_leave", wait_for_assignments([third], [2]))
third.leave()

# kafka-python 3 renamed its admin methods.
if hasattr(admin, "list_consumer_group_offsets"):
    committed = admin.list_consumer_group_offsets(group)
    listed = [listed[0] for listed in admin.list_consumer_groups()]
    admin.delete_consumer_groups([group])
else:
    committed = admin.list_group_offsets(group)
    committed = committed.get(group, committed)
    listed = [g["group_id"] if isinstance(g, dict) else getattr(g, "group_id", g) for g in admin.list_groups()]
    admin.delete_groups([group])
fact("listed_offsets", ",".join(str(offset.offset) for offset in committed.values()))
fact("group_listed", group in listed)
admin.delete_topics([topic])
fact("topic_left", topic in admin.list_topics())
admin.close()
