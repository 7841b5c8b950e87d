//! Uploads: `/upload/storage/v1/b/{bucket}/o`, by `uploadType`: the bytes alone, metadata and bytes as `multipart/related`,
//! or the start of a resumable upload.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::http::{Multipart, Request, Response, boundary, json_object};
use super::super::store::{Checksums, Draft};
use super::attributes::{checksums, header_checksums, md5_of, object_attributes};
use super::condition::conditions;
use super::content::Receiver;
use super::name::check_object_name;
use super::object::{answer, refuse_predefined_acl};
use super::resumable;
use crate::server::http::uri::encode;

/// Bytes of the metadata and of the checksums in a multipart upload.
const METADATA_BYTES_MAX: usize = 1024 * 1024;
const DEFAULT_CONTENT_TYPE: &str = "application/octet-stream";

pub(super) async fn upload(gcs: &Arc<Gcs>, request: &mut Request, bucket: String) -> Result<Response, ApiError> {
    if let Some(id) = request.params.get("upload_id").map(str::to_owned) {
        return match request.method.as_str() {
            "DELETE" => resumable::cancel(gcs, bucket, id).await,
            _ => resumable::send(gcs, request, bucket, id).await,
        };
    }
    if request.method != hyper::Method::POST {
        return Err(ApiError::required("upload_id"));
    }
    refuse_predefined_acl(request)?;
    if request.params.get("kmsKeyName").is_some_and(|name| !name.is_empty()) {
        return Err(ApiError::not_implemented("Encryption with Cloud KMS keys"));
    }
    match request.params.get("uploadType") {
        Some("media") => media(gcs, request, bucket).await,
        Some("multipart") => multipart(gcs, request, bucket).await,
        Some("resumable") => start(gcs, request, bucket).await,
        Some(other) => Err(ApiError::invalid_parameter("uploadType", other)),
        None => Err(ApiError::required("uploadType")),
    }
}

async fn media(gcs: &Arc<Gcs>, request: &mut Request, bucket: String) -> Result<Response, ApiError> {
    let content_type = request.header("content-type").map(str::to_owned);
    let mut draft = draft(request, bucket, &Map::new(), content_type)?;
    draft.checksums.merge(request_checksums(request)?);
    check_put(gcs, &draft)?;
    let mut receiver = Receiver::create(gcs).await?;
    while let Some(piece) = request.body.next().await? {
        receiver.add(gcs, piece).await?;
    }
    put(gcs, request, draft, receiver).await
}

async fn multipart(gcs: &Arc<Gcs>, request: &mut Request, bucket: String) -> Result<Response, ApiError> {
    let boundary = request.header("content-type").and_then(boundary);
    let boundary = boundary.ok_or_else(|| ApiError::invalid("Missing the boundary of a multipart/related body."))?;
    // The parts are read from the body while the rest of the request is looked at.
    let mut body = std::mem::replace(&mut request.body, empty_body(gcs));
    let received = receive_parts(gcs, request, bucket, Multipart::new(&mut body, &boundary)).await;
    request.body = body;
    let (draft, receiver) = received?;
    put(gcs, request, draft, receiver).await
}

async fn receive_parts(
    gcs: &Arc<Gcs>,
    request: &Request,
    bucket: String,
    mut parts: Multipart<'_>,
) -> Result<(Draft, Receiver), ApiError> {
    let missing = || ApiError::invalid("A multipart upload has two parts: metadata and content.");
    parts.next_part().await?.ok_or_else(missing)?;
    let metadata = json_object(&parts.whole(METADATA_BYTES_MAX).await?)?;
    let headers = parts.next_part().await?.ok_or_else(missing)?;
    let mut draft = draft(request, bucket, &metadata, headers.get("content-type").map(str::to_owned))?;
    draft.checksums.merge(request_checksums(request)?);
    check_put(gcs, &draft)?;
    let mut receiver = Receiver::create(gcs).await?;
    while let Some(piece) = parts.next_piece().await? {
        receiver.add(gcs, piece).await?;
    }
    // Sums that a client could only tell after the content come in a part of their own.
    while let Some(_headers) = parts.next_part().await? {
        draft.checksums.merge(checksums(&json_object(&parts.whole(METADATA_BYTES_MAX).await?)?)?);
    }
    Ok((draft, receiver))
}

async fn start(gcs: &Arc<Gcs>, request: &mut Request, bucket: String) -> Result<Response, ApiError> {
    let metadata = request.json().await?;
    let content_type = request.header("x-upload-content-type").map(str::to_owned);
    let size = match request.header("x-upload-content-length") {
        None => None,
        Some(text) => Some(text.trim().parse::<u64>().map_err(|_| {
            ApiError::invalid("Invalid value for header X-Upload-Content-Length.")
                .at("header", "X-Upload-Content-Length")
        })?),
    };
    let draft = draft(request, bucket, &metadata, content_type)?;
    let name = draft.name.clone();
    let session = gcs.blocking(move |store| Ok(store.start_session(draft, size)?)).await?;
    let id = session.id;
    let location =
        format!("{}{}?uploadType=resumable&name={}&upload_id={id}", request.base, request.path, encode(&name));
    Ok(Response::empty(200).with("location", &location).with("x-guploader-uploadid", &id))
}

/// Fails before the content is read, when it would fail after it.
pub(super) fn check_put(gcs: &Arc<Gcs>, draft: &Draft) -> Result<(), ApiError> {
    Ok(gcs.store.check_put(draft)?)
}

async fn put(gcs: &Arc<Gcs>, request: &Request, draft: Draft, receiver: Receiver) -> Result<Response, ApiError> {
    let blob = receiver.finish(gcs).await?;
    let bucket = draft.bucket.clone();
    let object = gcs.blocking(move |store| Ok(store.put(&draft, blob)?)).await?;
    Ok(answer(&object, &bucket, request))
}

/// What is to be made. The name in the query goes before the one in the metadata; `content_type` counts where the
/// metadata has none.
fn draft(
    request: &Request,
    bucket: String,
    metadata: &Map<String, Value>,
    content_type: Option<String>,
) -> Result<Draft, ApiError> {
    check_bucket_of(metadata, &bucket)?;
    let in_query = request.params.get("name").filter(|name| !name.is_empty());
    let name = in_query.or_else(|| metadata.get("name").and_then(Value::as_str)).unwrap_or_default();
    check_object_name(name)?;
    let mut attributes = object_attributes(metadata)?;
    let encoding = request.params.get("contentEncoding").filter(|encoding| !encoding.is_empty());
    attributes.content_encoding = attributes.content_encoding.or(encoding.map(str::to_owned));
    let content_type = content_type.filter(|text| !text.is_empty());
    let content_type = attributes.content_type.take().or(content_type);
    attributes.content_type = content_type.or_else(|| Some(DEFAULT_CONTENT_TYPE.to_owned()));
    Ok(Draft {
        bucket,
        name: name.to_owned(),
        attributes,
        conditions: conditions(&request.params)?,
        checksums: checksums(metadata)?,
    })
}

/// The metadata may name the bucket, but no other one.
fn check_bucket_of(metadata: &Map<String, Value>, bucket: &str) -> Result<(), ApiError> {
    match metadata.get("bucket").and_then(Value::as_str) {
        Some(named) if named != bucket => Err(ApiError::invalid(format!(
            "The bucket in the metadata ({}) is not the one in the URL.",
            named.chars().take(100).collect::<String>()
        ))),
        _ => Ok(()),
    }
}

/// `x-goog-hash` and `Content-MD5`.
pub(super) fn request_checksums(request: &Request) -> Result<Checksums, ApiError> {
    let hashes = request.headers.get_all("x-goog-hash").iter().filter_map(|value| value.to_str().ok());
    let mut sums = header_checksums(hashes)?;
    if let Some(md5) = request.header("content-md5") {
        sums.md5 = Some(md5_of(md5.trim())?);
    }
    Ok(sums)
}

fn empty_body(gcs: &Arc<Gcs>) -> super::super::http::RequestBody {
    super::super::http::RequestBody::new(http_body_util::Empty::new(), gcs.budget.clone())
}
