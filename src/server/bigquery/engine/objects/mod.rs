//! The engine's only door to object storage.

mod http;
#[cfg(test)]
mod memory;
mod uri;

use std::io::Read;

pub use http::{HttpObjects, StorageUrlError};
#[cfg(test)]
pub(crate) use memory::MemoryObjects;
pub(crate) use uri::{GsUri, expand, is_taken, storage_error};

/// An object as storage knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    pub bucket: String,
    pub name: String,
    /// In bytes.
    pub size: u64,
    /// Another content has another one.
    pub generation: i64,
}

impl ObjectInfo {
    /// `gs://bucket/name`.
    pub fn uri(&self) -> String {
        format!("gs://{}/{}", self.bucket, self.name)
    }
}

/// Why storage did not give what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ObjectsError {
    #[error("no such object: {uri}")]
    NotFound { uri: String },
    #[error("storage at {url} did not answer: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("storage answered {status} for {uri}: {message}")]
    Refused { uri: String, status: u16, message: String },
    #[error("more than {max} objects match {uri}")]
    TooMany { uri: String, max: usize },
}

/// Objects of `gs://` addresses. All calls block.
pub trait Objects: Send + Sync {
    /// Those of `bucket` whose names begin with `prefix`, by name; never more than `max`: more is an error.
    fn list(&self, bucket: &str, prefix: &str, max: usize) -> Result<Vec<ObjectInfo>, ObjectsError>;

    /// What storage knows about one object.
    fn stat(&self, bucket: &str, name: &str) -> Result<ObjectInfo, ObjectsError>;

    /// The bytes of an object as they are stored, from the first on: of exactly this generation.
    fn open(&self, object: &ObjectInfo) -> Result<Box<dyn Read + Send>, ObjectsError>;

    /// Writes a whole object, in place of one of the same name.
    fn write(
        &self,
        bucket: &str,
        name: &str,
        content_type: &str,
        content: Box<dyn Read + Send>,
    ) -> Result<ObjectInfo, ObjectsError>;
}
