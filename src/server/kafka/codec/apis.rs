//! The one table of what the broker serves. ApiVersions answers from it, the frame decoder checks against it, and
//! `docs/compatibility.md` is made of it.

use kafka_protocol::messages::ApiKey;

use super::schema::{self, Fields};

/// One API the broker serves, with the versions a client may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServedApi {
    /// The protocol's number of the API.
    pub key: i16,
    /// The protocol's name of the API.
    pub name: &'static str,
    /// Lowest version in the ApiVersions answer.
    pub min: i16,
    /// Highest version in the ApiVersions answer.
    pub max: i16,
    /// What differs from a real broker, for the compatibility table; empty when nothing does.
    pub note: &'static str,
}

/// What the frame decoder needs besides the public half.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Api {
    pub(crate) served: ServedApi,
    pub(crate) key: ApiKey,
    /// Lowest version really decoded; below it the connection is closed. Differs from `served.min` for Produce only.
    pub(crate) accepted_min: i16,
    /// First version with compact lengths and tagged fields.
    pub(crate) flexible_since: i16,
    pub(crate) request: Fields,
}

const fn api(key: ApiKey, name: &'static str, versions: (i16, i16), flexible_since: i16, request: Fields) -> Api {
    Api {
        served: ServedApi { key: key as i16, name, min: versions.0, max: versions.1, note: "" },
        key,
        accepted_min: versions.0,
        flexible_since,
        request,
    }
}

impl Api {
    const fn note(mut self, note: &'static str) -> Self {
        self.served.note = note;
        self
    }

    const fn accepted_since(mut self, version: i16) -> Self {
        self.accepted_min = version;
        self
    }

    pub(crate) fn is_flexible(&self, version: i16) -> bool {
        version >= self.flexible_since
    }

    pub(crate) fn accepts(&self, version: i16) -> bool {
        self.accepted_min <= version && version <= self.served.max
    }
}

/// Every API served, by key. Versions are those of Apache Kafka 4.1.
pub(crate) static APIS: &[Api] = &[
    // librdkafka switches compression on only when Produce overlaps with old versions (KAFKA-18659); 0 to 2 are refused.
    api(ApiKey::Produce, "Produce", (0, 13), 9, schema::PRODUCE)
        .accepted_since(3)
        .note("0 to 2 are advertised and refused, as Kafka 4 does; transactional batches are refused with 48"),
    api(ApiKey::Fetch, "Fetch", (4, 18), 12, schema::FETCH)
        .note("no fetch sessions: session id 0, incremental requests get 70"),
    api(ApiKey::ListOffsets, "ListOffsets", (1, 10), 6, schema::LIST_OFFSETS),
    api(ApiKey::Metadata, "Metadata", (0, 13), 9, schema::METADATA)
        .note("a topic made on the fly is there in the same answer"),
    api(ApiKey::OffsetCommit, "OffsetCommit", (2, 9), 8, schema::OFFSET_COMMIT),
    api(ApiKey::OffsetFetch, "OffsetFetch", (1, 9), 6, schema::OFFSET_FETCH),
    api(ApiKey::FindCoordinator, "FindCoordinator", (0, 6), 3, schema::FIND_COORDINATOR),
    api(ApiKey::JoinGroup, "JoinGroup", (0, 9), 6, schema::JOIN_GROUP).note("an initial rebalance delay of 0.2 s"),
    api(ApiKey::Heartbeat, "Heartbeat", (0, 4), 4, schema::HEARTBEAT),
    api(ApiKey::LeaveGroup, "LeaveGroup", (0, 5), 4, schema::LEAVE_GROUP),
    api(ApiKey::SyncGroup, "SyncGroup", (0, 5), 4, schema::SYNC_GROUP),
    api(ApiKey::DescribeGroups, "DescribeGroups", (0, 6), 5, schema::DESCRIBE_GROUPS),
    api(ApiKey::ListGroups, "ListGroups", (0, 5), 3, schema::LIST_GROUPS),
    api(ApiKey::ApiVersions, "ApiVersions", (0, 4), 3, schema::API_VERSIONS)
        .note("no features are announced, so clients take the older transaction and group protocols"),
    api(ApiKey::CreateTopics, "CreateTopics", (2, 7), 5, schema::CREATE_TOPICS)
        .note("configs that would have no effect here are refused with 40"),
    api(ApiKey::DeleteTopics, "DeleteTopics", (1, 6), 4, schema::DELETE_TOPICS),
    api(ApiKey::DeleteRecords, "DeleteRecords", (0, 2), 2, schema::DELETE_RECORDS),
    api(ApiKey::InitProducerId, "InitProducerId", (0, 5), 2, schema::INIT_PRODUCER_ID)
        .note("idempotent producers only: a transactional id gets 53, which every client takes as final"),
    api(ApiKey::OffsetForLeaderEpoch, "OffsetForLeaderEpoch", (2, 4), 4, schema::OFFSET_FOR_LEADER_EPOCH),
    api(ApiKey::DescribeConfigs, "DescribeConfigs", (1, 4), 4, schema::DESCRIBE_CONFIGS)
        .note("topics and the broker; no documentation texts"),
    api(ApiKey::AlterConfigs, "AlterConfigs", (0, 2), 2, schema::ALTER_CONFIGS).note("topics only"),
    api(ApiKey::DescribeLogDirs, "DescribeLogDirs", (1, 4), 2, schema::DESCRIBE_LOG_DIRS),
    api(ApiKey::CreatePartitions, "CreatePartitions", (0, 3), 2, schema::CREATE_PARTITIONS),
    api(ApiKey::DeleteGroups, "DeleteGroups", (0, 2), 2, schema::DELETE_GROUPS),
    api(ApiKey::IncrementalAlterConfigs, "IncrementalAlterConfigs", (0, 1), 1, schema::INCREMENTAL_ALTER_CONFIGS)
        .note("topics only; retention and cleanup settings are kept but not enforced yet"),
    api(
        ApiKey::ListPartitionReassignments,
        "ListPartitionReassignments",
        (0, 0),
        0,
        schema::LIST_PARTITION_REASSIGNMENTS,
    )
    .note("always empty: there is one node"),
    api(ApiKey::OffsetDelete, "OffsetDelete", (0, 0), i16::MAX, schema::OFFSET_DELETE),
    api(ApiKey::DescribeCluster, "DescribeCluster", (0, 2), 0, schema::DESCRIBE_CLUSTER),
    api(ApiKey::DescribeTopicPartitions, "DescribeTopicPartitions", (0, 0), 0, schema::DESCRIBE_TOPIC_PARTITIONS),
];

/// The API with this key, when it is served.
pub(crate) fn find(key: i16) -> Option<&'static Api> {
    APIS.iter().find(|api| api.served.key == key)
}

/// What the broker serves, by key: the same table ApiVersions is answered from.
pub fn served_apis() -> Vec<ServedApi> {
    APIS.iter().map(|api| api.served).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use kafka_protocol::messages::ApiKey;

    #[test]
    fn keys_are_sorted_and_versions_lie_within_the_schemas() {
        let served = served_apis();
        assert!(served.is_sorted_by(|a, b| a.key < b.key));
        for api in APIS {
            let schema = api.key.valid_versions();
            assert!(api.accepted_min >= schema.min && api.served.max <= schema.max, "{}", api.served.name);
        }
    }

    #[test]
    fn flexible_versions_agree_with_the_codec_crate() {
        for api in APIS {
            for version in api.accepted_min..=api.served.max {
                let flexible = ApiKey::request_header_version(&api.key, version) >= 2;
                assert_eq!(api.is_flexible(version), flexible, "{} v{version}", api.served.name);
            }
        }
    }
}
