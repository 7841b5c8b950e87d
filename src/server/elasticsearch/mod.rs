//! The embedded search node: the part of Elasticsearch's REST API that pipelines and dashboards use, on tantivy.
//!
//! [`Node::open`] recovers a data folder, [`Node::serve`] answers on bound sockets until it is told to stop.
//! `http` -> `handlers` -> `state` -> `storage`; `mapping`, `search` and `aggs` are what requests and documents become.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) mod aggs;
pub(crate) mod codec;
mod compatibility;
pub(crate) mod error;
#[doc(hidden)]
pub mod fuzzing;
pub(crate) mod handlers;
pub(crate) mod http;
pub(crate) mod mapping;
pub(crate) mod search;
pub(crate) mod state;
pub(crate) mod storage;

pub use compatibility::{
    Aggregation, DECLINED, Declined, FieldType, IndexSetting, aggregations, field_types, index_settings, query_types,
    setting_prefixes,
};
pub use http::Limits;
pub use state::OpenError;

/// The version this node answers as, in all that `GET /` tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionInfo {
    /// The version of Elasticsearch whose behaviour is served.
    pub number: String,
    pub build_flavor: String,
    pub build_type: String,
    /// 40 hexadecimal digits.
    pub build_hash: String,
    pub build_date: String,
    pub lucene_version: String,
}

impl Default for VersionInfo {
    fn default() -> Self {
        Self {
            number: "9.2.4".into(),
            build_flavor: "default".into(),
            build_type: "zip".into(),
            // No build of Elasticsearch: no hash of one.
            build_hash: "0".repeat(40),
            build_date: "2026-01-01T00:00:00.000000000Z".into(),
            lucene_version: "10.3.2".into(),
        }
    }
}

/// How a node runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeConfig {
    /// Everything the node keeps; made where it does not exist. One process at a time.
    pub data_dir: PathBuf,
    /// The address that clients who ask the node for its nodes are sent to.
    pub publish_address: SocketAddr,
    pub node_name: String,
    pub cluster_name: String,
    pub version: VersionInfo,
    pub limits: Limits,
}

impl NodeConfig {
    pub fn new(data_dir: impl Into<PathBuf>, publish_address: SocketAddr) -> Self {
        Self {
            data_dir: data_dir.into(),
            publish_address,
            node_name: "stockdev".into(),
            cluster_name: "elasticsearch".into(),
            version: VersionInfo::default(),
            limits: Limits::default(),
        }
    }
}

/// Why serving ended.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("no address to listen on")]
    NoListener,
}

/// A handle to an open node; clones share it.
#[derive(Clone)]
pub struct Node {
    shared: Arc<state::Node>,
    limits: Limits,
}

impl Node {
    /// Opens the data folder and recovers every index in it. Blocks on the disk.
    ///
    /// # Errors
    /// The folder cannot be used, belongs to another process, or is damaged; the error names the file.
    pub fn open(config: NodeConfig) -> Result<Node, OpenError> {
        let shared = Arc::new(state::Node::open(&config)?);
        Ok(Node { shared, limits: config.limits })
    }

    /// Answers requests on the bound `listeners` until `shutdown`; then ends running requests (within
    /// [`Limits::drain_timeout`]) and closes the indices. The node serves once: after this it is closed.
    ///
    /// # Errors
    /// There is no listener.
    pub async fn serve(&self, listeners: Vec<TcpListener>, shutdown: CancellationToken) -> Result<(), ServeError> {
        if listeners.is_empty() {
            return Err(ServeError::NoListener);
        }
        http::serve(Arc::clone(&self.shared), router(), listeners, self.limits.clone(), shutdown).await;
        self.shared.cluster.close().await;
        Ok(())
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("identity", &self.shared.identity).finish_non_exhaustive()
    }
}

fn router() -> &'static http::Router {
    static ROUTER: OnceLock<http::Router> = OnceLock::new();
    ROUTER.get_or_init(|| http::Router::new(handlers::routes()))
}

/// One endpoint of the node, as documentation shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub methods: Vec<&'static str>,
    pub path: &'static str,
    /// Legal parameters beside the universal ones ([`universal_parameters`]).
    pub parameters: Vec<&'static str>,
}

/// Every endpoint that is served: the router's own table.
pub fn served_endpoints() -> Vec<Endpoint> {
    let mut endpoints: Vec<Endpoint> = router()
        .routes()
        .map(|route| {
            let mut parameters = route.params.to_vec();
            parameters.sort_unstable();
            Endpoint { methods: route.methods.to_vec(), path: route.path, parameters }
        })
        .collect();
    endpoints.sort_by(|left, right| left.path.cmp(right.path));
    endpoints
}

/// Parameters that every endpoint takes.
pub fn universal_parameters() -> &'static [&'static str] {
    http::UNIVERSAL_PARAMS
}
