//! What is kept of a bucket, an object and an upload. These types are the journal's format: serde writes them as they are.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::blob::{BlobId, Digest};
use super::condition::Conditions;

/// A bucket's own properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Bucket {
    pub(crate) name: String,
    pub(crate) project: String,
    /// Upper case: `EU`, `US-EAST1`.
    pub(crate) location: String,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) metageneration: i64,
    pub(crate) settings: BucketSettings,
}

/// What a client may change of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BucketSettings {
    pub(crate) storage_class: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<String, String>,
    /// Whether replaced and deleted objects stay as noncurrent versions.
    #[serde(default)]
    pub(crate) keeps_versions: bool,
}

/// What a client may change of an object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Attributes {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_encoding: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_disposition: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) content_language: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cache_control: Option<String>,
    /// `None`: the bucket's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) storage_class: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) temporary_hold: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) event_based_hold: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) metadata: BTreeMap<String, String>,
}

/// One generation of an object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Object {
    pub(crate) name: String,
    /// Microseconds since 1970 when it was made, or one more than the one before.
    pub(crate) generation: i64,
    pub(crate) metageneration: i64,
    pub(crate) size: u64,
    pub(crate) crc32c: u32,
    /// Composed objects have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) md5: Option<[u8; 16]>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) component_count: Option<i32>,
    pub(crate) blob: BlobId,
    pub(crate) created: Timestamp,
    pub(crate) updated: Timestamp,
    pub(crate) storage_class: String,
    pub(crate) storage_class_updated: Timestamp,
    /// When it became a noncurrent version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deleted: Option<Timestamp>,
    pub(crate) attributes: Attributes,
}

/// An object to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Draft {
    pub(crate) bucket: String,
    pub(crate) name: String,
    pub(crate) attributes: Attributes,
    /// When the object is put in place.
    pub(crate) conditions: Conditions,
    /// What the content must be.
    #[serde(default)]
    pub(crate) checksums: Checksums,
}

/// Sums that a client gave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Checksums {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) crc32c: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) md5: Option<[u8; 16]>,
}

impl Checksums {
    /// Takes those that `other` has.
    pub(crate) fn merge(&mut self, other: Self) {
        self.crc32c = other.crc32c.or(self.crc32c);
        self.md5 = other.md5.or(self.md5);
    }
}

/// A resumable upload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) id: String,
    pub(crate) draft: Draft,
    pub(crate) created: Timestamp,
    /// `X-Upload-Content-Length`, if the client gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size_announced: Option<u64>,
    pub(crate) blob: BlobId,
    /// Bytes that were acknowledged.
    pub(crate) kept: u64,
    /// What came of it; it has then no bytes of its own any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) finished: Option<Arc<Object>>,
}

/// A blob as an object holds it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Content {
    pub(super) blob: BlobId,
    pub(super) size: u64,
    pub(super) crc32c: u32,
    pub(super) md5: Option<[u8; 16]>,
    pub(super) component_count: Option<i32>,
}

impl Content {
    pub(super) fn new(blob: BlobId, digest: Digest) -> Self {
        Self { blob, size: digest.size, crc32c: digest.crc32c, md5: Some(digest.md5), component_count: None }
    }

    pub(super) fn of(object: &Object) -> Self {
        Self {
            blob: object.blob,
            size: object.size,
            crc32c: object.crc32c,
            md5: object.md5,
            component_count: object.component_count,
        }
    }
}
