//! What a statement reads, and what it would be billed.

use crate::server::bigquery::engine::resource::TableReference;
use crate::server::bigquery::engine::store::Outcome;
use crate::server::bigquery::error::{QueryError, Reason};

/// The least that reading a table is billed, and the unit in which it is.
const BILLED_MIN: u64 = 10 * 1024 * 1024;
const BILLED_UNIT: u64 = 1024 * 1024;

#[derive(Debug, Clone, Default)]
pub(crate) struct Usage {
    pub(crate) tables: Vec<TableReference>,
    pub(crate) bytes_processed: u64,
    pub(crate) bytes_billed: u64,
    /// More is an error.
    pub(crate) bytes_billed_max: Option<u64>,
    pub(crate) notes: Vec<String>,
}

impl Usage {
    /// A table is about to be read. Fails before that when it would be too much.
    pub(crate) fn add(&mut self, table: &TableReference, bytes: u64) -> Outcome<()> {
        if !self.tables.contains(table) {
            self.tables.push(table.clone());
        }
        self.bytes_processed = self.bytes_processed.saturating_add(bytes);
        let billed = bytes.max(BILLED_MIN).div_ceil(BILLED_UNIT).saturating_mul(BILLED_UNIT);
        self.bytes_billed = self.bytes_billed.saturating_add(billed);
        match self.bytes_billed_max {
            Some(max) if self.bytes_billed > max => Err(QueryError::new(
                Reason::BytesBilledLimitExceeded,
                format!("Query exceeded limit for bytes billed: {max}. {} or higher required.", self.bytes_billed),
            )),
            _ => Ok(()),
        }
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// What was counted, for the next statement's count to begin anew.
    pub(crate) fn take(&mut self) -> Self {
        let fresh = Self { bytes_billed_max: self.bytes_billed_max, ..Self::default() };
        std::mem::replace(self, fresh)
    }
}
