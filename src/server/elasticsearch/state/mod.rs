//! What the node knows: its identity, its indices, aliases, templates and settings, and how names find them. Everything
//! here is on disk before a caller hears that it happened.

mod alias;
mod cluster;
mod index;
mod names;
mod node;
mod persist;
mod resolve;
mod settings;
mod template;
mod units;

pub(crate) use alias::AliasMeta;
pub(crate) use cluster::{CreateIndex, IndexAlias};
pub(crate) use index::Index;

pub(crate) use node::Node;
pub use persist::OpenError;
pub(crate) use resolve::{IndicesOptions, index_not_found};
pub(crate) use settings::{IndexSettings, KNOWN_PREFIXES, known_settings};
pub(crate) use template::{ComponentTemplate, IndexTemplate, Resolved};
pub(crate) use units::{now_millis, parse_time_value};
