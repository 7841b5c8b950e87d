//! Aggregates with their modifiers, and as window functions.

use rusqlite::Connection;

use super::super::{Extreme, Having, Modifiers, Nulls, resolve};
use super::{connection, evaluate};
use crate::server::bigquery::value::{Type, Value};

/// A table `t` of an order, an INT64 and a FLOAT64.
fn filled() -> Connection {
    let connection = connection();
    connection
        .execute_batch(
            "CREATE TABLE t (n, x, f);
             INSERT INTO t VALUES (1, 5, 1.5), (2, NULL, x'4e614e'), (3, 2, 0.0), (4, 5, -2.5), (5, 9, NULL), (6, 2, 4.0)",
        )
        .unwrap();
    connection
}

fn aggregate(name: &str, columns: &[(&str, Type)], modifiers: &Modifiers) -> Result<String, String> {
    let connection = filled();
    let types: Vec<_> = columns.iter().map(|(_, kind)| Some(kind.clone())).collect();
    let call = resolve(name, &types).map_err(|error| error.message)?;
    let texts: Vec<String> = columns.iter().map(|(text, _)| (*text).to_owned()).collect();
    let sql = call.aggregate_sql(&texts, modifiers).map_err(|error| error.message)?;
    let value = evaluate(&connection, &format!("{sql} FROM t"), &[], &call.result)?;
    Ok(value.print().unwrap_or_else(|| "NULL".to_owned()))
}

#[test]
fn modifiers_choose_the_rows_that_count() {
    let x = ("x", Type::Int64);
    let f = ("f", Type::Float64);
    let distinct = Modifiers { distinct: true, ..Modifiers::default() };
    let ordered = |limit| Modifiers {
        order_by: vec!["x DESC".into()],
        limit,
        nulls: Some(Nulls::Ignore),
        ..Modifiers::default()
    };
    let having = |extreme| Modifiers {
        having: Some(Having { extreme, sql: "n".into(), kind: Type::Int64 }),
        ..Modifiers::default()
    };
    let plain = Modifiers::default();
    for (name, columns, modifiers, expected) in [
        ("COUNT", &[][..], &plain, "6"),
        ("COUNT", std::slice::from_ref(&x), &distinct, "3"),
        ("SUM", std::slice::from_ref(&x), &plain, "23"),
        ("SUM", std::slice::from_ref(&x), &distinct, "16"),
        ("SUM", std::slice::from_ref(&f), &plain, "NaN"),
        ("MAX", std::slice::from_ref(&f), &plain, "NaN"),
        ("MIN", std::slice::from_ref(&x), &plain, "2"),
        ("ARRAY_AGG", std::slice::from_ref(&x), &plain, "[5, NULL, 2, 5, 9, 2]"),
        ("ARRAY_AGG", std::slice::from_ref(&x), &ordered(None), "[9, 5, 5, 2, 2]"),
        ("ARRAY_AGG", std::slice::from_ref(&x), &ordered(Some(2)), "[9, 5]"),
        ("ARRAY_AGG", std::slice::from_ref(&x), &having(Extreme::Min), "[5]"),
        ("ANY_VALUE", std::slice::from_ref(&x), &having(Extreme::Max), "2"),
        ("MAX_BY", &[("n", Type::Int64), x.clone()], &plain, "5"),
        ("APPROX_COUNT_DISTINCT", std::slice::from_ref(&x), &plain, "3"),
        ("APPROX_QUANTILES", &[x.clone(), ("2", Type::Int64)], &plain, "[2, 5, 9]"),
        ("APPROX_TOP_COUNT", &[x.clone(), ("2", Type::Int64)], &plain, "[(5, 2), (2, 2)]"),
        ("APPROX_TOP_SUM", &[("n", Type::Int64), x.clone(), ("1", Type::Int64)], &plain, "[(5, 9)]"),
        ("COUNTIF", &[("x > 2", Type::Bool)], &plain, "3"),
        ("LOGICAL_AND", &[("x > 2", Type::Bool)], &plain, "false"),
    ] {
        assert_eq!(aggregate(name, columns, modifiers), Ok(expected.to_owned()), "{name}");
    }
}

#[test]
fn quantiles_are_as_documented() {
    let connection = connection();
    let call = resolve("APPROX_QUANTILES", &[Some(Type::Int64), Some(Type::Int64)]).unwrap();
    for (distinct, expected) in [(false, "[1, 5, 10]"), (true, "[1, 6, 10]")] {
        let sql = call
            .aggregate_sql(&["column1".into(), "2".into()], &Modifiers { distinct, ..Modifiers::default() })
            .unwrap();
        let from = "(VALUES (1), (1), (1), (4), (5), (6), (7), (8), (9), (10))";
        let found = evaluate(&connection, &format!("{sql} FROM {from}"), &[], &call.result).unwrap();
        assert_eq!(found.print().as_deref(), Some(expected));
    }
}

#[test]
fn no_rows_give_what_bigquery_gives() {
    let connection = filled();
    for (name, types, expected) in [
        ("COUNT", &[][..], "0"),
        ("COUNTIF", &[Type::Bool], "0"),
        ("SUM", &[Type::Float64], "NULL"),
        ("ARRAY_AGG", &[Type::Int64], "NULL"),
        ("$ARRAY", &[Type::Int64], "[]"),
        ("STRING_AGG", &[Type::String], "NULL"),
        ("APPROX_COUNT_DISTINCT", &[Type::String], "0"),
        ("APPROX_QUANTILES", &[Type::Int64, Type::Int64], "NULL"),
        ("STDDEV", &[Type::Float64], "NULL"),
    ] {
        let given: Vec<_> = types.iter().cloned().map(Some).collect();
        let call = resolve(name, &given).unwrap();
        let sql = call.aggregate_sql(&vec!["NULL".to_owned(); types.len()], &Modifiers::default()).unwrap();
        let found = evaluate(&connection, &format!("{sql} FROM t WHERE n > 100"), &[], &call.result).unwrap();
        assert_eq!(found.print().unwrap_or_else(|| "NULL".to_owned()), expected, "{name}");
    }
}

#[test]
fn an_overflowing_sum_is_an_error_and_only_then() {
    let connection = connection();
    let call = resolve("SUM", &[Some(Type::Int64)]).unwrap();
    let sql = call.aggregate_sql(&["column1".into()], &Modifiers::default()).unwrap();
    let of = |rows: &str| evaluate(&connection, &format!("{sql} FROM (VALUES {rows})"), &[], &Type::Int64);
    assert_eq!(of("(9223372036854775807), (1)"), Err("int64 overflow in SUM".to_owned()));
    assert_eq!(of("(9223372036854775807), (1), (-1)"), Ok(Value::Int64(i64::MAX)));
}

#[test]
fn order_in_a_window_call_is_refused() {
    let call = resolve("ARRAY_AGG", &[Some(Type::Int64)]).unwrap();
    let modifiers = Modifiers { order_by: vec!["x".into()], ..Modifiers::default() };
    assert!(call.window_sql(&["x".into()], &modifiers).is_err());
}
