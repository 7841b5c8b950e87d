//! JSON with places: requests and documents are read into a tree that remembers where each token stood, because
//! Elasticsearch's errors name line and column, and because documents are passed on as the bytes they came in.
//!
//! Bounded: nesting deeper than [`DEPTH_MAX`] is refused, and memory is in proportion to the bytes read.

use std::ops::Range;

/// Nesting allowed; Elasticsearch's parser allows 1,000.
pub(crate) const DEPTH_MAX: usize = 500;

/// A value and the bytes it was read from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Json {
    pub(crate) value: JsonValue,
    pub(crate) span: Span,
}

/// Byte offsets into the request text: the first byte of the token, and the first behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: usize,
    pub(crate) end: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum JsonValue {
    Null,
    Bool(bool),
    /// An integer that fits 64 bits.
    Int(i64),
    /// A number with a point or exponent, or an integer beyond 64 bits (its digits are in the span).
    Float {
        value: f64,
        integral: bool,
    },
    String(String),
    Array(Vec<Json>),
    /// Members in the order written. Duplicate keys are kept: who reads decides.
    Object(Vec<Member>),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Member {
    pub(crate) key: String,
    pub(crate) key_span: Span,
    pub(crate) value: Json,
}

/// Line and column, from 1, as Elasticsearch prints `[1:19]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

/// The text that spans point into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a>(pub(crate) &'a [u8]);

impl<'a> Source<'a> {
    pub(crate) fn position(&self, offset: usize) -> Position {
        let before = self.0.get(..offset.min(self.0.len())).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        Position { line, column: offset - line_start + 1 }
    }

    /// The bytes of a token, as they were sent.
    pub(crate) fn slice(&self, span: Span) -> &'a [u8] {
        self.0.get(Range { start: span.start, end: span.end }).unwrap_or_default()
    }
}

/// Why a text is not JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub(crate) struct JsonError {
    pub(crate) kind: JsonErrorKind,
    /// In the words of Elasticsearch's parser, without the position.
    pub(crate) reason: String,
    pub(crate) offset: usize,
    /// Where the last token before the error began.
    pub(crate) last_token: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum JsonErrorKind {
    /// The text ended inside a value.
    EndOfInput,
    Malformed,
}

impl Json {
    /// Reads one value; only white space may follow it.
    pub(crate) fn parse(text: &[u8]) -> Result<Json, JsonError> {
        let mut parser = Parser { text, at: 0, token: 0 };
        let value = parser.value(0)?;
        parser.skip_blanks();
        match parser.peek() {
            None => Ok(value),
            Some(byte) if byte.is_ascii_alphabetic() => Err(parser.unrecognized()),
            Some(byte) => Err(parser.unexpected(byte, "end of input")),
        }
    }

    /// Reads the value a text begins with; gives where it ends.
    pub(crate) fn parse_prefix(text: &[u8]) -> Result<(Json, usize), JsonError> {
        let mut parser = Parser { text, at: 0, token: 0 };
        let value = parser.value(0)?;
        Ok((value, parser.at))
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match &self.value {
            JsonValue::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&[Member]> {
        match &self.value {
            JsonValue::Object(members) => Some(members),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Json]> {
        match &self.value {
            JsonValue::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self.value {
            JsonValue::Bool(value) => Some(value),
            _ => None,
        }
    }

    pub(crate) fn as_i64(&self) -> Option<i64> {
        match self.value {
            JsonValue::Int(value) => Some(value),
            _ => None,
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a double is what was asked for")]
    pub(crate) fn as_f64(&self) -> Option<f64> {
        match self.value {
            JsonValue::Int(value) => Some(value as f64),
            JsonValue::Float { value, .. } => Some(value),
            _ => None,
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        self.value == JsonValue::Null
    }

    /// A member of an object by name: the last one, where a key stands twice.
    pub(crate) fn get(&self, key: &str) -> Option<&Json> {
        self.as_object()?.iter().rev().find(|member| member.key == key).map(|member| &member.value)
    }

    /// The same value without places, for storing and echoing.
    pub(crate) fn to_value(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.value {
            JsonValue::Null => Value::Null,
            JsonValue::Bool(value) => (*value).into(),
            JsonValue::Int(value) => (*value).into(),
            JsonValue::Float { value, .. } => (*value).into(),
            JsonValue::String(text) => text.as_str().into(),
            JsonValue::Array(items) => Value::Array(items.iter().map(Json::to_value).collect()),
            JsonValue::Object(members) => {
                Value::Object(members.iter().map(|member| (member.key.clone(), member.value.to_value())).collect())
            }
        }
    }

    /// The name Elasticsearch's parser has for the token that starts this value.
    pub(crate) fn token_name(&self) -> &'static str {
        match self.value {
            JsonValue::Null => "VALUE_NULL",
            JsonValue::Bool(_) => "VALUE_BOOLEAN",
            JsonValue::Int(_) | JsonValue::Float { .. } => "VALUE_NUMBER",
            JsonValue::String(_) => "VALUE_STRING",
            JsonValue::Array(_) => "START_ARRAY",
            JsonValue::Object(_) => "START_OBJECT",
        }
    }
}

struct Parser<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the last token began.
    token: usize,
}

impl Parser<'_> {
    fn value(&mut self, depth: usize) -> Result<Json, JsonError> {
        self.skip_blanks();
        let start = self.at;
        let Some(byte) = self.peek() else { return Err(self.end_of_input()) };
        let value = match byte {
            b'{' | b'[' if depth >= DEPTH_MAX => {
                let reason =
                    format!("Document nesting depth ({}) exceeds the maximum allowed ({DEPTH_MAX})", depth + 1);
                return Err(self.malformed(reason));
            }
            b'{' => {
                self.token = start;
                self.object(depth)?
            }
            b'[' => {
                self.token = start;
                self.array(depth)?
            }
            b'"' => JsonValue::String(self.string()?),
            b'-' | b'0'..=b'9' => self.number()?,
            b't' => self.literal("true", JsonValue::Bool(true))?,
            b'f' => self.literal("false", JsonValue::Bool(false))?,
            b'n' => self.literal("null", JsonValue::Null)?,
            other if other.is_ascii_alphabetic() => return Err(self.unrecognized()),
            other => {
                return Err(self.unexpected(
                    other,
                    "a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')",
                ));
            }
        };
        self.token = self.token.max(start);
        Ok(Json { value, span: Span { start, end: self.at } })
    }

    fn object(&mut self, depth: usize) -> Result<JsonValue, JsonError> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(JsonValue::Object(members));
        }
        loop {
            self.skip_blanks();
            let start = self.at;
            match self.peek() {
                Some(b'"') => {}
                Some(other) => return Err(self.unexpected(other, "double-quote to start field name")),
                None => return Err(self.end_of_input()),
            }
            let key = self.string()?;
            let key_span = Span { start, end: self.at };
            self.token = start;
            self.skip_blanks();
            self.expect(b':', "a colon to separate field name and value")?;
            let value = self.value(depth + 1)?;
            members.push(Member { key, key_span, value });
            if self.separator(b'}', "Object")? {
                return Ok(JsonValue::Object(members));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Result<JsonValue, JsonError> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_blanks();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(JsonValue::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.separator(b']', "Array")? {
                return Ok(JsonValue::Array(items));
            }
        }
    }

    /// Reads `,` (more to come: false) or the closing byte (true).
    fn separator(&mut self, close: u8, what: &str) -> Result<bool, JsonError> {
        self.skip_blanks();
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(false)
            }
            Some(byte) if byte == close => {
                self.at += 1;
                Ok(true)
            }
            Some(other) => Err(self.unexpected(other, &format!("comma to separate {what} entries"))),
            None => Err(self.end_of_input()),
        }
    }

    fn string(&mut self) -> Result<String, JsonError> {
        self.at += 1;
        let mut bytes = Vec::new();
        loop {
            match self.peek() {
                None => return Err(self.end_of_input()),
                Some(b'"') => {
                    self.at += 1;
                    return String::from_utf8(bytes).map_err(|_| self.malformed("Invalid UTF-8 in a string".into()));
                }
                Some(b'\\') => self.escape(&mut bytes)?,
                Some(byte) if byte < 0x20 => {
                    let reason = format!(
                        "Illegal unquoted character ((CTRL-CHAR, code {byte})): has to be escaped using backslash to be included in string value"
                    );
                    return Err(self.malformed(reason));
                }
                Some(_) => {
                    let rest = self.text.get(self.at..).unwrap_or_default();
                    let plain = rest.iter().take_while(|byte| **byte >= 0x20 && !matches!(byte, b'"' | b'\\')).count();
                    bytes.extend_from_slice(rest.get(..plain).unwrap_or_default());
                    self.at += plain;
                }
            }
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), JsonError> {
        self.at += 1;
        let Some(byte) = self.peek() else { return Err(self.end_of_input()) };
        self.at += 1;
        let plain = match byte {
            b'"' | b'\\' | b'/' => byte,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let character = self.unicode_escape()?;
                bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            other => return Err(self.malformed(format!("Unrecognized character escape {}", describe(other)))),
        };
        bytes.push(plain);
        Ok(())
    }

    /// After `\u`: one code unit, or a pair of surrogates. A lone surrogate becomes U+FFFD, as Java prints it.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.four_hex_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return Ok(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER));
        }
        if self.text.get(self.at..self.at + 2) != Some(b"\\u") {
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let back = self.at;
        self.at += 2;
        let second = self.four_hex_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            self.at = back;
            return Ok(char::REPLACEMENT_CHARACTER);
        }
        let code = 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn four_hex_digits(&mut self) -> Result<u32, JsonError> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(byte) = self.peek() else { return Err(self.end_of_input()) };
            let Some(digit) = char::from(byte).to_digit(16) else {
                return Err(self.unexpected(byte, "a hex-digit for character escape sequence"));
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }

    fn number(&mut self) -> Result<JsonValue, JsonError> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let integer_digits = self.digits()?;
        let leading = if self.text.get(start) == Some(&b'-') { start + 1 } else { start };
        if integer_digits > 1 && self.text.get(leading) == Some(&b'0') {
            return Err(self.malformed("Invalid numeric value: Leading zeroes not allowed".into()));
        }
        let mut integral = true;
        if self.peek() == Some(b'.') {
            integral = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            integral = false;
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        let digits = self.text.get(start..self.at).unwrap_or_default();
        let text = std::str::from_utf8(digits).unwrap_or_default();
        if integral && let Ok(value) = text.parse::<i64>() {
            return Ok(JsonValue::Int(value));
        }
        let value = text.parse::<f64>().map_err(|_| self.malformed(format!("Invalid numeric value: {text}")))?;
        Ok(JsonValue::Float { value, integral })
    }

    fn digits(&mut self) -> Result<usize, JsonError> {
        let start = self.at;
        while matches!(self.peek(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at > start {
            return Ok(self.at - start);
        }
        match self.peek() {
            None => Err(self.end_of_input()),
            Some(byte) => Err(self.unexpected(byte, "digit (0-9) to follow in a valid numeric value")),
        }
    }

    fn literal(&mut self, word: &str, value: JsonValue) -> Result<JsonValue, JsonError> {
        if self.text.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            self.at += word.len();
            return Ok(value);
        }
        Err(self.unrecognized())
    }

    /// A bare word that is no literal; the error stands behind it.
    fn unrecognized(&mut self) -> JsonError {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let part_of_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_' || **byte == b'$';
        let length = rest.iter().take_while(part_of_word).count();
        let word = rest.get(..length.min(256)).unwrap_or_default();
        let token = String::from_utf8_lossy(word).into_owned();
        self.at += length;
        self.malformed(format!(
            "Unrecognized token '{token}': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
        ))
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), JsonError> {
        match self.peek() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(other) => Err(self.unexpected(other, what)),
            None => Err(self.end_of_input()),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_blanks(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn end_of_input(&self) -> JsonError {
        JsonError {
            kind: JsonErrorKind::EndOfInput,
            reason: "Unexpected end of file".into(),
            offset: self.at,
            last_token: self.token,
        }
    }

    fn unexpected(&self, byte: u8, wanted: &str) -> JsonError {
        self.malformed(format!("Unexpected character ({}): was expecting {wanted}", describe(byte)))
    }

    fn malformed(&self, reason: String) -> JsonError {
        JsonError { kind: JsonErrorKind::Malformed, reason, offset: self.at, last_token: self.token }
    }
}

fn describe(byte: u8) -> String {
    format!("'{}' (code {byte})", char::from(byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spans_point_at_the_tokens_they_came_from() {
        let text = br#"{"a": [1, 2.5, "x"], "b": {"c": null}}"#;
        let json = Json::parse(text).unwrap();
        let source = Source(text);
        assert_eq!(source.slice(json.get("a").unwrap().span), br#"[1, 2.5, "x"]"#);
        assert_eq!(source.slice(json.get("b").unwrap().get("c").unwrap().span), b"null");
        assert_eq!(source.position(6), Position { line: 1, column: 7 });
    }

    #[test]
    fn nesting_beyond_the_bound_is_refused_not_overflowed() {
        let text = "[".repeat(100_000);
        assert_eq!(Json::parse(text.as_bytes()).unwrap_err().kind, JsonErrorKind::Malformed);
    }

    #[test]
    fn a_cut_text_is_told_apart_from_a_wrong_one() {
        assert_eq!(Json::parse(br#"{"a":"#).unwrap_err().kind, JsonErrorKind::EndOfInput);
        let wrong = Json::parse(b"{bad}").unwrap_err();
        assert_eq!(
            wrong.reason,
            "Unexpected character ('b' (code 98)): was expecting double-quote to start field name"
        );
        assert_eq!(wrong.offset, 1);
    }

    proptest! {
        #[test]
        fn any_bytes_give_a_value_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let ours = Json::parse(&bytes);
            let theirs = serde_json::from_slice::<serde_json::Value>(&bytes);
            prop_assert_eq!(ours.is_ok(), theirs.is_ok());
        }

        #[test]
        fn what_serde_json_writes_reads_back_the_same(text in r#"(\[|\]|\{|\}|"|,|:|[a-c0-9. \\nue-]){0,24}"#) {
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
                prop_assert!(Json::parse(text.as_bytes()).is_ok(), "{value}");
            }
        }
    }
}
