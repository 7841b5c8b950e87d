//! `import`: what `export` wrote, back into a topic and from there into the index.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::connection::Connection;
use super::context::{Context, Found};
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::index::index;
use super::progress::watch;
use crate::pipeline::{
    ArchiveError, ArchiveReader, INDEX, IndexOptions, Progress, RestoreReport, TOPIC, Until, check_room, restore_topic,
};
use crate::report::{Phase, count, counted};
use crate::setup::{self, TopicSpec};
use crate::stack::StreamRecord;

/// Put an exported topic back, and index it
///
/// The topic must be empty, as after `up --no-stream`. Each message goes into its partition, with its time, key and headers; so
/// the documents have the ids that they had.
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev up --no-stream && stockdev import week.ndjson.gz\n  \
    stockdev import --no-index week.ndjson.gz")]
pub(super) struct ImportArgs {
    /// What `export` wrote; - is standard input
    file: PathBuf,
    /// The topic; left out, the one that was exported
    #[arg(long, value_name = "NAME")]
    topic: Option<String>,
    /// Leave the index as it is
    #[arg(long)]
    no_index: bool,
}

pub(super) async fn run(args: ImportArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let connection = Connection::from_context(cx)?;
    let _lock = cx.lock()?;
    let archive = open(&args.file).await?;
    let topic = args.topic.clone().unwrap_or_else(|| archive.head().topic.clone());
    // What another index of ours would not read is not indexed.
    let is_indexed = !args.no_index && topic == TOPIC;
    let spec = TopicSpec::new(&topic, archive.head().partitions);
    setup::ensure_topic(&connection.kafka, &spec).await.map_err(|error| failures::setup(&error).phase(Phase::Topic))?;
    let no_room = |error| failures::restore(&error, &args.file, &cx.project_flag()).phase(Phase::Topic);
    check_room(&connection.kafka, &topic, archive.head()).await.map_err(no_room)?;
    remember(&topic, 0, &connection, cx)?;
    let restored = restore(&topic, archive, &args, &connection, cx).await?;
    remember(&topic, restored.messages, &connection, cx)?;
    if restored.cancelled {
        return Err(cx.interrupted().left(format!("{} are in the topic", counted(restored.messages, "message"))));
    }
    let indexed = if is_indexed {
        let template = setup::apply_template(&connection.elasticsearch).await;
        template.map_err(|error| failures::setup(&error).phase(Phase::Template))?;
        let options = IndexOptions { until: Until::CaughtUp, ..IndexOptions::default() };
        Some(index(&connection, &options, cx).await?)
    } else {
        None
    };
    let mut text = format!("{} put into `{topic}`", counted(restored.messages, "message"));
    let document = json!({
        "state": "done",
        "topic": topic,
        "messages": restored.messages,
        "indexed": indexed.as_ref().map(|report| report.indexed),
        "dead_letters": indexed.as_ref().map(|report| report.dead_letters),
    });
    if let Some(report) = &indexed {
        text = format!("{text}, {} indexed into `{INDEX}`", counted(report.indexed, "document"));
        if report.dead_letters > 0 {
            text = format!("{text}, {} rejected", count(report.dead_letters));
        }
    }
    cx.result(&text, &document);
    Ok(match indexed {
        Some(report) if report.dead_letters > 0 => ErrorId::DeadLetters.exit_code(),
        Some(report) if report.cancelled => cx.interrupted().exit_code,
        _ => 0,
    })
}

/// Reads a file to its end beforehand: one that is cut off or damaged changes nothing. Standard input can be read only once.
async fn open(file: &Path) -> Result<ArchiveReader<Box<dyn Read + Send>>, Failure> {
    let (path, file) = (file.to_owned(), file.to_owned());
    let opened = tokio::task::spawn_blocking(move || {
        if path == Path::new("-") {
            return ArchiveReader::open(Box::new(std::io::stdin()) as Box<dyn Read + Send>);
        }
        let open = || File::open(&path).map_err(ArchiveError::Read);
        let mut whole = ArchiveReader::open(open()?)?;
        while whole.message()?.is_some() {}
        ArchiveReader::open(Box::new(open()?) as Box<dyn Read + Send>)
    });
    match opened.await {
        Ok(opened) => opened.map_err(|error| failures::archive(&error, &file).left("nothing was changed")),
        Err(error) => Err(Failure::new(ErrorId::Internal, format!("reading the archive ended badly: {error}"))),
    }
}

async fn restore(
    topic: &str,
    archive: ArchiveReader<Box<dyn Read + Send>>,
    args: &ImportArgs,
    connection: &Connection,
    cx: &Context,
) -> Result<RestoreReport, Failure> {
    let running = cx.report.start(Phase::Stream, Some(&format!("`{}` into `{topic}`", args.file.display())));
    let (progress, stop) = (Progress::new(), cx.stop.token());
    let restoring = restore_topic(&connection.kafka, topic, archive, &progress, &stop);
    match watch(cx, &running, &progress, "messages", restoring).await {
        Ok(report) => {
            cx.report.finish_with(running, report.messages, "messages", format!("{} messages", count(report.messages)));
            Ok(report)
        }
        Err(error) => {
            cx.report.fail(running, &error.to_string());
            Err(failures::restore(&error, &args.file, &cx.project_flag()).phase(Phase::Stream))
        }
    }
}

/// What goes into the project's topic is recorded before it goes, and its amount after: the next `up` streams nothing into it.
fn remember(topic: &str, messages: u64, connection: &Connection, cx: &Context) -> Result<(), Failure> {
    let project = cx.project();
    let found = Found::look(&project)?;
    let is_ours = found.endpoints().is_some_and(|endpoints| endpoints.kafka == connection.endpoints.kafka);
    let Some(mut record) = found.record.filter(|_| is_ours && topic == TOPIC) else { return Ok(()) };
    // The topic is empty: whatever was streamed is gone.
    record.streams = vec![StreamRecord::unknown(messages)];
    record.save(&project).map_err(|error| failures::file(&error))
}
