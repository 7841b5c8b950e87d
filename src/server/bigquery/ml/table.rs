//! A function's result: fields and rows.

use crate::server::bigquery::value::{Field, Mode, Type, Value};

/// Rows with their fields. Each row has a value a field.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Table {
    pub fields: Vec<Field>,
    pub rows: Vec<Vec<Value>>,
}

/// A column that may be NULL; one of an array type repeats.
pub(super) fn field(name: impl Into<String>, kind: Type) -> Field {
    let mode = if matches!(kind, Type::Array(_)) { Mode::Repeated } else { Mode::Nullable };
    Field { name: name.into(), kind, mode, description: None }
}

/// Columns of one type.
pub(super) fn fields(names: &[&str], kind: &Type) -> Vec<Field> {
    names.iter().map(|name| field(*name, kind.clone())).collect()
}

/// `ARRAY<STRUCT<category STRING, weight FLOAT64>>`.
pub(super) fn category_weights() -> Type {
    Type::Array(Box::new(Type::Struct(vec![
        (Some("category".to_owned()), Type::String),
        (Some("weight".to_owned()), Type::Float64),
    ])))
}

pub(super) fn number(value: Option<f64>) -> Value {
    value.map_or(Value::Null, Value::Float64)
}

pub(super) fn integer(value: usize) -> Value {
    Value::Int64(i64::try_from(value).unwrap_or(i64::MAX))
}
