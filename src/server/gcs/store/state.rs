//! All that the journal says, in memory: buckets, their objects in the order of their names' bytes, and uploads.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::blob::BlobId;
use super::journal::Change;
use super::object::{Bucket, Object, Session};

/// The generations of one name.
#[derive(Debug, Default)]
pub(super) struct Versions {
    pub(super) live: Option<Arc<Object>>,
    /// Oldest first.
    pub(super) noncurrent: Vec<Arc<Object>>,
}

impl Versions {
    /// Oldest first, the live one last.
    pub(super) fn all(&self) -> impl Iterator<Item = &Arc<Object>> {
        self.noncurrent.iter().chain(&self.live)
    }

    fn is_empty(&self) -> bool {
        self.live.is_none() && self.noncurrent.is_empty()
    }
}

#[derive(Debug)]
pub(super) struct Shelf {
    pub(super) bucket: Arc<Bucket>,
    pub(super) objects: BTreeMap<String, Versions>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) buckets: BTreeMap<String, Shelf>,
    pub(super) sessions: HashMap<String, Session>,
    /// Objects, noncurrent versions included.
    objects: u64,
    /// The highest ever given.
    pub(super) generation: i64,
    /// How many objects and uploads have a blob: copies share it.
    pub(super) blobs: HashMap<BlobId, usize>,
}

impl State {
    /// Makes a change; gives the blobs that nothing refers to any more.
    pub(super) fn apply(&mut self, change: Change) -> Vec<BlobId> {
        match change {
            Change::Head { generation, .. } => {
                self.generation = self.generation.max(generation);
                Vec::new()
            }
            Change::PutBucket(bucket) => {
                self.put_bucket(bucket);
                Vec::new()
            }
            Change::DeleteBucket(name) => {
                let gone = self.buckets.remove(&name).map(|shelf| shelf.objects).unwrap_or_default();
                let objects: Vec<_> = gone.into_values().flat_map(|v| v.noncurrent.into_iter().chain(v.live)).collect();
                self.objects = self.objects.saturating_sub(objects.len() as u64);
                objects.iter().filter_map(|object| self.release(object.blob)).collect()
            }
            Change::PutObject { bucket, object } => self.put_object(&bucket, object),
            Change::ArchiveObject { bucket, name, at } => {
                if let Some(versions) = self.versions(&bucket, &name)
                    && let Some(live) = versions.live.take()
                {
                    versions.noncurrent.push(Arc::new(Object { deleted: Some(at), ..(*live).clone() }));
                }
                Vec::new()
            }
            Change::DeleteObject { bucket, name, generation } => self.delete_object(&bucket, &name, generation),
            Change::StartSession(session) => {
                if session.finished.is_none() {
                    self.hold(session.blob);
                }
                self.sessions.insert(session.id.clone(), *session);
                Vec::new()
            }
            Change::KeepInSession { id, kept } => {
                if let Some(session) = self.sessions.get_mut(&id) {
                    session.kept = kept;
                }
                Vec::new()
            }
            Change::FinishSession { id, object } => self.finish_session(&id, object),
            Change::EndSession(id) => {
                let ended = self.sessions.remove(&id).filter(|session| session.finished.is_none());
                ended.and_then(|session| self.release(session.blob)).into_iter().collect()
            }
        }
    }

    fn put_bucket(&mut self, bucket: Bucket) {
        let bucket = Arc::new(bucket);
        match self.buckets.get_mut(&bucket.name) {
            Some(shelf) => shelf.bucket = bucket,
            None => {
                self.buckets.insert(bucket.name.clone(), Shelf { bucket, objects: BTreeMap::new() });
            }
        }
    }

    fn put_object(&mut self, bucket: &str, object: Arc<Object>) -> Vec<BlobId> {
        self.generation = self.generation.max(object.generation);
        self.hold(object.blob);
        let Some(shelf) = self.buckets.get_mut(bucket) else { return self.release(object.blob).into_iter().collect() };
        let versions = shelf.objects.entry(object.name.clone()).or_default();
        let same = versions.noncurrent.iter_mut().find(|version| version.generation == object.generation);
        let replaced = match same {
            Some(version) => Some(std::mem::replace(version, object)),
            None if object.deleted.is_some() => {
                versions.noncurrent.push(object);
                None
            }
            None => versions.live.replace(object),
        };
        if replaced.is_none() {
            self.objects += 1;
        }
        replaced.and_then(|object| self.release(object.blob)).into_iter().collect()
    }

    fn delete_object(&mut self, bucket: &str, name: &str, generation: i64) -> Vec<BlobId> {
        let Some(shelf) = self.buckets.get_mut(bucket) else { return Vec::new() };
        let Some(versions) = shelf.objects.get_mut(name) else { return Vec::new() };
        let is_it = |object: &Arc<Object>| object.generation == generation;
        let gone = match versions.live.take_if(|live| is_it(live)) {
            Some(live) => Some(live),
            None => versions.noncurrent.iter().position(is_it).map(|index| versions.noncurrent.remove(index)),
        };
        if versions.is_empty() {
            shelf.objects.remove(name);
        }
        if gone.is_some() {
            self.objects = self.objects.saturating_sub(1);
        }
        gone.and_then(|object| self.release(object.blob)).into_iter().collect()
    }

    fn finish_session(&mut self, id: &str, object: Arc<Object>) -> Vec<BlobId> {
        let Some(session) = self.sessions.get_mut(id).filter(|session| session.finished.is_none()) else {
            return Vec::new();
        };
        session.finished = Some(object);
        let blob = session.blob;
        self.release(blob).into_iter().collect()
    }

    fn versions(&mut self, bucket: &str, name: &str) -> Option<&mut Versions> {
        self.buckets.get_mut(bucket)?.objects.get_mut(name)
    }

    fn hold(&mut self, blob: BlobId) {
        *self.blobs.entry(blob).or_default() += 1;
    }

    /// The blob, when it was the last reference.
    fn release(&mut self, blob: BlobId) -> Option<BlobId> {
        let count = self.blobs.get_mut(&blob)?;
        *count = count.saturating_sub(1);
        if *count > 0 {
            return None;
        }
        self.blobs.remove(&blob);
        Some(blob)
    }

    /// Lines that a journal written anew has.
    pub(super) fn lines(&self) -> u64 {
        self.objects + (self.buckets.len() + self.sessions.len() + 1) as u64
    }

    /// Changes that make this state from nothing.
    pub(super) fn changes(&self) -> impl Iterator<Item = Change> {
        let shelves = self.buckets.values().flat_map(|shelf| {
            let name = &shelf.bucket.name;
            let objects = shelf.objects.values().flat_map(Versions::all);
            let puts =
                objects.map(move |object| Change::PutObject { bucket: name.clone(), object: Arc::clone(object) });
            std::iter::once(Change::PutBucket((*shelf.bucket).clone())).chain(puts)
        });
        shelves.chain(self.sessions.values().map(|session| Change::StartSession(Box::new(session.clone()))))
    }
}
