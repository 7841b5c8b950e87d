//! The embedded BigQuery server: the part of BigQuery's REST API v2 that clients, pipelines and notebooks use, with
//! BigQuery ML, on SQLite.
//!
//! [`BigQuery::open`] opens a data folder, [`BigQuery::serve`] answers on bound sockets until it is told to stop.
//! `http` -> `handlers` -> `jobs` -> `engine`. To add an endpoint, add a line to [`handlers::routes`].

pub(crate) mod analyze;
pub mod engine;
pub mod error;
pub(crate) mod function;
pub(crate) mod handlers;
pub(crate) mod http;
pub(crate) mod jobs;
pub(crate) mod ml;
pub(crate) mod sql;
#[cfg(test)]
mod testing;
pub mod value;

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::server::http::Router;
use engine::Engine;
use engine::objects::{HttpObjects, Objects};
use handlers::Sessions;
use http::{ApiError, Spool};
use jobs::Jobs;

pub use engine::OpenError as EngineOpenError;
pub use engine::objects::StorageUrlError;
pub use jobs::ArchiveError;

/// Handlers that block at once; more wait. Jobs run beside them.
const HANDLERS_MAX: usize = 32;
/// Time that running jobs have to notice that the server ends.
const JOBS_DRAIN: Duration = Duration::from_secs(10);

/// How the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BigQueryConfig {
    /// Everything that is kept; made where it does not exist. One process at a time.
    pub data: PathBuf,
    /// Where `gs://` objects are: `http://host:port` of a Cloud Storage JSON API.
    pub gcs: String,
    /// The project that is listed even when it holds nothing.
    pub project: String,
    /// Of datasets and jobs that name none.
    pub location: String,
    /// Jobs that run at once; more are pending.
    pub jobs_max: usize,
}

impl BigQueryConfig {
    pub fn new(data: impl Into<PathBuf>, gcs: impl Into<String>, project: impl Into<String>) -> Self {
        Self { data: data.into(), gcs: gcs.into(), project: project.into(), location: "US".to_owned(), jobs_max: 4 }
    }
}

/// The server can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Storage(#[from] StorageUrlError),
    #[error("it has to be opened within a tokio runtime")]
    NoRuntime,
    #[error(transparent)]
    Engine(#[from] EngineOpenError),
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    #[error("cannot make folder `{}`: {source}", .path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("the thread that opens it ended early: {0}")]
    Thread(String),
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum BigQueryError {
    #[error("no address to listen on")]
    NoListener,
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// An open server; what handlers work on.
pub struct BigQuery {
    pub(crate) config: BigQueryConfig,
    pub(crate) engine: Arc<Engine>,
    pub(crate) jobs: Jobs,
    /// Uploads in several requests.
    pub(crate) sessions: Sessions,
    /// Cancelled when serving begins to end: requests that wait for a job are answered then.
    pub(crate) closing: CancellationToken,
    spool: Spool,
    handlers: Semaphore,
}

impl BigQuery {
    /// Opens the data folder. Blocks on the disk; nothing is asked of object storage. Call it on a thread of a runtime.
    ///
    /// # Errors
    /// The folder can't be used, belongs to another process or is damaged; or the address of storage is none.
    pub fn open(config: BigQueryConfig) -> Result<Self, OpenError> {
        let runtime = Handle::try_current().map_err(|_| OpenError::NoRuntime)?;
        let objects = HttpObjects::new(&config.gcs, runtime)?;
        Self::open_with(config, Arc::new(objects))
    }

    /// With another object storage.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub(crate) fn open_with(config: BigQueryConfig, objects: Arc<dyn Objects>) -> Result<Self, OpenError> {
        // The engine locks its folder: whoever comes second changes nothing beside it.
        let engine = Arc::new(Engine::open(&config.data.join("engine"), objects, &config.location)?);
        let uploads = config.data.join("uploads");
        let spool = Spool::open(&uploads).map_err(|source| OpenError::Folder { path: uploads, source })?;
        let closing = CancellationToken::new();
        let jobs = Jobs::open(&config.data.join("jobs.sqlite"), Arc::clone(&engine), config.jobs_max, &closing)?;
        let (sessions, handlers) = (Sessions::default(), Semaphore::new(HANDLERS_MAX));
        Ok(Self { config, engine, jobs, sessions, closing, spool, handlers })
    }

    /// Answers requests on the bound `listeners` until `shutdown`; then lets running requests end and stops jobs.
    ///
    /// # Errors
    /// There is no listener.
    pub async fn serve(
        self: Arc<Self>,
        listeners: Vec<TcpListener>,
        shutdown: CancellationToken,
    ) -> Result<(), BigQueryError> {
        if listeners.is_empty() {
            return Err(BigQueryError::NoListener);
        }
        let closing = self.closing.clone();
        let told = shutdown.clone();
        let watch = tokio::spawn(async move {
            told.cancelled().await;
            closing.cancel();
        });
        http::serve(Arc::clone(&self), router(), listeners, shutdown).await;
        watch.abort();
        self.closing.cancel();
        self.jobs.drain(JOBS_DRAIN).await;
        Ok(())
    }

    pub(crate) fn spool(&self) -> &Spool {
        &self.spool
    }

    /// Runs what computes long or touches the disk off the async threads.
    ///
    /// # Errors
    /// What the work gives; 500 when it panics.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let Ok(_place) = self.handlers.acquire().await else { return Err(ApiError::internal()) };
        let bigquery = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&bigquery)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a handler panicked; only this request fails");
            Err(ApiError::internal())
        })
    }
}

impl std::fmt::Debug for BigQuery {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BigQuery").field("data", &self.config.data).finish_non_exhaustive()
    }
}

/// Opens and serves.
///
/// # Errors
/// See [`BigQuery::open`] and [`BigQuery::serve`].
pub async fn serve(
    listeners: Vec<TcpListener>,
    config: BigQueryConfig,
    shutdown: CancellationToken,
) -> Result<(), BigQueryError> {
    let opened = tokio::task::spawn_blocking(move || BigQuery::open(config)).await;
    let opened = opened.map_err(|error| OpenError::Thread(error.to_string()))?;
    Arc::new(opened?).serve(listeners, shutdown).await
}

fn router() -> &'static Router<http::Route> {
    static ROUTER: OnceLock<Router<http::Route>> = OnceLock::new();
    ROUTER.get_or_init(|| Router::new(handlers::routes()))
}
