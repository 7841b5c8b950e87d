//! The embedded Google Cloud Storage server: buckets, objects and uploads as Google's clients expect them, on disk.
//!
//! [`Gcs::open`] opens a data folder, [`Gcs::serve`] answers on bound sockets until it is told to stop. One port speaks the
//! JSON API with its uploads, the XML API as far as clients read and write objects by it, and gRPC
//! (`google.storage.v2.Storage`). There are no accounts: whoever reaches the port may do everything, as in a bucket with
//! uniform access that all may use; what has to do with access is refused by name.
//!
//! `http` -> `handlers`, `grpc` -> `store`. To add an endpoint, add it to [`http::Endpoint`] and to [`handlers::handle`].

pub(crate) mod error;
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod grpc;
pub(crate) mod handlers;
pub(crate) mod http;
pub(crate) mod store;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::http::body::Budget;
use error::ApiError;
use http::BODIES_BYTES_MAX;
use store::{Clock, Store};

/// How the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GcsConfig {
    /// Everything that is kept; made where it does not exist. One process at a time.
    pub data: PathBuf,
    /// `http://host:port`, without a slash at the end: for clients whose requests do not say how they reached the server.
    pub base_url: String,
}

impl GcsConfig {
    pub fn new(data: impl Into<PathBuf>, base_url: impl Into<String>) -> Self {
        Self { data: data.into(), base_url: base_url.into().trim_end_matches('/').to_owned() }
    }
}

/// The server can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("another process has opened `{}`", .0.display())]
    InUse(PathBuf),
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot open the objects in `{}`: {reason}", .path.display())]
    Store { path: PathBuf, reason: String },
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum GcsError {
    #[error("no address to listen on")]
    NoListener,
}

/// An open server; what handlers work on.
pub struct Gcs {
    pub(crate) config: GcsConfig,
    pub(crate) store: Store,
    pub(crate) budget: Budget,
    /// Held as long as the server is open.
    _lock: File,
}

impl Gcs {
    /// Opens the data folder. Blocks on the disk.
    ///
    /// # Errors
    /// The folder can't be used, belongs to another process or is damaged; the error names the file.
    pub fn open(config: GcsConfig) -> Result<Self, OpenError> {
        Self::open_with(config, Arc::new(Timestamp::now))
    }

    pub(crate) fn open_with(config: GcsConfig, clock: Clock) -> Result<Self, OpenError> {
        std::fs::create_dir_all(&config.data).map_err(io("create folder", &config.data))?;
        let lock = lock(&config.data.join("lock"))?;
        let opened = Store::open(&config.data.join("objects"), clock);
        let store =
            opened.map_err(|error| OpenError::Store { path: config.data.clone(), reason: error.to_string() })?;
        Ok(Self { config, store, budget: Budget::new(BODIES_BYTES_MAX), _lock: lock })
    }

    /// Answers requests on the bound `listeners` until `shutdown`; then lets running requests end.
    ///
    /// # Errors
    /// There is no listener.
    pub async fn serve(
        self: Arc<Self>,
        listeners: Vec<TcpListener>,
        shutdown: CancellationToken,
    ) -> Result<(), GcsError> {
        if listeners.is_empty() {
            return Err(GcsError::NoListener);
        }
        http::serve(self, listeners, shutdown).await;
        Ok(())
    }

    /// Runs what touches the disk off the async threads.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Store) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let gcs = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&gcs.store)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a handler panicked; only this request fails");
            Err(ApiError::internal())
        })
    }
}

impl std::fmt::Debug for Gcs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gcs").field("data", &self.config.data).finish_non_exhaustive()
    }
}

fn io(action: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> OpenError + use<> {
    let path = path.to_owned();
    move |source| OpenError::Io { action, path, source }
}

fn lock(path: &Path) -> Result<File, OpenError> {
    let file = File::create(path).map_err(io("create", path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(path.parent().unwrap_or(Path::new("")).to_owned())),
        Err(TryLockError::Error(source)) => Err(io("lock", path)(source)),
    }
}
