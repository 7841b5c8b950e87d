//! The engine against a model, through refreshes, reopenings, crashes and failing disks.

use std::collections::{BTreeMap, HashSet};
use std::fs;

use proptest::prelude::*;

use super::super::disk::testing::FaultyDisk;
use super::*;
use crate::server::elasticsearch::mapping::parse_document;

fn options() -> EngineOptions {
    EngineOptions { refresh_interval: None, writer_memory_bytes: 15_000_000, ..EngineOptions::default() }
}

fn open(dir: &Path) -> Engine {
    Engine::open(dir, Arc::new(Mapping::default()), options()).unwrap()
}

fn index(id: &str, source: &str) -> WriteOp {
    let fields = parse_document(&Mapping::default(), id, source.as_bytes()).unwrap().fields;
    let source = Bytes::copy_from_slice(source.as_bytes());
    let kind = WriteKind::Index { source, fields, routing: None, create: false, generated_id: false };
    WriteOp { id: id.to_owned(), kind, condition: Condition::None }
}

fn create(id: &str, source: &str) -> WriteOp {
    let mut op = index(id, source);
    if let WriteKind::Index { create, .. } = &mut op.kind {
        *create = true;
    }
    op
}

fn delete(id: &str) -> WriteOp {
    WriteOp { id: id.to_owned(), kind: WriteKind::Delete, condition: Condition::None }
}

fn one(engine: &Engine, op: WriteOp) -> WriteResult {
    engine.write_blocking(vec![op]).pop().unwrap()
}

fn written(version: u64, seq_no: u64, outcome: Outcome) -> WriteResult {
    Ok(Written { version, seq_no, outcome })
}

#[test]
fn versions_and_sequence_numbers_advance_with_every_operation() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    assert_eq!(one(&engine, index("1", "{}")), written(1, 0, Outcome::Created));
    assert_eq!(one(&engine, index("1", "{}")), written(2, 1, Outcome::Updated));
    assert_eq!(one(&engine, delete("none")), written(1, 2, Outcome::NotFound));
    engine.refresh_blocking().unwrap();
    assert_eq!(one(&engine, index("1", "{}")), written(3, 3, Outcome::Updated));
    assert_eq!(one(&engine, delete("1")), written(4, 4, Outcome::Deleted));
    engine.refresh_blocking().unwrap();
    assert_eq!(one(&engine, index("1", "{}")), written(5, 5, Outcome::Created));
}

#[test]
fn conflicts_are_told_in_elasticsearchs_words() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let conflict = |text: &str| Err(WriteError::Conflict(text.to_owned()));
    one(&engine, index("1", "{}")).unwrap();
    for refreshed in [false, true] {
        if refreshed {
            engine.refresh_blocking().unwrap();
        }
        assert_eq!(
            one(&engine, create("1", "{}")),
            conflict("[1]: version conflict, document already exists (current version [1])")
        );
        let with = |id: &str, condition| WriteOp { condition, ..index(id, "{}") };
        assert_eq!(
            one(&engine, with("1", Condition::SeqNo { seq_no: 5, primary_term: 1 })),
            conflict(
                "[1]: version conflict, required seqNo [5], primary term [1]. current document has seqNo [0] and primary term [1]"
            )
        );
        assert_eq!(
            one(&engine, with("zz", Condition::SeqNo { seq_no: 0, primary_term: 1 })),
            conflict("[zz]: version conflict, required seqNo [0], primary term [1]. but no document was found")
        );
        assert_eq!(
            one(&engine, with("1", Condition::External { version: 1, or_equal: false })),
            conflict("[1]: version conflict, current version [1] is higher or equal to the one provided [1]")
        );
    }
    let external =
        |version, or_equal| WriteOp { condition: Condition::External { version, or_equal }, ..index("1", "{}") };
    assert_eq!(one(&engine, external(10, false)), written(10, 1, Outcome::Updated));
    assert_eq!(one(&engine, external(10, true)), written(10, 2, Outcome::Updated));
    assert_eq!(
        one(&engine, external(9, true)),
        conflict("[1]: version conflict, current version [10] is higher than the one provided [9]")
    );
}

#[test]
fn operations_of_one_write_see_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let results =
        engine.write_blocking(vec![index("1", "{\"a\":1}"), create("1", "{}"), delete("1"), index("1", "{\"a\":2}")]);
    assert_eq!(results[0], written(1, 0, Outcome::Created));
    assert!(matches!(results[1], Err(WriteError::Conflict(_))));
    assert_eq!(results[2], written(2, 1, Outcome::Deleted));
    assert_eq!(results[3], written(3, 2, Outcome::Created));
    engine.refresh_blocking().unwrap();
    assert_eq!(engine.searcher().num_docs(), 1);
    assert_eq!(engine.get("1").unwrap().unwrap().source, "{\"a\":2}");
}

#[test]
fn a_get_sees_what_no_search_sees_yet() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    one(&engine, index("1", "{ \"a\": 1.0 }")).unwrap();
    assert_eq!(engine.searcher().num_docs(), 0);
    let stored = engine.get("1").unwrap().unwrap();
    assert_eq!((stored.version, stored.seq_no, stored.source.as_ref()), (1, 0, b"{ \"a\": 1.0 }".as_slice()));
    engine.refresh_blocking().unwrap();
    assert_eq!(engine.searcher().num_docs(), 1);
    assert_eq!(engine.get("1").unwrap(), Some(stored));
    one(&engine, delete("1")).unwrap();
    assert_eq!(engine.get("1").unwrap(), None);
    assert_eq!(engine.searcher().num_docs(), 1);
}

#[test]
fn routing_is_kept_with_the_document() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let mut op = index("1", "{}");
    if let WriteKind::Index { routing, .. } = &mut op.kind {
        *routing = Some("a b".into());
    }
    one(&engine, op).unwrap();
    assert_eq!(engine.get("1").unwrap().unwrap().routing.as_deref(), Some("a b"));
    engine.refresh_blocking().unwrap();
    assert_eq!(engine.get("1").unwrap().unwrap().routing.as_deref(), Some("a b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_become_visible_by_themselves_and_wait_for_waits_for_that() {
    let dir = tempfile::tempdir().unwrap();
    let options = EngineOptions { refresh_interval: Some(Duration::from_millis(50)), ..options() };
    let engine = Engine::open(dir.path(), Arc::new(Mapping::default()), options).unwrap();
    let results = engine.write_blocking(vec![index("1", "{}")]);
    engine.wait_visible(results[0].as_ref().unwrap().seq_no).await.unwrap();
    assert_eq!(engine.searcher().num_docs(), 1);
    engine.close().await;
    assert!(matches!(engine.write_blocking(vec![index("2", "{}")])[0], Err(WriteError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_interval_wait_for_forces_a_refresh() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    engine.write_blocking(vec![index("1", "{}")]);
    engine.wait_visible(0).await.unwrap();
    assert_eq!(engine.searcher().num_docs(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_writer_is_let_go_and_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let options = EngineOptions {
        refresh_interval: Some(Duration::from_millis(10)),
        writer_idle: Duration::from_millis(30),
        ..options()
    };
    let engine = Engine::open(dir.path(), Arc::new(Mapping::default()), options).unwrap();
    engine.write_blocking(vec![index("1", "{}")]);
    let deadline = Instant::now() + Duration::from_secs(10);
    while engine.shared.state().writer.is_some() {
        assert!(Instant::now() < deadline, "the writer was not let go");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    engine.write_blocking(vec![index("2", "{}")]);
    engine.refresh().await.unwrap();
    assert_eq!(engine.searcher().num_docs(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn merging_keeps_every_live_document() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    for round in 0..4 {
        engine.write_blocking((0..10).map(|at| index(&format!("{}", round * 5 + at), "{}")).collect());
        engine.refresh().await.unwrap();
    }
    engine.force_merge().await.unwrap();
    let stats = engine.stats();
    assert_eq!((stats.docs, stats.deleted, engine.searcher().segment_readers().len()), (25, 0, 1));
    assert!(stats.size_bytes > 0);
    assert_eq!(engine.get("3").unwrap().unwrap().version, 1);
    assert_eq!(engine.get("7").unwrap().unwrap().version, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_trimmed_by_a_flush_and_nothing_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    engine.write_blocking((0..50).map(|at| index(&at.to_string(), "{}")).collect());
    let before = engine.shared.state().translog.length();
    engine.flush().await.unwrap();
    assert!(engine.shared.state().translog.length() < before);
    drop(engine);
    assert_eq!(open(dir.path()).searcher().num_docs(), 50);
}

/// Copies a folder; fails where a file goes in between, as one that a merge in the background made superfluous.
fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()))?;
        } else {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn image(of: &Path) -> tempfile::TempDir {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let image = tempfile::tempdir().unwrap();
        match copy(of, image.path()) {
            Ok(()) => return image,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

#[test]
fn an_image_of_the_folder_after_any_write_has_all_that_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    for step in 0..12 {
        one(&engine, index(&format!("{}", step % 5), &format!("{{\"step\":{step}}}"))).unwrap();
        if step % 4 == 2 {
            engine.refresh_blocking().unwrap();
        }
        if step % 3 == 0 {
            one(&engine, delete(&format!("{}", (step + 1) % 5))).unwrap();
        }
        let image = image(dir.path());
        let opened = open(image.path());
        for id in 0..5 {
            let (ours, theirs) = (engine.get(&id.to_string()).unwrap(), opened.get(&id.to_string()).unwrap());
            assert_eq!(ours, theirs, "document {id} after step {step}");
        }
        let next = one(&opened, index("next", "{}")).unwrap().seq_no;
        assert_eq!(next, engine.shared.state().next_seq_no);
    }
}

/// A workload until something fails; gives what was acknowledged.
fn workload(engine: &Engine) -> BTreeMap<String, Option<String>> {
    let mut acknowledged = BTreeMap::new();
    for step in 0..8 {
        let id = format!("{}", step % 3);
        let source = format!("{{\"step\":{step}}}");
        let (op, content) = if step % 4 == 3 { (delete(&id), None) } else { (index(&id, &source), Some(source)) };
        if one(engine, op).is_err() {
            break;
        }
        acknowledged.insert(id, content);
        if step % 3 == 2 && engine.shared.refresh(step == 5).is_err() {
            break;
        }
    }
    acknowledged
}

#[test]
fn whatever_call_fails_and_whatever_a_power_cut_takes_no_acknowledged_write_is_lost() {
    let calls = {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::failing_from(usize::MAX);
        let engine = Engine::open(
            dir.path(),
            Arc::default(),
            EngineOptions { disk: Arc::<FaultyDisk>::clone(&disk) as _, ..options() },
        )
        .unwrap();
        assert_eq!(workload(&engine).len(), 3);
        disk.calls()
    };
    assert!(calls > 15, "the workload makes {calls} calls");
    for failing in 0..calls {
        let dir = tempfile::tempdir().unwrap();
        let disk = FaultyDisk::failing_from(failing);
        let options = EngineOptions { disk: Arc::<FaultyDisk>::clone(&disk) as _, ..options() };
        let acknowledged = match Engine::open(dir.path(), Arc::default(), options) {
            Ok(engine) => {
                let acknowledged = workload(&engine);
                if engine.shared.state().failed.is_some() {
                    assert!(one(&engine, index("later", "{}")).is_err(), "a failed engine takes no writes");
                }
                acknowledged
            }
            Err(_) => BTreeMap::new(),
        };
        disk.cut_power();
        let opened = open(dir.path());
        for (id, content) in &acknowledged {
            // A write that failed may be there or not; it comes after the last acknowledged one of its document.
            let stored = opened.get(id).unwrap().map(|stored| String::from_utf8(stored.source.to_vec()).unwrap());
            let later: HashSet<Option<String>> = (0..8)
                .filter(|step| (step % 3).to_string() == *id)
                .map(|step| (step % 4 != 3).then(|| format!("{{\"step\":{step}}}")))
                .collect();
            assert!(
                stored == *content || later.contains(&stored),
                "call {failing}, document {id}: {stored:?} for {content:?}"
            );
        }
    }
}

#[test]
fn writers_beside_each_other_share_syncs_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let engine = open(dir.path());
    let seq_nos: HashSet<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..6)
            .map(|writer| {
                let engine = &engine;
                scope.spawn(move || {
                    let seq_no = |at: u32| one(engine, index(&format!("{writer}-{at}"), "{}")).unwrap().seq_no;
                    (0..20).map(seq_no).collect::<Vec<_>>()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(seq_nos, (0..120).collect());
    drop(engine);
    assert_eq!(open(dir.path()).searcher().num_docs(), 120);
}

#[derive(Debug, Clone)]
enum Step {
    Index(u8, u16),
    Create(u8, u16),
    Delete(u8),
    Batch(Vec<(u8, u16)>),
    Refresh,
    Flush,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..6, any::<u16>()).prop_map(|(id, value)| Step::Index(id, value)),
        2 => (0_u8..6, any::<u16>()).prop_map(|(id, value)| Step::Create(id, value)),
        3 => (0_u8..6).prop_map(Step::Delete),
        2 => proptest::collection::vec((0_u8..6, any::<u16>()), 1..5).prop_map(Step::Batch),
        2 => Just(Step::Refresh),
        1 => Just(Step::Flush),
        1 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..25)
}

/// Version and content of each document; deleted ones keep their version.
type Model = BTreeMap<String, (u64, Option<String>)>;

fn put(model: &mut Model, id: &str, content: Option<String>) -> u64 {
    let version = model.get(id).map_or(1, |(version, _)| version + 1);
    model.insert(id.to_owned(), (version, content));
    version
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_engine_is_a_map_through_refreshes_and_crashes(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let mut engine = open(dir.path());
        let mut model = Model::new();
        let source = |value: u16| format!("{{\"v\":{value}}}");
        for step in steps {
            match step {
                Step::Index(id, value) => {
                    let version = put(&mut model, &id.to_string(), Some(source(value)));
                    prop_assert_eq!(one(&engine, index(&id.to_string(), &source(value))).unwrap().version, version);
                }
                Step::Create(id, value) => {
                    let exists = model.get(&id.to_string()).is_some_and(|(_, content)| content.is_some());
                    let result = one(&engine, create(&id.to_string(), &source(value)));
                    prop_assert_eq!(result.is_err(), exists);
                    if !exists {
                        prop_assert_eq!(result.unwrap().version, put(&mut model, &id.to_string(), Some(source(value))));
                    }
                }
                Step::Delete(id) => {
                    let version = put(&mut model, &id.to_string(), None);
                    prop_assert_eq!(one(&engine, delete(&id.to_string())).unwrap().version, version);
                }
                Step::Batch(items) => {
                    let ops = items.iter().map(|(id, value)| index(&id.to_string(), &source(*value))).collect();
                    for ((id, value), result) in items.iter().zip(engine.write_blocking(ops)) {
                        let version = put(&mut model, &id.to_string(), Some(source(*value)));
                        prop_assert_eq!(result.unwrap().version, version);
                    }
                }
                Step::Refresh => {
                    engine.refresh_blocking().unwrap();
                    let alive = model.values().filter(|(_, content)| content.is_some()).count();
                    prop_assert_eq!(engine.searcher().num_docs(), u64::try_from(alive).unwrap());
                }
                Step::Flush => engine.shared.refresh(true).unwrap(),
                Step::Reopen => {
                    drop(engine);
                    engine = open(dir.path());
                    // Only deletes that the log still has are remembered; forget the others in the model too.
                    model.retain(|id, (version, content)| {
                        content.is_some() || engine.shared.view().current(id).is_some_and(|current| current.version == *version)
                    });
                }
            }
            for (id, (version, content)) in &model {
                let stored = engine.get(id).unwrap();
                let got = stored.as_ref().map(|stored| String::from_utf8(stored.source.to_vec()).unwrap());
                prop_assert_eq!(&got, content);
                if let Some(stored) = stored {
                    prop_assert_eq!(stored.version, *version);
                }
            }
        }
    }
}

#[test]
fn a_discarded_index_is_let_go_of_where_its_folder_is_gone() {
    let dir = tempfile::tempdir().unwrap();
    let folder = dir.path().join("shard");
    let engine = open(&folder);
    one(&engine, index("a", "{\"v\":1}")).unwrap();
    engine.refresh_blocking().unwrap();
    one(&engine, index("b", "{\"v\":2}")).unwrap();
    std::fs::rename(&folder, dir.path().join("gone")).unwrap();
    engine.shared.discard();
    assert!(matches!(engine.refresh_blocking(), Err(EngineError::Closed)));
    assert!(one(&engine, index("c", "{\"v\":3}")).is_err());
    assert!(!folder.exists());
}
