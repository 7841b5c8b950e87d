//! Variables, blocks, loops, transactions.

use super::{Fixture, request};
use crate::server::bigquery::engine::*;
use crate::server::bigquery::value::{Type, Value};

#[test]
fn scripts_have_variables_branches_and_loops() {
    let fixture = Fixture::new();
    for (script, rows) in [
        ("DECLARE x INT64 DEFAULT 5; SET x = x + 1; SELECT x", "6"),
        ("DECLARE x, y FLOAT64 DEFAULT 1; SET (x, y) = (2, 3); SELECT x * y", "6"),
        ("DECLARE x INT64; IF x IS NULL THEN SELECT 'null'; ELSE SELECT 'set'; END IF", "null"),
        (
            "DECLARE n INT64 DEFAULT 0; WHILE n < 5 DO SET n = n + 1; IF n = 3 THEN BREAK; END IF; END WHILE; SELECT n",
            "3",
        ),
        (
            "DECLARE n INT64 DEFAULT 0; LOOP SET n = n + 1; IF n < 4 THEN CONTINUE; END IF; LEAVE; END LOOP; SELECT n",
            "4",
        ),
        ("DECLARE n INT64 DEFAULT 0; REPEAT SET n = n + 2; UNTIL n > 6 END REPEAT; SELECT n", "8"),
        (
            "DECLARE s INT64 DEFAULT 0; FOR r IN (SELECT * FROM UNNEST([1, 2, 3]) AS v) DO SET s = s + r.v; END FOR; SELECT s",
            "6",
        ),
        (
            "BEGIN SELECT 1; SELECT 1 / 0; EXCEPTION WHEN ERROR THEN SELECT @@error.message; END",
            "division by zero: 1 / 0",
        ),
        ("EXECUTE IMMEDIATE 'SELECT @a + ?' USING 1 AS a", ""),
        ("DECLARE x INT64; EXECUTE IMMEDIATE 'SELECT @a * 2' INTO x USING 21 AS a; SELECT x", "42"),
        ("CREATE TEMP TABLE t AS SELECT 1 AS a; INSERT t VALUES (2); SELECT SUM(a) FROM t", "3"),
        ("SELECT 1; RETURN; SELECT 2", "1"),
    ] {
        if script.contains('?') {
            assert!(fixture.run(script).error.is_some());
            continue;
        }
        assert_eq!(fixture.rows(script), rows, "{script}");
    }
}

#[test]
fn a_script_stops_at_the_first_failure_and_tells_its_place() {
    let fixture = Fixture::new();
    let outcome =
        fixture.run("CREATE TABLE ds.a AS SELECT 1 AS x;\nSELECT nope FROM ds.a;\nCREATE TABLE ds.b (x INT64)");
    let error = outcome.error.unwrap();
    assert!(error.to_string().starts_with("Unrecognized name: nope"), "{error}");
    assert!(error.to_string().ends_with("at [2:8]"), "{error}");
    assert_eq!(outcome.statements.len(), 2);
    assert_eq!(outcome.statements[1].error.as_ref(), Some(&error));
    assert_eq!(fixture.rows("SELECT x FROM ds.a"), "1");
    assert!(fixture.engine.table(&TableReference::new("p", "ds", "b")).is_err());
    // Nothing runs when the text can't be parsed.
    let outcome = fixture.run("DROP TABLE ds.a; SELEC 1");
    assert!(outcome.statements.is_empty());
    assert!(outcome.error.unwrap().message.starts_with("Syntax error"));
    assert_eq!(fixture.error("ASSERT 1 = 2 AS 'numbers'").message, "Assertion failed: numbers");
    assert_eq!(fixture.error("RAISE USING MESSAGE = 'boom'").message, "boom");
    assert!(fixture.error("SELECT 1 AS a, undeclared").message.contains("Unrecognized name"));
}

#[test]
fn transactions_are_whole_or_nothing() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t (x INT64)");
    fixture.rows("BEGIN TRANSACTION; INSERT ds.t VALUES (1); COMMIT TRANSACTION");
    fixture.rows("BEGIN TRANSACTION; INSERT ds.t VALUES (2); ROLLBACK TRANSACTION");
    // One that a failure leaves open is undone.
    let outcome = fixture.run("BEGIN TRANSACTION; INSERT ds.t VALUES (3); SELECT 1 / 0; COMMIT TRANSACTION");
    assert!(outcome.error.is_some());
    fixture.rows("BEGIN TRANSACTION; INSERT ds.t VALUES (4)");
    assert_eq!(fixture.rows("SELECT x FROM ds.t"), "1");
    assert!(fixture.error("COMMIT TRANSACTION").message.contains("no active transaction"));
}

#[test]
fn results_of_a_transaction_are_there_whatever_becomes_of_it() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t (x INT64)");
    let script = "DECLARE x INT64; BEGIN TRANSACTION; EXECUTE IMMEDIATE 'SELECT 1' INTO x; COMMIT; SELECT x";
    assert_eq!(fixture.rows(script), "1");
    for end in ["ROLLBACK", "COMMIT", "SELECT 1 LIMIT 0; ROLLBACK"] {
        let outcome = fixture.run(&format!(
            "BEGIN TRANSACTION; INSERT ds.t VALUES (7), (8); SELECT x, 'é', b'\\xff', NULL, [x] FROM ds.t ORDER BY x; {end};
             BEGIN TRANSACTION; DELETE ds.t WHERE TRUE; COMMIT"
        ));
        assert_eq!(outcome.error, None, "{end}");
        let result = outcome.statements[2].result.as_ref().unwrap();
        let page = fixture.engine.rows(&result.table, None, 1, 10, u64::MAX).unwrap();
        let shown: Vec<_> = page.rows.iter().map(|row| row.iter().map(super::print).collect::<Vec<_>>()).collect();
        assert_eq!((page.total, shown.len(), shown[0][0].as_str(), shown[0][1].as_str()), (2, 1, "8", "é"), "{end}");
    }
}

#[test]
fn a_commit_that_fails_leaves_the_transaction_open() {
    let fixture = Fixture::new();
    let cancel = CancellationToken::new();
    let mut session = super::super::session::Session::new(&fixture.engine, "p", &Silent, &cancel).unwrap();
    let tables = "PRAGMA foreign_keys = ON; CREATE TABLE work.a (x INTEGER PRIMARY KEY);
        CREATE TABLE work.b (x REFERENCES a DEFERRABLE INITIALLY DEFERRED)";
    session.connection.execute_batch(tables).unwrap();
    session.begin(super::super::session::Access::Write).unwrap();
    session.connection.execute_batch("INSERT INTO work.b VALUES (1)").unwrap();
    assert!(session.commit().is_err() && session.in_transaction);
    session.connection.execute_batch("DELETE FROM work.b").unwrap();
    session.commit().unwrap();
    assert!(!session.in_transaction);
    session.connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
}

#[test]
fn parameters_are_bound_by_name_and_by_place() {
    let fixture = Fixture::new();
    let cancel = CancellationToken::new();
    let named = vec![
        ("Limit".to_owned(), Type::Int64, Value::Int64(2)),
        ("s".to_owned(), Type::String, Value::String("'; DROP TABLE t1; --".into())),
    ];
    let parameters = Parameters::Named(named);
    let text = "SELECT @s, x FROM UNNEST([1, 2, 3]) AS x WHERE x >= @limit ORDER BY x";
    let outcome = fixture.engine.run(&QueryRequest { parameters, ..request(text) }, &Silent, &cancel);
    assert_eq!(outcome.error, None);
    assert_eq!(fixture.shown(&outcome), "'; DROP TABLE t1; -- 2\n'; DROP TABLE t1; -- 3");
    let parameters = Parameters::Positional(vec![(Type::Int64, Value::Int64(7)), (Type::Bool, Value::Null)]);
    let outcome = fixture.engine.run(&QueryRequest { parameters, ..request("SELECT ?, ?") }, &Silent, &cancel);
    assert_eq!(fixture.shown(&outcome), "7 NULL");
}

#[test]
fn a_dry_run_of_a_script_leaves_nothing_behind() {
    let fixture = Fixture::new();
    let text = "CREATE TABLE ds.t AS SELECT 1 AS x;
        CREATE MODEL ds.m OPTIONS (model_type = 'linear_reg') AS SELECT x AS label, x FROM ds.t;
        SELECT * FROM ML.EVALUATE(MODEL ds.m);
        SELECT x FROM ds.t";
    let dry = QueryRequest { dry_run: true, ..request(text) };
    let outcome = fixture.engine.run(&dry, &Silent, &CancellationToken::new());
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.statements.len(), 4);
    assert_eq!(super::fields(outcome.statements[3].fields.as_deref().unwrap()), "x INT64");
    assert!(fixture.engine.tables(&DatasetReference::new("p", "ds")).unwrap().is_empty());
    let wrong = QueryRequest { dry_run: true, ..request("SELECT nope") };
    assert!(fixture.engine.run(&wrong, &Silent, &CancellationToken::new()).error.is_some());
}

#[test]
fn a_name_that_is_taken_is_found_before_anything_runs() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t AS SELECT 1 AS x");
    let query = "AS SELECT IF(x > 0, ERROR('it ran'), x) AS x FROM ds.t";
    let outcome = fixture.run(&format!("CREATE TABLE IF NOT EXISTS ds.t {query}"));
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.statements[0].ddl.as_ref().unwrap().operation, DdlOperation::Skip);
    assert_eq!(outcome.statements[0].bytes_processed, 0);
    assert_eq!(fixture.error(&format!("CREATE TABLE ds.t {query}")).message, "Already Exists: Table p:ds.t");
    assert_eq!(fixture.error(&format!("CREATE TABLE nowhere.t {query}")).message, "Not found: Dataset p:nowhere");
    fixture.rows(&format!("CREATE TEMP TABLE s AS SELECT 2 AS x; CREATE TEMP TABLE IF NOT EXISTS s {query}"));
    assert_eq!(fixture.error(&format!("CREATE OR REPLACE TABLE ds.t {query}")).message, "it ran");
    assert_eq!(fixture.rows("SELECT x FROM ds.t"), "1");
    // What does not run must be right all the same.
    assert!(fixture.error("CREATE TABLE IF NOT EXISTS ds.t AS SELECT nope").message.contains("nope"));
}

#[test]
fn what_is_wrong_with_a_name_or_an_option_has_its_place() {
    let fixture = Fixture::new();
    fixture.rows("CREATE VIEW ds.v AS SELECT 1 AS x");
    for (text, place) in [
        ("CREATE VIEW a.b.c.d AS SELECT 1 AS x", "at [1:13]"),
        ("CREATE EXTERNAL TABLE a.b.c.d OPTIONS (format = 'CSV', uris = ['gs://b/o'])", "at [1:23]"),
        ("CREATE SCHEMA a.b.c", "at [1:15]"),
        ("DROP SCHEMA a.b.c", "at [1:13]"),
        (" CREATE EXTERNAL TABLE ds.e OPTIONS (format = 'CSV')", "at [1:2]"),
        (" CREATE EXTERNAL TABLE ds.e OPTIONS (uris = ['gs://b/o'])", "at [1:2]"),
        ("TRUNCATE TABLE ds.v", "at [1:16]"),
        ("TRUNCATE TABLE a.b.c.d", "at [1:16]"),
    ] {
        let error = fixture.error(text);
        assert!(error.to_string().ends_with(place), "{text}: {error}");
    }
}

#[test]
fn a_loop_is_not_kept_again_with_each_of_its_conditions() {
    let fixture = Fixture::new();
    let body = format!("SET n = n + 1; IF n > 5 THEN SELECT '{}'; END IF;", "é".repeat(5000));
    let script = format!("DECLARE n INT64 DEFAULT 0; WHILE n < (SELECT 3) DO {body} END WHILE");
    let outcome = fixture.run(&script);
    assert_eq!(outcome.error, None);
    let conditions: Vec<_> = outcome.statements.iter().filter(|outcome| outcome.text.starts_with("WHILE")).collect();
    assert_eq!(conditions.len(), 4);
    assert!(conditions.iter().all(|outcome| outcome.text.chars().count() == 1000));
    // A statement is kept whole.
    let long = format!("SELECT '{}'", "é".repeat(5000));
    assert_eq!(fixture.run(&long).statements[0].text, long);
}
