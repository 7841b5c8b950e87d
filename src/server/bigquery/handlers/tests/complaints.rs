//! What users of other emulators complained about in their REST layers, each as a claim; the numbers are issues of
//! `goccy/bigquery-emulator`.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::server::bigquery::testing::{Server, cells, refusal};

/// #407, #32: clients ask for whole microseconds and fail on a float.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timestamp_is_whole_microseconds_when_asked_for() {
    let server = Server::start().await;
    let text = "SELECT TIMESTAMP '2024-01-01 09:15:00.123456+00' AS moment";
    for (options, expected) in [
        (json!({"useInt64Timestamp": true}), "1704100500123456"),
        (json!({"timestampOutputFormat": "INT64"}), "1704100500123456"),
        (json!({"timestampOutputFormat": 3}), "2024-01-01T09:15:00.123456Z"),
        (json!({}), "1.704100500123456E9"),
    ] {
        let (_, answer) = server.query(text, json!({"formatOptions": options})).await;
        assert_eq!(cells(&answer), [[json!(expected)]], "{options}");
    }
    // Python's first request asks for no rows, so it names no format; it reads those that it gets.
    let (_, answer) = server.query(text, json!({})).await;
    let job = answer["jobReference"]["jobId"].as_str().unwrap_or_default();
    let (_, page) = server.get(&format!("/projects/p/queries/{job}?maxResults=0")).await;
    assert_eq!(cells(&page), [[json!("1704100500123456")]]);
    server.stop().await;
}

/// #344: a script that begins with DECLARE.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_may_declare_variables() {
    let server = Server::start().await;
    let (status, answer) = server.query("DECLARE x INT64 DEFAULT 41; SET x = x + 1; SELECT x AS x;", json!({})).await;
    assert_eq!((status, cells(&answer)), (200, vec![vec![json!("42")]]), "{answer}");
    server.stop().await;
}

/// #426: a JSON column is escaped once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn json_is_escaped_once() {
    let server = Server::start().await;
    let (_, answer) = server.query(r#"SELECT JSON '{"a":"x"}' AS j"#, json!({})).await;
    assert_eq!(cells(&answer), [[json!(r#"{"a":"x"}"#)]]);
    assert_eq!(answer["schema"]["fields"][0]["type"], "JSON");
    server.stop().await;
}

/// #517: datasets whose names are also those of functions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datasets_may_be_named_ml_and_ai() {
    let server = Server::start().await;
    for name in ["ml", "ai"] {
        server.post("/projects/p/datasets", json!({"datasetReference": {"datasetId": name}})).await;
        let (status, answer) = server.query(&format!("CREATE TABLE `{name}.t` AS SELECT 1 AS x"), json!({})).await;
        assert_eq!(status, 200, "{answer}");
        let (_, answer) = server.query(&format!("SELECT x FROM `p.{name}.t`"), json!({})).await;
        assert_eq!(cells(&answer), [[json!("1")]]);
    }
    server.stop().await;
}

/// #340: a load from storage that can't be had is a failed job, not a crash; #478: nor is it a 500.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_that_fails_is_a_failed_job() {
    let server = Server::with_dataset().await;
    let load = json!({
        "sourceUris": ["gs://b/o.json"], "sourceFormat": "NEWLINE_DELIMITED_JSON",
        "destinationTable": {"datasetId": "d", "tableId": "t"}, "schema": {"fields": [{"name": "a", "type": "INT64"}]},
    });
    server.insert_job("l", json!({"load": load})).await;
    let job = server.done("l").await;
    assert!(job["status"]["errorResult"]["message"].is_string(), "{job}");
    assert_eq!(server.get("/projects/p/datasets/d/tables").await.0, 200, "the server goes on");
    server.stop().await;
}

/// #294: thousands of tables.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_tables_are_no_burden() {
    let server = Server::with_dataset().await;
    for n in 0..1000 {
        let table = json!({
            "tableReference": {"datasetId": "d", "tableId": format!("t{n}")},
            "schema": {"fields": [{"name": "x", "type": "INT64"}]},
        });
        assert_eq!(server.post("/projects/p/datasets/d/tables", table).await.0, 200);
    }
    let begun = Instant::now();
    let (_, listed) = server.get("/projects/p/datasets/d/tables?maxResults=10").await;
    assert_eq!((&listed["totalItems"], listed["tables"].as_array().unwrap().len()), (&json!(1000), 10));
    assert_eq!(cells(&server.query("SELECT COUNT(*) AS n FROM `d.t7`", json!({})).await.1), [[json!("0")]]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    server.stop().await;
}

/// Arrays and structs in rows: an empty array is none, never null.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nested_values_are_nested_rows() {
    let server = Server::start().await;
    let text = "SELECT [1, 2] AS a, STRUCT('x' AS p, [STRUCT(1.5 AS q)] AS r) AS s, ARRAY<INT64>[] AS e, \
        CAST(NULL AS ARRAY<INT64>) AS n";
    let (status, answer) = server.query(text, json!({})).await;
    assert_eq!(status, 200, "{answer}");
    let expected = json!([
        [{"v": "1"}, {"v": "2"}],
        {"f": [{"v": "x"}, {"v": [{"v": {"f": [{"v": "1.5"}]}}]}]},
        [],
        [],
    ]);
    assert_eq!(json!(cells(&answer)), json!([expected]));
    server.stop().await;
}

/// A struct and an array as parameters, by name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_may_be_arrays_and_structs() {
    let server = Server::start().await;
    let parameters = json!({"parameterMode": "NAMED", "queryParameters": [
        {"name": "list", "parameterType": {"type": "ARRAY", "arrayType": {"type": "STRING"}},
         "parameterValue": {"arrayValues": [{"value": "a"}, {"value": "b'; DROP TABLE x; --"}]}},
        {"name": "s", "parameterType": {"type": "STRUCT", "structTypes": [{"name": "x", "type": {"type": "INT64"}}]},
         "parameterValue": {"structValues": {"x": {"value": "5"}}}},
    ]});
    let (status, answer) =
        server.query("SELECT ARRAY_LENGTH(@list) AS n, @list[OFFSET(1)] AS b, @s.x AS x", parameters).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(cells(&answer), [[json!("2"), json!("b'; DROP TABLE x; --"), json!("5")]]);
    server.stop().await;
}

/// A model, from `CREATE MODEL` to its removal, as the REST API shows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_model_is_shown_changed_and_deleted() {
    let server = Server::with_dataset().await;
    let text = "CREATE MODEL d.m OPTIONS (model_type = 'linear_reg', input_label_cols = ['y']) AS \
        SELECT n AS x, 2 * n + 1 AS y FROM UNNEST(GENERATE_ARRAY(1, 100)) AS n";
    let job = server.run("train", text).await;
    assert!(job["status"].get("errorResult").is_none(), "{job}");
    let query = &job["statistics"]["query"];
    assert_eq!((&query["statementType"], &query["ddlOperationPerformed"]), (&json!("CREATE_MODEL"), &json!("CREATE")));
    assert_eq!(query["mlStatistics"]["trainingType"], "SINGLE_TRAINING");
    let path = "/projects/p/datasets/d/models/m";
    let (_, model) = server.get(path).await;
    assert_eq!((&model["modelType"], &model["modelReference"]["modelId"]), (&json!("LINEAR_REGRESSION"), &json!("m")));
    assert_eq!(model["labelColumns"][0]["name"], "y");
    assert_eq!(model["featureColumns"][0], json!({"name": "x", "type": {"typeKind": "INT64"}}));
    assert!(model["trainingRuns"].is_array());
    let (_, listed) = server.get("/projects/p/datasets/d/models").await;
    assert_eq!(listed["models"][0]["modelReference"]["modelId"], "m");
    let (_, patched) = server.call("PATCH", path, json!({"description": "d", "labels": {"a": "b"}})).await;
    assert_eq!((&patched["description"], &patched["labels"]["a"]), (&json!("d"), &json!("b")));
    assert_eq!(server.call("DELETE", path, serde_json::Value::Null).await.0, 204);
    assert_eq!(refusal(&server.get(path).await), (404, "notFound", "Not found: Model p:d.m"));
    server.stop().await;
}
