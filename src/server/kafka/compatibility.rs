//! What the broker declines on purpose, and how: the hand-written half of `docs/compatibility.md`.

use super::state::configs;

/// One part of Kafka that is not here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declined {
    /// What a client may look for.
    pub feature: &'static str,
    /// API keys that are not served because of it: a request with one closes the connection, as Kafka does.
    pub keys: &'static [i16],
    /// What a client sees.
    pub answer: &'static str,
}

const fn declined(feature: &'static str, keys: &'static [i16], answer: &'static str) -> Declined {
    Declined { feature, keys, answer }
}

/// What the broker declines.
pub const DECLINED: &[Declined] = &[
    declined(
        "Transactions",
        &[24, 25, 26, 28, 65, 66],
        "InitProducerId with a transactional id gets 53 (TRANSACTIONAL_ID_AUTHORIZATION_FAILED), a transactional batch 48",
    ),
    declined(
        "SASL, TLS and ACLs",
        &[17, 29, 30, 31, 36, 50, 51],
        "plain connections only; nobody is asked who they are",
    ),
    declined(
        "The consumer protocol of KIP-848 and share groups",
        &[68, 69, 76, 77, 78, 79],
        "not announced: consumers with `group.protocol=classic` (the default) work",
    ),
    declined(
        "Replication",
        &[4, 5, 6, 7, 43, 45],
        "one node, which leads every partition; a replication factor above 1 is refused with 38",
    ),
    declined(
        "Retention and compaction",
        &[],
        "`retention.*`, `cleanup.policy` and their like are kept and shown, but nothing is deleted by age or size; DeleteRecords and deleting a topic free space",
    ),
    declined("Fetch sessions", &[], "every fetch is a full one: session id 0, an incremental request gets 70"),
    declined("Quotas and client metrics", &[48, 49, 71, 72], "no client is throttled"),
    declined("Delegation tokens", &[38, 39, 40, 41], "none are made"),
];

/// A topic configuration that is known, and its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicConfig {
    pub name: &'static str,
    pub default: &'static str,
}

/// Every topic configuration, by name.
pub fn topic_configs() -> Vec<TopicConfig> {
    configs::KEYS.iter().map(|key| TopicConfig { name: key.name, default: key.default }).collect()
}
