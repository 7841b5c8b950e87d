//! `bigquery`: scripts, run one after the other.

mod print;

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::cli::google::{CloudArgs, DatasetArgs, need, project_id};
use crate::cli::ticks::parse_duration;
use crate::client::{GoogleAddress, GoogleService};
use crate::cloud::{
    BigQuery, BigQueryError, BucketName, DatasetName, Estimate, Gcs, RunOptions, SHIPPED_SCRIPTS, Script, ScriptNames,
    ScriptProgress, ScriptRun, ShippedScript,
};
use crate::report::{Phase, Running, bytes, counted, seconds};

pub(super) use print::{forecast_table, forecasts, quality, run_document};

/// A script is never larger: BigQuery takes a megabyte.
const SCRIPT_BYTES_MAX: u64 = 1 << 20;

/// Run scripts on BigQuery: the running stack's own server, or Google's
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev bigquery run                     the five scripts inside the program\n  \
    stockdev bigquery run predict_price       one of them\n  \
    stockdev bigquery run mine.sql --format csv > result.csv\n  \
    stockdev bigquery run --cloud gcp --gcp-project my-project --bucket my-bucket\n  \
    stockdev bigquery list")]
pub(super) struct BigQueryArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand, Debug)]
enum Action {
    /// Run scripts in their order; without names the five inside the program
    ///
    /// A name is one of `bigquery list`, or a file; - is standard input. ${project}, ${dataset} and ${bucket} are filled in, and
    /// checked in all scripts before the first one is sent.
    #[command(before_help = "Examples:\n  \
        stockdev bigquery run\n  \
        stockdev bigquery run create_external_table train_price_regression_model predict_price\n  \
        stockdev bigquery run mine.sql --dry-run\n  \
        echo 'SELECT 1' | stockdev bigquery run - --format json\n  \
        stockdev bigquery run --cloud gcp --gcp-project my-project --bucket my-bucket --max-bytes-billed 10GB")]
    Run(Box<RunArgs>),
    /// The scripts inside the program
    #[command(before_help = "Examples:\n  stockdev bigquery list")]
    List,
    /// Print one of them
    #[command(before_help = "Examples:\n  stockdev bigquery show predict_price > mine.sql")]
    Show {
        #[arg(value_name = "SCRIPT")]
        script: String,
    },
}

#[derive(Args, Debug)]
struct RunArgs {
    /// Scripts by name or path; - is standard input; left out, the five inside the program
    #[arg(value_name = "SCRIPT")]
    scripts: Vec<String>,
    /// Say what each script would process and cost, and run nothing
    #[arg(long)]
    dry_run: bool,
    /// A script that would bill more does not run; 0 is no limit
    #[arg(long, value_name = "BYTES", default_value = "1GB", value_parser = parse_bytes)]
    max_bytes_billed: i64,
    /// How long a script may take
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = parse_duration)]
    timeout: Duration,
    /// Rows of a result at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    max_rows: u32,
    /// Form of the results
    #[arg(long, value_enum, default_value = "table", hide_possible_values = true, value_name = "table|json|csv")]
    format: Format,
    #[command(flatten)]
    dataset: DatasetArgs,
    #[command(flatten)]
    cloud: CloudArgs,
}

/// `--format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Json,
    Csv,
}

/// `1GB`, `500MB`, `2GiB`, or plain bytes.
pub(super) fn parse_bytes(text: &str) -> Result<i64, String> {
    let expected = || "expected bytes such as 1GB, 500MB or 2GiB".to_owned();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: i64 = match unit.trim().to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "TB" => 1_000_000_000_000,
        "KIB" => 1 << 10,
        "MIB" => 1 << 20,
        "GIB" => 1 << 30,
        "TIB" => 1 << 40,
        _ => return Err(expected()),
    };
    number.parse::<i64>().ok().and_then(|number| number.checked_mul(factor)).ok_or_else(expected)
}

impl BigQueryArgs {
    /// Whether it ends jobs itself when it is interrupted.
    pub(super) fn ends_itself(&self) -> bool {
        matches!(&self.action, Action::Run(args) if !args.dry_run)
    }
}

pub(super) async fn run(args: BigQueryArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    match args.action {
        Action::Run(args) => run_scripts(&args, cx).await,
        Action::List => {
            let width = SHIPPED_SCRIPTS.iter().map(|script| script.name.len()).max().unwrap_or(0);
            let line = |script: &ShippedScript| format!("{:<width$}  {}", script.name, script.purpose);
            let document = |script: &ShippedScript| json!({"name": script.name, "purpose": script.purpose});
            cx.result(
                &SHIPPED_SCRIPTS.iter().map(line).collect::<Vec<_>>().join("\n"),
                &SHIPPED_SCRIPTS.iter().map(document).collect(),
            );
            Ok(0)
        }
        Action::Show { script } => {
            let found = ShippedScript::find(&script)
                .ok_or_else(|| no_script(&script, "it is none of those inside the program"))?;
            cx.result(
                found.text.trim_end(),
                &json!({"name": found.name, "purpose": found.purpose, "text": found.text}),
            );
            Ok(0)
        }
    }
}

async fn run_scripts(args: &RunArgs, cx: &Context) -> Result<u8, Failure> {
    let address = args.cloud.address(cx)?;
    let sources = sources(&args.scripts)?;
    let bucket = match sources.iter().any(|(_, text)| Script::names(text, "bucket")) {
        true => Some(args.cloud.bucket(&address)?),
        false => args.cloud.given_bucket().cloned(),
    };
    let plan = ScriptPlan::new(&sources, &address, bucket, &args.dataset.dataset)?;
    let options = RunOptions {
        timeout: args.timeout,
        maximum_bytes_billed: (args.max_bytes_billed > 0).then_some(args.max_bytes_billed),
        rows_max: usize::try_from(args.max_rows).unwrap_or(usize::MAX),
    };
    if args.dry_run {
        return estimate(&plan, &options, cx).await;
    }
    let shower = |run: &ScriptRun| {
        if cx.is_text() {
            cx.report.say(&print::run_text(run, args.format));
        }
    };
    let runs = execute(&plan, &options, &shower, cx).await?;
    if !cx.is_text() {
        cx.result("", &document(&plan, &runs));
    }
    Ok(0)
}

/// The scripts' names and texts, before placeholders are filled.
fn sources(names: &[String]) -> Result<Vec<(String, String)>, Failure> {
    if names.is_empty() {
        return Ok(SHIPPED_SCRIPTS.iter().map(|script| (shipped_name(script), script.text.to_owned())).collect());
    }
    names.iter().map(|name| source(name)).collect()
}

fn shipped_name(script: &ShippedScript) -> String {
    format!("{}.sql", script.name)
}

/// A file that is there wins over a name: it may be somebody's own version.
fn source(name: &str) -> Result<(String, String), Failure> {
    let path = Path::new(name);
    if name != "-" && !path.is_file() {
        return match ShippedScript::find(name) {
            Some(script) => Ok((shipped_name(script), script.text.to_owned())),
            None => Err(no_script(name, "it is no file, and none of those inside the program")),
        };
    }
    let unreadable = |error: std::io::Error| no_script(name, &error.to_string());
    let text = match name {
        "-" => read_capped(std::io::stdin()).map_err(unreadable)?,
        _ => read_capped(std::fs::File::open(path).map_err(unreadable)?).map_err(unreadable)?,
    };
    Ok((if name == "-" { "standard input".to_owned() } else { name.to_owned() }, text))
}

fn read_capped(source: impl std::io::Read) -> std::io::Result<String> {
    let mut text = String::new();
    source.take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text)?;
    match u64::try_from(text.len()).unwrap_or(u64::MAX) > SCRIPT_BYTES_MAX {
        true => Err(std::io::Error::other("it is larger than a megabyte, which BigQuery does not take")),
        false => Ok(text),
    }
}

fn no_script(name: &str, why: &str) -> Failure {
    Failure::new(ErrorId::ScriptInvalid, format!("there is no script `{name}`"))
        .got(why)
        .left("nothing was run")
        .next("stockdev bigquery list", "the scripts inside the program")
}

/// Scripts that may be sent: every placeholder is filled.
pub(super) struct ScriptPlan {
    address: GoogleAddress,
    dataset: DatasetName,
    bucket: Option<BucketName>,
    scripts: Vec<Script>,
}

impl ScriptPlan {
    fn new(
        sources: &[(String, String)],
        address: &GoogleAddress,
        bucket: Option<BucketName>,
        dataset: &DatasetName,
    ) -> Result<Self, Failure> {
        let names = ScriptNames { project: project_id(address)?, dataset: dataset.clone(), bucket: bucket.clone() };
        let fill = |(name, text): &(String, String)| {
            Script::fill(name.as_str(), text, &names).map_err(|error| failures::script(&error))
        };
        let scripts = sources.iter().map(fill).collect::<Result<_, _>>()?;
        Ok(Self { address: address.clone(), dataset: dataset.clone(), bucket, scripts })
    }

    /// The five scripts of the program.
    pub(super) fn shipped(
        address: &GoogleAddress,
        bucket: &BucketName,
        dataset: &DatasetName,
    ) -> Result<Self, Failure> {
        Self::new(&sources(&[])?, address, Some(bucket.clone()), dataset)
    }

    /// Where the bucket is, and so the dataset has to be.
    async fn location(&self, cx: &Context) -> Result<String, Failure> {
        let Some(bucket) = &self.bucket else { return Ok(self.address.location().to_owned()) };
        need(&self.address, GoogleService::Storage, cx)?;
        let failed = |error| failures::gcs(&error);
        let gcs = Gcs::connect(&self.address).await.map_err(failed)?;
        let found = gcs.bucket_location(bucket).await.map_err(failed)?;
        found.ok_or_else(|| {
            Failure::new(ErrorId::CloudFailed, format!("there is no bucket `{bucket}`"))
                .left("nothing was run")
                .next(format!("stockdev gcs push --bucket {bucket}"), "make it, and put the ticks there")
        })
    }
}

/// The phase `bigquery`: makes the dataset where it is missing, and runs the scripts.
pub(super) async fn execute(
    plan: &ScriptPlan,
    options: &RunOptions,
    show: &(dyn Fn(&ScriptRun) + Send + Sync),
    cx: &Context,
) -> Result<Vec<ScriptRun>, Failure> {
    need(&plan.address, GoogleService::BigQuery, cx)?;
    let running = cx.report.start(Phase::Bigquery, Some(&format!("dataset {}", plan.dataset)));
    let stop = cx.stop.token();
    match execute_in(plan, options, show, &running, &stop, cx).await {
        Ok(runs) => {
            let statements: usize = runs.iter().map(|run| run.statements.len()).sum();
            let statements = u64::try_from(statements).unwrap_or(u64::MAX);
            let text = format!("{}, {}", counted(runs.len(), "script"), counted(statements, "statement"));
            cx.report.finish_with(running, statements, "statements", text);
            Ok(runs)
        }
        Err(failure) => {
            cx.report.fail(running, &failure.message);
            Err(failure.phase(Phase::Bigquery))
        }
    }
}

async fn execute_in(
    plan: &ScriptPlan,
    options: &RunOptions,
    show: &(dyn Fn(&ScriptRun) + Send + Sync),
    running: &Running,
    stop: &CancellationToken,
    cx: &Context,
) -> Result<Vec<ScriptRun>, Failure> {
    let preparing = async {
        let location = plan.location(cx).await?;
        let bigquery = BigQuery::connect(&plan.address).await.map_err(|error| failures::bigquery(&error))?;
        let made = bigquery.ensure_dataset(&plan.dataset, &location).await;
        Ok::<_, Failure>((location, bigquery, made.map_err(|error| failures::bigquery(&error))?))
    };
    let (location, bigquery, made) = tokio::select! {
        prepared = preparing => prepared?,
        () = stop.cancelled() => return Err(cx.interrupted().left("nothing was run")),
    };
    if made.created {
        cx.report.note(&format!("dataset {} was made in {}", plan.dataset, made.location));
    }
    let mut runs = Vec::with_capacity(plan.scripts.len());
    for script in &plan.scripts {
        let before: usize = runs.iter().map(|run: &ScriptRun| run.statements.len()).sum();
        let observe = |progress: ScriptProgress<'_>| match progress {
            ScriptProgress::Running { done } => {
                let done = u64::try_from(before + done).unwrap_or(u64::MAX);
                let unit = if done == 1 { "statement" } else { "statements" };
                cx.report.progress_or_wait(running, done, None, unit, Some(script.name().to_owned()));
            }
            ScriptProgress::Statement(statement) => {
                cx.report.note(&format!("  {}: {}", script.name(), print::statement_line(statement)));
            }
        };
        let run = bigquery.run(script, &location, options, &observe, stop).await.map_err(|error| match error {
            BigQueryError::Cancelled { job, .. } => cx.interrupted().left(format!("job {job} was asked to end")),
            error => failures::bigquery(&error),
        })?;
        show(&run);
        runs.push(run);
    }
    Ok(runs)
}

fn document(plan: &ScriptPlan, runs: &[ScriptRun]) -> Value {
    json!({
        "state": "done",
        "bigquery": plan.address.url(GoogleService::BigQuery),
        "gcp_project": plan.address.project(),
        "dataset": plan.dataset.as_str(),
        "bucket": plan.bucket.as_ref().map(BucketName::as_str),
        "scripts": runs.iter().map(run_document).collect::<Vec<_>>(),
    })
}

async fn estimate(plan: &ScriptPlan, options: &RunOptions, cx: &Context) -> Result<u8, Failure> {
    need(&plan.address, GoogleService::BigQuery, cx)?;
    let location = plan.location(cx).await?;
    let failed = |error| failures::bigquery(&error).phase(Phase::Bigquery);
    let bigquery = BigQuery::connect(&plan.address).await.map_err(failed)?;
    let mut found: Vec<(&str, Estimate)> = Vec::with_capacity(plan.scripts.len());
    for script in &plan.scripts {
        let estimate = bigquery.estimate(script, &location, options).await.map_err(failed)?;
        found.push((script.name(), estimate));
    }
    let line = |(name, estimate): &(&str, Estimate)| {
        let more = if estimate.at_least { "at least " } else { "" };
        format!("{name}: {more}{} processed, {more}{:.4} USD at list prices", bytes(estimate.bytes), estimate.usd)
    };
    let documents: Vec<Value> = found
        .iter()
        .map(|(name, estimate)| {
            json!({
                "script": name,
                "statement_type": estimate.statement,
                "bytes_processed": estimate.bytes,
                "at_least": estimate.at_least,
                "usd": estimate.usd,
            })
        })
        .collect();
    cx.result(&found.iter().map(line).collect::<Vec<_>>().join("\n"), &json!({"state": "done", "scripts": documents}));
    Ok(0)
}

/// How long a statement took, for people.
fn took(elapsed_ms: u64) -> String {
    seconds(Duration::from_millis(elapsed_ms))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_units() {
        for (text, number) in [("1GB", 1_000_000_000), ("500mb", 500_000_000), ("2GiB", 2 << 30), ("0", 0), ("7 B", 7)]
        {
            assert_eq!(parse_bytes(text), Ok(number), "{text}");
        }
        for bad in ["", "GB", "1.5GB", "-1", "1XB", "99999999999TB"] {
            assert!(parse_bytes(bad).is_err(), "{bad}");
        }
    }
}
