//! Sorting: what a request asks to order by, the values of a document in one segment as comparable numbers, and back.
//!
//! Inside a segment every sort value is a `u64` whose natural order is the wanted one (descending values are inverted, keywords
//! are places in the segment's dictionary). Across segments and indices the [`SortValue`]s are compared.

mod keys;
mod request;

use std::cmp::Ordering;

use serde_json::Value;

pub(crate) use self::keys::{SegmentSort, SortPlan};
pub(crate) use self::request::{Missing, Mode, SortField, SortTarget, parse, parse_param};

/// One value that a hit was sorted by.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum SortValue {
    Int(i64),
    Float(f64),
    /// None where the document has no value.
    Text(Option<String>),
}

impl SortValue {
    /// As the hit shows it, before any format.
    pub(crate) fn to_json(&self) -> Value {
        match self {
            Self::Int(value) => (*value).into(),
            Self::Float(value) if value.is_nan() => "NaN".into(),
            Self::Float(value) if value.is_infinite() => if *value > 0.0 { "Infinity" } else { "-Infinity" }.into(),
            Self::Float(value) => (*value).into(),
            Self::Text(None) => Value::Null,
            Self::Text(Some(text)) => text.as_str().into(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "only where one index has whole numbers and another has not")]
    fn cmp_values(&self, other: &SortValue) -> Ordering {
        match (self, other) {
            (Self::Int(a), Self::Int(b)) => a.cmp(b),
            (Self::Float(a), Self::Float(b)) => a.total_cmp(b),
            (Self::Int(a), Self::Float(b)) => (*a as f64).total_cmp(b),
            (Self::Float(a), Self::Int(b)) => a.total_cmp(&(*b as f64)),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Text(_), _) => Ordering::Greater,
            (_, Self::Text(_)) => Ordering::Less,
        }
    }
}

/// The order of two hits by their sort values.
pub(crate) fn compare(sort: &[SortField], left: &[SortValue], right: &[SortValue]) -> Ordering {
    for (field, (a, b)) in sort.iter().zip(left.iter().zip(right)) {
        let ordering = match (a, b) {
            (SortValue::Text(None), SortValue::Text(None)) => Ordering::Equal,
            (SortValue::Text(None), _) if field.missing == Missing::First => Ordering::Less,
            (SortValue::Text(None), _) => Ordering::Greater,
            (_, SortValue::Text(None)) if field.missing == Missing::First => Ordering::Greater,
            (_, SortValue::Text(None)) => Ordering::Less,
            _ if field.descending => b.cmp_values(a),
            _ => a.cmp_values(b),
        };
        if ordering != Ordering::Equal {
            return ordering;
        }
    }
    Ordering::Equal
}
