//! How `consume` prints a message: by a pattern, or as JSON.

use std::{
    io::{self, Write},
    str::FromStr,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, value::RawValue};

use super::consume::ConsumedMessage;

/// How a message is printed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageFormat {
    /// Text and parts of the message.
    Pattern(Vec<Piece>),
    /// One JSON object a line; a value that is JSON is inside it as it is.
    Json,
    /// A head line, then the value, indented where it is JSON.
    Pretty,
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    Text(String),
    /// `%t`
    Topic,
    /// `%p`
    Partition,
    /// `%o`
    Offset,
    /// `%k`
    Key,
    /// `%s`
    Value,
    /// `%T`, milliseconds since 1970
    Timestamp,
    /// `%h`, `name=value` with commas
    Headers,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    #[error(
        "`%{0}` is unknown: %t topic, %p partition, %o offset, %k key, %s value, %T timestamp, %h headers, %% percent"
    )]
    UnknownPiece(char),
    #[error("the format ends with a lone `%`")]
    LonePercent,
}

impl Default for MessageFormat {
    /// The value, as it is.
    fn default() -> Self {
        Self::Pattern(vec![Piece::Value])
    }
}

impl FromStr for MessageFormat {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        match text {
            "json" => Ok(Self::Json),
            "pretty" => Ok(Self::Pretty),
            pattern => parse(pattern).map(Self::Pattern),
        }
    }
}

/// Escapes are those of kcat: `\n`, `\t`, `\r`, `\\`. The line's end is not part of it.
fn parse(pattern: &str) -> Result<Vec<Piece>, FormatError> {
    let mut pieces = Vec::new();
    let mut text = String::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        let piece = match c {
            '%' => match chars.next().ok_or(FormatError::LonePercent)? {
                '%' => {
                    text.push('%');
                    continue;
                }
                't' => Piece::Topic,
                'p' => Piece::Partition,
                'o' => Piece::Offset,
                'k' => Piece::Key,
                's' => Piece::Value,
                'T' => Piece::Timestamp,
                'h' => Piece::Headers,
                other => return Err(FormatError::UnknownPiece(other)),
            },
            '\\' => {
                match chars.next() {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some('r') => text.push('\r'),
                    Some('\\') => text.push('\\'),
                    Some(other) => text.extend(['\\', other]),
                    None => text.push('\\'),
                }
                continue;
            }
            other => {
                text.push(other);
                continue;
            }
        };
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(piece);
    }
    // Each message ends its line anyway.
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if !text.is_empty() {
        pieces.push(Piece::Text(text.to_owned()));
    }
    Ok(pieces)
}

impl MessageFormat {
    /// Writes a message and ends the line.
    pub fn write(&self, message: &ConsumedMessage, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Pattern(pieces) => {
                pieces.iter().try_for_each(|piece| write_piece(piece, message, out))?;
                out.write_all(b"\n")
            }
            Self::Json => write_json(message, out),
            Self::Pretty => write_pretty(message, out),
        }
    }
}

fn write_piece(piece: &Piece, message: &ConsumedMessage, out: &mut dyn Write) -> io::Result<()> {
    match piece {
        Piece::Text(text) => out.write_all(text.as_bytes()),
        Piece::Topic => out.write_all(message.topic.as_bytes()),
        Piece::Partition => write!(out, "{}", message.partition),
        Piece::Offset => write!(out, "{}", message.offset),
        Piece::Key => out.write_all(message.key.as_deref().unwrap_or_default()),
        Piece::Value => out.write_all(message.value.as_deref().unwrap_or_default()),
        Piece::Timestamp => match message.timestamp_ms {
            Some(timestamp) => write!(out, "{timestamp}"),
            None => out.write_all(b"-1"),
        },
        Piece::Headers => {
            for (index, (name, value)) in message.headers.iter().enumerate() {
                let comma = if index == 0 { "" } else { "," };
                write!(out, "{comma}{name}=")?;
                out.write_all(value.as_deref().unwrap_or(b"NULL"))?;
            }
            Ok(())
        }
    }
}

fn write_json(message: &ConsumedMessage, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{{\"topic\":{},", Value::from(message.topic.as_str()))?;
    write!(out, "\"partition\":{},\"offset\":{},", message.partition, message.offset)?;
    write!(out, "\"timestamp\":{},", message.timestamp_ms.map_or(Value::Null, Value::from))?;
    write!(out, "\"headers\":{},", headers(message))?;
    write_field("key", message.key.as_deref(), false, out)?;
    out.write_all(b",")?;
    write_field("value", message.value.as_deref(), true, out)?;
    out.write_all(b"}\n")
}

/// A value that is JSON stays JSON; other text is a string; other bytes are base64, and the name says so.
fn write_field(name: &str, value: Option<&[u8]>, may_be_json: bool, out: &mut dyn Write) -> io::Result<()> {
    let Some(value) = value else { return write!(out, "\"{name}\":null") };
    if let Some(json) = Some(value).filter(|_| may_be_json).and_then(as_json) {
        write!(out, "\"{name}\":")?;
        // Line ends between tokens would break the line.
        let line: Vec<u8> =
            json.get().bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { byte }).collect();
        return out.write_all(&line);
    }
    match std::str::from_utf8(value) {
        Ok(text) => write!(out, "\"{name}\":{}", Value::from(text)),
        Err(_) => write!(out, "\"{name}_base64\":\"{}\"", STANDARD.encode(value)),
    }
}

fn as_json(value: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(value).ok()
}

fn headers(message: &ConsumedMessage) -> Value {
    let pairs = message.headers.iter().map(|(name, value)| {
        let value = value.as_ref().map_or(Value::Null, |value| String::from_utf8_lossy(value).into_owned().into());
        (name.clone(), value)
    });
    Value::Object(pairs.collect::<Map<_, _>>())
}

fn write_pretty(message: &ConsumedMessage, out: &mut dyn Write) -> io::Result<()> {
    write!(out, "{} partition {} offset {}", message.topic, message.partition, message.offset)?;
    if let Some(key) = &message.key {
        write!(out, " key {}", String::from_utf8_lossy(key))?;
    }
    let time = message.timestamp_ms.and_then(|timestamp| jiff::Timestamp::from_millisecond(timestamp).ok());
    if let Some(time) = time {
        write!(out, " at {time}")?;
    }
    writeln!(out)?;
    for (name, value) in &message.headers {
        writeln!(out, "  {name}: {}", String::from_utf8_lossy(value.as_deref().unwrap_or_default()))?;
    }
    let value = message.value.as_deref().unwrap_or_default();
    match serde_json::from_slice::<Value>(value) {
        Ok(json) => writeln!(out, "{json:#}"),
        Err(_) => writeln!(out, "{}", String::from_utf8_lossy(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(value: &[u8]) -> ConsumedMessage {
        ConsumedMessage {
            topic: "stock-stream".into(),
            partition: 0,
            offset: 7,
            key: Some(b"408065".to_vec()),
            value: Some(value.to_vec()),
            timestamp_ms: Some(1_704_167_100_000),
            headers: vec![("reason".into(), Some(b"bad".to_vec())), ("none".into(), None)],
        }
    }

    fn shown(format: &str, value: &[u8]) -> String {
        let mut out = Vec::new();
        format.parse::<MessageFormat>().unwrap().write(&message(value), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_pattern_names_the_parts_of_a_message() {
        assert_eq!(shown("%t %p %o %k %s", b"{}"), "stock-stream 0 7 408065 {}\n");
        assert_eq!(shown("%T\\t%h 100%%\\n", b""), "1704167100000\treason=bad,none=NULL 100%\n");
        assert_eq!("%x".parse::<MessageFormat>(), Err(FormatError::UnknownPiece('x')));
        assert_eq!("a%".parse::<MessageFormat>(), Err(FormatError::LonePercent));
    }

    #[test]
    fn json_is_one_valid_line_whatever_the_value_is() {
        let value = |payload: &[u8]| -> Value {
            let text = shown("json", payload);
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            serde_json::from_str(&text).unwrap()
        };
        assert_eq!(value(b"{\"a\":\n 1.50}")["value"]["a"], 1.5);
        assert_eq!(value(b"plain \"text\"\n")["value"], "plain \"text\"\n");
        assert_eq!(value(b"\xff\x00")["value_base64"], "/wA=");
        assert_eq!(value(b"1")["key"], "408065");
        assert_eq!(value(b"1")["headers"]["reason"], "bad");
    }

    #[test]
    fn pretty_indents_json() {
        assert_eq!(
            shown("pretty", b"{\"a\":1}"),
            "stock-stream partition 0 offset 7 key 408065 at 2024-01-02T03:45:00Z\n  reason: bad\n  none: \n{\n  \"a\": 1\n}\n"
        );
    }
}
