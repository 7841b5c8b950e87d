//! The body of an update: a partial document, what to do where there is no document, and how.

use bytes::Bytes;

use super::merge::{Text, merge, put};
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Source};
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::not_json;
use crate::server::elasticsearch::search::fault::{Fault, did_you_mean};
use crate::server::elasticsearch::search::fetch::SourceFilter;

const KNOWN: [&str; 9] = [
    "script",
    "scripted_upsert",
    "upsert",
    "doc",
    "doc_as_upsert",
    "detect_noop",
    "_source",
    "if_seq_no",
    "if_primary_term",
];

/// An update as asked. The documents are slices of the body, read.
#[derive(Debug, Clone)]
pub(in super::super) struct UpdateBody {
    body: Bytes,
    doc: Option<Json>,
    upsert: Option<Json>,
    /// The language of a script, where there is one.
    script: Option<String>,
    scripted_upsert: bool,
    doc_as_upsert: bool,
    detect_noop: bool,
    pub(in super::super) source: Option<SourceFilter>,
    pub(in super::super) if_seq_no: Option<i64>,
    pub(in super::super) if_primary_term: Option<i64>,
}

/// What an update comes to.
pub(super) enum Change {
    /// The document as it will be.
    Document(Bytes),
    Noop,
}

impl UpdateBody {
    /// Reads the body; what does not go together is left to [`Self::problems`].
    pub(in super::super) fn read(body: &Bytes) -> Result<Self, ApiError> {
        let mut update = Self {
            body: body.clone(),
            doc: None,
            upsert: None,
            script: None,
            scripted_upsert: false,
            doc_as_upsert: false,
            detect_noop: true,
            source: None,
            if_seq_no: None,
            if_primary_term: None,
        };
        if body.is_empty() {
            return Ok(update);
        }
        let json = Json::parse(body).map_err(|error| not_json(&error, body))?;
        let source = Source(body);
        let Some(members) = json.as_object() else {
            let reason = format!("Expected START_OBJECT but was: {}", json.token_name());
            return Err(refusal(&source, json.span.start, &reason));
        };
        for member in members {
            update.member(member, &source)?;
        }
        Ok(update)
    }

    fn member(&mut self, member: &Member, source: &Source<'_>) -> Result<(), ApiError> {
        let value = &member.value;
        let flag = || match &value.value {
            JsonValue::Bool(flag) => Ok(*flag),
            JsonValue::String(text) if text == "true" => Ok(true),
            JsonValue::String(text) if text == "false" => Ok(false),
            _ => Err(wrong_type(source, member)),
        };
        match (member.key.as_str(), &value.value) {
            ("doc", JsonValue::Object(_)) => self.doc = Some(value.clone()),
            ("upsert", JsonValue::Object(_)) => self.upsert = Some(value.clone()),
            ("script", JsonValue::Object(_) | JsonValue::String(_)) => {
                let language = value.get("lang").and_then(Json::as_str).unwrap_or("painless");
                self.script = Some(language.to_owned());
            }
            ("scripted_upsert", _) => self.scripted_upsert = flag()?,
            ("doc_as_upsert", _) => self.doc_as_upsert = flag()?,
            ("detect_noop", _) => self.detect_noop = flag()?,
            ("_source", _) => {
                self.source = Some(SourceFilter::read(value, source).map_err(Fault::into_api)?);
            }
            ("if_seq_no", JsonValue::Int(number)) => self.if_seq_no = Some(*number),
            ("if_primary_term", JsonValue::Int(number)) => self.if_primary_term = Some(*number),
            ("doc" | "upsert" | "script" | "if_seq_no" | "if_primary_term", _) => {
                return Err(wrong_type(source, member));
            }
            (unknown, _) => {
                let hint = did_you_mean(unknown, &KNOWN);
                let reason = format!("[UpdateRequest] unknown field [{unknown}]{hint}");
                return Err(refusal(source, member.key_span.start, &reason));
            }
        }
        Ok(())
    }

    /// What does not go together.
    pub(in super::super) fn problems(&self, conditional: bool, problems: &mut Vec<String>) {
        if conditional && (self.upsert.is_some() || self.doc_as_upsert) {
            problems.push("upsert requests don't support `if_seq_no` and `if_primary_term`".into());
        }
        match (&self.script, &self.doc) {
            (None, None) => problems.push("script or doc is missing".into()),
            (Some(_), Some(_)) => problems.push("can't provide both script and doc".into()),
            _ => {}
        }
        if self.doc.is_none() && self.doc_as_upsert {
            problems.push("doc must be specified if doc_as_upsert is enabled".into());
        }
    }

    /// The document to make where there is none; none where that is an error.
    pub(super) fn when_missing(&self) -> Result<Option<Bytes>, ApiError> {
        let document = match (&self.upsert, &self.doc) {
            (Some(_), _) if self.scripted_upsert && self.script.is_some() => {
                return Err(script_unsupported(self.script.as_deref().unwrap_or_default()));
            }
            (_, Some(doc)) if self.doc_as_upsert => doc,
            (Some(upsert), _) => upsert,
            _ => return Ok(None),
        };
        let mut out = Vec::with_capacity(document.span.end - document.span.start);
        put(&mut out, Text { json: document, source: Source(&self.body) });
        Ok(Some(out.into()))
    }

    /// What becomes of a document that is there.
    pub(super) fn apply(&self, present: &[u8]) -> Result<Change, ApiError> {
        let Some(doc) = &self.doc else {
            return Err(script_unsupported(self.script.as_deref().unwrap_or("painless")));
        };
        let base = Json::parse(present).map_err(|error| not_json(&error, present))?;
        let (merged, changed) =
            merge(Text { json: &base, source: Source(present) }, Text { json: doc, source: Source(&self.body) });
        if changed || !self.detect_noop { Ok(Change::Document(merged.into())) } else { Ok(Change::Noop) }
    }
}

/// Scripts are not served, as on a server without their language.
fn script_unsupported(language: &str) -> ApiError {
    let cause = Exception::new("illegal_argument_exception", format!("script_lang not supported [{language}]"));
    let outer = Exception::new("illegal_argument_exception", "failed to execute script").caused_by(cause);
    ApiError::from_exception(400, outer)
}

fn refusal(source: &Source<'_>, offset: usize, reason: &str) -> ApiError {
    let at = source.position(offset);
    ApiError::new(400, "x_content_parse_exception", format!("[{}:{}] {reason}", at.line, at.column))
}

fn wrong_type(source: &Source<'_>, member: &Member) -> ApiError {
    let reason =
        format!("[UpdateRequest] {} doesn't support values of type: {}", member.key, member.value.token_name());
    refusal(source, member.value.span.start, &reason)
}
