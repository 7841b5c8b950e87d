//! What is on disk of an index: the write-ahead log, the tantivy index behind it, and the view a search has of both.

pub(crate) mod engine;
pub(crate) mod schema;
pub(crate) mod snapshot;
