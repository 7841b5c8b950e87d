//! The bytes of objects and of unfinished uploads: one numbered file each. Names of objects never become paths.
//!
//! A file is written once, from its beginning to its end, and means nothing until the journal names it: what the journal
//! does not name when the store opens is left over from a process that ended, and is removed.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use md5::{Digest as _, Md5};
use serde::{Deserialize, Serialize};

/// Bytes read at once when a digest is computed anew.
const READ_BYTES: usize = 256 * 1024;

/// The number of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct BlobId(pub(super) u64);

/// What a blob holds, by its sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Digest {
    pub(crate) size: u64,
    pub(crate) crc32c: u32,
    pub(crate) md5: [u8; 16],
}

/// The folder of blobs.
#[derive(Debug)]
pub(super) struct Blobs {
    folder: PathBuf,
    next: AtomicU64,
}

impl Blobs {
    /// Opens the folder; also gives the blobs that are there.
    pub(super) fn open(folder: PathBuf) -> io::Result<(Self, Vec<BlobId>)> {
        fs::create_dir_all(&folder)?;
        let mut found = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let name = entry?.file_name();
            // Other names are not ours.
            if let Some(id) = name.to_str().filter(|name| name.len() == 16).map(|name| u64::from_str_radix(name, 16)) {
                found.extend(id.map(BlobId));
            }
        }
        let next = found.iter().map(|id| id.0).max().unwrap_or(0).saturating_add(1);
        Ok((Self { folder, next: AtomicU64::new(next) }, found))
    }

    /// The journal names `id`: no later blob may have its number.
    pub(super) fn reserve(&self, id: BlobId) {
        self.next.fetch_max(id.0.saturating_add(1), Ordering::Relaxed);
    }

    /// A new, empty blob.
    pub(super) fn create(&self) -> io::Result<BlobWriter> {
        let id = BlobId(self.next.fetch_add(1, Ordering::Relaxed));
        let path = self.path(id);
        let file = OpenOptions::new().append(true).create_new(true).open(&path)?;
        Ok(BlobWriter {
            id,
            folder: self.folder.clone(),
            path,
            file: Some(file),
            is_new: true,
            is_kept: false,
            digest: Running::default(),
        })
    }

    /// Goes on with a blob of which the first `kept` bytes count.
    pub(super) fn resume(&self, id: BlobId, kept: u64) -> io::Result<BlobWriter> {
        let path = self.path(id);
        let file = OpenOptions::new().read(true).append(true).open(&path)?;
        if file.metadata()?.len() < kept {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the blob is shorter than was acknowledged"));
        }
        file.set_len(kept)?;
        let mut digest = Running::default();
        let mut reader = &file;
        let mut buffer = vec![0; READ_BYTES];
        loop {
            let count = reader.read(&mut buffer)?;
            let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
            digest.add(bytes);
        }
        let file = Some(file);
        Ok(BlobWriter { id, folder: self.folder.clone(), path, file, is_new: false, is_kept: true, digest })
    }

    pub(super) fn read(&self, id: BlobId) -> io::Result<File> {
        File::open(self.path(id))
    }

    /// A blob that can't be removed is tried again when the store opens.
    pub(super) fn remove(&self, id: BlobId) {
        remove(&self.path(id));
    }

    fn path(&self, id: BlobId) -> PathBuf {
        self.folder.join(format!("{:016x}", id.0))
    }
}

fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path) {
        tracing::warn!(%error, path = %path.display(), "a blob was not removed");
    }
}

#[derive(Clone)]
struct Running {
    size: u64,
    crc32c: u32,
    md5: Md5,
}

impl Default for Running {
    fn default() -> Self {
        Self { size: 0, crc32c: 0, md5: Md5::new() }
    }
}

impl Running {
    fn add(&mut self, bytes: &[u8]) {
        self.size = self.size.saturating_add(bytes.len() as u64);
        self.crc32c = crc32c::crc32c_append(self.crc32c, bytes);
        self.md5.update(bytes);
    }
}

/// Writes a blob and sums it. Dropped before [`BlobWriter::keep`], it leaves nothing.
pub(crate) struct BlobWriter {
    id: BlobId,
    folder: PathBuf,
    path: PathBuf,
    /// `None` between two requests of an upload, so that waiting uploads hold no descriptors.
    file: Option<File>,
    /// The folder does not durably name it yet.
    is_new: bool,
    is_kept: bool,
    digest: Running,
}

impl BlobWriter {
    pub(crate) fn id(&self) -> BlobId {
        self.id
    }

    pub(crate) fn size(&self) -> u64 {
        self.digest.size
    }

    pub(crate) fn digest(&self) -> Digest {
        let Running { size, crc32c, md5 } = self.digest.clone();
        Digest { size, crc32c, md5: md5.finalize().into() }
    }

    /// Adds to the end. After an error the blob may hold more than was counted; it must be dropped.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file()?.write_all(bytes)?;
        self.digest.add(bytes);
        Ok(())
    }

    /// Makes all that was written survive a power cut.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file()?.sync_all()?;
        if self.is_new {
            File::open(&self.folder)?.sync_all()?;
            self.is_new = false;
        }
        Ok(())
    }

    /// Closes the file until the next write.
    pub(crate) fn suspend(&mut self) {
        self.file = None;
    }

    /// The journal names it now, or the session does.
    pub(crate) fn keep(&mut self) {
        self.is_kept = true;
    }

    fn file(&mut self) -> io::Result<&mut File> {
        let opened = match self.file.take() {
            Some(file) => file,
            None => OpenOptions::new().append(true).open(&self.path)?,
        };
        Ok(self.file.insert(opened))
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if !self.is_kept {
            remove(&self.path);
        }
    }
}

impl std::fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobWriter").field("id", &self.id).field("size", &self.digest.size).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_that_is_not_kept_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, _) = Blobs::open(folder.path().to_owned()).unwrap();
        let mut blob = blobs.create().unwrap();
        blob.write(b"abc").unwrap();
        drop(blob);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_resumed_blob_forgets_what_was_not_acknowledged_and_sums_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let (blobs, _) = Blobs::open(folder.path().to_owned()).unwrap();
        let mut blob = blobs.create().unwrap();
        blob.write(b"{\"a\":1}\nlost").unwrap();
        blob.keep();
        blob.suspend();
        let id = blob.id();
        drop(blob);
        let (blobs, found) = Blobs::open(folder.path().to_owned()).unwrap();
        assert_eq!(found, [id]);
        let mut blob = blobs.resume(id, 7).unwrap();
        blob.write(b"\n").unwrap();
        let digest = blob.digest();
        assert_eq!((digest.size, digest.crc32c.to_be_bytes()), (8, [0x33, 0x74, 0x37, 0xe6]));
        assert_eq!(digest.md5, <[u8; 16]>::from(Md5::digest(b"{\"a\":1}\n")));
        assert!(blobs.resume(id, 9).is_err(), "shorter than was acknowledged");
        assert_ne!(blobs.create().unwrap().id(), id);
    }
}
