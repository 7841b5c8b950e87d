//! Preflight: which stack, which ports, which ticks. Nothing is started yet.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use super::{Ports, UpArgs};
use crate::cli::context::{Context, Found};
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::cli::global::StackChoice;
use crate::cli::ticks::check_source;
use crate::stack::{
    CreatedRecord, Engine, FORMAT, PortPlan, PortsRecord, ProjectFolders, Record, StackKind, StreamRecord,
    StreamSource, create_private_folder, external, find_engine,
};
use crate::tick::{SimulatorOptions, TickSource};

/// What this run is to do.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) project: ProjectFolders,
    pub(super) record: Record,
    pub(super) found: Found,
    pub(super) ports: PortPlan,
    pub(super) stream: StreamPlan,
    /// Why this stack.
    pub(super) reason: Option<String>,
}

/// What is to be streamed.
#[derive(Debug)]
pub(super) enum StreamPlan {
    Nothing(&'static str),
    /// The recorded stream is complete.
    InPlace,
    /// A new one.
    New {
        source: TickSource,
        identity: StreamSource,
    },
    /// The recorded one was not finished.
    Resume {
        source: TickSource,
    },
    /// It was not finished and can't be read again.
    CannotResume,
    /// The record was damaged: what is in the topic is taken as it is, never doubled.
    UnknownPast,
}

pub(super) fn make(args: &UpArgs, cx: &Context) -> Result<Plan, Failure> {
    let (kind, reason) = choose_stack(cx)?;
    let project = cx.project();
    let asked = asked_source(args)?;
    create_private_folder(&project.root).map_err(|error| failures::file(&error))?;
    let found = Found::look(&project)?;
    if let Some(damage) = &found.damage {
        cx.report.note(&format!(
            "the record of this project was damaged ({damage}); it is made anew, nothing is streamed twice"
        ));
    }
    let record = match (found.record.clone(), &found.damage) {
        (Some(record), _) if record.stack == kind => record,
        (Some(record), _) if found.endpoints().is_some() => return Err(other_stack(&record, kind, cx)),
        // Another kind of stack ran here before: its ticks are elsewhere.
        _ => new_record(args, cx, kind, &project),
    };
    let ports = PortPlan::choose(args.port_base, args.ports == Some(Ports::Auto), Some(&record.ports))
        .ok_or_else(|| Failure::new(ErrorId::Usage, "the ports after --port-base go beyond 65535"))?;
    let stream = plan_stream(args, &record, found.damage.is_some(), asked, &project);
    let mut record = record;
    if kind == StackKind::External {
        let global = &cx.global;
        let given =
            external::endpoints(global.kafka.as_deref(), global.elasticsearch.as_deref(), global.kibana.as_deref());
        match (given, &record.endpoints) {
            (Ok(endpoints), before) => {
                // What was made on other servers is not to be looked for on these.
                if before.as_ref().is_some_and(|before| *before != endpoints) {
                    record.created = CreatedRecord::default();
                }
                record.endpoints = Some(endpoints);
            }
            (Err(external::ExternalError::Missing { .. }), Some(_)) => {}
            (Err(error), _) => return Err(failures::external(&error)),
        }
    }
    Ok(Plan { project, record, found, ports, stream, reason })
}

fn choose_stack(cx: &Context) -> Result<(StackKind, Option<String>), Failure> {
    let engine = || find_engine(&|name| std::env::var(name).ok());
    match cx.global.stack {
        StackChoice::Embedded => Ok((StackKind::Embedded, None)),
        StackChoice::External => Ok((StackKind::External, None)),
        // Addresses are given, so servers are there.
        StackChoice::Auto if cx.global.kafka.is_some() && cx.global.elasticsearch.is_some() => {
            Ok((StackKind::External, Some("external stack: both addresses are given".to_owned())))
        }
        StackChoice::Auto => Ok((StackKind::Embedded, Some(auto_reason(&engine())))),
        StackChoice::Docker => Err(docker_failure(&engine())),
    }
}

fn auto_reason(engine: &Engine) -> String {
    match engine {
        Engine::Answers { address } => format!(
            "embedded stack: a container engine answers at {address}, but this version does not have the docker stack"
        ),
        Engine::Silent { tried, .. } => {
            format!(
                "embedded stack: no container engine answers at {}",
                tried.first().map_or("any socket", String::as_str)
            )
        }
    }
}

fn docker_failure(engine: &Engine) -> Failure {
    let failure = match engine {
        Engine::Silent { tried, reason } => {
            Failure::new(ErrorId::NoEngine, "no container engine answers").tried(tried.join(", ")).got(reason.clone())
        }
        Engine::Answers { address } => {
            Failure::new(ErrorId::EngineFailed, "this version does not have the docker stack yet")
                .tried(format!("--stack docker; a container engine answers at {address}"))
        }
    };
    failure
        .left("nothing was started")
        .next("stockdev up --stack embedded", "the same protocols, no engine needed")
        .next("stockdev up --stack external --kafka HOST:PORT --elasticsearch URL", "servers you run")
}

fn other_stack(record: &Record, kind: StackKind, cx: &Context) -> Failure {
    let flag = cx.project_flag();
    Failure::new(ErrorId::Usage, format!("project `{}` already runs on the {} stack", cx.global.project, record.stack))
        .tried(format!("up on the {kind} stack"))
        .left("it runs as before")
        .next(format!("stockdev down{flag}"), "stop and remove it first")
        .next(format!("stockdev up --project other --stack {kind}"), "or use another project")
}

fn new_record(args: &UpArgs, cx: &Context, kind: StackKind, project: &ProjectFolders) -> Record {
    Record {
        format: FORMAT,
        project: cx.global.project.to_string(),
        stack: kind,
        folder: std::env::current_dir().unwrap_or_default(),
        listen: args.listen.map(|address| address.to_string()),
        ports: PortsRecord { auto: false, kafka: 0, elasticsearch: 0 },
        data: if args.ephemeral { project.ephemeral_data.clone() } else { project.data() },
        ephemeral: args.ephemeral,
        fsync: args.fsync,
        streams: Vec::new(),
        endpoints: None,
        created: CreatedRecord::default(),
        live: None,
    }
}

/// The ticks that were asked for by a flag.
fn asked_source(args: &UpArgs) -> Result<Option<TickSource>, Failure> {
    match (&args.data, args.ticks) {
        (Some(name), _) => check_source(name).map(Some),
        (None, Some(ticks)) => Ok(Some(simulated(ticks))),
        (None, None) => Ok(None),
    }
}

fn simulated(ticks: u64) -> TickSource {
    TickSource::Simulated(SimulatorOptions { ticks: Some(ticks), ..SimulatorOptions::default() })
}

fn plan_stream(
    args: &UpArgs,
    record: &Record,
    damaged: bool,
    asked: Option<TickSource>,
    project: &ProjectFolders,
) -> StreamPlan {
    if args.no_stream {
        return StreamPlan::Nothing("--no-stream");
    }
    let last = record.last_stream();
    let asked_identity = asked.as_ref().map(identity);
    let is_other = matches!((&asked_identity, last), (Some(asked), Some(last)) if *asked != last.source || *asked == StreamSource::Stdin);
    match (last, asked, asked_identity) {
        // The unfinished stream comes first in any case, unless something else is asked for.
        (Some(last), _, _) if !last.done && !args.replay && !is_other => match source_of(last) {
            Some(source) => StreamPlan::Resume { source },
            None => StreamPlan::CannotResume,
        },
        (Some(_), _, _) if !args.replay && !is_other => StreamPlan::InPlace,
        (None, None, _) if damaged && !args.replay && project.data().exists() => StreamPlan::UnknownPast,
        (_, Some(source), Some(identity)) => StreamPlan::New { source, identity },
        (last, _, _) => match last.and_then(|last| Some((source_of(last)?, last.source.clone()))) {
            Some((source, identity)) => StreamPlan::New { source, identity },
            None => StreamPlan::New { source: TickSource::Sample, identity: StreamSource::Sample },
        },
    }
}

/// What tells this source from another, also in a later run.
fn identity(source: &TickSource) -> StreamSource {
    match source {
        TickSource::Sample => StreamSource::Sample,
        TickSource::Stdin => StreamSource::Stdin,
        TickSource::Simulated(options) => StreamSource::Simulated { ticks: options.ticks.unwrap_or(0) },
        TickSource::File(path) => file_identity(path.clone()),
    }
}

fn file_identity(path: PathBuf) -> StreamSource {
    let path = path.canonicalize().unwrap_or(path);
    let metadata = path.metadata().ok();
    let modified = metadata.as_ref().and_then(|metadata| metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    let modified_ms = modified.and_then(|time| u64::try_from(time.as_millis()).ok()).unwrap_or(0);
    StreamSource::File { path, bytes: metadata.map_or(0, |metadata| metadata.len()), modified_ms }
}

/// The recorded source, if it can be read again and is still the same.
fn source_of(stream: &StreamRecord) -> Option<TickSource> {
    match &stream.source {
        StreamSource::Sample => Some(TickSource::Sample),
        StreamSource::Simulated { ticks } => Some(simulated(*ticks)),
        StreamSource::File { path, .. } if file_identity(path.clone()) == stream.source => {
            Some(TickSource::File(path.clone()))
        }
        StreamSource::File { .. } | StreamSource::Stdin | StreamSource::Unknown => None,
    }
}
