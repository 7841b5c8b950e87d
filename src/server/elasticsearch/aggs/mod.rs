//! Aggregations: a request becomes our own typed tree, the tree becomes collectors that read tantivy's columns block by block,
//! and what they counted becomes Elasticsearch's answer.
//!
//! A document falls from level to level as (document, bucket ordinal): each collector maps the pairs it is given to its own
//! buckets and hands the new pairs to its children. A bucket exists once, whatever segment or index its documents lie in,
//! so nothing is merged at the end but what order and size ask for.

mod options;
mod request;
mod format;
mod values;
mod keywords;
mod table;
mod collector;
mod outcome;
mod order;
mod rounding;
mod dates;
mod tdigest;
mod hyperloglog;
mod bucket;
mod metric;
mod pipeline;
mod run;
#[cfg(test)]
mod tests;

pub(crate) use request::{Aggregations, parse};
pub(crate) use run::{AggregationRun, SearchContext, start};
