//! `dashboard export`: what a person changed in Kibana, back to the file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::SpaceArgs;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::report::counted;
use crate::setup::{DASHBOARD_ID, canonical};
use crate::stack::replace_file;

/// Where the dashboard stands in a checkout.
const SHIPPED: &str = "es/stock-stream-dashboard.ndjson";

#[derive(Args, Debug)]
pub(super) struct ExportArgs {
    /// The dashboard's id
    #[arg(value_name = "ID", default_value = DASHBOARD_ID)]
    id: String,
    /// Where to; left out, es/stock-stream-dashboard.ndjson or, where there is no such file, ID.ndjson; - is standard output
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    space: SpaceArgs,
}

pub(super) async fn run(args: ExportArgs, cx: &Arc<Context>) -> Result<(), Failure> {
    let kibana = super::kibana(cx, args.space.clone())?;
    let exported = kibana.export("dashboard", &args.id).await.map_err(|error| failures::kibana(&error))?;
    let (text, objects) = canonical(&exported).map_err(|error| {
        Failure::new(ErrorId::KibanaFailed, format!("what {} exports can't be written", kibana.url))
            .got(error.to_string())
            .left("nothing was written")
    })?;
    let file = args.file.clone().unwrap_or_else(|| default_file(&args.id));
    if file == Path::new("-") {
        cx.result(text.trim_end(), &json!(text));
        return Ok(());
    }
    let before = std::fs::read_to_string(&file).ok();
    let outcome = match &before {
        Some(before) if *before == text => "unchanged",
        Some(_) => "changed",
        None => "created",
    };
    if outcome != "unchanged" {
        replace_file(&file, text.as_bytes()).map_err(|error| failures::file(&error))?;
    }
    let count = counted(objects, "object");
    let told = format!("{} {outcome}: {count} from {}", file.display(), kibana.url);
    cx.result(
        &told,
        &json!({"state": "done", "file": file, "outcome": outcome, "objects": objects, "kibana": kibana.url}),
    );
    Ok(())
}

/// The shipped file is for the shipped dashboard only.
fn default_file(id: &str) -> PathBuf {
    let shipped = PathBuf::from(SHIPPED);
    if id == DASHBOARD_ID && shipped.is_file() {
        return shipped;
    }
    // An id of somebody else's may hold anything.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let name: String = id.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    PathBuf::from(format!("{}.ndjson", name.trim_start_matches('.')))
}
