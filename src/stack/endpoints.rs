//! The addresses of a stack: all that the pipeline knows of it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where each service answers. Absent ones are not part of the stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoints {
    /// `host:port`, or several with commas.
    pub kafka: String,
    /// `http://host:port`.
    pub elasticsearch: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kibana: Option<String>,
    /// `http://host:port` of a server that stands in for Cloud Storage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gcs: Option<String>,
    /// `http://host:port` of one that stands in for BigQuery.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bigquery: Option<String>,
}

/// Which kind of stack runs, or ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StackKind {
    Embedded,
    Docker,
    External,
}

impl fmt::Display for StackKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            StackKind::Embedded => "embedded",
            StackKind::Docker => "docker",
            StackKind::External => "external",
        })
    }
}

/// An address that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidAddress {
    #[error("`{0}` is no Kafka address: expected HOST:PORT, several with commas")]
    Kafka(String),
    #[error("`{0}` is no Elasticsearch address: expected http://HOST:PORT or https://HOST:PORT")]
    Elasticsearch(String),
    #[error("`{0}` is no Kibana address: expected http://HOST:PORT or https://HOST:PORT")]
    Kibana(String),
}

/// Checks `HOST:PORT[,HOST:PORT...]`.
pub(super) fn check_kafka(text: &str) -> Result<(), InvalidAddress> {
    let is_good = |address: &str| {
        address.trim().rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    if text.contains("://") || !text.split(',').all(is_good) {
        return Err(InvalidAddress::Kafka(text.to_owned()));
    }
    Ok(())
}

/// Checks that the address has a scheme and a host; gives it without a slash at the end.
pub(super) fn check_elasticsearch(text: &str) -> Result<String, InvalidAddress> {
    check_url(text).ok_or_else(|| InvalidAddress::Elasticsearch(text.to_owned()))
}

/// As [`check_elasticsearch`], for Kibana.
pub(super) fn check_kibana(text: &str) -> Result<String, InvalidAddress> {
    check_url(text).ok_or_else(|| InvalidAddress::Kibana(text.to_owned()))
}

fn check_url(text: &str) -> Option<String> {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"))?;
    let is_good = !rest.trim_matches('/').is_empty() && !rest.contains(char::is_whitespace);
    is_good.then(|| text.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kafka_addresses_are_host_and_port() {
        for good in ["localhost:9092", "[::1]:9092", "a:1,b:2", "a:1, b:2"] {
            assert_eq!(check_kafka(good), Ok(()), "{good}");
        }
        for bad in ["", "localhost", ":9092", "a:b", "a:70000", "http://a:1", "a:1,"] {
            assert!(check_kafka(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn elasticsearch_addresses_have_a_scheme() {
        assert_eq!(check_elasticsearch("http://localhost:9200/").as_deref(), Ok("http://localhost:9200"));
        for bad in ["", "localhost:9200", "http://", "https:///", "ftp://a"] {
            assert!(check_elasticsearch(bad).is_err(), "{bad}");
        }
    }
}
