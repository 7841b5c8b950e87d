//! `down` on servers that others run: it leaves what is there, and with `--purge` removes what the project made and no more.

use serde_json::{Value, json};
use stockdev::{
    client::{ElasticsearchAddress, KafkaAddress},
    pipeline::document_count,
    setup::{TopicSpec, ensure_topic, has_template},
};

use crate::cli_support::Sandbox;
use crate::support::servers::{TestElasticsearch, TestKafka};

const NAME: &str = "stock-stream";
const TEMPLATE: &str = "template `stock-stream-template`";

struct Servers {
    kafka: TestKafka,
    elasticsearch: TestElasticsearch,
    runtime: tokio::runtime::Runtime,
}

impl Servers {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { kafka: TestKafka::start_own(), elasticsearch: TestElasticsearch::start_own(), runtime }
    }

    #[track_caller]
    fn up(&self, sandbox: &Sandbox) {
        let addresses = ["--kafka", &self.kafka.address, "--elasticsearch", &self.elasticsearch.url];
        let up = sandbox.run(&[&["up", "--stack", "external", "--output", "json"], &addresses[..]].concat()).expect(0);
        assert_eq!(up.document()["sent"], 2000);
    }

    /// Topic, index, template.
    fn what_is_there(&self) -> (bool, bool, bool) {
        let elasticsearch = ElasticsearchAddress::new(&self.elasticsearch.url);
        self.runtime.block_on(async {
            let patience = std::time::Duration::from_secs(10);
            let topic = KafkaAddress::new(&self.kafka.address).partition_count(NAME, patience).await.unwrap();
            let documents = document_count(&elasticsearch, NAME).await.unwrap();
            (topic.is_some(), documents.is_some(), has_template(&elasticsearch).await.unwrap())
        })
    }
}

#[track_caller]
fn down(sandbox: &Sandbox, flags: &[&str]) -> Value {
    sandbox.run(&[&["down", "--output", "json"], flags].concat()).expect(0).document()
}

#[test]
fn down_leaves_what_is_on_the_servers_and_says_so() {
    let (servers, sandbox) = (Servers::start(), Sandbox::new());
    servers.up(&sandbox);
    let text = sandbox.run(&["down"]).expect(0).stdout;
    assert!(text.contains(&format!("left on the servers: topic `{NAME}`, index `{NAME}`, {TEMPLATE}")), "{text}");
    assert_eq!(servers.what_is_there(), (true, true, true));
    // For another project, all of it was there before.
    servers.up(&sandbox);
    let purged = down(&sandbox, &["--purge"]);
    assert_eq!((&purged["purged"], &purged["left"]), (&json!([]), &json!([])));
    assert_eq!(servers.what_is_there(), (true, true, true));
}

#[test]
fn purge_removes_what_the_project_made_once() {
    let (servers, sandbox) = (Servers::start(), Sandbox::new());
    servers.up(&sandbox);
    // A second `up` finds all in place; it is still this project that made it.
    let again = sandbox.run(&["up", "--stack", "external", "--output", "json"]).expect(0).document();
    assert_eq!(again["indexed"], 2000);
    let purged = down(&sandbox, &["--purge"]);
    let made = json!([format!("topic `{NAME}`"), format!("index `{NAME}`"), TEMPLATE]);
    assert_eq!((&purged["purged"], &purged["left"]), (&made, &json!([])));
    assert_eq!(servers.what_is_there(), (false, false, false));
    assert_eq!(down(&sandbox, &["--purge"])["purged"], json!([]));
    assert!(!sandbox.state().exists());
}

#[test]
fn purge_removes_the_forecasts_that_the_project_made() {
    let (servers, sandbox, cloud) = (Servers::start(), Sandbox::new(), Sandbox::new());
    let stack =
        cloud.run(&["up", "--stack", "embedded", "--ports", "auto", "--no-stream", "--output", "json"]).expect(0);
    let endpoints = stack.document()["endpoints"].clone();
    let endpoint = |name: &str| endpoints[name].as_str().unwrap().to_owned();
    let (gcs, bigquery) = (endpoint("gcs"), endpoint("bigquery"));
    let addresses = ["--kafka", &servers.kafka.address, "--elasticsearch", &servers.elasticsearch.url];
    let google = ["--bigquery", "--gcs-endpoint", &gcs, "--bigquery-endpoint", &bigquery];
    let up = [&["up", "--stack", "external", "--output", "json"], &addresses[..], &google[..]].concat();
    // The second one finds what is there: it is this project's all the same.
    for written in [50, 0] {
        let document = sandbox.run(&up).expect(0).document();
        assert_eq!(document["cloud"]["bigquery"]["forecasts"]["written"], written, "{document}");
    }
    let forecasts = "forecast-stock-stream";
    let count = || {
        let elasticsearch = ElasticsearchAddress::new(&servers.elasticsearch.url);
        servers.runtime.block_on(document_count(&elasticsearch, forecasts)).unwrap()
    };
    assert_eq!(count(), Some(50));
    let made =
        [format!("topic `{NAME}`"), format!("index `{NAME}`"), format!("index `{forecasts}`"), TEMPLATE.to_owned()];
    assert_eq!(down(&sandbox, &["--purge"])["purged"], json!(made));
    assert_eq!((count(), servers.what_is_there()), (None, (false, false, false)));
    cloud.run(&["down"]).expect(0);
}

#[test]
fn purge_never_removes_what_was_there_before() {
    let (servers, sandbox) = (Servers::start(), Sandbox::new());
    let kafka = KafkaAddress::new(&servers.kafka.address);
    servers.runtime.block_on(ensure_topic(&kafka, &TopicSpec::new(NAME, 3))).unwrap();
    servers.up(&sandbox);
    assert_eq!(down(&sandbox, &["--purge"])["purged"], json!([format!("index `{NAME}`"), TEMPLATE]));
    assert_eq!(servers.what_is_there(), (true, false, false));
}

#[test]
fn a_purge_that_fails_keeps_the_record_so_that_it_can_be_done_again() {
    let (servers, sandbox) = (Servers::start(), Sandbox::new());
    servers.up(&sandbox);
    drop(servers.elasticsearch);
    let ran = sandbox.run(&["down", "--purge", "--output", "json"]).expect(1);
    assert_eq!(ran.document()["error"]["id"], "ENDPOINT_UNREACHABLE");
    let record = std::fs::read_to_string(sandbox.state().join("state.json")).unwrap();
    let created = serde_json::from_str::<Value>(&record).unwrap()["created"].clone();
    assert_eq!(
        created,
        json!({"topic": false, "dead_letter_topic": false, "index": true, "template": true, "forecasts": false})
    );
    // Without --purge the project goes all the same.
    assert_eq!(down(&sandbox, &[])["left"], json!([format!("index `{NAME}`"), TEMPLATE]));
}
