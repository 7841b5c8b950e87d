//! placeholder
use std::path::PathBuf;
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineAddress {
    pub address: String,
    pub source: EngineSource,
    pub tls: Option<EngineTls>,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineTls {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
    pub verify: bool,
}
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineSource {
    DefaultSocket,
}
pub struct EngineSearch {
    pub found: Option<EngineAddress>,
}
impl EngineAddress {
    pub fn remote_host(&self) -> Option<String> {
        None
    }
}
pub fn find_engine(var: &dyn Fn(&str) -> Option<String>) -> EngineSearch {
    let address = var("DOCKER_HOST").unwrap_or_else(|| "unix:///var/run/docker.sock".into());
    let path = address.trim_start_matches("unix://").to_owned();
    let ok = std::path::Path::new(&path).exists();
    EngineSearch { found: ok.then(|| EngineAddress { address, source: EngineSource::DefaultSocket, tls: None }) }
}
