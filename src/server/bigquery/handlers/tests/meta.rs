//! What is the same for all routes, and those that are about the server itself.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::server::bigquery::testing::{Server, cells, refusal};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn projects_and_the_discovery_document_are_told() {
    let server = Server::with_dataset().await;
    let (_, projects) = server.get("/projects").await;
    assert_eq!(projects["projects"][0]["projectReference"]["projectId"], "p");
    assert_eq!(projects["totalItems"], 1);
    let (_, account) = server.get("/projects/p/serviceAccount").await;
    assert!(account["email"].as_str().unwrap().ends_with("@bigquery-encryption.iam.gserviceaccount.com"));
    for path in ["/discovery/v1/apis/bigquery/v2/rest", "/$discovery/rest?version=v2"] {
        let (status, document) = server.get(path).await;
        assert_eq!((status, &document["id"]), (200, &json!("bigquery:v2")), "{path}");
        assert_eq!(document["rootUrl"], format!("http://{}/", server.address));
        let insert = &document["resources"]["jobs"]["methods"]["insert"];
        assert_eq!((&insert["httpMethod"], &insert["path"]), (&json!("POST"), &json!("projects/{projectId}/jobs")));
        assert_eq!(
            insert["mediaUpload"]["protocols"]["resumable"]["path"],
            "/resumable/upload/bigquery/v2/projects/{projectId}/jobs"
        );
        assert_eq!(
            document["resources"]["tables"]["methods"]["get"]["parameterOrder"],
            json!(["projectId", "datasetId", "tableId"])
        );
    }
    assert_eq!(server.get("/$discovery/rest?version=v9").await.0, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routines_are_none() {
    let server = Server::with_dataset().await;
    let base = "/projects/p/datasets/d/routines";
    assert_eq!(server.get(base).await.1, json!({"routines": []}));
    assert_eq!(refusal(&server.get(&format!("{base}/r")).await), (404, "notFound", "Not found: Routine p:d.r"));
    assert_eq!(refusal(&server.post(base, json!({})).await).1, "notImplemented");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_may_be_compressed_and_paths_shortened() {
    let server = Server::start().await;
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(br#"{"query": "SELECT 1 AS x"}"#).unwrap();
    let body = encoder.finish().unwrap();
    let request =
        server.request("POST", "/projects/p/queries?alt=json&prettyPrint=false").header("content-encoding", "gzip");
    let (status, answer) = server.send(request.body(body.clone())).await;
    assert_eq!((status, cells(&answer)), (200, vec![vec![json!("1")]]));
    let short = server.request_at("GET", "/projects/p/datasets?$alt=json;enum-encoding=int");
    assert_eq!(server.send(short).await.0, 200, "the Go client leaves the API's name out");
    let broken = server.request("POST", "/projects/p/queries").header("content-encoding", "gzip").body("x");
    assert_eq!(refusal(&server.send(broken).await).0, 400);
    let other = server.request("POST", "/projects/p/queries").header("content-encoding", "br").body(body);
    assert_eq!(refusal(&server.send(other).await).0, 400);
    assert_eq!(server.get("/projects/p/datasets?alt=media").await.0, 400);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_are_indented_unless_asked_otherwise_and_say_what_they_are() {
    let server = Server::with_dataset().await;
    let text = async |query: &str| {
        let answer = server.request("GET", &format!("/projects/p/datasets/d{query}")).send().await;
        (answer.headers, answer.text)
    };
    let (headers, pretty) = text("").await;
    assert!(pretty.starts_with("{\n  \"kind\""), "{pretty}");
    assert_eq!(headers["content-type"], "application/json; charset=UTF-8");
    let etag = serde_json::from_str::<Value>(&pretty).unwrap()["etag"].clone();
    assert_eq!(headers["etag"], etag.as_str().unwrap());
    let (_, compact) = text("?prettyPrint=false").await;
    assert!(compact.starts_with("{\"kind\":"), "{compact}");
    let (_, some) = text("?fields=datasetReference(datasetId)&prettyPrint=false").await;
    assert_eq!(some, r#"{"datasetReference":{"datasetId":"d"}}"#);
    let unknown = server.get("/nowhere").await;
    assert_eq!(refusal(&unknown).1, "notFound");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_another_host_is_refused() {
    let server = Server::start().await;
    let request = server.request("POST", "/projects/p/queries").header("origin", "http://evil.test").body("{}");
    assert_eq!(refusal(&server.send(request).await).0, 403);
    server.stop().await;
}
