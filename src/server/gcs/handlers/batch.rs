//! `/batch/storage/v1`: several requests in one, each answered in its part of a `multipart/mixed` answer.

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::http::{Multipart, Params, PartHeaders, Request, RequestBody, Response, answer_part, boundary};
use crate::server::http::uri::decode_query;

/// Requests of one batch, as Google bounds them.
const PARTS_MAX: usize = 100;
const PART_BYTES_MAX: usize = 1024 * 1024;
const BYTES_MAX: usize = 10 * 1024 * 1024;

pub(super) async fn batch(gcs: &Arc<Gcs>, request: &mut Request) -> Result<Response, ApiError> {
    if request.method != hyper::Method::POST {
        return Err(ApiError::new(405, "methodNotAllowed", "Method Not Allowed"));
    }
    let boundary = request.header("content-type").and_then(boundary);
    let boundary = boundary.ok_or_else(|| ApiError::invalid("Failed to parse batch request, error: no boundary."))?;
    let parts = read(request, &boundary).await?;
    let reply = format!("batch_{}", uuid::Uuid::new_v4().simple());
    let mut answers = Vec::new();
    for (headers, content) in parts {
        let answer = match part_request(gcs, &content, request) {
            Ok(part) => answer_part(gcs, part).await,
            Err(error) => Response::from(&error),
        };
        let id = headers.get("content-id").map(response_id);
        write_part(&mut answers, &reply, id.as_deref(), answer).await;
    }
    answers.extend_from_slice(format!("--{reply}--\r\n").as_bytes());
    Ok(Response::bytes(&format!("multipart/mixed; boundary={reply}"), answers))
}

async fn read(request: &mut Request, boundary: &str) -> Result<Vec<(PartHeaders, Bytes)>, ApiError> {
    // What is answered is written below what was asked, and bounded like it.
    request.body.hold(BYTES_MAX)?;
    let mut parts = Multipart::of_text(&mut request.body, boundary);
    let mut read = Vec::new();
    let mut bytes = 0;
    while let Some(headers) = parts.next_part().await? {
        let content = parts.whole(PART_BYTES_MAX).await?;
        bytes += content.len();
        if read.len() >= PARTS_MAX || bytes > BYTES_MAX {
            let message = format!("The batch request must not contain more than {PARTS_MAX} calls.");
            return Err(ApiError::invalid(message));
        }
        read.push((headers, content));
    }
    Ok(read)
}

/// A request as `application/http` writes it.
fn part_request(gcs: &Arc<Gcs>, content: &Bytes, outer: &Request) -> Result<Request, ApiError> {
    let malformed = || ApiError::invalid("Failed to parse a part of the batch request.");
    let text_end = memchr::memmem::find(content, b"\r\n\r\n").map(|at| (at, at + 4));
    let text_end = text_end.or_else(|| memchr::memmem::find(content, b"\n\n").map(|at| (at, at + 2)));
    let (head_end, body_start) = text_end.unwrap_or((content.len(), content.len()));
    let head = content.get(..head_end).and_then(|head| std::str::from_utf8(head).ok()).ok_or_else(malformed)?;
    let (line, headers) = head.trim_start().split_once('\n').unwrap_or((head, ""));
    let mut words = line.split_whitespace();
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return Err(malformed()) };
    let target = target
        .split_once("://")
        .map_or(target, |(_, rest)| rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"));
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let params = decode_query(query).map(Params).ok_or_else(malformed)?;
    Ok(Request {
        method: method.parse().map_err(|_| malformed())?,
        path: path.to_owned(),
        params,
        headers: headers_of(&PartHeaders::parse(headers.as_bytes())?),
        base: outer.base.clone(),
        body: RequestBody::new(Full::new(content.slice(body_start..)), gcs.budget.clone()),
    })
}

fn headers_of(lines: &PartHeaders) -> HeaderMap {
    let header =
        |(name, value): (&str, &str)| Some((name.parse::<HeaderName>().ok()?, HeaderValue::from_str(value).ok()?));
    lines.iter().filter_map(header).collect()
}

/// `<a+1>` is answered as `<response-a+1>`.
fn response_id(id: &str) -> String {
    match id.strip_prefix('<') {
        Some(rest) => format!("<response-{rest}"),
        None => format!("response-{id}"),
    }
}

async fn write_part(to: &mut Vec<u8>, boundary: &str, id: Option<&str>, answer: Response) {
    let status = hyper::StatusCode::from_u16(answer.status).ok();
    let reason = status.and_then(|status| status.canonical_reason()).unwrap_or("Unknown");
    let mut head = format!("--{boundary}\r\nContent-Type: application/http\r\n");
    // Writing to a text does not fail.
    if let Some(id) = id {
        write!(head, "Content-ID: {id}\r\n").unwrap_or_default();
    }
    write!(head, "\r\nHTTP/1.1 {} {reason}\r\n", answer.status).unwrap_or_default();
    for (name, value) in &answer.headers {
        if let Ok(value) = value.to_str() {
            write!(head, "{name}: {value}\r\n").unwrap_or_default();
        }
    }
    let body = answer.body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    write!(head, "content-length: {}\r\n\r\n", body.len()).unwrap_or_default();
    to.extend_from_slice(head.as_bytes());
    to.extend_from_slice(&body);
    to.extend_from_slice(b"\r\n");
}
