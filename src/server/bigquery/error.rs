//! What goes wrong in BigQuery's terms: a reason, a message, and where in the text.

/// A place in a script, one-based, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// `reason` of an answer, with its HTTP status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    InvalidQuery,
    Invalid,
    Required,
    NotFound,
    Duplicate,
    ResourceInUse,
    AccessDenied,
    BytesBilledLimitExceeded,
    ResourcesExceeded,
    ResponseTooLarge,
    /// An etag that was asked for is not the one kept.
    ConditionNotMet,
    NotImplemented,
    Stopped,
    Timeout,
    BackendError,
}

impl Reason {
    /// The word in an answer's `reason`.
    pub fn word(self) -> &'static str {
        match self {
            Self::InvalidQuery => "invalidQuery",
            Self::Invalid => "invalid",
            Self::Required => "required",
            Self::NotFound => "notFound",
            Self::Duplicate => "duplicate",
            Self::ResourceInUse => "resourceInUse",
            Self::AccessDenied => "accessDenied",
            Self::BytesBilledLimitExceeded => "bytesBilledLimitExceeded",
            Self::ResourcesExceeded => "resourcesExceeded",
            Self::ResponseTooLarge => "responseTooLarge",
            Self::ConditionNotMet => "conditionNotMet",
            Self::NotImplemented => "notImplemented",
            Self::Stopped => "stopped",
            Self::Timeout => "timeout",
            Self::BackendError => "backendError",
        }
    }

    /// The status of an answer that only says this.
    pub fn status(self) -> u16 {
        match self {
            Self::InvalidQuery
            | Self::Invalid
            | Self::Required
            | Self::ResourceInUse
            | Self::BytesBilledLimitExceeded
            | Self::ResourcesExceeded
            | Self::Timeout => 400,
            Self::AccessDenied | Self::ResponseTooLarge => 403,
            Self::NotFound => 404,
            Self::Duplicate => 409,
            Self::ConditionNotMet => 412,
            Self::Stopped => 499,
            Self::NotImplemented => 501,
            Self::BackendError => 503,
        }
    }
}

/// An error as BigQuery words it. With a position its message ends ` at [line:column]`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}{}", .position.map(|at| format!(" at [{}:{}]", at.line, at.column)).unwrap_or_default())]
pub struct QueryError {
    pub reason: Reason,
    /// Without the position.
    pub message: String,
    pub position: Option<Position>,
}

impl QueryError {
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), position: None }
    }

    pub fn invalid_query(message: impl Into<String>) -> Self {
        Self::new(Reason::InvalidQuery, message)
    }

    #[must_use]
    pub fn at(self, position: Position) -> Self {
        Self { position: Some(position), ..self }
    }
}
