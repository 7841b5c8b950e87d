//! The embedded servers inside the calling process: for tests, which want them gone when the test is.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::runtime::Runtime;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::ServeFailure;
use super::bind::bind;
use super::services::{self, Job, Service};
use crate::stack::{Endpoints, ServicePorts};

/// How long the servers have to stop in order.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// All servers, on free ports of 127.0.0.1. Dropping it stops them.
#[derive(Debug)]
pub struct InProcess {
    runtime: Option<Runtime>,
    tasks: Vec<JoinHandle<Result<(), (String, bool)>>>,
    stop: CancellationToken,
    pub endpoints: Endpoints,
}

impl InProcess {
    /// Starts the servers with their data below `data`; gives them when they serve.
    pub async fn start(data: &Path) -> Result<Self, ServeFailure> {
        let other = |error: std::io::Error| ServeFailure::Other { reason: error.to_string() };
        // A runtime of their own: they go on when the test's own blocks, and end with this value.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("stockdev-servers")
            .enable_all()
            .build()
            .map_err(other)?;
        let stop = CancellationToken::new();
        let mut bound = Vec::new();
        let mut ports = ServicePorts::default();
        for service in Service::ALL {
            let sockets = bind(service.title(), Some(Ipv4Addr::LOCALHOST.into()), 0, true)?;
            service.set_port(&mut ports, sockets.port);
            bound.push((service, sockets));
        }
        let url = |port: u16| format!("http://127.0.0.1:{port}");
        let endpoints = Endpoints {
            kafka: format!("127.0.0.1:{}", ports.kafka),
            elasticsearch: url(ports.elasticsearch),
            kibana: Some(url(ports.kibana)),
            gcs: Some(url(ports.gcs)),
            bigquery: Some(url(ports.bigquery)),
        };
        let mut waits = Vec::new();
        for (service, sockets) in bound {
            let listeners = {
                let _inside = runtime.enter();
                sockets.for_tokio().map_err(other)?
            };
            let (opened, wait) = oneshot::channel();
            let published = SocketAddr::from((Ipv4Addr::LOCALHOST, sockets.port));
            let (data, endpoints) = (data.join(service.name()), endpoints.clone());
            let job = Job { data, fsync: false, published, endpoints, listeners, stop: stop.clone(), opened };
            waits.push((service, wait, runtime.spawn(services::run(service, job))));
        }
        // From here on a failure stops what was started.
        let mut started = Self { runtime: Some(runtime), tasks: Vec::new(), stop, endpoints };
        for (service, wait, task) in waits {
            if wait.await.is_ok() {
                started.tasks.push(task);
            } else {
                let reason = match task.await {
                    Ok(Err((reason, _))) => reason,
                    Ok(Ok(())) => "it ended without being asked to".to_owned(),
                    Err(panic) => format!("it panicked: {panic}"),
                };
                let service = service.title().to_owned();
                return Err(ServeFailure::CannotOpen { service, reason, disk_full: false });
            }
        }
        Ok(started)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.stop.cancel();
        let Some(runtime) = self.runtime.take() else { return };
        let tasks = std::mem::take(&mut self.tasks);
        // A runtime may not be waited for inside another one, where a test's values are dropped.
        let waiting = std::thread::Builder::new().name("stockdev-stop".into()).spawn(move || {
            let ended = futures_util::future::join_all(tasks);
            let _too_late = runtime.block_on(async { tokio::time::timeout(STOP_LIMIT, ended).await.is_err() });
            runtime.shutdown_timeout(STOP_LIMIT);
        });
        if let Ok(waiting) = waiting {
            let _panicked = waiting.join().is_err();
        }
    }
}
