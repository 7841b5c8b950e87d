//! Ticks read on a thread of their own, ready to be sent: checked, timed, within a budget of bytes.
//!
//! A thread and not a task, because reading standard input blocks and can't be given up: it is left behind then.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::tick::{ReadError, ReadOptions, TickReader, TickSource, TimePolicy, TimeShift};

/// Records between the reader and the sender.
const QUEUE_RECORDS: usize = 1_024;
/// What a record costs beside its payload, in bytes: key, headers, bookkeeping.
const RECORD_OVERHEAD: usize = 512;

/// A tick to be sent.
#[derive(Debug)]
pub(crate) struct FeedTick {
    pub(crate) json: Bytes,
    pub(crate) key: u64,
    pub(crate) timestamp: Timestamp,
    /// Bytes of the budget it holds, given back when it is dropped.
    pub(crate) permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
pub(crate) enum FeedEvent {
    /// The sources are read from their beginning, moved by this; the shift of standard input is known at its first tick.
    Round(TimeShift),
    Tick(FeedTick),
    /// A bad record was passed over.
    Invalid(ReadError),
    Failed(ReadError),
}

/// What is known of a stream before it flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outline {
    /// `None` when a source can be read only once or has no end.
    pub ticks: Option<u64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

impl Outline {
    /// By how much the stream's timestamps will be moved when it starts at `now`; `None` while that is not known (it
    /// depends on the first tick). Record it, and pass it as [`TimePolicy::Shift`] to go on with the stream later.
    pub fn shift(&self, policy: TimePolicy, now: Timestamp) -> Option<TimeShift> {
        let is_known = self.last.is_some() || self.ticks == Some(0) || policy != TimePolicy::Now;
        is_known.then(|| policy.resolve(self.last, self.first, now))
    }
}

/// Reads the sources once, where they can be read twice: their number of ticks and their last one.
pub async fn outline(sources: &[TickSource], read: &ReadOptions, skip_invalid: bool) -> Result<Outline, ReadError> {
    let (sources, read) = (sources.to_vec(), read.clone());
    let (answer, outlined) = oneshot::channel();
    // On a thread that may be left behind: a big file takes its time.
    let spawned = std::thread::Builder::new().name("survey".into()).spawn(move || {
        // Nobody waits any more when the run was cancelled.
        drop(answer.send(survey(&sources, &read, skip_invalid)));
    });
    match spawned {
        Ok(_) => outlined.await.unwrap_or_else(|_| Ok(Outline::default())),
        Err(source) => Err(ReadError::Open { file: "a thread to read".into(), source }),
    }
}

fn survey(sources: &[TickSource], read: &ReadOptions, skip_invalid: bool) -> Result<Outline, ReadError> {
    let mut outline = Outline { ticks: Some(0), first: None, last: None };
    for source in sources {
        match source.survey(read, skip_invalid)? {
            Some(survey) => {
                outline.ticks = outline.ticks.map(|ticks| ticks + survey.ticks);
                outline.first = outline.first.or(survey.first);
                outline.last = outline.last.max(survey.last);
            }
            None => return Ok(Outline::default()),
        }
    }
    Ok(outline)
}

/// What the reading thread is to do.
pub(crate) struct Feed {
    pub(crate) sources: Vec<TickSource>,
    pub(crate) read: ReadOptions,
    pub(crate) time: TimePolicy,
    pub(crate) outline: Outline,
    pub(crate) repeat: bool,
    pub(crate) skip_invalid: bool,
    /// Bytes that may be read and not yet acknowledged.
    pub(crate) budget: Arc<Semaphore>,
    pub(crate) budget_bytes: usize,
}

impl Feed {
    /// Starts reading. It ends with the sources, an error, the receiver's drop, or the closing of the budget.
    pub(crate) fn start(self) -> std::io::Result<mpsc::Receiver<FeedEvent>> {
        let (events, receiver) = mpsc::channel(QUEUE_RECORDS);
        let runtime = tokio::runtime::Handle::current();
        std::thread::Builder::new().name("reader".into()).spawn(move || {
            if self.run(&events, &runtime).is_err() {
                tracing::debug!("reading ended early");
            }
        })?;
        Ok(receiver)
    }

    fn run(&self, events: &mpsc::Sender<FeedEvent>, runtime: &tokio::runtime::Handle) -> Result<(), Gone> {
        loop {
            let mut shift = self.outline.shift(self.time, Timestamp::now());
            if let Some(shift) = shift {
                send(events, FeedEvent::Round(shift))?;
            }
            let mut ticks = 0;
            for source in &self.sources {
                match source.open(&self.read) {
                    Ok(reader) => ticks += self.read_source(reader, &mut shift, events, runtime)?,
                    Err(error) => return send(events, FeedEvent::Failed(error)),
                }
            }
            // Sources without a tick would be read for ever.
            if !self.repeat || ticks == 0 {
                return Ok(());
            }
        }
    }

    fn read_source(
        &self,
        reader: TickReader,
        shift: &mut Option<TimeShift>,
        events: &mpsc::Sender<FeedEvent>,
        runtime: &tokio::runtime::Handle,
    ) -> Result<u64, Gone> {
        let zone = reader.zone().clone();
        let mut ticks = 0;
        for record in reader {
            let record = match record {
                Ok(record) => record,
                Err(error) if self.skip_invalid && error.is_recoverable() => {
                    send(events, FeedEvent::Invalid(error))?;
                    continue;
                }
                Err(error) => {
                    send(events, FeedEvent::Failed(error))?;
                    return Err(Gone);
                }
            };
            let shift = match *shift {
                Some(shift) => shift,
                None => {
                    let known = self.time.resolve(None, Some(record.timestamp), Timestamp::now());
                    send(events, FeedEvent::Round(known))?;
                    *shift.insert(known)
                }
            };
            let json = record.sent(shift, &zone);
            let permit = self.take(json.len(), runtime)?;
            let tick = FeedTick { json, key: record.key, timestamp: record.timestamp, permit };
            send(events, FeedEvent::Tick(tick))?;
            ticks += 1;
        }
        Ok(ticks)
    }

    /// Takes a record's bytes out of the budget, waiting for acknowledgements when it is used up.
    fn take(&self, bytes: usize, runtime: &tokio::runtime::Handle) -> Result<OwnedSemaphorePermit, Gone> {
        let cost = u32::try_from((bytes + RECORD_OVERHEAD).min(self.budget_bytes)).map_err(|_| Gone)?;
        match self.budget.clone().try_acquire_many_owned(cost) {
            Ok(permit) => Ok(permit),
            Err(_) => runtime.block_on(self.budget.clone().acquire_many_owned(cost)).map_err(|_| Gone),
        }
    }
}

/// Nobody listens any more.
struct Gone;

fn send(events: &mpsc::Sender<FeedEvent>, event: FeedEvent) -> Result<(), Gone> {
    events.blocking_send(event).map_err(|_| Gone)
}
