//! One index as a search sees it: everything up to its last refresh, and nothing that comes later.

use std::sync::Arc;

use super::schema::Fields;
use crate::server::elasticsearch::mapping::Mapping;

/// A search runs over one or several of these; each is the only shard of its index.
#[derive(Clone)]
pub(crate) struct IndexSnapshot {
    /// The concrete index name (never an alias).
    pub(crate) index: Arc<str>,
    pub(crate) uuid: Arc<str>,
    /// The node's id, which shard failures name.
    pub(crate) node_id: Arc<str>,
    pub(crate) mapping: Arc<Mapping>,
    pub(crate) fields: Fields,
    pub(crate) searcher: tantivy::Searcher,
    /// `index.max_result_window`, 10,000 unless set.
    pub(crate) max_result_window: usize,
}
