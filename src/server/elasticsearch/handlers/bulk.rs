//! `_bulk`: the hot path. Documents stay slices of the request's body; each index is written to once; the answer is bytes.

mod read;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use super::document::raw;
use super::writing::{
    Action, Item, ItemResult, RefreshPolicy, Shape, check_waits, refresh, refused, run, source_filter, target,
    validation, write_done, write_failed,
};
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response};
use crate::server::elasticsearch::state::{Index, Node};
use read::Defaults;

pub(crate) const BULK_PARAMS: &[&str] = &[
    "_source",
    "_source_excludes",
    "_source_includes",
    "include_source_on_error",
    "list_executed_pipelines",
    "pipeline",
    "refresh",
    "require_alias",
    "require_data_stream",
    "routing",
    "timeout",
    "wait_for_active_shards",
];

/// `POST|PUT /_bulk`, `/{index}/_bulk`.
pub(crate) async fn bulk(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let started = Instant::now();
    let policy = RefreshPolicy::read(&request.params)?;
    check_waits(&request.params)?;
    if request.body.is_empty() {
        return Err(ApiError::new(400, "parse_exception", "request body is required"));
    }
    let params = &request.params;
    let defaults = Defaults {
        index: request.path.get("index").cloned(),
        routing: params.get("routing").map(str::to_owned),
        pipeline: params.get("pipeline").map(str::to_owned),
        require_alias: params.bool("require_alias", false)?,
        require_data_stream: params.bool("require_data_stream", false)?,
        shown: source_filter(params)?,
    };
    let mut problems = Vec::new();
    let items = read::items(&request.body, &defaults, &mut problems)?;
    if items.is_empty() {
        problems.push("no requests added".into());
    }
    validation(&problems)?;
    let pipelines = items.iter().any(|item| item.pipeline.as_deref().is_some_and(|name| name != "_none"));
    let done = match node.pressure.acquire(request.body.len()) {
        Ok(permit) => {
            let done = execute(&node, items, policy).await;
            drop(permit);
            done
        }
        Err(exception) => reject(items, &ApiError::from_exception(429, exception)),
    };
    Ok(raw(200, done.answer(started, policy, pipelines)))
}

/// Items with what came of each.
struct Executed {
    /// Action and the index as it is answered.
    heads: Vec<(Action, Name)>,
    results: Vec<ItemResult>,
}

/// Most items of a request go to one index, whose name is shared.
#[derive(Clone)]
enum Name {
    Asked(String),
    Index(Arc<Index>),
}

/// No item was even begun.
fn reject(items: Vec<Item>, error: &ApiError) -> Executed {
    let results = items.iter().map(|item| Err(refused(item.id.as_deref(), error.clone()))).collect();
    let heads = items.into_iter().map(|item| (item.action, Name::Asked(item.index))).collect();
    Executed { heads, results }
}

/// The items of one index, in order.
#[derive(Default)]
struct Group {
    at: Vec<usize>,
    items: Vec<Item>,
}

async fn execute(node: &Node, items: Vec<Item>, policy: RefreshPolicy) -> Executed {
    let mut heads = Vec::with_capacity(items.len());
    let mut results: Vec<Option<ItemResult>> = Vec::new();
    results.resize_with(items.len(), || None);
    let mut targets = Targets::new(&items);
    let mut groups: HashMap<String, (Arc<Index>, Group)> = HashMap::new();
    for (at, item) in items.into_iter().enumerate() {
        match targets.find(node, &item) {
            Ok(index) => {
                heads.push((item.action, Name::Index(Arc::clone(&index))));
                let group = match groups.get_mut(index.uuid()) {
                    Some((_, group)) => group,
                    None => &mut groups.entry(index.uuid().to_owned()).or_insert((index, Group::default())).1,
                };
                group.at.push(at);
                group.items.push(item);
            }
            Err(error) => {
                if let Some(slot) = results.get_mut(at) {
                    *slot = Some(Err(refused(item.id.as_deref(), error)));
                }
                heads.push((item.action, Name::Asked(item.index)));
            }
        }
    }
    for (index, group) in groups.into_values() {
        let done = run(&index, group.items);
        let refreshed = refresh(&index, policy, done.iter().flatten()).await;
        for (at, result) in group.at.into_iter().zip(done) {
            let result = match (&refreshed, result) {
                (Err(error), Ok(done)) => Err(refused(Some(&done.id), error.clone())),
                (_, result) => result,
            };
            if let Some(slot) = results.get_mut(at) {
                *slot = Some(result);
            }
        }
    }
    let missing = || Err(refused(None, ApiError::new(500, "illegal_state_exception", "an operation has no result")));
    Executed { heads, results: results.into_iter().map(|result| result.unwrap_or_else(missing)).collect() }
}

/// The indices of a request, each name looked up once.
struct Targets {
    /// Names that something other than a delete goes to: they may be made.
    made: HashMap<String, bool>,
    known: HashMap<String, Result<Arc<Index>, ApiError>>,
}

impl Targets {
    fn new(items: &[Item]) -> Self {
        let mut made: HashMap<String, bool> = HashMap::new();
        for item in items {
            let makes = item.action != Action::Delete;
            match made.get_mut(&item.index) {
                Some(known) => *known |= makes,
                None => _ = made.insert(item.index.clone(), makes),
            }
        }
        Self { made, known: HashMap::new() }
    }

    fn find(&mut self, node: &Node, item: &Item) -> Result<Arc<Index>, ApiError> {
        let auto_create = self.made.get(&item.index).copied().unwrap_or(false);
        if item.require_alias || item.require_data_stream || item.pipeline.is_some() {
            return target(node, item, auto_create);
        }
        if let Some(known) = self.known.get(&item.index) {
            return known.clone();
        }
        let found = target(node, item, auto_create);
        self.known.insert(item.index.clone(), found.clone());
        found
    }
}

impl Executed {
    fn answer(&self, started: Instant, policy: RefreshPolicy, pipelines: bool) -> Vec<u8> {
        let errors = self.results.iter().any(Result::is_err);
        let mut out = Vec::with_capacity(64 + 192 * self.results.len());
        out.extend_from_slice(format!("{{\"errors\":{errors},\"took\":{}", started.elapsed().as_millis()).as_bytes());
        if pipelines {
            out.extend_from_slice(b",\"ingest_took\":0");
        }
        out.extend_from_slice(b",\"items\":[");
        let forced_refresh = policy == RefreshPolicy::Immediate;
        let mut copies: Option<(Arc<Index>, u64)> = None;
        for (at, ((action, name), result)) in self.heads.iter().zip(&self.results).enumerate() {
            out.extend_from_slice(if at > 0 { b",{\"" } else { b"{\"" });
            out.extend_from_slice(action.name().as_bytes());
            out.extend_from_slice(b"\":");
            match (name, result) {
                (Name::Index(index), Ok(done)) => {
                    let copies = match &copies {
                        Some((known, copies)) if Arc::ptr_eq(known, index) => *copies,
                        _ => {
                            let count = 1 + index.settings().number_of_replicas();
                            copies = Some((Arc::clone(index), count));
                            count
                        }
                    };
                    write_done(&mut out, index.name(), done, Shape { copies, forced_refresh, bulk: true });
                }
                (Name::Asked(name), Ok(done)) => {
                    write_done(&mut out, name, done, Shape { copies: 1, forced_refresh, bulk: true });
                }
                (Name::Index(index), Err(refused)) => write_failed(&mut out, index.name(), refused),
                (Name::Asked(name), Err(refused)) => write_failed(&mut out, name, refused),
            }
            out.push(b'}');
        }
        out.extend_from_slice(b"]}");
        out
    }
}

/// Reads a body as a request without an index in its path.
pub(super) fn parse_for_fuzzing(bytes: &[u8]) {
    let defaults = read::Defaults {
        index: None,
        routing: None,
        pipeline: None,
        require_alias: false,
        require_data_stream: false,
        shown: None,
    };
    let _items = read::items(&bytes::Bytes::copy_from_slice(bytes), &defaults, &mut Vec::new());
}

#[cfg(test)]
mod tests;
