//! The bytes of objects.

use bytes::Bytes;
use prost::Message;

use super::common::CommonObjectRequestParams;
use super::object::{Object, ObjectChecksums};

/// `ReadObject`.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReadObjectRequest {
    #[prost(string, tag = "1")]
    pub(crate) bucket: String,
    #[prost(string, tag = "2")]
    pub(crate) object: String,
    #[prost(int64, tag = "3")]
    pub(crate) generation: i64,
    #[prost(int64, tag = "4")]
    pub(crate) read_offset: i64,
    #[prost(int64, tag = "5")]
    pub(crate) read_limit: i64,
    #[prost(int64, optional, tag = "6")]
    pub(crate) if_generation_match: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub(crate) if_generation_not_match: Option<i64>,
    #[prost(int64, optional, tag = "8")]
    pub(crate) if_metageneration_match: Option<i64>,
    #[prost(int64, optional, tag = "9")]
    pub(crate) if_metageneration_not_match: Option<i64>,
    #[prost(message, optional, tag = "10")]
    pub(crate) common_object_request_params: Option<CommonObjectRequestParams>,
}

/// One of its answers.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReadObjectResponse {
    #[prost(message, optional, tag = "1")]
    pub(crate) checksummed_data: Option<ChecksummedData>,
    #[prost(message, optional, tag = "2")]
    pub(crate) object_checksums: Option<ObjectChecksums>,
    #[prost(message, optional, tag = "3")]
    pub(crate) content_range: Option<ContentRange>,
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<Object>,
}

/// Which bytes come.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ContentRange {
    #[prost(int64, tag = "1")]
    pub(crate) start: i64,
    #[prost(int64, tag = "2")]
    pub(crate) end: i64,
    #[prost(int64, tag = "3")]
    pub(crate) complete_length: i64,
}

/// Some bytes, and their sum.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ChecksummedData {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) content: Bytes,
    #[prost(fixed32, optional, tag = "2")]
    pub(crate) crc32c: Option<u32>,
}

/// What `BidiReadObject` reads.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BidiReadObjectSpec {
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
}

/// `BidiReadObject`: the first message has the object, each any number of ranges.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BidiReadObjectRequest {
    #[prost(message, optional, tag = "1")]
    pub(crate) read_object_spec: Option<BidiReadObjectSpec>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) read_ranges: Vec<ReadRange>,
}

/// One of its answers.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct BidiReadObjectResponse {
    #[prost(message, optional, tag = "4")]
    pub(crate) metadata: Option<Object>,
    #[prost(message, repeated, tag = "6")]
    pub(crate) object_data_ranges: Vec<ObjectRangeData>,
}

/// A range; a negative offset counts from the end, a length of 0 goes to it.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ReadRange {
    #[prost(int64, tag = "1")]
    pub(crate) read_offset: i64,
    #[prost(int64, tag = "2")]
    pub(crate) read_length: i64,
    #[prost(int64, tag = "3")]
    pub(crate) read_id: i64,
}

/// Bytes of a range.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct ObjectRangeData {
    #[prost(message, optional, tag = "1")]
    pub(crate) checksummed_data: Option<ChecksummedData>,
    #[prost(message, optional, tag = "2")]
    pub(crate) read_range: Option<ReadRange>,
    #[prost(bool, tag = "3")]
    pub(crate) range_end: bool,
}
