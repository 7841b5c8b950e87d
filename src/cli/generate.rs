//! `generate`: simulated ticks, to standard output or a file.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::ticks::{ReadArgs, parse_rate};
use crate::report::count;
use crate::tick::{self, SimulatorOptions};

/// Simulate ticks: the same seed gives the same bytes
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev generate --ticks 1000 > ticks.json\n  \
    stockdev generate --ticks 1000000 | stockdev produce -\n  \
    stockdev generate --instruments 50 --ticks 0 --rate 200      without end, 200 a second")]
pub(super) struct GenerateArgs {
    /// How many instruments
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    instruments: Option<u32>,
    /// How many ticks; 0 is without end
    #[arg(long, value_name = "N", default_value_t = 2000)]
    ticks: u64,
    /// Ticks a second, in real time; left out, as fast as it goes
    #[arg(long, value_name = "N", value_parser = parse_rate)]
    rate: Option<f64>,
    /// The seed
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// The first tick's day and time
    #[arg(long, value_name = "TIME")]
    start: Option<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(args: GenerateArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let inner = Arc::clone(cx);
    let done = tokio::task::spawn_blocking(move || generate(&args, &inner)).await;
    done.map_err(|error| Failure::new(ErrorId::Internal, format!("the simulator ended badly: {error}")))?
}

fn generate(args: &GenerateArgs, cx: &Context) -> Result<u8, Failure> {
    let options = options(args)?;
    let cancel = || cx.stop.is_requested() || cx.printer.reader_left();
    let written = match &args.out {
        None => {
            let mut out = cx.printer.data();
            let ticks =
                tick::generate(&options, &mut out, args.rate, &cancel).map_err(|error| failures::write(&error))?;
            flush(&mut out, "standard output", cx)?;
            return Ok(ended(cx, ticks));
        }
        Some(path) => {
            let file =
                File::create(path).map_err(|error| failures::output(&format!("`{}`", path.display()), &error))?;
            let mut out = BufWriter::new(file);
            let ticks =
                tick::generate(&options, &mut out, args.rate, &cancel).map_err(|error| failures::write(&error))?;
            flush(&mut out, &path.display().to_string(), cx)?;
            ticks
        }
    };
    let path = args.out.as_ref().map(|path| path.display().to_string());
    cx.result(
        &format!("{} ticks written to {}", count(written), path.as_deref().unwrap_or("-")),
        &json!({"state": "done", "ticks": written, "out": path}),
    );
    Ok(ended(cx, written))
}

fn options(args: &GenerateArgs) -> Result<SimulatorOptions, Failure> {
    let mut options = SimulatorOptions { zone: args.read.zone()?, ..SimulatorOptions::default() };
    options.ticks = (args.ticks > 0).then_some(args.ticks);
    if let Some(instruments) = args.instruments {
        options.instruments = instruments;
    }
    if let Some(seed) = args.seed {
        options.seed = seed;
    }
    if let Some(start) = &args.start {
        options.start = SimulatorOptions::parse_start(start, &options.zone).map_err(|error| {
            Failure::new(ErrorId::Usage, error.to_string()).next("stockdev generate --help", "what is possible")
        })?;
    }
    Ok(options)
}

pub(super) fn flush(out: &mut dyn Write, what: &str, cx: &Context) -> Result<(), Failure> {
    match out.flush() {
        Err(_) if cx.printer.reader_left() => Ok(()),
        flushed => flushed.map_err(|error| failures::output(what, &error)),
    }
}

/// Endless generation ends by Ctrl-C or by a reader that leaves: both are as wanted.
fn ended(cx: &Context, _ticks: u64) -> u8 {
    if cx.stop.is_requested() { cx.interrupted().exit_code } else { 0 }
}
