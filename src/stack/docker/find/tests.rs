//! Each rule of the search, in a temporary home with sockets that answer like engines or like strangers.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use super::*;

const ENGINE: &str = "HTTP/1.0 200 OK\r\nApi-Version: 1.41\r\nServer: Docker/20.10\r\n\r\nOK";
const STRANGER: &str = "HTTP/1.0 200 OK\r\nServer: nginx\r\n\r\n<html>";

/// A user's folders and variables. Nothing of the real machine is looked at.
struct Home {
    folder: tempfile::TempDir,
    vars: BTreeMap<String, String>,
}

impl Home {
    fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("find-").tempdir().unwrap();
        let mut home = Self { folder, vars: BTreeMap::new() };
        home.set("HOME", &home.path("home"));
        home.set("XDG_RUNTIME_DIR", &home.path("user"));
        home
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn set(&mut self, name: &str, value: &str) {
        self.vars.insert(name.to_owned(), value.to_owned());
    }

    fn find(&self) -> EngineSearch {
        self.find_with(None)
    }

    fn find_with(&self, flag: Option<&str>) -> EngineSearch {
        find_below(self.folder.path(), flag, &|name| self.vars.get(name).cloned())
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn bind(&self, name: &str) -> UnixListener {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        UnixListener::bind(path).unwrap()
    }

    /// A socket at `name` that answers everybody with `answer`; the thread ends with the test's process.
    fn serve(&self, name: &str, answer: &'static str) -> String {
        let listener = self.bind(name);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                reply(stream, answer);
            }
        });
        format!("unix://{}", self.path(name))
    }

    /// A context in docker's store, in a folder whose name is not its own.
    fn context(&self, folder: &str, name: &str, host: &str) {
        let meta = serde_json::json!({
            "Name": name, "Metadata": {}, "Endpoints": {"docker": {"Host": host, "SkipTLSVerify": true}}
        });
        self.write(&format!("home/.docker/contexts/meta/{folder}/meta.json"), &meta.to_string());
    }
}

fn reply(mut stream: impl std::io::Read + std::io::Write, answer: &str) {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
        request.extend(byte);
    }
    assert!(request.starts_with(b"GET /_ping "), "{:?}", String::from_utf8_lossy(&request));
    // The other side may have heard enough.
    let _left = stream.write_all(answer.as_bytes()).is_err();
}

#[track_caller]
fn expect_found(search: &EngineSearch, address: &str, source: &EngineSource) {
    let found = search.found.as_ref().unwrap_or_else(|| panic!("{search:#?}"));
    assert_eq!((found.address.as_str(), &found.source), (address, source));
}

#[track_caller]
fn expect_only(search: &EngineSearch, source: &EngineSource) -> Silence {
    match (search.tried.as_slice(), &search.found) {
        ([only], None) if only.source == *source => only.why.clone(),
        _ => panic!("{search:#?}"),
    }
}

#[test]
fn a_flag_then_docker_host_are_the_only_ones_asked() {
    let mut home = Home::new();
    home.serve("var/run/docker.sock", ENGINE);
    let other = home.serve("other.sock", ENGINE);
    home.context("a", "chosen", &other);
    home.set("DOCKER_CONTEXT", "chosen");
    home.set("DOCKER_HOST", "unix:///nope");
    assert_eq!(expect_only(&home.find(), &EngineSource::DockerHost), Silence::NoSuchFile);
    home.set("DOCKER_HOST", &other);
    expect_found(&home.find(), &other, &EngineSource::DockerHost);
    assert_eq!(expect_only(&home.find_with(Some("unix:///no")), &EngineSource::Flag), Silence::NoSuchFile);
    home.set("DOCKER_HOST", "");
    expect_found(&home.find(), &other, &EngineSource::DockerContext("chosen".into()));
}

#[test]
fn a_context_is_found_by_its_name_and_is_the_only_one_asked() {
    let mut home = Home::new();
    let usual = home.serve("var/run/docker.sock", ENGINE);
    let colima = home.serve("colima.sock", ENGINE);
    home.context("b", "colima", &colima);
    home.context("a", "away", "unix:///nope");
    home.write("home/.docker/contexts/meta/c/meta.json", "torn");
    home.write("home/.docker/config.json", r#"{"auths": {}, "currentContext": "colima"}"#);
    expect_found(&home.find(), &colima, &EngineSource::CurrentContext("colima".into()));
    home.set("DOCKER_CONTEXT", "away");
    assert_eq!(expect_only(&home.find(), &EngineSource::DockerContext("away".into())), Silence::NoSuchFile);
    home.set("DOCKER_CONTEXT", "default");
    expect_found(&home.find(), &usual, &EngineSource::KnownSocket("Docker"));
    home.set("DOCKER_CONTEXT", "typo");
    let why = expect_only(&home.find(), &EngineSource::DockerContext("typo".into()));
    assert_eq!(why.to_string(), "docker knows no context `typo`; there are `away`, `colima`");
}

#[test]
fn docker_config_says_where_settings_and_contexts_are() {
    let mut home = Home::new();
    let chosen = home.serve("chosen.sock", ENGINE);
    home.context("a", "other", "unix:///nope");
    home.write("home/.docker/config.json", r#"{"currentContext": "other"}"#);
    home.write("elsewhere/config.json", r#"{"currentContext": "mine"}"#);
    home.write(
        "elsewhere/contexts/meta/x/meta.json",
        &format!(r#"{{"Name":"mine","Endpoints":{{"docker":{{"Host":"{chosen}"}}}}}}"#),
    );
    home.set("DOCKER_CONFIG", &home.path("elsewhere"));
    expect_found(&home.find(), &chosen, &EngineSource::CurrentContext("mine".into()));
}

#[test]
fn damaged_settings_are_named_and_the_search_goes_on() {
    let home = Home::new();
    home.write("home/.docker/config.json", "{");
    let usual = home.serve("var/run/docker.sock", ENGINE);
    let search = home.find();
    expect_found(&search, &usual, &EngineSource::KnownSocket("Docker"));
    assert_eq!(search.tried[0].address, home.path("home/.docker/config.json"));
    assert!(matches!(search.tried[0].why, Silence::Unreadable { .. }), "{search:?}");
}

#[test]
fn every_usual_socket_is_found_when_it_is_the_only_one() {
    for (socket, product) in [
        ("var/run/docker.sock", "Docker"),
        ("user/docker.sock", "rootless Docker"),
        ("user/podman/podman.sock", "rootless Podman"),
        ("run/podman/podman.sock", "Podman"),
        ("home/.docker/run/docker.sock", "Docker Desktop"),
        ("home/.docker/desktop/docker.sock", "Docker Desktop"),
        ("home/.colima/default/docker.sock", "Colima"),
        ("home/.colima/work/docker.sock", "Colima"),
        ("home/.config/colima/work/docker.sock", "Colima"),
        ("home/.orbstack/run/docker.sock", "OrbStack"),
        ("home/.rd/docker.sock", "Rancher Desktop"),
        ("home/.lima/docker/sock/docker.sock", "Lima"),
        ("home/.local/share/containers/podman/machine/podman.sock", "podman machine"),
        ("home/.local/share/containers/podman/machine/qemu/podman.sock", "podman machine"),
        ("user/podman/podman-machine-default-api.sock", "podman machine"),
    ] {
        let home = Home::new();
        let address = home.serve(socket, ENGINE);
        expect_found(&home.find(), &address, &EngineSource::KnownSocket(product));
    }
}

#[test]
fn the_first_usual_socket_that_answers_is_taken_and_the_others_are_explained() {
    let home = Home::new();
    drop(home.bind("var/run/docker.sock")); // the file stays, nobody listens
    home.serve("user/docker.sock", STRANGER);
    let podman = home.serve("user/podman/podman.sock", ENGINE);
    home.serve("home/.rd/docker.sock", ENGINE);
    let search = home.find();
    expect_found(&search, &podman, &EngineSource::KnownSocket("rootless Podman"));
    let whys: Vec<_> = search.tried.iter().map(|tried| tried.why.clone()).collect();
    assert_eq!(whys, [Silence::Refused, Silence::NoEngine { got: "HTTP/1.0 200 OK".into() }]);
}

#[test]
fn sockets_that_hang_are_waited_for_together() {
    let home = Home::new();
    // They accept into their queue and never answer.
    let _hanging = ["var/run/docker.sock", "user/docker.sock", "user/podman/podman.sock", "home/.rd/docker.sock"]
        .map(|name| home.bind(name));
    let started = Instant::now();
    let search = home.find();
    assert!(started.elapsed().as_millis() < 1500, "{:?}", started.elapsed());
    assert!(search.found.is_none());
    let slow = search.tried.iter().filter(|tried| matches!(tried.why, Silence::TooSlow { .. })).count();
    assert_eq!(slow, 4, "{search:#?}");
}

#[test]
fn tcp_addresses_are_asked_and_may_need_tls() {
    let mut home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let answers = [ENGINE, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"];
        for (answer, stream) in answers.into_iter().zip(listener.incoming().flatten()) {
            reply(stream, answer);
        }
        // From here on only a connection is taken, as an engine behind TLS does before it is shown certificates.
        drop(listener.accept());
    });
    home.set("DOCKER_HOST", &target);
    expect_found(&home.find(), &format!("tcp://{target}"), &EngineSource::DockerHost);
    assert_eq!(expect_only(&home.find(), &EngineSource::DockerHost), Silence::WantsTls);

    home.set("DOCKER_TLS_VERIFY", "1");
    home.set("DOCKER_CERT_PATH", &home.path("certs"));
    home.write("certs/ca.pem", "");
    home.write("certs/cert.pem", "");
    let why = expect_only(&home.find(), &EngineSource::DockerHost);
    assert!(matches!(&why, Silence::BadTls { path, .. } if path.ends_with("certs/key.pem")), "{why:?}");
    home.write("certs/key.pem", "");
    let tls = home.find().found.unwrap().tls.unwrap();
    let certs = home.folder.path().join("certs");
    let files = EngineTls { ca: certs.join("ca.pem"), cert: certs.join("cert.pem"), key: certs.join("key.pem") };
    assert_eq!(tls, files);
}

#[test]
fn a_context_brings_its_own_tls_files() {
    let mut home = Home::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    home.context("a", "far", &format!("tcp://{}", listener.local_addr().unwrap()));
    home.set("DOCKER_CONTEXT", "far");
    home.set("DOCKER_CERT_PATH", "/nowhere");
    for name in ["ca", "cert", "key"] {
        home.write(&format!("home/.docker/contexts/tls/a/docker/{name}.pem"), "");
    }
    let tls = home.find().found.unwrap().tls.unwrap();
    assert!(tls.key.ends_with("contexts/tls/a/docker/key.pem"), "{tls:?}");
}

#[test]
fn what_cannot_be_asked_says_what_to_do_instead() {
    let mut home = Home::new();
    for (address, words) in [
        ("ssh://user@host", "`ssh://` is not supported: forward the socket with `ssh -nNT -L"),
        ("npipe:////./pipe/docker_engine", "`npipe://` is not supported on this system"),
        ("ftp://host", "`ftp://` is not supported: use `unix://` or `tcp://`"),
        ("tcp://127.0.0.1:1", "connection refused: installed but not running"),
    ] {
        home.set("DOCKER_HOST", address);
        let why = expect_only(&home.find(), &EngineSource::DockerHost).to_string();
        assert!(why.starts_with(words), "{address}: {why}");
        assert_eq!(why.lines().count(), 1);
    }
}

#[test]
fn addresses_are_completed_as_docker_does() {
    for (given, full) in [
        ("/a/docker.sock", "unix:///a/docker.sock"),
        ("unix://", "unix:///var/run/docker.sock"),
        ("host", "tcp://host:2375"),
        ("tcp://host/", "tcp://host:2375"),
        (" tcp://host:1 ", "tcp://host:1"),
        ("tcp://[::1]", "tcp://[::1]:2375"),
        ("tcp://[::1]:1", "tcp://[::1]:1"),
        ("http://host:80/", "http://host:80"),
        ("ssh://u@h", "ssh://u@h"),
    ] {
        assert_eq!(normalised(given), full, "{given}");
    }
}

#[test]
fn an_engine_elsewhere_publishes_its_ports_there() {
    for (address, host) in [
        ("unix:///var/run/docker.sock", None),
        ("npipe:////./pipe/docker_engine", None),
        ("tcp://127.0.0.1:2375", None),
        ("tcp://LOCALHOST:2375", None),
        ("tcp://[::1]:2375", None),
        ("http://0.0.0.0:2375", None),
        ("tcp://10.0.0.7:2376", Some("10.0.0.7")),
        ("tcp://[fe80::7]:2376", Some("fe80::7")),
        ("tcp://build.example:2376/prefix", Some("build.example")),
    ] {
        let engine = EngineAddress { address: address.to_owned(), source: EngineSource::DockerHost, tls: None };
        let remote = RemoteHost::of(&engine);
        assert_eq!(remote.as_ref().map(RemoteHost::host), host, "{address}");
    }
}
