//! The node as its handlers see it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use super::cluster::Cluster;
use super::persist::OpenError;
use crate::server::elasticsearch::aggs::KeptWork;
use crate::server::elasticsearch::storage::pressure::{INDEXING_BYTES_MAX, IndexingPressure};

/// Who the node says it is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    /// 22 characters, made once per data folder.
    pub(crate) node_id: Arc<str>,
    pub(crate) cluster_uuid: Arc<str>,
    pub(crate) node_name: String,
    pub(crate) cluster_name: String,
    /// Where clients reach it.
    pub(crate) publish_address: SocketAddr,
    pub(crate) version: crate::server::elasticsearch::VersionInfo,
    pub(crate) body_bytes_max: usize,
}

/// Everything a handler works with.
pub(crate) struct Node {
    pub(crate) cluster: Cluster,
    pub(crate) identity: Identity,
    pub(crate) started: Instant,
    /// Documents under way in requests.
    pub(crate) pressure: Arc<IndexingPressure>,
    /// What aggregations gathered and may go on from.
    pub(crate) kept: Arc<KeptWork>,
}

impl Node {
    /// Opens the data folder and recovers every index in it. Blocks.
    pub(crate) fn open(config: &crate::server::elasticsearch::NodeConfig) -> Result<Node, OpenError> {
        let cluster = Cluster::open(Path::new(&config.data_dir))?;
        let identity = Identity {
            node_id: cluster.node_id(),
            cluster_uuid: cluster.uuid(),
            node_name: config.node_name.clone(),
            cluster_name: config.cluster_name.clone(),
            publish_address: config.publish_address,
            version: config.version.clone(),
            body_bytes_max: config.limits.body_bytes_max,
        };
        let pressure = IndexingPressure::new(INDEXING_BYTES_MAX);
        Ok(Node { cluster, identity, started: Instant::now(), pressure, kept: Arc::default() })
    }
}
