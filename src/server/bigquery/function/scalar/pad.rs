//! Functions that trim, fill and repeat; what grows is bounded.

use super::Row;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Strict};
use crate::server::bigquery::function::error::{Outcome, fail};
use crate::server::bigquery::value::Value;

const TRIMMED: &[&str] = &["STRING, [STRING] -> STRING", "BYTES, BYTES -> BYTES"];
const PADDED: &[&str] = &["STRING, INT64, [STRING] -> STRING", "BYTES, INT64, [BYTES] -> BYTES"];

pub(super) const ROWS: &[Row] = &[
    ("TRIM", TRIMMED, Strict, |a| trim(a, true, true)),
    ("LTRIM", TRIMMED, Strict, |a| trim(a, true, false)),
    ("RTRIM", TRIMMED, Strict, |a| trim(a, false, true)),
    ("LPAD", PADDED, Strict, |a| pad(a, "LPAD", true)),
    ("RPAD", PADDED, Strict, |a| pad(a, "RPAD", false)),
    ("REPEAT", &["STRING, INT64 -> STRING", "BYTES, INT64 -> BYTES"], Strict, repeat),
];

/// BigQuery's most bytes of a result that grows.
const OUTPUT_MAX: usize = 1 << 20;

fn trim(arguments: &Arguments<'_>, left: bool, right: bool) -> Outcome<Value> {
    if let Value::Bytes(bytes) = arguments.value(0) {
        let set = arguments.bytes(1)?;
        let drops = |byte: &&u8| set.contains(byte);
        let start = if left { bytes.iter().take_while(drops).count() } else { 0 };
        let rest = bytes.get(start..).unwrap_or_default();
        let end = if right { rest.iter().rev().take_while(drops).count() } else { 0 };
        return Ok(Value::Bytes(rest.iter().take(rest.len() - end).copied().collect()));
    }
    let text = arguments.text(0)?;
    let set = if arguments.len() > 1 { Some(arguments.text(1)?) } else { None };
    let drops = |c: char| set.map_or_else(|| c.is_whitespace(), |set| set.contains(c));
    let text = if left { text.trim_start_matches(drops) } else { text };
    let text = if right { text.trim_end_matches(drops) } else { text };
    Ok(Value::String(text.to_owned()))
}

fn pad(arguments: &Arguments<'_>, name: &str, left: bool) -> Outcome<Value> {
    let Ok(length) = usize::try_from(arguments.int(1)?) else {
        return fail(format!("Second argument (output size) for {name} cannot be negative"));
    };
    if length > OUTPUT_MAX {
        return fail(format!("Output of {name} exceeds max allowed output size of 1MB"));
    }
    if let Value::Bytes(bytes) = arguments.value(0) {
        let pattern = if arguments.len() > 2 { arguments.bytes(2)? } else { b" " };
        return padded(bytes, pattern, length, left, name).map(Value::Bytes);
    }
    let text: Vec<char> = arguments.text(0)?.chars().collect();
    let pattern: Vec<char> = arguments.text_or(2, " ")?.chars().collect();
    padded(&text, &pattern, length, left, name).map(|chars| Value::String(chars.into_iter().collect()))
}

fn padded<T: Copy>(items: &[T], pattern: &[T], length: usize, left: bool, name: &str) -> Outcome<Vec<T>> {
    if pattern.is_empty() {
        return fail(format!("Third argument (pad pattern) for {name} cannot be empty"));
    }
    let kept = items.iter().copied().take(length);
    let missing = pattern.iter().copied().cycle().take(length.saturating_sub(items.len()));
    Ok(if left { missing.chain(kept).collect() } else { kept.chain(missing).collect() })
}

fn repeat(arguments: &Arguments<'_>) -> Outcome<Value> {
    let Ok(times) = usize::try_from(arguments.int(1)?) else {
        return fail("Second argument in REPEAT cannot be negative");
    };
    if arguments.bytes(0)?.len().saturating_mul(times) > OUTPUT_MAX {
        return fail("Output of REPEAT exceeds max allowed output size of 1MB");
    }
    Ok(match arguments.value(0) {
        Value::Bytes(bytes) => Value::Bytes(bytes.repeat(times)),
        _ => Value::String(arguments.text(0)?.repeat(if arguments.text(0)?.is_empty() { 0 } else { times })),
    })
}
