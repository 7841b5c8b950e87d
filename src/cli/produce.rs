//! `produce`: ticks to the topic.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::connection::Connection;
use super::context::Context;
use super::failure::Failure;
use super::failures;
use super::progress::watch;
use super::ticks::{ReadArgs, TimeChoice, check_source, parse_duration, parse_rate, parse_speed};
use crate::pipeline::{self, ProduceOptions, Progress, TOPIC};
use crate::report::{Phase, count, seconds};
use crate::tick::TickSource;

/// Send ticks to the topic
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev produce                          the sample\n  \
    stockdev produce ticks.csv.gz more.json\n  \
    stockdev generate --ticks 1000000 | stockdev produce -\n  \
    stockdev produce --speed 10x              as the timestamps say, ten times faster\n  \
    stockdev produce --rate 500 --loop")]
pub(super) struct ProduceArgs {
    /// Files with ticks (JSON array, NDJSON or CSV, plain or gzip); - is standard input; left out, the sample
    files: Vec<String>,
    /// Ticks a second
    #[arg(long, value_name = "N", value_parser = parse_rate, conflicts_with = "speed")]
    rate: Option<f64>,
    /// Replay by the timestamps, so many times faster
    #[arg(long, value_name = "10x", value_parser = parse_speed)]
    speed: Option<f64>,
    /// Begin again at the end
    #[arg(long = "loop")]
    repeat: bool,
    /// Keep timestamps, or shift them so that the last one is now
    #[arg(long, value_enum, default_value = "original", hide_possible_values = true, value_name = "now|original")]
    time: TimeChoice,
    #[command(flatten)]
    read: ReadArgs,
    /// Pass over ticks that can't be read, and count them
    #[arg(long)]
    skip_invalid: bool,
    /// The column of a CSV file that holds a field; several times
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    /// The topic
    #[arg(long, value_name = "NAME", default_value = TOPIC)]
    topic: String,
    /// How long Kafka may be away before it is given up
    #[arg(long, value_name = "TIME", default_value = "300s", value_parser = parse_duration)]
    timeout: Duration,
}

pub(super) async fn run(args: ProduceArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let sources = match args.files.is_empty() {
        true => vec![TickSource::Sample],
        false => args.files.iter().map(|name| check_source(name)).collect::<Result<_, _>>()?,
    };
    let read = args.read.options(&args.map)?;
    let connection = Connection::from_context(cx)?;
    let options = ProduceOptions {
        topic: args.topic.clone(),
        rate: args.rate,
        speed: args.speed,
        repeat: args.repeat,
        time: args.time.policy(),
        skip_invalid: args.skip_invalid,
        delivery_timeout: args.timeout,
        ..ProduceOptions::default()
    };
    let progress = Progress::new();
    let running = cx.report.start(Phase::Stream, None);
    let stop = cx.stop.token();
    let work = pipeline::produce(&connection.kafka, &sources, &read, &options, &progress, &stop);
    let report = match watch(cx, &running, &progress, "ticks", work).await {
        Ok(report) => report,
        Err(error) => {
            let sent = progress.snapshot().done;
            cx.report.fail(running, &error.to_string());
            return Err(failures::produce(&error)
                .left(format!("{} ticks were sent before", count(sent)))
                .phase(Phase::Stream));
        }
    };
    cx.report.finish_with(running, report.sent, "ticks", format!("{} ticks", count(report.sent)));
    let mut text = format!("{} ticks sent to `{}` in {}", count(report.sent), args.topic, seconds(report.elapsed));
    if report.invalid > 0 {
        let problems: Vec<String> = report.first_problems.iter().map(|problem| format!("\n  {problem}")).collect();
        text = format!("{text}; {} that can't be read were skipped{}", count(report.invalid), problems.concat());
    }
    let document = json!({
        "state": if report.cancelled { "interrupted" } else { "done" },
        "topic": args.topic,
        "sent": report.sent,
        "invalid": report.invalid,
        "bytes": report.bytes,
        "problems": report.first_problems,
        "elapsed_ms": u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
    });
    cx.result(&text, &document);
    Ok(if report.cancelled { cx.interrupted().exit_code } else { 0 })
}
