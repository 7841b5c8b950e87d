//! jobs.query and jobs.getQueryResults.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::server::bigquery::testing::{Server, cells, refusal};

/// Runs until it is stopped.
const ENDLESS: &str = "/* SLEEP */ SELECT COUNT(*) AS c FROM UNNEST(GENERATE_ARRAY(1, 100000)) AS a, \
    UNNEST(GENERATE_ARRAY(1, 100000)) AS b, UNNEST(GENERATE_ARRAY(1, 100000)) AS c";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_is_answered_whole_in_one_request() {
    let server = Server::start().await;
    let (status, answer) = server.query("SELECT 1 AS a, 'x' AS b, 1.5 AS c", json!({})).await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!((&answer["kind"], &answer["jobComplete"]), (&json!("bigquery#queryResponse"), &json!(true)));
    let names: Vec<&Value> =
        answer["schema"]["fields"].as_array().unwrap().iter().map(|field| &field["type"]).collect();
    assert_eq!(names, ["INTEGER", "STRING", "FLOAT"]);
    assert_eq!(cells(&answer), [[json!("1"), json!("x"), json!("1.5")]]);
    assert_eq!((&answer["totalRows"], &answer["cacheHit"]), (&json!("1"), &json!(false)));
    assert_eq!(answer["statementType"], "SELECT");
    assert!(answer.get("errors").is_none(), "a client takes any for a failure");
    let reference = &answer["jobReference"];
    assert_eq!((&reference["projectId"], &reference["location"]), (&json!("p"), &json!("US")));
    let (_, job) = server.get(&format!("/projects/p/jobs/{}?location=US", reference["jobId"].as_str().unwrap())).await;
    assert_eq!(job["configuration"]["query"]["query"], "SELECT 1 AS a, 'x' AS b, 1.5 AS c");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_follow_each_other_to_the_end() {
    let server = Server::start().await;
    let text = "SELECT n FROM UNNEST(GENERATE_ARRAY(1, 25)) AS n ORDER BY n";
    let (_, first) = server.query(text, json!({"maxResults": 10})).await;
    assert_eq!((cells(&first).len(), &first["totalRows"]), (10, &json!("25")), "{first}");
    let job = first["jobReference"]["jobId"].as_str().unwrap().to_owned();
    let mut token = first["pageToken"].as_str().map(str::to_owned);
    let mut all = cells(&first);
    while let Some(next) = token {
        let (status, page) = server.get(&format!("/projects/p/queries/{job}?maxResults=10&pageToken={next}")).await;
        assert_eq!(status, 200);
        all.extend(cells(&page));
        token = page["pageToken"].as_str().map(str::to_owned);
    }
    let numbers: Vec<String> = all.iter().map(|row| row[0].as_str().unwrap().to_owned()).collect();
    assert_eq!(numbers, (1..=25).map(|n| n.to_string()).collect::<Vec<_>>());
    let (_, page) = server.get(&format!("/projects/p/queries/{job}?startIndex=23")).await;
    assert_eq!((cells(&page), page.get("pageToken")), (vec![vec![json!("24")], vec![json!("25")]], None));
    let (_, page) = server.get(&format!("/projects/p/queries/{job}?startIndex=99")).await;
    assert_eq!((cells(&page).len(), &page["totalRows"]), (0, &json!("25")));
    // The Python client asks for none, and would read the rest from Google's own host.
    let (_, page) = server.get(&format!("/projects/p/queries/{job}?maxResults=0&location=None")).await;
    assert_eq!((cells(&page).len(), page.get("pageToken")), (25, None));
    let (_, page) =
        server.get(&format!("/projects/p/queries/{job}?fields=jobReference,totalRows&prettyPrint=false")).await;
    assert_eq!(page.as_object().unwrap().keys().collect::<Vec<_>>(), ["jobReference", "totalRows"]);
    for query in ["pageToken=x", "pageToken=cm93cyB4", "maxResults=-1", "startIndex=99999999999999999999", "fields=a("]
    {
        assert_eq!(server.get(&format!("/projects/p/queries/{job}?{query}")).await.0, 400, "{query}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_takes_longer_is_polled_and_can_be_cancelled() {
    let server = Server::start().await;
    let begun = Instant::now();
    let (status, answer) = server.query(ENDLESS, json!({"timeoutMs": 300})).await;
    assert_eq!((status, &answer["jobComplete"]), (200, &json!(false)), "{answer}");
    assert!(begun.elapsed() >= Duration::from_millis(300));
    let job = answer["jobReference"]["jobId"].as_str().unwrap().to_owned();
    let (_, answer) = server.get(&format!("/projects/p/queries/{job}?timeoutMs=50")).await;
    assert_eq!((&answer["kind"], &answer["jobComplete"]), (&json!("bigquery#getQueryResultsResponse"), &json!(false)));
    let (_, listed) = server.get("/projects/p/jobs?stateFilter=running").await;
    assert_eq!(listed["jobs"][0]["jobReference"]["jobId"], job.as_str());
    assert_eq!(refusal(&server.call("DELETE", &format!("/projects/p/jobs/{job}/delete"), Value::Null).await).0, 400);
    let (status, cancelled) = server.post(&format!("/projects/p/jobs/{job}/cancel"), Value::Null).await;
    assert_eq!((status, &cancelled["kind"]), (200, &json!("bigquery#jobCancelResponse")));
    let done = server.done(&job).await;
    assert_eq!(done["status"]["errorResult"]["reason"], "stopped");
    let results = server.get(&format!("/projects/p/queries/{job}")).await;
    let message = "Job execution was cancelled: User requested cancellation";
    assert_eq!(refusal(&results), (499, "stopped", message));
    // Cancelling what is done changes nothing.
    assert_eq!(server.post(&format!("/projects/p/jobs/{job}/cancel"), Value::Null).await.0, 200);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_ends_at_its_own_timeout_and_with_the_server() {
    let server = Server::start().await;
    let (_, answer) = server.query(ENDLESS, json!({"jobTimeoutMs": 200})).await;
    assert_eq!(answer["error"]["message"], "Job execution was cancelled: Job timed out");
    server.insert_job("last", json!({"query": {"query": ENDLESS}})).await;
    let begun = Instant::now();
    let folder = server.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(5));
    let server = Server::start_in(folder).await;
    let job = server.done("last").await;
    assert_eq!(job["status"]["errorResult"]["message"], "Job execution was cancelled: The server is shutting down");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_request_id_runs_once() {
    let server = Server::start().await;
    let request = json!({"requestId": "r-1"});
    let (_, one) = server.query("SELECT 1 AS x", request.clone()).await;
    let (_, two) = server.query("SELECT 1 AS x", request).await;
    assert_eq!(one["jobReference"], two["jobReference"]);
    let (_, other) = server.query("SELECT 1 AS x", json!({"requestId": "r-2"})).await;
    assert_ne!(one["jobReference"], other["jobReference"]);
    assert_eq!(server.get("/projects/p/jobs").await.1["jobs"].as_array().unwrap().len(), 2);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_tells_reason_message_and_place() {
    let server = Server::start().await;
    let answer = server.query("SELECT foo FROM", json!({})).await;
    let (status, reason, message) = refusal(&answer);
    assert_eq!((status, reason), (400, "invalidQuery"));
    assert!(message.contains(" at ["), "{message}");
    let detail = &answer.1["error"]["errors"][0];
    assert_eq!((&detail["domain"], &detail["location"]), (&json!("global"), &json!("q")));
    assert_eq!(answer.1["error"]["status"], "INVALID_ARGUMENT");
    let legacy = server.query("SELECT 1", json!({"useLegacySql": true})).await;
    assert!(refusal(&legacy).2.starts_with("Legacy SQL is not supported"));
    let unknown = server.get("/projects/p/queries/nope").await;
    assert_eq!(refusal(&unknown), (404, "notFound", "Not found: Job p:nope"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parameters_are_bound_by_name_and_by_place() {
    let server = Server::start().await;
    let int = |value: &str| json!({"parameterType": {"type": "INT64"}, "parameterValue": {"value": value}});
    let named = json!({
        "parameterMode": "NAMED",
        "queryParameters": [{"name": "n", "parameterType": {"type": "INT64"}, "parameterValue": {"value": "41"}}],
    });
    assert_eq!(cells(&server.query("SELECT @n + 1 AS x", named).await.1), [[json!("42")]]);
    let positional = json!({"parameterMode": "POSITIONAL", "queryParameters": [int("1"), int("2")]});
    assert_eq!(cells(&server.query("SELECT ? AS a, ? AS b", positional).await.1), [[json!("1"), json!("2")]]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_leaves_no_job() {
    let server = Server::start().await;
    let (status, answer) = server.query("SELECT 1 AS x", json!({"dryRun": true})).await;
    assert_eq!((status, &answer["jobComplete"]), (200, &json!(true)), "{answer}");
    assert_eq!(answer["schema"]["fields"][0]["name"], "x");
    assert!(answer["totalBytesProcessed"].is_string() && answer.get("rows").is_none());
    let configuration = json!({"dryRun": true, "query": {"query": "SELECT 1 AS x"}});
    let (status, job) = server.insert_job("dry", configuration).await;
    assert_eq!((status, &job["status"]["state"]), (200, &json!("DONE")));
    assert_eq!(job["statistics"]["query"]["schema"]["fields"][0]["name"], "x");
    assert_eq!(server.get("/projects/p/jobs/dry").await.0, 404);
    assert_eq!(refusal(&server.query("SELECT FROM", json!({"dryRun": true})).await).1, "invalidQuery");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schema_is_made_where_the_job_that_makes_it_runs() {
    let server = Server::start().await;
    let script = "CREATE SCHEMA here; CREATE TABLE here.t AS SELECT 1 AS x; SELECT x FROM here.t";
    let (status, answer) = server.query(script, json!({"location": "EU"})).await;
    assert_eq!((status, &answer["rows"]), (200, &json!([{"f": [{"v": "1"}]}])), "{answer}");
    assert_eq!(server.get("/projects/p/datasets/here").await.1["location"], "EU");
    server.query("CREATE SCHEMA there OPTIONS (location = 'asia-south1')", json!({"location": "EU"})).await;
    assert_eq!(server.get("/projects/p/datasets/there").await.1["location"], "asia-south1");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_elsewhere_than_its_dataset_finds_none() {
    let server = Server::start().await;
    let body = json!({"datasetReference": {"datasetId": "eu"}, "location": "EU"});
    assert_eq!(server.post("/projects/p/datasets", body).await.1["location"], "EU");
    let default = json!({"defaultDataset": {"datasetId": "eu"}});
    let (_, answer) = server.query("SELECT 1 AS x", default).await;
    assert_eq!(answer["jobReference"]["location"], "EU", "a job is where its default dataset is");
    server.query("CREATE TABLE eu.t (x INT64)", json!({})).await;
    let here = json!({"defaultDataset": {"datasetId": "eu"}, "location": "US"});
    let answer = server.query("SELECT * FROM t", here).await;
    assert_eq!(refusal(&answer), (404, "notFound", "Not found: Dataset p:eu was not found in location US"));
    let job = server.query("SELECT 1 AS x", json!({"location": "EU"})).await.1;
    let id = job["jobReference"]["jobId"].as_str().unwrap().to_owned();
    assert_eq!(server.get(&format!("/projects/p/jobs/{id}?location=eu")).await.0, 200);
    let elsewhere = server.get(&format!("/projects/p/jobs/{id}?location=US")).await;
    assert_eq!(refusal(&elsewhere).2, format!("Not found: Job p:US.{id}"));
    server.stop().await;
}
