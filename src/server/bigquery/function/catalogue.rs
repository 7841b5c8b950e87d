//! From a name and argument types to a call.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::call::{Call, Form, Kind};
use super::coerce::Argument;
use super::signature::{Signature, best};
use super::{aggregate, scalar};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::Type;

/// What the catalogue knows of a function.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) signatures: Vec<Signature>,
    pub(super) sql_name: String,
    pub(super) kind: Kind,
    /// Whether the SQLite function takes the types as its first argument.
    pub(super) typed: bool,
}

static CATALOGUE: LazyLock<HashMap<&'static str, Entry>> =
    LazyLock::new(|| scalar::entries().chain(aggregate::entries()).collect());

/// Resolves a call. `name` upper case, as in `TIMESTAMP_TRUNC`; `types` with `None` for an untyped NULL literal. Errors are BigQuery's
/// (`Function not found: FOO; Did you mean ..?`, `No matching signature for function X for argument types: ..`), without position.
pub(crate) fn resolve(name: &str, types: &[Option<Type>]) -> Result<Call, QueryError> {
    let arguments: Vec<Argument> =
        types.iter().map(|kind| Argument { kind: kind.clone(), literal: kind.is_none() }).collect();
    resolve_arguments(name, &arguments)
}

/// As [`resolve`], knowing which arguments are literals.
pub(crate) fn resolve_arguments(name: &str, arguments: &[Argument]) -> Result<Call, QueryError> {
    let entry = CATALOGUE.get(name).ok_or_else(|| not_found(name))?;
    let fit = best(&entry.signatures, arguments)
        .ok_or_else(|| mismatch("function", name, arguments, entry.signatures.iter().map(|s| s.print(name))))?;
    let mut call = Call {
        sql_name: entry.sql_name.clone(),
        form: Form::Function,
        typed: entry.typed,
        arguments: fit.arguments,
        result: fit.result,
        kind: entry.kind,
    };
    aggregate::prefer_native(name, &mut call);
    Ok(call)
}

/// `No matching signature for function ABS for argument types: STRING. Supported signatures: ABS(INT64); ..`
pub(super) fn mismatch(
    what: &str,
    name: &str,
    arguments: &[Argument],
    supported: impl Iterator<Item = String>,
) -> QueryError {
    let types: Vec<String> =
        arguments.iter().map(|a| a.kind.as_ref().map_or_else(|| "NULL".to_owned(), Type::name)).collect();
    let given = if types.is_empty() {
        " with no arguments".to_owned()
    } else {
        format!(" for argument types: {}", types.join(", "))
    };
    let supported: Vec<String> = supported.collect();
    let plural = if supported.len() == 1 { "" } else { "s" };
    QueryError::invalid_query(format!(
        "No matching signature for {what} {name}{given}. Supported signature{plural}: {}",
        supported.join("; ")
    ))
}

fn not_found(name: &str) -> QueryError {
    let nearest = CATALOGUE
        .keys()
        .filter(|known| !known.starts_with('$'))
        .map(|known| (distance(name, known), *known))
        .filter(|(distance, _)| *distance <= name.chars().count() / 5 + 1)
        .min();
    let hint = nearest.map(|(_, known)| format!("; Did you mean {}?", known.to_ascii_lowercase())).unwrap_or_default();
    QueryError::invalid_query(format!("Function not found: {name}{hint}"))
}

/// Letters to change, add or remove. Names longer than any of ours are only compared by their start.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, l) in left.chars().take(64).enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, r) in right.iter().enumerate() {
            let changed = diagonal + usize::from(l != *r);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}
