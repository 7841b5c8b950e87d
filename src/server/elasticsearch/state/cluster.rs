//! The indices, aliases, templates and settings of the node, and the changes to them: one at a time, on disk before they show.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use base64::Engine as _;
use serde_json::{Map, Value, json};

use super::alias::AliasMeta;
use super::index::{Index, NewIndex};
use super::names::{invalid_index_name, validate_alias_name, validate_index_name};
use super::persist::{OpenError, lock, not_written, read_json, replace_file, sync_dir};
use super::resolve::{IndicesOptions, index_not_found};
use super::settings::IndexSettings;
use super::template::{ComponentTemplate, IndexTemplate, Resolved, merge_mappings};
use super::units::now_millis;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::mapping::Mapping;

const FORMAT: u64 = 1;
/// `cluster.max_shards_per_node`.
const SHARDS_MAX: u64 = 1_000;

/// See the module.
pub(crate) struct Cluster {
    data_dir: PathBuf,
    node_id: Arc<str>,
    uuid: Arc<str>,
    state: RwLock<State>,
    /// Held over a change and its fsync; never over an await.
    change: Mutex<()>,
    _lock: File,
}

/// What readers see.
#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) indices: BTreeMap<String, Arc<Index>>,
    /// Alias, then index.
    pub(crate) aliases: BTreeMap<String, BTreeMap<String, AliasMeta>>,
    pub(crate) templates: BTreeMap<String, Arc<IndexTemplate>>,
    pub(crate) components: BTreeMap<String, Arc<ComponentTemplate>>,
    /// Cluster settings by full name.
    pub(crate) persistent: Map<String, Value>,
    pub(crate) transient: Map<String, Value>,
}

/// What `PUT /index` asks for.
#[derive(Debug, Clone, Default)]
pub(crate) struct CreateIndex {
    pub(crate) settings: IndexSettings,
    pub(crate) mappings: Option<Value>,
    pub(crate) aliases: BTreeMap<String, AliasMeta>,
}

/// One step of an alias change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum IndexAlias {
    Add { index: String, alias: String, meta: AliasMeta },
    Remove { index: String, alias: String },
}

impl Cluster {
    /// Opens the data folder, makes it where it is new, and recovers its indices.
    pub(super) fn open(data_dir: &Path) -> Result<Cluster, OpenError> {
        let indices_dir = data_dir.join("indices");
        fs::create_dir_all(&indices_dir).map_err(OpenError::io(&indices_dir))?;
        let folder_lock = lock(data_dir)?;
        let path = data_dir.join("cluster.json");
        let stored = match read_json(&path)? {
            Some(stored) => stored,
            None => {
                let new = json!({"format": FORMAT, "cluster_uuid": random_id(), "node_id": random_id()});
                replace_file(&path, new.to_string().as_bytes()).map_err(OpenError::io(&path))?;
                new
            }
        };
        let corrupt = |reason: String| OpenError::Corrupt { path: path.clone(), reason };
        if stored.get("format").and_then(Value::as_u64) != Some(FORMAT) {
            return Err(corrupt("a format that this version does not know".into()));
        }
        let text = |key: &str| -> Result<Arc<str>, OpenError> {
            stored.get(key).and_then(Value::as_str).map(Arc::from).ok_or_else(|| corrupt(format!("`{key}` is missing")))
        };
        let (uuid, node_id) = (text("cluster_uuid")?, text("node_id")?);
        let mut state = State { indices: recover_indices(&indices_dir, &node_id)?, ..State::default() };
        read_state(&stored, &mut state).map_err(|error| corrupt(error.to_json().to_string()))?;
        Ok(Cluster {
            data_dir: data_dir.to_owned(),
            node_id,
            uuid,
            state: RwLock::new(state),
            change: Mutex::new(()),
            _lock: folder_lock,
        })
    }

    pub(crate) fn node_id(&self) -> Arc<str> {
        Arc::clone(&self.node_id)
    }

    pub(crate) fn uuid(&self) -> Arc<str> {
        Arc::clone(&self.uuid)
    }

    /// A short look at everything. Do not hold it over anything slow.
    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin_change(&self) -> MutexGuard<'_, ()> {
        self.change.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The aliases of an index, in order of name.
    pub(crate) fn aliases_of(&self, index: &str) -> BTreeMap<String, AliasMeta> {
        let state = self.state();
        let of_index =
            state.aliases.iter().filter_map(|(alias, members)| Some((alias.clone(), members.get(index)?.clone())));
        of_index.collect()
    }

    /// The one index that a single-document read by `name` goes to.
    pub(crate) fn index_for_read(&self, name: &str) -> Result<Arc<Index>, ApiError> {
        if let Some(members) = self.state().aliases.get(name).filter(|members| members.len() > 1) {
            let listed: Vec<&str> = members.keys().map(String::as_str).collect();
            return Err(ApiError::illegal_argument(format!(
                "alias [{name}] has more than one index associated with it [{}], can't execute a single index op",
                listed.join(", ")
            )));
        }
        let options = IndicesOptions { allow_no_indices: false, expand_open: false, ..IndicesOptions::open() };
        let found = self.resolve(name, options)?;
        found.into_iter().next().ok_or_else(|| index_not_found(name))
    }

    /// The one index that a write to `name` goes to: the index itself, an alias' write index, or a new index made by templates.
    pub(crate) fn index_for_write(&self, name: &str, auto_create: bool) -> Result<Arc<Index>, ApiError> {
        if let Some(index) = self.existing_for_write(name)? {
            return Ok(index);
        }
        if !auto_create || !self.may_auto_create(name) {
            return Err(index_not_found(name));
        }
        match self.create_index(name, CreateIndex::default()) {
            Ok(index) => Ok(index),
            // Another writer made it in between.
            Err(error) => self.existing_for_write(name)?.ok_or(error),
        }
    }

    fn existing_for_write(&self, name: &str) -> Result<Option<Arc<Index>>, ApiError> {
        let state = self.state();
        let index = if let Some(index) = state.indices.get(name) {
            Arc::clone(index)
        } else if let Some(members) = state.aliases.get(name) {
            write_index(&state, name, members)?
        } else {
            return Ok(None);
        };
        drop(state);
        index.check_writable()?;
        Ok(Some(index))
    }

    /// `action.auto_create_index`: `true`, `false`, or a list of patterns with `+` and `-`.
    fn may_auto_create(&self, name: &str) -> bool {
        let state = self.state();
        let key = "action.auto_create_index";
        let Some(rule) = state.transient.get(key).or_else(|| state.persistent.get(key)).and_then(Value::as_str) else {
            return true;
        };
        match rule {
            "true" => true,
            "false" => false,
            patterns => patterns
                .split(',')
                .map(|pattern| match pattern.trim().strip_prefix('-') {
                    Some(pattern) => (pattern, false),
                    None => (pattern.trim().trim_start_matches('+'), true),
                })
                .find(|(pattern, _)| crate::server::elasticsearch::http::wildcard_match(pattern, name))
                .is_some_and(|(_, allowed)| allowed),
        }
    }

    /// Makes an index from what is asked for over what the templates give.
    pub(crate) fn create_index(&self, name: &str, request: CreateIndex) -> Result<Arc<Index>, ApiError> {
        let _serial = self.begin_change();
        validate_index_name(name)?;
        let (resolved, node_id) = {
            let state = self.state();
            check_name_is_free(&state, name)?;
            (Resolved::for_index(&state.templates, &state.components, name), self.node_id())
        };
        let Resolved { settings, mappings, aliases } = resolved;
        let settings = settings.overlaid(&request.settings);
        settings.validate()?;
        let uuid = random_id();
        let creation_millis = now_millis();
        let settings = settings.for_new_index(name, &uuid, creation_millis);
        self.check_shard_limit(&settings)?;
        let mappings = merge_mappings(mappings, request.mappings);
        let mapping = match &mappings {
            Some(mappings) => Mapping::parse_value(mappings)?,
            None => Mapping::default(),
        };
        let mut all_aliases = aliases;
        all_aliases.extend(request.aliases);
        self.check_aliases(name, all_aliases.keys())?;

        let new = NewIndex { name, uuid: &uuid, node_id, creation_millis, mapping, settings };
        let index = Arc::new(Index::create(&self.data_dir.join("indices"), new)?);
        let mut state = self.state().clone();
        for (alias, meta) in all_aliases {
            state.aliases.entry(alias).or_default().insert(name.to_owned(), meta);
        }
        state.indices.insert(name.to_owned(), Arc::clone(&index));
        // Aliases first: without the index they are dropped at the next start; the other way round they could be lost.
        let committed = self.persist(&state).and_then(|()| index.commit());
        if let Err(error) = committed {
            self.discard(&index);
            return Err(error);
        }
        self.show(state);
        Ok(index)
    }

    /// Removes what a failed creation left.
    fn discard(&self, index: &Index) {
        if let Err(error) = fs::remove_dir_all(index.dir()) {
            tracing::warn!(path = %index.dir().display(), %error, "what a failed index creation left is removed at the next start");
        }
    }

    fn check_shard_limit(&self, settings: &IndexSettings) -> Result<(), ApiError> {
        let shards = |settings: &IndexSettings| settings.number_of_shards() * (1 + settings.number_of_replicas());
        let open: u64 = self.state().indices.values().map(|index| shards(&index.settings())).sum();
        let added = shards(settings);
        if open + added <= SHARDS_MAX {
            return Ok(());
        }
        let reason = format!(
            "Validation Failed: 1: this action would add [{added}] shards, but this cluster currently has [{open}]/[{SHARDS_MAX}] maximum normal shards open;"
        );
        Err(ApiError::new(400, "validation_exception", reason))
    }

    fn check_aliases<'a>(&self, new_index: &str, aliases: impl Iterator<Item = &'a String>) -> Result<(), ApiError> {
        let state = self.state();
        for alias in aliases {
            validate_alias_name(alias)?;
            if alias == new_index || state.indices.contains_key(alias) {
                return Err(alias_is_index(alias));
            }
        }
        Ok(())
    }

    /// Deletes indices: gone for readers at once, on disk when this returns.
    pub(crate) async fn delete_indices(&self, indices: &[Arc<Index>]) -> Result<(), ApiError> {
        {
            let _serial = self.begin_change();
            let mut state = self.state().clone();
            for index in indices {
                state.indices.remove(index.name());
                for members in state.aliases.values_mut() {
                    members.remove(index.name());
                }
                index.mark_deleted();
                let away = index.dir().with_extension("deleted");
                fs::rename(index.dir(), &away).map_err(|error| not_written(index.dir(), &error))?;
            }
            state.aliases.retain(|_, members| !members.is_empty());
            let indices_dir = self.data_dir.join("indices");
            sync_dir(&indices_dir).map_err(|error| not_written(&indices_dir, &error))?;
            self.persist(&state)?;
            self.show(state);
        }
        for index in indices {
            index.engine().discard().await;
            let away = index.dir().with_extension("deleted");
            if let Err(error) = fs::remove_dir_all(&away) {
                tracing::warn!(path = %away.display(), %error, "what is left of a deleted index is removed at the next start");
            }
        }
        Ok(())
    }

    /// Changes aliases, all or none.
    pub(crate) fn update_aliases(&self, steps: &[IndexAlias]) -> Result<(), ApiError> {
        let _serial = self.begin_change();
        let mut state = self.state().clone();
        for step in steps {
            match step {
                IndexAlias::Add { index, alias, meta } => {
                    validate_alias_name(alias)?;
                    if state.indices.contains_key(alias) {
                        return Err(alias_is_index(alias));
                    }
                    if !state.indices.contains_key(index) {
                        return Err(index_not_found(index));
                    }
                    let members = state.aliases.entry(alias.clone()).or_default();
                    members.insert(index.clone(), meta.clone());
                    check_one_write_index(alias, members)?;
                }
                IndexAlias::Remove { index, alias } => {
                    if let Some(members) = state.aliases.get_mut(alias) {
                        members.remove(index);
                    }
                }
            }
        }
        state.aliases.retain(|_, members| !members.is_empty());
        self.persist(&state)?;
        self.show(state);
        Ok(())
    }

    /// Changes templates or cluster settings; `change` sees and edits a copy.
    pub(crate) fn update_state(&self, change: impl FnOnce(&mut State) -> Result<(), ApiError>) -> Result<(), ApiError> {
        let _serial = self.begin_change();
        let mut state = self.state().clone();
        change(&mut state)?;
        self.persist(&state)?;
        self.show(state);
        Ok(())
    }

    /// Closes every engine: the node is going down.
    pub(crate) async fn close(&self) {
        let indices: Vec<Arc<Index>> = self.state().indices.values().cloned().collect();
        for index in indices {
            index.engine().close().await;
        }
    }

    fn show(&self, state: State) {
        *self.state.write().unwrap_or_else(PoisonError::into_inner) = state;
    }

    fn persist(&self, state: &State) -> Result<(), ApiError> {
        let mut aliases: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
        for (alias, members) in &state.aliases {
            for (index, meta) in members {
                if let Some(index) = state.indices.get(index) {
                    aliases.entry(index.uuid()).or_default().insert(alias.clone(), meta.to_json());
                }
            }
        }
        let templates: Map<String, Value> =
            state.templates.iter().map(|(name, template)| (name.clone(), template.to_json(false))).collect();
        let components: Map<String, Value> =
            state.components.iter().map(|(name, template)| (name.clone(), template.to_json(false))).collect();
        let stored = json!({
            "format": FORMAT,
            "cluster_uuid": &*self.uuid,
            "node_id": &*self.node_id,
            "settings": &state.persistent,
            "templates": templates,
            "component_templates": components,
            "aliases": aliases,
        });
        let path = self.data_dir.join("cluster.json");
        replace_file(&path, stored.to_string().as_bytes()).map_err(|error| not_written(&path, &error))
    }
}

/// 16 random bytes in 22 characters, as Elasticsearch's ids are.
pub(crate) fn random_id() -> String {
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(rand::random::<[u8; 16]>())
}

fn recover_indices(indices_dir: &Path, node_id: &Arc<str>) -> Result<BTreeMap<String, Arc<Index>>, OpenError> {
    let mut indices = BTreeMap::new();
    for entry in fs::read_dir(indices_dir).map_err(OpenError::io(indices_dir))? {
        let path = entry.map_err(OpenError::io(indices_dir))?.path();
        if !path.is_dir() {
            continue;
        }
        let deleted = path.extension().is_some_and(|extension| extension == "deleted");
        let opened = if deleted { None } else { Index::open(&path, Arc::clone(node_id))? };
        match opened {
            Some(index) => {
                indices.insert(index.name().to_owned(), Arc::new(index));
            }
            // Never acknowledged, or deleted: see `persist`.
            None => fs::remove_dir_all(&path).map_err(OpenError::io(&path))?,
        }
    }
    Ok(indices)
}

fn read_state(stored: &Value, state: &mut State) -> Result<(), ApiError> {
    let object = |key: &str| stored.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
    state.persistent = object("settings");
    for (name, template) in object("templates") {
        state.templates.insert(name, Arc::new(IndexTemplate::from_stored(&template)?));
    }
    for (name, template) in object("component_templates") {
        state.components.insert(name, Arc::new(ComponentTemplate::from_stored(&template)?));
    }
    let aliases = object("aliases");
    for index in state.indices.values() {
        for (alias, meta) in aliases.get(index.uuid()).and_then(Value::as_object).into_iter().flatten() {
            let meta = AliasMeta::parse(alias, meta)?;
            state.aliases.entry(alias.clone()).or_default().insert(index.name().to_owned(), meta);
        }
    }
    Ok(())
}

fn check_name_is_free(state: &State, name: &str) -> Result<(), ApiError> {
    if let Some(index) = state.indices.get(name) {
        let reason = format!("index [{name}/{}] already exists", index.uuid());
        let exception = Exception::new("resource_already_exists_exception", reason)
            .with("index_uuid", index.uuid())
            .with("index", name);
        return Err(ApiError::from_exception(400, exception));
    }
    if state.aliases.contains_key(name) {
        return Err(invalid_index_name(name, "already exists as alias"));
    }
    Ok(())
}

fn write_index(state: &State, alias: &str, members: &BTreeMap<String, AliasMeta>) -> Result<Arc<Index>, ApiError> {
    let chosen = members.iter().find(|(_, meta)| meta.is_write_index == Some(true));
    let only = members.iter().next().filter(|(_, meta)| members.len() == 1 && meta.is_write_index.is_none());
    let index = chosen.or(only).and_then(|(name, _)| state.indices.get(name));
    index.map(Arc::clone).ok_or_else(|| {
        ApiError::illegal_argument(format!(
            "no write index is defined for alias [{alias}]. The write index may be explicitly disabled using is_write_index=false or the alias points to multiple indices without one being designated as a write index"
        ))
    })
}

fn check_one_write_index(alias: &str, members: &BTreeMap<String, AliasMeta>) -> Result<(), ApiError> {
    let writers: Vec<&str> =
        members.iter().filter(|(_, meta)| meta.is_write_index == Some(true)).map(|(name, _)| name.as_str()).collect();
    if writers.len() <= 1 {
        return Ok(());
    }
    Err(ApiError::new(
        500,
        "illegal_state_exception",
        format!("alias [{alias}] has more than one write index [{}]", writers.join(",")),
    ))
}

fn alias_is_index(alias: &str) -> ApiError {
    let reason =
        format!("Invalid alias name [{alias}]: an index or data stream exists with the same name as the alias");
    ApiError::new(400, "invalid_alias_name_exception", reason)
}
