//! `doctor`: what this machine has and lacks for each stack, with the remedy. It looks and changes nothing.
//!
//! Each file below makes the checks of one area; [`check`] says what a check is and when it keeps a stack from running.
//! Whatever hangs outside is waited for at most [`ENGINE_PATIENCE`] after the search for the engine, so that the whole
//! takes less than two seconds.

mod check;
mod engine;
mod machine;
mod ports;
mod surroundings;

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Map, Value, json};

use super::context::Context;
use super::failure::Failure;
use super::global::StackChoice;
use crate::stack::docker::{EngineSearch, EngineSurvey, Images, RemoteHost, Service, SurveyError, find_engine, survey};
use crate::stack::{StackKind, machine as measured};
use check::{Check, Group, State};

/// The images that `up` takes when none are named.
fn images() -> Vec<(Service, String)> {
    let defaults = Images::defaults();
    Service::ALL.into_iter().map(|service| (service, defaults.of(service).local_name())).collect()
}

/// How long a found engine may take to answer the questions. Docker takes some 20 ms, Podman on a busy machine more than a second.
const ENGINE_PATIENCE: Duration = Duration::from_secs(3);

/// The stacks that need something of this machine.
const STACKS: [StackKind; 2] = [StackKind::Embedded, StackKind::Docker];

/// Check what this machine has and lacks for each stack
///
/// Nothing is started or changed, and nothing leaves this machine but questions to the container engine. Exit code 0:
/// the stack can run (with `--stack auto`: one of them can); else the code that `up` would end with, or 1 when no stack
/// can run.
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev doctor\n  \
    stockdev doctor --stack docker      is everything there for containers?\n  \
    stockdev doctor --output json")]
pub(super) struct DoctorArgs {
    /// Look at the ports from N on, as `up --port-base N` takes them
    #[arg(long, value_name = "N")]
    port_base: Option<u16>,
}

/// What was found of the container engine.
struct Engine {
    search: EngineSearch,
    survey: Option<Result<EngineSurvey, SurveyError>>,
}

impl Engine {
    async fn look() -> Self {
        let asked = tokio::task::spawn_blocking(|| find_engine(None, &|name| std::env::var(name).ok())).await;
        let search = asked.unwrap_or_else(|_| EngineSearch { found: None, tried: Vec::new() });
        let survey = match &search.found {
            Some(address) => {
                let images = images();
                let names: Vec<&str> = images.iter().map(|(_, name)| name.as_str()).collect();
                Some(survey(address, &names, ENGINE_PATIENCE).await)
            }
            None => None,
        };
        Self { search, survey }
    }

    /// What it says of itself, if it answered.
    fn answers(&self) -> Option<&EngineSurvey> {
        self.survey.as_ref()?.as_ref().ok()
    }

    /// Whether it runs on this very machine: neither on another one nor in a virtual one.
    fn is_this_machine(&self) -> bool {
        let host = self.answers().and_then(|survey| survey.host_name.as_deref());
        host.is_some() && self.remote_host().is_none() && host == measured::host_name().as_deref()
    }

    /// The other machine it is on.
    fn remote_host(&self) -> Option<RemoteHost> {
        RemoteHost::of(self.search.found.as_ref()?)
    }
}

pub(super) async fn run(args: &DoctorArgs, cx: &Context) -> Result<u8, Failure> {
    let started = Instant::now();
    let engine = Engine::look().await;
    let mut checks = engine::checks(&engine);
    checks.extend(machine::checks(cx));
    checks.extend(ports::checks(args.port_base, &engine, cx)?);
    checks.extend(surroundings::checks(&engine, cx));
    let report = Report { checks, choice: cx.global.stack, elapsed: started.elapsed() };
    cx.result(&report.text(cx.looks.color_out), &report.document());
    Ok(report.exit_code())
}

struct Report {
    checks: Vec<Check>,
    choice: StackChoice,
    elapsed: Duration,
}

impl Report {
    /// The checks that keep a stack from running.
    fn blockers(&self, stack: StackKind) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(move |check| check.blocks(stack))
    }

    fn can_run(&self, stack: StackKind) -> bool {
        self.blockers(stack).next().is_none()
    }

    fn exit_code(&self) -> u8 {
        let code_of = |stack| self.blockers(stack).next().map_or(0, Check::exit_code);
        match self.choice {
            StackChoice::Embedded => code_of(StackKind::Embedded),
            StackChoice::Docker => code_of(StackKind::Docker),
            // It needs nothing of this machine.
            StackChoice::External => 0,
            StackChoice::Auto => u8::from(!STACKS.iter().any(|stack| self.can_run(*stack))),
        }
    }

    fn state(&self) -> State {
        self.checks.iter().map(|check| check.state(self.choice)).max().unwrap_or(State::Ok)
    }

    fn text(&self, color: bool) -> String {
        let width = self.checks.iter().map(|check| check.id.len()).max().unwrap_or(0);
        let mut lines = Vec::new();
        for group in Group::ALL {
            let of_group = self.checks.iter().filter(|check| check.group == group);
            let rows: Vec<String> = of_group.flat_map(|check| check.lines(self.choice, width, color)).collect();
            if !rows.is_empty() {
                lines.push(group.title().to_owned());
                lines.extend(rows);
                lines.push(String::new());
            }
        }
        for stack in STACKS {
            let blockers: Vec<&str> = self.blockers(stack).map(|check| check.id.as_str()).collect();
            let verdict =
                if blockers.is_empty() { "can run".to_owned() } else { format!("cannot run: {}", blockers.join(", ")) };
            lines.push(format!("{:<15} {verdict}", format!("{stack} stack")));
        }
        lines.join("\n")
    }

    fn document(&self) -> Value {
        let stack = |stack: &StackKind| {
            let because: Vec<&str> = self.blockers(*stack).map(|check| check.id.as_str()).collect();
            (stack.to_string(), json!({"can_run": because.is_empty(), "because": because}))
        };
        json!({
            "state": self.state().name(),
            "stacks": STACKS.iter().map(stack).collect::<Map<String, Value>>(),
            "checks": self.checks.iter().map(|check| check.document(self.choice)).collect::<Vec<_>>(),
            "elapsed_ms": u64::try_from(self.elapsed.as_millis()).unwrap_or(u64::MAX),
            "exit_code": self.exit_code(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(choice: StackChoice, checks: Vec<Check>) -> Report {
        Report { checks, choice, elapsed: Duration::ZERO }
    }

    fn no_engine() -> Check {
        Check::new(Group::Engine, "engine", "none answers", "an engine").blocking(&[StackKind::Docker], 10)
    }

    fn no_memory() -> Check {
        Check::new(Group::Machine, "memory", "12 MiB", "150 MiB").blocking(&[StackKind::Embedded], 13)
    }

    #[test]
    fn the_exit_code_is_that_of_the_stack_that_was_asked_for() {
        let all = || vec![no_engine(), no_memory()];
        for (choice, checks, code) in [
            (StackChoice::Auto, vec![], 0),
            (StackChoice::Auto, vec![no_engine()], 0),
            (StackChoice::Auto, vec![no_memory()], 0),
            (StackChoice::Auto, all(), 1),
            (StackChoice::Docker, all(), 10),
            (StackChoice::Docker, vec![no_memory()], 0),
            (StackChoice::Embedded, all(), 13),
            (StackChoice::External, all(), 0),
        ] {
            assert_eq!(report(choice, checks).exit_code(), code, "{choice:?}");
        }
    }

    #[test]
    fn what_only_the_other_stack_lacks_is_a_warning() {
        let state = |choice, check: Check| check.state(choice);
        assert_eq!(state(StackChoice::Auto, no_engine()), State::Warning);
        assert_eq!(state(StackChoice::Docker, no_engine()), State::Problem);
        assert_eq!(state(StackChoice::Docker, no_memory()), State::Warning);
        assert_eq!(state(StackChoice::Auto, no_memory()), State::Problem);
        assert_eq!(state(StackChoice::External, no_memory()), State::Warning);
    }

    #[test]
    fn the_text_marks_each_check_and_ends_with_a_verdict_for_each_stack() {
        let good = Check::new(Group::Machine, "open-files", "1,048,576", "1,024");
        let bad = no_engine().fix("start Docker").detail("unix:///a: no such file");
        let text = report(StackChoice::Auto, vec![bad, good]).text(false);
        insta::assert_snapshot!(text, @r"
        Container engine
          warn  engine      none answers
                            unix:///a: no such file
                            needed: an engine
                            fix: start Docker

        Machine
          ok    open-files  1,048,576

        embedded stack  can run
        docker stack    cannot run: engine
        ");
    }
}
