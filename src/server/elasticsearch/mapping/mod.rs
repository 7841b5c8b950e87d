//! The mapping: which fields an index has, of which type, and what a document's values become.

mod document;
mod field;
mod java;
mod merge;
mod options;
mod parse;
mod plan;
mod render;
mod template;
mod values;

pub(crate) mod date;

pub(crate) use date::{DateError, DateFormat};
pub(crate) use document::{parse_accepted, parse_document};
pub(crate) use field::{FieldKind, FieldMapping, Mapping, ObjectKind, ObjectMapping, Property};
pub(crate) use options::options;
