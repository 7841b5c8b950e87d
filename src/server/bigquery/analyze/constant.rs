//! Expressions that must be constant: option values, `STRUCT(10 AS horizon)`, LIMIT.

use super::Catalog;
use super::expression::{implied_name, parse_integer, typed_value};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function;
use crate::server::bigquery::sql::ast::{Expression, ExpressionKind, Literal};
use crate::server::bigquery::value::{Type, Value};

/// The value of a literal, a parameter, a variable, or an array or struct of them. A NULL has the type `INT64`.
pub(crate) fn constant(expression: &Expression, catalog: &dyn Catalog) -> Result<(Type, Value), QueryError> {
    let at = expression.at;
    match &expression.kind {
        ExpressionKind::Literal(value) => literal(value, at),
        ExpressionKind::Unary { operator, operand } if matches!(*operator, "-" | "+") => {
            signed(operator, operand, catalog, at)
        }
        ExpressionKind::Parameter(name) => catalog.variable(&format!("@{name}")).ok_or_else(|| not_constant(at)),
        ExpressionKind::Positional(number) => catalog.variable(&format!("?{number}")).ok_or_else(|| not_constant(at)),
        ExpressionKind::Path(names) => match names.as_slice() {
            [name] => catalog.variable(&name.text).ok_or_else(|| not_constant(at)),
            _ => Err(not_constant(at)),
        },
        ExpressionKind::Array { element, items } => array(element.as_ref(), items, catalog, at),
        ExpressionKind::Struct { fields, items } => {
            let mut kinds = Vec::with_capacity(items.len());
            let mut values = Vec::with_capacity(items.len());
            for (index, (item, alias)) in items.iter().enumerate() {
                let (kind, value) = constant(item, catalog)?;
                let name = alias.as_ref().map(|alias| alias.text.clone()).or_else(|| implied_name(item));
                let (name, wanted) =
                    fields.as_ref().and_then(|fields| fields.get(index)).cloned().unwrap_or((name, kind.clone()));
                values.push(converted(value, &kind, &wanted, item.at)?);
                kinds.push((name, wanted));
            }
            Ok((Type::Struct(kinds), Value::Struct(values)))
        }
        _ => Err(not_constant(at)),
    }
}

fn not_constant(at: Position) -> QueryError {
    QueryError::invalid_query("Expected a literal or parameter value").at(at)
}

fn literal(literal: &Literal, at: Position) -> Result<(Type, Value), QueryError> {
    Ok(match literal {
        Literal::Null => (Type::Int64, Value::Null),
        Literal::Bool(value) => (Type::Bool, Value::Bool(*value)),
        Literal::Integer(text) => (Type::Int64, Value::Int64(integer(text, at)?)),
        Literal::Float(value) => (Type::Float64, Value::Float64(*value)),
        Literal::String(text) => (Type::String, Value::String(text.clone())),
        Literal::Bytes(bytes) => (Type::Bytes, Value::Bytes(bytes.clone())),
        Literal::Typed(kind, text) => (kind.clone(), typed_value(kind, text, at)?),
    })
}

fn integer(text: &str, at: Position) -> Result<i64, QueryError> {
    parse_integer(text).ok_or_else(|| QueryError::invalid_query(format!("Invalid integer literal: {text}")).at(at))
}

fn signed(
    operator: &str,
    operand: &Expression,
    catalog: &dyn Catalog,
    at: Position,
) -> Result<(Type, Value), QueryError> {
    if let ("-", ExpressionKind::Literal(Literal::Integer(text))) = (operator, &operand.kind) {
        return Ok((Type::Int64, Value::Int64(integer(&format!("-{text}"), at)?)));
    }
    match constant(operand, catalog)? {
        (kind @ (Type::Int64 | Type::Float64), value) if operator == "+" => Ok((kind, value)),
        (Type::Int64, Value::Int64(value)) => {
            value.checked_neg().map(|value| (Type::Int64, Value::Int64(value))).ok_or_else(|| not_constant(at))
        }
        (Type::Float64, Value::Float64(value)) => Ok((Type::Float64, Value::Float64(-value))),
        _ => Err(not_constant(at)),
    }
}

fn array(
    element: Option<&Type>,
    items: &[Expression],
    catalog: &dyn Catalog,
    at: Position,
) -> Result<(Type, Value), QueryError> {
    let mut found = Vec::with_capacity(items.len());
    for item in items {
        found.push((constant(item, catalog)?, item.at));
    }
    let kinds: Vec<Option<Type>> =
        found.iter().map(|((kind, value), _)| (*value != Value::Null).then(|| kind.clone())).collect();
    let kind = match element {
        Some(element) => element.clone(),
        None => function::common_type(&kinds)
            .ok_or_else(|| QueryError::invalid_query("Array elements do not have a common supertype").at(at))?,
    };
    let mut values = Vec::with_capacity(found.len());
    for ((from, value), at) in found {
        values.push(converted(value, &from, &kind, at)?);
    }
    Ok((Type::Array(Box::new(kind)), Value::Array(values)))
}

/// A constant as another type, to which its own coerces.
fn converted(value: Value, from: &Type, to: &Type, at: Position) -> Result<Value, QueryError> {
    if from == to || value == Value::Null {
        return Ok(value);
    }
    if let (Value::Int64(_), Type::Float64 | Type::Numeric)
    | (Value::String(_), Type::Date | Type::Time | Type::Datetime | Type::Timestamp)
    | (Value::Numeric(_), Type::Float64) = (&value, to)
        && let Some(text) = value.print()
    {
        return typed_value(to, &text, at);
    }
    Err(QueryError::invalid_query(format!("Value of type {} does not coerce to {}", from.name(), to.name())).at(at))
}
