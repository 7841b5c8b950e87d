//! Uploads in each of their ways.

use serde_json::json;

use crate::server::gcs::testing::Server;

fn related(parts: &[(&str, &str)]) -> String {
    let part = |(kind, text): &(&str, &str)| format!("--b\r\nContent-Type: {kind}\r\n\r\n{text}\r\n");
    parts.iter().map(part).collect::<String>() + "--b--"
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_multipart_upload_has_metadata_content_and_maybe_sums() {
    let server = Server::with_bucket().await;
    let path = "/upload/storage/v1/b/b1x/o?uploadType=multipart";
    let headers = [("content-type", "multipart/related; boundary=\"b\"")];
    let (json, text) = ("application/json", "text/csv");
    let cases = [
        (vec![(json, r#"{"name":"m1","crc32c":"M3Q35g==","metadata":{"k":"v"}}"#), (text, "{\"a\":1}\n")], 200),
        (vec![(json, r#"{"name":"m2"}"#), (text, "{\"a\":1}\n"), (json, r#"{"crc32c":"M3Q35g=="}"#)], 200),
        (vec![(json, r#"{"name":"m3"}"#), (text, "{\"a\":2}\n"), (json, r#"{"crc32c":"M3Q35g=="}"#)], 400),
        (vec![(json, r#"{"name":"m3","md5Hash":"AAAAAAAAAAAAAAAAAAAAAA=="}"#), (text, "x")], 400),
        (vec![(json, r#"{"name":"m3","bucket":"other"}"#), (text, "x")], 400),
        (vec![(json, r#"{"name":"m3""#), (text, "x")], 400),
        (vec![(json, "{}"), (text, "x")], 400),
        (vec![(json, r#"{"name":"m3"}"#)], 400),
        (vec![], 400),
    ];
    for (parts, status) in cases {
        let answer = server.send("POST", path, &headers, related(&parts)).await;
        assert_eq!(answer.status, status, "{parts:?}: {}", answer.text());
    }
    assert_eq!(server.names("").await, ["m1", "m2"]);
    let m1 = server.get("/storage/v1/b/b1x/o/m1").await.json();
    assert_eq!((&m1["contentType"], &m1["metadata"]), (&json!("text/csv"), &json!({"k": "v"})));
    let blobs = std::fs::read_dir(server.folder.path().join("gcs/objects/blobs")).unwrap().count();
    assert_eq!(blobs, 2, "refused uploads leave nothing");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resumable_upload_counts_what_arrived_and_only_that() {
    let server = Server::with_bucket().await;
    let unit = "x".repeat(262_144);
    let at = server.start_upload("&name=r1", &json!({"contentType": "text/csv"})).await;
    let put = async |at: &str, range: &str, body: &str| {
        let answer = server.send("PUT", at, &[("content-range", range)], body.to_owned()).await;
        (answer.status, answer.header("range").map(str::to_owned))
    };
    let kept = |last: usize| (308, Some(format!("bytes=0-{last}")));
    assert_eq!(put(&at, "bytes */*", "").await, (308, None), "nothing is kept, so there is no range");
    assert_eq!(put(&at, "bytes 0-262143/*", &unit).await, kept(262_143));
    assert_eq!(put(&at, "bytes */*", "").await, kept(262_143));
    assert_eq!(put(&at, "bytes 0-262143/*", &unit).await, kept(262_143), "not at the kept offset: nothing is taken");
    assert_eq!(put(&at, "bytes 262144-262148/*", "short").await.0, 400, "not the last, and no multiple of the unit");
    assert_eq!(put(&at, "bytes 262144-262153/262154", "12345").await, kept(262_148), "shorter than its range");
    assert_eq!(put(&at, "bytes */262154", "").await, kept(262_148), "a question never finishes");
    assert!(server.names("").await.is_empty());
    let done = server.send("PUT", &at, &[("content-range", "bytes 262149-262153/262154")], "67890").await;
    assert_eq!(
        (done.status, &done.json()["size"], &done.json()["contentType"]),
        (200, &json!("262154"), &json!("text/csv"))
    );
    assert_eq!(put(&at, "bytes */*", "").await.0, 200, "a finished upload gives its object");
    let content = server.get("/b1x/r1").await;
    assert_eq!(content.text(), format!("{unit}1234567890"));

    for (range, body) in [("bytes 0-*/*", "abc"), ("bytes 0-2/3", "abc"), ("bytes */0", ""), ("bytes 0-*/3", "abc")] {
        let at = server.start_upload("&name=r2", &json!({})).await;
        assert_eq!(put(&at, range, body).await.0, 200, "{range}");
    }
    let at = server.start_upload("&name=r3", &json!({})).await;
    assert_eq!(server.send("PUT", &at, &[], "abc").await.status, 200, "without a range it is all");
    let at = server.start_upload("", &json!({"name": "r4"})).await;
    for range in ["bytes 5-2/9", "bytes 0-9/5", "lines 0-1/2", "bytes 0-x/*"] {
        assert_eq!(put(&at, range, "").await.0, 400, "{range}");
    }
    assert_eq!(server.send("DELETE", &at, &[], "").await.status, 499);
    assert_eq!(put(&at, "bytes */*", "").await.0, 404);
    assert_eq!(put("/upload/storage/v1/b/b1x/o?uploadType=resumable&upload_id=nope", "bytes */*", "").await.0, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn go_and_apitools_upload_in_their_own_ways() {
    let server = Server::with_bucket().await;
    let at = server.start_upload("&name=go", &json!({})).await;
    let no_308 = ("x-guploader-no-308", "yes");
    let body = "x".repeat(262_144);
    let part = server.send("POST", &at, &[no_308, ("content-range", "bytes 0-262143/*")], body).await;
    let seen = (part.status, part.header("x-http-status-code-override"), part.header("range"));
    assert_eq!(seen, (200, Some("308"), Some("bytes=0-262143")));
    let done = server.send("POST", &at, &[no_308, ("content-range", "bytes 262144-262144/262145")], "y").await;
    assert_eq!((done.status, done.header("x-http-status-code-override")), (200, None));

    let start = "/resumable/upload/storage/v1/b/b1x/o?uploadType=resumable&name=beam";
    let started = server.json("POST", start, &json!({})).await;
    let location = started.header("location").unwrap();
    assert!(
        location.starts_with(&format!("http://{}/resumable/upload/storage/v1/b/b1x/o?", server.address)),
        "{location}"
    );
    assert_eq!(server.send("PUT", location, &[("content-range", "bytes 0-2/3")], "abc").await.status, 200);
    // Google's Rust client leaves the port out of `Host`.
    let bare = [("host", "127.0.0.1"), ("content-type", "application/json")];
    let started = server.send("POST", "/upload/storage/v1/b/b1x/o?uploadType=resumable&name=rust", &bare, "{}").await;
    assert!(started.header("location").unwrap().starts_with(&format!("http://{}/upload/", server.address)));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_goes_on_after_a_broken_connection_and_a_restart() {
    let server = Server::with_bucket().await;
    let at = server.start_upload("&name=r", &json!({})).await;
    let head =
        format!("PUT {at} HTTP/1.1\r\nhost: x:1\r\ncontent-range: bytes 0-9/10\r\ncontent-length: 10\r\n\r\n01234");
    server.raw(head.as_bytes(), true).await;
    let ask = async |server: &Server| {
        let answer = server.send("PUT", &at, &[("content-range", "bytes */10")], "").await;
        (answer.status, answer.header("range").map(str::to_owned))
    };
    // The broken request may still be at work.
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while ask(&server).await != (308, Some("bytes=0-4".to_owned())) {
        assert!(std::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let server = Server::start_in(server.stop().await).await;
    assert_eq!(ask(&server).await, (308, Some("bytes=0-4".to_owned())));
    let wrong = [("content-range", "bytes 5-9/10"), ("x-goog-hash", "crc32c=AAAAAA==")];
    let refused = server.send("PUT", &at, &wrong, "56789").await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    let at = server.start_upload("&name=r", &json!({"crc32c": "KAwGng=="})).await;
    let done = server.send("PUT", &at, &[("content-range", "bytes 0-9/10")], "0123456789").await;
    assert_eq!((done.status, &done.json()["crc32c"]), (200, &json!("KAwGng==")), "{}", done.text());
    server.stop().await;
}
