//! Searching: the request's typed tree, the plan over one index, sorting, fetching, and the answer.
//!
//! A request is read whole before anything runs ([`query::parse`], [`sort::parse`]); each index plans it against its own
//! mapping; what a shard refuses is a shard failure, what no shard could understand is a 400.

pub(crate) mod date_math;
pub(crate) mod execute;
pub(crate) mod fault;
pub(crate) mod fetch;
pub(crate) mod query;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod sort;
pub(crate) mod values;
pub(crate) mod wildcard;

/// What time it is for one request: every `now` in it is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Clock {
    /// Milliseconds since 1970.
    pub(crate) now_ms: i64,
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
