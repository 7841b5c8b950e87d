//! Request bodies that are media: streamed to a file of the data folder, so that their size is not held in memory.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::HeaderMap;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use super::body;
use super::error::ApiError;
use crate::server::http::body::{check_announced, next_frame};

/// Bytes of one request; the Python client sends pieces of 100 MiB.
pub(crate) const MEDIA_BYTES_MAX: u64 = 101 * 1024 * 1024;
/// Uploads that are received at once.
const RECEIVING_MAX: usize = 8;
/// One upload's whole time: a slow client does not keep its place for ever.
const RECEIVING_TIME_MAX: Duration = Duration::from_secs(3600);

/// The folder for bodies.
#[derive(Debug, Clone)]
pub(crate) struct Spool {
    folder: PathBuf,
    slots: Arc<Semaphore>,
    time_max: Duration,
}

/// A file that is removed when nobody needs it any more.
#[derive(Debug)]
pub(crate) struct TempFile(PathBuf);

impl TempFile {
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

/// A body on disk.
#[derive(Debug)]
pub(crate) struct Spooled {
    pub(crate) file: TempFile,
    pub(crate) length: u64,
    /// The client sent all that it meant to.
    pub(crate) is_complete: bool,
    /// It is to be decompressed.
    pub(crate) is_compressed: bool,
}

impl Spool {
    /// Empties the folder: what is in it belongs to requests of a process that is gone.
    ///
    /// # Errors
    /// The folder can't be made.
    pub(crate) fn open(folder: &Path) -> std::io::Result<Self> {
        if folder.exists() {
            std::fs::remove_dir_all(folder)?;
        }
        std::fs::create_dir_all(folder)?;
        let slots = Arc::new(Semaphore::new(RECEIVING_MAX));
        Ok(Self { folder: folder.to_owned(), slots, time_max: RECEIVING_TIME_MAX })
    }

    /// A file name that nobody else has.
    pub(crate) fn new_file(&self) -> TempFile {
        TempFile(self.folder.join(uuid::Uuid::new_v4().simple().to_string()))
    }

    /// A body that breaks off, or that takes too long, is kept as far as it came.
    ///
    /// # Errors
    /// 413 over the bound, 429 when too many are received, 500 when the disk fails.
    pub(super) async fn receive(&self, headers: &HeaderMap, body: &mut Incoming) -> Result<Spooled, ApiError> {
        let Ok(_slot) = self.slots.try_acquire() else {
            return Err(ApiError::busy("Too many uploads at once, try again"));
        };
        check_announced(body, MEDIA_BYTES_MAX).map_err(|error| body::api_error(error, MEDIA_BYTES_MAX))?;
        let is_compressed = body::is_compressed(headers)?;
        let end = Instant::now() + self.time_max;
        let mut spooled = Spooled { file: self.new_file(), length: 0, is_complete: true, is_compressed };
        let mut file = tokio::fs::File::create(spooled.file.path()).await.map_err(|error| disk(&error))?;
        loop {
            let frame = match timeout_at(end, next_frame(body)).await {
                Ok(Ok(Some(frame))) => frame,
                Ok(Ok(None)) => break,
                Ok(Err(_)) | Err(_) => {
                    spooled.is_complete = false;
                    break;
                }
            };
            spooled.length = spooled.length.saturating_add(frame.len() as u64);
            if spooled.length > MEDIA_BYTES_MAX {
                return Err(body::too_large(MEDIA_BYTES_MAX));
            }
            file.write_all(&frame).await.map_err(|error| disk(&error))?;
        }
        file.flush().await.map_err(|error| disk(&error))?;
        Ok(spooled)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::debug!(%error, "an upload's file was not removed");
        }
    }
}

fn disk(error: &std::io::Error) -> ApiError {
    tracing::error!(%error, "an upload was not written to disk");
    ApiError::internal()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Empty;
    use hyper::body::Bytes;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;

    #[tokio::test]
    async fn a_client_that_is_too_slow_is_kept_as_far_as_it_came() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool { time_max: Duration::from_millis(300), ..Spool::open(&folder.path().join("up")).unwrap() };
        let (mut client, server) = tokio::io::duplex(1024);
        let (told, mut received) = tokio::sync::mpsc::channel(1);
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let (spool, told) = (spool.clone(), told.clone());
            async move {
                let (head, mut body) = request.into_parts();
                told.send(spool.receive(&head.headers, &mut body).await).await.unwrap();
                Ok::<_, std::convert::Infallible>(hyper::Response::new(Empty::<Bytes>::new()))
            }
        });
        let served =
            tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(server), service));
        client.write_all(b"PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\n").await.unwrap();
        // Never silent for long.
        let sent = tokio::spawn(async move {
            while client.write_all(b"x").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(10)).await
            }
        });
        let spooled = tokio::time::timeout(Duration::from_secs(10), received.recv()).await.unwrap().unwrap().unwrap();
        assert!(!spooled.is_complete && (1..100).contains(&spooled.length), "{spooled:?}");
        assert_eq!(std::fs::metadata(spooled.file.path()).unwrap().len(), spooled.length);
        sent.abort();
        served.abort();
    }
}
