//! Rows of a query as the columns that models take: fields of structs are columns of their own, named `struct_field`.

use crate::server::bigquery::engine::session::Session;
use crate::server::bigquery::engine::store::{Outcome, decode};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::ml::{Frame, MlError};
use crate::server::bigquery::value::{Field, Mode, Type, Value};

const DEPTH_MAX: usize = 15;

/// The columns that these fields become.
pub(super) fn flat_fields(fields: &[Field]) -> Vec<Field> {
    let mut flat = Vec::new();
    for field in fields {
        add_fields(&field.name, &field.kind, 0, &mut flat);
    }
    flat
}

fn add_fields(name: &str, kind: &Type, depth: usize, flat: &mut Vec<Field>) {
    match kind {
        Type::Struct(members) if depth < DEPTH_MAX => {
            for (n, (member, kind)) in members.iter().enumerate() {
                let member = member.clone().unwrap_or_else(|| format!("_field_{}", n + 1));
                add_fields(&format!("{name}_{member}"), kind, depth + 1, flat);
            }
        }
        _ => flat.push(Field { name: name.to_owned(), kind: kind.clone(), mode: Mode::Nullable, description: None }),
    }
}

/// A row's values in the order of [`flat_fields`].
pub(super) fn flatten(value: Value, kind: &Type, depth: usize, flat: &mut Vec<Value>) {
    match (kind, value) {
        (Type::Struct(members), value) if depth < DEPTH_MAX => {
            let mut values = match value {
                Value::Struct(values) => values.into_iter(),
                _ => Vec::new().into_iter(),
            };
            for (_, kind) in members {
                flatten(values.next().unwrap_or(Value::Null), kind, depth + 1, flat);
            }
        }
        (_, value) => flat.push(value),
    }
}

impl Session<'_> {
    /// All rows of an analyzed query as a frame. In a dry run it has none.
    pub(super) fn frame(&self, sql: &str, fields: &[Field]) -> Outcome<Frame> {
        let mut frame = Frame::new(&flat_fields(fields));
        if self.dry_run {
            return Ok(frame);
        }
        let mut statement = self.connection.prepare(sql).map_err(|error| self.failed(&error))?;
        let mut rows = statement.query([]).map_err(|error| self.failed(&error))?;
        let mut flat = Vec::new();
        while let Some(row) = rows.next().map_err(|error| self.failed(&error))? {
            flat.clear();
            for (index, field) in fields.iter().enumerate() {
                let kept = row.get_ref(index).map_err(|error| self.failed(&error))?;
                flatten(decode(kept, &field.kind)?, &field.kind, 0, &mut flat);
            }
            frame.push(&flat).map_err(|error: MlError| QueryError::from(error))?;
        }
        Ok(frame)
    }
}
