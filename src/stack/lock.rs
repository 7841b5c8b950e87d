//! One stockdev at a time changes a project.
//!
//! The lock is an advisory lock on a file in the runtime folder: the system lets go of it however its holder ends. The
//! file holds the holder's process id, only to name it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};

use super::files::{FileError, create_private_folder};
use super::folders::ProjectFolders;

#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another stockdev holds this project{}", holder.map(|pid| format!(" (pid {pid})")).unwrap_or_default())]
    Busy { holder: Option<u32> },
    #[error(transparent)]
    File(#[from] FileError),
}

/// Held while a command changes the project. Dropping it lets go.
#[derive(Debug)]
pub struct ProjectLock {
    file: File,
    path: std::path::PathBuf,
    root: std::path::PathBuf,
}

impl ProjectLock {
    /// Takes the lock, or says who has it.
    pub fn take(folders: &ProjectFolders) -> Result<Self, LockError> {
        create_private_folder(&folders.runtime)?;
        let path = &folders.lock;
        // The holder before us may have removed the file while we opened it: then we hold nothing, and try again.
        for _ in 0..16 {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(path)
                .map_err(FileError::new("open", path))?;
            match file.try_lock() {
                Ok(()) if is_still(&file, path) => {
                    write_holder(&mut file).map_err(FileError::new("write", path))?;
                    return Ok(Self { file, path: path.clone(), root: folders.root.clone() });
                }
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Err(LockError::Busy { holder: read_holder(&mut file) }),
                Err(TryLockError::Error(error)) => return Err(FileError::new("lock", path)(error).into()),
            }
        }
        Err(LockError::Busy { holder: None })
    }

    /// The state folder of the project that is locked.
    pub fn root(&self) -> &std::path::Path {
        &self.root
    }

    /// Removes the lock file too: nothing of the project is left.
    pub fn remove(self) -> Result<(), FileError> {
        super::files::remove(&self.path)?;
        drop(self.file);
        Ok(())
    }
}

fn is_still(file: &File, path: &std::path::Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(ours), Ok(there)) => (ours.dev(), ours.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

fn read_holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folders(root: &std::path::Path) -> ProjectFolders {
        ProjectFolders {
            root: root.join("state"),
            lock: root.join("run/p.lock"),
            ephemeral_data: root.join("run/p.data"),
            failed_logs: root.join("cache/p"),
            runtime: root.join("run"),
        }
    }

    #[test]
    fn a_second_taker_is_told_who_holds_it() {
        let folder = tempfile::tempdir().unwrap();
        let folders = folders(folder.path());
        let lock = ProjectLock::take(&folders).unwrap();
        match ProjectLock::take(&folders) {
            Err(LockError::Busy { holder }) => assert_eq!(holder, Some(std::process::id())),
            other => panic!("{other:?}"),
        }
        lock.remove().unwrap();
        assert!(!folders.lock.exists());
        drop(ProjectLock::take(&folders).unwrap());
        drop(ProjectLock::take(&folders).unwrap());
    }
}
