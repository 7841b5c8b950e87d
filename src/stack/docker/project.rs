//! A project's containers, network and volumes: made with labels, found by labels, removed by labels.
//!
//! The engine is the only record that is needed: what `down` removes is what carries the project's label, whether or not a
//! state folder is left, whichever version made it. What carries none is never touched.

use std::collections::{BTreeSet, HashMap};

use bollard::Docker;
use bollard::errors::Error as BollardError;
use bollard::models::{
    ContainerInspectResponse, ContainerStateStatusEnum, ContainerStatsResponse, NetworkCreateRequest,
    NetworkDisconnectRequest, VolumeCreateRequest,
};
use bollard::query_parameters::{
    CreateContainerOptionsBuilder, KillContainerOptionsBuilder, ListContainersOptionsBuilder,
    ListNetworksOptionsBuilder, ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveVolumeOptionsBuilder,
    StartContainerOptions, StatsOptionsBuilder, StopContainerOptionsBuilder, UploadToContainerOptionsBuilder,
    WaitContainerOptionsBuilder,
};
use futures_util::StreamExt;
use futures_util::future::join_all;

use super::engine::{Engine, EngineError};
use super::secure::{CONFIG_FOLDER, Credentials};
use super::service::Service;
use super::spec::{
    LABEL_EPHEMERAL, LABEL_PROJECT, LABEL_SECURE, LABEL_SERVICE, StackSpec, container_name, labels, network_name,
    volume_name,
};
use crate::client::Secret;

/// Seconds that a container gets to end by itself when its data is to be kept.
const STOP_SECONDS: i32 = 15;
/// How often a removal looks again for what was still being made when it looked first.
const SWEEPS: u32 = 8;

/// A container of a project, as found.
#[derive(Clone, Debug)]
pub struct Container {
    pub id: String,
    pub name: String,
    pub project: String,
    /// Absent for one that another version made for a service that this one does not know.
    pub service: Option<Service>,
    pub state: ContainerState,
    /// The published port and the address it is published on.
    pub published: Option<(String, u16)>,
    /// The name of its image.
    pub image: String,
    pub image_id: String,
    pub is_secure: bool,
    pub is_ephemeral: bool,
    pub restarts: u64,
    /// Bytes it may take at most.
    pub memory_limit: Option<u64>,
    /// `KEY=VALUE` pairs that it was made with.
    environment: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContainerState {
    Running,
    /// Made, and never started: perhaps not all of it is in place.
    Created,
    /// It ran, and ended.
    Stopped(Ended),
    /// Frozen, restarting, being removed.
    Between,
}

/// How a container ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ended {
    pub exit_code: i64,
    /// The kernel killed it for want of memory.
    pub out_of_memory: bool,
}

impl Container {
    pub fn is_running(&self) -> bool {
        self.state == ContainerState::Running
    }

    /// Also one that is paused has its port.
    pub fn holds_port(&self) -> bool {
        matches!(self.state, ContainerState::Running | ContainerState::Between)
    }

    /// The host that Kafka tells its clients.
    pub fn advertised_host(&self) -> Option<String> {
        let listeners =
            self.environment.iter().find_map(|pair| pair.strip_prefix("KAFKA_ADVERTISED_LISTENERS=HOST://"))?;
        let (address, _) = listeners.split_once(',')?;
        Some(address.rsplit_once(':')?.0.trim_matches(['[', ']']).to_owned())
    }

    fn of(found: ContainerInspectResponse) -> Option<Self> {
        let config = found.config?;
        let labels = config.labels.unwrap_or_default();
        let has = |label: &str| labels.get(label).is_some_and(|value| value == "true");
        let state = found.state.unwrap_or_default();
        let ended = Ended {
            exit_code: state.exit_code.unwrap_or_default(),
            out_of_memory: state.oom_killed.unwrap_or_default(),
        };
        let state = match state.status {
            Some(ContainerStateStatusEnum::RUNNING) => ContainerState::Running,
            Some(ContainerStateStatusEnum::CREATED) => ContainerState::Created,
            Some(ContainerStateStatusEnum::EXITED | ContainerStateStatusEnum::DEAD) => ContainerState::Stopped(ended),
            _ => ContainerState::Between,
        };
        let host = found.host_config.unwrap_or_default();
        let binding = host.port_bindings.unwrap_or_default().into_values().flatten().flatten().next();
        let published = binding.and_then(|binding| Some((binding.host_ip?, binding.host_port?.parse().ok()?)));
        Some(Self {
            id: found.id?,
            name: found.name.unwrap_or_default().trim_start_matches('/').to_owned(),
            project: labels.get(LABEL_PROJECT)?.clone(),
            service: labels.get(LABEL_SERVICE).and_then(|name| Service::find(name)),
            state,
            published,
            image: config.image.unwrap_or_default(),
            image_id: found.image.unwrap_or_default(),
            is_secure: has(LABEL_SECURE),
            is_ephemeral: has(LABEL_EPHEMERAL),
            restarts: found.restart_count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0),
            memory_limit: host.memory.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0),
            environment: config.env.unwrap_or_default(),
        })
    }
}

/// What a removal took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    pub containers: Vec<String>,
    pub networks: Vec<String>,
    pub volumes: Vec<String>,
}

impl Removed {
    pub fn is_nothing(&self) -> bool {
        self.containers.is_empty() && self.networks.is_empty() && self.volumes.is_empty()
    }
}

fn label_filter(project: Option<&str>) -> HashMap<String, Vec<String>> {
    let label = project.map_or_else(|| LABEL_PROJECT.to_owned(), |project| format!("{LABEL_PROJECT}={project}"));
    HashMap::from([("label".to_owned(), vec![label])])
}

/// Whether the engine says that there is no such thing: somebody else removed it, which is fine.
fn is_gone(error: &BollardError) -> bool {
    matches!(error, BollardError::DockerResponseServerError { status_code: 404, .. })
}

/// As [`is_gone`], or it is being removed at this moment.
fn is_going(error: &BollardError) -> bool {
    is_gone(error)
        || matches!(error, BollardError::DockerResponseServerError { status_code: 409, message } if message.contains("already in progress"))
}

impl Engine {
    /// The containers of a project, or of all, running or not.
    pub async fn containers(&self, project: Option<&str>) -> Result<Vec<Container>, EngineError> {
        let options = ListContainersOptionsBuilder::default().all(true).filters(&label_filter(project)).build();
        let listed = self.ask("list the containers", self.docker.list_containers(Some(options))).await?;
        let ids: Vec<String> = listed.into_iter().filter_map(|container| container.id).collect();
        let mut containers = Vec::new();
        for found in join_all(ids.iter().map(|id| self.inspect(id))).await {
            containers.extend(found?);
        }
        containers.sort_by_key(|container| container.service);
        Ok(containers)
    }

    /// One container, or nothing when it is gone.
    pub async fn inspect(&self, id: &str) -> Result<Option<Container>, EngineError> {
        let what = format!("look at container `{id}`");
        match self.ask(&what, self.docker.inspect_container(id, None)).await {
            Ok(found) => Ok(Container::of(found)),
            Err(error) if error.status() == Some(404) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The container that publishes `port`, whosever it is: its name, and its project when it is one of ours.
    pub async fn publisher(&self, port: u16) -> Option<(String, Option<String>)> {
        let listed = self.ask("list the containers", self.docker.list_containers(None)).await.ok()?;
        let container = listed
            .into_iter()
            .find(|container| container.ports.iter().flatten().any(|published| published.public_port == Some(port)))?;
        let name = container.names?.first()?.trim_start_matches('/').to_owned();
        Some((name, container.labels.unwrap_or_default().get(LABEL_PROJECT).cloned()))
    }

    /// Makes the project's network and volumes; those that are there stay.
    pub async fn prepare(&self, spec: &StackSpec) -> Result<(), EngineError> {
        let network = network_name(&spec.project);
        if !self.has_network(&spec.project).await? {
            let request = NetworkCreateRequest {
                name: network.clone(),
                labels: Some(labels(&spec.project)),
                ..Default::default()
            };
            self.change(
                &format!("make network `{network}`"),
                |docker| async move { docker.create_network(request).await },
            )
            .await?;
        }
        if spec.ephemeral {
            return Ok(());
        }
        for service in spec.services.iter().filter(|service| service.data_folder().is_some()) {
            let name = volume_name(&spec.project, *service);
            let mut labels = labels(&spec.project);
            labels.insert(LABEL_SERVICE.to_owned(), service.name().to_owned());
            let request = VolumeCreateRequest { name: Some(name.clone()), labels: Some(labels), ..Default::default() };
            // Making a volume that is there changes nothing.
            self.change(&format!("make volume `{name}`"), |docker| async move { docker.create_volume(request).await })
                .await?;
        }
        Ok(())
    }

    /// The projects of which anything is there, by their labels.
    pub async fn projects(&self) -> Result<BTreeSet<String>, EngineError> {
        let containers = ListContainersOptionsBuilder::default().all(true).filters(&label_filter(None)).build();
        let networks = ListNetworksOptionsBuilder::default().filters(&label_filter(None)).build();
        let volumes = ListVolumesOptionsBuilder::default().filters(&label_filter(None)).build();
        let (containers, networks, volumes) = tokio::try_join!(
            self.ask("list the containers", self.docker.list_containers(Some(containers))),
            self.ask("list the networks", self.docker.list_networks(Some(networks))),
            self.ask("list the volumes", self.docker.list_volumes(Some(volumes))),
        )?;
        let labels = containers.into_iter().filter_map(|container| container.labels);
        let labels = labels.chain(networks.into_iter().filter_map(|network| network.labels));
        let labels = labels.chain(volumes.volumes.into_iter().flatten().map(|volume| volume.labels));
        Ok(labels.filter_map(|mut labels| labels.remove(LABEL_PROJECT)).collect())
    }

    async fn has_network(&self, project: &str) -> Result<bool, EngineError> {
        let options = ListNetworksOptionsBuilder::default().filters(&label_filter(Some(project))).build();
        let networks = self.ask("list the networks", self.docker.list_networks(Some(options))).await?;
        Ok(!networks.is_empty())
    }

    /// Whether volumes of the project are there.
    pub async fn has_data(&self, project: &str) -> Result<bool, EngineError> {
        Ok(!self.volumes(Some(project)).await?.is_empty())
    }

    /// Containers, networks and volumes that still carry the project's label, each with its kind.
    pub async fn left_of(&self, project: &str) -> Result<Vec<String>, EngineError> {
        let containers = self.containers(Some(project)).await?.into_iter().map(|one| format!("container {}", one.name));
        let mut left: Vec<String> = containers.collect();
        if self.has_network(project).await? {
            left.push(format!("network {}", network_name(project)));
        }
        left.extend(self.volumes(Some(project)).await?.into_iter().map(|name| format!("volume {name}")));
        Ok(left)
    }

    async fn volumes(&self, project: Option<&str>) -> Result<Vec<String>, EngineError> {
        let options = ListVolumesOptionsBuilder::default().filters(&label_filter(project)).build();
        let found = self.ask("list the volumes", self.docker.list_volumes(Some(options))).await?;
        Ok(found.volumes.unwrap_or_default().into_iter().map(|volume| volume.name).collect())
    }

    /// Makes a container, Elasticsearch's with its user, Kibana's with its token; gives its id.
    pub async fn create(
        &self,
        spec: &StackSpec,
        service: Service,
        token: Option<&Secret>,
        credentials: Option<&Credentials>,
    ) -> Result<String, EngineError> {
        let files = match credentials.filter(|_| service == Service::Elasticsearch) {
            Some(credentials) => Some(credentials.files().map_err(|error| EngineError::Refused {
                what: "get its credentials".to_owned(),
                status: None,
                reason: error.to_string(),
            })?),
            None => None,
        };
        let name = container_name(&spec.project, service);
        let body = spec.container(service, token);
        let what = format!("make container `{name}`");
        let made = self
            .change(&what, |docker| async move {
                let options = CreateContainerOptionsBuilder::default().name(&name).build();
                docker.create_container(Some(options), body).await
            })
            .await?;
        if let Some(archive) = files {
            let id = made.id.clone();
            self.change("put files into the container", |docker| async move {
                let options = UploadToContainerOptionsBuilder::default().path(CONFIG_FOLDER).build();
                docker.upload_to_container(&id, Some(options), bollard::body_full(archive.into())).await
            })
            .await?;
        }
        Ok(made.id)
    }

    pub async fn start(&self, id: &str) -> Result<(), EngineError> {
        let what = format!("start the container `{}`", self.name_of(id).await);
        let id = id.to_owned();
        self.change(&what, |docker| async move { docker.start_container(&id, None::<StartContainerOptions>).await })
            .await
    }

    /// Its name, or its id where that can't be had.
    async fn name_of(&self, id: &str) -> String {
        self.inspect(id).await.ok().flatten().map_or_else(|| id.to_owned(), |container| container.name)
    }

    /// Lets a frozen container go on.
    pub async fn unpause(&self, id: &str) -> Result<(), EngineError> {
        let id = id.to_owned();
        self.change("unpause the container", |docker| async move { docker.unpause_container(&id).await }).await
    }

    /// Kills a container at once, as a crash does.
    pub async fn kill(&self, id: &str) -> Result<(), EngineError> {
        let id = id.to_owned();
        self.change("kill the container", |docker| async move {
            let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
            docker.kill_container(&id, Some(options)).await
        })
        .await
    }

    /// Removes one container; its anonymous volumes go with it.
    pub async fn remove(&self, id: &str) -> Result<(), EngineError> {
        let id = id.to_owned();
        self.change("remove the container", |docker| async move { remove_container(&docker, &id).await }).await
    }

    /// Waits until a container ends, however long that takes; nothing when it is gone altogether.
    pub async fn ended(&self, id: &str) -> Result<Ended, EngineError> {
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut waiting = self.docker.wait_container(id, Some(options));
        let said = waiting.next().await;
        let exit_code = match said {
            Some(Ok(answer)) => answer.status_code,
            // bollard takes any other code than 0 for an error.
            Some(Err(BollardError::DockerContainerWaitError { code, .. })) => code,
            Some(Err(error)) if !is_gone(&error) => return Err(EngineError::of("wait for the container", &error)),
            Some(Err(_)) | None => 0,
        };
        let found = self.inspect(id).await?;
        match found.map(|container| container.state) {
            Some(ContainerState::Stopped(ended)) => Ok(ended),
            _ => Ok(Ended { exit_code, out_of_memory: false }),
        }
    }

    /// Bytes of memory that a running container takes, page cache left out.
    pub async fn memory(&self, id: &str) -> Option<u64> {
        let options = StatsOptionsBuilder::default().stream(false).one_shot(true).build();
        let stats: ContainerStatsResponse = self.docker.stats(id, Some(options)).next().await?.ok()?;
        let memory = stats.memory_stats?;
        let usage = memory.usage?;
        let cached = memory.stats.unwrap_or_default();
        let inactive = ["inactive_file", "total_inactive_file"].iter().find_map(|key| cached.get(*key).copied());
        Some(usage.saturating_sub(inactive.unwrap_or(0)))
    }

    /// Removes a project's containers and network, and its volumes unless `keep_data`: then services end in order first.
    /// `all` looks for every project's. Twice is fine.
    pub async fn remove_project(&self, project: Option<&str>, keep_data: bool) -> Result<Removed, EngineError> {
        let mut removed = Removed::default();
        let mut last_error = None;
        for _ in 0..SWEEPS {
            let (found, error) = self.sweep(project, keep_data, &mut removed).await?;
            last_error = error;
            // What was in the making when we looked first is found by a second look.
            if !found && last_error.is_none() {
                break;
            }
        }
        removed.containers.sort();
        match last_error {
            Some(error) => Err(error),
            None => Ok(removed),
        }
    }

    /// One round of removal: whether anything was found, and what could not be removed.
    async fn sweep(
        &self,
        project: Option<&str>,
        keep_data: bool,
        removed: &mut Removed,
    ) -> Result<(bool, Option<EngineError>), EngineError> {
        let (mut found, mut failed) = (false, None);
        let options = ListContainersOptionsBuilder::default().all(true).filters(&label_filter(project)).build();
        let listed = self.ask("list the containers", self.docker.list_containers(Some(options))).await?;
        let removals = listed.into_iter().filter_map(|container| {
            let id = container.id?;
            let name =
                container.names.and_then(|names| names.first().map(|name| name.trim_start_matches('/').to_owned()));
            Some(self.remove_one(id, name.unwrap_or_default(), keep_data))
        });
        for outcome in join_all(removals).await {
            found = true;
            match outcome {
                Ok(name) => removed.containers.push(name),
                Err(error) => failed = Some(error),
            }
        }
        let options = ListNetworksOptionsBuilder::default().filters(&label_filter(project)).build();
        for network in self.ask("list the networks", self.docker.list_networks(Some(options))).await? {
            let (Some(id), Some(name)) = (network.id, network.name) else { continue };
            found = true;
            match self
                .change(&format!("remove network `{name}`"), |docker| async move { remove_network(&docker, &id).await })
                .await
            {
                Ok(()) => removed.networks.push(name),
                Err(error) => failed = Some(error),
            }
        }
        if keep_data {
            return Ok((found, failed));
        }
        for name in self.volumes(project).await? {
            found = true;
            let volume = name.clone();
            let outcome = self
                .change(&format!("remove volume `{name}`"), |docker| async move {
                    let options = RemoveVolumeOptionsBuilder::default().force(true).build();
                    accept(docker.remove_volume(&volume, Some(options)).await, is_gone)
                })
                .await;
            match outcome {
                Ok(()) => removed.volumes.push(name),
                Err(error) => failed = Some(error),
            }
        }
        removed.containers = removed.containers.drain(..).collect::<BTreeSet<_>>().into_iter().collect();
        Ok((found, failed))
    }

    async fn remove_one(&self, id: String, name: String, in_order: bool) -> Result<String, EngineError> {
        self.change(&format!("remove container `{name}`"), |docker| async move {
            if in_order {
                let options = StopContainerOptionsBuilder::default().t(STOP_SECONDS).build();
                accept(docker.stop_container(&id, Some(options)).await, is_gone)?;
            }
            remove_container(&docker, &id).await
        })
        .await?;
        Ok(name)
    }
}

async fn remove_container(docker: &Docker, id: &str) -> Result<(), BollardError> {
    let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
    accept(docker.remove_container(id, Some(options)).await, is_going)
}

/// A network goes only when nobody is on it; a container that someone joined to it is let go of, not removed.
async fn remove_network(docker: &Docker, id: &str) -> Result<(), BollardError> {
    if let Ok(network) = docker.inspect_network(id, None).await {
        for container in network.containers.unwrap_or_default().into_keys() {
            let request = NetworkDisconnectRequest { container, force: Some(true) };
            accept(docker.disconnect_network(id, request).await, is_gone)?;
        }
    }
    accept(docker.remove_network(id).await, is_gone)
}

fn accept(outcome: Result<(), BollardError>, fine: fn(&BollardError) -> bool) -> Result<(), BollardError> {
    match outcome {
        Err(error) if !fine(&error) => Err(error),
        _ => Ok(()),
    }
}
