//! A document's JSON walked along the mapping: values to columns and terms, new fields to additions to the mapping.
//!
//! A document with new fields is walked twice: the first walk finds them all (and refuses what does not fit), the second one
//! indexes with the mapping they make. Documents without new fields, the common case, are walked once.

mod dynamic;
mod walk;

use super::merge::Additions;
use super::values;
use super::{Mapping, java};
use crate::server::elasticsearch::codec::json::{Json, JsonError, JsonErrorKind, Source};
use crate::server::elasticsearch::error::{ApiError, ErrorBody, Exception};
use crate::server::elasticsearch::storage::schema::IndexedFields;

/// What the mapping made of a document.
#[derive(Debug, Clone)]
pub(crate) struct ParsedDocument {
    pub(crate) fields: IndexedFields,
    /// The mapping with the fields that this document brought, where it did.
    pub(crate) new_mapping: Option<Mapping>,
}

/// Reads one document.
///
/// # Errors
/// What the mapping refuses, 400, with line and column in `source`.
pub(crate) fn parse_document(mapping: &Mapping, id: &str, source: &[u8]) -> Result<ParsedDocument, ApiError> {
    let json = read_source(source)?;
    let (fields, additions) = walk::Walk::new(mapping, id, source).run(&json)?;
    if additions.is_empty() {
        return Ok(ParsedDocument { fields, new_mapping: None });
    }
    let merged = extend(mapping, additions)?;
    let (fields, _) = walk::Walk::new(&merged, id, source).run(&json)?;
    Ok(ParsedDocument { fields, new_mapping: Some(merged) })
}

/// Reads a document that was accepted before, from the write-ahead log: what the mapping of today does not take is left out of the
/// index instead of refused.
pub(crate) fn parse_accepted(mapping: &Mapping, id: &str, source: &[u8]) -> Result<IndexedFields, ApiError> {
    let json = read_source(source)?;
    let (fields, _) = walk::Walk::new(mapping, id, source).lenient().run(&json)?;
    Ok(fields)
}

fn extend(mapping: &Mapping, additions: Additions) -> Result<Mapping, ApiError> {
    if let Some(conflict) = additions.conflict {
        return Err(ApiError::from_exception(400, conflict));
    }
    let change = additions.into_mapping(mapping);
    let before = mapping.size();
    mapping.merge(&change).map_err(|error| {
        let Some(exception) = error.exception() else { return error };
        if !exception.reason.starts_with("Limit of total fields") {
            return error;
        }
        let new = change.size().saturating_sub(mapping_overlap(mapping, &change));
        let reason = format!(
            "Limit of total fields [{}] has been exceeded while adding new fields [{}]",
            super::parse::TOTAL_FIELDS_MAX,
            new.max(usize::from(before > 0))
        );
        let cause = Exception::new("illegal_argument_exception", reason.clone());
        let outer = Exception::new("document_parsing_exception", format!("failed to parse: {reason}"));
        ApiError::from_exception(400, outer.caused_by(cause))
    })
}

/// Objects of the change that the mapping has already.
fn mapping_overlap(mapping: &Mapping, change: &Mapping) -> usize {
    fn count(present: &super::ObjectMapping, new: &super::ObjectMapping) -> usize {
        let shared =
            new.properties.iter().filter_map(|(name, property)| match (present.properties.get(name), property) {
                (Some(super::Property::Object(a)), super::Property::Object(b)) => Some(1 + count(a, b)),
                _ => None,
            });
        shared.sum()
    }
    count(&mapping.root, &change.root)
}

/// The document's JSON: an object, and nothing behind it.
fn read_source(source: &[u8]) -> Result<Json, ApiError> {
    let refused = |reason: &str| Err(ApiError::new(400, "document_parsing_exception", reason));
    if source.iter().all(u8::is_ascii_whitespace) {
        return refused("[0:0] failed to parse, document is empty");
    }
    let (json, end) = Json::parse_prefix(source).map_err(|error| malformed(&error, source))?;
    if json.as_object().is_none() {
        return refused("Malformed content, must start with an object");
    }
    let rest = source.get(end..).unwrap_or_default();
    if rest.iter().all(u8::is_ascii_whitespace) {
        return Ok(json);
    }
    match Json::parse_prefix(rest) {
        Ok((extra, _)) => Err(ApiError::illegal_argument(format!(
            "Malformed content, found extra data after parsing: {}",
            extra.token_name()
        ))),
        Err(mut error) => {
            error.offset += end;
            let cause = json_exception(&error, source);
            let at = Source(source).position(error.offset);
            let reason = format!("[{}:{}] {}", at.line, at.column, cause.reason);
            Err(ApiError::from_exception(400, Exception::new("document_parsing_exception", reason).caused_by(cause)))
        }
    }
}

/// `[1:2] failed to parse: [1:6] Unexpected end of file`.
fn malformed(error: &JsonError, source: &[u8]) -> ApiError {
    let cause = json_exception(error, source);
    if error.last_token == error.offset && error.offset == 0 {
        return ApiError::from_exception(400, cause);
    }
    let at = Source(source).position(error.last_token);
    let reason = format!("[{}:{}] failed to parse: {}", at.line, at.column, cause.reason);
    ApiError::from_exception(400, Exception::new("document_parsing_exception", reason).caused_by(cause))
}

/// A text that is not JSON, as the server's parser describes it.
fn json_exception(error: &JsonError, text: &[u8]) -> Exception {
    let source = Source(text);
    match error.kind {
        JsonErrorKind::Malformed => {
            values::parser_exception("json_parse_exception", &error.reason, error.offset, &source)
        }
        JsonErrorKind::EndOfInput => {
            let at = source.position(error.offset);
            let inner = format!(
                "Unexpected end-of-input within/between Object entries\n at [Source: (byte[]){}; line: {}, column: {}]",
                values::excerpt(&source),
                at.line,
                at.column
            );
            let reason = format!("[{}:{}] {}", at.line, at.column, error.reason);
            Exception::new("x_content_e_o_f_exception", reason).caused_by(Exception::new("json_e_o_f_exception", inner))
        }
    }
}

/// A refusal at a place, without a cause.
fn refusal(source: &Source<'_>, offset: usize, reason: &str) -> Exception {
    let at = source.position(offset);
    Exception::new("document_parsing_exception", format!("[{}:{}] {reason}", at.line, at.column))
}

/// The frame round a value's refusal: `failed to parse field [n] of type [long] in document with id '1'. ..`.
fn field_refusal(
    source: &Source<'_>,
    id: &str,
    (path, kind): (&str, &str),
    value: &Json,
    cause: Exception,
) -> ApiError {
    use crate::server::elasticsearch::codec::json::JsonValue;
    let offset = match value.value {
        JsonValue::Object(_) | JsonValue::Array(_) => value.span.end.saturating_sub(1),
        _ => value.span.start,
    };
    let preview = match value.value {
        // The server has read the number as 32 bits by then.
        JsonValue::Float { value, integral: false } if kind == "float" && value.abs() > f64::from(f32::MAX) => {
            java::double(f64::INFINITY.copysign(value))
        }
        _ => java::json(value, source),
    };
    let reason = format!(
        "failed to parse field [{path}] of type [{kind}] in document with id '{id}'. Preview of field's value: '{preview}'"
    );
    let own = (cause.kind == "document_parsing_exception").then(|| cause.clone());
    let exception = refusal(source, offset, &reason).caused_by(cause);
    ApiError { status: 400, body: ErrorBody::Exception { exception, root_cause: own }, headers: Vec::new() }
}

#[cfg(test)]
mod tests;
