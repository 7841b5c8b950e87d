//! An object's bytes as lines: gzip recognised, positions counted, long lines refused.

use std::io::{self, BufRead, BufReader, Read};

use flate2::bufread::MultiGzDecoder;

/// BigQuery's own bound of a JSON row.
const LINE_BYTES_MAX: u64 = 100 * 1024 * 1024;
const BUFFER_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// A line without its end, and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    pub(super) bytes: &'a [u8],
    /// Of its first byte in the uncompressed content, from 0.
    pub(super) position: u64,
    /// From 1.
    pub(super) number: u64,
}

pub(super) struct Lines {
    reader: Box<dyn BufRead + Send>,
    buffer: Vec<u8>,
    position: u64,
    number: u64,
}

impl Lines {
    pub(super) fn new(content: Box<dyn Read + Send>) -> io::Result<Self> {
        let mut plain = BufReader::with_capacity(BUFFER_BYTES, content);
        // A first read may give one byte only; an object of one byte is no gzip either way.
        let zipped = peek(&mut plain)? == GZIP_MAGIC;
        let reader: Box<dyn BufRead + Send> = if zipped {
            Box::new(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(plain)))
        } else {
            Box::new(plain)
        };
        Ok(Self { reader, buffer: Vec::new(), position: 0, number: 0 })
    }

    /// `None` at the end. A byte order mark at the beginning is left out.
    pub(super) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        self.buffer.clear();
        self.read_on()
    }

    /// The bytes of the present line, a newline, and those of the next one; `None` when there is no next one.
    pub(super) fn extend(&mut self) -> io::Result<Option<&[u8]>> {
        let before = self.buffer.len();
        self.buffer.push(b'\n');
        if self.read_on()?.is_none() {
            self.buffer.truncate(before);
            return Ok(None);
        }
        Ok(Some(&self.buffer))
    }

    fn read_on(&mut self) -> io::Result<Option<Line<'_>>> {
        let before = self.buffer.len();
        let position = self.position;
        let read = Read::by_ref(&mut self.reader).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        if u64::try_from(self.buffer.len()).unwrap_or(u64::MAX) > LINE_BYTES_MAX {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "Row is larger than the allowed 100 MB"));
        }
        let read = u64::try_from(read).unwrap_or(u64::MAX);
        self.position = position.saturating_add(read);
        self.number += 1;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
        }
        if self.buffer.len() > before && self.buffer.last() == Some(&b'\r') {
            self.buffer.pop();
        }
        if position == 0 && self.buffer.starts_with(b"\xef\xbb\xbf") {
            self.buffer.drain(..3);
        }
        Ok(Some(Line { bytes: &self.buffer, position, number: self.number }))
    }

    /// What was read last, with the place that the caller knows.
    pub(super) fn present(&self, (position, number): (u64, u64)) -> Line<'_> {
        Line { bytes: &self.buffer, position, number }
    }

    /// Uncompressed bytes read so far.
    pub(super) fn bytes(&self) -> u64 {
        self.position
    }
}

/// The first two bytes, without taking them; zeros where there are none.
fn peek(reader: &mut BufReader<Box<dyn Read + Send>>) -> io::Result<[u8; 2]> {
    let mut first = [0; 2];
    for (slot, byte) in first.iter_mut().zip(reader.fill_buf()?) {
        *slot = *byte;
    }
    Ok(first)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn read(content: Vec<u8>) -> Vec<(String, u64, u64)> {
        let mut lines = Lines::new(Box::new(io::Cursor::new(content))).unwrap();
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push((String::from_utf8(line.bytes.to_vec()).unwrap(), line.position, line.number));
        }
        all
    }

    #[test]
    fn lines_have_places_and_gzip_is_read_through() {
        let plain = b"\xef\xbb\xbfone\r\n\ntwo".to_vec();
        let expected = [("one".to_owned(), 0, 1), (String::new(), 8, 2), ("two".to_owned(), 9, 3)];
        assert_eq!(read(plain.clone()), expected);
        let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        zipped.write_all(&plain).unwrap();
        assert_eq!(read(zipped.finish().unwrap()), expected);
        assert!(read(Vec::new()).is_empty());
    }
}
