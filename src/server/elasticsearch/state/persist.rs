//! How state reaches the disk. One file is replaced whole: written beside, fsynced, renamed over, the folder fsynced; so a
//! kill at any moment leaves the old or the new one.
//!
//! | path under the data folder | holds | commit point |
//! |---|---|---|
//! | `lock` | the lock of the process that serves the folder | |
//! | `cluster.json` | identity, templates, cluster settings, aliases by index uuid | its replacement |
//! | `indices/<uuid>/meta.json` | name, settings, mapping of one index | its first replacement makes the index |
//! | `indices/<uuid>/shard/` | the engine's files | made before `meta.json` |
//! | `indices/<uuid>.deleted/` | an index on its way out | the rename deletes the index |
//!
//! So after a crash: a folder without `meta.json` was never acknowledged and goes; a `.deleted` folder goes; aliases of a uuid
//! without an index are dropped (an index's aliases are written before it is committed).

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::server::elasticsearch::error::ApiError;

/// Why a data folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot use `{}`: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("`{}` is served by another process", path.display())]
    Locked { path: PathBuf },
    #[error("`{}` is damaged: {reason}", path.display())]
    Corrupt { path: PathBuf, reason: String },
    #[error("the index `{index}` cannot be recovered: {reason}")]
    Index { index: String, reason: String },
}

impl OpenError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
        let path = path.to_owned();
        move |source| OpenError::Io { path, source }
    }
}

/// Replaces `path` by `bytes`, durably.
pub(super) fn replace_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    sync_dir(path.parent().unwrap_or(Path::new(".")))
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Reads a file of state; none where there is none.
pub(super) fn read_json(path: &Path) -> Result<Option<Value>, OpenError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(OpenError::Io { path: path.to_owned(), source }),
    };
    let value = serde_json::from_slice(&bytes)
        .map_err(|error| OpenError::Corrupt { path: path.to_owned(), reason: error.to_string() })?;
    Ok(Some(value))
}

/// Takes the folder for this process, until the file is dropped.
pub(super) fn lock(data_dir: &Path) -> Result<File, OpenError> {
    let path = data_dir.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(OpenError::io(&path))?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Locked { path: data_dir.to_owned() }),
        Err(error) => Err(OpenError::Io { path, source: error.into() }),
    }
}

/// A change that could not be written: nothing of it happened.
pub(super) fn not_written(path: &Path, error: &io::Error) -> ApiError {
    tracing::error!(path = %path.display(), %error, "state was not written");
    ApiError::new(500, "i_o_exception", format!("cannot write [{}]: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_whole_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("meta.json");
        replace_file(&path, b"{\"a\":1}").unwrap();
        replace_file(&path, b"{\"a\":2}").unwrap();
        assert_eq!(read_json(&path).unwrap().unwrap()["a"], 2);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(read_json(&dir.path().join("none")).unwrap(), None);
    }

    #[test]
    fn a_folder_is_served_by_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let held = lock(dir.path()).unwrap();
        assert!(matches!(lock(dir.path()), Err(OpenError::Locked { .. })));
        drop(held);
        lock(dir.path()).unwrap();
    }
}
