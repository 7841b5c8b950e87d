//! How far a run is, as counters that whoever shows progress reads when it likes; and whom it waits for, while it does.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// A wait shorter than this is nobody's business.
const NOTED_AFTER: Duration = Duration::from_secs(1);

/// Who can be waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Kafka,
    Elasticsearch,
}

/// A service that does not answer, or not as it should.
#[derive(Debug)]
struct Wait {
    address: String,
    reason: String,
    since: Instant,
}

impl Wait {
    /// `waiting for Kafka at host:9092: connection refused, 12 s`
    fn text(&self, service: Service) -> String {
        let name = match service {
            Service::Kafka => "Kafka",
            Service::Elasticsearch => "Elasticsearch",
        };
        format!("waiting for {name} at {}: {}, {} s", self.address, self.reason, self.since.elapsed().as_secs())
    }
}

#[derive(Debug, Default)]
struct Waits {
    kafka: Option<Wait>,
    elasticsearch: Option<Wait>,
}

impl Waits {
    fn of(&mut self, service: Service) -> &mut Option<Wait> {
        match service {
            Service::Kafka => &mut self.kafka,
            Service::Elasticsearch => &mut self.elasticsearch,
        }
    }
}

/// Counters of one run. They only grow, but for `total` and the waits.
#[derive(Debug, Default)]
pub struct Progress {
    done: AtomicU64,
    total: AtomicU64,
    bytes: AtomicU64,
    dead: AtomicU64,
    invalid: AtomicU64,
    retries: AtomicU64,
    waits: Mutex<Waits>,
}

/// The counters at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ProgressSnapshot {
    /// Ticks acknowledged by the broker; or messages indexed or dead-lettered.
    pub done: u64,
    /// `None` while it is not known.
    pub total: Option<u64>,
    /// Payload bytes of what is done.
    pub bytes: u64,
    /// Dead letters among `done`.
    pub dead: u64,
    /// Bad records passed over, not among `done`.
    pub invalid: u64,
    /// Requests or documents that were sent again.
    pub retries: u64,
    /// Whom it is waiting for, why and since when, once that takes longer than a moment.
    pub note: Option<String>,
}

impl Progress {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn snapshot(&self) -> ProgressSnapshot {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        ProgressSnapshot {
            done: read(&self.done),
            total: Some(read(&self.total)).filter(|total| *total > 0),
            bytes: read(&self.bytes),
            dead: read(&self.dead),
            invalid: read(&self.invalid),
            retries: read(&self.retries),
            note: self.note(),
        }
    }

    pub(crate) fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    pub(crate) fn add_done(&self, count: u64, bytes: u64) {
        self.done.fetch_add(count, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_dead(&self, count: u64) {
        self.dead.fetch_add(count, Ordering::Relaxed);
    }

    pub(crate) fn add_invalid(&self) {
        self.invalid.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_retries(&self, count: u64) {
        self.retries.fetch_add(count, Ordering::Relaxed);
    }

    /// A service does not answer as it should; the first call of a wait begins it, the last one says why.
    pub(crate) fn wait_for(&self, service: Service, address: &str, reason: &str) {
        self.wait_since(Instant::now(), service, address, reason);
    }

    /// The same, of a wait that began without being noticed.
    pub(crate) fn wait_since(&self, began: Instant, service: Service, address: &str, reason: &str) {
        let mut waits = self.waits();
        let wait = waits.of(service);
        let since = wait.as_ref().map_or(began, |wait| wait.since);
        *wait = Some(Wait { address: address.to_owned(), reason: plain(reason), since });
    }

    /// A service has answered.
    pub(crate) fn goes_on(&self, service: Service) {
        *self.waits().of(service) = None;
    }

    /// Whether a service is being waited for.
    pub(crate) fn waits_for(&self, service: Service) -> bool {
        self.waits().of(service).is_some()
    }

    fn note(&self) -> Option<String> {
        let waits = self.waits();
        let long = |wait: &Option<Wait>, service| {
            wait.as_ref().filter(|wait| wait.since.elapsed() >= NOTED_AFTER).map(|wait| wait.text(service))
        };
        let notes = [long(&waits.kafka, Service::Kafka), long(&waits.elasticsearch, Service::Elasticsearch)];
        let notes: Vec<String> = notes.into_iter().flatten().collect();
        (!notes.is_empty()).then(|| notes.join("; "))
    }

    fn waits(&self) -> MutexGuard<'_, Waits> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The clients' words without what is said already (whom it is about) and what only a log wants.
///
/// librdkafka: `host:9092/1: Connect to ipv4#1.2.3.4:9092 failed: Connection refused (after 0ms in state CONNECT)`.
/// The HTTP client: `Connection refused (os error 111)`.
fn plain(reason: &str) -> String {
    let mut text = reason.lines().next().unwrap_or_default();
    for end in [" (after ", " (os error "] {
        text = text.rsplit_once(end).map_or(text, |(before, _)| before);
    }
    // `127.0.0.1:9092/1: `, `GroupCoordinator: 127.0.0.1:9092: `
    while let Some((broker, rest)) = text.split_once(": ")
        && (broker.ends_with(|c: char| c.is_ascii_digit()) && broker.contains(':') || is_broker(broker))
        && !broker.contains(' ')
    {
        text = rest;
    }
    if let Some((_, cause)) = text.strip_prefix("Connect to ").and_then(|rest| rest.split_once(" failed: ")) {
        text = cause;
    }
    let mut letters = text.chars();
    match (letters.next(), letters.clone().next()) {
        // A word, not an abbreviation.
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// How librdkafka names a broker whose number it does not know (yet).
fn is_broker(name: &str) -> bool {
    name.ends_with("/bootstrap") || name == "GroupCoordinator" || name == "TxnCoordinator"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_what_went_wrong_and_no_more() {
        let check = |reason: &str, expected: &str| assert_eq!(plain(reason), expected);
        check(
            "127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
            "connection refused",
        );
        check(
            "localhost:9092/bootstrap: Disconnected (after 3ms in state UP, 2 identical error(s) suppressed)",
            "disconnected",
        );
        check(
            "GroupCoordinator: 127.0.0.1:9092: Connect to ipv4#127.0.0.1:9092 failed: Connection refused",
            "connection refused",
        );
        check("1/1 brokers are down", "1/1 brokers are down");
        check("Connection refused (os error 111)", "connection refused");
        check("503 no_shard_available: a: b", "503 no_shard_available: a: b");
        check("SSL handshake failed", "SSL handshake failed");
    }

    #[test]
    fn a_wait_is_told_once_it_lasts_with_its_last_reason_and_first_moment() {
        let progress = Progress::new();
        progress.wait_for(Service::Elasticsearch, "http://e:9200", "Connection refused (os error 111)");
        assert!(progress.snapshot().note.is_none() && progress.waits_for(Service::Elasticsearch));
        let earlier = Instant::now().checked_sub(Duration::from_secs(12)).unwrap();
        progress.waits().elasticsearch.as_mut().unwrap().since = earlier;
        progress.wait_for(Service::Elasticsearch, "http://e:9200", "503 not yet");
        let note = progress.snapshot().note.unwrap();
        assert_eq!(note, "waiting for Elasticsearch at http://e:9200: 503 not yet, 12 s");
        progress.wait_for(Service::Kafka, "k:9092", "Disconnected");
        progress.waits().kafka.as_mut().unwrap().since = earlier;
        let note = progress.snapshot().note.unwrap();
        assert!(note.starts_with("waiting for Kafka at k:9092: disconnected, 12 s; waiting for Ela"), "{note}");
        progress.goes_on(Service::Kafka);
        progress.goes_on(Service::Elasticsearch);
        assert_eq!(progress.snapshot().note, None);
    }
}
