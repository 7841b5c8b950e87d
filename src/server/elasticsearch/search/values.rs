//! What a field's values look like outside: dates in their format, floats in their width.

use serde_json::Value;

use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::{DateFormat, FieldKind, FieldMapping};

/// The field's own format, or Elasticsearch's default.
pub(crate) fn date_format(field: &FieldMapping) -> DateFormat {
    field
        .options
        .get("format")
        .and_then(Value::as_str)
        .and_then(|pattern| DateFormat::parse_pattern(pattern).ok())
        .unwrap_or_default()
}

/// A number as the field's type can hold it.
#[expect(clippy::cast_possible_truncation, reason = "narrowing is what a float field does")]
pub(crate) fn narrowed(field: &FieldMapping, value: f64) -> f64 {
    match field.kind {
        FieldKind::Float => f64::from(value as f32),
        _ => value,
    }
}

/// What sorting, aggregating or reading values of a text field answers.
pub(crate) fn fielddata_disabled(path: &str, index: &str) -> Exception {
    Exception::new(
        "illegal_argument_exception",
        format!(
            "Fielddata is disabled on [{path}] in [{index}]. Text fields are not optimised for operations that require \
             per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a \
             keyword field instead. Alternatively, set fielddata=true on [{path}] in order to load field data by uninverting \
             the inverted index. Note that this can use significant memory."
        ),
    )
}
