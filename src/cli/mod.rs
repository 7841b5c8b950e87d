//! The command line: one file a command, its arguments and what it prints.
//!
//! [`main`] reads the settings files, parses, runs one command and turns what came of it into an exit code. Commands get a
//! [`Context`] and give an exit code or a [`Failure`]; neither they nor anything below them ends the process.

mod bigquery;
mod completions;
mod connection;
mod consume;
mod context;
mod convert;
mod dashboard;
mod doctor;
mod down;
mod env;
mod exec;
mod explain;
mod export;
mod failure;
mod failures;
mod gcs;
mod generate;
mod global;
mod google;
mod import;
mod index;
mod live;
mod logs;
mod ls;
mod man;
mod parse;
mod paths;
mod produce;
mod progress;
mod purge;
mod serve;
mod smoke;
mod status;
mod stop;
mod template;
mod ticks;
mod trace;
mod up;
mod version;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::{Parser, Subcommand};

pub use explain::ErrorId;
pub use failure::{Failure, Next};
pub use parse::definition;

use context::Context;
use global::GlobalArgs;

/// The whole real-time stock pipeline in one command
///
/// Ticks go into a Kafka topic, and from there into an Elasticsearch index with a Kibana dashboard. The servers are the real
/// ones in containers, or, where there is no container engine, embedded ones inside a background process of this program, with
/// the protocols that any client of the real ones knows. `up --push-gcs --bigquery` adds Cloud Storage and BigQuery, which the
/// embedded stack has, too.
#[derive(Parser, Debug)]
#[command(
    name = "stockdev",
    version,
    before_help = "Examples:\n  \
        stockdev up                      start everything, stream and index the sample\n  \
        stockdev status                  what runs, how much is in it\n  \
        stockdev consume --max 5         look at the ticks\n  \
        stockdev down                    stop and remove everything",
    after_help = "Every flag has a variable STOCKDEV_<FLAG> and a key in stockdev.toml; `stockdev explain` lists all errors.",
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Up(Box<up::UpArgs>),
    Down(down::DownArgs),
    Status(status::StatusArgs),
    Ls(ls::LsArgs),
    Logs(logs::LogsArgs),
    Exec(Box<exec::ExecArgs>),
    Smoke(Box<smoke::SmokeArgs>),
    Produce(produce::ProduceArgs),
    Consume(consume::ConsumeArgs),
    Export(export::ExportArgs),
    Import(import::ImportArgs),
    Index(index::IndexArgs),
    Generate(generate::GenerateArgs),
    Convert(convert::ConvertArgs),
    Template(template::TemplateArgs),
    Doctor(doctor::DoctorArgs),
    Dashboard(dashboard::DashboardArgs),
    Gcs(gcs::GcsArgs),
    #[command(name = "bigquery")]
    BigQuery(bigquery::BigQueryArgs),
    Env(env::EnvArgs),
    Explain(explain::ExplainArgs),
    Paths(paths::PathsArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
    Version(version::VersionArgs),
    #[command(name = "__serve", hide = true)]
    Serve(serve::ServeArgs),
    #[command(name = "__live", hide = true)]
    Live(live::LiveArgs),
}

impl Command {
    /// Whether the command itself sees to an orderly end when it is interrupted. The others are just left.
    fn ends_itself(&self) -> bool {
        match self {
            Command::Up(_) | Command::Down(_) | Command::Exec(_) | Command::Produce(_) | Command::Consume(_) => true,
            Command::Smoke(_) | Command::Export(_) | Command::Import(_) => true,
            Command::Gcs(args) => args.ends_itself(),
            Command::BigQuery(args) => args.ends_itself(),
            Command::Index(_) | Command::Logs(_) | Command::Generate(_) | Command::Serve(_) | Command::Live(_) => true,
            Command::Status(args) => args.watches(),
            Command::Ls(_) | Command::Convert(_) | Command::Template(_) | Command::Env(_) | Command::Explain(_) => {
                false
            }
            Command::Dashboard(args) => args.serves(),
            Command::Doctor(_)
            | Command::Paths(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Version(_) => false,
        }
    }
}

/// Runs the command line `arguments` (the first one is the program's name).
pub fn main(arguments: Vec<OsString>) -> ExitCode {
    let parsed = match parse::parse(&arguments) {
        Ok(parsed) => parsed,
        Err(refused) => return ExitCode::from(refused.show()),
    };
    if let Command::Serve(args) = &parsed.cli.command {
        return ExitCode::from(serve::run(args));
    }
    ExitCode::from(run(parsed))
}

fn run(parsed: parse::Parsed) -> u8 {
    let parse::Parsed { mut cli, origin, project_given } = parsed;
    if let Command::Smoke(args) = &mut cli.command {
        args.choose_project(&mut cli.global, project_given);
    }
    let cx = match Context::new(cli.global, origin) {
        Ok(cx) => Arc::new(cx),
        Err((failure, shower)) => return shower.show(&failure),
    };
    if let Some(level) = trace::level(&cli.command, &cx) {
        trace::start(&cx.printer, level);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cx.fail(&Failure::new(ErrorId::Internal, format!("no runtime: {error}"))),
    };
    let code = runtime.block_on(run_until_forced(cli.command, &cx));
    // What still works in the background is not waited for: the command has said its last word.
    runtime.shutdown_timeout(Duration::from_millis(10));
    code
}

async fn run_until_forced(command: Command, cx: &Arc<Context>) -> u8 {
    if let Err(error) = cx.stop.listen(Arc::clone(cx)) {
        return cx.fail(&Failure::new(ErrorId::Internal, format!("cannot listen for signals: {error}")));
    }
    let ends_itself = command.ends_itself();
    let outcome = tokio::select! {
        outcome = dispatch(command, cx) => outcome,
        () = cx.stop.forced() => Err(cx.interrupted().left("this run was forced to end; `stockdev down` removes what it left")),
        () = cx.stop.requested(), if !ends_itself => Err(cx.interrupted()),
    };
    match outcome {
        Ok(code) => code,
        // A reader that had enough is a success, whatever else came of it.
        Err(_) if cx.printer.reader_left() => 0,
        Err(failure) => cx.fail(&failure),
    }
}

async fn dispatch(command: Command, cx: &Arc<Context>) -> Result<u8, Failure> {
    match command {
        Command::Up(args) => up::run(*args, cx).await,
        Command::Down(args) => down::run(&args, cx).await,
        Command::Status(args) => status::run(&args, cx).await,
        Command::Ls(args) => ls::run(&args, cx).await,
        Command::Logs(args) => logs::run(&args, cx).await,
        Command::Exec(args) => exec::run(*args, cx).await,
        Command::Smoke(args) => smoke::run(*args, cx).await,
        Command::Produce(args) => produce::run(args, cx).await,
        Command::Consume(args) => consume::run(args, cx).await,
        Command::Export(args) => export::run(args, cx).await,
        Command::Import(args) => import::run(args, cx).await,
        Command::Index(args) => index::run(args, cx).await,
        Command::Generate(args) => generate::run(args, cx).await,
        Command::Convert(args) => convert::run(args, cx).await,
        Command::Template(args) => template::run(args, cx).await,
        Command::Doctor(args) => doctor::run(&args, cx).await,
        Command::Dashboard(args) => dashboard::run(args, cx).await,
        Command::Gcs(args) => gcs::run(args, cx).await,
        Command::BigQuery(args) => bigquery::run(args, cx).await,
        Command::Env(args) => env::run(&args, cx),
        Command::Explain(args) => explain::run(&args, cx),
        Command::Paths(args) => paths::run(&args, cx),
        Command::Completions(args) => completions::run(&args, cx),
        Command::Man(args) => man::run(&args, cx),
        Command::Version(args) => version::run(&args, cx),
        Command::Serve(args) => Ok(serve::run(&args)),
        Command::Live(args) => live::run(args, cx).await,
    }
}
