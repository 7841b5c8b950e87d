//! What is asked of the engine for each service: pure, from a [`StackSpec`] to the engine's own request.
//!
//! Kafka has three listeners: one that this machine dials through the published port (it advertises exactly the address that
//! is printed), one that other containers on the network dial as `kafka:29092`, and the controller's own. The settings of
//! Elasticsearch are such that 8.12 and all later ones know them.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType, NetworkingConfig,
    PortBinding, RestartPolicy, RestartPolicyNameEnum,
};

use super::images::Images;
use super::memory::Share;
use super::service::Service;
use crate::client::Secret;
use crate::stack::endpoints::Endpoints;

/// Which project a container, network or volume belongs to: what `down` looks for.
pub const LABEL_PROJECT: &str = "dev.stockdev.project";
pub const LABEL_SERVICE: &str = "dev.stockdev.service";
/// The version that made it.
pub(super) const LABEL_VERSION: &str = "dev.stockdev.version";
/// Elasticsearch asks for credentials.
pub(super) const LABEL_SECURE: &str = "dev.stockdev.secure";
/// The data is in the container itself, and goes with it.
pub(super) const LABEL_EPHEMERAL: &str = "dev.stockdev.ephemeral";

/// Where other containers on the network reach Kafka.
pub const KAFKA_INSIDE: &str = "kafka:29092";
/// One cluster id for all: it only has to stay the same for one data folder.
const CLUSTER_ID: &str = "c3RvY2tkZXYta2Fma2EtMQ";
/// Seconds between a polite stop and the kill.
const STOP_SECONDS: i64 = 15;

/// A stack as asked for.
#[derive(Clone, Debug)]
pub struct StackSpec {
    pub project: String,
    pub services: Vec<Service>,
    pub images: Images,
    pub ports: Published,
    /// The address of the engine's machine that ports are published on.
    pub listen: IpAddr,
    /// The host that clients dial, and that Kafka advertises.
    pub dial: String,
    pub shares: Vec<(Service, Share)>,
    /// An ARM engine: the JVM's use of SVE is turned off, which kills it on some of those machines.
    pub is_arm: bool,
    /// `vm.max_map_count` is below what mapped indices need.
    pub without_mmap: bool,
    /// No volumes: the data lives in the containers.
    pub ephemeral: bool,
    pub secure: bool,
    /// A service that is to end at once with this code: for trying what happens then.
    pub fault: Option<(Service, i64)>,
}

/// Ports on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    pub kafka: u16,
    pub elasticsearch: u16,
    pub kibana: u16,
}

impl Published {
    /// The same, but for one.
    pub fn with(self, service: Service, port: u16) -> Self {
        match service {
            Service::Kafka => Self { kafka: port, ..self },
            Service::Elasticsearch => Self { elasticsearch: port, ..self },
            Service::Kibana => Self { kibana: port, ..self },
        }
    }

    pub fn of(self, service: Service) -> u16 {
        match service {
            Service::Kafka => self.kafka,
            Service::Elasticsearch => self.elasticsearch,
            Service::Kibana => self.kibana,
        }
    }
}

/// `stockdev` for the default project, `stockdev-NAME` for others: what all names begin with.
pub fn prefix(project: &str) -> String {
    if project == "stockdev" { project.to_owned() } else { format!("stockdev-{project}") }
}

pub fn container_name(project: &str, service: Service) -> String {
    format!("{}-{}", prefix(project), service.name())
}

pub(super) fn network_name(project: &str) -> String {
    prefix(project)
}

pub(super) fn volume_name(project: &str, service: Service) -> String {
    format!("{}-{}-data", prefix(project), service.name())
}

/// The labels of everything that is made.
pub(super) fn labels(project: &str) -> HashMap<String, String> {
    HashMap::from([
        (LABEL_PROJECT.to_owned(), project.to_owned()),
        (LABEL_VERSION.to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
    ])
}

impl StackSpec {
    /// Where the services answer.
    pub fn endpoints(&self) -> Endpoints {
        let dial = bracketed(&self.dial);
        let has_kibana = self.services.contains(&Service::Kibana);
        Endpoints {
            kafka: format!("{dial}:{}", self.ports.kafka),
            elasticsearch: format!("http://{dial}:{}", self.ports.elasticsearch),
            kibana: has_kibana.then(|| format!("http://{dial}:{}", self.ports.kibana)),
            gcs: None,
            bigquery: None,
        }
    }

    pub(super) fn share(&self, service: Service) -> Option<Share> {
        self.shares.iter().find(|(of, _)| *of == service).map(|(_, share)| *share)
    }

    /// The request that makes the container of `service`; `token` is Kibana's at a secured Elasticsearch.
    pub(super) fn container(&self, service: Service, token: Option<&Secret>) -> ContainerCreateBody {
        let port = format!("{}/tcp", service.inner_port());
        let binding =
            PortBinding { host_ip: Some(self.listen.to_string()), host_port: Some(self.ports.of(service).to_string()) };
        let mut labels = labels(&self.project);
        labels.insert(LABEL_SERVICE.to_owned(), service.name().to_owned());
        for (label, holds) in [(LABEL_SECURE, self.secure), (LABEL_EPHEMERAL, self.ephemeral)] {
            if holds {
                labels.insert(label.to_owned(), "true".to_owned());
            }
        }
        let share = self.share(service);
        let memory = share.and_then(|share| i64::try_from(share.limit).ok());
        let host = HostConfig {
            port_bindings: Some(HashMap::from([(port.clone(), Some(vec![binding]))])),
            mounts: self.mount(service).map(|mount| vec![mount]),
            memory,
            // As much swap as memory would hide a limit that is too low; the same number means none.
            memory_swap: memory,
            network_mode: Some(network_name(&self.project)),
            // What dies is looked at, not started again behind one's back.
            restart_policy: Some(RestartPolicy { name: Some(RestartPolicyNameEnum::NO), ..RestartPolicy::default() }),
            log_config: Some(HostConfigLogConfig {
                typ: Some("json-file".to_owned()),
                config: Some(HashMap::from([("max-size".to_owned(), "20m".to_owned())])),
            }),
            ..HostConfig::default()
        };
        let endpoint =
            EndpointSettings { aliases: Some(vec![service.name().to_owned()]), ..EndpointSettings::default() };
        let fault = self.fault.filter(|(faulty, _)| *faulty == service).map(|(_, code)| code);
        ContainerCreateBody {
            image: Some(self.images.of(service).local_name()),
            hostname: Some(service.name().to_owned()),
            env: Some(self.environment(service, token)),
            labels: Some(labels),
            exposed_ports: Some(vec![port]),
            host_config: Some(host),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(network_name(&self.project), endpoint)])),
            }),
            stop_timeout: Some(STOP_SECONDS),
            entrypoint: fault.map(|code| {
                ["sh", "-c", &format!("echo 'this end was asked for (STOCKDEV_FAULT)'; exit {code}")]
                    .map(str::to_owned)
                    .to_vec()
            }),
            ..ContainerCreateBody::default()
        }
    }

    fn mount(&self, service: Service) -> Option<Mount> {
        let target = service.data_folder().filter(|_| !self.ephemeral)?;
        Some(Mount {
            target: Some(target.to_owned()),
            source: Some(volume_name(&self.project, service)),
            typ: Some(MountType::VOLUME),
            ..Mount::default()
        })
    }

    /// The variables that a service's image is told its settings by, without secrets.
    pub fn variables(&self, service: Service) -> Vec<(&'static str, String)> {
        self.pairs(service, None)
    }

    fn pairs(&self, service: Service, token: Option<&Secret>) -> Vec<(&'static str, String)> {
        let heap_mib = self.share(service).map_or(512, |share| share.heap / (1024 * 1024));
        match service {
            Service::Kafka => self.kafka(heap_mib),
            Service::Elasticsearch => self.elasticsearch(heap_mib),
            Service::Kibana => self.kibana(heap_mib, token),
        }
    }

    fn environment(&self, service: Service, token: Option<&Secret>) -> Vec<String> {
        self.pairs(service, token).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
    }

    fn sve_off(&self) -> &'static str {
        if self.is_arm { " -XX:UseSVE=0" } else { "" }
    }

    fn kafka(&self, heap_mib: u64) -> Vec<(&'static str, String)> {
        let advertised = format!("HOST://{}:{},INSIDE://{KAFKA_INSIDE}", bracketed(&self.dial), self.ports.kafka);
        vec![
            ("CLUSTER_ID", CLUSTER_ID.to_owned()),
            ("KAFKA_NODE_ID", "1".to_owned()),
            ("KAFKA_PROCESS_ROLES", "broker,controller".to_owned()),
            ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093".to_owned()),
            ("KAFKA_LISTENERS", "HOST://:9092,INSIDE://:29092,CONTROLLER://:9093".to_owned()),
            ("KAFKA_ADVERTISED_LISTENERS", advertised),
            ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER".to_owned()),
            ("KAFKA_INTER_BROKER_LISTENER_NAME", "INSIDE".to_owned()),
            ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "HOST:PLAINTEXT,INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT".to_owned()),
            ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
            ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1".to_owned()),
            ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1".to_owned()),
            ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR", "1".to_owned()),
            ("KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR", "1".to_owned()),
            ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "200".to_owned()),
            ("KAFKA_LOG_DIRS", "/var/lib/kafka/data".to_owned()),
            ("KAFKA_HEAP_OPTS", format!("-Xms{heap_mib}m -Xmx{heap_mib}m{}", self.sve_off())),
        ]
    }

    fn elasticsearch(&self, heap_mib: u64) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("discovery.type", "single-node".to_owned()),
            ("cluster.name", "stockdev".to_owned()),
            ("node.name", "elasticsearch".to_owned()),
            ("xpack.security.enabled", self.secure.to_string()),
            ("xpack.security.http.ssl.enabled", "false".to_owned()),
            ("xpack.security.enrollment.enabled", "false".to_owned()),
            ("xpack.ml.enabled", "false".to_owned()),
            // By percent, a large disk that is mostly full would stop a stack of a few megabytes.
            ("cluster.routing.allocation.disk.watermark.low", "1gb".to_owned()),
            ("cluster.routing.allocation.disk.watermark.high", "500mb".to_owned()),
            ("cluster.routing.allocation.disk.watermark.flood_stage", "250mb".to_owned()),
            ("ES_JAVA_OPTS", format!("-Xms{heap_mib}m -Xmx{heap_mib}m{}", self.sve_off())),
        ];
        if self.is_arm {
            pairs.push(("CLI_JAVA_OPTS", "-XX:UseSVE=0".to_owned()));
        }
        if self.without_mmap {
            pairs.push(("node.store.allow_mmap", "false".to_owned()));
        }
        pairs
    }

    fn kibana(&self, heap_mib: u64, token: Option<&Secret>) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("ELASTICSEARCH_HOSTS", "http://elasticsearch:9200".to_owned()),
            ("SERVER_NAME", "stockdev".to_owned()),
            ("SERVER_PUBLICBASEURL", format!("http://{}:{}", bracketed(&self.dial), self.ports.kibana)),
            ("TELEMETRY_OPTIN", "false".to_owned()),
            ("TELEMETRY_ALLOWCHANGINGOPTINSTATUS", "false".to_owned()),
            ("NEWSFEED_ENABLED", "false".to_owned()),
            ("NODE_OPTIONS", format!("--max-old-space-size={heap_mib}")),
        ];
        if let Some(token) = token {
            pairs.push(("ELASTICSEARCH_SERVICEACCOUNTTOKEN", token.expose().to_owned()));
        }
        pairs
    }
}

/// A host as it stands before a port: IPv6 in brackets.
fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::docker::memory::shares;

    fn spec() -> StackSpec {
        StackSpec {
            project: "p".into(),
            services: Service::ALL.to_vec(),
            images: Images::defaults(),
            ports: Published { kafka: 9092, elasticsearch: 9200, kibana: 5601 },
            listen: IpAddr::from([127, 0, 0, 1]),
            dial: "127.0.0.1".into(),
            shares: shares(&Service::ALL, 0).unwrap(),
            is_arm: false,
            without_mmap: false,
            ephemeral: false,
            secure: false,
            fault: None,
        }
    }

    fn variable(body: &ContainerCreateBody, name: &str) -> Option<String> {
        let prefix = format!("{name}=");
        body.env.as_ref()?.iter().find_map(|pair| pair.strip_prefix(&prefix).map(str::to_owned))
    }

    #[test]
    fn kafka_advertises_the_published_address_and_one_for_other_containers() {
        let spec = StackSpec { ports: Published { kafka: 40_001, elasticsearch: 1, kibana: 2 }, ..spec() };
        let body = spec.container(Service::Kafka, None);
        let advertised = variable(&body, "KAFKA_ADVERTISED_LISTENERS").unwrap();
        assert_eq!(advertised, "HOST://127.0.0.1:40001,INSIDE://kafka:29092");
        let host = body.host_config.unwrap();
        let bindings = host.port_bindings.unwrap();
        let binding = bindings["9092/tcp"].as_ref().unwrap().first().unwrap().clone();
        assert_eq!((binding.host_ip.as_deref(), binding.host_port.as_deref()), (Some("127.0.0.1"), Some("40001")));
    }

    #[test]
    fn everything_is_labelled_limited_and_on_this_machine_only() {
        for service in Service::ALL {
            let body = spec().container(service, None);
            let labels = body.labels.unwrap();
            assert_eq!(labels[LABEL_PROJECT], "p");
            assert_eq!(labels[LABEL_SERVICE], service.name());
            let host = body.host_config.unwrap();
            assert!(host.memory.unwrap() > 0 && host.memory == host.memory_swap);
            for binding in host.port_bindings.unwrap().values().flatten().flatten() {
                assert_eq!(binding.host_ip.as_deref(), Some("127.0.0.1"));
            }
        }
    }

    #[test]
    fn a_secured_stack_says_so_and_only_kibana_gets_the_token() {
        let spec = StackSpec { secure: true, ..spec() };
        let token = Secret::new("AAEAA");
        let elasticsearch = spec.container(Service::Elasticsearch, Some(&token));
        assert_eq!(variable(&elasticsearch, "xpack.security.enabled").as_deref(), Some("true"));
        assert!(!format!("{:?}", elasticsearch.env).contains("AAEAA"));
        let kibana = spec.container(Service::Kibana, Some(&token));
        assert_eq!(variable(&kibana, "ELASTICSEARCH_SERVICEACCOUNTTOKEN").as_deref(), Some("AAEAA"));
    }

    #[test]
    fn arm_engines_get_jvms_without_sve() {
        let spec = StackSpec { is_arm: true, ..spec() };
        let options = variable(&spec.container(Service::Elasticsearch, None), "ES_JAVA_OPTS").unwrap();
        assert!(options.ends_with("-XX:UseSVE=0"), "{options}");
    }

    #[test]
    fn names_of_two_projects_never_meet() {
        assert_eq!(container_name("stockdev", Service::Kafka), "stockdev-kafka");
        assert_eq!(container_name("other", Service::Kafka), "stockdev-other-kafka");
        assert_eq!(volume_name("other", Service::Elasticsearch), "stockdev-other-elasticsearch-data");
    }
}
