//! A server on a real socket, and how tests ask it.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{Gcs, GcsConfig};

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) client: reqwest::Client,
    shutdown: CancellationToken,
    served: tokio::task::JoinHandle<()>,
    pub(super) folder: tempfile::TempDir,
}

/// An answer: status, headers, body.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(super) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| Value::String(self.text().to_owned()))
    }

    /// Status, reason and message of an error in JSON.
    pub(super) fn error(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        assert_eq!(error["code"], self.status, "{}", self.text());
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        (self.status, text(&error["errors"][0]["reason"]), text(&error["message"]))
    }
}

impl Server {
    pub(super) async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    pub(super) async fn start_in(folder: tempfile::TempDir) -> Self {
        let gcs = Arc::new(Gcs::open(GcsConfig::new(folder.path().join("gcs"), "http://fallback:1/")).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let told = shutdown.clone();
        let served = tokio::spawn(async move { gcs.serve(vec![listener], told).await.unwrap() });
        // Answers are looked at as they are sent: a client that unpacks says that it takes gzip.
        let client = reqwest::Client::builder().no_gzip().build().unwrap();
        Self { address, client, shutdown, served, folder }
    }

    /// Started, with a bucket `b1x`.
    pub(super) async fn with_bucket() -> Self {
        let server = Self::start().await;
        let made = server.json("POST", "/storage/v1/b?project=p", &json!({"name": "b1x"})).await;
        assert_eq!(made.status, 200, "{}", made.text());
        server
    }

    pub(super) async fn stop(self) -> tempfile::TempDir {
        drop(self.client);
        self.shutdown.cancel();
        self.served.await.unwrap();
        self.folder
    }

    pub(super) async fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<reqwest::Body>,
    ) -> Answer {
        let url = if path.starts_with("http") { path.to_owned() } else { format!("http://{}{path}", self.address) };
        let mut request = self.client.request(method.parse().unwrap(), url).body(body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], "").await
    }

    pub(super) async fn json(&self, method: &str, path: &str, body: &Value) -> Answer {
        self.send(method, path, &[("content-type", "application/json")], body.to_string()).await
    }

    /// Uploads to `b1x`; `query` goes on with `&`.
    pub(super) async fn put(&self, name: &str, query: &str, body: impl Into<reqwest::Body>) -> Answer {
        let name = crate::server::http::uri::encode(name);
        let path = format!("/upload/storage/v1/b/b1x/o?uploadType=media&name={name}{query}");
        self.send("POST", &path, &[("content-type", "text/plain")], body).await
    }

    /// Starts a resumable upload to `b1x`; its path.
    pub(super) async fn start_upload(&self, query: &str, metadata: &Value) -> String {
        let answer =
            self.json("POST", &format!("/upload/storage/v1/b/b1x/o?uploadType=resumable{query}"), metadata).await;
        assert_eq!((answer.status, answer.body.len()), (200, 0), "{}", answer.text());
        assert!(answer.header("x-guploader-uploadid").is_some());
        let location = answer.header("location").unwrap();
        location.strip_prefix(&format!("http://{}", self.address)).unwrap().to_owned()
    }

    /// Names of what a listing gives.
    pub(super) async fn names(&self, query: &str) -> Vec<String> {
        let answer = self.get(&format!("/storage/v1/b/b1x/o?{query}")).await.json();
        let items = answer["items"].as_array().cloned().unwrap_or_default();
        items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Sends bytes as they are, hangs up after them if so, and gives what came back.
    pub(super) async fn raw(&self, bytes: &[u8], hangs_up: bool) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        if hangs_up {
            stream.shutdown().await.unwrap();
        }
        let mut answer = Vec::new();
        let reading = tokio::time::timeout(std::time::Duration::from_secs(20), stream.read_to_end(&mut answer));
        let _may_be_reset = reading.await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    }
}
