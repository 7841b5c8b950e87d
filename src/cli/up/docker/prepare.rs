//! What the docker stack needs before anything is made: an engine, what is there already, images, memory, ports.

use std::net::{IpAddr, Ipv4Addr};

use super::DockerArgs;
use super::fault::fault;
use crate::cli::context::Context;
use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::stack::docker::{
    Container, Engine, EngineAddress, ImageReference, Images, Published, Service, StackSpec, shares,
};
use crate::stack::{DockerRecord, Endpoints, PortPlan, PortSource, Record, dial_address, free_ports, is_free};

/// Ready to go up; nothing was changed yet.
#[derive(Debug)]
pub(in crate::cli::up) struct DockerPlan {
    pub(in crate::cli::up) engine: Engine,
    pub(in crate::cli::up) spec: StackSpec,
    /// The project's containers, as they were found.
    pub(in crate::cli::up) found: Vec<Container>,
    /// Volumes of the project are there.
    has_volumes: bool,
    /// Images to get.
    pub(super) to_pull: Vec<Service>,
    /// Another port may be taken when one is not free after all.
    pub(super) any_port: bool,
    pub(super) port_source: PortSource,
}

impl DockerPlan {
    pub(super) fn container(&self, service: Service) -> Option<&Container> {
        self.found.iter().find(|container| container.service == Some(service))
    }

    /// Every service runs: nothing is to be started.
    pub(in crate::cli::up) fn is_running(&self) -> bool {
        self.spec.services.iter().all(|service| self.container(*service).is_some_and(Container::is_running))
    }
}

/// Whether a missing image is looked for in its registry beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::cli::up) enum Registry {
    Trust,
    Ask,
}

pub(in crate::cli::up) async fn prepare(
    address: &EngineAddress,
    args: &DockerArgs,
    listen: Option<IpAddr>,
    recorded: Option<&DockerRecord>,
    registry: Registry,
    cx: &Context,
) -> Result<DockerPlan, Failure> {
    let engine = Engine::connect(address).await.map_err(|error| failures::engine(&error))?;
    let project = cx.global.project.to_string();
    let found = engine.containers(Some(&project)).await.map_err(|error| failures::engine(&error))?;
    let has_volumes = engine.has_data(&project).await.map_err(|error| failures::engine(&error))?;
    let services = services(args, recorded, &found);
    let images = images(args, recorded, &found)?;
    let missing_containers: Vec<Service> =
        services.iter().copied().filter(|service| !found.iter().any(|found| found.service == Some(*service))).collect();
    let to_pull = to_pull(&engine, args, &images, &missing_containers, registry, cx).await?;
    let shares = shares(&services, engine.info.memory).map_err(|error| failures::memory(&error, services.len()))?;
    // An engine elsewhere publishes on all its addresses: this machine's loopback is not its.
    let remote = engine.address.remote_host();
    let default_listen = if remote.is_some() { Ipv4Addr::UNSPECIFIED } else { Ipv4Addr::LOCALHOST };
    let listen = listen.unwrap_or(default_listen.into());
    let spec = StackSpec {
        project,
        services,
        images,
        ports: Published { kafka: 0, elasticsearch: 0, kibana: 0 },
        listen,
        dial: remote.unwrap_or_else(|| dial_address(listen).to_string()),
        shares,
        is_arm: engine.info.is_arm(),
        without_mmap: map_count().is_some_and(|count| count < MAP_COUNT) && engine.address.remote_host().is_none(),
        ephemeral: found.iter().any(|container| container.is_ephemeral),
        secure: is_secure(args, recorded, &found),
        fault: fault()?.and_then(|(name, code)| Some((Service::find(&name)?, i64::from(code)))),
    };
    Ok(DockerPlan { engine, spec, found, has_volumes, to_pull, any_port: false, port_source: PortSource::Default })
}

/// Fewer memory maps are too few for Lucene's files.
const MAP_COUNT: u64 = 262_144;

fn map_count() -> Option<u64> {
    std::fs::read_to_string("/proc/sys/vm/max_map_count").ok()?.trim().parse().ok()
}

/// A flag says, else what ran before, else all.
fn services(args: &DockerArgs, recorded: Option<&DockerRecord>, found: &[Container]) -> Vec<Service> {
    if let Some(services) = args.services() {
        return services;
    }
    if let Some(record) = recorded {
        return record.services.clone();
    }
    let running: Vec<Service> = found.iter().filter_map(|container| container.service).collect();
    // The record was lost, and the containers are all that tells.
    if running.contains(&Service::Kafka) && running.contains(&Service::Elasticsearch) {
        return Service::ALL.into_iter().filter(|service| running.contains(service)).collect();
    }
    Service::ALL.to_vec()
}

/// Those of the containers that are there, which keep what they have; else what a flag says, what ran before, the defaults.
fn images(args: &DockerArgs, recorded: Option<&DockerRecord>, found: &[Container]) -> Result<Images, Failure> {
    let mut images = match recorded {
        Some(record) if args.images().is_default() => record.images.clone(),
        _ => asked_images(args)?,
    };
    for container in found {
        let there = container.image.parse::<ImageReference>().ok();
        if let (Some(service), Some(there)) = (container.service, there) {
            // The same name may be written with its digest, which says more.
            if images.of(service).local_name() != there.local_name() {
                *images.of_mut(service) = there;
            }
        }
    }
    Ok(images)
}

fn asked_images(args: &DockerArgs) -> Result<Images, Failure> {
    Images::choose(&args.images()).map_err(|error| Failure::new(ErrorId::Usage, error.to_string()))
}

/// As Elasticsearch's container is, if there is one; else as asked for now or before.
fn is_secure(args: &DockerArgs, recorded: Option<&DockerRecord>, found: &[Container]) -> bool {
    let there = found.iter().find(|container| container.service == Some(Service::Elasticsearch));
    there.map_or_else(|| args.secure() || recorded.is_some_and(|record| record.secure), |container| container.is_secure)
}

/// The images that have to be pulled; an error when one has to be and may not, or can't be.
async fn to_pull(
    engine: &Engine,
    args: &DockerArgs,
    images: &Images,
    services: &[Service],
    registry: Registry,
    cx: &Context,
) -> Result<Vec<Service>, Failure> {
    if args.pulls_always() {
        return Ok(services.to_vec());
    }
    let mut missing = Vec::new();
    for service in services {
        let present = engine.image(images.of(*service)).await.map_err(|error| failures::engine(&error))?;
        match present {
            None => missing.push(*service),
            // Whoever names a digest means that image and no other of the same name; a default one may be built or loaded here.
            Some(present) if args.names_image(*service) && !present.is(images.of(*service)) => missing.push(*service),
            Some(present) => cx.report.detail(&format!(
                "image {} is here: {}",
                images.of(*service),
                present.digest.as_deref().unwrap_or(&present.id)
            )),
        }
    }
    let names = || missing.iter().map(|service| images.of(*service).local_name()).collect::<Vec<_>>();
    if missing.is_empty() {
        return Ok(missing);
    }
    if !args.may_pull() {
        return Err(failures::images_missing(&names(), args.why_not_pull()));
    }
    if registry == Registry::Ask {
        let asked = missing.iter().map(|service| engine.can_pull(images.of(*service)));
        for (service, answer) in missing.iter().zip(futures_util::future::join_all(asked).await) {
            answer.map_err(|reason| failures::image_unreachable(&images.of(*service).local_name(), &reason))?;
        }
    }
    Ok(missing)
}

impl DockerPlan {
    /// Decides the ports: those of containers that are there stay, others are what was asked for, and must be free.
    pub(in crate::cli::up) async fn choose_ports(
        &mut self,
        ports: &PortPlan,
        any_port: bool,
        cx: &Context,
    ) -> Result<(), Failure> {
        self.any_port = any_port;
        self.port_source = ports.source.clone();
        let wanted = Published {
            kafka: ports.ports.kafka,
            elasticsearch: ports.ports.elasticsearch,
            kibana: ports.ports.kibana,
        };
        let free = free_ports(self.bind_address(), Service::ALL.len())
            .map_err(|error| Failure::new(ErrorId::CannotListen, format!("no free ports: {error}")))?;
        let mut chosen = Vec::new();
        for (service, free) in Service::ALL.into_iter().zip(free) {
            let there = self.container(service);
            let kept = there.and_then(|container| container.published.as_ref()).map(|(_, port)| *port);
            let mut port = kept.unwrap_or_else(|| if wanted.of(service) == 0 { free } else { wanted.of(service) });
            // One that is paused holds its port, too.
            let holds = there.is_some_and(Container::holds_port);
            let is_ours = self.spec.services.contains(&service);
            if is_ours && !holds && self.engine.address.remote_host().is_none() && !is_free(self.bind_address(), port) {
                if !any_port || kept.is_some() {
                    return Err(self.port_taken(service, port, cx).await);
                }
                port = free;
            }
            chosen.push(port);
        }
        if let [kafka, elasticsearch, kibana] = chosen[..] {
            self.spec.ports = Published { kafka, elasticsearch, kibana };
        }
        // What a running Kafka tells its clients is what they have to dial.
        if let Some(host) = self.container(Service::Kafka).and_then(Container::advertised_host) {
            self.spec.dial = host;
        }
        Ok(())
    }

    /// Data of an earlier run: in volumes, or in the containers themselves for as long as they run.
    pub(in crate::cli::up) fn has_past(&self) -> bool {
        let holds = |service: Service| self.container(service).is_some_and(Container::is_running);
        match self.spec.ephemeral {
            true => holds(Service::Kafka) && holds(Service::Elasticsearch),
            false => self.has_volumes,
        }
    }

    /// Something of the project was there before this run.
    pub(in crate::cli::up) fn existed(&self) -> bool {
        self.has_volumes || !self.found.is_empty()
    }

    fn bind_address(&self) -> IpAddr {
        if self.engine.address.remote_host().is_some() { Ipv4Addr::LOCALHOST.into() } else { self.spec.listen }
    }

    pub(super) async fn port_taken(&self, service: Service, port: u16, cx: &Context) -> Failure {
        let address = format!("{}:{port}", self.spec.listen);
        let container = self.engine.publisher(port).await;
        failures::container_port_taken(service.title(), &address, port, &self.port_source, container, &cx.folders)
    }

    /// Where the services are, when they are on these ports.
    pub(super) fn endpoints_at(&self, ports: Published) -> Endpoints {
        StackSpec { ports, ..self.spec.clone() }.endpoints()
    }

    /// What the next `up` has to know; `ports` are those that the services answer on, or are to.
    pub(super) fn record_into(&self, record: &mut Record, ports: Published, changing: bool) {
        record.docker = Some(DockerRecord {
            engine: self.engine.address.address.clone(),
            tls: self.engine.address.tls.clone(),
            images: self.spec.images.clone(),
            services: self.spec.services.clone(),
            secure: self.spec.secure,
            changing,
        });
        record.ports.ports.kafka = ports.kafka;
        record.ports.ports.elasticsearch = ports.elasticsearch;
        record.ports.ports.kibana = ports.kibana;
        record.endpoints = Some(self.endpoints_at(ports));
    }

    /// What was asked for beside what runs already, which keeps what it has.
    pub(in crate::cli::up) fn say_kept(&self, args: &DockerArgs, cx: &Context) {
        let asked = asked_images(args).ok().filter(|_| !args.images().is_default());
        let other_image = asked.is_some_and(|asked| {
            let is_other =
                |service: &Service| asked.of(*service).local_name() != self.spec.images.of(*service).local_name();
            self.spec.services.iter().any(is_other)
        });
        let newly_secure = args.secure() && !self.spec.secure;
        if other_image || newly_secure {
            let what = if other_image { "images" } else { "security" };
            cx.report.note(&format!("the containers keep their {what}: another choice needs `stockdev down` first"));
        }
    }
}
