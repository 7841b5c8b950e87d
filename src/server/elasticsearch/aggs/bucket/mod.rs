//! Aggregations that put documents into buckets. One file an aggregation (or a family): request, parser, collector, answer.

pub(super) mod composite;
pub(super) mod date_histogram;
pub(super) mod filter;
mod grid;
pub(super) mod histogram;
pub(super) mod include;
pub(super) mod keys;
pub(super) mod multi_terms;
pub(super) mod range;
pub(super) mod terms;
