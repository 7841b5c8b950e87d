//! Aggregations that make numbers, or pick documents, from all that fell into a bucket.

pub(super) mod cardinality;
pub(super) mod percentiles;
pub(super) mod stats;
pub(super) mod top_hits;
pub(super) mod top_metrics;
pub(super) mod weighted_avg;
