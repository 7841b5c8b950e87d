//! `version`: this program's, and what its servers speak.

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::failure::Failure;
use crate::client::has_kafka_tls;
use crate::stack::FORMAT;
use crate::stack::docker::{Images, Service};
use crate::stack::embedded::{BIGQUERY_API_VERSION, KAFKA_VERSION, STORAGE_API_VERSION, elasticsearch_version};

/// Print the version, and which versions the embedded servers speak
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  stockdev version\n  stockdev version --output json")]
pub(super) struct VersionArgs {}

pub(super) fn run(_args: &VersionArgs, cx: &Context) -> Result<u8, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    // Set by whoever builds a release; a plain build does not know its commit.
    let commit = option_env!("STOCKDEV_COMMIT");
    let with_commit = commit.map(|commit| format!(" ({commit})")).unwrap_or_default();
    let text = format!(
        "stockdev {version}{with_commit}\nfeatures: {}\nembedded Kafka protocol {KAFKA_VERSION}, Elasticsearch API {}, Cloud Storage API {STORAGE_API_VERSION}, BigQuery API {BIGQUERY_API_VERSION}, state format {FORMAT}",
        if has_kafka_tls() { "kafka-tls" } else { "without kafka-tls" },
        elasticsearch_version()
    );
    let defaults = Images::defaults();
    let images: Vec<_> = Service::ALL
        .into_iter()
        .map(|service| {
            let image = defaults.of(service);
            json!({"service": service.name(), "image": image.local_name(), "digest": image.digest()})
        })
        .collect();
    let text = Service::ALL.into_iter().fold(text, |text, service| format!("{text}\nimage {}", defaults.of(service)));
    let document = json!({
        "version": version,
        "commit": commit,
        "features": {"kafka-tls": has_kafka_tls()},
        "embedded": {"kafka": KAFKA_VERSION, "elasticsearch": elasticsearch_version(), "gcs": STORAGE_API_VERSION, "bigquery": BIGQUERY_API_VERSION},
        "state_format": FORMAT,
        "images": images,
    });
    cx.result(&text, &document);
    Ok(0)
}
