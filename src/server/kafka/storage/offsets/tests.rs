//! What the store promises: acknowledged means there after reopening; a torn tail is cut, damage is named.

use std::{
    fs, io,
    sync::{Arc, RwLock},
};

use proptest::prelude::*;
use tokio::sync::{mpsc, oneshot};

use super::{
    Change, OffsetStore, OffsetStoreError, WriteError,
    format::Record,
    recovery::{self, FILE_NAME},
    table::{CommittedOffset, GroupFacts, OffsetTable},
    writer::{Log, LogFile, write_batch},
};

fn commit(group: &str, topic: &str, partition: i32, offset: i64) -> Record {
    let committed =
        CommittedOffset { offset, leader_epoch: 0, metadata: "note".to_owned(), committed_at_ms: 1_000 + offset };
    Record::Commit { group: group.to_owned(), offsets: vec![(topic.to_owned(), partition, committed)] }
}

fn offset_of(store: &OffsetStore, group: &str, topic: &str, partition: i32) -> Option<i64> {
    store.read().committed(group, topic, partition).map(|committed| committed.offset)
}

async fn put(store: &OffsetStore, record: Record) {
    store.submit(record).unwrap().durable().await.unwrap();
}

#[tokio::test]
async fn acknowledged_offsets_are_there_after_reopening() {
    for fsync in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let store = OffsetStore::open(dir.path(), fsync).unwrap();
        put(&store, commit("g", "t", 0, 5)).await;
        put(&store, commit("g", "t", 0, 6)).await;
        put(&store, commit("g", "t", 1, 9)).await;
        let facts = GroupFacts { protocol_type: "consumer".into(), generation: 3, empty_since_ms: None };
        put(&store, Record::Facts { group: "g".into(), facts: facts.clone() }).await;
        assert_eq!(offset_of(&store, "g", "t", 0), Some(6));
        // Copied while the store is open: what a process killed now leaves behind.
        let killed = tempfile::tempdir().unwrap();
        fs::copy(dir.path().join(FILE_NAME), killed.path().join(FILE_NAME)).unwrap();
        let store = OffsetStore::open(killed.path(), fsync).unwrap();
        assert_eq!(offset_of(&store, "g", "t", 0), Some(6));
        assert_eq!(offset_of(&store, "g", "t", 1), Some(9));
        assert_eq!(store.read().group("g").and_then(|stored| stored.facts.clone()), Some(facts));
    }
}

#[tokio::test]
async fn deletions_survive_reopening_and_expiry_spares_newer_commits() {
    let dir = tempfile::tempdir().unwrap();
    let store = OffsetStore::open(dir.path(), false).unwrap();
    put(&store, commit("gone", "t", 0, 5)).await;
    put(&store, Record::DeleteGroup { group: "gone".into() }).await;
    put(&store, commit("old", "t", 0, 1)).await;
    put(&store, commit("old", "t", 1, 500)).await;
    put(&store, Record::ExpireOffsets { group: "old".into(), before_ms: 1_100 }).await;
    put(&store, commit("some", "t", 0, 1)).await;
    put(&store, commit("some", "t", 1, 2)).await;
    put(&store, Record::DeleteOffsets { group: "some".into(), partitions: vec![("t".into(), 0)] }).await;
    drop(store);
    let store = OffsetStore::open(dir.path(), false).unwrap();
    assert!(store.read().group("gone").is_none());
    assert_eq!(offset_of(&store, "old", "t", 0), None);
    assert_eq!(offset_of(&store, "old", "t", 1), Some(500));
    assert_eq!(offset_of(&store, "some", "t", 0), None);
    assert_eq!(offset_of(&store, "some", "t", 1), Some(2));
}

#[tokio::test]
async fn concurrent_commits_are_all_kept_in_their_order() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(OffsetStore::open(dir.path(), true).unwrap());
    let mut tickets = Vec::new();
    for offset in 0..500 {
        tickets.push(store.submit(commit("g", "t", offset % 3, i64::from(offset))).unwrap());
    }
    for ticket in tickets {
        ticket.durable().await.unwrap();
    }
    drop(store);
    let store = OffsetStore::open(dir.path(), true).unwrap();
    assert_eq!((0..3).map(|p| offset_of(&store, "g", "t", p)).collect::<Vec<_>>(), [Some(498), Some(499), Some(497)]);
}

#[tokio::test]
async fn a_long_history_is_compacted_without_loss() {
    let dir = tempfile::tempdir().unwrap();
    let store = OffsetStore::open(dir.path(), false).unwrap();
    let note = "n".repeat(4000);
    let mut last = None;
    for offset in 0..2_000_i64 {
        let committed = CommittedOffset { offset, leader_epoch: 1, metadata: note.clone(), committed_at_ms: 1 };
        let record = Record::Commit { group: "g".into(), offsets: vec![("t".into(), 0, committed)] };
        last = Some(store.submit(record).unwrap());
        if offset % 100 == 0 {
            last.take().unwrap().durable().await.unwrap();
        }
    }
    last.unwrap().durable().await.unwrap();
    put(&store, commit("h", "t", 0, 7)).await;
    drop(store);
    let bytes = fs::metadata(dir.path().join(FILE_NAME)).unwrap().len();
    assert!(bytes < 5 << 20, "8 MB were written, {bytes} bytes are left");
    let store = OffsetStore::open(dir.path(), false).unwrap();
    assert_eq!(offset_of(&store, "g", "t", 0), Some(1_999));
    assert_eq!(offset_of(&store, "h", "t", 0), Some(7));
}

#[test]
fn an_unfinished_compaction_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("offsets.log.tmp"), b"half").unwrap();
    OffsetStore::open(dir.path(), false).unwrap();
    assert!(!dir.path().join("offsets.log.tmp").exists());
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE_NAME), b"some notes of mine").unwrap();
    assert!(matches!(OffsetStore::open(dir.path(), false), Err(OffsetStoreError::ForeignFile { .. })));
    assert_eq!(fs::read(dir.path().join(FILE_NAME)).unwrap(), b"some notes of mine");
}

fn log_of(records: &[Record]) -> Vec<u8> {
    let mut bytes = super::format::MAGIC.to_vec();
    for record in records {
        assert!(record.encode_frame(&mut bytes));
    }
    bytes
}

fn table_of(bytes: &[u8]) -> Result<(OffsetTable, u64), OffsetStoreError> {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE_NAME), bytes).unwrap();
    let table = recovery::open(dir.path())?.table;
    Ok((table, fs::metadata(dir.path().join(FILE_NAME)).unwrap().len()))
}

#[test]
fn every_torn_tail_gives_the_records_before_it() {
    let records: Vec<_> = (0..4).map(|offset| commit("g", "t", 0, offset)).collect();
    let whole = log_of(&records);
    for length in 0..whole.len() {
        let (table, left) = table_of(&whole[..length]).unwrap();
        let expected = (0..4).rev().zip((0..4).rev()).find(|(n, _)| log_of(&records[..=*n]).len() <= length);
        let expected = expected.map(|(_, offset)| offset);
        assert_eq!(table.committed("g", "t", 0).map(|c| c.offset), expected, "cut to {length} bytes");
        assert!(left <= length.max(8) as u64);
    }
}

#[test]
fn a_damaged_last_record_is_cut_and_damage_before_good_records_is_named() {
    let first = log_of(&[commit("g", "t", 0, 1)]).len();
    let whole = log_of(&[commit("g", "t", 0, 1), commit("g", "t", 0, 2)]);
    for at in first..whole.len() {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        assert_eq!(table_of(&damaged).unwrap().0.committed("g", "t", 0).map(|c| c.offset), Some(1), "byte {at}");
    }
    for at in 8..first {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x40;
        let error = table_of(&damaged).unwrap_err();
        assert!(matches!(error, OffsetStoreError::Corrupt { position: 8, .. }), "byte {at}: {error}");
    }
    let mut zeros = whole.clone();
    zeros.extend([0; 4096]);
    assert_eq!(table_of(&zeros).unwrap().1, whole.len() as u64);
}

/// A file of which the n-th call fails.
#[derive(Default)]
struct FailingFile {
    bytes: Vec<u8>,
    calls: Vec<&'static str>,
    fails_at: usize,
}

impl FailingFile {
    fn call(&mut self, name: &'static str) -> io::Result<()> {
        self.calls.push(name);
        if self.calls.len() == self.fails_at { Err(io::Error::other("no space")) } else { Ok(()) }
    }
}

impl LogFile for &mut FailingFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let half = bytes.len() / 2;
        self.bytes.extend_from_slice(&bytes[..half]);
        self.call("append")?;
        self.bytes.extend_from_slice(&bytes[half..]);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.call("sync")
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.bytes.truncate(usize::try_from(length).unwrap());
        self.call("cut")
    }
}

/// Commits three offsets one by one; the results, what readers see, and the file.
fn commit_three(fails_at: usize) -> (Vec<Result<(), WriteError>>, Option<i64>, FailingFile) {
    let mut file = FailingFile { fails_at, ..FailingFile::default() };
    let table = RwLock::new(OffsetTable::default());
    let mut log = Log::new("unused".into(), &mut file, 0);
    let mut results = Vec::new();
    for offset in 0..3 {
        let (_queue, mut changes) = mpsc::channel(1);
        let (done, mut result) = oneshot::channel();
        let first = Change { record: commit("g", "t", 0, offset), done };
        write_batch(&mut log, &table, true, first, &mut changes);
        results.push(result.try_recv().unwrap());
    }
    let seen = table.read().unwrap().committed("g", "t", 0).map(|committed| committed.offset);
    (results, seen, file)
}

#[test]
fn nothing_is_acknowledged_or_seen_that_is_not_synced() {
    let frame = log_of(&[commit("g", "t", 0, 0)]).len() - 8;
    // Calls without a failure: append, sync, three times.
    assert_eq!(commit_three(usize::MAX).0, [Ok(()), Ok(()), Ok(())]);
    // A failed write is undone, and the next one succeeds.
    let (results, seen, file) = commit_three(3);
    assert_eq!(results, [Ok(()), Err(WriteError::Failed), Ok(())]);
    assert_eq!((seen, file.bytes.len()), (Some(2), 2 * frame));
    // A failed sync ends all writing.
    let (results, seen, file) = commit_three(4);
    assert_eq!(results, [Ok(()), Err(WriteError::Closed), Err(WriteError::Closed)]);
    assert_eq!(seen, Some(0));
    assert_eq!(file.calls, ["append", "sync", "append", "sync"]);
}

fn any_record() -> impl Strategy<Value = Record> {
    let committed =
        (any::<i64>(), any::<i32>(), ".{0,12}", any::<i64>()).prop_map(|(offset, leader_epoch, metadata, at)| {
            CommittedOffset { offset, leader_epoch, metadata, committed_at_ms: at }
        });
    let facts = (".{0,8}", any::<i32>(), proptest::option::of(0..i64::MAX))
        .prop_map(|(protocol_type, generation, since)| GroupFacts { protocol_type, generation, empty_since_ms: since });
    prop_oneof![
        (".{0,8}", proptest::collection::vec((".{0,8}", any::<i32>(), committed), 0..4))
            .prop_map(|(group, offsets)| Record::Commit { group, offsets }),
        (".{0,8}", proptest::collection::vec((".{0,8}", any::<i32>()), 0..4))
            .prop_map(|(group, partitions)| Record::DeleteOffsets { group, partitions }),
        (".{0,8}", any::<i64>()).prop_map(|(group, before_ms)| Record::ExpireOffsets { group, before_ms }),
        ".{0,8}".prop_map(|group| Record::DeleteGroup { group }),
        (".{0,8}", facts).prop_map(|(group, facts)| Record::Facts { group, facts }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn decoding_an_encoded_record_is_identity(record in any_record()) {
        let mut frame = Vec::new();
        prop_assert!(record.encode_frame(&mut frame));
        prop_assert_eq!(Record::decode(&frame[8..]), Some(record));
    }

    #[test]
    fn any_bytes_are_a_record_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 0_u8..7) {
        Record::decode(&bytes);
        let mut with_kind = vec![kind];
        with_kind.extend(bytes);
        Record::decode(&with_kind);
    }

    #[test]
    fn any_file_opens_or_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut file = super::format::MAGIC.to_vec();
        file.extend(&bytes);
        drop(table_of(&bytes));
        drop(table_of(&file));
    }

    #[test]
    fn a_snapshot_rebuilds_the_state(records in proptest::collection::vec(any_record(), 0..30)) {
        let (table, _) = table_of(&log_of(&records)).unwrap();
        let snapshot: Vec<Record> =
            table.groups().flat_map(|(group, stored)| Record::snapshot(group, stored)).collect();
        let (rebuilt, _) = table_of(&log_of(&snapshot)).unwrap();
        // A group that left nothing behind is not worth a record.
        let left = |table: &OffsetTable| {
            table
                .groups()
                .filter(|(_, stored)| stored.facts.is_some() || !stored.offsets.is_empty())
                .map(|(group, stored)| (group.clone(), stored.clone()))
                .collect::<Vec<_>>()
        };
        prop_assert_eq!(left(&rebuilt), left(&table));
    }
}
