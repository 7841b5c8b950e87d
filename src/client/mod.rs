//! Where Kafka, Elasticsearch, Kibana and Google Cloud are, and clients that talk to them.
//!
//! An address is all the pipeline knows of a stack. Secrets have a type that never prints itself; librdkafka's logs go
//! to `tracing`, and an outage is reported once, not several times a second.

mod detached;
mod elasticsearch;
mod google;
mod http;
mod kafka;
mod kibana;
mod secret;

pub use detached::Detached;
pub(crate) use elasticsearch::{Answer, ElasticsearchClient, JSON, NDJSON, error_reason};
pub use elasticsearch::{ElasticsearchAddress, ElasticsearchAuth, ElasticsearchClientError};
pub(crate) use google::{ATTEMPT_TIMEOUT, GCLOUD_LOGIN, backoff, probe_bigquery, probe_storage, retries};
pub use google::{GoogleAddress, GoogleError, GoogleService};
pub(crate) use http::{authorized, client_builder, innermost};
pub use kafka::{KafkaAddress, KafkaClientError, KafkaContext, TopicCreation, has_kafka_tls};
pub use kibana::{FoundObject, FoundObjects, KibanaAddress, KibanaClientError, KibanaLevel, KibanaStatus};
pub use secret::Secret;
