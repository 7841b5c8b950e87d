//! Objects, but for their bytes.

use std::collections::BTreeMap;

use bytes::Bytes;
use prost::Message;

use super::common::{CommonObjectRequestParams, Empty, FieldMask, Timestamp};

/// Sums of an object's content.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ObjectChecksums {
    #[prost(fixed32, optional, tag = "1")]
    pub(crate) crc32c: Option<u32>,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) md5_hash: Bytes,
}

/// An object. Of what is not supported only that it is there is read.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Object {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) bucket: String,
    #[prost(int64, tag = "3")]
    pub(crate) generation: i64,
    #[prost(int64, tag = "4")]
    pub(crate) metageneration: i64,
    #[prost(string, tag = "5")]
    pub(crate) storage_class: String,
    #[prost(int64, tag = "6")]
    pub(crate) size: i64,
    #[prost(string, tag = "7")]
    pub(crate) content_encoding: String,
    #[prost(string, tag = "8")]
    pub(crate) content_disposition: String,
    #[prost(string, tag = "9")]
    pub(crate) cache_control: String,
    #[prost(message, repeated, tag = "10")]
    pub(crate) acl: Vec<Empty>,
    #[prost(string, tag = "11")]
    pub(crate) content_language: String,
    #[prost(message, optional, tag = "12")]
    pub(crate) delete_time: Option<Timestamp>,
    #[prost(string, tag = "13")]
    pub(crate) content_type: String,
    #[prost(message, optional, tag = "14")]
    pub(crate) create_time: Option<Timestamp>,
    #[prost(int32, tag = "15")]
    pub(crate) component_count: i32,
    #[prost(message, optional, tag = "16")]
    pub(crate) checksums: Option<ObjectChecksums>,
    #[prost(message, optional, tag = "17")]
    pub(crate) update_time: Option<Timestamp>,
    #[prost(string, tag = "18")]
    pub(crate) kms_key: String,
    #[prost(message, optional, tag = "19")]
    pub(crate) update_storage_class_time: Option<Timestamp>,
    #[prost(bool, tag = "20")]
    pub(crate) temporary_hold: bool,
    #[prost(btree_map = "string, string", tag = "22")]
    pub(crate) metadata: BTreeMap<String, String>,
    #[prost(bool, optional, tag = "23")]
    pub(crate) event_based_hold: Option<bool>,
    #[prost(message, optional, tag = "26")]
    pub(crate) custom_time: Option<Timestamp>,
    #[prost(string, tag = "27")]
    pub(crate) etag: String,
    #[prost(message, optional, tag = "30")]
    pub(crate) retention: Option<Empty>,
    #[prost(message, optional, tag = "36")]
    pub(crate) finalize_time: Option<Timestamp>,
    #[prost(message, optional, tag = "38")]
    pub(crate) contexts: Option<Empty>,
}

/// `GetObject`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetObjectRequest {
    #[prost(string, tag = "1")]
    pub(crate) bucket: String,
    #[prost(string, tag = "2")]
    pub(crate) object: String,
    #[prost(int64, tag = "3")]
    pub(crate) generation: i64,
    #[prost(int64, optional, tag = "4")]
    pub(crate) if_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    pub(crate) if_generation_not_match: Option<i64>,
    #[prost(int64, optional, tag = "6")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub(crate) if_metageneration_not_match: Option<i64>,
    #[prost(message, optional, tag = "8")]
    pub(crate) common_object_request_params: Option<CommonObjectRequestParams>,
    #[prost(bool, optional, tag = "11")]
    pub(crate) soft_deleted: Option<bool>,
}

/// `DeleteObject`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DeleteObjectRequest {
    #[prost(string, tag = "1")]
    pub(crate) bucket: String,
    #[prost(string, tag = "2")]
    pub(crate) object: String,
    #[prost(int64, tag = "4")]
    pub(crate) generation: i64,
    #[prost(int64, optional, tag = "5")]
    pub(crate) if_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "6")]
    pub(crate) if_generation_not_match: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "8")]
    pub(crate) if_metageneration_not_match: Option<i64>,
}

/// `ListObjects`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListObjectsRequest {
    #[prost(string, tag = "1")]
    pub(crate) parent: String,
    #[prost(int32, tag = "2")]
    pub(crate) page_size: i32,
    #[prost(string, tag = "3")]
    pub(crate) page_token: String,
    #[prost(string, tag = "4")]
    pub(crate) delimiter: String,
    #[prost(bool, tag = "5")]
    pub(crate) include_trailing_delimiter: bool,
    #[prost(string, tag = "6")]
    pub(crate) prefix: String,
    #[prost(bool, tag = "7")]
    pub(crate) versions: bool,
    #[prost(string, tag = "10")]
    pub(crate) lexicographic_start: String,
    #[prost(string, tag = "11")]
    pub(crate) lexicographic_end: String,
    #[prost(bool, tag = "12")]
    pub(crate) soft_deleted: bool,
    #[prost(string, tag = "14")]
    pub(crate) match_glob: String,
    #[prost(string, tag = "15")]
    pub(crate) filter: String,
}

/// Its answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListObjectsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) objects: Vec<Object>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) prefixes: Vec<String>,
    #[prost(string, tag = "3")]
    pub(crate) next_page_token: String,
}

/// `UpdateObject`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateObjectRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) object: Option<Object>,
    #[prost(int64, optional, tag = "2")]
    pub(crate) if_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) if_generation_not_match: Option<i64>,
    #[prost(int64, optional, tag = "4")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    pub(crate) if_metageneration_not_match: Option<i64>,
    #[prost(message, optional, tag = "7")]
    pub(crate) update_mask: Option<FieldMask>,
    #[prost(message, optional, tag = "8")]
    pub(crate) common_object_request_params: Option<CommonObjectRequestParams>,
    #[prost(string, tag = "10")]
    pub(crate) predefined_acl: String,
}

/// `ComposeObject`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ComposeObjectRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) destination: Option<Object>,
    #[prost(message, repeated, tag = "2")]
    pub(crate) source_objects: Vec<SourceObject>,
    #[prost(int64, optional, tag = "4")]
    pub(crate) if_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(string, tag = "6")]
    pub(crate) kms_key: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) common_object_request_params: Option<CommonObjectRequestParams>,
    #[prost(string, tag = "9")]
    pub(crate) destination_predefined_acl: String,
    #[prost(message, optional, tag = "10")]
    pub(crate) object_checksums: Option<ObjectChecksums>,
    #[prost(bool, optional, tag = "11")]
    pub(crate) delete_source_objects: Option<bool>,
}

/// A part of a composition.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SourceObject {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int64, tag = "2")]
    pub(crate) generation: i64,
    #[prost(message, optional, tag = "3")]
    pub(crate) object_preconditions: Option<ObjectPreconditions>,
}

/// What such a part must be.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ObjectPreconditions {
    #[prost(int64, optional, tag = "1")]
    pub(crate) if_generation_match: Option<i64>,
}

/// `RewriteObject`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RewriteObjectRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) destination: Option<Object>,
    #[prost(string, tag = "2")]
    pub(crate) source_bucket: String,
    #[prost(string, tag = "3")]
    pub(crate) source_object: String,
    #[prost(int64, tag = "4")]
    pub(crate) source_generation: i64,
    #[prost(string, tag = "5")]
    pub(crate) rewrite_token: String,
    #[prost(int64, optional, tag = "7")]
    pub(crate) if_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "8")]
    pub(crate) if_generation_not_match: Option<i64>,
    #[prost(int64, optional, tag = "9")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "10")]
    pub(crate) if_metageneration_not_match: Option<i64>,
    #[prost(int64, optional, tag = "11")]
    pub(crate) if_source_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "12")]
    pub(crate) if_source_generation_not_match: Option<i64>,
    #[prost(int64, optional, tag = "13")]
    pub(crate) if_source_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "14")]
    pub(crate) if_source_metageneration_not_match: Option<i64>,
    #[prost(string, tag = "16")]
    pub(crate) copy_source_encryption_algorithm: String,
    #[prost(message, optional, tag = "19")]
    pub(crate) common_object_request_params: Option<CommonObjectRequestParams>,
    #[prost(string, tag = "24")]
    pub(crate) destination_name: String,
    #[prost(string, tag = "25")]
    pub(crate) destination_bucket: String,
    #[prost(string, tag = "27")]
    pub(crate) destination_kms_key: String,
    #[prost(string, tag = "28")]
    pub(crate) destination_predefined_acl: String,
}

/// Its answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct RewriteResponse {
    #[prost(int64, tag = "1")]
    pub(crate) total_bytes_rewritten: i64,
    #[prost(int64, tag = "2")]
    pub(crate) object_size: i64,
    #[prost(bool, tag = "3")]
    pub(crate) done: bool,
    #[prost(string, tag = "4")]
    pub(crate) rewrite_token: String,
    #[prost(message, optional, tag = "5")]
    pub(crate) resource: Option<Object>,
}

/// `MoveObject`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct MoveObjectRequest {
    #[prost(string, tag = "1")]
    pub(crate) bucket: String,
    #[prost(string, tag = "2")]
    pub(crate) source_object: String,
    #[prost(string, tag = "3")]
    pub(crate) destination_object: String,
    #[prost(int64, optional, tag = "4")]
    pub(crate) if_source_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    pub(crate) if_source_generation_not_match: Option<i64>,
    #[prost(int64, optional, tag = "6")]
    pub(crate) if_source_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub(crate) if_source_metageneration_not_match: Option<i64>,
    #[prost(int64, optional, tag = "8")]
    pub(crate) if_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "9")]
    pub(crate) if_generation_not_match: Option<i64>,
    #[prost(int64, optional, tag = "10")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "11")]
    pub(crate) if_metageneration_not_match: Option<i64>,
}
