//! Buckets and objects as the JSON API shows them.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use serde_json::{Map, Value, json};

use super::super::store::{Bucket, Object};
use crate::server::http::uri::encode;

const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// With milliseconds, as Google writes times.
pub(super) fn time(at: Timestamp) -> String {
    PRINTER.timestamp_to_string(&at)
}

/// Changes with every generation and metageneration: what Google encodes, a message of the two numbers.
pub(crate) fn etag(generation: i64, metageneration: i64) -> String {
    let mut message = vec![0x08];
    push_varint(&mut message, generation);
    message.push(0x10);
    push_varint(&mut message, metageneration);
    BASE64.encode(message)
}

fn push_varint(to: &mut Vec<u8>, number: i64) {
    let mut rest = number.cast_unsigned();
    loop {
        let low = u8::try_from(rest & 0x7f).unwrap_or_default();
        rest >>= 7;
        if rest == 0 {
            to.push(low);
            return;
        }
        to.push(low | 0x80);
    }
}

pub(super) fn crc32c(sum: u32) -> String {
    BASE64.encode(sum.to_be_bytes())
}

pub(super) fn md5(sum: &[u8; 16]) -> String {
    BASE64.encode(sum)
}

/// The sums of an object as the header `x-goog-hash` has them.
pub(crate) fn hashes(object: &Object) -> String {
    let md5 = object.md5.iter().map(|sum| format!(",md5={}", md5(sum)));
    std::iter::once(format!("crc32c={}", crc32c(object.crc32c))).chain(md5).collect()
}

/// A bucket; there is one access control for all: anyone.
pub(super) fn bucket(bucket: &Bucket, base: &str) -> Value {
    let settings = &bucket.settings;
    let etag = etag_of_bucket(bucket);
    let is_region = bucket.location.contains('-');
    let mut value = json!({
        "kind": "storage#bucket",
        "id": bucket.name,
        "selfLink": format!("{base}/storage/v1/b/{}", encode(&bucket.name)),
        "projectNumber": "0",
        "name": bucket.name,
        "generation": bucket.created.as_microsecond().to_string(),
        "metageneration": bucket.metageneration.to_string(),
        "location": bucket.location,
        "locationType": if is_region { "region" } else { "multi-region" },
        "storageClass": settings.storage_class,
        "etag": etag,
        "timeCreated": time(bucket.created),
        "updated": time(bucket.updated),
        "iamConfiguration": {
            "bucketPolicyOnly": {"enabled": true},
            "uniformBucketLevelAccess": {"enabled": true},
            "publicAccessPrevention": "inherited",
        },
        "softDeletePolicy": {"retentionDurationSeconds": "0"},
    });
    if let Some(map) = value.as_object_mut() {
        if settings.keeps_versions {
            map.insert("versioning".to_owned(), json!({"enabled": true}));
        }
        if !settings.labels.is_empty() {
            map.insert("labels".to_owned(), json!(settings.labels));
        }
    }
    value
}

pub(super) fn etag_of_bucket(bucket: &Bucket) -> String {
    etag(bucket.created.as_microsecond(), bucket.metageneration)
}

/// An object.
pub(super) fn object(object: &Object, bucket: &str, base: &str) -> Value {
    let attributes = &object.attributes;
    let (encoded_bucket, encoded_name) = (encode(bucket), encode(&object.name));
    let path = format!("storage/v1/b/{encoded_bucket}/o/{encoded_name}");
    let generation = object.generation;
    let mut map = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), value);
        }
    };
    let text = |value: &Option<String>| value.as_deref().map(Value::from);
    put("kind", Some("storage#object".into()));
    put("id", Some(format!("{bucket}/{}/{generation}", object.name).into()));
    put("selfLink", Some(format!("{base}/{path}").into()));
    put("mediaLink", Some(format!("{base}/download/{path}?generation={generation}&alt=media").into()));
    put("name", Some(object.name.as_str().into()));
    put("bucket", Some(bucket.into()));
    put("generation", Some(generation.to_string().into()));
    put("metageneration", Some(object.metageneration.to_string().into()));
    put("contentType", text(&attributes.content_type));
    put("storageClass", Some(object.storage_class.as_str().into()));
    put("size", Some(object.size.to_string().into()));
    put("md5Hash", object.md5.as_ref().map(|sum| md5(sum).into()));
    put("crc32c", Some(crc32c(object.crc32c).into()));
    put("componentCount", object.component_count.map(Value::from));
    put("etag", Some(etag(generation, object.metageneration).into()));
    put("contentEncoding", text(&attributes.content_encoding));
    put("contentDisposition", text(&attributes.content_disposition));
    put("contentLanguage", text(&attributes.content_language));
    put("cacheControl", text(&attributes.cache_control));
    put("temporaryHold", attributes.temporary_hold.then_some(Value::Bool(true)));
    put("eventBasedHold", attributes.event_based_hold.then_some(Value::Bool(true)));
    put("timeCreated", Some(time(object.created).into()));
    put("updated", Some(time(object.updated).into()));
    put("timeStorageClassUpdated", Some(time(object.storage_class_updated).into()));
    put("timeFinalized", Some(time(object.created).into()));
    put("timeDeleted", object.deleted.map(|at| time(at).into()));
    put("customTime", attributes.custom_time.map(|at| time(at).into()));
    put("metadata", (!attributes.metadata.is_empty()).then(|| json!(attributes.metadata)));
    Value::Object(map)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_tags_are_written_as_google_writes_them() {
        assert_eq!(crc32c(crc32c::crc32c(b"{\"a\":1}\n")), "M3Q35g==");
        // The documentation's sample: generation 1360887697105000, metageneration 1.
        assert_eq!(etag(1_360_887_697_105_000, 1), "COjAj96Ft7UCEAE=");
        assert_eq!(time(Timestamp::UNIX_EPOCH), "1970-01-01T00:00:00.000Z");
    }
}
