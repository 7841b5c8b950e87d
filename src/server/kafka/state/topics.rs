//! The topics of the broker. Every change is on the disk before it is visible.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use thiserror::Error;
use uuid::Uuid;

use super::TopicLookup;
use super::configs::TopicConfig;
use super::partition::{Partition, now_ms};
use super::producers::Producers;
use crate::server::kafka::storage::StorageError;
use crate::server::kafka::storage::file::FileSystem;
use crate::server::kafka::storage::log::Log;
use crate::server::kafka::storage::meta::{self, DataFolder, TopicRecord, TopicRecords};

const NAME_BYTES_MAX: usize = 249;

/// What the partitions of a topic share.
#[derive(Debug)]
pub(crate) struct TopicShared {
    pub(crate) name: String,
    pub(crate) id: Uuid,
    config: RwLock<Arc<TopicConfig>>,
}

impl TopicShared {
    pub(crate) fn new(name: String, id: Uuid, config: TopicConfig) -> Self {
        Self { name, id, config: RwLock::new(Arc::new(config)) }
    }

    pub(crate) fn config(&self) -> Arc<TopicConfig> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn set_config(&self, config: TopicConfig) {
        *self.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
    }
}

/// A topic and its partitions, by index.
#[derive(Debug)]
pub(crate) struct Topic {
    pub(crate) shared: Arc<TopicShared>,
    partitions: RwLock<Vec<Arc<Partition>>>,
}

impl Topic {
    pub(crate) fn partition(&self, index: i32) -> Option<Arc<Partition>> {
        let index = usize::try_from(index).ok()?;
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).get(index).cloned()
    }

    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn partition_count(&self) -> i32 {
        let count = self.partitions.read().unwrap_or_else(PoisonError::into_inner).len();
        i32::try_from(count).unwrap_or(i32::MAX)
    }
}

/// Why a topic cannot be made or changed.
#[derive(Debug, Error)]
pub(crate) enum TopicError {
    #[error("Topic '{0}' already exists.")]
    Exists(String),
    #[error("Topic name is invalid: {0}")]
    InvalidName(String),
    #[error("Topic '{name}' collides with existing topic: {other}")]
    Collision { name: String, other: String },
    #[error("This server does not host this topic-partition.")]
    Unknown,
    #[error("{0}")]
    InvalidPartitions(String),
    #[error("{0}")]
    InvalidConfig(String),
    #[error("{0}")]
    InvalidRequest(String),
    #[error("{0}")]
    Storage(#[from] StorageError),
}

/// All topics. Methods that change something block on the disk.
#[derive(Debug)]
pub(crate) struct Topics {
    fs: Arc<dyn FileSystem>,
    folder: DataFolder,
    fsync: bool,
    partitions_max: usize,
    /// Held while a change is made, so that changes follow one another.
    change: Mutex<()>,
    maps: RwLock<Maps>,
}

#[derive(Debug, Default)]
struct Maps {
    by_name: BTreeMap<String, Arc<Topic>>,
    by_id: HashMap<Uuid, Arc<Topic>>,
}

impl Topics {
    /// Opens every log. Folders of topics whose deletion was cut short are removed.
    pub(crate) fn open(
        fs: Arc<dyn FileSystem>,
        folder: DataFolder,
        fsync: bool,
        partitions_max: usize,
    ) -> Result<Self, StorageError> {
        let path = folder.topics_file();
        let records: Option<TopicRecords> = meta::load(fs.as_ref(), &path)?;
        let topics = Self { fs, folder, fsync, partitions_max, change: Mutex::default(), maps: RwLock::default() };
        let Some(records) = records else {
            topics.refuse_logs_without_records(&path)?;
            return Ok(topics);
        };
        topics.remove_leftovers(&records)?;
        for record in records.topics {
            let unreadable = |reason| StorageError::Metadata { path: path.clone(), reason };
            let config = TopicConfig::new(record.configs).map_err(unreadable)?;
            let shared = Arc::new(TopicShared::new(record.name, record.id, config));
            let partitions = (0..record.partitions).map(|index| topics.open_partition(&shared, index));
            let partitions = partitions.collect::<Result<Vec<_>, _>>()?;
            topics.insert(Arc::new(Topic { shared, partitions: RwLock::new(partitions) }));
        }
        Ok(topics)
    }

    pub(crate) fn by_name(&self, name: &str) -> Option<Arc<Topic>> {
        self.maps().by_name.get(name).cloned()
    }

    pub(crate) fn by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.maps().by_id.get(&id).cloned()
    }

    /// All topics, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Topic>> {
        self.maps().by_name.values().cloned().collect()
    }

    /// Checks what [`Self::create`] would refuse, and changes nothing.
    pub(crate) fn check_new(&self, name: &str, partitions: i32) -> Result<(), TopicError> {
        check_name(name)?;
        let maps = self.maps();
        if maps.by_name.contains_key(name) {
            return Err(TopicError::Exists(name.to_owned()));
        }
        let flat = name.replace('.', "_");
        if let Some(other) = maps.by_name.keys().find(|other| other.replace('.', "_") == flat) {
            return Err(TopicError::Collision { name: name.to_owned(), other: other.clone() });
        }
        let present = maps.by_name.values().map(|topic| topic.partition_count());
        self.check_partition_total(present.map(i64::from).sum::<i64>() + i64::from(partitions))
    }

    /// Makes a topic; when this returns it is on the disk.
    pub(crate) fn create(&self, name: &str, partitions: i32, config: TopicConfig) -> Result<Arc<Topic>, TopicError> {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        self.check_new(name, partitions)?;
        let shared = Arc::new(TopicShared::new(name.to_owned(), new_topic_id(), config));
        self.make_dirs(&shared, 0..partitions)?;
        let opened = (0..partitions).map(|index| self.open_partition(&shared, index)).collect::<Result<Vec<_>, _>>()?;
        let topic = Arc::new(Topic { shared, partitions: RwLock::new(opened) });
        let mut records = self.records();
        records.topics.push(record(&topic, partitions));
        self.store(records)?;
        self.insert(Arc::clone(&topic));
        Ok(topic)
    }

    /// Removes a topic and its files.
    pub(crate) fn delete(&self, name: &str) -> Result<(), TopicError> {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.by_name(name).ok_or(TopicError::Unknown)?;
        let mut records = self.records();
        records.topics.retain(|record| record.name != name);
        self.store(records)?;
        {
            let mut maps = self.maps_mut();
            maps.by_name.remove(name);
            maps.by_id.remove(&topic.shared.id);
        }
        for partition in topic.partitions() {
            partition.mark_deleted();
        }
        let dir = self.folder.topic_dir(name, topic.shared.id);
        if let Err(error) = self.fs.remove_dir_all(&dir) {
            // The topic is gone all the same: the folder goes at the next start.
            tracing::warn!(path = %dir.display(), %error, "cannot remove the files of a deleted topic");
        }
        Ok(())
    }

    /// Adds partitions until there are `count`.
    pub(crate) fn add_partitions(&self, name: &str, count: i32, validate_only: bool) -> Result<(), TopicError> {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.by_name(name).ok_or(TopicError::Unknown)?;
        let present = topic.partition_count();
        if count <= present {
            let text = match count == present {
                true => format!("Topic already has {present} partition(s)."),
                false => {
                    format!("The topic {name} currently has {present} partition(s); {count} would not be an increase.")
                }
            };
            return Err(TopicError::InvalidPartitions(text));
        }
        let others: i64 = self.all().iter().map(|topic| i64::from(topic.partition_count())).sum();
        self.check_partition_total(others + i64::from(count - present))?;
        if validate_only {
            return Ok(());
        }
        self.make_dirs(&topic.shared, present..count)?;
        let added = (present..count).map(|index| self.open_partition(&topic.shared, index));
        let added = added.collect::<Result<Vec<_>, _>>()?;
        let mut records = self.records();
        records.topics.iter_mut().filter(|record| record.name == name).for_each(|record| record.partitions = count);
        self.store(records)?;
        topic.partitions.write().unwrap_or_else(PoisonError::into_inner).extend(added);
        Ok(())
    }

    /// Replaces the configuration of a topic by what `change` makes of it.
    pub(crate) fn alter_config(
        &self,
        name: &str,
        validate_only: bool,
        change: impl FnOnce(BTreeMap<String, String>) -> Result<BTreeMap<String, String>, TopicError>,
    ) -> Result<(), TopicError> {
        let _change = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let topic = self.by_name(name).ok_or(TopicError::Unknown)?;
        let set = change(topic.shared.config().set().clone())?;
        let config = TopicConfig::new(set).map_err(TopicError::InvalidConfig)?;
        if validate_only {
            return Ok(());
        }
        let mut records = self.records();
        for record in records.topics.iter_mut().filter(|record| record.name == name) {
            record.configs.clone_from(config.set());
        }
        self.store(records)?;
        topic.shared.set_config(config);
        Ok(())
    }

    fn check_partition_total(&self, total: i64) -> Result<(), TopicError> {
        if usize::try_from(total).is_ok_and(|total| total <= self.partitions_max) {
            return Ok(());
        }
        let text = format!("This broker holds at most {} partitions.", self.partitions_max);
        Err(TopicError::InvalidPartitions(text))
    }

    fn open_partition(&self, shared: &Arc<TopicShared>, index: i32) -> Result<Arc<Partition>, StorageError> {
        let dir = self.folder.partition_dir(&shared.name, shared.id, index);
        let mut producers = Producers::default();
        let now = now_ms();
        let settings = shared.config().log;
        let log =
            Log::open(Arc::clone(&self.fs), dir, &settings, self.fsync, |header| producers.remember(header, now))?;
        Ok(Arc::new(Partition::new(index, Arc::clone(shared), log, producers)))
    }

    fn make_dirs(&self, shared: &TopicShared, indexes: std::ops::Range<i32>) -> Result<(), StorageError> {
        for index in indexes {
            let dir = self.folder.partition_dir(&shared.name, shared.id, index);
            self.fs.create_dir_all(&dir).map_err(StorageError::io("make folder", &dir))?;
        }
        let topic_dir = self.folder.topic_dir(&shared.name, shared.id);
        self.fs.sync_dir(&topic_dir).map_err(StorageError::io("sync folder", &topic_dir))?;
        let logs = self.folder.logs_dir();
        self.fs.sync_dir(&logs).map_err(StorageError::io("sync folder", &logs))
    }

    /// Logs with no list of topics: the list was lost, and guessing would throw data away.
    fn refuse_logs_without_records(&self, path: &Path) -> Result<(), StorageError> {
        let logs = self.folder.logs_dir();
        let names = self.fs.list(&logs).map_err(StorageError::io("list", &logs))?;
        // A crash while the very first topic was made leaves folders without a single log file.
        for name in names {
            let topic_dir = logs.join(name);
            for partition in self.fs.list(&topic_dir).unwrap_or_default() {
                let dir = topic_dir.join(partition);
                if !self.fs.list(&dir).unwrap_or_default().is_empty() {
                    let reason = format!("it is missing, but `{}` holds a log", dir.display());
                    return Err(StorageError::Metadata { path: path.to_path_buf(), reason });
                }
            }
        }
        Ok(())
    }

    fn remove_leftovers(&self, records: &TopicRecords) -> Result<(), StorageError> {
        let logs = self.folder.logs_dir();
        let known: Vec<_> = records.topics.iter().map(|topic| self.folder.topic_dir(&topic.name, topic.id)).collect();
        for name in self.fs.list(&logs).map_err(StorageError::io("list", &logs))? {
            let dir = logs.join(name);
            if !known.contains(&dir) {
                tracing::info!(path = %dir.display(), "removing what is left of a deleted topic");
                self.fs.remove_dir_all(&dir).map_err(StorageError::io("remove", &dir))?;
            }
        }
        Ok(())
    }

    fn records(&self) -> TopicRecords {
        TopicRecords { topics: self.all().iter().map(|topic| record(topic, topic.partition_count())).collect() }
    }

    fn store(&self, records: TopicRecords) -> Result<(), StorageError> {
        meta::store(self.fs.as_ref(), &self.folder.topics_file(), records)
    }

    fn insert(&self, topic: Arc<Topic>) {
        let mut maps = self.maps_mut();
        maps.by_id.insert(topic.shared.id, Arc::clone(&topic));
        maps.by_name.insert(topic.shared.name.clone(), topic);
    }

    fn maps(&self) -> RwLockReadGuard<'_, Maps> {
        self.maps.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn maps_mut(&self) -> RwLockWriteGuard<'_, Maps> {
        self.maps.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TopicLookup for Topics {
    fn has_partition(&self, topic: &str, partition: i32) -> bool {
        self.by_name(topic).is_some_and(|topic| (0..topic.partition_count()).contains(&partition))
    }
}

fn record(topic: &Topic, partitions: i32) -> TopicRecord {
    TopicRecord {
        name: topic.shared.name.clone(),
        id: topic.shared.id,
        partitions,
        configs: topic.shared.config().set().clone(),
    }
}

/// Kafka's rule: 1 to 249 of letters, digits, `.`, `_` and `-`, and not `.` or `..`.
pub(crate) fn check_name(name: &str) -> Result<(), TopicError> {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let reason = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." | ".." => format!("'{name}' is not allowed"),
        _ if name.len() > NAME_BYTES_MAX => {
            format!("the length of '{name}' is longer than the max allowed length {NAME_BYTES_MAX}")
        }
        _ if !name.bytes().all(legal) => {
            format!("'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' and '-'")
        }
        _ => return Ok(()),
    };
    Err(TopicError::InvalidName(reason))
}

/// A random id; Kafka keeps ids that begin with a dash out, since command lines take them for options.
pub(crate) fn new_topic_id() -> Uuid {
    loop {
        let id = Uuid::from_bytes(rand::random());
        if !id.is_nil() && !meta::topic_id_text(id).starts_with('-') {
            return id;
        }
    }
}

#[cfg(test)]
mod tests;
