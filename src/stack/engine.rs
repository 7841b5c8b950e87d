//! Whether a container engine answers. The engine is only asked for its version; nothing is started.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(300);

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Engine {
    Answers {
        address: String,
    },
    /// The addresses that were tried, and why the first one did not do.
    Silent {
        tried: Vec<String>,
        reason: String,
    },
}

/// Asks `DOCKER_HOST` if that is set, else the usual sockets.
pub fn find_engine(var: &dyn Fn(&str) -> Option<String>) -> Engine {
    let (mut tried, mut reasons) = (Vec::new(), Vec::new());
    for address in candidates(var) {
        match ping(&address) {
            Ok(()) => return Engine::Answers { address },
            Err(reason) => {
                tried.push(address);
                reasons.push(reason);
            }
        }
    }
    Engine::Silent { tried, reason: reasons.into_iter().next().unwrap_or_else(|| "nowhere to ask".to_owned()) }
}

fn candidates(var: &dyn Fn(&str) -> Option<String>) -> Vec<String> {
    if let Some(host) = var("DOCKER_HOST").filter(|host| !host.is_empty()) {
        return vec![host];
    }
    let unix = |path: PathBuf| format!("unix://{}", path.display());
    let mut addresses = vec![unix("/var/run/docker.sock".into())];
    if let Some(runtime) = var("XDG_RUNTIME_DIR") {
        addresses.push(unix(PathBuf::from(&runtime).join("docker.sock")));
        addresses.push(unix(PathBuf::from(&runtime).join("podman/podman.sock")));
    }
    if let Some(home) = var("HOME") {
        for place in
            [".docker/run/docker.sock", ".colima/default/docker.sock", ".orbstack/run/docker.sock", ".rd/docker.sock"]
        {
            addresses.push(unix(PathBuf::from(&home).join(place)));
        }
    }
    addresses
}

fn ping(address: &str) -> Result<(), String> {
    let request = b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n";
    if let Some(path) = address.strip_prefix("unix://") {
        let stream = UnixStream::connect(path).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        return expect_ok(stream, request);
    }
    if let Some(host) = address.strip_prefix("tcp://") {
        use std::net::{TcpStream, ToSocketAddrs};
        let target = host.to_socket_addrs().map_err(|error| error.to_string())?.next().ok_or("no such host")?;
        let stream = TcpStream::connect_timeout(&target, PATIENCE).map_err(|error| error.to_string())?;
        stream.set_read_timeout(Some(PATIENCE)).map_err(|error| error.to_string())?;
        return expect_ok(stream, request);
    }
    Err("an address of this kind can't be asked".to_owned())
}

fn expect_ok<S: Read + Write>(mut stream: S, request: &[u8]) -> Result<(), String> {
    stream.write_all(request).map_err(|error| error.to_string())?;
    let mut head = [0; 12];
    stream.read_exact(&mut head).map_err(|error| error.to_string())?;
    if head.ends_with(b" 200") { Ok(()) } else { Err("it answers, but not as a container engine".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_host_is_the_only_one_asked_when_set() {
        let engine = find_engine(&|name| (name == "DOCKER_HOST").then(|| "unix:///nope".to_owned()));
        match engine {
            Engine::Silent { tried, reason } => {
                assert_eq!(tried, ["unix:///nope"]);
                assert!(reason.contains("No such file"), "{reason}");
            }
            Engine::Answers { .. } => panic!("{engine:?}"),
        }
    }

    #[test]
    fn an_engine_that_answers_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker.sock");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = [0; 38];
            stream.read_exact(&mut request).unwrap();
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nOK").unwrap();
        });
        let address = format!("unix://{}", path.display());
        let found = find_engine(&|name| (name == "DOCKER_HOST").then(|| address.clone()));
        assert_eq!(found, Engine::Answers { address: address.clone() });
        server.join().unwrap();
    }
}
