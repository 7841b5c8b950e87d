//! Listeners and connections.
//!
//! A connection reads requests, starts each at once, and writes the answers in the order of the requests: appends of
//! pipelined produces overlap, everything else runs when its turn to be answered comes, as in a real broker. In between is
//! a bounded queue: when it is full the connection is not read, and TCP makes the client wait.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::ServeError;
use super::codec::frame::{self, FrameError};
use super::dispatch::{self, Reply, ReplyFuture};
use super::state::ClientInfo;
use super::state::broker::BrokerState;

/// Time a stopping broker gives to what is in progress.
const DRAIN_MAX: Duration = Duration::from_secs(2);
/// `connections.max.idle.ms`.
const IDLE_MAX: Duration = Duration::from_secs(600);
/// A request that began must go on arriving, and an answer must go on being read.
const STALL_MAX: Duration = Duration::from_secs(60);
/// Requests up to this size are bounded by the number of connections and of requests in flight alone.
const SMALL_REQUEST_BYTES: usize = 16 * 1024;
const READ_CHUNK_BYTES: usize = 64 * 1024;
/// Answers that are ready are gathered up to this size before they are written.
const WRITE_CHUNK_BYTES: usize = 64 * 1024;
/// Pause after a failed accept: out of file descriptors, mostly.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What all connections share.
struct Shared {
    broker: Arc<BrokerState>,
    request_budget: Arc<Semaphore>,
    connections: Arc<Semaphore>,
    shutdown: CancellationToken,
}

/// Serves until `shutdown`, then drains and syncs.
pub(super) async fn serve(
    broker: Arc<BrokerState>,
    listeners: Vec<TcpListener>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let limits = &broker.config.limits;
    let shared = Arc::new(Shared {
        request_budget: Arc::new(Semaphore::new(limits.request_kib)),
        connections: Arc::new(Semaphore::new(limits.connections)),
        shutdown: shutdown.clone(),
        broker: Arc::clone(&broker),
    });
    let tracker = TaskTracker::new();
    for listener in listeners {
        tracker.spawn(accept(listener, Arc::clone(&shared), tracker.clone()));
    }
    tracker.close();
    shutdown.cancelled().await;
    broker.stopping.cancel();
    tracker.wait().await;
    let synced = tokio::task::spawn_blocking(move || broker.sync()).await;
    match synced {
        Ok(synced) => synced.map_err(ServeError::Sync),
        Err(ended) => match ended.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime itself is going: there is nobody left to sync for.
            Err(_cancelled) => Ok(()),
        },
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tracker: TaskTracker) {
    loop {
        let accepted = tokio::select! {
            () = shared.shutdown.cancelled() => return,
            accepted = accept_one(&listener, &shared) => accepted,
        };
        match accepted {
            Ok((stream, peer, permit)) => {
                let shared = Arc::clone(&shared);
                tracker.spawn(async move {
                    serve_connection(stream, peer, &shared).await;
                    drop(permit);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn accept_one(
    listener: &TcpListener,
    shared: &Shared,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let permit = Arc::clone(&shared.connections).acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, permit))
}

/// A request in progress: its answer to come, and its share of the memory for requests.
struct InFlight {
    reply: ReplyFuture,
    _memory: Option<OwnedSemaphorePermit>,
}

async fn serve_connection(stream: TcpStream, peer: SocketAddr, shared: &Shared) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, %error, "cannot switch Nagle's algorithm off");
    }
    let (read, write) = stream.into_split();
    let (queue, answers) = mpsc::channel(shared.broker.config.limits.requests_in_flight.max(1));
    let mut writer = std::pin::pin!(write_answers(write, answers));
    let ended = tokio::select! {
        ended = read_requests(read, peer, shared, queue) => ended,
        ended = &mut writer => {
            tracing::debug!(%peer, ?ended, "connection closed by its writer");
            return;
        }
    };
    match ended {
        // The queue is closed by now: the writer ends after the last answer.
        Ended::Stopping => drop(timeout(DRAIN_MAX, writer).await),
        Ended::Refused => drop(timeout(DRAIN_MAX, writer).await),
        Ended::Eof => {}
        Ended::Io(error) => tracing::debug!(%peer, %error, "connection lost"),
    }
}

/// Why reading ended.
enum Ended {
    Eof,
    Io(io::Error),
    /// The broker stops: what was read is still answered.
    Stopping,
    /// A request cannot be answered: answers before it go out, then the connection closes.
    Refused,
}

async fn read_requests(
    read: impl AsyncRead + Unpin,
    peer: SocketAddr,
    shared: &Shared,
    queue: mpsc::Sender<InFlight>,
) -> Ended {
    let mut reader =
        FrameReader { read, buffer: BytesMut::new(), bytes_max: shared.broker.config.limits.request_bytes };
    let client_host = format!("/{}", peer.ip());
    loop {
        let frame = tokio::select! {
            () = shared.shutdown.cancelled() => return Ended::Stopping,
            frame = reader.next(&shared.request_budget) => frame,
        };
        let (frame, memory) = match frame {
            Ok(Some(frame)) => frame,
            Ok(None) => return Ended::Eof,
            Err(error) => return Ended::Io(error),
        };
        let reply = match frame::decode_request(frame) {
            Ok(request) => {
                let client = ClientInfo {
                    client_id: request.client_id.clone().unwrap_or_default(),
                    client_host: client_host.clone(),
                };
                dispatch::start(&shared.broker, client, request)
            }
            Err(FrameError::ApiVersionsVersion(head)) => {
                let answer = frame::encode_api_versions_fallback(head.correlation_id);
                dispatch::ready(Reply::Frame(vec![answer], None))
            }
            Err(error) => {
                tracing::info!(%peer, %error, "closing a connection");
                return Ended::Refused;
            }
        };
        if queue.send(InFlight { reply, _memory: memory }).await.is_err() {
            return Ended::Eof;
        }
    }
}

/// Cuts the stream into frames. Memory grows as bytes arrive, not as they are announced.
struct FrameReader<R> {
    read: R,
    buffer: BytesMut,
    bytes_max: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    /// The next frame without its length, and its share of the budget; `None` at the end of the stream.
    async fn next(&mut self, budget: &Arc<Semaphore>) -> io::Result<Option<(Bytes, Option<OwnedSemaphorePermit>)>> {
        while self.buffer.len() < 4 {
            let limit = if self.buffer.is_empty() { IDLE_MAX } else { STALL_MAX };
            if !self.fill(READ_CHUNK_BYTES, limit).await? {
                return Ok(None);
            }
        }
        let size = self.buffer.get_i32();
        let size = usize::try_from(size).ok().filter(|size| *size <= self.bytes_max);
        let size = size
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the announced request size is out of bounds"))?;
        let memory = match size {
            ..=SMALL_REQUEST_BYTES => None,
            _ => Some(reserve(budget, size).await?),
        };
        while self.buffer.len() < size {
            let wanted = (size - self.buffer.len()).min(self.buffer.len().max(READ_CHUNK_BYTES));
            if !self.fill(wanted, STALL_MAX).await? {
                return Ok(None);
            }
        }
        Ok(Some((self.buffer.split_to(size).freeze(), memory)))
    }

    /// Reads once; false at the end of the stream.
    async fn fill(&mut self, wanted: usize, limit: Duration) -> io::Result<bool> {
        self.buffer.reserve(wanted);
        let count = timeout(limit, self.read.read_buf(&mut self.buffer)).await.map_err(io::Error::other)??;
        Ok(count > 0)
    }
}

async fn reserve(budget: &Arc<Semaphore>, bytes: usize) -> io::Result<OwnedSemaphorePermit> {
    let kib = u32::try_from(bytes / 1024 + 1).map_err(io::Error::other)?;
    Arc::clone(budget).acquire_many_owned(kib).await.map_err(io::Error::other)
}

/// Writes answers in order until the queue is closed and empty, or one of them says to close.
async fn write_answers(write: impl AsyncWrite + Unpin, mut answers: mpsc::Receiver<InFlight>) -> io::Result<()> {
    let mut out = Outgoing { write, pieces: VecDeque::new(), bytes: 0, memory: Vec::new() };
    loop {
        let next = match answers.try_recv() {
            Ok(next) => Some(next),
            Err(_) => {
                out.flush().await?;
                answers.recv().await
            }
        };
        let Some(mut in_flight) = next else { return out.flush().await };
        let ready = poll_fn(|context| match in_flight.reply.as_mut().poll(context) {
            Poll::Ready(reply) => Poll::Ready(Some(reply)),
            Poll::Pending => Poll::Ready(None),
        });
        let reply = match ready.await {
            Some(reply) => reply,
            None => {
                out.flush().await?;
                in_flight.reply.await
            }
        };
        match reply {
            Reply::Frame(pieces, memory) => out.add(pieces, memory).await?,
            Reply::Nothing => {}
            Reply::Close => {
                out.flush().await?;
                return out.write.shutdown().await;
            }
        }
    }
}

/// Answers on their way to the socket.
struct Outgoing<W> {
    write: W,
    pieces: VecDeque<Bytes>,
    bytes: usize,
    memory: Vec<OwnedSemaphorePermit>,
}

impl<W: AsyncWrite + Unpin> Outgoing<W> {
    async fn add(&mut self, pieces: Vec<Bytes>, memory: Option<OwnedSemaphorePermit>) -> io::Result<()> {
        self.bytes += pieces.iter().map(Bytes::len).sum::<usize>();
        self.pieces.extend(pieces);
        self.memory.extend(memory);
        if self.bytes >= WRITE_CHUNK_BYTES { self.flush().await } else { Ok(()) }
    }

    async fn flush(&mut self) -> io::Result<()> {
        while !self.pieces.is_empty() {
            let slices: Vec<IoSlice<'_>> = self.pieces.iter().take(64).map(|piece| IoSlice::new(piece)).collect();
            let count = timeout(STALL_MAX, self.write.write_vectored(&slices)).await.map_err(io::Error::other)??;
            if count == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.advance(count);
        }
        self.memory.clear();
        Ok(())
    }

    fn advance(&mut self, mut count: usize) {
        self.bytes = self.bytes.saturating_sub(count);
        while let Some(first) = self.pieces.front_mut() {
            if first.len() > count {
                first.advance(count);
                return;
            }
            count -= first.len();
            self.pieces.pop_front();
        }
    }
}
