//! Refusals in the shape of Google's APIs.

use std::borrow::Cow;

use serde_json::{Value, json};

use crate::server::bigquery::error::{QueryError, Reason};

/// A request that is not answered as asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    /// `reason` in the body.
    pub(crate) reason: Cow<'static, str>,
    pub(crate) message: String,
    /// `query` for what is wrong in a script, the parameter's name for what is wrong in a request.
    pub(crate) location: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: u16, reason: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), message: message.into(), location: None }
    }

    /// A value of the request is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid", message)
    }

    /// A value is missing.
    pub(crate) fn required(name: &str) -> Self {
        Self {
            location: Some(name.to_owned()),
            ..Self::new(400, "required", "Required parameter is missing: ".to_owned() + name)
        }
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "notFound", message)
    }

    /// Something of the real service that this one does not have.
    pub(crate) fn not_implemented(message: impl Into<String>) -> Self {
        Self::new(501, "notImplemented", message)
    }

    pub(crate) fn no_route(method: &str, path: &str) -> Self {
        // Long or odd paths are not given back whole.
        let path: String = path.chars().take(200).collect();
        Self::not_found(format!("The requested URL {method} {path} was not found on this server."))
    }

    /// A fault of this server. Clients try again on it.
    pub(crate) fn internal() -> Self {
        Self::new(500, "internalError", "An internal error occurred and the request could not be completed.")
    }

    pub(crate) fn busy(message: impl Into<String>) -> Self {
        Self::new(429, "rateLimitExceeded", message)
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut detail = json!({"message": self.message, "domain": "global", "reason": self.reason});
        if let (Some(location), Some(detail)) = (&self.location, detail.as_object_mut()) {
            detail.insert("location".into(), location.clone().into());
            detail.insert("locationType".into(), "parameter".into());
        }
        let status = status_word(self.status);
        json!({"error": {"code": self.status, "message": self.message, "errors": [detail], "status": status}})
    }
}

/// The name of a status in Google's error model.
fn status_word(status: u16) -> &'static str {
    match status {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        412 => "FAILED_PRECONDITION",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        500 => "INTERNAL",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        _ => "INVALID_ARGUMENT",
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let location = (error.reason == Reason::InvalidQuery).then(|| "q".to_owned());
        Self { location, ..Self::new(error.reason.status(), error.reason.word(), error.to_string()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::bigquery::error::Position;

    #[test]
    fn an_error_of_a_script_tells_where() {
        let error = QueryError::invalid_query("Unrecognized name: foo").at(Position { line: 1, column: 8 });
        let expected = json!({"error": {
            "code": 400,
            "message": "Unrecognized name: foo at [1:8]",
            "errors": [{
                "message": "Unrecognized name: foo at [1:8]", "domain": "global", "reason": "invalidQuery",
                "location": "q", "locationType": "parameter",
            }],
            "status": "INVALID_ARGUMENT",
        }});
        assert_eq!(ApiError::from(error).to_json(), expected);
        assert_eq!(ApiError::not_found("Not found: Dataset p:d").to_json()["error"]["status"], "NOT_FOUND");
    }
}
