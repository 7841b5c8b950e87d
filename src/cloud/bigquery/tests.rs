//! Scripts against a server that answers as a test tells it to: what is sent, what is made of the answers, what ends a wait.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::cloud::names::DatasetName;

/// A request as it came: `METHOD path?query`, and its body.
type Seen = (String, Value);
type Answer = (u16, Value);

/// Answers until the test ends.
struct Server {
    address: GoogleAddress,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Server {
    async fn start(answer: impl Fn(&str, &Value) -> Answer + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (log, answer) = (Arc::clone(&seen), Arc::new(answer));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
                tokio::spawn(async move { serve(stream, &log, &*answer).await });
            }
        });
        Self { address: GoogleAddress::of_servers(None, Some(&url), "my-project", "EU").unwrap(), seen }
    }

    fn seen(&self, start: &str) -> Vec<Seen> {
        self.seen.lock().unwrap().iter().filter(|(request, _)| request.starts_with(start)).cloned().collect()
    }
}

async fn serve(mut stream: TcpStream, log: &Mutex<Vec<Seen>>, answer: &(dyn Fn(&str, &Value) -> Answer + Sync)) {
    let mut bytes = Vec::new();
    let (head, body) = loop {
        let mut buffer = [0; 4096];
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lower = head.to_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        if body.len() >= length.unwrap_or(0) {
            break (head.to_owned(), body.to_owned());
        }
    };
    let mut words = head.split(' ');
    let request = format!("{} {}", words.next().unwrap(), words.next().unwrap());
    let body: Value = serde_json::from_str(&body).unwrap_or_default();
    let (status, document) = answer(&request, &body);
    log.lock().unwrap().push((request, body));
    let text = document.to_string();
    let head = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}",
        text.len()
    );
    stream.write_all(format!("{head}\r\n\r\n{text}").as_bytes()).await.ok();
}

fn refused(status: u16, message: &str) -> Answer {
    (status, json!({"error": {"code": status, "message": message, "errors": [{"message": message, "reason": "x"}]}}))
}

fn job(state: &str, statement: &str, more: &Value) -> Value {
    let mut job = json!({
        "jobReference": {"projectId": "my-project", "jobId": "x", "location": "EU"},
        "status": {"state": state},
        "statistics": {"query": {"statementType": statement}},
    });
    merge(&mut job, more);
    job
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

fn script(text: &str) -> Script {
    let names = ScriptNames { project: "my-project".parse().unwrap(), dataset: "d".parse().unwrap(), bucket: None };
    Script::fill("s.sql", text, &names).unwrap()
}

async fn run_with(server: &Server, text: &str, options: &RunOptions) -> Result<ScriptRun, BigQueryError> {
    let bigquery = BigQuery::connect(&server.address).await.unwrap();
    bigquery.run(&script(text), "EU", options, &|_| {}, &CancellationToken::new()).await
}

#[tokio::test]
async fn a_script_is_one_job_and_each_select_in_it_has_a_result() {
    let server = Server::start(|request, _| {
        if request.starts_with("POST /bigquery/v2/projects/my-project/jobs?") {
            return (200, job("RUNNING", "SCRIPT", &json!({})));
        }
        if request.starts_with("GET /bigquery/v2/projects/my-project/jobs?") {
            let child = |n: u32, statement: &str, more: &Value| {
                let base = json!({
                    "jobReference": {"projectId": "my-project", "jobId": format!("script_job_a_{n}")},
                    "state": "DONE",
                    "statistics": {
                        "creationTime": "5", "startTime": "10", "endTime": "25", "parentJobId": "x",
                        "totalBytesProcessed": "2048", "totalSlotMs": "7", "query": {"statementType": statement},
                        "scriptStatistics": {"evaluationKind": "STATEMENT", "stackFrames": [{"startLine": n, "startColumn": 1}]},
                    },
                });
                let mut child = base;
                merge(&mut child, more);
                child
            };
            let model = json!({"statistics": {"query": {
                "ddlOperationPerformed": "REPLACE", "ddlTargetTable": {"projectId": "p", "datasetId": "d", "tableId": "m"}}}});
            let expression = json!({"statistics": {"scriptStatistics": {"evaluationKind": "EXPRESSION"}}});
            // The newest first, as the service lists them.
            let jobs = [child(10, "SELECT", &json!({})), child(2, "SELECT", &expression), child(1, "CREATE_MODEL", &model)];
            return (200, json!({"jobs": jobs}));
        }
        if request.contains("/queries/script_job_a_10") {
            let schema = json!({"fields": [{"name": "n", "type": "INTEGER"}, {"name": "at", "type": "TIMESTAMP"}]});
            let row = |n: &str| json!({"f": [{"v": n}, {"v": "1704167100000000"}]});
            return match request.contains("pageToken=next") {
                false => (200, json!({"jobComplete": true, "schema": schema, "totalRows": "2", "rows": [row("1")], "pageToken": "next"})),
                true => (200, json!({"jobComplete": true, "schema": schema, "totalRows": "2", "rows": [row("2")]})),
            };
        }
        (200, job("DONE", "SCRIPT", &json!({"statistics": {"numChildJobs": "2", "totalBytesProcessed": "4096"}})))
    })
    .await;
    let told: Mutex<Vec<String>> = Mutex::default();
    let observe = |progress: ScriptProgress<'_>| {
        if let ScriptProgress::Statement(statement) = progress {
            told.lock().unwrap().push(statement.kind.clone());
        }
    };
    let bigquery = BigQuery::connect(&server.address).await.unwrap();
    let stop = CancellationToken::new();
    let text = "CREATE MODEL m AS SELECT 1;\nSELECT 1";
    let run = bigquery.run(&script(text), "EU", &RunOptions::default(), &observe, &stop).await.unwrap();
    assert_eq!(told.into_inner().unwrap(), ["CREATE_MODEL", "SELECT"]);
    assert_eq!((run.statements.len(), run.bytes_processed), (2, 4096));
    let model = &run.statements[0];
    assert_eq!((model.target.as_deref(), model.operation.as_str(), model.elapsed_ms), (Some("m"), "REPLACE", 15));
    assert_eq!((model.bytes_processed, model.slot_ms, model.line), (2048, 7, Some(1)));
    let result = run.statements[1].result.as_ref().unwrap();
    let rows = json!([{"n": 1, "at": "2024-01-02 03:45:00 UTC"}, {"n": 2, "at": "2024-01-02 03:45:00 UTC"}]);
    assert_eq!(Value::from(result.to_json()), rows);
    let (_, sent) = &server.seen("POST")[0];
    let query = &sent["configuration"]["query"];
    assert_eq!((&query["query"], &query["useLegacySql"]), (&json!(text), &json!(false)));
    assert_eq!(query["maximumBytesBilled"], json!("1000000000"));
    assert_eq!((&sent["jobReference"]["jobId"], &sent["jobReference"]["location"]), (&json!(run.job), &json!("EU")));
    assert!(server.seen("GET").iter().any(|(request, _)| request.contains("parentJobId=")));
}

#[tokio::test]
async fn a_mistake_is_shown_at_its_place_in_the_scripts_own_text() {
    let server = Server::start(|_, _| {
        let error = json!({"reason": "invalidQuery", "message": "Unrecognized name: foo at [2:26]"});
        (200, job("DONE", "SELECT", &json!({"status": {"errorResult": error}})))
    })
    .await;
    let error = run_with(&server, "SELECT\n  `${project}.t`.x, y, z, foo", &RunOptions::default()).await.unwrap_err();
    let BigQueryError::Failed { reason, place, excerpt, statements_done, .. } = error else { panic!("{error:?}") };
    assert_eq!((reason.as_str(), statements_done), ("invalidQuery", 0));
    assert_eq!(place, Some(SqlPlace { line: 2, column: 26 }));
    assert_eq!(excerpt.unwrap().lines().nth(1).unwrap().find('^'), Some(4 + 25));
}

#[tokio::test]
async fn what_lies_with_the_service_is_tried_again_under_another_id_and_a_mistake_is_not() {
    let check = |reason: &'static str, statements: usize, expected: usize| async move {
        let server = Server::start(move |request, _| {
            if request.contains("parentJobId=") {
                let done = json!({"jobReference": {"projectId": "p", "jobId": "c"}, "state": "DONE", "statistics": {}});
                return (200, json!({"jobs": vec![done; statements]}));
            }
            let error = json!({"reason": reason, "message": "no"});
            (200, job("DONE", "SCRIPT", &json!({"status": {"errorResult": error}})))
        })
        .await;
        let error = run_with(&server, "SELECT 1", &RunOptions::default()).await.unwrap_err();
        assert!(matches!(error, BigQueryError::Failed { .. }), "{error:?}");
        let sent: std::collections::BTreeSet<String> =
            server.seen("POST").iter().map(|(_, body)| body["jobReference"]["jobId"].to_string()).collect();
        assert_eq!(sent.len(), expected, "{reason} after {statements} statements");
    };
    tokio::join!(check("backendError", 0, 3), check("backendError", 1, 1), check("invalidQuery", 0, 1));
}

#[tokio::test]
async fn a_job_that_is_there_already_is_taken_for_ours() {
    let server = Server::start(|request, _| match request.starts_with("POST") {
        true => refused(409, "Already Exists: Job my-project:EU.x"),
        false if request.contains("/queries/") => (200, json!({"jobComplete": true, "totalRows": "0"})),
        false => (200, job("DONE", "SELECT", &json!({}))),
    })
    .await;
    let run = run_with(&server, "SELECT 1", &RunOptions::default()).await.unwrap();
    assert_eq!(run.statements[0].result.as_ref().unwrap().total, 0);
}

#[tokio::test]
async fn whatever_ends_the_waiting_ends_the_job() {
    let never = || {
        Server::start(|request, _| match request.contains("/cancel") {
            true => (200, json!({"job": job("RUNNING", "SELECT", &json!({}))})),
            false => (200, job("RUNNING", "SELECT", &json!({}))),
        })
    };
    let (late, interrupted, dropped) = (never().await, never().await, never().await);
    let limits = RunOptions { timeout: Duration::from_millis(300), ..RunOptions::default() };
    let error = run_with(&late, "SELECT 1", &limits).await.unwrap_err();
    assert!(matches!(error, BigQueryError::TooLate { .. }), "{error:?}");

    let stop = CancellationToken::new();
    let bigquery = BigQuery::connect(&interrupted.address).await.unwrap();
    let (wanted, options) = (script("SELECT 1"), RunOptions::default());
    let run = bigquery.run(&wanted, "EU", &options, &|_| {}, &stop);
    let cancel = async {
        while interrupted.seen("GET").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        stop.cancel();
    };
    let (outcome, ()) = tokio::join!(run, cancel);
    assert!(matches!(outcome, Err(BigQueryError::Cancelled { .. })), "{outcome:?}");

    let bigquery = BigQuery::connect(&dropped.address).await.unwrap();
    let (nobody, stop) = (|_: ScriptProgress<'_>| {}, CancellationToken::new());
    let run = bigquery.run(&wanted, "EU", &options, &nobody, &stop);
    drop(tokio::time::timeout(Duration::from_millis(300), run).await);
    for server in [&late, &interrupted, &dropped] {
        let deadline = Instant::now() + Duration::from_secs(20);
        while server.seen("POST").iter().all(|(request, _)| !request.contains("/cancel")) {
            assert!(Instant::now() < deadline, "the job was not ended");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

#[tokio::test]
async fn a_service_that_is_away_is_named_within_seconds() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{free}");
    let address = GoogleAddress::of_servers(None, Some(&url), "my-project", "EU").unwrap();
    let began = Instant::now();
    let bigquery = BigQuery::connect(&address).await.unwrap();
    let dataset: DatasetName = "d".parse().unwrap();
    let error = bigquery.ensure_dataset(&dataset, "EU").await.unwrap_err();
    assert!(matches!(error, BigQueryError::Google(GoogleError::Unreachable { .. })), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&url) && text.to_lowercase().contains("refused"), "{text}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_dataset_is_made_beside_the_bucket_and_one_elsewhere_is_refused() {
    let server = Server::start(|request, body| {
        if request.starts_with("POST") {
            return (200, json!({"datasetReference": body["datasetReference"], "location": body["location"]}));
        }
        match request.contains("/datasets/there") {
            true => (200, json!({"location": "US"})),
            false => refused(404, "Not found: Dataset my-project:d"),
        }
    })
    .await;
    let bigquery = BigQuery::connect(&server.address).await.unwrap();
    let made = bigquery.ensure_dataset(&"d".parse().unwrap(), "EUROPE-WEST1").await.unwrap();
    assert_eq!(made, DatasetOutcome { created: true, location: "EUROPE-WEST1".into() });
    let there = bigquery.ensure_dataset(&"there".parse().unwrap(), "us").await.unwrap();
    assert!(!there.created);
    let error = bigquery.ensure_dataset(&"there".parse().unwrap(), "EU").await.unwrap_err();
    assert!(matches!(error, BigQueryError::Location { .. }), "{error:?}");
}

#[tokio::test]
async fn who_may_not_is_told_so_at_once() {
    let server = Server::start(|_, _| refused(403, "Access Denied: Project my-project")).await;
    let bigquery = BigQuery::connect(&server.address).await.unwrap();
    let error = bigquery.ensure_dataset(&"d".parse().unwrap(), "EU").await.unwrap_err();
    assert!(matches!(error, BigQueryError::Google(GoogleError::Denied { status: 403, .. })), "{error:?}");
    assert_eq!(server.seen("GET").len(), 1);
}
