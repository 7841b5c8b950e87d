//! Where the container engine is, found as docker's own command finds it. It is only asked whether it is there.
//!
//! Client libraries look at one path, so that people with Colima, Podman or a context delete and link system sockets to
//! please them. Here the order is that of docker's command (its `resolveContextName`), and only when nothing at all is
//! configured come the sockets of the engines people really use. What was asked and why it did not do is kept: it is
//! the answer to "but my engine runs!".
//!
//! [`context`] reads docker's settings and contexts, [`sockets`] knows the usual places, [`ask`] asks one address.

mod ask;
mod context;
mod sockets;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use ask::Silence;

/// Gives a variable of the environment; the empty ones count as absent, as they do for docker.
type Var<'a> = &'a dyn Fn(&str) -> Option<String>;

/// An engine that answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineAddress {
    /// `unix:///path`, `tcp://host:port`, `http://host:port` or `npipe:////./pipe/name`.
    pub address: String,
    pub source: EngineSource,
    pub tls: Option<EngineTls>,
}

impl EngineAddress {
    /// The machine that published ports are reached at, when it is not this one.
    pub fn remote_host(&self) -> Option<String> {
        RemoteHost::of(self).map(|host| host.to_string())
    }
}

/// How to prove who we are to an engine behind TLS. All three files are there and can be read.
///
/// The engine's own certificate must be signed by `ca`, also where docker's command would not look (`DOCKER_TLS` without
/// `DOCKER_TLS_VERIFY`, a context that skips the check).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineTls {
    pub ca: PathBuf,
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Where an address comes from: its `Display` is said to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EngineSource {
    Flag,
    DockerHost,
    /// The context that `DOCKER_CONTEXT` names.
    DockerContext(String),
    /// The context that docker's settings file names.
    CurrentContext(String),
    /// Docker's settings file itself.
    Settings,
    /// The project was brought up on it.
    Recorded,
    /// Nothing is configured: the usual socket of this product.
    KnownSocket(&'static str),
}

impl fmt::Display for EngineSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EngineSource::Flag => f.write_str("the flag"),
            EngineSource::DockerHost => f.write_str("`DOCKER_HOST`"),
            EngineSource::DockerContext(name) => write!(f, "`DOCKER_CONTEXT`, context `{name}`"),
            EngineSource::CurrentContext(name) => write!(f, "docker context `{name}`"),
            EngineSource::Settings => f.write_str("docker's settings"),
            EngineSource::Recorded => f.write_str("this project's record"),
            EngineSource::KnownSocket(product) => write!(f, "usual socket of {product}"),
        }
    }
}

/// What became of the search.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSearch {
    pub found: Option<EngineAddress>,
    /// What did not do, in the order it was asked. After an engine was found, nothing more was.
    pub tried: Vec<Tried>,
}

/// An address that did not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    /// The address; for a context or settings that can't be read, their file or folder.
    pub address: String,
    pub source: EngineSource,
    pub why: Silence,
}

/// Looks for an engine, in under 1.5 seconds whatever hangs.
///
/// The order is that of docker's command, and so is what excludes what:
///
/// 1. `flag`, then `DOCKER_HOST`: when set, that address is the only one asked.
/// 2. `DOCKER_CONTEXT`, then `currentContext` in `config.json` of `$DOCKER_CONFIG` or `~/.docker`: unless it is
///    `default`, that context's address is the only one asked. An engine that was chosen is never replaced by another.
/// 3. The usual sockets, which docker's command knows only the first of; the first in order that answers is taken.
///
/// `DOCKER_TLS_VERIFY`, `DOCKER_TLS` and `DOCKER_CERT_PATH` go with the addresses of step 1; a context brings its own files.
pub fn find_engine(flag: Option<&str>, var: Var<'_>) -> EngineSearch {
    find_below(Path::new("/"), flag, var)
}

/// Looks for the engine that a project was brought up on. Where it does not answer any more it may be reached another way: then
/// as [`find_engine`] does, without a flag.
pub fn find_recorded(address: &str, tls: Option<&EngineTls>, var: Var<'_>) -> EngineSearch {
    let tls = tls.map(EngineTls::still_there).transpose();
    let candidate = Candidate { address: address.to_owned(), source: EngineSource::Recorded, tls };
    let recorded = first_that_answers(vec![candidate], Vec::new());
    if recorded.found.is_some() {
        return recorded;
    }
    let EngineSearch { found, tried } = find_engine(None, var);
    let others = tried.into_iter().filter(|tried| tried.address != address);
    EngineSearch { found, tried: recorded.tried.into_iter().chain(others).collect() }
}

/// As [`find_engine`], with the system's own sockets below `root`.
fn find_below(root: &Path, flag: Option<&str>, var: Var<'_>) -> EngineSearch {
    let var: Var<'_> = &|name| var(name).filter(|value| !value.trim().is_empty());
    let named = flag.map(|flag| (flag.to_owned(), EngineSource::Flag));
    let named = named.or_else(|| Some((var("DOCKER_HOST")?, EngineSource::DockerHost)));
    if let Some((address, source)) = named {
        return first_that_answers(vec![Candidate::named(&address, source, var)], Vec::new());
    }
    let (name, tried) = match context::chosen(var) {
        Ok(name) => (name, Vec::new()),
        // Docker's command warns and goes on without its settings.
        Err(tried) => (None, vec![tried]),
    };
    let candidates = match name {
        Some(source) => vec![context::candidate(source, var)],
        None => sockets::known(root, var).into_iter().map(Candidate::socket).collect(),
    };
    first_that_answers(candidates, tried)
}

/// An address to ask, or why it can't even be asked.
#[derive(Debug)]
struct Candidate {
    address: String,
    source: EngineSource,
    tls: Result<Option<EngineTls>, Silence>,
}

impl Candidate {
    fn named(address: &str, source: EngineSource, var: Var<'_>) -> Self {
        let address = normalised(address);
        let tls = if address.starts_with("tcp://") { tls_of_environment(var) } else { Ok(None) };
        Self { address, source, tls }
    }

    fn socket((path, product): (PathBuf, &'static str)) -> Self {
        let address = format!("unix://{}", path.display());
        Self { address, source: EngineSource::KnownSocket(product), tls: Ok(None) }
    }
}

/// Asks all at once, because one that hangs must not keep the others; takes the first in order.
fn first_that_answers(candidates: Vec<Candidate>, mut tried: Vec<Tried>) -> EngineSearch {
    let asked: Vec<_> = candidates
        .into_iter()
        .map(|candidate| {
            let answer = candidate.tls.map(|tls| (ask::start(&candidate.address, tls.is_some()), tls));
            (candidate.address, candidate.source, answer)
        })
        .collect();
    for (address, source, answer) in asked {
        match answer.and_then(|(question, tls)| question.answer().map(|()| tls)) {
            Ok(tls) => return EngineSearch { found: Some(EngineAddress { address, source, tls }), tried },
            Err(why) => tried.push(Tried { address, source, why }),
        }
    }
    EngineSearch { found: None, tried }
}

/// A full address, from what docker takes for one: `/path`, `host:port`, `tcp://host`, `unix://`.
fn normalised(text: &str) -> String {
    let text = text.trim();
    let (scheme, rest) = match text.split_once("://") {
        Some(parts) => parts,
        None if text.starts_with('/') || text.starts_with("./") => ("unix", text),
        None => ("tcp", text),
    };
    match (scheme, rest.trim_end_matches('/')) {
        ("unix", "") => "unix:///var/run/docker.sock".to_owned(),
        ("tcp", "") => "tcp://localhost:2375".to_owned(),
        ("tcp", host) if ask::port_of(host).is_none() => format!("tcp://{host}:2375"),
        ("tcp" | "http", host) => format!("{scheme}://{host}"),
        _ => format!("{scheme}://{rest}"),
    }
}

/// `DOCKER_TLS_VERIFY` and `DOCKER_TLS` ask for TLS.
fn tls_of_environment(var: Var<'_>) -> Result<Option<EngineTls>, Silence> {
    if var("DOCKER_TLS_VERIFY").is_none() && var("DOCKER_TLS").is_none() {
        return Ok(None);
    }
    let folder = var("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| context::folder(var)).unwrap_or_default();
    EngineTls::in_folder(&folder).map(Some)
}

impl EngineTls {
    /// The three files that docker puts into a folder.
    fn in_folder(folder: &Path) -> Result<Self, Silence> {
        // Absolute, as it is remembered and looked for from other folders.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let file = |name: &str| folder.join(name);
        Self { ca: file("ca.pem"), cert: file("cert.pem"), key: file("key.pem") }.still_there()
    }

    /// The same, if the files can be read.
    fn still_there(&self) -> Result<Self, Silence> {
        for path in [&self.ca, &self.cert, &self.key] {
            if let Err(error) = std::fs::File::open(path) {
                return Err(Silence::BadTls { path: path.clone(), reason: error.to_string() });
            }
        }
        Ok(self.clone())
    }
}

/// The other machine that an engine is on: its published ports are reached there and not at 127.0.0.1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteHost(String);

impl RemoteHost {
    /// `None` when the engine is on this machine: a socket, a pipe, or a loopback address. An engine inside a virtual
    /// machine (Docker Desktop, Colima) counts as here: it forwards its ports to this machine.
    pub fn of(engine: &EngineAddress) -> Option<Self> {
        let (scheme, rest) = engine.address.split_once("://")?;
        if !matches!(scheme, "tcp" | "http") {
            return None;
        }
        let host = ask::host_of(rest);
        let is_here = match host.parse::<IpAddr>() {
            Ok(ip) => ip.is_loopback() || ip.is_unspecified(),
            Err(_) => host.is_empty() || host.eq_ignore_ascii_case("localhost"),
        };
        (!is_here).then(|| Self(host.to_owned()))
    }

    /// Without brackets, also when it is an IPv6 address.
    pub fn host(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemoteHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
