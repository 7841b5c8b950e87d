//! The container engine's errors, as what a person is told.

use crate::cli::explain::ErrorId;
use crate::cli::failure::Failure;
use crate::stack::docker::{
    CredentialsError, DOCKER_HUB, EngineAddress, EngineError, EngineSearch, ImageReference, PullCause, PullError,
    Service, TooLittleMemory, container_name,
};
use crate::stack::{Folders, PortSource, ProjectFolders};

/// Why `auto` takes the embedded stack.
pub(in crate::cli) fn embedded_reason(search: &EngineSearch) -> String {
    let first = search.tried.first().map_or("any socket", |tried| tried.address.as_str());
    format!("embedded stack: no container engine answers at {first}")
}

pub(in crate::cli) fn engine(error: &EngineError) -> Failure {
    match error {
        EngineError::Connect { address, reason } => {
            let failure =
                Failure::new(ErrorId::NoEngine, format!("the container engine at {address} does not answer as one"))
                    .got(reason.clone());
            let failure = match reason.to_ascii_lowercase().contains("certificate") {
                true => failure.next(
                    "docker info",
                    "see whether docker's command is let in with the same ca.pem, cert.pem and key.pem",
                ),
                false => failure,
            };
            failure
                .next("stockdev doctor", "look at the engine")
                .next("stockdev up --stack embedded", "the same protocols, no engine needed")
        }
        EngineError::TooLate { .. } => Failure::new(ErrorId::EngineFailed, error.to_string())
            .next("docker info", "see whether the engine answers at all")
            .next("stockdev doctor", "look at the engine"),
        EngineError::Refused { what, reason, .. } if is_disk_full(reason) => {
            Failure::new(ErrorId::DiskFull, "the engine's disk is full")
                .tried(what.clone())
                .got(reason.clone())
                .next("docker system df", "see what takes the space")
        }
        EngineError::Refused { what, reason, .. } => {
            Failure::new(ErrorId::EngineFailed, format!("the container engine could not {what}"))
                .got(reason.clone())
                .next("stockdev doctor", "look at the engine")
        }
    }
}

fn is_disk_full(reason: &str) -> bool {
    reason.to_ascii_lowercase().contains("no space left")
}

/// A container that could not be made: its name may be somebody else's.
pub(in crate::cli) fn container_not_made(error: &EngineError, project: &str, service: Service) -> Failure {
    let failure = engine(error);
    // Podman says it with another status.
    if error.status() != Some(409) && !error.to_string().contains("already in use") {
        return failure;
    }
    let command = format!("docker rm -f {}", container_name(project, service));
    failure.next(command, "if nobody needs that container")
}

/// A project's engine does not answer, and the one that does has nothing of it.
pub(in crate::cli) fn other_engine(recorded: &str, found: &EngineAddress, project: &ProjectFolders) -> Failure {
    Failure::new(ErrorId::NoEngine, format!("the engine at {recorded} has this project, and does not answer"))
        .tried(format!("the engine at {} ({}), which has nothing of it", found.address, found.source))
        .left("its containers, volumes and state folder are as before")
        .next(format!("DOCKER_HOST={recorded} docker info"), "see why that engine does not answer")
        .next(format!("rm -r {}", project.root.display()), "forget the project, if that engine is gone for good")
}

pub(in crate::cli) fn pull(error: &PullError) -> Failure {
    match error {
        PullError::Engine(error) => engine(error),
        PullError::Stalled { image, .. } => Failure::new(ErrorId::ImageUnavailable, error.to_string())
            .tried(format!("pull {image}"))
            .next(format!("docker pull {image}"), "try the same by hand")
            .next("stockdev up", "go on: complete layers are kept")
            .next("stockdev up --stack embedded", "no images needed"),
        PullError::Refused { image, reason, cause } => {
            let failure = match cause {
                PullCause::DiskFull => Failure::new(ErrorId::DiskFull, "the engine's disk is full"),
                _ => Failure::new(ErrorId::ImageUnavailable, format!("image {image} can't be pulled")),
            };
            let failure = failure.tried(format!("pull {image}")).got(reason.clone());
            let failure = match cause {
                PullCause::RateLimit => failure.next(log_in(image), "a registry lets those who log in pull more"),
                PullCause::NoAccess => failure.next(log_in(image), "if the image is not for everybody"),
                PullCause::NotFound => failure.next("stockdev up --help", "how another image or version is named"),
                PullCause::Network => failure.next("docker info", "see the proxy and mirrors that the engine uses"),
                PullCause::DiskFull => failure.next("docker system df", "see what takes the space"),
                PullCause::Other => failure.next(format!("docker pull {image}"), "try the same by hand"),
            };
            let failure = match image.contains("kibana") {
                true => failure.next("stockdev up --without kibana", "do without Kibana"),
                false => failure,
            };
            failure.next("stockdev up --stack embedded", "no images needed")
        }
    }
}

fn log_in(image: &str) -> String {
    match image.parse::<ImageReference>() {
        Ok(image) if image.registry() != DOCKER_HUB => format!("docker login {}", image.registry()),
        _ => "docker login".to_owned(),
    }
}

/// Images that are not here and may not be pulled: all of them at once.
pub(in crate::cli) fn images_missing(images: &[String], why_not: &str) -> Failure {
    let what = if images.len() == 1 { "an image is" } else { "images are" };
    let failure = Failure::new(ErrorId::ImageUnavailable, format!("{what} not here: {}", images.join(", ")))
        .tried(format!("look for them at the engine; {why_not} forbids to pull"))
        .left("nothing was started");
    let failure = images.iter().take(1).fold(failure, |failure, image| {
        failure.next(format!("docker pull {image}"), "get it where there is a network")
    });
    let only_kibana = images.iter().all(|image| image.contains("kibana"));
    let failure = match only_kibana {
        true => failure.next("stockdev up --without kibana", "do without Kibana"),
        false => failure,
    };
    failure.next("stockdev up --stack embedded", "no images needed")
}

/// The registry does not give an image that is missing.
pub(in crate::cli) fn image_unreachable(image: &str, reason: &str) -> Failure {
    Failure::new(ErrorId::ImageUnavailable, format!("image {image} is not here and can't be pulled: {reason}"))
        .left("nothing was started")
        .next(format!("docker pull {image}"), "try it by hand")
}

pub(in crate::cli) fn memory(error: &TooLittleMemory, services: usize) -> Failure {
    let failure = Failure::new(ErrorId::LowMemory, error.to_string()).left("nothing was started");
    let failure = match services {
        3.. => failure.next("stockdev up --without kibana", "do without Kibana"),
        _ => failure,
    };
    failure
        .next("stockdev up --stack embedded", "the same protocols in a tenth of the memory")
        .next("stockdev doctor", "see what the engine has")
}

pub(in crate::cli) fn credentials(error: &CredentialsError) -> Failure {
    match error {
        CredentialsError::File(error) => super::file(error),
        CredentialsError::Damaged { .. } => Failure::new(ErrorId::CredentialsLost, error.to_string())
            .next("stockdev down", "remove the stack and its data, then `up` again"),
        CredentialsError::Random(_) | CredentialsError::Pack(_) => Failure::new(ErrorId::Internal, error.to_string()),
    }
}

/// A port that a container is to publish is taken: by a process, or by another container.
pub(in crate::cli) fn container_port_taken(
    service: &str,
    address: &str,
    port: u16,
    source: &PortSource,
    container: Option<(String, Option<String>)>,
    folders: &Folders,
) -> Failure {
    let Some((name, project)) = container else {
        return super::port_taken(service, address, port, "address in use", source, folders);
    };
    let base = if (9300..=9304).contains(&port) { 9400 } else { 9300 };
    let got = match &project {
        Some(project) => format!("address in use, by stockdev project `{project}` (container `{name}`)"),
        None => format!("address in use, by container `{name}`"),
    };
    let failure = Failure::new(ErrorId::PortTaken, format!("{service} cannot listen on {address}"))
        .tried(format!("publish {address} ({})", source.describe()))
        .got(got)
        .left("nothing was started")
        .next("stockdev up --ports auto", "take free ports")
        .next(format!("stockdev up --port-base {base}"), "choose ports");
    match project {
        Some(project) => failure.next(format!("stockdev down --project {project}"), "stop that project"),
        None => failure.next(format!("docker stop {name}"), "stop that container"),
    }
}
