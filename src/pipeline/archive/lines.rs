//! The file's lines, written and read.

use std::io::{self, BufRead, BufReader, Read, Write};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::pipeline::ConsumedMessage;

/// The version of the lines; a newer one is refused.
pub const ARCHIVE_FORMAT: u32 = 1;
/// Who wrote it.
const NAME: &str = "stockdev";
/// A line is never longer: a message of 16 MiB, the most that is sent, with every byte escaped.
const LINE_BYTES_MAX: u64 = 128 << 20;

#[derive(Debug, thiserror::Error)]
pub enum ArchiveError {
    #[error("cannot read it: {0}")]
    Read(#[source] io::Error),
    #[error("it is no archive of a topic: {0}")]
    NotAnArchive(String),
    #[error("it is of format {0}, and this stockdev knows up to {ARCHIVE_FORMAT}")]
    Newer(u32),
    #[error("line {line}: {reason}")]
    Line { line: u64, reason: String },
    #[error("it was cut off: it ends after {messages} messages, without its last line")]
    CutOff { messages: u64 },
}

/// The first line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveHead {
    archive: String,
    format: u32,
    pub topic: String,
    pub partitions: i32,
    pub written: Timestamp,
}

impl ArchiveHead {
    pub(super) fn new(topic: &str, partitions: i32) -> Self {
        let (archive, topic) = (NAME.to_owned(), topic.to_owned());
        Self { archive, format: ARCHIVE_FORMAT, topic, partitions, written: Timestamp::now() }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Bytes {
    Text(String),
    Other { base64: String },
}

impl Bytes {
    fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Text(text.to_owned()),
            Err(_) => Self::Other { base64: STANDARD.encode(bytes) },
        }
    }

    fn into_bytes(self) -> Result<Vec<u8>, String> {
        match self {
            Self::Text(text) => Ok(text.into_bytes()),
            Self::Other { base64 } => STANDARD.decode(base64).map_err(|error| error.to_string()),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MessageLine {
    partition: i32,
    offset: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(String, Option<Bytes>)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Bytes>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EndLine {
    messages: u64,
}

/// Writes an archive; without [`ArchiveWriter::finish`] it is none.
pub(super) struct ArchiveWriter<W: Write> {
    out: GzEncoder<W>,
    messages: u64,
}

impl<W: Write> ArchiveWriter<W> {
    pub(super) fn new(out: W, head: &ArchiveHead) -> io::Result<Self> {
        let mut writer = Self { out: GzEncoder::new(out, Compression::default()), messages: 0 };
        writer.line(head)?;
        Ok(writer)
    }

    pub(super) fn write(&mut self, message: &ConsumedMessage) -> io::Result<()> {
        let bytes = |bytes: &Option<Vec<u8>>| bytes.as_deref().map(Bytes::of);
        self.line(&MessageLine {
            partition: message.partition,
            offset: message.offset,
            timestamp: message.timestamp_ms,
            key: bytes(&message.key),
            headers: message.headers.iter().map(|(name, value)| (name.clone(), bytes(value))).collect(),
            value: bytes(&message.value),
        })?;
        self.messages += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> io::Result<W> {
        let messages = self.messages;
        self.line(&EndLine { messages })?;
        self.out.finish()
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        // In one piece: the compressor is slow with a line in many.
        let mut bytes = serde_json::to_vec(line)?;
        bytes.push(b'\n');
        self.out.write_all(&bytes)
    }
}

/// Reads an archive's messages, in their order; nothing of it is trusted.
pub struct ArchiveReader<R: Read> {
    input: BufReader<MultiGzDecoder<R>>,
    head: ArchiveHead,
    line: u64,
    messages: u64,
    ended: bool,
}

impl<R: Read> ArchiveReader<R> {
    pub fn open(input: R) -> Result<Self, ArchiveError> {
        let mut input = BufReader::new(MultiGzDecoder::new(input));
        let first = match read_line(&mut input) {
            Ok(Some(first)) => first,
            Ok(None) => return Err(ArchiveError::NotAnArchive("it is empty".into())),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                return Err(ArchiveError::NotAnArchive("it is not gzipped".into()));
            }
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(ArchiveError::CutOff { messages: 0 });
            }
            Err(error) => return Err(ArchiveError::Read(error)),
        };
        let head: ArchiveHead =
            serde_json::from_slice(&first).map_err(|error| ArchiveError::NotAnArchive(error.to_string()))?;
        if head.archive != NAME {
            return Err(ArchiveError::NotAnArchive(format!("it is one of `{}`", head.archive)));
        }
        if head.format > ARCHIVE_FORMAT {
            return Err(ArchiveError::Newer(head.format));
        }
        if !(1..=PARTITIONS_MAX).contains(&head.partitions) {
            return Err(ArchiveError::NotAnArchive(format!("a topic with {} partitions", head.partitions)));
        }
        Ok(Self { input, head, line: 1, messages: 0, ended: false })
    }

    pub fn head(&self) -> &ArchiveHead {
        &self.head
    }

    /// The next message; `None` after the last one, when the file is whole.
    pub fn message(&mut self) -> Result<Option<ConsumedMessage>, ArchiveError> {
        if self.ended {
            return Ok(None);
        }
        let Some(text) = self.next_line()? else {
            return Err(ArchiveError::CutOff { messages: self.messages });
        };
        if let Ok(EndLine { messages }) = serde_json::from_slice(&text) {
            if messages != self.messages {
                return Err(self.wrong(format!("{messages} messages were written, {} are here", self.messages)));
            }
            // Only at the file's end is its checksum compared.
            if self.next_line()?.is_some() {
                return Err(self.wrong("something comes after the end".into()));
            }
            self.ended = true;
            return Ok(None);
        }
        let wrong = |reason: String| self.wrong(reason);
        let line: MessageLine = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        if !(0..self.head.partitions).contains(&line.partition) {
            return Err(wrong(format!("partition {} of {}", line.partition, self.head.partitions)));
        }
        if line.timestamp.is_some_and(|time| time < 0) {
            return Err(wrong("a time before 1970".into()));
        }
        let bytes = |bytes: Option<Bytes>| bytes.map(Bytes::into_bytes).transpose().map_err(wrong);
        let headers = line.headers.into_iter().map(|(name, value)| Ok((name, bytes(value)?)));
        let message = ConsumedMessage {
            topic: self.head.topic.clone(),
            partition: line.partition,
            offset: line.offset,
            key: bytes(line.key)?,
            value: bytes(line.value)?,
            timestamp_ms: line.timestamp,
            headers: headers.collect::<Result<_, ArchiveError>>()?,
        };
        self.messages += 1;
        Ok(Some(message))
    }

    fn next_line(&mut self) -> Result<Option<Vec<u8>>, ArchiveError> {
        self.line += 1;
        read_line(&mut self.input).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => ArchiveError::CutOff { messages: self.messages },
            io::ErrorKind::FileTooLarge => self.wrong(error.to_string()),
            _ => ArchiveError::Read(error),
        })
    }

    fn wrong(&self, reason: String) -> ArchiveError {
        ArchiveError::Line { line: self.line, reason }
    }
}

/// As many as `up --partitions` makes.
const PARTITIONS_MAX: i32 = 1_000;

/// A whole line; `None` at the end of the file.
fn read_line(input: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    match input.take(LINE_BYTES_MAX).read_until(b'\n', &mut line)? {
        0 => Ok(None),
        _ if line.ends_with(b"\n") => Ok(Some(line)),
        read if u64::try_from(read).unwrap_or(u64::MAX) >= LINE_BYTES_MAX => {
            Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {LINE_BYTES_MAX} bytes")))
        }
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    fn written(messages: &[ConsumedMessage]) -> Vec<u8> {
        let mut writer = ArchiveWriter::new(Vec::new(), &ArchiveHead::new("ticks", 4)).unwrap();
        for message in messages {
            writer.write(message).unwrap();
        }
        writer.finish().unwrap()
    }

    fn read(file: &[u8]) -> Result<Vec<ConsumedMessage>, ArchiveError> {
        let mut reader = ArchiveReader::open(file)?;
        let mut messages = Vec::new();
        while let Some(message) = reader.message()? {
            messages.push(message);
        }
        Ok(messages)
    }

    fn bytes() -> impl Strategy<Value = Option<Vec<u8>>> {
        proptest::option::of(prop_oneof![
            ".{0,40}".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..40)
        ])
    }

    prop_compose! {
        fn message()(
            partition in 0..4,
            offset in 0..i64::MAX,
            key in bytes(),
            value in bytes(),
            timestamp_ms in proptest::option::of(0..4_102_444_800_000_i64),
            headers in proptest::collection::vec((".{0,10}", bytes()), 0..3),
        ) -> ConsumedMessage {
            ConsumedMessage { topic: "ticks".into(), partition, offset, key, value, timestamp_ms, headers }
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(messages in proptest::collection::vec(message(), 0..20)) {
            prop_assert_eq!(read(&written(&messages)).unwrap(), messages);
        }

        #[test]
        fn a_file_that_was_cut_off_is_never_taken_for_whole(
            messages in proptest::collection::vec(message(), 0..20),
            at in any::<prop::sample::Index>(),
        ) {
            let file = written(&messages);
            prop_assert!(read(&file[..at.index(file.len())]).is_err());
        }

        #[test]
        fn whatever_is_read_there_is_an_answer(file in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(read(&file).is_err());
            prop_assert!(read(&gzipped(&file)).is_err());
            // Behind a head that is right.
            let mut headed = serde_json::to_vec(&ArchiveHead::new("ticks", 4)).unwrap();
            headed.push(b'\n');
            headed.extend_from_slice(&file);
            prop_assert!(read(&gzipped(&headed)).is_err());
        }

        #[test]
        fn a_line_with_one_byte_changed_is_read_or_refused(message in message(), at in any::<prop::sample::Index>(), byte: u8) {
            let mut lines = Vec::new();
            GzDecoder::new(written(&[message]).as_slice()).read_to_end(&mut lines).unwrap();
            let at = at.index(lines.len());
            lines[at] = byte;
            // Whichever it is: an answer, and no more than the one message.
            prop_assert!(read(&gzipped(&lines)).is_err() || read(&gzipped(&lines)).unwrap().len() <= 1);
        }
    }

    fn gzipped(lines: &[u8]) -> Vec<u8> {
        let mut file = GzEncoder::new(Vec::new(), Compression::fast());
        file.write_all(lines).unwrap();
        file.finish().unwrap()
    }

    fn refused(lines: &str) -> String {
        read(&gzipped(lines.as_bytes())).unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let head = r#"{"archive":"stockdev","format":1,"topic":"t","partitions":2,"written":"2024-01-02T00:00:00Z"}"#;
        let message = r#"{"partition":1,"offset":0,"value":"v"}"#;
        assert_eq!(read(b"plain text").unwrap_err().to_string(), "it is no archive of a topic: it is not gzipped");
        assert_eq!(
            refused(&format!("{}\n", head.replace("stockdev", "other"))),
            "it is no archive of a topic: it is one of `other`"
        );
        assert_eq!(
            refused(&format!("{}\n", head.replace("\"format\":1", "\"format\":2"))),
            "it is of format 2, and this stockdev knows up to 1"
        );
        assert_eq!(refused(head), "it was cut off: it ends after 0 messages, without its last line");
        assert_eq!(
            refused(&format!("{head}\n{message}\n{{\"messages\":2}}\n")),
            "line 3: 2 messages were written, 1 are here"
        );
        assert_eq!(
            refused(&format!("{head}\n{message}\n")),
            "it was cut off: it ends after 1 messages, without its last line"
        );
        assert_eq!(refused(&format!("{head}\n{}\n", message.replace(":1,", ":2,"))), "line 2: partition 2 of 2");
        assert_eq!(
            refused(&format!("{head}\n{{\"messages\":0}}\n{message}\n")),
            "line 3: something comes after the end"
        );
    }
}
