//! Data definition and change.

use super::{Fixture, request};
use crate::server::bigquery::engine::*;
use crate::server::bigquery::error::Reason;
use crate::server::bigquery::value::{Field, Mode, Type};

#[test]
fn tables_are_made_changed_and_counted() {
    let fixture = Fixture::new();
    let outcome = fixture.run(
        "CREATE TABLE ds.t (id INT64 NOT NULL, name STRING, tags ARRAY<STRING>) OPTIONS (description = 'd', labels = [('k', 'v')]);
         INSERT INTO ds.t (id, name, tags) VALUES (1, 'a', ['x', 'y']), (2, 'b', NULL), (3, NULL, []);
         UPDATE ds.t SET name = CONCAT(name, '!') WHERE id < 3;
         DELETE FROM ds.t WHERE id = 3;
         INSERT ds.t (id) SELECT id + 10 FROM ds.t;",
    );
    assert_eq!(outcome.error, None);
    let changes: Vec<_> = outcome.statements.iter().filter_map(|statement| statement.dml).collect();
    assert_eq!(
        changes.iter().map(|done| (done.inserted, done.updated, done.deleted)).collect::<Vec<_>>(),
        [(3, 0, 0), (0, 2, 0), (0, 0, 1), (2, 0, 0)]
    );
    assert_eq!(fixture.rows("SELECT * FROM ds.t ORDER BY id"), "1 a! [x, y]\n2 b! []\n11 NULL []\n12 NULL []");
    let table = fixture.engine.table(&TableReference::new("p", "ds", "t")).unwrap();
    assert_eq!((table.rows, table.settings.description.as_deref()), (4, Some("d")));
    assert_eq!(table.settings.labels, [("k".to_owned(), "v".to_owned())]);
    assert!(table.bytes >= 4 * 8 + 2 * 4, "{}", table.bytes);
    let processed = fixture.run("SELECT id FROM ds.t").statements[0].bytes_processed;
    assert_eq!(processed, 32);
}

#[test]
fn a_merge_inserts_updates_and_deletes_at_once() {
    let fixture = Fixture::new();
    let outcome = fixture.run(
        "CREATE TABLE ds.t AS SELECT 1 AS k, 'old' AS v UNION ALL SELECT 2, 'gone';
         MERGE ds.t AS t USING (SELECT 1 AS k, 'new' AS v UNION ALL SELECT 3, 'more') AS s ON t.k = s.k
         WHEN MATCHED THEN UPDATE SET v = s.v
         WHEN NOT MATCHED THEN INSERT (k, v) VALUES (s.k, s.v)
         WHEN NOT MATCHED BY SOURCE THEN DELETE;",
    );
    assert_eq!(outcome.error, None);
    assert_eq!(outcome.statements[1].dml, Some(DmlStatistics { inserted: 1, updated: 1, deleted: 1 }));
    assert_eq!(fixture.rows("SELECT * FROM ds.t ORDER BY k"), "1 new\n3 more");
    let error =
        fixture.error("MERGE ds.t USING (SELECT 1 AS k UNION ALL SELECT 1) AS s ON t.k = s.k WHEN MATCHED THEN DELETE");
    assert_eq!(error.message, "UPDATE/MERGE must match at most one source row for each target row");
    assert_eq!(fixture.rows("SELECT COUNT(*) FROM ds.t"), "2");
}

#[test]
fn a_statement_that_fails_changes_nothing() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t AS SELECT x FROM UNNEST([1, 2, 0]) AS x");
    let error = fixture.error("UPDATE ds.t SET x = DIV(6, x) WHERE TRUE");
    assert!(error.message.contains("division by zero"), "{error}");
    assert_eq!(fixture.rows("SELECT SUM(x) FROM ds.t"), "3");
    let error = fixture.error("CREATE TABLE ds.u AS SELECT DIV(1, x) AS y FROM ds.t");
    assert!(error.message.contains("division by zero"), "{error}");
    assert_eq!(fixture.error("SELECT * FROM ds.u").message, "Not found: Table p:ds.u was not found in location US");
    let error = fixture.error("CREATE TABLE ds.t (x INT64)");
    assert_eq!((error.reason, error.message.as_str()), (Reason::Duplicate, "Already Exists: Table p:ds.t"));
    fixture.rows("CREATE TABLE ds.r (x INT64 NOT NULL)");
    let error = fixture.error("INSERT ds.r (x) VALUES (NULL)");
    assert_eq!(error.message, "Required field x cannot be null");
}

#[test]
fn views_are_queries_and_may_stand_on_views() {
    let fixture = Fixture::new();
    fixture.rows(
        "CREATE TABLE ds.t AS SELECT 1 AS a, 2 AS b;
         CREATE VIEW ds.v AS SELECT a, b + 1 AS c FROM ds.t;
         CREATE VIEW ds.w AS SELECT c * 2 AS d FROM ds.v;",
    );
    assert_eq!(fixture.rows("SELECT d FROM ds.w"), "6");
    fixture.rows("INSERT ds.t VALUES (5, 6)");
    assert_eq!(fixture.rows("SELECT SUM(d) FROM ds.w"), "20");
    let table = fixture.engine.table(&TableReference::new("p", "ds", "v")).unwrap();
    assert_eq!((super::fields(&table.fields).as_str(), table.kind.word()), ("a INT64, c INT64", "VIEW"));
    assert!(fixture.error("INSERT ds.v VALUES (1, 1)").message.contains("view"));
    assert!(fixture.error("DROP TABLE ds.v").message.contains("currently a VIEW"));
    fixture.rows("DROP VIEW ds.v");
    assert!(fixture.error("SELECT * FROM ds.w").message.contains("Not found: Table p:ds.v"));
}

#[test]
fn datasets_come_and_go() {
    let fixture = Fixture::new();
    fixture
        .rows("CREATE SCHEMA `p.ml` OPTIONS (location = 'EU'); CREATE TABLE ml.ai (x INT64); INSERT ml.ai VALUES (7)");
    assert_eq!(fixture.rows("SELECT ai.x FROM `p.ml.ai` AS ai"), "7");
    assert_eq!(fixture.engine.dataset(&DatasetReference::new("p", "ml")).unwrap().location, "EU");
    assert_eq!(fixture.error("CREATE SCHEMA ml").message, "Already Exists: Dataset p:ml");
    let skipped = fixture.run("CREATE SCHEMA IF NOT EXISTS ml");
    assert_eq!(skipped.statements[0].ddl.as_ref().unwrap().operation, DdlOperation::Skip);
    assert_eq!(fixture.error("DROP SCHEMA ml").reason, Reason::ResourceInUse);
    fixture.rows("DROP SCHEMA ml CASCADE");
    assert!(fixture.error("SELECT * FROM ml.ai").message.starts_with("Not found: Dataset p:ml"));
    assert_eq!(fixture.error("DROP TABLE ds.none").message, "Not found: Table p:ds.none");
    assert_eq!(fixture.run("DROP TABLE IF EXISTS ds.none").error, None);
    let names = fixture.rows("SELECT table_name FROM ds.INFORMATION_SCHEMA.TABLES");
    assert_eq!(names, "");
}

#[test]
fn a_destination_is_written_as_its_dispositions_say() {
    let fixture = Fixture::new();
    let cancel = tokio_util::sync::CancellationToken::new();
    let table = TableReference::new("p", "ds", "out");
    let into = |text: &str, create: CreateDisposition, write: WriteDisposition| {
        let destination = Some(Destination { table: table.clone(), settings: Settings::default(), create, write });
        fixture.engine.run(&QueryRequest { destination, ..request(text) }, &Silent, &cancel)
    };
    let needed = CreateDisposition::IfNeeded;
    let missing = into("SELECT 1 AS a", CreateDisposition::Never, WriteDisposition::Empty).error.unwrap();
    assert_eq!(missing.reason, Reason::NotFound);
    let first = into("SELECT 1 AS a, 'x' AS b", needed, WriteDisposition::Empty);
    assert_eq!(first.error, None);
    assert_eq!(first.result().unwrap().table, table);
    assert_eq!(into("SELECT 2 AS a", needed, WriteDisposition::Empty).error.unwrap().reason, Reason::Duplicate);
    assert_eq!(into("SELECT 'y' AS B, 2 AS a", needed, WriteDisposition::Append).error, None);
    assert_eq!(fixture.rows("SELECT a, b FROM ds.out ORDER BY a"), "1 x\n2 y");
    let error = into("SELECT 'z' AS a", needed, WriteDisposition::Append).error.unwrap();
    assert!(error.message.contains("Field a has changed type from INT64 to STRING"), "{error}");
    assert_eq!(into("SELECT TRUE AS c", needed, WriteDisposition::Truncate).error, None);
    assert_eq!(fixture.rows("SELECT * FROM ds.out"), "true");
    let error = into("SELECT c, * FROM ds.out", needed, WriteDisposition::Truncate).error.unwrap();
    assert!(error.message.ends_with("Found duplicate(s): c"), "{error}");
    let error = into("SELECT 1; SELECT 2", needed, WriteDisposition::Empty).error.unwrap();
    assert_eq!(error.reason, Reason::Invalid);
}

#[test]
fn the_api_replaces_with_etags_and_pages_through_rows() {
    let fixture = Fixture::new();
    let table = TableReference::new("p", "ds", "t");
    fixture.rows("CREATE TABLE ds.t AS SELECT x, CAST(x AS STRING) AS s FROM UNNEST(GENERATE_ARRAY(1, 100)) AS x");
    let before = fixture.engine.table(&table).unwrap();
    let mut wider = before.fields.clone();
    wider.push(Field { name: "more".into(), kind: Type::Float64, mode: Mode::Nullable, description: None });
    let settings = Settings { description: Some("new".into()), ..Settings::default() };
    let replace = |etag: &str, fields: Vec<Field>| {
        fixture.engine.replace_table(&table, None, Some(fields), settings.clone(), Some(etag))
    };
    assert_eq!(replace("x", wider.clone()).unwrap_err().reason, Reason::ConditionNotMet);
    let after = replace(&before.stamp.etag, wider.clone()).unwrap();
    assert_ne!(after.stamp.etag, before.stamp.etag);
    assert_eq!(replace(&after.stamp.etag, before.fields).unwrap_err().reason, Reason::Invalid);
    let page = fixture.engine.rows(&table, Some(&["s".into(), "x".into()]), 98, 10, u64::MAX).unwrap();
    assert_eq!(page.total, 100);
    assert_eq!(page.rows.iter().map(|row| super::print(&row[0])).collect::<Vec<_>>(), ["99", "100"]);
    assert_eq!(fixture.engine.rows(&table, None, 0, 10, 1).unwrap().rows.len(), 1);
    assert!(fixture.engine.rows(&table, Some(&["nope".into()]), 0, 1, 1).is_err());
    fixture.engine.delete_table(&table).unwrap();
    assert_eq!(fixture.engine.table(&table).unwrap_err().message, "Not found: Table p:ds.t");
}

#[test]
fn a_model_whose_time_is_over_is_removed() {
    let fixture = Fixture::new();
    fixture.rows(
        "CREATE MODEL ds.m OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS
         SELECT x, 2 * x AS y FROM UNNEST(GENERATE_ARRAY(1, 20)) AS x",
    );
    let reference = TableReference::new("p", "ds", "m");
    let over = Settings { expiration_ms: Some(1), ..Settings::default() };
    fixture.engine.replace_model(&reference, over, None).unwrap();
    assert_eq!(fixture.engine.model(&reference).unwrap_err().reason, Reason::NotFound);
    fixture.rows("CREATE TABLE ds.t (x INT64)");
    let connection = fixture.engine.pool.take().unwrap();
    let left: i64 = connection.query_row("SELECT count(*) FROM catalog_models", [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}
