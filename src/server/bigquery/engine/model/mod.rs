//! BigQuery ML in SQL's service: rows to typed columns and back. The numerics are in `bigquery::ml`.

mod flat;
mod function;
mod resource;
mod train;
