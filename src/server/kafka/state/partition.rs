//! One partition: its log, its producers, and the queue of batches on their way into it.
//!
//! Appends are queued in the order they arrive; one blocking task takes everything queued, judges and stamps it, makes one
//! write (and one sync, with fsync) and answers all of it: a group commit whose size follows the load. Fetches that wait
//! are woken after that.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use kafka_protocol::error::ResponseError;
use tokio::sync::{Notify, oneshot};

use super::producers::{Producers, Verdict};
use super::topics::TopicShared;
use crate::server::kafka::codec::batch::{BatchHeader, StampedBatch};
use crate::server::kafka::storage::log::{Log, LogSettings};

/// Bytes taken from the queue for one write.
const GROUP_BYTES_MAX: usize = 16 * 1024 * 1024;
/// One node: the leader never changes.
pub(crate) const LEADER_EPOCH: i32 = 0;

/// Where a batch went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Appended {
    pub(crate) base_offset: i64,
    /// -1 unless the topic uses the time of appending, or the batch is a repeat.
    pub(crate) log_append_time_ms: i64,
    pub(crate) log_start_offset: i64,
}

pub(crate) type AppendResult = Result<Appended, ResponseError>;

/// A partition; shared by every connection.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) index: i32,
    pub(crate) topic: Arc<TopicShared>,
    pub(crate) log: Log,
    producers: Mutex<Producers>,
    queue: Mutex<Queue>,
    waiters: Mutex<Vec<(u64, Arc<Notify>)>>,
    next_waiter: AtomicU64,
    deleted: AtomicBool,
}

#[derive(Debug, Default)]
struct Queue {
    pending: VecDeque<Pending>,
    is_drained: bool,
}

/// A batch that passed the checks of its header.
#[derive(Debug)]
struct Pending {
    header: BatchHeader,
    batch: Bytes,
    answer: oneshot::Sender<AppendResult>,
}

/// What is known of a batch after judging: either an answer or a place in the group that is written.
enum Judged {
    Answered(AppendResult),
    Written(Appended),
}

impl Partition {
    pub(crate) fn new(index: i32, topic: Arc<TopicShared>, log: Log, producers: Producers) -> Self {
        Self {
            index,
            topic,
            log,
            producers: Mutex::new(producers),
            queue: Mutex::default(),
            waiters: Mutex::default(),
            next_waiter: AtomicU64::new(0),
            deleted: AtomicBool::new(false),
        }
    }

    /// Queues a batch, whose header and CRC were checked, and returns at once. The order of calls is the order in the log.
    pub(crate) fn append(self: &Arc<Self>, header: BatchHeader, batch: Bytes) -> oneshot::Receiver<AppendResult> {
        let (answer, receiver) = oneshot::channel();
        let mut queue = lock(&self.queue);
        queue.pending.push_back(Pending { header, batch, answer });
        if !queue.is_drained {
            queue.is_drained = true;
            let partition = Arc::clone(self);
            tokio::task::spawn_blocking(move || partition.drain());
        }
        receiver
    }

    /// Wakes the notify at the next change, until the guard is dropped.
    pub(crate) fn watch(self: &Arc<Self>, notify: &Arc<Notify>) -> Watch {
        let id = self.next_waiter.fetch_add(1, Ordering::Relaxed);
        lock(&self.waiters).push((id, Arc::clone(notify)));
        Watch { partition: Arc::clone(self), id }
    }

    pub(crate) fn is_deleted(&self) -> bool {
        self.deleted.load(Ordering::Acquire)
    }

    /// Refuses further appends, answers those queued and wakes who waits: the topic is gone.
    pub(crate) fn mark_deleted(&self) {
        self.deleted.store(true, Ordering::Release);
        self.log.mark_failed();
        self.wake();
    }

    /// Writes until the queue is empty.
    fn drain(&self) {
        loop {
            let group = self.take_group();
            if group.is_empty() {
                return;
            }
            // A panic must not leave the queue without anyone to drain it: the senders are dropped, which is an answer.
            if catch_unwind(AssertUnwindSafe(|| self.write_group(group))).is_err() {
                tracing::error!(topic = %self.topic.name, partition = self.index, "an append panicked");
                self.log.mark_failed();
            }
            self.wake();
        }
    }

    /// The next group; when there is none, the drain is over, and that is decided under the lock.
    fn take_group(&self) -> Vec<Pending> {
        let mut queue = lock(&self.queue);
        let mut bytes = 0_usize;
        let mut group = Vec::new();
        while let Some(next) = queue.pending.front() {
            bytes = bytes.saturating_add(next.batch.len());
            if bytes > GROUP_BYTES_MAX && !group.is_empty() {
                break;
            }
            group.extend(queue.pending.pop_front());
        }
        queue.is_drained = !group.is_empty();
        group
    }

    fn write_group(&self, group: Vec<Pending>) {
        let config = self.topic.config();
        let settings = config.log;
        let append_time_ms = config.log_append_time.then(now_ms);
        let mut producers = lock(&self.producers);
        let range = self.log.range();
        let mut next_offset = range.end;
        let mut stamped = Vec::with_capacity(group.len());
        let mut answers = Vec::with_capacity(group.len());
        for pending in group {
            let judged = match producers.judge(&pending.header) {
                Verdict::Fresh => {
                    match StampedBatch::new(pending.header, &pending.batch, next_offset, LEADER_EPOCH, append_time_ms) {
                        Ok(batch) => {
                            producers.remember(&batch.header, now_ms());
                            next_offset = batch.header.last_offset() + 1;
                            stamped.push(batch);
                            Judged::Written(Appended {
                                base_offset: stamped.last().map_or(-1, |batch| batch.header.base_offset),
                                log_append_time_ms: append_time_ms.unwrap_or(-1),
                                log_start_offset: range.start,
                            })
                        }
                        Err(_) => Judged::Answered(Err(ResponseError::CorruptMessage)),
                    }
                }
                Verdict::Duplicate { base_offset, timestamp } => Judged::Written(Appended {
                    base_offset,
                    log_append_time_ms: timestamp,
                    log_start_offset: range.start,
                }),
                Verdict::OutOfOrder => Judged::Answered(Err(ResponseError::OutOfOrderSequenceNumber)),
                Verdict::StaleEpoch => Judged::Answered(Err(ResponseError::InvalidProducerEpoch)),
            };
            answers.push((pending.answer, judged));
        }
        // A repeat may be of a batch in this very group, so it is answered with the outcome of the write too.
        let outcome = self.write(&stamped, &settings);
        for (answer, judged) in answers {
            let result = match judged {
                Judged::Answered(result) => result,
                Judged::Written(appended) => outcome.map(|()| appended),
            };
            if answer.send(result).is_err() {
                tracing::debug!(topic = %self.topic.name, "nobody is left to tell how an append went");
            }
        }
    }

    fn write(&self, stamped: &[StampedBatch], settings: &LogSettings) -> Result<(), ResponseError> {
        let result = self.log.append(stamped, settings);
        result.map_err(|error| {
            if self.is_deleted() {
                return ResponseError::UnknownTopicOrPartition;
            }
            tracing::error!(topic = %self.topic.name, partition = self.index, %error, "append failed");
            ResponseError::KafkaStorageError
        })
    }

    fn wake(&self) {
        for (_, notify) in lock(&self.waiters).iter() {
            notify.notify_one();
        }
    }
}

/// Keeps a notify registered with a partition.
#[derive(Debug)]
pub(crate) struct Watch {
    partition: Arc<Partition>,
    id: u64,
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(&self.partition.waiters).retain(|(id, _)| *id != self.id);
    }
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
