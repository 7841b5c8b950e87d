//! Connections to the one database file, each with all of GoogleSQL's functions; as many as jobs run at once, and no more than a bound.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Outcome, sqlite_error};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::{analyze, function};

/// Jobs beyond this wait for one to end.
const CONNECTIONS_MAX: usize = 24;
const IDLE_MAX: usize = 4;
const WAIT: Duration = Duration::from_secs(120);
/// How long a writer waits for another one.
const BUSY_WAIT: Duration = Duration::from_secs(60);
/// Prepared statements a connection keeps.
const STATEMENTS_KEPT: usize = 64;

#[derive(Debug)]
pub(crate) struct Pool {
    path: PathBuf,
    state: Mutex<State>,
    returned: Condvar,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Connection>,
    used: usize,
}

/// Goes back to the pool when dropped.
pub(crate) struct Pooled {
    connection: Connection,
    is_discarded: bool,
    pool: Arc<Pool>,
}

impl Pool {
    /// Creates what is missing in the file.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Arc<Self>> {
        let pool = Self { path: path.to_owned(), state: Mutex::default(), returned: Condvar::new() };
        let connection = pool.connect()?;
        connection.execute_batch(include_str!("schema.sql"))?;
        pool.state.lock().unwrap_or_else(PoisonError::into_inner).idle.push(connection);
        Ok(Arc::new(pool))
    }

    pub(crate) fn take(self: &Arc<Self>) -> Outcome<Pooled> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.returned.wait_timeout_while(state, WAIT, |state| state.used >= CONNECTIONS_MAX);
        let (mut state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        if timeout.timed_out() {
            return Err(QueryError::new(Reason::ResourcesExceeded, "Resources exceeded: too many jobs run at once"));
        }
        state.used += 1;
        let idle = state.idle.pop();
        drop(state);
        let connection = idle.map_or_else(|| self.connect(), Ok);
        if connection.is_err() {
            self.give_back(None);
        }
        let connection = connection.map_err(|error| sqlite_error(&error))?;
        Ok(Pooled { connection, is_discarded: false, pool: Arc::clone(self) })
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        // Names of files are never URIs here, so that no name from outside can carry options.
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_WAIT)?;
        // FULL: what was committed survives a power cut, not only a killed process. The log is cut to 64 MiB when it begins anew.
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA temp_store = FILE; PRAGMA foreign_keys = OFF;
             PRAGMA trusted_schema = OFF; PRAGMA cache_size = -16384; PRAGMA journal_size_limit = 67108864;",
        )?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
        function::register(&connection)?;
        analyze::register(&connection)?;
        Ok(connection)
    }

    fn give_back(&self, connection: Option<Connection>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.used = state.used.saturating_sub(1);
        if state.idle.len() < IDLE_MAX {
            state.idle.extend(connection);
        }
        self.returned.notify_one();
    }
}

impl Pooled {
    /// Does not go back: it is in a state that the next job should not see.
    pub(crate) fn discard(&mut self) {
        self.is_discarded = true;
    }
}

impl std::ops::Deref for Pooled {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl std::ops::DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        let is_sound = !self.is_discarded
            && (self.connection.is_autocommit() || self.connection.execute_batch("ROLLBACK").is_ok());
        // Something has to stay in its place; without it, this one is closed.
        let other = if is_sound { Connection::open_in_memory().ok() } else { None };
        let connection = other.map(|other| std::mem::replace(&mut self.connection, other));
        self.pool.give_back(connection);
    }
}
