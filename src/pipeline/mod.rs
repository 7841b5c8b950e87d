//! Ticks to Kafka, Kafka to Elasticsearch, Kafka to the terminal.
//!
//! ```text
//! tick::TickReader -> produce -> [Kafka] -> index -> [Elasticsearch]
//!                                    \-> consume (terminal)
//! ```
//!
//! Everything here is a plain client of a public protocol: no code asks what answers at the addresses. A tick counts as
//! sent when the broker acknowledged it; an offset is committed only when Elasticsearch (or the dead letter topic) has
//! acknowledged all before it.

/// The topic ticks go to.
pub const TOPIC: &str = "stock-stream";
/// The index they end in.
pub const INDEX: &str = "stock-stream";
/// Where documents go that Elasticsearch rejects.
pub const DEAD_LETTER_TOPIC: &str = "stock-stream-dlq";
/// The consumer group of the indexers.
pub const INDEXER_GROUP: &str = "stock-stream-indexer";
