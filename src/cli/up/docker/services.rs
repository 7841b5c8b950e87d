//! Each service from image to answer, all at once; Kibana is made when Elasticsearch answers.

use std::time::{Duration, Instant};

use super::evidence;
use super::phases::{Board, Shown, Stage};
use super::prepare::DockerPlan;
use super::watch::{first, keep_running};
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::cli::up::UpArgs;
use crate::cli::up::answers::Answers;
use crate::client::{ElasticsearchAddress, ElasticsearchAuth, KafkaAddress, KibanaAddress};
use crate::report::Phase;
use crate::setup;
use crate::stack::docker::{Container, ContainerState, Credentials, EngineError, Service};
use crate::stack::free_ports;

/// How often counters are looked at.
const LOOK: Duration = Duration::from_millis(100);
/// How long one question to a service may take.
const PROBE_PATIENCE: Duration = Duration::from_secs(2);
/// The longest pause between two questions: what the wait costs beyond the service's own time.
const PAUSE_MAX: Duration = Duration::from_millis(100);
/// Another port is tried so often when one that was free is taken a moment later.
const PORT_TRIES: u32 = 3;

/// Brings the containers up, shows how far they are, and sees to each one from when it answers. Ends only with a failure.
pub(super) async fn keep_up(
    docker: &DockerPlan,
    credentials: Option<&Credentials>,
    board: &Board,
    answers: &Answers,
    args: &UpArgs,
    cx: &Context,
) -> Failure {
    let mut shown = Shown::new(cx, board);
    let up = Up { docker, credentials, timeout: args.timeout, cx, board };
    let mut work = std::pin::pin!(up.all());
    let mut looks = tokio::time::interval(LOOK);
    let mut moves = board.subscribe();
    while !answers.is_whole() {
        tokio::select! {
            biased;
            failure = &mut work => {
                shown.update(board);
                let at = shown.fail(&failure.message);
                return failure.phase(at);
            }
            // The board's sender is not ours to drop.
            _ = moves.changed() => {}
            _ = looks.tick() => shown.read_slow(board, &docker.engine).await,
        }
        // What is seen of a service comes before what uses it.
        shown.update(board);
        let endpoints = docker.endpoints_at(board.ports(docker.spec.ports));
        for service in board.answering() {
            answers.answered(service, &endpoints);
        }
    }
    work.await
}

struct Up<'a> {
    docker: &'a DockerPlan,
    credentials: Option<&'a Credentials>,
    timeout: Duration,
    cx: &'a Context,
    board: &'a Board,
}

impl Up<'_> {
    /// All services, each on its own: ends when one can't be brought up, or is gone for good.
    async fn all(&self) -> Failure {
        let docker = self.docker;
        let lost_data = docker.spec.ephemeral
            && docker
                .found
                .iter()
                .any(|container| !container.is_running() && container.service != Some(Service::Kibana));
        if lost_data {
            // Kafka and Elasticsearch must not remember different things.
            for container in &docker.found {
                if let Err(error) = docker.engine.remove(&container.id).await {
                    return failures::engine(&error);
                }
            }
        }
        if let Err(error) = docker.engine.prepare(&docker.spec).await {
            return failures::engine(&error).phase(Phase::Start);
        }
        let there = |service: Service| docker.container(service).filter(|_| !lost_data);
        first(docker.spec.services.iter().map(|service| self.service(*service, there(*service)))).await
    }

    /// One service, for as long as the run lasts.
    async fn service(&self, service: Service, there: Option<&Container>) -> Failure {
        match self.bring_up(service, there).await {
            Ok(id) => keep_running(&self.docker.engine, service, id, self.cx).await,
            Err(failure) => failure,
        }
    }

    /// From the image to the answer; gives the container's id.
    async fn bring_up(&self, service: Service, there: Option<&Container>) -> Result<String, Failure> {
        if let Some(progress) = self.board.pull(service) {
            let image = self.docker.spec.images.of(service);
            self.docker
                .engine
                .pull(image, progress)
                .await
                .map_err(|error| failures::pull(&error).phase(Phase::Pull))?;
        }
        if service == Service::Kibana {
            self.board.set(service, Stage::Held);
            self.board.ready(Service::Elasticsearch).await;
        }
        self.board.set(service, Stage::Making);
        let (id, port) = self.running(service, there).await?;
        self.board.set(service, Stage::Waiting { id: id.clone(), since: Instant::now() });
        tokio::select! {
            answered = self.answers(service, port, &id) => answered?,
            ended = self.docker.engine.ended(&id) => {
                let ended = ended.map_err(|error| failures::engine(&error))?;
                return Err(evidence::died(&self.docker.engine, service, &id, ended, self.cx).await);
            }
        }
        self.board.set(service, Stage::Ready(port));
        Ok(id)
    }

    /// A running container: the one that is there, or a new one. Gives its id and port.
    async fn running(&self, service: Service, there: Option<&Container>) -> Result<(String, u16), Failure> {
        let engine = &self.docker.engine;
        if let Some(container) = there {
            let port = container.published.as_ref().map_or(0, |(_, port)| *port);
            match container.state {
                ContainerState::Running => return Ok((container.id.clone(), port)),
                ContainerState::Stopped(_) => {
                    self.cx.report.note(&format!("`{}` had ended: starting it again", container.name));
                    match engine.start(&container.id).await {
                        Ok(()) => return Ok((container.id.clone(), port)),
                        Err(error) => return Err(self.not_started(service, port, &error).await),
                    }
                }
                ContainerState::Between => {
                    self.cx.report.note(&format!("`{}` was paused: letting it go on", container.name));
                    engine.unpause(&container.id).await.map_err(|error| failures::engine(&error))?;
                    return Ok((container.id.clone(), port));
                }
                // Whoever made it did not get to the end: it may lack what was to be put into it.
                ContainerState::Created => {
                    engine.remove(&container.id).await.map_err(|error| failures::engine(&error))?;
                }
            }
        }
        self.make(service).await
    }

    async fn make(&self, service: Service) -> Result<(String, u16), Failure> {
        let engine = &self.docker.engine;
        let token = match (service, self.credentials) {
            (Service::Kibana, Some(credentials)) => Some(credentials.kibana_token()),
            _ => None,
        };
        let mut spec = self.docker.spec.clone();
        for tries_left in (0..PORT_TRIES).rev() {
            let port = spec.ports.of(service);
            let id = engine
                .create(&spec, service, token.as_ref(), self.credentials)
                .await
                .map_err(|error| failures::container_not_made(&error, &spec.project, service))?;
            match engine.start(&id).await {
                Ok(()) => return Ok((id, port)),
                Err(error) if is_port_taken(&error) && self.docker.any_port && tries_left > 0 => {
                    engine.remove(&id).await.map_err(|error| failures::engine(&error))?;
                    let free = free_ports(spec.listen, 1).ok().and_then(|ports| ports.first().copied());
                    spec.ports = spec.ports.with(service, free.unwrap_or(port));
                }
                Err(error) => return Err(self.not_started(service, port, &error).await),
            }
        }
        Err(Failure::new(ErrorId::PortTaken, format!("no port stays free for {}", service.title())))
    }

    async fn not_started(&self, service: Service, port: u16, error: &EngineError) -> Failure {
        if is_port_taken(error) {
            return self.docker.port_taken(service, port, self.cx).await.phase(Phase::Start);
        }
        failures::engine(error).phase(Phase::Start)
    }

    /// Asks until the service answers as its protocol says.
    async fn answers(&self, service: Service, port: u16, id: &str) -> Result<(), Failure> {
        let endpoints = self.docker.endpoints_at(self.docker.spec.ports.with(service, port));
        match service {
            Service::Kafka => {
                let address = KafkaAddress::new(endpoints.kafka.clone());
                self.until(service, id, async || {
                    address.probe(PROBE_PATIENCE).await.map_err(|error| error.to_string())?;
                    setup::prove_usable(&address).await.map_err(|error| error.to_string())
                })
                .await
            }
            Service::Elasticsearch => {
                let mut address = ElasticsearchAddress::new(endpoints.elasticsearch);
                address.auth = auth(self.credentials);
                self.until(service, id, async || {
                    address.probe_yellow(PROBE_PATIENCE).await.map_err(|error| error.to_string())
                })
                .await
            }
            Service::Kibana => {
                let mut address = KibanaAddress::new(endpoints.kibana.unwrap_or_default());
                address.auth = auth(self.credentials);
                self.until(service, id, async || {
                    address.probe(PROBE_PATIENCE).await.map(drop).map_err(|error| error.to_string())
                })
                .await
            }
        }
    }

    async fn until(
        &self,
        service: Service,
        id: &str,
        question: impl AsyncFn() -> Result<(), String>,
    ) -> Result<(), Failure> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            let Err(reason) = question().await else { return Ok(()) };
            if started.elapsed() + pause >= self.timeout {
                return Err(evidence::silent(&self.docker.engine, service, id, &reason, self.timeout).await);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }
}

fn is_port_taken(error: &EngineError) -> bool {
    let text = error.to_string();
    ["port is already allocated", "address already in use", "ports are not available"]
        .iter()
        .any(|sign| text.contains(sign))
}

fn auth(credentials: Option<&Credentials>) -> Option<ElasticsearchAuth> {
    credentials.map(|credentials| ElasticsearchAuth::Basic {
        user: credentials.user.clone(),
        password: credentials.password.clone(),
    })
}
