//! The store against a model, and against crashes.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const CRASH_FOLDER: &str = "STOCKDEV_TEST_GCS_CRASH_FOLDER";

fn open(folder: &Path) -> Store {
    Store::open(folder, Arc::new(Timestamp::now)).unwrap()
}

fn draft(name: &str) -> Draft {
    Draft {
        bucket: "b".into(),
        name: name.into(),
        attributes: Attributes::default(),
        conditions: Conditions::NONE,
        checksums: Checksums::default(),
    }
}

fn put(store: &Store, name: &str, content: &[u8]) -> Arc<Object> {
    let mut blob = store.create_blob().unwrap();
    blob.write(content).unwrap();
    store.put(&draft(name), blob).unwrap()
}

fn content(store: &Store, name: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    store.read("b", name, None, &Conditions::NONE).unwrap().1.read_to_end(&mut bytes).unwrap();
    bytes
}

fn with_bucket(folder: &Path) -> Store {
    let store = open(folder);
    store.create_bucket("b", "p", "EU", BucketSettings::default()).unwrap();
    store
}

fn blobs(folder: &Path) -> usize {
    std::fs::read_dir(folder.join("blobs")).unwrap().count()
}

#[test]
fn blobs_go_with_the_last_object_that_has_them() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_bucket(folder.path());
    put(&store, "a", b"1");
    let from = Source { bucket: "b".into(), name: "a".into(), generation: None, conditions: Conditions::NONE };
    let to = Destination {
        bucket: "b".into(),
        name: "c".into(),
        attributes: None,
        storage_class: None,
        conditions: Conditions::NONE,
    };
    store.copy(&from, &to, false).unwrap();
    assert_eq!(blobs(folder.path()), 1);
    put(&store, "a", b"2");
    assert_eq!((blobs(folder.path()), content(&store, "c")), (2, b"1".to_vec()));
    store.delete("b", "c", None, &Conditions::NONE).unwrap();
    assert_eq!(blobs(folder.path()), 1);
    let session = store.start_session(draft("d"), None).unwrap();
    assert_eq!(blobs(folder.path()), 2);
    store.end_session(&session.id).unwrap();
    assert_eq!(blobs(folder.path()), 1);
}

fn of(name: &str) -> Source {
    Source { bucket: "b".into(), name: name.into(), generation: None, conditions: Conditions::NONE }
}

#[test]
fn where_versions_are_kept_what_goes_is_archived_and_the_journal_counts_it() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let settings = BucketSettings { keeps_versions: true, ..BucketSettings::default() };
    store.create_bucket("b", "p", "EU", settings).unwrap();
    for content in [b"1", b"2", b"3"] {
        put(&store, "a", content);
    }
    let part = put(&store, "c", b"4");
    store.compose(&[of("a"), of("c")], &draft("whole"), true).unwrap();
    assert_eq!(content(&store, "whole"), b"34");
    let kept = store.object("b", "c", Some(part.generation), &Conditions::NONE).unwrap();
    assert!(kept.deleted.is_some() && store.object("b", "c", None, &Conditions::NONE).is_err());
    store.delete("b", "c", Some(part.generation), &Conditions::NONE).unwrap();
    let (mut journal, state) = (store.journal.lock().unwrap(), store.state());
    journal.rewrite(state.generation, state.changes()).unwrap();
    assert_eq!(journal.lines, state.lines());
}

#[test]
fn an_object_is_not_moved_onto_itself() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_bucket(folder.path());
    put(&store, "a", b"1");
    let to = Destination {
        bucket: "b".into(),
        name: "a".into(),
        attributes: None,
        storage_class: None,
        conditions: Conditions::NONE,
    };
    assert!(matches!(store.copy(&of("a"), &to, true), Err(StoreError::OntoItself)));
    assert_eq!(content(&store, "a"), b"1");
}

#[test]
fn generations_grow_even_when_the_clock_goes_back() {
    let folder = tempfile::tempdir().unwrap();
    let first = put(&with_bucket(folder.path()), "a", b"1").generation;
    let store = Store::open(folder.path(), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap();
    assert_eq!(put(&store, "a", b"2").generation, first + 1);
}

#[test]
fn a_store_whose_journal_is_cut_anywhere_opens_with_what_was_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_bucket(folder.path());
    for n in 0..4 {
        put(&store, &format!("o{n}"), format!("content {n}").as_bytes());
    }
    store.start_session(draft("s"), None).unwrap();
    drop(store);
    let journal = std::fs::read(folder.path().join("journal")).unwrap();
    for length in (0..=journal.len()).step_by(7) {
        let copy = tempfile::tempdir().unwrap();
        std::fs::create_dir(copy.path().join("blobs")).unwrap();
        for blob in std::fs::read_dir(folder.path().join("blobs")).unwrap() {
            let path = blob.unwrap().path();
            std::fs::copy(&path, copy.path().join("blobs").join(path.file_name().unwrap())).unwrap();
        }
        std::fs::write(copy.path().join("journal"), &journal[..length]).unwrap();
        let store = open(copy.path());
        let page = store.list("b", &ListQuery { items_max: 10, ..ListQuery::default() }).unwrap_or_default();
        for (n, object) in page.objects.iter().enumerate() {
            assert_eq!(content(&store, &object.name), format!("content {n}").as_bytes());
        }
        let held = page.objects.len() + store.state().sessions.len();
        assert_eq!(blobs(copy.path()), held, "what nothing names is removed");
    }
}

#[test]
fn a_journal_is_written_anew_without_losing_anything() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_bucket(folder.path());
    put(&store, "a", b"1");
    put(&store, "a", b"2");
    let session = store.start_session(draft("s"), Some(5)).unwrap();
    {
        let (mut journal, state) = (store.journal.lock().unwrap(), store.state());
        journal.rewrite(state.generation, state.changes()).unwrap();
        assert_eq!(journal.lines, state.lines());
    }
    put(&store, "c", b"3");
    let generation = store.state().generation;
    drop(store);
    let store = open(folder.path());
    assert_eq!((content(&store, "a"), content(&store, "c")), (b"2".to_vec(), b"3".to_vec()));
    assert_eq!((store.session("b", &session.id).unwrap(), store.state().generation), (session, generation));
}

/// The child of the next test: puts objects for ever, and tells each when it is acknowledged.
#[test]
fn crash_child() {
    let Some(folder) = std::env::var_os(CRASH_FOLDER) else { return };
    let store = open(Path::new(&folder));
    if store.bucket("b").is_err() {
        store.create_bucket("b", "p", "EU", BucketSettings::default()).unwrap();
    }
    let first = store.state().generation;
    for n in first.. {
        let name = format!("o{}", n % 50);
        put(&store, &name, format!("{n} ").repeat(2000).as_bytes());
        println!("ack {name} {n}");
        let session = store.start_session(draft("s"), None).unwrap();
        println!("session {}", session.id);
    }
}

#[test]
fn what_was_acknowledged_survives_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut expected: BTreeMap<String, i64> = BTreeMap::new();
    let mut sessions = Vec::new();
    for round in 0..4_usize {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "server::gcs::store::tests::crash_child", "--nocapture"])
            .env(CRASH_FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut take = |line: String| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["ack", name, n] => {
                expected.insert((*name).to_owned(), n.parse().unwrap());
            }
            ["session", id] => sessions.push((*id).to_owned()),
            _ => {}
        };
        for line in lines.by_ref().take(20 + round * 7) {
            take(line.unwrap());
        }
        std::thread::sleep(Duration::from_millis(3 * u64::try_from(round).unwrap()));
        child.kill().unwrap();
        lines.map_while(Result::ok).for_each(take);
        child.wait().unwrap();
        let store = open(folder.path());
        for (name, n) in &expected {
            let text = String::from_utf8(content(&store, name)).unwrap();
            let found: i64 = text.split(' ').next().unwrap().parse().unwrap();
            // One more may have been put, but not told.
            assert!(found >= *n && text == format!("{found} ").repeat(2000), "{name}: {found}, told {n}");
        }
        assert!(sessions.iter().all(|id| store.session("b", id).is_ok()));
    }
    assert!(expected.len() > 5, "{expected:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pages_together_are_what_a_plain_walk_gives(
        names in proptest::collection::btree_set("[ab/é\u{d7ff}\u{10ffff}]{1,5}", 0..20),
        prefix in "[ab/]{0,2}", delimiter in "(/|a|b/)?", start in "[ab/é]{0,2}", end in "[ab/é]{0,2}", items_max in 1usize..5,
    ) {
        let object = |name: &String| Arc::new(Object {
            name: name.clone(), generation: 1, metageneration: 1, size: 0, crc32c: 0, md5: None, component_count: None,
            blob: blob::BlobId(1), created: Timestamp::UNIX_EPOCH, updated: Timestamp::UNIX_EPOCH,
            storage_class: String::new(), storage_class_updated: Timestamp::UNIX_EPOCH, deleted: None,
            attributes: Attributes::default(),
        });
        let bucket = Bucket {
            name: "b".into(), project: "p".into(), location: "EU".into(), created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH, metageneration: 1, settings: BucketSettings::default(),
        };
        let objects = names.iter().map(|name| {
            (name.clone(), state::Versions { live: Some(object(name)), noncurrent: Vec::new() })
        });
        let shelf = Shelf { bucket: Arc::new(bucket), objects: objects.collect() };
        let mut expected = std::collections::BTreeSet::new();
        for name in &names {
            let is_in = name.starts_with(&prefix) && *name >= start && (end.is_empty() || *name < end);
            if is_in {
                let at = name[prefix.len()..].find(&delimiter).filter(|_| !delimiter.is_empty());
                expected.insert(at.map_or(name.clone(), |at| name[..prefix.len() + at + delimiter.len()].to_owned()));
            }
        }
        let mut query = ListQuery {
            prefix, delimiter, start, end: Some(end).filter(|end| !end.is_empty()), items_max, ..ListQuery::default()
        };
        let mut found = Vec::new();
        loop {
            let page = shelf.list(&query);
            prop_assert!(page.objects.len() + page.prefixes.len() <= items_max);
            let mut both: Vec<String> = page.objects.iter().map(|object| object.name.clone()).collect();
            both.extend(page.prefixes);
            both.sort();
            found.extend(both);
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        prop_assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }
}
