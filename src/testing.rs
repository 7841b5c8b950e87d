//! A running stack for a Rust test: up before it, gone after it.
//!
//! ```no_run
//! # async fn example() -> Result<(), stockdev::testing::TestingError> {
//! use stockdev::testing::Stack;
//!
//! let stack = Stack::embedded().await?; // or Stack::containers()
//! stack.stream_simulated(500).await?;
//! assert_eq!(stack.documents().await?, 500);
//! // `stack.kafka()` and `stack.elasticsearch()` are for your own clients.
//! # Ok(())
//! # }
//! ```
//!
//! The topic and the index template are in place. [`Stack::embedded`] runs in the test's own process and is there in a
//! moment; [`Stack::containers`] runs the real Kafka and Elasticsearch through testcontainers, and needs a container engine.
//! Dropping the stack ends it. A test that is killed can't drop anything: containers carry the label
//! `dev.stockdev.project=testing-...`, so that `stockdev down --all` removes what such a test left.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use testcontainers::core::{ContainerPort, IntoContainerPort};
use testcontainers::runners::AsyncRunner;
use testcontainers::{ContainerAsync, GenericImage, ImageExt, TestcontainersError};
use tokio_util::sync::CancellationToken;

use crate::client::{ElasticsearchAddress, ElasticsearchClientError, KafkaAddress};
use crate::pipeline::{
    self, CountError, INDEX, IndexError, IndexOptions, ProduceError, ProduceOptions, Progress, TOPIC, Until,
};
use crate::setup::{self, SetupError, TopicSpec};
use crate::stack::docker::{Images, LABEL_PROJECT, LABEL_SERVICE, Published, Service, StackSpec, shares};
use crate::stack::embedded::{InProcess, ServeFailure};
use crate::stack::{Endpoints, FileError, TemporaryFolder, free_ports, unique_name};
use crate::tick::{ReadOptions, SimulatorOptions, TickSource, TimePolicy};

/// How long the real servers may take; a JVM on a busy machine takes its time.
const PATIENCE: Duration = Duration::from_secs(240);
const PROBE_PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum TestingError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("the embedded servers did not start: {0}")]
    Embedded(#[from] ServeFailure),
    #[error("a container did not start: {0}")]
    Container(#[from] TestcontainersError),
    #[error("no free port: {0}")]
    Port(#[source] std::io::Error),
    #[error("{service} did not answer within {} s: {reason}", PATIENCE.as_secs())]
    Silent { service: &'static str, reason: String },
    #[error(transparent)]
    Setup(#[from] SetupError),
    #[error(transparent)]
    Produce(#[from] ProduceError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Count(#[from] CountError),
    #[error(transparent)]
    Elasticsearch(#[from] ElasticsearchClientError),
}

/// A stack that runs until it is dropped.
#[derive(Debug)]
pub struct Stack {
    kafka: KafkaAddress,
    elasticsearch: ElasticsearchAddress,
    // In the order in which they go: servers before their data.
    _servers: Servers,
    _data: Option<TemporaryFolder>,
}

#[derive(Debug)]
#[expect(dead_code, reason = "held, to be dropped in the end")]
enum Servers {
    Embedded(Box<InProcess>),
    Containers(Vec<ContainerAsync<GenericImage>>),
}

impl Stack {
    /// The embedded servers, in this process, with a folder of their own.
    pub async fn embedded() -> Result<Self, TestingError> {
        let folder = TemporaryFolder::new()?;
        let servers = InProcess::start(folder.path()).await?;
        let endpoints = servers.endpoints.clone();
        Self::ready(endpoints, Servers::Embedded(Box::new(servers)), Some(folder)).await
    }

    /// The real Kafka and Elasticsearch in containers, of the versions that `stockdev up` takes.
    pub async fn containers() -> Result<Self, TestingError> {
        let ports = free_ports(Ipv4Addr::LOCALHOST.into(), 2).map_err(TestingError::Port)?;
        let (kafka, elasticsearch) = match ports[..] {
            [kafka, elasticsearch] => (kafka, elasticsearch),
            _ => return Err(TestingError::Port(std::io::ErrorKind::AddrNotAvailable.into())),
        };
        let services = [Service::Kafka, Service::Elasticsearch];
        let spec = StackSpec {
            project: format!("testing-{}", unique_name()),
            services: services.to_vec(),
            images: Images::defaults(),
            ports: Published { kafka, elasticsearch, kibana: 0 },
            listen: IpAddr::from(Ipv4Addr::LOCALHOST),
            dial: Ipv4Addr::LOCALHOST.to_string(),
            // What the engine's machine has is not asked: the shares of a small one suffice for a test.
            shares: shares(&services, u64::MAX).unwrap_or_default(),
            is_arm: cfg!(target_arch = "aarch64"),
            without_mmap: false,
            ephemeral: true,
            secure: false,
            fault: None,
        };
        let (kafka, elasticsearch) =
            tokio::try_join!(start(&spec, Service::Kafka), start(&spec, Service::Elasticsearch))?;
        Self::ready(spec.endpoints(), Servers::Containers(vec![kafka, elasticsearch]), None).await
    }

    async fn ready(
        endpoints: Endpoints,
        servers: Servers,
        data: Option<TemporaryFolder>,
    ) -> Result<Self, TestingError> {
        let stack = Self {
            kafka: KafkaAddress::new(endpoints.kafka),
            elasticsearch: ElasticsearchAddress::new(endpoints.elasticsearch),
            _servers: servers,
            _data: data,
        };
        until("Kafka", async || stack.kafka.probe(PROBE_PATIENCE).await.map_err(|error| error.to_string())).await?;
        let elasticsearch = async || stack.elasticsearch.probe(PROBE_PATIENCE).await.map_err(|error| error.to_string());
        until("Elasticsearch", elasticsearch).await?;
        setup::ensure_topic(&stack.kafka, &TopicSpec::new(TOPIC, 1)).await?;
        setup::apply_template(&stack.elasticsearch).await?;
        Ok(stack)
    }

    /// `host:port`, for a Kafka client.
    pub fn kafka(&self) -> &str {
        &self.kafka.bootstrap
    }

    /// `http://host:port`, for an Elasticsearch client.
    pub fn elasticsearch(&self) -> &str {
        &self.elasticsearch.url
    }

    /// Streams the shipped sample through Kafka into Elasticsearch, with its own timestamps; gives the number of documents.
    pub async fn stream_sample(&self) -> Result<u64, TestingError> {
        self.stream(TickSource::Sample).await
    }

    /// Streams so many simulated ticks, the same in every run.
    pub async fn stream_simulated(&self, ticks: u64) -> Result<u64, TestingError> {
        self.stream(TickSource::Simulated(SimulatorOptions { ticks: Some(ticks), ..SimulatorOptions::default() })).await
    }

    /// Streams ticks from anywhere, waits until all are indexed and shown to searches; gives how many were.
    pub async fn stream(&self, source: TickSource) -> Result<u64, TestingError> {
        let (progress, never) = (Progress::new(), CancellationToken::new());
        let options = ProduceOptions { time: TimePolicy::Original, ..ProduceOptions::default() };
        pipeline::produce(&self.kafka, &[source], &ReadOptions::default(), &options, &progress, &never).await?;
        let options = IndexOptions { until: Until::CaughtUp, ..IndexOptions::default() };
        let report = pipeline::index(&self.kafka, &self.elasticsearch, &options, &Progress::new(), &never).await?;
        pipeline::refresh_index(&self.elasticsearch, INDEX).await?;
        Ok(report.indexed)
    }

    /// How many documents the index shows.
    pub async fn documents(&self) -> Result<u64, TestingError> {
        Ok(pipeline::document_count(&self.elasticsearch, INDEX).await?.unwrap_or(0))
    }
}

async fn start(spec: &StackSpec, service: Service) -> Result<ContainerAsync<GenericImage>, TestingError> {
    let (name, tag) = spec.images.of(service).name_and_tag();
    let mut request = GenericImage::new(name, tag)
        .with_hostname(service.name())
        .with_mapped_port(spec.ports.of(service), inner(service))
        .with_label(LABEL_PROJECT, spec.project.as_str())
        .with_label(LABEL_SERVICE, service.name())
        .with_startup_timeout(PATIENCE);
    for (name, value) in spec.variables(service) {
        request = request.with_env_var(name, value);
    }
    Ok(request.start().await?)
}

fn inner(service: Service) -> ContainerPort {
    match service {
        Service::Kafka => 9092.tcp(),
        Service::Elasticsearch => 9200.tcp(),
        Service::Kibana => 5601.tcp(),
    }
}

async fn until(service: &'static str, answers: impl AsyncFn() -> Result<(), String>) -> Result<(), TestingError> {
    let started = Instant::now();
    loop {
        match answers().await {
            Ok(()) => return Ok(()),
            Err(reason) if started.elapsed() >= PATIENCE => return Err(TestingError::Silent { service, reason }),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}
