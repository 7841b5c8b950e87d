//! Uploads in pieces: what is kept of each, until it is whole or given up.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json};

use super::disk;
use super::range::Range;
use crate::server::bigquery::http::{ApiError, Spooled, TempFile};

/// Uploads at once; with one more, the one that was quiet for the longest goes.
const SESSIONS_MAX: usize = 64;
const IDLE_MAX: Duration = Duration::from_secs(24 * 3600);
/// Bytes of one upload.
const BYTES_MAX: u64 = 4 * 1024 * 1024 * 1024;

/// All uploads.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Arc<Shared>>>);

pub(super) struct Shared {
    project: String,
    touched: Mutex<Instant>,
    session: Mutex<Session>,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Session> {
        // What is kept counts only when it was written whole: a panic loses a piece, not the upload.
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn touched(&self) -> MutexGuard<'_, Instant> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One upload.
pub(super) struct Session {
    body: Map<String, Json>,
    /// Gone when the job has it.
    file: Option<Arc<TempFile>>,
    kept: u64,
    finished: Option<Json>,
}

/// What there is after a piece.
pub(super) enum Kept {
    Part(u64),
    All,
}

impl Sessions {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Shared>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id of a new upload.
    pub(super) fn begin(&self, project: &str, body: Map<String, Json>, file: TempFile) -> String {
        let session = Session { body, file: Some(Arc::new(file)), kept: 0, finished: None };
        let shared =
            Shared { project: project.to_owned(), touched: Mutex::new(Instant::now()), session: Mutex::new(session) };
        let id = uuid::Uuid::new_v4().simple().to_string();
        let mut all = self.all();
        all.retain(|_, session| session.touched().elapsed() < IDLE_MAX);
        while all.len() >= SESSIONS_MAX {
            let oldest = all.iter().min_by_key(|(_, session)| *session.touched()).map(|(id, _)| id.clone());
            oldest.and_then(|id| all.remove(&id));
        }
        all.insert(id.clone(), Arc::new(shared));
        id
    }

    /// # Errors
    /// 404 when there is none: the client begins again.
    pub(super) fn find(&self, project: &str, id: &str) -> Result<Arc<Shared>, ApiError> {
        let found = self.all().get(id).filter(|session| session.project == project).cloned();
        let session = found.ok_or_else(|| ApiError::not_found("There is no upload of this upload_id"))?;
        *session.touched() = Instant::now();
        Ok(session)
    }

    pub(super) fn cancel(&self, project: &str, id: &str) -> Result<(), ApiError> {
        self.find(project, id)?;
        self.all().remove(id);
        Ok(())
    }
}

impl Session {
    pub(super) fn body(&self) -> &Map<String, Json> {
        &self.body
    }

    /// The job, when the upload is whole already.
    pub(super) fn finished(&self) -> Option<&Json> {
        self.finished.as_ref()
    }

    pub(super) fn finish(&mut self, job: Json) {
        self.finished = Some(job);
        self.file = None;
    }

    /// Keeps what came, if it goes on where the last piece ended. What counts is what came, not what was announced.
    ///
    /// # Errors
    /// 413 over the bound, 400 for more than the total.
    pub(super) fn keep(&mut self, range: Range, piece: &Spooled) -> Result<Kept, ApiError> {
        if let Some(start) = range.start {
            let is_next = start == self.kept && range.length.is_none_or(|length| piece.length <= length);
            if !is_next {
                return Ok(Kept::Part(self.kept));
            }
            if self.kept.saturating_add(piece.length) > BYTES_MAX {
                return Err(ApiError::new(413, "uploadTooLarge", format!("An upload has at most {BYTES_MAX} bytes")));
            }
            self.append(piece).map_err(|error| disk(&error))?;
            self.kept = self.kept.saturating_add(piece.length);
        }
        let ends = range.is_last && piece.is_complete && range.total.is_none();
        match range.total {
            Some(total) if self.kept > total => Err(ApiError::invalid("More was sent than the whole upload has")),
            Some(total) if self.kept == total => Ok(Kept::All),
            _ if ends => Ok(Kept::All),
            _ => Ok(Kept::Part(self.kept)),
        }
    }

    fn append(&mut self, piece: &Spooled) -> io::Result<()> {
        let Some(kept) = &self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let mut file = File::options().create(true).truncate(false).write(true).open(kept.path())?;
        // A piece that was not written whole lies behind what is kept.
        file.set_len(self.kept)?;
        io::Seek::seek(&mut file, io::SeekFrom::Start(self.kept))?;
        io::copy(&mut File::open(piece.file.path())?.take(piece.length), &mut file)?;
        Ok(())
    }

    /// All that was sent.
    ///
    /// # Errors
    /// 500 when the disk fails.
    pub(super) fn rows(&self) -> Result<Rows, ApiError> {
        let kept = self.file.clone().ok_or_else(ApiError::internal)?;
        if self.kept == 0 {
            File::create(kept.path()).map_err(|error| disk(&error))?;
        }
        let file = File::open(kept.path()).map_err(|error| disk(&error))?;
        Ok(Rows { read: file.take(self.kept), _file: kept })
    }
}

/// The file of an upload; it is there as long as it is read.
pub(super) struct Rows {
    read: io::Take<File>,
    _file: Arc<TempFile>,
}

impl Read for Rows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read.read(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::bigquery::http::Spool;

    #[test]
    fn what_broke_off_is_a_part_though_it_was_meant_to_be_all() {
        let folder = tempfile::tempdir().unwrap();
        let spool = Spool::open(&folder.path().join("uploads")).unwrap();
        let mut session = Session { body: Map::new(), file: Some(Arc::new(spool.new_file())), kept: 0, finished: None };
        let mut keep = |text: &str, is_complete, range: Option<&str>| {
            let (file, length) = (spool.new_file(), text.len() as u64);
            std::fs::write(file.path(), text).unwrap();
            let piece = Spooled { file, length, is_complete, is_compressed: false };
            let range = range.map_or(Range::whole(length), |range| Range::parse(range).unwrap());
            session.keep(range, &piece).unwrap()
        };
        assert!(matches!(keep("1,x\n2", false, None), Kept::Part(5)));
        assert!(matches!(keep(",y\n", true, Some("bytes 5-*/*")), Kept::All));
        let mut all = String::new();
        session.rows().unwrap().read_to_string(&mut all).unwrap();
        assert_eq!(all, "1,x\n2,y\n");
    }
}
