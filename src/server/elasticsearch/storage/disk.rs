//! The seam between the write-ahead log and the file system: the real one here, and in tests one that fails at a chosen call.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the log needs of a file system.
pub(crate) trait Disk: Send + Sync + Debug {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;
    /// The files of a folder, in no order.
    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>>;
    /// A new file; an error where one is there already.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes new and removed names of a folder durable.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
}

/// What the log needs of a file. Positions are explicit, so that readers and the one writer share it.
pub(crate) trait DiskFile: Send + Sync + Debug {
    fn length(&self) -> io::Result<u64>;
    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()>;
    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;
    fn set_length(&self, length: u64) -> io::Result<()>;
    /// Returns when everything written is on the medium.
    fn sync(&self) -> io::Result<()>;
}

/// The operating system's.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct RealDisk;

impl Disk for RealDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        fs::create_dir_all(dir)
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
        fs::read_dir(dir)?.map(|entry| entry.map(|entry| entry.path())).collect()
    }

    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
        Ok(Arc::new(file))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).open(path)?;
        Ok(Arc::new(file))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }
}

impl DiskFile for File {
    fn length(&self) -> io::Result<u64> {
        self.metadata().map(|metadata| metadata.len())
    }

    fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
        FileExt::read_exact_at(self, bytes, offset)
    }

    fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        FileExt::write_all_at(self, bytes, offset)
    }

    fn set_length(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }
}

#[cfg(test)]
pub(crate) mod testing {
    //! A disk that fails, and one that forgets what was not synced.

    use std::collections::HashMap;
    use std::sync::Mutex;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts changing calls; the n-th (from 0) and all behind it fail. Remembers how far each file is durable.
    #[derive(Debug)]
    pub(crate) struct FaultyDisk {
        shared: Arc<Shared>,
    }

    #[derive(Debug)]
    struct Shared {
        calls: AtomicUsize,
        fail_from: usize,
        durable: Mutex<HashMap<PathBuf, u64>>,
    }

    #[derive(Debug)]
    struct FaultyFile {
        path: PathBuf,
        file: Arc<dyn DiskFile>,
        shared: Arc<Shared>,
    }

    impl FaultyDisk {
        pub(crate) fn failing_from(call: usize) -> Arc<Self> {
            let shared = Shared { calls: AtomicUsize::new(0), fail_from: call, durable: Mutex::default() };
            Arc::new(Self { shared: Arc::new(shared) })
        }

        pub(crate) fn calls(&self) -> usize {
            self.shared.calls.load(Ordering::SeqCst)
        }

        /// What a power cut leaves: each file as long as at its last sync.
        pub(crate) fn cut_power(&self) {
            for (path, length) in self.shared.durable.lock().unwrap().iter() {
                if let Ok(file) = OpenOptions::new().write(true).open(path) {
                    file.set_len(*length).unwrap();
                }
            }
        }

        fn file(&self, path: &Path, file: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
            Arc::new(FaultyFile { path: path.to_owned(), file, shared: Arc::clone(&self.shared) })
        }
    }

    impl Shared {
        fn count(&self) -> io::Result<()> {
            if self.calls.fetch_add(1, Ordering::SeqCst) >= self.fail_from {
                return Err(io::Error::other("injected failure"));
            }
            Ok(())
        }
    }

    impl Disk for FaultyDisk {
        fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
            RealDisk.create_dir_all(dir)
        }

        fn list(&self, dir: &Path) -> io::Result<Vec<PathBuf>> {
            RealDisk.list(dir)
        }

        fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
            self.shared.count()?;
            let file = RealDisk.create(path)?;
            self.shared.durable.lock().unwrap().insert(path.to_owned(), 0);
            Ok(self.file(path, file))
        }

        fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
            let file = RealDisk.open(path)?;
            self.shared.durable.lock().unwrap().insert(path.to_owned(), file.length()?);
            Ok(self.file(path, file))
        }

        fn remove(&self, path: &Path) -> io::Result<()> {
            self.shared.count()?;
            self.shared.durable.lock().unwrap().remove(path);
            RealDisk.remove(path)
        }

        fn sync_dir(&self, dir: &Path) -> io::Result<()> {
            self.shared.count()?;
            RealDisk.sync_dir(dir)
        }
    }

    impl DiskFile for FaultyFile {
        fn length(&self) -> io::Result<u64> {
            self.file.length()
        }

        fn read_exact_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<()> {
            self.file.read_exact_at(bytes, offset)
        }

        fn write_all_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
            if let Err(error) = self.shared.count() {
                // A failed write may leave part of its bytes.
                let half = bytes.get(..bytes.len() / 2).unwrap_or_default();
                self.file.write_all_at(half, offset)?;
                return Err(error);
            }
            self.file.write_all_at(bytes, offset)
        }

        fn set_length(&self, length: u64) -> io::Result<()> {
            self.shared.count()?;
            self.file.set_length(length)
        }

        fn sync(&self) -> io::Result<()> {
            self.shared.count()?;
            self.file.sync()?;
            let length = self.file.length()?;
            self.shared.durable.lock().unwrap().insert(self.path.clone(), length);
            Ok(())
        }
    }
}
