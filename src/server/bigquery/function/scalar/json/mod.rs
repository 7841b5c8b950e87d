//! JSON: documents from and to values, and access by paths.

mod document;
mod path;

use serde_json::Value as Json;

use super::Row;
use crate::server::bigquery::function::adapter::{Arguments, Nulls::Seen, Nulls::Strict};
use crate::server::bigquery::function::error::{FunctionError, Outcome, fail};
use crate::server::bigquery::value::{Type, Value};

use path::Path;

const SCALAR: &[&str] = &["STRING, [STRING] -> STRING", "JSON, [STRING] -> STRING"];
const SAME: &[&str] = &["STRING, [STRING] -> STRING", "JSON, [STRING] -> JSON"];
const MANY: &[&str] = &["STRING, [STRING] -> ARRAY<STRING>", "JSON, [STRING] -> ARRAY<JSON>"];
const MANY_SCALARS: &[&str] = &["STRING, [STRING] -> ARRAY<STRING>", "JSON, [STRING] -> ARRAY<STRING>"];

pub(super) const ROWS: &[Row] = &[
    ("PARSE_JSON", &["STRING -> JSON"], Strict, |a| parse(a.text(0)?)),
    ("TO_JSON", &["ANY -> JSON"], Seen, |a| Ok(Value::Json(document::to_document(a.value(0), a.kind(0)).to_string()))),
    ("TO_JSON_STRING", &["ANY, [BOOL] -> STRING"], Seen, to_json_string),
    ("JSON_VALUE", SCALAR, Strict, |a| Ok(found(a)?.map_or(Value::Null, |json| scalar(&json)))),
    ("JSON_EXTRACT_SCALAR", SCALAR, Strict, |a| Ok(found(a)?.map_or(Value::Null, |json| scalar(&json)))),
    ("JSON_QUERY", SAME, Strict, query),
    ("JSON_EXTRACT", SAME, Strict, query),
    ("JSON_QUERY_ARRAY", MANY, Strict, |a| array(a, same)),
    ("JSON_EXTRACT_ARRAY", MANY, Strict, |a| array(a, same)),
    ("JSON_VALUE_ARRAY", MANY_SCALARS, Strict, |a| array(a, |_, json| scalar(json))),
    ("JSON_EXTRACT_STRING_ARRAY", MANY_SCALARS, Strict, |a| array(a, |_, json| scalar(json))),
    ("JSON_TYPE", &["JSON -> STRING"], Strict, |a| Ok(Value::String(word(&read(a.text(0)?)?).to_owned()))),
    ("INT64", &["JSON -> INT64"], Strict, |a| strict(a, "an integer", document::int)),
    ("FLOAT64", &["JSON -> FLOAT64"], Strict, |a| strict(a, "a number", |json| json.as_f64().map(Value::Float64))),
    ("BOOL", &["JSON -> BOOL"], Strict, |a| strict(a, "a boolean", |json| json.as_bool().map(Value::Bool))),
    ("LAX_INT64", &["JSON -> INT64"], Strict, |a| lax(a, &Type::Int64)),
    ("LAX_FLOAT64", &["JSON -> FLOAT64"], Strict, |a| lax(a, &Type::Float64)),
    ("LAX_BOOL", &["JSON -> BOOL"], Strict, |a| lax(a, &Type::Bool)),
    ("LAX_STRING", &["JSON -> STRING"], Strict, |a| Ok(scalar(&read(a.text(0)?)?))),
    ("JSON_KEYS", &["JSON -> ARRAY<STRING>"], Strict, keys),
];

fn parse(text: &str) -> Outcome<Value> {
    let mut document: Json = serde_json::from_str(text).map_err(|error| {
        FunctionError::new(format!(
            "syntax error while parsing value - invalid literal; last read: '{}' ({error})",
            text.chars().take(20).collect::<String>()
        ))
    })?;
    document.sort_all_objects();
    Ok(Value::Json(document.to_string()))
}

fn read(text: &str) -> Outcome<Json> {
    serde_json::from_str(text).map_err(|error| FunctionError::new(format!("Internal error: broken JSON: {error}")))
}

fn to_json_string(arguments: &Arguments<'_>) -> Outcome<Value> {
    let document = document::to_document(arguments.value(0), arguments.kind(0));
    if arguments.value(1) == &Value::Bool(true) {
        let text = serde_json::to_string_pretty(&document).map_err(|error| FunctionError::new(error.to_string()))?;
        return Ok(Value::String(text));
    }
    Ok(Value::String(document.to_string()))
}

/// What a path finds; a text that is no JSON has nothing.
fn found(arguments: &Arguments<'_>) -> Outcome<Option<Json>> {
    let path = Path::read(arguments.text_or(1, "$")?)?;
    let Ok(document) = serde_json::from_str(arguments.text(0)?) else { return Ok(None) };
    Ok(path.take(document))
}

/// As the type of the document: JSON, or its text. A null in a text is nothing.
fn same(arguments: &Arguments<'_>, json: &Json) -> Value {
    if *arguments.kind(0) == Type::Json { Value::Json(json.to_string()) } else { Value::String(json.to_string()) }
}

fn query(arguments: &Arguments<'_>) -> Outcome<Value> {
    Ok(match found(arguments)? {
        Some(Json::Null) if *arguments.kind(0) != Type::Json => Value::Null,
        Some(json) => same(arguments, &json),
        None => Value::Null,
    })
}

fn array(arguments: &Arguments<'_>, one: fn(&Arguments<'_>, &Json) -> Value) -> Outcome<Value> {
    Ok(match found(arguments)? {
        Some(Json::Array(items)) => Value::Array(items.iter().map(|item| one(arguments, item)).collect()),
        _ => Value::Null,
    })
}

/// A string without its quotes, a number or boolean as written; nothing for the rest.
fn scalar(json: &Json) -> Value {
    match json {
        Json::String(text) => Value::String(text.clone()),
        Json::Number(_) | Json::Bool(_) => Value::String(json.to_string()),
        _ => Value::Null,
    }
}

fn word(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "boolean",
        Json::Number(_) => "number",
        Json::String(_) => "string",
        Json::Array(_) => "array",
        Json::Object(_) => "object",
    }
}

fn strict(arguments: &Arguments<'_>, wanted: &str, one: fn(&Json) -> Option<Value>) -> Outcome<Value> {
    match one(&read(arguments.text(0)?)?) {
        Some(value) => Ok(value),
        None => fail(format!("The provided JSON input is not {wanted}")),
    }
}

/// What can't become the type is NULL.
fn lax(arguments: &Arguments<'_>, kind: &Type) -> Outcome<Value> {
    let json = read(arguments.text(0)?)?;
    Ok(match (&json, kind) {
        (Json::Bool(value), Type::Int64) => Value::Int64(i64::from(*value)),
        (Json::Bool(value), Type::Bool) => Value::Bool(*value),
        (Json::Number(number), Type::Bool) => Value::Bool(number.as_f64() != Some(0.0)),
        (Json::Number(_), Type::Int64) => document::int(&json).unwrap_or(Value::Null),
        (Json::Number(number), Type::Float64) => number.as_f64().map_or(Value::Null, Value::Float64),
        (Json::String(text), kind) => Value::parse(text, kind).unwrap_or(Value::Null),
        _ => Value::Null,
    })
}

fn keys(arguments: &Arguments<'_>) -> Outcome<Value> {
    let mut names = std::collections::BTreeSet::new();
    collect_keys(&read(arguments.text(0)?)?, "", &mut names);
    Ok(Value::Array(names.into_iter().map(Value::String).collect()))
}

/// As deep as `serde_json` reads, which is bounded.
fn collect_keys(json: &Json, prefix: &str, names: &mut std::collections::BTreeSet<String>) {
    let Json::Object(members) = json else { return };
    for (name, member) in members {
        let path = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        collect_keys(member, &path, names);
        names.insert(path);
    }
}

/// `j[i]` and `j.name`: NULL where there is nothing.
pub(super) fn subscript(arguments: &Arguments<'_>) -> Outcome<Value> {
    let document = read(arguments.text(0)?)?;
    let member = match arguments.value(1) {
        Value::Int64(index) => usize::try_from(*index).ok().and_then(|index| document.get(index)),
        _ => document.get(arguments.text(1)?),
    };
    Ok(member.map_or(Value::Null, |json| Value::Json(json.to_string())))
}
