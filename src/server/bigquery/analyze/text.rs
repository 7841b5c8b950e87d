//! Values as SQLite literals, and names made unique.

use crate::server::bigquery::value::{Type, Value};

use rusqlite::types::Value as Sql;

/// A string as an SQLite literal. SQLite ends a quoted text at a NUL, so one with a NUL goes by its bytes.
pub(super) fn string_literal(text: &str) -> String {
    if text.contains('\0') {
        return format!("CAST({} AS TEXT)", blob_literal(text.as_bytes()));
    }
    format!("'{}'", text.replace('\'', "''"))
}

pub(super) fn blob_literal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2 + 3);
    text.push_str("x'");
    for byte in bytes {
        // Writing to a String never fails.
        write!(text, "{byte:02x}").unwrap_or_default();
    }
    text.push('\'');
    text
}

pub(super) fn integer_literal(value: i64) -> String {
    if value == i64::MIN {
        // SQLite reads the digits first, and 2^63 is no integer.
        return "(-9223372036854775807 - 1)".to_owned();
    }
    if value < 0 { format!("({value})") } else { value.to_string() }
}

pub(super) fn float_literal(value: f64) -> String {
    if value.is_nan() {
        return blob_literal(b"NaN");
    }
    if value.is_infinite() {
        return if value > 0.0 { "9e999".to_owned() } else { "(-9e999)".to_owned() };
    }
    if value.is_sign_negative() { format!("({value:e})") } else { format!("{value:e}") }
}

/// A value as an SQLite literal.
pub(super) fn value_literal(value: &Value) -> String {
    match value.to_sql() {
        Sql::Null => "NULL".to_owned(),
        Sql::Integer(value) => integer_literal(value),
        Sql::Real(value) => float_literal(value),
        Sql::Text(text) => string_literal(&text),
        Sql::Blob(bytes) => blob_literal(&bytes),
    }
}

/// The names of a result: unnamed columns are `f0_`, `f1_` ..., a name that was there gets `_1`, `_2` ... The second list are the doubled names.
pub(super) fn unique_names(names: Vec<Option<String>>) -> (Vec<String>, Vec<String>) {
    let mut taken: std::collections::HashSet<String> = names.iter().flatten().map(|name| name.to_lowercase()).collect();
    let mut seen = std::collections::HashSet::new();
    let mut duplicates: Vec<String> = Vec::new();
    let mut unnamed = 0_usize;
    let mut unique = Vec::with_capacity(names.len());
    for name in names {
        let Some(name) = name else {
            unique.push(fresh_name(&mut taken, |_| {
                unnamed += 1;
                format!("f{}_", unnamed - 1)
            }));
            continue;
        };
        if seen.insert(name.to_lowercase()) {
            unique.push(name);
            continue;
        }
        if !duplicates.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            duplicates.push(name.clone());
        }
        unique.push(fresh_name(&mut taken, |count| format!("{name}_{count}")));
    }
    (unique, duplicates)
}

fn fresh_name(taken: &mut std::collections::HashSet<String>, mut candidate: impl FnMut(usize) -> String) -> String {
    let mut count = 1;
    loop {
        let name = candidate(count);
        if taken.insert(name.to_lowercase()) {
            return name;
        }
        count += 1;
    }
}

/// The known name that a mistyped one is most like, if any is near.
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    let bound = (name.chars().count() / 5).max(1) + 1;
    known
        .map(|candidate| (distance(&name, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance > 0 && *distance <= bound && *distance < name.chars().count().max(2))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, character) in left.chars().enumerate() {
        let mut before = index;
        let mut last = index + 1;
        for (other, slot) in right.iter().zip(row.iter_mut().skip(1)) {
            let above = *slot;
            *slot = (above + 1).min(last + 1).min(before + usize::from(*other != character));
            before = above;
            last = *slot;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// A type as messages print it.
pub(super) fn type_name(kind: Option<&Type>) -> String {
    kind.map_or_else(|| "INT64".to_owned(), Type::name)
}
