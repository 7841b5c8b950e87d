//! Buckets, objects and uploads on disk.
//!
//! `blobs/` has the bytes ([`blob`]), `journal` every change ([`journal`]), and memory an index of all ([`state`]). An
//! object is put in place so: its blob is written and synced, then one line of the journal names it and is synced, then
//! the index has it and the request is answered. Until the line is whole, nothing has changed; what it replaced is removed
//! after it. All methods block on the disk, but for those that only read the index.

mod blob;
mod condition;
mod copy;
mod error;
mod journal;
mod list;
mod object;
mod session;
mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use jiff::Timestamp;

pub(crate) use blob::{BlobWriter, Digest};
pub(crate) use condition::Conditions;
pub(crate) use copy::{Destination, Source};
pub(crate) use error::StoreError;
pub(crate) use journal::JournalError;
pub(crate) use list::{ListQuery, PAGE_ITEMS_MAX, Page, PageToken};
pub(crate) use object::{Attributes, Bucket, BucketSettings, Checksums, Draft, Object, Session};
pub(crate) use session::Upload;

use blob::Blobs;
use journal::{Change, Journal};
use object::Content;
use state::{Shelf, State};

/// Lines out of date from which the journal is written anew, if they are also the larger part.
const STALE_LINES_MIN: u64 = 10_000;

/// The time now; tests set it.
pub(crate) type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The open store.
pub(crate) struct Store {
    /// Locked for reading for a short time only, never while the disk is waited for.
    state: RwLock<State>,
    /// Held by whoever changes something.
    journal: Mutex<Journal>,
    blobs: Blobs,
    /// Writers of the uploads that this process has worked on.
    uploads: Mutex<HashMap<String, Upload>>,
    clock: Clock,
}

impl Store {
    /// Opens the folder; removes what an ended process left unfinished.
    pub(crate) fn open(folder: &Path, clock: Clock) -> Result<Self, JournalError> {
        let io_error = |source| JournalError::Io { path: folder.to_owned(), source };
        std::fs::create_dir_all(folder).map_err(io_error)?;
        let (blobs, found) = Blobs::open(folder.join("blobs")).map_err(io_error)?;
        let mut state = State::default();
        let journal = Journal::open(&folder.join("journal"), |changes| {
            for change in changes {
                state.apply(change);
            }
        })?;
        for id in found.iter().filter(|id| !state.blobs.contains_key(id)) {
            blobs.remove(*id);
        }
        for id in state.blobs.keys() {
            blobs.reserve(*id);
        }
        let (state, journal, uploads) = (RwLock::new(state), Mutex::new(journal), Mutex::default());
        Ok(Self { state, journal, blobs, uploads, clock })
    }

    pub(crate) fn bucket(&self, name: &str) -> Result<Arc<Bucket>, StoreError> {
        self.state().shelf(name).map(|shelf| Arc::clone(&shelf.bucket))
    }

    /// All buckets that fit, by name.
    pub(crate) fn buckets(&self, fits: impl Fn(&Bucket) -> bool) -> Vec<Arc<Bucket>> {
        let state = self.state();
        state.buckets.values().map(|shelf| &shelf.bucket).filter(|bucket| fits(bucket)).cloned().collect()
    }

    pub(crate) fn create_bucket(
        &self,
        name: &str,
        project: &str,
        location: &str,
        settings: BucketSettings,
    ) -> Result<Arc<Bucket>, StoreError> {
        let now = (self.clock)();
        let bucket = Bucket {
            name: name.to_owned(),
            project: project.to_owned(),
            location: location.to_owned(),
            created: now,
            updated: now,
            metageneration: 1,
            settings,
        };
        self.commit(|state| match state.buckets.contains_key(name) {
            true => Err(StoreError::BucketExists(name.to_owned())),
            false => Ok((vec![Change::PutBucket(bucket)], ())),
        })?;
        self.bucket(name)
    }

    /// The metageneration counts on when `change` changes something.
    pub(crate) fn update_bucket<E: From<StoreError>>(
        &self,
        name: &str,
        conditions: &Conditions,
        change: impl FnOnce(&mut BucketSettings) -> Result<(), E>,
    ) -> Result<Arc<Bucket>, E> {
        let now = (self.clock)();
        self.commit(|state| {
            let mut bucket = (*state.shelf(name)?.bucket).clone();
            conditions.check_numbers(0, Some(bucket.metageneration)).map_err(as_not_met)?;
            change(&mut bucket.settings)?;
            bucket.metageneration += 1;
            bucket.updated = now;
            Ok::<_, E>((vec![Change::PutBucket(bucket.clone())], Arc::new(bucket)))
        })
    }

    pub(crate) fn delete_bucket(&self, name: &str, conditions: &Conditions) -> Result<(), StoreError> {
        self.commit(|state| {
            let shelf = state.shelf(name)?;
            conditions.check_numbers(0, Some(shelf.bucket.metageneration)).map_err(as_not_met)?;
            if !shelf.objects.is_empty() {
                return Err(StoreError::BucketNotEmpty(name.to_owned()));
            }
            Ok((vec![Change::DeleteBucket(name.to_owned())], ()))
        })
    }

    /// The live object, or the version of a generation.
    pub(crate) fn object(
        &self,
        bucket: &str,
        name: &str,
        generation: Option<i64>,
        conditions: &Conditions,
    ) -> Result<Arc<Object>, StoreError> {
        let state = self.state();
        let object = state.object(bucket, name, generation)?;
        conditions.check(Some(object))?;
        Ok(Arc::clone(object))
    }

    /// The same, with its bytes: these stay readable though the object be deleted.
    pub(crate) fn read(
        &self,
        bucket: &str,
        name: &str,
        generation: Option<i64>,
        conditions: &Conditions,
    ) -> Result<(Arc<Object>, File), StoreError> {
        loop {
            let object = self.object(bucket, name, generation, conditions)?;
            match self.blobs.read(object.blob) {
                Ok(file) => return Ok((object, file)),
                // Replaced in between: look again. The index changes before the file goes, so this ends.
                Err(_) if !self.state().blobs.contains_key(&object.blob) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(crate) fn list(&self, bucket: &str, query: &ListQuery) -> Result<Page, StoreError> {
        Ok(self.state().shelf(bucket)?.list(query))
    }

    /// A blob for a new object.
    pub(crate) fn create_blob(&self) -> Result<BlobWriter, StoreError> {
        Ok(self.blobs.create()?)
    }

    /// Fails as [`Store::put`] would, before the content is sent.
    pub(crate) fn check_put(&self, draft: &Draft) -> Result<(), StoreError> {
        self.state().check_replaceable(draft)
    }

    /// Puts an object in place, durably.
    pub(crate) fn put(&self, draft: &Draft, mut blob: BlobWriter) -> Result<Arc<Object>, StoreError> {
        let digest = blob.digest();
        check_sums(&draft.checksums, &digest)?;
        blob.sync()?;
        self.commit(|state| {
            state.check_replaceable(draft)?;
            let object = self.make(state, draft, Content::new(blob.id(), digest))?;
            // If the journal fails now, its line may be there all the same: the blob stays until the store is opened again.
            blob.keep();
            Ok((state.replace(&draft.bucket, &object, (self.clock)()), object))
        })
    }

    /// Without a generation the live object goes; where versions are kept, it becomes a noncurrent one.
    pub(crate) fn delete(
        &self,
        bucket: &str,
        name: &str,
        generation: Option<i64>,
        conditions: &Conditions,
    ) -> Result<(), StoreError> {
        let now = (self.clock)();
        self.commit(|state| {
            let object = state.object(bucket, name, generation)?;
            conditions.check(Some(object)).map_err(as_not_met)?;
            check_hold(bucket, object)?;
            let change = match generation {
                None => state.remove(bucket, object, now),
                Some(generation) => {
                    Change::DeleteObject { bucket: bucket.to_owned(), name: name.to_owned(), generation }
                }
            };
            Ok((vec![change], ()))
        })
    }

    /// Changes what a client may change.
    pub(crate) fn update<E: From<StoreError>>(
        &self,
        bucket: &str,
        name: &str,
        generation: Option<i64>,
        conditions: &Conditions,
        change: impl FnOnce(&mut Attributes) -> Result<(), E>,
    ) -> Result<Arc<Object>, E> {
        let now = (self.clock)();
        self.commit(|state| {
            let mut object = (**state.object(bucket, name, generation)?).clone();
            conditions.check(Some(&object)).map_err(as_not_met)?;
            change(&mut object.attributes)?;
            object.metageneration += 1;
            object.updated = now;
            let object = Arc::new(object);
            let put = Change::PutObject { bucket: bucket.to_owned(), object: Arc::clone(&object) };
            Ok::<_, E>((vec![put], object))
        })
    }

    fn make(&self, state: &State, draft: &Draft, content: Content) -> Result<Arc<Object>, StoreError> {
        let now = (self.clock)();
        let class = &state.shelf(&draft.bucket)?.bucket.settings.storage_class;
        Ok(Arc::new(Object {
            name: draft.name.clone(),
            generation: state.generation.saturating_add(1).max(now.as_microsecond()),
            metageneration: 1,
            size: content.size,
            crc32c: content.crc32c,
            md5: content.md5,
            component_count: content.component_count,
            blob: content.blob,
            created: now,
            updated: now,
            storage_class: draft.attributes.storage_class.clone().unwrap_or_else(|| class.clone()),
            storage_class_updated: now,
            deleted: None,
            attributes: draft.attributes.clone(),
        }))
    }

    /// One change of the state at a time: `plan` sees it as it is, its changes become durable, then visible.
    fn commit<T, E: From<StoreError>>(&self, plan: impl FnOnce(&State) -> Result<(Vec<Change>, T), E>) -> Result<T, E> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        let (changes, outcome) = plan(&self.state())?;
        journal.append(&changes).map_err(|error| E::from(StoreError::Io(error)))?;
        let mut freed = Vec::new();
        {
            let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
            for change in changes {
                freed.extend(state.apply(change));
            }
        }
        for blob in freed {
            self.blobs.remove(blob);
        }
        self.renew(&mut journal);
        Ok(outcome)
    }

    fn renew(&self, journal: &mut Journal) {
        let state = self.state();
        let live = state.lines();
        if journal.lines.saturating_sub(live) < STALE_LINES_MIN.max(live) {
            return;
        }
        if let Err(error) = journal.rewrite(state.generation, state.changes()) {
            tracing::warn!(%error, "the journal was not written anew; it goes on as it is");
        }
    }

    fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<String, Upload>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn shelf(&self, bucket: &str) -> Result<&Shelf, StoreError> {
        self.buckets.get(bucket).ok_or_else(|| StoreError::NoBucket(bucket.to_owned()))
    }

    fn live(&self, bucket: &str, name: &str) -> Result<Option<&Arc<Object>>, StoreError> {
        Ok(self.shelf(bucket)?.objects.get(name).and_then(|versions| versions.live.as_ref()))
    }

    fn object(&self, bucket: &str, name: &str, generation: Option<i64>) -> Result<&Arc<Object>, StoreError> {
        let objects: &BTreeMap<String, state::Versions> = &self.shelf(bucket)?.objects;
        let found = objects.get(name).and_then(|versions| match generation {
            None => versions.live.as_ref(),
            Some(generation) => versions.all().find(|object| object.generation == generation),
        });
        found.ok_or_else(|| StoreError::NoObject { bucket: bucket.to_owned(), name: name.to_owned() })
    }

    fn check_replaceable(&self, draft: &Draft) -> Result<(), StoreError> {
        let live = self.live(&draft.bucket, &draft.name)?;
        draft.conditions.check(live.map(|live| &**live)).map_err(as_not_met)?;
        live.map_or(Ok(()), |live| check_hold(&draft.bucket, live))
    }

    /// The change by which an object goes: where versions are kept, a live one becomes a noncurrent one.
    fn remove(&self, bucket: &str, object: &Object, now: Timestamp) -> Change {
        let (of, name) = (bucket.to_owned(), object.name.clone());
        let live = self.live(bucket, &name).ok().flatten();
        let is_live = live.is_some_and(|live| live.generation == object.generation);
        let keeps = self.buckets.get(bucket).is_some_and(|shelf| shelf.bucket.settings.keeps_versions);
        match keeps && is_live {
            true => Change::ArchiveObject { bucket: of, name, at: now },
            false => Change::DeleteObject { bucket: of, name, generation: object.generation },
        }
    }

    /// The changes that put `object` in place.
    fn replace(&self, bucket: &str, object: &Arc<Object>, now: Timestamp) -> Vec<Change> {
        let shelf = self.buckets.get(bucket);
        let keeps = shelf.is_some_and(|shelf| shelf.bucket.settings.keeps_versions);
        let (bucket, name) = (bucket.to_owned(), object.name.clone());
        let put = Change::PutObject { bucket: bucket.clone(), object: Arc::clone(object) };
        if keeps { vec![Change::ArchiveObject { bucket, name, at: now }, put] } else { vec![put] }
    }
}

/// A request that writes is refused, never told that nothing has changed.
fn as_not_met(error: StoreError) -> StoreError {
    if matches!(error, StoreError::NotModified) { StoreError::ConditionNotMet } else { error }
}

fn check_hold(bucket: &str, object: &Object) -> Result<(), StoreError> {
    let event_based = object.attributes.event_based_hold;
    if !event_based && !object.attributes.temporary_hold {
        return Ok(());
    }
    Err(StoreError::Held { bucket: bucket.to_owned(), name: object.name.clone(), event_based })
}

fn check_sums(given: &Checksums, found: &Digest) -> Result<(), StoreError> {
    use base64::Engine as _;
    use base64::prelude::BASE64_STANDARD as BASE64;
    if let Some(crc32c) = given.crc32c.filter(|crc32c| *crc32c != found.crc32c) {
        let (given, found) = (BASE64.encode(crc32c.to_be_bytes()), BASE64.encode(found.crc32c.to_be_bytes()));
        return Err(StoreError::Checksum { kind: "CRC32C", given, found });
    }
    if let Some(md5) = given.md5.filter(|md5| *md5 != found.md5) {
        let (given, found) = (BASE64.encode(md5), BASE64.encode(found.md5));
        return Err(StoreError::Checksum { kind: "MD5", given, found });
    }
    Ok(())
}
