//! What is on disk of an index: the write-ahead log, the tantivy index behind it, and the view a search has of both.

mod disk;
mod translog;

pub(crate) mod analyzer;
pub(crate) mod engine;
pub(crate) mod pressure;
pub(crate) mod schema;
pub(crate) mod snapshot;
