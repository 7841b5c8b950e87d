//! Where Kafka is, and librdkafka clients for it.

use std::{
    collections::HashMap,
    fmt,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::Detached;
use rdkafka::{
    ClientConfig, ClientContext, Statistics, TopicPartitionList,
    admin::{AdminClient, AdminOptions, NewTopic, TopicReplication},
    config::RDKafkaLogLevel,
    consumer::{BaseConsumer, Consumer, ConsumerContext},
    error::{KafkaError, RDKafkaErrorCode},
    metadata::Metadata,
};
use tracing::{debug, error, info, warn};

/// An outage is reported again when it is still there, or there again, after this long.
const REPEAT_AFTER: Duration = Duration::from_secs(60);
/// How long the reason of a failure is waited for.
const REASON_POLL: Duration = Duration::from_millis(10);
const REASON_POLLS: usize = 20;
/// How long one question for metadata waits before the client's complaints are looked at.
const METADATA_TURN: Duration = Duration::from_millis(300);
/// Between two questions to a coordinator that is not there yet.
const SETTLE_PAUSE: Duration = Duration::from_millis(50);
/// Property names that hold secrets have one of these in them.
const SECRET_PROPERTY_PARTS: [&str; 5] = ["password", "secret", "key.pem", "oauthbearer.config", "passphrase"];

/// A Kafka cluster and how to reach it.
#[derive(Clone, PartialEq, Eq)]
pub struct KafkaAddress {
    /// `HOST:PORT`, several with commas.
    pub bootstrap: String,
    /// Any librdkafka property (SASL, TLS); they win over ours where delivery does not depend on ours.
    pub properties: Vec<(String, String)>,
}

impl fmt::Debug for KafkaAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(key, value): &(String, String)| {
            let is_secret = SECRET_PROPERTY_PARTS.iter().any(|part| key.contains(part));
            format!("{key}={}", if is_secret { "***" } else { value })
        };
        formatter
            .debug_struct("KafkaAddress")
            .field("bootstrap", &self.bootstrap)
            .field("properties", &self.properties.iter().map(shown).collect::<Vec<_>>())
            .finish()
    }
}

#[derive(Debug, thiserror::Error)]
pub enum KafkaClientError {
    #[error("a Kafka client can't be made with these properties: {0}")]
    Properties(#[source] KafkaError),
    #[error("`{property}` needs a stockdev built with the feature `kafka-tls`")]
    TlsMissing { property: String },
    #[error("no Kafka broker answered at {bootstrap} within {}: {reason}", seconds(*.timeout))]
    Unreachable { bootstrap: String, timeout: Duration, reason: String },
    #[error("Kafka at {bootstrap} refused the credentials: {reason}")]
    Unauthorized { bootstrap: String, reason: String },
    #[error("Kafka at {bootstrap} answered {what} with: {reason}")]
    Refused { bootstrap: String, what: String, reason: String },
    #[error("the topic `{topic}` is not there")]
    NoSuchTopic { topic: String },
    #[error("the call to Kafka did not end: {0}")]
    Interrupted(#[from] tokio::task::JoinError),
}

fn seconds(timeout: Duration) -> String {
    format!("{:.1} s", timeout.as_secs_f64())
}

/// Whether this program can speak TLS and SCRAM to Kafka: the cargo feature `kafka-tls`.
pub fn has_kafka_tls() -> bool {
    cfg!(feature = "kafka-tls") && librdkafka_has("ssl")
}

/// Whether librdkafka was built with a feature (`builtin.features`). Where it can't be asked, it will say so itself.
fn librdkafka_has(feature: &str) -> bool {
    let features = ClientConfig::new().create_native_config().and_then(|config| config.get("builtin.features"));
    features.map_or(true, |features| features.split(',').any(|found| found.trim() == feature))
}

/// What librdkafka must have been built with for a property to work, among what the feature `kafka-tls` brings.
fn needs(key: &str, value: &str) -> Option<&'static str> {
    let value = value.trim().to_ascii_uppercase();
    match key.trim() {
        "security.protocol" if matches!(value.as_str(), "SSL" | "SASL_SSL") => Some("ssl"),
        "sasl.mechanism" | "sasl.mechanisms" if value.starts_with("SCRAM-") => Some("sasl_scram"),
        "sasl.mechanism" | "sasl.mechanisms" if value == "OAUTHBEARER" => Some("sasl_oauthbearer"),
        _ => None,
    }
}

/// What became of a topic that was to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopicCreation {
    Created,
    /// It was there.
    Exists,
}

impl KafkaAddress {
    pub fn new(bootstrap: impl Into<String>) -> Self {
        Self { bootstrap: bootstrap.into(), properties: Vec::new() }
    }

    /// Whether the properties can work with what librdkafka was built with; before anything is dialled.
    pub fn check(&self) -> Result<(), KafkaClientError> {
        let lacks =
            |(key, value): &&(String, String)| needs(key, value).is_some_and(|feature| !librdkafka_has(feature));
        match self.properties.iter().find(lacks) {
            Some((key, value)) => Err(KafkaClientError::TlsMissing { property: format!("{key}={value}") }),
            None => Ok(()),
        }
    }

    /// Trusts the certificates of `path` where TLS is asked for and the properties name no others.
    pub fn trust(&mut self, path: &Path) {
        let has = |wanted: &dyn Fn(&str, &str) -> bool| self.properties.iter().any(|(key, value)| wanted(key, value));
        let is_tls = has(&|key, value| key == "security.protocol" && needs(key, value).is_some());
        if is_tls && !has(&|key, _| key.starts_with("ssl.ca.") || key == "enable.ssl.certificate.verification") {
            self.properties.push(("ssl.ca.location".to_owned(), path.display().to_string()));
        }
    }

    /// A configuration with the address and `ours`, then the user's properties, then what must hold.
    pub fn config(&self, ours: &[(&str, &str)], must_hold: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        config.set("client.id", "stockdev");
        // A listener that hangs up (it wants TLS, or a user) is told at this level only.
        config.set_log_level(RDKafkaLogLevel::Info);
        // A broker that goes away and comes back is found again at once, not after librdkafka's 10 s.
        config.set("reconnect.backoff.ms", "50").set("reconnect.backoff.max.ms", "1000");
        // A topic made a moment ago is found within this time.
        config.set("topic.metadata.refresh.fast.interval.ms", "50");
        for (key, value) in ours {
            config.set(*key, *value);
        }
        for (key, value) in &self.properties {
            config.set(key, value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        for (key, value) in must_hold {
            config.set(*key, *value);
        }
        config
    }

    /// A client for questions about topics and offsets. It joins no group.
    pub fn inspector(&self, group: Option<&str>) -> Result<BaseConsumer<KafkaContext>, KafkaClientError> {
        let mut config = self.config(&[], &[("enable.auto.commit", "false")]);
        if let Some(group) = group {
            config.set("group.id", group);
        }
        config.create_with_context(KafkaContext::new(&self.bootstrap)).map_err(KafkaClientError::Properties)
    }

    pub fn admin(&self) -> Result<AdminClient<KafkaContext>, KafkaClientError> {
        let context = KafkaContext::new(&self.bootstrap);
        self.config(&[], &[]).create_with_context(context).map_err(KafkaClientError::Properties)
    }

    /// Asks a broker for its metadata.
    pub async fn probe(&self, timeout: Duration) -> Result<(), KafkaClientError> {
        self.ask(move |address| {
            let client = address.inspector(None)?;
            address.metadata(&client, None, timeout)?;
            Ok(())
        })
        .await
    }

    /// How many partitions a topic has; `None` when it is not there. Does not make it.
    pub async fn partition_count(&self, topic: &str, timeout: Duration) -> Result<Option<i32>, KafkaClientError> {
        let topic = topic.to_owned();
        self.ask(move |address| {
            let client = address.inspector(None)?;
            Ok(address.partitions(&client, &topic, timeout)?.map(|partitions| {
                // The protocol counts partitions with 32 bits.
                i32::try_from(partitions.len()).unwrap_or(i32::MAX)
            }))
        })
        .await
    }

    /// The ids of a topic's partitions; `None` when it is not there. Blocks.
    pub(crate) fn partitions(
        &self,
        client: &BaseConsumer<KafkaContext>,
        topic: &str,
        timeout: Duration,
    ) -> Result<Option<Vec<i32>>, KafkaClientError> {
        let metadata = self.metadata(client, Some(topic), timeout)?;
        let Some(found) = metadata.topics().iter().find(|found| found.name() == topic) else { return Ok(None) };
        match found.error().map(RDKafkaErrorCode::from) {
            Some(RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic) => return Ok(None),
            Some(error) => return Err(self.refused(&format!("metadata of `{topic}`"), &error.to_string())),
            None => {}
        }
        let mut ids: Vec<i32> = found.partitions().iter().map(rdkafka::metadata::MetadataPartition::id).collect();
        ids.sort_unstable();
        Ok((!ids.is_empty()).then_some(ids))
    }

    /// The offsets that the client's group committed. Waits while the group's coordinator is not there yet: the first
    /// question about groups makes a broker make the topic that it keeps them in. Blocks.
    pub(crate) fn committed(
        &self,
        client: &BaseConsumer<KafkaContext>,
        partitions: TopicPartitionList,
        timeout: Duration,
    ) -> Result<TopicPartitionList, KafkaClientError> {
        let started = Instant::now();
        loop {
            match client.committed_offsets(partitions.clone(), timeout) {
                Ok(committed) => return Ok(committed),
                Err(error) if is_settling(&error) && started.elapsed() < timeout => {
                    std::thread::sleep(SETTLE_PAUSE);
                }
                Err(error) => return Err(self.failed("committed offsets", timeout, &error, client)),
            }
        }
    }

    /// Metadata, asked for in short turns: a refusal of the credentials is no reason to wait for the whole time. Blocks.
    fn metadata(
        &self,
        client: &BaseConsumer<KafkaContext>,
        topic: Option<&str>,
        timeout: Duration,
    ) -> Result<Metadata, KafkaClientError> {
        let started = Instant::now();
        loop {
            let left = timeout.saturating_sub(started.elapsed());
            match client.fetch_metadata(topic, left.clamp(Duration::from_millis(1), METADATA_TURN)) {
                Ok(metadata) => return Ok(metadata),
                Err(error) => {
                    // What went wrong waits in the client's queue until it is polled.
                    drop(client.poll(Duration::ZERO));
                    let is_over = left <= METADATA_TURN || client.context().is_refused();
                    if is_over || !is_silence(error.rdkafka_error_code()) {
                        return Err(self.failed("metadata", timeout, &error, client));
                    }
                }
            }
        }
    }

    /// Makes a topic unless it is there.
    pub async fn create_topic(
        &self,
        name: &str,
        partitions: i32,
        replication: i32,
        configs: &[(String, String)],
        timeout: Duration,
    ) -> Result<TopicCreation, KafkaClientError> {
        let admin = Detached::new(self.admin()?);
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(replication));
        topic.config = configs.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        let options = AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout));
        let answer = admin.create_topics([&topic], &options).await;
        let (reason, is_refused) = (admin.inner().context().last_problem(), admin.inner().context().is_refused());
        drop(admin);
        let what = format!("the creation of topic `{name}`");
        match answer {
            Ok(results) => match results.into_iter().next() {
                Some(Ok(_)) => Ok(TopicCreation::Created),
                Some(Err((_, RDKafkaErrorCode::TopicAlreadyExists))) => Ok(TopicCreation::Exists),
                Some(Err((_, code))) => Err(self.refused(&what, &code.to_string())),
                None => Err(self.refused(&what, "nothing")),
            },
            Err(error) => Err(self.classify(&what, timeout, &error, reason, is_refused)),
        }
    }

    /// Removes a topic; says whether it was there.
    pub(crate) async fn delete_topic(&self, name: &str, timeout: Duration) -> Result<bool, KafkaClientError> {
        let admin = Detached::new(self.admin()?);
        let options = AdminOptions::new().request_timeout(Some(timeout)).operation_timeout(Some(timeout));
        let answer = admin.delete_topics(&[name], &options).await;
        let (reason, is_refused) = (admin.inner().context().last_problem(), admin.inner().context().is_refused());
        drop(admin);
        let what = format!("the removal of topic `{name}`");
        match answer.map(|results| results.into_iter().next()) {
            Ok(Some(Ok(_))) => Ok(true),
            Ok(Some(Err((_, RDKafkaErrorCode::UnknownTopicOrPartition | RDKafkaErrorCode::UnknownTopic)))) => Ok(false),
            Ok(Some(Err((_, code)))) => Err(self.refused(&what, &code.to_string())),
            Ok(None) => Err(self.refused(&what, "nothing")),
            Err(error) => Err(self.classify(&what, timeout, &error, reason, is_refused)),
        }
    }

    /// Runs a blocking question off the async threads.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Self) -> Result<T, KafkaClientError> + Send + 'static,
    ) -> Result<T, KafkaClientError> {
        let address = self.clone();
        tokio::task::spawn_blocking(move || question(&address)).await?
    }

    pub(crate) fn refused(&self, what: &str, reason: &str) -> KafkaClientError {
        let (bootstrap, what, reason) = (self.bootstrap.clone(), what.to_owned(), reason.to_owned());
        KafkaClientError::Refused { bootstrap, what, reason }
    }

    pub(crate) fn failed(
        &self,
        what: &str,
        timeout: Duration,
        error: &KafkaError,
        client: &BaseConsumer<KafkaContext>,
    ) -> KafkaClientError {
        // What went wrong waits in the client's queue until it is polled.
        for _ in 0..REASON_POLLS {
            if client.context().last_problem().is_some() {
                break;
            }
            drop(client.poll(REASON_POLL));
        }
        let context = client.context();
        self.classify(what, timeout, error, context.last_problem(), context.is_refused())
    }

    fn classify(
        &self,
        what: &str,
        timeout: Duration,
        error: &KafkaError,
        last_problem: Option<String>,
        is_refused: bool,
    ) -> KafkaClientError {
        let bootstrap = self.bootstrap.clone();
        let reason = last_problem.unwrap_or_else(|| error.to_string());
        match error.rdkafka_error_code() {
            // A call only says that no answer came; why is in what the client complained about.
            code if is_refused && is_silence(code) => KafkaClientError::Unauthorized { bootstrap, reason },
            code if is_silence(code) => KafkaClientError::Unreachable { bootstrap, timeout, reason },
            Some(
                RDKafkaErrorCode::Authentication
                | RDKafkaErrorCode::SaslAuthenticationFailed
                | RDKafkaErrorCode::ClusterAuthorizationFailed
                | RDKafkaErrorCode::TopicAuthorizationFailed,
            ) => KafkaClientError::Unauthorized { bootstrap, reason },
            _ => self.refused(what, &error.to_string()),
        }
    }
}

/// Whether the group's coordinator is only not there yet.
fn is_settling(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotCoordinator
                | RDKafkaErrorCode::CoordinatorNotAvailable
                | RDKafkaErrorCode::CoordinatorLoadInProgress
        )
    )
}

/// Whether an error says no more than that nobody answered.
fn is_silence(code: Option<RDKafkaErrorCode>) -> bool {
    matches!(
        code,
        Some(
            RDKafkaErrorCode::BrokerTransportFailure
                | RDKafkaErrorCode::AllBrokersDown
                | RDKafkaErrorCode::OperationTimedOut
                | RDKafkaErrorCode::RequestTimedOut
                | RDKafkaErrorCode::Resolve
        )
    )
}

/// What a client reports: librdkafka's logs and errors, to `tracing`; an outage once, not several times a second.
pub struct KafkaContext {
    bootstrap: String,
    errors: AtomicU64,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// When an error of this code was last reported.
    reported: HashMap<String, Instant>,
    last: Option<String>,
    /// The broker did not take the credentials.
    is_refused: bool,
}

impl KafkaContext {
    pub fn new(bootstrap: &str) -> Self {
        Self { bootstrap: bootstrap.to_owned(), errors: AtomicU64::new(0), seen: Mutex::default() }
    }

    /// Errors so far, reported or not.
    pub fn error_count(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// What the client last complained about.
    pub fn last_problem(&self) -> Option<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    /// Whether a broker did not take the credentials.
    pub fn is_refused(&self) -> bool {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).is_refused
    }

    /// A connection's end, as it is logged: `[thrd:127.0.0.1:9092/bootstrap]: 127.0.0.1:9092/bootstrap: Disconnected`.
    fn remember(&self, message: &str) {
        let text =
            message.strip_prefix("[thrd:").and_then(|rest| rest.split_once("]: ")).map_or(message, |(_, text)| text);
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).last = Some(text.to_owned());
    }

    /// Whether this error is news.
    fn is_news(&self, code: &str, reason: &str, now: Instant) -> bool {
        self.errors.fetch_add(1, Ordering::Relaxed);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_refused |= code.contains("Authentication");
        // "All brokers down" comes after the error that says why.
        if !code.contains("AllBrokersDown") {
            seen.last = Some(reason.to_owned());
        }
        match seen.reported.insert(code.to_owned(), now) {
            // Each occurrence moves the time on: an outage that lasts is one.
            Some(before) => now.duration_since(before) >= REPEAT_AFTER,
            None => true,
        }
    }
}

impl ClientContext for KafkaContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        if facility == "FAIL" {
            self.remember(message);
        }
        match level {
            RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
                error!(target: "librdkafka", facility, "{message}");
            }
            // Connection trouble comes as an error event too, which is reported once.
            _ if matches!(facility, "FAIL" | "ERROR") => {
                debug!(target: "librdkafka", facility, "{message}");
            }
            RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => warn!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => info!(target: "librdkafka", facility, "{message}"),
            RDKafkaLogLevel::Debug => debug!(target: "librdkafka", facility, "{message}"),
        }
    }

    fn stats(&self, _: Statistics) {}

    fn error(&self, error: KafkaError, reason: &str) {
        let code = error.rdkafka_error_code().map_or_else(|| error.to_string(), |code| format!("{code:?}"));
        if self.is_news(&code, reason, Instant::now()) {
            warn!(bootstrap = %self.bootstrap, "kafka: {reason}");
        } else {
            debug!(bootstrap = %self.bootstrap, "kafka: {reason}");
        }
    }
}

impl ConsumerContext for KafkaContext {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_among_the_properties_are_masked() {
        let address = KafkaAddress {
            bootstrap: "k:9092".into(),
            properties: vec![("sasl.username".into(), "me".into()), ("sasl.password".into(), "hunter2".into())],
        };
        let shown = format!("{address:?}");
        assert!(shown.contains("sasl.username=me") && !shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn an_outage_is_news_once() {
        let context = KafkaContext::new("k:9092");
        let start = Instant::now();
        assert!(context.is_news("BrokerTransportFailure", "connection refused", start));
        for second in 1..200 {
            assert!(!context.is_news(
                "BrokerTransportFailure",
                "connection refused",
                start + Duration::from_secs(second)
            ));
        }
        assert!(context.is_news("BrokerTransportFailure", "again", start + Duration::from_secs(400)));
        assert_eq!(context.error_count(), 201);
        assert!(context.is_news("AllBrokersDown", "1/1 brokers are down", start));
        assert_eq!(context.last_problem().as_deref(), Some("again"));
        context.remember("[thrd:k:9092/bootstrap]: k:9092/bootstrap: Disconnected: (connecting to a SSL listener?)");
        let last = context.last_problem().unwrap();
        assert_eq!(last, "k:9092/bootstrap: Disconnected: (connecting to a SSL listener?)");
    }

    #[test]
    fn what_must_hold_wins_over_the_users_properties_and_those_over_ours() {
        let address = KafkaAddress {
            bootstrap: "k:9092".into(),
            properties: vec![("acks".into(), "0".into()), ("compression.type".into(), "zstd".into())],
        };
        let config = address.config(&[("compression.type", "lz4")], &[("acks", "all")]);
        assert_eq!(config.get("acks"), Some("all"));
        assert_eq!(config.get("compression.type"), Some("zstd"));
        assert_eq!(config.get("bootstrap.servers"), Some("k:9092"));
    }

    #[test]
    fn properties_that_need_openssl_are_told_from_those_that_do_not() {
        let check = |pair: &str, needed: Option<&str>| {
            let (key, value) = pair.split_once('=').unwrap();
            assert_eq!(needs(key, value), needed, "{pair}");
        };
        check("security.protocol=SSL", Some("ssl"));
        check("security.protocol=sasl_ssl", Some("ssl"));
        check("security.protocol=SASL_PLAINTEXT", None);
        check("security.protocol=PLAINTEXT", None);
        check("sasl.mechanism=SCRAM-SHA-256", Some("sasl_scram"));
        check("sasl.mechanisms=scram-sha-512", Some("sasl_scram"));
        check("sasl.mechanisms=PLAIN", None);
        check("ssl.ca.location=SSL", None);
    }

    #[test]
    fn a_property_that_this_build_can_not_serve_is_refused_by_name() {
        let mut address = KafkaAddress::new("k:9092");
        address.check().unwrap();
        address.properties = vec![("security.protocol".into(), "SASL_PLAINTEXT".into())];
        address.check().unwrap();
        address.properties.push(("sasl.mechanism".into(), "SCRAM-SHA-256".into()));
        match address.check() {
            Ok(()) => assert!(has_kafka_tls()),
            Err(error) => {
                assert!(!has_kafka_tls());
                assert!(error.to_string().starts_with("`sasl.mechanism=SCRAM-SHA-256`"), "{error}");
            }
        }
    }

    #[test]
    fn a_ca_file_serves_kafka_where_tls_is_asked_and_no_other_is_named() {
        let trusting = |properties: &[(&str, &str)]| {
            let mut address = KafkaAddress::new("k:9092");
            address.properties = properties.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
            address.trust(Path::new("/ca.pem"));
            address.properties.iter().find(|(key, _)| key == "ssl.ca.location").map(|(_, value)| value.clone())
        };
        assert_eq!(trusting(&[("security.protocol", "SASL_SSL")]).as_deref(), Some("/ca.pem"));
        assert_eq!(trusting(&[("security.protocol", "SASL_PLAINTEXT")]), None);
        assert_eq!(trusting(&[]), None);
        let own = [("security.protocol", "ssl"), ("ssl.ca.location", "/own.pem")];
        assert_eq!(trusting(&own).as_deref(), Some("/own.pem"));
        assert_eq!(trusting(&[("security.protocol", "ssl"), ("ssl.ca.pem", "...")]), None);
    }

    #[tokio::test]
    async fn a_broker_that_is_not_there_is_named_with_what_came_back() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error = KafkaAddress::new(free.to_string()).probe(Duration::from_secs(2)).await.unwrap_err();
        assert!(matches!(error, KafkaClientError::Unreachable { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&free.to_string()) && text.to_lowercase().contains("refused"), "{text}");
    }
}
