//! What belongs to no group.

use super::Row;
use crate::server::bigquery::function::adapter::{Nulls::Seen, Nulls::Strict, Nulls::Volatile};
use crate::server::bigquery::function::error::fail;
use crate::server::bigquery::value::Value;

/// Who runs every query here: there are no accounts.
const SESSION_USER: &str = "stockdev@localhost";

pub(super) const ROWS: &[Row] = &[
    ("GENERATE_UUID", &["-> STRING"], Volatile, |_| Ok(Value::String(uuid::Uuid::new_v4().to_string()))),
    ("SESSION_USER", &["-> STRING"], Strict, |_| Ok(Value::String(SESSION_USER.to_owned()))),
    ("ERROR", &["STRING -> INT64"], Volatile, |a| fail(a.value(0).print().unwrap_or_else(|| "NULL".to_owned()))),
    ("TYPEOF", &["ANY -> STRING"], Seen, |a| Ok(Value::String(a.kind(0).name()))),
];
