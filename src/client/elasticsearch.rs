//! Where Elasticsearch is, and the official client for it.

use std::{
    error::Error as _,
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;
use elasticsearch::{
    Elasticsearch,
    auth::Credentials,
    cert::{Certificate, CertificateValidation},
    http::{
        Method, Url,
        headers::{CONTENT_TYPE, HeaderMap, HeaderValue},
        transport::{SingleNodeConnectionPool, TransportBuilder},
    },
};

use super::Secret;
use super::http::{innermost, is_loopback, path_segment};

/// A request may take this long; a bulk on a busy node takes its time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);
/// How much of an answer an error shows, in characters.
const EXCERPT_CHARS_MAX: usize = 300;

/// An Elasticsearch node and how to reach it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElasticsearchAddress {
    /// `http://` or `https://`, without credentials.
    pub url: String,
    pub auth: Option<ElasticsearchAuth>,
    /// PEM file of a private certificate authority.
    pub ca_cert: Option<PathBuf>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElasticsearchAuth {
    Basic {
        user: String,
        password: Secret,
    },
    /// Base64, as Elasticsearch hands it out.
    ApiKey(Secret),
}

#[derive(Debug, thiserror::Error)]
pub enum ElasticsearchClientError {
    #[error("`{url}` is not an Elasticsearch address: {reason}")]
    Url { url: String, reason: String },
    #[error("the CA certificate {} can't be used: {reason}", .path.display())]
    CaCert { path: PathBuf, reason: String },
    #[error("an Elasticsearch client can't be made: {0}")]
    Build(String),
    #[error("Elasticsearch at {url} did not answer {request}: {reason}")]
    Unreachable { url: String, request: String, reason: String },
    #[error("Elasticsearch at {url} refused the credentials ({status}): {reason}")]
    Unauthorized { url: String, status: u16, reason: String },
    #[error("what answers at {url} is not Elasticsearch: {request} gave {status} `{found}`")]
    WrongService { url: String, request: String, status: u16, found: String },
    #[error("Elasticsearch at {url} answered {request} with {status}: {reason}")]
    Refused { url: String, request: String, status: u16, reason: String },
}

/// An answer of any status below the authorisation errors.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        serde_json::from_slice(&self.body).ok()
    }
}

/// A client that knows where it talks to.
#[derive(Debug, Clone)]
pub(crate) struct ElasticsearchClient {
    client: Elasticsearch,
    url: String,
}

impl ElasticsearchAddress {
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), auth: None, ca_cert: None }
    }

    /// The official client.
    pub fn client(&self) -> Result<Elasticsearch, ElasticsearchClientError> {
        let wrong = |reason: String| ElasticsearchClientError::Url { url: self.url.clone(), reason };
        let url = Url::parse(&self.url).map_err(|error| wrong(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
            return Err(wrong("it has to start with `http://` or `https://` and name a host".into()));
        }
        let mut builder = TransportBuilder::new(SingleNodeConnectionPool::new(url.clone())).timeout(REQUEST_TIMEOUT);
        if is_loopback(&url) {
            // A proxy does not know this machine's own addresses.
            builder = builder.disable_proxy();
        }
        if let Some(auth) = &self.auth {
            builder = builder.auth(match auth {
                ElasticsearchAuth::Basic { user, password } => {
                    Credentials::Basic(user.clone(), password.expose().to_owned())
                }
                ElasticsearchAuth::ApiKey(key) => {
                    // The client would panic on a key that is no header value.
                    if HeaderValue::try_from(key.expose()).is_err() {
                        return Err(wrong("the API key has characters that no header may have".into()));
                    }
                    Credentials::EncodedApiKey(key.expose().to_owned())
                }
            });
        }
        if let Some(path) = &self.ca_cert {
            builder = builder.cert_validation(CertificateValidation::Full(certificate(path)?));
        }
        let transport = builder.build().map_err(|error| ElasticsearchClientError::Build(error.to_string()))?;
        Ok(Elasticsearch::new(transport))
    }

    pub(crate) fn connect(&self) -> Result<ElasticsearchClient, ElasticsearchClientError> {
        Ok(ElasticsearchClient { client: self.client()?, url: self.url.clone() })
    }

    /// Asks for the cluster's health.
    pub async fn probe(&self, timeout: Duration) -> Result<(), ElasticsearchClientError> {
        self.health("/_cluster/health", timeout).await
    }

    /// As [`ElasticsearchAddress::probe`], and every primary shard has to be there.
    pub async fn probe_yellow(&self, timeout: Duration) -> Result<(), ElasticsearchClientError> {
        self.health("/_cluster/health?wait_for_status=yellow&timeout=1s", timeout).await
    }

    /// The answer of `_field_caps` for all fields of the indices; `None` where there is no such index.
    pub async fn field_caps(&self, index: &str) -> Result<Option<serde_json::Value>, ElasticsearchClientError> {
        let client = self.connect()?;
        let path = format!("/{}/_field_caps?fields=*&ignore_unavailable=true", path_segment(index));
        let answer = client.send(Method::Get, &path, None, JSON).await?;
        match answer.status {
            200 => Ok(answer.json()),
            404 => Ok(None),
            _ => Err(client.refused("GET _field_caps", &answer)),
        }
    }

    async fn health(&self, path: &str, timeout: Duration) -> Result<(), ElasticsearchClientError> {
        let request = format!("GET {path}");
        let client = self.connect()?;
        let answer = tokio::time::timeout(timeout, client.send(Method::Get, path, None, JSON))
            .await
            .map_err(|_| client.silent(&request, format!("nothing came within {:.1} s", timeout.as_secs_f64())))??;
        let is_health = answer.json().is_some_and(|health| health.get("cluster_name").is_some());
        match answer.status {
            200 if is_health => Ok(()),
            // The node is up and has no master yet, or its shards are not there yet, or it is shutting down.
            503 | 408 if answer.json().is_some() => Err(client.refused(&request, &answer)),
            status => Err(ElasticsearchClientError::WrongService {
                url: self.url.clone(),
                request,
                status,
                found: excerpt(&answer.body),
            }),
        }
    }
}

pub(crate) const JSON: &str = "application/json";
pub(crate) const NDJSON: &str = "application/x-ndjson";

impl ElasticsearchClient {
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Sends a request; any answer but a refusal of the credentials is for the caller to judge.
    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Bytes>,
        content_type: &'static str,
    ) -> Result<Answer, ElasticsearchClientError> {
        let request = || format!("{} {path}", name(method));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        let response = self
            .client
            .send::<Bytes, ()>(method, path, headers, None, body, None)
            .await
            .map_err(|error| self.silent(&request(), innermost(&error)))?;
        let status = response.status_code().as_u16();
        let body = response.bytes().await.map_err(|error| self.silent(&request(), innermost(&error)))?;
        let answer = Answer { status, body };
        match status {
            401 | 403 => {
                let reason = error_reason(&answer);
                Err(ElasticsearchClientError::Unauthorized { url: self.url.clone(), status, reason })
            }
            _ => Ok(answer),
        }
    }

    pub(crate) fn refused(&self, request: &str, answer: &Answer) -> ElasticsearchClientError {
        ElasticsearchClientError::Refused {
            url: self.url.clone(),
            request: request.to_owned(),
            status: answer.status,
            reason: error_reason(answer),
        }
    }

    fn silent(&self, request: &str, reason: String) -> ElasticsearchClientError {
        ElasticsearchClientError::Unreachable { url: self.url.clone(), request: request.to_owned(), reason }
    }
}

fn name(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Put => "PUT",
        Method::Post => "POST",
        Method::Delete => "DELETE",
        Method::Head => "HEAD",
    }
}

/// `type: reason` of an Elasticsearch error body, or the body's beginning.
pub(crate) fn error_reason(answer: &Answer) -> String {
    let described = answer.json().and_then(|body| {
        let error = body.get("error")?;
        match (error.get("type").and_then(|t| t.as_str()), error.get("reason").and_then(|r| r.as_str())) {
            (Some(kind), Some(reason)) => Some(format!("{kind}: {reason}")),
            _ => error.as_str().map(ToOwned::to_owned),
        }
    });
    described.unwrap_or_else(|| excerpt(&answer.body))
}

/// The beginning of an answer, for a message.
pub(super) fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body.get(..body.len().min(4 * EXCERPT_CHARS_MAX)).unwrap_or_default());
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).take(EXCERPT_CHARS_MAX).collect()
}

fn certificate(path: &Path) -> Result<Certificate, ElasticsearchClientError> {
    let wrong = |reason: String| ElasticsearchClientError::CaCert { path: path.to_owned(), reason };
    let pem = fs::read(path).map_err(|error| wrong(error.to_string()))?;
    Certificate::from_pem(&pem)
        .map_err(|error| wrong(error.source().map_or_else(|| error.to_string(), ToString::to_string)))
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::TcpListener,
    };

    use super::*;

    /// Answers one request with these bytes.
    async fn answering(answer: &'static str) -> ElasticsearchAddress {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = socket.read(&mut request).await.unwrap();
            socket.write_all(answer.as_bytes()).await.unwrap();
        });
        ElasticsearchAddress::new(url)
    }

    async fn probe(answer: &'static str) -> Result<(), ElasticsearchClientError> {
        answering(answer).await.probe(Duration::from_secs(5)).await
    }

    #[tokio::test]
    async fn a_cluster_that_says_its_health_is_elasticsearch() {
        probe("HTTP/1.1 200 OK\r\ncontent-length: 22\r\n\r\n{\"cluster_name\":\"mine\"}").await.unwrap_err();
        probe("HTTP/1.1 200 OK\r\ncontent-length: 23\r\n\r\n{\"cluster_name\":\"mine\"}").await.unwrap();
    }

    #[tokio::test]
    async fn what_is_not_elasticsearch_is_said_to_be_none() {
        let error = probe("HTTP/1.1 404 Not Found\r\ncontent-length: 5\r\n\r\nnginx").await.unwrap_err();
        assert!(
            matches!(&error, ElasticsearchClientError::WrongService { status: 404, found, .. } if found == "nginx")
        );
    }

    #[tokio::test]
    async fn refused_credentials_are_told_from_other_refusals() {
        let error = probe("HTTP/1.1 401 Unauthorized\r\ncontent-length: 76\r\n\r\n{\"error\":{\"type\":\"security_exception\",\"reason\":\"missing auth\"},\"status\":401}").await.unwrap_err();
        assert!(error.to_string().contains("security_exception: missing auth"), "{error}");
        assert!(matches!(error, ElasticsearchClientError::Unauthorized { status: 401, .. }));
    }

    #[tokio::test]
    async fn a_node_that_is_not_there_is_named_with_what_came_back() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let error =
            ElasticsearchAddress::new(format!("http://{free}")).probe(Duration::from_secs(5)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&free.to_string()) && text.contains("GET /_cluster/health"), "{text}");
        assert!(text.to_lowercase().contains("refused"), "{text}");
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_before_anything_is_sent() {
        for url in ["127.0.0.1:9200", "ftp://host", "http://", "nonsense"] {
            let error = ElasticsearchAddress::new(url).client().unwrap_err();
            assert!(matches!(error, ElasticsearchClientError::Url { .. }), "{url}: {error:?}");
        }
        let mut address = ElasticsearchAddress::new("https://host:9200");
        address.ca_cert = Some("/no/such/ca.pem".into());
        assert!(address.client().unwrap_err().to_string().contains("/no/such/ca.pem"));
    }
}
