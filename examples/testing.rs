//! A test of one's own against a running stack: `cargo run --features testing --example testing [-- containers]`.
//!
//! In a project of yours the same lines stand in a `#[tokio::test]`, with
//! `stockdev = { version = "0.1", features = ["testing"] }` among the dev-dependencies.

#![allow(clippy::print_stdout, reason = "an example talks")]

use stockdev::testing::{Stack, TestingError};

#[tokio::main]
async fn main() -> Result<(), TestingError> {
    let in_containers = std::env::args().any(|argument| argument == "containers");
    let stack = if in_containers { Stack::containers().await? } else { Stack::embedded().await? };
    println!("Kafka at {}, Elasticsearch at {}", stack.kafka(), stack.elasticsearch());
    let indexed = stack.stream_simulated(1_000).await?;
    println!("{indexed} ticks streamed, {} documents to search", stack.documents().await?);
    Ok(())
}
