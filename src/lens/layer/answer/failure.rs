//! Elasticsearch's own errors.

use serde_json::Value;

use crate::lens::layer::LayerError;

/// Fails for an answer that is an error, and for one where all or some shards failed: its numbers would be too small.
pub(crate) fn check(answer: &Value) -> Result<(), LayerError> {
    let status = answer.get("status").and_then(Value::as_u64);
    match answer.get("error") {
        Some(Value::String(reason)) => return Err(failure(status.unwrap_or(500), "error", reason)),
        Some(error) => {
            let (kind, reason) = root_reason(error);
            return Err(failure(status.unwrap_or(500), kind, reason));
        }
        None => {}
    }
    let failures = answer.pointer("/_shards/failures/0").and_then(|failure| failure.get("reason"));
    let has_failed = answer.pointer("/_shards/failed").and_then(Value::as_u64).is_some_and(|failed| failed > 0);
    if let Some(error) = failures.filter(|_| has_failed) {
        let (kind, reason) = root_reason(error);
        return Err(failure(status.unwrap_or(200), kind, reason));
    }
    if !answer.is_object() {
        return Err(LayerError::Answer { what: "hits" });
    }
    Ok(())
}

fn failure(status: u64, kind: &str, reason: &str) -> LayerError {
    LayerError::Elasticsearch { status, kind: kind.to_owned(), reason: reason.to_owned() }
}

/// The innermost cause says what is wrong; the outer ones only where.
fn root_reason(error: &Value) -> (&str, &str) {
    const DEPTH_MAX: usize = 16;
    let mut cause = error.pointer("/root_cause/0").unwrap_or(error);
    let shard = error.pointer("/failed_shards/0/reason");
    if text(cause, "reason").is_none() || shard.is_some() {
        cause = shard.unwrap_or(error);
    }
    for _ in 0..DEPTH_MAX {
        match cause.get("caused_by").filter(|inner| text(inner, "reason").is_some()) {
            Some(inner) => cause = inner,
            None => break,
        }
    }
    (text(cause, "type").unwrap_or("error"), text(cause, "reason").unwrap_or("no reason given"))
}

fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value.get(name).and_then(Value::as_str)
}
