//! Which images: the one place where versions and digests stand.
//!
//! A default is a version, never `latest`, so that the same stockdev runs the same servers next year. Where the maker's
//! registry names a digest that we could check, it is pinned as well: a pull then asks for exactly those bytes. An image that
//! is already on the machine under the name is taken as it is, and `status` shows its digest.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::service::Service;

/// The version of the Elastic images when none is asked for. 8.12 and later work.
pub const ELASTIC_VERSION: &str = "9.2.4";

const KAFKA: &str = "apache/kafka:4.1.2@sha256:5cc2a2fd93fa2687b44015eee04fb2c3edd9e526bd64bf8bec5ff1e268772e0e";
const ELASTICSEARCH: &str = "docker.elastic.co/elasticsearch/elasticsearch";
const KIBANA: &str = "docker.elastic.co/kibana/kibana";

/// `[REGISTRY/]NAME[:TAG][@DIGEST]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageReference {
    name: String,
    tag: Option<String>,
    digest: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no image: {reason}")]
pub struct InvalidImage {
    text: String,
    reason: &'static str,
}

impl FromStr for ImageReference {
    type Err = InvalidImage;

    fn from_str(text: &str) -> Result<Self, InvalidImage> {
        let wrong = |reason| InvalidImage { text: text.to_owned(), reason };
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon before the last slash belongs to the registry's port.
        let name_starts = rest.rfind('/').map_or(0, |place| place + 1);
        let (name, tag) = match rest.get(name_starts..).and_then(|last| last.rfind(':')) {
            Some(colon) => {
                let (name, tag) = rest.split_at(name_starts + colon);
                (name, Some(tag.trim_start_matches(':')))
            }
            None => (rest, None),
        };
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_plain) || name.starts_with(['/', '-', '.']) || name.ends_with('/') {
            return Err(wrong("expected [REGISTRY/]NAME[:TAG][@sha256:DIGEST]"));
        }
        if tag.is_some_and(|tag| tag.is_empty() || tag.len() > 128) {
            return Err(wrong("the tag after `:` is empty or too long"));
        }
        let is_digest = |digest: &str| {
            digest
                .strip_prefix("sha256:")
                .is_some_and(|hex| hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_hexdigit()))
        };
        if digest.is_some_and(|digest| !is_digest(digest)) {
            return Err(wrong("the digest after `@` is `sha256:` and 64 hexadecimal digits"));
        }
        // What nobody wrote is what the engine would take.
        let tag = tag.or_else(|| digest.is_none().then_some("latest"));
        Ok(Self { name: name.to_owned(), tag: tag.map(str::to_owned), digest: digest.map(str::to_owned) })
    }
}

impl TryFrom<String> for ImageReference {
    type Error = InvalidImage;

    fn try_from(text: String) -> Result<Self, InvalidImage> {
        text.parse()
    }
}

impl From<ImageReference> for String {
    fn from(image: ImageReference) -> Self {
        image.to_string()
    }
}

impl fmt::Display for ImageReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(tag) = &self.tag {
            write!(f, ":{tag}")?;
        }
        if let Some(digest) = &self.digest {
            write!(f, "@{digest}")?;
        }
        Ok(())
    }
}

impl ImageReference {
    /// The name under which the engine is asked whether it has it: by tag where there is one, so that an image that was
    /// loaded or built here counts.
    pub fn local_name(&self) -> String {
        match (&self.tag, &self.digest) {
            (Some(tag), _) => format!("{}:{tag}", self.name),
            (None, Some(digest)) => format!("{}@{digest}", self.name),
            (None, None) => self.name.clone(),
        }
    }

    /// What is asked for in a pull: name, and digest where pinned, else tag.
    pub(super) fn pull_parts(&self) -> (&str, &str) {
        (&self.name, self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest"))
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Name and tag apart, as other libraries take them.
    pub fn name_and_tag(&self) -> (&str, &str) {
        (&self.name, self.tag.as_deref().unwrap_or("latest"))
    }

    /// The digest that is pinned, if one is.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// The tag, which names the version.
    pub fn version(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    pub(super) fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    pub(super) fn is_pinned(&self) -> bool {
        self.digest.is_some()
    }

    /// The registry's host, as docker's configuration names it.
    pub fn registry(&self) -> &str {
        match self.name.split_once('/') {
            // A first part with a dot or a port is a host; anything else is a user at Docker Hub.
            Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
            _ => DOCKER_HUB,
        }
    }
}

/// The registry of names without a host.
pub const DOCKER_HUB: &str = "docker.io";

/// The images of one stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Images {
    pub kafka: ImageReference,
    pub elasticsearch: ImageReference,
    pub kibana: ImageReference,
}

/// What the flags say of images; absent ones are the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageChoice {
    pub kafka: Option<ImageReference>,
    pub elastic_version: Option<String>,
    pub elasticsearch: Option<ImageReference>,
    pub kibana: Option<ImageReference>,
}

impl ImageChoice {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Images {
    pub fn defaults() -> Self {
        Self::choose(&ImageChoice::default()).expect("the defaults are written above and a test parses them")
    }

    pub fn choose(choice: &ImageChoice) -> Result<Self, InvalidImage> {
        let version = choice.elastic_version.as_deref().unwrap_or(ELASTIC_VERSION);
        let elastic = |name: &str| format!("{name}:{version}").parse::<ImageReference>();
        Ok(Self {
            kafka: choice.kafka.clone().map_or_else(|| KAFKA.parse(), Ok)?,
            elasticsearch: choice.elasticsearch.clone().map_or_else(|| elastic(ELASTICSEARCH), Ok)?,
            kibana: choice.kibana.clone().map_or_else(|| elastic(KIBANA), Ok)?,
        })
    }

    pub fn of_mut(&mut self, service: Service) -> &mut ImageReference {
        match service {
            Service::Kafka => &mut self.kafka,
            Service::Elasticsearch => &mut self.elasticsearch,
            Service::Kibana => &mut self.kibana,
        }
    }

    pub fn of(&self, service: Service) -> &ImageReference {
        match service {
            Service::Kafka => &self.kafka,
            Service::Elasticsearch => &self.elasticsearch,
            Service::Kibana => &self.kibana,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> ImageReference {
        text.parse().unwrap()
    }

    #[test]
    fn the_defaults_are_versions() {
        let images = Images::defaults();
        for service in Service::ALL {
            let tag = images.of(service).tag().unwrap();
            assert!(tag.starts_with(|c: char| c.is_ascii_digit()), "{tag}");
        }
        assert!(images.kafka.is_pinned());
        assert_eq!(images.kibana.local_name(), "docker.elastic.co/kibana/kibana:9.2.4");
    }

    #[test]
    fn a_reference_is_read_as_docker_reads_it() {
        let parts = |text: &str| {
            let image = image(text);
            (image.registry().to_owned(), image.local_name(), image.pull_parts().1.to_owned())
        };
        let own = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
        assert_eq!(parts("apache/kafka:4.1.2"), own("docker.io", "apache/kafka:4.1.2", "4.1.2"));
        assert_eq!(parts("kafka"), own("docker.io", "kafka:latest", "latest"));
        assert_eq!(parts("localhost:5000/kafka"), own("localhost:5000", "localhost:5000/kafka:latest", "latest"));
        assert_eq!(parts("registry.example/a/b:1"), own("registry.example", "registry.example/a/b:1", "1"));
        let digest = format!("sha256:{}", "a".repeat(64));
        assert_eq!(parts(&format!("a/b:1@{digest}")), own("docker.io", "a/b:1", &digest));
        assert_eq!(parts(&format!("a/b@{digest}")), own("docker.io", &format!("a/b@{digest}"), &digest));
        assert_eq!(image(&format!("a/b:1@{digest}")).to_string(), format!("a/b:1@{digest}"));
    }

    #[test]
    fn what_is_no_image_is_refused_with_a_reason() {
        for bad in ["", "/a", "a b", "a:", "a@sha256:12", "a@md5:00", "-a", "a/"] {
            assert!(bad.parse::<ImageReference>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_elastic_version_moves_both_and_a_named_image_wins() {
        let choice = ImageChoice {
            elastic_version: Some("8.19.9".into()),
            kibana: Some(image("mirror.example/kibana:8.19.8")),
            ..ImageChoice::default()
        };
        let images = Images::choose(&choice).unwrap();
        assert_eq!(images.elasticsearch.tag(), Some("8.19.9"));
        assert_eq!(images.kibana.to_string(), "mirror.example/kibana:8.19.8");
    }
}
