//! Replays what DuckDB gave on random data (`scripts/sql-reference`, which also says what the two do differently).

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::{Argument, Call, Modifiers, Nulls, cast, resolve_arguments, resolve_operator_arguments};
use super::{connection, evaluate};
use crate::server::bigquery::value::{Type, Value};

const REFERENCE: &str = include_str!("reference.jsonl");

#[derive(Deserialize)]
struct Line {
    name: String,
    types: Vec<String>,
    /// Of the table, where the function has other arguments than all of it.
    columns: Option<Vec<String>>,
    result: String,
    over: Option<String>,
    #[serde(default)]
    ignore: bool,
    #[serde(default)]
    rows: Vec<Vec<Json>>,
    #[serde(default)]
    expected: Vec<Json>,
    #[serde(default)]
    groups: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    rows: Vec<Vec<Json>>,
    expected: Json,
}

fn kinds(names: &[String]) -> Vec<Type> {
    names.iter().map(|name| Type::of_name(name).unwrap()).collect()
}

fn read(json: &Json, kind: &Type) -> Value {
    match (json, kind) {
        (Json::Null, _) => Value::Null,
        (Json::Array(items), Type::Array(element)) => {
            Value::Array(items.iter().map(|item| read(item, element)).collect())
        }
        (Json::String(hex), Type::Bytes) => {
            Value::Bytes((0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect())
        }
        (Json::String(text), kind) => Value::parse(text, kind).unwrap_or_else(|error| panic!("{error}")),
        (other, kind) => panic!("{other} as {}", kind.name()),
    }
}

/// Floats may differ by rounding.
fn same(found: &Value, expected: &Value) -> bool {
    match (found, expected) {
        (Value::Float64(found), Value::Float64(expected)) => {
            found == expected
                || (found.is_nan() && expected.is_nan())
                || (found - expected).abs() <= 1e-9 * expected.abs().max(1e-3)
        }
        (found, expected) => found == expected,
    }
}

fn agree(found: Result<Value, String>, expected: &Json, kind: &Type) -> Result<(), String> {
    match (found, expected) {
        (Err(message), Json::Object(_)) if !message.starts_with("Internal") && !message.starts_with("SQLite") => Ok(()),
        (Ok(found), expected) if !expected.is_object() && same(&found, &read(expected, kind)) => Ok(()),
        (found, expected) => Err(format!("found {found:?}, expected {expected}")),
    }
}

fn resolved(line: &Line) -> Call {
    let arguments: Vec<Argument> = kinds(&line.types).into_iter().map(Argument::literal).collect();
    let call = match line.name.strip_prefix("op ") {
        Some(operator) => resolve_operator_arguments(operator, &arguments),
        None => resolve_arguments(&line.name, &arguments),
    };
    call.unwrap_or_else(|error| panic!("{}", error.message))
}

/// EXTRACT and FORMAT have the part or the pattern first; the script puts it last.
fn ordered(name: &str, texts: Vec<String>) -> Vec<String> {
    if name == "EXTRACT" { texts.into_iter().rev().collect() } else { texts }
}

fn scalars(line: &Line) -> Vec<String> {
    let connection = connection();
    let types = kinds(&line.types);
    let result = Type::of_name(&line.result).unwrap();
    let texts: Vec<String> = (1..=types.len()).map(|index| format!("?{index}")).collect();
    let (sql, kind) = if line.name == "cast" {
        (cast(&types[0], &result, false).unwrap().sql("?1"), result.clone())
    } else {
        let mut line_types = line.types.clone();
        if line.name == "EXTRACT" {
            line_types.reverse();
        }
        let call = resolved(&Line { types: line_types, name: line.name.clone(), ..empty() });
        (call.sql(&ordered(&line.name, texts)), call.result)
    };
    assert_eq!(kind, result, "{}", line.name);
    let each = line.rows.iter().zip(&line.expected).filter_map(|(row, expected)| {
        let arguments: Vec<Value> = row.iter().zip(&types).map(|(json, kind)| read(json, kind)).collect();
        let found = evaluate(&connection, &sql, &arguments, &result);
        agree(found, expected, &result).err().map(|message| format!("{}({row:?}): {message}", line.name))
    });
    each.collect()
}

fn empty() -> Line {
    Line {
        name: String::new(),
        types: Vec::new(),
        columns: None,
        result: String::new(),
        over: None,
        ignore: false,
        rows: Vec::new(),
        expected: Vec::new(),
        groups: Vec::new(),
    }
}

/// Table `t` of n and c0, c1 ..
fn table(rows: &[Vec<Json>], types: &[Type]) -> rusqlite::Connection {
    let connection = connection();
    let columns: String = (0..types.len()).map(|index| format!(", c{index}")).collect();
    connection.execute_batch(&format!("CREATE TABLE t (n{columns})")).unwrap();
    for (n, row) in rows.iter().enumerate() {
        let values = row.iter().zip(types).map(|(json, kind)| read(json, kind).to_sql());
        let n = rusqlite::types::Value::Integer(i64::try_from(n).unwrap());
        let marks = vec!["?"; types.len() + 1].join(", ");
        let all = rusqlite::params_from_iter(std::iter::once(n).chain(values));
        connection.execute(&format!("INSERT INTO t VALUES ({marks})"), all).unwrap();
    }
    connection
}

fn aggregates(line: &Line) -> Vec<String> {
    let types = kinds(&line.types);
    let call = resolved(line);
    let columns: Vec<String> = (0..types.len()).map(|index| format!("c{index}")).collect();
    let sql = call.aggregate_sql(&columns, &Modifiers::default()).unwrap();
    let each = line.groups.iter().filter_map(|group| {
        let found = evaluate(&table(&group.rows, &types), &format!("{sql} FROM t"), &[], &call.result);
        agree(found, &group.expected, &call.result)
            .err()
            .map(|message| format!("{} of {:?}: {message}", line.name, group.rows))
    });
    each.collect()
}

fn windows(line: &Line, over: &str) -> Vec<String> {
    let call = resolved(line);
    let types = line.columns.as_ref().map_or_else(|| kinds(&line.types), |columns| kinds(columns));
    let columns: Vec<String> = (0..line.types.len()).map(|index| format!("c{index}")).collect();
    let nulls = line.ignore.then_some(Nulls::Ignore);
    let sql = call.window_sql(&columns, &Modifiers { nulls, ..Modifiers::default() }).unwrap();
    let connection = table(&line.rows, &types);
    let mut statement = connection.prepare(&format!("SELECT {sql} OVER ({over}) FROM t ORDER BY n")).unwrap();
    let found: Vec<Result<Value, String>> = statement
        .query_map([], |row| Ok(Value::read(row.get_ref(0)?, &call.result).map_err(|error| error.to_string())))
        .unwrap()
        .map(|row| row.map_err(|error| error.to_string()).and_then(|value| value))
        .collect();
    assert_eq!(found.len(), line.expected.len());
    let each = found.into_iter().zip(&line.expected).enumerate().filter_map(|(n, (found, expected))| {
        agree(found, expected, &call.result)
            .err()
            .map(|message| format!("{} OVER ({over}), row {n}: {message}", line.name))
    });
    each.collect()
}

#[test]
fn functions_agree_with_an_independent_engine() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for text in REFERENCE.lines() {
        let line: Line = serde_json::from_str(text).unwrap();
        count += line.rows.len() + line.groups.len();
        wrong.extend(match &line.over {
            Some(over) => windows(&line, over),
            None if !line.groups.is_empty() => aggregates(&line),
            None => scalars(&line),
        });
    }
    assert!(count > 5000, "{count}");
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.iter().take(60).cloned().collect::<Vec<_>>().join("\n")
    );
}
