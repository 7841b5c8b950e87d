//! Statements that change rows, applied to tables.

use super::World;
use crate::server::bigquery::analyze::{Change, ChangeKind, change};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::sql::parse_script;
use crate::server::bigquery::value::Value;

fn analyze(world: &mut World, script: &str) -> Result<Change, QueryError> {
    let statements = parse_script(script)?;
    change(&statements[0], world)
}

/// Runs the change and shows the table `ds.names`.
fn apply(script: &str) -> String {
    let mut world = World::new();
    world.add(
        "ds.new",
        "id INT64, name STRING",
        vec![vec![Value::Int64(2), Value::String("deux".to_owned())], vec![Value::Int64(9), Value::Null]],
    );
    world.add(
        "ds.s",
        "a INT64, s STRUCT<x INT64, y STRING>",
        vec![vec![Value::Int64(1), Value::Struct(vec![Value::Int64(1), Value::Null])]],
    );
    let change = match analyze(&mut world, script) {
        Ok(change) => change,
        Err(error) => return error.to_string(),
    };
    let statements = change.statements("m1");
    world.connection.execute_batch(&statements.gather).unwrap_or_else(|error| panic!("{error} {}", statements.gather));
    if world.connection.prepare(&statements.twice).unwrap().exists([]).unwrap() {
        return "twice".to_owned();
    }
    for (kind, sql) in &statements.apply {
        let count = world.connection.execute(sql, []).unwrap_or_else(|error| panic!("{error} {sql}"));
        assert!(count < 10, "{kind:?}");
    }
    world.connection.execute_batch(&statements.discard).unwrap();
    let table = change.target.last().unwrap();
    let (_, rows) = world.run(&format!("SELECT * FROM ds.{table} ORDER BY 1, TO_JSON_STRING({table})")).unwrap();
    super::show_rows(&rows)
}

#[test]
fn changes_are_applied() {
    let table = [
        ("INSERT INTO ds.names VALUES (4, 'four'), (5, NULL)", "1,one;2,two;3,NULL;4,four;5,NULL"),
        ("INSERT ds.names (name) VALUES ('x')", "NULL,x;1,one;2,two;3,NULL"),
        ("INSERT ds.names (instrument_token, name) VALUES (1 + 3, DEFAULT)", "1,one;2,two;3,NULL;4,NULL"),
        ("INSERT INTO ds.names SELECT id, name FROM ds.new", "1,one;2,deux;2,two;3,NULL;9,NULL"),
        (
            "INSERT INTO ds.names SELECT instrument_token + 10, name FROM ds.names",
            "1,one;2,two;3,NULL;11,one;12,two;13,NULL",
        ),
        ("UPDATE ds.names SET name = CONCAT(name, '!') WHERE instrument_token < 3", "1,one!;2,two!;3,NULL"),
        ("UPDATE ds.names n SET n.name = s.name FROM ds.new s WHERE s.id = n.instrument_token", "1,one;2,deux;3,NULL"),
        ("UPDATE ds.names n SET name = 'x' FROM ds.new s WHERE TRUE", "twice"),
        ("UPDATE ds.s SET s.y = 'z', a = a + 1 WHERE TRUE", "2,{1 z}"),
        ("UPDATE ds.s SET s.y = 'z', s.x = 5 WHERE TRUE", "1,{5 z}"),
        ("DELETE FROM ds.names WHERE name IS NULL", "1,one;2,two"),
        ("DELETE ds.names n WHERE n.instrument_token IN (SELECT id FROM ds.new)", "1,one;3,NULL"),
        ("TRUNCATE TABLE ds.names", ""),
        (
            "MERGE ds.names t USING ds.new s ON t.instrument_token = s.id WHEN MATCHED THEN UPDATE SET name = s.name WHEN NOT MATCHED THEN INSERT (instrument_token, name) VALUES (s.id, 'new')",
            "1,one;2,deux;3,NULL;9,new",
        ),
        (
            "MERGE INTO ds.names t USING (SELECT * FROM ds.new) s ON t.instrument_token = s.id WHEN MATCHED AND s.name = 'no' THEN DELETE WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE AND t.name IS NULL THEN DELETE",
            "1,one;2,two;9,NULL",
        ),
        (
            "MERGE ds.names t USING ds.new s ON FALSE WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE THEN DELETE",
            "2,deux;9,NULL",
        ),
        (
            "MERGE ds.names t USING (SELECT 1 AS id FROM ds.new) s ON t.instrument_token = s.id WHEN MATCHED THEN DELETE",
            "twice",
        ),
    ];
    for (script, expected) in table {
        assert_eq!(apply(script), expected, "{script}");
    }
}

#[test]
fn wrong_changes_are_refused() {
    let table = [
        (
            "INSERT INTO ds.names VALUES ('a', 'b')",
            "Value has type STRING which cannot be inserted into column instrument_token, which has type INT64 at [1:30]",
        ),
        ("INSERT INTO ds.names VALUES (1)", "Inserted row has wrong column count; Has 1, expected 2 at [1:29]"),
        ("INSERT INTO ds.names (foo) VALUES (1)", "Column foo is not present in table ds.names at [1:23]"),
        (
            "INSERT INTO ds.names (name, NAME) VALUES ('a', 'b')",
            "INSERT has columns with duplicate name: NAME at [1:29]",
        ),
        ("INSERT INTO ds.names VALUES (instrument_token, 'b')", "Unrecognized name: instrument_token at [1:30]"),
        (
            "UPDATE ds.names SET instrument_token = 'a' WHERE TRUE",
            "Value of type STRING cannot be assigned to instrument_token, which has type INT64 at [1:40]",
        ),
        ("UPDATE ds.names SET name = 'a', name = 'b' WHERE TRUE", "Update item name assigned more than once at [1:33]"),
        (
            "UPDATE ds.names SET name = 'a' WHERE 1",
            "WHERE clause should return type BOOL, but returns type INT64 at [1:38]",
        ),
        (
            "DELETE FROM ds.names WHERE SUM(instrument_token) > 1",
            "Aggregate function SUM not allowed in WHERE clause at [1:28]",
        ),
    ];
    for (script, expected) in table {
        assert_eq!(apply(script), expected, "{script}");
    }
}

#[test]
fn actions_have_their_columns() {
    let mut world = World::new();
    let change = analyze(&mut world, "UPDATE ds.names SET name = 'x' WHERE TRUE").unwrap();
    assert_eq!((change.actions[0].kind, change.actions[0].columns.as_slice()), (ChangeKind::Update, &[1][..]));
    assert_eq!(change.tables, [["ds", "names"]]);
}
