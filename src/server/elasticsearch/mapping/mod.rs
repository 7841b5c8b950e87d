//! The mapping: which fields an index has, of which type, and what a document's values become.

mod field;

pub(crate) use field::{FieldKind, FieldMapping, Mapping, ObjectKind, ObjectMapping, Property};
