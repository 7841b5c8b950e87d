//! Opening: the last commit, and the log replayed over it.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use serde_json::Value;
use tantivy::directory::MmapDirectory;
use tantivy::indexer::IndexWriterOptions;
use tantivy::store::Compressor;
use tantivy::tokenizer::TokenizerManager;
use tantivy::{Index, IndexBuilder, IndexReader, IndexSettings, IndexWriter, ReloadPolicy, TantivyError};
use tokio::sync::watch;

use super::super::analyzer;
use super::super::schema::{Fields, Identity, schema};
use super::super::translog::{Operation, OperationKind, Translog};
use super::lookup::IdLookup;
use super::queue::{Budget, Queued};
use super::view::View;
use super::{EngineError, EngineOptions, Shared, State};
use crate::server::elasticsearch::mapping::{Mapping, parse_accepted};

/// Merges run beside writes on one thread; two cores are what a laptop can spare.
const MERGE_THREADS: usize = 1;
/// Decompressed blocks of documents kept per segment.
const STORE_CACHE_BLOCKS: usize = 8;

pub(super) fn index_dir(dir: &Path) -> PathBuf {
    dir.join("index")
}

pub(super) fn translog_dir(dir: &Path) -> PathBuf {
    dir.join("translog")
}

pub(super) fn open(dir: &Path, mapping: &Mapping, options: EngineOptions) -> Result<Shared, EngineError> {
    let tantivy = |source: TantivyError| EngineError::Tantivy { dir: dir.to_owned(), source };
    let index = open_index(dir)?;
    let committed = committed(&index).map_err(tantivy)?;
    let reader: IndexReader = index
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(STORE_CACHE_BLOCKS)
        .try_into()
        .map_err(tantivy)?;
    let budget = Arc::new(Budget::default());
    let mut replay = Replay::new(dir, &index, mapping, &options, committed);
    replay.budget = Arc::clone(&budget);
    let disk = Arc::clone(&options.disk);
    let translog = Translog::open(disk, &translog_dir(dir), |operation| replay.apply(operation))?;
    let (next_seq_no, writer, deletes) = replay.finish()?;
    reader.reload().map_err(tantivy)?;
    let (_, fields) = schema();
    let searcher = reader.searcher();
    let mut view = View::new(searcher.clone(), IdLookup::new(searcher, fields));
    for (id, (version, seq_no)) in deletes {
        view.note(&id, version, seq_no, None);
    }
    let group = translog.group();
    let state =
        State { writer, translog, next_seq_no, dirty: false, failed: None, closed: false, last_write: Instant::now() };
    Ok(Shared {
        dir: dir.to_owned(),
        fields,
        index,
        reader,
        state: Mutex::new(state),
        view: Mutex::new(view),
        group,
        budget,
        interval: Mutex::new(options.refresh_interval),
        options,
        refresh_scheduled: AtomicBool::new(false),
        idle_check_scheduled: AtomicBool::new(false),
        visible: watch::Sender::new(next_seq_no),
    })
}

fn open_index(dir: &Path) -> Result<Index, EngineError> {
    let folder = index_dir(dir);
    fs::create_dir_all(&folder).map_err(|source| EngineError::Io { dir: folder.clone(), source })?;
    let tokenizers = TokenizerManager::default();
    analyzer::register(&tokenizers);
    let settings = IndexSettings {
        docstore_compression: Compressor::Lz4,
        // One thread less per index that is written to.
        docstore_compress_dedicated_thread: false,
        ..IndexSettings::default()
    };
    let open = || {
        let directory = MmapDirectory::open(&folder)?;
        IndexBuilder::new().schema(schema().0).settings(settings).tokenizers(tokenizers).open_or_create(directory)
    };
    open().map_err(|source| EngineError::Tantivy { dir: folder.clone(), source })
}

/// Operations below this sequence number are in the last commit.
fn committed(index: &Index) -> Result<u64, TantivyError> {
    let Some(payload) = index.load_metas()?.payload else { return Ok(0) };
    let next = serde_json::from_str::<Value>(&payload).ok().and_then(|payload| payload.get("next_seq_no")?.as_u64());
    next.ok_or_else(|| TantivyError::InternalError(format!("the commit says `{payload}` of itself, which is not ours")))
}

/// The log put over the commit.
struct Replay<'a> {
    dir: &'a Path,
    index: &'a Index,
    mapping: &'a Mapping,
    options: &'a EngineOptions,
    fields: Fields,
    committed: u64,
    next_seq_no: u64,
    writer: Option<IndexWriter<Queued>>,
    /// Documents whose last operation is a delete.
    deletes: HashMap<String, (u64, u64)>,
    budget: Arc<Budget>,
}

impl<'a> Replay<'a> {
    fn new(dir: &'a Path, index: &'a Index, mapping: &'a Mapping, options: &'a EngineOptions, committed: u64) -> Self {
        let (_, fields) = schema();
        let deletes = HashMap::new();
        Self {
            dir,
            index,
            mapping,
            options,
            fields,
            committed,
            next_seq_no: committed,
            writer: None,
            deletes,
            budget: Arc::default(),
        }
    }

    fn apply(&mut self, operation: &Operation<'_>) -> Result<(), EngineError> {
        let refused =
            |reason: String| EngineError::Replay { dir: self.dir.to_owned(), seq_no: operation.seq_no, reason };
        if operation.seq_no < self.committed {
            return Ok(());
        }
        if operation.seq_no != self.next_seq_no {
            return Err(refused(format!("operation {} should stand here", self.next_seq_no)));
        }
        let source_bytes = match operation.kind {
            OperationKind::Index { source, .. } => source.len(),
            OperationKind::Delete => 0,
        };
        let document = match operation.kind {
            OperationKind::Delete => None,
            OperationKind::Index { source, routing } => {
                let fields = parse_accepted(self.mapping, operation.id, source)
                    .map_err(|error| refused(error.to_json().to_string()))?;
                let (id, seq_no, version) = (operation.id, operation.seq_no, operation.version);
                Some(fields.into_document(&self.fields, Identity { id, seq_no, version, routing }, source))
            }
        };
        let tantivy = |source| EngineError::Tantivy { dir: self.dir.to_owned(), source };
        let writer = match &mut self.writer {
            Some(writer) => writer,
            none => none.insert(open_writer(self.index, self.options).map_err(tantivy)?),
        };
        writer.delete_term(self.fields.id_term(operation.id));
        match document {
            Some(document) => {
                let queued = Queued::new(document, source_bytes, &self.budget);
                writer.add_document(queued).map_err(tantivy)?;
                self.deletes.remove(operation.id);
            }
            None => _ = self.deletes.insert(operation.id.to_owned(), (operation.version, operation.seq_no)),
        }
        self.next_seq_no += 1;
        Ok(())
    }

    /// Commits what was replayed.
    #[expect(clippy::type_complexity, reason = "taken apart by the only caller")]
    fn finish(mut self) -> Result<(u64, Option<IndexWriter<Queued>>, HashMap<String, (u64, u64)>), EngineError> {
        if let Some(writer) = &mut self.writer {
            tracing::info!(dir = %self.dir.display(), operations = self.next_seq_no - self.committed, "the write-ahead log was replayed");
            let mut commit = || {
                let mut prepared = writer.prepare_commit()?;
                prepared.set_payload(&super::refresh::payload(self.next_seq_no));
                prepared.commit()
            };
            commit().map_err(|source| EngineError::Tantivy { dir: self.dir.to_owned(), source })?;
        }
        Ok((self.next_seq_no, self.writer, self.deletes))
    }
}

/// tantivy's writer as this engine runs it.
pub(super) fn open_writer(index: &Index, options: &EngineOptions) -> Result<IndexWriter<Queued>, TantivyError> {
    let settings = IndexWriterOptions::builder()
        .num_worker_threads(1)
        .memory_budget_per_thread(options.writer_memory_bytes)
        .num_merge_threads(MERGE_THREADS)
        .build();
    let writer = index.writer_with_options(settings)?;
    writer.set_merge_policy(super::refresh::merge_policy());
    Ok(writer)
}
