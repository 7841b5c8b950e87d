//! What a container engine has and can do, asked without changing anything.

use std::time::Duration;

use bollard::models::{ContainerSummary, ContainerSummaryStateEnum, SystemInfo, SystemVersion};
use bollard::query_parameters::ListContainersOptions;

use super::EngineAddress;
use super::engine::dial;
use super::spec::LABEL_PROJECT;
use crate::stack::causes::with_causes;

/// What an engine says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineSurvey {
    /// `Docker` or `Podman`.
    pub product: String,
    pub version: String,
    pub api_version: String,
    pub rootless: bool,
    /// As it calls it, such as `x86_64`.
    pub architecture: Option<String>,
    pub memory_bytes: Option<u64>,
    /// Where it keeps images and volumes, on its own machine.
    pub data_folder: Option<String>,
    /// The name of its machine: a virtual one has another name than this.
    pub host_name: Option<String>,
    /// Its clock, as it writes it.
    pub time: Option<String>,
    /// Those of the wanted images that are there.
    pub images: Vec<String>,
    pub containers: Vec<EngineContainer>,
}

/// A container, as far as it can be in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineContainer {
    pub name: String,
    pub running: bool,
    /// On the engine's host.
    pub published_ports: Vec<u16>,
    /// The project, if one of ours.
    pub project: Option<String>,
}

/// The engine could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum SurveyError {
    #[error("{}", with_causes(.0))]
    Engine(#[from] bollard::errors::Error),
    #[error("no answer within {} ms", .0.as_millis())]
    TooSlow(Duration),
}

/// Asks everything at once; gives up after `limit`.
pub async fn survey(engine: &EngineAddress, images: &[&str], limit: Duration) -> Result<EngineSurvey, SurveyError> {
    match tokio::time::timeout(limit, ask(engine, images)).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(SurveyError::TooSlow(limit)),
    }
}

async fn ask(engine: &EngineAddress, images: &[&str]) -> Result<EngineSurvey, bollard::errors::Error> {
    let docker = dial(engine)?.negotiate_version().await?;
    let all = ListContainersOptions { all: true, ..Default::default() };
    let present = futures_util::future::join_all(images.iter().map(|image| docker.inspect_image(image)));
    let (version, info, containers, present) =
        tokio::join!(docker.version(), docker.info(), docker.list_containers(Some(all)), present);
    let mut survey = read(version?, info?);
    survey.containers = containers?.into_iter().map(container).collect();
    let there = images.iter().zip(present).filter(|(_, answer)| answer.is_ok());
    survey.images = there.map(|(image, _)| (*image).to_owned()).collect();
    Ok(survey)
}

fn read(version: SystemVersion, info: SystemInfo) -> EngineSurvey {
    let components = version.components.unwrap_or_default();
    let is_podman = components.iter().any(|component| component.name.starts_with("Podman"));
    let options = info.security_options.unwrap_or_default();
    EngineSurvey {
        product: if is_podman { "Podman".to_owned() } else { "Docker".to_owned() },
        version: version.version.unwrap_or_default(),
        api_version: version.api_version.unwrap_or_default(),
        rootless: options.iter().any(|option| option.contains("rootless")),
        architecture: info.architecture,
        memory_bytes: info.mem_total.and_then(|bytes| u64::try_from(bytes).ok()).filter(|bytes| *bytes > 0),
        data_folder: info.docker_root_dir,
        host_name: info.name,
        time: info.system_time,
        images: Vec::new(),
        containers: Vec::new(),
    }
}

fn container(summary: ContainerSummary) -> EngineContainer {
    let name = summary.names.unwrap_or_default().into_iter().next().or(summary.id).unwrap_or_default();
    let ports = summary.ports.unwrap_or_default();
    EngineContainer {
        name: name.trim_start_matches('/').to_owned(),
        running: summary.state == Some(ContainerSummaryStateEnum::RUNNING),
        published_ports: ports.into_iter().filter_map(|port| port.public_port).collect(),
        project: summary.labels.and_then(|labels| labels.get(LABEL_PROJECT).cloned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn podman_and_rootless_are_told_from_what_engines_say() {
        let version = r#"{"Version": "5.2.0", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine", "Version": "5.2.0"}]}"#;
        let info = r#"{"Name": "here", "MemTotal": 25279000000, "SecurityOptions": ["name=seccomp", "name=rootless"], "Architecture": "amd64"}"#;
        let survey = read(serde_json::from_str(version).unwrap(), serde_json::from_str(info).unwrap());
        assert_eq!((survey.product.as_str(), survey.rootless), ("Podman", true));
        assert_eq!((survey.api_version.as_str(), survey.memory_bytes), ("1.41", Some(25_279_000_000)));
        let survey = read(SystemVersion::default(), SystemInfo::default());
        assert_eq!((survey.product.as_str(), survey.rootless, survey.memory_bytes), ("Docker", false, None));
    }

    #[test]
    fn a_container_is_named_with_the_ports_it_publishes() {
        let summary = r#"{"Names": ["/db"], "State": "running", "Labels": {"dev.stockdev.project": "p"},
            "Ports": [{"PrivatePort": 9200, "PublicPort": 9300, "Type": "tcp"}, {"PrivatePort": 1, "Type": "tcp"}]}"#;
        let expected = EngineContainer {
            name: "db".into(),
            running: true,
            published_ports: vec![9300],
            project: Some("p".into()),
        };
        assert_eq!(container(serde_json::from_str(summary).unwrap()), expected);
    }
}
