//! The bytes of an object: whole, ranges, and decompressed for clients that do not take gzip.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::http::{Body, Request, Response};
use super::super::store::{Conditions, Object};
use super::condition::{conditions, generation};
use super::content_range::DownloadRange;
use super::resource;

/// Bytes read at once.
const PIECE_BYTES: usize = 256 * 1024;

/// By the JSON API.
pub(super) async fn json(
    gcs: &Arc<Gcs>,
    request: &mut Request,
    bucket: String,
    name: String,
) -> Result<Response, ApiError> {
    let (generation, conditions) = (generation(&request.params)?, conditions(&request.params)?);
    send(gcs, request, bucket, name, generation, conditions, false).await
}

/// The answer, with its headers. `is_xml`: the tag is the MD5 sum, as the XML API gives it.
pub(super) async fn send(
    gcs: &Arc<Gcs>,
    request: &Request,
    bucket: String,
    name: String,
    generation: Option<i64>,
    conditions: Conditions,
    is_xml: bool,
) -> Result<Response, ApiError> {
    let opened = move |store: &super::super::store::Store| Ok(store.read(&bucket, &name, generation, &conditions)?);
    let (object, file) = gcs.blocking(opened).await?;
    let tag = etag(&object, is_xml);
    if request.header("if-none-match").is_some_and(|tags| names(tags, &tag)) {
        return Err(ApiError::not_modified());
    }
    if request.header("if-match").is_some_and(|tags| !names(tags, &tag)) {
        return Err(super::super::store::StoreError::ConditionNotMet.into());
    }
    let answer = if is_decompressed(&object, request) {
        let body = if request.is_head() { Response::empty(200).body } else { decompressed(file) };
        Response { body, ..Response::empty(200) }
            .with("x-guploader-response-body-transformations", "gunzipped")
            .with("warning", "214 UploadServer gunzipped")
    } else {
        ranged(&object, file, request, is_xml)?
    };
    Ok(with_headers(answer, &object, &tag))
}

fn ranged(object: &Object, file: File, request: &Request, is_xml: bool) -> Result<Response, ApiError> {
    let (status, first, end) = match DownloadRange::of(request.header("range"), object.size) {
        DownloadRange::Whole => (200, 0, object.size),
        DownloadRange::Part { first, end } => (206, first, end),
        DownloadRange::Unsatisfiable => {
            let message = "The requested range cannot be satisfied.";
            let error = ApiError::new(416, "requestedRangeNotSatisfiable", message).at("header", "Range");
            let answer = if is_xml { Response::xml_error(&error) } else { Response::from(&error) };
            return Ok(answer.with("content-range", &format!("bytes */{}", object.size)));
        }
    };
    let length = end.saturating_sub(first);
    let body = match request.is_head() {
        true => Response::empty(200).body,
        false => part(file, first, length).map_err(super::super::store::StoreError::from)?,
    };
    let answer = Response { status, body, ..Response::empty(200) };
    let answer = answer.with("content-length", &length.to_string()).with("accept-ranges", "bytes");
    Ok(if status == 206 {
        answer.with("content-range", &format!("bytes {first}-{}/{}", end.saturating_sub(1), object.size))
    } else {
        answer
    })
}

fn with_headers(answer: Response, object: &Object, tag: &str) -> Response {
    let attributes = &object.attributes;
    let is_error = answer.status >= 400;
    let answer = answer
        .with("x-goog-generation", &object.generation.to_string())
        .with("x-goog-metageneration", &object.metageneration.to_string())
        .with("x-goog-stored-content-length", &object.size.to_string())
        .with("x-goog-stored-content-encoding", attributes.content_encoding.as_deref().unwrap_or("identity"))
        .with("x-goog-storage-class", &object.storage_class)
        .with("x-goog-hash", &resource::hashes(object))
        .with("etag", tag)
        .with("last-modified", &http_date(object));
    if is_error {
        return answer;
    }
    let is_plain = answer.headers.contains_key("x-guploader-response-body-transformations");
    let encoding = attributes.content_encoding.as_deref().filter(|_| !is_plain);
    let headers = [
        ("content-type", attributes.content_type.as_deref().or(Some("application/octet-stream"))),
        ("content-encoding", encoding),
        ("content-disposition", attributes.content_disposition.as_deref()),
        ("content-language", attributes.content_language.as_deref()),
        ("cache-control", attributes.cache_control.as_deref()),
    ];
    let mut answer = answer;
    for (name, value) in headers {
        if let Some(value) = value {
            answer = answer.with(name, value);
        }
    }
    answer
}

fn http_date(object: &Object) -> String {
    jiff::fmt::rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&object.updated).unwrap_or_default()
}

fn etag(object: &Object, is_xml: bool) -> String {
    match object.md5.filter(|_| is_xml) {
        Some(md5) => format!("\"{}\"", md5.iter().map(|byte| format!("{byte:02x}")).collect::<String>()),
        None => resource::etag(object.generation, object.metageneration),
    }
}

/// Whether a list of tags, as `If-Match` has it, names this one.
fn names(tags: &str, tag: &str) -> bool {
    let bare = tag.trim_matches('"');
    tags.split(',').map(str::trim).any(|known| known == "*" || known.trim_matches('"') == bare)
}

fn is_decompressed(object: &Object, request: &Request) -> bool {
    let is = |header: Option<&str>, word: &str| header.is_some_and(|text| text.to_ascii_lowercase().contains(word));
    is(object.attributes.content_encoding.as_deref(), "gzip")
        && !is(object.attributes.cache_control.as_deref(), "no-transform")
        && !is(request.header("accept-encoding"), "gzip")
}

fn part(mut file: File, first: u64, length: u64) -> io::Result<Body> {
    file.seek(SeekFrom::Start(first))?;
    Ok(stream_of(file.take(length), Some(length)))
}

fn decompressed(file: File) -> Body {
    stream_of(MultiGzDecoder::new(file), None)
}

/// Reads a piece each time that the client has taken the one before. `length`: what must come, or the connection breaks.
fn stream_of(reader: impl Read + Send + 'static, length: Option<u64>) -> Body {
    let pieces = stream::try_unfold((reader, length), |(mut reader, left)| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE_BYTES];
            let count = reader.read(&mut piece)?;
            piece.truncate(count);
            Ok::<_, io::Error>((Bytes::from(piece), reader))
        });
        let (piece, reader) = read.await.map_err(io::Error::other)??;
        if piece.is_empty() {
            let is_short = left.is_some_and(|left| left > 0);
            return if is_short { Err(io::ErrorKind::UnexpectedEof.into()) } else { Ok(None) };
        }
        let left = left.map(|left| left.saturating_sub(piece.len() as u64));
        Ok::<_, io::Error>(Some((Frame::data(piece), (reader, left))))
    });
    StreamBody::new(pieces).boxed_unsync()
}
