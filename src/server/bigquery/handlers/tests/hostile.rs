//! Requests that mean harm change nothing and are refused in the service's own way.

use serde_json::{Value, json};

use crate::server::bigquery::testing::{Server, refusal};

/// All files below, outside of the server's own folder.
fn strangers(folder: &std::path::Path) -> Vec<String> {
    let names =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    names.filter(|name| name != "data").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_that_are_none_are_refused_wherever_they_stand() {
    let server = Server::with_dataset().await;
    let names = [
        "..",
        "../../etc/passwd",
        "d'; DROP TABLE x; --",
        "d\"",
        "d`",
        "a/b",
        "a\0b",
        "\u{202e}",
        "x\ny",
        "%00",
        "$x",
        "d.t",
        "*",
        "{}",
    ];
    for name in names {
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        for path in [
            format!("/projects/p/datasets/{encoded}"),
            format!("/projects/p/datasets/{encoded}/tables"),
            format!("/projects/p/datasets/d/tables/{encoded}"),
            format!("/projects/p/datasets/d/tables/{encoded}/data"),
            format!("/projects/p/datasets/d/models/{encoded}"),
            format!("/projects/p/jobs/{encoded}"),
            format!("/projects/p/queries/{encoded}"),
        ] {
            let answer = server.get(&path).await;
            assert!((400..500).contains(&answer.0), "{path}: {answer:?}");
            refusal(&answer);
        }
        let dataset = server.post("/projects/p/datasets", json!({"datasetReference": {"datasetId": name}})).await;
        assert_eq!(refusal(&dataset).0, 400, "{name}");
        let table = json!({"tableReference": {"datasetId": "d", "tableId": name}});
        assert_eq!(refusal(&server.post("/projects/p/datasets/d/tables", table).await).0, 400, "{name}");
        assert_eq!(refusal(&server.insert_job(name, json!({"query": {"query": "SELECT 1"}})).await).0, 400, "{name}");
    }
    assert_eq!(server.get("/projects/p/datasets").await.1["datasets"].as_array().unwrap().len(), 1);
    let folder = server.stop().await;
    assert_eq!(strangers(folder.path()), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_no_request_are_refused() {
    let server = Server::with_dataset().await;
    let deep = format!("{{\"query\": {}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    let deep_text = format!("{{\"query\": \"SELECT {}1{}\"}}", "(".repeat(50_000), ")".repeat(50_000));
    let bodies: Vec<String> = vec![
        "[]".into(),
        "{".into(),
        "null".into(),
        "\u{feff}{}".into(),
        "{}".into(),
        deep,
        deep_text,
        r#"{"query": 5}"#.into(),
        r#"{"query": "SELECT 1", "maxResults": 1e400}"#.into(),
        r#"{"query": "SELECT 1", "maxResults": -1}"#.into(),
        r#"{"query": "SELECT 1", "timeoutMs": "99999999999999999999999"}"#.into(),
        r#"{"query": "SELECT 1", "useLegacySql": "maybe"}"#.into(),
        r#"{"query": "SELECT 1", "defaultDataset": "d"}"#.into(),
        r#"{"query": "SELECT 1", "defaultDataset": {"datasetId": "../d"}}"#.into(),
        r#"{"query": "SELECT 1", "queryParameters": {"a": 1}}"#.into(),
        r#"{"query": "SELECT 1", "labels": {"a": 1}}"#.into(),
        r#"{"query": "SELECT 1", "location": "../../x"}"#.into(),
        r#"{"query": "SELECT 1", "drop": "everything"}"#.into(),
        format!(r#"{{"query": "{}"}}"#, "x".repeat(1_100_000)),
    ];
    for body in bodies {
        let shown: String = body.chars().take(80).collect();
        let answer = server.send(server.request("POST", "/projects/p/queries").body(body)).await;
        assert_eq!(refusal(&answer).0, 400, "{shown}");
    }
    let large = server.send(server.request("POST", "/projects/p/queries").body(vec![b' '; 11 * 1024 * 1024])).await;
    assert_eq!(refusal(&large).0, 413);
    assert_eq!(server.query("SELECT 1 AS x", json!({})).await.0, 200, "the server goes on");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_that_are_no_http_are_refused() {
    let server = Server::with_dataset().await;
    for (target, status) in [
        ("GET /bigquery/v2/projects/p/datasets/%zz", "400"),
        ("GET /bigquery/v2/projects/p/datasets/%ff", "400"),
        ("GET /bigquery/v2/projects/p/datasets?filter=%zz", "400"),
        ("GET /bigquery/v2/projects/p/datasets/../../../../etc/passwd", "404"),
        ("GET /bigquery/v2/projects/p/datasets/%2e%2e", "400"),
        ("GET /bigquery/v2/projects/..%2f..%2fetc/datasets", "400"),
        ("DELETE /bigquery/v2/projects/p", "404"),
        ("TRACE /bigquery/v2/projects/p/datasets", "404"),
        ("GET /bigquery/v2/projects/p/datasets?maxResults=99999999999999999999", "400"),
        ("GET /bigquery/v2/projects/p/datasets?pageToken=%27OR%201=1", "400"),
        ("GET /bigquery/v2/projects/p/datasets?filter=x", "400"),
    ] {
        let answer = server.raw(&format!("{target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
    }
    // More announced than is taken; a client that waits for leave to send is answered at once.
    for path in ["/bigquery/v2/projects/p/queries", "/upload/bigquery/v2/projects/p/jobs?uploadType=multipart"] {
        let head =
            format!("POST {path} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 99999999999\r\n\r\n");
        let answer = server.raw(&head).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{path}: {answer}");
    }
    assert_eq!(server.get("/projects/p/datasets").await.1["datasets"].as_array().map(Vec::len), Some(1));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_this_machine_are_no_source() {
    let server = Server::with_dataset().await;
    let table = json!({"datasetId": "d", "tableId": "t"});
    for uri in ["file:///etc/passwd", "/etc/passwd", "http://127.0.0.1/x", "s3://b/o", ""] {
        let load = json!({"load": {"sourceUris": [uri], "destinationTable": table, "autodetect": true}});
        assert_eq!(refusal(&server.insert_job("l", load).await).0, 400, "{uri}");
        let extract = json!({"extract": {"sourceTable": table, "destinationUris": [uri]}});
        assert_eq!(refusal(&server.insert_job("e", extract).await).0, 400, "{uri}");
        let external = json!({
            "tableReference": {"datasetId": "d", "tableId": "x"},
            "externalDataConfiguration": {"sourceUris": [uri], "sourceFormat": "CSV", "autodetect": true},
        });
        assert_eq!(refusal(&server.post("/projects/p/datasets/d/tables", external).await).0, 400, "{uri}");
    }
    assert_eq!(server.get("/projects/p/jobs").await.1["jobs"], Value::Array(vec![]));
    server.stop().await;
}
