//! Why a search request was not understood: an exception, and where the parser stood, which the levels above repeat.

use serde_json::Value;

use crate::server::elasticsearch::codec::json::{Json, JsonError, JsonErrorKind, Position, Source};
use crate::server::elasticsearch::error::{ApiError, ErrorBody, Exception};
use crate::server::elasticsearch::http::similar;

/// A refusal while parsing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    /// Byte offset of the token at which the parser stopped.
    pub(crate) at: usize,
    pub(crate) exception: Exception,
}

impl Fault {
    /// `parsing_exception` with line and column.
    pub(crate) fn parsing(src: &Source<'_>, at: usize, reason: impl Into<String>) -> Self {
        let Position { line, column } = src.position(at);
        Self { at, exception: Exception::new("parsing_exception", reason).with("line", line).with("col", column) }
    }

    /// `x_content_parse_exception`, which carries its position in the text of the reason.
    pub(crate) fn content(src: &Source<'_>, at: usize, reason: &str) -> Self {
        Self { at, exception: Exception::new("x_content_parse_exception", format!("{} {reason}", place(src, at))) }
    }

    pub(crate) fn illegal(at: usize, reason: impl Into<String>) -> Self {
        Self { at, exception: Exception::new("illegal_argument_exception", reason) }
    }

    pub(crate) fn number_format(at: usize, text: &str) -> Self {
        Self { at, exception: number_format(text) }
    }

    /// `[1:28] [bool] failed to parse field [must]`, caused by this.
    #[must_use]
    pub(crate) fn in_field(self, src: &Source<'_>, parser: &str, field: &str) -> Self {
        let outer = Self::content(src, self.at, &format!("[{parser}] failed to parse field [{field}]"));
        Self { at: self.at, exception: outer.exception.caused_by(self.exception) }
    }

    /// A `parsing_exception` that repeats the words of its cause (`ids`, `match_all`: parsers of another make).
    #[must_use]
    pub(crate) fn repeated(self, src: &Source<'_>, at: usize) -> Self {
        let outer = Self::parsing(src, at, self.exception.reason.clone());
        Self { at, exception: outer.exception.caused_by(self.exception) }
    }

    /// The whole request declined with 400.
    pub(crate) fn into_api(self) -> ApiError {
        let root = root_cause(&self.exception).clone();
        let root_cause = (root != self.exception).then_some(root);
        ApiError { status: 400, body: ErrorBody::Exception { exception: self.exception, root_cause }, headers: vec![] }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        fault.into_api()
    }
}

/// `For input string: "x"`, as Java's number parsers say it.
pub(crate) fn number_format(text: &str) -> Exception {
    let reason = if text.is_empty() { "empty String".to_owned() } else { format!("For input string: \"{text}\"") };
    Exception::new("number_format_exception", reason)
}

/// The exception that Elasticsearch lists as root cause: it digs through its own kinds only.
pub(crate) fn root_cause(exception: &Exception) -> &Exception {
    match exception.caused_by.as_deref() {
        Some(cause) if digs_into(&exception.kind, &cause.kind) => root_cause(cause),
        _ => exception,
    }
}

fn digs_into(outer: &str, cause: &str) -> bool {
    let own = |kind: &str| matches!(kind, "parsing_exception" | "parse_exception" | "query_shard_exception");
    match outer {
        "x_content_parse_exception" => {
            own(cause) || matches!(cause, "x_content_parse_exception" | "named_object_not_found_exception")
        }
        outer if own(outer) => own(cause),
        _ => false,
    }
}

/// `[line:col]`.
pub(crate) fn place(src: &Source<'_>, at: usize) -> String {
    let Position { line, column } = src.position(at);
    format!("[{line}:{column}]")
}

/// Reads a request body; what is not JSON is refused in the words of Elasticsearch's parser.
pub(crate) fn parse_body(bytes: &[u8]) -> Result<Json, ApiError> {
    Json::parse(bytes).map_err(|error| not_json(&error, bytes))
}

/// Source text that Jackson shows of a broken body.
const EXCERPT_BYTES: usize = 500;

/// 400 for a text that is not JSON.
pub(crate) fn not_json(error: &JsonError, bytes: &[u8]) -> ApiError {
    let position = Source(bytes).position(error.offset);
    let place = format!("[{}:{}]", position.line, position.column);
    let (kind, cause_kind, reason) = match error.kind {
        JsonErrorKind::EndOfInput => ("x_content_e_o_f_exception", "json_e_o_f_exception", error.reason.clone()),
        JsonErrorKind::Malformed => {
            let at = format!("line: {}, column: {}", position.line, position.column);
            let reason = format!("{}\n at [Source: (byte[]){}; {at}]", error.reason, excerpt(bytes));
            ("x_content_parse_exception", "json_parse_exception", reason)
        }
    };
    let cause = Exception::new(cause_kind, reason.clone());
    ApiError::from_exception(400, Exception::new(kind, format!("{place} {reason}")).caused_by(cause))
}

fn excerpt(bytes: &[u8]) -> String {
    let shown = bytes.get(..EXCERPT_BYTES.min(bytes.len())).unwrap_or_default();
    let text = Value::from(String::from_utf8_lossy(shown)).to_string();
    // Jackson prints the text between quotes as it is.
    let text = text.replace("\\\"", "\"");
    match bytes.len().saturating_sub(EXCERPT_BYTES) {
        0 => text,
        cut => format!("{text}[truncated {cut} bytes]"),
    }
}

/// ` did you mean [x]?`: the known names that lie near, nearest first.
pub(crate) fn did_you_mean(name: &str, known: &[&str]) -> String {
    similar::did_you_mean(name, known.iter().copied())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_are_offered_nearest_first() {
        let known = ["must", "mustNot", "must_not", "should"];
        assert_eq!(did_you_mean("musty", &known), " did you mean any of [must, mustNot]?");
        assert_eq!(did_you_mean("mach", &["match", "term"]), " did you mean [match]?");
        assert_eq!(did_you_mean("zzz", &known), "");
    }
}
