//! The docker stack: real servers in containers.

mod find;

pub use find::{EngineAddress, EngineSearch, EngineSource, EngineTls, RemoteHost, Silence, Tried, find_engine};
