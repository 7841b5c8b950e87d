//! Opening the log: replay it, cut a torn tail, refuse damage in the middle.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use super::{
    OffsetStoreError,
    format::{FRAME_BYTES_MAX, FRAME_HEADER_BYTES, MAGIC, Record},
    table::OffsetTable,
    writer::Log,
};

pub(super) const FILE_NAME: &str = "offsets.log";
const TEMP_NAME: &str = "offsets.log.tmp";

/// The state of the log, and the log itself, ready to append.
pub(super) struct Recovered {
    pub(super) table: OffsetTable,
    pub(super) log: Log<File>,
}

pub(super) fn open(dir: &Path) -> Result<Recovered, OffsetStoreError> {
    let path = dir.join(FILE_NAME);
    fs::create_dir_all(dir).map_err(io_error("create the folder", dir))?;
    // A temporary file is a compaction that a crash ended before its rename: the log is still the old, whole one.
    match fs::remove_file(dir.join(TEMP_NAME)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(io_error("remove the unfinished", dir)(error));
        }
        _ => {}
    }
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io_error("open", &path))?;
    let length = file.metadata().map_err(io_error("read the size of", &path))?.len();
    let mut table = OffsetTable::default();
    let good = match replay(&mut file, length, &mut table).map_err(io_error("read", &path))? {
        Replay::Good { bytes } => bytes,
        Replay::Foreign => return Err(OffsetStoreError::ForeignFile { path }),
        Replay::Corrupt { position } => return Err(OffsetStoreError::Corrupt { path, position }),
    };
    if good < length {
        tracing::warn!(path = %path.display(), bytes = length - good, "cut an unfinished write off the committed offsets");
        file.set_len(good).map_err(io_error("cut", &path))?;
    }
    let mut end = good;
    if end == 0 {
        file.seek(SeekFrom::Start(0)).map_err(io_error("seek in", &path))?;
        file.write_all(MAGIC).map_err(io_error("write", &path))?;
        file.sync_all().map_err(io_error("sync", &path))?;
        sync_dir(dir).map_err(io_error("sync", dir))?;
        end = MAGIC.len() as u64;
    }
    file.seek(SeekFrom::Start(end)).map_err(io_error("seek in", &path))?;
    Ok(Recovered { table, log: Log::new(dir.to_owned(), file, end) })
}

/// For `map_err`: names what was done, and to which file.
fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> OffsetStoreError {
    let path = path.to_owned();
    move |source| OffsetStoreError::Io { action, path, source }
}

enum Replay {
    /// The first `bytes` are whole; 0 when not even the magic is.
    Good {
        bytes: u64,
    },
    Foreign,
    Corrupt {
        position: u64,
    },
}

fn replay(file: &mut File, length: u64, table: &mut OffsetTable) -> io::Result<Replay> {
    let mut reader = BufReader::with_capacity(1 << 18, file);
    let mut magic = Vec::new();
    reader.by_ref().take(MAGIC.len() as u64).read_to_end(&mut magic)?;
    if magic.len() < MAGIC.len() {
        return Ok(if MAGIC.starts_with(&magic) { Replay::Good { bytes: 0 } } else { Replay::Foreign });
    }
    if magic != MAGIC {
        return Ok(Replay::Foreign);
    }
    let mut position = MAGIC.len() as u64;
    let mut body = Vec::new();
    loop {
        match read_frame(&mut reader, length - position, &mut body)? {
            Frame::Record(record, bytes) => {
                table.apply(record);
                position += bytes;
            }
            Frame::End => return Ok(Replay::Good { bytes: position }),
            Frame::Damaged => {
                // What a crash interrupts is the last write: nothing whole can follow it.
                let file = reader.get_mut();
                file.seek(SeekFrom::Start(position))?;
                let mut rest = Vec::new();
                file.read_to_end(&mut rest)?;
                return Ok(if holds_whole_frame(rest.get(1..).unwrap_or_default()) {
                    Replay::Corrupt { position }
                } else {
                    Replay::Good { bytes: position }
                });
            }
        }
    }
}

/// True if a whole frame begins anywhere in `rest`.
fn holds_whole_frame(rest: &[u8]) -> bool {
    (0..rest.len()).filter_map(|at| rest.get(at..)).any(|mut candidate| {
        let left = candidate.len() as u64;
        matches!(read_frame(&mut candidate, left, &mut Vec::new()), Ok(Frame::Record(..)))
    })
}

enum Frame {
    Record(Record, u64),
    /// Nothing is left.
    End,
    /// The file ends before the frame does, or its bytes are not what was written.
    Damaged,
}

fn read_frame(reader: &mut impl Read, left: u64, body: &mut Vec<u8>) -> io::Result<Frame> {
    let header_bytes = FRAME_HEADER_BYTES as u64;
    if left == 0 {
        return Ok(Frame::End);
    }
    if left < header_bytes {
        return Ok(Frame::Damaged);
    }
    let mut header = [0; FRAME_HEADER_BYTES];
    reader.read_exact(&mut header)?;
    let [l0, l1, l2, l3, c0, c1, c2, c3] = header;
    let (length, crc) = (u32::from_be_bytes([l0, l1, l2, l3]), u32::from_be_bytes([c0, c1, c2, c3]));
    // An empty frame is never written: zeros are what a file system may leave at the end after a power cut.
    if length == 0 || length as usize > FRAME_BYTES_MAX || u64::from(length) > left - header_bytes {
        return Ok(Frame::Damaged);
    }
    body.clear();
    reader.by_ref().take(u64::from(length)).read_to_end(body)?;
    let bytes = header_bytes + u64::from(length);
    if crc32c::crc32c(body) != crc {
        return Ok(Frame::Damaged);
    }
    Ok(Record::decode(body).map_or(Frame::Damaged, |record| Frame::Record(record, bytes)))
}

/// Writes `table` as a new log and puts it in the place of the old one. On an error before the rename the old log is
/// untouched.
pub(super) fn rewrite(dir: &Path, table: &OffsetTable) -> Result<(File, u64), RewriteError> {
    let temp = dir.join(TEMP_NAME);
    let (file, bytes) = write_snapshot(&temp, table).map_err(|error| {
        // Best effort: the next opening removes it as well.
        drop(fs::remove_file(&temp));
        RewriteError::Untouched(error)
    })?;
    fs::rename(&temp, dir.join(FILE_NAME)).map_err(RewriteError::Untouched)?;
    sync_dir(dir).map_err(RewriteError::Unknown)?;
    Ok((file, bytes))
}

/// How far a failed compaction came.
#[derive(Debug)]
pub(super) enum RewriteError {
    /// The old log is in place.
    Untouched(io::Error),
    /// The new log is in place now, but a power cut may bring the old one back.
    Unknown(io::Error),
}

fn write_snapshot(temp: &PathBuf, table: &OffsetTable) -> io::Result<(File, u64)> {
    let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(temp)?;
    let mut buffer = MAGIC.to_vec();
    let mut bytes = 0;
    for (group, stored) in table.groups() {
        for record in Record::snapshot(group, stored) {
            if !record.encode_frame(&mut buffer) {
                return Err(io::Error::other("a record is longer than a frame may be"));
            }
            if buffer.len() >= 1 << 20 {
                file.write_all(&buffer)?;
                bytes += buffer.len() as u64;
                buffer.clear();
            }
        }
    }
    file.write_all(&buffer)?;
    file.sync_all()?;
    Ok((file, bytes + buffer.len() as u64))
}

fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}
