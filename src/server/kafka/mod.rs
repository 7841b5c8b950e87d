//! The embedded broker: the Kafka protocol over an append-only log on disk.
//!
//! One node, which is its own controller. Each folder has one job: `codec` turns bytes into values, `handlers` answer one
//! API each, `state` is what the broker knows, `storage` what it keeps. `server` holds the connections and `dispatch` takes
//! a request to its handler.
//!
//! What was acknowledged survives the death of the process always, and a power cut with [`BrokerConfig::fsync`].
//! Absent on purpose: replication, authentication, quotas; `docs/compatibility.md` lists what is served.

use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub(crate) mod codec;
mod compatibility;
mod dispatch;
pub(crate) mod handlers;
mod server;
pub(crate) mod state;
pub(crate) mod storage;

pub use codec::apis::{ServedApi, served_apis};
pub use compatibility::{DECLINED, Declined, TopicConfig, topic_configs};
pub use state::groups::OffsetStoreError;
pub use storage::StorageError;

use state::broker::BrokerState;

/// How a broker is set up.
#[derive(Debug, Clone)]
pub struct BrokerConfig {
    /// Where everything is kept; made when absent.
    pub data_dir: PathBuf,
    /// The host clients are told to connect to.
    pub advertised_host: String,
    /// The port clients are told to connect to.
    pub advertised_port: u16,
    /// This broker's id.
    pub node_id: i32,
    /// Sync to the disk before a batch is acknowledged, so that a power cut loses nothing. Off, as Kafka's default, a
    /// killed process loses nothing.
    pub fsync: bool,
    /// Partitions of topics that do not say how many they want.
    pub default_partitions: i32,
    /// Make a topic when a client asks for its metadata.
    pub auto_create_topics: bool,
    /// What bounds memory and files.
    pub limits: BrokerLimits,
}

/// What bounds memory and files.
#[derive(Debug, Clone)]
pub struct BrokerLimits {
    /// Connections served at once; more wait to be accepted.
    pub connections: usize,
    /// Bytes of one request; a longer one closes the connection.
    pub request_bytes: usize,
    /// KiB of requests in memory at once, over all connections.
    pub request_kib: usize,
    /// Requests of one connection in progress at once.
    pub requests_in_flight: usize,
    /// KiB of fetched records in memory at once, over all connections.
    pub fetch_kib: usize,
    /// Partitions of all topics together: each keeps a file open.
    pub partitions: usize,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            request_bytes: 100 * 1024 * 1024,
            request_kib: 512 * 1024,
            requests_in_flight: 64,
            fetch_kib: 256 * 1024,
            partitions: 10_000,
        }
    }
}

impl BrokerConfig {
    /// Node 1, one partition a topic, topics made on the fly, no fsync.
    pub fn new(data_dir: impl Into<PathBuf>, advertised_host: impl Into<String>, advertised_port: u16) -> Self {
        Self {
            data_dir: data_dir.into(),
            advertised_host: advertised_host.into(),
            advertised_port,
            node_id: 1,
            fsync: false,
            default_partitions: 1,
            auto_create_topics: true,
            limits: BrokerLimits::default(),
        }
    }
}

/// Why a broker does not open.
#[derive(Debug, Error)]
pub enum OpenError {
    /// Another broker has the folder.
    #[error("`{}` is in use by another broker", .0.display())]
    InUse(PathBuf),
    /// The data folder cannot be read or made.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// What consumer groups committed cannot be read.
    #[error(transparent)]
    Groups(#[from] OffsetStoreError),
}

/// Why a broker stopped badly.
#[derive(Debug, Error)]
pub enum ServeError {
    /// A log could not be synced at the end.
    #[error("the broker stopped, but not all of its data is known to be on the disk: {0}")]
    Sync(#[source] StorageError),
}

/// An open broker; a cheap handle.
#[derive(Debug, Clone)]
pub struct Broker {
    state: Arc<BrokerState>,
}

impl Broker {
    /// Opens the data folder and recovers its logs. Blocks: call it off the async threads.
    pub fn open(config: BrokerConfig) -> Result<Self, OpenError> {
        Ok(Self { state: Arc::new(BrokerState::open(config)?) })
    }

    /// Serves clients until `shutdown`; then answers what is in progress, for a short while, and syncs the logs.
    pub async fn serve(&self, listeners: Vec<TcpListener>, shutdown: CancellationToken) -> Result<(), ServeError> {
        server::serve(Arc::clone(&self.state), listeners, shutdown).await
    }

    /// The id of the cluster, made when the folder was.
    pub fn cluster_id(&self) -> &str {
        &self.state.cluster_id
    }
}

/// Entrances for fuzzing: each takes any bytes and must return.
#[doc(hidden)]
pub mod fuzzing {
    use std::ops::ControlFlow;

    use bytes::Bytes;

    use super::codec::{batch, frame, records};

    /// Decodes one request frame, without its length; true when it is a request that would be served.
    pub fn decode_request(frame: &[u8]) -> bool {
        frame::decode_request(Bytes::copy_from_slice(frame)).is_ok()
    }

    /// Reads a batch and walks its records; true when it is whole.
    pub fn parse_batch(bytes: &[u8]) -> bool {
        let Ok(header) = batch::BatchHeader::parse(bytes) else { return false };
        let walked = records::walk(&header, bytes, |_| ControlFlow::<()>::Continue(()));
        walked.is_ok() && batch::check_crc(&header, bytes).is_ok()
    }
}
