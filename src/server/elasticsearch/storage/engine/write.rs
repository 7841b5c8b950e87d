//! A write: decide, log, index, wait for the sync.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::super::schema::Identity;
use super::super::translog::{AppendError, Location, Operation, OperationKind};
use super::operation::{Current, Outcome, WriteError, WriteKind, WriteOp, WriteResult, Written, decide};
use super::queue::Queued;
use super::{EngineError, Shared, State};

impl Shared {
    /// Writes operations in order. `dirty` is called once something waits to become visible.
    pub(super) fn write(&self, ops: Vec<WriteOp>, dirty: impl FnOnce()) -> Vec<WriteResult> {
        let count = ops.len();
        match self.write_all(ops, dirty) {
            Ok(results) => results,
            Err(error) => {
                let reason: Arc<str> = error.to_string().into();
                std::iter::repeat_with(|| Err(WriteError::Unavailable(Arc::clone(&reason)))).take(count).collect()
            }
        }
    }

    fn write_all(&self, ops: Vec<WriteOp>, dirty: impl FnOnce()) -> Result<Vec<WriteResult>, EngineError> {
        let (results, position) = {
            let mut state = self.state();
            state.check()?;
            let results = self.decide_all(&ops, state.next_seq_no)?;
            let Some((position, locations)) = self.append(&mut state, &ops, &results)? else { return Ok(results) };
            if let Err(error) = self.index(&mut state, ops, &results, locations) {
                return Err(self.fail(&mut state, error));
            }
            (results, position)
        };
        dirty();
        if let Err(reason) = self.group.wait(position) {
            let mut state = self.state();
            return Err(match &state.failed {
                Some(reason) => EngineError::Failed(Arc::clone(reason)),
                None => self.fail(&mut state, reason),
            });
        }
        Ok(results)
    }

    /// Versions and conflicts, each operation seeing those before it.
    fn decide_all(&self, ops: &[WriteOp], first_seq_no: u64) -> Result<Vec<WriteResult>, EngineError> {
        let view = self.view();
        let mut batch: HashMap<&str, Current> = HashMap::new();
        let mut seq_no = first_seq_no;
        let mut results = Vec::with_capacity(ops.len());
        for op in ops {
            let current = match batch.get(op.id.as_str()).copied().or_else(|| view.current(&op.id)) {
                Some(current) => Some(current),
                None if matches!(op.kind, WriteKind::Index { generated_id: true, .. }) => None,
                None => {
                    let found = view.lookup.find(&op.id).map_err(|error| self.tantivy(error))?;
                    found.map(|found| Current { version: found.version, seq_no: found.seq_no, deleted: false })
                }
            };
            let result = decide(op, current, seq_no);
            if let Ok(written) = result {
                seq_no += 1;
                let deleted = matches!(op.kind, WriteKind::Delete);
                batch.insert(&op.id, Current { version: written.version, seq_no: written.seq_no, deleted });
            }
            results.push(result);
        }
        Ok(results)
    }

    /// Logs what was decided; `None` where nothing was.
    fn append(
        &self,
        state: &mut State,
        ops: &[WriteOp],
        results: &[WriteResult],
    ) -> Result<Option<(u64, Vec<Location>)>, EngineError> {
        let operations: Vec<Operation<'_>> = ops
            .iter()
            .zip(results)
            .filter_map(|(op, result)| {
                let written = result.as_ref().ok()?;
                let kind = match &op.kind {
                    WriteKind::Index { source, routing, .. } => {
                        OperationKind::Index { source, routing: routing.as_deref() }
                    }
                    WriteKind::Delete => OperationKind::Delete,
                };
                Some(Operation { seq_no: written.seq_no, version: written.version, id: &op.id, kind })
            })
            .collect();
        let Some(last) = operations.last() else { return Ok(None) };
        let next_seq_no = last.seq_no + 1;
        match state.translog.append(&operations) {
            Ok(appended) => {
                state.next_seq_no = next_seq_no;
                Ok(Some(appended))
            }
            // The log is as it was; the next write may go well (a full disk that was emptied).
            Err(error @ (AppendError::Refused(_) | AppendError::TooLarge)) => {
                Err(EngineError::Failed(error.to_string().into()))
            }
            Err(error @ AppendError::Broken(_)) => Err(self.fail(state, error)),
        }
    }

    /// Hands the operations to tantivy and to the view.
    fn index(
        &self,
        state: &mut State,
        ops: Vec<WriteOp>,
        results: &[WriteResult],
        locations: Vec<Location>,
    ) -> Result<(), EngineError> {
        state.dirty = true;
        state.last_write = Instant::now();
        self.open_writer(state)?;
        let mut locations = locations.into_iter();
        let mut notes = Vec::with_capacity(ops.len());
        for (op, result) in ops.into_iter().zip(results) {
            let Ok(written) = result else { continue };
            let location = locations.next().filter(|_| matches!(op.kind, WriteKind::Index { .. }));
            self.apply(state, &op.id, op.kind, *written)?;
            notes.push((op.id, *written, location));
        }
        let mut view = self.view();
        for (id, written, location) in notes {
            view.note(&id, written.version, written.seq_no, location);
        }
        Ok(())
    }

    fn apply(&self, state: &State, id: &str, kind: WriteKind, written: Written) -> Result<(), EngineError> {
        let Some(writer) = &state.writer else { return Err(EngineError::Closed) };
        if matches!(written.outcome, Outcome::Updated | Outcome::Deleted) {
            writer.delete_term(self.fields.id_term(id));
        }
        if let WriteKind::Index { source, fields, routing, .. } = kind {
            let (seq_no, version) = (written.seq_no, written.version);
            let identity = Identity { id, seq_no, version, routing: routing.as_deref() };
            let document = fields.into_document(&self.fields, identity, &source);
            let queued = Queued::new(document, source.len(), &self.budget);
            writer.add_document(queued).map_err(|error| self.tantivy(error))?;
        }
        Ok(())
    }

    pub(super) fn open_writer(&self, state: &mut State) -> Result<(), EngineError> {
        if state.writer.is_some() {
            return Ok(());
        }
        let writer = super::open::open_writer(&self.index, &self.options).map_err(|error| self.tantivy(error))?;
        state.writer = Some(writer);
        Ok(())
    }
}
