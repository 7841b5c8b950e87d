//! A server on a real socket, and how tests ask it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::server::kibana::search::{Answer, AnswerFuture, Search, SearchError};
use crate::server::kibana::{Kibana, KibanaConfig};

/// An Elasticsearch that answers a path, and a body when one is posted, as a test wants it.
pub(super) struct Stub<F>(pub(super) F);

impl<F: Fn(&str, Option<&Value>) -> Answer + Send + Sync> Search for Stub<F> {
    fn get<'a>(&'a self, path: &'a str) -> AnswerFuture<'a> {
        let answer = (self.0)(path, None);
        Box::pin(async { answer })
    }

    fn post<'a>(&'a self, path: &'a str, body: &'a Value) -> AnswerFuture<'a> {
        let answer = (self.0)(path, Some(body));
        Box::pin(async { answer })
    }
}

fn alone(is_up: bool, path: &str) -> Answer {
    let gone = SearchError::Unreachable { url: "u".into(), path: path.into(), reason: "refused".into() };
    if is_up { Ok((200, json!({"version": {"number": "8.12.2"}}))) } else { Err(gone) }
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) client: reqwest::Client,
    shutdown: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), true).await
    }

    /// With an Elasticsearch that is there or is not.
    pub(super) async fn start_in(folder: tempfile::TempDir, is_up: bool) -> Self {
        Self::start_with(folder, Stub(move |path: &str, _: Option<&Value>| alone(is_up, path))).await
    }

    pub(super) async fn start_with(folder: tempfile::TempDir, search: impl Search + 'static) -> Self {
        let config = KibanaConfig::new(folder.path(), "http://127.0.0.1:9");
        let clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let kibana = Kibana::open_with(&config, Box::new(search), clock).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let told = shutdown.clone();
        let served = tokio::spawn(async move { kibana.serve(vec![listener], told).await.unwrap() });
        Self { address, client: reqwest::Client::new(), shutdown, served, folder }
    }

    pub(super) async fn stop(self) -> tempfile::TempDir {
        self.shutdown.cancel();
        self.served.await.unwrap();
        self.folder
    }

    pub(super) fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let method = method.parse().unwrap();
        self.client.request(method, format!("http://{}{path}", self.address)).header("kbn-xsrf", "true")
    }

    pub(super) async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub(super) async fn call(&self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let request = self.request(method, path);
        self.send(if body.is_null() { request } else { request.json(&body) }).await
    }

    pub(super) async fn get(&self, path: &str) -> (u16, Value) {
        self.call("GET", path, Value::Null).await
    }

    pub(super) async fn import(&self, query: &str, name: &str, lines: impl Into<Vec<u8>>) -> (u16, Value) {
        let part = Part::bytes(lines.into()).file_name(name.to_owned());
        let request = self.request("POST", &format!("/api/saved_objects/_import{query}"));
        self.send(request.multipart(Form::new().part("file", part))).await
    }
}

/// Until the server hangs up.
pub(super) async fn answer_of(mut stream: TcpStream) -> String {
    let mut answer = String::new();
    tokio::time::timeout(Duration::from_secs(10), stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    answer
}

pub(super) fn message(answer: &(u16, Value)) -> (u16, &str) {
    assert_eq!(answer.1["statusCode"], answer.0);
    (answer.0, answer.1["message"].as_str().unwrap())
}
