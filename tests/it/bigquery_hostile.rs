//! Hostile requests and scripts to the BigQuery server: none of them reads or changes anything outside the server's own folder,
//! reaches the engine beneath, brings the server down, or harms what it holds.

use serde_json::{Value, json};

use crate::support::hostile::{Hostile, encoded};
use crate::support::servers::{TestBigQuery, TestGcs};

const API: &str = "/bigquery/v2/projects/demo-project";

struct Target {
    hostile: Hostile,
    _servers: (TestGcs, TestBigQuery),
}

impl Target {
    fn new() -> Self {
        let mut hostile = Hostile::new();
        let storage = TestGcs::start();
        let server = TestBigQuery::start_in(&hostile.own_folder(), &storage.url);
        hostile.aim(&server.url);
        let mut target = Self { hostile, _servers: (storage, server) };
        target.takes("CREATE SCHEMA d; CREATE TABLE d.kept AS SELECT 1 AS x, 'as it was' AS s");
        target.hostile.sent = 0;
        target
    }

    /// The answer to a script, and whether it was taken.
    fn script(&mut self, text: &str) -> (bool, String) {
        let body =
            json!({"query": text, "useLegacySql": false, "timeoutMs": 30_000, "defaultDataset": {"datasetId": "d"}});
        let answer = self.send("POST", &format!("{API}/queries"), body.to_string().as_bytes());
        let document = answer.split_once("\r\n\r\n").map(|(_, body)| serde_json::from_str::<Value>(body));
        let taken = answer.starts_with("HTTP/1.1 200")
            && document.is_some_and(|document| document.is_ok_and(|document| document["jobComplete"] == true));
        (taken, answer)
    }

    #[track_caller]
    fn takes(&mut self, text: &str) {
        let (taken, answer) = self.script(text);
        assert!(taken, "{text}: {answer}");
    }

    #[track_caller]
    fn refuses(&mut self, text: &str) {
        let (taken, answer) = self.script(text);
        let short: String = text.chars().take(200).collect();
        assert!(!taken && answer.starts_with("HTTP/1.1 4"), "{short}: {answer}");
    }

    fn send(&mut self, method: &str, path: &str, body: &[u8]) -> String {
        self.hostile.send(method, path, &[("content-type", "application/json")], body)
    }

    /// Nothing outside changed, and the table is as it was.
    #[track_caller]
    fn check(&mut self) {
        self.hostile.check_outside();
        let (taken, answer) = self.script("SELECT COUNT(*) AS n, MIN(x) AS x, MIN(s) AS s FROM d.kept");
        assert!(taken && answer.contains("as it was"), "{answer}");
        let (_, answer) = self.script("SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES");
        assert!(answer.contains("\"kept\""), "{answer}");
    }
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let mut target = Target::new();
    let secret = target.hostile.secret();
    let names = [
        "../secret",
        "../../../secret",
        "..",
        ".",
        "/",
        "x/../../../../secret",
        "..\\..\\secret",
        "a\0b",
        "~/secret",
        "`touch x`",
        "x'; DROP TABLE kept; --",
        "x\"; DROP TABLE kept; --",
        "x`; DROP TABLE d.kept; --",
        "sqlite_master",
        "sqlite_sequence",
        "main.kept",
        &secret,
    ];
    for name in names {
        let path = encoded(name);
        for kind in ["tables", "models", "routines"] {
            target.send("GET", &format!("{API}/datasets/d/{kind}/{path}"), b"");
            target.send("DELETE", &format!("{API}/datasets/d/{kind}/{path}"), b"");
        }
        target.send("GET", &format!("{API}/datasets/{path}/tables/kept"), b"");
        target.send("DELETE", &format!("{API}/datasets/{path}"), b"");
        target.send("GET", &format!("{API}/jobs/{path}"), b"");
        target.send("GET", &format!("{API}/queries/{path}"), b"");
        target.send("GET", &format!("/bigquery/v2/projects/{path}/datasets"), b"");
        let reference =
            json!({"datasetReference": {"datasetId": name}, "tableReference": {"datasetId": "d", "tableId": name}});
        target.send("POST", &format!("{API}/datasets"), reference.to_string().as_bytes());
        target.send("POST", &format!("{API}/datasets/d/tables"), reference.to_string().as_bytes());
        let job = json!({
            "jobReference": {"jobId": name},
            "configuration": {"query": {
                "query": "SELECT 1", "useLegacySql": false,
                "destinationTable": {"projectId": "demo-project", "datasetId": "d", "tableId": name},
            }},
        });
        target.send("POST", &format!("{API}/jobs"), job.to_string().as_bytes());
        let parameters = json!({
            "query": "SELECT @p", "useLegacySql": false, "parameterMode": "NAMED",
            "queryParameters": [{"name": name, "parameterType": {"type": name}, "parameterValue": {"value": name}}],
        });
        target.send("POST", &format!("{API}/queries"), parameters.to_string().as_bytes());
        // As text a name is a name.
        let quoted = name.replace('\\', "\\\\").replace('"', "\\\"").replace('\0', "\\x00");
        let (_, answer) = target.script(&format!("SELECT \"{quoted}\" AS x"));
        assert!(answer.starts_with("HTTP/1.1 200"), "{name}: {answer}");
    }
    assert!(target.hostile.sent >= 100, "{}", target.hostile.sent);
    target.check();
}

#[test]
fn no_script_reaches_a_file_or_the_engine_beneath() {
    let mut target = Target::new();
    let secret = target.hostile.secret();
    for script in [
        "SELECT * FROM sqlite_master",
        "SELECT * FROM `sqlite_master`",
        "SELECT * FROM main.sqlite_master",
        "SELECT * FROM pragma_table_info('kept')",
        "SELECT sqlite_version()",
        "SELECT load_extension('/tmp/x.so')",
        "SELECT randomblob(10)",
        "SELECT rowid FROM d.kept",
        "PRAGMA writable_schema = 1",
        "ATTACH DATABASE 'x' AS y",
        "VACUUM",
        "SELECT 1 FROM d.kept WHERE s MATCH 'x'",
        "SELECT * FROM d.`kept\" UNION SELECT * FROM sqlite_master --`",
        "SELECT x AS `a\"b` , `y\" FROM sqlite_master --` FROM d.kept",
        "DROP TABLE `d.kept; DROP TABLE kept`",
        "CREATE TABLE d.`x\"; DROP TABLE kept; --` (a INT64)",
        "CREATE MODEL d.`../m` OPTIONS(model_type='linear_reg', input_label_cols=['x']) AS SELECT x, x AS y FROM d.kept",
    ] {
        target.refuses(script);
    }
    let files = [
        format!("SELECT readfile('{secret}')"),
        format!("SELECT writefile('{secret}', 'x')"),
        format!("ATTACH DATABASE '{secret}' AS x"),
        format!("VACUUM INTO '{secret}'"),
        format!("SELECT * FROM `{secret}`"),
        format!("CREATE EXTERNAL TABLE d.e (a STRING) OPTIONS(format='CSV', uris=['{secret}'])"),
        format!("CREATE EXTERNAL TABLE d.e (a STRING) OPTIONS(format='CSV', uris=['file://{secret}'])"),
        "CREATE EXTERNAL TABLE d.e (a STRING) OPTIONS(format='CSV', uris=['http://127.0.0.1:1/x'])".to_owned(),
        format!("LOAD DATA INTO d.l FROM FILES(format='CSV', uris=['file://{secret}'])"),
        format!("EXPORT DATA OPTIONS(uri='file://{secret}*', format='CSV') AS SELECT 1"),
        format!("EXPORT DATA OPTIONS(uri='{secret}*', format='CSV') AS SELECT 1"),
    ];
    for script in &files {
        target.refuses(script);
    }
    for uri in [
        "gs://../../secret",
        "gs://b/../../../secret",
        "gs:///secret",
        "gs://b@127.0.0.1:1/x",
        "gs://b/%2e%2e/%2e%2e/secret",
    ] {
        target
            .script(&format!("CREATE OR REPLACE EXTERNAL TABLE d.e (a STRING) OPTIONS(format='CSV', uris=['{uri}'])"));
        target.script("SELECT * FROM d.e");
        target.script(&format!("EXPORT DATA OPTIONS(uri='{uri}*', format='CSV') AS SELECT 1"));
    }
    target.check();
}

#[test]
fn numbers_depths_and_lengths_beyond_all_measure_are_refused() {
    let mut target = Target::new();
    let huge = "9".repeat(4000);
    let deep = |open: &str, close: &str| format!("SELECT {}1{}", open.repeat(100_000), close.repeat(100_000));
    for script in [
        format!("SELECT {huge}"),
        format!("SELECT NUMERIC '{huge}'"),
        format!("SELECT CAST('{huge}' AS INT64)"),
        "SELECT 9223372036854775807 + 1".to_owned(),
        "SELECT -9223372036854775808 * -1".to_owned(),
        "SELECT DIV(CAST(-9223372036854775808 AS INT64), -1)".to_owned(),
        "SELECT REPEAT('a', 1000000000000)".to_owned(),
        "SELECT LPAD('a', 1000000000000)".to_owned(),
        "SELECT GENERATE_ARRAY(1, 1000000000000)".to_owned(),
        "SELECT GENERATE_DATE_ARRAY('0001-01-01', '9999-12-31', INTERVAL 1 DAY)[OFFSET(99999999)]".to_owned(),
        "SELECT TIMESTAMP_ADD(TIMESTAMP '9999-12-31', INTERVAL 9223372036854775807 DAY)".to_owned(),
        "SELECT TIMESTAMP_MICROS(9223372036854775807)".to_owned(),
        "SELECT REGEXP_CONTAINS('a', '(((((a{1000}){1000}){1000}){1000}){1000})')".to_owned(),
        "SELECT PARSE_JSON(REPEAT('[', 1000000))".to_owned(),
        "SELECT 1 FROM UNNEST([1]) LIMIT 99999999999999999999".to_owned(),
        deep("(", ")"),
        deep("[", "]"),
        deep("-", ""),
        deep("NOT ", ""),
        deep("(SELECT ", ")"),
        deep("ABS(", ")"),
        deep("CASE WHEN TRUE THEN ", " END"),
        format!("SELECT CAST(NULL AS {}INT64{})", "STRUCT<a ".repeat(50_000), ">".repeat(50_000)),
        format!("{} SELECT 1; {}", "BEGIN ".repeat(100_000), "END; ".repeat(100_000)),
        format!("SELECT /* {}", "/*".repeat(100_000)),
        format!("SELECT '{}", "a".repeat(100_000)),
        "SELECT \u{0}".to_owned(),
        "CREATE MODEL d.m OPTIONS(model_type='linear_reg', input_label_cols=['x'], l2_reg=1e400) AS SELECT x FROM d.kept".to_owned(),
        "SELECT * FROM ML.FORECAST(MODEL d.kept, STRUCT(1000000000000 AS horizon))".to_owned(),
    ] {
        target.refuses(&script);
    }
    // Long, but of a shape that is read without going deeper: taken or refused, never more.
    for script in [
        format!("SELECT {}1", "1 + ".repeat(50_000)),
        format!("SELECT 1 WHERE {}TRUE", "TRUE AND ".repeat(20_000)),
        format!("SELECT [{}1]", "1, ".repeat(50_000)),
        format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(2_000)),
        "SELECT 1; ".repeat(2_000),
    ] {
        target.script(&script);
    }
    let number = |text: &str| encoded(text);
    for value in ["-1", "18446744073709551616", "1e9", "NaN", "", " 1", &huge] {
        let value = number(value);
        for parameter in ["maxResults", "startIndex", "pageToken", "timeoutMs"] {
            target.send("GET", &format!("{API}/datasets/d/tables/kept/data?{parameter}={value}"), b"");
            target.send("GET", &format!("{API}/jobs?{parameter}={value}"), b"");
        }
        target.send("GET", &format!("{API}/jobs?minCreationTime={value}&maxCreationTime={value}"), b"");
    }
    let nested = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in [
        nested.as_str(),
        &format!("{{\"query\": {nested}}}"),
        "{",
        "\u{0}",
        "nul",
        "[]",
        "{\"query\": 1}",
        "{\"rows\": {}}",
        "",
    ] {
        for path in ["queries", "jobs", "datasets", "datasets/d/tables", "datasets/d/tables/kept/insertAll"] {
            let answer = target.send("POST", &format!("{API}/{path}"), body.as_bytes());
            assert!(!answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
        target.send("PATCH", &format!("{API}/datasets/d/tables/kept"), body.as_bytes());
    }
    for row in [
        json!({"x": huge.as_str()}),
        json!({"x": {"x": {"x": 1}}}),
        json!({"x": [[[]]]}),
        json!({"x": 1e308, "s": {"a": 1}}),
        json!({"../x": 1, "x'; DROP TABLE kept; --": 2}),
    ] {
        let body = json!({"rows": [{"insertId": "1", "json": row}]});
        let answer =
            target.send("POST", &format!("{API}/datasets/d/tables/kept/insertAll"), body.to_string().as_bytes());
        assert!(answer.contains("insertErrors"), "{body}: {answer}");
    }
    for path in [
        "upload_id=../../secret",
        "upload_id=%00",
        "upload_id=",
        "uploadType=resumable",
        "uploadType=multipart",
        "uploadType=x",
    ] {
        for method in ["PUT", "DELETE", "POST"] {
            let headers =
                [("content-range", "bytes 0-18446744073709551615/*"), ("content-type", "multipart/related; boundary=")];
            target.hostile.send(
                method,
                &format!("/upload/bigquery/v2/projects/demo-project/jobs?{path}"),
                &headers,
                b"hostile",
            );
        }
    }
    assert!(target.hostile.sent >= 100, "{}", target.hostile.sent);
    target.check();
}
