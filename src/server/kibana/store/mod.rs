//! Saved objects on disk and in memory.
//!
//! All objects are in memory; what is asked is a snapshot of that ([`Store::objects`]). A write is decided on the newest
//! objects, becomes one file of the folder, a *commit* (see [`format`]), and is seen in memory only when that is
//! durable: temporary file, fsync, rename, fsync of the folder. So a crash leaves all of a write or nothing, an import of
//! many objects included:
//!
//! | crash | what the next open finds |
//! |---|---|
//! | before the rename | a temporary file, which is removed |
//! | after it, before the folder's fsync | the commit or not; the caller had no answer yet |
//! | later | the commit |
//!
//! Every so many commits one holds all objects, and those before it go. After a failed rename or fsync of the folder it
//! is not known what a crash would leave, so the store takes no more writes until it is opened again.

mod disk;
mod format;
mod object;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use jiff::Timestamp;

pub(crate) use disk::{Disk, RealDisk};
pub(crate) use object::{Draft, Key, SavedObject, reference, references_json};

use format::{Commit, Record};

/// Tells the time; passed in, so that tests choose it.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Commits in the folder before one of all objects is written.
const COMMITS_MAX: u64 = 16;
/// Bytes of commits before one of all objects is written.
const COMMIT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The store is not opened: the folder needs a person.
#[derive(Debug, thiserror::Error)]
pub enum StoreOpenError {
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("`{}` is damaged: {reason}", .path.display())]
    Damaged { path: PathBuf, reason: String },
    #[error("`{}` is missing, and later changes build on it", .path.display())]
    Missing { path: PathBuf },
}

/// A write that did not take place.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StoreError {
    /// The next one may succeed.
    #[error("cannot {action} `{}`: {source}", .path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// No write succeeds until the store is opened again.
    #[error("no more saved objects are written until a restart: {0}")]
    Closed(String),
    #[error("the objects can't be written: {0}")]
    Format(String),
}

/// One change of a write.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    /// Creates or replaces.
    Put(Draft),
    Delete(Key),
}

/// All objects at one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Objects {
    by_key: BTreeMap<Key, Arc<SavedObject>>,
    /// Of the newest change; 0 before the first.
    last_seq_no: u64,
}

impl Objects {
    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Arc<SavedObject>> {
        self.by_key.get(&Key::new(kind, id))
    }

    pub(crate) fn contains(&self, kind: &str, id: &str) -> bool {
        self.get(kind, id).is_some()
    }

    /// In order of type and id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<SavedObject>> {
        self.by_key.values()
    }

    pub(crate) fn of_kind<'o>(&'o self, kind: &str) -> impl Iterator<Item = &'o Arc<SavedObject>> + use<'o> {
        let kind = kind.to_owned();
        let first = Key::new(&kind, "");
        self.by_key.range(first..).take_while(move |(key, _)| key.kind == kind).map(|(_, object)| object)
    }

    fn apply(&mut self, record: Record) {
        match record {
            Record::Put(object) => {
                self.last_seq_no = self.last_seq_no.max(object.seq_no);
                self.by_key.insert(object.key.clone(), Arc::from(object));
            }
            Record::Delete { key, seq_no } => {
                self.last_seq_no = self.last_seq_no.max(seq_no);
                self.by_key.remove(&key);
            }
        }
    }
}

pub(crate) struct Store {
    folder: PathBuf,
    disk: Box<dyn Disk>,
    clock: Clock,
    objects: RwLock<Arc<Objects>>,
    writer: Mutex<Writer>,
}

#[derive(Debug, Default)]
struct Writer {
    /// Number of the newest commit.
    commit: u64,
    commits_since_all: u64,
    bytes_since_all: usize,
    /// Why nothing more is written.
    closed: Option<String>,
}

impl Store {
    /// Opens the folder, which is made when absent. Blocks on the disk.
    pub(crate) fn open(folder: &Path, disk: Box<dyn Disk>, clock: Clock) -> Result<Self, StoreOpenError> {
        let opened = Folder { path: folder, disk: disk.as_ref() }.open()?;
        let (objects, writer) = opened;
        Ok(Self {
            folder: folder.to_owned(),
            disk,
            clock,
            objects: RwLock::new(Arc::new(objects)),
            writer: Mutex::new(writer),
        })
    }

    pub(crate) fn objects(&self) -> Arc<Objects> {
        Arc::clone(&self.objects.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Decides on the newest objects what to change, and changes it: all or nothing, durable when this returns. No other
    /// write comes between. Gives what was decided, and the objects after it. Blocks on the disk.
    pub(crate) fn write<T, E: From<StoreError>>(
        &self,
        decide: impl FnOnce(&Objects) -> Result<(Vec<Change>, T), E>,
    ) -> Result<(T, Arc<Objects>), E> {
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.objects();
        let (changes, decided) = decide(&before)?;
        if changes.is_empty() {
            return Ok((decided, before));
        }
        let records = self.records(changes, before.last_seq_no);
        let mut after = Objects::clone(&before);
        self.commit(&mut writer, false, &records)?;
        for record in records {
            after.apply(record);
        }
        let after = Arc::new(after);
        *self.objects.write().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&after);
        self.write_all_if_due(&mut writer, &after);
        Ok((decided, after))
    }

    fn records(&self, changes: Vec<Change>, last_seq_no: u64) -> Vec<Record> {
        let now = (self.clock)().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let number = |(seq_no, change)| match change {
            Change::Put(draft) => Record::Put(Box::new(draft.stored(&now, seq_no))),
            Change::Delete(key) => Record::Delete { key, seq_no },
        };
        (last_seq_no + 1..).zip(changes).map(number).collect()
    }

    fn commit(&self, writer: &mut Writer, holds_all: bool, records: &[Record]) -> Result<(), StoreError> {
        if let Some(reason) = &writer.closed {
            return Err(StoreError::Closed(reason.clone()));
        }
        let number = writer.commit + 1;
        let bytes = format::write(number, holds_all, records).map_err(StoreError::Format)?;
        let path = self.folder.join(format::file_name(number));
        let temporary = path.with_extension("tmp");
        let failed = |action, path: &Path, source| StoreError::Io { action, path: path.to_owned(), source };
        self.disk.write(&temporary, &bytes).map_err(|error| failed("write", &temporary, error))?;
        self.disk.sync_file(&temporary).map_err(|error| failed("sync", &temporary, error))?;
        let renamed = self.disk.rename(&temporary, &path).map_err(|error| failed("rename", &temporary, error));
        let durable = renamed
            .and_then(|()| self.disk.sync_folder(&self.folder).map_err(|error| failed("sync", &self.folder, error)));
        if let Err(error) = durable {
            writer.closed = Some(error.to_string());
            return Err(error);
        }
        writer.commit = number;
        writer.commits_since_all += 1;
        writer.bytes_since_all += bytes.len();
        Ok(())
    }

    /// Keeps the folder small. A failure is no failure of the write before it.
    fn write_all_if_due(&self, writer: &mut Writer, objects: &Objects) {
        if writer.commits_since_all < COMMITS_MAX && writer.bytes_since_all < COMMIT_BYTES_MAX {
            return;
        }
        let mut records: Vec<Record> =
            objects.iter().map(|object| Record::Put(Box::new(SavedObject::clone(object)))).collect();
        // The newest change may have been a removal; its number is not given again.
        records.push(Record::Delete { key: Key::new("", ""), seq_no: objects.last_seq_no });
        let before = writer.commit;
        if let Err(error) = self.commit(writer, true, &records) {
            tracing::warn!(%error, "the saved objects could not be written anew");
            return;
        }
        writer.commits_since_all = 0;
        writer.bytes_since_all = 0;
        let folder = Folder { path: &self.folder, disk: self.disk.as_ref() };
        folder.remove_until(before);
    }
}

/// The folder of commits, while no store is open on it or its writer holds it.
struct Folder<'d> {
    path: &'d Path,
    disk: &'d dyn Disk,
}

impl Folder<'_> {
    fn open(&self) -> Result<(Objects, Writer), StoreOpenError> {
        self.disk.create_folder(self.path).map_err(|source| self.io("create folder", self.path, source))?;
        let names = self.names().map_err(|source| self.io("list", self.path, source))?;
        self.remove_temporary(&names);
        let numbers = numbers(&names);
        let commits = self.read_since_all(&numbers)?;
        let mut objects = Objects::default();
        let commits_since_all = commits.iter().filter(|commit| !commit.holds_all).count();
        let first = commits.first().map_or(0, |commit| commit.number);
        for record in commits.into_iter().flat_map(|commit| commit.records) {
            objects.apply(record);
        }
        // A crash may have come between a commit of all objects and the removal of those before it.
        self.remove_until(first.saturating_sub(1));
        let commit = numbers.last().copied().unwrap_or(0);
        let commits_since_all = u64::try_from(commits_since_all).unwrap_or(u64::MAX);
        Ok((objects, Writer { commit, commits_since_all, ..Writer::default() }))
    }

    /// From the newest commit that holds all objects, or the very first one, on; none may lack.
    fn read_since_all(&self, numbers: &[u64]) -> Result<Vec<Commit>, StoreOpenError> {
        let mut commits: Vec<Commit> = Vec::new();
        let mut expected = numbers.last().copied().unwrap_or(0);
        while expected > 0 {
            let path = self.path.join(format::file_name(expected));
            if !numbers.contains(&expected) {
                return Err(StoreOpenError::Missing { path });
            }
            let bytes = self.disk.read(&path).map_err(|source| self.io("read", &path, source))?;
            let commit = format::read(&bytes).and_then(|commit| match commit.number == expected {
                true => Ok(commit),
                false => Err(format!("it is commit {}", commit.number)),
            });
            let commit = commit.map_err(|reason| StoreOpenError::Damaged { path, reason })?;
            let holds_all = commit.holds_all;
            commits.push(commit);
            if holds_all {
                break;
            }
            expected -= 1;
        }
        commits.reverse();
        Ok(commits)
    }

    fn names(&self) -> std::io::Result<Vec<String>> {
        self.disk.list(self.path)
    }

    fn remove_temporary(&self, names: &[String]) {
        for name in names.iter().filter(|name| name.ends_with(".tmp")) {
            self.remove(name);
        }
    }

    fn remove_until(&self, last: u64) {
        let names = self.names().unwrap_or_default();
        for number in numbers(&names).into_iter().filter(|number| *number <= last) {
            self.remove(&format::file_name(number));
        }
    }

    /// What stays is read over at the next open, and removed then.
    fn remove(&self, name: &str) {
        let path = self.path.join(name);
        if let Err(error) = self.disk.remove(&path) {
            tracing::warn!(path = %path.display(), %error, "a file of the saved objects could not be removed");
        }
    }

    fn io(&self, action: &'static str, path: &Path, source: std::io::Error) -> StoreOpenError {
        StoreOpenError::Io { action, path: path.to_owned(), source }
    }
}

/// Numbers of the commits, in order. Other files are not ours.
fn numbers(names: &[String]) -> Vec<u64> {
    let mut numbers: Vec<u64> = names.iter().filter_map(|name| format::number_of(name)).collect();
    numbers.sort_unstable();
    numbers
}
