//! The API over a real socket.

mod uploads;

use std::io::Write as _;

use serde_json::{Value, json};

use super::testing::Server;
use super::{Gcs, GcsConfig, OpenError};

const OBJECT: &str = "/storage/v1/b/b1x/o/a%2Fb.json";

#[test]
fn a_folder_belongs_to_one_server_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let config = GcsConfig::new(folder.path(), "http://localhost:4443");
    let open = Gcs::open(config.clone()).unwrap();
    assert!(matches!(Gcs::open(config.clone()), Err(OpenError::InUse(path)) if path == folder.path()));
    drop(open);
    Gcs::open(config.clone()).unwrap();
    std::fs::write(folder.path().join("objects/journal"), "junk\njunk\n").unwrap();
    let error = Gcs::open(config).unwrap_err().to_string();
    assert!(error.contains("journal` is damaged at byte 0"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buckets_are_made_listed_changed_and_removed() {
    let server = Server::with_bucket().await;
    let made = server.get("/storage/v1/b/b1x").await.json();
    assert_eq!(
        (&made["kind"], &made["location"], &made["storageClass"]),
        (&json!("storage#bucket"), &json!("US"), &json!("STANDARD"))
    );
    assert_eq!(made["selfLink"], format!("http://{}/storage/v1/b/b1x", server.address));
    let again = server.json("POST", "/storage/v1/b?project=p", &json!({"name": "b1x"})).await;
    assert_eq!((again.error().0, again.error().1.as_str()), (409, "conflict"));
    let bad = server.json("POST", "/storage/v1/b?project=p", &json!({"name": "../x"})).await;
    assert_eq!(bad.error(), (400, "invalid".into(), "Invalid bucket name: '../x'".into()));
    let refused =
        server.json("POST", "/storage/v1/b?project=p", &json!({"name": "b2x", "lifecycle": {"rule": [1]}})).await;
    assert_eq!((refused.error().0, refused.error().1.as_str()), (501, "notImplemented"));

    let second = json!({"name": "b2x", "location": "eu", "labels": {"a": "1"}});
    assert_eq!(server.json("POST", "/storage/v1/b?project=p", &second).await.json()["location"], "EU");
    let patched = server.json("PATCH", "/storage/v1/b/b2x", &json!({"labels": {"a": null, "b": "2"}})).await.json();
    assert_eq!((&patched["labels"], &patched["metageneration"]), (&json!({"b": "2"}), &json!("2")));
    let page = server.get("/storage/v1/b?project=p&maxResults=1").await.json();
    assert_eq!((&page["items"][0]["name"], page["items"].as_array().unwrap().len()), (&json!("b1x"), 1));
    let token = page["nextPageToken"].as_str().unwrap();
    let page = server.get(&format!("/storage/v1/b?project=%3Cnone%3E&pageToken={token}")).await.json();
    assert_eq!((&page["items"][0]["name"], page.get("nextPageToken")), (&json!("b2x"), None));
    assert_eq!(server.get("/storage/v1/b").await.error().1, "required");

    server.put("x", "", "1").await;
    assert_eq!(
        server.send("DELETE", "/storage/v1/b/b1x", &[], "").await.error().2,
        "The bucket you tried to delete is not empty."
    );
    assert_eq!(server.send("DELETE", "/storage/v1/b/b1x/o/x", &[], "").await.status, 204);
    assert_eq!(server.send("DELETE", "/storage/v1/b/b1x", &[], "").await.status, 204);
    assert_eq!(
        server.get("/storage/v1/b/b1x").await.error(),
        (404, "notFound".into(), "The specified bucket does not exist.".into())
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_has_the_fields_that_clients_need_and_survives_a_restart() {
    let server = Server::with_bucket().await;
    let made = server.put("a/b.json", "&contentEncoding=identity", "{\"a\":1}\n").await.json();
    assert_eq!(
        (&made["crc32c"], &made["size"], &made["contentType"]),
        (&json!("M3Q35g=="), &json!("8"), &json!("text/plain"))
    );
    assert_eq!(made["id"], format!("b1x/a/b.json/{}", made["generation"].as_str().unwrap()));
    let fields = [
        "md5Hash",
        "etag",
        "timeCreated",
        "updated",
        "timeStorageClassUpdated",
        "timeFinalized",
        "selfLink",
        "metageneration",
    ];
    assert!(fields.iter().all(|name| made[*name].is_string()), "{made}");
    let media = server.get(made["mediaLink"].as_str().unwrap()).await;
    assert_eq!(media.text(), "{\"a\":1}\n");
    let folder = server.stop().await;
    let server = Server::start_in(folder).await;
    let mut kept = server.get(OBJECT).await.json();
    for link in ["selfLink", "mediaLink"] {
        kept[link] = made[link].clone();
    }
    assert_eq!(kept, made);
    assert_eq!(server.get(&format!("{OBJECT}?alt=media")).await.text(), "{\"a\":1}\n");
    assert_eq!(
        server.get(&format!("{OBJECT}?fields=name,size")).await.json(),
        json!({"name": "a/b.json", "size": "8"})
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn preconditions_hold_or_refuse() {
    let server = Server::with_bucket().await;
    let made = server.put("a/b.json", "&ifGenerationMatch=0", "1").await;
    let generation = made.json()["generation"].as_str().unwrap().to_owned();
    let not_met = |status| (status, "conditionNotMet".to_owned());
    let again = server.put("a/b.json", "&ifGenerationMatch=0", "2").await;
    assert_eq!((again.error().0, again.error().1), not_met(412));
    assert_eq!(again.json()["error"]["errors"][0]["locationType"], "header");
    let cases = [
        ("GET", format!("?ifGenerationMatch={generation}"), 200),
        ("GET", "?ifGenerationMatch=1".to_owned(), 412),
        ("GET", format!("?ifGenerationNotMatch={generation}"), 304),
        ("GET", "?alt=media&ifMetagenerationMatch=2".to_owned(), 412),
        ("GET", "?alt=media&ifMetagenerationNotMatch=1".to_owned(), 304),
        ("GET", "?ifGenerationMatch=x".to_owned(), 400),
        ("GET", "?ifGenerationMatch=99999999999999999999".to_owned(), 400),
        ("GET", "?generation=1".to_owned(), 404),
        ("PATCH", "?ifMetagenerationMatch=2".to_owned(), 412),
        ("PATCH", "?ifMetagenerationNotMatch=1".to_owned(), 412),
        ("DELETE", "?ifGenerationMatch=1".to_owned(), 412),
        ("DELETE", format!("?ifGenerationNotMatch={generation}"), 412),
        ("DELETE", format!("?ifGenerationMatch={generation}"), 204),
        ("GET", String::new(), 404),
    ];
    for (method, query, status) in cases {
        assert_eq!(
            server.json(method, &format!("{OBJECT}{query}"), &json!({})).await.status,
            status,
            "{method} {query}"
        );
    }
    assert_eq!(server.put("a/b.json", "&ifGenerationMatch=7", "2").await.status, 412);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_give_ranges_sums_and_plain_bytes() {
    let server = Server::with_bucket().await;
    let made = server.put("a/b.json", "", "0123456789").await.json();
    let media = format!("{OBJECT}?alt=media");
    let whole = server.get(&media).await;
    assert_eq!(
        (whole.text(), whole.header("content-length"), whole.header("content-type")),
        ("0123456789", Some("10"), Some("text/plain"))
    );
    assert_eq!(whole.header("x-goog-generation"), made["generation"].as_str());
    let sums = format!("crc32c={},md5={}", made["crc32c"].as_str().unwrap(), made["md5Hash"].as_str().unwrap());
    assert_eq!(whole.header("x-goog-hash"), Some(sums.as_str()));
    assert_eq!(whole.header("x-goog-stored-content-length"), Some("10"));
    let cases = [
        ("bytes=2-4", 206, "234", Some("bytes 2-4/10")),
        ("bytes=7-", 206, "789", Some("bytes 7-9/10")),
        ("bytes=-2", 206, "89", Some("bytes 8-9/10")),
        ("bytes=0-999999999999", 206, "0123456789", Some("bytes 0-9/10")),
        ("nonsense", 200, "0123456789", None),
    ];
    for (range, status, text, content_range) in cases {
        for path in [media.as_str(), "/download/storage/v1/b/b1x/o/a%2Fb.json?alt=media", "/b1x/a/b.json"] {
            let part = server.send("GET", path, &[("range", range)], "").await;
            assert_eq!(
                (part.status, part.text(), part.header("content-range")),
                (status, text, content_range),
                "{range} {path}"
            );
        }
    }
    let after = server.send("GET", &media, &[("range", "bytes=10-")], "").await;
    assert_eq!((after.error().0, after.error().1.as_str()), (416, "requestedRangeNotSatisfiable"));
    assert_eq!(after.header("content-range"), Some("bytes */10"));
    let head = server.send("HEAD", "/b1x/a/b.json", &[], "").await;
    assert_eq!((head.status, head.header("content-length"), head.body.len()), (200, Some("10"), 0));
    let tag = head.header("etag").unwrap().to_owned();
    assert_eq!(server.send("GET", "/b1x/a/b.json", &[("if-none-match", &tag)], "").await.status, 304);

    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&b"tick\n".repeat(100_000)).unwrap();
    let gzip = gzip.finish().unwrap();
    server.put("z", "&contentEncoding=gzip", gzip.clone()).await;
    let plain = server.get("/storage/v1/b/b1x/o/z?alt=media").await;
    assert_eq!(
        (plain.body.len(), plain.header("content-encoding"), plain.header("content-length")),
        (500_000, None, None)
    );
    assert_eq!(plain.header("x-guploader-response-body-transformations"), Some("gunzipped"));
    assert_eq!(plain.header("x-goog-stored-content-encoding"), Some("gzip"));
    let raw = server.send("GET", "/storage/v1/b/b1x/o/z?alt=media", &[("accept-encoding", "gzip")], "").await;
    assert_eq!((raw.body == gzip, raw.header("content-encoding")), (true, Some("gzip")));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn listings_have_prefixes_pages_and_bounds() {
    let server = Server::with_bucket().await;
    for name in ["a", "d/1", "d/2", "d/e/3", "f/", "z", "é"] {
        server.put(name, "", "x").await;
    }
    let page = server.get("/storage/v1/b/b1x/o?delimiter=%2F").await.json();
    assert_eq!(page["prefixes"], json!(["d/", "f/"]));
    assert_eq!(server.names("delimiter=/").await, ["a", "z", "é"]);
    assert_eq!(server.names("delimiter=/&includeTrailingDelimiter=true").await, ["a", "f/", "z", "é"]);
    assert_eq!(server.names("prefix=d/&delimiter=/").await, ["d/1", "d/2"]);
    assert_eq!(server.names("startOffset=d/2&endOffset=z").await, ["d/2", "d/e/3", "f/"]);
    assert_eq!(server.names("matchGlob=d/*").await, ["d/1", "d/2"]);
    assert_eq!(server.names("matchGlob=**3").await, ["d/e/3"]);
    let mut all = Vec::new();
    let mut token = String::new();
    loop {
        let page = server.get(&format!("/storage/v1/b/b1x/o?delimiter=/&maxResults=2&pageToken={token}")).await.json();
        let texts = |value: &Value| value.as_array().cloned().unwrap_or_default();
        let items = texts(&page["items"]).iter().map(|item| item["name"].clone()).collect::<Vec<_>>();
        assert!(items.len() + texts(&page["prefixes"]).len() <= 2);
        all.extend(items.into_iter().chain(texts(&page["prefixes"])));
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    all.sort_by_key(|name| name.as_str().unwrap().to_owned());
    assert_eq!(all, ["a", "d/", "f/", "z", "é"]);
    assert_eq!(server.get("/storage/v1/b/b1x/o?prefix=none").await.json(), json!({"kind": "storage#objects"}));
    for query in ["maxResults=-1", "maxResults=99999999999999", "pageToken=*", "versions=maybe", "matchGlob=%5B"] {
        assert_eq!(server.get(&format!("/storage/v1/b/b1x/o?{query}")).await.status, 400, "{query}");
    }
    assert_eq!(server.get("/storage/v1/b/nope/o").await.status, 404);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_copied_composed_moved_and_changed() {
    let server = Server::with_bucket().await;
    server.put("a", "", "one").await;
    server.put("b", "", "two").await;
    let base = "/storage/v1/b/b1x/o";
    let copied = server.json("POST", &format!("{base}/a/rewriteTo/b/b1x/o/c%2Fa"), &json!({})).await.json();
    assert_eq!(
        (&copied["done"], &copied["objectSize"], &copied["resource"]["contentType"]),
        (&json!(true), &json!("3"), &json!("text/plain"))
    );
    let own = json!({"contentType": "text/csv", "metadata": {"k": "v"}});
    let copied = server.json("POST", &format!("{base}/a/copyTo/b/b1x/o/c2"), &own).await.json();
    assert_eq!((&copied["kind"], &copied["contentType"]), (&json!("storage#object"), &json!("text/csv")));
    server.send("DELETE", &format!("{base}/a"), &[], "").await;
    assert_eq!(server.get("/b1x/c/a").await.text(), "one", "the copy has the bytes of what is gone");
    let sources = json!({"sourceObjects": [{"name": "c/a"}, {"name": "b"}], "destination": {"contentType": "text/x"}});
    let composed = server.json("POST", &format!("{base}/d/compose"), &sources).await.json();
    assert_eq!(
        (&composed["componentCount"], composed.get("md5Hash"), &composed["size"]),
        (&json!(2), None, &json!("6"))
    );
    assert_eq!(server.get("/b1x/d").await.text(), "onetwo");
    for sources in [json!([]), json!(vec![json!({"name": "b"}); 33]), json!([{"name": "b", "generation": "x"}])] {
        let answer = server.json("POST", &format!("{base}/e/compose"), &json!({"sourceObjects": sources})).await;
        assert_eq!(answer.status, 400);
    }
    let missing =
        server.json("POST", &format!("{base}/e/compose"), &json!({"sourceObjects": [{"name": "nope"}]})).await;
    assert_eq!(missing.error().2, "No such object: b1x/nope");
    let moved = server.json("POST", &format!("{base}/d/moveTo/o/e"), &json!({})).await;
    assert_eq!((moved.status, server.names("").await), (200, vec!["b".into(), "c/a".into(), "c2".into(), "e".into()]));

    let patched = server
        .json("PATCH", &format!("{base}/c2"), &json!({"metadata": {"k": null, "n": "1"}, "contentType": null}))
        .await
        .json();
    assert_eq!(
        (&patched["metadata"], &patched["metageneration"], patched.get("contentType")),
        (&json!({"n": "1"}), &json!("2"), None)
    );
    let put = server.json("PUT", &format!("{base}/c2"), &json!({"cacheControl": "no-store"})).await.json();
    assert_eq!((put.get("metadata"), &put["cacheControl"]), (None, &json!("no-store")));
    let held = server.json("PATCH", &format!("{base}/c2"), &json!({"temporaryHold": true})).await;
    assert_eq!(held.status, 200);
    assert_eq!(server.send("DELETE", &format!("{base}/c2"), &[], "").await.status, 403);
    assert_eq!(server.put("c2", "", "x").await.status, 403);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn noncurrent_versions_stay_where_the_bucket_keeps_them() {
    let server = Server::with_bucket().await;
    server.json("PATCH", "/storage/v1/b/b1x", &json!({"versioning": {"enabled": true}})).await;
    let first = server.put("a", "", "one").await.json()["generation"].as_str().unwrap().to_owned();
    server.put("a", "", "two").await;
    assert_eq!(server.names("").await, ["a"]);
    assert_eq!(server.names("versions=true").await, ["a", "a"]);
    assert_eq!(server.get(&format!("/b1x/a?generation={first}")).await.text(), "one");
    assert_eq!(server.send("DELETE", "/storage/v1/b/b1x/o/a", &[], "").await.status, 204);
    assert_eq!((server.names("").await.len(), server.names("versions=true").await.len()), (0, 2));
    let server = Server::start_in(server.stop().await).await;
    assert_eq!(server.names("versions=true").await.len(), 2);
    assert_eq!(server.send("DELETE", &format!("/storage/v1/b/b1x/o/a?generation={first}"), &[], "").await.status, 204);
    assert_eq!(server.names("versions=true").await.len(), 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_answers_each_part() {
    let server = Server::with_bucket().await;
    server.put("a", "", "1").await;
    let body = "--==b\r\nContent-Type: application/http\r\nContent-ID: <x+1>\r\n\r\nDELETE /storage/v1/b/b1x/o/a HTTP/1.1\r\n\r\n\r\n\
        --==b\r\nContent-Type: application/http\r\n\r\nPATCH http://h:1/storage/v1/b/b1x/o/nope HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{}\r\n\
        --==b\r\nContent-Type: application/http\r\n\r\nPOST /batch/storage/v1 HTTP/1.1\r\n\r\n\r\n--==b--";
    let headers = [("content-type", "multipart/mixed; boundary=\"==b\"")];
    // Python ends lines without `\r`.
    let python = body.replace("\r\n", "\n").replace("/o/a ", "/o/b ");
    server.put("b", "", "1").await;
    let answer = server.send("POST", "/batch/storage/v1", &headers, python).await;
    assert!(answer.text().contains("HTTP/1.1 204 No Content\r\n"), "{}", answer.text());
    let answer = server.send("POST", "/batch/storage/v1?uploadType=x", &headers, body).await;
    assert!(answer.header("content-type").unwrap().starts_with("multipart/mixed; boundary=batch_"));
    let text = answer.text();
    assert!(text.contains("Content-ID: <response-x+1>\r\n\r\nHTTP/1.1 204 No Content\r\n"), "{text}");
    assert!(text.contains("HTTP/1.1 404 Not Found\r\n") && text.contains("No such object: b1x/nope"), "{text}");
    assert!(text.contains("HTTP/1.1 400 Bad Request\r\n"), "{text}");
    assert!(server.names("").await.is_empty());
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_xml_api_reads_writes_and_lists() {
    let server = Server::with_bucket().await;
    let headers = [("content-type", "text/csv"), ("x-goog-meta-k", "v"), ("x-goog-if-generation-match", "0")];
    let put = server.send("PUT", "/b1x/d/a b<c", &headers, "xyz").await;
    assert_eq!((put.status, put.header("x-goog-metageneration")), (200, Some("1")), "{}", put.text());
    assert_eq!(server.send("PUT", "/b1x/d/a b<c", &headers, "xyz").await.status, 412);
    let made = server.get("/storage/v1/b/b1x/o/d%2Fa%20b%3Cc").await.json();
    assert_eq!((&made["contentType"], &made["metadata"]), (&json!("text/csv"), &json!({"k": "v"})));
    let list = server.get("/b1x?prefix=d").await;
    assert!(list.text().contains("<Contents><Key>d/a b&lt;c</Key>"), "{}", list.text());
    assert!(
        server.get("/b1x?delimiter=/").await.text().contains("<CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>")
    );
    assert!(server.get("/").await.text().contains("<Name>b1x</Name>"));
    assert_eq!(server.send("HEAD", "/b1x", &[], "").await.status, 200);
    let missing = server.get("/b1x/nope").await;
    assert_eq!((missing.status, missing.text().contains("<Code>NoSuchKey</Code>")), (404, true));
    assert!(server.get("/nope/x").await.text().contains("<Code>NoSuchBucket</Code>"));
    let refused = server.get("/b1x?acl").await;
    assert_eq!((refused.status, refused.text().contains("`acl`")), (501, true));
    assert_eq!(server.send("DELETE", "/b1x/d/a b<c", &[], "").await.status, 204);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_served_is_refused_by_name() {
    let server = Server::with_bucket().await;
    let cases = [
        ("GET", "/storage/v1/b/b1x/acl", 501, "Access control lists"),
        ("GET", "/storage/v1/b/b1x/iam", 501, "IAM policies"),
        ("POST", "/storage/v1/b/b1x/notificationConfigs", 501, "Pub/Sub notifications"),
        ("GET", "/storage/v1/projects/p/hmacKeys", 501, "HMAC keys"),
        ("POST", "/storage/v1/b/b1x/o/a/restore", 501, "Restoring objects"),
        ("GET", "/storage/v1/nope", 404, "Not Found"),
        ("PUT", "/storage/v1/b", 405, "Method Not Allowed"),
        (
            "POST",
            "/upload/storage/v1/b/b1x/o?uploadType=media&name=a&predefinedAcl=publicRead",
            400,
            "uniform bucket-level access",
        ),
        ("POST", "/upload/storage/v1/b/b1x/o?uploadType=media&name=a&kmsKeyName=k", 501, "Cloud KMS"),
        ("POST", "/upload/storage/v1/b/b1x/o?uploadType=odd&name=a", 400, "uploadType"),
        ("POST", "/upload/storage/v1/b/b1x/o?name=a", 400, "uploadType"),
        ("POST", "/upload/storage/v1/b/b1x/o?uploadType=media", 400, "name"),
        ("POST", "/upload/storage/v1/b/nope/o?uploadType=media&name=a", 404, "The specified bucket does not exist."),
    ];
    for (method, path, status, message) in cases {
        let answer = server.send(method, path, &[], "").await;
        let (found, _, text) = answer.error();
        assert!(found == status && text.contains(message), "{method} {path}: {found} {text}");
    }
    let key = [("x-goog-encryption-algorithm", "AES256")];
    assert_eq!(server.send("GET", "/storage/v1/b/b1x/o/a", &key, "").await.status, 501);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_requests_change_nothing_outside_the_folder() {
    let server = Server::with_bucket().await;
    let outside = server.folder.path().join("secret");
    std::fs::write(&outside, "hidden content").unwrap();
    let names = [
        "../../../secret",
        "/etc/passwd",
        "..%2f..%2fsecret",
        "'; DROP TABLE objects; --",
        "a\\..\\b",
        "%",
        "\u{1f4a9}",
    ];
    for name in names {
        let made = server.put(name, "", "x").await;
        assert_eq!((made.status, &made.json()["name"]), (200, &json!(name)));
    }
    for path in [
        "/b1x/../../secret",
        "/storage/v1/b/../o/x",
        "/storage/v1/b/b1x/o/..%2F..%2Fsecret?alt=media",
        "/b1x/%2e%2e%2fsecret",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = server.raw(request.as_bytes(), false).await;
        assert!(answer.starts_with("HTTP/1.1 404") && !answer.contains("hidden content"), "{path}: {answer}");
    }
    let deep = "[".repeat(200_000);
    let long = "a".repeat(2000);
    let cases = [
        server.send("POST", "/storage/v1/b?project=p", &[], deep.clone()).await,
        server.send("POST", "/storage/v1/b?project=p", &[], format!("{{\"name\":\"x\",\"labels\":{deep}")).await,
        server.json("POST", "/storage/v1/b?project=p", &json!({"name": "../../x"})).await,
        server.json("POST", "/storage/v1/b?project=p", &json!({"name": {"a": 1}})).await,
        server.put(&long, "", "x").await,
        server.put("a\nb", "", "x").await,
        server.put("a", "&ifGenerationMatch=1e9", "x").await,
        server.get("/storage/v1/b/b1x/o?fields=((((((((((").await,
        server.get("/storage/v1/b/b1x/o/%ff").await,
        server.get("/storage/v1/b/b1x/o?prefix=%zz").await,
    ];
    for (index, answer) in cases.iter().enumerate() {
        assert_eq!(answer.error().0, 400, "{index}: {}", answer.text());
    }
    let large = server.send("POST", "/storage/v1/b?project=p", &[], vec![b' '; 11_000_000]).await;
    assert_eq!(large.error().0, 413);
    for bytes in [
        &b"\0\0\0\0"[..],
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\ngarbage",
        b"GET / HTTP/9.9\r\n\r\n",
        b"PRI",
        b"POST / HTTP/1.1\r\ncontent-length: 99999999999999999999\r\n\r\n",
    ] {
        server.raw(bytes, true).await;
    }
    assert_eq!(server.names("").await.len(), names.len());
    assert_eq!(std::fs::read_to_string(&outside).unwrap(), "hidden content");
    let around: Vec<_> =
        std::fs::read_dir(server.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(around.len(), 2, "{around:?}");
    server.stop().await;
}
