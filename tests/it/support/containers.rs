//! The real servers in containers, for tests that no embedded server can stand in for: security, outages.
//!
//! Containers are started with the `docker` command on whatever engine answers. Where none does, or an image is not there
//! and can't be pulled, the test says that it is skipped; with `STOCKDEV_REQUIRE_ENGINE=1` it fails instead. Containers
//! and networks carry a label with this process's id: they are removed when dropped, also by a panic, and what a killed
//! run has left is removed by the next one.

use std::{
    env, fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
    time::{Duration, Instant},
};

use super::clients::unique;

pub(crate) const KAFKA_IMAGE: &str = "apache/kafka:4.1.2";
pub(crate) const ELASTICSEARCH_IMAGE: &str = "docker.elastic.co/elasticsearch/elasticsearch:9.2.4";

const LABEL: &str = "dev.stockdev.test.pid";
/// A server in a container is given so long to answer on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(180);

/// Whether an engine answers and has (or can pull) the images of both servers. Says so aloud where not.
pub(crate) fn has_engine() -> bool {
    static LACKS: OnceLock<Option<String>> = OnceLock::new();
    let lacks = LACKS.get_or_init(|| {
        if let Err(error) = docker(&["version", "--format", "{{.Server.Version}}"]) {
            return Some(format!("no container engine answers: {error}"));
        }
        sweep();
        [KAFKA_IMAGE, ELASTICSEARCH_IMAGE].into_iter().find_map(|image| {
            let is_there = docker(&["image", "inspect", image]).is_ok();
            let error = if is_there { return None } else { docker(&["pull", "-q", image]).err()? };
            Some(format!("the image {image} is not there and can't be pulled: {error}"))
        })
    });
    let Some(lacks) = lacks else { return true };
    let required = env::var("STOCKDEV_REQUIRE_ENGINE").is_ok_and(|value| value == "1");
    assert!(!required, "{lacks}");
    println!("skipped: {lacks}");
    false
}

/// Removes what test runs left that did not live to see their end.
fn sweep() {
    for (list, remove) in [(&["ps", "-aq"][..], &["rm", "-fv"][..]), (&["network", "ls", "-q"], &["network", "rm"])] {
        let filter = ["--filter", &format!("label={LABEL}")];
        for id in docker(&[list, &filter].concat()).unwrap_or_default().split_whitespace() {
            let format =
                format!("{{{{index {} \"{LABEL}\"}}}}", if list[0] == "ps" { ".Config.Labels" } else { ".Labels" });
            let inspect = if list[0] == "ps" { ["container", "inspect"] } else { ["network", "inspect"] };
            let pid = docker(&[&inspect[..], &["--format", &format, id]].concat()).unwrap_or_default();
            if !Path::new(&format!("/proc/{}", pid.trim())).exists() {
                println!("removing {id}, which the test process {} left", pid.trim());
                let _ = docker(&[remove, &[id]].concat());
            }
        }
    }
}

/// Runs docker to its end; its output, or what it complained about.
pub(crate) fn docker(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("`docker` can't be run: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().to_owned())
    }
}

/// A port of this machine that nobody listens on now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A network of a test's own.
pub(crate) struct Network {
    pub(crate) name: String,
}

impl Network {
    pub(crate) fn new() -> Self {
        let name = unique("ext-net");
        docker(&["network", "create", "--label", &label(), &name]).unwrap();
        Self { name }
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = docker(&["network", "rm", &self.name]);
    }
}

fn label() -> String {
    format!("{LABEL}={}", std::process::id())
}

/// What a container is to be.
#[derive(Default)]
pub(crate) struct Spec<'a> {
    pub(crate) image: &'a str,
    pub(crate) network: Option<&'a str>,
    pub(crate) memory: &'a str,
    pub(crate) variables: Vec<(String, String)>,
    /// Of this machine (on 127.0.0.1), of the container.
    pub(crate) ports: Vec<(u16, u16)>,
    /// Put into the container before it starts.
    pub(crate) files: Vec<(&'a Path, &'a str)>,
}

/// A container that runs; removed when dropped.
pub(crate) struct Container {
    pub(crate) name: String,
}

impl Container {
    pub(crate) fn start(name: &str, spec: &Spec<'_>) -> Self {
        let name = unique(&format!("ext-{name}"));
        let mut arguments = vec!["create".to_owned(), "--name".into(), name.clone(), "--label".into(), label()];
        arguments.extend(["--memory".into(), spec.memory.into()]);
        if let Some(network) = spec.network {
            arguments.extend(["--network".into(), network.into()]);
        }
        for (variable, value) in &spec.variables {
            arguments.extend(["--env".into(), format!("{variable}={value}")]);
        }
        for (host, inner) in &spec.ports {
            arguments.extend(["--publish".into(), format!("127.0.0.1:{host}:{inner}")]);
        }
        arguments.push(spec.image.into());
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        docker(&arguments).unwrap();
        let container = Self { name };
        for (from, to) in &spec.files {
            docker(&["cp", &from.display().to_string(), &format!("{}:{to}", container.name)]).unwrap();
        }
        container.docker("start");
        container
    }

    /// `docker COMMAND this-container`.
    pub(crate) fn docker(&self, command: &str) {
        docker(&[command, &self.name]).unwrap();
    }

    pub(crate) fn exec(&self, command: &[&str]) -> Result<String, String> {
        docker(&[&["exec", &self.name], command].concat())
    }

    pub(crate) fn log(&self) -> String {
        let output = Command::new("docker").args(["logs", "--tail", "80", &self.name]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    }

    /// Waits until `ready` says so; fails at once, with its log, when the container dies.
    pub(crate) fn wait_until<T, E: std::fmt::Debug>(&self, what: &str, mut ready: impl FnMut() -> Result<T, E>) {
        let deadline = Instant::now() + START_DEADLINE;
        while let Err(error) = ready() {
            let runs = docker(&["container", "inspect", "--format", "{{.State.Running}}", &self.name]);
            let runs = runs.is_ok_and(|text| text.trim() == "true");
            assert!(runs && Instant::now() < deadline, "{what}: {error:?}; it runs: {runs}:\n{}", self.log());
            thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        if thread::panicking() {
            println!("{}:\n{}", self.name, self.log());
        }
        let _ = docker(&["rm", "-fv", &self.name]);
    }
}

/// A real Kafka and a real Elasticsearch without security, each on a network of its own.
pub(crate) struct RealPair {
    pub(crate) kafka: Container,
    pub(crate) elasticsearch: Container,
    pub(crate) kafka_address: String,
    pub(crate) elasticsearch_url: String,
    pub(crate) kafka_network: Network,
    pub(crate) elasticsearch_network: Network,
}

impl RealPair {
    pub(crate) fn start() -> Self {
        let (kafka_network, elasticsearch_network) = (Network::new(), Network::new());
        let (kafka_port, elasticsearch_port) = (free_port(), free_port());
        let kafka_address = format!("127.0.0.1:{kafka_port}");
        let kafka = Container::start(
            "kafka",
            &Spec {
                network: Some(&kafka_network.name),
                variables: kafka_variables(&[
                    ("KAFKA_LISTENERS", "PLAINTEXT://:9092,CONTROLLER://:9093"),
                    ("KAFKA_ADVERTISED_LISTENERS", &format!("PLAINTEXT://{kafka_address}")),
                    ("KAFKA_LISTENER_SECURITY_PROTOCOL_MAP", "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT"),
                ]),
                ports: vec![(kafka_port, 9092)],
                memory: "900m",
                image: KAFKA_IMAGE,
                ..Spec::default()
            },
        );
        let elasticsearch = Container::start(
            "elasticsearch",
            &Spec {
                network: Some(&elasticsearch_network.name),
                variables: elasticsearch_variables(&[("xpack.security.enabled", "false")]),
                ports: vec![(elasticsearch_port, 9200)],
                memory: "1400m",
                image: ELASTICSEARCH_IMAGE,
                ..Spec::default()
            },
        );
        let pair = Self {
            kafka,
            elasticsearch,
            kafka_address,
            elasticsearch_url: format!("http://127.0.0.1:{elasticsearch_port}"),
            kafka_network,
            elasticsearch_network,
        };
        pair.wait();
        pair
    }

    /// Until both answer.
    pub(crate) fn wait(&self) {
        let address = self.elasticsearch_url.trim_start_matches("http://").parse::<SocketAddr>().unwrap();
        self.elasticsearch.wait_until("Elasticsearch does not answer", || {
            let request = format!("GET /_cluster/health HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
            match super::http::exchange(address, request.as_bytes(), false) {
                Ok(answer) if answer.status == 200 => Ok(()),
                other => Err(other),
            }
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let kafka = stockdev::client::KafkaAddress::new(&self.kafka_address);
        self.kafka.wait_until("Kafka does not answer", || runtime.block_on(kafka.probe(Duration::from_secs(1))));
    }
}

/// One node, broker and controller, in 300 MB of heap; with these settings besides.
pub(crate) fn kafka_variables(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let settings = [
        ("KAFKA_NODE_ID", "1"),
        ("KAFKA_PROCESS_ROLES", "broker,controller"),
        ("KAFKA_CONTROLLER_QUORUM_VOTERS", "1@localhost:9093"),
        ("KAFKA_CONTROLLER_LISTENER_NAMES", "CONTROLLER"),
        ("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1"),
        ("KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS", "1"),
        ("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1"),
        ("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1"),
        ("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0"),
        ("KAFKA_HEAP_OPTS", "-Xmx300m"),
    ];
    settings.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// One node in 512 MB of heap; with these settings besides.
pub(crate) fn elasticsearch_variables(more: &[(&str, &str)]) -> Vec<(String, String)> {
    let settings = [
        ("discovery.type", "single-node"),
        ("ES_JAVA_OPTS", "-Xms512m -Xmx512m"),
        // A test machine's disk is nobody's business here.
        ("cluster.routing.allocation.disk.threshold_enabled", "false"),
    ];
    settings.iter().chain(more).map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// A certificate authority and a server's certificate from it, made with `openssl`; `None`, said aloud, without it.
pub(crate) fn certificates(folder: &Path) -> Option<()> {
    super::clients::installed(Path::new("openssl"))?;
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    };
    fs::write(folder.join("san"), "subjectAltName=IP:127.0.0.1,DNS:localhost\n").unwrap();
    for ca in ["ca", "other-ca"] {
        openssl(&format!(
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stockdev-test-{ca} -keyout {ca}.key -out {ca}.pem"
        ));
    }
    openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr");
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out server.pem");
    let pair = fs::read_to_string(folder.join("server.key")).unwrap()
        + &fs::read_to_string(folder.join("server.pem")).unwrap();
    fs::write(folder.join("kafka.pem"), pair).unwrap();
    for file in ["server.key", "server.pem", "kafka.pem", "ca.pem"] {
        // Another user reads them inside the container.
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(folder.join(file), fs::Permissions::from_mode(0o644)).unwrap();
    }
    Some(())
}
