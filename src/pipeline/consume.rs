//! Messages of a topic to the terminal.
//!
//! Without a group it reads all partitions by itself and leaves no trace; with one it shares them with the group's other
//! members and commits what the sink has taken.

use std::{collections::BTreeMap, io, str::FromStr, time::Duration};

use jiff::Timestamp;
use rdkafka::{
    Message, Offset, TopicPartitionList,
    consumer::{BaseConsumer, CommitMode, Consumer},
    error::{KafkaError, RDKafkaErrorCode},
    message::{BorrowedMessage, Headers as _},
};
use tokio_util::sync::CancellationToken;

use crate::client::{KafkaAddress, KafkaClientError, KafkaContext};
use crate::tick::{default_zone, parse_timestamp};

const TIMEOUT: Duration = Duration::from_secs(15);
/// How often a waiting consumer looks whether it is to stop.
const POLL: Duration = Duration::from_millis(100);

/// Named, and never joined nor committed to.
const NO_GROUP: &str = "stockdev-consume";

/// Where to start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConsumeFrom {
    #[default]
    Beginning,
    /// What comes from now on.
    End,
    /// This offset of each partition; a negative one counts from the end.
    Offset(i64),
    /// The first message of each partition that is not older.
    Timestamp(Timestamp),
    /// Where the group stopped; the beginning, where it never was.
    Stored,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not `beginning`, `end`, `stored`, an offset, or a time as `2024-01-02`, `2024-01-02 09:15:00` or ISO 8601"
)]
pub struct ConsumeFromError(String);

impl FromStr for ConsumeFrom {
    type Err = ConsumeFromError;

    fn from_str(text: &str) -> Result<Self, ConsumeFromError> {
        match text {
            "beginning" => Ok(Self::Beginning),
            "end" => Ok(Self::End),
            "stored" => Ok(Self::Stored),
            _ => text.parse().map(Self::Offset).or_else(|_| {
                let zone = default_zone();
                let time = parse_timestamp(text, &zone).or_else(|| parse_timestamp(&format!("{text} 00:00:00"), &zone));
                time.map(Self::Timestamp).ok_or_else(|| ConsumeFromError(text.to_owned()))
            }),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumeOptions {
    pub topic: String,
    pub from: ConsumeFrom,
    /// Stop after so many messages.
    pub max: Option<u64>,
    /// Do not stop at the end.
    pub follow: bool,
    /// Join this group; it decides where to start.
    pub group: Option<String>,
    /// Only this partition; not with a group.
    pub partition: Option<i32>,
}

impl Default for ConsumeOptions {
    fn default() -> Self {
        Self {
            topic: super::TOPIC.into(),
            from: ConsumeFrom::Beginning,
            max: None,
            follow: false,
            group: None,
            partition: None,
        }
    }
}

/// A message, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConsumedMessage {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    /// Milliseconds since 1970.
    pub timestamp_ms: Option<i64>,
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsumeReport {
    pub messages: u64,
    pub cancelled: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    #[error(transparent)]
    Kafka(#[from] KafkaClientError),
    #[error("the topic `{topic}` has no partition {partition}")]
    NoSuchPartition { topic: String, partition: i32 },
    #[error("a group decides where to start and which partitions to read: leave out {0}")]
    WithGroup(&'static str),
    #[error("only a group has stored offsets: name one")]
    StoredWithoutGroup,
    #[error("cannot write: {0}")]
    Write(#[source] io::Error),
    #[error("the topic `{topic}` can't be read: {reason}")]
    Read { topic: String, reason: String },
}

/// Reads messages into the sink, in order within each partition, up to the end as it was at the start (or on and on with
/// `follow`). A sink whose reader went away (broken pipe) ends it without an error.
pub async fn consume(
    kafka: &KafkaAddress,
    options: &ConsumeOptions,
    sink: impl FnMut(&ConsumedMessage) -> io::Result<()> + Send + 'static,
    cancel: &CancellationToken,
) -> Result<ConsumeReport, ConsumeError> {
    if options.group.is_some() {
        if options.partition.is_some() {
            return Err(ConsumeError::WithGroup("the partition"));
        }
        if !matches!(options.from, ConsumeFrom::Stored | ConsumeFrom::Beginning | ConsumeFrom::End) {
            return Err(ConsumeError::WithGroup("the offset or time"));
        }
    } else if options.from == ConsumeFrom::Stored {
        return Err(ConsumeError::StoredWithoutGroup);
    }
    let (options, cancel) = (options.clone(), cancel.clone());
    kafka.ask(move |kafka| Ok(run(kafka, &options, sink, &cancel))).await?
}

fn run(
    kafka: &KafkaAddress,
    options: &ConsumeOptions,
    sink: impl FnMut(&ConsumedMessage) -> io::Result<()>,
    cancel: &CancellationToken,
) -> Result<ConsumeReport, ConsumeError> {
    let reset = if options.from == ConsumeFrom::End { "latest" } else { "earliest" };
    let mut must_hold = vec![
        ("enable.auto.commit", "false"),
        ("enable.auto.offset.store", "false"),
        ("enable.partition.eof", "true"),
        ("auto.offset.reset", reset),
    ];
    // librdkafka reads nothing without a group's name; it is joined only by a subscription.
    must_hold.push(("group.id", options.group.as_deref().unwrap_or(NO_GROUP)));
    if options.group.is_some() {
        must_hold.push(("session.timeout.ms", "6000"));
    }
    let config = kafka.config(&[("queued.max.messages.kbytes", "16384"), ("fetch.wait.max.ms", "100")], &must_hold);
    let client: BaseConsumer<KafkaContext> =
        config.create_with_context(KafkaContext::new(&kafka.bootstrap)).map_err(KafkaClientError::Properties)?;
    let ends = start(kafka, &client, options)?;
    let mut session = Session { client: &client, options, sink, ends, report: ConsumeReport::default() };
    let outcome = session.read(cancel);
    let report = session.report;
    if options.group.is_some() {
        client.unsubscribe();
    }
    outcome.map(|()| report)
}

/// Assigns or subscribes; gives, by partition, where to stop.
fn start(
    kafka: &KafkaAddress,
    client: &BaseConsumer<KafkaContext>,
    options: &ConsumeOptions,
) -> Result<BTreeMap<i32, i64>, ConsumeError> {
    let topic = &options.topic;
    let failed = |what: &str, error: &KafkaError| kafka.failed(what, TIMEOUT, error, client);
    let found = kafka.partitions(client, topic, TIMEOUT)?;
    let mut partitions = found.ok_or_else(|| KafkaClientError::NoSuchTopic { topic: topic.clone() })?;
    if let Some(partition) = options.partition {
        if !partitions.contains(&partition) {
            return Err(ConsumeError::NoSuchPartition { topic: topic.clone(), partition });
        }
        partitions = vec![partition];
    }
    let mut ends = BTreeMap::new();
    let mut assignment = TopicPartitionList::new();
    for partition in partitions {
        let (low, high) =
            client.fetch_watermarks(topic, partition, TIMEOUT).map_err(|error| failed("offsets", &error))?;
        ends.insert(partition, high);
        let from = match options.from {
            ConsumeFrom::Beginning | ConsumeFrom::Stored => low,
            ConsumeFrom::End => high,
            ConsumeFrom::Offset(offset) if offset < 0 => (high + offset).max(low),
            ConsumeFrom::Offset(offset) => offset.clamp(low, high),
            ConsumeFrom::Timestamp(time) => offset_at(client, topic, partition, time)
                .map_err(|error| failed("the offset of a time", &error))?
                .unwrap_or(high),
        };
        assignment
            .add_partition_offset(topic, partition, Offset::Offset(from))
            .map_err(|error| failed("an assignment", &error))?;
        if from >= high && options.group.is_none() {
            ends.remove(&partition);
        }
    }
    match options.group {
        Some(_) => client.subscribe(&[topic]).map_err(|error| failed("a subscription", &error))?,
        None => client.assign(&assignment).map_err(|error| failed("an assignment", &error))?,
    }
    Ok(ends)
}

fn offset_at(
    client: &BaseConsumer<KafkaContext>,
    topic: &str,
    partition: i32,
    time: Timestamp,
) -> Result<Option<i64>, KafkaError> {
    let mut wanted = TopicPartitionList::new();
    wanted.add_partition_offset(topic, partition, Offset::Offset(time.as_millisecond()))?;
    let found = client.offsets_for_times(wanted, TIMEOUT)?;
    Ok(found.find_partition(topic, partition).and_then(|entry| match entry.offset() {
        Offset::Offset(offset) => Some(offset),
        _ => None,
    }))
}

struct Session<'a, S> {
    client: &'a BaseConsumer<KafkaContext>,
    options: &'a ConsumeOptions,
    sink: S,
    /// Partitions that are not at their end yet, and where that is.
    ends: BTreeMap<i32, i64>,
    report: ConsumeReport,
}

impl<S: FnMut(&ConsumedMessage) -> io::Result<()>> Session<'_, S> {
    fn read(&mut self, cancel: &CancellationToken) -> Result<(), ConsumeError> {
        let outcome = self.read_to_end(cancel);
        if self.options.group.is_some() && self.report.messages > 0 {
            // What the sink took is committed whatever ended the reading.
            match self.client.commit_consumer_state(CommitMode::Sync) {
                Ok(()) | Err(KafkaError::ConsumerCommit(RDKafkaErrorCode::NoOffset)) => {}
                Err(error) => return outcome.and(Err(self.unreadable(&error))),
            }
        }
        outcome
    }

    fn read_to_end(&mut self, cancel: &CancellationToken) -> Result<(), ConsumeError> {
        loop {
            if self.options.max.is_some_and(|max| self.report.messages >= max) {
                return Ok(());
            }
            if cancel.is_cancelled() {
                self.report.cancelled = true;
                return Ok(());
            }
            if !self.options.follow && self.is_at_end() {
                return Ok(());
            }
            match self.client.poll(POLL) {
                None => {}
                Some(Ok(message)) if self.take(&message)? => {}
                Some(Ok(_)) => return Ok(()),
                Some(Err(KafkaError::PartitionEOF(partition))) => {
                    self.ends.remove(&partition);
                }
                Some(Err(error)) if is_lasting(&error) => return Err(self.unreadable(&error)),
                // A broker that is away may come back.
                Some(Err(_)) => {}
            }
        }
    }

    /// `false` when the sink's reader went away.
    fn take(&mut self, message: &BorrowedMessage<'_>) -> Result<bool, ConsumeError> {
        match (self.sink)(&owned(message)) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(false),
            Err(error) => return Err(ConsumeError::Write(error)),
        }
        self.report.messages += 1;
        if self.options.group.is_some() {
            // Fails only for a partition that was just given up; its new owner reads the message again.
            if let Err(error) = self.client.store_offset_from_message(message) {
                tracing::debug!("offset not stored: {error}");
            }
        }
        if self.ends.get(&message.partition()).is_some_and(|end| message.offset() + 1 >= *end) {
            self.ends.remove(&message.partition());
        }
        Ok(true)
    }

    /// All of the assigned partitions are.
    fn is_at_end(&self) -> bool {
        if self.options.group.is_none() {
            return self.ends.is_empty();
        }
        let assigned = self.client.assignment().map(|list| list.elements().iter().map(|e| e.partition()).collect());
        let assigned: Vec<i32> = assigned.unwrap_or_default();
        !assigned.is_empty() && assigned.iter().all(|partition| !self.ends.contains_key(partition))
    }

    fn unreadable(&self, error: &KafkaError) -> ConsumeError {
        let cause = self.client.context().last_problem().map_or_else(String::new, |problem| format!(" ({problem})"));
        ConsumeError::Read { topic: self.options.topic.clone(), reason: format!("{error}{cause}") }
    }
}

/// Whether waiting can't help.
pub(crate) fn is_lasting(error: &KafkaError) -> bool {
    matches!(error, KafkaError::MessageConsumptionFatal(_))
        || matches!(
            error.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::Fatal
                    | RDKafkaErrorCode::UnknownTopicOrPartition
                    | RDKafkaErrorCode::UnknownTopic
                    | RDKafkaErrorCode::UnknownPartition
                    | RDKafkaErrorCode::TopicAuthorizationFailed
                    | RDKafkaErrorCode::GroupAuthorizationFailed
                    | RDKafkaErrorCode::SaslAuthenticationFailed
                    | RDKafkaErrorCode::Authentication
            )
        )
}

fn owned(message: &BorrowedMessage<'_>) -> ConsumedMessage {
    let headers = message.headers().map_or_else(Vec::new, |headers| {
        headers.iter().map(|header| (header.key.to_owned(), header.value.map(<[u8]>::to_vec))).collect()
    });
    ConsumedMessage {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        key: message.key().map(<[u8]>::to_vec),
        value: message.payload().map(<[u8]>::to_vec),
        timestamp_ms: message.timestamp().to_millis(),
        headers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_word_an_offset_or_a_time() {
        let check = |text: &str, expected| assert_eq!(text.parse::<ConsumeFrom>(), Ok(expected), "{text}");
        check("beginning", ConsumeFrom::Beginning);
        check("end", ConsumeFrom::End);
        check("stored", ConsumeFrom::Stored);
        check("42", ConsumeFrom::Offset(42));
        check("-5", ConsumeFrom::Offset(-5));
        check("2024-01-02 09:15:00", ConsumeFrom::Timestamp("2024-01-02T03:45:00Z".parse().unwrap()));
        check("2024-01-02T03:45:00Z", ConsumeFrom::Timestamp("2024-01-02T03:45:00Z".parse().unwrap()));
        assert!("yesterday".parse::<ConsumeFrom>().is_err());
    }

    #[tokio::test]
    async fn options_that_contradict_each_other_are_refused_before_anything_is_asked() {
        let kafka = KafkaAddress::new("127.0.0.1:1");
        let run = async |options: ConsumeOptions| {
            consume(&kafka, &options, |_| Ok(()), &CancellationToken::new()).await.unwrap_err()
        };
        let stored = ConsumeOptions { from: ConsumeFrom::Stored, ..Default::default() };
        assert!(matches!(run(stored).await, ConsumeError::StoredWithoutGroup));
        let group = ConsumeOptions { group: Some("g".into()), partition: Some(0), ..Default::default() };
        assert!(matches!(run(group).await, ConsumeError::WithGroup(_)));
    }
}
