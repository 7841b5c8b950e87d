//! Appends through the queue.

use kafka_protocol::records::Compression;
use tempfile::TempDir;

use super::*;
use crate::server::kafka::codec::batch::testing::{Producer, batch, batch_of};
use crate::server::kafka::state::configs::TopicConfig;
use crate::server::kafka::storage::file::FileSystem;
use crate::server::kafka::storage::file::failing::FailingFileSystem;

fn partition(dir: &TempDir, fs: &FailingFileSystem) -> Arc<Partition> {
    let config = TopicConfig::default();
    let mut producers = Producers::default();
    let fs: Arc<dyn FileSystem> = Arc::new(fs.clone());
    let dir = dir.path().to_path_buf();
    let log = Log::open(fs, dir, &config.log, false, |header| producers.remember(header, 0)).expect("a log opens");
    let topic = Arc::new(TopicShared::new("t".to_owned(), uuid::Uuid::nil(), config));
    Arc::new(Partition::new(0, topic, log, producers))
}

fn queue(partition: &Arc<Partition>, batch: &Bytes) -> oneshot::Receiver<AppendResult> {
    partition.append(BatchHeader::parse(batch).expect("a whole header"), batch.clone())
}

fn from_producer(first_sequence: i32) -> Bytes {
    let producer: Producer = (4, 0, first_sequence);
    batch_of(&[7, 7], 3, Compression::None, producer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queued_batches_get_offsets_in_the_order_they_were_queued() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let partition = partition(&dir, &FailingFileSystem::never());
    let receivers: Vec<_> = (0..500).map(|n| queue(&partition, &batch(n % 3 + 1))).collect();
    let mut next = 0;
    for (n, receiver) in receivers.into_iter().enumerate() {
        let appended = receiver.await.expect("answered").expect("appended");
        assert_eq!(appended.base_offset, next);
        next += i64::try_from(n % 3 + 1).expect("few");
    }
    assert_eq!(partition.log.range().end, next);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_also_in_the_same_group_and_after_reopening() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let fs = FailingFileSystem::never();
    let first = partition(&dir, &fs);
    let receivers = [0, 2, 0, 2].map(|sequence| queue(&first, &from_producer(sequence)));
    let mut offsets = Vec::new();
    for receiver in receivers {
        offsets.push(receiver.await.expect("answered").expect("appended").base_offset);
    }
    assert_eq!(offsets, [0, 2, 0, 2]);
    let reopened = partition(&dir, &fs);
    let repeat = queue(&reopened, &from_producer(2)).await.expect("answered").expect("a repeat");
    assert_eq!((repeat.base_offset, repeat.log_append_time_ms), (2, 7));
    let gap = queue(&reopened, &from_producer(9)).await.expect("answered");
    assert_eq!(gap, Err(ResponseError::OutOfOrderSequenceNumber));
    assert_eq!(reopened.log.range().end, 4);
}

#[tokio::test]
async fn after_a_failed_write_every_append_is_refused() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let fs = FailingFileSystem::never();
    let partition = partition(&dir, &fs);
    queue(&partition, &batch(1)).await.expect("answered").expect("appended");
    fs.fail_after(0);
    assert_eq!(queue(&partition, &batch(1)).await.expect("answered"), Err(ResponseError::KafkaStorageError));
    fs.fail_after(i64::MAX);
    assert_eq!(queue(&partition, &batch(1)).await.expect("answered"), Err(ResponseError::KafkaStorageError));
    assert_eq!(partition.log.range().end, 1, "nothing unacknowledged is visible");
}

#[tokio::test]
async fn an_append_wakes_who_watches_until_they_stop() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let partition = partition(&dir, &FailingFileSystem::never());
    let notify = Arc::new(Notify::new());
    let watch = partition.watch(&notify);
    queue(&partition, &batch(1)).await.expect("answered").expect("appended");
    notify.notified().await;
    drop(watch);
    assert!(lock(&partition.waiters).is_empty());
}
