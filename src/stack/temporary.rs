//! Folders that go with the value that stands for them.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use super::files::{FileError, create_private_folder, remove};

/// A folder of this process's own, removed when dropped.
#[derive(Debug)]
pub struct TemporaryFolder(PathBuf);

impl TemporaryFolder {
    pub fn new() -> Result<Self, FileError> {
        let folder = Self(std::env::temp_dir().join(format!("stockdev-{}", unique_name())));
        create_private_folder(&folder.0)?;
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TemporaryFolder {
    fn drop(&mut self) {
        // Whoever dropped it is done: nobody is there to be told.
        let _stays = remove(&self.0).is_err();
    }
}

/// A name that nothing else in this process uses, and no other process that lives.
pub fn unique_name() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
