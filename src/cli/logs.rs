//! `logs`: what the services wrote: the background process into files, containers to their engine.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use futures_util::StreamExt;
use serde_json::json;

use super::context::{Context, Found};
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::ticks::parse_duration;
use super::up::search_engine;
use crate::report::OutputFormat;
use crate::stack::StackKind;
use crate::stack::docker::{Container, Engine, LogRange, Service};
use crate::stack::embedded::{LOG_NAMES, log_path};

/// Print a service's log
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev logs\n  \
    stockdev logs kafka --tail 50\n  \
    stockdev logs elasticsearch -f --since 5m")]
pub(super) struct LogsArgs {
    /// stockdev (the background process itself), kafka, elasticsearch, kibana, gcs, bigquery or live; left out, all
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(names()))]
    service: Option<String>,
    /// Go on as more is written, until Ctrl-C
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines of each log
    #[arg(long, value_name = "N")]
    tail: Option<usize>,
    /// Only what is at most so old, such as 30s, 5m or 2h
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    since: Option<Duration>,
}

/// A log is looked at again this often while following.
const FOLLOW: Duration = Duration::from_millis(200);

fn names() -> Vec<&'static str> {
    LOG_NAMES.to_vec()
}

pub(super) async fn run(args: &LogsArgs, cx: &Context) -> Result<u8, Failure> {
    let record = Found::look(&cx.project())?.record;
    let is_docker = record.as_ref().is_none_or(|record| record.stack == StackKind::Docker);
    // The live stream is a process of ours on any stack.
    if is_docker && args.service.as_deref() != Some("live") {
        let search = search_engine(record.as_ref());
        if let Some(address) = &search.found {
            let engine = Engine::connect(address).await.map_err(|error| failures::engine(&error))?;
            let containers = chosen(&engine, args, cx).await?;
            if !containers.is_empty() {
                return of_containers(args, cx, &engine, &containers).await;
            }
        } else if record.is_some() {
            return Err(failures::no_engine(&search));
        }
    }
    let folder = cx.project().logs();
    let names: Vec<&str> = args.service.as_deref().map_or_else(|| LOG_NAMES.to_vec(), |name| vec![name]);
    let mut logs: Vec<Log> = names
        .iter()
        .map(|name| Log { name: (*name).to_owned(), path: log_path(&folder, name), read: 0 })
        .filter(|log| log.path.exists())
        .collect();
    if logs.is_empty() {
        let what = args.service.as_deref().unwrap_or("any service");
        return Err(Failure::new(
            ErrorId::LogNotFound,
            format!("project `{}` has no log of {what}", cx.global.project),
        )
        .tried(format!("open `{}`", log_path(&folder, args.service.as_deref().unwrap_or("stockdev")).display()))
        .next("stockdev ls", "list the projects of this machine"));
    }
    let since = args.since.and_then(|age| jiff::Timestamp::now().checked_sub(age).ok());
    let prefixed = logs.len() > 1;
    let mut collected = Vec::new();
    for log in &mut logs {
        for line in
            log.first(args.tail, since).map_err(|error| failures::output(&log.path.display().to_string(), &error))?
        {
            match cx.global.output {
                OutputFormat::Text => show(cx, &log.name, &line, prefixed),
                OutputFormat::Ndjson => cx.printer.json_line(&json!({"service": log.name, "line": line})),
                OutputFormat::Json => collected.push(json!({"service": log.name, "line": line})),
            }
        }
    }
    if cx.global.output != OutputFormat::Text {
        cx.result("", &json!({"state": "done", "lines": collected}));
        return Ok(0);
    }
    while args.follow && !cx.printer.reader_left() {
        tokio::select! {
            () = tokio::time::sleep(FOLLOW) => {}
            () = cx.stop.requested() => return Ok(0),
        }
        for log in &mut logs {
            // A log that vanished with its project simply has no more lines.
            for line in log.more().unwrap_or_default() {
                show(cx, &log.name, &line, prefixed);
            }
        }
    }
    Ok(0)
}

/// The project's containers that were asked for.
async fn chosen(engine: &Engine, args: &LogsArgs, cx: &Context) -> Result<Vec<Container>, Failure> {
    let project = cx.global.project.as_ref();
    let containers = engine.containers(Some(project)).await.map_err(|error| failures::engine(&error))?;
    let is_asked = |container: &Container| {
        let name = container.service.map(Service::name);
        args.service.as_deref().is_none_or(|asked| name == Some(asked))
    };
    Ok(containers.into_iter().filter(is_asked).collect())
}

async fn of_containers(
    args: &LogsArgs,
    cx: &Context,
    engine: &Engine,
    containers: &[Container],
) -> Result<u8, Failure> {
    let since = args.since.and_then(|age| jiff::Timestamp::now().checked_sub(age).ok());
    let range = LogRange {
        tail: args.tail,
        since: since.map_or(0, |since| since.as_second()),
        // One document has an end; a log that is followed has none.
        follow: args.follow && cx.is_text(),
    };
    let prefixed = containers.len() > 1;
    let mut collected = Vec::new();
    let sources = containers.iter().map(|container| {
        let name = container.service.map_or("unknown", Service::name);
        engine.log_lines(&container.id, range).map(move |line| (name, line)).boxed()
    });
    // Followed logs come as they are written; others one after the other.
    let mut lines = if range.follow {
        futures_util::stream::select_all(sources).boxed()
    } else {
        futures_util::stream::iter(sources.collect::<Vec<_>>()).flatten().boxed()
    };
    loop {
        let next = tokio::select! {
            next = lines.next() => next,
            () = cx.stop.requested() => return Ok(0),
        };
        let Some((name, line)) = next else { break };
        let line = line.map_err(|error| failures::engine(&error))?;
        match cx.global.output {
            OutputFormat::Text => show(cx, name, &line, prefixed),
            OutputFormat::Ndjson => cx.printer.json_line(&json!({"service": name, "line": line})),
            OutputFormat::Json => collected.push(json!({"service": name, "line": line})),
        }
        if cx.printer.reader_left() {
            return Ok(0);
        }
    }
    if !cx.is_text() {
        cx.result("", &json!({"state": "done", "lines": collected}));
    }
    Ok(0)
}

fn show(cx: &Context, name: &str, line: &str, prefixed: bool) {
    let text = if prefixed { format!("{name:<13} | {line}") } else { line.to_owned() };
    let mut out = cx.printer.data();
    let _reader_left = writeln!(out, "{text}").and_then(|()| out.flush()).is_err();
}

#[derive(Debug)]
struct Log {
    name: String,
    path: PathBuf,
    read: u64,
}

impl Log {
    /// The lines there are, limited to the last `tail` and to those not older than `since`.
    fn first(&mut self, tail: Option<usize>, since: Option<jiff::Timestamp>) -> std::io::Result<Vec<String>> {
        let mut kept: VecDeque<String> = VecDeque::new();
        let mut young_enough = since.is_none();
        let mut reader = BufReader::new(File::open(&self.path)?);
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let length = reader.read_until(b'\n', &mut bytes)?;
            if length == 0 {
                break;
            }
            self.read += u64::try_from(length).unwrap_or(0);
            let line = String::from_utf8_lossy(&bytes).trim_end().to_owned();
            // A line without a time of its own belongs to the one before it.
            if let (Some(since), Some(time)) = (since, time_of(&line)) {
                young_enough = time >= since;
            }
            if young_enough {
                kept.push_back(line);
            }
            if tail.is_some_and(|tail| kept.len() > tail) {
                kept.pop_front();
            }
        }
        Ok(kept.into())
    }

    /// What was written since. A log that became shorter was begun anew.
    fn more(&mut self) -> std::io::Result<Vec<String>> {
        /// What is read at a time.
        const BYTES_MAX: u64 = 1 << 20;
        let mut file = File::open(&self.path)?;
        if file.metadata()?.len() < self.read {
            self.read = 0;
        }
        file.seek(SeekFrom::Start(self.read))?;
        let mut bytes = Vec::new();
        file.take(BYTES_MAX).read_to_end(&mut bytes)?;
        let Some(end) = bytes.iter().rposition(|byte| *byte == b'\n') else { return Ok(Vec::new()) };
        let whole = bytes.get(..=end).unwrap_or_default();
        self.read += u64::try_from(whole.len()).unwrap_or(0);
        Ok(String::from_utf8_lossy(whole).lines().map(str::to_owned).collect())
    }
}

fn time_of(line: &str) -> Option<jiff::Timestamp> {
    line.split_whitespace().next()?.parse().ok()
}

/// What containers write from now on, for `up --attach`; ends when all have ended.
pub(super) async fn follow_containers(cx: &Context, engine: &Engine) {
    let Ok(containers) = engine.containers(Some(cx.global.project.as_ref())).await else { return };
    let range = LogRange { tail: Some(0), since: 0, follow: true };
    let sources = containers.iter().map(|container| {
        let name = container.service.map_or("unknown", Service::name);
        engine.log_lines(&container.id, range).map(move |line| (name, line)).boxed()
    });
    let mut lines = futures_util::stream::select_all(sources);
    while let Some((name, line)) = lines.next().await {
        if let Ok(line) = line {
            cx.report.note(&format!("{name:<13} | {line}"));
        }
    }
}

/// The last lines of each log, for `up --attach`.
pub(super) async fn follow_all(cx: &Context, folder: &Path) {
    let mut logs: Vec<Log> =
        LOG_NAMES.iter().map(|name| Log { name: (*name).to_owned(), path: log_path(folder, name), read: 0 }).collect();
    for log in &mut logs {
        // What was written before is not news.
        log.read = std::fs::metadata(&log.path).map_or(0, |metadata| metadata.len());
    }
    loop {
        tokio::time::sleep(FOLLOW).await;
        for log in &mut logs {
            for line in log.more().unwrap_or_default() {
                cx.report.note(&format!("{:<13} | {line}", log.name));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(text: &str) -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("kafka.log");
        std::fs::write(&path, text).unwrap();
        (folder, Log { name: "kafka".into(), path, read: 0 })
    }

    #[test]
    fn tail_and_since_limit_what_is_shown() {
        let text = "2024-01-01T00:00:00Z old\n  more of it\n2025-01-01T00:00:00Z new\n  more of it\n";
        let since = Some("2024-06-01T00:00:00Z".parse().unwrap());
        let (_folder, mut log) = log(text);
        assert_eq!(log.first(Some(1), None).unwrap(), ["  more of it"]);
        assert_eq!(log.first(None, since).unwrap(), ["2025-01-01T00:00:00Z new", "  more of it"]);
    }

    #[test]
    fn following_gives_whole_lines_only() {
        let (_folder, mut log) = log("one\n");
        assert_eq!(log.first(Some(5), None).unwrap(), ["one"]);
        let mut file = std::fs::OpenOptions::new().append(true).open(&log.path).unwrap();
        write!(file, "two\nthr").unwrap();
        assert_eq!(log.more().unwrap(), ["two"]);
        writeln!(file, "ee").unwrap();
        assert_eq!(log.more().unwrap(), ["three"]);
        std::fs::write(&log.path, "new\n").unwrap();
        assert_eq!(log.more().unwrap(), ["new"]);
    }
}
