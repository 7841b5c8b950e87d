//! Why a text is not a date, in Elasticsearch's words.

use crate::server::elasticsearch::error::Exception;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DateError {
    #[error("Invalid format: [{pattern}]: {reason}")]
    Pattern { pattern: String, reason: String },
    #[error("cannot parse empty datetime")]
    Empty,
    #[error("failed to parse date field [{text}] with format [{format}]")]
    Unparsable {
        text: String,
        format: String,
        /// The text of the `date_time_parse_exception` below.
        cause: String,
    },
    /// A day that no calendar has.
    #[error("{reason}")]
    Invalid { reason: String },
    #[error("failed to parse date field [{text}] with format [{format}]")]
    OutOfRange { text: String, format: String },
    /// `date_nanos` only.
    #[error("date[{text}] is before the epoch in 1970 and cannot be stored in nanosecond resolution")]
    BeforeEpoch { text: String },
    /// `date_nanos` only.
    #[error("date[{text}] is after 2262-04-11T23:47:16.854775807 and cannot be stored in nanosecond resolution")]
    AfterNanos { text: String },
}

impl DateError {
    /// The exception as the cause of a document's refusal.
    pub(crate) fn to_exception(&self) -> Exception {
        let reason = self.to_string();
        match self {
            Self::Unparsable { cause, .. } => Exception::new("illegal_argument_exception", reason)
                .caused_by(Exception::new("date_time_parse_exception", cause.clone())),
            Self::Invalid { .. } => Exception::new("date_time_exception", reason),
            _ => Exception::new("illegal_argument_exception", reason),
        }
    }

    /// The exception of a query that holds `text` for a field of this `format`.
    pub(crate) fn to_query_exception(&self, text: &str, format: &str) -> Exception {
        let reason = format!("failed to parse date field [{text}] with format [{format}]: [{self}]");
        Exception::new("parse_exception", reason).caused_by(self.to_exception())
    }
}
