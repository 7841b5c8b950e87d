//! What clients send of buckets and objects: JSON read into what is kept, and refused by name where this server does not
//! do what it asks for.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::super::error::ApiError;
use super::super::store::{Attributes, BucketSettings, Checksums};

/// Bytes of an object's own metadata, names and values together.
const METADATA_BYTES_MAX: usize = 8 * 1024;
/// Bytes of any other attribute.
const TEXT_BYTES_MAX: usize = 1024;
const LABELS_MAX: usize = 64;
const STORAGE_CLASSES: [&str; 7] =
    ["STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE", "MULTI_REGIONAL", "REGIONAL", "DURABLE_REDUCED_AVAILABILITY"];

/// Object properties that ask for what is not done here.
const UNSUPPORTED_OF_OBJECT: [(&str, &str); 5] = [
    ("kmsKeyName", "Encryption with Cloud KMS keys"),
    ("customerEncryption", "Encryption with customer-supplied keys"),
    ("retention", "Object retention"),
    ("contexts", "Object contexts"),
    ("owner", "Object owners"),
];

/// The same of buckets.
const UNSUPPORTED_OF_BUCKET: [(&str, &str); 15] = [
    ("lifecycle", "Lifecycle management"),
    ("cors", "CORS configuration"),
    ("website", "Website configuration"),
    ("logging", "Usage logs"),
    ("retentionPolicy", "Retention policies"),
    ("encryption", "Encryption with Cloud KMS keys"),
    ("billing", "Requester pays"),
    ("autoclass", "Autoclass"),
    ("hierarchicalNamespace", "Hierarchical namespace"),
    ("objectRetention", "Object retention"),
    ("customPlacementConfig", "Custom placement"),
    ("ipFilter", "IP filters"),
    ("defaultEventBasedHold", "Default event-based holds"),
    ("rpo", "Turbo replication"),
    ("softDeletePolicy", "Soft delete"),
];

/// Attributes of a new object.
pub(crate) fn object_attributes(json: &Map<String, Value>) -> Result<Attributes, ApiError> {
    let mut attributes = Attributes::default();
    patch(&mut attributes, json)?;
    if let Some(class) = json.get("storageClass") {
        attributes.storage_class = Some(storage_class(class)?);
    }
    Ok(attributes)
}

/// `storageClass`, if it is there.
pub(crate) fn storage_class_of(json: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    json.get("storageClass").filter(|class| !class.is_null()).map(storage_class).transpose()
}

/// `crc32c` and `md5Hash` of a new object.
pub(super) fn checksums(json: &Map<String, Value>) -> Result<Checksums, ApiError> {
    let text = |name: &str| json.get(name).and_then(Value::as_str);
    Ok(Checksums { crc32c: text("crc32c").map(crc32c_of).transpose()?, md5: text("md5Hash").map(md5_of).transpose()? })
}

/// `crc32c=..,md5=..` of the header `x-goog-hash`, which may come several times.
pub(super) fn header_checksums<'h>(values: impl Iterator<Item = &'h str>) -> Result<Checksums, ApiError> {
    let mut sums = Checksums::default();
    for entry in values.flat_map(|value| value.split(',')) {
        match entry.trim().split_once('=') {
            Some(("crc32c", sum)) => sums.crc32c = Some(crc32c_of(sum)?),
            Some(("md5", sum)) => sums.md5 = Some(md5_of(sum)?),
            _ => {}
        }
    }
    Ok(sums)
}

fn crc32c_of(sum: &str) -> Result<u32, ApiError> {
    let bytes = BASE64.decode(sum).ok().and_then(|bytes| <[u8; 4]>::try_from(bytes).ok());
    bytes.map(u32::from_be_bytes).ok_or_else(|| bad_value("crc32c", sum))
}

pub(super) fn md5_of(sum: &str) -> Result<[u8; 16], ApiError> {
    let bytes = BASE64.decode(sum).ok().and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
    bytes.ok_or_else(|| bad_value("md5Hash", sum))
}

/// Whether a copy gets attributes of its own.
pub(super) fn has_attributes(json: &Map<String, Value>) -> bool {
    let names = [
        "contentType",
        "contentEncoding",
        "contentDisposition",
        "contentLanguage",
        "cacheControl",
        "customTime",
        "metadata",
        "temporaryHold",
        "eventBasedHold",
    ];
    names.iter().any(|name| json.get(*name).is_some_and(|value| !value.is_null()))
}

/// Sets what is named, and takes away what is `null`. What only the service writes is passed over, as Google does.
pub(crate) fn patch(attributes: &mut Attributes, json: &Map<String, Value>) -> Result<(), ApiError> {
    refuse(json, &UNSUPPORTED_OF_OBJECT)?;
    refuse_acl(json, "acl", "an object")?;
    for (name, value) in json {
        match name.as_str() {
            "contentType" => attributes.content_type = text(name, value)?,
            "contentEncoding" => attributes.content_encoding = text(name, value)?,
            "contentDisposition" => attributes.content_disposition = text(name, value)?,
            "contentLanguage" => attributes.content_language = text(name, value)?,
            "cacheControl" => attributes.cache_control = text(name, value)?,
            "temporaryHold" => attributes.temporary_hold = flag(name, value)?,
            "eventBasedHold" => attributes.event_based_hold = flag(name, value)?,
            "customTime" => attributes.custom_time = time(name, value)?,
            "metadata" => patch_map(&mut attributes.metadata, name, value)?,
            _ => {}
        }
    }
    let bytes: usize = attributes.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > METADATA_BYTES_MAX {
        return Err(ApiError::invalid(format!("Object metadata is {bytes} bytes, more than {METADATA_BYTES_MAX}.")));
    }
    Ok(())
}

/// Name and settings of a new bucket, and its location, upper case.
pub(crate) fn new_bucket(json: &Map<String, Value>) -> Result<(String, String, BucketSettings), ApiError> {
    let name = json.get("name").and_then(Value::as_str).ok_or_else(|| ApiError::required("name"))?;
    let location = match json.get("location") {
        None | Some(Value::Null) => "US".to_owned(),
        Some(value) => text("location", value)?.unwrap_or_else(|| "US".to_owned()).to_ascii_uppercase(),
    };
    if location.is_empty() || !location.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(ApiError::invalid(format!("The specified location constraint is not valid: '{location}'.")));
    }
    let mut settings = BucketSettings { storage_class: "STANDARD".to_owned(), ..BucketSettings::default() };
    bucket_patch(&mut settings, json)?;
    Ok((name.to_owned(), location, settings))
}

/// Sets what is named, and takes away what is `null`.
pub(crate) fn bucket_patch(settings: &mut BucketSettings, json: &Map<String, Value>) -> Result<(), ApiError> {
    refuse(json, &UNSUPPORTED_OF_BUCKET)?;
    refuse_acl(json, "acl", "a bucket")?;
    refuse_acl(json, "defaultObjectAcl", "a bucket")?;
    for (name, value) in json {
        match name.as_str() {
            "storageClass" if !value.is_null() => settings.storage_class = storage_class(value)?,
            "labels" => patch_map(&mut settings.labels, name, value)?,
            "versioning" => settings.keeps_versions = is_on(value),
            _ => {}
        }
    }
    if settings.labels.len() > LABELS_MAX {
        return Err(ApiError::invalid(format!("A bucket has at most {LABELS_MAX} labels.")));
    }
    Ok(())
}

/// What asks for nothing, or for what is anyway so, is let pass.
fn refuse(json: &Map<String, Value>, unsupported: &[(&str, &'static str)]) -> Result<(), ApiError> {
    let asks = |name: &str, value: &Value| match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !(text.is_empty() || name == "rpo" && text == "DEFAULT"),
        Value::Array(items) => !items.is_empty(),
        Value::Object(map) if name == "softDeletePolicy" => {
            let seconds = map.get("retentionDurationSeconds");
            seconds.is_some_and(|seconds| !matches!(seconds.as_str(), Some("0")) && seconds.as_i64() != Some(0))
        }
        Value::Object(map) if name == "owner" => map.is_empty(),
        Value::Object(map) => map.values().any(|value| match value {
            Value::Null | Value::Bool(false) => false,
            Value::Array(items) => !items.is_empty(),
            _ => true,
        }),
        _ => true,
    };
    let found = unsupported.iter().find(|(name, _)| json.get(*name).is_some_and(|value| asks(name, value)));
    found.map_or(Ok(()), |(name, what)| Err(ApiError::not_implemented(what).at("property", name)))
}

/// As a bucket with uniform access refuses it.
fn refuse_acl(json: &Map<String, Value>, name: &str, of: &str) -> Result<(), ApiError> {
    if json.get(name).and_then(Value::as_array).is_none_or(Vec::is_empty) {
        return Ok(());
    }
    Err(acl_refused(of))
}

/// The error for access control lists, `of` an object or a bucket.
pub(super) fn acl_refused(of: &str) -> ApiError {
    let what =
        if of == "an object" { "insert legacy ACL for an object" } else { "use ACL API to update bucket policy" };
    let link = "https://cloud.google.com/storage/docs/uniform-bucket-level-access";
    ApiError::invalid(format!("Cannot {what} when uniform bucket-level access is enabled. Read more at {link}"))
}

fn is_on(value: &Value) -> bool {
    value.get("enabled").and_then(Value::as_bool).unwrap_or(false)
}

fn text(name: &str, value: &Value) -> Result<Option<String>, ApiError> {
    match value {
        Value::Null => Ok(None),
        // A control character could not be sent as the header that it becomes.
        Value::String(text) if text.len() <= TEXT_BYTES_MAX && !text.contains(|c: char| c.is_control()) => {
            Ok(Some(text.clone()).filter(|text| !text.is_empty()))
        }
        other => Err(bad_value(name, &other.to_string())),
    }
}

fn flag(name: &str, value: &Value) -> Result<bool, ApiError> {
    match value {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        other => Err(bad_value(name, &other.to_string())),
    }
}

fn time(name: &str, value: &Value) -> Result<Option<Timestamp>, ApiError> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => text.parse().map(Some).map_err(|_| bad_value(name, text)),
        other => Err(bad_value(name, &other.to_string())),
    }
}

fn storage_class(value: &Value) -> Result<String, ApiError> {
    let class = value.as_str().map(str::to_ascii_uppercase);
    class
        .filter(|class| STORAGE_CLASSES.contains(&class.as_str()))
        .ok_or_else(|| bad_value("storageClass", &value.to_string()))
}

type TextMap = std::collections::BTreeMap<String, String>;

fn patch_map(map: &mut TextMap, name: &str, value: &Value) -> Result<(), ApiError> {
    match value {
        Value::Null => map.clear(),
        Value::Object(entries) => {
            for (key, value) in entries {
                match value {
                    Value::Null => {
                        map.remove(key);
                    }
                    Value::String(text) => {
                        map.insert(key.clone(), text.clone());
                    }
                    other => return Err(bad_value(&format!("{name}.{key}"), &other.to_string())),
                }
            }
        }
        other => return Err(bad_value(name, &other.to_string())),
    }
    Ok(())
}

fn bad_value(name: &str, value: &str) -> ApiError {
    let shown: String = value.chars().take(100).collect();
    ApiError::invalid(format!("Invalid value for field '{name}': {shown}"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_patch_sets_what_it_names_and_null_takes_away() {
        let mut attributes = object_attributes(&map(json!({
            "contentType": "text/csv", "cacheControl": "no-store", "metadata": {"a": "1", "b": "2"}, "size": "7",
        })))
        .unwrap();
        patch(&mut attributes, &map(json!({"cacheControl": null, "metadata": {"a": null, "c": "3"}}))).unwrap();
        let expected = Attributes {
            content_type: Some("text/csv".into()),
            metadata: [("b", "2"), ("c", "3")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            ..Attributes::default()
        };
        assert_eq!(attributes, expected);
        patch(&mut attributes, &map(json!({"metadata": null}))).unwrap();
        assert!(attributes.metadata.is_empty());
    }

    #[test]
    fn what_is_not_done_is_refused_by_name() {
        let of_bucket = [
            (json!({"lifecycle": {"rule": [{"action": {"type": "Delete"}}]}}), "Lifecycle management"),
            (json!({"retentionPolicy": {"retentionPeriod": "7"}}), "Retention policies"),
            (json!({"billing": {"requesterPays": true}}), "Requester pays"),
            (json!({"acl": [{"entity": "allUsers"}]}), "uniform bucket-level access"),
            (json!({"storageClass": "FAST"}), "storageClass"),
            (json!({"labels": {"a": 1}}), "labels.a"),
        ];
        for (json, expected) in of_bucket {
            let error = bucket_patch(&mut BucketSettings::default(), &map(json.clone())).unwrap_err();
            assert!(error.message.contains(expected), "{json}: {error}");
        }
        let nothing = json!({"lifecycle": {"rule": null}, "billing": {"requesterPays": false}, "cors": [], "rpo": "DEFAULT",
            "softDeletePolicy": {"retentionDurationSeconds": 0}, "iamConfiguration": {"x": 1}, "defaultEventBasedHold": false});
        bucket_patch(&mut BucketSettings::default(), &map(nothing)).unwrap();
        for json in [json!({"kmsKeyName": "k"}), json!({"contentType": 1}), json!({"contentType": "a\r\nb: c"})] {
            assert!(object_attributes(&map(json.clone())).is_err(), "{json}");
        }
        let large = json!({"metadata": {"a": "x".repeat(9000)}});
        assert!(object_attributes(&map(large)).is_err());
    }
}
