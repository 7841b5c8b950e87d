//! A crash in the middle of a stream, and what `up` makes of it: nothing lost, nothing there twice.
//!
//! What is killed, and how, is the stack's own ([`Victim`]); all else is the same for each: a stream of simulated ticks
//! is under way, the topic holds some of them, and the victim dies without a word. With the background process `up` fails, and
//! a second `up` brings it back and goes on with the stream; a container is brought back by the `up` that sees it end. Then topic and index must hold every tick, each once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Run;
use super::check::{Outcome, Trouble};
use super::elasticsearch as documents;
use super::expected::Expected;
use super::http::Http;
use super::kafka::{self, off_thread};
use crate::cli::connection::Connection;
use crate::cli::context::{Context, Found};
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::cli::up::{bring_up, search_engine};
use crate::pipeline::TOPIC;
use crate::report::count;
use crate::stack::docker::{Engine, EngineError, Service};
use crate::stack::{ProcessId, ProjectLock, Record, StackKind, signal_kill, wait_gone};
use crate::tick::TickSource;

/// Ticks of the stream. One more where the run's own stream is just as long: `up` takes those for the same.
const TICKS: u64 = 5_000;
/// Ticks a second until the crash: so slow that it comes in mid-stream, whatever the machine.
const RATE: f64 = 4_000.0;
/// The crash comes when the topic holds so many of them.
const CRASH_AT: u64 = TICKS / 4;
/// How long a killed process may take to be gone.
const GONE: std::time::Duration = std::time::Duration::from_secs(10);

/// What is to die.
#[derive(Debug)]
enum Victim {
    /// The background process with both embedded servers in it.
    Process(ProcessId),
    /// Elasticsearch's container.
    Container { engine: Box<Engine>, id: String, name: String },
}

impl Victim {
    async fn of(found: &Found, cx: &Context) -> Result<Self, Trouble> {
        let Some(record) = &found.record else { return Err(Trouble::could_not("the project has no record")) };
        match record.stack {
            StackKind::External => Err(Trouble::Skip("stockdev does not own these servers".to_owned())),
            StackKind::Docker => Self::container(record, cx).await,
            StackKind::Embedded => match found.running() {
                Some(server) => Ok(Self::Process(server.process.clone())),
                None => Err(Trouble::could_not("the background process is not there")),
            },
        }
    }

    async fn container(record: &Record, cx: &Context) -> Result<Self, Trouble> {
        let failed = |error: EngineError| Trouble::from(&failures::engine(&error));
        let Some(address) = search_engine(Some(record)).found else {
            return Err(Trouble::could_not("the container engine does not answer any more"));
        };
        let engine = Engine::connect(&address).await.map_err(failed)?;
        let containers = engine.containers(Some(cx.global.project.as_ref())).await.map_err(failed)?;
        let victim = containers.into_iter().find(|container| container.service == Some(Service::Elasticsearch));
        match victim {
            Some(victim) => Ok(Self::Container { engine: Box::new(engine), id: victim.id, name: victim.name }),
            None => Err(Trouble::could_not("Elasticsearch's container is not there")),
        }
    }

    /// Whether `up` fails when it dies. A container is started again by the very `up` that sees it end.
    fn takes_up_along(&self) -> bool {
        matches!(self, Self::Process(_))
    }

    /// Kills it with SIGKILL and waits until it is gone. Says what it was.
    async fn kill(&self) -> Result<String, Trouble> {
        match self {
            Self::Process(process) => {
                signal_kill(process);
                match wait_gone(process, GONE).await {
                    true => Ok(format!("pid {}", process.pid)),
                    false => Err(Trouble::could_not(format!("pid {} survives SIGKILL", process.pid))),
                }
            }
            // The engine answers when it is dead.
            Self::Container { engine, id, name } => match engine.kill(id).await {
                Ok(()) => Ok(format!("container {name}")),
                Err(error) => Err(Trouble::from(&failures::engine(&error))),
            },
        }
    }
}

/// `before` is how many documents the index holds.
pub(super) async fn check(
    run: &Run,
    cx: &Arc<Context>,
    lock: &ProjectLock,
    connection: &Connection,
    before: u64,
) -> Outcome {
    let victim = Victim::of(&look(cx)?, cx).await?;
    let is_fatal = victim.takes_up_along();
    let ticks = if run.up.simulated_ticks() == Some(TICKS) { TICKS + 1 } else { TICKS };
    let (slow, source) = run.up.with_simulated(ticks, Some(RATE));
    let base = {
        let address = connection.kafka.clone();
        off_thread(move |_| kafka::ends(&address, TOPIC)).await?
    };
    // `up` may see the death before the killer has seen that its victim is gone.
    let struck = AtomicBool::new(false);
    let killing = async {
        let (address, base) = (connection.kafka.clone(), base.clone());
        let there = off_thread(move |abandoned| kafka::wait_for(&address, TOPIC, &base, CRASH_AT, abandoned)).await?;
        struck.store(true, Ordering::Relaxed);
        victim.kill().await.map(|victim| (there, victim))
    };
    let ((there, victim), ended) = {
        let (mut killing, mut streaming) = (std::pin::pin!(killing), std::pin::pin!(bring_up(&slow, cx, lock)));
        tokio::select! {
            killed = &mut killing => (killed?, streaming.await),
            ended = &mut streaming => match struck.load(Ordering::Relaxed) {
                true => (killing.await?, ended),
                false => return Err(too_early(ended.err().as_ref())),
            },
        }
    };
    match ended {
        // How it fails is not the point.
        Err(_) if is_fatal => {}
        Ok(_) if !is_fatal => {}
        Ok(_) => return Err(too_early(None)),
        Err(failure) => return Err(not_back(&failure)),
    }
    cx.report.clear();
    if there >= ticks {
        return Err(too_early(None));
    }
    let (fast, _) = run.up.with_simulated(ticks, None);
    let again = bring_up(&fast, cx, lock).await.map_err(|failure| not_back(&failure))?;
    nothing_lost_nothing_twice(run, cx, &again.connection, source, before + ticks).await?;
    Ok(format!(
        "{victim} killed with {} of {} ticks in the topic; after `up` each is there once, as message and document",
        count(there),
        count(ticks)
    ))
}

fn look(cx: &Context) -> Result<Found, Trouble> {
    Found::look(&cx.project()).map_err(|failure| Trouble::from(&failure))
}

fn too_early(failure: Option<&Failure>) -> Trouble {
    match failure {
        Some(failure) => Trouble::from(failure),
        None => Trouble::could_not("the stream ended before the crash came"),
    }
}

/// The stack did not come back: that is what this check is there to find.
fn not_back(failure: &Failure) -> Trouble {
    let trouble = Trouble::wrong(format!("`up` after the crash: {}: {}", failure.id.name(), failure.message));
    let trouble = trouble.tried(failure.tried.clone().unwrap_or_else(|| "stockdev up".to_owned()));
    match &failure.got {
        Some(got) => trouble.got(got.clone()),
        None => trouble,
    }
}

async fn nothing_lost_nothing_twice(
    run: &Run,
    cx: &Context,
    connection: &Connection,
    source: TickSource,
    documents: u64,
) -> Result<(), Trouble> {
    let stream = super::streamed(cx)?;
    let (address, base, read) = (connection.kafka.clone(), stream.base.clone(), run.read.clone());
    let (messages, expected) = off_thread(move |abandoned| {
        let expected = Expected::read(&source, &read, false, stream.shift)
            .map_err(|error| Trouble::could_not(format!("the simulated ticks can't be read: {error}")))?;
        Ok((kafka::read(&address, TOPIC, &base, abandoned)?, expected))
    })
    .await?;
    kafka::check_count(&messages, &expected)?;
    kafka::check_content(&messages, &expected)?;
    kafka::check_timestamps(&messages, &expected, None)?;
    let http = Http::new("Elasticsearch", &connection.endpoints.elasticsearch, &connection.elasticsearch)?;
    documents::check_count(&http, &documents::scope(None), documents).await?;
    documents::check_ids(&http, &messages).await?;
    Ok(())
}
