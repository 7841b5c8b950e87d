//! Errors of the API, in Kibana's form: `{"statusCode":404,"error":"Not Found","message":".."}`.

use serde_json::{Value, json};

use super::store::StoreError;

/// What a request is refused with.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{status}: {message}")]
pub(crate) struct ApiError {
    pub(crate) status: u16,
    pub(crate) message: String,
    /// Kibana's `attributes`, beside the message.
    pub(crate) attributes: Option<Value>,
}

impl ApiError {
    pub(crate) fn new(status: u16, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), attributes: None }
    }

    pub(crate) fn bad_request(message: impl Into<String>) -> Self {
        Self::new(400, message)
    }

    /// For a path or a method that is not served.
    pub(crate) fn no_route() -> Self {
        Self::new(404, "Not Found")
    }

    pub(crate) fn no_object(kind: &str, id: &str) -> Self {
        Self::new(404, format!("Saved object [{kind}/{id}] not found"))
    }

    pub(crate) fn conflict(kind: &str, id: &str) -> Self {
        Self::new(409, format!("Saved object [{kind}/{id}] conflict"))
    }

    pub(crate) fn unsupported_kind(kind: &str) -> Self {
        Self::bad_request(format!("Unsupported saved object type: '{kind}': Bad Request"))
    }

    /// The client is told no more than Kibana tells; the log has the rest.
    pub(crate) fn internal() -> Self {
        Self::new(500, "An internal server error occurred. Check Kibana server logs for details.")
    }

    #[must_use]
    pub(crate) fn with_attributes(mut self, attributes: Value) -> Self {
        self.attributes = Some(attributes);
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut body = json!({"statusCode": self.status, "error": phrase(self.status), "message": self.message});
        if let (Some(body), Some(attributes)) = (body.as_object_mut(), &self.attributes) {
            body.insert("attributes".to_owned(), attributes.clone());
        }
        body
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        tracing::error!(%error, "saved objects were not written");
        match error {
            StoreError::Closed(_) => Self::new(503, error.to_string()),
            StoreError::Io { .. } | StoreError::Format(_) => Self::internal(),
        }
    }
}

/// Words for a status: HTTP's, but for those that Kibana's HTTP library has of old.
pub(crate) fn phrase(status: u16) -> &'static str {
    match status {
        408 => return "Request Time-out",
        413 => return "Request Entity Too Large",
        _ => {}
    }
    hyper::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("Error")
}
