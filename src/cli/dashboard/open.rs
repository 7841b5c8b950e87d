//! `dashboard open`: the page in a browser, or its address.

use std::process::{Command, Stdio};
use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::SpaceArgs;
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::{ElasticsearchAddress, KibanaAddress};
use crate::setup::{self, DASHBOARD_ID, DASHBOARD_NDJSON};
use crate::stack::embedded::DashboardServer;

#[derive(Args, Debug)]
pub(super) struct OpenArgs {
    /// The dashboard's id
    #[arg(value_name = "ID", default_value = DASHBOARD_ID)]
    id: String,
    /// Print the address and open nothing
    #[arg(long)]
    print: bool,
    #[command(flatten)]
    space: SpaceArgs,
}

pub(super) async fn run(args: OpenArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    // A cluster without a Kibana: the page of our own, over it.
    let has_no_kibana = cx.global.elasticsearch.is_some() || cx.endpoints().is_err();
    if cx.global.kibana.is_none()
        && has_no_kibana
        && let Some(elasticsearch) = Connection::to_elasticsearch(cx)?
    {
        return serve(&args, &elasticsearch, cx).await;
    }
    let kibana = super::kibana(cx, args.space.clone())?;
    show(&kibana.dashboard_url(&args.id), args.print, cx);
    Ok(0)
}

/// Opens the address and says it.
fn show(url: &str, only_print: bool, cx: &Context) {
    let is_opened = !only_print && browse(url);
    let told = if is_opened { format!("opened {url}") } else { url.to_owned() };
    cx.result(&told, &json!({"state": "done", "url": url, "opened": is_opened}));
}

/// Serves the page until Ctrl-C. What is there of it is gone afterwards; nothing is written to the cluster.
async fn serve(args: &OpenArgs, elasticsearch: &ElasticsearchAddress, cx: &Arc<Context>) -> Result<u8, Failure> {
    let server = DashboardServer::start(elasticsearch).await.map_err(|error| {
        Failure::new(ErrorId::Usage, "the dashboard server can't start")
            .tried(format!("a page over {}", elasticsearch.url))
            .got(error.to_string())
    })?;
    let kibana = KibanaAddress::new(server.url().to_owned());
    let imported = setup::import_dashboard(&kibana, DASHBOARD_NDJSON.as_bytes()).await;
    imported.map_err(|error| failures::dashboard(&error))?;
    show(&kibana.dashboard_url(&args.id), args.print, cx);
    cx.report.note(&format!("the page over {} is served until Ctrl-C", elasticsearch.url));
    cx.stop.requested().await;
    server.stop().await;
    Ok(0)
}

/// Asks the desktop to open the address; `false` where there is none to ask.
pub(in crate::cli) fn browse(url: &str) -> bool {
    let has_desktop = cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY", "WSL_DISTRO_NAME"].iter().any(|name| std::env::var_os(name).is_some());
    if !has_desktop {
        return false;
    }
    let programs: &[&str] = if cfg!(target_os = "macos") { &["open"] } else { &["xdg-open", "wslview"] };
    programs.iter().any(|program| {
        let child =
            Command::new(program).arg(url).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        child.is_ok_and(|status| status.success())
    })
}
