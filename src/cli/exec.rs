//! `exec`: up, a command with the endpoints in its environment, down. For CI.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::sync::Arc;

use clap::Args;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};

use super::connection::{Connection, own_credentials};
use super::context::Context;
use super::down;
use super::env::variables;
use super::explain::ErrorId;
use super::failure::Failure;
use super::stop::Asked;
use super::up::{UpArgs, bring_up};
use crate::client::ElasticsearchAuth;

/// Run a command with the stack up and the endpoints in its environment, then take the stack down
///
/// Ends with the command's own exit code. A stack that ran before is left running.
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev exec --ports auto -- pytest tests/\n  \
    stockdev exec --no-stream -- sh -c 'kcat -L -b $KAFKA_BOOTSTRAP_SERVERS'")]
pub(super) struct ExecArgs {
    #[command(flatten)]
    up: UpArgs,
    /// The command and its arguments, after --
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) async fn run(args: ExecArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let project = cx.project();
    let lock = cx.lock()?;
    let outcome = match bring_up(&args.up, cx, &lock).await {
        Ok(outcome) => outcome,
        Err(failure) => {
            down::tidy(cx, lock);
            return Err(failure);
        }
    };
    if outcome.dead_letters > 0 {
        cx.tell(&outcome.dead_letter_failure());
    }
    drop(lock);
    let ended = run_command(&args.command, cx, &outcome.connection).await;
    if outcome.existed {
        cx.report.note("the stack was there before `exec` and is left running");
    } else {
        let lock = cx.lock()?;
        down::take_down(cx, &project, false, &lock).await?;
        down::tidy(cx, lock);
    }
    ended.map(exit_code)
}

/// The command's own code; ended by a signal, what a shell would say.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| signal.saturating_add(128)));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

async fn run_command(command: &[String], cx: &Context, connection: &Connection) -> Result<ExitStatus, Failure> {
    let (program, arguments) =
        command.split_first().ok_or_else(|| Failure::new(ErrorId::Usage, "a command is missing after `--`"))?;
    let mut child = Command::new(program)
        .args(arguments)
        .envs(variables(&connection.endpoints))
        .envs(credentials(cx, connection)?)
        .spawn()
        .map_err(|error| not_started(program, &error))?;
    tokio::select! {
        status = child.wait() => return status.map_err(|error| not_started(program, &error)),
        () = cx.stop.requested() => {}
    }
    forward(cx, &child);
    child.wait().await.map_err(|error| not_started(program, &error))
}

/// Those of a stack that we secured: the command is the user's own, and gets in without asking.
fn credentials(cx: &Context, connection: &Connection) -> Result<Vec<(&'static str, String)>, Failure> {
    match own_credentials(cx, |own| *own == connection.endpoints)? {
        Some(ElasticsearchAuth::Basic { user, password }) => Ok(vec![
            ("ELASTICSEARCH_USERNAME", user),
            ("ELASTICSEARCH_PASSWORD", password.expose().to_owned()),
            ("ELASTICSEARCH_PASSWORD_FILE", cx.project().password().display().to_string()),
        ]),
        Some(ElasticsearchAuth::ApiKey(_)) | None => Ok(Vec::new()),
    }
}

/// Hands the signal on. Ctrl-C at a terminal has reached the command already, as a member of the same group.
fn forward(cx: &Context, child: &Child) {
    use std::io::IsTerminal;
    let signal = match cx.stop.asked() {
        Some(Asked::Interrupt) if std::io::stdin().is_terminal() => return,
        Some(Asked::Interrupt) => Signal::INT,
        Some(Asked::Terminate) | None => Signal::TERM,
    };
    let pid = child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw);
    if let Some(pid) = pid {
        let _ended_meanwhile = kill_process(pid, signal).is_err();
    }
}

fn not_started(program: &str, error: &std::io::Error) -> Failure {
    Failure::new(ErrorId::CommandNotStarted, format!("cannot run `{program}`"))
        .got(error.to_string())
        .left("the stack was taken down again")
        .next(format!("command -v {program}"), "see whether it is there")
}
