//! The bytes of an object, made once and kept in a file without a name until they are sent: whatever ends this process, nothing
//! of it stays. Length and CRC32C are known then, so that equal content is seen before a byte is sent.
//!
//! The same ticks always give the same bytes: JSON passes through, only timestamps without an offset get one, and gzip's
//! header carries no time.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::sync::Arc;

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use google_cloud_storage::streaming_source::{Seek, SizeHint, StreamingSource};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncSeek, AsyncSeekExt as _};
use tokio_util::sync::CancellationToken;

use super::{GcsError, PushOptions, PushProgress};
use crate::tick::{ReadError, TickReader, TickSource, TimeShift, write_line};

const BUFFER_BYTES: usize = 256 << 10;
/// Problems that are named.
const PROBLEMS_MAX: usize = 3;

/// A source, ready to be sent.
#[derive(Debug)]
pub(super) struct Spool {
    pub(super) file: File,
    pub(super) size: u64,
    pub(super) crc32c: u32,
    pub(super) read: Read,
}

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) ticks: u64,
    /// Bad records passed over.
    pub(super) invalid: u64,
    pub(super) first_problems: Vec<String>,
}

/// Reads the source through. Blocks.
pub(super) fn spool(
    source: &TickSource,
    options: &PushOptions,
    progress: &PushProgress,
    stop: &CancellationToken,
) -> Result<Spool, GcsError> {
    let reader = source.open(&options.read)?;
    let file = unnamed_file().map_err(GcsError::Spool)?;
    let mut sum = Sum { sink: BufWriter::with_capacity(BUFFER_BYTES, file), size: 0, crc32c: 0 };
    let read = if options.gzip {
        let mut packed = GzEncoder::new(&mut sum, Compression::default());
        let read = write_ticks(reader, options.skip_invalid, &mut packed, progress, stop)?;
        packed.finish().map_err(GcsError::Spool)?;
        read
    } else {
        write_ticks(reader, options.skip_invalid, &mut sum, progress, stop)?
    };
    let (size, crc32c) = (sum.size, sum.crc32c);
    let mut file = sum.sink.into_inner().map_err(|error| GcsError::Spool(error.into_error()))?;
    file.seek(SeekFrom::Start(0)).map_err(GcsError::Spool)?;
    Ok(Spool { file, size, crc32c, read })
}

fn write_ticks(
    reader: TickReader,
    skip_invalid: bool,
    sink: &mut dyn Write,
    progress: &PushProgress,
    stop: &CancellationToken,
) -> Result<Read, GcsError> {
    let zone = reader.zone().clone();
    let mut read = Read::default();
    for record in reader {
        if stop.is_cancelled() {
            return Err(GcsError::Cancelled);
        }
        match record {
            Ok(record) => write_line(sink, &record.sent(TimeShift::NONE, &zone)).map_err(GcsError::Spool)?,
            Err(error) if skip_invalid && error.is_recoverable() => {
                note(&mut read, &error);
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        read.ticks += 1;
        progress.add_tick();
    }
    Ok(read)
}

fn note(read: &mut Read, error: &ReadError) {
    read.invalid += 1;
    if read.first_problems.len() < PROBLEMS_MAX {
        read.first_problems.push(error.to_string());
    }
}

fn unnamed_file() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("stockdev-push-{}", uuid::Uuid::new_v4().simple()));
    let file = File::options().read(true).write(true).create_new(true).mode(0o600).open(&path)?;
    fs::remove_file(&path)?;
    Ok(file)
}

/// Passes on, and keeps length and checksum.
struct Sum<W> {
    sink: W,
    size: u64,
    crc32c: u32,
}

impl<W: Write> Write for Sum<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.sink.write(bytes)?;
        let taken = bytes.get(..written).unwrap_or(bytes);
        self.crc32c = crc32c::crc32c_append(self.crc32c, taken);
        self.size = self.size.saturating_add(u64::try_from(written).unwrap_or(u64::MAX));
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// Bytes as Google's client reads them, from the beginning or from where the service stopped; what is taken is progress.
pub(super) struct Body<R> {
    source: R,
    size: u64,
    at: u64,
    progress: Arc<PushProgress>,
}

impl<R> Body<R> {
    pub(super) fn new(source: R, size: u64, progress: Arc<PushProgress>) -> Self {
        Self { source, size, at: 0, progress }
    }
}

impl<R: AsyncRead + Unpin + Send + Sync + 'static> StreamingSource for Body<R> {
    type Error = io::Error;

    async fn next(&mut self) -> Option<Result<Bytes, io::Error>> {
        let mut buffer = vec![0; BUFFER_BYTES];
        match self.source.read(&mut buffer).await {
            Ok(0) => None,
            Ok(read) => {
                buffer.truncate(read);
                self.at = self.at.saturating_add(u64::try_from(read).unwrap_or(u64::MAX));
                self.progress.set_sent(self.at);
                Some(Ok(buffer.into()))
            }
            Err(error) => Some(Err(error)),
        }
    }

    async fn size_hint(&self) -> Result<SizeHint, io::Error> {
        Ok(SizeHint::with_exact(self.size.saturating_sub(self.at)))
    }
}

impl<R: AsyncSeek + Unpin + Send + Sync + 'static> Seek for Body<R> {
    type Error = io::Error;

    async fn seek(&mut self, offset: u64) -> Result<(), io::Error> {
        self.at = self.source.seek(SeekFrom::Start(offset)).await?;
        self.progress.set_sent(self.at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::time::Duration;

    use super::*;
    use crate::tick::{ReadOptions, SAMPLE, SAMPLE_TICKS};

    fn options(gzip: bool) -> PushOptions {
        PushOptions {
            object: "o".parse().unwrap(),
            read: ReadOptions::default(),
            skip_invalid: false,
            gzip,
            patience: Duration::from_secs(1),
        }
    }

    fn spooled(source: &TickSource, options: &PushOptions) -> (Spool, Vec<u8>) {
        let mut spool = spool(source, options, &PushProgress::default(), &CancellationToken::new()).unwrap();
        let mut bytes = Vec::new();
        spool.file.read_to_end(&mut bytes).unwrap();
        assert_eq!((spool.size, spool.crc32c), (u64::try_from(bytes.len()).unwrap(), crc32c::crc32c(&bytes)));
        (spool, bytes)
    }

    #[test]
    fn an_array_and_its_ticks_line_by_line_give_the_same_bytes_and_every_timestamp_an_offset() {
        let folder = tempfile::tempdir().unwrap();
        let lines: Vec<&str> = std::str::from_utf8(SAMPLE).unwrap().lines().take(20).collect();
        let (array, ndjson) = (folder.path().join("a.json"), folder.path().join("b.json"));
        std::fs::write(&array, format!("[{}]", lines.join(",\n"))).unwrap();
        std::fs::write(&ndjson, lines.join("\n")).unwrap();
        let (spool, from_array) = spooled(&TickSource::File(array), &options(false));
        let (_, from_lines) = spooled(&TickSource::File(ndjson), &options(false));
        assert!(from_array == from_lines && spool.read.ticks == 20);
        let text = String::from_utf8(from_lines).unwrap();
        assert_eq!(text.lines().count(), 20);
        assert!(text.lines().all(|line| line.contains("+05:30\"") && line.starts_with("{\"timestamp\":\"2024-01-02T")));
    }

    #[test]
    fn compressed_content_is_the_same_each_time_too() {
        let (spool, one) = spooled(&TickSource::Sample, &options(true));
        let (_, other) = spooled(&TickSource::Sample, &options(true));
        assert!(one == other && one.len() < SAMPLE.len() / 2 && spool.read.ticks == SAMPLE_TICKS);
        let mut text = String::new();
        flate2::read::GzDecoder::new(one.as_slice()).read_to_string(&mut text).unwrap();
        assert_eq!(u64::try_from(text.lines().count()).unwrap(), SAMPLE_TICKS);
    }

    #[tokio::test]
    async fn a_body_begins_again_where_it_is_told_to() {
        let (mut spool, bytes) = spooled(&TickSource::Sample, &options(false));
        spool.file.rewind().unwrap();
        let progress = PushProgress::new();
        let mut body = Body::new(tokio::fs::File::from_std(spool.file), spool.size, Arc::clone(&progress));
        let first = body.next().await.unwrap().unwrap();
        assert_eq!(progress.sent(), u64::try_from(first.len()).unwrap());
        body.seek(10).await.unwrap();
        let again = body.next().await.unwrap().unwrap();
        assert_eq!(again.get(..5), bytes.get(10..15));
    }
}
