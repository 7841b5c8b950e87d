//! The flags of the docker stack.

use clap::{Args, ValueEnum};

use crate::stack::docker::{ImageChoice, ImageReference, Service};

#[derive(Args, Debug, Clone)]
#[command(next_help_heading = "Docker stack")]
pub(in crate::cli) struct DockerArgs {
    /// When to pull images: missing ones, always, or never
    #[arg(
        long,
        value_enum,
        default_value = "missing",
        hide_possible_values = true,
        value_name = "always|missing|never"
    )]
    pull: PullPolicy,
    /// Ask no registry: the images have to be here
    #[arg(long)]
    offline: bool,
    /// Leave a service out
    #[arg(long, value_enum, value_name = "kibana", hide_possible_values = true)]
    without: Vec<Optional>,
    /// Kafka's image, instead of the pinned one
    #[arg(long, value_name = "IMAGE", hide_short_help = true)]
    kafka_image: Option<ImageReference>,
    /// Elasticsearch's image
    #[arg(long, value_name = "IMAGE", hide_short_help = true)]
    elasticsearch_image: Option<ImageReference>,
    /// Kibana's image
    #[arg(long, value_name = "IMAGE", hide_short_help = true)]
    kibana_image: Option<ImageReference>,
    /// Version of the Elastic images: 8.12 or later
    #[arg(long, value_name = "VERSION", value_parser = elastic_version)]
    elastic_version: Option<String>,
    /// Elasticsearch and Kibana ask for credentials, which are made and kept for you
    #[arg(long)]
    secure: bool,
    /// Leave containers that failed to start, to be looked at
    #[arg(long, hide_short_help = true)]
    pub(super) keep_on_failure: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum PullPolicy {
    Always,
    Missing,
    Never,
}

/// A service that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Optional {
    Kibana,
}

impl DockerArgs {
    pub(super) fn pulls_always(&self) -> bool {
        self.pull == PullPolicy::Always && !self.offline
    }

    pub(super) fn may_pull(&self) -> bool {
        self.pull != PullPolicy::Never && !self.offline
    }

    /// The flag that forbids to pull, to name it.
    pub(super) fn why_not_pull(&self) -> &'static str {
        if self.offline { "--offline" } else { "--pull never" }
    }

    /// The services asked for; nothing when no flag says.
    pub(super) fn services(&self) -> Option<Vec<Service>> {
        let left_out: Vec<Service> = self.without.iter().map(|Optional::Kibana| Service::Kibana).collect();
        if left_out.is_empty() {
            return None;
        }
        Some(Service::ALL.into_iter().filter(|service| !left_out.contains(service)).collect())
    }

    pub(super) fn images(&self) -> ImageChoice {
        ImageChoice {
            kafka: self.kafka_image.clone(),
            elastic_version: self.elastic_version.clone(),
            elasticsearch: self.elasticsearch_image.clone(),
            kibana: self.kibana_image.clone(),
        }
    }

    /// Whether a flag names this service's image, not just its version.
    pub(super) fn names_image(&self, service: Service) -> bool {
        match service {
            Service::Kafka => self.kafka_image.is_some(),
            Service::Elasticsearch => self.elasticsearch_image.is_some(),
            Service::Kibana => self.kibana_image.is_some(),
        }
    }

    pub(super) fn secure(&self) -> bool {
        self.secure
    }
}

/// Older ones lack what the index template and the dashboard need.
fn elastic_version(text: &str) -> Result<String, String> {
    let mut numbers = text.split(['.', '-']).map(str::parse::<u32>);
    let (major, minor) = match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor),
        _ => return Err("expected a version such as 9.2.4".to_owned()),
    };
    let is_image_tag =
        text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    match (major, minor) {
        _ if !is_image_tag => Err("expected a version such as 9.2.4".to_owned()),
        (9.., _) | (8, 12..) => Ok(text.to_owned()),
        _ => Err("versions before 8.12 are not supported".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elastic_versions_from_8_12_on_are_taken() {
        for good in ["8.12.0", "8.19.9", "9.0.0", "9.2.4", "10.0.1", "9.3.0-SNAPSHOT"] {
            assert_eq!(elastic_version(good).as_deref(), Ok(good));
        }
        for bad in ["8.11.4", "7.17.0", "latest", "9", "", "9.2.4 x"] {
            assert!(elastic_version(bad).is_err(), "{bad}");
        }
    }
}
