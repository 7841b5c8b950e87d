//! The phases `topic` to `verify`: the ticks are in Kafka, the documents in Elasticsearch, and the numbers agree.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::UpArgs;
use super::created;
use super::document::Outcome;
use super::plan::{Plan, StreamPlan};
use super::stack::Live;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::dashboard::counts;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::ElasticsearchAuth;
use crate::pipeline::{
    self, DEAD_LETTER_TOPIC, INDEX, INDEXER_GROUP, IndexError, IndexOptions, IndexReport, PartitionOffsets,
    ProduceOptions, Progress, ResumePlan, TOPIC, Until,
};
use crate::report::{Phase, Running, count, counted};
use crate::setup::{self, TemplateOutcome, TopicOutcome, TopicSpec};
use crate::stack::{Record, StackKind, StreamRecord, StreamSource};
use crate::tick::{ReadOptions, Survey, TickSource, TimePolicy, TimeShift};

/// How often the counters are looked at while waiting for the indexer.
const LOOK: Duration = Duration::from_millis(5);
/// How long a topic nobody writes to any more stands still before it is believed.
const SETTLE: Duration = Duration::from_millis(50);
/// How often progress is reported.
const REPORT: Duration = Duration::from_millis(100);

pub(super) async fn put_in_place(
    mut plan: Plan,
    args: &UpArgs,
    cx: &Arc<Context>,
    live: Live,
) -> Result<Outcome, Failure> {
    let connection = live.connection;
    created::intend(&mut plan, &connection).await?;
    set_up(&plan, args, cx, &connection).await?;
    let dashboard = dashboard(&plan, cx, &connection).await?;
    let streamed = stream_and_index(&mut plan, args, cx, &connection).await?;
    let verified = verify(&plan, cx, &connection, &streamed).await?;
    created::settle(&mut plan, &connection).await?;
    Ok(Outcome {
        stack: plan.record.stack,
        already_up: live.was_running && streamed.is_nothing(),
        existed: live.existed,
        sent: plan.record.streams.iter().map(|stream| stream.sent).sum(),
        indexed: verified.documents,
        dead_letters: verified.dead_letters,
        invalid: streamed.invalid,
        data: plan.record.data.clone(),
        ephemeral: plan.record.ephemeral,
        first_problems: streamed.first_problems,
        secured: plan.record.docker.as_ref().filter(|docker| docker.secure).and(user_of(&connection)),
        dashboard,
        cloud: None,
        connection,
    })
}

fn user_of(connection: &Connection) -> Option<String> {
    match &connection.elasticsearch.auth {
        Some(ElasticsearchAuth::Basic { user, .. }) => Some(user.clone()),
        Some(ElasticsearchAuth::ApiKey(_)) | None => None,
    }
}

async fn set_up(plan: &Plan, args: &UpArgs, cx: &Context, connection: &Connection) -> Result<(), Failure> {
    let running = cx.report.start(Phase::Topic, None);
    let topic = setup::ensure_topic(&connection.kafka, &TopicSpec::new(TOPIC, args.partitions)).await;
    let text = match topic.map_err(|error| failures::setup(&error).phase(Phase::Topic))? {
        TopicOutcome::Created => format!("`{TOPIC}` created, {}", counted(args.partitions, "partition")),
        TopicOutcome::Exists { partitions: there } => format!("`{TOPIC}` is there, {}", counted(there, "partition")),
    };
    cx.report.finish(running, text);
    let running = cx.report.start(Phase::Template, None);
    let template = setup::apply_template(&connection.elasticsearch).await;
    let text = match template.map_err(|error| failures::setup(&error).phase(Phase::Template))? {
        TemplateOutcome::Created => "created",
        TemplateOutcome::Updated => "updated",
        TemplateOutcome::Unchanged => "is there, unchanged",
    };
    cx.report.finish(running, format!("`{}` {text}", setup::TEMPLATE_NAME));
    cx.report.detail(&format!("project folder: {}", plan.project.root.display()));
    Ok(())
}

/// Puts the dashboard into the stack's Kibana, in place of the one that may be there. Gives its address.
async fn dashboard(plan: &Plan, cx: &Context, connection: &Connection) -> Result<Option<String>, Failure> {
    let Some(kibana) = &connection.kibana else {
        cx.report.skip(Phase::Dashboard, without_kibana(plan.record.stack));
        return Ok(None);
    };
    let running = cx.report.start(Phase::Dashboard, Some(&kibana.url));
    let imported = setup::import_dashboard(kibana, setup::DASHBOARD_NDJSON.as_bytes()).await;
    let outcome = match imported {
        Ok(outcome) => outcome,
        Err(error) => {
            cx.report.fail(running, &error.to_string());
            return Err(failures::dashboard(&error).phase(Phase::Dashboard));
        }
    };
    cx.report.finish(running, counts(&outcome));
    Ok(outcome.dashboard().map(|dashboard| kibana.dashboard_url(&dashboard.id)))
}

fn without_kibana(stack: StackKind) -> &'static str {
    match stack {
        StackKind::Embedded => "this stack was started by a stockdev without a dashboard server",
        StackKind::Docker => "there is no Kibana in this stack",
        StackKind::External => "no Kibana was named (--kibana URL)",
    }
}

/// What this run moved.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    sent: u64,
    indexed: u64,
    invalid: u64,
    first_problems: Vec<String>,
}

impl Streamed {
    fn is_nothing(&self) -> bool {
        self.sent == 0 && self.indexed == 0
    }
}

/// Streams what the plan says, and indexes at the same time: the documents are there when the last tick is.
async fn stream_and_index(
    plan: &mut Plan,
    args: &UpArgs,
    cx: &Arc<Context>,
    connection: &Connection,
) -> Result<Streamed, Failure> {
    if matches!(plan.stream, StreamPlan::UnknownPast) {
        settle_unknown(plan, connection).await?;
    }
    let (source, resume) = match &plan.stream {
        StreamPlan::New { source, identity } => {
            let stream = StreamRecord {
                source: identity.clone(),
                base: serde_json::Value::Null,
                shift_micros: None,
                done: false,
                sent: 0,
            };
            plan.record.streams.push(stream);
            (source.clone(), false)
        }
        StreamPlan::Resume { source } => (source.clone(), true),
        StreamPlan::Nothing(_) | StreamPlan::InPlace | StreamPlan::CannotResume | StreamPlan::UnknownPast => {
            return without_stream(plan, args, cx, connection).await;
        }
    };
    let read = args.read.options(&[])?;
    let waiting = waiting_documents(connection).await?;
    let streaming = cx.report.start(Phase::Stream, Some(&source.to_string()));
    let options = produce_options(plan, args, &source, &read, resume, connection).await?;
    let indexing = cx.report.start(Phase::Index, None);
    let indexer = Indexer::spawn(connection);
    let progress = Progress::new();
    let sources = [source];
    let stop = CancellationToken::new();
    let producing = pipeline::produce(&connection.kafka, &sources, &read, &options, &progress, &stop);
    let produced = {
        let mut producing = std::pin::pin!(producing);
        let mut looks = tokio::time::interval(REPORT);
        let mut idle = Idle::new(args.timeout);
        loop {
            tokio::select! {
                biased;
                produced = &mut producing => break produced,
                _ = looks.tick() => {
                    let seen = progress.snapshot();
                    cx.report.progress_or_wait(&streaming, seen.done, seen.total, "ticks", seen.note);
                    indexer.show(&indexing, seen.total, cx);
                    // A rate of one tick in five minutes is slow, but not stuck.
                    if args.rate.is_none() && idle.is_over(seen.done) {
                        return Err(too_late(Phase::Stream, args.timeout));
                    }
                }
            }
        }
    };
    let report = produced.map_err(|error| failures::produce(&error).phase(Phase::Stream))?;
    finish_stream(plan, cx, streaming, &report)?;
    let expected = waiting + report.sent;
    let indexed = indexer.until(expected, &indexing, args.timeout, cx).await?;
    Ok(Streamed { sent: report.sent, indexed, invalid: report.invalid, first_problems: report.first_problems })
}

fn finish_stream(
    plan: &mut Plan,
    cx: &Context,
    streaming: Running,
    report: &pipeline::ProduceReport,
) -> Result<(), Failure> {
    let sent = report.sent + report.already_there;
    if let Some(stream) = plan.record.streams.last_mut() {
        stream.done = true;
        stream.sent = sent;
    }
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))?;
    let mut text = format!("{} ticks", count(sent));
    if report.already_there > 0 {
        text = format!("{text}, {} of them from before", count(report.already_there));
    }
    if report.invalid > 0 {
        text = format!("{text}; {} that can't be read were skipped", count(report.invalid));
    }
    cx.report.finish_with(streaming, sent, "ticks", text);
    Ok(())
}

/// Nothing is streamed; what waits in the topic is indexed all the same.
async fn without_stream(
    plan: &mut Plan,
    args: &UpArgs,
    cx: &Arc<Context>,
    connection: &Connection,
) -> Result<Streamed, Failure> {
    let reason = match &plan.stream {
        StreamPlan::Nothing(reason) => (*reason).to_owned(),
        StreamPlan::InPlace => {
            let sent: u64 = plan.record.streams.iter().map(|stream| stream.sent).sum();
            format!("{} ticks are in place (--replay streams again)", count(sent))
        }
        StreamPlan::CannotResume => settle_unfinished(plan, connection).await?,
        StreamPlan::UnknownPast => "what the topic holds is taken as it is (--replay streams again)".to_owned(),
        StreamPlan::New { .. } | StreamPlan::Resume { .. } => String::new(),
    };
    cx.report.skip(Phase::Stream, &reason);
    let waiting = waiting_documents(connection).await?;
    if waiting == 0 {
        cx.report.skip(Phase::Index, "nothing waits to be indexed");
        return Ok(Streamed::default());
    }
    let indexing = cx.report.start(Phase::Index, None);
    let indexed = Indexer::spawn(connection).until(waiting, &indexing, args.timeout, cx).await?;
    Ok(Streamed { indexed, ..Streamed::default() })
}

/// What the topic holds is recorded as a stream whose ticks are not known; an empty topic is as good as none.
async fn settle_unknown(plan: &mut Plan, connection: &Connection) -> Result<(), Failure> {
    let sent = messages(&topic_offsets(connection).await?);
    if sent == 0 {
        plan.stream = StreamPlan::New { source: TickSource::Sample, identity: StreamSource::Sample };
        return Ok(());
    }
    plan.record.streams.push(StreamRecord {
        source: StreamSource::Unknown,
        base: serde_json::Value::Null,
        shift_micros: None,
        done: true,
        sent,
    });
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))
}

/// A stream whose source is gone: what arrived of it is all there is.
async fn settle_unfinished(plan: &mut Plan, connection: &Connection) -> Result<String, Failure> {
    let there = messages(&topic_offsets(connection).await?);
    let before: u64 = plan.record.streams.iter().filter(|stream| stream.done).map(|stream| stream.sent).sum();
    if let Some(stream) = plan.record.streams.last_mut() {
        stream.done = true;
        stream.sent = there.saturating_sub(before);
    }
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))?;
    Ok(format!("the last stream ended early and can't be read again: {} ticks are in place", count(there)))
}

/// Decides the time shift and, for a resumed stream, what is there already; records both before the first tick goes.
async fn produce_options(
    plan: &mut Plan,
    args: &UpArgs,
    source: &TickSource,
    read: &ReadOptions,
    resume: bool,
    connection: &Connection,
) -> Result<ProduceOptions, Failure> {
    let mut options = ProduceOptions { rate: args.rate, skip_invalid: args.skip_invalid, ..ProduceOptions::default() };
    let now = if resume { settled_offsets(connection).await? } else { topic_offsets(connection).await? };
    let recorded = plan.record.streams.last().cloned();
    let base: Option<Vec<PartitionOffsets>> =
        recorded.as_ref().and_then(|stream| serde_json::from_value(stream.base.clone()).ok());
    if let (true, Some(base), Some(stream)) = (resume, &base, &recorded) {
        options.resume = Some(ResumePlan::between(base, &now).map_err(|error| failures::resume(&error))?);
        options.time = match stream.shift_micros {
            Some(micros) => TimePolicy::Shift(TimeShift::from_micros(micros)),
            None => args.time.policy(),
        };
        return Ok(options);
    }
    // A source that is read only once has no last tick beforehand, nor can it be resumed.
    let surveyed = survey(source, read, args.skip_invalid).await?;
    let shift = surveyed.map(|seen| args.time.policy().resolve(seen.last, seen.first, jiff::Timestamp::now()));
    options.time = shift.map_or_else(|| args.time.policy(), TimePolicy::Shift);
    if let Some(stream) = plan.record.streams.last_mut() {
        stream.base = serde_json::to_value(&now).unwrap_or_default();
        stream.shift_micros = shift.map(TimeShift::as_micros);
    }
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))?;
    Ok(options)
}

async fn survey(source: &TickSource, read: &ReadOptions, skip_invalid: bool) -> Result<Option<Survey>, Failure> {
    let (source, read) = (source.clone(), read.clone());
    let surveyed = tokio::task::spawn_blocking(move || source.survey(&read, skip_invalid)).await;
    match surveyed {
        Ok(survey) => survey.map_err(|error| failures::read(&error).phase(Phase::Stream)),
        Err(error) => Err(Failure::new(ErrorId::Internal, format!("reading the ticks ended badly: {error}"))),
    }
}

async fn topic_offsets(connection: &Connection) -> Result<Vec<PartitionOffsets>, Failure> {
    let counts = pipeline::topic_counts(&connection.kafka, TOPIC).await.map_err(|error| failures::counts(&error))?;
    Ok(counts.unwrap_or_default())
}

/// The offsets once they stand still: what a killed producer sent last may still be on its way into the log.
async fn settled_offsets(connection: &Connection) -> Result<Vec<PartitionOffsets>, Failure> {
    let mut before = topic_offsets(connection).await?;
    loop {
        tokio::time::sleep(SETTLE).await;
        let now = topic_offsets(connection).await?;
        if now == before {
            return Ok(now);
        }
        before = now;
    }
}

/// Messages in the topic.
pub(in crate::cli) fn messages(offsets: &[PartitionOffsets]) -> u64 {
    offsets.iter().map(PartitionOffsets::messages).sum()
}

async fn waiting_documents(connection: &Connection) -> Result<u64, Failure> {
    let lag =
        pipeline::group_lag(&connection.kafka, INDEXER_GROUP, TOPIC).await.map_err(|error| failures::counts(&error))?;
    Ok(lag.map_or(0, |lag| lag.lag))
}

/// The indexer at work beside the stream. Dropping it aborts it.
struct Indexer {
    task: JoinHandle<Result<IndexReport, IndexError>>,
    progress: Arc<Progress>,
    stop: CancellationToken,
}

impl Drop for Indexer {
    fn drop(&mut self) {
        self.stop.cancel();
        self.task.abort();
    }
}

impl Indexer {
    fn spawn(connection: &Connection) -> Self {
        let (kafka, elasticsearch) = (connection.kafka.clone(), connection.elasticsearch.clone());
        let (progress, stop) = (Progress::new(), CancellationToken::new());
        let (inner, token) = (Arc::clone(&progress), stop.clone());
        let task = tokio::spawn(async move {
            let options = IndexOptions { until: Until::Forever, ..IndexOptions::default() };
            pipeline::index(&kafka, &elasticsearch, &options, &inner, &token).await
        });
        Self { task, progress, stop }
    }

    /// Documents that are settled: indexed, or rejected and kept as dead letters.
    fn done(&self) -> u64 {
        self.progress.snapshot().done
    }

    fn show(&self, running: &Running, total: Option<u64>, cx: &Context) {
        let seen = self.progress.snapshot();
        cx.report.progress_or_wait(running, seen.done, total, "documents", seen.note);
    }

    /// Waits until `expected` documents are settled, then lets the indexer commit and end.
    async fn until(
        mut self,
        expected: u64,
        running: &Running,
        timeout: Duration,
        cx: &Context,
    ) -> Result<u64, Failure> {
        let mut idle = Idle::new(timeout);
        let mut reported = Instant::now();
        while self.done() < expected {
            if self.task.is_finished() {
                return Err(match (&mut self.task).await {
                    Ok(Err(error)) => failures::index(&error),
                    Ok(Ok(_)) => Failure::new(ErrorId::PipelineFailed, "the indexer ended before it was done"),
                    Err(error) => Failure::new(ErrorId::Internal, format!("the indexer ended badly: {error}")),
                }
                .phase(Phase::Index));
            }
            if reported.elapsed() >= REPORT {
                reported = Instant::now();
                self.show(running, Some(expected), cx);
            }
            if idle.is_over(self.done()) {
                return Err(too_late(Phase::Index, timeout));
            }
            tokio::time::sleep(LOOK).await;
        }
        self.stop.cancel();
        let report = match (&mut self.task).await {
            Ok(Ok(report)) => report,
            Ok(Err(error)) => return Err(failures::index(&error).phase(Phase::Index)),
            Err(error) => return Err(Failure::new(ErrorId::Internal, format!("the indexer ended badly: {error}"))),
        };
        let mut text = format!("{} documents", count(report.indexed));
        if report.dead_letters > 0 {
            text = format!("{text}, {} rejected", count(report.dead_letters));
        }
        cx.report.finish_with(*running, report.indexed, "documents", text);
        Ok(report.indexed + report.dead_letters)
    }
}

/// Whether a number has stood still for too long.
struct Idle {
    limit: Duration,
    last: u64,
    since: Instant,
}

impl Idle {
    fn new(limit: Duration) -> Self {
        Self { limit, last: 0, since: Instant::now() }
    }

    fn is_over(&mut self, number: u64) -> bool {
        if number != self.last {
            self.last = number;
            self.since = Instant::now();
        }
        self.since.elapsed() >= self.limit
    }
}

fn too_late(phase: Phase, limit: Duration) -> Failure {
    Failure::new(ErrorId::Deadline, format!("no progress for {} s", limit.as_secs()))
        .left("the stack runs, what was acknowledged is kept")
        .next("stockdev status", "see what answers")
        .next("stockdev logs", "read why")
        .next("stockdev up", "go on from here")
        .phase(phase)
}

/// What is there in the end.
struct Verified {
    documents: u64,
    dead_letters: u64,
}

async fn verify(plan: &Plan, cx: &Context, connection: &Connection, streamed: &Streamed) -> Result<Verified, Failure> {
    let running = cx.report.start(Phase::Verify, None);
    if !streamed.is_nothing() {
        pipeline::refresh_index(&connection.elasticsearch, INDEX).await.map_err(|error| failures::counts(&error))?;
    }
    let (topic, dead, documents, lag) = tokio::try_join!(
        pipeline::topic_counts(&connection.kafka, TOPIC),
        pipeline::topic_counts(&connection.kafka, DEAD_LETTER_TOPIC),
        pipeline::document_count(&connection.elasticsearch, INDEX),
        pipeline::group_lag(&connection.kafka, INDEXER_GROUP, TOPIC),
    )
    .map_err(|error| failures::counts(&error).phase(Phase::Verify))?;
    let sent = messages(&topic.unwrap_or_default());
    let dead_letters = messages(&dead.unwrap_or_default());
    let documents = documents.unwrap_or(0);
    let lag = lag.map_or(0, |lag| lag.lag);
    let live = plan.record.live.is_some();
    // An external cluster may have dropped old messages, or hold documents of others; with a live stream all moves on.
    let exact = plan.record.stack == StackKind::Embedded && !live;
    if (exact && documents + dead_letters < sent) || (lag > 0 && !live) {
        return Err(mismatch(&plan.record, sent, documents, dead_letters, lag).phase(Phase::Verify));
    }
    if exact && documents + dead_letters > sent {
        cx.report.note(&format!(
            "the index holds {} documents that are not from the topic",
            count(documents + dead_letters - sent)
        ));
    }
    cx.report.finish(
        running,
        format!("{} messages, {} documents, {} rejected", count(sent), count(documents), count(dead_letters)),
    );
    Ok(Verified { documents, dead_letters })
}

fn mismatch(record: &Record, sent: u64, documents: u64, dead_letters: u64, lag: u64) -> Failure {
    Failure::new(ErrorId::CountMismatch, format!("{} messages, but {} documents", count(sent), count(documents)))
        .tried(format!("counted `{TOPIC}` and `{INDEX}` of project `{}`", record.project))
        .got(format!("{} rejected, {} not yet indexed", count(dead_letters), count(lag)))
        .left("the stack runs")
        .next("stockdev up", "index what waits")
        .next("stockdev status", "look again")
}
