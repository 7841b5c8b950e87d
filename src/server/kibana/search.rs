//! Elasticsearch, as far as the dashboard needs it: documents got and posted, within bounds of time and size.

use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde_json::Value;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Of a whole request; Kibana's own is 30 s (`elasticsearch.requestTimeout`).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
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

/// The address can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not an address of Elasticsearch: {reason}")]
pub struct SearchUrlError {
    /// Without credentials.
    pub url: String,
    pub reason: String,
}

/// Over HTTP/1.1, with connections kept open.
pub(crate) struct HttpSearch {
    client: Client<HttpConnector, Full<Bytes>>,
    /// Scheme, host, port and base path, without a slash at the end and without credentials.
    base: String,
    authorization: Option<HeaderValue>,
}

impl HttpSearch {
    /// Of `http://[user:password@]host:port[/base]`. Nothing is sent yet.
    pub(crate) fn new(url: &str) -> Result<Self, SearchUrlError> {
        let (base, credentials) = split_credentials(url);
        let refused = |reason: &str| SearchUrlError { url: base.clone(), reason: reason.to_owned() };
        let uri: Uri = base.parse().map_err(|_| refused("it is no URL"))?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(refused("`https` is not supported here")),
            _ => return Err(refused("it has to start with `http://`")),
        }
        if uri.host().is_none_or(str::is_empty) {
            return Err(refused("it names no host"));
        }
        if uri.query().is_some() {
            return Err(refused("a query has no place in it"));
        }
        let authorization = credentials.map(|credentials| basic(&credentials)).transpose();
        let authorization = authorization.map_err(|()| refused("its credentials are not encoded as in URLs"))?;
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Ok(Self { client, base: base.trim_end_matches('/').to_owned(), authorization })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        match tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(method, path, body)).await {
            Ok(answer) => answer,
            Err(_) => Err(SearchError::Timeout { url: self.base.clone(), path: path.to_owned() }),
        }
    }

    async fn exchange(&self, method: Method, path: &str, body: Option<&Value>) -> Answer {
        let request = self.request(method, path, body).map_err(|error| self.unreachable(path, error.to_string()))?;
        let response = self.client.request(request).await.map_err(|error| self.unreachable(path, innermost(&error)))?;
        let status = response.status().as_u16();
        let bytes = self.read(path, response).await?;
        let document = serde_json::from_slice(&bytes);
        document.map(|document| (status, document)).map_err(|_| SearchError::NotJson {
            url: self.base.clone(),
            path: path.to_owned(),
            status,
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Request<Full<Bytes>>, hyper::http::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        request = request.header(ACCEPT, "application/json");
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        match body {
            None => request.body(Full::default()),
            Some(body) => {
                request.header(CONTENT_TYPE, "application/json").body(Full::new(Bytes::from(body.to_string())))
            }
        }
    }

    async fn read(&self, path: &str, response: Response<Incoming>) -> Result<Bytes, SearchError> {
        let mut body = response.into_body();
        let mut bytes = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.unreachable(path, innermost(&error)))?;
            let Ok(data) = frame.into_data() else { continue };
            if bytes.len().saturating_add(data.len()) > ANSWER_BYTES_MAX {
                return Err(SearchError::TooLarge { path: path.to_owned() });
            }
            bytes.extend_from_slice(&data);
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
    let decoded = super::http::decode(credentials, false).ok_or(())?;
    let mut header = HeaderValue::from_str(&format!("Basic {}", BASE64_STANDARD.encode(decoded))).map_err(|_| ())?;
    header.set_sensitive(true);
    Ok(header)
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
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
        let search = HttpSearch::new(&format!("http://elastic:pa%3Ass@{address}/base/")).unwrap();
        let answer = search.post("/i/_search", &serde_json::json!({"size": 0})).await.unwrap();
        assert_eq!(answer, (404, serde_json::json!({"error": 1})));
        let asked = asked.await.unwrap();
        assert!(asked.starts_with("POST /base/i/_search HTTP/1.1\r\n"), "{asked}");
        assert!(asked.contains("authorization: Basic ZWxhc3RpYzpwYTpzcw==\r\n"), "{asked}");
        let error = search.get("/").await.unwrap_err().to_string();
        assert!(error.contains(&address) && !error.contains("ss@"), "{error}");
    }

    #[tokio::test]
    async fn an_answer_that_is_no_document_or_has_no_end_is_refused() {
        let (address, _) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi".to_vec()).await;
        let error = HttpSearch::new(&format!("http://{address}")).unwrap().get("/").await.unwrap_err();
        assert!(matches!(error, SearchError::NotJson { status: 200, .. }), "{error}");
        let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        endless.resize(ANSWER_BYTES_MAX + 1024, b' ');
        let (address, _) = server(endless).await;
        let error = HttpSearch::new(&format!("http://{address}")).unwrap().get("/").await.unwrap_err();
        assert_eq!(error, SearchError::TooLarge { path: "/".into() });
    }

    #[test]
    fn addresses_that_cannot_work_are_refused_without_their_credentials() {
        for url in [
            "127.0.0.1:9200",
            "https://u:hunter2@host",
            "http://",
            "ftp://u:hunter2@host",
            "http://h?x=1",
            "http://a b",
        ] {
            let error = HttpSearch::new(url).err().unwrap().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }
}
