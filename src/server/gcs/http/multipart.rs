//! `multipart/*` bodies, read piece by piece: parts of any size, within bounded memory.
//!
//! A part begins with header lines and a blank one; it ends before `\r\n--boundary`. The closing `--` may come with or
//! without a line end after it.

use std::io;

use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use memchr::memmem;

use super::super::error::ApiError;
use super::body::{BODIES_BYTES_MAX, RequestBody};
use crate::server::http::body::Budget;

/// Bytes of a part's headers.
const HEADERS_BYTES_MAX: usize = 16 * 1024;
/// Longest boundary (RFC 2046).
const BOUNDARY_BYTES_MAX: usize = 70;

/// The boundary of a content type, quoted or bare, if it is `multipart/*`.
pub(crate) fn boundary(content_type: &str) -> Option<String> {
    let (kind, parameters) = content_type.split_once(';')?;
    if !kind.trim().to_ascii_lowercase().starts_with("multipart/") {
        return None;
    }
    let value = parameters.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("boundary").then(|| value.trim())
    })?;
    let bare = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    (!bare.is_empty() && bare.len() <= BOUNDARY_BYTES_MAX).then(|| bare.to_owned())
}

/// The header lines of a part.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct PartHeaders(Vec<(String, String)>);

impl PartHeaders {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// # Errors
    /// A line is no header.
    pub(crate) fn parse(block: &[u8]) -> Result<Self, ApiError> {
        let text = std::str::from_utf8(block).map_err(|_| malformed("part headers are not UTF-8"))?;
        let line = |line: &str| {
            let (name, value) = line.split_once(':').ok_or_else(|| malformed("a part header has no colon"))?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        };
        text.lines().filter(|line| !line.is_empty()).map(line).collect::<Result<_, _>>().map(Self)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Preamble,
    Content,
    /// Right after a delimiter.
    Delimiter,
    End,
}

/// Reads the parts, one after the other.
pub(crate) struct Multipart<'b> {
    body: &'b mut RequestBody,
    buffer: BytesMut,
    /// `\r\n--boundary`.
    delimiter: Vec<u8>,
    at: At,
}

impl<'b> Multipart<'b> {
    pub(crate) fn new(body: &'b mut RequestBody, boundary: &str) -> Self {
        // The first delimiter may stand at the very beginning: then no line end is before it.
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        Self { body, buffer: BytesMut::from(&b"\r\n"[..]), delimiter, at: At::Preamble }
    }

    /// For bodies of text, whose lines may also end without `\r`, as Python writes batches: a part then may have one `\r`
    /// at its end that is none of its own.
    pub(crate) fn of_text(body: &'b mut RequestBody, boundary: &str) -> Self {
        let delimiter = format!("\n--{boundary}").into_bytes();
        Self { body, buffer: BytesMut::from(&b"\n"[..]), delimiter, at: At::Preamble }
    }

    /// The next part's headers; skips what is left of the one before. `None`: there is no further part.
    pub(crate) async fn next_part(&mut self) -> Result<Option<PartHeaders>, ApiError> {
        while matches!(self.at, At::Preamble | At::Content) {
            self.next_piece().await?;
        }
        if self.at == At::End {
            return Ok(None);
        }
        self.fill(2).await?;
        if self.buffer.starts_with(b"--") {
            self.at = At::End;
            self.body.discard().await;
            return Ok(None);
        }
        let block = self.headers().await?;
        self.at = At::Content;
        PartHeaders::parse(&block).map(Some)
    }

    /// More of the part; `None` at its end.
    pub(crate) async fn next_piece(&mut self) -> Result<Option<Bytes>, ApiError> {
        if !matches!(self.at, At::Preamble | At::Content) {
            return Ok(None);
        }
        loop {
            if let Some(index) = memmem::find(&self.buffer, &self.delimiter) {
                if index > 0 {
                    return Ok(Some(self.buffer.split_to(index).freeze()));
                }
                drop(self.buffer.split_to(self.delimiter.len()));
                self.at = At::Delimiter;
                return Ok(None);
            }
            // What may be the beginning of a delimiter stays.
            let safe = self.buffer.len().saturating_sub(self.delimiter.len() - 1);
            if safe > 0 {
                return Ok(Some(self.buffer.split_to(safe).freeze()));
            }
            self.more().await?;
        }
    }

    /// A part's content as a whole.
    pub(crate) async fn whole(&mut self, bytes_max: usize) -> Result<Bytes, ApiError> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = self.next_piece().await? {
            if bytes.len().saturating_add(piece.len()) > bytes_max {
                return Err(ApiError::too_large(bytes_max));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    /// The lines after a delimiter, up to the blank one.
    async fn headers(&mut self) -> Result<Bytes, ApiError> {
        let mut line_start = memmem::find(&self.buffer, b"\n").map(|index| index + 1);
        loop {
            if let Some(start) = line_start {
                let rest = self.buffer.get(start..).unwrap_or_default();
                // The delimiter of the next part shares its line end with an empty content.
                let blank = if rest.starts_with(b"\r\n") { 2 } else { usize::from(rest.starts_with(b"\n")) };
                if blank > 0 {
                    let block = self.buffer.split_to(start + blank).freeze();
                    // The delimiter's own line may have padding before its end.
                    let first = memmem::find(&block, b"\n").map_or(0, |index| index + 1);
                    return Ok(block.slice(first..));
                }
                if let Some(index) = memmem::find(rest, b"\n") {
                    line_start = Some(start + index + 1);
                    continue;
                }
            }
            if self.buffer.len() > HEADERS_BYTES_MAX {
                return Err(malformed("part headers are too long"));
            }
            self.more().await?;
            line_start = line_start.or_else(|| memmem::find(&self.buffer, b"\n").map(|index| index + 1));
        }
    }

    async fn fill(&mut self, count: usize) -> Result<(), ApiError> {
        while self.buffer.len() < count {
            self.more().await?;
        }
        Ok(())
    }

    async fn more(&mut self) -> Result<(), ApiError> {
        let piece = self.body.next().await?.ok_or_else(|| malformed("the closing delimiter is missing"))?;
        self.buffer.extend_from_slice(&piece);
        Ok(())
    }
}

fn malformed(what: &str) -> ApiError {
    ApiError::invalid(format!("Malformed multipart body: {what}."))
}

/// By part, its content type and its bytes.
type Parts = Vec<(Option<String>, Vec<u8>)>;

/// The parts between boundaries `b` of a body that comes in pieces of `size` bytes: for tests and fuzzing.
fn read_parts(body: &[u8], size: usize) -> Result<Parts, ApiError> {
    let pieces: Vec<_> =
        body.chunks(size).map(|piece| Ok::<_, io::Error>(Frame::data(Bytes::copy_from_slice(piece)))).collect();
    let mut body = RequestBody::new(StreamBody::new(stream::iter(pieces)), Budget::new(BODIES_BYTES_MAX));
    let reading = async {
        let mut parts = Vec::new();
        let mut multipart = Multipart::new(&mut body, "b");
        while let Some(headers) = multipart.next_part().await? {
            let kind = headers.get("Content-Type").map(str::to_owned);
            parts.push((kind, multipart.whole(1000).await?.to_vec()));
        }
        Ok(parts)
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.map_err(|error| malformed(&error.to_string()))?.block_on(reading)
}

/// For fuzzing.
pub(crate) fn read_parts_for_fuzzing(body: &[u8], size: usize) {
    let _parts = read_parts(body, size).ok();
    let _boundary = boundary(&String::from_utf8_lossy(body));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::read_parts as read;
    use super::*;

    #[test]
    fn parts_are_read_however_the_body_is_cut() {
        let json = Some("application/json".to_owned());
        let cases: [(&str, Parts); 6] = [
            (
                "--b\r\ncontent-type: application/json\r\n\r\n{}\r\n--b\r\nX: y\r\n\r\na\r\n--\r\nb\r\n--b--\r\n",
                vec![(json.clone(), b"{}".to_vec()), (None, b"a\r\n--\r\nb".to_vec())],
            ),
            ("preamble\r\n--b \r\n\r\nx\r\n--b--", vec![(None, b"x".to_vec())]),
            ("--b\r\n\r\n\r\n--b--\r\nepilogue", vec![(None, Vec::new())]),
            ("--b\nContent-Type: application/json\n\n1\r\n--b--", vec![(json, b"1".to_vec())]),
            ("--b--", vec![]),
            ("--b\r\n\r\n\n--bx\r\n--b--", vec![(None, b"\n--bx".to_vec())]),
        ];
        for (body, expected) in cases {
            for size in 1..=body.len() {
                assert_eq!(read(body.as_bytes(), size).unwrap(), expected, "{body:?} by {size}");
            }
        }
    }

    #[test]
    fn a_body_that_does_not_end_is_refused() {
        let body = b"--b\r\n\r\nabc\r\n--b--";
        for length in 0..body.len() {
            assert!(read(&body[..length], 5).is_err(), "{length}");
        }
        assert!(read(b"--b\r\nno colon\r\n\r\nabc\r\n--b--", 5).is_err());
    }

    #[test]
    fn a_boundary_is_quoted_or_bare() {
        let cases = [
            ("multipart/related; boundary=b", Some("b")),
            ("Multipart/Related; type=x; BOUNDARY=\"a b\"", Some("a b")),
            ("multipart/related", None),
            ("text/plain; boundary=b", None),
            ("multipart/related; boundary=", None),
        ];
        for (content_type, expected) in cases {
            assert_eq!(boundary(content_type).as_deref(), expected, "{content_type}");
        }
    }

    proptest! {
        #[test]
        fn no_body_panics(body in proptest::collection::vec(prop::sample::select(b"\r\n-b:x ".to_vec()), 0..60), size in 1usize..9) {
            let _parts = read(&body, size);
            boundary(&String::from_utf8_lossy(&body));
        }
    }
}
