//! The journal: every change of buckets, objects and uploads, one line each, in order.
//!
//! A line is `<crc32c of the rest, 8 hex digits> <JSON array of changes>\n`: the changes of one line happen together or
//! not at all. A line is synced before its request is answered. What a crash leaves is at most one torn line at the end,
//! of a request that was never answered; it is cut off. A bad line before the last is damage: the store does not open.
//!
//! When most lines are out of date, the journal is written anew beside the old one, synced and renamed over it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::object::{Bucket, Object, Session};

/// A longer line is none of ours.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
const FORMAT: u32 = 1;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    /// The first change of a journal.
    Head {
        format: u32,
        /// No later object has this generation or a lower one.
        generation: i64,
    },
    PutBucket(Bucket),
    DeleteBucket(String),
    /// In place of the version with the same generation; else as the live object, in place of the live one before.
    PutObject {
        bucket: String,
        object: Arc<Object>,
    },
    /// The live object becomes a noncurrent version.
    ArchiveObject {
        bucket: String,
        name: String,
        at: Timestamp,
    },
    DeleteObject {
        bucket: String,
        name: String,
        generation: i64,
    },
    StartSession(Box<Session>),
    KeepInSession {
        id: String,
        kept: u64,
    },
    FinishSession {
        id: String,
        object: Arc<Object>,
    },
    EndSession(String),
}

/// The journal can't be read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JournalError {
    #[error("cannot read or write `{}`: {source}", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{}` is damaged at byte {position}", .path.display())]
    Damaged { path: PathBuf, position: u64 },
    #[error("`{}` was written by a later version (format {format})", .path.display())]
    Later { path: PathBuf, format: u32 },
}

/// The open journal; whoever holds it is the only writer.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    /// Bytes that are whole lines.
    length: u64,
    pub(super) lines: u64,
    /// Why nothing is written any more.
    closed: Option<String>,
}

impl Journal {
    /// Opens or makes it, and hands each line's changes to `apply` in order.
    pub(super) fn open(path: &Path, mut apply: impl FnMut(Vec<Change>)) -> Result<Self, JournalError> {
        let io_error = |source| JournalError::Io { path: path.to_owned(), source };
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = options.map_err(io_error)?;
        let whole = file.metadata().map_err(io_error)?.len();
        let (mut length, mut lines) = (0, 0);
        let mut reader = BufReader::new(&file);
        let mut line = Vec::new();
        loop {
            line.clear();
            let mut bounded = io::Read::take(&mut reader, LINE_BYTES_MAX);
            let count = bounded.read_until(b'\n', &mut line).map_err(io_error)? as u64;
            if count == 0 {
                break;
            }
            let Some(changes) = decode(&line) else {
                if length + count < whole {
                    return Err(JournalError::Damaged { path: path.to_owned(), position: length });
                }
                tracing::warn!(path = %path.display(), position = length, "a torn line at the journal's end is cut off");
                break;
            };
            if let Some(Change::Head { format, .. }) = changes.first().filter(|_| length == 0)
                && *format > FORMAT
            {
                return Err(JournalError::Later { path: path.to_owned(), format: *format });
            }
            apply(changes);
            length += count;
            lines += 1;
        }
        drop(reader);
        file.set_len(length).map_err(io_error)?;
        file.seek(SeekFrom::Start(length)).map_err(io_error)?;
        file.sync_all().map_err(io_error)?;
        let mut journal = Self { path: path.to_owned(), file, length, lines, closed: None };
        if journal.length == 0 {
            journal.append(&[Change::Head { format: FORMAT, generation: 0 }]).map_err(io_error)?;
            sync_folder(path).map_err(io_error)?;
        }
        Ok(journal)
    }

    /// Writes one line and syncs it. After a failed sync nothing is known of what is on disk: the journal stays closed
    /// until it is opened again.
    pub(super) fn append(&mut self, changes: &[Change]) -> io::Result<()> {
        if let Some(reason) = &self.closed {
            return Err(io::Error::other(format!("closed after an error: {reason}")));
        }
        let line = encode(changes)?;
        if let Err(error) = self.file.write_all(&line) {
            // The disk is full, say: what was written of the line is taken back.
            let undone = self.file.set_len(self.length).and_then(|()| self.file.seek(SeekFrom::Start(self.length)));
            if let Err(undo) = undone {
                self.closed = Some(undo.to_string());
            }
            return Err(error);
        }
        if let Err(error) = self.file.sync_data() {
            self.closed = Some(error.to_string());
            return Err(error);
        }
        self.length += line.len() as u64;
        self.lines += 1;
        Ok(())
    }

    /// Writes the journal anew: `changes` give what there is now.
    pub(super) fn rewrite(&mut self, generation: i64, changes: impl Iterator<Item = Change>) -> io::Result<()> {
        let beside = self.path.with_extension("new");
        let mut writer = BufWriter::new(File::create(&beside)?);
        let (mut length, mut lines) = (0, 0);
        for change in std::iter::once(Change::Head { format: FORMAT, generation }).chain(changes) {
            let line = encode(&[change])?;
            writer.write_all(&line)?;
            length += line.len() as u64;
            lines += 1;
        }
        let file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        fs::rename(&beside, &self.path)?;
        (self.file, self.length, self.lines) = (file, length, lines);
        if let Err(error) = sync_folder(&self.path) {
            self.closed = Some(error.to_string());
            return Err(error);
        }
        Ok(())
    }
}

/// Makes a name in the folder of `path` survive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

fn encode(changes: &[Change]) -> io::Result<Vec<u8>> {
    let json = serde_json::to_vec(changes)?;
    let mut line = format!("{:08x} ", crc32c::crc32c(&json)).into_bytes();
    line.extend_from_slice(&json);
    line.push(b'\n');
    Ok(line)
}

fn decode(line: &[u8]) -> Option<Vec<Change>> {
    let (sum, rest) = line.strip_suffix(b"\n")?.split_at_checked(8)?;
    let sum = u32::from_str_radix(std::str::from_utf8(sum).ok()?, 16).ok()?;
    let json = rest.strip_prefix(b" ")?;
    (crc32c::crc32c(json) == sum).then(|| serde_json::from_slice(json).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(path: &Path) -> Result<Vec<Change>, JournalError> {
        let mut all = Vec::new();
        Journal::open(path, |changes| all.extend(changes)).map(|_| all)
    }

    fn end(n: usize) -> Change {
        Change::EndSession(format!("s{n}"))
    }

    #[test]
    fn a_journal_cut_anywhere_opens_with_the_whole_lines() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path, |_| {}).unwrap();
        for n in 0..3 {
            journal.append(&[end(n), end(n)]).unwrap();
        }
        drop(journal);
        let bytes = fs::read(&path).unwrap();
        let cut = folder.path().join("cut");
        for length in 0..=bytes.len() {
            fs::write(&cut, &bytes[..length]).unwrap();
            let lines = bytes[..length].iter().filter(|byte| **byte == b'\n').count();
            let mut found = read(&cut).unwrap();
            found.retain(|change| !matches!(change, Change::Head { .. }));
            let expected: Vec<_> = (0..lines.saturating_sub(1)).flat_map(|n| [end(n), end(n)]).collect();
            assert_eq!(found, expected, "{length}");
        }
    }

    #[test]
    fn damage_before_the_end_is_refused_by_its_position() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path, |_| {}).unwrap();
        journal.append(&[end(1)]).unwrap();
        drop(journal);
        let mut bytes = fs::read(&path).unwrap();
        bytes[12] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(matches!(read(&path), Err(JournalError::Damaged { position: 0, .. })));
    }

    #[test]
    fn a_journal_written_anew_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let mut journal = Journal::open(&path, |_| {}).unwrap();
        for n in 0..5 {
            journal.append(&[end(n)]).unwrap();
        }
        journal.rewrite(7, [end(9)].into_iter()).unwrap();
        journal.append(&[end(10)]).unwrap();
        assert_eq!(read(&path).unwrap(), [Change::Head { format: 1, generation: 7 }, end(9), end(10)]);
    }

    proptest! {
        #[test]
        fn any_line_is_refused_or_read(line in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assert!(decode(&line).is_none());
        }
    }
}
