//! The keys of a request that say what hits show; `top_hits` knows the same ones.

use super::source::SourceFilter;
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Source};
use crate::server::elasticsearch::search::fault::Fault;
use crate::server::elasticsearch::search::query::options::{boolean, text, texts};

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct FetchOptions {
    /// None: not asked for, which shows the whole source unless stored fields are asked for.
    pub(crate) source: Option<SourceFilter>,
    pub(crate) fields: Vec<FieldRequest>,
    pub(crate) docvalue_fields: Vec<FieldRequest>,
    pub(crate) stored_fields: Option<StoredFields>,
    pub(crate) version: bool,
    pub(crate) seq_no_primary_term: bool,
}

/// A field, or several by wildcard, and how dates in it are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldRequest {
    pub(crate) pattern: String,
    pub(crate) format: Option<String>,
    pub(crate) include_unmapped: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StoredFields {
    /// `_none_`: neither `_id` nor `_source`.
    Nothing,
    /// Names or none: no field of ours is stored by itself, so it only takes the source away.
    Listed { source: bool },
}

impl FetchOptions {
    /// Reads a member of the request; false where it is none of these.
    pub(crate) fn read(&mut self, member: &Member, src: &Source<'_>) -> Result<bool, Fault> {
        let value = &member.value;
        match (member.key.as_str(), &value.value) {
            ("_source", _) => self.source = Some(SourceFilter::read(value, src)?),
            ("fields", JsonValue::Array(items)) => self.fields = field_requests(items, src)?,
            ("docvalue_fields", JsonValue::Array(items)) => self.docvalue_fields = field_requests(items, src)?,
            ("stored_fields", JsonValue::String(_) | JsonValue::Array(_)) => {
                self.set_stored_fields(&texts(value, src)?);
            }
            ("version", JsonValue::Bool(_) | JsonValue::String(_)) => self.version = boolean(value, src)?,
            ("seq_no_primary_term", JsonValue::Bool(_) | JsonValue::String(_)) => {
                self.seq_no_primary_term = boolean(value, src)?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(crate) fn set_stored_fields(&mut self, names: &[String]) {
        self.stored_fields = Some(if names.iter().any(|name| name == "_none_") {
            StoredFields::Nothing
        } else {
            StoredFields::Listed { source: names.iter().any(|name| name == "_source") }
        });
    }

    /// What of the source is shown; none hides it.
    pub(crate) fn shown_source(&self) -> Option<&SourceFilter> {
        const WHOLE: &SourceFilter = &SourceFilter::ALL;
        match (&self.source, self.stored_fields) {
            (_, Some(StoredFields::Nothing)) => None,
            (Some(filter), _) => (!filter.hides_all()).then_some(filter),
            (None, Some(StoredFields::Listed { source })) => source.then_some(WHOLE),
            (None, None) => Some(WHOLE),
        }
    }

    pub(crate) fn shows_id(&self) -> bool {
        self.stored_fields != Some(StoredFields::Nothing)
    }
}

fn field_requests(items: &[Json], src: &Source<'_>) -> Result<Vec<FieldRequest>, Fault> {
    items.iter().map(|item| field_request(item, src)).collect()
}

fn field_request(json: &Json, src: &Source<'_>) -> Result<FieldRequest, Fault> {
    const PARSER: &str = "fetch_field_and_format";
    if let Some(name) = json.as_str() {
        return Ok(FieldRequest { pattern: name.to_owned(), format: None, include_unmapped: false });
    }
    let Some(members) = json.as_object() else {
        let reason = format!("[{PARSER}] Expected START_OBJECT but was: {}", json.token_name());
        return Err(Fault::content(src, json.span.start, &reason));
    };
    let (mut pattern, mut format, mut include_unmapped) = (None, None, false);
    for member in members {
        match member.key.as_str() {
            "field" => pattern = Some(text(&member.value, src)?),
            "format" if member.value.is_null() => format = None,
            "format" => format = Some(text(&member.value, src)?).filter(|format| format != "use_field_mapping"),
            "include_unmapped" => include_unmapped = boolean(&member.value, src)?,
            other => {
                let reason = format!("[{PARSER}] unknown field [{other}]");
                return Err(Fault::content(src, member.key_span.start, &reason));
            }
        }
    }
    let pattern = pattern.ok_or_else(|| Fault::illegal(json.span.end, "Required [field]"))?;
    Ok(FieldRequest { pattern, format, include_unmapped })
}
