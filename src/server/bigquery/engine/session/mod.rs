//! What one job works with: a connection, two files of its own, and the tables that it has made or read so far.
//!
//! `main` is the database; `work` holds external tables as they were read, temporary tables and intermediate rows and goes with the job;
//! `kept` holds results and lives as long as they do. Results of the user's own transaction have files of their own.

mod external;
mod information;
mod path;
mod resolve;
mod usage;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OpenFlags, params};
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::outcome::ResultTable;
use super::request::Progress;
use super::resource::{DatasetReference, TableReference};
use super::store::{Outcome, Pooled, Results, Scratch, cancelled, column_list, sqlite_error};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::{Field, Type, Value};

use external::Materialised;
pub(super) use external::detect;
pub(super) use path::split_path;
use usage::Usage;

/// SQLite calls the cancellation's look-out after so many of its steps: some hundred microseconds.
const STEPS_PER_LOOK: i32 = 20_000;

pub(super) struct Session<'e> {
    pub(super) engine: &'e Engine,
    pub(super) connection: Pooled,
    pub(super) progress: &'e dyn Progress,
    pub(super) cancel: &'e CancellationToken,
    pub(super) project: String,
    pub(super) default_dataset: Option<DatasetReference>,
    /// Of the job, when it names one: datasets elsewhere are not found.
    pub(super) location: Option<String>,
    /// Checked only: nothing is read or written for good.
    pub(super) dry_run: bool,
    /// Variables in scope and parameters, innermost last; see [`resolve`].
    pub(super) variables: Vec<HashMap<String, (Type, Value)>>,
    /// Of the statement that runs now.
    pub(super) usage: Usage,
    /// By name as written.
    pub(super) temporary: HashMap<String, Temporary>,
    /// Whether the user's own transaction is open.
    pub(super) in_transaction: bool,
    /// Models that the dry run of a script would have made.
    pub(super) untrained: HashSet<TableReference>,
    externals: Vec<Materialised>,
    /// How deep views are nested at present.
    view_depth: usize,
    kept: Arc<Scratch>,
    _work: Arc<Scratch>,
    next_number: u64,
}

/// A temporary table of a script.
#[derive(Debug, Clone)]
pub(super) struct Temporary {
    /// SQLite text.
    pub(super) from: String,
    pub(super) fields: Vec<Field>,
}

/// Rows that a statement gave, in `kept` or `work`.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    /// SQLite text.
    pub(super) from: String,
    pub(super) number: u64,
    pub(super) fields: Vec<Field>,
    pub(super) count: u64,
}

/// What a statement needs of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// One snapshot.
    Read,
    /// The only writer.
    Write,
}

impl Access {
    /// SQLite text.
    fn begin(self) -> &'static str {
        match self {
            Self::Read => "BEGIN",
            Self::Write => "BEGIN IMMEDIATE",
        }
    }
}

/// Where a table of the job's own goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Work,
    Kept,
}

impl Place {
    /// SQLite text of the table with this number.
    fn table(self, number: u64) -> String {
        match self {
            Self::Work => format!("\"work\".\"x{number}\""),
            Self::Kept => format!("\"kept\".\"r{number}\""),
        }
    }
}

impl<'e> Session<'e> {
    pub(super) fn new(
        engine: &'e Engine,
        project: &str,
        progress: &'e dyn Progress,
        cancel: &'e CancellationToken,
    ) -> Outcome<Self> {
        let connection = engine.pool.take()?;
        let (work, kept) = (engine.scratch.file(), engine.scratch.file());
        let mut session = Self {
            engine,
            connection,
            progress,
            cancel,
            project: project.to_owned(),
            default_dataset: None,
            location: None,
            dry_run: false,
            variables: vec![HashMap::new()],
            usage: Usage::default(),
            temporary: HashMap::new(),
            in_transaction: false,
            untrained: HashSet::new(),
            externals: Vec::new(),
            view_depth: 0,
            kept,
            _work: work,
            next_number: 0,
        };
        session.attach().map_err(|error| sqlite_error(&error))?;
        Ok(session)
    }

    fn attach(&mut self) -> rusqlite::Result<()> {
        for (name, file) in [("work", &self._work), ("kept", &self.kept)] {
            let path = file.path().to_string_lossy();
            self.connection.execute(&format!("ATTACH ?1 AS \"{name}\""), params![path])?;
            // Nothing in these files outlives the server; a statement that fails must still be undone.
            self.connection.execute_batch(&format!(
                "PRAGMA \"{name}\".journal_mode = MEMORY; PRAGMA \"{name}\".synchronous = OFF; PRAGMA \"{name}\".cache_size = -16384"
            ))?;
        }
        let cancel = self.cancel.clone();
        self.connection.progress_handler(STEPS_PER_LOOK, Some(move || cancel.is_cancelled()))
    }

    fn detach(&mut self) -> rusqlite::Result<()> {
        self.connection.progress_handler(0, None::<fn() -> bool>)?;
        if !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        self.connection.flush_prepared_statement_cache();
        self.connection.execute_batch("DETACH \"work\"; DETACH \"kept\"")
    }

    pub(super) fn execute(&self, sql: &str) -> Outcome<u64> {
        let count = self.connection.execute(sql, []).map_err(|error| self.failed(&error))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// Whether a query gives a row.
    pub(super) fn finds_any(&self, sql: &str) -> Outcome<bool> {
        let exists = self.connection.prepare(sql).and_then(|mut statement| statement.exists([]));
        exists.map_err(|error| self.failed(&error))
    }

    /// A failure of SQLite; one that the job's cancellation made says so.
    pub(super) fn failed(&self, error: &rusqlite::Error) -> QueryError {
        tracing::debug!(%error, "a statement failed");
        sqlite_error(error)
    }

    pub(super) fn check_cancelled(&self) -> Outcome<()> {
        if self.cancel.is_cancelled() { Err(cancelled()) } else { Ok(()) }
    }

    /// All of `work` or nothing of it. Inside of the user's transaction it is a part of that.
    pub(super) fn atomically<T>(&mut self, access: Access, work: impl FnOnce(&mut Self) -> Outcome<T>) -> Outcome<T> {
        let (begin, end, undo) = match (self.connection.is_autocommit(), access) {
            (true, access) => (access.begin(), "COMMIT", "ROLLBACK"),
            (false, _) => ("SAVEPOINT statement", "RELEASE statement", "ROLLBACK TO statement; RELEASE statement"),
        };
        self.connection.execute_batch(begin).map_err(|error| self.failed(&error))?;
        let done = work(self).and_then(|value| {
            self.connection.execute_batch(end).map_err(|error| self.failed(&error))?;
            Ok(value)
        });
        if done.is_err() {
            // What the statement had read is undone with it. An interrupt may already have undone all.
            self.externals.clear();
            if !self.connection.is_autocommit()
                && let Err(error) = self.connection.execute_batch(undo)
            {
                tracing::warn!(%error, "a failed statement could not be undone");
            }
        }
        done
    }

    /// External tables that were read are read again.
    pub(super) fn forget_tables(&mut self) {
        self.externals.clear();
    }

    pub(super) fn number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// An empty table of the job's own with these columns.
    pub(super) fn create_own(
        &mut self,
        place: Place,
        columns: impl IntoIterator<Item = usize>,
    ) -> Outcome<(String, u64)> {
        let number = self.number();
        let table = place.table(number);
        self.execute(&format!("CREATE TABLE {table} ({})", column_list(columns)))?;
        Ok((table, number))
    }

    /// Runs a query into a table of the job's own. In a dry run it stays empty.
    pub(super) fn collect(&mut self, place: Place, sql: &str, fields: &[Field]) -> Outcome<Rows> {
        let (from, number) = self.create_own(place, 0..fields.len())?;
        let count = if self.dry_run { 0 } else { self.execute(&format!("INSERT INTO {from} {sql}"))? };
        Ok(Rows { from, number, fields: fields.to_vec(), count })
    }

    /// Where the rows of a result are gathered: see [`Self::publish`].
    pub(super) fn place_of_results(&self) -> Place {
        if self.in_transaction { Place::Work } else { Place::Kept }
    }

    /// Makes the rows of a result an anonymous table. Both files of the job belong to the user's transaction while it is open: nobody
    /// else would see the rows before its end, and nobody at all after a rollback, so they get a file of their own then.
    pub(super) fn publish(&self, rows: &Rows) -> Outcome<ResultTable> {
        let file = if self.in_transaction { self.apart(rows)? } else { Arc::clone(&self.kept) };
        let table: TableReference = Results::name(&self.project);
        let result = ResultTable { table, fields: rows.fields.clone(), rows: rows.count };
        self.engine.results.add(result.clone(), file, rows.number);
        Ok(result)
    }

    /// Moves rows into a file that no transaction of this connection has a part in.
    fn apart(&self, rows: &Rows) -> Outcome<Arc<Scratch>> {
        let file = self.engine.scratch.file();
        self.copy_apart(rows, &file).map_err(|error| self.failed(&error))?;
        self.execute(&format!("DROP TABLE {}", rows.from))?;
        Ok(file)
    }

    fn copy_apart(&self, rows: &Rows, file: &Scratch) -> rusqlite::Result<()> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut other = Connection::open_with_flags(file.path(), flags)?;
        other.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
        let transaction = other.transaction()?;
        let (target, columns) = (format!("\"main\".\"r{}\"", rows.number), column_list(0..rows.fields.len()));
        transaction.execute(&format!("CREATE TABLE {target} ({columns})"), [])?;
        let places = vec!["?"; rows.fields.len().max(1)].join(", ");
        let mut insert = transaction.prepare(&format!("INSERT INTO {target} ({columns}) VALUES ({places})"))?;
        let mut select = self.connection.prepare(&format!("SELECT {columns} FROM {} ORDER BY rowid", rows.from))?;
        let mut cursor = select.query([])?;
        while let Some(row) = cursor.next()? {
            for index in 0..rows.fields.len().max(1) {
                insert.raw_bind_parameter(index + 1, ToSqlOutput::Borrowed(row.get_ref(index)?))?;
            }
            insert.raw_execute()?;
        }
        drop(insert);
        transaction.commit()
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Err(error) = self.detach() {
            tracing::warn!(%error, "a connection is not used again");
            self.connection.discard();
        }
    }
}

/// The user's own transaction.
impl Session<'_> {
    pub(super) fn begin(&mut self, access: Access) -> Outcome<()> {
        self.connection.execute_batch(access.begin()).map_err(|error| self.failed(&error))?;
        self.in_transaction = true;
        Ok(())
    }

    /// When it fails, the transaction is still open unless SQLite itself has ended it.
    pub(super) fn commit(&mut self) -> Outcome<()> {
        self.end("COMMIT")
    }

    pub(super) fn rollback(&mut self) -> Outcome<()> {
        self.forget_tables();
        self.end("ROLLBACK")
    }

    fn end(&mut self, sql: &str) -> Outcome<()> {
        let ended = self.connection.execute_batch(sql).map_err(|error| self.failed(&error));
        self.in_transaction = !self.connection.is_autocommit();
        ended
    }
}
