//! `convert`: any readable layout to NDJSON.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::generate::flush;
use super::ticks::{ReadArgs, check_source};
use crate::report::count;
use crate::tick;

/// Convert ticks (CSV, JSON array, NDJSON, plain or gzip) to NDJSON
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev convert log_inf.csv > ticks.json\n  \
    stockdev convert my.csv --map ltp=last_price --map note=-")]
pub(super) struct ConvertArgs {
    /// The file; - is standard input
    file: String,
    /// The column that holds a field (COLUMN=- drops it); several times
    #[arg(long, value_name = "COLUMN=FIELD")]
    map: Vec<String>,
    #[command(flatten)]
    read: ReadArgs,
    /// Pass over ticks that can't be read, and count them
    #[arg(long)]
    skip_invalid: bool,
    /// Write to this file
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(args: ConvertArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let inner = Arc::clone(cx);
    let work = tokio::task::spawn_blocking(move || convert(&args, &inner));
    tokio::select! {
        done = work => done.map_err(|error| Failure::new(ErrorId::Internal, format!("the conversion ended badly: {error}")))?,
        () = cx.stop.requested() => Err(cx.interrupted()),
    }
}

fn convert(args: &ConvertArgs, cx: &Context) -> Result<u8, Failure> {
    let source = check_source(&args.file)?;
    let options = args.read.options(&args.map)?;
    let report = match &args.out {
        None => {
            let mut out = cx.printer.data();
            let report =
                tick::convert(&source, &options, args.skip_invalid, &mut out).map_err(|error| failures::write(&error));
            flush(&mut out, "standard output", cx)?;
            report?
        }
        Some(path) => {
            let file =
                File::create(path).map_err(|error| failures::output(&format!("`{}`", path.display()), &error))?;
            let mut out = BufWriter::new(file);
            let report =
                tick::convert(&source, &options, args.skip_invalid, &mut out).map_err(|error| failures::write(&error));
            flush(&mut out, &path.display().to_string(), cx)?;
            report?
        }
    };
    if report.invalid > 0 {
        cx.report.note(&format!("{} that can't be read were skipped", count(report.invalid)));
    }
    if let Some(path) = &args.out {
        let path = path.display().to_string();
        cx.result(
            &format!("{} ticks written to {path}", count(report.ticks)),
            &json!({"state": "done", "ticks": report.ticks, "invalid": report.invalid, "out": path}),
        );
    }
    Ok(0)
}
