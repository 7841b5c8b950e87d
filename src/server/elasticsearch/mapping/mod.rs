//! The mapping: which fields an index has, of which type, and what a document's values become.

mod field;

pub(crate) mod date;

pub(crate) use date::{DateError, DateFormat};
pub(crate) use field::{FieldKind, FieldMapping, Mapping, ObjectKind, ObjectMapping, Property};
