//! The docker stack: real Kafka, Elasticsearch and Kibana in containers, made and removed through the engine's API.
//!
//! [`find_engine`] looks for the engine as docker's own command does; [`Engine`] is the connection to it. What is asked for is
//! a [`StackSpec`], from which each container's request follows; what is there is read back as [`Container`]s by their labels,
//! so that the engine itself is the record of what exists.

mod cause;
mod engine;
mod find;
mod images;
mod logs;
mod memory;
mod project;
mod pull;
mod registry_auth;
mod secure;
mod service;
mod spec;
mod survey;

pub use cause::{Cause, Remedy, cause_of};
pub use engine::{Engine, EngineError, EngineInfo};
pub use find::{
    EngineAddress, EngineSearch, EngineSource, EngineTls, RemoteHost, Silence, Tried, find_engine, find_recorded,
};
pub use images::{DOCKER_HUB, ELASTIC_VERSION, ImageChoice, ImageReference, Images, InvalidImage};
pub use logs::LogRange;
pub use memory::{Share, TooLittleMemory, needed, shares};
pub use project::{Container, ContainerState, Ended, Removed};
pub use pull::{PresentImage, PullAmount, PullCause, PullError, PullProgress};
pub use secure::{Credentials, CredentialsError};
pub use service::Service;
pub use spec::{KAFKA_INSIDE, LABEL_PROJECT, LABEL_SERVICE, Published, StackSpec, container_name, prefix};
pub use survey::{EngineContainer, EngineSurvey, SurveyError, survey};
