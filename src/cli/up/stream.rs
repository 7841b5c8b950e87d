//! The phases `topic`, `stream` and `index`: ticks go to Kafka as soon as it answers, and from there on to Elasticsearch.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::UpArgs;
use super::answers::Answers;
use super::indexer::{Goal, Idle, index, too_late};
use super::plan::{Plan, StreamPlan};
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::{ElasticsearchAddress, KafkaAddress};
use crate::pipeline::{
    self, INDEXER_GROUP, PartitionOffsets, ProduceError, ProduceOptions, ProduceReport, Progress, ResumePlan, TOPIC,
};
use crate::report::{Phase, Running, count, counted};
use crate::setup::{self, TopicOutcome, TopicSpec};
use crate::stack::{StreamRecord, StreamSource};
use crate::tick::{ReadOptions, Survey, TickSource, TimePolicy, TimeShift};

/// How long a topic nobody writes to any more stands still before it is believed.
const SETTLE: Duration = Duration::from_millis(50);
/// How often progress is reported.
const REPORT: Duration = Duration::from_millis(100);

/// What this run moved.
#[derive(Debug, Default)]
pub(super) struct Streamed {
    sent: u64,
    indexed: u64,
    pub(super) invalid: u64,
    pub(super) first_problems: Vec<String>,
}

impl Streamed {
    pub(super) fn is_nothing(&self) -> bool {
        self.sent == 0 && self.indexed == 0
    }
}

/// Streams what the plan says as soon as Kafka answers, and indexes as soon as `template`, which is sent Elasticsearch's address
/// once the template is in place, lets it: the documents are there when the last tick is.
pub(super) async fn stream_and_index(
    plan: &mut Plan,
    args: &UpArgs,
    cx: &Arc<Context>,
    answers: &Answers,
    template: oneshot::Receiver<ElasticsearchAddress>,
) -> Result<Streamed, Failure> {
    let kafka = answers.kafka().await;
    ensure_topic(&kafka, args, cx).await?;
    if matches!(plan.stream, StreamPlan::UnknownPast) {
        settle_unknown(plan, &kafka).await?;
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
            return without_stream(plan, args, cx, &kafka, template).await;
        }
    };
    let read = args.read.options(&[])?;
    let waiting = waiting_documents(&kafka).await?;
    let streaming = cx.report.start(Phase::Stream, Some(&source.to_string()));
    let options = produce_options(plan, args, &source, &read, resume, &kafka).await?;
    let progress = Progress::new();
    let goal = Goal::new(Arc::clone(&progress));
    let stream = async {
        let stop = CancellationToken::new();
        let sources = [source];
        let producing = pipeline::produce(&kafka, &sources, &read, &options, &progress, &stop);
        let report = watch(producing, &progress, &streaming, args, cx).await?;
        finish_stream(plan, cx, streaming, &report)?;
        goal.set(waiting + report.sent);
        Ok(report)
    };
    let index = index(&kafka, template, &goal, args.timeout, cx);
    let (report, indexed) = tokio::try_join!(stream, index)?;
    Ok(Streamed { sent: report.sent, indexed, invalid: report.invalid, first_problems: report.first_problems })
}

async fn ensure_topic(kafka: &KafkaAddress, args: &UpArgs, cx: &Context) -> Result<(), Failure> {
    let running = cx.report.start(Phase::Topic, None);
    let topic = setup::ensure_topic(kafka, &TopicSpec::new(TOPIC, args.partitions)).await;
    let text = match topic.map_err(|error| failures::setup(&error).phase(Phase::Topic))? {
        TopicOutcome::Created => format!("`{TOPIC}` created, {}", counted(args.partitions, "partition")),
        TopicOutcome::Exists { partitions: there } => format!("`{TOPIC}` is there, {}", counted(there, "partition")),
    };
    cx.report.finish(running, text);
    Ok(())
}

/// Shows how far the producer is, until it is done.
async fn watch(
    producing: impl Future<Output = Result<ProduceReport, ProduceError>>,
    progress: &Progress,
    streaming: &Running,
    args: &UpArgs,
    cx: &Context,
) -> Result<ProduceReport, Failure> {
    let mut producing = std::pin::pin!(producing);
    let mut looks = tokio::time::interval(REPORT);
    let mut idle = Idle::new(args.timeout);
    loop {
        tokio::select! {
            biased;
            produced = &mut producing => {
                return produced.map_err(|error| failures::produce(&error).phase(Phase::Stream));
            }
            _ = looks.tick() => {
                let seen = progress.snapshot();
                cx.report.progress_or_wait(streaming, seen.done, seen.total, "ticks", seen.note);
                // A rate of one tick in five minutes is slow, but not stuck.
                if args.rate.is_none() && idle.is_over(seen.done) {
                    return Err(too_late(Phase::Stream, args.timeout));
                }
            }
        }
    }
}

fn finish_stream(plan: &mut Plan, cx: &Context, streaming: Running, report: &ProduceReport) -> Result<(), Failure> {
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
    kafka: &KafkaAddress,
    template: oneshot::Receiver<ElasticsearchAddress>,
) -> Result<Streamed, Failure> {
    let reason = match &plan.stream {
        StreamPlan::Nothing(reason) => (*reason).to_owned(),
        StreamPlan::InPlace => {
            let sent: u64 = plan.record.streams.iter().map(|stream| stream.sent).sum();
            format!("{} ticks are in place (--replay streams again)", count(sent))
        }
        StreamPlan::CannotResume => settle_unfinished(plan, kafka).await?,
        StreamPlan::UnknownPast => "what the topic holds is taken as it is (--replay streams again)".to_owned(),
        StreamPlan::New { .. } | StreamPlan::Resume { .. } => String::new(),
    };
    cx.report.skip(Phase::Stream, &reason);
    let waiting = waiting_documents(kafka).await?;
    if waiting == 0 {
        cx.report.skip(Phase::Index, "nothing waits to be indexed");
        return Ok(Streamed::default());
    }
    let goal = Goal::new(Progress::new());
    goal.set(waiting);
    let indexed = index(kafka, template, &goal, args.timeout, cx).await?;
    Ok(Streamed { indexed, ..Streamed::default() })
}

/// What the topic holds is recorded as a stream whose ticks are not known; an empty topic is as good as none.
async fn settle_unknown(plan: &mut Plan, kafka: &KafkaAddress) -> Result<(), Failure> {
    let sent = messages(&topic_offsets(kafka).await?);
    if sent == 0 {
        plan.stream = StreamPlan::New { source: TickSource::Sample, identity: StreamSource::Sample };
        return Ok(());
    }
    plan.record.streams.push(StreamRecord::unknown(sent));
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))
}

/// A stream whose source is gone: what arrived of it is all there is.
async fn settle_unfinished(plan: &mut Plan, kafka: &KafkaAddress) -> Result<String, Failure> {
    let there = messages(&topic_offsets(kafka).await?);
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
    kafka: &KafkaAddress,
) -> Result<ProduceOptions, Failure> {
    let mut options = ProduceOptions { rate: args.rate, skip_invalid: args.skip_invalid, ..ProduceOptions::default() };
    let now = if resume { settled_offsets(kafka).await? } else { topic_offsets(kafka).await? };
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

async fn topic_offsets(kafka: &KafkaAddress) -> Result<Vec<PartitionOffsets>, Failure> {
    let counts = pipeline::topic_counts(kafka, TOPIC).await.map_err(|error| failures::counts(&error))?;
    Ok(counts.unwrap_or_default())
}

/// The offsets once they stand still: what a killed producer sent last may still be on its way into the log.
async fn settled_offsets(kafka: &KafkaAddress) -> Result<Vec<PartitionOffsets>, Failure> {
    let mut before = topic_offsets(kafka).await?;
    loop {
        tokio::time::sleep(SETTLE).await;
        let now = topic_offsets(kafka).await?;
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

async fn waiting_documents(kafka: &KafkaAddress) -> Result<u64, Failure> {
    let lag = pipeline::group_lag(kafka, INDEXER_GROUP, TOPIC).await.map_err(|error| failures::counts(&error))?;
    Ok(lag.map_or(0, |lag| lag.lag))
}
