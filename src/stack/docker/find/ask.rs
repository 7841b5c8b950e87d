//! Asks one address whether a container engine is there, and says in words why not.

use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

/// For a socket of this machine: an engine that runs answers within a few milliseconds.
const LOCAL_PATIENCE: Duration = Duration::from_millis(300);
/// For an address on a network: a name to look up, a handshake, an answer.
const NETWORK_PATIENCE: Duration = Duration::from_secs(1);
/// More than any engine's headers; a stranger may send for ever.
const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Why an address did not do. The `Display` is one line for people: what came back, and what it means.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Silence {
    #[error("no such file: not installed, or its socket is elsewhere")]
    NoSuchFile,
    #[error("connection refused: installed but not running")]
    Refused,
    #[error("permission denied: this user is not in the socket's group (`docker`); join it, or use a rootless engine")]
    PermissionDenied,
    #[error("something answers, but no container engine: `{got}`")]
    NoEngine { got: String },
    #[error(
        "it speaks TLS only: set `DOCKER_TLS_VERIFY=1` and `DOCKER_CERT_PATH` to the folder with ca, cert and key.pem"
    )]
    WantsTls,
    #[error("no answer within {} ms: it hangs, or still starts", .limit.as_millis())]
    TooSlow { limit: Duration },
    #[error("no such host: {reason}")]
    NoSuchHost { reason: String },
    #[error("{reason}")]
    Unreachable { reason: String },
    #[error("{} is not supported{}", scheme_in_words(.scheme), instead(.scheme))]
    UnsupportedScheme { scheme: String },
    #[error("docker knows no context `{name}`{}", list(.known))]
    UnknownContext { name: String, known: Vec<String> },
    #[error("context `{name}` has no address of an engine")]
    ContextWithoutAddress { name: String },
    #[error("it can't be read: {reason}")]
    Unreadable { reason: String },
    #[error("TLS file `{}`: {reason}", .path.display())]
    BadTls { path: PathBuf, reason: String },
}

fn scheme_in_words(scheme: &str) -> String {
    if scheme.is_empty() { "an address without a scheme".to_owned() } else { format!("`{scheme}://`") }
}

fn instead(scheme: &str) -> &'static str {
    match scheme {
        "ssh" => {
            ": forward the socket with `ssh -nNT -L /tmp/docker.sock:/var/run/docker.sock HOST` and set \
             `DOCKER_HOST=unix:///tmp/docker.sock`, or use a `tcp://` address"
        }
        "npipe" => " on this system: use `unix://` or `tcp://`",
        "https" => ": write `tcp://` and set `DOCKER_TLS_VERIFY=1`",
        _ => ": use `unix://` or `tcp://`",
    }
}

fn list(known: &[String]) -> String {
    if known.is_empty() {
        return "; there are none".to_owned();
    }
    let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
    format!("; there are {}", names.join(", "))
}

/// A question under way.
#[derive(Debug)]
pub(super) struct Question {
    answer: Receiver<Result<(), Silence>>,
    asked: Instant,
    limit: Duration,
}

/// Asks `address` on a thread of its own: connecting to a socket whose queue is full, and looking up a name, know no
/// time limit. A thread that hangs is left behind; it holds nothing and ends with the process at the latest.
pub(super) fn start(address: &str, tls: bool) -> Question {
    let limit = if address.starts_with("unix://") { LOCAL_PATIENCE } else { NETWORK_PATIENCE };
    let (sender, answer) = sync_channel(1);
    let address = address.to_owned();
    std::thread::spawn(move || {
        // Nobody waits any more when an earlier address answered.
        let _unheard = sender.send(ask(&address, tls, limit)).is_err();
    });
    Question { answer, asked: Instant::now(), limit }
}

impl Question {
    pub(super) fn answer(self) -> Result<(), Silence> {
        let left = self.limit.saturating_sub(self.asked.elapsed());
        self.answer.recv_timeout(left).unwrap_or(Err(Silence::TooSlow { limit: self.limit }))
    }
}

fn ask(address: &str, tls: bool, limit: Duration) -> Result<(), Silence> {
    let in_words = |error: io::Error| silence(&error, limit);
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    match scheme {
        "unix" => {
            let stream = UnixStream::connect(rest).map_err(in_words)?;
            stream.set_read_timeout(Some(limit)).map_err(in_words)?;
            expect_engine(stream, limit)
        }
        "tcp" | "http" => {
            let stream = connect(rest, limit)?;
            stream.set_read_timeout(Some(limit)).map_err(in_words)?;
            // What is behind TLS is asked by the client that has the certificates.
            if tls { Ok(()) } else { expect_engine(stream, limit) }
        }
        _ => Err(Silence::UnsupportedScheme { scheme: scheme.to_owned() }),
    }
}

fn connect(target: &str, limit: Duration) -> Result<TcpStream, Silence> {
    let target = target.split('/').next().unwrap_or_default();
    let with_port = match port_of(target) {
        Some(_) => target.to_owned(),
        None => format!("{target}:80"),
    };
    let no_such_host = |reason: String| Silence::NoSuchHost { reason };
    let addresses: Vec<_> = with_port.to_socket_addrs().map_err(|error| no_such_host(error.to_string()))?.collect();
    let mut last = no_such_host(format!("`{target}` has no address"));
    for address in addresses {
        match TcpStream::connect_timeout(&address, limit) {
            Ok(stream) => return Ok(stream),
            Err(error) => last = silence(&error, limit),
        }
    }
    Err(last)
}

/// The port at the end of `host:port`, also of `[::1]:port`.
pub(super) fn port_of(target: &str) -> Option<u16> {
    let target = target.split('/').next().unwrap_or_default();
    let (host, port) = target.rsplit_once(':')?;
    let is_whole_host = !host.contains(':') || host.ends_with(']');
    if is_whole_host { port.parse().ok() } else { None }
}

/// The host of `host:port` without the brackets of an IPv6 address.
pub(super) fn host_of(target: &str) -> &str {
    let target = target.split('/').next().unwrap_or_default();
    match target.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => target.rsplit_once(':').map_or(target, |(host, _)| host),
    }
}

/// An engine answers `/_ping` with 200 and its API version; very old ones only with the body `OK`.
fn expect_engine<S: Read + Write>(mut stream: S, limit: Duration) -> Result<(), Silence> {
    let in_words = |error: io::Error| silence(&error, limit);
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n").map_err(in_words)?;
    let mut bytes = Vec::new();
    let mut part = [0; 1024];
    loop {
        match stream.read(&mut part) {
            Ok(0) => break,
            Ok(count) => bytes.extend_from_slice(part.get(..count).unwrap_or_default()),
            // What a stranger has said so far is better than that it then fell silent.
            Err(error) if bytes.is_empty() => return Err(in_words(error)),
            Err(_) => break,
        }
        if bytes.len() >= HEAD_BYTES_MAX || is_engine(&bytes) {
            break;
        }
    }
    if is_engine(&bytes) {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&bytes);
    if text.contains("HTTP request to an HTTPS server") {
        return Err(Silence::WantsTls);
    }
    let got: String = text.lines().next().unwrap_or_default().chars().filter(|c| !c.is_control()).take(60).collect();
    Err(Silence::NoEngine { got: if got.is_empty() { "closed without a word".to_owned() } else { got } })
}

fn is_engine(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let mut lines = head.lines();
    let is_ok = lines.next().and_then(|line| line.split_ascii_whitespace().nth(1)) == Some("200");
    let has_version = lines.any(|line| line.to_ascii_lowercase().starts_with("api-version:"));
    is_ok && (has_version || body.trim_end() == "OK")
}

fn silence(error: &io::Error, limit: Duration) -> Silence {
    match error.kind() {
        io::ErrorKind::NotFound => Silence::NoSuchFile,
        io::ErrorKind::ConnectionRefused => Silence::Refused,
        io::ErrorKind::PermissionDenied => Silence::PermissionDenied,
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Silence::TooSlow { limit },
        _ => Silence::Unreachable { reason: error.to_string() },
    }
}
