//! `status`: what runs, whether it answers, and how much is in it.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use super::connection::Connection;
use super::context::{Context, Found};
use super::down::{count_text, memory_text};
use super::failure::Failure;
use super::ls::table;
use super::up::search_engine;
use crate::client::{probe_bigquery, probe_storage};
use crate::pipeline::{self, DEAD_LETTER_TOPIC, INDEX, INDEXER_GROUP, TOPIC};
use crate::stack::docker::{self, Container, ContainerState, Ended, Engine, ImageReference};
use crate::stack::embedded::{
    BIGQUERY_API_VERSION, KAFKA_VERSION, STORAGE_API_VERSION, ServiceState, elasticsearch_version,
};
use crate::stack::{LiveFile, Record, StackKind, memory_bytes};

/// Show what runs and how much is in it
///
/// Exit code 0: all runs; 4: something does not answer; 3: nothing runs.
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  stockdev status\n  stockdev status --watch\n  stockdev status --output json")]
pub(super) struct StatusArgs {
    /// Show it again every second, until Ctrl-C
    #[arg(short, long)]
    watch: bool,
}

const WATCH: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(2);

impl StatusArgs {
    pub(super) fn watches(&self) -> bool {
        self.watch
    }
}

pub(super) async fn run(args: &StatusArgs, cx: &Arc<Context>) -> Result<u8, Failure> {
    loop {
        let status = Status::look(cx).await?;
        cx.result(&status.text(), &status.document());
        if !args.watch || cx.printer.reader_left() {
            return Ok(status.exit_code());
        }
        tokio::select! {
            () = tokio::time::sleep(WATCH) => {}
            // Ctrl-C is the way to end it.
            () = cx.stop.requested() => return Ok(0),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Degraded,
    Stopped,
}

impl State {
    fn name(self) -> &'static str {
        match self {
            State::Running => "running",
            State::Degraded => "degraded",
            State::Stopped => "stopped",
        }
    }
}

#[derive(Debug)]
struct Service {
    name: &'static str,
    state: State,
    endpoint: String,
    version: Option<String>,
    pid: Option<u32>,
    rss_bytes: Option<u64>,
    note: Option<String>,
    container: Option<ContainerStatus>,
}

/// What the engine says of a service's container.
#[derive(Debug)]
struct ContainerStatus {
    name: String,
    image: String,
    /// The image's digest in its registry, else the engine's own id of it.
    digest: String,
    restarts: u64,
    memory_limit: Option<u64>,
}

#[derive(Debug)]
struct Status {
    project: String,
    stack: StackKind,
    state: State,
    services: Vec<Service>,
    partitions: Option<usize>,
    messages: Option<u64>,
    documents: Option<u64>,
    lag: Option<u64>,
    dead_letters: Option<u64>,
    live: Option<u32>,
}

impl Status {
    async fn look(cx: &Context) -> Result<Self, Failure> {
        let project = cx.project();
        let found = Found::look(&project)?;
        let mut status = Self {
            project: cx.global.project.to_string(),
            stack: found.record.as_ref().map_or(StackKind::Embedded, |record| record.stack),
            state: State::Stopped,
            services: Vec::new(),
            partitions: None,
            messages: None,
            documents: None,
            lag: None,
            dead_letters: None,
            live: LiveFile::load(&project)
                .ok()
                .flatten()
                .filter(|live| live.process.is_alive())
                .map(|live| live.process.pid),
        };
        let known = found.endpoints().is_some();
        let (asks_kafka, asks_elasticsearch) =
            (known || cx.global.kafka.is_some(), known || cx.global.elasticsearch.is_some());
        if !asks_kafka && !asks_elasticsearch {
            return Ok(status);
        }
        let endpoints = cx.endpoints()?;
        let connection = Connection::to(cx, endpoints)?;
        // Without a project, only the server that was named is asked.
        let kafka = async { if asks_kafka { Some(connection.kafka.probe(PATIENCE).await) } else { None } };
        let elasticsearch =
            async { if asks_elasticsearch { Some(connection.elasticsearch.probe(PATIENCE).await) } else { None } };
        let (kafka, elasticsearch) = tokio::join!(kafka, elasticsearch);
        let kafka = kafka.map(|answer| answer.map_err(|error| error.to_string()));
        let elasticsearch = elasticsearch.map(|answer| answer.map_err(|error| error.to_string()));
        status.count(&connection, matches!(kafka, Some(Ok(_))), matches!(elasticsearch, Some(Ok(())))).await;
        let asked = [
            ("kafka", &connection.endpoints.kafka, kafka.map(|answer| answer.map(drop))),
            ("elasticsearch", &connection.endpoints.elasticsearch, elasticsearch),
        ];
        status.services = asked
            .into_iter()
            .filter_map(|(name, endpoint, answer)| Some(service(name, &found, endpoint, answer?)))
            .collect();
        if let Some(kibana) = connection.kibana.as_ref().filter(|_| known) {
            let answer = kibana.probe(PATIENCE).await;
            let answer = answer.map(drop).map_err(|error| error.to_string());
            status.services.push(service("kibana", &found, &kibana.url, answer));
        }
        if let Some(gcs) = connection.endpoints.gcs.as_ref().filter(|_| known) {
            let answer = probe_storage(gcs, PATIENCE).await.map_err(|error| error.to_string());
            status.services.push(service("gcs", &found, gcs, answer));
        }
        if let Some(bigquery) = connection.endpoints.bigquery.as_ref().filter(|_| known) {
            let answer = probe_bigquery(bigquery, PATIENCE).await.map_err(|error| error.to_string());
            status.services.push(service("bigquery", &found, bigquery, answer));
        }
        if let Some(record) = found.record.as_ref().filter(|record| record.stack == StackKind::Docker) {
            status.add_containers(record).await;
        }
        let all_run = status.services.iter().all(|service| service.state == State::Running);
        status.state = if all_run { State::Running } else { State::Degraded };
        Ok(status)
    }

    /// What only the engine knows: containers, their images, memory, and those that ended.
    async fn add_containers(&mut self, record: &Record) {
        let asked = async {
            let search = search_engine(Some(record));
            let address = search.found.ok_or_else(|| "no engine answers".to_owned())?;
            let engine = Engine::connect(&address).await.map_err(|error| error.to_string())?;
            let containers = engine.containers(Some(&self.project)).await.map_err(|error| error.to_string())?;
            Ok::<_, String>((engine, containers))
        };
        let (engine, containers) = match asked.await {
            Ok(answer) => answer,
            Err(reason) => {
                for service in &mut self.services {
                    service.note.get_or_insert_with(|| format!("its container can't be looked at: {reason}"));
                }
                return;
            }
        };
        for service in &mut self.services {
            let Some(container) =
                containers.iter().find(|container| container.service.is_some_and(|of| of.name() == service.name))
            else {
                service.note = Some("its container is gone".to_owned());
                continue;
            };
            let image = container.image.parse::<ImageReference>().ok();
            let present = match &image {
                Some(image) => engine.image(image).await.ok().flatten(),
                None => None,
            };
            service.version = image.as_ref().and_then(|image| image.version().map(str::to_owned));
            service.rss_bytes = if container.is_running() { engine.memory(&container.id).await } else { None };
            service.note = match container.state {
                ContainerState::Running => service.note.take(),
                ContainerState::Stopped(ended) => {
                    let cause = cause_of_end(container, ended);
                    Some(format!("its container ended with exit code {}: {cause}", ended.exit_code))
                }
                ContainerState::Created => Some("its container was never started".to_owned()),
                ContainerState::Between => Some("its container is paused or on its way".to_owned()),
            };
            service.container = Some(ContainerStatus {
                name: container.name.clone(),
                image: container.image.clone(),
                digest: present.and_then(|present| present.digest).unwrap_or_else(|| container.image_id.clone()),
                restarts: container.restarts,
                memory_limit: container.memory_limit,
            });
        }
    }

    async fn count(&mut self, connection: &Connection, kafka: bool, elasticsearch: bool) {
        if kafka {
            let (topic, dead, lag) = tokio::join!(
                pipeline::topic_counts(&connection.kafka, TOPIC),
                pipeline::topic_counts(&connection.kafka, DEAD_LETTER_TOPIC),
                pipeline::group_lag(&connection.kafka, INDEXER_GROUP, TOPIC),
            );
            if let Ok(Some(offsets)) = topic {
                self.partitions = Some(offsets.len());
                self.messages = Some(super::up::messages(&offsets));
            }
            self.dead_letters = dead.ok().map(|offsets| super::up::messages(&offsets.unwrap_or_default()));
            self.lag = lag.ok().flatten().map(|lag| lag.lag);
        }
        if elasticsearch {
            self.documents = pipeline::document_count(&connection.elasticsearch, INDEX).await.ok().flatten();
        }
    }

    fn exit_code(&self) -> u8 {
        match self.state {
            State::Running => 0,
            State::Stopped => 3,
            State::Degraded => 4,
        }
    }

    fn document(&self) -> Value {
        let services = self.services.iter().map(|service| {
            json!({
                "name": service.name,
                "state": service.state.name(),
                "endpoint": service.endpoint,
                "version": service.version,
                "pid": service.pid,
                "container": service.container.as_ref().map(|container| container.name.as_str()),
                "rss_bytes": service.rss_bytes,
                "note": service.note,
                "image": service.container.as_ref().map(|container| container.image.as_str()),
                "digest": service.container.as_ref().map(|container| container.digest.as_str()),
                "restarts": service.container.as_ref().map(|container| container.restarts),
                "memory_limit_bytes": service.container.as_ref().and_then(|container| container.memory_limit),
            })
        });
        json!({
            "project": self.project,
            "stack": self.stack,
            "state": self.state.name(),
            "services": services.collect::<Vec<_>>(),
            "topic": {"name": TOPIC, "partitions": self.partitions, "messages": self.messages},
            "index": {"name": INDEX, "documents": self.documents},
            "consumer": {"group": INDEXER_GROUP, "lag": self.lag},
            "dead_letters": self.dead_letters,
            "live": self.live.map(|pid| json!({"pid": pid})),
        })
    }

    fn text(&self) -> String {
        let mut lines = vec![format!("project `{}` on the {} stack: {}", self.project, self.stack, self.state.name())];
        if self.state == State::Stopped {
            lines.push("  stockdev up      start it".to_owned());
            return lines.join("\n");
        }
        let runs_in = if self.services.iter().any(|service| service.container.is_some()) { "CONTAINER" } else { "PID" };
        let mut rows = vec![["SERVICE", "STATE", "ENDPOINT", "VERSION", runs_in, "MEMORY", ""].map(str::to_owned)];
        for service in &self.services {
            rows.push([
                service.name.to_owned(),
                service.state.name().to_owned(),
                service.endpoint.clone(),
                service.version.clone().unwrap_or_else(|| "-".to_owned()),
                service.runs_in(),
                memory_text(service.rss_bytes),
                service.note.clone().unwrap_or_default(),
            ]);
        }
        lines.push(table(&rows));
        for container in self.services.iter().filter_map(|service| service.container.as_ref()) {
            lines.push(format!("image {} {}", container.image, container.digest));
        }
        lines.push(format!(
            "topic {TOPIC}: {} messages in {} partition{}",
            count_text(self.messages),
            self.partitions.unwrap_or(0),
            if self.partitions == Some(1) { "" } else { "s" }
        ));
        lines.push(format!(
            "index {INDEX}: {} documents, {} waiting",
            count_text(self.documents),
            count_text(self.lag)
        ));
        lines.push(format!("dead letters: {}", count_text(self.dead_letters)));
        if let Some(pid) = self.live {
            lines.push(format!("live stream: pid {pid}"));
        }
        lines.join("\n")
    }
}

impl Service {
    /// The process or the container.
    fn runs_in(&self) -> String {
        let container = self.container.as_ref().map(|container| match container.restarts {
            0 => container.name.clone(),
            restarts => format!("{} (restarted {restarts} times)", container.name),
        });
        container.or_else(|| self.pid.map(|pid| pid.to_string())).unwrap_or_else(|| "-".to_owned())
    }
}

fn cause_of_end(container: &Container, ended: Ended) -> String {
    let service = container.service.unwrap_or(docker::Service::Kafka);
    docker::cause_of(service, Some(ended), &[], container.memory_limit).meaning
}

fn service(name: &'static str, found: &Found, endpoint: &str, probe: Result<(), String>) -> Service {
    let own = found.endpoints();
    let is_own = own.is_some_and(|own| {
        [Some(&own.kafka), Some(&own.elasticsearch), own.kibana.as_ref(), own.gcs.as_ref(), own.bigquery.as_ref()]
            .into_iter()
            .flatten()
            .any(|own| own == endpoint)
    });
    let server = found.running().filter(|_| is_own);
    let said = server.and_then(|server| server.services.iter().find(|service| service.name == name));
    let runs = probe.is_ok() && said.is_none_or(|service| service.state == ServiceState::Running);
    let version = server.map(|_| match name {
        "kafka" => KAFKA_VERSION.to_owned(),
        "gcs" => STORAGE_API_VERSION.to_owned(),
        "bigquery" => BIGQUERY_API_VERSION.to_owned(),
        _ => elasticsearch_version(),
    });
    Service {
        name,
        state: if runs { State::Running } else { State::Degraded },
        endpoint: endpoint.to_owned(),
        version,
        pid: server.map(|server| server.process.pid),
        rss_bytes: server.and_then(|server| memory_bytes(server.process.pid)),
        note: probe.err().or_else(|| said.and_then(|service| service.last_error.clone())),
        container: None,
    }
}
