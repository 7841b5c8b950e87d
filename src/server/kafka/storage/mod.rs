//! The append-only log on disk, in Apache Kafka's own segment layout, and the small files beside it.
//!
//! `file` is the seam to the file system, so that tests can make any call fail. `segment` and `index` hold one log file,
//! `recovery` opens one, `log` strings them together for a partition, `meta` keeps topics and ids, `offsets` what consumer
//! groups committed.
//!
//! Order of writes: records are in the file (and, with fsync, on the disk) before they are visible to a reader or
//! acknowledged; topic metadata is replaced whole (temp file, fsync, rename, fsync of the folder) before the answer.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub(crate) mod file;
pub(crate) mod index;
pub(crate) mod log;
pub(crate) mod meta;
pub(crate) mod offsets;
pub(crate) mod recovery;
pub(crate) mod segment;

/// What goes wrong between the broker and its disk.
#[derive(Debug, Error)]
pub enum StorageError {
    /// A file call failed.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's answer.
        #[source]
        source: io::Error,
    },
    /// A log file is damaged before its tail: nothing is repaired by guessing.
    #[error("`{}` is corrupt at byte {position}: {reason}", path.display())]
    Corrupt {
        /// The log file.
        path: PathBuf,
        /// Where in it.
        position: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A metadata file cannot be understood.
    #[error("`{}` is not readable: {reason}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// An earlier write or sync failed; what the disk holds is known again only after reopening.
    #[error("`{}` takes no writes after a failed one: reopen it", path.display())]
    Poisoned {
        /// The partition's folder.
        path: PathBuf,
    },
}

impl StorageError {
    /// For `map_err`: adds what was tried on which path.
    pub(crate) fn io<'a>(action: &'static str, path: &'a Path) -> impl FnOnce(io::Error) -> Self + 'a {
        move |source| Self::Io { action, path: path.to_path_buf(), source }
    }
}
