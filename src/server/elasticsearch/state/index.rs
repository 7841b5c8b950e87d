//! One index: its metadata on disk, and the engine that holds its documents.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use serde_json::{Value, json};

use super::persist::{OpenError, not_written, read_json, replace_file, sync_dir};
use super::resolve::{index_closed, index_not_found};
use super::settings::IndexSettings;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::mapping::Mapping;
use crate::server::elasticsearch::storage::engine::{Engine, EngineOptions};
use crate::server::elasticsearch::storage::schema::{Fields, schema};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// The format of `meta.json`.
const FORMAT: u64 = 1;

/// An index. Shared by all requests that use it; what changes is behind short locks.
pub(crate) struct Index {
    name: Arc<str>,
    uuid: Arc<str>,
    node_id: Arc<str>,
    creation_millis: i64,
    /// `indices/<uuid>`.
    dir: PathBuf,
    fields: Fields,
    meta: RwLock<Meta>,
    /// Serialises changes of the metadata, which write a file before they show.
    change: Mutex<()>,
    deleted: AtomicBool,
    engine: Engine,
}

#[derive(Clone)]
struct Meta {
    mapping: Arc<Mapping>,
    settings: Arc<IndexSettings>,
    closed: bool,
}

/// What a new index is made from.
pub(super) struct NewIndex<'a> {
    pub(super) name: &'a str,
    pub(super) uuid: &'a str,
    pub(super) node_id: Arc<str>,
    pub(super) creation_millis: i64,
    pub(super) mapping: Mapping,
    pub(super) settings: IndexSettings,
}

impl Index {
    /// Makes the folder and the engine in it. The index exists once [`Index::commit`] has returned.
    pub(super) fn create(indices_dir: &Path, new: NewIndex<'_>) -> Result<Index, ApiError> {
        let dir = indices_dir.join(new.uuid);
        fs::create_dir(&dir).map_err(|error| not_written(&dir, &error))?;
        let meta = Meta { mapping: Arc::new(new.mapping), settings: Arc::new(new.settings), closed: false };
        let engine = open_engine(&dir, &meta).map_err(|reason| {
            tracing::error!(index = new.name, reason, "an engine was not made");
            ApiError::new(500, "engine_creation_failure_exception", "failed to create engine")
        })?;
        Ok(Index {
            name: new.name.into(),
            uuid: new.uuid.into(),
            node_id: new.node_id,
            creation_millis: new.creation_millis,
            dir,
            fields: schema().1,
            meta: RwLock::new(meta),
            change: Mutex::new(()),
            deleted: AtomicBool::new(false),
            engine,
        })
    }

    /// Writes the metadata: from here on the index exists.
    pub(super) fn commit(&self) -> Result<(), ApiError> {
        self.persist(&self.meta())?;
        let parent = self.dir.parent().unwrap_or(&self.dir);
        sync_dir(parent).map_err(|error| not_written(parent, &error))
    }

    /// Opens an index from its folder; none where its making was never finished.
    pub(super) fn open(dir: &Path, node_id: Arc<str>) -> Result<Option<Index>, OpenError> {
        let path = dir.join("meta.json");
        let Some(stored) = read_json(&path)? else { return Ok(None) };
        let corrupt = |reason: &str| OpenError::Corrupt { path: path.clone(), reason: reason.to_owned() };
        if stored.get("format").and_then(Value::as_u64) != Some(FORMAT) {
            return Err(corrupt("a format that this version does not know"));
        }
        let text =
            |key: &str| stored.get(key).and_then(Value::as_str).ok_or_else(|| corrupt(&format!("`{key}` is missing")));
        let (name, uuid) = (text("name")?, text("uuid")?);
        let settings =
            stored.get("settings").and_then(Value::as_object).ok_or_else(|| corrupt("`settings` is missing"))?;
        let mapping = stored.get("mapping").ok_or_else(|| corrupt("`mapping` is missing"))?;
        let mapping = Mapping::parse_value(mapping).map_err(|error| corrupt(&error.to_json().to_string()))?;
        let meta = Meta {
            mapping: Arc::new(mapping),
            settings: Arc::new(IndexSettings::parse(settings)),
            closed: stored.get("closed").and_then(Value::as_bool).unwrap_or(false),
        };
        let engine = open_engine(dir, &meta).map_err(|reason| OpenError::Index { index: name.to_owned(), reason })?;
        Ok(Some(Index {
            name: name.into(),
            uuid: uuid.into(),
            node_id,
            creation_millis: stored.get("creation_date").and_then(Value::as_i64).unwrap_or_default(),
            dir: dir.to_owned(),
            fields: schema().1,
            meta: RwLock::new(meta),
            change: Mutex::new(()),
            deleted: AtomicBool::new(false),
            engine,
        }))
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }

    pub(crate) fn creation_millis(&self) -> i64 {
        self.creation_millis
    }

    pub(crate) fn mapping(&self) -> Arc<Mapping> {
        self.meta().mapping
    }

    pub(crate) fn settings(&self) -> Arc<IndexSettings> {
        self.meta().settings
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.meta().closed
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// What a search sees: everything up to the last refresh.
    pub(crate) fn snapshot(&self) -> IndexSnapshot {
        let meta = self.meta();
        IndexSnapshot {
            index: Arc::clone(&self.name),
            uuid: Arc::clone(&self.uuid),
            node_id: Arc::clone(&self.node_id),
            mapping: meta.mapping,
            fields: self.fields,
            searcher: self.engine.searcher(),
            max_result_window: meta.settings.max_result_window(),
        }
    }

    /// Changes the mapping: one change at a time, durable before it returns. `change` answers none where nothing changes.
    pub(crate) fn update_mapping(
        &self,
        change: impl FnOnce(&Mapping) -> Result<Option<Mapping>, ApiError>,
    ) -> Result<Arc<Mapping>, ApiError> {
        let _serial = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let meta = self.meta();
        let Some(mapping) = change(&meta.mapping)? else { return Ok(meta.mapping) };
        let meta = Meta { mapping: Arc::new(mapping), ..meta };
        let mapping = Arc::clone(&meta.mapping);
        self.install(meta)?;
        Ok(mapping)
    }

    /// Changes settings; the caller has validated them.
    pub(crate) fn update_settings(&self, change: &IndexSettings) -> Result<(), ApiError> {
        let _serial = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        let meta = self.meta();
        let mut settings = meta.settings.overlaid(change);
        // What a new index always has stays: resetting it brings the default back.
        settings = settings.for_new_index(&self.name, &self.uuid, self.creation_millis);
        let interval = settings.refresh_interval();
        self.install(Meta { settings: Arc::new(settings), ..meta })?;
        self.engine.set_refresh_interval(interval);
        Ok(())
    }

    /// Closes or opens the index for searches and writes.
    pub(crate) fn set_closed(&self, closed: bool) -> Result<(), ApiError> {
        let _serial = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        self.install(Meta { closed, ..self.meta() })
    }

    /// Refuses writes to an index that is closed or blocked.
    pub(crate) fn check_writable(&self) -> Result<(), ApiError> {
        let meta = self.meta();
        if meta.closed {
            return Err(index_closed(self));
        }
        match meta.settings.write_block() {
            None => Ok(()),
            Some(block) => {
                let status = if block.starts_with("TOO_MANY") { 429 } else { 403 };
                let reason = format!("index [{}] blocked by: [{block}];", self.name);
                Err(ApiError::new(status, "cluster_block_exception", reason))
            }
        }
    }

    /// After this no change is written any more; the folder is about to go.
    pub(super) fn mark_deleted(&self) {
        let _serial = self.change.lock().unwrap_or_else(PoisonError::into_inner);
        self.deleted.store(true, Ordering::Release);
    }

    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    fn meta(&self) -> Meta {
        self.meta.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Writes, then shows.
    fn install(&self, meta: Meta) -> Result<(), ApiError> {
        if self.deleted.load(Ordering::Acquire) {
            return Err(index_not_found(&self.name));
        }
        self.persist(&meta)?;
        *self.meta.write().unwrap_or_else(PoisonError::into_inner) = meta;
        Ok(())
    }

    fn persist(&self, meta: &Meta) -> Result<(), ApiError> {
        let stored = json!({
            "format": FORMAT,
            "name": &*self.name,
            "uuid": &*self.uuid,
            "creation_date": self.creation_millis,
            "closed": meta.closed,
            "settings": meta.settings.to_flat_json(),
            "mapping": meta.mapping.to_json(),
        });
        let path = self.dir.join("meta.json");
        replace_file(&path, stored.to_string().as_bytes()).map_err(|error| not_written(&path, &error))
    }
}

fn open_engine(dir: &Path, meta: &Meta) -> Result<Engine, String> {
    let mut options = EngineOptions { refresh_interval: meta.settings.refresh_interval(), ..EngineOptions::default() };
    if let Some(gc_deletes) = meta.settings.gc_deletes() {
        options.remember_deletes = gc_deletes;
    }
    Engine::open(&dir.join("shard"), Arc::clone(&meta.mapping), options).map_err(|error| error.to_string())
}
