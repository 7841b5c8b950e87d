//! Aggregations over real indices in memory: against the recording of a real server, and against a naive evaluator.

mod brute_force;
mod kept;
mod limits;
mod properties;
mod recorded;
mod samples;
mod support;
