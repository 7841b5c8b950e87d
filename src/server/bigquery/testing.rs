//! A server on a real socket, and how tests ask it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{BigQuery, BigQueryConfig};

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    /// Of another socket of the same server.
    pub(crate) other_address: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    shutdown: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub(crate) async fn start_in(folder: tempfile::TempDir) -> Self {
        let config = BigQueryConfig::new(folder.path().join("data"), "http://127.0.0.1:9", "p");
        let bigquery = tokio::task::spawn_blocking(move || BigQuery::open(config)).await.unwrap().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other_address = other.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let told = shutdown.clone();
        let served = tokio::spawn(async move { Arc::new(bigquery).serve(vec![listener, other], told).await.unwrap() });
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { address, other_address, client, shutdown, served, folder }
    }

    /// With a dataset `d`.
    pub(crate) async fn with_dataset() -> Self {
        let server = Self::start().await;
        let body = json!({"datasetReference": {"datasetId": "d"}});
        assert_eq!(server.post("/projects/p/datasets", body).await.0, 200);
        server
    }

    pub(crate) async fn stop(self) -> tempfile::TempDir {
        self.shutdown.cancel();
        self.served.await.unwrap();
        self.folder
    }

    /// Paths that begin with `/projects` are those of the API.
    pub(crate) fn request(&self, method: &str, path: &str) -> Ask {
        let path = if path.starts_with("/projects") { format!("/bigquery/v2{path}") } else { path.to_owned() };
        self.request_at(method, &path)
    }

    pub(crate) fn request_at(&self, method: &str, path: &str) -> Ask {
        self.request_to(self.address, method, path)
    }

    pub(crate) fn request_to(&self, address: SocketAddr, method: &str, path: &str) -> Ask {
        let head = hyper::Request::builder().method(method).uri(format!("http://{address}{path}"));
        Ask { head, body: Bytes::new(), client: self.client.clone() }
    }

    pub(crate) async fn send(&self, request: Ask) -> (u16, Value) {
        let answer = request.send().await;
        (answer.status.as_u16(), serde_json::from_str(&answer.text).unwrap_or(Value::String(answer.text)))
    }

    pub(crate) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(method, path);
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, Value::Null).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("POST", path, body).await
    }

    /// jobs.query, with more members.
    pub(crate) async fn query(&self, text: &str, more: Value) -> (u16, Value) {
        let mut body = json!({"query": text, "useLegacySql": false});
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.post("/projects/p/queries", body).await
    }

    /// jobs.insert of an id and a configuration.
    pub(crate) async fn insert_job(&self, id: &str, configuration: Value) -> (u16, Value) {
        let body = json!({"jobReference": {"projectId": "p", "jobId": id}, "configuration": configuration});
        self.post("/projects/p/jobs", body).await
    }

    /// Waits for a job to be done.
    pub(crate) async fn done(&self, id: &str) -> Value {
        for _ in 0..600 {
            let (status, job) = self.get(&format!("/projects/p/jobs/{id}")).await;
            assert_eq!(status, 200, "{job}");
            if job["status"]["state"] == "DONE" {
                return job;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("job {id} is not done in time");
    }

    /// A query job, done.
    pub(crate) async fn run(&self, id: &str, text: &str) -> Value {
        let (status, job) = self.insert_job(id, json!({"query": {"query": text, "useLegacySql": false}})).await;
        assert_eq!(status, 200, "{job}");
        self.done(id).await
    }

    /// Bytes to the socket and back, until the server hangs up.
    pub(crate) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.unwrap().unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}

/// A request that is being made.
pub(crate) struct Ask {
    head: hyper::http::request::Builder,
    body: Bytes,
    client: Client<HttpConnector, Full<Bytes>>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Ask {
    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        Self { head: self.head.header(name, value), ..self }
    }

    pub(crate) fn json(self, value: &Value) -> Self {
        self.header("content-type", "application/json").body(value.to_string())
    }

    pub(crate) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    pub(crate) async fn send(self) -> Answer {
        let request = self.head.body(Full::new(self.body)).unwrap();
        let (head, body) = self.client.request(request).await.unwrap().into_parts();
        let text = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        Answer { status: head.status, headers: head.headers, text }
    }
}

/// Status, reason and message of a refusal.
pub(crate) fn refusal(answer: &(u16, Value)) -> (u16, &str, &str) {
    let error = &answer.1["error"];
    assert_eq!(error["code"], answer.0, "{}", answer.1);
    let (reason, message) = (&error["errors"][0]["reason"], &error["message"]);
    (answer.0, reason.as_str().unwrap_or_default(), message.as_str().unwrap_or_default())
}

/// The cells of an answer's rows.
pub(crate) fn cells(answer: &Value) -> Vec<Vec<Value>> {
    let rows = answer["rows"].as_array().cloned().unwrap_or_default();
    let row = |row: &Value| row["f"].as_array().unwrap().iter().map(|cell| cell["v"].clone()).collect();
    rows.iter().map(row).collect()
}
