//! The phases `start` and `wait`: the stack runs or comes up, and each service answers.

use std::path::Path;
use std::time::{Duration, Instant};

use super::answers::Answers;
use super::docker::{Containers, fault};
use super::plan::Plan;
use super::{Ports, Started, UpArgs};
use crate::cli::connection::Connection;
use crate::cli::context::{Context, Found};
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::{ElasticsearchClientError, KafkaClientError, KibanaClientError, KibanaLevel};
use crate::report::Phase;
use crate::stack::embedded::{self, ServeOptions, ServerFile};
use crate::stack::{
    Endpoints, PortsRecord, ProjectFolders, Record, StackKind, create_private_folder, remove, replace_file,
};

/// A stack that answers, or comes up.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) answers: Answers,
    /// It ran before this command.
    pub(super) was_running: bool,
    /// It was there before this command, running or not.
    pub(super) existed: bool,
    /// What it consists of, when that is containers of ours.
    pub(super) containers: Option<Containers>,
}

impl Live {
    /// Brings up what does not run yet and watches over all of it; ends only when something is gone for good. Nobody waits for a
    /// deadline then. Never for an external stack.
    pub(super) async fn keep_up(
        &self,
        project: &ProjectFolders,
        stack: StackKind,
        args: &UpArgs,
        cx: &Context,
    ) -> Failure {
        if let Some(containers) = &self.containers {
            return containers.keep_up(&self.answers, args, cx).await;
        }
        loop {
            tokio::time::sleep(LOOK).await;
            if stack == StackKind::Embedded && died(project) {
                return service_died(project);
            }
        }
    }

    /// Once all answer: records where, and gives it.
    pub(super) async fn settle(&self, plan: &mut Plan, cx: &Context) -> Result<Connection, Failure> {
        let connection = self.answers.all().await;
        if let Some(containers) = &self.containers {
            containers.settle(plan, cx)?;
        }
        Ok(connection)
    }
}

/// How long a server that someone else runs may take to answer, when no `--timeout` was given.
const EXTERNAL_PATIENCE: Duration = Duration::from_secs(10);
/// How often the background process is looked at while the data comes.
const LOOK: Duration = Duration::from_millis(100);
/// How long one question may take.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);
/// Kibana asks all of its plugins before it answers.
const KIBANA_PROBE_PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn bring_up(
    plan: &mut Plan,
    args: &UpArgs,
    cx: &Context,
    started: &mut Started,
) -> Result<Live, Failure> {
    let mut containers = None;
    let (endpoints, was_running) = match plan.record.stack {
        StackKind::External => {
            cx.report.skip(Phase::Start, "nothing to start: the stack is external");
            let endpoints = plan.record.endpoints.clone().ok_or_else(|| cx.not_running())?;
            let before = plan.found.record.as_ref().and_then(|record| record.endpoints.as_ref());
            let was_running = before == Some(&endpoints);
            (endpoints, was_running)
        }
        StackKind::Docker => {
            let docker = plan.docker.take().ok_or_else(|| cx.not_running())?;
            // What can't be dialled is said before anything is recorded or made.
            Connection::to(cx, docker.spec.endpoints())?;
            let ours = Containers::intend(plan, docker, args, cx, started)?;
            let endpoints = ours.endpoints();
            if !ours.was_running() {
                // Each service is asked when it comes up.
                let answers = Answers::awaited(Connection::to(cx, endpoints)?);
                let existed = ours.existed();
                return Ok(Live { answers, was_running: false, existed, containers: Some(ours) });
            }
            containers = Some(ours);
            (endpoints, true)
        }
        StackKind::Embedded => match plan.found.running().cloned() {
            Some(server) => {
                say_running(plan, &server, args, cx);
                adopt(plan, &server)?;
                (server.endpoints(), true)
            }
            None => (start(plan, args, cx, started).await?, false),
        },
    };
    let connection = Connection::to(cx, endpoints)?;
    wait(&connection, plan, args, cx).await?;
    if plan.record.stack == StackKind::External {
        save(plan)?;
    }
    Ok(Live { answers: Answers::whole(connection), was_running, existed: was_running, containers })
}

fn say_running(plan: &Plan, server: &ServerFile, args: &UpArgs, cx: &Context) {
    cx.report.skip(Phase::Start, &format!("already running, pid {}", server.process.pid));
    let moved = args.port_base.is_some_and(|base| base != server.ports.kafka);
    if moved || args.listen.is_some_and(|address| address.to_string() != server.host) {
        cx.report.note("it keeps its addresses: other ones need `stockdev down --keep-data` first");
    }
    if args.fsync && !plan.record.fsync {
        cx.report.note("it goes on without --fsync: that needs `stockdev down --keep-data` first");
    }
}

/// A running process whose record is missing or older than it: the record is made to agree.
fn adopt(plan: &mut Plan, server: &ServerFile) -> Result<(), Failure> {
    let before = plan.record.ports.clone();
    remember_ports(plan, server);
    if plan.record.ports == before && plan.found.record.is_some() {
        return Ok(());
    }
    save(plan)
}

fn remember_ports(plan: &mut Plan, server: &ServerFile) {
    plan.record.ports.ports = server.ports;
}

fn save(plan: &Plan) -> Result<(), Failure> {
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))
}

async fn start(plan: &mut Plan, args: &UpArgs, cx: &Context, started: &mut Started) -> Result<Endpoints, Failure> {
    let running = cx.report.start(Phase::Start, None);
    stop_half_started(plan, cx).await;
    let auto = args.ports == Some(Ports::Auto) || (args.port_base.is_none() && plan.record.ports.auto);
    plan.record.ports = PortsRecord { auto, ports: plan.ports.ports };
    if args.listen.is_some() {
        plan.record.listen = args.listen.map(|address| address.to_string());
    }
    plan.record.fsync |= args.fsync;
    // The intent first: whatever happens from here on, `down` finds it.
    save(plan)?;
    started.server = true;
    let options = ServeOptions {
        server_file: plan.project.server(),
        logs: plan.project.logs(),
        data: plan.record.data.clone(),
        listen: plan.record.listen.as_deref().and_then(|address| address.parse().ok()),
        ports: plan.ports.ports,
        or_any_port: auto,
        fsync: plan.record.fsync,
        fault: fault()?,
    };
    let server = match embedded::start(&options, &plan.project, args.timeout).await {
        Ok(server) => server,
        Err(error) => {
            cx.report.fail(running, &error.to_string());
            forget_ports(plan)?;
            let failure = failures::start(&error, &plan.ports.source, &cx.folders, &plan.project).phase(Phase::Start);
            return Err(keep_logs(&plan.project, failure));
        }
    };
    remember_ports(plan, &server);
    save(plan)?;
    if plan.record.listen.as_deref().is_some_and(|address| matches!(address, "0.0.0.0" | "::")) {
        cx.report.note(&format!(
            "Kafka tells its clients {}: for other machines, give --listen this machine's address",
            server.host
        ));
    }
    cx.report.finish(running, format!("pid {}, {}", server.process.pid, server.listening.join(" ")));
    Ok(server.endpoints())
}

/// Copies the logs to where `down` leaves them. A port that is taken needs no log to be understood.
fn keep_logs(project: &ProjectFolders, mut failure: Failure) -> Failure {
    const LINES: usize = 20;
    if failure.id != ErrorId::ServiceDied {
        return failure;
    }
    for name in embedded::LOG_NAMES {
        let from = embedded::log_path(&project.logs(), name);
        let Ok(text) = std::fs::read_to_string(&from) else { continue };
        let to = project.failed_logs.join(format!("{name}.log"));
        let kept = create_private_folder(&project.failed_logs).and_then(|()| replace_file(&to, text.as_bytes()));
        if name == "stockdev" {
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default();
            failure.log_lines = last.iter().map(|line| format!("{name} | {line}")).collect();
            if kept.is_ok() {
                failure = failure.log(to);
            }
        }
    }
    failure
}

/// Ports that could not be had are not remembered, nor is the process that ended.
fn forget_ports(plan: &mut Plan) -> Result<(), Failure> {
    remove(&plan.project.server()).map_err(|error| failures::file(&error))?;
    plan.record.ports = plan.found.record.as_ref().map(|record: &Record| record.ports.clone()).unwrap_or_default();
    save(plan)
}

/// A process that an `up` before us started but did not see ready: it holds the ports and the data.
async fn stop_half_started(plan: &Plan, cx: &Context) {
    let Some(server) = &plan.found.server else { return };
    if server.process.is_alive() {
        cx.report.detail(&format!("stopping pid {}, which an earlier run left half started", server.process.pid));
        embedded::stop(&server.process).await;
    } else if plan.found.record.is_some() {
        cx.report.detail("an earlier run ended without `down`: going on with its data");
    }
}

/// Asks the services until they answer as their protocols say.
async fn wait(connection: &Connection, plan: &Plan, args: &UpArgs, cx: &Context) -> Result<(), Failure> {
    let running = cx.report.start(Phase::Wait, None);
    let patience = match plan.record.stack {
        StackKind::Embedded | StackKind::Docker => args.timeout,
        StackKind::External => args.timeout.min(EXTERNAL_PATIENCE),
    };
    let kafka = until(patience, plan, "Kafka", &connection.endpoints.kafka, async || {
        connection.kafka.probe(PROBE_PATIENCE).await.map_err(|error| Refusal {
            is_final: !matches!(error, KafkaClientError::Unreachable { .. } | KafkaClientError::Refused { .. }),
            reason: error.to_string(),
            failure: failures::kafka(&error),
        })
    });
    let elasticsearch = until(patience, plan, "Elasticsearch", &connection.endpoints.elasticsearch, async || {
        connection.elasticsearch.probe(PROBE_PATIENCE).await.map_err(|error| Refusal {
            is_final: !matches!(
                error,
                ElasticsearchClientError::Unreachable { .. }
                    | ElasticsearchClientError::Refused { .. }
                    | ElasticsearchClientError::WrongService { .. }
            ),
            reason: error.to_string(),
            failure: failures::elasticsearch(&error),
        })
    });
    let kibana = async {
        let Some(kibana) = &connection.kibana else { return Ok(None) };
        let status = until(patience, plan, "Kibana", &kibana.url, async || {
            kibana.probe(KIBANA_PROBE_PATIENCE).await.map_err(|error| Refusal {
                is_final: matches!(
                    error,
                    KibanaClientError::Unauthorized { .. }
                        | KibanaClientError::Url { .. }
                        | KibanaClientError::CaCert { .. }
                        | KibanaClientError::Build(_)
                ),
                reason: error.to_string(),
                failure: failures::kibana(&error),
            })
        });
        status.await.map(Some)
    };
    match tokio::try_join!(kafka, elasticsearch, kibana) {
        Ok(((), (), kibana)) => {
            let text = match kibana.map(|status| status.level) {
                None => "Kafka and Elasticsearch answer".to_owned(),
                Some(KibanaLevel::Available) => "Kafka, Elasticsearch and Kibana answer".to_owned(),
                Some(level) => format!("Kafka, Elasticsearch and Kibana answer; Kibana says `{}`", level.name()),
            };
            cx.report.finish(running, text);
            Ok(())
        }
        Err(failure) => {
            cx.report.fail(running, &failure.message);
            Err(failure.phase(Phase::Wait))
        }
    }
}

/// Why a service is not ready.
struct Refusal {
    /// Waiting can't help: the credentials are refused, or no client can be made.
    is_final: bool,
    reason: String,
    failure: Failure,
}

async fn until<T>(
    patience: Duration,
    plan: &Plan,
    name: &str,
    address: &str,
    probe: impl AsyncFn() -> Result<T, Refusal>,
) -> Result<T, Failure> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        let refusal = match probe().await {
            Ok(answer) => return Ok(answer),
            Err(refusal) => refusal,
        };
        let external = plan.record.stack == StackKind::External;
        if refusal.is_final && external {
            return Err(refusal.failure.left("nothing was started"));
        }
        if plan.record.stack == StackKind::Embedded && died(&plan.project) {
            return Err(service_died(&plan.project));
        }
        if started.elapsed() + pause >= patience {
            let tried = format!("asked {address} for {} s", patience.as_secs());
            return Err(match external {
                true => refusal.failure.tried(tried).left("nothing was started"),
                false => too_late(plan, name, address, &refusal.reason, tried),
            });
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_millis(250));
    }
}

fn died(project: &ProjectFolders) -> bool {
    Found::look(project).is_ok_and(|found| found.running().is_none())
}

fn service_died(project: &ProjectFolders) -> Failure {
    let log = embedded::log_path(&project.logs(), "stockdev");
    let failure = Failure::new(ErrorId::ServiceDied, "the background process ended by itself");
    let failure = match failures::last_lines(&log) {
        Some(lines) => failure.got(lines),
        None => failure,
    };
    failure
        .left("nothing runs; the data is kept")
        .next("stockdev logs", "read why")
        .next("stockdev up", "start it again")
        .log(log)
}

fn too_late(plan: &Plan, name: &str, address: &str, reason: &str, tried: String) -> Failure {
    let service = name.to_lowercase();
    let failure = Failure::new(ErrorId::Deadline, format!("{name} does not answer at {address}"))
        .tried(tried)
        .got(reason.to_owned())
        .next(format!("stockdev logs {service}"), "read why")
        .next("stockdev down", "stop and remove it");
    match plan.record.stack {
        StackKind::Embedded => failure
            .left("the background process still runs")
            .log(embedded::log_path(Path::new(&plan.project.logs()), &service)),
        StackKind::Docker | StackKind::External => failure.left("the containers run as they are"),
    }
}
