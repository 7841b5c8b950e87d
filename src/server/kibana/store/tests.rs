//! Crashes at every step of a workload, and folders that were damaged.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Map, json};

use super::*;

/// A file system in memory that knows what a power cut would leave, and fails at one chosen call.
#[derive(Debug, Clone, Default)]
struct TestDisk(Arc<TestState>);

#[derive(Debug, Default)]
struct TestState {
    files: Mutex<Files>,
    calls: AtomicUsize,
    /// The call that fails; all after it do as well.
    fails_from: AtomicUsize,
}

#[derive(Debug, Clone, Default)]
struct Files {
    /// Name to content; contents are shared, as inodes are.
    seen: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
    /// Names as the last sync of the folder left them.
    durable: BTreeMap<PathBuf, Arc<Mutex<Content>>>,
}

#[derive(Debug, Clone, Default)]
struct Content {
    seen: Vec<u8>,
    durable: Vec<u8>,
}

impl TestDisk {
    fn failing_from(call: usize) -> Self {
        let disk = Self::default();
        disk.0.fails_from.store(call, Ordering::Relaxed);
        disk
    }

    /// Counts the calls that write.
    fn step(&self) -> io::Result<()> {
        let call = self.0.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let from = self.0.fails_from.load(Ordering::Relaxed);
        if from > 0 && call >= from { Err(io::Error::other("the disk failed")) } else { Ok(()) }
    }

    fn files(&self) -> std::sync::MutexGuard<'_, Files> {
        self.0.files.lock().unwrap()
    }

    /// What is there after the process was killed, or after the power was cut.
    fn after(&self, power_cut: bool) -> Self {
        let files = self.files();
        let names = if power_cut { &files.durable } else { &files.seen };
        let image = names.iter().map(|(path, content)| {
            let content = content.lock().unwrap();
            let bytes = if power_cut { content.durable.clone() } else { content.seen.clone() };
            (path.clone(), Arc::new(Mutex::new(Content { seen: bytes.clone(), durable: bytes })))
        });
        let seen: BTreeMap<_, _> = image.collect();
        let disk = Self::default();
        *disk.files() = Files { durable: seen.clone(), seen };
        disk
    }
}

impl Disk for TestDisk {
    fn create_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<String>> {
        let files = self.files();
        let within = files.seen.keys().filter(|path| path.parent() == Some(folder));
        Ok(within.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }

    fn read(&self, path: &Path) -> io::Result<Vec<u8>> {
        let content = self.files().seen.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        let bytes = content.lock().unwrap().seen.clone();
        Ok(bytes)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let failed = self.step();
        // A full disk takes a part.
        let taken = if failed.is_err() { &bytes[..bytes.len() / 2] } else { bytes };
        let content = Content { seen: taken.to_vec(), durable: Vec::new() };
        self.files().seen.insert(path.to_owned(), Arc::new(Mutex::new(content)));
        failed
    }

    fn sync_file(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        let content = self.files().seen.get(path).cloned().ok_or(io::ErrorKind::NotFound)?;
        let mut content = content.lock().unwrap();
        content.durable = content.seen.clone();
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.step()?;
        let mut files = self.files();
        let content = files.seen.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.seen.insert(to.to_owned(), content);
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.step()?;
        self.files().seen.remove(path).map(|_| ()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        self.step()?;
        let mut files = self.files();
        files.durable = files.seen.clone();
        Ok(())
    }
}

fn clock() -> Clock {
    Arc::new(|| Timestamp::UNIX_EPOCH)
}

fn put(id: &str, title: &str) -> Change {
    let attributes = Map::from_iter([("title".to_owned(), json!(title))]);
    Change::Put(Draft {
        key: Key::new("dashboard", id),
        attributes,
        references: Vec::new(),
        type_version: Some("8.9.0".into()),
        core_version: "8.8.0".into(),
        origin_id: None,
        managed: false,
        created_at: None,
    })
}

fn folder() -> &'static Path {
    Path::new("/objects")
}

fn open(disk: &TestDisk) -> Result<Store, StoreOpenError> {
    Store::open(folder(), Box::new(disk.clone()), clock())
}

fn write(store: &Store, changes: Vec<Change>) -> Result<(), StoreError> {
    store.write(|_| Ok::<_, StoreError>((changes, ()))).map(|_| ())
}

fn titles(store: &Store) -> Vec<(String, String)> {
    let title = |object: &SavedObject| object.attributes["title"].as_str().unwrap().to_owned();
    store.objects().iter().map(|object| (object.key.id.clone(), title(object))).collect()
}

/// The writes of a workload: two objects at a time, so that half of one would be seen.
fn workload() -> Vec<Vec<Change>> {
    let mut writes: Vec<Vec<Change>> =
        (0..20).map(|n| vec![put("a", &format!("{n}")), put(&format!("b{}", n % 3), &format!("{n}"))]).collect();
    writes.push(vec![Change::Delete(Key::new("dashboard", "a"))]);
    writes.push(vec![put("a", "again")]);
    writes
}

#[test]
fn a_crash_at_any_step_leaves_whole_writes_only() {
    let mut states = vec![Vec::new()];
    let disk = TestDisk::default();
    let store = open(&disk).unwrap();
    for changes in workload() {
        write(&store, changes).unwrap();
        states.push(titles(&store));
    }
    let calls = disk.0.calls.load(Ordering::Relaxed);
    assert!(calls > 4 * states.len(), "the old commits were removed: {calls}");
    for failing in 1..=calls {
        let disk = TestDisk::failing_from(failing);
        let store = open(&disk).unwrap();
        let acknowledged = workload().into_iter().take_while(|changes| write(&store, changes.clone()).is_ok()).count();
        assert_eq!(titles(&store), states[acknowledged], "memory has what was acknowledged");
        for power_cut in [false, true] {
            let reopened = open(&disk.after(power_cut)).unwrap();
            let found = titles(&reopened);
            // The write without an answer may have become durable, whole.
            let expected = [Some(&states[acknowledged]), states.get(acknowledged + 1)];
            assert!(expected.contains(&Some(&found)), "call {failing}, power cut: {power_cut}: {found:?}");
        }
    }
}

#[test]
fn a_full_disk_is_survived_but_a_failed_sync_of_the_folder_ends_writing() {
    let disk = TestDisk::default();
    let store = open(&disk).unwrap();
    for (call, goes_on) in [(1, true), (2, true), (3, false)] {
        let now = disk.0.calls.load(Ordering::Relaxed);
        disk.0.fails_from.store(now + call, Ordering::Relaxed);
        write(&store, vec![put("a", "lost")]).unwrap_err();
        disk.0.fails_from.store(0, Ordering::Relaxed);
        assert_eq!(write(&store, vec![put("a", "kept")]).is_ok(), goes_on, "call {call}");
    }
    let error = write(&store, vec![put("a", "x")]).unwrap_err().to_string();
    assert!(error.starts_with("no more saved objects are written until a restart: cannot rename"), "{error}");
    assert_eq!(titles(&open(&disk).unwrap()), [("a".to_owned(), "kept".to_owned())]);
}

#[test]
fn sequence_numbers_go_on_over_removals_and_restarts() {
    let disk = TestDisk::default();
    let store = open(&disk).unwrap();
    for changes in workload() {
        write(&store, changes).unwrap();
    }
    let last = store.objects().get("dashboard", "a").unwrap().clone();
    assert_eq!((last.seq_no, last.version().as_str()), (42, "WzQyLDFd"));
    write(&store, vec![Change::Delete(last.key.clone())]).unwrap();
    let store = open(&disk).unwrap();
    write(&store, vec![put("a", "new")]).unwrap();
    let object = store.objects().get("dashboard", "a").unwrap().clone();
    assert_eq!((object.seq_no, object.updated_at.as_str()), (44, "1970-01-01T00:00:00.000Z"));
}

#[test]
fn a_damaged_or_missing_file_is_refused_by_its_name() {
    let disk = TestDisk::default();
    let store = open(&disk).unwrap();
    for title in ["1", "2", "3"] {
        write(&store, vec![put("a", title)]).unwrap();
    }
    let second = folder().join("000000000002.ndjson");
    let whole = disk.read(&second).unwrap();
    for cut in 0..whole.len() {
        disk.write(&second, &whole[..cut]).unwrap();
        let Err(StoreOpenError::Damaged { path, .. }) = open(&disk) else { panic!("cut at {cut}") };
        assert_eq!(path, second);
        let mut flipped = whole.clone();
        flipped[cut] ^= 1;
        disk.write(&second, &flipped).unwrap();
        assert!(matches!(open(&disk), Err(StoreOpenError::Damaged { .. })), "flipped at {cut}");
    }
    disk.write(&second, &disk.read(&folder().join("000000000001.ndjson")).unwrap()).unwrap();
    let error = open(&disk).err().unwrap().to_string();
    assert_eq!(error, "`/objects/000000000002.ndjson` is damaged: it is commit 1");
    disk.remove(&second).unwrap();
    let error = open(&disk).err().unwrap().to_string();
    assert_eq!(error, "`/objects/000000000002.ndjson` is missing, and later changes build on it");
}

#[test]
fn the_real_disk_keeps_objects_and_removes_what_a_crash_left() {
    let dir = tempfile::tempdir().unwrap();
    let open = || Store::open(dir.path(), Box::new(RealDisk), clock()).unwrap();
    let store = open();
    for changes in workload() {
        write(&store, changes).unwrap();
    }
    std::fs::write(dir.path().join("000000000999.tmp"), "half").unwrap();
    let before = titles(&store);
    drop(store);
    assert_eq!(titles(&open()), before);
    let names = RealDisk.list(dir.path()).unwrap();
    assert!(names.len() < 20 && names.iter().all(|name| name.ends_with(".ndjson")), "{names:?}");
}
