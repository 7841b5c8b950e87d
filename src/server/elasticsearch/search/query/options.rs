//! What the parsers of single queries share: how a query names its field, and how option values are read.

use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Source};
use crate::server::elasticsearch::search::fault::Fault;

/// The value of a term, as the request wrote it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Bool(bool),
    Int(i64),
    /// A number with a fraction, or beyond 64 bits; `text` as it was written.
    Float {
        value: f64,
        text: String,
    },
    Text(String),
}

impl Scalar {
    /// None for null, objects and arrays.
    pub(crate) fn read(json: &Json, src: &Source<'_>) -> Option<Scalar> {
        match &json.value {
            JsonValue::Bool(value) => Some(Self::Bool(*value)),
            JsonValue::Int(value) => Some(Self::Int(*value)),
            JsonValue::Float { value, .. } => {
                Some(Self::Float { value: *value, text: String::from_utf8_lossy(src.slice(json.span)).into_owned() })
            }
            JsonValue::String(text) => Some(Self::Text(text.clone())),
            JsonValue::Null | JsonValue::Array(_) | JsonValue::Object(_) => None,
        }
    }

    /// As a keyword or analysed text sees it.
    pub(crate) fn to_text(&self) -> String {
        match self {
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Float { text, .. } | Self::Text(text) => text.clone(),
        }
    }
}

/// What stands under the field's name in `{"term":{"field":..}}`.
#[derive(Debug, Clone, Copy)]
pub(crate) enum FieldBody<'a> {
    Short(&'a Json),
    Options(&'a [Member]),
}

/// The one field of a query, or none where the body is empty; two are an error.
pub(crate) fn one_field<'a>(
    body: &'a Json,
    query: &str,
    src: &Source<'_>,
) -> Result<Option<(&'a str, FieldBody<'a>, &'a Json)>, Fault> {
    let mut found: Option<(&str, FieldBody<'_>, &Json)> = None;
    for member in body.as_object().unwrap_or_default() {
        if member.value.is_null() {
            continue;
        }
        if let Some((first, ..)) = found {
            let second = &member.key;
            return Err(Fault::parsing(
                src,
                member.value.span.start,
                format!("[{query}] query doesn't support multiple fields, found [{first}] and [{second}]"),
            ));
        }
        let under = match member.value.as_object() {
            Some(options) => FieldBody::Options(options),
            None => FieldBody::Short(&member.value),
        };
        found = Some((&member.key, under, &member.value));
    }
    Ok(found)
}

/// The same, where the field must be there.
pub(crate) fn required_field<'a>(
    body: &'a Json,
    query: &str,
    src: &Source<'_>,
) -> Result<(&'a str, FieldBody<'a>, &'a Json), Fault> {
    one_field(body, query, src)?
        .filter(|(field, ..)| !field.is_empty())
        .ok_or_else(|| Fault::illegal(body.span.end, "field name is null or empty"))
}

/// `[match] query does not support [bogus]`.
pub(crate) fn unsupported(src: &Source<'_>, query: &str, member: &Member) -> Fault {
    Fault::parsing(src, member.value.span.start, format!("[{query}] query does not support [{}]", member.key))
}

/// Where the closing brace of a value stands.
pub(crate) fn closing(json: &Json) -> usize {
    json.span.end.saturating_sub(1)
}

pub(crate) fn text(json: &Json, src: &Source<'_>) -> Result<String, Fault> {
    Scalar::read(json, src).map(|scalar| scalar.to_text()).ok_or_else(|| expected_text(json, src))
}

/// `Expected text at 1:24 but found START_ARRAY`.
pub(crate) fn expected_text(json: &Json, src: &Source<'_>) -> Fault {
    let place = src.position(json.span.start);
    let found = json.token_name();
    Fault::illegal(json.span.start, format!("Expected text at {}:{} but found {found}", place.line, place.column))
}

#[expect(clippy::cast_possible_truncation, reason = "scores are floats")]
pub(crate) fn float(json: &Json, src: &Source<'_>) -> Result<f32, Fault> {
    if let Some(value) = json.as_f64() {
        return Ok(value as f32);
    }
    let text = text(json, src)?;
    text.trim().parse().map_err(|_| Fault::number_format(json.span.start, &text))
}

/// A boost: not negative, as Lucene asks.
pub(crate) fn boost(json: &Json, src: &Source<'_>) -> Result<f32, Fault> {
    let value = float(json, src)?;
    if value < 0.0 || !value.is_finite() {
        let at = json.span.start;
        return Err(Fault::illegal(
            at,
            format!("negative [boost] are not allowed in [{value}], use a value between 0 and 1 to deboost"),
        ));
    }
    Ok(value)
}

/// An integer, also in a string; a fraction is cut off.
#[expect(clippy::cast_possible_truncation, reason = "a double out of range saturates, and is refused by its bounds")]
pub(crate) fn int(json: &Json, src: &Source<'_>) -> Result<i64, Fault> {
    match &json.value {
        JsonValue::Int(value) => Ok(*value),
        JsonValue::Float { value, .. } => Ok(value.trunc() as i64),
        _ => {
            let text = text(json, src)?;
            text.parse().map_err(|_| Fault::number_format(json.span.start, &text))
        }
    }
}

pub(crate) fn unsigned(json: &Json, src: &Source<'_>) -> Result<usize, Fault> {
    let value = int(json, src)?;
    usize::try_from(value).map_err(|_| Fault::illegal(json.span.start, format!("negative value [{value}]")))
}

pub(crate) fn boolean(json: &Json, src: &Source<'_>) -> Result<bool, Fault> {
    match (&json.value, json.as_str()) {
        (JsonValue::Bool(value), _) => Ok(*value),
        (_, Some("true")) => Ok(true),
        (_, Some("false")) => Ok(false),
        _ => {
            let text = text(json, src).unwrap_or_default();
            let reason = format!("Failed to parse value [{text}] as only [true] or [false] are allowed.");
            Err(Fault::illegal(json.span.start, reason))
        }
    }
}

/// `["a","b"]` or `"a"`.
pub(crate) fn texts(json: &Json, src: &Source<'_>) -> Result<Vec<String>, Fault> {
    match json.as_array() {
        Some(items) => items.iter().map(|item| text(item, src)).collect(),
        None => Ok(vec![text(json, src)?]),
    }
}

/// `minimum_should_match`: `2`, `-1`, `75%`, `-25%`, `2<75% 5<3`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MinimumMatch(String);

impl MinimumMatch {
    pub(crate) fn read(json: &Json, src: &Source<'_>) -> Result<MinimumMatch, Fault> {
        let text = text(json, src)?;
        Ok(MinimumMatch(text))
    }

    /// How many of `clauses` optional clauses must match; the error holds what is not a number.
    pub(crate) fn of(&self, clauses: usize) -> Result<usize, String> {
        let spec = self.0.trim();
        if !spec.contains('<') {
            return simple_minimum(spec, clauses);
        }
        let mut result = clauses;
        for part in spec.split_whitespace() {
            let (bound, minimum) = part.split_once('<').ok_or_else(|| part.to_owned())?;
            let bound: usize = bound.parse().map_err(|_| bound.to_owned())?;
            let minimum = simple_minimum(minimum, clauses)?;
            if clauses <= bound {
                return Ok(result);
            }
            result = minimum;
        }
        Ok(result)
    }
}

fn simple_minimum(spec: &str, clauses: usize) -> Result<usize, String> {
    let total = i64::try_from(clauses).unwrap_or(i64::MAX);
    let minimum = match spec.strip_suffix('%') {
        Some(percent) => {
            let percent: i64 = percent.parse().map_err(|_| percent.to_owned())?;
            let share = total.saturating_mul(percent) / 100;
            if share < 0 { total + share } else { share }
        }
        None => {
            let count: i64 = spec.parse().map_err(|_| spec.to_owned())?;
            if count < 0 { total.saturating_add(count) } else { count }
        }
    };
    Ok(usize::try_from(minimum).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minimum_should_match_follows_the_documented_forms() {
        for (spec, clauses, expected) in [
            ("2", 5, 2),
            ("-1", 5, 4),
            ("75%", 5, 3),
            ("-25%", 5, 4),
            ("2<75%", 2, 2),
            ("2<75%", 4, 3),
            ("2<-25% 9<-3", 12, 9),
            ("-9", 3, 0),
        ] {
            assert_eq!(MinimumMatch(spec.into()).of(clauses), Ok(expected), "{spec} of {clauses}");
        }
        assert!(MinimumMatch("x".into()).of(3).is_err());
    }
}
