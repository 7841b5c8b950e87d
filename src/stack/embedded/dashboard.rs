//! The dashboard server alone, in the calling process: the page over somebody else's Elasticsearch.

use std::net::Ipv4Addr;

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ServeFailure;
use super::bind::bind;
use crate::server::kibana::{Kibana, KibanaConfig, KibanaError};
use crate::stack::TemporaryFolder;

/// On a free port of 127.0.0.1, with its saved objects in a folder that goes with it.
#[derive(Debug)]
pub struct DashboardServer {
    url: String,
    stop: CancellationToken,
    task: JoinHandle<Result<(), KibanaError>>,
    _data: TemporaryFolder,
}

impl DashboardServer {
    /// `elasticsearch` is `http://[user:password@]host:port`; it is asked only when the page asks.
    pub async fn start(elasticsearch: &str) -> Result<Self, ServeFailure> {
        let other = |reason: String| ServeFailure::Other { reason };
        let data = TemporaryFolder::new().map_err(|error| other(error.to_string()))?;
        let config = KibanaConfig::new(data.path().join("kibana"), elasticsearch);
        let opened = tokio::task::spawn_blocking(move || Kibana::open(&config)).await;
        let server = opened.map_err(|panic| other(panic.to_string()))?.map_err(|error| other(error.to_string()))?;
        let bound = bind("Kibana", Some(Ipv4Addr::LOCALHOST.into()), 0, true)?;
        let listeners = bound.for_tokio().map_err(|error| other(error.to_string()))?;
        let stop = CancellationToken::new();
        let task = tokio::spawn(server.serve(listeners, stop.clone()));
        Ok(Self { url: format!("http://127.0.0.1:{}", bound.port), stop, task, _data: data })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn stop(self) {
        self.stop.cancel();
        if let Err(panic) = self.task.await {
            tracing::error!("the dashboard server ended badly: {panic}");
        }
    }
}
