//! The phases `start` and `wait`: the stack runs, and each service answers.

use std::path::Path;
use std::time::{Duration, Instant};

use super::plan::Plan;
use super::{Ports, Started, UpArgs};
use crate::cli::connection::Connection;
use crate::cli::context::{Context, Found};
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::client::{ElasticsearchClientError, KafkaClientError};
use crate::report::Phase;
use crate::stack::embedded::{self, ServeOptions, ServerFile};
use crate::stack::{Endpoints, PortsRecord, ProjectFolders, Record, StackKind, remove};

/// A stack that answers.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) connection: Connection,
    /// It ran before this command.
    pub(super) was_running: bool,
}

/// How long a server that someone else runs may take to answer, when no `--timeout` was given.
const EXTERNAL_PATIENCE: Duration = Duration::from_secs(10);
/// How often the background process is looked at while the data comes.
const LOOK: Duration = Duration::from_millis(100);
/// How long one question may take.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);

pub(super) async fn bring_up(
    plan: &mut Plan,
    args: &UpArgs,
    cx: &Context,
    started: &mut Started,
) -> Result<Live, Failure> {
    let (endpoints, was_running) = match plan.record.stack {
        StackKind::External => {
            cx.report.skip(Phase::Start, "nothing to start: the stack is external");
            let endpoints = plan.record.endpoints.clone().ok_or_else(|| cx.not_running())?;
            let before = plan.found.record.as_ref().and_then(|record| record.endpoints.as_ref());
            let was_running = before == Some(&endpoints);
            (endpoints, was_running)
        }
        StackKind::Docker => return Err(cx.not_running()),
        StackKind::Embedded => match plan.found.running().cloned() {
            Some(server) => {
                say_running(plan, &server, args, cx);
                adopt(plan, &server)?;
                (endpoints_of(&server), true)
            }
            None => (start(plan, args, cx, started).await?, false),
        },
    };
    let connection = Connection::to(cx, endpoints)?;
    wait(&connection, plan, args, cx).await?;
    if plan.record.stack == StackKind::External {
        save(plan)?;
    }
    Ok(Live { connection, was_running })
}

fn endpoints_of(server: &ServerFile) -> Endpoints {
    Endpoints {
        kafka: server.address(server.kafka_port),
        elasticsearch: format!("http://{}", server.address(server.elasticsearch_port)),
        kibana: None,
    }
}

fn say_running(plan: &Plan, server: &ServerFile, args: &UpArgs, cx: &Context) {
    cx.report.skip(Phase::Start, &format!("already running, pid {}", server.process.pid));
    let moved = args.port_base.is_some_and(|base| base != server.kafka_port);
    if moved || args.listen.is_some_and(|address| address.to_string() != server.host) {
        cx.report.note("it keeps its addresses: other ones need `stockdev down --keep-data` first");
    }
    if args.fsync && !plan.record.fsync {
        cx.report.note("it goes on without --fsync: that needs `stockdev down --keep-data` first");
    }
}

/// A running process whose record is missing or older than it: the record is made to agree.
fn adopt(plan: &mut Plan, server: &ServerFile) -> Result<(), Failure> {
    let agrees =
        plan.record.ports.kafka == server.kafka_port && plan.record.ports.elasticsearch == server.elasticsearch_port;
    if agrees && plan.found.record.is_some() {
        return Ok(());
    }
    plan.record.ports.kafka = server.kafka_port;
    plan.record.ports.elasticsearch = server.elasticsearch_port;
    save(plan)
}

fn save(plan: &Plan) -> Result<(), Failure> {
    plan.record.save(&plan.project).map_err(|error| failures::file(&error))
}

async fn start(plan: &mut Plan, args: &UpArgs, cx: &Context, started: &mut Started) -> Result<Endpoints, Failure> {
    let running = cx.report.start(Phase::Start, None);
    stop_half_started(plan, cx).await;
    let auto = args.ports == Some(Ports::Auto) || (args.port_base.is_none() && plan.record.ports.auto);
    plan.record.ports = PortsRecord { auto, kafka: plan.ports.kafka, elasticsearch: plan.ports.elasticsearch };
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
        kafka_port: plan.ports.kafka,
        elasticsearch_port: plan.ports.elasticsearch,
        or_any_port: auto,
        fsync: plan.record.fsync,
    };
    let server = match embedded::start(&options, &plan.project, args.timeout).await {
        Ok(server) => server,
        Err(error) => {
            cx.report.fail(running, &error.to_string());
            forget_ports(plan)?;
            return Err(failures::start(&error, &plan.ports.source, &cx.folders, &plan.project).phase(Phase::Start));
        }
    };
    plan.record.ports.kafka = server.kafka_port;
    plan.record.ports.elasticsearch = server.elasticsearch_port;
    save(plan)?;
    if plan.record.listen.as_deref().is_some_and(|address| matches!(address, "0.0.0.0" | "::")) {
        cx.report.note(&format!(
            "Kafka tells its clients {}: for other machines, give --listen this machine's address",
            server.host
        ));
    }
    cx.report.finish(running, format!("pid {}, {}", server.process.pid, server.listening.join(" ")));
    Ok(endpoints_of(&server))
}

/// Ports that could not be had are not remembered, nor is the process that ended.
fn forget_ports(plan: &mut Plan) -> Result<(), Failure> {
    remove(&plan.project.server()).map_err(|error| failures::file(&error))?;
    plan.record.ports = plan
        .found
        .record
        .as_ref()
        .map_or(PortsRecord { auto: false, kafka: 0, elasticsearch: 0 }, |record: &Record| record.ports.clone());
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

/// Asks both services until they answer as their protocols say.
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
    match tokio::try_join!(kafka, elasticsearch) {
        Ok(_) => {
            cx.report.finish(running, "Kafka and Elasticsearch answer".to_owned());
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

async fn until(
    patience: Duration,
    plan: &Plan,
    name: &str,
    address: &str,
    probe: impl AsyncFn() -> Result<(), Refusal>,
) -> Result<(), Failure> {
    let started = Instant::now();
    let mut pause = Duration::from_millis(2);
    loop {
        let Err(refusal) = probe().await else { return Ok(()) };
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

/// Ends, with what to say, when the background process dies: nobody waits for a deadline then. Never for other stacks.
pub(super) async fn death(project: &ProjectFolders, stack: StackKind) -> Failure {
    if stack == StackKind::External {
        return std::future::pending().await;
    }
    loop {
        tokio::time::sleep(LOOK).await;
        if died(project) {
            return service_died(project);
        }
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
    Failure::new(ErrorId::Deadline, format!("{name} does not answer at {address}"))
        .tried(tried)
        .got(reason.to_owned())
        .left("the background process still runs")
        .next(format!("stockdev logs {service}"), "read why")
        .next("stockdev down", "stop and remove it")
        .log(embedded::log_path(Path::new(&plan.project.logs()), &service))
}
