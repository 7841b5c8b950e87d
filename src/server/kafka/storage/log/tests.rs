//! The log against a model, cut at every byte, and with every call to the disk failing once.

use kafka_protocol::records::Compression as Codec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::super::file::RealFileSystem;
use super::super::file::failing::FailingFileSystem;
use super::*;
use crate::server::kafka::codec::batch::testing::{NO_PRODUCER, batch, batch_of};

fn settings(segment_bytes: u64) -> LogSettings {
    LogSettings { segment_bytes, segment_ms: i64::MAX, index_interval_bytes: 200, flush_messages: i64::MAX }
}

fn open(dir: &TempDir, settings: &LogSettings) -> Log {
    open_with(Arc::new(RealFileSystem), dir, settings).expect("a log opens")
}

fn open_with(fs: Arc<dyn FileSystem>, dir: &TempDir, settings: &LogSettings) -> Result<Log, StorageError> {
    Log::open(fs, dir.path().to_path_buf(), settings, true, |_| {})
}

fn stamp(batch: &Bytes, base_offset: i64) -> StampedBatch {
    let header = BatchHeader::parse(batch).expect("a whole header");
    StampedBatch::new(header, batch, base_offset, 0, None).expect("a whole batch")
}

fn append(log: &Log, records: usize, settings: &LogSettings) -> Result<i64, StorageError> {
    let base = log.range().end;
    log.append(&[stamp(&batch(records), base)], settings).map(|()| base)
}

/// (base offset, last offset) of every batch a reader sees from `offset` on.
fn read_all(log: &Log, mut offset: i64) -> Vec<(i64, i64)> {
    let mut batches = Vec::new();
    loop {
        let read = log.read(offset, 500, true).expect("offsets in range");
        let mut rest = read.records.as_ref();
        if rest.is_empty() {
            return batches;
        }
        while let Ok(header) = BatchHeader::parse(rest) {
            crate::server::kafka::codec::batch::check_crc(&header, rest).expect("what is read is what was written");
            batches.push((header.base_offset, header.last_offset()));
            offset = header.last_offset() + 1;
            rest = &rest[header.size..];
        }
    }
}

#[test]
fn what_was_appended_is_read_back_over_several_files_and_after_reopening() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let settings = settings(400);
    let log = open(&dir, &settings);
    let mut expected = Vec::new();
    for records in [1, 3, 2, 5, 1, 1, 7, 2] {
        let base = append(&log, records, &settings).expect("the disk works");
        expected.push((base, base + i64::try_from(records).expect("few") - 1));
    }
    assert!(log.read_state().segments.len() > 2);
    assert_eq!(read_all(&log, 0), expected);
    let reopened = open(&dir, &settings);
    assert_eq!(reopened.range(), log.range());
    assert_eq!(read_all(&reopened, 0), expected);
    let inside = reopened.read(2, 1, true).expect("in range");
    assert_eq!(BatchHeader::parse(&inside.records).expect("a batch").base_offset, 1, "the batch that holds the offset");
}

#[test]
fn limits_are_soft_for_the_first_batch_only() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let settings = settings(1 << 20);
    let log = open(&dir, &settings);
    (0..3).for_each(|_| {
        append(&log, 4, &settings).expect("the disk works");
    });
    let one = BatchHeader::parse(&log.read(0, 1, true).expect("in range").records).expect("a batch").size;
    assert_eq!(log.read(0, 1, true).expect("in range").records.len(), one);
    assert!(log.read(0, 1, false).expect("in range").records.is_empty());
    let two_and_a_half = u64::try_from(one * 5 / 2).expect("small");
    assert_eq!(log.read(0, two_and_a_half, true).expect("in range").records.len(), 2 * one);
    assert!(matches!(log.read(13, 100, true), Err(ReadError::OutOfRange(Range { start: 0, end: 12 }))));
    assert!(log.read(12, 100, true).expect("the end is in range").records.is_empty());
}

#[test]
fn a_tail_torn_at_any_byte_is_cut_and_the_log_goes_on() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let settings = settings(1 << 20);
    let log = open(&dir, &settings);
    (0..3).for_each(|_| {
        append(&log, 2, &settings).expect("the disk works");
    });
    let path = log.read_state().segments[0].path.clone();
    let whole = std::fs::read(&path).expect("the log file");
    let one = whole.len() / 3;
    for cut in 0..=whole.len() {
        std::fs::write(&path, &whole[..cut]).expect("a temp dir");
        let log = open(&dir, &settings);
        let kept = i64::try_from(cut / one).expect("few") * 2;
        assert_eq!(log.range(), Range { start: 0, end: kept }, "cut at {cut}");
        assert_eq!(std::fs::read(&path).expect("the log file").len(), cut / one * one);
        append(&log, 1, &settings).expect("the disk works");
        assert_eq!(read_all(&log, 0).len(), cut / one + 1);
    }
    for byte in 2 * one..whole.len() {
        let mut damaged = whole.clone();
        // The leader epoch (bytes 12 to 15) is outside the CRC.
        if (12..16).contains(&(byte - 2 * one)) {
            continue;
        }
        damaged[byte] ^= 0x55;
        std::fs::write(&path, &damaged).expect("a temp dir");
        assert_eq!(open(&dir, &settings).range().end, 4, "damage at {byte} cuts the last batch");
    }
}

#[test]
fn damage_before_the_last_file_is_refused_with_file_and_position() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let settings = settings(100);
    let log = open(&dir, &settings);
    (0..3).for_each(|_| {
        append(&log, 1, &settings).expect("the disk works");
    });
    let path = log.read_state().segments[1].path.clone();
    let whole = std::fs::read(&path).expect("the log file");
    std::fs::write(&path, &whole[..whole.len() - 1]).expect("a temp dir");
    match open_with(Arc::new(RealFileSystem), &dir, &settings) {
        Err(StorageError::Corrupt { path: named, position: 0, .. }) => assert_eq!(named, path),
        other => panic!("expected corruption, got {other:?}"),
    }
    std::fs::remove_file(&path).expect("a temp dir");
    assert!(matches!(open_with(Arc::new(RealFileSystem), &dir, &settings), Err(StorageError::Corrupt { .. })));
}

#[test]
fn whatever_call_fails_acknowledged_batches_survive_and_nothing_is_written_after_it() {
    let settings = settings(200);
    for calls in 0..60 {
        let dir = tempfile::tempdir().expect("a temp dir");
        let fs = FailingFileSystem::never();
        let log = open_with(Arc::new(fs.clone()), &dir, &settings).expect("nothing failed yet");
        fs.fail_after(calls);
        let mut acknowledged = Vec::new();
        for records in [1, 2, 3, 1, 2, 3, 1, 2] {
            match append(&log, records, &settings) {
                Ok(base) => acknowledged.push((base, base + i64::try_from(records).expect("few") - 1)),
                Err(_) => break,
            }
        }
        let refused = append(&log, 1, &settings).is_err();
        let failed = fs.has_failed();
        assert_eq!(failed, refused, "after a failure every append is refused");
        assert_eq!(read_all(&log, 0).get(..acknowledged.len()), Some(acknowledged.as_slice()), "still readable");
        if !failed {
            return;
        }
        let reopened = open(&dir, &settings);
        let kept = read_all(&reopened, 0);
        assert_eq!(kept.get(..acknowledged.len()), Some(acknowledged.as_slice()), "call {calls} failed");
        append(&reopened, 1, &settings).expect("a reopened log takes writes");
    }
    panic!("the workload makes fewer calls than that");
}

#[test]
fn records_are_found_by_time_inside_batches_of_every_codec() {
    for codec in [Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4, Codec::Zstd] {
        let dir = tempfile::tempdir().expect("a temp dir");
        let settings = settings(700);
        let log = open(&dir, &settings);
        let times: Vec<i64> = (0..60).map(|n| 1_000 + n * 10).collect();
        for (index, chunk) in times.chunks(6).enumerate() {
            let stamped = stamp(&batch_of(chunk, 20, codec, NO_PRODUCER), i64::try_from(index).expect("few") * 6);
            log.append(&[stamped], &settings).expect("the disk works");
        }
        for (offset, time) in (0_i64..).zip(&times) {
            for asked in [*time, *time - 9] {
                let found =
                    log.find_timestamp(asked).expect("readable").map(|record| (record.offset, record.timestamp));
                assert_eq!(found, Some((offset, *time)), "{codec:?}");
            }
        }
        assert_eq!(log.find_timestamp(5_000).expect("readable"), None);
        assert_eq!(log.find_max_timestamp().expect("readable").map(|record| record.offset), Some(59));
    }
}

#[test]
fn deleting_records_moves_the_start_for_good_and_removes_whole_files() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let settings = settings(100);
    let log = open(&dir, &settings);
    (0..5).for_each(|_| {
        append(&log, 2, &settings).expect("the disk works");
    });
    assert_eq!(log.delete_before(5).expect("the disk works"), 5);
    assert_eq!(log.delete_before(3).expect("the disk works"), 5, "the start never moves back");
    assert_eq!(log.read_state().segments.len(), 3);
    let reopened = open(&dir, &settings);
    assert_eq!(reopened.range(), Range { start: 5, end: 10 });
    assert!(matches!(reopened.read(4, 100, true), Err(ReadError::OutOfRange(_))));
    assert_eq!(reopened.delete_before(10).expect("the disk works"), 10);
    assert_eq!(open(&dir, &settings).range(), Range { start: 10, end: 10 });
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<usize>),
    Reopen,
    DeleteBefore(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => prop::collection::vec(1_usize..6, 1..5).prop_map(Step::Append),
        1 => Just(Step::Reopen),
        1 => (0_i64..40).prop_map(Step::DeleteBefore),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_log_is_a_list_of_batches(steps in prop::collection::vec(step(), 1..25), segment_bytes in 80_u64..900) {
        let dir = tempfile::tempdir().expect("a temp dir");
        let settings = settings(segment_bytes);
        let mut log = open(&dir, &settings);
        let mut model: Vec<(i64, i64)> = Vec::new();
        let mut range = Range { start: 0, end: 0 };
        for step in steps {
            match step {
                Step::Append(group) => {
                    let mut stamped = Vec::new();
                    for records in group {
                        stamped.push(stamp(&batch(records), range.end));
                        let last = range.end + i64::try_from(records).expect("few") - 1;
                        model.push((range.end, last));
                        range.end = last + 1;
                    }
                    log.append(&stamped, &settings).expect("the disk works");
                }
                Step::Reopen => log = open(&dir, &settings),
                Step::DeleteBefore(offset) => {
                    range.start = range.start.max(offset.min(range.end));
                    prop_assert_eq!(log.delete_before(offset).expect("the disk works"), range.start);
                }
            }
            prop_assert_eq!(log.range(), range);
            for from in range.start..=range.end {
                let expected: Vec<_> = model.iter().copied().filter(|(_, last)| *last >= from).collect();
                prop_assert_eq!(read_all(&log, from), expected);
                prop_assert_eq!(log.bytes_from(from) > 0, from < range.end);
            }
        }
    }
}
