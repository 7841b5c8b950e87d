//! Docker's settings and contexts, as its command keeps them below `~/.docker`.
//!
//! A context is a folder in `contexts/meta`, named by a hash of the context's name; the name is also inside. We read
//! all and compare names: there are a handful, and no hash is needed. The TLS files are in a folder of the same hash.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Candidate, EngineSource, EngineTls, Silence, Tried, Var, normalised};

/// The part of `config.json` that counts here.
#[derive(Deserialize)]
struct Settings {
    #[serde(rename = "currentContext", default)]
    current_context: String,
}

/// A context's `meta.json`.
#[derive(Deserialize)]
struct Meta {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Endpoints", default)]
    endpoints: Endpoints,
}

#[derive(Deserialize, Default)]
struct Endpoints {
    docker: Option<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    #[serde(rename = "Host", default)]
    host: String,
}

/// Docker's folder: `$DOCKER_CONFIG` or `~/.docker`.
pub(super) fn folder(var: Var<'_>) -> Option<PathBuf> {
    var("DOCKER_CONFIG").map(PathBuf::from).or_else(|| Some(PathBuf::from(var("HOME")?).join(".docker")))
}

/// The context that was chosen, unless that is `default`, which means none. Settings that are damaged choose none.
pub(super) fn chosen(var: Var<'_>) -> Result<Option<EngineSource>, Tried> {
    let is_one = |name: &String| !name.is_empty() && name != "default";
    if let Some(name) = var("DOCKER_CONTEXT") {
        return Ok(Some(name).filter(is_one).map(EngineSource::DockerContext));
    }
    let Some(path) = folder(var).map(|folder| folder.join("config.json")) else { return Ok(None) };
    let unreadable = |reason: String| Tried {
        address: path.display().to_string(),
        source: EngineSource::Settings,
        why: Silence::Unreadable { reason },
    };
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    let settings: Settings = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
    Ok(Some(settings.current_context).filter(is_one).map(EngineSource::CurrentContext))
}

/// The address of the context that `source` names.
pub(super) fn candidate(source: EngineSource, var: Var<'_>) -> Candidate {
    let (EngineSource::DockerContext(name) | EngineSource::CurrentContext(name)) = &source else {
        return Candidate { address: String::new(), source, tls: Ok(None) };
    };
    let store = folder(var).unwrap_or_default().join("contexts");
    match look_up(&store, name) {
        Ok((address, tls)) => Candidate { address, source, tls },
        Err(why) => Candidate { address: store.join("meta").display().to_string(), source, tls: Err(why) },
    }
}

type Address = (String, Result<Option<EngineTls>, Silence>);

fn look_up(store: &Path, wanted: &str) -> Result<Address, Silence> {
    let mut known = Vec::new();
    for folder in folders(&store.join("meta")) {
        let text = std::fs::read_to_string(folder.join("meta.json")).unwrap_or_default();
        // One damaged context does not hide the others.
        let Ok(meta) = serde_json::from_str::<Meta>(&text) else { continue };
        if meta.name != wanted {
            known.push(meta.name);
            continue;
        }
        let endpoint = meta.endpoints.docker.filter(|endpoint| !endpoint.host.is_empty());
        let endpoint = endpoint.ok_or_else(|| Silence::ContextWithoutAddress { name: wanted.to_owned() })?;
        let hash = folder.file_name().unwrap_or_default();
        let files = store.join("tls").join(hash).join("docker");
        let tls = if files.is_dir() { EngineTls::in_folder(&files).map(Some) } else { Ok(None) };
        return Ok((normalised(&endpoint.host), tls));
    }
    known.sort();
    Err(Silence::UnknownContext { name: wanted.to_owned(), known })
}

fn folders(path: &Path) -> Vec<PathBuf> {
    std::fs::read_dir(path).map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}
