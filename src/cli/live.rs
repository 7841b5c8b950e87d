//! `up --live`: a background process that keeps streaming simulated ticks and indexes them, until `down`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;

use super::connection::Connection;
use super::context::{Context, Found};
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::ticks::{ReadArgs, parse_rate};
use crate::pipeline::{self, IndexOptions, ProduceOptions, Progress, Until};
use crate::stack::embedded::{log_path, spawn_detached};
use crate::stack::{LiveFile, LiveRecord, ProcessId, Record, create_private_folder, remove, replace_file};
use crate::tick::{SimulatorOptions, TickSource, TimePolicy};

/// Ticks a second when none are asked for: about what five liquid instruments give.
const RATE: f64 = 10.0;
const START_LIMIT: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// Stream simulated ticks and index them
#[derive(Args, Debug)]
pub(super) struct LiveArgs {
    #[arg(long)]
    live_file: PathBuf,
    #[arg(long, value_parser = parse_rate, default_value_t = RATE)]
    rate: f64,
    #[command(flatten)]
    read: ReadArgs,
}

/// Starts the process, unless it runs already.
pub(super) async fn start(rate: Option<f64>, zone: &str, cx: &Context, connection: &Connection) -> Result<(), Failure> {
    let project = cx.project();
    if LiveFile::load(&project).map_err(|error| failures::file(&error))?.is_some_and(|live| live.process.is_alive()) {
        return Ok(());
    }
    if let Some(mut record) = Found::look(&project)?.record {
        record.live = Some(LiveRecord { rate });
        Record::save(&record, &project).map_err(|error| failures::file(&error))?;
    }
    remove(&project.live()).map_err(|error| failures::file(&error))?;
    create_private_folder(&project.logs()).map_err(|error| failures::file(&error))?;
    let log = log_path(&project.logs(), "live");
    let arguments = [
        "__live".to_owned(),
        "--live-file".to_owned(),
        project.live().display().to_string(),
        "--rate".to_owned(),
        rate.unwrap_or(RATE).to_string(),
        "--time-zone".to_owned(),
        zone.to_owned(),
        "--kafka".to_owned(),
        connection.endpoints.kafka.clone(),
        "--elasticsearch".to_owned(),
        connection.endpoints.elasticsearch.clone(),
    ];
    let mut child = spawn_detached(&arguments, &connection.as_variables(), &log)
        .map_err(|error| Failure::new(ErrorId::Internal, "cannot start the live stream").got(error.to_string()))?;
    let deadline = Instant::now() + START_LIMIT;
    loop {
        if LiveFile::load(&project).map_err(|error| failures::file(&error))?.is_some() {
            return Ok(());
        }
        let ended = child.try_wait().ok().flatten();
        if ended.is_some() || Instant::now() >= deadline {
            let _already_gone = child.kill().is_err();
            return Err(Failure::new(ErrorId::ServiceDied, "the live stream did not start")
                .got(failures::last_lines(&log).unwrap_or_else(|| "it left no word".to_owned()))
                .left("the stack runs, the sample is in place")
                .next("stockdev logs live", "read why")
                .log(log));
        }
        tokio::time::sleep(POLL).await;
    }
}

/// The process itself.
pub(super) async fn run(args: LiveArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let _already_leader = rustix::process::setsid().is_err();
    let file = LiveFile { process: ProcessId::current() };
    replace_file(&args.live_file, &serde_json::to_vec(&file).unwrap_or_default())
        .map_err(|error| failures::file(&error))?;
    let connection = Connection::from_context(cx)?;
    let read = args.read.options(&[])?;
    let simulation = SimulatorOptions { zone: read.zone.clone(), ..SimulatorOptions::live(args.rate) };
    let sources = [TickSource::Simulated(simulation)];
    let produce = ProduceOptions { rate: Some(args.rate), time: TimePolicy::Original, ..ProduceOptions::default() };
    let index = IndexOptions { until: Until::Forever, ..IndexOptions::default() };
    let (sent, indexed, stop) = (Progress::new(), Progress::new(), cx.stop.token());
    tokio::select! {
        produced = pipeline::produce(&connection.kafka, &sources, &read, &produce, &sent, &stop) => {
            produced.map_err(|error| failures::produce(&error))?;
        }
        done = pipeline::index(&connection.kafka, &connection.elasticsearch, &index, &indexed, &stop) => {
            done.map_err(|error| failures::index(&error))?;
        }
    }
    Ok(0)
}
