//! A stand-in for Kibana 8.12.2: the status, the spaces, and the import and listing of saved objects, with the answers that
//! a real one was seen to give. It is as strict as that one: headers, file name, versions, types, attributes, references.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

/// How it is to be.
#[derive(Debug, Clone)]
pub(crate) struct KibanaSettings {
    /// How often the status is asked for before it is up.
    pub(crate) boots_for: u32,
    /// Whether the first of these answers come from before its routes are there: a text, not a document.
    pub(crate) boots_with_text: bool,
    /// The level, once it is up.
    pub(crate) level: &'static str,
    /// The header it wants; the status is told without.
    pub(crate) authorization: Option<String>,
    pub(crate) spaces: Vec<&'static str>,
}

impl Default for KibanaSettings {
    fn default() -> Self {
        Self {
            boots_for: 0,
            boots_with_text: false,
            level: "available",
            authorization: None,
            spaces: vec!["default", "team"],
        }
    }
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query.
    pub(crate) target: String,
    /// Names in lower case.
    pub(crate) headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

pub(crate) struct FakeKibana {
    pub(crate) url: String,
    address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    stop: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

struct Shared {
    settings: KibanaSettings,
    asked_for_status: u32,
    /// By space, type and id.
    objects: BTreeMap<(String, String, String), Value>,
    requests: Vec<Request>,
}

type Answer = (u16, &'static str, String);

impl FakeKibana {
    pub(crate) fn start() -> Self {
        Self::start_with(KibanaSettings::default())
    }

    pub(crate) fn start_with(settings: KibanaSettings) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Shared { settings, asked_for_status: 0, objects: BTreeMap::new(), requests: Vec::new() };
        let (shared, stop) = (Arc::new(Mutex::new(shared)), Arc::new(AtomicBool::new(false)));
        let server = {
            let (shared, stop) = (Arc::clone(&shared), Arc::clone(&stop));
            std::thread::spawn(move || serve(&listener, &shared, &stop))
        };
        Self { url: format!("http://{address}"), address, shared, stop, server: Some(server) }
    }

    /// What is stored, as `space type:id`.
    pub(crate) fn stored(&self) -> Vec<String> {
        let shared = self.shared.lock().unwrap();
        shared.objects.keys().map(|(space, kind, id)| format!("{space} {kind}:{id}")).collect()
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.lock().unwrap().requests.clone()
    }
}

impl Drop for FakeKibana {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the server, which waits for a connection.
        drop(TcpStream::connect(self.address));
        if let Some(server) = self.server.take() {
            let ended = server.join();
            assert!(std::thread::panicking() || ended.is_ok(), "the stand-in failed");
        }
    }
}

fn serve(listener: &TcpListener, shared: &Mutex<Shared>, stop: &AtomicBool) {
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        let mut stream = stream.unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let Some(request) = read(&stream) else { continue };
        let (status, kind, body) = {
            let mut shared = shared.lock().unwrap();
            shared.requests.push(request.clone());
            shared.answer(&request)
        };
        let head = format!(
            "HTTP/1.1 {status} {}\r\nkbn-name: fake\r\ncontent-type: {kind}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
            phrase(status),
            body.len()
        );
        // A client that gave up meanwhile is its own affair.
        let _gone = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body.as_bytes()));
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut line = || {
        let mut line = String::new();
        (reader.read_line(&mut line).ok()? > 0).then(|| line.trim_end().to_owned())
    };
    let first = line()?;
    let (method, rest) = first.split_once(' ')?;
    let target = rest.split(' ').next()?.to_owned();
    let mut headers = BTreeMap::new();
    loop {
        let header = line()?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(0, |length: &String| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method: method.to_owned(), target, headers, body })
}

fn phrase(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        404 => "Not Found",
        415 => "Unsupported Media Type",
        422 => "Unprocessable Entity",
        503 => "Service Unavailable",
        _ => "Internal Server Error",
    }
}

fn document(status: u16, body: &Value) -> Answer {
    (status, "application/json; charset=utf-8", body.to_string())
}

fn error(status: u16, message: &str) -> Answer {
    document(status, &json!({"statusCode": status, "error": phrase(status), "message": message}))
}

impl Shared {
    fn answer(&mut self, request: &Request) -> Answer {
        let (path, query) = request.target.split_once('?').unwrap_or((&request.target, ""));
        let (space, path) = match path.strip_prefix("/s/").and_then(|rest| rest.split_once('/')) {
            Some((space, rest)) => (space.to_owned(), format!("/{rest}")),
            None => ("default".to_owned(), path.to_owned()),
        };
        let query: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
        if request.method == "GET" && path == "/api/status" {
            return self.status(request);
        }
        if self.asked_for_status < self.settings.boots_for {
            return (503, "text/html", "Kibana server is not ready yet.".to_owned());
        }
        if !self.is_known(request) {
            return error(
                401,
                "[security_exception]: unable to authenticate user for REST request [/_security/_authenticate]",
            );
        }
        if request.method != "GET" && !request.headers.contains_key("kbn-xsrf") {
            return error(400, "Request must contain a kbn-xsrf header.");
        }
        match (request.method.as_str(), path.as_str()) {
            ("GET", "/api/spaces/space") => {
                let spaces: Vec<Value> = self
                    .settings
                    .spaces
                    .iter()
                    .map(|id| json!({"id": id, "name": id, "disabledFeatures": []}))
                    .collect();
                document(200, &Value::Array(spaces))
            }
            ("GET", "/api/saved_objects/_find") => self.find(&space, &query),
            ("POST", "/api/saved_objects/_import") => match file(request) {
                Ok(ndjson) => self.import(&space, &ndjson, query.get("overwrite") == Some(&"true")),
                Err(answer) => answer,
            },
            _ => error(404, "Not Found"),
        }
    }

    fn is_known(&self, request: &Request) -> bool {
        self.settings.authorization.is_none()
            || self.settings.authorization.as_ref() == request.headers.get("authorization")
    }

    fn status(&mut self, request: &Request) -> Answer {
        self.asked_for_status += 1;
        if self.asked_for_status <= self.settings.boots_for {
            return match self.settings.boots_with_text && self.asked_for_status == 1 {
                true => (503, "text/html", "Kibana server is not ready yet.".to_owned()),
                false => document(503, &json!({"status": {"overall": {"level": "unavailable"}}})),
            };
        }
        let level = self.settings.level;
        if self.settings.authorization.is_some() && !self.is_known(request) {
            return document(200, &json!({"status": {"overall": {"level": level}}}));
        }
        let summary = if level == "available" {
            "All services and plugins are available"
        } else {
            "1 plugin is degraded: taskManager"
        };
        document(
            200,
            &json!({
                "name": "fake", "uuid": "5b2de169-2785-441b-ae8c-186a1936b17d",
                "version": {"number": "8.12.2", "build_hash": "f", "build_number": 70281, "build_snapshot": false},
                "status": {"overall": {"level": level, "summary": summary}, "core": {}, "plugins": {}},
                "metrics": {},
            }),
        )
    }

    fn find(&self, space: &str, query: &BTreeMap<&str, &str>) -> Answer {
        let Some(wanted) = query.get("type") else {
            return error(400, "[request query.type]: expected at least one defined value but got [undefined]");
        };
        let found: Vec<Value> = self
            .objects
            .iter()
            .filter(|((in_space, kind, _), _)| in_space == space && kind == wanted)
            .map(|((_, kind, id), object)| {
                json!({
                    "type": kind, "id": id, "namespaces": [space], "attributes": {"title": object["attributes"]["title"]},
                    "references": object["references"], "updated_at": "2026-01-02T03:04:05.678Z", "score": 0,
                })
            })
            .collect();
        let per_page: u64 = query.get("per_page").map_or(20, |number| number.parse().unwrap());
        document(200, &json!({"page": 1, "per_page": per_page, "total": found.len(), "saved_objects": found}))
    }

    fn import(&mut self, space: &str, ndjson: &str, overwrite: bool) -> Answer {
        let lines: Result<Vec<Value>, _> =
            ndjson.lines().filter(|line| !line.trim().is_empty()).map(serde_json::from_str).collect();
        let Ok(objects) = lines else { return error(400, "Unexpected end of JSON input") };
        if let Some(answer) = refused_as_a_whole(&objects) {
            return answer;
        }
        let mut errors = Vec::new();
        let (known, unknown): (Vec<&Value>, Vec<&Value>) = objects.iter().partition(|object| latest(object).is_some());
        errors.extend(unknown.into_iter().map(|object| failed(object, json!({"type": "unsupported_type"}))));
        let mut fits: Vec<(&Value, Option<String>)> = Vec::new();
        for object in known {
            let missing = self.missing_references(space, object, &objects);
            let is_there = self.objects.contains_key(&key(space, object));
            if !missing.is_empty() {
                errors.push(failed(object, json!({"type": "missing_references", "references": missing})));
            } else if is_there && !overwrite {
                errors.push(failed(object, json!({"type": "conflict"})));
            } else {
                fits.push((object, self.destination(space, object)));
            }
        }
        let stops = errors.iter().any(|error| error["error"]["type"] != "unsupported_type");
        let mut results = Vec::new();
        for (object, destination) in fits {
            if let Some(attribute) = bad_attribute(object) {
                let message = format!("[attributes.{attribute}]: definition for this key is missing: Bad Request");
                errors.push(failed(object, json!({
                    "isBoom": true, "isServer": false, "data": null, "type": "unknown",
                    "output": {"statusCode": 400, "headers": {}, "payload": {"message": message, "statusCode": 400, "error": "Bad Request"}},
                })));
                continue;
            }
            let mut at = key(space, object);
            at.2 = destination.clone().unwrap_or(at.2);
            let mut result =
                json!({"type": object["type"], "id": object["id"], "meta": meta(object), "managed": false});
            if self.objects.contains_key(&at) {
                result["overwrite"] = json!(true);
            }
            if let Some(destination) = destination {
                result["destinationId"] = json!(destination);
            }
            if !stops {
                self.objects.insert(at, object.clone());
            }
            results.push(result);
        }
        let mut answer = json!({"successCount": results.len(), "success": errors.is_empty(), "warnings": []});
        if !errors.is_empty() {
            answer["errors"] = json!(errors);
        }
        if !results.is_empty() {
            answer["successResults"] = json!(results);
        }
        document(200, &answer)
    }

    /// References to data views and searches that are neither in the file nor stored.
    fn missing_references(&self, space: &str, object: &Value, file: &[Value]) -> Vec<Value> {
        let mut missing: Vec<Value> = Vec::new();
        for reference in object["references"].as_array().into_iter().flatten() {
            let named = json!({"type": reference["type"], "id": reference["id"]});
            let in_file = file.iter().any(|one| one["type"] == named["type"] && one["id"] == named["id"]);
            let is_checked = named["type"] == "index-pattern" || named["type"] == "search";
            if is_checked && !in_file && !self.objects.contains_key(&key(space, &named)) && !missing.contains(&named) {
                missing.push(named);
            }
        }
        missing
    }

    /// Ids are unique over all spaces: one that is taken in another space becomes a new one here.
    fn destination(&self, space: &str, object: &Value) -> Option<String> {
        let (_, kind, id) = key(space, object);
        let elsewhere = self.objects.keys().any(|(other, k, i)| other != space && *k == kind && *i == id);
        (elsewhere && !self.objects.contains_key(&key(space, object))).then(|| format!("{id}-of-{space}"))
    }
}

/// The file within the multipart body.
fn file(request: &Request) -> Result<String, Answer> {
    let kind = request.headers.get("content-type").cloned().unwrap_or_default();
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
        return Err(error(415, "Unsupported Media Type"));
    };
    let body = String::from_utf8(request.body.clone()).unwrap();
    assert!(body.ends_with(&format!("\r\n--{boundary}--\r\n")), "the body has no end");
    for part in body.split(&format!("--{boundary}")) {
        let Some((head, content)) = part.split_once("\r\n\r\n") else { continue };
        if !head.contains("name=\"file\"") {
            continue;
        }
        let name = head.split("filename=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or_default();
        return match name.rsplit_once('.') {
            Some((_, "ndjson")) => Ok(content.strip_suffix("\r\n").unwrap().to_owned()),
            other => Err(error(400, &format!("Invalid file extension .{}", other.map_or("", |(_, end)| end)))),
        };
    }
    Err(error(400, "[request body.file]: expected value of type [Stream] but got [undefined]"))
}

fn refused_as_a_whole(objects: &[Value]) -> Option<Answer> {
    let mut seen = BTreeSet::new();
    let name = |object: &Value| format!("{}:{}", object["type"].as_str().unwrap(), object["id"].as_str().unwrap());
    let twice: Vec<String> = objects.iter().map(name).filter(|name| !seen.insert(name.clone())).collect();
    if !twice.is_empty() {
        return Some(error(400, &format!("Non-unique import objects detected: [{}]", twice.join(","))));
    }
    for object in objects {
        let (Some(latest), Some(version)) = (latest(object), object["typeMigrationVersion"].as_str()) else { continue };
        if numbers(version) > numbers(latest) {
            return Some(error(
                422,
                &format!(
                    "Document {} belongs to a more recent version of Kibana [{version}] when the last known version is [{latest}].",
                    object["id"]
                ),
            ));
        }
    }
    // Migrations of long ago cannot read today's charts.
    let ancient = |object: &&Value| {
        object.get("typeMigrationVersion").is_none()
            && object["attributes"]["panelsJSON"].as_str().is_some_and(|panels| panels.contains("\"lens\""))
    };
    objects
        .iter()
        .any(|object| ancient(&object))
        .then(|| error(500, "An internal server error occurred. Check Kibana server logs for details."))
}

fn numbers(version: &str) -> Vec<u32> {
    version.split('.').map(|number| number.parse().unwrap()).collect()
}

/// The newest version of the object's type that Kibana 8.12 knows.
fn latest(object: &Value) -> Option<&'static str> {
    match object["type"].as_str().unwrap() {
        "dashboard" | "lens" => Some("8.9.0"),
        "index-pattern" => Some("8.0.0"),
        "search" => Some("7.9.3"),
        _ => None,
    }
}

fn bad_attribute(object: &Value) -> Option<String> {
    const DASHBOARD: [&str; 12] = [
        "title",
        "description",
        "panelsJSON",
        "optionsJSON",
        "kibanaSavedObjectMeta",
        "timeRestore",
        "timeFrom",
        "timeTo",
        "refreshInterval",
        "controlGroupInput",
        "version",
        "hits",
    ];
    let attributes = object["attributes"].as_object().unwrap();
    let is_known = |name: &&String| object["type"] != "dashboard" || DASHBOARD.contains(&name.as_str());
    attributes.keys().find(|name| !is_known(name)).cloned()
}

fn key(space: &str, object: &Value) -> (String, String, String) {
    (space.to_owned(), object["type"].as_str().unwrap().to_owned(), object["id"].as_str().unwrap().to_owned())
}

/// A data view is shown by its name, if it has one.
fn meta(object: &Value) -> Value {
    let attributes = &object["attributes"];
    match object["type"].as_str().unwrap() {
        "index-pattern" => {
            json!({"title": attributes.get("name").unwrap_or(&attributes["title"]), "icon": "indexPatternApp"})
        }
        "dashboard" => json!({"title": attributes["title"], "icon": "dashboardApp"}),
        _ => json!({}),
    }
}

fn failed(object: &Value, why: Value) -> Value {
    json!({"type": object["type"], "id": object["id"], "meta": meta(object), "error": why})
}
