//! The engine: what projects hold, on disk in SQLite, and scripts that read and change it.
//!
//! Everything here blocks: call it from threads that may, never from async code.

mod outcome;
mod request;
mod resource;

pub mod objects;

mod external;
mod extract;
mod insert;
mod load;
mod manage;
mod model;
mod script;
mod session;
mod store;
mod write;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use objects::Objects;
use script::Script;
use session::Session;
use store::{Folder, Pool, Results, ScratchFolder};

pub(crate) use objects::GsUri;
pub use outcome::*;
pub use request::*;
pub use resource::*;
pub use store::OpenError;
pub(crate) use store::{check_dataset_name, check_table_name, now_ms};

/// One server's data: everything of all projects.
pub struct Engine {
    /// Locked as long as this lives. Last to go: what is below uses its files.
    pool: Arc<Pool>,
    results: Results,
    scratch: ScratchFolder,
    objects: Arc<dyn Objects>,
    location: String,
    _folder: Folder,
}

impl Engine {
    /// `folder` is made when missing, locked, and its format checked. `location` is that of new datasets, as `US`.
    pub fn open(folder: &Path, objects: Arc<dyn Objects>, location: &str) -> Result<Self, OpenError> {
        let folder_path = folder;
        let folder = Folder::open(folder_path)?;
        let scratch = ScratchFolder::open(&folder.scratch())?;
        let pool = Pool::open(&folder.database())
            .map_err(|source| OpenError::Database { path: folder_path.to_owned(), source })?;
        let location = location.to_owned();
        let engine = Self { pool, results: Results::default(), scratch, objects, location, _folder: folder };
        if let Err(error) = engine.change(write::purge) {
            tracing::warn!(%error, "tables whose time is over stay");
        }
        Ok(engine)
    }

    /// Runs a script to its end, to its first failing statement, or until it is cancelled.
    pub fn run(&self, request: &QueryRequest, progress: &dyn Progress, cancel: &CancellationToken) -> ScriptOutcome {
        match Session::new(self, &request.project, progress, cancel) {
            Ok(session) => Script::run(session, request),
            Err(error) => ScriptOutcome { error: Some(error), ..ScriptOutcome::default() },
        }
    }
}
