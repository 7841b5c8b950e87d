//! The bound on documents that wait for tantivy's indexing thread. tantivy bounds them by number (10,000), which for large documents is
//! a lot of memory; here each carries a share of a budget in bytes and gives it back when the thread takes it up.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use tantivy::TantivyDocument;
use tantivy::schema::Field;
use tantivy::schema::document::Document;

/// Bytes of documents that may wait. A refresh has to work through them, so this bounds its delay, too.
const WAITING_BYTES_MAX: usize = 4 << 20;
/// How long to wait for room at once. The room is given back even by a thread that fails; this is for what nobody thought of.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(super) struct Budget {
    waiting: Mutex<usize>,
    changed: Condvar,
}

/// A share of the budget, given back when dropped.
#[derive(Debug)]
struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

/// A document on its way to the indexing thread.
#[derive(Debug)]
pub(super) struct Queued {
    document: TantivyDocument,
    _share: Share,
}

impl Budget {
    /// Blocks until there is room, then takes it. One document alone always has room.
    fn take(self: &Arc<Self>, bytes: usize) -> Share {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |waiting: &mut usize| *waiting > 0 && *waiting + bytes > WAITING_BYTES_MAX;
        let waited = self.changed.wait_timeout_while(waiting, PATIENCE, is_full);
        let (mut waiting, _) = waited.unwrap_or_else(PoisonError::into_inner);
        *waiting += bytes;
        Share { budget: Arc::clone(self), bytes }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut waiting = self.budget.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting = waiting.saturating_sub(self.bytes);
        self.budget.changed.notify_all();
    }
}

impl Queued {
    /// Blocks until there is room. `source_bytes` is the length of the document's source; its columns take a few times that.
    pub(super) fn new(document: TantivyDocument, source_bytes: usize, budget: &Arc<Budget>) -> Self {
        let share = budget.take(source_bytes.saturating_mul(4).saturating_add(256));
        Self { document, _share: share }
    }
}

impl Document for Queued {
    type Value<'a> = <TantivyDocument as Document>::Value<'a>;
    type FieldsValuesIter<'a> = <TantivyDocument as Document>::FieldsValuesIter<'a>;

    fn iter_fields_and_values(&self) -> Self::FieldsValuesIter<'_> {
        Document::iter_fields_and_values(&self.document)
    }

    fn into_tantivy_document(self) -> TantivyDocument {
        self.document
    }

    fn get_sorted_field_values(&self) -> Vec<(Field, Vec<Self::Value<'_>>)> {
        self.document.get_sorted_field_values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_wait_until_others_are_taken_up() {
        let budget = Arc::new(Budget::default());
        let queued = |bytes| Queued::new(TantivyDocument::default(), bytes, &budget);
        let large = queued(WAITING_BYTES_MAX);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| queued(1));
            assert!(!waiting.is_finished());
            assert_eq!(large.into_tantivy_document().len(), 0);
            drop(waiting.join().unwrap());
        });
        assert_eq!(*budget.waiting.lock().unwrap(), 0);
    }
}
