//! Torn tails, corruption, and what survives.

use std::fs::{self, OpenOptions};

use proptest::prelude::*;

use super::super::disk::RealDisk;
use super::*;

type Seen = Vec<(u64, u64, String, Option<Vec<u8>>)>;

fn open(dir: &Path) -> Result<(Translog, Seen), TranslogError> {
    let mut seen = Vec::new();
    let log = Translog::open(Arc::new(RealDisk), dir, |operation| {
        let source = match operation.kind {
            OperationKind::Index { source, .. } => Some(source.to_vec()),
            OperationKind::Delete => None,
        };
        seen.push((operation.seq_no, operation.version, operation.id.to_owned(), source));
        Ok::<(), TranslogError>(())
    })?;
    Ok((log, seen))
}

fn index(seq_no: u64, source: &[u8]) -> Operation<'_> {
    Operation { seq_no, version: 1, id: "a", kind: OperationKind::Index { source, routing: Some("r") } }
}

fn append(log: &mut Translog, operations: &[Operation<'_>]) -> Vec<Location> {
    let (position, locations) = log.append(operations).unwrap();
    log.group().wait(position).unwrap();
    locations
}

#[test]
fn what_was_appended_is_there_after_opening_again() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    let delete = Operation { seq_no: 2, version: 3, id: "b", kind: OperationKind::Delete };
    let locations = append(&mut log, &[index(1, b"{}"), delete]);
    assert!(locations[0].read(|operation| operation == index(1, b"{}")).unwrap());
    let (_, seen) = open(dir.path()).unwrap();
    assert_eq!(seen, [(1, 1, "a".into(), Some(b"{}".to_vec())), (2, 3, "b".into(), None)]);
}

#[test]
fn trimming_leaves_only_what_comes_after() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    append(&mut log, &[index(1, b"{}")]);
    log.trim().unwrap();
    append(&mut log, &[index(2, b"{}")]);
    let (_, seen) = open(dir.path()).unwrap();
    assert_eq!(seen.iter().map(|seen| seen.0).collect::<Vec<_>>(), [2]);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_torn_tail_is_cut_at_every_length() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    append(&mut log, &[index(1, b"{}")]);
    let whole = log.length();
    append(&mut log, &[index(2, b"{\"x\":1}")]);
    let bytes = fs::read(path_of(dir.path(), 1)).unwrap();
    for length in usize::try_from(whole).unwrap()..bytes.len() {
        let copy = tempfile::tempdir().unwrap();
        fs::write(path_of(copy.path(), 1), &bytes[..length]).unwrap();
        let (mut log, seen) = open(copy.path()).unwrap();
        assert_eq!(seen.len(), 1, "cut at {length}");
        append(&mut log, &[index(3, b"{}")]);
        assert_eq!(open(copy.path()).unwrap().1.len(), 2);
    }
}

#[test]
fn a_bad_frame_that_was_durable_is_refused_with_file_and_position() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    append(&mut log, &[index(1, b"{}")]);
    append(&mut log, &[index(2, b"{}")]);
    let path = path_of(dir.path(), 1);
    let file = OpenOptions::new().write(true).open(&path).unwrap();
    DiskFile::write_all_at(&file, b"X", HEADER + 25).unwrap();
    let error = open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("is corrupt at byte 20: a frame's checksum is wrong"), "{error}");
    assert!(error.contains(&path.display().to_string()));
}

#[test]
fn a_bad_frame_in_an_older_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    append(&mut log, &[index(1, b"{}")]);
    fs::write(path_of(dir.path(), 2), frame::header(2)).unwrap();
    let length = fs::metadata(path_of(dir.path(), 1)).unwrap().len();
    OpenOptions::new().write(true).open(path_of(dir.path(), 1)).unwrap().set_len(length - 1).unwrap();
    assert!(matches!(open(dir.path()), Err(TranslogError::Corrupt { offset: 20, .. })));
    fs::remove_file(path_of(dir.path(), 2)).unwrap();
    fs::write(path_of(dir.path(), 3), frame::header(3)).unwrap();
    assert!(open(dir.path()).unwrap_err().to_string().contains("the file is missing"));
}

#[test]
fn a_file_whose_making_was_interrupted_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let (mut log, _) = open(dir.path()).unwrap();
    append(&mut log, &[index(1, b"{}")]);
    fs::write(path_of(dir.path(), 2), b"SDTL").unwrap();
    assert_eq!(open(dir.path()).unwrap().1.len(), 1);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_bytes_behind_the_header_open_or_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let dir = tempfile::tempdir().unwrap();
        let mut file = frame::header(1);
        file.extend_from_slice(&bytes);
        fs::write(path_of(dir.path(), 1), &file).unwrap();
        prop_assert!(open(dir.path()).is_ok());
    }

    #[test]
    fn operations_read_back_as_written(
        seq_no: u64, version: u64, id in ".{0,20}", routing in proptest::option::of(".{0,5}"),
        source in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        let kind = OperationKind::Index { source: &source, routing: routing.as_deref() };
        let operation = Operation { seq_no, version, id: &id, kind };
        let mut buffer = Vec::new();
        let spans = frame::encode(&[operation], 7, &mut buffer).unwrap();
        let mut rest = &buffer[spans[0].0..];
        prop_assert_eq!(frame::decode(&mut rest), Some(operation));
        prop_assert!(rest.is_empty());
    }

    #[test]
    fn any_bytes_decode_or_do_not(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        let mut rest = bytes.as_slice();
        while frame::decode(&mut rest).is_some() {}
    }
}
