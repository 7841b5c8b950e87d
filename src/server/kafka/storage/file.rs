//! The seam between formats and the file system: a small trait with the real implementation, and one for tests that
//! fails at the n-th call.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSlice, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StorageError;

/// The calls the storage makes on folders and whole files.
pub(crate) trait FileSystem: Debug + Send + Sync {
    /// Opens for reading and appending, made when absent.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>>;
    /// The whole file; `None` when it does not exist.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
    fn create_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Names of the entries; empty when the folder does not exist.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    fn remove_file(&self, path: &Path) -> io::Result<()>;
    fn remove_dir_all(&self, path: &Path) -> io::Result<()>;
    /// Makes entries made, renamed or removed in this folder survive a power cut.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

/// The calls the storage makes on an open file.
pub(crate) trait LogFile: Debug + Send + Sync {
    fn len(&self) -> io::Result<u64>;
    /// Appends all the slices, in order.
    fn append(&self, slices: &mut [IoSlice<'_>]) -> io::Result<()>;
    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()>;
    fn set_len(&self, len: u64) -> io::Result<()>;
    fn sync_data(&self) -> io::Result<()>;
}

/// The real file system.
#[derive(Debug, Default)]
pub(crate) struct RealFileSystem;

impl FileSystem for RealFileSystem {
    fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
        let file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(path) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        // A name that is not UTF-8 is not ours.
        entries
            .map(|entry| entry.map(|entry| entry.file_name().into_string().ok()))
            .filter_map(Result::transpose)
            .collect()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir_all(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }
}

#[derive(Debug)]
struct RealFile(File);

impl LogFile for RealFile {
    fn len(&self) -> io::Result<u64> {
        self.0.metadata().map(|metadata| metadata.len())
    }

    fn append(&self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        // As `write_all_vectored`, which is not stable yet.
        IoSlice::advance_slices(&mut slices, 0);
        while !slices.is_empty() {
            match (&self.0).write_vectored(slices) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => IoSlice::advance_slices(&mut slices, count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
        self.0.read_exact_at(buffer, position)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

/// Puts `bytes` in place of whatever `path` holds, so that a crash leaves the old or the new content, whole.
pub(crate) fn replace_file(fs: &dyn FileSystem, path: &Path, bytes: &[u8]) -> Result<(), StorageError> {
    let temp = temp_path(path);
    let file = fs.open(&temp).map_err(StorageError::io("open", &temp))?;
    file.set_len(0).map_err(StorageError::io("empty", &temp))?;
    file.append(&mut [IoSlice::new(bytes)]).map_err(StorageError::io("write", &temp))?;
    file.sync_data().map_err(StorageError::io("sync", &temp))?;
    fs.rename(&temp, path).map_err(StorageError::io("rename over", path))?;
    sync_parent(fs, path)
}

/// Makes the entry of `path` in its folder survive a power cut.
pub(crate) fn sync_parent(fs: &dyn FileSystem, path: &Path) -> Result<(), StorageError> {
    let parent = path.parent().unwrap_or(Path::new("."));
    fs.sync_dir(parent).map_err(StorageError::io("sync folder", parent))
}

fn temp_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}

/// A file system whose n-th changing call fails, and all after it: the process that died there.
#[cfg(test)]
pub(crate) mod failing {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[derive(Debug, Clone)]
    pub(crate) struct FailingFileSystem {
        calls_left: Arc<AtomicI64>,
    }

    impl FailingFileSystem {
        pub(crate) fn after(calls: i64) -> Self {
            Self { calls_left: Arc::new(AtomicI64::new(calls)) }
        }

        pub(crate) fn never() -> Self {
            Self::after(i64::MAX)
        }

        pub(crate) fn fail_after(&self, calls: i64) {
            self.calls_left.store(calls, Ordering::SeqCst);
        }

        pub(crate) fn has_failed(&self) -> bool {
            self.calls_left.load(Ordering::SeqCst) < 0
        }

        fn count(&self) -> io::Result<()> {
            match self.calls_left.fetch_sub(1, Ordering::SeqCst) {
                left if left > 0 => Ok(()),
                _ => Err(io::Error::other("injected failure")),
            }
        }
    }

    impl FileSystem for FailingFileSystem {
        fn open(&self, path: &Path) -> io::Result<Arc<dyn LogFile>> {
            self.count()?;
            Ok(Arc::new(FailingFile { inner: RealFileSystem.open(path)?, fs: self.clone() }))
        }

        fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
            RealFileSystem.read(path)
        }

        fn create_dir_all(&self, path: &Path) -> io::Result<()> {
            self.count()?;
            RealFileSystem.create_dir_all(path)
        }

        fn list(&self, path: &Path) -> io::Result<Vec<String>> {
            RealFileSystem.list(path)
        }

        fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
            self.count()?;
            RealFileSystem.rename(from, to)
        }

        fn remove_file(&self, path: &Path) -> io::Result<()> {
            self.count()?;
            RealFileSystem.remove_file(path)
        }

        fn remove_dir_all(&self, path: &Path) -> io::Result<()> {
            self.count()?;
            RealFileSystem.remove_dir_all(path)
        }

        fn sync_dir(&self, path: &Path) -> io::Result<()> {
            self.count()?;
            RealFileSystem.sync_dir(path)
        }
    }

    #[derive(Debug)]
    struct FailingFile {
        inner: Arc<dyn LogFile>,
        fs: FailingFileSystem,
    }

    impl LogFile for FailingFile {
        fn len(&self) -> io::Result<u64> {
            self.inner.len()
        }

        fn append(&self, slices: &mut [IoSlice<'_>]) -> io::Result<()> {
            if let Err(error) = self.fs.count() {
                // The worst a failing write does: part of the bytes are there.
                let half = slices.first().map(|slice| slice.to_vec()).unwrap_or_default();
                let half = half.get(..half.len() / 2).unwrap_or_default();
                self.inner.append(&mut [IoSlice::new(half)])?;
                return Err(error);
            }
            self.inner.append(slices)
        }

        fn read_exact_at(&self, buffer: &mut [u8], position: u64) -> io::Result<()> {
            self.inner.read_exact_at(buffer, position)
        }

        fn set_len(&self, len: u64) -> io::Result<()> {
            self.fs.count()?;
            self.inner.set_len(len)
        }

        fn sync_data(&self) -> io::Result<()> {
            self.fs.count()?;
            self.inner.sync_data()
        }
    }
}
