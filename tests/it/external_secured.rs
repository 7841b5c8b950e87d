//! The external stack with everything locked: the real Kafka with SASL and TLS, the real Elasticsearch with users, API keys
//! and TLS, both with certificates of an authority made for the test.
//!
//! TLS and SCRAM to Kafka are a build of their own: `STOCKDEV_TEST_TLS_BINARY` names a stockdev that was built with
//! `--features kafka-tls`. Without it that part is skipped, and says so.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};
use stockdev::client::{ElasticsearchAddress, ElasticsearchAuth, Secret};

use crate::cli_support::{Ran, Sandbox};
use crate::support::containers::{
    Container, ELASTICSEARCH_IMAGE, KAFKA_IMAGE, Spec, certificates, elasticsearch_variables, free_port, has_engine,
    kafka_variables,
};

const KAFKA_PASSWORD: &str = "kafka-user-secret-5Wk";
const SCRAM_PASSWORD: &str = "kafka-scram-secret-9Zp";
const ELASTICSEARCH_PASSWORD: &str = "file-realm-secret-7Qx";
/// Of the password above, as Elasticsearch's file realm keeps it.
const ELASTICSEARCH_PASSWORD_HASH: &str = "$2a$08$GzTETX3nxSGthLGfKWoCveP1X9KsBlWQzEVJzVGXO8rD0i9kbDYnW";

#[test]
fn every_command_works_with_credentials_and_shows_none() {
    if !has_engine() {
        return;
    }
    let certificates_folder = tempfile::tempdir().unwrap();
    if certificates(certificates_folder.path()).is_none() {
        return;
    }
    let servers = Servers::start(certificates_folder.path());
    servers.default_build();
    servers.misdialled();
    match std::env::var_os("STOCKDEV_TEST_TLS_BINARY") {
        Some(binary) => servers.tls_build(Path::new(&binary)),
        None => println!("skipped: TLS and SCRAM to Kafka (STOCKDEV_TEST_TLS_BINARY names no stockdev with kafka-tls)"),
    }
}

#[test]
fn a_build_without_tls_names_the_feature_before_it_dials() {
    let sandbox = Sandbox::new();
    if sandbox.run(&["version", "--output", "json"]).document()["features"]["kafka-tls"] == true {
        println!("skipped: this stockdev has kafka-tls");
        return;
    }
    for property in ["security.protocol=SSL", "security.protocol=sasl_ssl", "sasl.mechanism=SCRAM-SHA-256"] {
        // A port that swallows: a dial would wait for its answer.
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap().to_string();
        let ran = sandbox.run(&["produce", "--kafka", &address, "--kafka-property", property]).expect(2);
        assert!(ran.stderr.starts_with("error[KAFKA_TLS_MISSING]"), "{ran:?}");
        assert!(ran.stderr.contains("cargo install --path . --features kafka-tls"), "{ran:?}");
        assert!(ran.stderr.contains(property), "{ran:?}");
        silent.set_nonblocking(true).unwrap();
        assert!(silent.accept().is_err(), "{property}: something was dialled");
    }
    let properties = "security.protocol=SASL_PLAINTEXT;sasl.mechanisms=SCRAM-SHA-512;sasl.password=hunter2";
    let arguments =
        ["up", "--stack", "external", "--kafka", "k:1", "--elasticsearch", "http://e:1", "--output", "json"];
    let ran = sandbox.run_with(&arguments, &[("STOCKDEV_KAFKA_PROPERTY", properties)]).expect(2);
    assert_eq!(ran.document()["error"]["id"], "KAFKA_TLS_MISSING");
    assert!(!format!("{ran:?}").contains("hunter2"), "{ran:?}");
}

struct Servers {
    _kafka: Container,
    _elasticsearch: Container,
    /// SASL without TLS, TLS without SASL, both.
    user: String,
    tls: String,
    user_tls: String,
    elasticsearch: String,
    folder: PathBuf,
}

/// Runs a stockdev, and looks through whatever it says and leaves for secrets.
struct Runs {
    sandbox: Sandbox,
    binary: Option<PathBuf>,
    secrets: Vec<String>,
    variables: Vec<(String, String)>,
    said: Mutex<usize>,
}

impl Runs {
    fn new(binary: Option<&Path>, secrets: &[&str]) -> Self {
        Self {
            sandbox: Sandbox::new(),
            binary: binary.map(Path::to_owned),
            secrets: secrets.iter().map(|secret| (*secret).to_owned()).collect(),
            variables: Vec::new(),
            said: Mutex::new(0),
        }
    }

    /// A file in the sandbox that holds `text`, as an argument.
    fn file(&self, name: &str, text: &str) -> String {
        let path = self.sandbox.path(name);
        std::fs::write(&path, text).unwrap();
        format!("@{}", path.display())
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], flags: &[String]) -> Ran {
        let mut command = self.sandbox.command(arguments);
        if let Some(binary) = &self.binary {
            let mut other = Command::new(binary);
            other.args(arguments).env_clear().current_dir(self.sandbox.work()).stdin(std::process::Stdio::null());
            other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
            command = other;
        }
        let output = command.args(flags).args(["-vv"]).envs(self.variables.iter().cloned()).output().unwrap();
        let ran = Ran {
            code: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        for secret in &self.secrets {
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "a secret in {ran:#?}");
        }
        *self.said.lock().unwrap() += ran.stdout.len() + ran.stderr.len();
        ran
    }

    #[track_caller]
    fn document(&self, arguments: &[&str], flags: &[String], code: i32) -> Value {
        self.run(&[arguments, &["--output", "json"]].concat(), flags).expect(code).document()
    }

    /// Nothing that stays on disk holds a secret.
    fn nothing_is_kept(&self) {
        let mut seen = 0;
        for folder in ["state", "run", "config", "work"] {
            for path in Sandbox::everything_below(&self.sandbox.path(folder)) {
                let Ok(bytes) = std::fs::read(&path) else { continue };
                let text = String::from_utf8_lossy(&bytes);
                for secret in &self.secrets {
                    assert!(!text.contains(secret.as_str()), "a secret in {}", path.display());
                }
                seen += 1;
            }
        }
        assert!(seen > 0 && *self.said.lock().unwrap() > 0, "nothing was looked at");
    }
}

fn property(key: &str, value: &str) -> [String; 2] {
    ["--kafka-property".to_owned(), format!("{key}={value}")]
}

impl Servers {
    fn start(folder: &Path) -> Self {
        let [user, tls, user_tls, https] = [free_port(), free_port(), free_port(), free_port()];
        let file = |name: &str| folder.join(name);
        let plain = format!(
            "org.apache.kafka.common.security.plain.PlainLoginModule required user_alice=\"{KAFKA_PASSWORD}\";"
        );
        let scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;";
        let advertised = format!(
            "USER://127.0.0.1:{user},TLS://127.0.0.1:{tls},USERTLS://127.0.0.1:{user_tls},INTERNAL://localhost:9096"
        );
        let kafka_pem = file("kafka.pem");
        let kafka = Container::start(
            "secured-kafka",
            &Spec {
                image: KAFKA_IMAGE,
                memory: "900m",
                variables: kafka_variables(&[
                    ("KAFKA_LISTENERS", "USER://:9092,TLS://:9094,USERTLS://:9095,INTERNAL://:9096,CONTROLLER://:9093"),
                    ("KAFKA_ADVERTISED_LISTENERS", &advertised),
                    (
                        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP",
                        "CONTROLLER:PLAINTEXT,INTERNAL:PLAINTEXT,USER:SASL_PLAINTEXT,TLS:SSL,USERTLS:SASL_SSL",
                    ),
                    ("KAFKA_INTER_BROKER_LISTENER_NAME", "INTERNAL"),
                    ("KAFKA_SASL_ENABLED_MECHANISMS", "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"),
                    ("KAFKA_LISTENER_NAME_USER_PLAIN_SASL_JAAS_CONFIG", &plain),
                    ("KAFKA_LISTENER_NAME_USERTLS_PLAIN_SASL_JAAS_CONFIG", &plain),
                    ("KAFKA_LISTENER_NAME_USER_SCRAM___SHA___256_SASL_JAAS_CONFIG", scram),
                    ("KAFKA_LISTENER_NAME_USERTLS_SCRAM___SHA___256_SASL_JAAS_CONFIG", scram),
                    ("KAFKA_LISTENER_NAME_USER_SCRAM___SHA___512_SASL_JAAS_CONFIG", scram),
                    ("KAFKA_LISTENER_NAME_USERTLS_SCRAM___SHA___512_SASL_JAAS_CONFIG", scram),
                    ("KAFKA_SSL_KEYSTORE_TYPE", "PEM"),
                    ("KAFKA_SSL_KEYSTORE_LOCATION", "/tmp/kafka.pem"),
                    ("KAFKA_SSL_CLIENT_AUTH", "none"),
                ]),
                ports: vec![(user, 9092), (tls, 9094), (user_tls, 9095)],
                files: vec![(&kafka_pem, "/tmp/kafka.pem")],
                ..Spec::default()
            },
        );
        std::fs::write(file("users"), format!("writer:{ELASTICSEARCH_PASSWORD_HASH}\n")).unwrap();
        std::fs::write(file("users_roles"), "superuser:writer\n").unwrap();
        let paths = ["users", "users_roles", "server.key", "server.pem"].map(file);
        let config = "/usr/share/elasticsearch/config";
        let targets = paths.clone().map(|path| format!("{config}/{}", path.file_name().unwrap().display()));
        let elasticsearch = Container::start(
            "secured-elasticsearch",
            &Spec {
                image: ELASTICSEARCH_IMAGE,
                memory: "1400m",
                variables: elasticsearch_variables(&[
                    ("xpack.security.enabled", "true"),
                    ("xpack.security.autoconfiguration.enabled", "false"),
                    ("xpack.security.http.ssl.enabled", "true"),
                    ("xpack.security.http.ssl.key", "server.key"),
                    ("xpack.security.http.ssl.certificate", "server.pem"),
                ]),
                ports: vec![(https, 9200)],
                files: paths.iter().zip(&targets).map(|(from, to)| (from.as_path(), to.as_str())).collect(),
                ..Spec::default()
            },
        );
        let servers = Self {
            user: format!("127.0.0.1:{user}"),
            tls: format!("127.0.0.1:{tls}"),
            user_tls: format!("127.0.0.1:{user_tls}"),
            elasticsearch: format!("https://127.0.0.1:{https}"),
            folder: folder.to_owned(),
            _kafka: kafka,
            _elasticsearch: elasticsearch,
        };
        servers.wait();
        servers
    }

    fn wait(&self) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let elasticsearch = self.address();
        self._elasticsearch.wait_until("Elasticsearch does not answer", || {
            runtime.block_on(elasticsearch.probe(Duration::from_secs(2)))
        });
        // That the broker takes SCRAM users shows that it is up. It takes one mechanism at a time.
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let add = format!("{mechanism}=[password={SCRAM_PASSWORD}]");
            let mut command = vec!["java", "-Xmx64m", "-cp", "/opt/kafka/libs/*", "kafka.admin.ConfigCommand"];
            command.extend(["--bootstrap-server", "localhost:9096", "--alter", "--add-config", &add]);
            command.extend(["--entity-type", "users", "--entity-name", "bob"]);
            self._kafka.wait_until("Kafka takes no SCRAM user", || self._kafka.exec(&command));
        }
    }

    fn address(&self) -> ElasticsearchAddress {
        let mut address = ElasticsearchAddress::new(&self.elasticsearch);
        let password = Secret::new(ELASTICSEARCH_PASSWORD);
        address.auth = Some(ElasticsearchAuth::Basic { user: "writer".into(), password });
        address.ca_cert = Some(self.folder.join("ca.pem"));
        address
    }

    fn ca(&self, name: &str) -> [String; 2] {
        ["--ca-cert".to_owned(), self.folder.join(name).display().to_string()]
    }

    fn kafka_user(&self, password_file: &str) -> Vec<String> {
        let mut flags = vec!["--kafka".to_owned(), self.user.clone()];
        flags.extend(property("security.protocol", "SASL_PLAINTEXT"));
        flags.extend(property("sasl.mechanism", "PLAIN"));
        flags.extend(property("sasl.username", "alice"));
        flags.extend(property("sasl.password", password_file));
        flags
    }

    fn elasticsearch_user(&self, password_file: &str, ca: &str) -> Vec<String> {
        let mut flags = vec!["--elasticsearch".to_owned(), self.elasticsearch.clone()];
        flags.extend(["--elasticsearch-user".to_owned(), "writer".to_owned()]);
        flags.extend(["--elasticsearch-password".to_owned(), password_file.to_owned()]);
        flags.extend(self.ca(ca));
        flags
    }

    /// SASL PLAIN, and Elasticsearch's user over TLS: all by flags, the secrets in files.
    fn default_build(&self) {
        let runs = Runs::new(None, &[KAFKA_PASSWORD, ELASTICSEARCH_PASSWORD]);
        let kafka_password = runs.file("kafka-password", &format!("{KAFKA_PASSWORD}\n"));
        let elasticsearch_password = runs.file("elasticsearch-password", ELASTICSEARCH_PASSWORD);
        let kafka = self.kafka_user(&kafka_password);
        let elasticsearch = self.elasticsearch_user(&elasticsearch_password, "ca.pem");
        let both = [kafka.clone(), elasticsearch.clone()].concat();

        let up = runs.document(&["up", "--stack", "external"], &both, 0);
        assert_eq!((&up["sent"], &up["indexed"], &up["stack"]), (&json!(2000), &json!(2000), &json!("external")));
        let again = runs.document(&["up", "--stack", "external"], &both, 0);
        assert_eq!(again["indexed"], 2000);
        let sent = runs.document(&["produce"], &kafka, 0);
        assert_eq!(sent["sent"], 2000);
        let indexed = runs.document(&["index", "--until-caught-up"], &both, 0);
        assert_eq!((&indexed["indexed"], &indexed["dead_letters"]), (&json!(2000), &json!(0)));
        let consumed = runs.run(&["consume", "--max", "3"], &kafka).expect(0);
        assert_eq!(consumed.stdout.lines().count(), 3);
        let template = runs.document(&["template", "apply"], &elasticsearch, 0);
        assert_eq!(template["outcome"], "unchanged");
        let status = runs.document(&["status"], &both, 0);
        assert_eq!((&status["state"], &status["consumer"]["lag"]), (&json!("running"), &json!(0)));
        assert_eq!((&status["topic"]["messages"], &status["index"]["documents"]), (&json!(4000), &json!(4000)));

        // Without credentials, and with wrong ones.
        let wrong = runs.file("wrong", "wrong-password");
        let refused = |arguments: &[&str], flags: &[String], says: &str| {
            let error = runs.document(arguments, flags, 1)["error"].clone();
            assert_eq!(error["id"], "ENDPOINT_UNREACHABLE", "{error}");
            assert!(error["message"].as_str().unwrap().contains(says), "{error}");
            error
        };
        refused(&["produce"], &self.kafka_user(&wrong), "Kafka refused the credentials");
        refused(&["index", "--until-caught-up"], &[self.kafka_user(&wrong), elasticsearch].concat(), "Kafka refused");
        let wrong_elasticsearch = self.elasticsearch_user(&wrong, "ca.pem");
        refused(&["template", "apply"], &wrong_elasticsearch, "Elasticsearch refused the credentials (401)");
        let up = ["--project", "wrong", "up", "--stack", "external"];
        refused(&up, &[kafka.clone(), wrong_elasticsearch].concat(), "Elasticsearch refused the credentials (401)");
        let distrusted = self.elasticsearch_user(&elasticsearch_password, "other-ca.pem");
        let error = refused(&["template", "apply"], &distrusted, "Elasticsearch does not answer");
        assert!(error["got"].as_str().unwrap().contains("certificate"), "{error}");
        runs.nothing_is_kept();
    }

    /// The right address with the wrong protocol: what to try is said.
    fn misdialled(&self) {
        let runs = Runs::new(None, &[]);
        let hinted = |address: &str, hint: &str| {
            let flags = ["--kafka".to_owned(), address.to_owned()];
            let error = runs.document(&["produce"], &flags, 1)["error"].clone();
            assert_eq!(error["id"], "ENDPOINT_UNREACHABLE", "{error}");
            assert!(error["next"].to_string().contains(hint), "{error}");
        };
        hinted(&self.tls, "--kafka-property security.protocol=SSL");
        hinted(&self.user, "--kafka-property security.protocol=SASL_PLAINTEXT");
        let flags = ["--elasticsearch".to_owned(), self.elasticsearch.replace("https", "http")];
        let error = runs.document(&["template", "apply"], &flags, 1)["error"].clone();
        assert_eq!(error["id"], "ENDPOINT_UNREACHABLE", "{error}");
    }

    /// SCRAM and TLS, and an API key: all by variables.
    fn tls_build(&self, binary: &Path) {
        // A distribution without the analysis module can't make the index that keeps API keys.
        let key = self.api_key();
        let credentials = match &key {
            Ok(key) => vec![("STOCKDEV_ELASTICSEARCH_API_KEY", key.as_str())],
            Err(reason) => {
                println!("skipped: an API key, which this Elasticsearch can't make: {reason}");
                let user = ("STOCKDEV_ELASTICSEARCH_USER", "writer");
                vec![user, ("STOCKDEV_ELASTICSEARCH_PASSWORD", ELASTICSEARCH_PASSWORD)]
            }
        };
        let mut runs = Runs::new(Some(binary), &[KAFKA_PASSWORD, SCRAM_PASSWORD, ELASTICSEARCH_PASSWORD]);
        runs.secrets.extend(key.clone());
        let version = runs.document(&["version"], &[], 0);
        assert_eq!(version["features"]["kafka-tls"], true);
        let ca = self.folder.join("ca.pem").display().to_string();
        let ways = [
            (&self.user, "SASL_PLAINTEXT", Some(("SCRAM-SHA-256", "bob", SCRAM_PASSWORD))),
            (&self.user_tls, "SASL_SSL", Some(("SCRAM-SHA-512", "bob", SCRAM_PASSWORD))),
            (&self.user_tls, "SASL_SSL", Some(("PLAIN", "alice", KAFKA_PASSWORD))),
            (&self.tls, "SSL", None),
        ];
        let mut messages = 4000;
        for (place, (address, protocol, user)) in ways.into_iter().enumerate() {
            let properties = |password: &str| match user {
                Some((mechanism, name, _)) => format!(
                    "security.protocol={protocol};sasl.mechanism={mechanism};sasl.username={name};sasl.password={password}"
                ),
                None => format!("security.protocol={protocol}"),
            };
            let variables = |password: &str| -> Vec<(String, String)> {
                let pairs = [
                    ("STOCKDEV_KAFKA", address.as_str()),
                    ("STOCKDEV_KAFKA_PROPERTY", &properties(password)),
                    ("STOCKDEV_ELASTICSEARCH", &self.elasticsearch),
                    ("STOCKDEV_CA_CERT", &ca),
                ];
                let pairs = pairs.iter().chain(&credentials);
                pairs.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
            };
            runs.variables = variables(user.map_or("", |(_, _, password)| password));
            if place == 0 {
                let up = runs.document(&["up", "--stack", "external"], &[], 0);
                assert_eq!(up["sent"], 2000, "{up}");
            } else {
                assert_eq!(runs.document(&["produce"], &[], 0)["sent"], 2000);
                assert_eq!(runs.document(&["index", "--until-caught-up"], &[], 0)["indexed"], 2000);
            }
            messages += 2000;
            let consumed = runs.run(&["consume", "--max", "2"], &[]).expect(0);
            assert_eq!(consumed.stdout.lines().count(), 2);
            assert_eq!(runs.document(&["template", "apply"], &[], 0)["outcome"], "unchanged");
            let status = runs.document(&["status"], &[], 0);
            let counts = (&status["topic"]["messages"], &status["index"]["documents"], &status["consumer"]["lag"]);
            assert_eq!(counts, (&json!(messages), &json!(messages), &json!(0)));
            if user.is_some() {
                runs.variables = variables("wrong-password");
                let error = runs.document(&["produce"], &[], 1)["error"].clone();
                assert_eq!(error["message"], "Kafka refused the credentials", "{error}");
            }
        }
        // TLS to a listener without it, and one whose certificate is another authority's.
        let hinted = |address: &str, ca: &str, hint: &str| {
            let mut flags = vec!["--kafka".to_owned(), address.to_owned()];
            flags.extend(property("security.protocol", "SSL"));
            flags.extend(self.ca(ca));
            let error = runs.document(&["produce"], &flags, 1)["error"].clone();
            assert_eq!(error["id"], "ENDPOINT_UNREACHABLE", "{error}");
            assert!(error["next"].to_string().contains(hint), "{error}");
        };
        hinted(&self.user, "ca.pem", "security.protocol=PLAINTEXT");
        hinted(&self.tls, "other-ca.pem", "--ca-cert");
        runs.nothing_is_kept();
    }

    /// A key that Elasticsearch hands out, or why it does not.
    fn api_key(&self) -> Result<String, String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let client = self.address().client().unwrap();
            let answer = client.security().create_api_key().body(json!({"name": "stockdev"})).send().await.unwrap();
            let answer: Value = answer.json().await.unwrap();
            match (answer["encoded"].as_str(), answer.to_string()) {
                (Some(key), _) => Ok(key.to_owned()),
                (None, answer) if answer.contains("Unknown filter type") => Err(answer.chars().take(300).collect()),
                (None, answer) => panic!("{answer}"),
            }
        })
    }
}
