//! Buckets.

use std::collections::BTreeMap;

use prost::Message;

use super::common::{Empty, FieldMask, Switch, Timestamp};

/// How long deleted objects are kept.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct SoftDeletePolicy {
    #[prost(message, optional, tag = "1")]
    pub(crate) retention_duration: Option<Timestamp>,
}

/// Who may access; always by one rule for the whole bucket.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct IamConfig {
    #[prost(message, optional, tag = "1")]
    pub(crate) uniform_bucket_level_access: Option<Switch>,
    #[prost(string, tag = "3")]
    pub(crate) public_access_prevention: String,
}

/// A bucket. Of what is not supported only that it is there is read.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Bucket {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(string, tag = "2")]
    pub(crate) bucket_id: String,
    #[prost(string, tag = "3")]
    pub(crate) project: String,
    #[prost(int64, tag = "4")]
    pub(crate) metageneration: i64,
    #[prost(string, tag = "5")]
    pub(crate) location: String,
    #[prost(string, tag = "6")]
    pub(crate) location_type: String,
    #[prost(string, tag = "7")]
    pub(crate) storage_class: String,
    #[prost(message, repeated, tag = "8")]
    pub(crate) acl: Vec<Empty>,
    #[prost(message, repeated, tag = "9")]
    pub(crate) default_object_acl: Vec<Empty>,
    #[prost(message, optional, tag = "10")]
    pub(crate) lifecycle: Option<Empty>,
    #[prost(message, optional, tag = "11")]
    pub(crate) create_time: Option<Timestamp>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) cors: Vec<Empty>,
    #[prost(message, optional, tag = "13")]
    pub(crate) update_time: Option<Timestamp>,
    #[prost(bool, tag = "14")]
    pub(crate) default_event_based_hold: bool,
    #[prost(btree_map = "string, string", tag = "15")]
    pub(crate) labels: BTreeMap<String, String>,
    #[prost(message, optional, tag = "16")]
    pub(crate) website: Option<Empty>,
    #[prost(message, optional, tag = "17")]
    pub(crate) versioning: Option<Switch>,
    #[prost(message, optional, tag = "18")]
    pub(crate) logging: Option<Empty>,
    #[prost(message, optional, tag = "20")]
    pub(crate) encryption: Option<Empty>,
    #[prost(message, optional, tag = "21")]
    pub(crate) billing: Option<Switch>,
    #[prost(message, optional, tag = "22")]
    pub(crate) retention_policy: Option<Empty>,
    #[prost(message, optional, tag = "23")]
    pub(crate) iam_config: Option<IamConfig>,
    #[prost(message, optional, tag = "26")]
    pub(crate) custom_placement_config: Option<Empty>,
    #[prost(string, tag = "27")]
    pub(crate) rpo: String,
    #[prost(message, optional, tag = "28")]
    pub(crate) autoclass: Option<Switch>,
    #[prost(string, tag = "29")]
    pub(crate) etag: String,
    #[prost(message, optional, tag = "31")]
    pub(crate) soft_delete_policy: Option<SoftDeletePolicy>,
    #[prost(message, optional, tag = "32")]
    pub(crate) hierarchical_namespace: Option<Switch>,
    #[prost(message, optional, tag = "33")]
    pub(crate) object_retention: Option<Switch>,
    #[prost(message, optional, tag = "38")]
    pub(crate) ip_filter: Option<Empty>,
}

/// `CreateBucket`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CreateBucketRequest {
    #[prost(string, tag = "1")]
    pub(crate) parent: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) bucket: Option<Bucket>,
    #[prost(string, tag = "3")]
    pub(crate) bucket_id: String,
    #[prost(string, tag = "6")]
    pub(crate) predefined_acl: String,
    #[prost(string, tag = "7")]
    pub(crate) predefined_default_object_acl: String,
}

/// `GetBucket`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct GetBucketRequest {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int64, optional, tag = "2")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) if_metageneration_not_match: Option<i64>,
}

/// `DeleteBucket`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct DeleteBucketRequest {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(int64, optional, tag = "2")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) if_metageneration_not_match: Option<i64>,
}

/// `ListBuckets`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListBucketsRequest {
    #[prost(string, tag = "1")]
    pub(crate) parent: String,
    #[prost(int32, tag = "2")]
    pub(crate) page_size: i32,
    #[prost(string, tag = "3")]
    pub(crate) page_token: String,
    #[prost(string, tag = "4")]
    pub(crate) prefix: String,
}

/// Its answer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ListBucketsResponse {
    #[prost(message, repeated, tag = "1")]
    pub(crate) buckets: Vec<Bucket>,
    #[prost(string, tag = "2")]
    pub(crate) next_page_token: String,
}

/// `UpdateBucket`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct UpdateBucketRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) bucket: Option<Bucket>,
    #[prost(int64, optional, tag = "2")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) if_metageneration_not_match: Option<i64>,
    #[prost(message, optional, tag = "6")]
    pub(crate) update_mask: Option<FieldMask>,
    #[prost(string, tag = "8")]
    pub(crate) predefined_acl: String,
    #[prost(string, tag = "9")]
    pub(crate) predefined_default_object_acl: String,
}
