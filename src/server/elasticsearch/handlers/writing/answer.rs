//! The answers of writes, written as bytes: `_bulk` has one for every document.

use std::io::Write as _;

use super::{Done, Refused};
use crate::server::elasticsearch::error::ErrorBody;
use crate::server::elasticsearch::storage::engine::{Outcome, PRIMARY_TERM};

/// What answers say beside the operation itself.
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct Shape {
    /// Copies a write would go to: the primary and the replicas.
    pub(in super::super) copies: u64,
    pub(in super::super) forced_refresh: bool,
    /// In `_bulk`: no zero counts on a noop, and the status last.
    pub(in super::super) bulk: bool,
}

/// A string as JSON.
pub(in super::super) fn put_string(out: &mut Vec<u8>, text: &str) {
    let plain = text.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\');
    if plain {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        out.extend_from_slice(serde_json::Value::from(text).to_string().as_bytes());
    }
}

fn put_number(out: &mut Vec<u8>, number: u64) {
    // Writing to memory does not fail.
    _ = write!(out, "{number}");
}

impl Done {
    /// The HTTP status of the operation alone.
    pub(in super::super) fn status(&self) -> u16 {
        match self.written.outcome {
            Outcome::Created => 201,
            Outcome::Updated | Outcome::Deleted => 200,
            Outcome::NotFound => 404,
        }
    }

    fn result(&self) -> &'static str {
        match self.written.outcome {
            _ if self.noop => "noop",
            Outcome::Created => "created",
            Outcome::Updated => "updated",
            Outcome::Deleted => "deleted",
            Outcome::NotFound => "not_found",
        }
    }
}

/// `{"_index":..,"_id":..,"_version":..,"result":..,"_shards":{..},"_seq_no":..,"_primary_term":1}`.
pub(in super::super) fn write_done(out: &mut Vec<u8>, index: &str, done: &Done, shape: Shape) {
    out.extend_from_slice(b"{\"_index\":");
    put_string(out, index);
    out.extend_from_slice(b",\"_id\":");
    put_string(out, &done.id);
    out.extend_from_slice(b",\"_version\":");
    put_number(out, done.written.version);
    out.extend_from_slice(b",\"result\":\"");
    out.extend_from_slice(done.result().as_bytes());
    out.push(b'"');
    if shape.forced_refresh && (shape.bulk || !done.noop) {
        out.extend_from_slice(b",\"forced_refresh\":true");
    }
    out.extend_from_slice(b",\"_shards\":{\"total\":");
    let none = done.noop && !shape.bulk;
    put_number(out, if none { 0 } else { shape.copies });
    out.extend_from_slice(if none { b",\"successful\":0" } else { b",\"successful\":1" });
    out.extend_from_slice(b",\"failed\":0},\"_seq_no\":");
    put_number(out, done.written.seq_no);
    out.extend_from_slice(b",\"_primary_term\":");
    put_number(out, PRIMARY_TERM);
    if let Some(source) = &done.shown {
        out.extend_from_slice(b",\"get\":{\"_seq_no\":");
        put_number(out, done.written.seq_no);
        out.extend_from_slice(b",\"_primary_term\":");
        put_number(out, PRIMARY_TERM);
        out.extend_from_slice(b",\"found\":true,\"_source\":");
        out.extend_from_slice(source);
        out.push(b'}');
    }
    if shape.bulk {
        out.extend_from_slice(b",\"status\":");
        put_number(out, u64::from(done.status()));
    }
    out.push(b'}');
}

/// `{"_index":..,"_id":..,"status":..,"error":{..}}`: an item of `_bulk` that was refused.
pub(in super::super) fn write_failed(out: &mut Vec<u8>, index: &str, refused: &Refused) {
    out.extend_from_slice(b"{\"_index\":");
    put_string(out, index);
    out.extend_from_slice(b",\"_id\":");
    match &refused.id {
        Some(id) => put_string(out, id),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"status\":");
    put_number(out, u64::from(refused.error.status));
    out.extend_from_slice(b",\"error\":");
    let error = match &refused.error.body {
        ErrorBody::Exception { exception, .. } => exception.to_json(),
        _ => refused.error.error_json(),
    };
    out.extend_from_slice(error.to_string().as_bytes());
    out.push(b'}');
}
