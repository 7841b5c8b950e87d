//! What a write asks for, and what came of it.

use std::sync::Arc;

use bytes::Bytes;

use super::super::schema::IndexedFields;
use super::PRIMARY_TERM;

/// One operation on one document.
#[derive(Debug, Clone)]
pub(crate) struct WriteOp {
    pub(crate) id: String,
    pub(crate) kind: WriteKind,
    pub(crate) condition: Condition,
}

#[derive(Debug, Clone)]
#[expect(clippy::large_enum_variant, reason = "nearly every operation is the large one; a box each would cost more")]
pub(crate) enum WriteKind {
    Index {
        source: Bytes,
        fields: IndexedFields,
        routing: Option<String>,
        /// Refused where the document exists.
        create: bool,
        /// The id was made by this node, so no document has it.
        generated_id: bool,
    },
    Delete,
}

/// What must hold of the document before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Condition {
    #[default]
    None,
    /// `if_seq_no` and `if_primary_term`.
    SeqNo { seq_no: u64, primary_term: u64 },
    /// `version_type=external`, or `external_gte` with `or_equal`.
    External { version: u64, or_equal: bool },
}

pub(crate) type WriteResult = Result<Written, WriteError>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Written {
    pub(crate) version: u64,
    pub(crate) seq_no: u64,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Created,
    Updated,
    Deleted,
    /// A delete of what was not there; it takes a version all the same.
    NotFound,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WriteError {
    /// 409, with Elasticsearch's text.
    #[error("{0}")]
    Conflict(String),
    /// 503: the engine failed or is closed; nothing was acknowledged.
    #[error("{0}")]
    Unavailable(Arc<str>),
}

/// What is known of a document before an operation. A deleted one has a version while it is remembered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Current {
    pub(super) version: u64,
    pub(super) seq_no: u64,
    pub(super) deleted: bool,
}

/// Decides one operation against what is there.
pub(super) fn decide(op: &WriteOp, current: Option<Current>, seq_no: u64) -> WriteResult {
    let alive = current.filter(|current| !current.deleted);
    let conflict = |text: String| Err(WriteError::Conflict(format!("[{}]: version conflict, {text}", op.id)));
    if let (WriteKind::Index { create: true, .. }, Some(alive)) = (&op.kind, alive) {
        return conflict(format!("document already exists (current version [{}])", alive.version));
    }
    let version = match op.condition {
        Condition::None => current.map_or(1, |current| current.version.saturating_add(1)),
        Condition::SeqNo { seq_no, primary_term } => match alive {
            Some(alive) if alive.seq_no == seq_no && primary_term == PRIMARY_TERM => alive.version.saturating_add(1),
            Some(alive) => {
                return conflict(format!(
                    "required seqNo [{seq_no}], primary term [{primary_term}]. current document has seqNo [{}] and primary term [{PRIMARY_TERM}]",
                    alive.seq_no
                ));
            }
            None => {
                return conflict(format!(
                    "required seqNo [{seq_no}], primary term [{primary_term}]. but no document was found"
                ));
            }
        },
        Condition::External { version, or_equal } => match current {
            Some(current) if or_equal && current.version > version => {
                let have = current.version;
                return conflict(format!("current version [{have}] is higher than the one provided [{version}]"));
            }
            Some(current) if !or_equal && current.version >= version => {
                let have = current.version;
                return conflict(format!(
                    "current version [{have}] is higher or equal to the one provided [{version}]"
                ));
            }
            _ => version,
        },
    };
    let outcome = match (&op.kind, alive.is_some()) {
        (WriteKind::Index { .. }, true) => Outcome::Updated,
        (WriteKind::Index { .. }, false) => Outcome::Created,
        (WriteKind::Delete, true) => Outcome::Deleted,
        (WriteKind::Delete, false) => Outcome::NotFound,
    };
    Ok(Written { version, seq_no, outcome })
}
