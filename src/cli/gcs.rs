//! `gcs`: ticks into a bucket, and what is in it.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::connection::Connection;
use super::context::Context;
use super::failure::Failure;
use super::failures;
use super::google::{CloudArgs, need};
use super::progress::LOOK;
use super::ticks::{ReadArgs, check_source, parse_duration};
use crate::client::{GoogleAddress, GoogleService};
use crate::cloud::{
    BATCH_TICKS, BucketName, BucketOutcome, Gcs, GcsError, OBJECT, ObjectName, PushOptions, PushProgress, PushReport,
    TopicPushOptions, TopicPushReport,
};
use crate::pipeline::TOPIC;
use crate::report::{Phase, Running, bytes, count, counted};
use crate::tick::TickSource;

/// How long a push that is asked to stop has for it.
const STOP_PATIENCE: Duration = Duration::from_secs(1);
/// Objects that `ls` shows.
const LISTED_MAX: usize = 10_000;

/// Put ticks into a bucket of Cloud Storage, or list what is there
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev gcs push                         the sample, to the stack's own server\n  \
    stockdev gcs push ticks.csv.gz\n  \
    stockdev gcs push --from-topic            what is in Kafka, an object a batch\n  \
    stockdev gcs push --cloud gcp --gcp-project my-project --bucket my-bucket\n  \
    stockdev gcs ls data/")]
pub(super) struct GcsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Write ticks as newline-delimited JSON; again with equal content changes nothing
    #[command(before_help = "Examples:\n  \
        stockdev gcs push\n  \
        stockdev gcs push log_inf.csv --map ltp=last_price\n  \
        stockdev gcs push ticks.json --object data/2024-01-02.json --gzip\n  \
        stockdev gcs push --from-topic --batch 10000\n  \
        stockdev gcs push --cloud gcp --gcp-project my-project --bucket my-bucket --location europe-west1")]
    Push(Box<PushArgs>),
    /// The objects in the bucket
    #[command(before_help = "Examples:\n  stockdev gcs ls\n  stockdev gcs ls data/dt= --output json")]
    Ls(Box<LsArgs>),
}

#[derive(Args, Debug)]
struct PushArgs {
    /// File with ticks (JSON array, NDJSON or CSV, plain or gzip); - is standard input; left out, the sample
    #[arg(value_name = "FILE", conflicts_with = "from_topic")]
    file: Option<String>,
    /// Read the topic instead, and write an object a batch below data/dt=YYYY-MM-DD/; what objects hold already is passed over
    #[arg(long)]
    from_topic: bool,
    /// Name of the object, which sql/create_external_table.sql reads
    #[arg(long, value_name = "NAME", default_value = OBJECT, conflicts_with = "from_topic")]
    object: ObjectName,
    /// Compress; the object's name then ends with .gz
    #[arg(long)]
    gzip: bool,
    /// The column of a CSV file that holds a field; several times
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Pass over ticks that can't be read, and count them
    #[arg(long)]
    skip_invalid: bool,
    /// The topic, with --from-topic
    #[arg(long, value_name = "NAME", default_value = TOPIC)]
    topic: String,
    /// Ticks of an object at most, with --from-topic
    #[arg(long, value_name = "N", default_value_t = BATCH_TICKS, value_parser = clap::value_parser!(u64).range(1..))]
    batch: u64,
    /// How long the upload may go without a byte taken
    #[arg(long, value_name = "TIME", default_value = "120s", value_parser = parse_duration)]
    timeout: Duration,
    #[command(flatten)]
    cloud: CloudArgs,
}

#[derive(Args, Debug)]
struct LsArgs {
    /// Only names that begin so
    #[arg(value_name = "PREFIX", default_value = "", hide_default_value = true)]
    prefix: String,
    #[command(flatten)]
    cloud: CloudArgs,
}

impl GcsArgs {
    /// Whether it sees to its own end when it is interrupted.
    pub(super) fn ends_itself(&self) -> bool {
        matches!(self.action, Action::Push(_))
    }
}

pub(super) async fn run(args: GcsArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    match args.action {
        Action::Push(args) if args.from_topic => push_topic(&args, cx).await,
        Action::Push(args) => push_file(&args, cx).await,
        Action::Ls(args) => list(&args, cx).await,
    }
}

async fn push_file(args: &PushArgs, cx: &Context) -> Result<u8, Failure> {
    let source = args.file.as_deref().map_or(Ok(TickSource::Sample), check_source)?;
    let read = args.read.options(&args.map)?;
    let address = args.cloud.address(cx)?;
    let bucket = args.cloud.bucket(&address)?;
    let object = object_name(&args.object, args.gzip)?;
    let options =
        PushOptions { object, read, skip_invalid: args.skip_invalid, gzip: args.gzip, patience: args.timeout };
    let report = push(&address, &bucket, &source, &options, cx).await?;
    let (text, document) = (push_text(&report, &bucket), push_document(&report, &bucket, &address));
    cx.result(&text, &document);
    Ok(0)
}

fn object_name(name: &ObjectName, gzip: bool) -> Result<ObjectName, Failure> {
    match gzip && !name.as_str().ends_with(".gz") {
        true => format!("{name}.gz").parse().map_err(|error| failures::gcs(&GcsError::Name(error))),
        false => Ok(name.clone()),
    }
}

/// The phase `gcs`: a source into one object.
pub(super) async fn push(
    address: &GoogleAddress,
    bucket: &BucketName,
    source: &TickSource,
    options: &PushOptions,
    cx: &Context,
) -> Result<PushReport, Failure> {
    need(address, GoogleService::Storage, cx)?;
    let running = cx.report.start(Phase::Gcs, Some(&format!("gs://{bucket}/{}", options.object)));
    let (progress, stop) = (PushProgress::new(), cx.stop.token());
    let work = async {
        let gcs = Gcs::connect(address).await?;
        gcs.push(bucket, source, options, &progress, &stop).await
    };
    let report = settle(watch(cx, &running, &progress, work).await, running, "the object is as it was before", cx)?;
    let what = if report.unchanged { "is there, unchanged" } else { "written" };
    let text = format!("{} ticks, {}, {what}", count(report.ticks), bytes(report.bytes));
    cx.report.finish_with(running, report.bytes, "bytes", text);
    Ok(report)
}

async fn push_topic(args: &PushArgs, cx: &Context) -> Result<u8, Failure> {
    let connection = Connection::from_context(cx)?;
    let address = args.cloud.address(cx)?;
    let bucket = args.cloud.bucket(&address)?;
    need(&address, GoogleService::Storage, cx)?;
    let options = TopicPushOptions {
        topic: args.topic.clone(),
        zone: args.read.zone()?,
        batch_ticks: args.batch,
        gzip: args.gzip,
        patience: args.timeout,
    };
    let running = cx.report.start(Phase::Gcs, Some(&format!("topic `{}` to gs://{bucket}", options.topic)));
    let (progress, stop) = (PushProgress::new(), cx.stop.token());
    let work = async {
        let gcs = Gcs::connect(&address).await?;
        gcs.push_topic(&bucket, &connection.kafka, &options, &progress, &stop).await
    };
    let kept = "objects that were written whole are kept; the same command goes on behind them";
    let report = settle(watch(cx, &running, &progress, work).await, running, kept, cx)?;
    let objects = u64::try_from(report.objects.len()).unwrap_or(u64::MAX);
    cx.report.finish_with(
        running,
        report.ticks,
        "ticks",
        format!("{} ticks in {}", count(report.ticks), counted(objects, "object")),
    );
    let text = match objects {
        0 => format!("nothing new: gs://{bucket} holds all {} ticks of `{}`", count(report.already_there), args.topic),
        _ => format!(
            "{} ticks of `{}` written to gs://{bucket} in {}, {}",
            count(report.ticks),
            args.topic,
            counted(objects, "object"),
            bytes(report.bytes)
        ),
    };
    cx.result(&text, &topic_document(&report, args, &bucket, &address));
    Ok(0)
}

/// Shows how far a push is. Asked to stop, it ends in its own way; a server that does not answer can't hold it up.
async fn watch<T>(
    cx: &Context,
    running: &Running,
    progress: &PushProgress,
    work: impl Future<Output = Result<T, GcsError>>,
) -> Result<T, GcsError> {
    let mut work = std::pin::pin!(work);
    let mut out_of_patience = std::pin::pin!(async {
        cx.stop.requested().await;
        tokio::time::sleep(STOP_PATIENCE).await;
    });
    let mut looks = tokio::time::interval(LOOK);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result,
            () = &mut out_of_patience => return Err(GcsError::Cancelled),
            _ = looks.tick() => match progress.total() {
                0 => cx.report.progress(running, progress.ticks(), None, "ticks"),
                total => cx.report.progress(running, progress.sent(), Some(total), "bytes"),
            },
        }
    }
}

/// Ends the phase. `kept`: what an interruption leaves.
fn settle<T>(outcome: Result<T, GcsError>, running: Running, kept: &str, cx: &Context) -> Result<T, Failure> {
    outcome.map_err(|error| {
        cx.report.fail(running, &error.to_string());
        match error {
            GcsError::Cancelled => cx.interrupted().left(kept),
            error => failures::gcs(&error),
        }
        .phase(Phase::Gcs)
    })
}

fn made(bucket: &BucketName, outcome: &BucketOutcome) -> String {
    if outcome.created { format!("\n  bucket {bucket} was made in {}", outcome.location) } else { String::new() }
}

fn push_text(report: &PushReport, bucket: &BucketName) -> String {
    let url = format!("gs://{bucket}/{}", report.object);
    let head = match report.unchanged {
        true => format!("{url} holds these {} ticks already: nothing was written", count(report.ticks)),
        false => format!("{} ticks written to {url}, {}", count(report.ticks), bytes(report.bytes)),
    };
    let mut text = format!("{head}{}", made(bucket, &report.bucket));
    if report.invalid > 0 {
        let problems: Vec<String> = report.first_problems.iter().map(|problem| format!("\n    {problem}")).collect();
        text = format!("{text}\n  {} that can't be read were skipped{}", count(report.invalid), problems.concat());
    }
    format!("{text}\nnext\n  stockdev bigquery run")
}

/// What programs are told of a push.
pub(super) fn push_document(report: &PushReport, bucket: &BucketName, address: &GoogleAddress) -> Value {
    json!({
        "state": "done",
        "outcome": if report.unchanged { "unchanged" } else { "written" },
        "gcs": address.url(GoogleService::Storage),
        "bucket": bucket.as_str(),
        "bucket_created": report.bucket.created,
        "location": report.bucket.location,
        "object": report.object,
        "uri": format!("gs://{bucket}/{}", report.object),
        "generation": report.generation,
        "bytes": report.bytes,
        "crc32c": format!("{:08x}", report.crc32c),
        "ticks": report.ticks,
        "invalid": report.invalid,
        "problems": report.first_problems,
    })
}

fn topic_document(report: &TopicPushReport, args: &PushArgs, bucket: &BucketName, address: &GoogleAddress) -> Value {
    json!({
        "state": "done",
        "outcome": if report.objects.is_empty() { "unchanged" } else { "written" },
        "gcs": address.url(GoogleService::Storage),
        "bucket": bucket.as_str(),
        "bucket_created": report.bucket.created,
        "location": report.bucket.location,
        "topic": args.topic,
        "objects": report.objects,
        "bytes": report.bytes,
        "ticks": report.ticks,
        "already_there": report.already_there,
    })
}

async fn list(args: &LsArgs, cx: &Context) -> Result<u8, Failure> {
    let address = args.cloud.address(cx)?;
    let bucket = args.cloud.bucket(&address)?;
    need(&address, GoogleService::Storage, cx)?;
    let failed = |error: GcsError| failures::gcs(&error);
    let asking = async { Gcs::connect(&address).await?.list(&bucket, &args.prefix, LISTED_MAX).await };
    let objects = asking.await.map_err(failed)?;
    let time = |seconds: Option<i64>| seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    let mut lines: Vec<String> = objects
        .iter()
        .map(|object| {
            let updated = time(object.updated).map_or_else(String::new, |time| time.to_string());
            format!("{:>12}  {updated:<20}  gs://{bucket}/{}", bytes(object.bytes), object.name)
        })
        .collect();
    match objects.len() {
        0 => lines.push(format!("gs://{bucket}/{} holds nothing", args.prefix)),
        LISTED_MAX => lines.push(format!("the first {LISTED_MAX} objects: a PREFIX narrows it")),
        _ => {}
    }
    let documents: Vec<Value> = objects
        .iter()
        .map(|object| {
            json!({
                "name": object.name,
                "uri": format!("gs://{bucket}/{}", object.name),
                "bytes": object.bytes,
                "generation": object.generation,
                "crc32c": object.crc32c.map(|sum| format!("{sum:08x}")),
                "updated": time(object.updated).map(|time| time.to_string()),
            })
        })
        .collect();
    let document = json!({"bucket": bucket.as_str(), "prefix": args.prefix, "objects": documents});
    cx.result(&lines.join("\n"), &document);
    Ok(0)
}
