//! The embedded stack: one background process of this same binary that runs all servers.
//!
//! [`start`] spawns it and waits until it says that it is ready, or why not; [`stop`] ends it by what it wrote about
//! itself. The process ([`run`]) binds each port once and keeps the socket, so that nothing can slip in between.

mod bind;
mod dashboard;
mod in_process;
mod logs;
mod serve;
mod services;
mod spawn;

use serde::{Deserialize, Serialize};

use super::process::ProcessId;
use super::{Endpoints, ServicePorts};

pub use dashboard::DashboardServer;
pub use in_process::InProcess;
pub use logs::{LOG_NAMES, log_path};
pub use serve::{ServeOptions, run};
pub use services::{BIGQUERY_API_VERSION, CLOUD_PROJECT, KAFKA_VERSION, STORAGE_API_VERSION, elasticsearch_version};
pub use spawn::{StartError, StopOutcome, serving, spawn_detached, start, stop};

/// What the background process says of itself, in `server.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ServerFile {
    pub process: ProcessId,
    pub state: ServerState,
    #[serde(flatten)]
    pub ports: ServicePorts,
    /// The host that clients on this machine dial.
    pub host: String,
    /// Every address that is listened on.
    pub listening: Vec<String>,
    pub services: Vec<ServiceStatus>,
    pub failure: Option<ServeFailure>,
}

impl ServerFile {
    /// `host:port` for a URL: IPv6 addresses in brackets.
    pub fn address(&self, port: u16) -> String {
        if self.host.contains(':') { format!("[{}]:{port}", self.host) } else { format!("{}:{port}", self.host) }
    }

    pub fn endpoints(&self) -> Endpoints {
        // A process of a version without the service has no port for it.
        let url = |port: u16| (port != 0).then(|| format!("http://{}", self.address(port)));
        Endpoints {
            kafka: self.address(self.ports.kafka),
            elasticsearch: format!("http://{}", self.address(self.ports.elasticsearch)),
            kibana: url(self.ports.kibana),
            gcs: url(self.ports.gcs),
            bigquery: url(self.ports.bigquery),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServerState {
    Starting,
    Ready,
    Failed,
}

/// One service inside the background process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceStatus {
    pub name: String,
    pub state: ServiceState,
    pub restarts: u32,
    /// Why it last ended, when it did not end as asked.
    pub last_error: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ServiceState {
    Starting,
    Running,
    Failed,
}

/// Why the background process could not start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum ServeFailure {
    #[error("{service} cannot listen on {address}: {reason}")]
    PortTaken { service: String, address: String, port: u16, reason: String },
    #[error("{service} cannot listen on {address}: {reason}")]
    CannotListen { service: String, address: String, reason: String },
    #[error("{service} cannot open its data: {reason}")]
    CannotOpen { service: String, reason: String, disk_full: bool },
    #[error("{service} ended with exit code {code}")]
    Ended { service: String, code: u8 },
    #[error("{reason}")]
    Other { reason: String },
}
