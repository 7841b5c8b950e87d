//! Opening an input: plain or gzip by its first bytes, byte order mark, and which of the three formats it holds.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read},
    path::Path,
    sync::Arc,
};

use flate2::read::MultiGzDecoder;

use super::error::{ReadError, excerpt};

/// A record (one tick's text) may be this long, in bytes.
pub const RECORD_BYTES_MAX: usize = 1 << 20;
/// A line may be this long, in bytes.
pub const LINE_BYTES_MAX: usize = RECORD_BYTES_MAX;

/// How much is read ahead to find out the format.
const SNIFF_BYTES_MAX: usize = 64 << 10;
const BUFFER_BYTES: usize = 64 << 10;
const UTF8_MARK: &[u8] = b"\xef\xbb\xbf";

/// What an input is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputFormat {
    /// One array of ticks.
    JsonArray,
    /// One tick a line.
    Ndjson,
    /// The `log_inf.csv` layout: a header, then one tick a line.
    Csv,
}

pub(crate) type Source = Box<dyn Read + Send>;

/// An input ready to be read: decompressed, without byte order mark.
pub(crate) struct Input {
    pub(crate) file: Arc<str>,
    pub(crate) format: InputFormat,
    pub(crate) text: Box<dyn BufRead + Send>,
}

pub(crate) fn open_file(path: &Path) -> Result<(Arc<str>, Source), ReadError> {
    let file: Arc<str> = path.display().to_string().into();
    let failed = |source| ReadError::Open { file: file.clone(), source };
    let source = File::open(path).map_err(failed)?;
    if source.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    Ok((file, Box::new(source)))
}

/// Finds out what an input holds. `format` skips the guess.
pub(crate) fn open(file: Arc<str>, source: Source, format: Option<InputFormat>) -> Result<Input, ReadError> {
    let unreadable = |source| ReadError::Io { file: file.clone(), line: 0, source };
    let (head, rest) = peek(source, |head| head.len() >= 4).map_err(unreadable)?;
    let is_gzip = head.starts_with(b"\x1f\x8b");
    let plain: Source = Box::new(Cursor::new(head).chain(rest));
    let text: Source = if is_gzip { Box::new(MultiGzDecoder::new(BufReader::new(plain))) } else { plain };

    let (mut head, rest) = peek(text, decides).map_err(unreadable)?;
    if head.starts_with(UTF8_MARK) {
        head.drain(..UTF8_MARK.len());
    }
    let format = match format {
        Some(format) => format,
        None => detect(&head).map_err(|found| match found {
            Found::Nothing => ReadError::Empty { file: file.clone() },
            Found::Other(found) => ReadError::Unrecognised { file: file.clone(), found },
        })?,
    };
    let text = Box::new(BufReader::with_capacity(BUFFER_BYTES, Cursor::new(head).chain(rest)));
    Ok(Input { file, format, text })
}

/// Reads ahead until `enough` says so, the input ends, or the bound is reached. Never waits for more than it needs.
fn peek(mut source: Source, enough: impl Fn(&[u8]) -> bool) -> io::Result<(Vec<u8>, Source)> {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    while head.len() < SNIFF_BYTES_MAX && !enough(&head) {
        match source.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => head.extend_from_slice(chunk.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok((head, source))
}

/// Whether these first bytes tell the format: JSON by its first character, anything else by its first line.
fn decides(head: &[u8]) -> bool {
    let text = head.trim_ascii_start();
    match text.first() {
        None => false,
        Some(b'[' | b'{') => true,
        Some(_) => text.contains(&b'\n'),
    }
}

enum Found {
    Nothing,
    Other(String),
}

fn detect(head: &[u8]) -> Result<InputFormat, Found> {
    let text = head.trim_ascii_start();
    match text.first() {
        None => return Err(Found::Nothing),
        Some(b'[') => return Ok(InputFormat::JsonArray),
        Some(b'{') => return Ok(InputFormat::Ndjson),
        Some(_) => {}
    }
    if let Some(known) = known_binary(head) {
        return Err(Found::Other(known.to_owned()));
    }
    let line = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
    match std::str::from_utf8(line) {
        Ok(line) if line.chars().any(|c| c.is_control() && !matches!(c, '\r' | '\t')) => {
            Err(Found::Other("binary data".to_owned()))
        }
        Ok(line) if line.contains(',') => Ok(InputFormat::Csv),
        Ok(_) => Err(Found::Other(format!("text that starts with `{}`", excerpt(line)))),
        Err(_) => Err(Found::Other("binary data".to_owned())),
    }
}

fn known_binary(head: &[u8]) -> Option<&'static str> {
    const MAGIC: [(&[u8], &str); 8] = [
        (b"PK\x03\x04", "a zip archive (unpack it first)"),
        (b"\x28\xb5\x2f\xfd", "zstd data (pipe it through `zstd -dc`)"),
        (b"BZh", "bzip2 data (pipe it through `bzip2 -dc`)"),
        (b"\xfd7zXZ\x00", "xz data (pipe it through `xz -dc`)"),
        (b"PAR1", "a Parquet file"),
        (b"SQLite format 3", "an SQLite database"),
        (b"\xff\xfe", "UTF-16 text (convert it to UTF-8)"),
        (b"\xfe\xff", "UTF-16 text (convert it to UTF-8)"),
    ];
    MAGIC.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, name)| *name)
}
