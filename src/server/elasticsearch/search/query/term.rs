//! `term`, `terms` and `ids`: values as they are, not analysed.

use super::options::{FieldBody, Scalar, boolean, boost, closing, required_field, text, texts, unsupported};
use super::{Query, QueryKind};
use crate::server::elasticsearch::codec::json::{Json, Source};
use crate::server::elasticsearch::search::fault::Fault;

/// `index.max_terms_count`.
pub(crate) const TERMS_MAX: usize = 65_536;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TermQuery {
    pub(crate) field: String,
    pub(crate) value: Scalar,
    pub(crate) case_insensitive: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TermsQuery {
    pub(crate) field: String,
    pub(crate) values: Vec<Scalar>,
}

pub(crate) fn parse_term(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let (field, under, value) = required_field(body, "term", src)?;
    let mut query = Query::new(QueryKind::MatchNone);
    let mut term = None;
    let mut case_insensitive = false;
    match under {
        FieldBody::Short(json) if json.as_array().is_some() => {
            return Err(Fault::parsing(src, json.span.start, "[term] query does not support array of values"));
        }
        FieldBody::Short(json) => term = Scalar::read(json, src),
        FieldBody::Options(options) => {
            for option in options {
                match option.key.as_str() {
                    "value" | "term" => term = scalar_value(&option.value, src)?,
                    "boost" => query.boost = boost(&option.value, src)?,
                    "_name" => query.name = Some(text(&option.value, src)?),
                    "case_insensitive" => case_insensitive = boolean(&option.value, src)?,
                    _ => return Err(unsupported(src, "term", option)),
                }
            }
        }
    }
    let value = term.ok_or_else(|| Fault::illegal(value.span.end, "value cannot be null"))?;
    query.kind = QueryKind::Term(TermQuery { field: field.to_owned(), value, case_insensitive });
    Ok(query)
}

fn scalar_value(json: &Json, src: &Source<'_>) -> Result<Option<Scalar>, Fault> {
    if json.as_array().is_some() || json.as_object().is_some() {
        let reason = "[term] query does not support array of values";
        return Err(Fault::parsing(src, json.span.start, reason));
    }
    Ok(Scalar::read(json, src))
}

pub(crate) fn parse_terms(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let mut found: Option<(&str, &[Json])> = None;
    for member in body.as_object().unwrap_or_default() {
        let at = member.value.span.start;
        match (member.key.as_str(), member.value.as_array()) {
            (_, Some(_)) if found.is_some() => {
                return Err(Fault::parsing(src, at, "[terms] query does not support multiple fields"));
            }
            (field, Some(items)) => found = Some((field, items)),
            ("boost", _) => query.boost = boost(&member.value, src)?,
            ("_name", _) => query.name = Some(text(&member.value, src)?),
            _ => return Err(unsupported(src, "terms", member)),
        }
    }
    let Some((field, items)) = found else {
        let reason =
            "[terms] query requires a field name, followed by array of terms or a document lookup specification";
        return Err(Fault::parsing(src, closing(body), reason));
    };
    let mut values = Vec::with_capacity(items.len());
    for item in items {
        values.push(
            Scalar::read(item, src)
                .ok_or_else(|| Fault::parsing(src, item.span.start, "No value specified for terms query"))?,
        );
    }
    query.kind = QueryKind::Terms(TermsQuery { field: field.to_owned(), values });
    Ok(query)
}

pub(crate) fn parse_ids(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let mut ids = None;
    for member in body.as_object().unwrap_or_default() {
        let value = &member.value;
        match member.key.as_str() {
            "values" => match value.as_array() {
                None if value.as_str().is_none() => {
                    let reason = format!("[ids] values doesn't support values of type: {}", value.token_name());
                    return Err(Fault::content(src, value.span.start, &reason).repeated(src, value.span.start));
                }
                _ => ids = Some(texts(value, src)?),
            },
            "boost" => query.boost = boost(value, src)?,
            "_name" => query.name = Some(text(value, src)?),
            other => {
                let fault = Fault::content(src, member.key_span.start, &format!("[ids] unknown field [{other}]"));
                return Err(fault.repeated(src, value.span.start));
            }
        }
    }
    query.kind = QueryKind::Ids(ids.unwrap_or_default());
    Ok(query)
}
