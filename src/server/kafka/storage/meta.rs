//! The small files of the data folder: which cluster this is, which topics there are, which producer ids were given out.
//! Each is JSON and replaced whole.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::StorageError;
use super::file::{FileSystem, replace_file};

/// The layout all three files have; a later one is refused rather than misread.
const LAYOUT: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
struct Envelope<T> {
    layout: u32,
    #[serde(flatten)]
    content: T,
}

/// Who this cluster is.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct ClusterRecord {
    pub(crate) cluster_id: String,
}

/// All topics.
#[derive(Debug, Clone, Default, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct TopicRecords {
    pub(crate) topics: Vec<TopicRecord>,
}

/// One topic, with the configs that differ from the defaults.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct TopicRecord {
    pub(crate) name: String,
    /// In Kafka's form: 22 characters of URL-safe base 64.
    #[serde(with = "topic_id")]
    pub(crate) id: Uuid,
    pub(crate) partitions: i32,
    pub(crate) configs: BTreeMap<String, String>,
}

/// The first producer id that was never given out.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct ProducerIdRecord {
    pub(crate) next_producer_id: i64,
}

/// Where the files of a data folder are.
#[derive(Debug, Clone)]
pub(crate) struct DataFolder {
    pub(crate) root: PathBuf,
}

impl DataFolder {
    pub(crate) fn cluster_file(&self) -> PathBuf {
        self.root.join("cluster.json")
    }

    pub(crate) fn topics_file(&self) -> PathBuf {
        self.root.join("topics.json")
    }

    pub(crate) fn producer_ids_file(&self) -> PathBuf {
        self.root.join("producer-ids.json")
    }

    pub(crate) fn lock_file(&self) -> PathBuf {
        self.root.join(".lock")
    }

    pub(crate) fn groups_dir(&self) -> PathBuf {
        self.root.join("groups")
    }

    pub(crate) fn logs_dir(&self) -> PathBuf {
        self.root.join("logs")
    }

    /// `<name>.<id>`: the id keeps a topic made again apart from the files of its predecessor; long names are cut, since a
    /// file name holds 255 bytes.
    pub(crate) fn topic_dir(&self, name: &str, id: Uuid) -> PathBuf {
        let short = name.get(..name.len().min(200)).unwrap_or(name);
        self.logs_dir().join(format!("{short}.{}", topic_id_text(id)))
    }

    pub(crate) fn partition_dir(&self, name: &str, id: Uuid, partition: i32) -> PathBuf {
        self.topic_dir(name, id).join(partition.to_string())
    }
}

/// Reads a file; `None` when there is none.
pub(crate) fn load<T: DeserializeOwned>(fs: &dyn FileSystem, path: &Path) -> Result<Option<T>, StorageError> {
    let Some(bytes) = fs.read(path).map_err(StorageError::io("read", path))? else { return Ok(None) };
    let unreadable = |reason: String| StorageError::Metadata { path: path.to_path_buf(), reason };
    let envelope: Envelope<T> = serde_json::from_slice(&bytes).map_err(|error| unreadable(error.to_string()))?;
    match envelope.layout {
        LAYOUT => Ok(Some(envelope.content)),
        other => Err(unreadable(format!("layout {other} is not known to this version"))),
    }
}

/// Replaces a file, durably.
pub(crate) fn store<T: Serialize>(fs: &dyn FileSystem, path: &Path, content: T) -> Result<(), StorageError> {
    let bytes = serde_json::to_vec(&Envelope { layout: LAYOUT, content })
        .map_err(|error| StorageError::Metadata { path: path.to_path_buf(), reason: error.to_string() })?;
    replace_file(fs, path, &bytes)
}

/// A topic id as Kafka prints it.
pub(crate) fn topic_id_text(id: Uuid) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(id.as_bytes())
}

mod topic_id {
    use base64::Engine as _;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};
    use uuid::Uuid;

    pub(super) fn serialize<S: Serializer>(id: &Uuid, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::topic_id_text(*id))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Uuid, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).map_err(D::Error::custom)?;
        Uuid::from_slice(&bytes).map_err(D::Error::custom)
    }
}
