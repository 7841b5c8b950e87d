//! Operations of one request on one index, in order, with as few syncs of the log as the order allows.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::update::Change;
use super::{Action, Done, Item, ItemResult, RefreshPolicy, UpdateBody, not_that_kind, refused};
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::mapping::{Mapping, parse_document};
use crate::server::elasticsearch::search::fetch::SourceFilter;
use crate::server::elasticsearch::state::{Index, Node, now_millis};
use crate::server::elasticsearch::storage::engine::{
    Condition, Outcome, PRIMARY_TERM, WriteError, WriteKind, WriteOp, Written,
};
use crate::server::elasticsearch::storage::schema::IndexedFields;

/// Attempts at a document whose mapping other writers change at the same time.
const MAPPING_ATTEMPTS: usize = 4;

/// The index a write goes to; made where that is allowed and needed.
pub(in super::super) fn target(node: &Node, item: &Item, auto_create: bool) -> Result<Arc<Index>, ApiError> {
    if let Some(pipeline) = item.pipeline.as_deref().filter(|name| *name != "_none" && !name.is_empty()) {
        return Err(ApiError::illegal_argument(format!("pipeline with id [{pipeline}] does not exist")));
    }
    if item.require_alias && !node.cluster.state().aliases.contains_key(&item.index) {
        return Err(not_that_kind(&item.index, "require_alias", "an alias"));
    }
    if item.require_data_stream {
        return Err(not_that_kind(&item.index, "require_data_stream", "a data stream"));
    }
    node.cluster.index_for_write(&item.index, auto_create)
}

/// 20 characters, those made at one time beside each other.
fn generated_id() -> String {
    let mut bytes = rand::random::<[u8; 15]>();
    let millis = now_millis().to_be_bytes();
    if let (Some(head), Some(time)) = (bytes.get_mut(..6), millis.get(2..)) {
        head.copy_from_slice(time);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Does the operations in order; blocks until they are durable. One result an item, in the order given.
pub(in super::super) fn run(index: &Index, items: Vec<Item>) -> Vec<ItemResult> {
    let mut results = Vec::new();
    results.resize_with(items.len(), || None);
    let mut batch = Batch { index, mapping: index.mapping(), waiting: Vec::new(), results };
    let updates = items.iter().any(|item| item.action == Action::Update);
    let mut touched: HashSet<String> = HashSet::new();
    for (at, item) in items.into_iter().enumerate() {
        if updates && let Some(id) = &item.id {
            // An update reads what those before it write.
            if item.action == Action::Update && touched.contains(id) {
                batch.flush();
                touched.clear();
            }
            touched.insert(id.clone());
        }
        batch.add(at, item);
    }
    batch.flush();
    let missing = || Err(refused(None, ApiError::new(500, "illegal_state_exception", "an operation has no result")));
    batch.results.into_iter().map(|result| result.unwrap_or_else(missing)).collect()
}

struct Batch<'a> {
    index: &'a Index,
    mapping: Arc<Mapping>,
    waiting: Vec<(Waiting, WriteOp)>,
    results: Vec<Option<ItemResult>>,
}

/// What is needed when the result of an operation is there.
struct Waiting {
    at: usize,
    /// An update by someone who did not ask for a condition is tried again on a conflict.
    retry: Option<Box<(UpdateBody, u32, Option<String>)>>,
    shown: Option<SourceFilter>,
    source: Bytes,
}

impl Batch<'_> {
    fn add(&mut self, at: usize, item: Item) {
        let id = item.id.clone();
        if let Err(error) = self.prepare(at, item) {
            self.set(at, Err(refused(id.as_deref(), error)));
        }
    }

    fn set(&mut self, at: usize, result: ItemResult) {
        if let Some(slot) = self.results.get_mut(at) {
            *slot = Some(result);
        }
    }

    /// Makes an operation of an item, or its result at once.
    fn prepare(&mut self, at: usize, item: Item) -> Result<(), ApiError> {
        if item.id.as_deref() == Some("") {
            return Err(ApiError::illegal_argument("if _id is specified it must not be empty"));
        }
        let generated_id = item.id.is_none();
        let id = item.id.unwrap_or_else(self::generated_id);
        if item.routing.is_none() && self.mapping.routing_required() {
            let reason = format!("routing is required for [{}]/[{id}]", self.index.name());
            let exception = Exception::new("routing_missing_exception", reason)
                .with("index_uuid", self.index.uuid())
                .with("index", self.index.name());
            self.set(at, Err(refused(Some(&id), ApiError::from_exception(400, exception))));
            return Ok(());
        }
        let waiting = |source: Bytes| Waiting { at, retry: None, shown: None, source };
        match item.action {
            Action::Delete => {
                let op = WriteOp { id, kind: WriteKind::Delete, condition: item.condition };
                self.waiting.push((waiting(Bytes::new()), op));
            }
            Action::Index | Action::Create => match self.parse(&id, &item.source) {
                Ok(fields) => {
                    let create = item.action == Action::Create;
                    let kind =
                        WriteKind::Index { source: item.source, fields, routing: item.routing, create, generated_id };
                    self.waiting.push((waiting(Bytes::new()), WriteOp { id, kind, condition: item.condition }));
                }
                Err(error) => self.set(at, Err(refused(Some(&id), error))),
            },
            Action::Update => {
                let Some(update) = item.update else { return Ok(()) };
                let asked = Asked { condition: item.condition, routing: item.routing, retries: item.retry_on_conflict };
                self.prepare_update(at, id, update, asked, item.shown)?;
            }
        }
        Ok(())
    }

    fn prepare_update(
        &mut self,
        at: usize,
        id: String,
        update: UpdateBody,
        asked: Asked,
        shown: Option<SourceFilter>,
    ) -> Result<(), ApiError> {
        let present = self.index.engine().get(&id).map_err(|error| error.to_api())?;
        let (source, condition, create, routing) = match present {
            None => {
                if let Condition::SeqNo { seq_no, primary_term } = asked.condition {
                    let text =
                        format!("required seqNo [{seq_no}], primary term [{primary_term}]. but no document was found");
                    return Err(self.conflict(&format!("[{id}]: version conflict, {text}")));
                }
                let Some(source) = update.when_missing()? else {
                    return Err(self.shard_error(
                        404,
                        "document_missing_exception",
                        &format!("[{id}]: document missing"),
                    ));
                };
                (source, Condition::None, true, asked.routing.clone())
            }
            Some(present) => {
                if let Condition::SeqNo { seq_no, primary_term } = asked.condition
                    && (seq_no != present.seq_no || primary_term != PRIMARY_TERM)
                {
                    let text = format!(
                        "required seqNo [{seq_no}], primary term [{primary_term}]. current document has seqNo [{}] and primary term [{PRIMARY_TERM}]",
                        present.seq_no
                    );
                    return Err(self.conflict(&format!("[{id}]: version conflict, {text}")));
                }
                let routing = asked.routing.clone().or(present.routing);
                let condition = Condition::SeqNo { seq_no: present.seq_no, primary_term: PRIMARY_TERM };
                match update.apply(&present.source)? {
                    Change::Document(source) => (source, condition, false, routing),
                    Change::Noop => {
                        let written =
                            Written { version: present.version, seq_no: present.seq_no, outcome: Outcome::Updated };
                        let shown = show(shown.as_ref(), &present.source);
                        self.set(at, Ok(Done { id, written, noop: true, shown }));
                        return Ok(());
                    }
                }
            }
        };
        let fields = self.parse(&id, &source)?;
        let kind = WriteKind::Index { source: source.clone(), fields, routing, create, generated_id: false };
        let retry = Some(Box::new((update, asked.retries, asked.routing)));
        let retry = retry.filter(|_| asked.condition == Condition::None);
        self.waiting.push((Waiting { at, retry, shown, source }, WriteOp { id, kind, condition }));
        Ok(())
    }

    /// The document's fields; new ones are in the mapping, durably, when this returns.
    fn parse(&mut self, id: &str, source: &[u8]) -> Result<IndexedFields, ApiError> {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let parsed = parse_document(&self.mapping, id, source)?;
            let Some(grown) = parsed.new_mapping else { return Ok(parsed.fields) };
            let merged = self.index.update_mapping(|current| {
                let merged = current.merge(&grown)?;
                Ok((merged != *current).then_some(merged))
            });
            match merged {
                Ok(mapping) => {
                    self.mapping = mapping;
                    return Ok(parsed.fields);
                }
                // Another writer gave the field another type: read the document by that.
                Err(error) if attempt >= MAPPING_ATTEMPTS => return Err(error),
                Err(error) => {
                    let latest = self.index.mapping();
                    if Arc::ptr_eq(&latest, &self.mapping) {
                        return Err(error);
                    }
                    self.mapping = latest;
                }
            }
        }
    }

    /// Writes what waits; updates that lost a race are tried again.
    fn flush(&mut self) {
        while !self.waiting.is_empty() {
            let (waiting, ops): (Vec<_>, Vec<_>) = std::mem::take(&mut self.waiting).into_iter().unzip();
            let ids: Vec<String> = ops.iter().map(|op| op.id.clone()).collect();
            let results = self.index.engine().write_blocking(ops);
            for ((waiting, id), result) in waiting.into_iter().zip(ids).zip(results) {
                self.finish(waiting, id, result);
            }
        }
    }

    fn finish(&mut self, waiting: Waiting, id: String, result: Result<Written, WriteError>) {
        let at = waiting.at;
        match (result, waiting.retry) {
            (Ok(written), _) => {
                let shown = show(waiting.shown.as_ref(), &waiting.source);
                self.set(at, Ok(Done { id, written, noop: false, shown }));
            }
            (Err(WriteError::Conflict(_)), Some(retry)) if retry.1 > 0 => {
                let (update, retries, routing) = *retry;
                let asked = Asked { condition: Condition::None, routing, retries: retries - 1 };
                if let Err(error) = self.prepare_update(at, id.clone(), update, asked, waiting.shown) {
                    self.set(at, Err(refused(Some(&id), error)));
                }
            }
            (Err(WriteError::Conflict(reason)), _) => {
                let error = self.conflict(&reason);
                self.set(at, Err(refused(Some(&id), error)));
            }
            (Err(WriteError::Unavailable(reason)), _) => {
                let reason = format!("[{}][0] primary shard is not active: {reason}", self.index.name());
                let error = ApiError::new(503, "unavailable_shards_exception", reason);
                self.set(at, Err(refused(Some(&id), error)));
            }
        }
    }

    fn conflict(&self, reason: &str) -> ApiError {
        self.shard_error(409, "version_conflict_engine_exception", reason)
    }

    fn shard_error(&self, status: u16, kind: &'static str, reason: &str) -> ApiError {
        let exception = Exception::new(kind, reason)
            .with("index_uuid", self.index.uuid())
            .with("shard", "0")
            .with("index", self.index.name());
        ApiError::from_exception(status, exception)
    }
}

/// What an update was asked to hold to.
struct Asked {
    condition: Condition,
    routing: Option<String>,
    retries: u32,
}

fn show(filter: Option<&SourceFilter>, source: &[u8]) -> Option<Vec<u8>> {
    filter.filter(|filter| !filter.hides_all()).map(|filter| filter.apply(source))
}

/// Makes what was written visible, as the request wants it.
pub(in super::super) async fn refresh(
    index: &Index,
    policy: RefreshPolicy,
    results: impl Iterator<Item = &Done>,
) -> Result<(), ApiError> {
    let last = results.filter(|done| !done.noop).map(|done| done.written.seq_no).max();
    let Some(last) = last else { return Ok(()) };
    let engine = index.engine();
    let refreshed = match policy {
        RefreshPolicy::None => Ok(()),
        RefreshPolicy::Immediate => engine.refresh_blocking(),
        RefreshPolicy::WaitFor => engine.wait_visible(last).await,
    };
    refreshed.map_err(|error| error.to_api())
}
