//! The body of an upload in one request (`multipart/related`): the job's JSON, then the rows. It is on disk and stays there.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::disk;
use crate::server::bigquery::http::{ApiError, JSON_BYTES_MAX, Spool, Spooled, TempFile};

/// Bytes of a decompressed body.
const PLAIN_BYTES_MAX: u64 = 1024 * 1024 * 1024;
/// RFC 2046 allows 70; some clients write more.
const BOUNDARY_BYTES_MAX: usize = 200;
/// Headers of a part.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// A file with the body as it was before compression.
pub(super) enum Plain {
    Spooled(Arc<Spooled>),
    Decompressed(TempFile),
}

impl Plain {
    pub(super) fn path(&self) -> &std::path::Path {
        match self {
            Self::Spooled(spooled) => spooled.file.path(),
            Self::Decompressed(file) => file.path(),
        }
    }
}

/// Where the parts of a body are.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) metadata: Vec<u8>,
    rows_at: u64,
    rows_length: u64,
}

/// Decompresses a body, if it is compressed.
///
/// # Errors
/// 400 when it is not what it says, 413 when it becomes too large.
pub(super) fn plain(spool: &Spool, media: Arc<Spooled>) -> Result<(Arc<Plain>, u64), ApiError> {
    if !media.is_compressed {
        let length = media.length;
        return Ok((Arc::new(Plain::Spooled(media)), length));
    }
    let file = spool.new_file();
    let compressed = File::open(media.file.path()).map_err(|error| disk(&error))?;
    let mut to = File::create(file.path()).map_err(|error| disk(&error))?;
    let mut from = MultiGzDecoder::new(BufReader::new(compressed)).take(PLAIN_BYTES_MAX + 1);
    let length = io::copy(&mut from, &mut to).map_err(|_| ApiError::invalid("The request body is not valid gzip"))?;
    if length > PLAIN_BYTES_MAX {
        return Err(ApiError::new(413, "uploadTooLarge", format!("An upload has at most {PLAIN_BYTES_MAX} bytes")));
    }
    Ok((Arc::new(Plain::Decompressed(file)), length))
}

/// Finds the parts.
///
/// # Errors
/// 400 when there are not two.
pub(super) fn read(media: &Plain, length: u64, content_type: &str) -> Result<Parts, ApiError> {
    let boundary = boundary(content_type).ok_or_else(|| bad("its Content-Type has no boundary"))?;
    let file = File::open(media.path()).map_err(|error| disk(&error))?;
    find(BufReader::new(file), length, &boundary).map_err(|error| match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => bad(&error.to_string()),
        _ => disk(&error),
    })
}

fn bad(why: &str) -> ApiError {
    ApiError::invalid(format!("The multipart body can't be read: {why}"))
}

/// Of `multipart/related; boundary="..."`.
fn boundary(content_type: &str) -> Option<String> {
    let parameters = content_type.split(';').skip(1).map(str::trim);
    let boundary = parameters.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim().trim_matches('"').to_owned())
    })?;
    (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()).then_some(boundary)
}

fn find(mut body: impl Read + Seek, length: u64, boundary: &str) -> io::Result<Parts> {
    let delimiter = format!("--{boundary}").into_bytes();
    let in_body = [b"\n".as_slice(), &delimiter].concat();
    // The first delimiter is at the very beginning, or after a line that means nothing.
    let head_max = u64::try_from(JSON_BYTES_MAX + 4 * HEAD_BYTES_MAX).unwrap_or(u64::MAX);
    let mut head = Vec::new();
    body.by_ref().take(head_max).read_to_end(&mut head)?;
    let start = position(&head, &delimiter).ok_or_else(|| invalid("its boundary does not occur"))?;
    let metadata_at = after_headers(&head, start + delimiter.len())?;
    let metadata_length = position(head.get(metadata_at..).unwrap_or_default(), &in_body);
    let metadata_length = metadata_length.ok_or_else(|| invalid("its first part has no end, or is too large"))?;
    let metadata = head.get(metadata_at..metadata_at + metadata_length).unwrap_or_default().to_vec();
    let rows_at = after_headers(&head, metadata_at + metadata_length + in_body.len())?;
    let rows_at = u64::try_from(rows_at).unwrap_or(u64::MAX);
    let rows_length = distance(&mut body, rows_at, length, &in_body)?;
    Ok(Parts { metadata, rows_at, rows_length })
}

fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

/// The offset behind the empty line that ends a part's headers; `at` is behind its delimiter.
fn after_headers(head: &[u8], at: usize) -> io::Result<usize> {
    let rest = head.get(at..).unwrap_or_default();
    if rest.starts_with(b"--") {
        return Err(invalid("it has fewer than two parts"));
    }
    let rest = rest.get(..rest.len().min(HEAD_BYTES_MAX)).unwrap_or_default();
    let ends = [b"\r\n\r\n".as_slice(), b"\n\n"].map(|end| position(rest, end).map(|found| found + end.len()));
    let end = ends.into_iter().flatten().min().ok_or_else(|| invalid("a part's headers have no end"))?;
    Ok(at + end)
}

/// Bytes from an offset to the next delimiter, without the line end before it.
fn distance(body: &mut (impl Read + Seek), from: u64, length: u64, delimiter: &[u8]) -> io::Result<u64> {
    const WINDOW: u64 = 256 * 1024;
    let overlap = u64::try_from(delimiter.len()).unwrap_or(u64::MAX);
    let mut at = from;
    while at < length {
        body.seek(SeekFrom::Start(at))?;
        let mut window = Vec::new();
        body.by_ref().take(WINDOW.saturating_add(overlap)).read_to_end(&mut window)?;
        if let Some(found) = position(&window, delimiter) {
            let end = at.saturating_add(u64::try_from(found).unwrap_or(u64::MAX));
            return Ok(end.saturating_sub(from).saturating_sub(carriage_return(body, from, end)?));
        }
        at = at.saturating_add(WINDOW);
    }
    Err(invalid("its second part has no end"))
}

/// 1 when the byte before the line feed at `end` is a carriage return of the part's last line end.
fn carriage_return(body: &mut (impl Read + Seek), from: u64, end: u64) -> io::Result<u64> {
    if end <= from {
        return Ok(0);
    }
    body.seek(SeekFrom::Start(end - 1))?;
    let mut byte = [0];
    body.read_exact(&mut byte)?;
    Ok(u64::from(byte == *b"\r"))
}

fn position(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    let (first, _) = needle.split_first()?;
    let mut from = 0;
    loop {
        let rest = haystack.get(from..)?;
        let found = from + rest.iter().position(|byte| byte == first)?;
        if haystack.get(found..)?.starts_with(needle) {
            return Some(found);
        }
        from = found + 1;
    }
}

/// The rows of a body, read from its file.
///
/// # Errors
/// 500 when the disk fails.
pub(super) fn rows(media: &Arc<Plain>, parts: &Parts) -> Result<Rows, ApiError> {
    let mut file = File::open(media.path()).map_err(|error| disk(&error))?;
    file.seek(SeekFrom::Start(parts.rows_at)).map_err(|error| disk(&error))?;
    Ok(Rows { read: file.take(parts.rows_length), _media: Arc::clone(media) })
}

/// The file is there as long as it is read.
pub(super) struct Rows {
    read: io::Take<File>,
    _media: Arc<Plain>,
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(body: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
        let length = u64::try_from(body.len()).unwrap();
        let parts = find(io::Cursor::new(body), length, "b").map_err(|error| error.to_string())?;
        let at = usize::try_from(parts.rows_at).unwrap();
        Ok((parts.metadata, body[at..at + usize::try_from(parts.rows_length).unwrap()].to_vec()))
    }

    #[test]
    fn both_parts_are_found_with_either_line_end() {
        let body =
            "--b\r\ncontent-type: application/json\r\n\r\n{\"a\":1}\r\n--b\r\nX: y\r\n\r\nrow 1\nrow 2\n\r\n--b--";
        for body in [body.to_owned(), body.replace("\r\n", "\n"), format!("\r\n{body}\r\n")] {
            let (metadata, rows) = check(body.as_bytes()).unwrap();
            assert_eq!(metadata.trim_ascii(), b"{\"a\":1}");
            assert_eq!(rows, b"row 1\nrow 2\n");
        }
        assert_eq!(check(b"--b\n\n{}\n--b\n\n\n--b--").unwrap().1, b"");
        let large = "x".repeat(1_000_000);
        assert_eq!(check(format!("--b\n\n{{}}\n--b\n\n{large}\n--b--").as_bytes()).unwrap().1.len(), large.len());
    }

    #[test]
    fn what_is_no_body_of_two_parts_is_refused() {
        for (body, why) in [
            ("", "boundary does not occur"),
            ("--b\n\n{}\n--b--", "fewer than two"),
            ("--b\n\n{}", "first part has no end"),
            ("--b\nheader", "headers have no end"),
            ("--b\n\n{}\n--b\n\nrows", "second part has no end"),
        ] {
            assert!(check(body.as_bytes()).unwrap_err().contains(why), "{body:?}");
        }
        assert_eq!(boundary("multipart/related; boundary=\"x y\"").as_deref(), Some("x y"));
        assert_eq!(boundary("multipart/related; Boundary=x; a=b").as_deref(), Some("x"));
        assert_eq!(boundary("multipart/related"), None);
    }

    proptest! {
        #[test]
        fn any_body_is_read_or_refused(body in "(--b|\r|\n|x|-){0,20}") {
            let _unused = check(body.as_bytes());
        }
    }
}
