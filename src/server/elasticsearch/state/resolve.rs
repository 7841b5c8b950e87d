//! From an expression in a path (`a,b*,-c`, `_all`, an alias) to indices.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::cluster::{Cluster, State};
use super::index::Index;
use super::names::invalid_index_name;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::http::{Params, wildcard_match};

/// What an expression may match, and what is an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndicesOptions {
    /// A name without index is passed over.
    pub(crate) ignore_unavailable: bool,
    /// A pattern may match nothing.
    pub(crate) allow_no_indices: bool,
    pub(crate) expand_open: bool,
    pub(crate) expand_closed: bool,
    pub(crate) expand_hidden: bool,
    /// A closed index that is named is an error (searches, writes), or like any other (administration).
    pub(crate) forbid_closed: bool,
    /// An alias that is named is an error (deleting).
    pub(crate) forbid_aliases: bool,
}

impl IndicesOptions {
    /// Searches, counts, refreshes: open indices, closed ones refused.
    pub(crate) const fn open() -> Self {
        Self {
            ignore_unavailable: false,
            allow_no_indices: true,
            expand_open: true,
            expand_closed: false,
            expand_hidden: false,
            forbid_closed: true,
            forbid_aliases: false,
        }
    }

    /// Reading metadata: closed indices can be named.
    pub(crate) const fn admin() -> Self {
        Self { forbid_closed: false, ..Self::open() }
    }

    /// This, changed by what the URL says.
    pub(crate) fn with_params(self, params: &Params) -> Result<Self, ApiError> {
        let mut options = self;
        options.ignore_unavailable = params.bool("ignore_unavailable", self.ignore_unavailable)?;
        options.allow_no_indices = params.bool("allow_no_indices", self.allow_no_indices)?;
        params.bool("ignore_throttled", true)?;
        let Some(wildcards) = params.get("expand_wildcards") else { return Ok(options) };
        (options.expand_open, options.expand_closed, options.expand_hidden) = (false, false, false);
        for value in wildcards.split(',') {
            match value {
                "open" => options.expand_open = true,
                "closed" => options.expand_closed = true,
                "hidden" => options.expand_hidden = true,
                "none" => (options.expand_open, options.expand_closed, options.expand_hidden) = (false, false, false),
                "all" => (options.expand_open, options.expand_closed, options.expand_hidden) = (true, true, true),
                other => {
                    return Err(ApiError::illegal_argument(format!("No valid expand wildcard value [{other}]")));
                }
            }
        }
        Ok(options)
    }
}

/// 404 `index_not_found_exception`.
pub(crate) fn index_not_found(name: &str) -> ApiError {
    not_found(name, format!("no such index [{name}]"))
}

fn not_found(name: &str, reason: String) -> ApiError {
    let exception = Exception::new("index_not_found_exception", reason)
        .with("resource.type", "index_or_alias")
        .with("resource.id", name)
        .with("index_uuid", "_na_")
        .with("index", name);
    ApiError::from_exception(404, exception)
}

/// 400 `index_closed_exception`.
pub(super) fn index_closed(index: &Index) -> ApiError {
    let exception =
        Exception::new("index_closed_exception", "closed").with("index_uuid", index.uuid()).with("index", index.name());
    ApiError::from_exception(400, exception)
}

/// An index that an expression found, and how.
pub(crate) struct Target {
    pub(crate) index: Arc<Index>,
    /// Found only through aliases that all have a filter: these narrow a search of it (any of them).
    pub(crate) filters: Vec<Value>,
}

impl Cluster {
    /// The indices of an expression, sorted by name, each once.
    pub(crate) fn resolve(&self, expression: &str, options: IndicesOptions) -> Result<Vec<Arc<Index>>, ApiError> {
        Ok(self.resolve_targets(expression, options)?.into_iter().map(|target| target.index).collect())
    }

    /// The same, with the filters of the aliases that led there.
    pub(crate) fn resolve_targets(&self, expression: &str, options: IndicesOptions) -> Result<Vec<Target>, ApiError> {
        let state = self.state();
        let mut found = Found::default();
        let mut seen_wildcard = false;
        let expression = if expression.is_empty() { "_all" } else { expression };
        for part in expression.split(',').filter(|part| !part.is_empty()) {
            if part == "_all" || part == "*" {
                seen_wildcard = true;
                let any = found.add_pattern(&state, "*", options);
                check_any(any, part, options)?;
            } else if let Some(excluded) = part.strip_prefix('-').filter(|_| seen_wildcard) {
                found.remove(&state, excluded);
            } else if part.contains('*') {
                seen_wildcard = true;
                let any = found.add_pattern(&state, part, options);
                check_any(any, part, options)?;
            } else {
                found.add_name(&state, part, options)?;
            }
        }
        if found.targets.is_empty() && !options.allow_no_indices && !options.ignore_unavailable {
            return Err(index_not_found(expression));
        }
        Ok(found
            .targets
            .into_values()
            .map(|(index, filters)| Target { index, filters: filters.unwrap_or_default() })
            .collect())
    }
}

fn check_any(any: bool, pattern: &str, options: IndicesOptions) -> Result<(), ApiError> {
    if any || options.allow_no_indices { Ok(()) } else { Err(index_not_found(pattern)) }
}

/// Indices by name, each with the filters it was found through (none: found without a filter).
#[derive(Default)]
struct Found {
    targets: BTreeMap<String, (Arc<Index>, Option<Vec<Value>>)>,
}

impl Found {
    fn add(&mut self, index: &Arc<Index>, filter: Option<&Value>) {
        let entry =
            self.targets.entry(index.name().to_owned()).or_insert_with(|| (Arc::clone(index), Some(Vec::new())));
        match (filter, &mut entry.1) {
            (Some(filter), Some(filters)) => filters.push(filter.clone()),
            (None, filters) => *filters = None,
            (Some(_), None) => {}
        }
    }

    fn add_pattern(&mut self, state: &State, pattern: &str, options: IndicesOptions) -> bool {
        let mut any = false;
        for index in state.indices.values() {
            if wildcard_match(pattern, index.name()) && expands(index, pattern, options) {
                any = true;
                self.add(index, None);
            }
        }
        for (alias, members) in &state.aliases {
            if !options.forbid_aliases && wildcard_match(pattern, alias) {
                any |= self.add_alias(state, members, options);
            }
        }
        any
    }

    /// An alias found by pattern: its open members.
    fn add_alias(
        &mut self,
        state: &State,
        members: &BTreeMap<String, super::AliasMeta>,
        options: IndicesOptions,
    ) -> bool {
        let mut any = false;
        for (name, meta) in members {
            if let Some(index) = state.indices.get(name)
                && !(index.is_closed() && options.forbid_closed)
            {
                any = true;
                self.add(index, meta.filter.as_ref());
            }
        }
        any
    }

    fn remove(&mut self, state: &State, pattern: &str) {
        self.targets.retain(|name, _| !wildcard_match(pattern, name));
        for members in state.aliases.iter().filter(|(alias, _)| wildcard_match(pattern, alias)).map(|(_, m)| m) {
            self.targets.retain(|name, _| !members.contains_key(name));
        }
    }

    fn add_name(&mut self, state: &State, name: &str, options: IndicesOptions) -> Result<(), ApiError> {
        if name.starts_with('_') {
            return Err(invalid_index_name(name, "must not start with '_'."));
        }
        if let Some(index) = state.indices.get(name) {
            return self.add_named(index, None, options);
        }
        if let Some(members) = state.aliases.get(name) {
            if options.forbid_aliases {
                return Err(ApiError::illegal_argument(format!(
                    "The provided expression [{name}] matches an alias, specify the corresponding concrete indices instead."
                )));
            }
            for (index, meta) in members {
                if let Some(index) = state.indices.get(index) {
                    self.add_named(index, meta.filter.as_ref(), options)?;
                }
            }
            return Ok(());
        }
        if options.ignore_unavailable {
            return Ok(());
        }
        if name.starts_with('-') {
            let reason = format!(
                "no such index [{name}] and if you intended to exclude this index, ensure that you use wildcards that include it before explicitly excluding it"
            );
            return Err(not_found(name, reason));
        }
        Err(index_not_found(name))
    }

    fn add_named(
        &mut self,
        index: &Arc<Index>,
        filter: Option<&Value>,
        options: IndicesOptions,
    ) -> Result<(), ApiError> {
        if index.is_closed() && options.forbid_closed {
            return if options.ignore_unavailable { Ok(()) } else { Err(index_closed(index)) };
        }
        self.add(index, filter);
        Ok(())
    }
}

/// Hidden indices are matched by patterns that start with a dot like their names.
fn expands(index: &Index, pattern: &str, options: IndicesOptions) -> bool {
    let state = if index.is_closed() { options.expand_closed } else { options.expand_open };
    let dotted = index.name().starts_with('.') && pattern.starts_with('.');
    state && (!index.settings().is_hidden() || options.expand_hidden || dotted)
}
