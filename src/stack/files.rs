//! One function replaces a file, so that a crash leaves the old one or the new one, never half of one.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A file operation that failed, with the path it was about.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} `{}`: {source}", path.display())]
pub struct FileError {
    pub action: &'static str,
    pub path: PathBuf,
    #[source]
    pub source: io::Error,
}

impl FileError {
    pub fn new(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_owned();
        move |source| Self { action, path, source }
    }
}

/// Replaces `path` by `bytes`: a temporary file beside it, fsync, rename, fsync of the folder.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = path.with_extension("tmp");
    let mut file = File::create(&temporary).map_err(FileError::new("create", &temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(FileError::new("write", &temporary))?;
    drop(file);
    fs::rename(&temporary, path).map_err(FileError::new("replace", path))?;
    if let Some(folder) = path.parent() {
        // Of a bare name the folder is the one that we are in.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(FileError::new("sync", folder))?;
    }
    Ok(())
}

/// As [`replace_file`], for a secret: from its first moment only its owner may read it.
pub(super) fn replace_private_file(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let temporary = path.with_extension("tmp");
    remove(&temporary)?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    let mut file = options.open(&temporary).map_err(FileError::new("create", &temporary))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(FileError::new("write", &temporary))?;
    drop(file);
    fs::rename(&temporary, path).map_err(FileError::new("replace", path))
}

/// The file's content, or `None` when there is no such file.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(FileError::new("read", path)(error)),
    }
}

/// Creates a folder, and those above it, that only its owner may look into.
pub fn create_private_folder(path: &Path) -> Result<(), FileError> {
    fs::create_dir_all(path).map_err(FileError::new("create folder", path))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(FileError::new("restrict", path))?;
    }
    Ok(())
}

/// Removes a file or a whole folder; absence is success.
pub fn remove(path: &Path) -> Result<bool, FileError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(FileError::new("remove", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_leaves_only_the_new_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        replace_file(&path, b"one").unwrap();
        replace_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_failure_names_what_and_where() {
        let error = replace_file(Path::new("/nowhere/at/all/state.json"), b"x").unwrap_err();
        assert!(error.to_string().starts_with("cannot create `/nowhere/at/all/state.tmp`: "), "{error}");
    }

    #[test]
    fn removing_what_is_not_there_is_success() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!remove(&folder.path().join("absent")).unwrap());
        fs::create_dir_all(folder.path().join("a/b")).unwrap();
        assert!(remove(&folder.path().join("a")).unwrap());
    }
}
