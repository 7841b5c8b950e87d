//! The data folder: who holds it, and the number of its format.

use std::fs::{File, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Raised when older servers can't read what this one writes.
const FORMAT: u32 = 1;

/// The folder can't be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("`{path}` can't be used: {source}")]
    Io { path: PathBuf, source: std::io::Error },
    #[error("`{path}` is in use by another BigQuery server")]
    Locked { path: PathBuf },
    #[error("`{path}` was written by a newer version: its format is {found}, this version reads up to {FORMAT}")]
    Newer { path: PathBuf, found: u32 },
    #[error("`{path}` does not hold a format number")]
    BadFormat { path: PathBuf },
    #[error("the database in `{path}` can't be used: {source}")]
    Database { path: PathBuf, source: rusqlite::Error },
}

/// Held as long as this lives.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    _lock: File,
}

impl Folder {
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Io { path, source }
        };
        std::fs::create_dir_all(path).map_err(failed(path))?;
        let lock_path = path.join("lock");
        let lock = File::options().create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(failed(&lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::Locked { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(OpenError::Io { path: lock_path, source }),
        }
        check_format(&path.join("format"))?;
        Ok(Self { path: path.to_owned(), _lock: lock })
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("bigquery.sqlite")
    }

    /// Of files that need not outlive the server.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.path.join("scratch")
    }
}

/// The number is written before anything else, so that a folder without one is new.
fn check_format(path: &Path) -> Result<(), OpenError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let found = text.trim().parse().map_err(|_| OpenError::BadFormat { path: path.to_owned() })?;
            if found > FORMAT { Err(OpenError::Newer { path: path.to_owned(), found }) } else { Ok(()) }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            write_format(path).map_err(|source| OpenError::Io { path: path.to_owned(), source })
        }
        Err(source) => Err(OpenError::Io { path: path.to_owned(), source }),
    }
}

fn write_format(path: &Path) -> std::io::Result<()> {
    let part = path.with_extension("part");
    let mut file = File::create(&part)?;
    writeln!(file, "{FORMAT}")?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    match path.parent() {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_has_one_holder_and_no_newer_format() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("deep/bigquery");
        let held = Folder::open(&path).unwrap();
        assert!(matches!(Folder::open(&path), Err(OpenError::Locked { .. })));
        drop(held);
        drop(Folder::open(&path).unwrap());
        std::fs::write(path.join("format"), "2\n").unwrap();
        let error = Folder::open(&path).unwrap_err().to_string();
        assert!(error.ends_with("its format is 2, this version reads up to 1"), "{error}");
        std::fs::write(path.join("format"), "x").unwrap();
        assert!(matches!(Folder::open(&path), Err(OpenError::BadFormat { .. })));
    }
}
