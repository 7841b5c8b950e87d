//! `smoke`: the whole pipeline proven, from nothing to nothing, for CI.
//!
//! `up`, then each part read back by other means than those that put it there ([`kafka`], [`elasticsearch`], [`objects`])
//! and held against numbers computed from the ticks ([`expected`]); a [`crash`] and what `up` makes of it; `down`, and what
//! [`remains`]. Every step is a [`check`]; the list of them goes to the screen, to a [`junit`] file and to GitHub.

mod check;
mod cloud;
mod crash;
mod elasticsearch;
mod expected;
mod http;
mod junit;
mod kafka;
mod objects;
mod remains;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use check::{Check, Checks, Finding, State, Trouble};
use expected::Expected;
use http::Http;
use kafka::{Ends, Message, off_thread};

use super::connection::Connection;
use super::context::{Context, Found};
use super::down;
use super::explain::ErrorId;
use super::failure::Failure;
use super::failures;
use super::global::GlobalArgs;
use super::up::{CloudPlaces, UpArgs, bring_up};
use crate::client::ElasticsearchAddress;
use crate::pipeline::{DEAD_LETTER_TOPIC, PartitionOffsets, TOPIC};
use crate::report::{Annotation, count, markdown_cell, seconds};
use crate::stack::{ProjectLock, StackKind, replace_file};
use crate::tick::{ReadOptions, TickSource, TimeShift};

/// Prove the whole pipeline: up, independent reads, a crash and recovery, down
///
/// Runs as a project of its own (`stockdev-smoke`, unless --project names one), on free ports, and leaves nothing: a stack
/// that runs is never touched. Each part is read back by other means than those that put it there, and compared with
/// numbers computed from the ticks.
#[derive(Args, Debug)]
#[command(
    before_help = "Examples:\n  \
    stockdev smoke                                    prove everything, with the sample\n  \
    stockdev smoke --junit smoke.xml --timeout 120s   for CI\n  \
    stockdev smoke --data ticks.csv --partitions 3    with your own ticks\n  \
    stockdev smoke --cloud                            bucket, external table and models, too\n  \
    stockdev smoke --stack external --kafka broker:9092 --elasticsearch https://es:9200",
    mut_arg("timeout", |arg| arg.default_value("120s").help("How long the whole run may take; then it ends with code 14").long_help(None::<&str>)),
    mut_arg("data", |arg| arg.help("Ticks to stream instead of the sample")),
    mut_arg("cloud", |arg| arg.num_args(0..=1).default_missing_value("embedded").help("Prove the cloud half, too: on the stack's own servers, or with gcp on Google Cloud").long_help(None::<&str>)),
    mut_arg("ports", |arg| arg.help("Take free ports: the default here")),
    mut_arg("live", |arg| arg.hide(true)),
    mut_arg("attach", |arg| arg.hide(true)),
    mut_arg("open", |arg| arg.hide(true)),
    mut_arg("no_stream", |arg| arg.hide(true)),
    mut_arg("replay", |arg| arg.hide(true))
)]
pub(super) struct SmokeArgs {
    /// Write a report in JUnit's form, whatever comes of the run
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    #[command(flatten)]
    up: UpArgs,
    /// The project is one that nobody named: what an earlier run left of it may go.
    #[arg(skip)]
    own_project: bool,
}

/// What was asked for.
#[derive(Debug)]
struct Run {
    up: UpArgs,
    source: TickSource,
    read: ReadOptions,
    began: Timestamp,
    started: Instant,
    own_project: bool,
}

/// How a run came to its end.
enum Ended {
    /// All was tried, perhaps after a failure that left nothing to check.
    Through(Option<Failure>),
    Late,
    Stopped,
}

impl SmokeArgs {
    /// Unless a project was named for this run, it has one of its own beside the usual one.
    pub(super) fn choose_project(&mut self, global: &mut GlobalArgs, is_given: bool) {
        if is_given {
            return;
        }
        self.own_project = true;
        let beside = format!("{}-smoke", global.project);
        // The longest names have no room for the ending.
        if let Ok(name) = beside.parse().or_else(|_| "stockdev-smoke".parse()) {
            global.project = name;
        }
    }
}

pub(super) async fn run(args: SmokeArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    let junit = args.junit.clone();
    let run = Run::new(args)?;
    let all = check::all(run.up.pushes(), run.up.runs_scripts());
    let mut checks = Checks::new(cx, all.clone());
    if let Some(path) = &junit {
        // Whatever ends this run, even a power cut: no report of an earlier one is taken for this one's.
        create_folder_above(path)?;
        let unfinished: Vec<Check> = all.into_iter().map(unfinished).collect();
        write_junit(path, &junit::render(&unfinished, &about(&run, cx, "", String::new())))?;
    }
    let (failure, stack, logs) = match perform(&run, cx, &mut checks).await {
        Ok(done) => done,
        Err(refused) => {
            checks.settle(check::UP, Err(Trouble::from(&refused)));
            checks.skip_until_down("nothing was started");
            checks.settle(check::DOWN, Err(Trouble::Skip("nothing was started".to_owned())));
            (Some(refused), String::new(), String::new())
        }
    };
    cx.report.end_section();
    let failure = failure.or_else(|| smoke_failure(&checks, cx, &stack, junit.as_deref()));
    let written = junit
        .as_deref()
        .map_or(Ok(()), |path| write_junit(path, &junit::render(checks.done(), &about(&run, cx, &stack, logs))));
    let failure = failure.or_else(|| written.as_ref().err().cloned());
    if let (Some(_), Err(unwritten)) = (&failure, &written) {
        cx.report.note(&unwritten.message);
    }
    tell_github(&checks, cx, &run, &stack, failure.as_ref());
    cx.result(&summary(&checks, &run), &document(&checks, cx, &run, &stack, junit.as_deref(), failure.as_ref()));
    Ok(failure.map_or(0, |failure| cx.tell(&failure)))
}

impl Run {
    fn new(args: SmokeArgs) -> Result<Self, Failure> {
        let wrong = |message: String| {
            let failure = Failure::new(ErrorId::Usage, message).left("nothing was started");
            failure.next("stockdev smoke --help", "what there is")
        };
        if let Some(flag) = args.up.flag_for_longer() {
            return Err(wrong(format!("`{flag}` is of no use to `smoke`: it takes the stack down at once")));
        }
        let source = args.up.source()?;
        if matches!(source, TickSource::Stdin) {
            return Err(wrong("`smoke` reads its ticks more than once: standard input can't be".to_owned()));
        }
        Ok(Self {
            source,
            read: args.up.read_options()?,
            began: Timestamp::now(),
            started: Instant::now(),
            own_project: args.own_project,
            up: args.up.or_free_ports().or_whole_cloud(),
        })
    }
}

/// Runs the checks and takes the stack down again. Gives the failure that ended it, the stack, and the ends of the logs
/// where something went wrong. An error is a refusal: nothing was started.
async fn perform(
    run: &Run,
    cx: &Arc<Context>,
    checks: &mut Checks<'_>,
) -> Result<(Option<Failure>, String, String), Failure> {
    let lock = cx.lock()?;
    if let Err(refused) = clear_the_ground(run, cx, &lock).await {
        down::tidy(cx, lock);
        return Err(refused);
    }
    let limit = run.up.patience();
    let ended = tokio::select! {
        biased;
        () = cx.stop.requested() => Ended::Stopped,
        () = tokio::time::sleep_until((run.started + limit).into()) => Ended::Late,
        failure = in_order(run, cx, &lock, checks) => Ended::Through(failure),
    };
    cx.report.clear();
    let failure = match ended {
        // Ctrl-C ends the part under way, too, and whichever is seen first is the same end.
        _ if cx.stop.is_requested() => {
            cx.report.talk_always("stopping what this run started; press again to force");
            checks.stop("the run was interrupted");
            Some(cx.interrupted())
        }
        Ended::Through(failure) => failure,
        Ended::Late | Ended::Stopped => {
            checks.stop(&format!("{} had passed (--timeout)", seconds(limit)));
            Some(too_late(limit))
        }
    };
    let project = cx.project();
    let stack = Found::look(&project).ok().and_then(|found| found.record).map(|record| record.stack.to_string());
    let logs = match (checks.bad().next(), stack.as_deref()) {
        (None, _) => String::new(),
        (Some(_), Some("docker")) => remains::container_logs(cx).await,
        (Some(_), _) => remains::logs(&project),
    };
    checks.run(check::DOWN, remains::take_down(cx, lock)).await;
    let left = left(checks, &stack.clone().unwrap_or_default());
    Ok((failure.map(|failure| failure.left(left)), stack.unwrap_or_default(), logs))
}

/// A stack that runs is never touched. What an earlier run was killed over goes, if nobody but `smoke` uses the project.
async fn clear_the_ground(run: &Run, cx: &Context, lock: &ProjectLock) -> Result<(), Failure> {
    let project = cx.project();
    let (name, flag) = (&cx.global.project, cx.project_flag());
    let found = Found::look(&project)?;
    if found.endpoints().is_some() {
        return Err(Failure::new(ErrorId::Usage, format!("project `{name}` is up: `smoke` needs one of its own"))
            .tried(format!("smoke as project `{name}`"))
            .left("it runs as before")
            .next("stockdev smoke --project another", "prove the pipeline beside it")
            .next(format!("stockdev down{flag}"), "or stop and remove it first"));
    }
    let at_engine = down::is_at_engine(cx, name).await;
    if !project.root.exists() && !at_engine {
        return Ok(());
    }
    if !run.own_project {
        return Err(Failure::new(
            ErrorId::Usage,
            format!("project `{name}` is not empty: `smoke` would remove its data"),
        )
        .tried(format!("smoke as project `{name}`"))
        .got(match at_engine {
            true => "containers or volumes of it are there".to_owned(),
            false => format!("found `{}`", project.root.display()),
        })
        .left("nothing was changed")
        .next("stockdev smoke", "use a project of its own")
        .next(format!("stockdev down{flag}"), "or remove this one first"));
    }
    cx.report.note(&format!("removing what an earlier run left of project `{name}`"));
    down::take_down(cx, &project, false, lock).await.map(|_| ())
}

/// All checks but the last. A failure is one of `up`: there is nothing to check then.
async fn in_order(run: &Run, cx: &Arc<Context>, lock: &ProjectLock, checks: &mut Checks<'_>) -> Option<Failure> {
    checks.start(check::UP);
    let (places, connection) = match bring_up(&run.up, cx, lock).await {
        Ok(outcome) => (outcome.cloud_places().cloned(), outcome.connection),
        Err(failure) => {
            cx.report.clear();
            checks.end(Err(Trouble::from(&failure)));
            checks.skip_until_down("the stack did not come up");
            return Some(failure);
        }
    };
    let endpoints = &connection.endpoints;
    checks.end(Ok(format!("Kafka at {}, Elasticsearch at {}", endpoints.kafka, endpoints.elasticsearch)));
    let streamed = match streamed(cx) {
        Ok(streamed) => streamed,
        Err(trouble) => {
            checks.settle(check::TICKS, Err(trouble));
            checks.skip_until_down("what was streamed is not known");
            return None;
        }
    };
    checks.start(check::TICKS);
    let expected = match compute(run, &streamed).await {
        Ok(expected) => expected,
        Err(trouble) => {
            checks.end(Err(trouble));
            checks.skip_until_down("the ticks can't be read");
            return None;
        }
    };
    let (ticks, instruments) = (count(expected.ticks), expected.instruments.len());
    checks.end(Ok(format!("{ticks} ticks of {instruments} instrument(s) from {}", run.source)));
    let messages = read_topic(run, &connection, &streamed, &expected, checks).await;
    read_index(&connection, &streamed, &expected, messages.as_deref(), checks).await;
    dashboard(&connection, checks).await;
    let address = connection.kafka.clone();
    let since = (streamed.stack == StackKind::External).then_some(run.began);
    let letters = async {
        match off_thread(move |_| kafka::dead_letters(&address, DEAD_LETTER_TOPIC, since)).await? {
            0 => Ok(format!("`{DEAD_LETTER_TOPIC}` is empty")),
            letters => Err(Trouble::wrong(format!("{} document(s) were rejected", count(letters)))
                .tried(format!("count the messages of `{DEAD_LETTER_TOPIC}`"))
                .next(format!("stockdev consume --topic {DEAD_LETTER_TOPIC} --format '%h %s'"))),
        }
    };
    checks.run(check::DEAD_LETTERS, letters).await;
    if let Some(places) = places {
        cloud_half(&places, run.up.runs_scripts(), &expected, checks).await;
    }
    checks.run(check::CRASH, crash::check(run, cx, lock, &connection, expected.ticks)).await;
    None
}

/// What `up` recorded of the stream that it began last.
#[derive(Debug)]
struct Streamed {
    stack: StackKind,
    /// Where the topic's partitions ended before.
    base: Ends,
    shift: TimeShift,
}

fn streamed(cx: &Context) -> Result<Streamed, Trouble> {
    let found = Found::look(&cx.project()).map_err(|failure| Trouble::from(&failure))?;
    let record = found.record.ok_or_else(|| Trouble::could_not("the project has no record"))?;
    let stream = record.last_stream().ok_or_else(|| Trouble::could_not("`up` recorded no stream"))?;
    let base: Vec<PartitionOffsets> = serde_json::from_value(stream.base.clone())
        .map_err(|error| Trouble::could_not(format!("the record of the stream can't be read: {error}")))?;
    Ok(Streamed {
        stack: record.stack,
        base: base.into_iter().map(|partition| (partition.partition, partition.high)).collect(),
        shift: stream.shift_micros.map_or(TimeShift::NONE, TimeShift::from_micros),
    })
}

async fn compute(run: &Run, streamed: &Streamed) -> Result<Expected, Trouble> {
    let (source, read, skip, shift) = (run.source.clone(), run.read.clone(), run.up.skips_invalid(), streamed.shift);
    off_thread(move |_| {
        Expected::read(&source, &read, skip, shift)
            .map_err(|error| Trouble::could_not(format!("the ticks can't be read: {error}")))
    })
    .await
}

/// The checks of the topic. Gives its messages, for the index is held against them.
async fn read_topic(
    run: &Run,
    connection: &Connection,
    streamed: &Streamed,
    expected: &Expected,
    checks: &mut Checks<'_>,
) -> Option<Vec<Message>> {
    checks.start(check::KAFKA_COUNT);
    let (address, base) = (connection.kafka.clone(), streamed.base.clone());
    let messages = match off_thread(move |abandoned| kafka::read(&address, TOPIC, &base, abandoned)).await {
        Ok(messages) => messages,
        Err(trouble) => {
            checks.end(Err(trouble));
            for id in [check::KAFKA_CONTENT, check::KAFKA_TIMESTAMPS] {
                checks.settle(id, Err(Trouble::Skip("the topic can't be read".to_owned())));
            }
            return None;
        }
    };
    checks.end(kafka::check_count(&messages, expected));
    checks.settle(check::KAFKA_CONTENT, kafka::check_content(&messages, expected));
    let ends_in = run.up.ends_now().then(|| (run.began, Timestamp::now()));
    checks.settle(check::KAFKA_TIMESTAMPS, kafka::check_timestamps(&messages, expected, ends_in));
    Some(messages)
}

/// The checks of the index, its template and its mapping.
async fn read_index(
    connection: &Connection,
    streamed: &Streamed,
    expected: &Expected,
    messages: Option<&[Message]>,
    checks: &mut Checks<'_>,
) {
    let http = match Http::new("Elasticsearch", &connection.endpoints.elasticsearch, &connection.elasticsearch) {
        Ok(http) => http,
        Err(trouble) => return checks.settle(check::DOCUMENTS_COUNT, Err(trouble)),
    };
    // Servers of others may hold more than what this run put there.
    let is_shared = streamed.stack == StackKind::External;
    let unread = || Trouble::Skip("the topic can't be read".to_owned());
    if is_shared && messages.is_none() {
        for id in [
            check::DOCUMENTS_COUNT,
            check::DOCUMENTS_IDS,
            check::DOCUMENTS_SEARCH,
            check::DOCUMENTS_AGGREGATIONS,
            check::DOCUMENTS_HISTOGRAM,
        ] {
            checks.settle(id, Err(unread()));
        }
    } else {
        let scope = elasticsearch::scope(messages.filter(|_| is_shared));
        checks.run(check::DOCUMENTS_COUNT, elasticsearch::check_count(&http, &scope, expected.ticks)).await;
        match messages {
            Some(messages) => {
                checks.run(check::DOCUMENTS_IDS, elasticsearch::check_ids(&http, messages)).await;
            }
            None => checks.settle(check::DOCUMENTS_IDS, Err(unread())),
        }
        checks.run(check::DOCUMENTS_SEARCH, elasticsearch::check_search(&http, &scope, expected)).await;
        checks.run(check::DOCUMENTS_AGGREGATIONS, elasticsearch::check_aggregations(&http, &scope, expected)).await;
        checks.run(check::DOCUMENTS_HISTOGRAM, elasticsearch::check_histogram(&http, &scope, expected)).await;
    }
    checks.run(check::TEMPLATE, objects::check_template(&http)).await;
    checks.run(check::MAPPING, objects::check_mapping(&http, &expected.fields)).await;
}

async fn dashboard(connection: &Connection, checks: &mut Checks<'_>) {
    let Some(kibana) = &connection.endpoints.kibana else {
        return checks.settle(check::DASHBOARD, Err(Trouble::Skip("this stack has no Kibana".to_owned())));
    };
    match Http::new("Kibana", kibana, &connection.elasticsearch) {
        Ok(http) => {
            checks.run(check::DASHBOARD, objects::check_dashboard(&http)).await;
        }
        Err(trouble) => checks.settle(check::DASHBOARD, Err(trouble)),
    }
}

/// The checks of the bucket and, after scripts, of BigQuery.
async fn cloud_half(places: &CloudPlaces, scripts: bool, expected: &Expected, checks: &mut Checks<'_>) {
    if places.is_google {
        let reason = "Google's own services are not read back; scripts/cloud-cleanup removes what was made there";
        for id in check::cloud(true, scripts) {
            checks.settle(id, Err(Trouble::Skip(reason.to_owned())));
        }
        return;
    }
    let ask = |name, url: &str| Http::new(name, url, &ElasticsearchAddress::new(url));
    let object = async { cloud::check_object(&ask("GCS", &places.gcs)?, places, expected).await };
    checks.run(check::OBJECT, object).await;
    if scripts {
        let table = async { cloud::check_table(&ask("BigQuery", &places.bigquery)?, places, expected).await };
        checks.run(check::TABLE, table).await;
        let models = async { cloud::check_models(&ask("BigQuery", &places.bigquery)?, places).await };
        checks.run(check::MODELS, models).await;
    }
}

fn too_late(limit: Duration) -> Failure {
    Failure::new(ErrorId::Deadline, format!("the run was not done after {}", seconds(limit)))
        .tried(format!("smoke, with --timeout {} s", limit.as_secs_f64()))
        .next("stockdev smoke --timeout 10m", "give it more time")
        .next("stockdev up", "see what takes so long")
}

/// What is left running.
fn left(checks: &Checks<'_>, stack: &str) -> &'static str {
    match checks.done().last() {
        Some(down) if down.is_bad() => "see the check down/nothing-left",
        _ if stack == "external" => "the servers run as before",
        // It did not come so far as to be recorded.
        _ if stack.is_empty() => "nothing of this run is left",
        _ => "the stack was taken down",
    }
}

/// The failure of a run whose checks did not all pass.
fn smoke_failure(checks: &Checks<'_>, cx: &Context, stack: &str, junit: Option<&Path>) -> Option<Failure> {
    let first = checks.bad().next()?;
    let labels: Vec<String> = checks.bad().map(Check::label).collect();
    let message = format!("{} of {} checks failed: {}", labels.len(), checks.done().len(), labels.join(", "));
    let failure = Failure::new(ErrorId::SmokeFailed, message)
        .tried(first.finding.tried.clone().unwrap_or_else(|| format!("the check {}", first.label())))
        .got(first.finding.message.clone())
        .left(left(checks, stack));
    let failure = match junit {
        Some(path) => failure.next(format!("cat {}", path.display()), "all that is known"),
        None => failure.next("stockdev smoke --junit smoke.xml", "write a report with all that is known"),
    };
    Some(failure.next(format!("stockdev up{}", cx.project_flag()), "bring the stack up, to look at it"))
}

fn summary(checks: &Checks<'_>, run: &Run) -> String {
    let of = |state: State| checks.count(state);
    let bad = of(State::Failed) + of(State::Error);
    let word = if bad == 0 { "smoke passed" } else { "smoke FAILED" };
    let (passed, skipped, time) = (of(State::Passed), of(State::Skipped), seconds(run.started.elapsed()));
    format!("{word}: {passed} passed, {bad} failed, {skipped} skipped, in {time}")
}

fn document(
    checks: &Checks<'_>,
    cx: &Context,
    run: &Run,
    stack: &str,
    junit: Option<&Path>,
    failure: Option<&Failure>,
) -> Value {
    let mut document = json!({
        "state": if failure.is_none() { "passed" } else { "failed" },
        "project": cx.global.project.as_ref(),
        "stack": (!stack.is_empty()).then_some(stack),
        "checks": checks.done().iter().map(Check::document).collect::<Vec<_>>(),
        "passed": checks.count(State::Passed),
        "failed": checks.count(State::Failed),
        "errors": checks.count(State::Error),
        "skipped": checks.count(State::Skipped),
        "junit": junit.map(|path| path.display().to_string()),
        "elapsed_ms": u64::try_from(run.started.elapsed().as_millis()).unwrap_or(u64::MAX),
    });
    let error = failure.map(Failure::document);
    if let (Some(fields), Some(Value::Object(error))) = (document.as_object_mut(), error) {
        fields.extend(error.into_iter().filter(|(name, _)| name != "state"));
    }
    document
}

/// Annotations, the one that sums up first, and the table.
fn tell_github(checks: &Checks<'_>, cx: &Context, run: &Run, stack: &str, failure: Option<&Failure>) {
    let mut annotations = Vec::new();
    if let Some(failure) = failure {
        annotations.push(Annotation { title: "stockdev smoke".to_owned(), message: failure.message.clone() });
    }
    annotations.extend(checks.bad().map(|check| {
        let got = check.finding.got.as_ref().map(|got| format!("\n{got}")).unwrap_or_default();
        Annotation { title: format!("smoke {}", check.label()), message: format!("{}{got}", check.finding.message) }
    }));
    cx.report.annotate(&annotations);
    if let Err(error) = cx.report.summarise(&table(checks, run, stack)) {
        cx.report.note(&format!("the step's summary can't be written: {error}"));
    }
}

fn table(checks: &Checks<'_>, run: &Run, stack: &str) -> String {
    let mut out = format!("### {}\n\n", markdown_cell(&summary(checks, run)));
    if !stack.is_empty() {
        out.push_str(&format!("stack: {stack}\n\n"));
    }
    out.push_str("| | check | time | |\n|---|---|--:|---|\n");
    for check in checks.done() {
        let sign = match check.state {
            State::Passed => "✅",
            State::Failed | State::Error => "❌",
            State::Skipped => "➖",
        };
        let (label, message) = (markdown_cell(&check.label()), markdown_cell(&check.finding.message));
        let written = writeln!(out, "| {sign} | {label} | {} | {message} |", seconds(check.elapsed));
        debug_assert!(written.is_ok(), "writing into a String can't fail");
    }
    out
}

fn unfinished(id: check::Id) -> Check {
    let message = "the run was killed before it could say more".to_owned();
    let finding = Finding { message, ..Finding::default() };
    Check { id, state: State::Error, elapsed: Duration::ZERO, finding }
}

fn about(run: &Run, cx: &Context, stack: &str, logs: String) -> junit::About {
    junit::About {
        project: cx.global.project.to_string(),
        stack: stack.to_owned(),
        began: run.began.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        elapsed: run.started.elapsed(),
        logs,
    }
}

fn create_folder_above(path: &Path) -> Result<(), Failure> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    std::fs::create_dir_all(folder).map_err(|error| failures::output(&format!("`{}`", path.display()), &error))
}

/// As a whole or not at all.
fn write_junit(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: &std::io::Error| failures::output(&format!("`{}`", path.display()), error);
    let absolute = std::path::absolute(path).map_err(|error| failed(&error))?;
    replace_file(&absolute, text.as_bytes()).map_err(|error| failed(&error.source))
}
