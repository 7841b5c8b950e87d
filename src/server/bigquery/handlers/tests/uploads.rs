//! Load jobs whose rows come with the request.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::server::bigquery::testing::{Server, cells, refusal};

const UPLOAD: &str = "/upload/bigquery/v2/projects/p/jobs";

fn load(id: &str, table: &str) -> Value {
    json!({"jobReference": {"jobId": id}, "configuration": {"load": {
        "sourceFormat": "CSV", "destinationTable": {"projectId": "p", "datasetId": "d", "tableId": table},
        "schema": {"fields": [{"name": "a", "type": "INTEGER"}, {"name": "b", "type": "STRING"}]},
    }}})
}

fn multipart(job: &Value, rows: &str) -> Vec<u8> {
    let job = job.to_string();
    let head = "--xyz\r\ncontent-type: application/json; charset=UTF-8\r\n\r\n";
    format!("{head}{job}\r\n--xyz\r\ncontent-type: */*\r\n\r\n{rows}\r\n--xyz--\r\n").into_bytes()
}

async fn table(server: &Server, name: &str) -> Vec<Vec<Value>> {
    cells(&server.get(&format!("/projects/p/datasets/d/tables/{name}/data")).await.1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_with_the_job_plain_or_compressed() {
    let server = Server::with_dataset().await;
    let body = multipart(&load("m1", "t1"), "1,x\n2,y\n");
    let post = || {
        server
            .request("POST", &format!("{UPLOAD}?uploadType=multipart"))
            .header("content-type", "multipart/related; boundary=\"xyz\"")
    };
    let (status, job) = server.send(post().body(body.clone())).await;
    assert_eq!((status, &job["configuration"]["jobType"]), (200, &json!("LOAD")), "{job}");
    let done = server.done("m1").await;
    assert_eq!(
        (&done["statistics"]["load"]["outputRows"], &done["statistics"]["load"]["inputFiles"]),
        (&json!("2"), &json!("1")),
        "{done}"
    );
    assert_eq!(table(&server, "t1").await, [[json!("1"), json!("x")], [json!("2"), json!("y")]]);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&multipart(&load("m2", "t2"), "3,z\n")).unwrap();
    let request = post().header("content-encoding", "gzip").body(encoder.finish().unwrap());
    assert_eq!(server.send(request).await.0, 200);
    server.done("m2").await;
    assert_eq!(table(&server, "t2").await, [[json!("3"), json!("z")]]);
    for (body, content_type) in
        [(b"--xyz\r\n\r\n{}".to_vec(), "multipart/related; boundary=xyz"), (body, "multipart/related")]
    {
        let request =
            server.request("POST", &format!("{UPLOAD}?uploadType=multipart")).header("content-type", content_type);
        assert_eq!(refusal(&server.send(request.body(body)).await).0, 400);
    }
    let query = multipart(&json!({"configuration": {"query": {"query": "SELECT 1"}}}), "x");
    assert_eq!(refusal(&server.send(post().body(query)).await).2, "A job of type QUERY takes no uploaded data");
    server.stop().await;
}

async fn begin(server: &Server, job: &Value) -> String {
    let request = server.request("POST", &format!("{UPLOAD}?uploadType=resumable")).json(job);
    let answer = request.send().await;
    assert_eq!(answer.status.as_u16(), 200);
    let location = answer.headers["location"].to_str().unwrap().to_owned();
    let root = format!("http://{}", server.address);
    assert!(location.starts_with(&root), "{location}");
    location[root.len()..].to_owned()
}

/// Status and `Range` of the answer to a piece.
async fn piece(server: &Server, to: &str, range: &str, bytes: &str) -> (u16, Option<String>, Value) {
    let request = server.request("PUT", to).header("content-range", range).body(bytes.to_owned());
    let answer = request.send().await;
    let kept = answer.headers.get("range").map(|range| range.to_str().unwrap().to_owned());
    (answer.status.as_u16(), kept, serde_json::from_str(&answer.text).unwrap_or_default())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_come_in_pieces() {
    let server = Server::with_dataset().await;
    let to = begin(&server, &load("r1", "t")).await;
    assert_eq!(piece(&server, &to, "bytes */*", "").await, (308, None, Value::Null), "nothing is kept yet");
    assert_eq!(piece(&server, &to, "bytes 0-3/*", "1,x\n").await, (308, Some("bytes=0-3".into()), Value::Null));
    // A piece that comes twice, one that leaves a gap, one with more than it says.
    for (range, bytes) in [("bytes 0-3/*", "1,x\n"), ("bytes 5-6/*", "y\n"), ("bytes 4-4/*", "2,y\n")] {
        assert_eq!(piece(&server, &to, range, bytes).await.1.as_deref(), Some("bytes=0-3"), "{range}");
    }
    // One that is shorter than it says counts as it came.
    assert_eq!(piece(&server, &to, "bytes 4-7/8", "2,").await.1.as_deref(), Some("bytes=0-5"));
    assert_eq!(
        piece(&server, &to, "bytes */8", "").await,
        (308, Some("bytes=0-5".into()), Value::Null),
        "a question ends nothing"
    );
    let (status, _, job) = piece(&server, &to, "bytes 6-7/8", "y\n").await;
    assert_eq!((status, &job["jobReference"]["jobId"]), (200, &json!("r1")));
    assert_eq!(
        piece(&server, &to, "bytes */8", "").await.2["jobReference"]["jobId"],
        "r1",
        "asked again, the same job"
    );
    server.done("r1").await;
    assert_eq!(table(&server, "t").await, [[json!("1"), json!("x")], [json!("2"), json!("y")]]);
    assert_eq!(piece(&server, &to, "bytes 9-1/2", "").await.0, 400);
    assert_eq!(piece(&server, &to.replace("upload_id=", "upload_id=0"), "bytes 0-0/1", "x").await.0, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ways_of_other_clients_end_an_upload_too() {
    let server = Server::with_dataset().await;
    // Node: a stream of unknown length.
    let to = begin(&server, &load("s1", "s1")).await;
    assert_eq!(piece(&server, &to, "bytes 0-*/*", "1,x\n").await.0, 200);
    // Go: pieces by POST, no 308.
    let to = begin(&server, &load("s2", "s2")).await;
    let request =
        server.request("POST", &to).header("content-range", "bytes 0-3/*").header("x-guploader-no-308", "yes");
    let answer = request.body("1,x\n").send().await;
    assert_eq!((answer.status.as_u16(), answer.headers["x-http-status-code-override"].to_str().unwrap()), (200, "308"));
    assert_eq!(piece(&server, &to, "bytes */4", "").await.0, 200, "all is there");
    // No header at all; nothing at all.
    let to = begin(&server, &load("s3", "s3")).await;
    assert_eq!(server.send(server.request("PUT", &to).body("1,x\n")).await.0, 200);
    let to = begin(&server, &load("s4", "s4")).await;
    assert_eq!(piece(&server, &to, "bytes */0", "").await.0, 200);
    for (job, rows) in [("s1", 1), ("s2", 1), ("s3", 1), ("s4", 0)] {
        let done = server.done(job).await;
        assert_eq!(done["statistics"]["load"]["outputRows"], rows.to_string(), "{done}");
    }
    let to = begin(&server, &load("s5", "s5")).await;
    assert_eq!(server.call("DELETE", &to, Value::Null).await.0, 499);
    assert_eq!(piece(&server, &to, "bytes */*", "").await.0, 404);
    let request =
        server.request("POST", &format!("{UPLOAD}?uploadType=resumable")).json(&json!({"configuration": {"load": {}}}));
    assert_eq!(refusal(&server.send(request).await).0, 400, "said before the rows are sent");
    let request = server.request("POST", &format!("{UPLOAD}?uploadType=media")).body("x");
    assert_eq!(refusal(&server.send(request).await).0, 400);
    let folder = server.stop().await;
    let left = std::fs::read_dir(folder.path().join("data/uploads")).unwrap().count();
    assert_eq!(left, 0, "uploads leave no file");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_at_the_socket_where_it_began() {
    let server = Server::with_dataset().await;
    let body = load("o1", "o1").to_string();
    for address in [server.address, server.other_address] {
        let request = server.request_to(address, "POST", &format!("{UPLOAD}?uploadType=resumable"));
        // Without its port, as some clients write it.
        let answer = request.header("host", "127.0.0.1").body(body.clone()).send().await;
        let location = answer.headers["location"].to_str().unwrap();
        assert!(location.starts_with(&format!("http://{address}/upload/")), "{location}");
    }
    server.stop().await;
}
