//! All that handlers share.

use std::fmt;
use std::fs::File;
use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::groups::{GroupConfig, GroupCoordinator};
use super::producer_ids::ProducerIds;
use super::topics::Topics;
use crate::server::kafka::handlers::find_coordinator::AdvertisedNode;
use crate::server::kafka::storage::StorageError;
use crate::server::kafka::storage::file::{FileSystem, RealFileSystem};
use crate::server::kafka::storage::meta::{self, ClusterRecord, DataFolder, topic_id_text};
use crate::server::kafka::{BrokerConfig, OpenError};

/// The state of a running broker.
pub(crate) struct BrokerState {
    pub(crate) config: BrokerConfig,
    pub(crate) folder: DataFolder,
    pub(crate) cluster_id: String,
    pub(crate) topics: Arc<Topics>,
    pub(crate) producer_ids: ProducerIds,
    pub(crate) groups: GroupCoordinator,
    /// Where clients reach this broker.
    pub(crate) node: AdvertisedNode,
    /// KiB of fetched records that may be in memory at once.
    pub(crate) fetch_budget: Arc<Semaphore>,
    /// Ends waiting fetches when the broker stops.
    pub(crate) stopping: CancellationToken,
    /// Keeps a second broker out of the folder.
    _lock: File,
}

impl fmt::Debug for BrokerState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("BrokerState").field("config", &self.config).finish_non_exhaustive()
    }
}

impl BrokerState {
    /// Opens the data folder, made when absent. Blocks while logs are recovered.
    pub(crate) fn open(config: BrokerConfig) -> Result<Self, OpenError> {
        let fs: Arc<dyn FileSystem> = Arc::new(RealFileSystem);
        let folder = DataFolder { root: config.data_dir.clone() };
        let logs = folder.logs_dir();
        fs.create_dir_all(&logs).map_err(StorageError::io("make folder", &logs))?;
        let lock = lock_folder(&folder)?;
        let cluster_id = cluster_id(fs.as_ref(), &folder)?;
        let topics = Topics::open(Arc::clone(&fs), folder.clone(), config.fsync, config.limits.partitions)?;
        let producer_ids = ProducerIds::open(fs, folder.producer_ids_file())?;
        let groups_dir = folder.groups_dir();
        let groups = GroupCoordinator::open(&groups_dir, GroupConfig::default(), config.fsync)?;
        let node = AdvertisedNode {
            id: config.node_id,
            host: config.advertised_host.clone(),
            port: i32::from(config.advertised_port),
        };
        Ok(Self {
            groups,
            node,
            folder,
            cluster_id,
            topics: Arc::new(topics),
            producer_ids,
            fetch_budget: Arc::new(Semaphore::new(config.limits.fetch_kib)),
            stopping: CancellationToken::new(),
            config,
            _lock: lock,
        })
    }

    /// Makes all logs survive a power cut; each failure is logged, the first returned.
    pub(crate) fn sync(&self) -> Result<(), StorageError> {
        let partitions = self.topics.all().into_iter().flat_map(|topic| topic.partitions());
        let mut result = Ok(());
        for partition in partitions {
            if let Err(error) = partition.log.sync() {
                tracing::error!(topic = %partition.topic.name, partition = partition.index, %error, "cannot sync a log");
                result = result.and(Err(error));
            }
        }
        result
    }
}

fn lock_folder(folder: &DataFolder) -> Result<File, OpenError> {
    let path = folder.lock_file();
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(StorageError::io("open", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse(folder.root.clone())),
        Err(std::fs::TryLockError::Error(error)) => Err(StorageError::io("lock", &path)(error).into()),
    }
}

/// The id of this cluster: made once and kept.
fn cluster_id(fs: &dyn FileSystem, folder: &DataFolder) -> Result<String, StorageError> {
    let path = folder.cluster_file();
    if let Some(record) = meta::load::<ClusterRecord>(fs, &path)? {
        return Ok(record.cluster_id);
    }
    let cluster_id = topic_id_text(uuid::Uuid::from_bytes(rand::random()));
    meta::store(fs, &path, ClusterRecord { cluster_id: cluster_id.clone() })?;
    Ok(cluster_id)
}
