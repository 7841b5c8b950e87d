//! Plain HTTP requests with JSON: what anyone could ask with curl.

use std::time::Duration;

use reqwest::{Client, Method, Url};
use serde_json::Value;

use super::check::Trouble;
use crate::client::{ElasticsearchAddress, ElasticsearchAuth, authorized, client_builder, innermost};

const PATIENCE: Duration = Duration::from_secs(60);
/// How much of an answer is quoted.
const EXCERPT_CHARS_MAX: usize = 300;

/// A server that is asked.
#[derive(Debug)]
pub(super) struct Http {
    client: Client,
    name: &'static str,
    url: String,
    auth: Option<ElasticsearchAuth>,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
    pub(super) request: String,
}

impl Http {
    /// With the credentials and certificates of `address`, at `url`.
    pub(super) fn new(name: &'static str, url: &str, address: &ElasticsearchAddress) -> Result<Self, Trouble> {
        let wrong = |reason: String| Trouble::could_not(format!("{name} can't be asked at {url}: {reason}"));
        let parsed = Url::parse(url).map_err(|error| wrong(error.to_string()))?;
        let builder = client_builder(&parsed, address.ca_cert.as_deref()).map_err(|error| wrong(error.to_string()))?;
        let client = builder.timeout(PATIENCE).build().map_err(|error| wrong(innermost(&error)))?;
        Ok(Self { client, name, url: url.trim_end_matches('/').to_owned(), auth: address.auth.clone() })
    }

    pub(super) async fn get(&self, path: &str) -> Result<Answer, Trouble> {
        self.send(Method::GET, path, None).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Answer, Trouble> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// A request without a body: real Elasticsearch refuses one where it wants none.
    pub(super) async fn post_nothing(&self, path: &str) -> Result<Answer, Trouble> {
        self.send(Method::POST, path, None).await
    }

    /// The body of a success, whatever it is.
    pub(super) async fn text(&self, path: &str) -> Result<String, Trouble> {
        let (status, bytes, request) = self.exchange(Method::GET, path, None).await?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if (200..300).contains(&status) {
            return Ok(text);
        }
        Answer { status, body: text.into(), request }.success().map(|_| String::new())
    }

    async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer, Trouble> {
        let (status, bytes, request) = self.exchange(method, path, body).await?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::from(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Answer { status, body, request })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(u16, bytes::Bytes, String), Trouble> {
        let asked = format!("{method} {path}");
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        request = authorized(request, self.auth.as_ref()).map_err(|error| Trouble::could_not(error.to_string()))?;
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let silent = |error: reqwest::Error| {
            Trouble::could_not(format!("{} does not answer at {}", self.name, self.url))
                .tried(asked.clone())
                .got(innermost(&error))
                .next(format!("stockdev logs {}", self.name.to_lowercase()))
        };
        let response = request.send().await.map_err(silent)?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(silent)?;
        Ok((status, bytes, asked))
    }
}

impl Answer {
    /// The body of a success.
    pub(super) fn success(self) -> Result<Value, Trouble> {
        if (200..300).contains(&self.status) {
            return Ok(self.body);
        }
        let text: String = self.body.to_string().chars().take(EXCERPT_CHARS_MAX).collect();
        Err(Trouble::could_not(format!("`{}` was answered with status {}", self.request, self.status))
            .tried(self.request)
            .got(text))
    }
}
