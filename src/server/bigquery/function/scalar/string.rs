//! String functions by characters, and their forms for BYTES.

use super::Row;
use super::math::count;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict, unexpected};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::{Type, Value};

const TEXT_OR_BYTES: &[&str] = &["STRING -> STRING", "BYTES -> BYTES"];
const LENGTHS: &[&str] = &["STRING -> INT64", "BYTES -> INT64"];
const PART: &[&str] = &["STRING, INT64, [INT64] -> STRING", "BYTES, INT64, [INT64] -> BYTES"];
const ENDS: &[&str] = &["STRING, INT64 -> STRING", "BYTES, INT64 -> BYTES"];
const AFFIX: &[&str] = &["STRING, STRING -> BOOL", "BYTES, BYTES -> BOOL"];

pub(super) const ROWS: &[Row] = &[
    ("$CONCAT", &[], Strict, concat),
    ("CONCAT", &["STRING, STRING... -> STRING", "BYTES, BYTES... -> BYTES"], Strict, concat),
    ("LENGTH", LENGTHS, Strict, length),
    ("CHAR_LENGTH", &["STRING -> INT64"], Strict, length),
    ("CHARACTER_LENGTH", &["STRING -> INT64"], Strict, length),
    ("BYTE_LENGTH", LENGTHS, Strict, |a| count(a.bytes(0)?.len())),
    ("OCTET_LENGTH", LENGTHS, Strict, |a| count(a.bytes(0)?.len())),
    ("LOWER", TEXT_OR_BYTES, Strict, |a| cased(a, str::to_lowercase, |bytes| bytes.to_ascii_lowercase())),
    ("UPPER", TEXT_OR_BYTES, Strict, |a| cased(a, str::to_uppercase, |bytes| bytes.to_ascii_uppercase())),
    ("INITCAP", &["STRING, [STRING] -> STRING"], Strict, init_cap),
    ("SUBSTR", PART, Strict, substr),
    ("SUBSTRING", PART, Strict, substr),
    ("LEFT", ENDS, Strict, |a| end(a, "LEFT", |length, n| (0, n.min(length)))),
    ("RIGHT", ENDS, Strict, |a| end(a, "RIGHT", |length, n| (length.saturating_sub(n), length))),
    ("REPLACE", &["STRING, STRING, STRING -> STRING"], Strict, replace),
    ("REVERSE", TEXT_OR_BYTES, Strict, reverse),
    ("STARTS_WITH", AFFIX, Strict, |a| Ok(Value::Bool(a.bytes(0)?.starts_with(a.bytes(1)?)))),
    ("ENDS_WITH", AFFIX, Strict, |a| Ok(Value::Bool(a.bytes(0)?.ends_with(a.bytes(1)?)))),
    ("STRPOS", &["STRING, STRING -> INT64"], Strict, |a| position(a.text(0)?, a.text(1)?, 1, 1)),
    ("INSTR", &["STRING, STRING, [INT64], [INT64] -> INT64"], Strict, instr),
    ("CONTAINS_SUBSTR", &["ANY, STRING -> BOOL"], Strict, contains_substr),
    ("SPLIT", &["STRING, [STRING] -> ARRAY<STRING>"], Strict, split),
    ("TRANSLATE", &["STRING, STRING, STRING -> STRING"], Strict, translate),
    ("ASCII", &["STRING -> INT64"], Strict, ascii),
    ("UNICODE", &["STRING -> INT64"], Strict, |a| Ok(first_code(a.text(0)?))),
    ("CHR", &["INT64 -> STRING"], Strict, |a| chr(a.int(0)?).map(|c| Value::String(c.to_string()))),
    ("TO_CODE_POINTS", &["STRING -> ARRAY<INT64>", "BYTES -> ARRAY<INT64>"], Strict, to_code_points),
    ("CODE_POINTS_TO_STRING", &["ARRAY<INT64> -> STRING"], Strict, from_code_points),
    ("CODE_POINTS_TO_BYTES", &["ARRAY<INT64> -> BYTES"], Strict, code_points_to_bytes),
    ("COLLATE", &["STRING, STRING -> STRING"], Strict, collate),
];

fn concat(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.kind(0) {
        Type::Bytes => {
            let mut all = Vec::new();
            for index in 0..arguments.len() {
                all.extend_from_slice(arguments.bytes(index)?);
            }
            Ok(Value::Bytes(all))
        }
        Type::Array(_) => {
            let mut all = Vec::new();
            for index in 0..arguments.len() {
                all.extend_from_slice(arguments.array(index)?);
            }
            Ok(Value::Array(all))
        }
        _ => {
            let mut all = String::new();
            for index in 0..arguments.len() {
                all.push_str(arguments.text(index)?);
            }
            Ok(Value::String(all))
        }
    }
}

fn length(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Bytes(bytes) => count(bytes.len()),
        _ => count(arguments.text(0)?.chars().count()),
    }
}

fn cased(arguments: &Arguments<'_>, text: fn(&str) -> String, bytes: fn(&[u8]) -> Vec<u8>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Bytes(value) => Ok(Value::Bytes(bytes(value))),
        _ => Ok(Value::String(text(arguments.text(0)?))),
    }
}

/// A new word begins after a blank or one of these; a second argument gives others.
const WORD_ENDS: &str = "[](){}/|<>!?@\"^#$&~_,.:;*%+-";

fn init_cap(arguments: &Arguments<'_>) -> Outcome<Value> {
    let text = arguments.text(0)?;
    let ends = if arguments.len() > 1 { Some(arguments.text(1)?) } else { None };
    let is_end = |c: char| ends.map_or_else(|| c.is_whitespace() || WORD_ENDS.contains(c), |ends| ends.contains(c));
    let mut out = String::with_capacity(text.len());
    let mut starts = true;
    for c in text.chars() {
        if starts {
            out.extend(c.to_uppercase());
        } else {
            out.extend(c.to_lowercase());
        }
        starts = is_end(c);
    }
    Ok(Value::String(out))
}

fn substr(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (position, wanted) = (arguments.int(1)?, arguments.int_or(2, i64::MAX)?);
    if wanted < 0 {
        return fail("Third argument in SUBSTR() cannot be negative");
    }
    slice(arguments, |length| {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        // Before the first character is the first one; a negative position counts from the end.
        let start = match position {
            1.. => position - 1,
            0 => 0,
            _ if position < -length => 0,
            _ => length + position,
        };
        let start = start.min(length);
        (start, start.saturating_add(wanted).min(length))
    })
}

/// The part that `range` picks of a length: start and end.
fn slice(arguments: &Arguments<'_>, range: impl Fn(usize) -> (i64, i64)) -> Outcome<Value> {
    let pick = |length: usize| {
        let (start, end) = range(length);
        let start = usize::try_from(start).unwrap_or(0);
        (start, usize::try_from(end).unwrap_or(0).saturating_sub(start))
    };
    if let Value::Bytes(bytes) = arguments.value(0) {
        let (start, taken) = pick(bytes.len());
        return Ok(Value::Bytes(bytes.iter().skip(start).take(taken).copied().collect()));
    }
    let text = arguments.text(0)?;
    let (start, taken) = pick(text.chars().count());
    Ok(Value::String(text.chars().skip(start).take(taken).collect()))
}

fn end(arguments: &Arguments<'_>, name: &str, range: fn(i64, i64) -> (i64, i64)) -> Outcome<Value> {
    let n = arguments.int(1)?;
    if n < 0 {
        return fail(format!("Second argument in {name}() cannot be negative"));
    }
    slice(arguments, |length| {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let (start, end) = range(length, n);
        (start.max(0), end)
    })
}

fn replace(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (text, from, to) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    Ok(Value::String(if from.is_empty() { text.to_owned() } else { text.replace(from, to) }))
}

fn reverse(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.value(0) {
        Value::Bytes(bytes) => Ok(Value::Bytes(bytes.iter().rev().copied().collect())),
        _ => Ok(Value::String(arguments.text(0)?.chars().rev().collect())),
    }
}

fn instr(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (from, occurrence) = (arguments.int_or(2, 1)?, arguments.int_or(3, 1)?);
    if from == 0 {
        return fail("Third argument in INSTR() cannot be zero");
    }
    if occurrence < 1 {
        return fail("Fourth argument in INSTR() must be positive");
    }
    position(arguments.text(0)?, arguments.text(1)?, from, occurrence)
}

/// The one-based place of the n-th find at or after `from`; a negative `from` searches backwards from the end. 0 for none.
fn position(text: &str, wanted: &str, from: i64, occurrence: i64) -> Outcome<Value> {
    let text: Vec<char> = text.chars().collect();
    let wanted: Vec<char> = wanted.chars().collect();
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if from.unsigned_abs() > length.unsigned_abs() && from != 1 {
        return Ok(Value::Int64(0));
    }
    let matches = |start: &usize| text.get(*start..).is_some_and(|rest| rest.starts_with(&wanted));
    let nth = usize::try_from(occurrence - 1).unwrap_or(usize::MAX);
    let start = usize::try_from(if from > 0 { from - 1 } else { length + from }).unwrap_or(0);
    let found = if from > 0 {
        (start..=text.len()).filter(matches).nth(nth)
    } else {
        (0..=start).rev().filter(matches).nth(nth)
    };
    found.map_or(Ok(Value::Int64(0)), |index| count(index + 1))
}

fn contains_substr(arguments: &Arguments<'_>) -> Outcome<Value> {
    let wanted = arguments.text(1)?.to_lowercase();
    Ok(Value::Bool(has_text(arguments.value(0), &wanted)))
}

fn has_text(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Array(items) | Value::Struct(items) => items.iter().any(|item| has_text(item, wanted)),
        scalar => scalar.print().is_some_and(|text| text.to_lowercase().contains(wanted)),
    }
}

fn split(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (text, delimiter) = (arguments.text(0)?, arguments.text_or(1, ",")?);
    let piece = |piece: &str| Value::String(piece.to_owned());
    if delimiter.is_empty() && !text.is_empty() {
        return Ok(Value::Array(text.chars().map(|c| Value::String(c.to_string())).collect()));
    }
    let whole = delimiter.is_empty();
    Ok(Value::Array(if whole { vec![piece(text)] } else { text.split(delimiter).map(piece).collect() }))
}

fn translate(arguments: &Arguments<'_>) -> Outcome<Value> {
    let (text, from, to) = (arguments.text(0)?, arguments.text(1)?, arguments.text(2)?);
    let from: Vec<char> = from.chars().collect();
    let to: Vec<char> = to.chars().collect();
    let one = |c: char| match from.iter().position(|f| *f == c) {
        None => Some(c),
        Some(index) => to.get(index).copied(),
    };
    Ok(Value::String(text.chars().filter_map(one).collect()))
}

fn ascii(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.text(0)?.chars().next() {
        None => Ok(Value::Int64(0)),
        Some(c) if c.is_ascii() => Ok(Value::Int64(i64::from(u32::from(c)))),
        Some(_) => fail(format!("Non ASCII first character found in ASCII() input: {}", arguments.text(0)?)),
    }
}

fn first_code(text: &str) -> Value {
    Value::Int64(text.chars().next().map_or(0, |c| i64::from(u32::from(c))))
}

fn chr(code: i64) -> Outcome<char> {
    let found = u32::try_from(code).ok().and_then(char::from_u32);
    found.ok_or_else(|| FunctionError::new(format!("Invalid codepoint {code}")))
}

fn to_code_points(arguments: &Arguments<'_>) -> Outcome<Value> {
    let codes = match arguments.value(0) {
        Value::Bytes(bytes) => bytes.iter().map(|byte| Value::Int64(i64::from(*byte))).collect(),
        _ => arguments.text(0)?.chars().map(|c| Value::Int64(i64::from(u32::from(c)))).collect(),
    };
    Ok(Value::Array(codes))
}

fn from_code_points(arguments: &Arguments<'_>) -> Outcome<Value> {
    let codes = arguments.array(0)?;
    if codes.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    let one = |value: &Value| match value {
        Value::Int64(code) => chr(*code),
        other => unexpected(other, "INT64"),
    };
    codes.iter().map(one).collect::<Outcome<String>>().map(Value::String)
}

fn code_points_to_bytes(arguments: &Arguments<'_>) -> Outcome<Value> {
    let codes = arguments.array(0)?;
    if codes.contains(&Value::Null) {
        return Ok(Value::Null);
    }
    let one = |value: &Value| match value {
        Value::Int64(code) => {
            u8::try_from(*code).map_err(|_| FunctionError::new(format!("Invalid extended ASCII code points {code}")))
        }
        other => unexpected(other, "INT64"),
    };
    codes.iter().map(one).collect::<Outcome<Vec<u8>>>().map(Value::Bytes)
}

/// Only the binary collation is there.
fn collate(arguments: &Arguments<'_>) -> Outcome<Value> {
    match arguments.text(1)? {
        "" | "binary" => Ok(arguments.value(0).clone()),
        other => fail(format!("COLLATE: collation {other} is not supported")),
    }
}
