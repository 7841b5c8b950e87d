//! Files of running jobs and of results. They are deleted when the last one who uses them lets go, and all of them when the server starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::OpenError;

/// Where the files are.
#[derive(Debug)]
pub(crate) struct ScratchFolder {
    path: PathBuf,
    next: AtomicU64,
}

/// A file that SQLite makes when it first writes to it.
#[derive(Debug)]
pub(crate) struct Scratch {
    path: PathBuf,
}

impl ScratchFolder {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Io { path: path.to_owned(), source };
        match std::fs::remove_dir_all(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => std::fs::create_dir_all(path).map_err(failed)?,
        }
        Ok(Self { path: path.to_owned(), next: AtomicU64::new(0) })
    }

    pub(crate) fn file(&self) -> Arc<Scratch> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Arc::new(Scratch { path: self.path.join(format!("{number}.sqlite")) })
    }
}

impl Scratch {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes on disk.
    pub(crate) fn size(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        for suffix in ["", "-journal", "-wal", "-shm"] {
            let mut path = self.path.clone().into_os_string();
            path.push(suffix);
            // A file that was never made, or one that the next start removes.
            if let Err(error) = std::fs::remove_file(&path)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(path = ?path, %error, "a scratch file stays until the next start");
            }
        }
    }
}
