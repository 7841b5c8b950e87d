//! The API over a real socket, against the answers of a real Kibana 8.12.2.

use reqwest::multipart::Form;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::server::kibana::testing::{Server, answer_of, message};

const LINES: &str = concat!(
    r#"{"attributes":{"fields":"[]","name":"Stock stream","timeFieldName":"timestamp","title":"stock-stream"},"id":"dv1","references":[],"type":"index-pattern","typeMigrationVersion":"8.0.0"}"#,
    "\n",
    r#"{"attributes":{"panelsJSON":"[]","title":"T","description":"D"},"id":"d1","references":[{"id":"dv1","name":"a","type":"index-pattern"}],"type":"dashboard","typeMigrationVersion":"8.9.0"}"#,
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_imported_read_changed_and_removed_as_in_kibana() {
    let server = Server::start().await;
    let (status, answer) = server.import("?overwrite=true", "a.ndjson", LINES).await;
    assert_eq!((status, &answer["successCount"]), (200, &json!(2)));
    let expected = json!({"id": "d1", "type": "dashboard", "namespaces": ["default"], "migrationVersion": {"dashboard": "8.9.0"},
        "updated_at": "1970-01-01T00:00:00.000Z", "created_at": "1970-01-01T00:00:00.000Z", "version": "WzIsMV0=",
        "attributes": {"panelsJSON": "[]", "title": "T", "description": "D"},
        "references": [{"name": "a", "type": "index-pattern", "id": "dv1"}], "managed": false,
        "coreMigrationVersion": "8.8.0", "typeMigrationVersion": "8.9.0"});
    let (status, object) = server.get("/s/default/api/saved_objects/dashboard/d1").await;
    assert_eq!((status, object.to_string()), (200, expected.to_string()));

    let update = json!({"attributes": {"title": "U"}, "version": "WzIsMV0="});
    let (status, answer) = server.call("PUT", "/api/saved_objects/dashboard/d1", update.clone()).await;
    let expected = json!({"id": "d1", "type": "dashboard", "updated_at": "1970-01-01T00:00:00.000Z", "version": "WzMsMV0=",
        "namespaces": ["default"], "attributes": {"title": "U"}});
    assert_eq!((status, answer.to_string()), (200, expected.to_string()));
    let again = server.call("PUT", "/api/saved_objects/dashboard/d1", update).await;
    assert_eq!(message(&again), (409, "Saved object [dashboard/d1] conflict"));
    let (_, object) = server.get("/api/saved_objects/dashboard/d1").await;
    assert_eq!(object["attributes"], json!({"panelsJSON": "[]", "title": "U", "description": "D"}));

    let created = server.call("POST", "/api/saved_objects/dashboard/d1", json!({"attributes": {"title": "x"}})).await;
    assert_eq!(message(&created), (409, "Saved object [dashboard/d1] conflict"));
    let (status, created) = server.call("POST", "/api/saved_objects/tag", json!({"attributes": {"name": "x"}})).await;
    assert_eq!((status, created["id"].as_str().unwrap().len()), (200, 36));

    assert_eq!(
        server.call("DELETE", "/api/saved_objects/dashboard/d1?force=true", Value::Null).await,
        (200, json!({}))
    );
    for method in ["GET", "DELETE"] {
        let gone = server.call(method, "/api/saved_objects/dashboard/d1", Value::Null).await;
        assert_eq!(
            gone.1.to_string(),
            r#"{"statusCode":404,"error":"Not Found","message":"Saved object [dashboard/d1] not found"}"#
        );
    }
    let gone = server.call("PUT", "/api/saved_objects/dashboard/d1", json!({"attributes": {}})).await;
    assert_eq!(message(&gone), (404, "Saved object [dashboard/d1] not found"));
    let upsert = json!({"attributes": {"title": "U"}, "upsert": {"title": "N"}});
    assert_eq!(server.call("PUT", "/api/saved_objects/dashboard/d1", upsert).await.0, 200);

    let folder = server.stop().await;
    let server = Server::start_in(folder, true).await;
    let (status, object) = server.get("/api/saved_objects/dashboard/d1").await;
    assert_eq!((status, &object["attributes"]["title"]), (200, &json!("N")), "kept over a restart");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refusals_are_in_kibanas_words() {
    let server = Server::start().await;
    server.import("", "a.ndjson", LINES).await;
    let find = "/api/saved_objects/_find";
    let cases = [
        ("GET", "/api/nope", json!(null), 404, "Not Found"),
        ("PATCH", "/api/status", json!({}), 404, "Not Found"),
        ("GET", "/api/saved_objects/nope/1", json!(null), 404, "Saved object [nope/1] not found"),
        ("GET", "/api/saved_objects/config/settings", json!(null), 404, "Saved object [config/settings] not found"),
        (
            "POST",
            "/api/saved_objects/nope",
            json!({"attributes": {}}),
            400,
            "Unsupported saved object type: 'nope': Bad Request",
        ),
        (
            "POST",
            "/api/saved_objects/tag",
            json!({}),
            400,
            "[request body.attributes]: expected value of type [object] but got [undefined]",
        ),
        (
            "POST",
            "/api/saved_objects/tag",
            json!([]),
            400,
            "[request body]: expected a plain object value, but found [Array] instead.",
        ),
        (
            "POST",
            "/api/saved_objects/tag",
            json!({"attributes": {"name": "n"}, "x": 1}),
            400,
            "[request body.x]: definition for this key is missing",
        ),
        (
            "POST",
            "/api/saved_objects/dashboard",
            json!({"attributes": {}}),
            400,
            "[attributes.title]: expected value of type [string] but got [undefined]: Bad Request",
        ),
        ("POST", "/api/saved_objects/_export", json!({}), 400, "Either `type` or `objects` are required."),
        (
            "POST",
            "/api/saved_objects/_export",
            json!({"type": "tag", "objects": []}),
            400,
            "Can't specify both \"types\" and \"objects\" properties when exporting",
        ),
        ("POST", "/api/saved_objects/_import", json!({}), 415, "Unsupported Media Type"),
        (
            "GET",
            find,
            json!(null),
            400,
            "[request query.type]: expected at least one defined value but got [undefined]",
        ),
        (
            "GET",
            "/api/saved_objects/_find?type=tag&x=1",
            json!(null),
            400,
            "[request query.x]: definition for this key is missing",
        ),
        (
            "GET",
            "/api/saved_objects/_find?type=tag&per_page=x",
            json!(null),
            400,
            "[request query.per_page]: expected value of type [number] but got [string]",
        ),
        (
            "GET",
            "/api/saved_objects/_find?type=tag&filter=x",
            json!(null),
            400,
            "[request query.filter]: it is not supported here",
        ),
        ("GET", "/api/saved_objects/_find?type=dashboard&sort_field=zz", json!(null), 400, "Unknown sort field zz"),
        ("GET", "/s/other/api/status", json!(null), 404, "There is no space [other], only [default]"),
        ("GET", "/api/data_views/data_view/zz", json!(null), 404, "Saved object [index-pattern/zz] not found"),
        ("GET", "/%zz", json!(null), 400, "Bad Request"),
    ];
    for (method, path, body, status, expected) in cases {
        let answer = server.call(method, path, body).await;
        assert_eq!(message(&answer), (status, expected), "{method} {path}");
    }
    let uploads = [
        ("", "a.txt", 400, "Invalid file extension .txt"),
        ("", "ndjson", 400, "Invalid file extension "),
        (
            "?overwrite=true&createNewCopies=true",
            "a.ndjson",
            400,
            "[request query]: cannot use [overwrite] with [createNewCopies]",
        ),
        (
            "?createNewCopies=true&compatibilityMode=true",
            "a.ndjson",
            400,
            "[request query]: cannot use [createNewCopies] with [compatibilityMode]",
        ),
        (
            "?overwrite=1",
            "a.ndjson",
            400,
            "[request query.overwrite]: expected value of type [boolean] but got [string]",
        ),
    ];
    for (query, name, status, expected) in uploads {
        assert_eq!(message(&server.import(query, name, LINES).await), (status, expected));
    }
    let form = server.request("POST", "/api/saved_objects/_import").multipart(Form::new());
    let answer = server.send(form).await;
    assert_eq!(message(&answer), (400, "[request body.file]: expected value of type [Stream] but got [undefined]"));
    let text = server.request("POST", "/api/saved_objects/tag").header("content-type", "application/json").body("{");
    assert_eq!(message(&server.send(text).await), (400, "Invalid request payload JSON format"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_carries_the_headers_that_keep_scripts_out() {
    let server = Server::start().await;
    for path in ["/api/status", "/nowhere"] {
        let response = server.request("GET", path).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(header("content-security-policy").contains("script-src 'self';"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("kbn-name"), "stockdev");
        assert_eq!(header("cache-control"), "private, no-cache, no-store, must-revalidate");
    }
    let head = server.request("HEAD", "/api/status").send().await.unwrap();
    assert_eq!((head.status().as_u16(), head.bytes().await.unwrap().len()), (200, 0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_foreign_page_and_a_request_without_the_header_write_nothing() {
    let server = Server::start().await;
    let url = format!("http://{}/api/saved_objects/tag", server.address);
    let post = || server.client.post(&url).json(&json!({"attributes": {"name": "n"}}));
    let bare = server.send(post()).await;
    assert_eq!(message(&bare), (400, "Request must contain a kbn-xsrf header."));
    let foreign = server.send(post().header("kbn-xsrf", "1").header("origin", "http://evil.test")).await;
    assert_eq!(message(&foreign).0, 403);
    let rebound = post().header("kbn-xsrf", "1").header("origin", "http://evil.test").header("host", "evil.test");
    assert_eq!(message(&server.send(rebound).await).0, 403);
    let own = post().header("kbn-xsrf", "1").header("origin", format!("http://{}", server.address));
    assert_eq!(server.send(own).await.0, 200);
    let (_, found) = server.get("/api/saved_objects/_find?type=tag").await;
    assert_eq!(found["total"], 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_over_the_limit_is_refused_and_the_server_goes_on() {
    let server = Server::start().await;
    let expected = (413, "Payload content length greater than maximum allowed: 26214400");
    let answer = server.import("", "a.ndjson", vec![b' '; 27_000_000]).await;
    assert_eq!(message(&answer), expected);
    // Without a length announced.
    let head =
        "POST /api/saved_objects/tag HTTP/1.1\r\nhost: localhost\r\nkbn-xsrf: 1\r\ntransfer-encoding: chunked\r\n\r\n";
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..27 {
        stream.write_all(&[b"f4240\r\n", vec![b' '; 1_000_000].as_slice(), b"\r\n"].concat()).await.unwrap();
    }
    stream.write_all(b"0\r\n\r\n").await.unwrap();
    assert!(answer_of(stream).await.starts_with("HTTP/1.1 413 "));
    // A client that waits for leave to send is answered at once.
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let head = "POST /api/saved_objects/_import HTTP/1.1\r\nhost: localhost\r\nkbn-xsrf: 1\r\nexpect: 100-continue\r\n\
        content-length: 900000000\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(answer_of(stream).await.starts_with("HTTP/1.1 413 "));
    assert_eq!(server.import("", "a.ndjson", LINES).await.1["success"], true);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn objects_are_found_and_got_in_numbers() {
    let server = Server::start().await;
    server.import("", "a.ndjson", LINES).await;
    let find = "/api/saved_objects/_find?type=dashboard&search=T*&search_fields=title&fields=title&per_page=1&page=1";
    let (status, found) = server.get(find).await;
    assert_eq!((status, &found["page"], &found["per_page"], &found["total"]), (200, &json!(1), &json!(1), &json!(1)));
    let hit = &found["saved_objects"][0];
    assert_eq!(hit["attributes"], json!({"title": "T"}));
    assert!(hit["score"].as_f64().unwrap() > 0.0);
    let total = async |query: &str| server.get(&format!("/api/saved_objects/_find?{query}")).await.1["total"].clone();
    assert_eq!(total("type=dashboard&type=index-pattern").await, 2);
    assert_eq!(total("type=dashboard&search=nothing").await, 0);
    assert_eq!(total("type=nope").await, 0);
    assert_eq!(total("type=dashboard&namespaces=other").await, 0);
    assert_eq!(total("type=dashboard&sort_field=updated_at&page=2").await, 1);
    let reference =
        |id: &str| format!("type=dashboard&has_reference=%7B%22type%22:%22index-pattern%22,%22id%22:%22{id}%22%7D");
    assert_eq!(total(&reference("dv1")).await, 1);
    assert_eq!(total(&reference("dv2")).await, 0);

    let asked = json!([{"type": "dashboard", "id": "d1", "fields": ["title"]}, {"type": "dashboard", "id": "x"}, {"type": "nope", "id": "1"}]);
    let (_, got) = server.call("POST", "/api/saved_objects/_bulk_get", asked).await;
    let got = &got["saved_objects"];
    assert_eq!(got[0]["attributes"], json!({"title": "T"}));
    assert_eq!(
        got[1],
        json!({"id": "x", "type": "dashboard", "error": {"statusCode": 404, "error": "Not Found", "message": "Saved object [dashboard/x] not found"}})
    );
    assert_eq!(
        got[2]["error"],
        json!({"statusCode": 400, "error": "Bad Request", "message": "Unsupported saved object type: 'nope': Bad Request"})
    );

    let request = server.request("POST", "/api/saved_objects/_export").json(&json!({"type": ["dashboard"]}));
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "application/ndjson");
    assert_eq!(response.headers()["content-disposition"], "attachment; filename=\"export.ndjson\"");
    let lines = response.text().await.unwrap();
    assert!(lines.ends_with("\n{\"excludedObjects\":[],\"excludedObjectsCount\":0,\"exportedCount\":1,\"missingRefCount\":0,\"missingReferences\":[]}"));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_views_are_made_changed_and_chosen() {
    let server = Server::start().await;
    server.import("", "a.ndjson", LINES).await;
    let (_, list) = server.get("/api/data_views").await;
    assert_eq!(
        list.to_string(),
        r#"{"data_view":[{"id":"dv1","namespaces":["default"],"title":"stock-stream","name":"Stock stream"}]}"#
    );
    let expected = r#"{"data_view":{"id":"dv1","version":"WzEsMV0=","title":"stock-stream","timeFieldName":"timestamp","sourceFilters":[],"fields":{},"fieldFormats":{},"runtimeFieldMap":{},"fieldAttrs":{},"allowNoIndex":false,"name":"Stock stream","allowHidden":false,"namespaces":["default"]}}"#;
    assert_eq!(server.get("/api/data_views/data_view/dv1").await.1.to_string(), expected);

    let path = "/api/data_views/data_view";
    let (status, made) = server
        .call("POST", path, json!({"data_view": {"title": "stock-stream", "fieldFormats": {"p": {"id": "number"}}}}))
        .await;
    let id = made["data_view"]["id"].as_str().unwrap();
    assert_eq!((status, &made["data_view"]["fieldFormats"]), (200, &json!({"p": {"id": "number"}})));
    let twin = json!({"data_view": {"title": "x", "name": "Stock stream"}});
    assert_eq!(message(&server.call("POST", path, twin.clone()).await), (400, "Duplicate data view: Stock stream"));
    let replaced = json!({"data_view": {"title": "x", "name": "Stock stream", "id": "dv2"}, "override": true});
    assert_eq!(server.call("POST", path, replaced).await.0, 200);
    assert_eq!(server.get("/api/data_views/data_view/dv1").await.0, 404);
    let odd = server.call("POST", path, json!({"data_view": {"title": "x", "colour": 1}})).await;
    assert_eq!(message(&odd), (400, "[request body.data_view.colour]: definition for this key is missing"));
    let untitled = server.call("POST", path, json!({"data_view": {}})).await;
    assert_eq!(
        message(&untitled),
        (400, "[request body.data_view.title]: expected value of type [string] but got [undefined]")
    );

    let (_, updated) = server.call("POST", &format!("{path}/{id}"), json!({"data_view": {"timeFieldName": "t"}})).await;
    assert_eq!(
        (&updated["data_view"]["timeFieldName"], &updated["data_view"]["title"]),
        (&json!("t"), &json!("stock-stream"))
    );
    assert_eq!(server.call("DELETE", &format!("{path}/{id}"), Value::Null).await, (200, json!("")));
    assert_eq!(server.call("DELETE", &format!("{path}/{id}"), Value::Null).await.0, 404);

    assert_eq!(server.get("/api/data_views/default").await.1, json!({"data_view_id": ""}));
    for (body, chosen) in [
        (json!({"data_view_id": "a"}), "a"),
        (json!({"data_view_id": "b"}), "a"),
        (json!({"data_view_id": "b", "force": true}), "b"),
    ] {
        let (_, answer) = server.call("POST", "/api/data_views/default", body).await;
        assert_eq!(answer, json!({"acknowledged": true}));
        assert_eq!(server.get("/api/data_views/default").await.1, json!({"data_view_id": chosen}));
    }
    assert_eq!(server.get("/api/saved_objects/_find?type=config").await.1["total"], 0, "the choice is no object");
    assert_eq!(server.get("/api/spaces/space").await.1[0]["id"], "default");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_status_is_that_of_elasticsearch() {
    for (is_up, status, level) in [(true, 200, "available"), (false, 503, "unavailable")] {
        let server = Server::start_in(tempfile::tempdir().unwrap(), is_up).await;
        let (found, body) = server.get("/api/status").await;
        assert_eq!((found, &body["status"]["overall"]["level"]), (status, &json!(level)));
        assert_eq!(body["version"]["number"], "8.12.2");
        assert_eq!(body["status"]["core"]["elasticsearch"]["level"], level);
        server.stop().await;
    }
}
