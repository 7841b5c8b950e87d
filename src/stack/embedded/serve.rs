//! The background process itself: binds, opens, serves, supervises, stops.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use super::bind::{Bound, bind};
use super::logs::Logs;
use super::services::{self, Job, Service};
use super::{ServeFailure, ServerFile, ServerState, ServiceState, ServiceStatus};
use crate::stack::files::replace_file;
use crate::stack::ports::dial_address;
use crate::stack::process::ProcessId;
use crate::stack::{Endpoints, ServicePorts};

/// How long the services have to stop in order.
const STOP_LIMIT: Duration = Duration::from_secs(8);
/// A service that ends by itself is started again this often within [`RESTART_WINDOW`], then it stays failed.
const RESTARTS_MAX: u32 = 5;
const RESTART_WINDOW: Duration = Duration::from_secs(60);
/// How often the process looks whether its own file is still there: without it, `down` could not find it.
const FILE_CHECK: Duration = Duration::from_secs(2);

/// What the background process is told.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where it writes what it says of itself.
    pub server_file: PathBuf,
    pub logs: PathBuf,
    pub data: PathBuf,
    /// Absent: both loopback addresses.
    pub listen: Option<IpAddr>,
    /// Zero: any free port.
    pub ports: ServicePorts,
    /// Take another port when one is taken (`--ports auto`).
    pub or_any_port: bool,
    /// The broker syncs before it acknowledges.
    pub fsync: bool,
    /// A service that is to end with this code when all have started: for trying what happens then.
    pub fault: Option<(String, u8)>,
}

/// Runs until SIGTERM or SIGINT. What went wrong is in the server file too, for the command that waits for it.
pub fn run(options: &ServeOptions) -> Result<(), ServeFailure> {
    // Away from the terminal's process group: its Ctrl-C is not for us. Fails only if we already lead a session.
    let _already_leader = rustix::process::setsid().is_err();
    let status = Status::begin(options)?;
    let outcome = start_logging(&options.logs).and_then(|()| serve(options, &status));
    if let Err(failure) = &outcome {
        error!("{failure}");
        status.change(|file| {
            file.state = ServerState::Failed;
            file.failure = Some(failure.clone());
        });
    }
    outcome
}

fn other(reason: impl std::fmt::Display) -> ServeFailure {
    ServeFailure::Other { reason: reason.to_string() }
}

fn start_logging(folder: &Path) -> Result<(), ServeFailure> {
    let logs =
        Logs::open(folder).map_err(|error| other(format!("cannot write logs to `{}`: {error}", folder.display())))?;
    let filter = EnvFilter::try_from_env("STOCKDEV_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_writer(logs).with_ansi(false).with_env_filter(filter).finish();
    tracing::subscriber::set_global_default(subscriber).map_err(other)?;
    std::panic::set_hook(Box::new(|panic| error!("{panic}")));
    Ok(())
}

fn serve(options: &ServeOptions, status: &Arc<Status>) -> Result<(), ServeFailure> {
    let bound = Service::ALL.map(|service| {
        bind(service.title(), options.listen, service.port(&options.ports), options.or_any_port)
            .map(|bound| (service, bound))
    });
    let bound = bound.into_iter().collect::<Result<Vec<_>, _>>()?;
    status.change(|file| {
        for (service, bound) in &bound {
            service.set_port(&mut file.ports, bound.port);
            file.listening.extend(bound.addresses());
        }
    });
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(other)?;
    let outcome = runtime.block_on(serve_all(options, bound, status));
    runtime.shutdown_timeout(Duration::from_secs(1));
    outcome
}

async fn serve_all(
    options: &ServeOptions,
    bound: Vec<(Service, Bound)>,
    status: &Arc<Status>,
) -> Result<(), ServeFailure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(other)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(other)?;
    let stop = CancellationToken::new();
    let host = dial_address(options.listen.unwrap_or_else(|| IpAddr::from([127, 0, 0, 1])));
    let endpoints = status.endpoints();
    let mut opened = Vec::new();
    let mut tasks = JoinSet::new();
    for (service, bound) in bound {
        let (send, receive) = oneshot::channel();
        opened.push(receive);
        let supervised = Supervised {
            service,
            data: options.data.join(service.name()),
            fsync: options.fsync,
            published: SocketAddr::from((host, bound.port)),
            endpoints: endpoints.clone(),
            bound,
            stop: stop.clone(),
            status: Arc::clone(status),
        };
        tasks.spawn(supervised.run(send));
    }
    for opened in opened {
        tokio::select! {
            ready = opened => match ready {
                Ok(ready) => ready?,
                Err(_closed) => return Err(other("a service ended while it started")),
            },
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        }
    }
    if let Some((service, code)) = &options.fault {
        error!("{service}: this end was asked for (STOCKDEV_FAULT)");
        return Err(ServeFailure::Ended { service: service.clone(), code: *code });
    }
    status.change(|file| file.state = ServerState::Ready);
    info!("ready");
    tokio::select! {
        _ = terminate.recv() => info!("asked to stop (SIGTERM)"),
        _ = interrupt.recv() => info!("asked to stop (SIGINT)"),
        () = status.forgotten() => warn!("the state folder was removed: stopping"),
    }
    stop.cancel();
    let all_ended = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(STOP_LIMIT, all_ended).await.is_err() {
        warn!("not every service stopped within {STOP_LIMIT:?}");
    }
    info!("stopped");
    Ok(())
}

/// One service with what it takes to start it again.
struct Supervised {
    service: Service,
    data: PathBuf,
    fsync: bool,
    published: SocketAddr,
    endpoints: Endpoints,
    bound: Bound,
    stop: CancellationToken,
    status: Arc<Status>,
}

impl Supervised {
    /// Runs the service until asked to stop. It ending or panicking by itself ends only itself; it is started again.
    async fn run(self, first_opened: oneshot::Sender<Result<(), ServeFailure>>) {
        let mut first_opened = Some(first_opened);
        let mut recent: Vec<Instant> = Vec::new();
        loop {
            let ended = self.attempt(&mut first_opened).await;
            if self.stop.is_cancelled() {
                return;
            }
            let reason = match ended {
                Ok(()) => "it ended without being asked to".to_owned(),
                Err((reason, disk_full)) => match first_opened.take() {
                    Some(first) => {
                        let service = self.service.title().to_owned();
                        let _nobody_waits = first.send(Err(ServeFailure::CannotOpen { service, reason, disk_full }));
                        return;
                    }
                    None => reason,
                },
            };
            recent.retain(|at| at.elapsed() < RESTART_WINDOW);
            recent.push(Instant::now());
            let gives_up = recent.len() > usize::try_from(RESTARTS_MAX).unwrap_or(usize::MAX);
            error!(target: "stockdev::stack", "{}: {reason}; {}", self.service.name(), if gives_up { "it stays down" } else { "starting it again" });
            self.note(if gives_up { ServiceState::Failed } else { ServiceState::Starting }, Some(reason));
            if gives_up {
                return;
            }
            let pause = Duration::from_millis(100 << recent.len().min(6));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = self.stop.cancelled() => return,
            }
        }
    }

    async fn attempt(
        &self,
        first_opened: &mut Option<oneshot::Sender<Result<(), ServeFailure>>>,
    ) -> Result<(), (String, bool)> {
        let listeners = self.bound.for_tokio().map_err(|error| (error.to_string(), false))?;
        let (send, receive) = oneshot::channel();
        let job = Job {
            data: self.data.clone(),
            fsync: self.fsync,
            published: self.published,
            endpoints: self.endpoints.clone(),
            listeners,
            stop: self.stop.clone(),
            opened: send,
        };
        // A task of its own, so that a panic is its result and nothing else's.
        let mut task = tokio::spawn(services::run(self.service, job));
        if receive.await.is_ok() {
            self.note(ServiceState::Running, None);
            info!(target: "stockdev::stack", "{} listens on {}", self.service.name(), self.bound.addresses().join(", "));
            if let Some(first) = first_opened.take() {
                let _nobody_waits = first.send(Ok(()));
            }
        }
        match (&mut task).await {
            Ok(result) => result,
            Err(panic) => Err((format!("it panicked: {panic}"), false)),
        }
    }

    fn note(&self, state: ServiceState, error: Option<String>) {
        let name = self.service.name();
        self.status.change(|file| {
            if let Some(service) = file.services.iter_mut().find(|service| service.name == name) {
                service.state = state;
                if error.is_some() {
                    service.restarts += 1;
                    service.last_error = error;
                }
            }
        });
    }
}

/// The server file, kept in step with what happens.
#[derive(Debug)]
struct Status {
    path: PathBuf,
    file: Mutex<ServerFile>,
}

impl Status {
    fn begin(options: &ServeOptions) -> Result<Arc<Self>, ServeFailure> {
        let host = dial_address(options.listen.unwrap_or_else(|| IpAddr::from([127, 0, 0, 1])));
        let service = |service: Service| ServiceStatus {
            name: service.name().to_owned(),
            state: ServiceState::Starting,
            restarts: 0,
            last_error: None,
        };
        let file = ServerFile {
            process: ProcessId::current(),
            state: ServerState::Starting,
            ports: ServicePorts::default(),
            host: host.to_string(),
            listening: Vec::new(),
            services: Service::ALL.map(service).to_vec(),
            failure: None,
        };
        let status = Self { path: options.server_file.clone(), file: Mutex::new(file) };
        status.write().map_err(other)?;
        Ok(Arc::new(status))
    }

    fn endpoints(&self) -> Endpoints {
        self.file.lock().unwrap_or_else(PoisonError::into_inner).endpoints()
    }

    fn change(&self, change: impl FnOnce(&mut ServerFile)) {
        change(&mut self.file.lock().unwrap_or_else(PoisonError::into_inner));
        if let Err(error) = self.write() {
            error!("{error}");
        }
    }

    fn write(&self) -> Result<(), crate::stack::FileError> {
        // The lock is held while writing: two writers at once would replace each other's temporary file.
        let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        replace_file(&self.path, &serde_json::to_vec_pretty(&*file).unwrap_or_default())
    }

    /// Ends when the file is gone.
    async fn forgotten(&self) {
        while tokio::fs::try_exists(&self.path).await.unwrap_or(true) {
            tokio::time::sleep(FILE_CHECK).await;
        }
    }
}
