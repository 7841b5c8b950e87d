//! Refusals in Google's words: one value, and the three forms in which the APIs send it (JSON, XML, gRPC status).

use serde_json::{Value, json};

use super::store::StoreError;

/// What a request is refused with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{status} {reason}: {message}")]
pub(crate) struct ApiError {
    /// Of HTTP.
    pub(crate) status: u16,
    /// Of the JSON API: `notFound`, `conditionNotMet`, ...
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// Type and name of what the error is about, if it is one thing: `parameter`, `header`.
    pub(crate) location: Option<(&'static str, String)>,
}

impl ApiError {
    pub(crate) fn new(status: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self { status, reason, message: message.into(), location: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(400, "invalid", message)
    }

    pub(crate) fn invalid_parameter(name: &str, value: &str) -> Self {
        let shown: String = value.chars().take(100).collect();
        let error = Self::new(400, "invalidParameter", format!("Invalid value '{shown}' for parameter '{name}'."));
        error.at("parameter", name)
    }

    pub(crate) fn required(name: &str) -> Self {
        Self::new(400, "required", format!("Required parameter: {name}")).at("parameter", name)
    }

    pub(crate) fn parse() -> Self {
        Self::new(400, "parseError", "Parse Error")
    }

    /// A path or method that is none of the API's.
    pub(crate) fn no_route() -> Self {
        Self::new(404, "notFound", "Not Found")
    }

    /// What the real service does and this one does not.
    pub(crate) fn not_implemented(what: impl std::fmt::Display) -> Self {
        Self::new(501, "notImplemented", format!("{what}: it is not supported by this server."))
    }

    pub(crate) fn too_large(bytes_max: usize) -> Self {
        Self::new(413, "uploadTooLarge", format!("Request body is larger than {bytes_max} bytes."))
    }

    pub(crate) fn not_modified() -> Self {
        Self::new(304, "notModified", "Not Modified")
    }

    /// The client is told no more than Google tells; the log has the rest.
    pub(crate) fn internal() -> Self {
        Self::new(500, "backendError", "Backend Error")
    }

    #[must_use]
    pub(crate) fn at(mut self, kind: &'static str, name: &str) -> Self {
        self.location = Some((kind, name.to_owned()));
        self
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut item = json!({"message": self.message, "domain": "global", "reason": self.reason});
        if let (Some(item), Some((kind, name))) = (item.as_object_mut(), &self.location) {
            item.insert("locationType".to_owned(), Value::from(*kind));
            item.insert("location".to_owned(), Value::from(name.as_str()));
        }
        json!({"error": {"code": self.status, "message": self.message, "errors": [item]}})
    }

    pub(crate) fn to_xml(&self) -> String {
        let (code, message) = match (self.status, self.reason) {
            (404, _) if self.message.starts_with("No such object") => {
                ("NoSuchKey", "The specified key does not exist.")
            }
            (404, _) => ("NoSuchBucket", "The specified bucket does not exist."),
            (409, _) if self.message.contains("not empty") => ("BucketNotEmpty", self.message.as_str()),
            (409, _) => ("BucketAlreadyOwnedByYou", self.message.as_str()),
            (412, _) => ("PreconditionFailed", self.message.as_str()),
            (416, _) => ("InvalidRange", "The requested range cannot be satisfied."),
            (413, _) => ("EntityTooLarge", self.message.as_str()),
            (501, _) => ("NotImplemented", self.message.as_str()),
            (503, _) => ("ServiceUnavailable", self.message.as_str()),
            (500, _) => ("InternalError", self.message.as_str()),
            (400, "badDigest") => ("BadDigest", self.message.as_str()),
            _ => ("InvalidArgument", self.message.as_str()),
        };
        let details = if message == self.message { String::new() } else { element("Details", &self.message) };
        format!(
            "<?xml version='1.0' encoding='UTF-8'?><Error>{}{}{details}</Error>",
            element("Code", code),
            element("Message", message)
        )
    }

    /// The status code of gRPC.
    pub(crate) fn grpc_code(&self) -> u32 {
        match (self.status, self.reason) {
            (304, _) => 10,
            (404, _) => 5,
            (409, _) if self.message.contains("not empty") => 9,
            (409, _) => 6,
            (412 | 403, _) => 9,
            (416, _) => 11,
            (413 | 429, _) => 8,
            (501, _) => 12,
            (408 | 503, _) => 14,
            (400, _) => 3,
            _ => 13,
        }
    }
}

/// `<name>text</name>`.
pub(crate) fn element(name: &str, text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            // XML 1.0 has no way to write the others.
            c if c < ' ' && !matches!(c, '\t' | '\n' | '\r') => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    format!("<{name}>{escaped}</{name}>")
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NoBucket(_) => Self::new(404, "notFound", "The specified bucket does not exist."),
            StoreError::NoObject { bucket, name } => {
                Self::new(404, "notFound", format!("No such object: {bucket}/{name}"))
            }
            StoreError::NoSession(_) => Self::new(404, "notFound", "No such upload: it is over or never was."),
            StoreError::BucketExists(_) => Self::new(
                409,
                "conflict",
                "Your previous request to create the named bucket succeeded and you already own it.",
            ),
            StoreError::BucketNotEmpty(_) => Self::new(409, "conflict", "The bucket you tried to delete is not empty."),
            StoreError::ConditionNotMet => {
                let message = "At least one of the pre-conditions you specified did not hold.";
                Self::new(412, "conditionNotMet", message).at("header", "If-Match")
            }
            StoreError::NotModified => Self::not_modified(),
            StoreError::Held { bucket, name, event_based } => {
                let kind = if event_based { "Event-Based" } else { "Temporary" };
                let message = format!(
                    "Object '{bucket}/{name}' is under active {kind} hold and cannot be deleted, overwritten or \
                     archived until hold is removed."
                );
                Self::new(403, "objectUnderActiveHold", message)
            }
            StoreError::Checksum { kind, given, found } => Self::new(
                400,
                if kind == "MD5" { "badDigest" } else { "invalid" },
                format!("Provided {kind} hash \"{given}\" doesn't match calculated {kind} hash \"{found}\"."),
            ),
            StoreError::Size(message) => Self::invalid(format!("Invalid request.  {message}")),
            StoreError::OntoItself => Self::invalid("The source and the destination of a move must differ."),
            StoreError::TooManySessions => {
                Self::new(429, "rateLimitExceeded", "Too many resumable uploads are open at once.")
            }
            StoreError::Io(error) => {
                tracing::error!(%error, "an object was not read or written");
                Self::new(503, "backendError", "We encountered an internal error. Please try again.")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_refusal_has_googles_three_forms() {
        let error = ApiError::from(StoreError::NoObject { bucket: "b".into(), name: "a<b".into() });
        let expected = r#"{"error":{"code":404,"message":"No such object: b/a<b","errors":[{"message":"No such object: b/a<b","domain":"global","reason":"notFound"}]}}"#;
        assert_eq!(error.to_json().to_string(), expected);
        let expected = "<?xml version='1.0' encoding='UTF-8'?><Error><Code>NoSuchKey</Code><Message>The specified key does \
            not exist.</Message><Details>No such object: b/a&lt;b</Details></Error>";
        assert_eq!((error.to_xml().as_str(), error.grpc_code()), (expected, 5));
    }
}
