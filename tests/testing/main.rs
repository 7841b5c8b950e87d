//! `stockdev::testing`, used as a user's test uses it.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails by panic and may talk")]

use rdkafka::consumer::{BaseConsumer, Consumer};
use stockdev::testing::Stack;

/// Messages in the topic, by a client of its own.
fn messages(stack: &Stack) -> i64 {
    let client: BaseConsumer = rdkafka::ClientConfig::new().set("bootstrap.servers", stack.kafka()).create().unwrap();
    let (low, high) = client.fetch_watermarks("stock-stream", 0, std::time::Duration::from_secs(20)).unwrap();
    high - low
}

#[tokio::test]
async fn an_embedded_stack_is_there_for_a_test_and_gone_after_it() {
    let stack = Stack::embedded().await.unwrap();
    assert_eq!(stack.stream_simulated(300).await.unwrap(), 300);
    assert_eq!(stack.documents().await.unwrap(), 300);
    assert_eq!(messages(&stack), 300);
    let address = stack.kafka().to_owned();
    drop(stack);
    assert!(std::net::TcpStream::connect(&address).is_err(), "{address} still listens");
}

#[tokio::test]
async fn two_embedded_stacks_know_nothing_of_each_other() {
    let (one, two) = tokio::try_join!(Stack::embedded(), Stack::embedded()).unwrap();
    assert_eq!(one.stream_sample().await.unwrap(), 2_000);
    assert_eq!((one.documents().await.unwrap(), two.documents().await.unwrap()), (2_000, 0));
}

/// Containers with this label.
fn labelled() -> Option<Vec<String>> {
    let label = format!("label=dev.stockdev.project=testing-{}-", std::process::id());
    let output = std::process::Command::new("docker")
        .args(["ps", "-a", "--format", "{{.Label \"dev.stockdev.project\"}}"])
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let prefix = label.rsplit_once('=')?.1.to_owned();
    Some(
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter(|name| name.starts_with(&prefix))
            .map(str::to_owned)
            .collect(),
    )
}

// Dropping a container waits for the engine, which needs a second thread.
#[tokio::test(flavor = "multi_thread")]
async fn real_servers_are_there_for_a_test_and_gone_after_it() {
    let image = "docker.elastic.co/elasticsearch/elasticsearch:9.2.4";
    let has_image = std::process::Command::new("docker").args(["image", "inspect", image]).output();
    if labelled().is_none() || !has_image.is_ok_and(|output| output.status.success()) {
        assert!(std::env::var_os("STOCKDEV_REQUIRE_ENGINE").is_none(), "no container engine, or no images");
        println!("SKIPPED: no container engine, or no images");
        return;
    }
    let stack = Stack::containers().await.unwrap();
    assert_eq!(labelled().unwrap().len(), 2);
    assert_eq!(stack.stream_simulated(300).await.unwrap(), 300);
    assert_eq!(messages(&stack), 300);
    drop(stack);
    assert_eq!(labelled().unwrap(), Vec::<String>::new());
}
