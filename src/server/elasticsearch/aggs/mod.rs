//! Aggregations: a request becomes our own typed tree, the tree becomes collectors that read tantivy's columns block by block,
//! and what they counted becomes Elasticsearch's answer.
//!
//! A document falls from level to level as (document, bucket ordinal): each collector maps the pairs it is given to its own
//! buckets and hands the new pairs to its children. A bucket exists once, whatever segment or index its documents lie in,
//! so nothing is merged at the end but what order and size ask for.

mod bucket;
mod collector;
mod dates;
mod format;
mod hyperloglog;
mod kept;
mod keywords;
mod metric;
mod options;
mod order;
mod outcome;
mod pipeline;
mod request;
mod rounding;
mod run;
mod sampling;
mod table;
mod tdigest;
#[cfg(test)]
mod tests;
mod values;

pub(crate) use kept::{KeptWork, SegmentState};
pub(crate) use request::{AGGREGATION_NAMES, Aggregations, options_of, parse};
pub(crate) use run::{AggregationRun, SearchContext, start};
pub(crate) use sampling::Sampling;
