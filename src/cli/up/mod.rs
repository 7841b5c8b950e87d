//! `up`: everything, in phases. Returns when the data is in place and the stack runs in the background.
//!
//! [`plan`] decides what to do, before anything is started; [`stack`] brings the stack up or finds it running; [`data`] sets up,
//! streams, indexes and verifies, each part as soon as the services that it needs answer. Every step looks at what is there
//! first, so that a second `up` changes nothing and one after a crash goes on where the last one stopped.

mod answers;
mod cloud;
mod created;
mod data;
mod docker;
mod document;
mod forecast;
mod indexer;
mod once;
mod plan;
mod stack;
mod stream;

use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};

use super::context::{Context, Found};
use super::dashboard::browse;
use super::explain::ErrorId;
use super::failure::Failure;
use super::global::StackChoice;
use super::ticks::{ReadArgs, TimeChoice, parse_duration, parse_rate};
use super::{down, failures, live, logs};
use crate::report::Phase;
use crate::stack::docker::Engine;
use crate::stack::{ProjectLock, StackKind, remove};

pub(super) use cloud::CloudPlaces;
use cloud::{CloudPhaseArgs, CloudPlan};
use docker::DockerArgs;
use document::Outcome;
pub(super) use forecast::forecast_index;
use plan::Plan;
pub(super) use plan::search_engine;
use stack::Live;
pub(super) use stream::messages;

/// Start everything, stream the ticks, index them; return when all is in place
///
/// A second `up` finds what is there and changes nothing; one after a crash goes on where the last one stopped.
#[derive(Args, Debug, Clone)]
#[command(before_help = "Examples:\n  \
    stockdev up                          the sample, on ports 9092 and 9200\n  \
    stockdev up --stack embedded         without containers\n  \
    stockdev up --stack docker --without kibana --elastic-version 8.19.9\n  \
    stockdev up --data ticks.csv         your own ticks (JSON, NDJSON or CSV, plain or gzip)\n  \
    stockdev up --ticks 100000           simulated ones\n  \
    stockdev up --live                   and keep them coming\n  \
    stockdev up --ports auto             on free ports\n  \
    stockdev up --push-gcs --bigquery    and the cloud half: bucket, regression, forecasts\n  \
    stockdev up --stack external --kafka broker:9092 --elasticsearch https://es:9200")]
pub(super) struct UpArgs {
    /// Ticks to stream instead of the sample; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "ticks")]
    data: Option<String>,
    /// Simulate so many ticks instead
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    ticks: Option<u64>,
    /// Ticks a second, instead of as fast as it goes
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    rate: Option<f64>,
    /// Start everything, but stream nothing
    #[arg(long)]
    no_stream: bool,
    /// Stream again, though the data is in place
    #[arg(long)]
    replay: bool,
    /// Pass over ticks that can't be read, and count them
    #[arg(long)]
    skip_invalid: bool,
    /// Shift timestamps so that the last one is now, or keep them
    #[arg(long, value_enum, default_value = "now", hide_possible_values = true, value_name = "now|original")]
    time: TimeChoice,
    #[command(flatten)]
    read: ReadArgs,
    /// After that keep streaming simulated ticks, until `down`
    #[arg(long)]
    live: bool,
    /// Partitions of the topic, if it is new
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=1000), hide_short_help = true)]
    partitions: i32,
    /// Ports N (Kafka), N+1 (Elasticsearch) and so on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=65531))]
    port_base: Option<u16>,
    /// Take free ports, and remember them
    #[arg(long, value_enum, value_name = "auto", hide_possible_values = true, conflicts_with = "port_base")]
    ports: Option<Ports>,
    /// Listen on this address instead of 127.0.0.1 and ::1
    #[arg(long, value_name = "ADDR")]
    listen: Option<std::net::IpAddr>,
    /// How long a phase may go without progress
    #[arg(long, value_name = "TIME", default_value = "180s", value_parser = parse_duration)]
    timeout: Duration,
    /// Keep the data where a reboot removes it
    #[arg(long)]
    ephemeral: bool,
    /// Sync messages to disk before they are acknowledged, as Elasticsearch does and Kafka does not
    #[arg(long, hide_short_help = true)]
    fsync: bool,
    /// Open the dashboard in the browser when all is in place
    #[arg(long)]
    open: bool,
    /// Stay, show the logs; Ctrl-C is `down`
    #[arg(long)]
    attach: bool,
    #[command(flatten)]
    cloud: CloudPhaseArgs,
    #[command(flatten)]
    docker: DockerArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Ports {
    Auto,
}

pub(super) async fn run(args: UpArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let lock = cx.lock()?;
    let outcome = match bring_up(&args, cx, &lock).await {
        Ok(outcome) => outcome,
        Err(failure) => {
            down::tidy(cx, lock);
            return Err(failure);
        }
    };
    drop(lock);
    cx.result(&outcome.text(cx), &outcome.document(cx));
    if args.open {
        open(&outcome, cx);
    }
    let code = match outcome.dead_letters {
        0 => 0,
        _ => cx.tell(&outcome.dead_letter_failure()),
    };
    if args.attach { attach(cx).await } else { Ok(code) }
}

/// Opens the dashboard; without a desktop its address is in the result.
fn open(outcome: &Outcome, cx: &Context) {
    match &outcome.dashboard {
        Some(url) if browse(url) => {}
        Some(_) => cx.report.note("there is no browser to open: the dashboard's address is above"),
        None => cx.report.note("there is no dashboard to open in this stack"),
    }
}

/// How long a container that ended may take to be noticed.
const CAUSE_PATIENCE: Duration = Duration::from_millis(500);

/// What a run has started itself, and so takes down again when it is interrupted.
#[derive(Debug, Default)]
struct Started {
    /// A process or containers: from here on there is something to take down.
    server: bool,
    /// There was nothing of this project before, neither here nor at the engine.
    fresh: bool,
    /// The engine that containers were asked of.
    engine: Option<Engine>,
}

/// Brings everything up. Interrupted before it is ready, it takes down what it started.
pub(super) async fn bring_up(args: &UpArgs, cx: &Arc<Context>, lock: &ProjectLock) -> Result<Outcome, Failure> {
    let mut started = Started { server: false, fresh: !cx.project().root.exists(), engine: None };
    let outcome = tokio::select! {
        outcome = phases(args, cx, &mut started) => outcome,
        () = cx.stop.requested() => Err(cx.interrupted()),
    };
    if cx.stop.is_requested() {
        cx.report.clear();
        cx.report.talk_always("stopping what this run started; press again to force");
        return Err(undo(cx, &started, lock).await);
    }
    outcome.map_err(|failure| {
        let failure = match cx.report.last_phase() {
            Some(phase) => failure.phase(phase),
            None => failure,
        };
        // What fails after the start does not stop the stack: it can be looked at, and the next `up` goes on.
        match failure.left.clone() {
            None if failure.phase > Some(Phase::Wait) => failure.left("the stack runs"),
            Some(left) if failure.phase > Some(Phase::Wait) && !left.contains("runs") => {
                failure.left(format!("{left}; the stack runs"))
            }
            _ => failure,
        }
    })
}

async fn undo(cx: &Context, started: &Started, lock: &ProjectLock) -> Failure {
    if let Some(engine) = &started.engine {
        // What the engine was asked for comes, though nobody waits for it any more.
        engine.settle().await;
    }
    let failure = match cx.report.last_phase() {
        Some(phase) => cx.interrupted().phase(phase),
        None => cx.interrupted(),
    };
    // What was made on servers of others is only removed when asked: what it was must not be forgotten.
    let record = Found::look(&cx.project()).ok().and_then(|found| found.record);
    if record.is_some_and(|record| record.stack == StackKind::External) {
        let flag = cx.project_flag();
        return failure
            .left("what arrived on the servers is kept")
            .next(format!("stockdev up{flag}"), "go on")
            .next(format!("stockdev down{flag} --purge"), "remove what this project made there");
    }
    let undone = match (started.server, started.fresh) {
        (true, true) => {
            down::take_down(cx, &cx.project(), false, lock).await.map(|_| "what this run started was removed")
        }
        (true, false) => {
            down::take_down(cx, &cx.project(), true, lock).await.map(|_| "it was stopped; the data is kept")
        }
        // No more than a folder was made; whatever the engine has of this project is older than this run.
        (false, true) => match remove(&cx.project().root) {
            Ok(_) => Ok("nothing was started"),
            Err(error) => Err(failures::file(&error)),
        },
        (false, false) => Ok("the stack is as before"),
    };
    let flag = cx.project_flag();
    match undone {
        Ok(left) => failure.left(left).next(format!("stockdev up{flag}"), "go on"),
        Err(error) => failure
            .left(format!("could not clean up: {}", error.message))
            .next(format!("stockdev down{flag}"), "clean up"),
    }
}

/// Where the choice of the stack is left to us, images that can't be had after all are no failure: the embedded one needs none.
async fn phases(args: &UpArgs, cx: &Arc<Context>, started: &mut Started) -> Result<Outcome, Failure> {
    let outcome = phases_on(cx.global.stack, args, cx, started).await;
    match outcome {
        Err(failure) if failure.id == ErrorId::ImageUnavailable && cx.global.stack == StackChoice::Auto => {
            // Only where nothing was there before, and nothing is left.
            if !started.fresh || cx.project().root.exists() {
                return Err(failure);
            }
            cx.report.note(&format!("embedded stack: {}", failure.message));
            *started = Started { server: false, fresh: true, engine: None };
            phases_on(StackChoice::Embedded, args, cx, started).await
        }
        outcome => outcome,
    }
}

async fn phases_on(
    stack: StackChoice,
    args: &UpArgs,
    cx: &Arc<Context>,
    started: &mut Started,
) -> Result<Outcome, Failure> {
    let preflight = cx.report.start(Phase::Preflight, None);
    let google = args.cloud.google(cx)?;
    let mut plan = plan::make(stack, args, cx).await?;
    cx.report.finish(preflight, plan.reason.clone());
    cx.report.detail(&format!("project folder: {}", plan.project.root.display()));
    // What can be refused is refused before anything is started.
    let known = plan.endpoints().map(|endpoints| CloudPlan::make(args, &plan, google.clone(), &endpoints, cx));
    let known = known.transpose()?;
    let live = stack::bring_up(&mut plan, args, cx, started).await?;
    let cloud = match known {
        Some(cloud) => cloud,
        None => CloudPlan::make(args, &plan, google, &live.answers.all().await.endpoints, cx)?,
    };
    let mut outcome = data_beside_stack(&mut plan, args, cx, &live, started).await?;
    if let Some(cloud) = cloud {
        let came = cloud.carry_out(args, cx, &outcome.connection).await?;
        outcome.already_up &= !came.changed;
        outcome.cloud = Some(came);
    }
    let ready = cx.report.start(Phase::Ready, None);
    if args.live {
        let began = live::start(args.rate, &args.read.time_zone, cx, &outcome.connection).await?;
        outcome.already_up &= !began;
    }
    cx.report.finish(ready, None);
    Ok(outcome)
}

/// Puts the data in place while the stack comes up or is watched over.
async fn data_beside_stack(
    plan: &mut Plan,
    args: &UpArgs,
    cx: &Arc<Context>,
    live: &Live,
    started: &Started,
) -> Result<Outcome, Failure> {
    let (project, kind) = (plan.project.clone(), plan.record.stack);
    let mut stack = std::pin::pin!(live.keep_up(&project, kind, args, cx));
    let failure = tokio::select! {
        outcome = data::put_in_place(plan, args, cx, live) => match outcome {
            Ok(outcome) => return Ok(outcome),
            Err(failure) if live.answers.is_whole() => return Err(failure),
            // What does not answer any more may have ended: then that is the cause.
            Err(failure) => match tokio::time::timeout(CAUSE_PATIENCE, &mut stack).await {
                Ok(cause) => cause,
                Err(_) => {
                    if let Some(engine) = &started.engine {
                        engine.settle().await;
                    }
                    return Err(failure.left("what was started runs"));
                }
            },
        },
        failure = &mut stack => failure,
    };
    // What this run made and can't use is removed.
    Err(match &live.containers {
        Some(containers) => containers.give_up(plan, args, cx, failure, started).await,
        None => failure,
    })
}

/// Shows the logs until Ctrl-C, which is `down`.
async fn attach(cx: &Arc<Context>) -> Result<u8, Failure> {
    let project = cx.project();
    cx.report.note("attached: Ctrl-C stops and removes everything");
    let logs = project.logs();
    let engine = attached_engine(cx).await?;
    let died = tokio::select! {
        () = cx.stop.requested() => false,
        () = follow(cx, engine.as_ref(), &logs) => true,
        () = server_gone(cx), if engine.is_none() => true,
    };
    let lock = match died {
        false => cx.lock()?,
        // Perhaps a `down` elsewhere is at it: it may end first.
        true => lock_soon(cx).await?,
    };
    if died && !project.root.exists() {
        cx.report.note("the stack was taken down");
        down::tidy(cx, lock);
        return Ok(0);
    }
    down::take_down(cx, &project, died, &lock).await?;
    if died {
        let what = if engine.is_some() { "the containers" } else { "the background process" };
        return Err(Failure::new(ErrorId::ServiceDied, format!("{what} ended by itself"))
            .left("the data is kept")
            .next(format!("stockdev up{}", cx.project_flag()), "start it again"));
    }
    down::tidy(cx, lock);
    Ok(0)
}

/// The engine of a docker stack.
async fn attached_engine(cx: &Context) -> Result<Option<Engine>, Failure> {
    let record = Found::look(&cx.project())?.record;
    let is_docker = record.as_ref().is_some_and(|record| record.stack == StackKind::Docker);
    match search_engine(record.as_ref()).found.filter(|_| is_docker) {
        Some(address) => Ok(Some(Engine::connect(&address).await.map_err(|error| failures::engine(&error))?)),
        None => Ok(None),
    }
}

/// Ends only when every container has ended.
async fn follow(cx: &Context, engine: Option<&Engine>, logs: &std::path::Path) {
    match engine {
        Some(engine) => logs::follow_containers(cx, engine).await,
        None => logs::follow_all(cx, logs).await,
    }
}

async fn lock_soon(cx: &Context) -> Result<ProjectLock, Failure> {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        match cx.lock() {
            Err(failure) if failure.id == ErrorId::ProjectBusy && Instant::now() < deadline => {}
            taken => return taken,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn server_gone(cx: &Context) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        // An external stack has no process of ours that could go.
        match Found::look(&cx.project()) {
            Ok(found) if found.endpoints().is_none() => return,
            _ => {}
        }
    }
}
