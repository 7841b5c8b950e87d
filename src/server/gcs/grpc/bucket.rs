//! Buckets.

use std::sync::Arc;

use serde_json::Value;

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::handlers::{bucket_patch, check_bucket_name, new_bucket};
use super::super::store::{Conditions, PAGE_ITEMS_MAX};
use super::convert::{self, bucket_id};
use super::message::{
    Bucket, CreateBucketRequest, DeleteBucketRequest, Empty, GetBucketRequest, ListBucketsRequest, ListBucketsResponse,
    UpdateBucketRequest,
};

pub(super) async fn create(gcs: &Arc<Gcs>, request: CreateBucketRequest) -> Result<Bucket, ApiError> {
    convert::refuse_acl(&[&request.predefined_acl, &request.predefined_default_object_acl])?;
    let bucket = request.bucket.unwrap_or_default();
    check_bucket_name(&request.bucket_id)?;
    let mut json = convert::bucket_json(&bucket);
    json.insert("name".to_owned(), Value::from(request.bucket_id.as_str()));
    let (name, location, settings) = new_bucket(&json)?;
    // The parent is `projects/_` when the bucket names its project.
    let project = if bucket.project.is_empty() { &request.parent } else { &bucket.project };
    let project = project.strip_prefix("projects/").unwrap_or(project).to_owned();
    let made = gcs.blocking(move |store| Ok(store.create_bucket(&name, &project, &location, settings)?)).await?;
    Ok(convert::bucket(&made))
}

pub(super) fn get(gcs: &Arc<Gcs>, request: &GetBucketRequest) -> Result<Bucket, ApiError> {
    let bucket = gcs.store.bucket(&bucket_id(&request.name)?)?;
    let conditions = metageneration(request.if_metageneration_match, request.if_metageneration_not_match);
    conditions.check_numbers(0, Some(bucket.metageneration))?;
    Ok(convert::bucket(&bucket))
}

pub(super) fn list(gcs: &Arc<Gcs>, request: &ListBucketsRequest) -> Result<ListBucketsResponse, ApiError> {
    let project = request.parent.strip_prefix("projects/").unwrap_or(&request.parent);
    let asked = usize::try_from(request.page_size).ok().filter(|size| *size > 0);
    let items_max = asked.map_or(PAGE_ITEMS_MAX, |size| size.min(PAGE_ITEMS_MAX));
    let mut buckets = gcs.store.buckets(|bucket| {
        let is_his = bucket.project == project;
        is_his && bucket.name.starts_with(&request.prefix) && bucket.name > request.page_token
    });
    let is_more = buckets.len() > items_max;
    buckets.truncate(items_max);
    let last = buckets.last().map(|bucket| bucket.name.clone()).filter(|_| is_more);
    let buckets = buckets.iter().map(|bucket| convert::bucket(bucket)).collect();
    Ok(ListBucketsResponse { buckets, next_page_token: last.unwrap_or_default() })
}

pub(super) async fn update(gcs: &Arc<Gcs>, request: UpdateBucketRequest) -> Result<Bucket, ApiError> {
    convert::refuse_acl(&[&request.predefined_acl, &request.predefined_default_object_acl])?;
    let bucket = request.bucket.unwrap_or_default();
    let id = bucket_id(&bucket.name)?;
    let mask = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
    let mut json = convert::bucket_json(&bucket);
    let all = mask.iter().any(|path| path == "*");
    json.retain(|name, _| all || mask.iter().any(|path| camel(path) == *name));
    let replaces_labels = all || mask.iter().any(|path| path == "labels");
    let label_paths: Vec<String> =
        mask.iter().filter_map(|path| path.strip_prefix("labels.")).map(str::to_owned).collect();
    let ends_versioning = bucket.versioning.is_none() && (all || mask.iter().any(|path| path == "versioning"));
    let conditions = metageneration(request.if_metageneration_match, request.if_metageneration_not_match);
    let updated = gcs
        .blocking(move |store| {
            store.update_bucket(&id, &conditions, |settings| {
                if replaces_labels {
                    settings.labels.clear();
                }
                for key in label_paths {
                    match bucket.labels.get(&key) {
                        Some(value) => settings.labels.insert(key, value.clone()),
                        None => settings.labels.remove(&key),
                    };
                }
                settings.keeps_versions &= !ends_versioning;
                bucket_patch(settings, &json)
            })
        })
        .await?;
    Ok(convert::bucket(&updated))
}

pub(super) async fn delete(gcs: &Arc<Gcs>, request: DeleteBucketRequest) -> Result<Empty, ApiError> {
    let id = bucket_id(&request.name)?;
    let conditions = metageneration(request.if_metageneration_match, request.if_metageneration_not_match);
    gcs.blocking(move |store| Ok(store.delete_bucket(&id, &conditions)?)).await?;
    Ok(Empty {})
}

fn metageneration(is: Option<i64>, is_not: Option<i64>) -> Conditions {
    convert::conditions(None, None, is, is_not)
}

/// The first part of a path, as the JSON API writes it: `storage_class` -> `storageClass`.
fn camel(path: &str) -> String {
    let mut name = String::new();
    for word in path.split('.').next().unwrap_or_default().split('_') {
        match word.chars().next().filter(|_| !name.is_empty()) {
            Some(first) => {
                name.push(first.to_ascii_uppercase());
                name.push_str(word.get(first.len_utf8()..).unwrap_or_default());
            }
            None => name.push_str(word),
        }
    }
    name
}
