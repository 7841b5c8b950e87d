//! `index`: from the topic into Elasticsearch.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::connection::Connection;
use super::context::Context;
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::progress::watch;
use crate::pipeline::{
    self, DEAD_LETTER_TOPIC, INDEX, INDEXER_GROUP, IndexOptions, IndexReport, Progress, TOPIC, Until,
};
use crate::report::{Phase, count, seconds};

/// Index the topic into Elasticsearch
///
/// Several of them in one group share the partitions. An offset is committed only when Elasticsearch acknowledged all
/// documents before it, so that none is lost, whatever is killed when.
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev index                       until Ctrl-C\n  \
    stockdev index --until-caught-up")]
pub(super) struct IndexArgs {
    /// Go on as more messages come, until Ctrl-C (the default)
    #[arg(short, long, conflicts_with = "until_caught_up")]
    follow: bool,
    /// End when all there is at the start is indexed
    #[arg(long)]
    until_caught_up: bool,
    /// The topic
    #[arg(long, value_name = "NAME", default_value = TOPIC)]
    topic: String,
    /// The index
    #[arg(long, value_name = "NAME", default_value = INDEX)]
    index: String,
    /// The consumer group
    #[arg(long, value_name = "NAME", default_value = INDEXER_GROUP)]
    group: String,
    /// Where rejected documents go
    #[arg(long, value_name = "NAME", default_value = DEAD_LETTER_TOPIC)]
    dead_letter_topic: String,
    /// Documents in a bulk request, at most
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000), hide_short_help = true)]
    bulk_docs: u32,
    /// Bytes in a bulk request, at most; one document may be more
    #[arg(long, value_name = "N", default_value_t = 4 << 20, value_parser = clap::value_parser!(u32).range(1..=67_108_864), hide_short_help = true)]
    bulk_bytes: u32,
    /// Bulk requests under way at once
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=64), hide_short_help = true)]
    bulk_requests: u32,
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// How long Elasticsearch may take for its first answer.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(10);

pub(super) async fn run(args: IndexArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let connection = Connection::from_context(cx)?;
    let options = IndexOptions {
        topic: args.topic.clone(),
        index: args.index.clone(),
        group: args.group.clone(),
        dead_letter_topic: args.dead_letter_topic.clone(),
        until: if args.until_caught_up { Until::CaughtUp } else { Until::Forever },
        bulk_docs_max: size(args.bulk_docs),
        bulk_bytes_max: size(args.bulk_bytes),
        in_flight_max: size(args.bulk_requests),
        ..IndexOptions::default()
    };
    // Where nothing waits, the work itself would not notice that it has nowhere to go.
    connection
        .elasticsearch
        .probe(PATIENCE)
        .await
        .map_err(|error| failures::elasticsearch(&error).phase(Phase::Index))?;
    let report = index(&connection, &options, cx).await?;
    let text = format!(
        "{} documents indexed into `{}`, {} dead letters, {} retries, in {}",
        count(report.indexed),
        args.index,
        count(report.dead_letters),
        count(report.retries),
        seconds(report.elapsed)
    );
    let document = json!({
        "state": if report.cancelled { "interrupted" } else { "done" },
        "topic": args.topic,
        "index": args.index,
        "group": args.group,
        "indexed": report.indexed,
        "dead_letters": report.dead_letters,
        "retries": report.retries,
        "elapsed_ms": u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
    });
    cx.result(&text, &document);
    if report.dead_letters > 0 {
        return Ok(ErrorId::DeadLetters.exit_code());
    }
    // Ctrl-C is the way to end it, unless it was to end by itself.
    Ok(if report.cancelled && args.until_caught_up { cx.interrupted().exit_code } else { 0 })
}

/// The phase `index`.
pub(super) async fn index(
    connection: &Connection,
    options: &IndexOptions,
    cx: &Context,
) -> Result<IndexReport, Failure> {
    let elasticsearch = &connection.elasticsearch;
    let (progress, stop) = (Progress::new(), cx.stop.token());
    let running = cx.report.start(Phase::Index, None);
    let work = pipeline::index(&connection.kafka, elasticsearch, options, &progress, &stop);
    let report = match watch(cx, &running, &progress, "documents", work).await {
        Ok(report) => report,
        Err(error) => {
            cx.report.fail(running, &error.to_string());
            return Err(failures::index(&error).phase(Phase::Index));
        }
    };
    if options.until == Until::CaughtUp && !report.cancelled {
        // A script that goes on from here counts or searches: what was indexed is to be seen.
        pipeline::refresh_index(elasticsearch, &options.index)
            .await
            .map_err(|error| failures::counts(&error).phase(Phase::Index))?;
    }
    cx.report.finish_with(running, report.indexed, "documents", format!("{} documents", count(report.indexed)));
    Ok(report)
}
