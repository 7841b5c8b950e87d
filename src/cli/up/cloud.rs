//! The phases `gcs` and `bigquery`: the ticks into a bucket, the scripts of `sql/` over them.
//!
//! The object is made from the source of the stream, with its own timestamps: so a second `up` finds it as it is and writes
//! nothing. Where the source can't be read a second time there is nothing to push; `gcs push --from-topic` takes the topic.

use serde_json::{Value, json};

use clap::Args;

use super::UpArgs;
use super::forecast;
use super::plan::{Plan, StreamPlan, asked_source, source_of};
use crate::cli::bigquery::{self, ScriptPlan, forecasts, quality, run_document};
use crate::cli::connection::Connection;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::cli::gcs;
use crate::cli::google::{CloudArgs, DatasetArgs, need};
use crate::client::{GoogleAddress, GoogleService};
use crate::cloud::{BucketName, GcsError, OBJECT, PushOptions, PushReport, RunOptions, ScriptRun};
use crate::report::{Phase, bytes, count};
use crate::stack::Endpoints;
use crate::tick::TickSource;

#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Google Cloud")]
pub(super) struct CloudPhaseArgs {
    /// Put the ticks into a bucket of Cloud Storage, too
    #[arg(long)]
    push_gcs: bool,
    /// Run the scripts of sql/ on BigQuery: external table, regression, prediction, forecasts, which go onto the dashboard;
    /// pushes the ticks, too
    #[arg(long)]
    bigquery: bool,
    /// On Google: a script that would bill more does not run; 0 is no limit
    #[arg(long, value_name = "BYTES", default_value = "1GB", value_parser = bigquery::parse_bytes, requires = "bigquery")]
    max_bytes_billed: i64,
    #[command(flatten)]
    dataset: DatasetArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

/// Whom to ask, and for which bucket.
#[derive(Debug, Clone)]
pub(super) struct CloudTarget {
    address: GoogleAddress,
    bucket: BucketName,
}

/// What is to be pushed, decided before anything is streamed.
#[derive(Debug)]
pub(super) struct CloudPlan {
    target: CloudTarget,
    source: Option<TickSource>,
}

/// Where the ticks were put and what was made of them.
#[derive(Debug, Clone)]
pub(in crate::cli) struct CloudPlaces {
    pub(in crate::cli) gcs: String,
    pub(in crate::cli) bigquery: String,
    pub(in crate::cli) project: String,
    pub(in crate::cli) bucket: String,
    pub(in crate::cli) dataset: String,
    /// Reading Google's own services back needs what only Google's clients do.
    pub(in crate::cli) is_google: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct CloudOutcome {
    document: Value,
    lines: Vec<String>,
    pub(super) places: CloudPlaces,
    /// Something was written or run.
    pub(super) changed: bool,
}

impl CloudPhaseArgs {
    /// The ticks go into a bucket; that is also what the scripts read.
    pub(super) fn is_asked(&self) -> bool {
        self.push_gcs || self.bigquery
    }

    /// Where `--cloud` itself asks for the cloud half (`smoke`): all of it, unless a part is named.
    pub(super) fn or_whole(mut self) -> Self {
        if self.cloud.is_given() && !self.is_asked() {
            (self.push_gcs, self.bigquery) = (true, true);
        }
        self
    }

    /// The live half alone.
    pub(super) fn nothing(self) -> Self {
        Self { push_gcs: false, bigquery: false, ..self }
    }

    pub(super) fn runs_scripts(&self) -> bool {
        self.bigquery
    }

    /// Google itself, where it is asked: what is missing is said before anything is started.
    pub(super) fn google(&self, cx: &Context) -> Result<Option<CloudTarget>, Failure> {
        if !self.is_asked() || !self.cloud.is_google() {
            return Ok(None);
        }
        let address = self.cloud.address(cx)?;
        let bucket = self.cloud.bucket(&address)?;
        Ok(Some(CloudTarget { address, bucket }))
    }

    /// The servers of a stack that runs, or those that flags and variables name.
    fn beside(&self, stack: &Endpoints, cx: &Context) -> Result<CloudTarget, Failure> {
        let address = self.cloud.address_in(stack, cx)?;
        let bucket = self.cloud.bucket(&address)?;
        need(&address, GoogleService::Storage, cx)?;
        if self.bigquery {
            need(&address, GoogleService::BigQuery, cx)?;
        }
        Ok(CloudTarget { address, bucket })
    }
}

impl CloudPlan {
    /// `None` when the cloud is not asked for. `stack`: the one that runs, or is to.
    pub(super) fn make(
        args: &UpArgs,
        plan: &Plan,
        google: Option<CloudTarget>,
        stack: &Endpoints,
        cx: &Context,
    ) -> Result<Option<Self>, Failure> {
        if !args.cloud.is_asked() {
            return Ok(None);
        }
        let target = google.map_or_else(|| args.cloud.beside(stack, cx), Ok)?;
        let source = match &plan.stream {
            StreamPlan::New { source, .. } | StreamPlan::Resume { source } => Some(source.clone()),
            StreamPlan::InPlace => plan.record.last_stream().and_then(source_of),
            StreamPlan::Nothing(_) => Some(asked_source(args)?.unwrap_or(TickSource::Sample)),
            StreamPlan::CannotResume | StreamPlan::UnknownPast => None,
        };
        // Standard input is gone once it was streamed.
        Ok(Some(Self { target, source: source.filter(|source| !matches!(source, TickSource::Stdin)) }))
    }

    /// Pushes and runs what was asked for.
    pub(super) async fn carry_out(
        &self,
        args: &UpArgs,
        cx: &Context,
        connection: &Connection,
    ) -> Result<CloudOutcome, Failure> {
        let cloud = &args.cloud;
        let CloudTarget { address, bucket } = &self.target;
        let scripts = match cloud.bigquery {
            true => Some(ScriptPlan::shipped(address, bucket, &cloud.dataset.dataset)?),
            false => None,
        };
        let source = self.source.as_ref().ok_or_else(unreadable)?;
        let options = PushOptions {
            object: OBJECT.parse().map_err(|error| failures::gcs(&GcsError::Name(error)))?,
            read: args.read.options(&[])?,
            skip_invalid: args.skip_invalid,
            gzip: false,
            patience: args.timeout,
        };
        let pushed = gcs::push(address, bucket, source, &options, cx).await?;
        let mut document = json!({"gcs": gcs::push_document(&pushed, bucket, address), "bigquery": null});
        let server = address.url(GoogleService::Storage);
        let mut lines = vec![format!("  gcs            {server}    {}", push_line(&pushed, bucket.as_str()))];
        let mut changed = !pushed.unchanged;
        if let Some(scripts) = scripts {
            // The stack's own server bills nothing.
            let limit = (address.is_google() && cloud.max_bytes_billed > 0).then_some(cloud.max_bytes_billed);
            let timeout = args.timeout.max(RunOptions::default().timeout);
            let limits = RunOptions { timeout, maximum_bytes_billed: limit, ..RunOptions::default() };
            let runs = bigquery::execute(&scripts, &limits, &|_| {}, cx).await?;
            let published = forecast::publish(&runs, source, cx, connection).await?;
            let url = address.url(GoogleService::BigQuery);
            lines.push(format!("  bigquery       {url}    dataset {}", cloud.dataset.dataset));
            lines.extend(summary(&runs));
            lines.push(format!("  forecasts      {}    {}", connection.endpoints.elasticsearch, published.line()));
            if let Some(document) = document.get_mut("bigquery") {
                *document = json!({
                    "bigquery": url,
                    "dataset": cloud.dataset.dataset.as_str(),
                    "scripts": runs.iter().map(run_document).collect::<Vec<_>>(),
                    "forecasts": published.document(),
                });
            }
            changed = true;
        } else {
            cx.report.skip(Phase::Bigquery, "--bigquery was not given");
        }
        let places = CloudPlaces {
            gcs: server.to_owned(),
            bigquery: address.url(GoogleService::BigQuery).to_owned(),
            project: address.project().to_owned(),
            bucket: bucket.to_string(),
            dataset: cloud.dataset.dataset.to_string(),
            is_google: cloud.cloud.is_google(),
        };
        Ok(CloudOutcome { document, lines, places, changed })
    }
}

impl CloudOutcome {
    pub(super) fn document(&self) -> &Value {
        &self.document
    }

    pub(super) fn lines(&self) -> &[String] {
        &self.lines
    }
}

fn unreadable() -> Failure {
    Failure::new(ErrorId::DataNotFound, "the ticks can't be read a second time, so there is nothing to push")
        .left("the stack runs, the ticks are in the topic")
        .next("stockdev gcs push --from-topic", "push what is in the topic")
        .phase(Phase::Gcs)
}

fn push_line(pushed: &PushReport, bucket: &str) -> String {
    let state = if pushed.unchanged { "unchanged" } else { "written" };
    format!("gs://{bucket}/{}, {} ticks, {}, {state}", pushed.object, count(pushed.ticks), bytes(pushed.bytes))
}

fn summary(runs: &[ScriptRun]) -> Vec<String> {
    let quality = quality(runs).map(|quality| format!("  regression     {quality}"));
    let forecasts = forecasts(runs).into_iter().map(|line| format!("  forecast       {line}"));
    quality.into_iter().chain(forecasts).collect()
}
