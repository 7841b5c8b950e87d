//! Elasticsearch, as far as the dashboard needs it: documents got and posted, within bounds of time and size.

use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, Method, Response, Url};
use serde_json::Value;

use crate::server::http::{innermost, uri};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of a whole request; Kibana's own is 30 s (`elasticsearch.requestTimeout`).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
const IDLE: Duration = Duration::from_secs(30);
const IDLE_CONNECTIONS_MAX: usize = 16;

/// Status and document.
pub(crate) type Answer = Result<(u16, Value), SearchError>;
pub(crate) type AnswerFuture<'a> = Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;

/// Where searches go. Paths begin with `/` and are encoded for a URL.
pub(crate) trait Search: Send + Sync {
    fn get<'a>(&'a self, path: &'a str) -> AnswerFuture<'a>;
    fn post<'a>(&'a self, path: &'a str, body: &'a Value) -> AnswerFuture<'a>;
}

/// Elasticsearch gave no answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SearchError {
    #[error("Elasticsearch at {url} did not answer {path}: {reason}")]
    Unreachable { url: String, path: String, reason: String },
    #[error("Elasticsearch at {url} did not answer {path} within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout { url: String, path: String },
    #[error("the answer of Elasticsearch to {path} is larger than {ANSWER_BYTES_MAX} bytes")]
    TooLarge { path: String },
    #[error("what answers {path} at {url} is not Elasticsearch: status {status}, no JSON")]
    NotJson { url: String, path: String, status: u16 },
}

/// Elasticsearch can't be asked as it is configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SearchConfigError {
    /// `url` is without credentials.
    #[error("`{url}` is not an address of Elasticsearch: {reason}")]
    Url { url: String, reason: String },
    #[error("the CA certificate {} can't be used: {reason}", .path.display())]
    CaCert { path: PathBuf, reason: String },
    #[error("a client of Elasticsearch can't be made: {0}")]
    Client(String),
}

/// Over HTTP/1.1, with TLS where the address says so, and with connections kept open.
pub(crate) struct HttpSearch {
    client: Client,
    /// Scheme, host, port and base path, without a slash at the end and without credentials.
    base: String,
    authorization: Option<HeaderValue>,
}

impl HttpSearch {
    /// Of `http[s]://[user:password@]host:port[/base]`. `authorization` goes before what the address says; the certificates
    /// (PEM) in `ca_cert` are trusted beside the usual ones. Nothing is sent yet.
    pub(crate) fn new(
        url: &str,
        authorization: Option<HeaderValue>,
        ca_cert: Option<&Path>,
    ) -> Result<Self, SearchConfigError> {
        let (base, credentials) = split_credentials(url);
        let refused = |reason: &str| SearchConfigError::Url { url: base.clone(), reason: reason.to_owned() };
        if !["http://", "https://"].iter().any(|scheme| base.starts_with(scheme)) {
            return Err(refused("it has to start with `http://` or `https://`"));
        }
        let parsed = Url::parse(&base).map_err(|error| refused(&error.to_string()))?;
        if parsed.host_str().is_none_or(str::is_empty) {
            return Err(refused("it names no host"));
        }
        if parsed.query().is_some() {
            return Err(refused("a query has no place in it"));
        }
        let of_url = credentials.map(|credentials| basic(&credentials)).transpose();
        let of_url = of_url.map_err(|()| refused("its credentials are not encoded as in URLs"))?;
        let client = client(&parsed, ca_cert)?;
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), authorization: authorization.or(of_url) })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        match tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(method, path, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(SearchError::Timeout { url: self.base.clone(), path: path.to_owned() }),
        }
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let mut request =
            self.client.request(method, format!("{}{path}", self.base)).header(ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| self.unreachable(path, innermost(&error)))?;
        let status = response.status().as_u16();
        let bytes = self.read(path, response).await?;
        let document = serde_json::from_slice(&bytes);
        document.map(|document| (status, document)).map_err(|_| SearchError::NotJson {
            url: self.base.clone(),
            path: path.to_owned(),
            status,
        })
    }

    async fn read(&self, path: &str, mut response: Response) -> Result<Bytes, SearchError> {
        let mut bytes = BytesMut::new();
        while let Some(piece) = response.chunk().await.map_err(|error| self.unreachable(path, innermost(&error)))? {
            if bytes.len().saturating_add(piece.len()) > ANSWER_BYTES_MAX {
                return Err(SearchError::TooLarge { path: path.to_owned() });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    fn unreachable(&self, path: &str, reason: String) -> SearchError {
        SearchError::Unreachable { url: self.base.clone(), path: path.to_owned(), reason }
    }
}

impl Search for HttpSearch {
    fn get<'a>(&'a self, path: &'a str) -> AnswerFuture<'a> {
        Box::pin(self.ask(Method::GET, path, None))
    }

    fn post<'a>(&'a self, path: &'a str, body: &'a Value) -> AnswerFuture<'a> {
        Box::pin(self.ask(Method::POST, path, Some(body)))
    }
}

fn client(url: &Url, ca_cert: Option<&Path>) -> Result<Client, SearchConfigError> {
    let mut builder = Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
        // Who was named is asked, and gets the credentials; nobody else.
        .redirect(reqwest::redirect::Policy::none());
    if is_this_machine(url) {
        // A proxy does not know this machine's own addresses.
        builder = builder.no_proxy();
    }
    for certificate in ca_cert.map(certificates).transpose()?.unwrap_or_default() {
        builder = builder.add_root_certificate(certificate);
    }
    builder.build().map_err(|error| SearchConfigError::Client(innermost(&error)))
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, SearchConfigError> {
    let wrong = |reason: String| SearchConfigError::CaCert { path: path.to_owned(), reason };
    let pem = std::fs::read(path).map_err(|error| wrong(error.to_string()))?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(found) if found.is_empty() => Err(wrong("there is no certificate in it".to_owned())),
        found => found.map_err(|error| wrong(innermost(&error))),
    }
}

fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The URL without `user:password@`, and that.
fn split_credentials(url: &str) -> (String, Option<String>) {
    let Some((scheme, rest)) = url.split_once("://") else { return (url.to_owned(), None) };
    let end = rest.find('/').unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    match authority.rsplit_once('@') {
        Some((credentials, host)) => (format!("{scheme}://{host}{path}"), Some(credentials.to_owned())),
        None => (url.to_owned(), None),
    }
}

fn basic(credentials: &str) -> Result<HeaderValue, ()> {
    let decoded = uri::decode(credentials, false).ok_or(())?;
    let mut header = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(decoded))).map_err(|_| ())?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes, and gives what was asked.
    async fn server(answer: Vec<u8>) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let count = stream.read(&mut asked).await.unwrap();
            // The client may hang up on an answer that it does not want.
            if let Err(error) = stream.write_all(&answer).await {
                assert!(!error.to_string().is_empty());
            }
            String::from_utf8_lossy(&asked[..count]).into_owned()
        });
        (address.to_string(), task)
    }

    #[tokio::test]
    async fn requests_carry_base_path_and_credentials_but_messages_do_not() {
        let (address, asked) =
            server(b"HTTP/1.1 404 Not Found\r\ncontent-length: 11\r\n\r\n{\"error\":1}".to_vec()).await;
        let search = HttpSearch::new(&format!("http://elastic:pa%3Ass@{address}/base/"), None, None).unwrap();
        let answer = search.post("/i/_search", &serde_json::json!({"size": 0})).await.unwrap();
        assert_eq!(answer, (404, serde_json::json!({"error": 1})));
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("POST /base/i/_search HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("authorization: Basic ZWxhc3RpYzpwYTpzcw==\r\n"), "{asked}");
        let error = search.get("/").await.unwrap_err().to_string();
        assert!(error.contains(&address) && !error.contains("ss@"), "{error}");
    }

    #[tokio::test]
    async fn what_is_configured_goes_before_the_credentials_in_the_address() {
        let (address, asked) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".to_vec()).await;
        let key = HeaderValue::from_static("ApiKey a2V5");
        let search = HttpSearch::new(&format!("http://elastic:other@{address}"), Some(key), None).unwrap();
        assert_eq!(search.get("/").await.unwrap(), (200, serde_json::json!({})));
        let asked = asked.await.unwrap();
        assert!(asked.contains("authorization: ApiKey a2V5\r\n") && !asked.contains("Basic"), "{asked}");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_document_or_has_no_end_is_refused() {
        let (address, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_vec()).await;
        let error = HttpSearch::new(&format!("http://{address}"), None, None).unwrap().get("/").await.unwrap_err();
        assert!(matches!(error, SearchError::NotJson { status: 200, .. }), "{error}");
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(ANSWER_BYTES_MAX + 1024, b' ');
        let (address, _) = server(endless).await;
        let error = HttpSearch::new(&format!("http://{address}"), None, None).unwrap().get("/").await.unwrap_err();
        assert_eq!(error, SearchError::TooLarge { path: "/".into() });
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_without_their_credentials() {
        for url in
            ["127.0.0.1:9200", "https://u:hunter2@", "http://", "ftp://u:hunter2@host", "http://h?x=1", "http://a b"]
        {
            let error = HttpSearch::new(url, None, None).err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let absent = Some(Path::new("/no/such/ca.pem"));
        let error = HttpSearch::new("https://host:9200", None, absent).err().unwrap().to_string();
        assert!(error.contains("/no/such/ca.pem"), "{error}");
    }
}
