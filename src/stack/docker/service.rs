//! The services of the docker stack, and what each is called.

use serde::{Deserialize, Serialize};

/// A service that runs in a container of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    Kafka,
    Elasticsearch,
    Kibana,
}

impl Service {
    /// In the order in which they start.
    pub const ALL: [Service; 3] = [Service::Kafka, Service::Elasticsearch, Service::Kibana];

    /// In commands, labels, container names and documents.
    pub fn name(self) -> &'static str {
        match self {
            Service::Kafka => "kafka",
            Service::Elasticsearch => "elasticsearch",
            Service::Kibana => "kibana",
        }
    }

    /// As people write it.
    pub fn title(self) -> &'static str {
        match self {
            Service::Kafka => "Kafka",
            Service::Elasticsearch => "Elasticsearch",
            Service::Kibana => "Kibana",
        }
    }

    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.name() == name)
    }

    /// Where the image keeps what has to survive its container.
    pub(super) fn data_folder(self) -> Option<&'static str> {
        match self {
            Service::Kafka => Some("/var/lib/kafka/data"),
            Service::Elasticsearch => Some("/usr/share/elasticsearch/data"),
            // Kibana keeps its objects in Elasticsearch.
            Service::Kibana => None,
        }
    }

    /// The port inside the container that is published on this machine.
    pub(super) fn inner_port(self) -> u16 {
        match self {
            Service::Kafka => 9092,
            Service::Elasticsearch => 9200,
            Service::Kibana => 5601,
        }
    }
}
