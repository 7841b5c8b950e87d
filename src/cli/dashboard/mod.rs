//! `dashboard`: what Kibana, or the embedded stack's own page, shows of the stream.

mod explain;
mod export;
mod open;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::KibanaAddress;
use crate::report::counted;
use crate::setup::{self, DASHBOARD_NDJSON, DashboardOutcome, IMPORT_BYTES_MAX};

pub(super) use open::browse;

/// Import, export, list and open dashboards, explain their searches
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev dashboard import\n  \
    stockdev dashboard import --kibana http://localhost:5601 --space team\n  \
    stockdev dashboard import exported.ndjson\n  \
    stockdev dashboard open\n  \
    stockdev dashboard list\n  \
    stockdev dashboard export\n  \
    stockdev dashboard explain --from now-1d --time-zone Asia/Kolkata")]
pub(super) struct DashboardArgs {
    #[command(subcommand)]
    action: Action,
}

impl DashboardArgs {
    /// Whether it may go on until Ctrl-C.
    pub(super) fn serves(&self) -> bool {
        matches!(self.action, Action::Open(_))
    }
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Put it into Kibana; again is no harm
    #[command(before_help = "Examples:\n  \
        stockdev dashboard import\n  \
        stockdev dashboard import --kibana http://localhost:5601 --space team\n  \
        stockdev dashboard import exported.ndjson")]
    Import {
        /// Saved objects as Kibana exports them, instead of the dashboard inside the program; - is standard input
        #[arg(value_name = "FILE")]
        file: Option<PathBuf>,
        #[command(flatten)]
        space: SpaceArgs,
    },
    /// The dashboards that are in Kibana
    #[command(
        before_help = "Examples:\n  stockdev dashboard list\n  stockdev dashboard list --space team --output json"
    )]
    List {
        #[command(flatten)]
        space: SpaceArgs,
    },
    /// Open a dashboard in the browser, or print its address where there is none
    #[command(before_help = "Examples:\n  \
        stockdev dashboard open\n  \
        stockdev dashboard open my-dashboard --print\n  \
        stockdev dashboard open --elasticsearch http://search.example:9200")]
    Open(open::OpenArgs),
    /// Write what was changed in Kibana back to the file, in an order that makes small diffs
    #[command(before_help = "Examples:\n  \
        stockdev dashboard export\n  \
        stockdev dashboard export my-dashboard mine.ndjson\n  \
        stockdev dashboard export my-dashboard -")]
    Export(export::ExportArgs),
    /// Print the searches behind each panel, compiled and not run
    #[command(before_help = "Examples:\n  \
        stockdev dashboard explain\n  \
        stockdev dashboard explain exported.ndjson --from now-7d --time-zone Europe/Berlin\n  \
        stockdev dashboard explain my-dashboard --output json")]
    Explain(explain::ExplainArgs),
    /// Print the file that is imported
    #[command(before_help = "Examples:\n  stockdev dashboard show > dashboard.ndjson")]
    Show,
}

#[derive(Args, Debug, Clone)]
struct SpaceArgs {
    /// The space in Kibana
    #[arg(long, value_name = "SPACE", value_parser = parse_space)]
    space: Option<String>,
}

/// Kibana's own rule for the ids of spaces.
fn parse_space(text: &str) -> Result<String, String> {
    let is_good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'_' | b'-');
    match !text.is_empty() && text.bytes().all(is_good) {
        true => Ok(text.to_owned()),
        false => Err("expected the id of a space: lower case letters, digits, _ and -".to_owned()),
    }
}

pub(super) async fn run(args: DashboardArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    match args.action {
        Action::Show => show(cx),
        Action::Import { file, space } => {
            let ndjson = match &file {
                None => DASHBOARD_NDJSON.as_bytes().to_vec(),
                Some(path) => read(path)?,
            };
            import(&ndjson, &kibana(cx, space)?, cx).await?;
        }
        Action::List { space } => list(&kibana(cx, space)?, cx).await?,
        Action::Open(args) => return open::run(args, cx).await,
        Action::Export(args) => export::run(args, cx).await?,
        Action::Explain(args) => explain::run(args, cx).await?,
    }
    Ok(0)
}

fn kibana(cx: &Context, args: SpaceArgs) -> Result<KibanaAddress, Failure> {
    Ok(KibanaAddress { space: args.space, ..Connection::to_kibana(cx)? })
}

fn show(cx: &Context) {
    let objects: Vec<Value> = DASHBOARD_NDJSON.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    cx.result(DASHBOARD_NDJSON.trim_end(), &Value::Array(objects));
}

async fn import(ndjson: &[u8], kibana: &KibanaAddress, cx: &Context) -> Result<(), Failure> {
    let outcome = setup::import_dashboard(kibana, ndjson).await.map_err(|error| failures::dashboard(&error))?;
    let mut lines = vec![format!("{} at {}", counts(&outcome), kibana.url)];
    for object in &outcome.objects {
        let what = if object.replaced { "replaced" } else { "created" };
        lines.push(format!("  {:<14} `{}` {what}    {}", object.kind, object.id, object.title).trim_end().to_owned());
    }
    let url = outcome.dashboard().map(|dashboard| kibana.dashboard_url(&dashboard.id));
    lines.extend(url.as_ref().map(|url| format!("open\n  {url}")));
    let objects: Vec<Value> = outcome
        .objects
        .iter()
        .map(|object| {
            let outcome = if object.replaced { "replaced" } else { "created" };
            json!({"type": object.kind, "id": object.id, "title": object.title, "outcome": outcome})
        })
        .collect();
    let document = json!({
        "state": "done",
        "kibana": kibana.url,
        "space": kibana.space,
        "created": outcome.created(),
        "replaced": outcome.replaced(),
        "objects": objects,
        "url": url,
    });
    cx.result(&lines.join("\n"), &document);
    Ok(())
}

/// "1 object created, 2 replaced".
pub(super) fn counts(outcome: &DashboardOutcome) -> String {
    let objects = |number: usize| counted(number, "object");
    match (outcome.created(), outcome.replaced()) {
        (created, 0) => format!("{} created", objects(created)),
        (0, replaced) => format!("{} replaced", objects(replaced)),
        (created, replaced) => format!("{} created, {replaced} replaced", objects(created)),
    }
}

async fn list(kibana: &KibanaAddress, cx: &Context) -> Result<(), Failure> {
    let found = kibana.find("dashboard").await.map_err(|error| failures::kibana(&error))?;
    let width = found.objects.iter().map(|object| object.title.chars().count()).max().unwrap_or(0);
    let mut lines: Vec<String> = found
        .objects
        .iter()
        .map(|object| format!("{:<width$}   {}", object.title, kibana.dashboard_url(&object.id)))
        .collect();
    let listed = u64::try_from(found.objects.len()).unwrap_or(u64::MAX);
    if listed < found.total {
        lines.push(format!("and {} more", found.total - listed));
    }
    if lines.is_empty() {
        lines.push("no dashboards".to_owned());
    }
    let dashboards: Vec<Value> = found
        .objects
        .iter()
        .map(|object| {
            let url = kibana.dashboard_url(&object.id);
            json!({"id": object.id, "title": object.title, "updated_at": object.updated_at, "url": url})
        })
        .collect();
    let document = json!({
        "kibana": kibana.url,
        "space": kibana.space,
        "total": found.total,
        "dashboards": dashboards,
    });
    cx.result(&lines.join("\n"), &document);
    Ok(())
}

/// The user's file, never more of it than Kibana takes.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let limit = u64::try_from(IMPORT_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().take(limit).read_to_end(&mut bytes),
        false => std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)),
    };
    read.map_err(|error| {
        Failure::new(ErrorId::Usage, format!("cannot read `{}`", path.display()))
            .tried(format!("open `{}`", path.display()))
            .got(error.to_string())
            .left("nothing was sent")
            .next("stockdev dashboard import", "import the dashboard inside the program")
    })?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_space_can_never_be_another_path() {
        for good in ["default", "team-1", "a_b"] {
            assert_eq!(parse_space(good).as_deref(), Ok(good));
        }
        for bad in ["", "Team", "a/b", "..", "a b", "é"] {
            assert!(parse_space(bad).is_err(), "{bad}");
        }
    }
}
