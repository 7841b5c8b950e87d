//! The columns that are wanted of a row, laid out for reading JSON: what each member's name means, found fast.

use std::collections::HashMap;

use crate::server::bigquery::value::{Field, Type};

/// A type with the members of its structs indexed by name.
pub(super) struct Shape {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) parts: Parts,
}

pub(super) enum Parts {
    None,
    Element(Box<Shape>),
    Record(Record),
}

pub(super) struct Record {
    pub(super) members: Vec<Shape>,
    /// By name in lower case.
    index: HashMap<String, usize>,
}

impl Shape {
    pub(super) fn new(name: &str, kind: &Type) -> Self {
        let parts = match kind {
            Type::Array(element) => Parts::Element(Box::new(Self::new(name, element))),
            Type::Struct(fields) => Parts::Record(Record::new(
                fields.iter().map(|(member, kind)| Self::new(member.as_deref().unwrap_or(""), kind)).collect(),
            )),
            _ => Parts::None,
        };
        Self { name: name.to_owned(), kind: kind.clone(), parts }
    }
}

impl Record {
    fn new(members: Vec<Shape>) -> Self {
        let index = members.iter().enumerate().map(|(n, member)| (member.name.to_lowercase(), n)).collect();
        Self { members, index }
    }

    pub(super) fn of_fields(fields: &[Field]) -> Self {
        Self::new(fields.iter().map(|field| Shape::new(&field.name, &field.kind)).collect())
    }

    /// The member of this name, in any letter case. Rows mostly have their members in the order of the columns: `hint` is tried first.
    pub(super) fn find(&self, name: &str, hint: usize) -> Option<usize> {
        if self.members.get(hint).is_some_and(|member| member.name == name) {
            return Some(hint);
        }
        let found = self.index.get(name).or_else(|| self.index.get(&name.to_lowercase()));
        found.or_else(|| self.index.get(&column_name(name).to_lowercase())).copied()
    }
}

/// The name of the column that autodetection makes of a member's or header's name.
pub(super) fn column_name(name: &str) -> String {
    let mut column: String =
        name.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).take(300).collect();
    if !column.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        column.insert(0, '_');
    }
    column
}
