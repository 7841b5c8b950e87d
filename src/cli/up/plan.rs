//! Preflight: which stack, which ports, which ticks. Nothing is started yet.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use super::docker::{DockerPlan, Registry, prepare};
use super::{Ports, UpArgs};
use crate::cli::context::{Context, Found};
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::cli::global::StackChoice;
use crate::cli::ticks::check_source;
use crate::stack::docker::{EngineSearch, find_engine, find_recorded};
use crate::stack::{
    CreatedRecord, Endpoints, FORMAT, PortPlan, PortsRecord, ProjectFolders, Record, StackKind, StreamRecord,
    StreamSource, create_private_folder, external,
};
use crate::tick::{SimulatorOptions, TickSource};

/// What this run is to do.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) project: ProjectFolders,
    pub(super) record: Record,
    pub(super) found: Found,
    pub(super) ports: PortPlan,
    /// What the docker stack needs; only for that one.
    pub(super) docker: Option<DockerPlan>,
    pub(super) stream: StreamPlan,
    /// Why this stack.
    pub(super) reason: Option<String>,
}

impl Plan {
    /// Where the services are to be, if that is known before they run.
    pub(super) fn endpoints(&self) -> Option<Endpoints> {
        match (&self.docker, self.record.stack) {
            (Some(docker), _) => Some(docker.spec.endpoints()),
            (None, StackKind::External) => self.record.endpoints.clone(),
            (None, _) => None,
        }
    }
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

pub(super) async fn make(stack: StackChoice, args: &UpArgs, cx: &Context) -> Result<Plan, Failure> {
    let project = cx.project();
    let asked = asked_source(args)?;
    let found = Found::look(&project)?;
    let Choice { kind, reason, mut docker } = choose_stack(stack, args, cx, &found).await?;
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
    let mut record = record;
    let mut past_is_unknown = found.damage.is_some() && project.data().exists();
    if let Some(docker) = &mut docker {
        docker.spec.ephemeral |= record.ephemeral;
        docker.choose_ports(&ports, args.ports == Some(Ports::Auto) || record.ports.auto, cx).await?;
        if docker.has_past() {
            past_is_unknown = found.record.is_none();
        } else {
            // Whatever was streamed is gone with the containers or volumes it was in.
            record.streams.clear();
        }
    }
    let stream = plan_stream(args, &record, past_is_unknown, asked);
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
    // Only now: what was refused leaves no folder behind.
    create_private_folder(&project.root).map_err(|error| failures::file(&error))?;
    Ok(Plan { project, record, found, ports, docker, stream, reason })
}

/// Which stack, and why.
struct Choice {
    kind: StackKind,
    reason: Option<String>,
    docker: Option<DockerPlan>,
}

impl Choice {
    fn of(kind: StackKind, reason: Option<String>) -> Self {
        Self { kind, reason, docker: None }
    }
}

async fn choose_stack(stack: StackChoice, args: &UpArgs, cx: &Context, found: &Found) -> Result<Choice, Failure> {
    let recorded = found.record.as_ref();
    let has_addresses = cx.global.kafka.is_some() && cx.global.elasticsearch.is_some();
    match stack {
        StackChoice::Embedded => Ok(Choice::of(StackKind::Embedded, None)),
        StackChoice::External => Ok(Choice::of(StackKind::External, None)),
        StackChoice::Docker => demand_docker(args, cx, recorded).await,
        // Addresses are given, so servers are there.
        StackChoice::Auto if has_addresses => {
            Ok(Choice::of(StackKind::External, Some("external stack: both addresses are given".to_owned())))
        }
        // What runs, or has its data here, goes on.
        StackChoice::Auto => match recorded.map(|record| record.stack) {
            Some(StackKind::Docker) => demand_docker(args, cx, recorded).await,
            Some(kind) => Ok(Choice::of(kind, Some(format!("{kind} stack: it is this project's")))),
            None => Ok(docker_or_embedded(args, cx).await),
        },
    }
}

/// The engine that the project was brought up on, else the one that docker's own command would use.
pub(in crate::cli) fn search_engine(recorded: Option<&Record>) -> EngineSearch {
    let var = |name: &str| std::env::var(name).ok();
    match recorded.and_then(|record| record.docker.as_ref()) {
        Some(docker) => find_recorded(&docker.engine, docker.tls.as_ref(), &var),
        None => find_engine(None, &var),
    }
}

async fn demand_docker(args: &UpArgs, cx: &Context, recorded: Option<&Record>) -> Result<Choice, Failure> {
    let search = search_engine(recorded);
    let Some(address) = &search.found else { return Err(failures::no_engine(&search).left("nothing was started")) };
    let docker = recorded.and_then(|record| record.docker.as_ref());
    let plan = prepare(address, &args.docker, args.listen, docker, Registry::Trust, cx).await?;
    if let Some(docker) = docker.filter(|docker| docker.engine != address.address && !plan.existed()) {
        return Err(failures::other_engine(&docker.engine, address, &cx.project()));
    }
    // A project's own engine is taken whatever the variables say: so it is named, with where its address comes from.
    let reason =
        format!("docker stack: engine {} at {} ({})", plan.engine.info.version, address.address, address.source);
    Ok(Choice { kind: StackKind::Docker, reason: Some(reason), docker: Some(plan) })
}

/// Docker where an engine answers and the images are here or can be pulled; else embedded, and why.
async fn docker_or_embedded(args: &UpArgs, cx: &Context) -> Choice {
    let search = search_engine(None);
    let Some(address) = &search.found else {
        return Choice::of(StackKind::Embedded, Some(failures::embedded_reason(&search)));
    };
    match prepare(address, &args.docker, args.listen, None, Registry::Ask, cx).await {
        Ok(plan) => {
            let reason =
                format!("docker stack: an engine answers at {} (--stack embedded needs none)", address.address);
            Choice { kind: StackKind::Docker, reason: Some(reason), docker: Some(plan) }
        }
        Err(failure) => Choice::of(StackKind::Embedded, Some(format!("embedded stack: {}", failure.message))),
    }
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
        ports: PortsRecord::default(),
        data: if args.ephemeral { project.ephemeral_data.clone() } else { project.data() },
        ephemeral: args.ephemeral,
        fsync: args.fsync,
        streams: Vec::new(),
        endpoints: None,
        created: CreatedRecord::default(),
        live: None,
        docker: None,
    }
}

/// The ticks that were asked for by a flag.
pub(super) fn asked_source(args: &UpArgs) -> Result<Option<TickSource>, Failure> {
    match (&args.data, args.ticks) {
        (Some(name), _) => check_source(name).map(Some),
        (None, Some(ticks)) => Ok(Some(simulated(ticks))),
        (None, None) => Ok(None),
    }
}

pub(super) fn simulated(ticks: u64) -> TickSource {
    TickSource::Simulated(SimulatorOptions { ticks: Some(ticks), ..SimulatorOptions::default() })
}

fn plan_stream(args: &UpArgs, record: &Record, past_is_unknown: bool, asked: Option<TickSource>) -> StreamPlan {
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
        (None, None, _) if past_is_unknown && !args.replay => StreamPlan::UnknownPast,
        (_, Some(source), Some(identity)) => StreamPlan::New { source, identity },
        (last, _, _) => match last.and_then(|last| Some((source_of(last)?, last.source.clone()))) {
            Some((source, identity)) => StreamPlan::New { source, identity },
            None => StreamPlan::New { source: TickSource::Sample, identity: StreamSource::Sample },
        },
    }
}

/// What tells this source from another, also in a later run.
pub(super) fn identity(source: &TickSource) -> StreamSource {
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
pub(super) fn source_of(stream: &StreamRecord) -> Option<TickSource> {
    match &stream.source {
        StreamSource::Sample => Some(TickSource::Sample),
        StreamSource::Simulated { ticks } => Some(simulated(*ticks)),
        StreamSource::File { path, .. } if file_identity(path.clone()) == stream.source => {
            Some(TickSource::File(path.clone()))
        }
        StreamSource::File { .. } | StreamSource::Stdin | StreamSource::Unknown => None,
    }
}
