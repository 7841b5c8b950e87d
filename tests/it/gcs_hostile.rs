//! Hostile requests to the storage server: none of them reads or changes anything outside the server's own folder, brings it
//! down, or harms what it holds.

use std::ops::{Deref, DerefMut};

use crate::support::hostile::{Hostile, encoded};
use crate::support::servers::TestGcs;

const OBJECT: &str = "{\"ltp\":1}\n";

/// A server whose folder lies deep inside one that is watched.
struct Target {
    hostile: Hostile,
    _server: TestGcs,
}

impl Deref for Target {
    type Target = Hostile;

    fn deref(&self) -> &Hostile {
        &self.hostile
    }
}

impl DerefMut for Target {
    fn deref_mut(&mut self) -> &mut Hostile {
        &mut self.hostile
    }
}

impl Target {
    fn new() -> Self {
        let mut hostile = Hostile::new();
        let server = TestGcs::start_in(&hostile.own_folder());
        hostile.aim(&server.url);
        let made = hostile.send("POST", "/storage/v1/b?project=p", &[], br#"{"name": "bucket1"}"#);
        assert!(made.starts_with("HTTP/1.1 200"), "{made}");
        let kept = hostile.send("POST", &media("kept"), &[], OBJECT.as_bytes());
        assert!(kept.starts_with("HTTP/1.1 200"), "{kept}");
        hostile.sent = 0;
        Self { hostile, _server: server }
    }

    /// Nothing outside changed, inside are files of the server's own making only, and what it held is as it was.
    #[track_caller]
    fn check(&mut self) {
        self.hostile.check_outside();
        for path in self.hostile.own_files() {
            let name = path.file_name().unwrap().to_str().unwrap();
            let is_own = ["lock", "journal"].contains(&name) || name.bytes().all(|byte| byte.is_ascii_hexdigit());
            assert!(is_own, "{}", path.display());
        }
        let kept = self.send("GET", "/storage/v1/b/bucket1/o/kept?alt=media", &[], b"");
        assert!(kept.starts_with("HTTP/1.1 200") && kept.ends_with(OBJECT), "{kept}");
    }
}

fn media(name: &str) -> String {
    format!("/upload/storage/v1/b/bucket1/o?uploadType=media&name={name}")
}

#[test]
fn no_name_leads_out_of_the_folder() {
    let mut target = Target::new();
    let absolute = target.secret();
    let names = [
        "../secret",
        "../../secret",
        "../../../secret",
        "../../../../secret",
        "../../../../../secret",
        "..",
        ".",
        "/",
        "//",
        "/../../../secret",
        "x/../../../../secret",
        "..\\..\\secret",
        "..%2F..%2Fsecret",
        "~/secret",
        "$HOME/secret",
        "`touch x`",
        "'; DROP TABLE objects; --",
        "a\0b",
        "\u{feff}../secret",
        "..\u{2215}secret",
        absolute.as_str(),
    ];
    for name in names {
        let name = encoded(name);
        target.send("POST", &media(&name), &[], b"hostile");
        target.send("GET", &format!("/storage/v1/b/bucket1/o/{name}?alt=media"), &[], b"");
        target.send("POST", &format!("/storage/v1/b/bucket1/o/kept/copyTo/b/bucket1/o/{name}"), &[], b"{}");
        target.send("PUT", &format!("/bucket1/{name}"), &[], b"hostile");
        target.send("DELETE", &format!("/storage/v1/b/bucket1/o/{name}"), &[], b"");
        // A bucket of that name.
        target.send("GET", &format!("/storage/v1/b/{name}/o/secret?alt=media"), &[], b"");
        target.send("POST", "/storage/v1/b?project=p", &[], serde_json::json!({"name": name}).to_string().as_bytes());
    }
    // As they are, not encoded: whoever takes a path apart must not follow it.
    for path in ["/../../secret", "/bucket1/../../../secret", "/storage/v1/b/bucket1/o/../../../secret?alt=media"] {
        for method in ["GET", "PUT", "DELETE", "HEAD"] {
            target.send(method, path, &[], b"hostile");
        }
    }
    // Sessions are no paths either.
    for upload in ["../secret", "..%2F..%2Fsecret", &encoded(&absolute), "%00", ""] {
        for method in ["PUT", "DELETE", "POST"] {
            let path = format!("/upload/storage/v1/b/bucket1/o?uploadType=resumable&upload_id={upload}");
            target.send(method, &path, &[("content-range", "bytes 0-6/7")], b"hostile");
        }
    }
    assert!(target.sent >= 100, "{}", target.sent);
    target.check();
}

#[test]
fn numbers_depths_and_headers_beyond_all_measure_are_refused() {
    let mut target = Target::new();
    let huge = "9".repeat(400);
    for number in ["-1", "18446744073709551615", "18446744073709551616", "1e9", "NaN", "0x10", " 1", &huge] {
        let number = encoded(number);
        for parameter in ["generation", "ifGenerationMatch", "ifMetagenerationNotMatch", "maxResults", "pageToken"] {
            target.send("GET", &format!("/storage/v1/b/bucket1/o/kept?{parameter}={number}"), &[], b"");
            target.send("GET", &format!("/storage/v1/b/bucket1/o?{parameter}={number}"), &[], b"");
        }
    }
    for range in
        ["bytes=-18446744073709551616", "bytes=0-0,1-1,2-2", "bytes=5-2", "bytes=18446744073709551615-", "bytes=--1"]
    {
        target.send("GET", "/storage/v1/b/bucket1/o/kept?alt=media", &[("range", range)], b"");
    }
    for range in ["bytes 0-18446744073709551615/*", "bytes 18446744073709551615-0/1", "bytes 9-9/10", "bytes */-1"] {
        let started = target.send("POST", "/upload/storage/v1/b/bucket1/o?uploadType=resumable&name=r", &[], b"{}");
        let location = started.lines().find_map(|line| line.strip_prefix("location: http://")).unwrap().to_owned();
        let path = location.split_once('/').unwrap().1.trim().to_owned();
        let answer = target.send("PUT", &format!("/{path}"), &[("content-range", range)], b"hostile");
        assert!(!answer.starts_with("HTTP/1.1 200"), "{range}: {answer}");
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for body in
        [deep.as_str(), &format!("{{\"name\": \"n\", \"metadata\": {deep}}}"), "{", "\u{0}", "nul", "{\"name\": 1}"]
    {
        for path in ["/storage/v1/b?project=p", "/upload/storage/v1/b/bucket1/o?uploadType=resumable"] {
            let answer = target.send("POST", path, &[("content-type", "application/json")], body.as_bytes());
            assert!(!answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
        }
        target.send("POST", "/storage/v1/b/bucket1/o/c/compose", &[], body.as_bytes());
        target.send("PATCH", "/storage/v1/b/bucket1/o/kept", &[], body.as_bytes());
    }
    let mask = "a(".repeat(1500);
    let glob = "{".repeat(1000);
    for query in [format!("fields={mask}"), format!("matchGlob={glob}"), "matchGlob=%5B".to_owned(), "%zz=%".to_owned()]
    {
        target.send("GET", &format!("/storage/v1/b/bucket1/o?{query}"), &[], b"");
    }
    for headers in [
        vec![("content-length", "18446744073709551616")],
        vec![("content-length", "-1")],
        vec![("content-length", "1"), ("content-length", "2")],
        vec![("content-length", "999999999999")],
        vec![("transfer-encoding", "chunked"), ("content-length", "5")],
        vec![("transfer-encoding", "gzip, identity")],
        vec![("content-encoding", "gzip")],
        vec![("content-type", "multipart/related; boundary="), ("x-goog-hash", "crc32c=AAAAAA==,md5=")],
        vec![("content-type", "multipart/related; boundary=b")],
        vec![("x-goog-hash", "crc32c=%%%")],
        vec![("x-goog-encryption-key", "AAAA")],
        vec![("x-http-method-override", "DELETE")],
    ] {
        target.send("POST", &media("odd"), &headers, b"--b\r\n\r\nx");
        target.send("POST", "/upload/storage/v1/b/bucket1/o?uploadType=multipart", &headers, b"--b\r\n\r\nx");
        target.send(
            "POST",
            "/batch/storage/v1",
            &headers,
            b"--b\r\n\r\nDELETE /storage/v1/b/../../secret HTTP/1.1\r\n",
        );
    }
    for bytes in [
        &b"GET"[..],
        b"\x00\x01\x02\x03\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"GET /storage/v1/b HTTP/9.9\r\n\r\n",
        b"GET http://elsewhere/secret HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n\r\n",
        b"CONNECT elsewhere:443 HTTP/1.1\r\nHost: elsewhere\r\n\r\n",
    ] {
        target.raw(bytes, true);
    }
    let long = format!("GET /{} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "a".repeat(1 << 20));
    target.raw(long.as_bytes(), false);
    let many: String = (0..2000).map(|number| format!("x-{number}: y\r\n")).collect();
    target.raw(format!("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{many}\r\n").as_bytes(), false);
    assert!(target.sent >= 100, "{}", target.sent);
    target.check();
}
