//! jobs.insert, get, list, delete; scripts; copy, load and extract jobs.

use serde_json::{Value, json};

use crate::server::bigquery::testing::{Server, cells, refusal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_is_inserted_once_under_its_own_id() {
    let server = Server::start().await;
    let query = || json!({"query": {"query": "SELECT 1 AS x", "useLegacySql": false}, "labels": {"team": "a"}});
    let (status, job) = server.insert_job("job-1", query()).await;
    assert_eq!((status, &job["kind"]), (200, &json!("bigquery#job")));
    assert_eq!((&job["id"], &job["jobReference"]["jobId"]), (&json!("p:US.job-1"), &json!("job-1")));
    assert_eq!(
        refusal(&server.insert_job("job-1", query()).await),
        (409, "duplicate", "Already Exists: Job p:US.job-1")
    );
    let done = server.done("job-1").await;
    assert_eq!(refusal(&server.insert_job("job-1", query()).await).0, 409);
    assert_eq!(
        (&done["configuration"]["jobType"], &done["configuration"]["labels"]["team"]),
        (&json!("QUERY"), &json!("a"))
    );
    assert!(done["configuration"]["query"]["destinationTable"]["tableId"].is_string());
    let statistics = &done["statistics"];
    for name in ["creationTime", "startTime", "endTime", "totalBytesProcessed", "totalSlotMs"] {
        assert!(statistics[name].as_str().is_some_and(|text| text.parse::<i64>().is_ok()), "{name}: {statistics}");
    }
    assert_eq!(statistics["query"]["statementType"], "SELECT");
    assert!(done["status"].get("errorResult").is_none());
    let (_, results) = server.get("/projects/p/queries/job-1").await;
    assert_eq!(cells(&results), [[json!("1")]]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_job_is_done_and_says_why() {
    let server = Server::start().await;
    let job = server.run("bad", "SELECT foo FROM").await;
    let error = &job["status"]["errorResult"];
    assert_eq!((&error["reason"], &error["location"]), (&json!("invalidQuery"), &json!("query")), "{job}");
    assert_eq!(job["status"]["errors"], json!([error]));
    assert_eq!(refusal(&server.get("/projects/p/queries/bad").await).1, "invalidQuery");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn jobs_are_there_after_a_restart_until_they_are_deleted() {
    let server = Server::start().await;
    server.run("one", "SELECT 1 AS x").await;
    server.run("two", "SELECT 2 AS x").await;
    let folder = server.stop().await;
    let server = Server::start_in(folder).await;
    assert_eq!(server.done("one").await["statistics"]["query"]["statementType"], "SELECT");
    let ids = |listed: &Value| -> Vec<Value> {
        listed["jobs"].as_array().unwrap().iter().map(|job| job["jobReference"]["jobId"].clone()).collect()
    };
    let (_, listed) = server.get("/projects/p/jobs?maxResults=1&projection=full").await;
    assert_eq!(ids(&listed), ["two"]);
    assert_eq!(listed["jobs"][0]["configuration"]["query"]["query"], "SELECT 2 AS x");
    let next = listed["nextPageToken"].as_str().unwrap();
    let (_, listed) = server.get(&format!("/projects/p/jobs?maxResults=1&pageToken={next}")).await;
    assert_eq!((ids(&listed), listed.get("nextPageToken")), (vec![json!("one")], None));
    assert!(listed["jobs"][0].get("configuration").is_none());
    assert_eq!(server.get("/projects/p/jobs?minCreationTime=99999999999999").await.1["jobs"], json!([]));
    assert_eq!(server.get("/projects/p/jobs?stateFilter=pending").await.1["jobs"], json!([]));
    assert_eq!(server.get("/projects/p/jobs?stateFilter=x").await.0, 400);
    assert_eq!(server.call("DELETE", "/projects/p/jobs/one/delete", Value::Null).await.0, 204);
    assert_eq!(refusal(&server.get("/projects/p/jobs/one").await), (404, "notFound", "Not found: Job p:one"));
    assert_eq!(server.get("/projects/q/jobs").await.1["jobs"], json!([]));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_has_a_child_for_each_statement() {
    let server = Server::with_dataset().await;
    let job = server.run("script", "SELECT 1 AS x; CREATE TABLE d.s (x INT64); SELECT 3 AS x").await;
    let statistics = &job["statistics"];
    assert_eq!((&statistics["numChildJobs"], &statistics["query"]["statementType"]), (&json!("3"), &json!("SCRIPT")));
    let (_, results) = server.get("/projects/p/queries/script").await;
    assert_eq!(cells(&results), [[json!("3")]], "the last one that gave rows");
    let (_, listed) = server.get("/projects/p/jobs?parentJobId=script").await;
    let children = listed["jobs"].as_array().unwrap();
    let types: Vec<&Value> = children.iter().map(|job| &job["statistics"]["query"]["statementType"]).collect();
    assert_eq!(types, ["SELECT", "CREATE_TABLE", "SELECT"]);
    let last = &children[2];
    assert_eq!(last["statistics"]["parentJobId"], "script");
    let frame = &last["statistics"]["scriptStatistics"]["stackFrames"][0];
    assert_eq!(
        (&frame["startLine"], &frame["startColumn"], &frame["text"]),
        (&json!(1), &json!(1), &json!("SELECT 1 AS x"))
    );
    assert_eq!(last["statistics"]["scriptStatistics"]["evaluationKind"], "STATEMENT");
    let id = last["jobReference"]["jobId"].as_str().unwrap();
    assert!(id.starts_with("script_job_") && id.ends_with("_0"), "{id}");
    assert_eq!(cells(&server.get(&format!("/projects/p/queries/{id}")).await.1), [[json!("1")]]);
    let ddl = &children[1]["statistics"]["query"];
    assert_eq!((&ddl["ddlOperationPerformed"], &ddl["ddlTargetTable"]["tableId"]), (&json!("CREATE"), &json!("s")));
    assert_eq!(
        server.get("/projects/p/jobs").await.1["jobs"].as_array().unwrap().len(),
        1,
        "children are asked for by parent"
    );
    assert_eq!(server.call("DELETE", &format!("/projects/p/jobs/{id}/delete"), Value::Null).await.0, 400);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_stops_at_its_first_failure() {
    let server = Server::start().await;
    let job = server.run("script", "SELECT 1 AS x;\nSELECT nope;\nSELECT 3 AS x").await;
    assert_eq!(job["status"]["errorResult"]["reason"], "invalidQuery");
    assert_eq!(job["statistics"]["numChildJobs"], "2");
    let (_, listed) = server.get("/projects/p/jobs?parentJobId=script").await;
    let failed: Vec<bool> =
        listed["jobs"].as_array().unwrap().iter().map(|job| job["status"].get("errorResult").is_some()).collect();
    assert_eq!(failed, [true, false]);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_destination_table_holds_the_rows() {
    let server = Server::with_dataset().await;
    let table = json!({"projectId": "p", "datasetId": "d", "tableId": "t"});
    let query = json!({"query": "SELECT 1 AS x", "destinationTable": table, "writeDisposition": "WRITE_TRUNCATE"});
    server.insert_job("j", json!({"query": query})).await;
    let job = server.done("j").await;
    assert_eq!(job["configuration"]["query"]["destinationTable"], table, "{job}");
    let (_, data) = server.get("/projects/p/datasets/d/tables/t/data").await;
    assert_eq!((&data["totalRows"], cells(&data)), (&json!("1"), vec![vec![json!("1")]]));
    server
        .insert_job(
            "c",
            json!({"copy": {"sourceTable": table, "destinationTable": {"datasetId": "d", "tableId": "t2"}}}),
        )
        .await;
    let copied = server.done("c").await;
    assert_eq!(copied["statistics"]["copy"]["copiedRows"], "1", "{copied}");
    assert_eq!(cells(&server.get("/projects/p/datasets/d/tables/t2/data").await.1).len(), 1);
    assert_eq!(refusal(&server.get("/projects/p/queries/c").await).0, 400);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_of_a_missing_object_fails_and_does_not_hang() {
    let server = Server::with_dataset().await;
    let load = json!({
        "sourceUris": ["gs://nope/x.json"], "sourceFormat": "NEWLINE_DELIMITED_JSON", "autodetect": true,
        "destinationTable": {"datasetId": "d", "tableId": "t"},
    });
    server.insert_job("l", json!({"load": load})).await;
    let job = server.done("l").await;
    assert!(job["status"]["errorResult"]["reason"].is_string(), "{job}");
    assert_eq!(job["configuration"]["jobType"], "LOAD");
    server
        .insert_job(
            "e",
            json!({"extract": {"sourceTable": {"datasetId": "d", "tableId": "no"}, "destinationUris": ["gs://b/o"]}}),
        )
        .await;
    assert_eq!(server.done("e").await["status"]["errorResult"]["reason"], "notFound");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_that_a_job_makes_is_as_the_job_says() {
    let server = Server::with_dataset().await;
    let into = |table: &str| json!({"projectId": "p", "datasetId": "d", "tableId": table});
    let query = |text: &str, more: Value| {
        let mut query = json!({
            "query": text, "useLegacySql": false, "destinationTable": into("q"), "writeDisposition": "WRITE_APPEND",
        });
        query.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap());
        json!({"query": query})
    };
    let partitions = json!({"timePartitioning": {"type": "DAY", "field": "d"}, "clustering": {"fields": ["x"]}});
    let text = "SELECT 1 AS x, DATE '2024-01-31' AS d";
    assert_eq!(server.insert_job("q1", query(text, partitions)).await.0, 200);
    assert!(server.done("q1").await["status"].get("errorResult").is_none());
    let table = async |name: &str| server.get(&format!("/projects/p/datasets/d/tables/{name}")).await.1;
    let made = table("q").await;
    assert_eq!(made["timePartitioning"], json!({"type": "DAY", "field": "d"}), "{made}");
    assert_eq!(made["clustering"], json!({"fields": ["x"]}), "{made}");
    // One that is there stays as it is.
    server.insert_job("q2", query(text, json!({"clustering": {"fields": ["d"]}}))).await;
    server.done("q2").await;
    let made = table("q").await;
    assert_eq!((&made["clustering"]["fields"], &made["numRows"]), (&json!(["x"]), &json!("2")), "{made}");
    server.stop().await;
}
