//! The servers that the background process runs: the only place that starts them.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::server::{bigquery, elasticsearch, gcs, kafka, kibana};
use crate::stack::causes::with_causes;
use crate::stack::{Endpoints, ServicePorts};

/// The Google Cloud project of the embedded servers.
pub const CLOUD_PROJECT: &str = "stockdev";

/// The version of Kafka whose protocol the broker speaks.
pub const KAFKA_VERSION: &str = "4.1";

/// The version of Cloud Storage's JSON API.
pub const STORAGE_API_VERSION: &str = "v1";

/// The version of BigQuery's REST API.
pub const BIGQUERY_API_VERSION: &str = "v2";

/// The version that the search node answers at `GET /`.
pub fn elasticsearch_version() -> String {
    elasticsearch::VersionInfo::default().number
}

/// A server, by what it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Service {
    Kafka,
    Elasticsearch,
    Kibana,
    Gcs,
    Bigquery,
}

impl Service {
    pub(super) const ALL: [Service; 5] =
        [Service::Kafka, Service::Elasticsearch, Service::Kibana, Service::Gcs, Service::Bigquery];

    /// Its name in commands, logs and documents.
    pub(super) fn name(self) -> &'static str {
        match self {
            Service::Kafka => "kafka",
            Service::Elasticsearch => "elasticsearch",
            Service::Kibana => "kibana",
            Service::Gcs => "gcs",
            Service::Bigquery => "bigquery",
        }
    }

    /// As people write it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Service::Kafka => "Kafka",
            Service::Elasticsearch => "Elasticsearch",
            Service::Kibana => "Kibana",
            Service::Gcs => "Cloud Storage",
            Service::Bigquery => "BigQuery",
        }
    }

    pub(super) fn port(self, ports: &ServicePorts) -> u16 {
        match self {
            Service::Kafka => ports.kafka,
            Service::Elasticsearch => ports.elasticsearch,
            Service::Kibana => ports.kibana,
            Service::Gcs => ports.gcs,
            Service::Bigquery => ports.bigquery,
        }
    }

    pub(super) fn set_port(self, ports: &mut ServicePorts, port: u16) {
        *match self {
            Service::Kafka => &mut ports.kafka,
            Service::Elasticsearch => &mut ports.elasticsearch,
            Service::Kibana => &mut ports.kibana,
            Service::Gcs => &mut ports.gcs,
            Service::Bigquery => &mut ports.bigquery,
        } = port;
    }
}

/// What a server needs to run.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) data: PathBuf,
    /// Kafka's: sync before acknowledging. The search node always does.
    pub(super) fsync: bool,
    /// The address clients are told.
    pub(super) published: SocketAddr,
    /// Where the others are: those that need one another reach it as any client does.
    pub(super) endpoints: Endpoints,
    pub(super) listeners: Vec<TcpListener>,
    pub(super) stop: CancellationToken,
    /// Told once the data is open and requests are about to be served.
    pub(super) opened: oneshot::Sender<()>,
}

/// Opens the service's data and serves until asked to stop. The error is a sentence, with the I/O kind where known.
pub(super) async fn run(service: Service, job: Job) -> Result<(), (String, bool)> {
    match service {
        Service::Kafka => {
            let mut config = kafka::BrokerConfig::new(job.data, job.published.ip().to_string(), job.published.port());
            config.fsync = job.fsync;
            let broker = open(move || kafka::Broker::open(config)).await?;
            announce(job.opened);
            broker.serve(job.listeners, job.stop).await.map_err(|error| (with_causes(&error), is_disk_full(&error)))?;
        }
        Service::Elasticsearch => {
            let config = elasticsearch::NodeConfig::new(job.data, job.published);
            let node = open(move || elasticsearch::Node::open(config)).await?;
            announce(job.opened);
            node.serve(job.listeners, job.stop).await.map_err(|error| (with_causes(&error), is_disk_full(&error)))?;
        }
        Service::Kibana => {
            let mut config = kibana::KibanaConfig::new(job.data, job.endpoints.elasticsearch);
            // With `--listen`, browsers on other machines come by this one's name.
            config.host_names = vec![rustix::system::uname().nodename().to_string_lossy().into_owned()];
            let server = open(move || kibana::Kibana::open(&config)).await?;
            announce(job.opened);
            server.serve(job.listeners, job.stop).await.map_err(|error| (with_causes(&error), is_disk_full(&error)))?;
        }
        Service::Gcs => {
            let config = gcs::GcsConfig::new(job.data, job.endpoints.gcs.unwrap_or_default());
            let server = Arc::new(open(move || gcs::Gcs::open(config)).await?);
            announce(job.opened);
            server.serve(job.listeners, job.stop).await.map_err(|error| (with_causes(&error), is_disk_full(&error)))?;
        }
        Service::Bigquery => {
            let objects = job.endpoints.gcs.unwrap_or_default();
            let config = bigquery::BigQueryConfig::new(job.data, objects, CLOUD_PROJECT);
            let server = Arc::new(open(move || bigquery::BigQuery::open(config)).await?);
            announce(job.opened);
            server.serve(job.listeners, job.stop).await.map_err(|error| (with_causes(&error), is_disk_full(&error)))?;
        }
    }
    Ok(())
}

/// Opening reads and syncs files: off the async threads.
async fn open<T, E>(work: impl FnOnce() -> Result<T, E> + Send + 'static) -> Result<T, (String, bool)>
where
    T: Send + 'static,
    E: std::error::Error + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(error)) => Err((with_causes(&error), is_disk_full(&error))),
        Err(panic) => Err((format!("it panicked: {panic}"), false)),
    }
}

fn announce(opened: oneshot::Sender<()>) {
    // Nobody waits any more when the process is already stopping.
    let _nobody_waits = opened.send(()).is_err();
}

fn is_disk_full(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(cause) = next {
        if cause.downcast_ref::<io::Error>().is_some_and(|io| io.kind() == io::ErrorKind::StorageFull) {
            return true;
        }
        next = cause.source();
    }
    false
}
