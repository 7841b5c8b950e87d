//! Load, copy, extract and streaming inserts.

use serde_json::json;

use super::Fixture;
use crate::server::bigquery::engine::*;
use crate::server::bigquery::error::Reason;

fn into(table: &str, write: WriteDisposition) -> Destination {
    let (table, settings) = (TableReference::new("p", "ds", table), Settings::default());
    Destination { table, settings, create: CreateDisposition::IfNeeded, write }
}

fn load(
    fixture: &Fixture,
    table: &str,
    source: ExternalDefinition,
    upload: Option<&'static [u8]>,
) -> Result<LoadOutcome, crate::server::bigquery::error::QueryError> {
    let request = LoadRequest {
        project: "p".into(),
        destination: into(table, WriteDisposition::Append),
        source,
        upload: upload.map(|bytes| Box::new(bytes) as Box<dyn std::io::Read + Send>),
        fields: None,
        add_fields: false,
    };
    fixture.engine.load(request, &Silent, &CancellationToken::new())
}

#[test]
fn files_are_loaded_from_objects_and_uploads() {
    let fixture = Fixture::new();
    fixture.objects.put("b", "o.json", b"{\"a\":1,\"b\":\"x\"}\n{\"a\":2}\n");
    let source =
        ExternalDefinition { uris: vec!["gs://b/o.json".into()], autodetect: true, ..ExternalDefinition::default() };
    let outcome = load(&fixture, "t", source.clone(), None).unwrap();
    assert_eq!((outcome.input_files, outcome.input_bytes, outcome.output_rows), (1, 24, 2));
    let csv = ExternalDefinition { format: Format::Csv, autodetect: true, ..ExternalDefinition::default() };
    assert_eq!(load(&fixture, "t", csv.clone(), Some(b"a,b\n3,z\n")).unwrap().output_rows, 1);
    assert_eq!(fixture.rows("SELECT * FROM ds.t ORDER BY a"), "1 x\n2 NULL\n3 z");
    // All of it or nothing, without an object's name when there is none.
    let error = load(&fixture, "t", csv, Some(b"a,b\n4,z\nx,z\n")).unwrap_err();
    assert!(error.message.starts_with("Error while reading data, error message: "), "{error}");
    assert_eq!(fixture.rows("SELECT COUNT(*) FROM ds.t"), "3");
    let plain = ExternalDefinition { autodetect: false, ..source };
    assert_eq!(load(&fixture, "new", plain, None).unwrap_err().message, "No schema specified on job or table.");
}

#[test]
fn tables_are_copied_and_extracted() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.a AS SELECT 1 AS x, 'q\"' AS s, TRUE AS b UNION ALL SELECT NULL, '', FALSE");
    let cancel = CancellationToken::new();
    let copy = |write| {
        let request = CopyRequest {
            sources: vec![TableReference::new("p", "ds", "a"), TableReference::new("p", "ds", "a")],
            destination: into("copy", write),
        };
        fixture.engine.copy(&request, &cancel)
    };
    assert_eq!(copy(WriteDisposition::Empty).unwrap(), 4);
    assert_eq!(copy(WriteDisposition::Empty).unwrap_err().reason, Reason::Duplicate);
    assert_eq!(fixture.rows("SELECT COUNT(*), COUNT(x) FROM ds.copy"), "4 2");
    let extract = |format, uri: &str| ExtractRequest {
        source: TableReference::new("p", "ds", "a"),
        uris: vec![uri.into()],
        format,
        gzip: false,
        field_delimiter: ',',
        print_header: true,
    };
    assert_eq!(fixture.engine.extract(&extract(Format::Csv, "gs://b/out.csv"), &cancel).unwrap(), [1]);
    assert_eq!(fixture.objects.content("b", "out.csv").unwrap(), b"x,s,b\n1,\"q\"\"\",true\n,\"\",false\n");
    fixture.engine.extract(&extract(Format::Json, "gs://b/out-*.json"), &cancel).unwrap();
    let json = fixture.objects.content("b", "out-000000000000.json").unwrap();
    assert_eq!(
        String::from_utf8(json).unwrap(),
        "{\"x\":\"1\",\"s\":\"q\\\"\",\"b\":true}\n{\"s\":\"\",\"b\":false}\n"
    );
    fixture.rows("EXPORT DATA OPTIONS (uri = 'gs://b/e.csv', format = 'CSV', overwrite = TRUE) AS SELECT x + 1 AS y FROM ds.a WHERE b");
    assert_eq!(fixture.objects.content("b", "e.csv").unwrap(), b"y\n2\n");
}

#[test]
fn an_export_writes_over_nothing_unless_it_is_told_to() {
    let fixture = Fixture::new();
    let export = |uri: &str, more: &str| {
        format!("EXPORT DATA OPTIONS (uri = '{uri}', format = 'CSV'{more}) AS SELECT 1 AS x, 2 AS y")
    };
    fixture.rows(&export("gs://b/e-*.csv", ", overwrite = FALSE, field_delimiter = 'tab'"));
    let name = "e-000000000000.csv";
    assert_eq!(fixture.objects.content("b", name).unwrap(), b"x\ty\n1\t2\n");
    for uri in ["gs://b/e-*.csv", "gs://b/e-000000000000.csv"] {
        let error = fixture.error(&export(uri, ""));
        let message = format!("Destination {uri} is not empty; to write over it set OPTIONS(overwrite = true)");
        assert_eq!((error.reason, error.message), (Reason::InvalidQuery, message));
    }
    fixture.rows(&export("gs://b/e-*.csv", ", overwrite = TRUE"));
    assert_eq!(fixture.objects.content("b", name).unwrap(), b"x,y\n1,2\n");
    assert!(fixture.error(&export("gs://b/f.csv", ", field_delimiter = 'ab'")).message.contains("field_delimiter"));
}

#[test]
fn streamed_rows_are_checked_one_by_one() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t (a INT64 NOT NULL, d DATE, r ARRAY<STRUCT<x FLOAT64>>)");
    let table = TableReference::new("p", "ds", "t");
    let insert = |rows: &[serde_json::Value], options| {
        fixture.engine.insert_rows(&table, &rows.iter().collect::<Vec<_>>(), options).unwrap()
    };
    let good = [json!({"a": 1, "d": "2024-01-31", "r": [{"x": 1}]}), json!({"a": "2"})];
    assert_eq!(insert(&good, InsertOptions::default()), []);
    let mixed = [json!({"a": 3}), json!({"a": 4, "zz": 1}), json!({"d": "x"}), json!([])];
    let errors = insert(&mixed, InsertOptions::default());
    let told: Vec<_> = errors.iter().map(|error| (error.index, error.reason, error.location.as_str())).collect();
    assert_eq!(told[..3], [(0, "stopped", ""), (1, "invalid", "zz"), (2, "invalid", "d")]);
    assert_eq!(errors[1].message, "no such field: zz.");
    let options = InsertOptions { skip_invalid_rows: true, ignore_unknown_values: true };
    assert_eq!(insert(&mixed, options).len(), 2);
    assert_eq!(fixture.rows("SELECT * FROM ds.t ORDER BY a"), "1 2024-01-31 [(1)]\n2 NULL []\n3 NULL []\n4 NULL []");
    assert_eq!(fixture.engine.table(&table).unwrap().rows, 4);
}
