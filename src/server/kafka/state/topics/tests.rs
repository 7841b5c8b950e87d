//! Topics over restarts and with every call to the disk failing once.

use tempfile::TempDir;

use super::*;
use crate::server::kafka::storage::file::RealFileSystem;
use crate::server::kafka::storage::file::failing::FailingFileSystem;

fn open(dir: &TempDir) -> Topics {
    open_with(dir, Arc::new(RealFileSystem)).expect("topics open")
}

fn open_with(dir: &TempDir, fs: Arc<dyn FileSystem>) -> Result<Topics, StorageError> {
    let folder = DataFolder { root: dir.path().to_path_buf() };
    std::fs::create_dir_all(folder.logs_dir()).expect("a temp dir");
    Topics::open(fs, folder, false, 100)
}

fn names(topics: &Topics) -> Vec<(String, i32)> {
    topics.all().iter().map(|topic| (topic.shared.name.clone(), topic.partition_count())).collect()
}

#[test]
fn topics_ids_partitions_and_configs_survive_reopening() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let topics = open(&dir);
    let set = BTreeMap::from([("retention.ms".to_owned(), "5".to_owned())]);
    let made = topics.create("a", 2, TopicConfig::new(set).expect("legal")).expect("made");
    topics.create("b", 1, TopicConfig::default()).expect("made");
    topics.add_partitions("a", 4, false).expect("grown");
    topics.delete("b").expect("deleted");
    drop(topics);
    let topics = open(&dir);
    assert_eq!(names(&topics), [("a".to_owned(), 4)]);
    let again = topics.by_id(made.shared.id).expect("the id is kept");
    assert_eq!(again.shared.config(), made.shared.config());
    assert!(topics.has_partition("a", 3) && !topics.has_partition("a", 4) && !topics.has_partition("a", -1));
    assert_eq!(std::fs::read_dir(dir.path().join("logs")).expect("a temp dir").count(), 1, "the files of b are gone");
}

#[test]
fn names_are_checked_as_kafka_does() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let topics = open(&dir);
    let create = |name: &str| topics.create(name, 1, TopicConfig::default());
    for bad in ["", ".", "..", "a b", "ä", "a/b", &"x".repeat(250)] {
        assert!(matches!(create(bad), Err(TopicError::InvalidName(_))), "{bad}");
    }
    create(&"x".repeat(249)).expect("249 characters are legal");
    create("a.b").expect("legal");
    assert!(matches!(create("a.b"), Err(TopicError::Exists(_))));
    assert!(matches!(create("a_b"), Err(TopicError::Collision { .. })));
    assert!(matches!(topics.create("many", 1000, TopicConfig::default()), Err(TopicError::InvalidPartitions(_))));
    assert!(matches!(topics.add_partitions("a.b", 1, false), Err(TopicError::InvalidPartitions(_))));
    assert!(matches!(topics.delete("nope"), Err(TopicError::Unknown)));
}

#[test]
fn logs_without_their_list_of_topics_are_refused() {
    let dir = tempfile::tempdir().expect("a temp dir");
    let topics = open(&dir);
    let topic = topics.create("a", 1, TopicConfig::default()).expect("made");
    let log = topics.folder.partition_dir("a", topic.shared.id, 0).join("00000000000000000000.log");
    std::fs::write(log, b"").expect("a temp dir");
    std::fs::remove_file(topics.folder.topics_file()).expect("a temp dir");
    assert!(matches!(open_with(&dir, Arc::new(RealFileSystem)), Err(StorageError::Metadata { .. })));
}

#[test]
fn whatever_call_fails_answered_changes_are_there_after_reopening() {
    for calls in 0..80 {
        let dir = tempfile::tempdir().expect("a temp dir");
        let fs = FailingFileSystem::never();
        let topics = open_with(&dir, Arc::new(fs.clone())).expect("nothing failed yet");
        fs.fail_after(calls);
        let mut expected = Vec::new();
        let mut unanswered = Vec::new();
        let mut note = |answered: bool, after: Vec<(String, i32)>| match answered && unanswered.is_empty() {
            true => expected = after,
            false => unanswered.push(after),
        };
        let (a, b) = ("a".to_owned(), "b".to_owned());
        note(topics.create("a", 1, TopicConfig::default()).is_ok(), vec![(a.clone(), 1)]);
        note(topics.create("b", 2, TopicConfig::default()).is_ok(), vec![(a.clone(), 1), (b.clone(), 2)]);
        note(topics.add_partitions("a", 3, false).is_ok(), vec![(a.clone(), 3), (b, 2)]);
        note(topics.delete("b").is_ok(), vec![(a, 3)]);
        let failed = fs.has_failed();
        drop(topics);
        let found = names(&open(&dir));
        // The change that failed may have reached the disk or not; those before it did.
        assert!(found == expected || unanswered.first() == Some(&found), "call {calls} failed: {found:?}");
        if !failed {
            return;
        }
    }
    panic!("the workload makes fewer calls than that");
}
