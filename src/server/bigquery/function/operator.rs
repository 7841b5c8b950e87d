//! Operators: SQLite's own where they mean the same for the type, our functions elsewhere.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::call::{Call, Form, Kind};
use super::catalogue::mismatch;
use super::coerce::Argument;
use super::signature::{Signature, best};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::Type;

/// An operator's name, its signatures, and our function for it; `None` when it is always SQLite's own.
type Row = (&'static str, &'static [&'static str], Option<&'static str>);

const COMPARED: &[&str] = &["O, O -> BOOL"];
const EQUATED: &[&str] = &["E, E -> BOOL"];
const BITS: &[&str] = &["INT64, INT64 -> INT64", "BYTES, BYTES -> BYTES"];
const LOGICAL: &[&str] = &["BOOL, BOOL, BOOL... -> BOOL"];

const OPERATORS: &[Row] = &[
    ("+", &["N, N -> N", "DATE, INT64 -> DATE", "INT64, DATE -> DATE"], Some("bq__add")),
    ("-", &["N, N -> N", "DATE, INT64 -> DATE"], Some("bq__subtract")),
    ("*", &["N, N -> N"], Some("bq__multiply")),
    ("/", &["FLOAT64, FLOAT64 -> FLOAT64", "NUMERIC, NUMERIC -> NUMERIC"], Some("bq__divide")),
    ("unary -", &["N -> N"], Some("bq__negate")),
    ("unary +", &["N -> N"], Some("bq__plus")),
    (
        "||",
        &["STRING, STRING -> STRING", "BYTES, BYTES -> BYTES", "ARRAY<T>, ARRAY<T> -> ARRAY<T>"],
        Some("bq__concat"),
    ),
    ("=", EQUATED, Some("bq__equal")),
    ("!=", EQUATED, Some("bq__not_equal")),
    ("<", COMPARED, Some("bq__less")),
    ("<=", COMPARED, Some("bq__less_equal")),
    (">", COMPARED, Some("bq__greater")),
    (">=", COMPARED, Some("bq__greater_equal")),
    ("IN", &["E, E, E... -> BOOL"], Some("bq__in")),
    ("BETWEEN", &["O, O, O -> BOOL"], Some("bq__between")),
    ("IS DISTINCT FROM", EQUATED, Some("bq__distinct")),
    ("IS NOT DISTINCT FROM", EQUATED, Some("bq__not_distinct")),
    ("LIKE", &["STRING, STRING -> BOOL", "BYTES, BYTES -> BOOL"], Some("bq__like")),
    ("&", BITS, Some("bq__bit_and")),
    ("|", BITS, Some("bq__bit_or")),
    ("^", BITS, Some("bq__bit_xor")),
    ("<<", &["INT64, INT64 -> INT64"], Some("bq__shift_left")),
    (">>", &["INT64, INT64 -> INT64"], Some("bq__shift_right")),
    ("~", &["INT64 -> INT64"], Some("bq__bit_not")),
    ("AND", LOGICAL, None),
    ("OR", LOGICAL, None),
    ("NOT", &["BOOL -> BOOL"], None),
    ("IS NULL", &["ANY -> BOOL"], None),
    ("IS NOT NULL", &["ANY -> BOOL"], None),
    ("IS TRUE", &["BOOL -> BOOL"], None),
    ("IS NOT TRUE", &["BOOL -> BOOL"], None),
    ("IS FALSE", &["BOOL -> BOOL"], None),
    ("IS NOT FALSE", &["BOOL -> BOOL"], None),
    ("[OFFSET]", &["ARRAY<T>, INT64 -> T"], Some("bq__offset")),
    ("[ORDINAL]", &["ARRAY<T>, INT64 -> T"], Some("bq__ordinal")),
    ("[SAFE_OFFSET]", &["ARRAY<T>, INT64 -> T"], Some("bq__safe_offset")),
    ("[SAFE_ORDINAL]", &["ARRAY<T>, INT64 -> T"], Some("bq__safe_ordinal")),
    ("[]", &["ARRAY<T>, INT64 -> T", "JSON, INT64 -> JSON", "JSON, STRING -> JSON"], Some("bq__subscript")),
];

struct Operator {
    signatures: Vec<Signature>,
    sql_name: Option<&'static str>,
}

static TABLE: LazyLock<HashMap<&'static str, Operator>> = LazyLock::new(|| {
    OPERATORS
        .iter()
        .map(|(name, signatures, sql_name)| {
            let signatures = signatures.iter().flat_map(|text| Signature::read(text)).collect();
            (*name, Operator { signatures, sql_name: *sql_name })
        })
        .collect()
});

/// As [`resolve_operator_arguments`], of types alone.
#[cfg(test)]
pub(crate) fn resolve_operator(operator: &str, types: &[Option<Type>]) -> Result<Call, QueryError> {
    let arguments: Vec<Argument> =
        types.iter().map(|kind| Argument { kind: kind.clone(), literal: kind.is_none() }).collect();
    resolve_operator_arguments(operator, &arguments)
}

/// Resolves `+ - * /` (`-` and `+` also with one type), `||`, `= != <> < <= > >=`, `& | ^ << >> ~`, `LIKE`, `IN`, `BETWEEN`, `AND`, `OR`, `NOT`,
/// `IS [NOT] DISTINCT FROM`, `IS [NOT] NULL`, `IS [NOT] TRUE`, `IS [NOT] FALSE`, and the subscripts that `mod.rs` lists.
pub(crate) fn resolve_operator_arguments(operator: &str, arguments: &[Argument]) -> Result<Call, QueryError> {
    let name = match (operator, arguments.len()) {
        ("<>", _) => "!=",
        ("==", _) => "=",
        ("-", 1) => "unary -",
        ("+", 1) => "unary +",
        (name, _) => name,
    };
    let Some(found) = TABLE.get(name) else {
        return Err(QueryError::invalid_query(format!("Operator {operator} is not supported")));
    };
    let fit = best(&found.signatures, arguments).ok_or_else(|| refusal(name, operator, arguments, found))?;
    let compared = fit.arguments.first().cloned().unwrap_or(Type::Int64);
    let (sql_name, form) = match native(name, &compared) {
        Some((sql_name, form)) => (sql_name, form),
        None => (found.sql_name.unwrap_or(name), Form::Function),
    };
    Ok(Call {
        sql_name: sql_name.to_owned(),
        form,
        typed: form == Form::Function,
        arguments: fit.arguments,
        result: fit.result,
        kind: Kind::Scalar,
    })
}

/// SQLite's own operator when it does the same for operands of the type.
fn native(name: &str, kind: &Type) -> Option<(&'static str, Form)> {
    // NaN and the fields of structs compare in another way than SQLite's bytes.
    let plain = !matches!(kind, Type::Float64 | Type::Struct(_));
    Some(match name {
        "=" if plain => ("=", Form::Infix),
        "!=" if plain => ("<>", Form::Infix),
        "<" if plain => ("<", Form::Infix),
        "<=" if plain => ("<=", Form::Infix),
        ">" if plain => (">", Form::Infix),
        ">=" if plain => (">=", Form::Infix),
        "IN" if plain => ("IN", Form::In),
        "BETWEEN" if plain => ("BETWEEN", Form::Between),
        "IS DISTINCT FROM" if plain => ("IS NOT", Form::Infix),
        "IS NOT DISTINCT FROM" if plain => ("IS", Form::Infix),
        "||" if *kind == Type::String => ("||", Form::Infix),
        "AND" => ("AND", Form::Infix),
        "OR" => ("OR", Form::Infix),
        "NOT" => ("NOT", Form::Prefix),
        "IS NULL" => ("IS NULL", Form::Suffix),
        "IS NOT NULL" => ("IS NOT NULL", Form::Suffix),
        "IS TRUE" => ("IS TRUE", Form::Suffix),
        "IS NOT TRUE" => ("IS NOT TRUE", Form::Suffix),
        "IS FALSE" => ("IS FALSE", Form::Suffix),
        "IS NOT FALSE" => ("IS NOT FALSE", Form::Suffix),
        _ => return None,
    })
}

fn refusal(name: &str, operator: &str, arguments: &[Argument], found: &Operator) -> QueryError {
    let is_comparison = matches!(name, "=" | "!=" | "<" | "<=" | ">" | ">=");
    let types: Vec<&Type> = arguments.iter().filter_map(|argument| argument.kind.as_ref()).collect();
    // Types that have no order or no equality at all have their own message.
    if let (true, [first, second]) = (is_comparison, types.as_slice()) {
        let whole = |kind: &Type| matches!(kind, Type::Array(_) | Type::Struct(_) | Type::Json);
        let shown = if operator == "<>" { "!=" } else { operator };
        if whole(first) && first.word() == second.word() {
            let types = if first == second { first.name() } else { format!("{} and {}", first.name(), second.name()) };
            return QueryError::invalid_query(format!(
                "{} is not defined for arguments of type {types}",
                comparison_word(shown)
            ));
        }
    }
    let shown = operator.strip_prefix("unary ").unwrap_or(operator);
    mismatch("operator", shown, arguments, found.signatures.iter().map(|signature| print_operator(shown, signature)))
}

fn comparison_word(operator: &str) -> String {
    match operator {
        "=" => "Equality".to_owned(),
        "!=" => "Inequality".to_owned(),
        "<" => "Less than".to_owned(),
        ">" => "Greater than".to_owned(),
        other => format!("Operator {other}"),
    }
}

/// `INT64 + INT64`, `- INT64`, `ARRAY<T>[INT64]`.
fn print_operator(operator: &str, signature: &Signature) -> String {
    let text = signature.print("");
    let inside = text.trim_start_matches('(').trim_end_matches(')');
    match inside.split_once(", ") {
        Some((left, _)) if operator == "IN" => format!("{left} IN (T, ...)"),
        Some((left, right)) if operator == "BETWEEN" => format!("{left} BETWEEN {}", right.replace(", ", " AND ")),
        Some((left, right)) if operator.starts_with('[') => match operator.trim_matches(['[', ']']) {
            "" => format!("{left}[{right}]"),
            word => format!("{left}[{word}({right})]"),
        },
        Some((left, right)) => format!("{left} {operator} {}", right.split(", ").next().unwrap_or(right)),
        None if operator.starts_with("IS") => format!("{inside} {operator}"),
        None => format!("{operator} {inside}"),
    }
}
