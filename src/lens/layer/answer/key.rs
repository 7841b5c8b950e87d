//! The keys of buckets as cells.

use serde_json::Value;

use crate::lens::{
    layer::{column::NumberRange, plan::TermsBucket, search::OTHER_KEY},
    table::Cell,
    view::FieldKind,
};

use super::value::date;

/// A whole number, also when it is written as `1.7E12`.
pub(crate) fn whole(value: &Value) -> Option<i64> {
    #[allow(clippy::cast_possible_truncation, reason = "saturates, and no time lies out there")]
    value.as_i64().or_else(|| value.as_f64().filter(|number| number.is_finite()).map(|number| number as i64))
}

/// Of a bucket of values.
pub(super) fn terms(terms: &TermsBucket, bucket: &Value) -> Option<Cell> {
    let key = bucket.get("key")?;
    if key.get(OTHER_KEY).is_some() {
        return Some(Cell::Other);
    }
    if let Value::Array(keys) = key {
        let kind = |at: usize| terms.kinds.get(at).copied().unwrap_or(FieldKind::Other);
        return Some(Cell::Joined(keys.iter().enumerate().map(|(at, key)| value(key, kind(at))).collect()));
    }
    if terms.asks_missing() && key == "__missing__" {
        return Some(Cell::Missing);
    }
    Some(value(key, terms.kinds.first().copied().unwrap_or(FieldKind::Other)))
}

/// A value of a field, by the field's kind.
pub(super) fn value(value: &Value, kind: FieldKind) -> Cell {
    match (value, kind) {
        (Value::Null, _) => Cell::Null,
        (Value::Bool(flag), _) => Cell::Boolean(*flag),
        (Value::Number(number), FieldKind::Boolean) => Cell::Boolean(number.as_f64().is_some_and(|flag| flag != 0.0)),
        (Value::String(text), FieldKind::Boolean) => match text.as_str() {
            "true" => Cell::Boolean(true),
            "false" => Cell::Boolean(false),
            _ => Cell::Text(text.clone()),
        },
        (_, FieldKind::Date) => date(value),
        (Value::Number(number), _) => number.as_f64().map_or(Cell::Null, Cell::Number),
        (Value::String(text), FieldKind::Integer | FieldKind::Float) => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Cell::Number(number),
            _ => Cell::Text(text.clone()),
        },
        (Value::String(text), _) => Cell::Text(text.clone()),
        (other, _) => Cell::Text(other.to_string()),
    }
}

/// Of a bucket between two numbers.
pub(super) fn range(range: &NumberRange) -> Cell {
    Cell::Range { from: range.from, to: range.to, label: range.label.clone() }
}

pub(super) fn is_range(range: &NumberRange, bucket: &Value) -> bool {
    let end = |name| bucket.get(name).and_then(Value::as_f64);
    let same = |asked: Option<f64>, found: Option<f64>| match (asked, found) {
        (Some(asked), Some(found)) => asked.total_cmp(&found).is_eq() || asked == found,
        (None, None) => true,
        _ => false,
    };
    same(range.from, end("from")) && same(range.to, end("to"))
}
