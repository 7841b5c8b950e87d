//! The docker stack: real servers in containers.

mod find;
mod survey;

pub use find::{EngineAddress, EngineSearch, EngineSource, EngineTls, RemoteHost, Silence, Tried, find_engine};
pub use survey::{EngineContainer, EngineSurvey, SurveyError, survey};
