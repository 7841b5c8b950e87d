//! What the store refuses, and why.

use std::io;

/// A request to the store was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    #[error("bucket `{0}` does not exist")]
    NoBucket(String),
    #[error("object `{bucket}/{name}` does not exist")]
    NoObject { bucket: String, name: String },
    #[error("upload `{0}` does not exist")]
    NoSession(String),
    #[error("bucket `{0}` exists")]
    BucketExists(String),
    #[error("bucket `{0}` is not empty")]
    BucketNotEmpty(String),
    #[error("a precondition does not hold")]
    ConditionNotMet,
    /// A `NotMatch` condition fails.
    #[error("it is what the client knows already")]
    NotModified,
    #[error("object `{bucket}/{name}` is under a hold")]
    Held { bucket: String, name: String, event_based: bool },
    /// `kind`: `CRC32C` or `MD5`; the sums in Base64.
    #[error("{kind} is `{found}`, not `{given}`")]
    Checksum { kind: &'static str, given: String, found: String },
    #[error("a part's size and the whole do not fit: {0}")]
    Size(String),
    #[error("an object can't be moved onto itself")]
    OntoItself,
    #[error("too many uploads are open")]
    TooManySessions,
    #[error("cannot write: {0}")]
    Io(#[from] io::Error),
}
