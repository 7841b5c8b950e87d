//! One request frame in, one response frame out (without and with the leading length).
//!
//! Key, version and correlation id are read by hand: the answer to an unknown version needs them even when the rest cannot
//! be decoded. Source: <https://kafka.apache.org/protocol>.

use bytes::{BufMut, Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestKind, ResponseKind};
use thiserror::Error;

use super::apis::{self, Api};
use super::precheck::{self, MalformedRequest};

/// What identifies a request and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestHead {
    pub(crate) key: i16,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
}

/// A request, decoded and checked.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) head: RequestHead,
    pub(crate) client_id: Option<String>,
    pub(crate) body: RequestKind,
}

/// Why a frame is not a request that can be served.
#[derive(Debug, Error)]
pub(crate) enum FrameError {
    #[error("a frame of {0} bytes is too short for a request header")]
    TooShort(usize),
    /// Answered with version 0 of the ApiVersions response, so that the client can ask again.
    #[error("ApiVersions version {} is not served", .0.version)]
    ApiVersionsVersion(RequestHead),
    #[error("API key {} version {} is not served", .0.key, .0.version)]
    Unserved(RequestHead),
    #[error("the request header is malformed")]
    Header,
    #[error("{api} version {version} is malformed: {source}")]
    Malformed { api: &'static str, version: i16, source: MalformedRequest },
    #[error("{api} version {version} does not decode: {reason}")]
    Undecodable { api: &'static str, version: i16, reason: String },
}

/// Decodes one frame. Record batches stay slices of it.
pub(crate) fn decode_request(frame: Bytes) -> Result<Request, FrameError> {
    let head = read_head(&frame).ok_or(FrameError::TooShort(frame.len()))?;
    let api = match apis::find(head.key) {
        Some(api) if api.accepts(head.version) => api,
        Some(api) if api.key == ApiKey::ApiVersions => return Err(FrameError::ApiVersionsVersion(head)),
        _ => return Err(FrameError::Unserved(head)),
    };
    let (client_id, body_start) = read_header_rest(&frame, api.is_flexible(head.version)).ok_or(FrameError::Header)?;
    let body = decode_body(api, head.version, frame.slice(body_start..))?;
    Ok(Request { head, client_id, body })
}

/// Key, version and correlation id: the first 8 bytes of every request.
pub(crate) fn read_head(frame: &[u8]) -> Option<RequestHead> {
    let (key, rest) = frame.split_first_chunk()?;
    let (version, rest) = rest.split_first_chunk()?;
    let (correlation_id, _) = rest.split_first_chunk()?;
    Some(RequestHead {
        key: i16::from_be_bytes(*key),
        version: i16::from_be_bytes(*version),
        correlation_id: i32::from_be_bytes(*correlation_id),
    })
}

fn decode_body(api: &Api, version: i16, mut body: Bytes) -> Result<RequestKind, FrameError> {
    let name = api.served.name;
    precheck::check(api.request, version, api.is_flexible(version), &body).map_err(|source| FrameError::Malformed {
        api: name,
        version,
        source,
    })?;
    RequestKind::decode(api.key, &mut body, version).map_err(|error| FrameError::Undecodable {
        api: name,
        version,
        reason: format!("{error:#}"),
    })
}

/// Client id (a classic string also in flexible headers) and, in flexible headers, tagged fields nobody uses.
fn read_header_rest(frame: &[u8], flexible: bool) -> Option<(Option<String>, usize)> {
    let mut rest = frame.get(8..)?;
    let (length, after) = rest.split_first_chunk()?;
    rest = after;
    let client_id = match i16::from_be_bytes(*length) {
        -1 => None,
        length => {
            let (text, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            Some(std::str::from_utf8(text).ok()?.to_owned())
        }
    };
    if flexible {
        rest = skip_tagged_fields(rest)?;
    }
    Some((client_id, frame.len() - rest.len()))
}

fn skip_tagged_fields(rest: &[u8]) -> Option<&[u8]> {
    let (count, mut rest) = unsigned_varint(rest)?;
    for _ in 0..count {
        let (_tag, after) = unsigned_varint(rest)?;
        let (size, after) = unsigned_varint(after)?;
        rest = after.get(usize::try_from(size).ok()?..)?;
    }
    Some(rest)
}

fn unsigned_varint(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0_u32;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 0x7f).checked_shl(u32::try_from(index).ok()? * 7)?;
        if byte & 0x80 == 0 {
            return Some((value, bytes.get(index + 1..)?));
        }
    }
    None
}

/// A whole response frame, length first.
pub(crate) fn encode_response(head: RequestHead, body: &ResponseKind) -> Result<Bytes, FrameError> {
    encode_response_at(head.correlation_id, head.version, body).map_err(|reason| FrameError::Undecodable {
        api: "response",
        version: head.version,
        reason,
    })
}

fn encode_response_at(correlation_id: i32, version: i16, body: &ResponseKind) -> Result<Bytes, String> {
    let mut frame = BytesMut::with_capacity(256);
    frame.put_i32(0);
    frame.put_i32(correlation_id);
    if body.header_version(version) >= 1 {
        frame.put_u8(0);
    }
    body.encode(&mut frame, version).map_err(|error| format!("{error:#}"))?;
    let length = i32::try_from(frame.len() - 4).map_err(|_| "a response over 2 GiB".to_owned())?;
    if let Some(slot) = frame.first_chunk_mut() {
        *slot = length.to_be_bytes();
    }
    Ok(frame.freeze())
}

/// The answer to an ApiVersions version this broker does not know: version 0 of the response, error 35, and the one entry
/// that tells the client what to ask with.
pub(crate) fn encode_api_versions_fallback(correlation_id: i32) -> Bytes {
    use kafka_protocol::messages::ApiVersionsResponse;
    use kafka_protocol::messages::api_versions_response::ApiVersion;

    let entry = ApiVersion::default().with_api_key(ApiKey::ApiVersions as i16).with_min_version(0).with_max_version(4);
    let body = ApiVersionsResponse::default().with_error_code(35).with_api_keys(vec![entry]);
    encode_response_at(correlation_id, 0, &ResponseKind::ApiVersions(body)).expect("version 0 carries these two fields")
}

#[cfg(test)]
pub(crate) mod tests;
