//! Objects of a GCS JSON API at an `http://` address: the embedded storage server, or another one like it.
//!
//! The exchange runs on the runtime's own threads; the blocking reader and it are joined by a bounded channel, so that an object of any size
//! passes in bounded memory.

use std::io::{self, Read};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use hyper::body::{Body, Frame};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::{ObjectInfo, Objects, ObjectsError};
use crate::server::http::innermost;
use crate::server::http::uri::encode;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the head of an answer, and for each next part of its body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);
/// For an object that is written, whatever its size.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(3600);
/// Of an answer that is a document.
const DOCUMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Parts of a body between the exchange and the reader.
const PARTS_MAX: usize = 16;
const UPLOAD_PART_BYTES: usize = 256 * 1024;
const LIST_PAGE: usize = 1000;

/// The address can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{url}` is not an address of Google Cloud Storage: {reason}")]
pub struct StorageUrlError {
    pub url: String,
    pub reason: String,
}

/// Over HTTP/1.1, with connections kept open.
#[derive(Clone)]
pub struct HttpObjects {
    client: Client,
    /// Scheme, host and port, without a slash at the end.
    base: String,
    runtime: Handle,
}

#[derive(Deserialize)]
struct Resource {
    name: String,
    #[serde(default)]
    size: String,
    #[serde(default)]
    generation: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listing {
    #[serde(default)]
    items: Vec<Resource>,
    next_page_token: Option<String>,
}

impl HttpObjects {
    /// Of `http://host:port`. Nothing is sent yet; exchanges run on `runtime`.
    pub fn new(url: &str, runtime: Handle) -> Result<Self, StorageUrlError> {
        let refused = |reason: &str| StorageUrlError { url: url.to_owned(), reason: reason.to_owned() };
        let address: Url = url.parse().map_err(|_| refused("it is no URL"))?;
        match address.scheme() {
            "http" => {}
            "https" => return Err(refused("`https` is not supported here")),
            _ => return Err(refused("it has to start with `http://`")),
        }
        if address.host_str().is_none_or(str::is_empty) || address.query().is_some() {
            return Err(refused("it has to be `http://host:port`"));
        }
        let client = Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| refused(&innermost(&error)))?;
        Ok(Self { client, base: url.trim_end_matches('/').to_owned(), runtime })
    }

    fn unreachable(&self, reason: impl ToString) -> ObjectsError {
        ObjectsError::Unreachable { url: self.base.clone(), reason: reason.to_string() }
    }

    /// The head of a success.
    async fn send(&self, request: RequestBuilder, patience: Duration, uri: &str) -> Result<Response, ObjectsError> {
        let answer = tokio::time::timeout(patience, request.send()).await;
        let answer = answer.map_err(|_| self.unreachable("it took too long"))?;
        let answer = answer.map_err(|error| self.unreachable(innermost(&error)))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if status == StatusCode::NOT_FOUND {
            return Err(ObjectsError::NotFound { uri: uri.to_owned() });
        }
        let document = self.document(answer).await.unwrap_or_default();
        let message = String::from_utf8_lossy(&document).chars().take(500).collect();
        Err(ObjectsError::Refused { uri: uri.to_owned(), status: status.as_u16(), message })
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.client.get(format!("{}{path}", self.base))
    }

    async fn document(&self, mut answer: Response) -> Result<Bytes, ObjectsError> {
        let mut bytes = BytesMut::new();
        while let Some(part) = next_part(&mut answer).await.map_err(|error| self.unreachable(error))? {
            if bytes.len().saturating_add(part.len()) > DOCUMENT_BYTES_MAX {
                return Err(self.unreachable("its answer is too large"));
            }
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.freeze())
    }

    async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        request: RequestBuilder,
        patience: Duration,
        uri: &str,
    ) -> Result<T, ObjectsError> {
        let answer = self.send(request, patience, uri).await?;
        let document = self.document(answer).await?;
        serde_json::from_slice(&document).map_err(|error| self.unreachable(error))
    }

    fn info(&self, bucket: &str, resource: Resource) -> Result<ObjectInfo, ObjectsError> {
        let size = resource.size.parse().map_err(|_| self.unreachable("it gave an object without a size"))?;
        let generation = resource.generation.parse();
        let generation = generation.map_err(|_| self.unreachable("it gave an object without a generation"))?;
        Ok(ObjectInfo { bucket: bucket.to_owned(), name: resource.name, size, generation })
    }

    /// Starts the download; parts arrive in the channel, an error as its last one.
    async fn download(&self, object: &ObjectInfo) -> Result<mpsc::Receiver<io::Result<Bytes>>, ObjectsError> {
        let path = format!(
            "/storage/v1/b/{}/o/{}?alt=media&generation={}",
            encode(&object.bucket),
            encode(&object.name),
            object.generation
        );
        let answer = self.send(self.get(&path), ANSWER_TIMEOUT, &object.uri()).await?;
        let (sender, receiver) = mpsc::channel(PARTS_MAX);
        self.runtime.spawn(pump(answer, sender));
        Ok(receiver)
    }
}

async fn next_part(answer: &mut Response) -> io::Result<Option<Bytes>> {
    match tokio::time::timeout(ANSWER_TIMEOUT, answer.chunk()).await {
        Ok(part) => part.map_err(|error| io::Error::other(innermost(&error))),
        Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "storage stopped sending")),
    }
}

/// Moves an answer's body into the channel until it ends or nobody reads any more.
async fn pump(mut answer: Response, sender: mpsc::Sender<io::Result<Bytes>>) {
    while let Some(part) = next_part(&mut answer).await.transpose() {
        let last = part.is_err();
        if sender.send(part).await.is_err() || last {
            return;
        }
    }
}

impl Objects for HttpObjects {
    fn list(&self, bucket: &str, prefix: &str, max: usize) -> Result<Vec<ObjectInfo>, ObjectsError> {
        let uri = format!("gs://{bucket}/{prefix}*");
        let mut found = Vec::new();
        let mut page: Option<String> = None;
        loop {
            let mut path =
                format!("/storage/v1/b/{}/o?maxResults={LIST_PAGE}&prefix={}", encode(bucket), encode(prefix));
            if let Some(page) = &page {
                path.push_str("&pageToken=");
                path.push_str(&encode(page));
            }
            let listing: Listing = self.runtime.block_on(self.ask(self.get(&path), ANSWER_TIMEOUT, &uri))?;
            for resource in listing.items {
                found.push(self.info(bucket, resource)?);
            }
            if found.len() > max {
                return Err(ObjectsError::TooMany { uri, max });
            }
            page = listing.next_page_token.filter(|token| !token.is_empty());
            if page.is_none() {
                return Ok(found);
            }
        }
    }

    fn stat(&self, bucket: &str, name: &str) -> Result<ObjectInfo, ObjectsError> {
        let request = self.get(&format!("/storage/v1/b/{}/o/{}", encode(bucket), encode(name)));
        let uri = format!("gs://{bucket}/{name}");
        let resource = self.runtime.block_on(self.ask(request, ANSWER_TIMEOUT, &uri))?;
        self.info(bucket, resource)
    }

    fn open(&self, object: &ObjectInfo) -> Result<Box<dyn Read + Send>, ObjectsError> {
        let parts = self.runtime.block_on(self.download(object))?;
        Ok(Box::new(PartReader { parts, present: Bytes::new(), missing: object.size }))
    }

    fn write(
        &self,
        bucket: &str,
        name: &str,
        content_type: &str,
        mut content: Box<dyn Read + Send>,
    ) -> Result<ObjectInfo, ObjectsError> {
        let (sender, receiver) = mpsc::channel(PARTS_MAX);
        let path = format!("/upload/storage/v1/b/{}/o?uploadType=media&name={}", encode(bucket), encode(name));
        let request = self.client.post(format!("{}{path}", self.base)).header(CONTENT_TYPE, content_type);
        let request = request.body(reqwest::Body::wrap(PartBody { parts: receiver }));
        let this = self.clone();
        let uri = format!("gs://{bucket}/{name}");
        let exchange = self.runtime.spawn(async move { this.ask::<Resource>(request, UPLOAD_TIMEOUT, &uri).await });
        send_parts(&mut *content, &sender);
        drop(sender);
        let resource = self.runtime.block_on(exchange).map_err(|error| self.unreachable(error))??;
        self.info(bucket, resource)
    }
}

/// Sends all of it, or an error as the last part, so that a half content never becomes an object.
fn send_parts(content: &mut dyn Read, sender: &mpsc::Sender<io::Result<Bytes>>) {
    let mut buffer = vec![0; UPLOAD_PART_BYTES];
    loop {
        let part = match content.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => Ok(Bytes::copy_from_slice(buffer.get(..count).unwrap_or_default())),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
        let last = part.is_err();
        if sender.blocking_send(part).is_err() || last {
            return;
        }
    }
}

/// What arrives in the channel, as a reader.
struct PartReader {
    parts: mpsc::Receiver<io::Result<Bytes>>,
    present: Bytes,
    /// Bytes that storage still owes: an answer cut short must not look like an object's end.
    missing: u64,
}

impl Read for PartReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.present.is_empty() {
            match self.parts.blocking_recv() {
                Some(part) => self.present = part?,
                None if self.missing > 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                None => return Ok(0),
            }
        }
        let count = buffer.len().min(self.present.len());
        let taken = self.present.split_to(count);
        if let Some(start) = buffer.get_mut(..count) {
            start.copy_from_slice(&taken);
        }
        self.missing = self.missing.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        Ok(count)
    }
}

/// What is put into the channel, as a body.
struct PartBody {
    parts: mpsc::Receiver<io::Result<Bytes>>,
}

impl Body for PartBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        self.parts.poll_recv(context).map(|part| part.map(|part| part.map(Frame::data)))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::net::TcpListener;

    use super::*;

    /// Answers one request with these bytes, and gives what was asked.
    fn server(answer: &'static [u8]) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 4096];
            while !asked.windows(4).any(|end| end == b"\r\n\r\n") || asked.ends_with(b"chunked\r\n\r\n") {
                let count = stream.read(&mut buffer).unwrap();
                asked.extend_from_slice(&buffer[..count]);
            }
            stream.write_all(answer).unwrap();
            String::from_utf8_lossy(&asked).into_owned()
        });
        (format!("http://{address}"), asked)
    }

    #[test]
    fn an_object_name_is_one_segment_and_a_short_body_is_no_end() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (url, asked) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello");
        let objects = HttpObjects::new(&url, runtime.handle().clone()).unwrap();
        let object = ObjectInfo { bucket: "b".into(), name: "a/../b c?.json".into(), size: 9, generation: 3 };
        let mut bytes = Vec::new();
        let error = objects.open(&object).unwrap().read_to_end(&mut bytes).unwrap_err();
        assert_eq!((bytes.as_slice(), error.kind()), (&b"hello"[..], io::ErrorKind::UnexpectedEof));
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("GET /storage/v1/b/b/o/a%2F..%2Fb%20c%3F.json?alt=media&generation=3 "), "{asked}");
    }

    #[test]
    fn a_missing_object_and_a_deaf_server_are_told_apart() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (url, _) = server(b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
        let error = HttpObjects::new(&url, runtime.handle().clone()).unwrap().stat("b", "o").unwrap_err();
        assert_eq!(error, ObjectsError::NotFound { uri: "gs://b/o".into() });
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let objects = HttpObjects::new(&format!("http://{closed}"), runtime.handle().clone()).unwrap();
        let error = objects.list("b", "", 1).unwrap_err();
        assert!(matches!(error, ObjectsError::Unreachable { .. }), "{error}");
    }

    #[test]
    fn an_upload_is_streamed_and_gives_the_generation() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let answer =
            b"HTTP/1.1 200 OK\r\ncontent-length: 44\r\n\r\n{\"name\":\"o\",\"size\":\"5\",\"generation\":\"17\"}   ";
        let (url, _) = server(answer);
        let objects = HttpObjects::new(&url, runtime.handle().clone()).unwrap();
        let info = objects.write("b", "o", "text/csv", Box::new(&b"hello"[..])).unwrap();
        assert_eq!((info.size, info.generation), (5, 17));
    }
}
