//! Buckets: `/storage/v1/b` and `/storage/v1/b/{bucket}`.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::http::{Request, Response};
use super::super::store::{BucketSettings, PAGE_ITEMS_MAX};
use super::attributes::{acl_refused, bucket_patch, new_bucket};
use super::condition::conditions;
use super::name::check_bucket_name;
use super::{list, resource};

pub(super) async fn list(gcs: &Arc<Gcs>, request: &Request) -> Result<Response, ApiError> {
    let params = &request.params;
    let project = params.get("project").ok_or_else(|| ApiError::required("project"))?.to_owned();
    let prefix = params.text("prefix").to_owned();
    let items_max = list::items_max(params)?.unwrap_or(PAGE_ITEMS_MAX);
    let after = params.text("pageToken").to_owned();
    let mut buckets = gcs.store.buckets(|bucket| {
        // Emulator users often name no project, and Python then sends `<none>`: they see all.
        let is_his = project == bucket.project || project == "<none>" || project.is_empty();
        is_his && bucket.name.starts_with(&prefix) && bucket.name > after
    });
    let is_more = buckets.len() > items_max;
    buckets.truncate(items_max);
    let items: Vec<Value> = buckets.iter().map(|bucket| resource::bucket(bucket, &request.base)).collect();
    let mut answer = json!({"kind": "storage#buckets", "items": items});
    if let (Some(last), Some(map), true) = (buckets.last(), answer.as_object_mut(), is_more) {
        map.insert("nextPageToken".to_owned(), Value::from(last.name.as_str()));
    }
    Ok(Response::json(&answer))
}

pub(super) async fn create(gcs: &Arc<Gcs>, request: &mut Request) -> Result<Response, ApiError> {
    let project = request.params.get("project").ok_or_else(|| ApiError::required("project"))?.to_owned();
    refuse_predefined_acl(request)?;
    let (name, location, settings) = new_bucket(&request.json().await?)?;
    check_bucket_name(&name)?;
    let made = gcs.blocking(move |store| Ok(store.create_bucket(&name, &project, &location, settings)?)).await?;
    Ok(Response::json(&resource::bucket(&made, &request.base)))
}

pub(super) fn get(gcs: &Arc<Gcs>, request: &Request, bucket: &str) -> Result<Response, ApiError> {
    let bucket = gcs.store.bucket(bucket)?;
    conditions(&request.params)?.check_numbers(0, Some(bucket.metageneration))?;
    let answer = Response::json(&resource::bucket(&bucket, &request.base));
    Ok(answer.with("etag", &resource::etag_of_bucket(&bucket)))
}

/// `PATCH` changes what it names, `PUT` all.
pub(super) async fn update(gcs: &Arc<Gcs>, request: &mut Request, bucket: String) -> Result<Response, ApiError> {
    refuse_predefined_acl(request)?;
    let conditions = conditions(&request.params)?;
    let json: Map<String, Value> = request.json().await?;
    let replaces = request.method == hyper::Method::PUT;
    let updated = gcs
        .blocking(move |store| {
            store.update_bucket(&bucket, &conditions, |settings| {
                if replaces {
                    *settings = BucketSettings { storage_class: settings.storage_class.clone(), ..Default::default() };
                }
                bucket_patch(settings, &json)
            })
        })
        .await?;
    Ok(Response::json(&resource::bucket(&updated, &request.base)))
}

pub(super) async fn delete(gcs: &Arc<Gcs>, request: &Request, bucket: String) -> Result<Response, ApiError> {
    let conditions = conditions(&request.params)?;
    gcs.blocking(move |store| Ok(store.delete_bucket(&bucket, &conditions)?)).await?;
    Ok(Response::empty(204))
}

fn refuse_predefined_acl(request: &Request) -> Result<(), ApiError> {
    let names = ["predefinedAcl", "predefinedDefaultObjectAcl"];
    if names.iter().any(|name| request.params.get(name).is_some()) { Err(acl_refused("a bucket")) } else { Ok(()) }
}
