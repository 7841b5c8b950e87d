//! What the broker knows while it runs: topics and their partitions, producers, consumer groups.

pub(crate) mod broker;
pub(crate) mod configs;
pub(crate) mod groups;
pub(crate) mod partition;
pub(crate) mod producer_ids;
pub(crate) mod producers;
pub(crate) mod topics;

/// Who sent a request: what group descriptions show of a member.
#[derive(Debug, Clone, Default)]
pub(crate) struct ClientInfo {
    /// The request header's client id; empty when the client sent none.
    pub(crate) client_id: String,
    /// The peer's address as Kafka shows it, `/127.0.0.1`.
    pub(crate) client_host: String,
}

/// Which partitions exist, for handlers that need no more of the topics than that.
pub(crate) trait TopicLookup: Send + Sync {
    /// True if `topic` exists and has `partition`.
    fn has_partition(&self, topic: &str, partition: i32) -> bool;
}
