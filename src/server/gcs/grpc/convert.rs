//! Between messages and what the JSON API reads: names, conditions, and resources as JSON, so that both refuse and keep the
//! same.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use bytes::Bytes;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::super::error::ApiError;
use super::super::handlers::etag;
use super::super::store::{self, Checksums, Conditions};
use super::message::{self, Switch};

const BUCKET_PREFIX: &str = "projects/_/buckets/";

/// `projects/_/buckets/B` -> `B`.
pub(super) fn bucket_id(name: &str) -> Result<String, ApiError> {
    let id = name.strip_prefix(BUCKET_PREFIX).filter(|id| !id.is_empty());
    let shown = || name.chars().take(100).collect::<String>();
    id.map(str::to_owned).ok_or_else(|| ApiError::invalid(format!("'{}' is no name of a bucket.", shown())))
}

/// 0 stands for none.
pub(super) fn generation(number: i64) -> Option<i64> {
    Some(number).filter(|number| *number != 0)
}

/// In the order in which messages have them.
pub(super) fn conditions(
    generation_match: Option<i64>,
    generation_not_match: Option<i64>,
    metageneration_match: Option<i64>,
    metageneration_not_match: Option<i64>,
) -> Conditions {
    Conditions { generation_match, generation_not_match, metageneration_match, metageneration_not_match }
}

/// Objects are not encrypted here, so a client that asks for it must know.
pub(super) fn refuse_keys(params: Option<&message::CommonObjectRequestParams>) -> Result<(), ApiError> {
    match params.filter(|params| !params.encryption_algorithm.is_empty()) {
        Some(_) => Err(ApiError::not_implemented("Encryption with customer-supplied keys")),
        None => Ok(()),
    }
}

/// As a bucket with uniform access refuses it.
pub(super) fn refuse_acl(predefined: &[&str]) -> Result<(), ApiError> {
    if predefined.iter().all(|name| name.is_empty()) {
        return Ok(());
    }
    Err(ApiError::invalid("Cannot use predefined ACLs when uniform bucket-level access is enabled."))
}

fn time(at: Timestamp) -> message::Timestamp {
    message::Timestamp { seconds: at.as_second(), nanos: at.subsec_nanosecond() }
}

pub(super) fn bucket(bucket: &store::Bucket) -> message::Bucket {
    let settings = &bucket.settings;
    let iam_config = message::IamConfig {
        uniform_bucket_level_access: Some(Switch { enabled: true }),
        public_access_prevention: "inherited".to_owned(),
    };
    message::Bucket {
        name: format!("{BUCKET_PREFIX}{}", bucket.name),
        bucket_id: bucket.name.clone(),
        project: format!("projects/{}", bucket.project),
        metageneration: bucket.metageneration,
        location: bucket.location.clone(),
        location_type: if bucket.location.contains('-') { "region" } else { "multi-region" }.to_owned(),
        storage_class: settings.storage_class.clone(),
        create_time: Some(time(bucket.created)),
        update_time: Some(time(bucket.updated)),
        labels: settings.labels.clone(),
        versioning: settings.keeps_versions.then_some(Switch { enabled: true }),
        iam_config: Some(iam_config),
        etag: etag(bucket.created.as_microsecond(), bucket.metageneration),
        ..message::Bucket::default()
    }
}

/// What a client sent of a bucket, as the JSON API names it. What is empty is left out.
pub(super) fn bucket_json(bucket: &message::Bucket) -> Map<String, Value> {
    let mut json = Map::new();
    let texts = [("location", &bucket.location), ("storageClass", &bucket.storage_class), ("rpo", &bucket.rpo)];
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        json.insert(name.to_owned(), Value::from(text.as_str()));
    }
    let is_on = |switch: &Option<Switch>| switch.as_ref().is_some_and(|switch| switch.enabled);
    let deleted_are_kept = bucket.soft_delete_policy.as_ref().and_then(|policy| policy.retention_duration.as_ref());
    let asked = [
        ("acl", !bucket.acl.is_empty()),
        ("defaultObjectAcl", !bucket.default_object_acl.is_empty()),
        ("lifecycle", bucket.lifecycle.is_some()),
        ("cors", !bucket.cors.is_empty()),
        ("website", bucket.website.is_some()),
        ("logging", bucket.logging.is_some()),
        ("encryption", bucket.encryption.is_some()),
        ("billing", is_on(&bucket.billing)),
        ("retentionPolicy", bucket.retention_policy.is_some()),
        ("customPlacementConfig", bucket.custom_placement_config.is_some()),
        ("autoclass", is_on(&bucket.autoclass)),
        ("hierarchicalNamespace", is_on(&bucket.hierarchical_namespace)),
        ("objectRetention", is_on(&bucket.object_retention)),
        ("ipFilter", bucket.ip_filter.is_some()),
        ("defaultEventBasedHold", bucket.default_event_based_hold),
        ("softDeletePolicy", deleted_are_kept.is_some_and(|duration| duration.seconds != 0)),
    ];
    for (name, _) in asked.iter().filter(|(_, is_asked)| *is_asked) {
        json.insert((*name).to_owned(), json!([true]));
    }
    if !bucket.labels.is_empty() {
        json.insert("labels".to_owned(), json!(bucket.labels));
    }
    if let Some(versioning) = &bucket.versioning {
        json.insert("versioning".to_owned(), json!({"enabled": versioning.enabled}));
    }
    json
}

pub(super) fn object(object: &store::Object, bucket: &str) -> message::Object {
    let attributes = &object.attributes;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    message::Object {
        name: object.name.clone(),
        bucket: format!("{BUCKET_PREFIX}{bucket}"),
        generation: object.generation,
        metageneration: object.metageneration,
        storage_class: object.storage_class.clone(),
        size: i64::try_from(object.size).unwrap_or(i64::MAX),
        content_encoding: text(&attributes.content_encoding),
        content_disposition: text(&attributes.content_disposition),
        cache_control: text(&attributes.cache_control),
        content_language: text(&attributes.content_language),
        delete_time: object.deleted.map(time),
        content_type: text(&attributes.content_type),
        create_time: Some(time(object.created)),
        component_count: object.component_count.unwrap_or_default(),
        checksums: Some(sums(object)),
        update_time: Some(time(object.updated)),
        update_storage_class_time: Some(time(object.storage_class_updated)),
        temporary_hold: attributes.temporary_hold,
        metadata: attributes.metadata.clone(),
        event_based_hold: attributes.event_based_hold.then_some(true),
        custom_time: attributes.custom_time.map(time),
        etag: etag(object.generation, object.metageneration),
        finalize_time: Some(time(object.created)),
        ..message::Object::default()
    }
}

pub(super) fn sums(object: &store::Object) -> message::ObjectChecksums {
    let md5_hash = object.md5.map(|md5| Bytes::copy_from_slice(&md5)).unwrap_or_default();
    message::ObjectChecksums { crc32c: Some(object.crc32c), md5_hash }
}

pub(super) fn checksums(sums: Option<&message::ObjectChecksums>) -> Result<Checksums, ApiError> {
    let Some(sums) = sums else { return Ok(Checksums::default()) };
    let md5 = Some(&sums.md5_hash).filter(|md5| !md5.is_empty());
    let md5 = md5.map(|md5| <[u8; 16]>::try_from(md5.as_ref())).transpose();
    let refused =
        |_| ApiError::invalid(format!("Invalid value for field 'md5_hash': {}", BASE64.encode(&sums.md5_hash)));
    Ok(Checksums { crc32c: sums.crc32c, md5: md5.map_err(refused)? })
}

/// A property of an object, by its name in the message: the JSON API's name and value, `null` where it is empty.
fn property(object: &message::Object, name: &str) -> Option<(&'static str, Value)> {
    let text = |text: &String| if text.is_empty() { Value::Null } else { Value::from(text.as_str()) };
    let is_there = |is_there: bool| if is_there { json!([true]) } else { Value::Null };
    Some(match name {
        "content_type" => ("contentType", text(&object.content_type)),
        "content_encoding" => ("contentEncoding", text(&object.content_encoding)),
        "content_disposition" => ("contentDisposition", text(&object.content_disposition)),
        "content_language" => ("contentLanguage", text(&object.content_language)),
        "cache_control" => ("cacheControl", text(&object.cache_control)),
        "storage_class" => ("storageClass", text(&object.storage_class)),
        "kms_key" => ("kmsKeyName", text(&object.kms_key)),
        "temporary_hold" => ("temporaryHold", Value::Bool(object.temporary_hold)),
        "event_based_hold" => ("eventBasedHold", Value::Bool(object.event_based_hold.unwrap_or(false))),
        "custom_time" => ("customTime", object.custom_time.as_ref().map_or(Value::Null, time_json)),
        "metadata" => ("metadata", json!(object.metadata)),
        "acl" => ("acl", is_there(!object.acl.is_empty())),
        "retention" => ("retention", is_there(object.retention.is_some())),
        "contexts" => ("contexts", is_there(object.contexts.is_some())),
        _ => return None,
    })
}

const PROPERTIES: [&str; 14] = [
    "content_type",
    "content_encoding",
    "content_disposition",
    "content_language",
    "cache_control",
    "storage_class",
    "kms_key",
    "temporary_hold",
    "event_based_hold",
    "custom_time",
    "metadata",
    "acl",
    "retention",
    "contexts",
];

fn time_json(time: &message::Timestamp) -> Value {
    let at = Timestamp::new(time.seconds, time.nanos);
    at.map_or_else(|_| Value::from(time.seconds), |at| Value::from(at.to_string()))
}

/// What a client sent of a new object, as the JSON API names it. What is empty is left out.
pub(super) fn object_json(object: &message::Object) -> Map<String, Value> {
    let properties = PROPERTIES.iter().filter_map(|name| property(object, name));
    let is_set = |value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::Object(map) => !map.is_empty(),
        _ => true,
    };
    properties.filter(|(_, value)| is_set(value)).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What an update changes, as patches in order.
pub(super) fn object_patches(object: &message::Object, mask: &[String]) -> Result<Vec<Map<String, Value>>, ApiError> {
    let all = mask.iter().any(|path| path == "*");
    let mut paths: Vec<&str> = if all {
        PROPERTIES.iter().copied().filter(|name| *name != "storage_class").collect()
    } else {
        mask.iter().map(String::as_str).collect()
    };
    // Named again, a property is the same.
    let mut seen = HashSet::new();
    paths.retain(|path| seen.insert(*path));
    let mut patches = Vec::new();
    for path in paths {
        if let Some(key) = path.strip_prefix("metadata.") {
            patches.push(one("metadata", json!({key: object.metadata.get(key)})));
            continue;
        }
        let refused =
            || ApiError::invalid(format!("Invalid update mask: {}", path.chars().take(100).collect::<String>()));
        let (name, value) = property(object, path).ok_or_else(refused)?;
        if name == "metadata" {
            patches.push(one(name, Value::Null));
        }
        patches.push(one(name, value));
    }
    Ok(patches)
}

fn one(name: &str, value: Value) -> Map<String, Value> {
    Map::from_iter([(name.to_owned(), value)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_says_which_properties_change() {
        let object = message::Object {
            content_type: "text/csv".into(),
            metadata: [("a".to_owned(), "1".to_owned())].into(),
            ..message::Object::default()
        };
        let mask = ["content_type", "cache_control", "metadata.a", "metadata.b", "metadata"].map(str::to_owned);
        let expected = json!([
            {"contentType": "text/csv"}, {"cacheControl": null}, {"metadata": {"a": "1"}}, {"metadata": {"b": null}},
            {"metadata": null}, {"metadata": {"a": "1"}},
        ]);
        assert_eq!(json!(object_patches(&object, &mask).unwrap()), expected);
        assert!(object_patches(&object, &["generation".to_owned()]).is_err());
        assert_eq!(json!(object_json(&object)), json!({"contentType": "text/csv", "metadata": {"a": "1"}}));
    }
}
