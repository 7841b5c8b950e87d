//! A batch to the index, until each of its messages is indexed or dead-lettered.
//!
//! What may work later (429, 5xx, a node that is away) is sent again, item by item, with a growing pause, for as long as
//! nobody cancels. A request that is refused as a whole is halved until the culprit is alone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use elasticsearch::http::Method;
use tokio_util::sync::CancellationToken;

use super::{
    board::Board,
    bulk::{Batch, BulkAnswer, DeadLetter, Verdict},
    dead_letter::{DeadLetterError, DeadLetters},
    progress::{Progress, Service},
};
use crate::client::{Answer, ElasticsearchClient, ElasticsearchClientError, NDJSON, error_reason};

const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(10);
/// A request under way when the run is cancelled may end within this time.
const CANCEL_GRACE: Duration = Duration::from_secs(3);
/// A request without an answer is a wait after this long.
const SLOW: Duration = Duration::from_secs(4);
const ALONE: &[usize] = &[];

/// Delivers batches; shared by all that are under way.
pub(crate) struct Deliverer {
    pub(crate) client: ElasticsearchClient,
    /// `/index/_bulk`
    pub(crate) path: String,
    pub(crate) dead_letters: DeadLetters,
    pub(crate) board: Arc<Board>,
    pub(crate) progress: Arc<Progress>,
    /// Cancelled when the run is, or has failed.
    pub(crate) halt: CancellationToken,
}

/// How many messages of a batch went where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Delivered {
    pub(crate) indexed: u64,
    pub(crate) dead: u64,
}

#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliverError {
    /// The run was cancelled before all was done; what is not done is not committed.
    #[error("cancelled")]
    Cancelled,
    #[error(transparent)]
    Elasticsearch(#[from] ElasticsearchClientError),
    #[error(transparent)]
    DeadLetter(#[from] DeadLetterError),
}

/// What one request came to.
enum Outcome {
    Judged(BulkAnswer),
    /// As a whole, later.
    Later(String),
    /// Too big, or one of its lines is wrong.
    Refused {
        kind: String,
        reason: String,
    },
}

impl Deliverer {
    pub(crate) async fn deliver(&self, mut batch: Batch) -> Result<Delivered, DeliverError> {
        let dead = std::mem::take(&mut batch.dead);
        let mut delivered = Delivered::default();
        self.bury(dead, &mut delivered).await?;
        // Parts still to be sent; the last one is next.
        let mut parts: Vec<Vec<usize>> = vec![(0..batch.items.len()).collect()];
        let mut pause = PAUSE_FIRST;
        while let Some(part) = parts.pop() {
            if part.is_empty() {
                continue;
            }
            let later = match self.send(&batch, &part).await? {
                Outcome::Judged(answer) => self.settle(&batch, &part, &answer, &mut delivered).await?,
                Outcome::Later(reason) => Later { items: part, reason: Some(reason) },
                Outcome::Refused { kind, reason } if part.len() == 1 => {
                    let letter = part.first().and_then(|index| batch.bury(*index, kind, reason));
                    self.bury(letter.into_iter().collect(), &mut delivered).await?;
                    Later { items: ALONE.to_vec(), reason: None }
                }
                Outcome::Refused { .. } => {
                    let (left, right) = part.split_at(part.len() / 2);
                    parts.extend([right.to_vec(), left.to_vec()]);
                    continue;
                }
            };
            if later.items.is_empty() {
                pause = PAUSE_FIRST;
                continue;
            }
            let reason = later.reason.as_deref().unwrap_or_default();
            self.wait(Service::Elasticsearch, self.client.url(), pause, later.items.len(), reason).await?;
            pause = (pause * 2).min(PAUSE_MAX);
            parts.push(later.items);
        }
        Ok(delivered)
    }

    async fn send(&self, batch: &Batch, part: &[usize]) -> Result<Outcome, DeliverError> {
        let body = batch.body_of(part);
        let cancelled = async {
            self.halt.cancelled().await;
            tokio::time::sleep(CANCEL_GRACE).await;
        };
        let sent = Instant::now();
        let slow = async {
            tokio::time::sleep(SLOW).await;
            self.progress.wait_since(sent, Service::Elasticsearch, self.client.url(), "no answer yet");
            std::future::pending::<()>().await;
        };
        let answer = tokio::select! {
            answer = self.client.send(Method::Post, &self.path, Some(body), NDJSON) => answer,
            () = cancelled => return Err(DeliverError::Cancelled),
            () = slow => return Err(DeliverError::Cancelled),
        };
        match answer {
            Ok(answer) => self.outcome(&answer, part.len()),
            Err(ElasticsearchClientError::Unreachable { reason, .. }) => Ok(Outcome::Later(reason)),
            Err(error) => Err(error.into()),
        }
    }

    fn outcome(&self, answer: &Answer, count: usize) -> Result<Outcome, DeliverError> {
        let request = || format!("POST {}", self.path);
        match answer.status {
            200 => match serde_json::from_slice::<BulkAnswer>(&answer.body) {
                Ok(judged) if judged.items.len() == count => Ok(Outcome::Judged(judged)),
                // Not an answer of Elasticsearch: nothing may be taken for acknowledged.
                _ => Err(ElasticsearchClientError::WrongService {
                    url: self.client.url().to_owned(),
                    request: request(),
                    status: 200,
                    found: error_reason(answer),
                }
                .into()),
            },
            408 | 429 | 500..=599 => Ok(Outcome::Later(format!("{} {}", answer.status, error_reason(answer)))),
            400 | 413 => {
                let kind = if answer.status == 413 { "request_too_large" } else { "bulk_request_refused" };
                Ok(Outcome::Refused { kind: kind.into(), reason: error_reason(answer) })
            }
            _ => Err(self.client.refused(&request(), answer).into()),
        }
    }

    /// Counts what is done, buries what never will be; gives what is to be sent again.
    async fn settle(
        &self,
        batch: &Batch,
        part: &[usize],
        answer: &BulkAnswer,
        delivered: &mut Delivered,
    ) -> Result<Later, DeliverError> {
        let mut later = Later { items: Vec::new(), reason: None };
        let (mut letters, mut done) = (Vec::new(), Vec::with_capacity(part.len()));
        let mut bytes = 0;
        for (index, item) in part.iter().zip(&answer.items) {
            match item.index.verdict() {
                Verdict::Indexed => {
                    bytes += batch.document_bytes(*index);
                    done.extend(batch.items.get(*index).map(|item| item.origin));
                }
                Verdict::Retry(reason) => {
                    later.items.push(*index);
                    later.reason.get_or_insert(reason);
                }
                Verdict::Rejected { kind, reason } => letters.extend(batch.bury(*index, kind, reason)),
                Verdict::Stop { status, reason } => {
                    let (url, request) = (self.client.url().to_owned(), format!("POST {}", self.path));
                    return Err(ElasticsearchClientError::Refused { url, request, status, reason }.into());
                }
            }
        }
        self.board.finish(&done);
        let count = u64::try_from(done.len()).unwrap_or(u64::MAX);
        delivered.indexed += count;
        self.progress.add_done(count, u64::try_from(bytes).unwrap_or(u64::MAX));
        if later.items.is_empty() {
            self.progress.goes_on(Service::Elasticsearch);
        }
        self.bury(letters, delivered).await?;
        Ok(later)
    }

    /// Dead letters count as done only when their topic has them.
    async fn bury(&self, letters: Vec<DeadLetter>, delivered: &mut Delivered) -> Result<(), DeliverError> {
        if letters.is_empty() {
            return Ok(());
        }
        let mut pause = PAUSE_FIRST;
        loop {
            match self.dead_letters.bury(&letters).await {
                Ok(()) => break,
                Err(error @ DeadLetterError::Client(_)) => return Err(error.into()),
                Err(error) => {
                    self.wait(Service::Kafka, self.dead_letters.bootstrap(), pause, letters.len(), &error.to_string())
                        .await?;
                    pause = (pause * 2).min(PAUSE_MAX);
                }
            }
        }
        self.progress.goes_on(Service::Kafka);
        let count = u64::try_from(letters.len()).unwrap_or(u64::MAX);
        let origins: Vec<_> = letters.iter().map(|letter| letter.origin).collect();
        self.board.finish(&origins);
        delivered.dead += count;
        self.progress.add_dead(count);
        self.progress.add_done(count, 0);
        Ok(())
    }

    /// Waits before `count` messages are sent again.
    async fn wait(
        &self,
        service: Service,
        address: &str,
        pause: Duration,
        count: usize,
        reason: &str,
    ) -> Result<(), DeliverError> {
        self.progress.add_retries(u64::try_from(count).unwrap_or(u64::MAX));
        tracing::debug!(documents = count, "to be sent again: {reason}");
        self.progress.wait_for(service, address, reason);
        // Shaken, so that several do not come back together.
        let pause = pause.mul_f64(rand::random_range(0.7..1.0));
        tokio::select! {
            () = tokio::time::sleep(pause) => Ok(()),
            () = self.halt.cancelled() => Err(DeliverError::Cancelled),
        }
    }
}

/// Items to be sent again, and why.
struct Later {
    items: Vec<usize>,
    reason: Option<String>,
}
