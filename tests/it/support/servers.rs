//! The servers under test: our own in this process on a free port, or one that a variable names.

use std::env;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use stockdev::server::bigquery::{BigQuery, BigQueryConfig};
use stockdev::server::elasticsearch::{Node, NodeConfig};
use stockdev::server::gcs::{Gcs, GcsConfig};
use stockdev::server::kafka::{Broker, BrokerConfig};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

/// The broker, or the one `STOCKDEV_TEST_KAFKA` names.
pub(crate) struct TestKafka {
    /// `host:port`.
    pub(crate) address: String,
    _own: Option<Own>,
}

/// The search node, or the one `STOCKDEV_TEST_ELASTICSEARCH` names.
pub(crate) struct TestElasticsearch {
    pub(crate) url: String,
    /// A server of our own, so what only ours answers may be asked.
    pub(crate) is_own: bool,
    _own: Option<Own>,
}

/// The storage server, or the one that `STOCKDEV_TEST_GCS` names.
pub(crate) struct TestGcs {
    pub(crate) url: String,
    _own: Option<Own>,
    // After the server: it is removed when nothing writes there any more.
    _folder: Option<TempDir>,
}

/// The BigQuery server, with storage beside it where a test wants that.
pub(crate) struct TestBigQuery {
    pub(crate) url: String,
    _own: Own,
}

/// Stops its server when it goes out of scope.
struct Own {
    runtime: Option<Runtime>,
    shutdown: CancellationToken,
    folder: TempDir,
}

impl TestKafka {
    pub(crate) fn start() -> Self {
        if let Ok(address) = env::var("STOCKDEV_TEST_KAFKA") {
            return Self { address, _own: None };
        }
        Self::start_own()
    }

    /// For what must not touch a server of others.
    pub(crate) fn start_own() -> Self {
        let (own, listener, address) = Own::prepare();
        let broker = Broker::open(BrokerConfig::new(own.folder(), "127.0.0.1", address.port())).unwrap();
        let stop = own.shutdown.clone();
        own.spawn(async move { broker.serve(vec![listener], stop).await.unwrap() });
        Self { address: address.to_string(), _own: Some(own) }
    }
}

impl TestGcs {
    pub(crate) fn start() -> Self {
        if let Ok(url) = env::var("STOCKDEV_TEST_GCS") {
            return Self { url, _own: None, _folder: None };
        }
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self::start_in(folder.path());
        server._folder = Some(folder);
        server
    }

    /// Our own, with its data in that folder.
    pub(crate) fn start_in(folder: &Path) -> Self {
        let (own, listener, address) = Own::prepare();
        let url = format!("http://{address}");
        let server = Arc::new(Gcs::open(GcsConfig::new(folder.to_owned(), url.as_str())).unwrap());
        let stop = own.shutdown.clone();
        own.spawn(async move { server.serve(vec![listener], stop).await.unwrap() });
        Self { url, _own: Some(own), _folder: None }
    }
}

impl TestBigQuery {
    /// One that finds no storage.
    pub(crate) fn start() -> Self {
        Self::start_beside("http://127.0.0.1:9")
    }

    /// One that reads `gs://` objects at `storage`.
    pub(crate) fn start_beside(storage: &str) -> Self {
        Self::run(storage, None)
    }

    /// One with its data in that folder.
    pub(crate) fn start_in(folder: &Path, storage: &str) -> Self {
        Self::run(storage, Some(folder))
    }

    fn run(storage: &str, folder: Option<&Path>) -> Self {
        let (own, listener, address) = Own::prepare();
        let folder = folder.map_or_else(|| own.folder(), Path::to_owned);
        let config = BigQueryConfig::new(folder, storage, "demo-project");
        let server = {
            let _inside = own.runtime.as_ref().expect("runs until it is dropped").enter();
            Arc::new(BigQuery::open(config).unwrap())
        };
        let stop = own.shutdown.clone();
        own.spawn(async move { server.serve(vec![listener], stop).await.unwrap() });
        Self { url: format!("http://{address}"), _own: own }
    }
}

impl TestElasticsearch {
    pub(crate) fn start() -> Self {
        if let Ok(url) = env::var("STOCKDEV_TEST_ELASTICSEARCH") {
            return Self { url, is_own: false, _own: None };
        }
        Self::start_own()
    }

    /// For what holds for our own node only.
    pub(crate) fn start_own() -> Self {
        let (own, listener, address) = Own::prepare();
        let node = Node::open(NodeConfig::new(own.folder(), address)).unwrap();
        let stop = own.shutdown.clone();
        own.spawn(async move { node.serve(vec![listener], stop).await.unwrap() });
        Self { url: format!("http://{address}"), is_own: true, _own: Some(own) }
    }
}

impl Own {
    fn prepare() -> (Self, TcpListener, SocketAddr) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        // Not `block_on`: a test may be inside a runtime of its own.
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(listener).unwrap()
        };
        let own =
            Self { runtime: Some(runtime), shutdown: CancellationToken::new(), folder: tempfile::tempdir().unwrap() };
        (own, listener, address)
    }

    fn folder(&self) -> std::path::PathBuf {
        self.folder.path().to_owned()
    }

    fn spawn(&self, service: impl Future<Output = ()> + Send + 'static) {
        self.runtime.as_ref().expect("runs until it is dropped").spawn(service);
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(runtime) = self.runtime.take() {
            // A test may end inside a runtime of its own, where waiting is not allowed.
            std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(5))).join().unwrap();
        }
    }
}
