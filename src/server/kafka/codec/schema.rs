//! The shape of every request the broker serves, as far as lengths and counts go.
//!
//! The decoder of the codec crate reserves memory by the counts a client announces, so [`super::precheck`] walks a body
//! along these tables first. They follow the message schemas of Apache Kafka 4.1 (`clients/src/main/resources/common/message`);
//! a test encodes each request at each version with the codec crate and walks it.

use Kind::{Array, Bytes, I8, I16, I32, I64, NullableStruct, String, Struct, Uuid};

/// How one value lies on the wire. Strings, bytes and arrays have a classic and a compact form; the version decides.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    I8,
    I16,
    I32,
    I64,
    Uuid,
    String,
    Bytes,
    Array(&'static Kind),
    Struct(Fields),
    /// One byte, negative for null, then the struct.
    NullableStruct(Fields),
}

/// A field and the versions that carry it; with a tag it is one of a flexible version's optional fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) since: i16,
    pub(crate) until: i16,
    pub(crate) tag: Option<u32>,
}

pub(crate) type Fields = &'static [Field];

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, since: 0, until: i16::MAX, tag: None }
}

const fn tagged(tag: u32, kind: Kind) -> Field {
    Field { name: "tagged field", kind, since: 0, until: i16::MAX, tag: Some(tag) }
}

impl Field {
    const fn since(mut self, version: i16) -> Self {
        self.since = version;
        self
    }

    const fn until(mut self, version: i16) -> Self {
        self.until = version;
        self
    }

    pub(crate) fn is_in(&self, version: i16) -> bool {
        self.since <= version && version <= self.until
    }
}

pub(super) const PRODUCE: Fields = &[
    field("transactional_id", String),
    field("acks", I16),
    field("timeout_ms", I32),
    field(
        "topic_data",
        Array(&Struct(&[
            field("name", String).until(12),
            field("topic_id", Uuid).since(13),
            field("partition_data", Array(&Struct(&[field("index", I32), field("records", Bytes)]))),
        ])),
    ),
];

pub(super) const FETCH: Fields = &[
    field("replica_id", I32).until(14),
    field("max_wait_ms", I32),
    field("min_bytes", I32),
    field("max_bytes", I32),
    field("isolation_level", I8),
    field("session_id", I32).since(7),
    field("session_epoch", I32).since(7),
    field(
        "topics",
        Array(&Struct(&[
            field("topic", String).until(12),
            field("topic_id", Uuid).since(13),
            field(
                "partitions",
                Array(&Struct(&[
                    field("partition", I32),
                    field("current_leader_epoch", I32).since(9),
                    field("fetch_offset", I64),
                    field("last_fetched_epoch", I32).since(12),
                    field("log_start_offset", I64).since(5),
                    field("partition_max_bytes", I32),
                    tagged(0, Uuid).since(17),
                    tagged(1, I64).since(18),
                ])),
            ),
        ])),
    ),
    field(
        "forgotten_topics_data",
        Array(&Struct(&[
            field("topic", String).since(7).until(12),
            field("topic_id", Uuid).since(13),
            field("partitions", Array(&I32)).since(7),
        ])),
    )
    .since(7),
    field("rack_id", String).since(11),
    tagged(0, String),
    tagged(1, Struct(&[field("replica_id", I32).since(15), field("replica_epoch", I64).since(15)])).since(15),
];

pub(super) const LIST_OFFSETS: Fields = &[
    field("replica_id", I32),
    field("isolation_level", I8).since(2),
    field(
        "topics",
        Array(&Struct(&[
            field("name", String),
            field(
                "partitions",
                Array(&Struct(&[
                    field("partition_index", I32),
                    field("current_leader_epoch", I32).since(4),
                    field("timestamp", I64),
                ])),
            ),
        ])),
    ),
    field("timeout_ms", I32).since(10),
];

pub(super) const METADATA: Fields = &[
    field("topics", Array(&Struct(&[field("topic_id", Uuid).since(10), field("name", String)]))),
    field("allow_auto_topic_creation", I8).since(4),
    field("include_cluster_authorized_operations", I8).since(8).until(10),
    field("include_topic_authorized_operations", I8).since(8),
];

pub(super) const OFFSET_COMMIT: Fields = &[
    field("group_id", String),
    field("generation_id_or_member_epoch", I32),
    field("member_id", String),
    field("group_instance_id", String).since(7),
    field("retention_time_ms", I64).until(4),
    field(
        "topics",
        Array(&Struct(&[
            field("name", String),
            field(
                "partitions",
                Array(&Struct(&[
                    field("partition_index", I32),
                    field("committed_offset", I64),
                    field("committed_leader_epoch", I32).since(6),
                    field("committed_metadata", String),
                ])),
            ),
        ])),
    ),
];

pub(super) const OFFSET_FETCH: Fields = &[
    field("group_id", String).until(7),
    field(
        "topics",
        Array(&Struct(&[field("name", String).until(7), field("partition_indexes", Array(&I32)).until(7)])),
    )
    .until(7),
    field(
        "groups",
        Array(&Struct(&[
            field("group_id", String).since(8),
            field("member_id", String).since(9),
            field("member_epoch", I32).since(9),
            field(
                "topics",
                Array(&Struct(&[field("name", String).since(8), field("partition_indexes", Array(&I32)).since(8)])),
            )
            .since(8),
        ])),
    )
    .since(8),
    field("require_stable", I8).since(7),
];

pub(super) const FIND_COORDINATOR: Fields = &[
    field("key", String).until(3),
    field("key_type", I8).since(1),
    field("coordinator_keys", Array(&String)).since(4),
];

pub(super) const JOIN_GROUP: Fields = &[
    field("group_id", String),
    field("session_timeout_ms", I32),
    field("rebalance_timeout_ms", I32).since(1),
    field("member_id", String),
    field("group_instance_id", String).since(5),
    field("protocol_type", String),
    field("protocols", Array(&Struct(&[field("name", String), field("metadata", Bytes)]))),
    field("reason", String).since(8),
];

pub(super) const HEARTBEAT: Fields = &[
    field("group_id", String),
    field("generation_id", I32),
    field("member_id", String),
    field("group_instance_id", String).since(3),
];

pub(super) const LEAVE_GROUP: Fields = &[
    field("group_id", String),
    field("member_id", String).until(2),
    field(
        "members",
        Array(&Struct(&[
            field("member_id", String).since(3),
            field("group_instance_id", String).since(3),
            field("reason", String).since(5),
        ])),
    )
    .since(3),
];

pub(super) const SYNC_GROUP: Fields = &[
    field("group_id", String),
    field("generation_id", I32),
    field("member_id", String),
    field("group_instance_id", String).since(3),
    field("protocol_type", String).since(5),
    field("protocol_name", String).since(5),
    field("assignments", Array(&Struct(&[field("member_id", String), field("assignment", Bytes)]))),
];

pub(super) const DESCRIBE_GROUPS: Fields =
    &[field("groups", Array(&String)), field("include_authorized_operations", I8).since(3)];

pub(super) const LIST_GROUPS: Fields =
    &[field("states_filter", Array(&String)).since(4), field("types_filter", Array(&String)).since(5)];

pub(super) const API_VERSIONS: Fields =
    &[field("client_software_name", String).since(3), field("client_software_version", String).since(3)];

pub(super) const CREATE_TOPICS: Fields = &[
    field(
        "topics",
        Array(&Struct(&[
            field("name", String),
            field("num_partitions", I32),
            field("replication_factor", I16),
            field("assignments", Array(&Struct(&[field("partition_index", I32), field("broker_ids", Array(&I32))]))),
            field("configs", Array(&Struct(&[field("name", String), field("value", String)]))),
        ])),
    ),
    field("timeout_ms", I32),
    field("validate_only", I8),
];

pub(super) const DELETE_TOPICS: Fields = &[
    field("topics", Array(&Struct(&[field("name", String).since(6), field("topic_id", Uuid).since(6)]))).since(6),
    field("topic_names", Array(&String)).until(5),
    field("timeout_ms", I32),
];

pub(super) const DELETE_RECORDS: Fields = &[
    field(
        "topics",
        Array(&Struct(&[
            field("name", String),
            field("partitions", Array(&Struct(&[field("partition_index", I32), field("offset", I64)]))),
        ])),
    ),
    field("timeout_ms", I32),
];

pub(super) const INIT_PRODUCER_ID: Fields = &[
    field("transactional_id", String),
    field("transaction_timeout_ms", I32),
    field("producer_id", I64).since(3),
    field("producer_epoch", I16).since(3),
];

pub(super) const OFFSET_FOR_LEADER_EPOCH: Fields = &[
    field("replica_id", I32).since(3),
    field(
        "topics",
        Array(&Struct(&[
            field("topic", String),
            field(
                "partitions",
                Array(&Struct(&[
                    field("partition", I32),
                    field("current_leader_epoch", I32),
                    field("leader_epoch", I32),
                ])),
            ),
        ])),
    ),
];

pub(super) const DESCRIBE_CONFIGS: Fields = &[
    field(
        "resources",
        Array(&Struct(&[
            field("resource_type", I8),
            field("resource_name", String),
            field("configuration_keys", Array(&String)),
        ])),
    ),
    field("include_synonyms", I8),
    field("include_documentation", I8).since(3),
];

pub(super) const ALTER_CONFIGS: Fields = &[
    field(
        "resources",
        Array(&Struct(&[
            field("resource_type", I8),
            field("resource_name", String),
            field("configs", Array(&Struct(&[field("name", String), field("value", String)]))),
        ])),
    ),
    field("validate_only", I8),
];

pub(super) const DESCRIBE_LOG_DIRS: Fields =
    &[field("topics", Array(&Struct(&[field("topic", String), field("partitions", Array(&I32))])))];

pub(super) const CREATE_PARTITIONS: Fields = &[
    field(
        "topics",
        Array(&Struct(&[
            field("name", String),
            field("count", I32),
            field("assignments", Array(&Struct(&[field("broker_ids", Array(&I32))]))),
        ])),
    ),
    field("timeout_ms", I32),
    field("validate_only", I8),
];

pub(super) const DELETE_GROUPS: Fields = &[field("groups_names", Array(&String))];

pub(super) const INCREMENTAL_ALTER_CONFIGS: Fields = &[
    field(
        "resources",
        Array(&Struct(&[
            field("resource_type", I8),
            field("resource_name", String),
            field(
                "configs",
                Array(&Struct(&[field("name", String), field("config_operation", I8), field("value", String)])),
            ),
        ])),
    ),
    field("validate_only", I8),
];

pub(super) const LIST_PARTITION_REASSIGNMENTS: Fields = &[
    field("timeout_ms", I32),
    field("topics", Array(&Struct(&[field("name", String), field("partition_indexes", Array(&I32))]))),
];

pub(super) const DESCRIBE_CLUSTER: Fields = &[
    field("include_cluster_authorized_operations", I8),
    field("endpoint_type", I8).since(1),
    field("include_fenced_brokers", I8).since(2),
];

pub(super) const DESCRIBE_TOPIC_PARTITIONS: Fields = &[
    field("topics", Array(&Struct(&[field("name", String)]))),
    field("response_partition_limit", I32),
    field("cursor", NullableStruct(&[field("topic_name", String), field("partition_index", I32)])),
];

pub(super) const OFFSET_DELETE: Fields = &[
    field("group_id", String),
    field(
        "topics",
        Array(&Struct(&[field("name", String), field("partitions", Array(&Struct(&[field("partition_index", I32)])))])),
    ),
];
