//! How calls find their signature, and what is said when there is none.

use super::super::{Kind, common_type, resolve, resolve_operator};
use super::{connection, evaluate, value};
use crate::server::bigquery::value::{Type, Value};

fn types(names: &[&str]) -> Vec<Option<Type>> {
    names.iter().map(|name| Type::of_name(name)).collect()
}

#[test]
fn numbers_find_the_nearest_signature() {
    for (name, given, result) in [
        ("ROUND", &["INT64"][..], "FLOAT64"),
        ("ROUND", &["NUMERIC"], "NUMERIC"),
        ("SUM", &["INT64"], "INT64"),
        ("AVG", &["INT64"], "FLOAT64"),
        ("SAFE_DIVIDE", &["INT64", "INT64"], "FLOAT64"),
        ("COALESCE", &["INT64", "FLOAT64"], "FLOAT64"),
        ("ARRAY_AGG", &["STRING"], "ARRAY<STRING>"),
        ("APPROX_TOP_COUNT", &["STRING", "INT64"], "ARRAY<STRUCT<value STRING, count INT64>>"),
        ("LAG", &["DATE"], "DATE"),
        ("CURRENT_TIMESTAMP", &[], "TIMESTAMP"),
    ] {
        assert_eq!(resolve(name, &types(given)).map(|call| call.result.name()), Ok(result.to_owned()), "{name}");
    }
    assert_eq!(resolve("ROW_NUMBER", &[]).map(|call| call.kind), Ok(Kind::Window));
    assert_eq!(resolve_operator("+", &types(&["INT64", "NUMERIC"])).map(|call| call.result), Ok(Type::Numeric));
    assert_eq!(resolve_operator("/", &types(&["INT64", "INT64"])).map(|call| call.result), Ok(Type::Float64));
}

#[test]
fn what_does_not_fit_is_said_as_bigquery_says_it() {
    for (name, given, message) in [
        (
            "ABS",
            &["STRING"][..],
            "No matching signature for function ABS for argument types: STRING. Supported signatures: ABS(INT64); ABS(NUMERIC); ABS(FLOAT64)",
        ),
        (
            "SQRT",
            &["STRING"],
            "No matching signature for function SQRT for argument types: STRING. Supported signature: SQRT(FLOAT64)",
        ),
        ("SQRT", &[], "No matching signature for function SQRT with no arguments. Supported signature: SQRT(FLOAT64)"),
        ("SUBSTRR", &[], "Function not found: SUBSTRR; Did you mean substr?"),
        ("FOO_BAR_BAZ", &[], "Function not found: FOO_BAR_BAZ"),
    ] {
        assert_eq!(resolve(name, &types(given)).map_err(|error| error.message), Err(message.to_owned()));
    }
    let error = resolve_operator("+", &types(&["STRING", "INT64"])).map_err(|error| error.message);
    assert_eq!(
        error,
        Err("No matching signature for operator + for argument types: STRING, INT64. Supported signatures: INT64 + INT64; NUMERIC + NUMERIC; FLOAT64 + FLOAT64; DATE + INT64; INT64 + DATE".to_owned())
    );
    let error = resolve_operator("<", &types(&["STRUCT<a INT64>", "STRUCT<a INT64>"])).map_err(|error| error.message);
    assert_eq!(error, Err("Less than is not defined for arguments of type STRUCT<a INT64>".to_owned()));
}

#[test]
fn types_join_where_one_coerces_to_the_other() {
    for (given, expected) in [
        (&["INT64", "FLOAT64"][..], Some("FLOAT64")),
        (&["INT64", "NUMERIC"], Some("NUMERIC")),
        (&["DATE", "DATETIME"], Some("DATETIME")),
        (&["STRING", "INT64"], None),
        (&["STRUCT<a INT64, b STRING>", "STRUCT<FLOAT64, STRING>"], Some("STRUCT<a FLOAT64, b STRING>")),
        (&["ARRAY<INT64>", "ARRAY<FLOAT64>"], None),
        (&[], Some("INT64")),
    ] {
        assert_eq!(common_type(&types(given)).map(|kind| kind.name()).as_deref(), expected, "{given:?}");
    }
}

#[test]
fn a_safe_call_gives_null_where_the_plain_one_fails() {
    let connection = connection();
    let (_, text) = value("STRING x");
    let call = resolve("TIMESTAMP", &types(&["STRING"])).unwrap();
    let arguments = ["?1".to_owned()];
    assert_eq!(
        evaluate(&connection, &call.safe_sql(&arguments), std::slice::from_ref(&text), &Type::Timestamp),
        Ok(Value::Null)
    );
    assert!(evaluate(&connection, &call.sql(&arguments), &[text], &Type::Timestamp).is_err());
}

#[test]
fn every_function_that_is_registered_refuses_wrong_values_without_a_panic() {
    let connection = connection();
    let names: Vec<String> = connection
        .prepare("SELECT DISTINCT name FROM pragma_function_list WHERE name LIKE 'bq!_%' ESCAPE '!'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert!(names.len() > 250, "{}", names.len());
    for name in names {
        for kind in
            ["INT64", "FLOAT64", "STRING", "BYTES", "NUMERIC", "TIMESTAMP", "ARRAY<INT64>", "STRUCT<a DATE>", "JSON"]
        {
            for count in 0..6 {
                let list = format!("STRUCT<{}>", vec![kind; count].join(", "));
                for prefix in ["", "|", "DISTINCT|"] {
                    for argument in ["NULL", "-1", "'x'", "'[1]'", "x'00'", "1e300"] {
                        let arguments =
                            std::iter::once(format!("'{prefix}{list}'")).chain(vec![argument.to_owned(); count]);
                        let sql = format!("{name}({})", arguments.collect::<Vec<_>>().join(", "));
                        drop(evaluate(&connection, &sql, &[], &Type::String));
                    }
                }
            }
        }
    }
}
