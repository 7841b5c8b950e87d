//! What a Kibana dashboard shows, without Kibana: its saved objects read, its Lens layers compiled to Elasticsearch
//! searches, the answers turned into tables and the tables into figures.
//!
//! ```text
//! object (dashboard, panels) -> layer (typed columns) -> search -> [Elasticsearch] -> table -> figure (JSON for a page)
//!                                  ^ formula, kql, time
//! ```
//!
//! Everything here is pure: no socket, no clock, no file. Who runs the searches is [`layer::Run`]'s caller.

pub mod assume;
pub mod figure;
pub mod filter;
pub mod forecast;
pub mod format;
pub mod formula;
#[doc(hidden)]
pub mod fuzzing;
pub mod kql;
pub mod layer;
pub mod object;
pub mod panel;
pub mod scope;
pub mod table;
pub mod time;
pub mod view;
