//! Aggregations that put documents into buckets. One file an aggregation (or a family): request, parser, collector, answer.

pub(super) mod composite;
pub(super) mod date_histogram;
pub(super) mod filter;
mod grid;
pub(super) mod histogram;
pub(super) mod include;
mod keyed;
pub(super) mod keys;
pub(super) mod multi_terms;
pub(super) mod random_sampler;
pub(super) mod range;
pub(super) mod rare_terms;
pub(super) mod significant_terms;
pub(super) mod terms;
