//! The page and `explain` over somebody else's cluster: until Ctrl-C, behind TLS with a private authority and credentials, and at an
//! exported address.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::cli_support::Sandbox;
use crate::support::containers::certificates;
use crate::support::http;
use crate::support::servers::TestElasticsearch;

const KEY: &str = "c2VjcmV0OmtleQ==";

/// Speaks TLS before a node, and keeps what each request says of who asks.
struct Front {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Front {
    /// `folder` holds `server.pem` and `server.key`.
    fn start(folder: &Path, node: SocketAddr) -> Self {
        let chain = CertificateDer::pem_file_iter(folder.join("server.pem")).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(folder.join("server.key")).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (config, kept) = (Arc::clone(&config), Arc::clone(&kept));
                std::thread::spawn(move || hand_on(stream, config, node, &kept));
            }
        });
        Self { url, asked }
    }
}

/// Until the client leaves, or does not trust us.
fn hand_on(stream: TcpStream, config: Arc<ServerConfig>, node: SocketAddr, asked: &Mutex<Vec<String>>) {
    let mut stream = BufReader::new(StreamOwned::new(ServerConnection::new(config).unwrap(), stream));
    while let Some((head, body)) = request(&mut stream) {
        let mut words = head.lines().next().unwrap_or_default().split(' ').map(str::to_owned);
        let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let who = head.lines().find(|line| line.to_ascii_lowercase().starts_with("authorization:")).unwrap_or("nobody");
        asked.lock().unwrap().push(format!("{target} {who}"));
        let answer = http::send(node, &method, &target, &String::from_utf8_lossy(&body));
        let head = format!(
            "HTTP/1.1 {} x\r\ncontent-type: application/json\r\nx-elastic-product: Elasticsearch\r\ncontent-length: {}\r\n\r\n",
            answer.status,
            answer.body.len()
        );
        let out = stream.get_mut();
        if out.write_all(head.as_bytes()).and_then(|()| out.write_all(&answer.body)).and_then(|()| out.flush()).is_err()
        {
            return;
        }
    }
}

fn request(stream: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if stream.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    let length = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length: ")?.parse().ok());
    let mut body = vec![0; length.unwrap_or(0)];
    stream.read_exact(&mut body).ok()?;
    Some((head, body))
}

/// A node with one tick in it.
fn node() -> (TestElasticsearch, SocketAddr) {
    let node = TestElasticsearch::start_own();
    let address = node.url.strip_prefix("http://").unwrap().parse().unwrap();
    let tick = r#"{"timestamp":"2024-03-01T09:15:00+05:30","seen_at":"2024-03-01T09:15:01+05:30","last_price":1500.5}"#;
    assert_eq!(http::send(address, "POST", "/stock-stream/_doc?refresh=true", tick).status, 201);
    (node, address)
}

/// `dashboard open`, and the address of its page.
fn open(sandbox: &Sandbox, arguments: &[&str], variables: &[(&str, &str)]) -> (Child, SocketAddr) {
    let mut child = sandbox
        .command(&[&["dashboard", "open", "--print"], arguments].concat())
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let address = address.unwrap_or_else(|| panic!("no address: {line}")).parse().unwrap();
    (child, address)
}

fn end(mut child: Child) {
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    assert!(child.wait().unwrap().success());
}

/// The names of the fields that the page knows of, or the server's error.
fn fields(page: SocketAddr) -> Result<Vec<String>, String> {
    let answer = http::send(page, "GET", "/api/stockdev/fields?dashboard=stock-stream-dashboard", "").json();
    match answer["fields"].as_array() {
        Some(fields) => Ok(fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect()),
        None => Err(answer["message"].as_str().unwrap_or_default().to_owned()),
    }
}

#[test]
fn a_page_over_a_cluster_that_has_no_kibana_is_served_until_ctrl_c() {
    let (node, _) = node();
    let sandbox = Sandbox::new();
    let (child, address) = open(&sandbox, &["--elasticsearch", &node.url], &[]);
    let page = http::send(address, "GET", "/app/dashboards", "");
    assert!(page.status == 200 && page.text().contains("<!doctype html>"), "{}", page.text());
    end(child);
}

#[test]
fn a_page_over_a_cluster_with_tls_trusts_the_given_authority_and_brings_the_credentials() {
    let folder = tempfile::tempdir().unwrap();
    let Some(()) = certificates(folder.path()) else { return };
    let (_node, address) = node();
    let front = Front::start(folder.path(), address);
    let sandbox = Sandbox::new();
    let ca = folder.path().join("ca.pem").display().to_string();
    let to = ["--elasticsearch", front.url.as_str()];

    let key = [("STOCKDEV_ELASTICSEARCH_API_KEY", KEY)];
    let (child, page) = open(&sandbox, &[&to[..], &["--ca-cert", &ca]].concat(), &key);
    let names = fields(page).unwrap();
    assert!(names.contains(&"last_price".to_owned()), "{names:?}");
    let asked = front.asked.lock().unwrap().split_off(0);
    let is_ours = |line: &String| line.starts_with("/stock-stream/") && line.ends_with(&format!("ApiKey {KEY}"));
    assert!(!asked.is_empty() && asked.iter().all(is_ours), "{asked:?}");
    end(child);

    let user = [("STOCKDEV_ELASTICSEARCH_USER", "me"), ("STOCKDEV_ELASTICSEARCH_PASSWORD", "p@ss:/")];
    let (child, page) = open(&sandbox, &[&to[..], &["--ca-cert", &ca]].concat(), &user);
    fields(page).unwrap();
    let asked = front.asked.lock().unwrap().split_off(0);
    assert!(asked.iter().all(|line| line.ends_with("Basic bWU6cEBzczov")) && !asked.is_empty(), "{asked:?}");
    end(child);

    // Without the authority nothing is said to whoever answers there, and the page names the reason.
    let (child, page) = open(&sandbox, &to, &key);
    let error = fields(page).unwrap_err();
    assert!(error.contains(&front.url) && error.contains("certificate"), "{error}");
    assert!(front.asked.lock().unwrap().is_empty());
    end(child);
}

#[test]
fn an_authority_that_can_not_be_read_is_named_before_anything_is_served() {
    let sandbox = Sandbox::new();
    let to = ["dashboard", "open", "--print", "--elasticsearch", "https://127.0.0.1:9", "--ca-cert", "absent.pem"];
    let ran = sandbox.run(&to).expect(2);
    assert!(ran.stderr.contains("absent.pem"), "{}", ran.stderr);
}

#[test]
fn the_exported_address_of_elasticsearch_is_taken_where_no_other_is_named() {
    let (node, _) = node();
    let sandbox = Sandbox::new();
    let exported = [("ELASTICSEARCH_URL", node.url.as_str())];
    let (child, page) = open(&sandbox, &[], &exported);
    assert!(fields(page).unwrap().contains(&"last_price".to_owned()));
    end(child);

    // A date that no panel names is in a search only when the index was asked for its fields.
    let has_asked = |variables: &[(&str, &str)]| {
        let ran = sandbox.run_with(&["dashboard", "explain", "--output", "json"], variables).expect(0);
        ran.stdout.contains("\"seen_at\"")
    };
    assert!(has_asked(&exported) && !has_asked(&[]));
    let wrong = sandbox.run_with(&["dashboard", "open", "--print"], &[("ELASTICSEARCH_URL", "nonsense")]).expect(2);
    assert!(wrong.stderr.contains("`nonsense`") && wrong.stderr.contains("in ELASTICSEARCH_URL"), "{}", wrong.stderr);
    // A flag goes before it.
    let flag = ["dashboard", "explain", "--elasticsearch", &node.url];
    sandbox.run_with(&flag, &[("ELASTICSEARCH_URL", "nonsense")]).expect(0);
}
