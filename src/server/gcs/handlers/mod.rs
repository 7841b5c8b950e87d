//! The endpoints: a file for each group of the API, and the table of all.

mod attributes;
mod batch;
mod bucket;
mod condition;
mod content;
mod content_range;
mod copy;
mod download;
mod fields;
mod glob;
mod list;
mod name;
mod object;
mod resource;
mod resumable;
mod upload;
mod xml;

use std::sync::Arc;

use serde_json::json;

pub(super) use attributes::{bucket_patch, new_bucket, object_attributes, patch as object_patch, storage_class_of};
pub(super) use copy::check_source_count;
pub(super) use glob::compile as compile_glob;
pub(super) use name::{check_bucket_name, check_object_name};
pub(super) use resource::etag;

use super::Gcs;
use super::error::ApiError;
use super::http::{Endpoint, Params, Request, Response};

/// What the parameters of a listing say, for fuzzing.
pub(super) fn read_params_for_fuzzing(params: &Params) {
    let _mask = fields::Mask::of(params).ok();
    let _pattern = params.get("matchGlob").and_then(|glob| glob::compile(glob).ok());
    let _conditions = condition::conditions(params).ok();
}

/// Both kinds of ranges, for fuzzing. What is read of a download lies inside the object.
pub(super) fn read_ranges_for_fuzzing(text: &str, size: u64) {
    let _part = content_range::UploadRange::parse(text);
    if let content_range::DownloadRange::Part { first, end } = content_range::DownloadRange::of(Some(text), size) {
        assert!(first < end && end <= size, "{text}: {first} to {end} of {size}");
    }
}

/// Answers a request to an endpoint.
pub(super) async fn handle(gcs: &Arc<Gcs>, endpoint: Endpoint, request: &mut Request) -> Result<Response, ApiError> {
    match endpoint {
        Endpoint::Batch => batch::batch(gcs, request).await,
        endpoint => handle_part(gcs, endpoint, request).await,
    }
}

/// The same for all but batches, so that a batch may ask it.
pub(super) async fn handle_part(
    gcs: &Arc<Gcs>,
    endpoint: Endpoint,
    request: &mut Request,
) -> Result<Response, ApiError> {
    refuse_customer_keys(request)?;
    let method = request.method.as_str().to_owned();
    let fields = fields::Mask::of(&request.params)?;
    let answer = match (method.as_str(), endpoint) {
        ("GET", Endpoint::Buckets) => bucket::list(gcs, request).await,
        ("POST", Endpoint::Buckets) => bucket::create(gcs, request).await,
        ("GET" | "HEAD", Endpoint::Bucket(bucket)) => bucket::get(gcs, request, &bucket),
        ("PATCH" | "PUT", Endpoint::Bucket(bucket)) => bucket::update(gcs, request, bucket).await,
        ("DELETE", Endpoint::Bucket(bucket)) => bucket::delete(gcs, request, bucket).await,
        ("GET", Endpoint::Objects(bucket)) => list::list(gcs, request, bucket).await,
        ("GET" | "HEAD", Endpoint::Object(bucket, name)) => object::get(gcs, request, bucket, name).await,
        ("PATCH" | "PUT", Endpoint::Object(bucket, name)) => object::update(gcs, request, bucket, name).await,
        ("DELETE", Endpoint::Object(bucket, name)) => object::delete(gcs, request, bucket, name).await,
        ("GET" | "HEAD", Endpoint::Download(bucket, name)) => download::json(gcs, request, bucket, name).await,
        ("POST" | "PUT" | "DELETE", Endpoint::Upload(bucket)) => upload::upload(gcs, request, bucket).await,
        ("POST", Endpoint::Compose(bucket, name)) => copy::compose(gcs, request, bucket, name).await,
        ("POST", Endpoint::Copy { from, to, is_rewrite }) => copy::copy(gcs, request, from, to, is_rewrite).await,
        ("POST", Endpoint::Move { bucket, from, to }) => copy::move_to(gcs, request, bucket, from, to).await,
        ("GET", Endpoint::ServiceAccount(project)) => Ok(service_account(&project)),
        (_, Endpoint::Unsupported(what)) => Err(ApiError::not_implemented(what)),
        (_, endpoint) if endpoint.is_xml() => return xml::handle(gcs, request, endpoint).await,
        _ => Err(ApiError::new(405, "methodNotAllowed", "Method Not Allowed")),
    }?;
    match fields {
        Some(mask) => fields::project(answer, &mask).await,
        None => Ok(answer),
    }
}

fn service_account(project: &str) -> Response {
    let email = format!("service-{project}@gs-project-accounts.iam.gserviceaccount.com");
    Response::json(&json!({"kind": "storage#serviceAccount", "email_address": email}))
}

/// Objects are not encrypted here, so a client that asks for it must know.
fn refuse_customer_keys(request: &Request) -> Result<(), ApiError> {
    let mut names = request.headers.keys().map(|name| name.as_str());
    let found = names.find(|name| name.starts_with("x-goog-") && name.contains("encryption"));
    found.map_or(Ok(()), |name| {
        Err(ApiError::not_implemented("Encryption with customer-supplied keys").at("header", name))
    })
}
