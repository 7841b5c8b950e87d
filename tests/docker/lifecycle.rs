//! A stack from the first `up` to the last `down`.

use serde_json::Value;

use crate::cli_support::Ran;
use crate::engine::{Stack, docker};

fn get(url: &str) -> Value {
    let text = reqwest_blocking(url);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{url}: {error}: {text}"))
}

/// One plain request, without any client of ours.
pub(crate) fn reqwest_blocking(url: &str) -> String {
    let output = std::process::Command::new("curl").args(["-sS", "--max-time", "30", url]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Documents that Elasticsearch shows, after a refresh.
pub(crate) fn documents(elasticsearch: &str) -> u64 {
    get(&format!("{elasticsearch}/stock-stream/_refresh"));
    get(&format!("{elasticsearch}/stock-stream/_count"))["count"].as_u64().unwrap()
}

#[test]
fn from_the_first_up_to_the_last_down() {
    let Some(stack) = Stack::new() else { return };
    let up = stack.up(&[]).expect(0).document();
    assert_eq!(up["state"], "ready");
    assert_eq!(up["stack"], "docker");
    assert_eq!((up["sent"].as_u64(), up["indexed"].as_u64()), (Some(2000), Some(2000)));
    let elasticsearch = up["endpoints"]["elasticsearch"].as_str().unwrap().to_owned();
    let kafka = up["endpoints"]["kafka"].as_str().unwrap().to_owned();
    assert_eq!(documents(&elasticsearch), 2000);

    only_this_machine_is_listened_on(&stack);
    what_is_printed_is_what_kafka_advertises(&stack, &kafka);

    // The second one finds all as it is.
    let before = stack.containers();
    let again = stack.up(&[]).expect(0).document();
    assert_eq!(again["already_up"], true);
    assert_eq!(again["endpoints"], up["endpoints"]);
    assert_eq!(stack.containers(), before);
    assert_eq!(documents(&elasticsearch), 2000);

    let status = stack.run(&["status", "--output", "json"]).expect(0).document();
    assert_eq!(status["state"], "running");
    for service in status["services"].as_array().unwrap() {
        assert_eq!(service["container"], stack.container(service["name"].as_str().unwrap()));
        assert!(service["rss_bytes"].as_u64().unwrap() > 1 << 20, "{service}");
        assert!(service["digest"].as_str().unwrap().starts_with("sha256:"), "{service}");
    }
    assert_eq!(status["consumer"]["lag"], 0);
    let log = stack.run(&["logs", "elasticsearch", "--tail", "5"]).expect(0);
    assert_eq!(log.stdout.lines().count(), 5, "{log:?}");
    let listed = stack.run(&["ls", "--output", "json"]).expect(0).document();
    let own =
        listed["projects"].as_array().unwrap().iter().find(|one| one["project"] == stack.project.as_str()).unwrap();
    assert_eq!((own["state"].as_str(), own["stack"].as_str()), (Some("running"), Some("docker")));

    // A container that died is seen, and brought back with its data.
    docker(&["kill", &stack.container("elasticsearch")]);
    let status = stack.run(&["status", "--output", "json"]).expect(4).document();
    let dead =
        status["services"].as_array().unwrap().iter().find(|service| service["name"] == "elasticsearch").unwrap();
    assert!(dead["note"].as_str().unwrap().contains("exit code 137"), "{dead}");
    stack.up(&[]).expect(0);
    assert_eq!(documents(&elasticsearch), 2000);

    // One that is paused goes on, and its port is nobody else's.
    docker(&["pause", &stack.container("elasticsearch")]);
    stack.up(&[]).expect(0);
    assert_eq!(documents(&elasticsearch), 2000);

    // Without the state folder: the engine knows what there is, and nothing is streamed twice.
    std::fs::remove_dir_all(stack.sandbox.path("state/stockdev").join(&stack.project)).unwrap();
    let adopted = stack.up(&[]).expect(0).document();
    assert_eq!(adopted["endpoints"], up["endpoints"]);
    assert_eq!(stack.containers(), before);
    assert_eq!(documents(&elasticsearch), 2000);

    // Data that is kept is there again.
    stack.run(&["down", "--keep-data"]).expect(0);
    assert_eq!((stack.containers().len(), stack.networks().len(), stack.volumes().len()), (0, 0, 2));
    stack.run(&["status"]).expect(3);
    let back = stack.up(&[]).expect(0).document();
    let elasticsearch = back["endpoints"]["elasticsearch"].as_str().unwrap();
    assert_eq!(documents(elasticsearch), 2000);

    // Whatever engine is asked for by now, the containers are where they were made.
    let elsewhere = [("DOCKER_HOST", "unix:///nope")];
    for arguments in [&["status"][..], &["down"]] {
        let ran = Ran::of(&stack.command(arguments).envs(elsewhere).output().unwrap()).expect(0);
        assert!(!ran.stderr.contains("/nope"), "{ran:?}");
    }
    stack.expect_nothing_left();
    stack.run(&["down"]).expect(0);
}

fn only_this_machine_is_listened_on(stack: &Stack) {
    for service in ["kafka", "elasticsearch"] {
        for line in docker(&["port", &stack.container(service)]) {
            assert!(line.contains("-> 127.0.0.1:"), "{line}");
        }
    }
}

fn what_is_printed_is_what_kafka_advertises(stack: &Stack, printed: &str) {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let client: BaseConsumer = rdkafka::ClientConfig::new().set("bootstrap.servers", printed).create().unwrap();
    let metadata = client.fetch_metadata(None, std::time::Duration::from_secs(20)).unwrap();
    let brokers: Vec<String> =
        metadata.brokers().iter().map(|broker| format!("{}:{}", broker.host(), broker.port())).collect();
    assert_eq!(brokers, [printed]);
    // And from another container on the network: a listener of its own.
    let connect = "exec 3<>/dev/tcp/kafka/29092 && echo reached";
    assert_eq!(docker(&["exec", &stack.container("elasticsearch"), "bash", "-c", connect]), ["reached"]);
}

#[test]
fn two_projects_run_side_by_side() {
    let Some(one) = Stack::new() else { return };
    let two = Stack::another();
    let first = one.up(&["--no-stream"]).expect(0).document();
    let second = two.up(&["--ticks", "500"]).expect(0).document();
    assert_ne!(first["endpoints"], second["endpoints"]);
    assert_eq!(documents(second["endpoints"]["elasticsearch"].as_str().unwrap()), 500);

    // A port of the one is taken for the other, which says whose it is.
    let port = second["endpoints"]["kafka"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned();
    let three = Stack::another();
    let refused = three.up(&["--port-base", &port]).expect(11).document();
    let got = refused["error"]["got"].as_str().unwrap();
    assert!(got.contains(&two.project) && got.contains(&two.container("kafka")), "{got}");
    three.expect_nothing_left();

    one.run(&["down"]).expect(0);
    one.expect_nothing_left();
    assert_eq!(documents(second["endpoints"]["elasticsearch"].as_str().unwrap()), 500);
}
