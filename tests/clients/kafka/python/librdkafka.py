"""The client scenario with confluent-kafka (librdkafka): `librdkafka.py BOOTSTRAP PREFIX`.

Prints one fact a line, `name=value`; tests/it/kafka_clients.rs says what each must be.
"""

import sys
import time

from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

bootstrap, prefix = sys.argv[1:]
topic, group = prefix + "-topic", prefix + "-group"
DEADLINE_S = 40


def fact(name, value):
    print(f"{name}={str(value).lower() if isinstance(value, bool) else value}", flush=True)


def produce(numbers):
    failed = []
    producer = Producer(
        {"bootstrap.servers": bootstrap, "enable.idempotence": True, "compression.type": "zstd", "linger.ms": 5}
    )
    for n in numbers:
        producer.produce(
            topic,
            key=f"key-{n % 10}",
            value=f"value-{n}",
            headers=[("n", str(n)), ("n", b"again")],
            partition=n % 2,
            timestamp=1_700_000_000_000 + n,
            on_delivery=lambda error, message: failed.append(error) if error else None,
        )
    left = producer.flush(DEADLINE_S)
    return len(numbers) - len(failed) - left


def member():
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "session.timeout.ms": 6000,
            "heartbeat.interval.ms": 300,
            "check.crcs": True,
        }
    )


def is_as_sent(message):
    n = int(message.value().decode().removeprefix("value-"))
    return (
        message.key() == f"key-{n % 10}".encode()
        and message.headers() == [("n", str(n).encode()), ("n", b"again")]
        and message.partition() == n % 2
        and message.timestamp()[1] == 1_700_000_000_000 + n
    )


def consume(consumer, count):
    """Numbers read, and how many records were not as sent."""
    numbers, wrong, end = [], 0, time.time() + DEADLINE_S
    while len(numbers) < count and time.time() < end:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            fact("consume_error", message.error())
            continue
        numbers.append(int(message.value().decode().removeprefix("value-")))
        wrong += not is_as_sent(message)
    return numbers, wrong


def wait_for_assignments(consumers, counts):
    end = time.time() + DEADLINE_S
    while time.time() < end:
        for consumer in consumers:
            consumer.poll(0.05)
        now = [len(consumer.assignment()) for consumer in consumers]
        if now == counts:
            break
    return ",".join(map(str, now))


admin = AdminClient({"bootstrap.servers": bootstrap})
admin.create_topics([NewTopic(topic, num_partitions=2, replication_factor=1)])[topic].result(DEADLINE_S)
fact("delivered", produce(range(200)))

first = member()
first.subscribe([topic])
numbers, wrong = consume(first, 200)
fact("consumed", len(numbers))
fact("distinct", len(set(numbers)))
fact("wrong", wrong)
first.commit(asynchronous=False)
first.close()

fact("delivered_later", produce(range(200, 250)))
second = member()
second.subscribe([topic])
numbers, wrong = consume(second, 50)
fact("resumed", f"{min(numbers)}..{max(numbers)}")
second.commit(asynchronous=False)

third = member()
third.subscribe([topic])
fact("shared", wait_for_assignments([second, third], [1, 1]))
described = admin.describe_consumer_groups([group])[group].result(DEADLINE_S)
fact("group_state", described.state.name.lower())
fact("group_members", len(described.members))
second.close()
fact("after_leave", wait_for_assignments([third], [2]))
third.close()

partitions = [TopicPartition(topic, p) for p in (0, 1)]
ends = [TopicPartition(topic, p, 1_700_000_000_100) for p in (0, 1)]
lookup = member()
fact("offsets_for_time", ",".join(str(p.offset) for p in lookup.offsets_for_times(ends, timeout=DEADLINE_S)))
fact("committed", ",".join(str(p.offset) for p in lookup.committed(partitions, timeout=DEADLINE_S)))
lookup.close()
latest = admin.list_offsets({partitions[0]: OffsetSpec.latest()})[partitions[0]].result(DEADLINE_S)
fact("latest", latest.offset)
all_committed = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group].result(DEADLINE_S)
fact("listed_offsets", ",".join(str(p.offset) for p in all_committed.topic_partitions))
listed = admin.list_consumer_groups().result(DEADLINE_S)
fact("group_listed", group in [g.group_id for g in listed.valid])
admin.delete_consumer_groups([group])[group].result(DEADLINE_S)
admin.delete_topics([topic])[topic].result(DEADLINE_S)
fact("topic_left", topic in admin.list_topics(timeout=DEADLINE_S).topics)
