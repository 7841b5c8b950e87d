//! How much is where: offsets of a topic, lag of a group, documents of an index.

use std::time::Duration;

use elasticsearch::http::Method;
use rdkafka::{Offset, TopicPartitionList, consumer::Consumer, error::RDKafkaErrorCode};
use serde::{Deserialize, Serialize};

use crate::client::{ElasticsearchAddress, ElasticsearchClientError, JSON, KafkaAddress, KafkaClientError};

const TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, thiserror::Error)]
pub enum CountError {
    #[error(transparent)]
    Kafka(#[from] KafkaClientError),
    #[error(transparent)]
    Elasticsearch(#[from] ElasticsearchClientError),
}

/// Where a partition's messages begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionOffsets {
    pub partition: i32,
    /// Of the first message kept.
    pub low: i64,
    /// Of the next message to come.
    pub high: i64,
}

impl PartitionOffsets {
    /// Messages kept.
    pub fn messages(&self) -> u64 {
        u64::try_from(self.high - self.low).unwrap_or_default()
    }
}

/// What a consumer group has still to read of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLag {
    /// By partition: the committed offset, `None` where nothing is committed.
    pub committed: Vec<(i32, Option<i64>)>,
    /// Messages behind the committed offsets, of all partitions.
    pub lag: u64,
}

/// The partitions of a topic in order; `None` when it is not there.
pub async fn topic_counts(kafka: &KafkaAddress, topic: &str) -> Result<Option<Vec<PartitionOffsets>>, CountError> {
    let topic = topic.to_owned();
    Ok(kafka.ask(move |kafka| offsets(kafka, &topic, None)).await?.map(|(_, offsets)| offsets))
}

/// What a group has still to read of a topic; `None` when the topic is not there.
pub async fn group_lag(kafka: &KafkaAddress, group: &str, topic: &str) -> Result<Option<GroupLag>, CountError> {
    let (group, topic) = (group.to_owned(), topic.to_owned());
    let found = kafka
        .ask(move |kafka| {
            let Some((client, offsets)) = offsets(kafka, &topic, Some(&group))? else { return Ok(None) };
            let mut wanted = TopicPartitionList::new();
            for partition in &offsets {
                wanted.add_partition(&topic, partition.partition);
            }
            let committed = kafka.committed(&client, wanted, TIMEOUT)?;
            Ok(Some(lag(&topic, &offsets, &committed)))
        })
        .await?;
    Ok(found)
}

fn lag(topic: &str, offsets: &[PartitionOffsets], committed: &TopicPartitionList) -> GroupLag {
    let mut found = GroupLag { committed: Vec::new(), lag: 0 };
    for partition in offsets {
        let entry = committed.find_partition(topic, partition.partition).map(|entry| entry.offset());
        let at = match entry {
            Some(Offset::Offset(at)) => Some(at),
            _ => None,
        };
        // A group that committed nothing, or something deleted since, reads from the start.
        let from = at.unwrap_or(partition.low).max(partition.low);
        found.lag += u64::try_from(partition.high - from).unwrap_or_default();
        found.committed.push((partition.partition, at));
    }
    found
}

type Found = (rdkafka::consumer::BaseConsumer<crate::client::KafkaContext>, Vec<PartitionOffsets>);

/// Blocks.
fn offsets(kafka: &KafkaAddress, topic: &str, group: Option<&str>) -> Result<Option<Found>, KafkaClientError> {
    let client = kafka.inspector(group)?;
    let Some(partitions) = kafka.partitions(&client, topic, TIMEOUT)? else { return Ok(None) };
    let mut offsets = Vec::with_capacity(partitions.len());
    for partition in partitions {
        match client.fetch_watermarks(topic, partition, TIMEOUT) {
            Ok((low, high)) => offsets.push(PartitionOffsets { partition, low, high }),
            Err(error) if error.rdkafka_error_code() == Some(RDKafkaErrorCode::UnknownTopicOrPartition) => {
                return Ok(None);
            }
            Err(error) => return Err(kafka.failed("offsets", TIMEOUT, &error, &client)),
        }
    }
    Ok(Some((client, offsets)))
}

/// Documents an index shows to searches (see [`refresh_index`]); `None` when it is not there.
pub async fn document_count(elasticsearch: &ElasticsearchAddress, index: &str) -> Result<Option<u64>, CountError> {
    let client = elasticsearch.connect()?;
    let path = format!("/{index}/_count");
    let answer = client.send(Method::Get, &path, None, JSON).await?;
    let count = answer.json().and_then(|body| body.get("count").and_then(serde_json::Value::as_u64));
    match (answer.status, count) {
        (200, Some(count)) => Ok(Some(count)),
        (404, _) => Ok(None),
        _ => Err(client.refused(&format!("GET {path}"), &answer).into()),
    }
}

/// Makes all that was acknowledged visible to searches. An index that is not there is no error.
pub async fn refresh_index(elasticsearch: &ElasticsearchAddress, index: &str) -> Result<(), CountError> {
    let client = elasticsearch.connect()?;
    let path = format!("/{index}/_refresh");
    let answer = client.send(Method::Post, &path, None, JSON).await?;
    match answer.status {
        200 | 404 => Ok(()),
        _ => Err(client.refused(&format!("POST {path}"), &answer).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lag_counts_from_the_committed_offset_or_from_what_is_kept() {
        let offsets = [
            PartitionOffsets { partition: 0, low: 0, high: 10 },
            PartitionOffsets { partition: 1, low: 5, high: 8 },
            PartitionOffsets { partition: 2, low: 5, high: 8 },
        ];
        let mut committed = TopicPartitionList::new();
        committed.add_partition_offset("t", 0, Offset::Offset(7)).unwrap();
        committed.add_partition_offset("t", 1, Offset::Invalid).unwrap();
        committed.add_partition_offset("t", 2, Offset::Offset(1)).unwrap();
        let found = lag("t", &offsets, &committed);
        assert_eq!(found.lag, 3 + 3 + 3);
        assert_eq!(found.committed, [(0, Some(7)), (1, None), (2, Some(1))]);
    }
}
