//! Media types: what a client sends, what it accepts, and the versions it asks for ("compatible-with").

use crate::server::elasticsearch::error::{ApiError, Exception};

const JSON: &str = "application/json";
const VERSIONS: [&str; 2] = ["9", "8"];

/// What both headers agree on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Agreed {
    /// `content-type` of a JSON answer.
    pub(crate) response_type: String,
    /// A single JSON type was asked for by name: `_cat` answers JSON then.
    pub(crate) accepts_json: bool,
}

impl Default for Agreed {
    fn default() -> Self {
        Self { response_type: JSON.into(), accepts_json: false }
    }
}

/// One header value, read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum MediaType {
    /// Absent, `*/*`, a list, or a type this server does not know.
    Other,
    Json(JsonType),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct JsonType {
    ndjson: bool,
    vendor: bool,
    version: Option<String>,
    /// Parameters beside the version, as they are echoed.
    parameters: Vec<(String, String)>,
}

impl JsonType {
    fn render(&self, with_parameters: bool) -> String {
        let mut text = String::from(if self.vendor { "application/vnd.elasticsearch+json" } else { JSON });
        if with_parameters {
            for (name, value) in &self.parameters {
                text.push_str(&format!(";{name}={value}"));
            }
        }
        if let Some(version) = &self.version {
            text.push_str(&format!(";compatible-with={version}"));
        }
        text
    }
}

/// Agrees on the type of the answer, or says which header is wrong. Whether the *body's* type is served is [`check_body_type`]'s question.
pub(crate) fn negotiate(accept: Option<&str>, content_type: Option<&str>, has_body: bool) -> Result<Agreed, ApiError> {
    let sent = parse("Content-Type", content_type)?;
    let wanted = parse("Accept", accept)?;
    check_versions(&wanted, &sent, accept, content_type, has_body)?;
    Ok(match (&wanted, &sent) {
        (MediaType::Json(json), _) if !json.ndjson => Agreed { response_type: json.render(true), accepts_json: true },
        (MediaType::Json(json), _) => Agreed { response_type: json.render(true), accepts_json: false },
        (MediaType::Other, MediaType::Json(json)) if has_body => {
            Agreed { response_type: json.render(false), accepts_json: false }
        }
        _ => Agreed::default(),
    })
}

/// A body must be JSON or NDJSON; YAML, CBOR and Smile bodies are declined like any other type that is not served.
pub(crate) fn check_body_type(content_type: Option<&str>) -> Result<(), ApiError> {
    match parse("Content-Type", content_type) {
        Ok(MediaType::Json(_)) => Ok(()),
        _ => Err(ApiError::text(
            406,
            format!("Content-Type header [{}] is not supported", content_type.unwrap_or_default()),
        )),
    }
}

fn parse(header: &'static str, value: Option<&str>) -> Result<MediaType, ApiError> {
    let Some(value) = value else { return Ok(MediaType::Other) };
    if value.trim().is_empty() {
        if header == "Content-Type" {
            return Ok(MediaType::Other);
        }
        return Err(invalid(&[header], illegal(format!("Header [{header}] cannot be empty."))));
    }
    if value.contains(',') {
        return Ok(MediaType::Other);
    }
    let mut parts = value.split(';');
    let essence = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let well_formed = essence.split_once('/').is_some_and(|(kind, subtype)| is_token(kind) && is_token(subtype));
    if !well_formed {
        return Err(invalid(&[header], illegal(format!("invalid media-type [{value}]"))));
    }
    let (vendor, ndjson) = match essence.as_str() {
        JSON => (false, false),
        "application/x-ndjson" => (false, true),
        "application/vnd.elasticsearch+json" => (true, false),
        "application/vnd.elasticsearch+x-ndjson" => (true, true),
        _ => return Ok(MediaType::Other),
    };
    let mut json = JsonType { ndjson, vendor, version: None, parameters: Vec::new() };
    for parameter in parts.map(str::trim).filter(|parameter| !parameter.is_empty()) {
        let Some((name, value_part)) = parameter.split_once('=').filter(|(name, _)| is_token(name)) else {
            return Err(invalid(&[header], illegal(format!("invalid parameters for header [{value}]"))));
        };
        let (name, value_part) = (name.to_ascii_lowercase(), value_part.to_ascii_lowercase());
        if name == "compatible-with" && vendor {
            json.version = Some(value_part);
        } else {
            json.parameters.push((name, value_part));
        }
    }
    Ok(MediaType::Json(json))
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

fn check_versions(
    wanted: &MediaType,
    sent: &MediaType,
    accept: Option<&str>,
    content_type: Option<&str>,
    has_body: bool,
) -> Result<(), ApiError> {
    let wanted_version = version_of(wanted);
    let sent_version = version_of(sent).filter(|_| has_body);
    let raw = |value: Option<&str>| value.unwrap_or("null").to_owned();
    for (header, version, value) in [("Accept", wanted_version, accept), ("Content-Type", sent_version, content_type)] {
        if let Some(version) = version.filter(|version| !VERSIONS.contains(version)) {
            let reason =
                format!("{header} version must be either version 9 or 8, but found {version}. {header}={}", raw(value));
            return Err(invalid(&["Accept", "Content-Type"], Exception::new("status_exception", reason)));
        }
    }
    if has_body && wanted_version != sent_version {
        let reason = format!(
            "A compatible version is required on both Content-Type and Accept headers if either one has requested a compatible version and the compatible versions must match. Accept={}, Content-Type={}",
            raw(accept),
            raw(content_type)
        );
        return Err(invalid(&["Accept", "Content-Type"], Exception::new("status_exception", reason)));
    }
    Ok(())
}

fn version_of(media_type: &MediaType) -> Option<&str> {
    match media_type {
        MediaType::Json(json) => json.version.as_deref(),
        MediaType::Other => None,
    }
}

fn illegal(reason: String) -> Exception {
    Exception::new("illegal_argument_exception", reason)
}

fn invalid(headers: &[&str], cause: Exception) -> ApiError {
    let reason = format!("Invalid media-type value on headers [{}]", headers.join(", "));
    ApiError::from_exception(400, Exception::new("media_type_header_exception", reason).caused_by(cause))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V8: &str = "application/vnd.elasticsearch+json; compatible-with=8";

    fn cause(error: &ApiError) -> String {
        error.exception().unwrap().caused_by.as_ref().unwrap().reason.clone()
    }

    #[test]
    fn the_answer_has_the_type_that_was_asked_for() {
        for (accept, content_type, has_body, expected) in [
            (None, None, false, "application/json"),
            (Some("*/*"), None, false, "application/json"),
            (Some("text/html, */*"), None, false, "application/json"),
            (Some("application/json;q=0.9"), None, false, "application/json;q=0.9"),
            (Some(V8), None, false, "application/vnd.elasticsearch+json;compatible-with=8"),
            (None, Some("application/json; charset=UTF-8"), true, "application/json"),
            (None, Some("application/vnd.elasticsearch+json"), true, "application/vnd.elasticsearch+json"),
            (
                Some(V8),
                Some("application/vnd.elasticsearch+x-ndjson;compatible-with=8"),
                true,
                "application/vnd.elasticsearch+json;compatible-with=8",
            ),
        ] {
            assert_eq!(negotiate(accept, content_type, has_body).unwrap().response_type, expected, "{accept:?}");
        }
    }

    #[test]
    fn versions_must_be_served_and_match_on_both_headers() {
        let seven = negotiate(Some("application/vnd.elasticsearch+json;compatible-with=7"), None, false).unwrap_err();
        assert!(cause(&seven).starts_with("Accept version must be either version 9 or 8, but found 7. Accept="));
        let one = negotiate(None, Some(V8), true).unwrap_err();
        assert!(cause(&one).ends_with(&format!("Accept=null, Content-Type={V8}")), "{one:?}");
        assert!(negotiate(None, Some(V8), false).is_ok());
    }

    #[test]
    fn what_is_no_media_type_is_named() {
        assert_eq!(cause(&negotiate(None, Some("garbage"), true).unwrap_err()), "invalid media-type [garbage]");
        assert_eq!(cause(&negotiate(Some(""), None, false).unwrap_err()), "Header [Accept] cannot be empty.");
    }

    #[test]
    fn a_body_that_is_not_json_is_not_supported() {
        for content_type in
            [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("application/yaml")]
        {
            let error = check_body_type(content_type).unwrap_err();
            assert_eq!(error.status, 406);
            let text = format!("Content-Type header [{}] is not supported", content_type.unwrap_or_default());
            assert_eq!(error.to_json(), serde_json::json!({"error": text, "status": 406}));
        }
        assert!(check_body_type(Some("application/x-ndjson")).is_ok());
    }

    proptest! {
        #[test]
        fn any_headers_are_read_or_refused(accept in proptest::option::of(".{0,40}"), sent in proptest::option::of(".{0,40}"), body in any::<bool>()) {
            let _agreed = negotiate(accept.as_deref(), sent.as_deref(), body);
            let _checked = check_body_type(sent.as_deref());
        }
    }
}
