//! Tables of calls with what BigQuery's documentation gives for them, and the replay of an independent engine's results.

mod aggregates;
mod properties;
mod reference;
mod resolution;
mod scalars;

use rusqlite::Connection;

use super::{Argument, Call, cast, query_error, register, resolve_arguments, resolve_operator_arguments};
use crate::server::bigquery::value::{Type, Value};

/// A connection with all functions.
pub(super) fn connection() -> Connection {
    let connection = Connection::open_in_memory().unwrap();
    register(&connection).unwrap();
    connection
}

/// Evaluates SQLite text to a value of a type, or to the error's message.
pub(super) fn evaluate(connection: &Connection, sql: &str, parameters: &[Value], kind: &Type) -> Result<Value, String> {
    let parameters = rusqlite::params_from_iter(parameters.iter().map(Value::to_sql));
    let found =
        connection.query_row(&format!("SELECT {sql}"), parameters, |row| Ok(Value::read(row.get_ref(0)?, kind)));
    match found {
        Ok(value) => value.map_err(|error| error.to_string()),
        Err(error) => Err(query_error(&error).map_or_else(|| format!("SQLite: {error}"), |error| error.message)),
    }
}

/// A value written as `INT64 5`, `STRING abc`, `NULL`, `ARRAY<INT64> 1|2`.
pub(super) fn value(text: &str) -> (Option<Type>, Value) {
    if text == "NULL" {
        return (None, Value::Null);
    }
    let end =
        if text.starts_with("ARRAY") { text.rfind('>').unwrap() + 1 } else { text.find(' ').unwrap_or(text.len()) };
    let kind = Type::of_name(&text[..end]).unwrap_or_else(|| panic!("{text}"));
    let rest = text.get(end + 1..).unwrap_or("");
    let value = read(rest, &kind);
    (Some(kind), value)
}

fn read(text: &str, kind: &Type) -> Value {
    match kind {
        _ if text == "NULL" => Value::Null,
        Type::Array(_) if text.is_empty() => Value::Array(Vec::new()),
        Type::Array(element) => Value::Array(text.split('|').map(|item| read(item, element)).collect()),
        kind => Value::parse(text, kind).unwrap_or_else(|error| panic!("{error}")),
    }
}

/// The call of a function (or `op +`) with arguments, all literals, coerced as an analyzer does.
pub(super) fn call(name: &str, arguments: &[(Option<Type>, Value)]) -> Result<(Call, String), String> {
    let given: Vec<Argument> =
        arguments.iter().map(|(kind, _)| Argument { kind: kind.clone(), literal: true }).collect();
    let call = match name.strip_prefix("op ") {
        Some(operator) => resolve_operator_arguments(operator, &given),
        None => resolve_arguments(name, &given),
    };
    let call = call.map_err(|error| error.message)?;
    let texts: Vec<String> = (1..=arguments.len()).map(|index| format!("?{index}")).collect();
    let coerced = coerced(&call, arguments, &texts);
    Ok((call.clone(), call.sql(&coerced)))
}

fn coerced(call: &Call, arguments: &[(Option<Type>, Value)], texts: &[String]) -> Vec<String> {
    let each = call.arguments.iter().zip(arguments).zip(texts);
    each.map(|((to, (from, _)), text)| match from {
        Some(from) => cast(from, to, false).unwrap().sql(text),
        None => text.clone(),
    })
    .collect()
}

/// `name`, arguments, and the result as printed, or the error after `error: `.
pub(super) fn check(cases: &[(&str, &[&str], &str)]) {
    let connection = connection();
    for (name, arguments, expected) in cases {
        let arguments: Vec<_> = arguments.iter().map(|text| value(text)).collect();
        let found = call(name, &arguments).and_then(|(call, sql)| {
            let values: Vec<Value> = arguments.iter().map(|(_, value)| value.clone()).collect();
            evaluate(&connection, &sql, &values, &call.result)
        });
        let found = match found {
            Ok(value) => value.print().unwrap_or_else(|| "NULL".to_owned()),
            Err(message) => format!("error: {message}"),
        };
        assert_eq!(found, *expected, "{name}({arguments:?})");
    }
}
