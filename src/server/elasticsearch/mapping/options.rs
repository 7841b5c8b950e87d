//! Which options a field type takes, in the order in which the mapping shows them, and which of them never change.

use serde_json::Value;

use super::{DateFormat, FieldKind, java};
use crate::server::elasticsearch::error::Exception;

/// One option of a field type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OptionSpec {
    pub(crate) name: &'static str,
    pub(crate) value: OptionValue,
    /// A mapping update may not change it.
    pub(crate) fixed: bool,
    /// Shown even where it equals the default.
    pub(crate) explicit: bool,
    /// As conflict messages print it.
    pub(crate) default: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OptionValue {
    Bool,
    /// A whole number that is not negative.
    Size,
    Number,
    Text,
    Format,
    /// A value of the field itself.
    OwnValue,
    /// Only `standard` is served.
    Analyzer,
    /// Only `BM25` is served.
    Similarity,
    Object,
}

const fn fixed(name: &'static str, value: OptionValue, default: &'static str) -> OptionSpec {
    OptionSpec { name, value, fixed: true, explicit: false, default }
}

const fn free(name: &'static str, value: OptionValue, default: &'static str) -> OptionSpec {
    OptionSpec { name, value, fixed: false, explicit: false, default }
}

const fn explicit(name: &'static str, value: OptionValue, default: &'static str) -> OptionSpec {
    OptionSpec { name, value, fixed: false, explicit: true, default }
}

const INDEX: OptionSpec = fixed("index", OptionValue::Bool, "true");
const DOC_VALUES: OptionSpec = fixed("doc_values", OptionValue::Bool, "true");
const STORE: OptionSpec = fixed("store", OptionValue::Bool, "false");
const IGNORE_MALFORMED: OptionSpec = explicit("ignore_malformed", OptionValue::Bool, "false");
const COERCE: OptionSpec = explicit("coerce", OptionValue::Bool, "true");
const NULL_VALUE: OptionSpec = fixed("null_value", OptionValue::OwnValue, "null");
const META: OptionSpec = free("meta", OptionValue::Object, "{}");
const METRIC: OptionSpec = free("time_series_metric", OptionValue::Text, "null");

const NUMBER: &[OptionSpec] = &[INDEX, DOC_VALUES, STORE, IGNORE_MALFORMED, COERCE, NULL_VALUE, META, METRIC];
const SCALED: &[OptionSpec] = &[
    INDEX,
    DOC_VALUES,
    STORE,
    IGNORE_MALFORMED,
    META,
    free("scaling_factor", OptionValue::Number, "null"),
    COERCE,
    NULL_VALUE,
    METRIC,
];
const DATE: &[OptionSpec] = &[
    INDEX,
    DOC_VALUES,
    STORE,
    fixed("format", OptionValue::Format, super::date::DEFAULT_FORMAT),
    OptionSpec { name: "locale", value: OptionValue::Text, fixed: true, explicit: true, default: "en" },
    NULL_VALUE,
    IGNORE_MALFORMED,
    META,
];
const BOOLEAN: &[OptionSpec] = &[META, DOC_VALUES, INDEX, NULL_VALUE, STORE, IGNORE_MALFORMED];
const IP: &[OptionSpec] = &[INDEX, DOC_VALUES, STORE, IGNORE_MALFORMED, NULL_VALUE, META];
const KEYWORD: &[OptionSpec] = &[
    INDEX,
    DOC_VALUES,
    STORE,
    NULL_VALUE,
    free("eager_global_ordinals", OptionValue::Bool, "false"),
    free("ignore_above", OptionValue::Size, "2147483647"),
    fixed("index_options", OptionValue::Text, "docs"),
    free("norms", OptionValue::Bool, "false"),
    fixed("similarity", OptionValue::Similarity, "null"),
    free("split_queries_on_whitespace", OptionValue::Bool, "false"),
    META,
];
const TEXT: &[OptionSpec] = &[
    INDEX,
    STORE,
    fixed("index_options", OptionValue::Text, "positions"),
    free("norms", OptionValue::Bool, "true"),
    fixed("similarity", OptionValue::Similarity, "null"),
    fixed("analyzer", OptionValue::Analyzer, "default"),
    free("search_analyzer", OptionValue::Analyzer, "default"),
    free("search_quote_analyzer", OptionValue::Analyzer, "default"),
    free("eager_global_ordinals", OptionValue::Bool, "false"),
    fixed("index_phrases", OptionValue::Bool, "false"),
    META,
];
const ALIAS: &[OptionSpec] = &[free("path", OptionValue::Text, "null")];

/// The options of a type beside `type`, `fields` and `copy_to`.
pub(crate) fn options(kind: FieldKind) -> &'static [OptionSpec] {
    match kind {
        FieldKind::Text => TEXT,
        FieldKind::Keyword => KEYWORD,
        FieldKind::Long
        | FieldKind::Integer
        | FieldKind::Short
        | FieldKind::Byte
        | FieldKind::Double
        | FieldKind::Float
        | FieldKind::HalfFloat => NUMBER,
        FieldKind::ScaledFloat => SCALED,
        FieldKind::Boolean => BOOLEAN,
        FieldKind::Date | FieldKind::DateNanos => DATE,
        FieldKind::Ip => IP,
        FieldKind::Alias => ALIAS,
    }
}

/// Every type this node serves.
pub(crate) const KINDS: [FieldKind; 15] = [
    FieldKind::Text,
    FieldKind::Keyword,
    FieldKind::Long,
    FieldKind::Integer,
    FieldKind::Short,
    FieldKind::Byte,
    FieldKind::Double,
    FieldKind::Float,
    FieldKind::HalfFloat,
    FieldKind::ScaledFloat,
    FieldKind::Boolean,
    FieldKind::Date,
    FieldKind::DateNanos,
    FieldKind::Ip,
    FieldKind::Alias,
];

/// The type of that name, if this node serves it.
pub(crate) fn kind_of(name: &str) -> Option<FieldKind> {
    KINDS.into_iter().find(|kind| kind.name() == name)
}

impl OptionSpec {
    /// The value as kept: strings for booleans and numbers become what they mean. `None` where it equals the default and is not shown.
    pub(crate) fn read(&self, field: &str, value: &Value) -> Result<Option<Value>, Exception> {
        let read = match self.value {
            OptionValue::Bool => Value::Bool(boolean(value)?),
            OptionValue::Size => {
                let size = integer(value)?;
                if size < 0 {
                    return Err(illegal(format!("[{}] must be positive, got [{size}]", self.name)));
                }
                size.into()
            }
            OptionValue::Number => number(value)?,
            OptionValue::Text => Value::String(java::value(value)),
            OptionValue::Format => {
                let pattern = java::value(value);
                DateFormat::parse_pattern(&pattern).map_err(|error| format_error(field, &error))?;
                Value::String(pattern)
            }
            OptionValue::Analyzer => match value.as_str() {
                Some("standard" | "default") => value.clone(),
                _ => {
                    let name = java::value(value);
                    return Err(illegal(format!("analyzer [{name}] has not been configured in mappings")));
                }
            },
            OptionValue::Similarity if value == "BM25" => value.clone(),
            OptionValue::Similarity => {
                let (name, field) = (java::value(value), leaf_name(field));
                let reason = format!("Unknown Similarity type [{name}] for field [{field}]");
                return Err(Exception::new("mapper_parsing_exception", reason));
            }
            OptionValue::Object if value.is_object() => value.clone(),
            OptionValue::Object => {
                let reason =
                    format!("[{}] must be an object, got {}[{}]", self.name, class_of(value), java::value(value));
                return Err(Exception::new("mapper_parsing_exception", reason));
            }
            OptionValue::OwnValue if value.is_null() => return Ok(None),
            OptionValue::OwnValue => value.clone(),
        };
        let plain = !self.explicit && java::value(&read) == self.default;
        Ok((!plain).then_some(read))
    }
}

fn leaf_name(path: &str) -> &str {
    path.rsplit('.').next().unwrap_or(path)
}

fn format_error(field: &str, error: &super::DateError) -> Exception {
    let name = leaf_name(field);
    let outer = illegal(format!("Error parsing [format] on field [{name}]: {error}"));
    let inner = illegal(error.to_string());
    match error {
        super::DateError::Pattern { reason, .. } => outer.caused_by(inner.caused_by(illegal(reason.clone()))),
        _ => outer.caused_by(inner),
    }
}

/// `true`, `false`, or their names.
pub(crate) fn boolean(value: &Value) -> Result<bool, Exception> {
    match value {
        Value::Bool(flag) => Ok(*flag),
        Value::String(text) if text == "true" => Ok(true),
        Value::String(text) if text == "false" => Ok(false),
        other => {
            let text = java::value(other);
            Err(illegal(format!("Failed to parse value [{text}] as only [true] or [false] are allowed.")))
        }
    }
}

fn integer(value: &Value) -> Result<i64, Exception> {
    let parsed = match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    parsed.ok_or_else(|| {
        Exception::new("number_format_exception", format!("For input string: \"{}\"", java::value(value)))
    })
}

fn number(value: &Value) -> Result<Value, Exception> {
    let parsed = match value {
        Value::Number(_) => return Ok(value.clone()),
        Value::String(text) => text.parse::<f64>().ok().and_then(serde_json::Number::from_f64),
        _ => None,
    };
    let refused = || Exception::new("number_format_exception", format!("For input string: \"{}\"", java::value(value)));
    parsed.map(Value::Number).ok_or_else(refused)
}

/// The Java class a parsed value has, for messages.
pub(crate) fn class_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "java.util.ArrayList",
        Value::Object(_) => "java.util.HashMap",
        Value::Number(number) if number.is_f64() => "java.lang.Double",
        Value::Number(_) => "java.lang.Integer",
        Value::Bool(_) => "java.lang.Boolean",
        Value::Null | Value::String(_) => "java.lang.String",
    }
}

fn illegal(reason: impl Into<String>) -> Exception {
    Exception::new("illegal_argument_exception", reason)
}
