//! Values as `%t` (to read) and `%T` (as a literal) write them.

use crate::server::bigquery::value::text::print_float;
use crate::server::bigquery::value::{Type, Value};

/// `%t`: as CAST prints, but a whole float has a point.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Float64(value) => float(*value),
        Value::Array(items) => format!("[{}]", join(items.iter().map(plain))),
        Value::Struct(items) => format!("({})", join(items.iter().map(plain))),
        scalar => scalar.print().unwrap_or_default(),
    }
}

/// `%T`: an expression of the same type and value.
pub(super) fn literal(value: &Value, kind: &Type) -> String {
    match (value, kind) {
        (Value::Null, _) => "NULL".to_owned(),
        (Value::Float64(value), _) if !value.is_finite() => {
            format!("CAST(\"{}\" AS FLOAT64)", print_float(*value).to_lowercase())
        }
        (Value::String(text), _) => quoted(text),
        (Value::Bytes(bytes), _) => format!("b\"{}\"", bytes.iter().map(|byte| byte_text(*byte)).collect::<String>()),
        (Value::Array(items), Type::Array(element)) => {
            format!("[{}]", join(items.iter().map(|item| literal(item, element))))
        }
        (Value::Struct(items), Type::Struct(fields)) => {
            let inner = join(items.iter().zip(fields).map(|(item, (_, kind))| literal(item, kind)));
            // One value in parentheses would be no struct.
            if items.len() == 1 { format!("STRUCT({inner})") } else { format!("({inner})") }
        }
        (
            Value::Date(_)
            | Value::Time(_)
            | Value::Datetime(_)
            | Value::Timestamp(_)
            | Value::Numeric(_)
            | Value::Json(_),
            kind,
        ) => {
            format!("{} {}", kind.word(), quoted(&plain(value)))
        }
        (value, _) => plain(value),
    }
}

fn float(value: f64) -> String {
    let text = print_float(value);
    if text.contains(|c: char| !c.is_ascii_digit() && c != '-') { text } else { text + ".0" }
}

fn join(items: impl Iterator<Item = String>) -> String {
    items.collect::<Vec<_>>().join(", ")
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_control() => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out + "\""
}

fn byte_text(byte: u8) -> String {
    match byte {
        b'"' => "\\\"".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    }
}
