//! `template`: the index template, shown or applied.

use std::sync::Arc;

use clap::{Args, Subcommand};
use serde_json::json;

use super::connection::Connection;
use super::context::Context;
use super::failure::Failure;
use super::failures;
use crate::setup::{self, TEMPLATE_JSON, TEMPLATE_NAME, TemplateOutcome};

/// Show or apply the index template
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:\n  stockdev template show\n  stockdev template apply --elasticsearch http://localhost:9200"
)]
pub(super) struct TemplateArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Put it into Elasticsearch; again is no harm
    Apply,
    /// Print it
    Show,
}

pub(super) async fn run(args: TemplateArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    match args.action {
        Action::Show => {
            let document: serde_json::Value = serde_json::from_str(TEMPLATE_JSON).unwrap_or_default();
            cx.result(TEMPLATE_JSON.trim_end(), &document);
        }
        Action::Apply => {
            let connection = Connection::from_context(cx)?;
            let outcome =
                setup::apply_template(&connection.elasticsearch).await.map_err(|error| failures::setup(&error))?;
            let outcome = match outcome {
                TemplateOutcome::Created => "created",
                TemplateOutcome::Updated => "updated",
                TemplateOutcome::Unchanged => "unchanged",
            };
            let text = format!("`{TEMPLATE_NAME}` {outcome} at {}", connection.endpoints.elasticsearch);
            cx.result(&text, &json!({"state": "done", "template": TEMPLATE_NAME, "outcome": outcome}));
        }
    }
    Ok(0)
}
