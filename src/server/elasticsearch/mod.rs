//! The embedded search node: the part of Elasticsearch's REST API that pipelines and dashboards use, on tantivy.

pub(crate) mod codec;
pub(crate) mod error;
pub(crate) mod http;
pub(crate) mod mapping;
pub(crate) mod search;
pub(crate) mod storage;
