//! Resumable uploads: sessions in the journal, their bytes in a blob that grows.
//!
//! What was acknowledged is on disk: before a client is told how much is kept, the blob is synced and the journal says so.
//! After a restart the session goes on from there; bytes beyond were never acknowledged and are cut off.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use super::journal::Change;
use super::object::Content;
use super::{BlobWriter, Checksums, Draft, Object, Session, Store, StoreError, check_sums};

/// Sessions at once, finished ones included for as long as there is room.
const SESSIONS_MAX: usize = 10_000;
/// Then a session is over.
const LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);

/// A session's blob, for one request at a time. `None` before this process has worked on it.
pub(crate) type Upload = Arc<tokio::sync::Mutex<Option<BlobWriter>>>;

impl Store {
    /// Starts an upload.
    pub(crate) fn start_session(&self, draft: Draft, size_announced: Option<u64>) -> Result<Session, StoreError> {
        self.check_put(&draft)?;
        let now = (self.clock)();
        let mut blob = self.create_blob()?;
        blob.sync()?;
        let id = format!("{}{}", uuid::Uuid::new_v4().simple(), uuid::Uuid::new_v4().simple());
        let session = Session { id, draft, created: now, size_announced, blob: blob.id(), kept: 0, finished: None };
        let ended = self.commit(|state| {
            let ended = over(state.sessions.values(), now)?;
            let mut changes: Vec<_> = ended.iter().cloned().map(Change::EndSession).collect();
            changes.push(Change::StartSession(Box::new(session.clone())));
            blob.keep();
            Ok::<_, StoreError>((changes, ended))
        })?;
        let mut uploads = self.uploads();
        for id in ended {
            uploads.remove(&id);
        }
        blob.suspend();
        uploads.insert(session.id.clone(), Arc::new(tokio::sync::Mutex::new(Some(blob))));
        Ok(session)
    }

    pub(crate) fn session(&self, bucket: &str, id: &str) -> Result<Session, StoreError> {
        let state = self.state();
        let found = state.sessions.get(id).filter(|session| session.draft.bucket == bucket);
        found.cloned().ok_or_else(|| StoreError::NoSession(id.to_owned()))
    }

    /// The blob's lock: who holds it works on the upload.
    pub(crate) fn upload(&self, session: &Session) -> Upload {
        Arc::clone(self.uploads().entry(session.id.clone()).or_default())
    }

    /// The writer of a session, taken out of its lock.
    pub(crate) fn resume_blob(&self, session: &Session, held: Option<BlobWriter>) -> Result<BlobWriter, StoreError> {
        match held {
            Some(blob) => Ok(blob),
            None => Ok(self.blobs.resume(session.blob, session.kept)?),
        }
    }

    /// What was written so far counts, whatever happens.
    pub(crate) fn keep_in_session(&self, id: &str, blob: &mut BlobWriter) -> Result<(), StoreError> {
        let kept = blob.size();
        if self.state().sessions.get(id).is_some_and(|session| session.kept == kept) {
            return Ok(());
        }
        blob.sync()?;
        self.commit(|state| match state.sessions.contains_key(id) {
            true => Ok((vec![Change::KeepInSession { id: id.to_owned(), kept }], ())),
            false => Err(StoreError::NoSession(id.to_owned())),
        })
    }

    /// Puts the object in place. `given`: sums that came with the last bytes.
    ///
    /// # Errors
    /// Content or place are not what the client said: the upload is then over.
    pub(crate) fn finish_session(
        &self,
        session: &Session,
        given: Checksums,
        blob: &mut BlobWriter,
    ) -> Result<Arc<Object>, StoreError> {
        let finished = self.try_finish(session, given, blob);
        match &finished {
            Ok(_) | Err(StoreError::Io(_) | StoreError::NoSession(_)) => {}
            Err(_) => self.end_session(&session.id)?,
        }
        finished
    }

    fn try_finish(
        &self,
        session: &Session,
        given: Checksums,
        blob: &mut BlobWriter,
    ) -> Result<Arc<Object>, StoreError> {
        let digest = blob.digest();
        if let Some(size) = session.size_announced.filter(|size| *size != digest.size) {
            return Err(StoreError::Size(format!("{size} bytes were announced, {} came", digest.size)));
        }
        let mut sums = session.draft.checksums;
        sums.merge(given);
        check_sums(&sums, &digest)?;
        blob.sync()?;
        self.commit(|state| {
            if !state.sessions.contains_key(&session.id) {
                return Err(StoreError::NoSession(session.id.clone()));
            }
            state.check_replaceable(&session.draft)?;
            let object = self.make(state, &session.draft, Content::new(blob.id(), digest))?;
            let mut changes = state.replace(&session.draft.bucket, &object, (self.clock)());
            changes.push(Change::FinishSession { id: session.id.clone(), object: Arc::clone(&object) });
            Ok((changes, object))
        })
    }

    /// Cancels an upload; its bytes go.
    pub(crate) fn end_session(&self, id: &str) -> Result<(), StoreError> {
        self.commit(|state| match state.sessions.contains_key(id) {
            true => Ok((vec![Change::EndSession(id.to_owned())], ())),
            false => Err(StoreError::NoSession(id.to_owned())),
        })?;
        self.uploads().remove(id);
        Ok(())
    }
}

/// Sessions whose time is over; and when there is no room, finished ones.
fn over<'s>(sessions: impl Iterator<Item = &'s Session>, now: Timestamp) -> Result<Vec<String>, StoreError> {
    let mut over = Vec::new();
    let (mut open, mut finished) = (0, Vec::new());
    for session in sessions {
        if now.duration_since(session.created).unsigned_abs() > LIFETIME {
            over.push(session.id.clone());
        } else if session.finished.is_some() {
            finished.push(session);
        } else {
            open += 1;
        }
    }
    if open >= SESSIONS_MAX {
        return Err(StoreError::TooManySessions);
    }
    let surplus = (open + finished.len() + 1).saturating_sub(SESSIONS_MAX);
    finished.sort_by_key(|session| session.created);
    over.extend(finished.into_iter().take(surplus).map(|session| session.id.clone()));
    Ok(over)
}
