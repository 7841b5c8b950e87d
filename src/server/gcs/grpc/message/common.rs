//! What several messages have.

use prost::Message;

/// No content, or none that matters.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Empty {}

/// `google.protobuf.Timestamp`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Timestamp {
    #[prost(int64, tag = "1")]
    pub(crate) seconds: i64,
    #[prost(int32, tag = "2")]
    pub(crate) nanos: i32,
}

/// `google.protobuf.FieldMask`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct FieldMask {
    #[prost(string, repeated, tag = "1")]
    pub(crate) paths: Vec<String>,
}

/// Settings that are on or off.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Switch {
    #[prost(bool, tag = "1")]
    pub(crate) enabled: bool,
}

/// Keys of the client's own; refused.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct CommonObjectRequestParams {
    #[prost(string, tag = "1")]
    pub(crate) encryption_algorithm: String,
}
