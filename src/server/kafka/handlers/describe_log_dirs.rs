//! DescribeLogDirs (35): how large each partition is, and how much room is left.

use std::path::Path;
use std::sync::Arc;

use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResponse, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::{DescribeLogDirsRequest, TopicName};

use super::{blocking, text, topic_name};
use crate::server::kafka::state::broker::BrokerState;
use crate::server::kafka::state::partition::Partition;

pub(crate) async fn handle(broker: &Arc<BrokerState>, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let broker = Arc::clone(broker);
    blocking(move || {
        let topics: Vec<DescribeLogDirsTopic> = match &request.topics {
            None => {
                let all = broker.topics.all();
                all.iter().map(|topic| describe(topic_name(&topic.shared.name), topic.partitions())).collect()
            }
            Some(asked) => {
                let known = asked.iter().filter_map(|asked| {
                    let topic = broker.topics.by_name(&asked.topic)?;
                    let partitions = asked.partitions.iter().filter_map(|index| topic.partition(*index)).collect();
                    Some(describe(asked.topic.clone(), partitions))
                });
                known.collect()
            }
        };
        let dir = broker.folder.logs_dir();
        let (total_bytes, usable_bytes) = volume(&dir);
        let result = DescribeLogDirsResult::default()
            .with_log_dir(text(dir.to_string_lossy()))
            .with_topics(topics)
            .with_total_bytes(total_bytes)
            .with_usable_bytes(usable_bytes);
        DescribeLogDirsResponse::default().with_results(vec![result])
    })
    .await
}

fn describe(name: TopicName, partitions: Vec<Arc<Partition>>) -> DescribeLogDirsTopic {
    let partitions = partitions.iter().map(|partition| {
        DescribeLogDirsPartition::default()
            .with_partition_index(partition.index)
            .with_partition_size(i64::try_from(partition.log.size()).unwrap_or(i64::MAX))
    });
    DescribeLogDirsTopic::default().with_name(name).with_partitions(partitions.collect())
}

/// Size and free bytes of the volume; -1 each when it does not tell.
fn volume(dir: &Path) -> (i64, i64) {
    let Ok(stat) = rustix::fs::statvfs(dir) else { return (-1, -1) };
    let bytes = |blocks: u64| i64::try_from(blocks.saturating_mul(stat.f_frsize)).unwrap_or(i64::MAX);
    (bytes(stat.f_blocks), bytes(stat.f_bavail))
}
