//! placeholder
use std::path::PathBuf;
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineAddress { pub address: String, pub source: EngineSource, pub tls: Option<EngineTls> }
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineTls { pub ca: PathBuf, pub cert: PathBuf, pub key: PathBuf, pub verify: bool }
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineSource { DefaultSocket }
pub struct EngineSearch { pub found: Option<EngineAddress> }
pub fn find_engine(_var: &dyn Fn(&str) -> Option<String>) -> EngineSearch {
    EngineSearch { found: Some(EngineAddress { address: "unix:///var/run/docker.sock".into(), source: EngineSource::DefaultSocket, tls: None }) }
}
