//! Bytes in, values out: no socket, no clock, no runtime, so that every part can be fuzzed and measured by itself.
//!
//! A request goes `frame` -> `precheck` along `schema` -> the codec crate's decoder. Record batches never go through that
//! decoder: `batch` reads their fixed header and `records` walks what is inside, with a cap on what it unpacks.

pub(crate) mod apis;
pub(crate) mod batch;
pub(crate) mod fetch_response;
pub(crate) mod frame;
pub(crate) mod precheck;
pub(crate) mod records;
pub(crate) mod schema;
