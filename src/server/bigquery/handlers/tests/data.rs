//! datasets, tables, tabledata, models.

use serde_json::{Value, json};

use crate::server::bigquery::testing::{Server, cells, refusal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn datasets_are_made_listed_changed_and_deleted() {
    let server = Server::start().await;
    let all = "/projects/p/datasets";
    let body = json!({
        "datasetReference": {"projectId": "p", "datasetId": "d"}, "location": "EU", "labels": {"env": "dev"},
        "description": "what", "defaultTableExpirationMs": "3600000",
    });
    let (status, made) = server.post(all, body.clone()).await;
    assert_eq!((status, &made["id"], &made["location"]), (200, &json!("p:d"), &json!("EU")), "{made}");
    assert_eq!((&made["labels"]["env"], &made["defaultTableExpirationMs"]), (&json!("dev"), &json!("3600000")));
    assert!(made["creationTime"].is_string() && made["access"].is_array());
    assert_eq!(refusal(&server.post(all, body).await), (409, "duplicate", "Already Exists: Dataset p:d"));
    for name in ["b", "ml", "ai"] {
        assert_eq!(server.post(all, json!({"datasetReference": {"datasetId": name}})).await.0, 200, "{name}");
    }
    let ids = |listed: &Value| -> Vec<Value> {
        let listed = listed["datasets"].as_array().cloned().unwrap_or_default();
        listed.iter().map(|dataset| dataset["datasetReference"]["datasetId"].clone()).collect()
    };
    let (_, page) = server.get(&format!("{all}?maxResults=3")).await;
    assert_eq!(ids(&page), ["ai", "b", "d"]);
    let next = page["nextPageToken"].as_str().unwrap();
    assert_eq!(ids(&server.get(&format!("{all}?maxResults=3&pageToken={next}")).await.1), ["ml"]);
    assert_eq!(ids(&server.get(&format!("{all}?filter=labels.env:dev")).await.1), ["d"]);
    assert_eq!(server.get("/projects/other/datasets").await.1.get("datasets"), None);

    let patch = json!({"friendlyName": "f", "description": null, "labels": {"env": null, "x": "1"}});
    let (_, patched) = server.call("PATCH", &format!("{all}/d"), patch).await;
    assert_eq!((&patched["friendlyName"], &patched["labels"]), (&json!("f"), &json!({"x": "1"})), "{patched}");
    assert!(patched.get("description").is_none() && patched["defaultTableExpirationMs"] == "3600000");
    assert_ne!(patched["etag"], made["etag"]);
    let stale = server.request("PATCH", &format!("{all}/d")).header("if-match", made["etag"].as_str().unwrap());
    assert_eq!(
        refusal(&server.send(stale.json(&json!({"description": "lost"}))).await),
        (412, "conditionNotMet", "Precondition Failed")
    );
    let fresh = server.request("PUT", &format!("{all}/d")).header("if-match", patched["etag"].as_str().unwrap());
    let (status, put) =
        server.send(fresh.json(&json!({"datasetReference": {"datasetId": "d"}, "description": "n"}))).await;
    assert_eq!((status, put.get("friendlyName"), &put["description"]), (200, None, &json!("n")));
    assert_eq!(server.call("PATCH", &format!("{all}/d"), json!({"location": "US"})).await.0, 400);

    let table = json!({"tableReference": {"datasetId": "d", "tableId": "t"}, "schema": {"fields": [{"name": "x", "type": "INT64"}]}});
    assert_eq!(server.post(&format!("{all}/d/tables"), table).await.0, 200);
    let (status, reason, message) = {
        let answer = server.call("DELETE", &format!("{all}/d"), Value::Null).await;
        let (status, reason, message) = refusal(&answer);
        (status, reason.to_owned(), message.to_owned())
    };
    assert_eq!((status, reason.as_str()), (400, "resourceInUse"), "{message}");
    assert_eq!(server.call("DELETE", &format!("{all}/d?deleteContents=true"), Value::Null).await.0, 204);
    assert_eq!(refusal(&server.get(&format!("{all}/d")).await), (404, "notFound", "Not found: Dataset p:d"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tables_are_made_listed_changed_and_deleted() {
    let server = Server::with_dataset().await;
    let all = "/projects/p/datasets/d/tables";
    let body = json!({
        "tableReference": {"projectId": "p", "datasetId": "d", "tableId": "t"},
        "schema": {"fields": [
            {"name": "id", "type": "INTEGER", "mode": "REQUIRED", "description": "who"},
            {"name": "r", "type": "RECORD", "mode": "REPEATED", "fields": [{"name": "p", "type": "FLOAT"}]},
        ]},
        "timePartitioning": {"type": "DAY"}, "clustering": {"fields": ["id"]},
    });
    let (status, made) = server.post(all, body.clone()).await;
    assert_eq!((status, &made["id"], &made["type"]), (200, &json!("p:d.t"), &json!("TABLE")), "{made}");
    assert_eq!(
        made["schema"]["fields"][0],
        json!({"name": "id", "type": "INTEGER", "mode": "REQUIRED", "description": "who"})
    );
    assert_eq!(made["schema"]["fields"][1]["fields"][0]["type"], "FLOAT");
    assert_eq!((&made["numRows"], &made["timePartitioning"]["type"]), (&json!("0"), &json!("DAY")));
    assert_eq!(refusal(&server.post(all, body).await), (409, "duplicate", "Already Exists: Table p:d.t"));
    let patch = json!({"description": "d", "labels": {"a": "b"}, "expirationTime": "4102444800000"});
    let (status, patched) = server.call("PATCH", &format!("{all}/t"), patch).await;
    assert_eq!(
        (status, &patched["description"], &patched["clustering"]["fields"][0]),
        (200, &json!("d"), &json!("id")),
        "{patched}"
    );
    assert_eq!(patched["expirationTime"], "4102444800000");
    let (_, listed) = server.get(all).await;
    assert_eq!((&listed["totalItems"], &listed["tables"][0]["labels"]["a"]), (&json!(1), &json!("b")));
    assert_eq!(server.get(&format!("{all}?maxResults=1")).await.1.get("nextPageToken"), None);
    assert_eq!(server.call("DELETE", &format!("{all}/t"), Value::Null).await.0, 204);
    let missing = server.get(&format!("{all}/t")).await;
    assert_eq!((refusal(&missing).0, refusal(&missing).1), (404, "notFound"));
    assert!(refusal(&missing).2.starts_with("Not found: Table p:d.t"));
    assert_eq!(refusal(&server.get("/projects/p/datasets/no/tables").await).2, "Not found: Dataset p:no");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_view_shows_its_query() {
    let server = Server::with_dataset().await;
    let all = "/projects/p/datasets/d/tables";
    let view = json!({"tableReference": {"datasetId": "d", "tableId": "v"}, "view": {"query": "SELECT 1 AS x", "useLegacySql": false}});
    let (status, made) = server.post(all, view).await;
    assert_eq!(
        (status, &made["type"], &made["view"]["query"]),
        (200, &json!("VIEW"), &json!("SELECT 1 AS x")),
        "{made}"
    );
    assert!(made.get("numRows").is_none());
    let legacy =
        json!({"tableReference": {"datasetId": "d", "tableId": "w"}, "view": {"query": "q", "useLegacySql": true}});
    assert!(refusal(&server.post(all, legacy).await).2.contains("Legacy SQL"));
    let material = json!({"tableReference": {"datasetId": "d", "tableId": "w"}, "materializedView": {"query": "q"}});
    assert_eq!(refusal(&server.post(all, material).await).0, 501);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_are_streamed_in_and_listed_by_column() {
    let server = Server::with_dataset().await;
    let table = json!({
        "tableReference": {"datasetId": "d", "tableId": "t"},
        "schema": {"fields": [{"name": "a", "type": "INT64"}, {"name": "b", "type": "STRING"}, {"name": "at", "type": "TIMESTAMP"}]},
    });
    server.post("/projects/p/datasets/d/tables", table).await;
    let insert = "/projects/p/datasets/d/tables/t/insertAll";
    let rows = json!({"rows": [
        {"insertId": "1", "json": {"a": 1, "b": "x", "at": "2024-01-01 09:15:00.123456"}},
        {"insertId": "2", "json": {"a": "2", "b": null}},
    ]});
    assert_eq!(server.post(insert, rows).await, (200, json!({"kind": "bigquery#tableDataInsertAllResponse"})));
    let data = "/projects/p/datasets/d/tables/t/data";
    let (_, page) = server.get(&format!("{data}?formatOptions.useInt64Timestamp=True")).await;
    assert_eq!(page["totalRows"], "2");
    assert_eq!(
        cells(&page),
        [[json!("1"), json!("x"), json!("1704100500123456")], [json!("2"), Value::Null, Value::Null]]
    );
    let (_, page) = server.get(&format!("{data}?maxResults=1&selectedFields=b")).await;
    assert_eq!(cells(&page), [[json!("x")]]);
    let next = page["pageToken"].as_str().unwrap();
    assert_eq!(cells(&server.get(&format!("{data}?selectedFields=a&pageToken={next}")).await.1), [[json!("2")]]);
    let (_, page) = server.get(&format!("{data}?selectedFields=at&maxResults=1")).await;
    assert_eq!(cells(&page), [[json!("1.704100500123456E9")]]);
    let (_, page) = server
        .get(&format!("{data}?selectedFields=at&maxResults=1&formatOptions.timestampOutputFormat=ISO8601_STRING"))
        .await;
    assert_eq!(cells(&page), [[json!("2024-01-01T09:15:00.123456Z")]]);

    let bad = json!({"rows": [{"json": {"a": 3}}, {"json": {"zz": 1}}], "skipInvalidRows": true});
    let (status, answer) = server.post(insert, bad).await;
    assert_eq!((status, &answer["insertErrors"][0]["index"]), (200, &json!(1)), "{answer}");
    let error = &answer["insertErrors"][0]["errors"][0];
    assert_eq!(
        (&error["reason"], &error["location"], &error["message"]),
        (&json!("invalid"), &json!("zz"), &json!("no such field: zz."))
    );
    assert_eq!(server.get(data).await.1["totalRows"], "3");
    assert_eq!(refusal(&server.post(insert, json!({"rows": []})).await).2, "No rows present in the request.");
    assert_eq!(refusal(&server.post(insert, json!({"rows": [{"json": 5}]})).await).0, 400);
    assert_eq!(refusal(&server.post(insert, json!({"rows": [{"insertId": 5, "json": {}}]})).await).0, 400);
    assert_eq!(server.post("/projects/p/datasets/d/tables/no/insertAll", json!({"rows": [{"json": {}}]})).await.0, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn models_are_none_until_they_are_made() {
    let server = Server::with_dataset().await;
    let all = "/projects/p/datasets/d/models";
    assert_eq!(server.get(all).await, (200, json!({})));
    for (method, body) in [("GET", Value::Null), ("DELETE", Value::Null), ("PATCH", json!({"description": "d"}))] {
        let answer = server.call(method, &format!("{all}/m"), body).await;
        assert_eq!((refusal(&answer).0, refusal(&answer).1), (404, "notFound"), "{method}");
    }
    server.stop().await;
}
