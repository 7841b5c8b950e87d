//! The write-ahead log of one index: every acknowledged operation is in it, on the medium, until a tantivy commit holds it.
//!
//! Files are `<generation>.log`, 20 digits, each a header and frames; a frame is what one write appended, with a checksum:
//!
//! | bytes | header | | bytes | frame |
//! |---|---|---|---|---|
//! | 8 | `SDTLOG01` | | 4 | `SDfr` |
//! | 8 | generation | | 4 | length of the operations |
//! | 4 | CRC-32C of both | | 8 | how far the file was durable when this was written |
//! | | | | 4 | CRC-32C of the two above and the operations |
//!
//! Integers are big-endian. Order of writes: a frame is appended, then synced (one sync for all that wait), then acknowledged. So a
//! crash leaves a bad frame only behind the last synced byte; such a tail is cut. A bad frame with a good one behind it that says
//! the place was durable is corruption: opening refuses and names file and position.

mod frame;
mod group;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::disk::{Disk, DiskFile};
use frame::{FRAME_HEAD, HEADER};

pub(crate) use frame::{Operation, OperationKind};
pub(crate) use group::SyncGroup;

/// Where an operation lies in the log.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    file: Arc<dyn DiskFile>,
    offset: u64,
    length: usize,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum TranslogError {
    #[error("write-ahead log `{path}`: {source}")]
    Io { path: PathBuf, source: io::Error },
    #[error("write-ahead log `{path}` is corrupt at byte {offset}: {reason}")]
    Corrupt { path: PathBuf, offset: u64, reason: &'static str },
}

/// The log as its one writer sees it.
#[derive(Debug)]
pub(crate) struct Translog {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    file: Arc<dyn DiskFile>,
    path: PathBuf,
    generation: u64,
    oldest: u64,
    length: u64,
    group: Arc<SyncGroup>,
    buffer: Vec<u8>,
}

/// The buffer for one append is kept between appends up to this size.
const BUFFER_KEPT_MAX: usize = 1 << 20;

impl Translog {
    /// Opens the log of a folder, or makes one. Hands every operation in it to `replay`, in order; cuts a torn tail.
    ///
    /// # Errors
    /// Corruption before the tail, and what the file system refuses.
    pub(crate) fn open<E: From<TranslogError>>(
        disk: Arc<dyn Disk>,
        dir: &Path,
        mut replay: impl FnMut(&Operation<'_>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let io = |source| TranslogError::Io { path: dir.to_owned(), source };
        disk.create_dir_all(dir).map_err(io)?;
        let generations = generations(disk.as_ref(), dir)?;
        let mut last = None;
        for (at, generation) in generations.iter().enumerate() {
            let is_last = at + 1 == generations.len();
            let path = path_of(dir, *generation);
            let io = |source| TranslogError::Io { path: path.clone(), source };
            let file = disk.open(&path).map_err(io)?;
            match frame::scan(file.as_ref(), &path, *generation, is_last, &mut replay)? {
                Some(length) => last = Some((file, path, *generation, length)),
                // Its making was interrupted; nothing was ever written to it.
                None => disk.remove(&path).map_err(io)?,
            }
        }
        let oldest = generations.first().copied().unwrap_or(1);
        let (file, path, generation, length) = match last {
            Some(last) => last,
            None => {
                let (file, path) = create(disk.as_ref(), dir, oldest)?;
                (file, path, oldest, HEADER)
            }
        };
        let group = Arc::new(SyncGroup::new(Arc::clone(&file), length));
        Ok(Self { disk, dir: dir.to_owned(), file, path, generation, oldest, length, group, buffer: Vec::new() })
    }

    /// Where writers wait for their bytes to be durable.
    pub(crate) fn group(&self) -> Arc<SyncGroup> {
        Arc::clone(&self.group)
    }

    /// Bytes in the current file.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Appends operations as one frame. They are durable once [`SyncGroup::wait`] has returned for the position given.
    ///
    /// # Errors
    /// Nothing was appended: the file is as long as before. [`AppendError::Broken`] when not even that could be made sure.
    pub(crate) fn append(&mut self, operations: &[Operation<'_>]) -> Result<(u64, Vec<Location>), AppendError> {
        self.buffer.clear();
        let spans = frame::encode(operations, self.group.durable(), &mut self.buffer).ok_or(AppendError::TooLarge)?;
        if let Err(source) = self.file.write_all_at(&self.buffer, self.length) {
            let error = TranslogError::Io { path: self.path.clone(), source };
            return Err(match self.file.set_length(self.length) {
                Ok(()) => AppendError::Refused(error),
                Err(_) => AppendError::Broken(error),
            });
        }
        let base = self.length;
        let locate = |(offset, length): (usize, usize)| Location {
            file: Arc::clone(&self.file),
            offset: base + widen(offset),
            length,
        };
        let locations = spans.into_iter().map(locate).collect();
        self.length += widen(self.buffer.len());
        if self.buffer.capacity() > BUFFER_KEPT_MAX {
            self.buffer = Vec::new();
        }
        Ok((self.group.written(self.length), locations))
    }

    /// Begins a new file and removes all older ones: everything in them is in a durable commit.
    pub(crate) fn trim(&mut self) -> Result<(), TranslogError> {
        let next = self.generation + 1;
        let (file, path) = create(self.disk.as_ref(), &self.dir, next)?;
        self.group.switch(Arc::clone(&file), HEADER);
        (self.file, self.path, self.generation, self.length) = (file, path, next, HEADER);
        while self.oldest < next {
            let path = path_of(&self.dir, self.oldest);
            self.disk.remove(&path).map_err(|source| TranslogError::Io { path, source })?;
            self.oldest += 1;
        }
        self.disk.sync_dir(&self.dir).map_err(|source| TranslogError::Io { path: self.dir.clone(), source })
    }
}

/// Why an append did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppendError {
    #[error("{0}")]
    Refused(TranslogError),
    #[error("{0}")]
    Broken(TranslogError),
    #[error("the operations of one write exceed 1 GB")]
    TooLarge,
}

impl Location {
    /// Reads the operation back.
    pub(crate) fn read<T>(&self, take: impl FnOnce(Operation<'_>) -> T) -> io::Result<T> {
        let mut bytes = vec![0; self.length];
        self.file.read_exact_at(&mut bytes, self.offset)?;
        let mut rest = bytes.as_slice();
        match frame::decode(&mut rest) {
            Some(operation) => Ok(take(operation)),
            None => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "an operation in the write-ahead log changed under way"))
            }
        }
    }
}

fn path_of(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("{generation:020}.log"))
}

/// The generations there are, ascending and without a gap.
fn generations(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>, TranslogError> {
    let files = disk.list(dir).map_err(|source| TranslogError::Io { path: dir.to_owned(), source })?;
    let number = |path: PathBuf| path.file_name()?.to_str()?.strip_suffix(".log")?.parse::<u64>().ok();
    let mut generations: Vec<u64> = files.into_iter().filter_map(number).collect();
    generations.sort_unstable();
    let gap = generations.iter().zip(generations.iter().skip(1)).find(|(a, b)| *a + 1 != **b);
    match gap {
        None => Ok(generations),
        Some((before, _)) => {
            let path = path_of(dir, before + 1);
            Err(TranslogError::Corrupt { path, offset: 0, reason: "the file is missing" })
        }
    }
}

/// A new file with its header, durable with its name.
fn create(disk: &dyn Disk, dir: &Path, generation: u64) -> Result<(Arc<dyn DiskFile>, PathBuf), TranslogError> {
    let path = path_of(dir, generation);
    let make = || {
        let file = disk.create(&path)?;
        file.write_all_at(&frame::header(generation), 0)?;
        file.sync()?;
        disk.sync_dir(dir)?;
        Ok(file)
    };
    match make() {
        Ok(file) => Ok((file, path)),
        Err(source) => Err(TranslogError::Io { path, source }),
    }
}

/// A length in memory as a length in a file.
fn widen(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

const _: () = assert!(FRAME_HEAD == 20 && HEADER == 20);

#[cfg(test)]
mod tests;
