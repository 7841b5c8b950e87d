//! External tables over good and bad files.

use std::io::Write;

use super::Fixture;
use crate::server::bigquery::engine::{QueryRequest, Silent, TableReference};
use crate::server::bigquery::error::Reason;

const EXPLICIT: &str = "CREATE OR REPLACE EXTERNAL TABLE ds.t (a INT64, b STRING, c ARRAY<STRUCT<x FLOAT64, y STRING>>)
    OPTIONS (format = 'NEWLINE_DELIMITED_JSON', uris = ['gs://b/d/*.json']";

fn with(files: &[(&str, &[u8])], options: &str) -> Fixture {
    let fixture = Fixture::new();
    for (name, content) in files {
        fixture.objects.put("b", name, content);
    }
    let outcome = fixture.run(&format!("{EXPLICIT}{options})"));
    assert_eq!(outcome.error, None);
    fixture
}

#[test]
fn rows_of_all_matching_objects_are_read_gzipped_or_not() {
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    zipped.write_all(b"{\"a\":\"3\",\"B\":7}\n").unwrap();
    let zipped = zipped.finish().unwrap();
    let fixture = with(
        &[
            ("d/1.json", b"{\"a\":1,\"b\":\"x\",\"c\":[{\"y\":\"q\\\"\",\"x\":1.5},{\"x\":\"2\"}]}\n\n{\"a\":null}\n"),
            ("d/2.json", &zipped),
            ("d/3.csv", b"not this one"),
        ],
        "",
    );
    assert_eq!(fixture.rows("SELECT * FROM ds.t ORDER BY a"), "NULL NULL []\n1 x [(1.5, q\"), (2, NULL)]\n3 7 []");
    assert_eq!(fixture.rows("SELECT SUM(i.x) FROM ds.t, UNNEST(c) AS i"), "3.5");
    // Later reads see the present objects.
    fixture.objects.put("b", "d/1.json", b"{\"a\":9}");
    assert_eq!(fixture.rows("SELECT SUM(a), COUNT(*) FROM ds.t"), "12 2");
}

#[test]
fn what_is_wrong_with_a_file_names_object_and_line() {
    for (content, message) in [
        (&b"{\"a\":1}\n{\"a\":2,"[..], "position 8 (line 2): Parser terminated before end of string."),
        (b"[{\"a\":1}]", "position 0 (line 1): Start of array encountered without start of object."),
        (b"[\n{\"a\":1}\n]", "position 0 (line 1): Start of array encountered without start of object."),
        (b"{\"a\":1}\n{\"z\":1}", "position 8 (line 2): No such field: z."),
        (b"{\"a\":\"x\"}", "position 0 (line 1): Could not convert value to int64. Field: a; Value: x."),
        (b"{\"c\":{}}", "position 0 (line 1): Repeated field must be imported as a JSON array. Field: c."),
        (b"{\"a\":[1]}", "position 0 (line 1): Array specified for non-repeated field: a."),
        (b"{\"a\":1} {\"a\":1}", "position 0 (line 1): Parser error: trailing characters."),
    ] {
        let fixture = with(&[("d/1.json", content)], "");
        let error = fixture.error("SELECT * FROM ds.t");
        assert_eq!(error.reason, Reason::Invalid);
        assert_eq!(
            error.message,
            format!(
                "Error while reading table: p.ds.t, error message: JSON parsing error in row starting at {message} File: gs://b/d/1.json"
            )
        );
    }
    let mut deep = b"{\"a\":".to_vec();
    deep.extend(std::iter::repeat_n(b'[', 100_000));
    let fixture = with(&[("d/1.json", &deep)], "");
    assert!(fixture.error("SELECT a FROM ds.t").message.contains("File: gs://b/d/1.json"));
    let fixture = with(&[("d/1.json", b"{}")], "");
    fixture.objects.put("b", "d/1.json", b"\x1f\x8b\x08\x00\x00\x00");
    assert!(fixture.error("SELECT a FROM ds.t").message.contains("gs://b/d/1.json"));
}

#[test]
fn bad_rows_are_left_out_up_to_a_bound_and_unknown_values_when_asked() {
    let content = b"{\"a\":1,\"z\":[{}]}\n{\"a\":\"x\"}\n{\"a\":2}\n";
    let fixture = with(&[("d/1.json", content)], ", max_bad_records = 1, ignore_unknown_values = TRUE");
    assert_eq!(fixture.rows("SELECT SUM(a) FROM ds.t"), "3");
    let outcome = fixture.run("SELECT a FROM ds.t");
    assert_eq!(outcome.statements[0].notes, ["1 bad rows of p.ds.t were left out"]);
    let fixture = with(&[("d/1.json", content)], ", max_bad_records = 1");
    assert!(fixture.error("SELECT a FROM ds.t").message.contains("(line 2)"));
}

#[test]
fn csv_is_read_by_its_options() {
    let fixture = Fixture::new();
    let create = |options: &str| {
        format!("CREATE OR REPLACE EXTERNAL TABLE ds.c OPTIONS (format = 'CSV', uris = ['gs://b/c.csv']{options})")
    };
    fixture.objects.put("b", "c.csv", b"id,name,at\n1,\"a, \"\"b\"\"\",2024-01-01 09:15:00\n2,,2024-01-01\n");
    assert_eq!(fixture.run(&create("")).error, None);
    assert_eq!(fixture.rows("SELECT * FROM ds.c"), "1 a, \"b\" 2024-01-01 09:15:00+00\n2 NULL 2024-01-01 00:00:00+00");
    fixture.objects.put("b", "c.csv", b"x;y\n1;N\n2;\"p\nq\"\n3\n");
    let options = ", field_delimiter = ';', null_marker = 'N', skip_leading_rows = 1, allow_quoted_newlines = TRUE, allow_jagged_rows = TRUE";
    assert_eq!(fixture.run(&create(options)).error, None);
    assert_eq!(fixture.rows("SELECT x, y FROM ds.c ORDER BY x"), "1 NULL\n2 p\nq\n3 NULL");
    // Nobody looks at what is skipped, but for the names of the columns.
    fixture.objects.put("b", "c.csv", b"\"no\" row, \"at all\nx,y\n1,2.5\n");
    assert_eq!(fixture.run(&create(", skip_leading_rows = 2")).error, None);
    assert_eq!(fixture.columns("SELECT * FROM ds.c"), "x INT64, y FLOAT64");
    assert_eq!(fixture.rows("SELECT * FROM ds.c"), "1 2.5");
    let error = fixture.error(&create(", hive_partition_uri_prefix = 'gs://b/'"));
    assert!(error.to_string().starts_with("Option hive_partition_uri_prefix is not supported at [1:"), "{error}");
    let error = fixture.error(&create(", nonsense = 1"));
    assert!(error.to_string().starts_with("Unknown option: nonsense at [1:"), "{error}");
    assert_eq!(fixture.error(&create("").replace("c.csv", "none.csv")).message, "Not found: URI gs://b/none.csv");
}

#[test]
fn bytes_are_counted_before_anything_is_read() {
    let fixture = with(&[("d/1.json", b"not json at all")], "");
    let cancel = tokio_util::sync::CancellationToken::new();
    let limited = QueryRequest { bytes_billed_max: Some(1000), ..super::request("SELECT a FROM ds.t") };
    let error = fixture.engine.run(&limited, &Silent, &cancel).error.unwrap();
    assert_eq!(error.reason, Reason::BytesBilledLimitExceeded);
    assert_eq!(error.message, "Query exceeded limit for bytes billed: 1000. 10485760 or higher required.");
    let dry = QueryRequest { dry_run: true, ..super::request("SELECT a, b FROM ds.t") };
    let outcome = fixture.engine.run(&dry, &Silent, &cancel);
    assert_eq!(outcome.error, None);
    let statement = &outcome.statements[0];
    assert_eq!((statement.bytes_processed, statement.result.is_none()), (15, true));
    assert_eq!(statement.referenced_tables, [TableReference::new("p", "ds", "t")]);
    assert_eq!(super::fields(statement.fields.as_deref().unwrap()), "a INT64, b STRING");
}
