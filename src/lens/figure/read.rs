//! Careful reading of a visualization's JSON, which others wrote: a member of another type counts as absent.

use serde_json::Value;

pub(super) fn text<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    value.get(key).and_then(Value::as_str)
}

/// A text that says something: an empty one is as good as none.
pub(super) fn filled<'v>(value: &'v Value, key: &str) -> Option<&'v str> {
    text(value, key).filter(|text| !text.is_empty())
}

pub(super) fn flag(value: &Value, key: &str) -> Option<bool> {
    value.get(key).and_then(Value::as_bool)
}

/// A finite number, also one written as text.
pub(super) fn number(value: &Value, key: &str) -> Option<f64> {
    let member = value.get(key)?;
    let number = member.as_f64().or_else(|| member.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

pub(super) fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Columns that one option may name; no panel has near as many.
const TEXTS_MAX: usize = 1000;

/// The first texts of a list; what is no text, or empty, is left out.
pub(super) fn texts<'v>(value: &'v Value, key: &str) -> Vec<&'v str> {
    let texts = list(value, key).iter().filter_map(Value::as_str);
    texts.filter(|text| !text.is_empty()).take(TEXTS_MAX).collect()
}

pub(super) fn member<'v>(value: &'v Value, key: &str) -> &'v Value {
    value.get(key).unwrap_or(&Value::Null)
}

/// A whole number within bounds, else the nearer bound; `None` for no number.
pub(super) fn count(value: &Value, key: &str, bounds: std::ops::RangeInclusive<u32>) -> Option<u32> {
    let number = number(value, key)?;
    if number <= f64::from(*bounds.start()) {
        return Some(*bounds.start());
    }
    // Compared as floats, so no cast is needed; bounds are small.
    bounds.clone().rev().find(|whole| f64::from(*whole) <= number)
}
