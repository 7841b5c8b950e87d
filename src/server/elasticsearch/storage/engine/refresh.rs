//! Making writes visible, merging, letting go.

use serde_json::json;
use tantivy::TantivyError;
use tantivy::indexer::{LogMergePolicy, MergePolicy};

use super::lookup::IdLookup;
use super::{EngineError, Shared, State};

/// Segments of this many documents are merged no further.
const MERGED_DOCS_MAX: usize = 5_000_000;
/// A segment with this share of deleted documents is merged even alone.
const DELETED_SHARE_MAX: f32 = 0.5;

pub(super) fn merge_policy() -> Box<dyn MergePolicy> {
    let mut policy = LogMergePolicy::default();
    policy.set_max_docs_before_merge(MERGED_DOCS_MAX);
    policy.set_del_docs_ratio_before_merge(DELETED_SHARE_MAX);
    Box::new(policy)
}

/// What a commit says of itself: operations below this sequence number are in it.
pub(super) fn payload(next_seq_no: u64) -> String {
    json!({"next_seq_no": next_seq_no}).to_string()
}

impl Shared {
    /// Commits what was written and opens a searcher on it. `trim`: empties the log whatever its length.
    pub(super) fn refresh(&self, trim: bool) -> Result<(), EngineError> {
        let mut state = self.state();
        state.check()?;
        self.refresh_locked(&mut state, trim)
    }

    pub(super) fn refresh_locked(&self, state: &mut State, trim: bool) -> Result<(), EngineError> {
        if state.dirty {
            if let Err(error) = self.commit(state) {
                let error = self.tantivy(error);
                return Err(self.fail(state, error));
            }
            state.dirty = false;
        }
        let length = state.translog.length();
        if length > self.options.translog_bytes_max || (trim && length > EMPTY_LOG_BYTES) {
            // Everything in the log is in the commit: `dirty` is false under the lock that appends hold.
            if let Err(error) = state.translog.trim() {
                return Err(self.fail(state, error));
            }
        }
        Ok(())
    }

    fn commit(&self, state: &mut State) -> Result<(), TantivyError> {
        let next_seq_no = state.next_seq_no;
        if let Some(writer) = &mut state.writer {
            let mut prepared = writer.prepare_commit()?;
            prepared.set_payload(&payload(next_seq_no));
            prepared.commit()?;
        }
        self.reload()?;
        self.visible.send_replace(next_seq_no);
        Ok(())
    }

    fn reload(&self) -> Result<(), TantivyError> {
        self.reader.reload()?;
        let searcher = self.reader.searcher();
        let lookup = IdLookup::new(searcher.clone(), self.fields);
        self.view().renew(searcher, lookup, self.options.remember_deletes);
        Ok(())
    }

    pub(super) fn force_merge(&self) -> Result<(), EngineError> {
        let mut state = self.state();
        state.check()?;
        self.refresh_locked(&mut state, false)?;
        let segments = self.index.searchable_segment_ids().map_err(|error| self.tantivy(error))?;
        let deleted = self.view().searcher.segment_readers().iter().any(|reader| reader.num_deleted_docs() > 0);
        if segments.len() > 1 || (deleted && !segments.is_empty()) {
            self.open_writer(&mut state)?;
            let Some(writer) = &mut state.writer else { return Err(EngineError::Closed) };
            writer.merge(&segments).wait().map_err(|error| self.tantivy(error))?;
            self.reload().map_err(|error| self.tantivy(error))?;
        }
        Ok(())
    }

    /// Lets go of the writer where nothing was written for a while; gives whether it is gone.
    pub(super) fn drop_idle_writer(&self) -> bool {
        let mut state = self.state();
        if state.dirty || state.last_write.elapsed() < self.options.writer_idle {
            return state.closed;
        }
        self.release_writer(&mut state);
        self.idle_check_scheduled.store(false, std::sync::atomic::Ordering::Release);
        true
    }

    fn release_writer(&self, state: &mut State) {
        let Some(writer) = state.writer.take() else { return };
        if let Err(error) = writer.wait_merging_threads() {
            tracing::warn!(dir = %self.dir.display(), %error, "a merge did not end well; its segments stay as they were");
        }
        // Merges may have ended since the last commit: the old segments' files go once no searcher has them.
        if let Err(error) = self.reload() {
            tracing::warn!(dir = %self.dir.display(), %error, "a searcher was not renewed");
        }
    }

    pub(super) fn close(&self) -> Result<(), EngineError> {
        let mut state = self.state();
        if state.closed {
            return Ok(());
        }
        let result = match state.check() {
            Ok(()) => self.refresh_locked(&mut state, true),
            failed => failed,
        };
        state.closed = true;
        self.release_writer(&mut state);
        result
    }

    /// As [`Shared::close`], without the commit, which would fail where the folder is gone.
    pub(super) fn discard(&self) {
        let mut state = self.state();
        state.closed = true;
        drop(state.writer.take());
    }
}

/// A log with nothing but its header.
const EMPTY_LOG_BYTES: u64 = 20;
