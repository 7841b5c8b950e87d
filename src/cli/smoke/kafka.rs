//! What is in Kafka, read by a plain consumer: it joins no group, commits nothing, and shares no code with the pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{Message as _, Offset, TopicPartitionList};
use tokio_util::sync::CancellationToken;

use super::check::{Outcome, Trouble};
use super::expected::{Content, Expected};
use crate::client::{Detached, KafkaAddress};
use crate::report::count;

/// How long one question may take, and how long the messages may stand still.
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// librdkafka assigns partitions only to a consumer that names a group; with partitions assigned by hand it never joins it.
const NO_GROUP: &str = "stockdev-smoke-reader";

/// A message as it was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Message {
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) key: Option<String>,
    /// `None`: it is no tick.
    pub(super) content: Option<Content>,
}

/// The offset behind the last message of each partition.
pub(super) type Ends = BTreeMap<i32, i64>;

/// Ends, off the async threads, when `read` does. It is told when nobody waits for it any more.
pub(super) async fn off_thread<T: Send + 'static>(
    read: impl FnOnce(&CancellationToken) -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Trouble> {
    let abandoned = CancellationToken::new();
    let _tells = abandoned.clone().drop_guard();
    match tokio::task::spawn_blocking(move || read(&abandoned)).await {
        Ok(result) => result,
        Err(error) => Err(Trouble::could_not(format!("reading ended badly: {error}"))),
    }
}

fn consumer(kafka: &KafkaAddress) -> Result<Detached<BaseConsumer>, Trouble> {
    let must_hold = [("group.id", NO_GROUP), ("enable.auto.commit", "false"), ("enable.partition.eof", "true")];
    let consumer: Result<BaseConsumer, KafkaError> = kafka.config(&[], &must_hold).create();
    consumer.map(Detached::new).map_err(|error| Trouble::could_not(format!("no Kafka consumer: {error}")))
}

fn failed(what: &str, error: &KafkaError) -> Trouble {
    Trouble::could_not(format!("Kafka does not answer: {error}")).tried(what.to_owned()).next("stockdev logs kafka")
}

/// The ends of a topic's partitions; none when it is not there. Blocks.
pub(super) fn ends(kafka: &KafkaAddress, topic: &str) -> Result<Ends, Trouble> {
    let consumer = consumer(kafka)?;
    bounds(&consumer, topic).map(|bounds| bounds.into_iter().map(|(partition, (_, high))| (partition, high)).collect())
}

fn bounds(consumer: &BaseConsumer, topic: &str) -> Result<BTreeMap<i32, (i64, i64)>, Trouble> {
    let what = format!("metadata of `{topic}`");
    let metadata = consumer.fetch_metadata(Some(topic), PATIENCE).map_err(|error| failed(&what, &error))?;
    let partitions = metadata.topics().iter().filter(|found| found.name() == topic && found.error().is_none());
    partitions
        .flat_map(|found| found.partitions().iter().map(|partition| partition.id()))
        .map(|partition| {
            let what = format!("offsets of `{topic}`, partition {partition}");
            let bounds = consumer.fetch_watermarks(topic, partition, PATIENCE);
            bounds.map(|bounds| (partition, bounds)).map_err(|error| failed(&what, &error))
        })
        .collect()
}

/// Waits until `topic` holds `more` messages beyond `base`; gives how many there are. Blocks.
pub(super) fn wait_for(
    kafka: &KafkaAddress,
    topic: &str,
    base: &Ends,
    more: u64,
    abandoned: &CancellationToken,
) -> Result<u64, Trouble> {
    let consumer = consumer(kafka)?;
    loop {
        let there = bounds(&consumer, topic)?;
        let beyond: i64 = there.iter().map(|(id, (_, high))| high - base.get(id).copied().unwrap_or(0)).sum();
        let beyond = u64::try_from(beyond).unwrap_or(0);
        if beyond >= more {
            return Ok(beyond);
        }
        if abandoned.is_cancelled() {
            return Err(Trouble::could_not("nobody waits any more"));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Every message from `from` (else the first one kept) to the ends of now. Blocks.
pub(super) fn read(
    kafka: &KafkaAddress,
    topic: &str,
    from: &Ends,
    abandoned: &CancellationToken,
) -> Result<Vec<Message>, Trouble> {
    let consumer = consumer(kafka)?;
    let mut assignment = TopicPartitionList::new();
    let mut open: BTreeMap<i32, i64> = BTreeMap::new();
    for (partition, (low, high)) in bounds(&consumer, topic)? {
        let start = from.get(&partition).copied().unwrap_or(low).max(low);
        if start < high {
            open.insert(partition, high);
            let added = assignment.add_partition_offset(topic, partition, Offset::Offset(start));
            added.map_err(|error| failed("an assignment", &error))?;
        }
    }
    if open.is_empty() {
        return Ok(Vec::new());
    }
    consumer.assign(&assignment).map_err(|error| failed("an assignment", &error))?;
    let (mut messages, mut last) = (Vec::new(), Instant::now());
    while !open.is_empty() {
        if abandoned.is_cancelled() {
            return Err(Trouble::could_not("nobody waits any more"));
        }
        match consumer.poll(POLL) {
            Some(Ok(message)) => {
                last = Instant::now();
                let end = open.get(&message.partition()).copied();
                if end.is_some_and(|end| message.offset() < end) {
                    messages.push(Message {
                        partition: message.partition(),
                        offset: message.offset(),
                        key: message.key().map(|key| String::from_utf8_lossy(key).into_owned()),
                        content: message.payload().and_then(Content::parse),
                    });
                }
                if end.is_some_and(|end| message.offset() + 1 >= end) {
                    open.remove(&message.partition());
                }
            }
            Some(Err(KafkaError::PartitionEOF(partition))) => {
                open.remove(&partition);
            }
            // librdkafka tries again by itself; only what lasts is a failure.
            Some(Err(error)) if last.elapsed() >= PATIENCE => {
                return Err(failed(&format!("fetch from `{topic}`"), &error));
            }
            None if last.elapsed() >= PATIENCE => {
                let trouble = Trouble::could_not(format!("no message came for {} s", PATIENCE.as_secs()));
                return Err(trouble.tried(format!("fetch from `{topic}`")));
            }
            Some(Err(_)) | None => {}
        }
    }
    messages.sort_by_key(|message| (message.partition, message.offset));
    Ok(messages)
}

/// As many messages as ticks, each offset once and none left out.
pub(super) fn check_count(messages: &[Message], expected: &Expected) -> Outcome {
    let mut gaps = messages.windows(2).filter_map(|pair| match pair {
        [one, two] if one.partition == two.partition && one.offset + 1 != two.offset => Some((one, two)),
        _ => None,
    });
    if let Some((one, two)) = gaps.next() {
        let place = format!("partition {}: offset {} is followed by {}", one.partition, one.offset, two.offset);
        return Err(Trouble::wrong(format!("the offsets have a gap or a repeat, {place}")));
    }
    let found = count(u64::try_from(messages.len()).unwrap_or(u64::MAX));
    if found != count(expected.ticks) {
        let trouble = Trouble::wrong(format!("{found} messages, but {} ticks", count(expected.ticks)));
        return Err(trouble
            .tried("read the topic from the beginning to the end")
            .got(by_instrument(messages, expected)));
    }
    let partitions: BTreeSet<i32> = messages.iter().map(|message| message.partition).collect();
    Ok(format!("{found} messages in {} partition(s), one for each tick", partitions.len()))
}

/// The instruments whose number of messages is not that of their ticks.
fn by_instrument(messages: &[Message], expected: &Expected) -> String {
    let mut found: BTreeMap<&str, usize> = BTreeMap::new();
    for content in messages.iter().filter_map(|message| message.content.as_ref()) {
        *found.entry(content.token.as_str()).or_default() += 1;
    }
    let ticks = |token: &str| expected.instruments.get(token).map_or(0, |instrument| instrument.ticks.len());
    let tokens: BTreeSet<&str> = found.keys().copied().chain(expected.instruments.keys().map(String::as_str)).collect();
    let differ = tokens.into_iter().filter(|token| found.get(token).copied().unwrap_or(0) != ticks(token));
    let rows = differ.take(5).map(|token| {
        format!("instrument {token}: {} messages, {} ticks", found.get(token).copied().unwrap_or(0), ticks(token))
    });
    rows.collect::<Vec<_>>().join("\n")
}

/// Each message is the tick of its instrument whose turn it is, whole but for the timestamp, under the instrument's key.
pub(super) fn check_content(messages: &[Message], expected: &Expected) -> Outcome {
    let mut turns: BTreeMap<&str, (usize, f64)> = BTreeMap::new();
    for message in messages {
        let place = format!("partition {}, offset {}", message.partition, message.offset);
        let Some(content) = &message.content else {
            return Err(Trouble::wrong(format!("the message at {place} is no tick")));
        };
        if message.key.as_deref() != Some(content.token.as_str()) {
            let key = message.key.as_deref().unwrap_or("none");
            let text = format!("the message at {place} has key {key}, its instrument is {}", content.token);
            return Err(Trouble::wrong(text));
        }
        let Some(instrument) = expected.instruments.get(&content.token) else {
            let text = format!("the message at {place} is of instrument {}, which has no ticks", content.token);
            return Err(Trouble::wrong(text));
        };
        let turn = turns.entry(content.token.as_str()).or_insert((0, 0.0));
        match instrument.ticks.get(turn.0) {
            Some(tick) if tick.fields == content.fields => *turn = (turn.0 + 1, content.last_price),
            tick => {
                let what = if tick.is_some() { "is not" } else { "comes after the last one, so there is no" };
                let text = format!("the message at {place} {what} tick {} of instrument {}", turn.0 + 1, content.token);
                return Err(Trouble::wrong(text).tried("compare all fields but the timestamp with the source's"));
            }
        }
    }
    for (token, instrument) in &expected.instruments {
        let (found, price) = turns.get(token.as_str()).copied().unwrap_or((0, 0.0));
        if found != instrument.ticks.len() {
            let text = format!("instrument {token} has {found} messages, but {} ticks", instrument.ticks.len());
            return Err(Trouble::wrong(text));
        }
        if price != instrument.last_price {
            let text = format!("the last price of instrument {token} is {price}, but {}", instrument.last_price);
            return Err(Trouble::wrong(format!("{text} in the source")));
        }
    }
    let instruments = expected.instruments.len();
    Ok(format!("all fields, keys, order and last prices of {instruments} instrument(s) are the source's"))
}

/// Each timestamp is the source's, moved by one and the same time; with `ends_in` the last one lies there.
pub(super) fn check_timestamps(
    messages: &[Message],
    expected: &Expected,
    ends_in: Option<(Timestamp, Timestamp)>,
) -> Outcome {
    let mut turns: BTreeMap<&str, usize> = BTreeMap::new();
    for message in messages {
        let Some(content) = &message.content else { continue };
        let turn = turns.entry(content.token.as_str()).or_default();
        let tick = expected.instruments.get(&content.token).and_then(|instrument| instrument.ticks.get(*turn));
        *turn += 1;
        let place = format!("partition {}, offset {}", message.partition, message.offset);
        let Ok(found) = content.timestamp.parse::<Timestamp>() else {
            let text = format!("`{}` at {place} is no time with an offset", content.timestamp);
            return Err(Trouble::wrong(text));
        };
        if let Some(tick) = tick.filter(|tick| tick.instant != found) {
            let off = found.duration_since(tick.instant);
            return Err(Trouble::wrong(format!("the time at {place} is off by {off:?} against the others")));
        }
    }
    match (ends_in, expected.last()) {
        (Some((began, now)), Some(last)) if last < began || last > now => {
            Err(Trouble::wrong(format!("the last tick is of {last}, not of this run")))
        }
        _ => Ok("all moved by the same time".to_owned()),
    }
}

/// Dead letters: all of them, or those since `since`. Blocks.
pub(super) fn dead_letters(kafka: &KafkaAddress, topic: &str, since: Option<Timestamp>) -> Result<u64, Trouble> {
    let consumer = consumer(kafka)?;
    let bounds = bounds(&consumer, topic)?;
    let mut starts: BTreeMap<i32, i64> = bounds.iter().map(|(id, (low, _))| (*id, *low)).collect();
    if let (Some(since), false) = (since, bounds.is_empty()) {
        let mut wanted = TopicPartitionList::new();
        for partition in bounds.keys() {
            let added = wanted.add_partition_offset(topic, *partition, Offset::Offset(since.as_millisecond()));
            added.map_err(|error| failed("offsets by time", &error))?;
        }
        let found = consumer.offsets_for_times(wanted, PATIENCE).map_err(|error| failed("offsets by time", &error))?;
        for element in found.elements() {
            let end = bounds.get(&element.partition()).map_or(0, |(_, high)| *high);
            let start = if let Offset::Offset(offset) = element.offset() { offset } else { end };
            starts.insert(element.partition(), start);
        }
    }
    let waiting = bounds.iter().map(|(id, (_, high))| high - starts.get(id).copied().unwrap_or(*high)).sum::<i64>();
    Ok(u64::try_from(waiting).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::{ReadOptions, TickSource, TimeShift};

    /// The sample as a faithful topic of one partition would hold it.
    fn faithful() -> (Vec<Message>, Expected) {
        let (read, shift) = (ReadOptions::default(), TimeShift::from_micros(77));
        let messages = TickSource::Sample.open(&read).unwrap().zip(0..).map(|(record, offset)| {
            let record = record.unwrap();
            let content = Content::parse(&record.sent(shift, &read.zone));
            Message { partition: 0, offset, key: Some(record.key.to_string()), content }
        });
        (messages.collect(), Expected::read(&TickSource::Sample, &read, false, shift).unwrap())
    }

    fn verdicts(messages: &[Message], expected: &Expected) -> [bool; 3] {
        [
            check_count(messages, expected).is_ok(),
            check_content(messages, expected).is_ok(),
            check_timestamps(messages, expected, None).is_ok(),
        ]
    }

    #[test]
    fn a_faithful_topic_passes_and_each_fault_is_seen_by_its_check() {
        let (good, expected) = faithful();
        assert_eq!(verdicts(&good, &expected), [true, true, true]);
        type Fault = fn(&mut Vec<Message>);
        let faults: [(&str, Fault, [bool; 3]); 7] = [
            ("one is lost", |all| drop(all.remove(700)), [false, false, false]),
            ("the last is lost", |all| drop(all.pop()), [false, false, true]),
            ("one is there twice", |all| all.insert(9, all[9].clone()), [false, false, false]),
            ("a key is another's", |all| all[5].key = Some("1".into()), [true, false, true]),
            ("one is no tick", |all| all[5].content = None, [true, false, false]),
            ("a field is changed", |all| all[5].content.as_mut().unwrap().fields ^= 1, [true, false, true]),
            (
                "a time is changed",
                |all| all[5].content.as_mut().unwrap().timestamp = "2024-01-02T09:15:00Z".into(),
                [true, true, false],
            ),
        ];
        for (name, fault, verdict) in faults {
            let mut messages = good.clone();
            fault(&mut messages);
            assert_eq!(verdicts(&messages, &expected), verdict, "{name}");
        }
    }

    #[test]
    fn the_last_tick_is_of_the_run() {
        let (messages, expected) = faithful();
        let last = expected.last().unwrap();
        assert!(check_timestamps(&messages, &expected, Some((last, last))).is_ok());
        let later = last + jiff::SignedDuration::from_secs(1);
        let wrong = check_timestamps(&messages, &expected, Some((later, later))).unwrap_err();
        assert!(matches!(wrong, Trouble::Wrong(finding) if finding.message.contains("not of this run")));
    }
}
