//! The dashboard server: Kibana's saved objects, kept without Kibana.
//!
//! [`Kibana::open`] opens a data folder, [`Kibana::serve`] answers on bound sockets until it is told to stop, in the
//! shapes and errors of Kibana 8.12's HTTP API. What is asked of Elasticsearch goes by its own API ([`search`]).
//!
//! `http` -> `handlers` -> `import`, `export`, `find` -> `store`. To add an endpoint, add a line to
//! [`handlers::routes`].

pub(crate) mod attribute;
pub(crate) mod error;
pub(crate) mod export;
pub(crate) mod find;
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod handlers;
pub(crate) mod http;
pub(crate) mod import;
pub(crate) mod kind;
mod page;
pub(crate) mod search;
pub(crate) mod store;
#[cfg(test)]
mod testing;
pub(crate) mod version;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use hyper::header::HeaderValue;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::server::http::Router;
use error::ApiError;
use search::{HttpSearch, Search};
use store::{Clock, RealDisk, Store};

pub use search::SearchConfigError;
pub use store::StoreOpenError;

/// Pages that watch for changes at once.
const WATCHERS_MAX: usize = 64;

/// How the server runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KibanaConfig {
    /// Everything that is kept; made where it does not exist. One process at a time.
    pub data: PathBuf,
    /// `http[s]://[user:password@]host:port[/base]`.
    pub elasticsearch: String,
    /// What every request to Elasticsearch carries as `authorization`, before any credentials in the address.
    pub authorization: Option<HeaderValue>,
    /// PEM file of certificates that are trusted there beside the usual ones.
    pub ca_cert: Option<PathBuf>,
    /// The version of Kibana whose behaviour is served.
    pub version: String,
    /// Names, beside `localhost` and addresses, under which browsers may write.
    pub host_names: Vec<String>,
}

impl KibanaConfig {
    pub fn new(data: impl Into<PathBuf>, elasticsearch: impl Into<String>) -> Self {
        Self {
            data: data.into(),
            elasticsearch: elasticsearch.into(),
            authorization: None,
            ca_cert: None,
            version: "8.12.2".to_owned(),
            host_names: Vec::new(),
        }
    }
}

/// The server can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Elasticsearch(#[from] SearchConfigError),
    #[error("another process has opened `{}`", .0.display())]
    InUse(PathBuf),
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Store(#[from] StoreOpenError),
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum KibanaError {
    #[error("no address to listen on")]
    NoListener,
    #[error(transparent)]
    Open(#[from] OpenError),
}

/// An open server; what handlers work on.
pub struct Kibana {
    pub(crate) config: KibanaConfig,
    pub(crate) store: Store,
    pub(crate) search: Box<dyn Search>,
    /// Of this data folder, as Kibana tells it in its status.
    pub(crate) uuid: String,
    /// Cancelled when serving begins to end: answers that would go on for ever end then.
    pub(crate) closing: CancellationToken,
    fields: page::FieldCache,
    /// Places for pages that watch for changes.
    watchers: Arc<Semaphore>,
    clock: Clock,
    /// Held as long as the server is open.
    _lock: File,
}

impl Kibana {
    /// Opens the data folder. Blocks on the disk; nothing is asked of Elasticsearch.
    ///
    /// # Errors
    /// The folder can't be used, belongs to another process or is damaged; the error names the file. Or Elasticsearch can't
    /// be asked as the configuration says.
    pub fn open(config: &KibanaConfig) -> Result<Arc<Self>, OpenError> {
        let search = HttpSearch::new(&config.elasticsearch, config.authorization.clone(), config.ca_cert.as_deref())?;
        Self::open_with(config, Box::new(search), Arc::new(Timestamp::now))
    }

    pub(crate) fn open_with(
        config: &KibanaConfig,
        search: Box<dyn Search>,
        clock: Clock,
    ) -> Result<Arc<Self>, OpenError> {
        std::fs::create_dir_all(&config.data).map_err(io("create folder", &config.data))?;
        let lock = lock(&config.data.join("lock"))?;
        let uuid = uuid(&config.data.join("uuid"))?;
        let store = Store::open(&config.data.join("objects"), Box::new(RealDisk), Arc::clone(&clock))?;
        let closing = CancellationToken::new();
        Ok(Arc::new(Self {
            config: config.clone(),
            store,
            search,
            uuid,
            closing,
            fields: page::FieldCache::default(),
            watchers: Arc::new(Semaphore::new(WATCHERS_MAX)),
            clock,
            _lock: lock,
        }))
    }

    /// Answers requests on the bound `listeners` until `shutdown`; then lets running requests end.
    ///
    /// # Errors
    /// There is no listener.
    pub async fn serve(
        self: Arc<Self>,
        listeners: Vec<TcpListener>,
        shutdown: CancellationToken,
    ) -> Result<(), KibanaError> {
        if listeners.is_empty() {
            return Err(KibanaError::NoListener);
        }
        let closing = self.closing.clone();
        let told = shutdown.clone();
        let watch = tokio::spawn(async move {
            told.cancelled().await;
            closing.cancel();
        });
        http::serve(self, router(), listeners, shutdown).await;
        watch.abort();
        Ok(())
    }

    pub(crate) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Runs what computes long or touches the disk off the async threads.
    pub(crate) async fn blocking<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, ApiError> + Send + 'static,
    ) -> Result<T, ApiError> {
        let kibana = Arc::clone(self);
        tokio::task::spawn_blocking(move || work(&kibana)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a handler panicked; only this request fails");
            Err(ApiError::internal())
        })
    }
}

impl std::fmt::Debug for Kibana {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kibana").field("data", &self.config.data).finish_non_exhaustive()
    }
}

/// Opens and serves.
///
/// # Errors
/// See [`Kibana::open`] and [`Kibana::serve`].
pub async fn serve(
    listeners: Vec<TcpListener>,
    config: KibanaConfig,
    shutdown: CancellationToken,
) -> Result<(), KibanaError> {
    let data = config.data.clone();
    let opened = tokio::task::spawn_blocking(move || Kibana::open(&config)).await;
    let opened = opened.map_err(|error| OpenError::Io {
        action: "open",
        path: data,
        source: std::io::Error::other(error.to_string()),
    })?;
    opened?.serve(listeners, shutdown).await
}

fn router() -> &'static Router<http::Route> {
    static ROUTER: OnceLock<Router<http::Route>> = OnceLock::new();
    ROUTER.get_or_init(|| Router::new(handlers::routes().into_iter().chain(page::routes()).collect()))
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

/// The folder's own id; made at the first open, and anew when it can't be read.
fn uuid(path: &Path) -> Result<String, OpenError> {
    let known = std::fs::read_to_string(path).ok().filter(|text| uuid::Uuid::try_parse(text).is_ok());
    if let Some(known) = known {
        return Ok(known);
    }
    let made = uuid::Uuid::new_v4().to_string();
    std::fs::write(path, &made).map_err(io("write", path))?;
    Ok(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_belongs_to_one_server_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let config = KibanaConfig::new(folder.path(), "http://127.0.0.1:9200");
        let open = Kibana::open(&config).unwrap();
        assert!(matches!(Kibana::open(&config), Err(OpenError::InUse(path)) if path == folder.path()));
        let uuid = open.uuid.clone();
        drop(open);
        assert_eq!(Kibana::open(&config).unwrap().uuid, uuid);
        std::fs::write(folder.path().join("objects/000000000001.ndjson"), "junk").unwrap();
        let error = Kibana::open(&config).unwrap_err().to_string();
        assert!(error.contains("000000000001.ndjson` is damaged"), "{error}");
    }
}
