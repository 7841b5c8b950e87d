//! Jobs that are done, in an SQLite file beside the engine's: they are there after a restart, the oldest go.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection, OptionalExtension, params};

use super::job::JobKey;
use super::list::Filter;
use super::resource::Record;

/// So many jobs are kept, a script with its statements as one, in so many bytes.
const JOBS_MAX: i64 = 10_000;
const BYTES_MAX: i64 = 512 * 1024 * 1024;
/// Old ones are looked for once in so many, statements among them.
const PRUNE_EVERY: u64 = 64;

/// The file of finished jobs can't be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use `{}`: {source}", .path.display())]
pub struct ArchiveError {
    pub path: PathBuf,
    #[source]
    pub source: rusqlite::Error,
}

/// A finished job's place in a list, and what is kept of it.
pub(super) struct Entry {
    pub(super) sequence: i64,
    pub(super) record: Record,
}

/// The file. One connection: all it does is short.
pub(super) struct Archive {
    connection: Mutex<Connection>,
    /// Jobs that came since old ones were looked for.
    fresh: AtomicU64,
}

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA journal_size_limit = 67108864;
    CREATE TABLE IF NOT EXISTS job (
        sequence INTEGER PRIMARY KEY,
        project TEXT NOT NULL,
        id TEXT NOT NULL,
        parent TEXT,
        created_ms INTEGER NOT NULL,
        bytes INTEGER NOT NULL,
        record TEXT NOT NULL,
        UNIQUE (project, id)
    );
    CREATE INDEX IF NOT EXISTS job_of_parent ON job (project, parent, sequence);
    CREATE INDEX IF NOT EXISTS job_size ON job (project, coalesce(parent, id), bytes);
";

impl Archive {
    /// # Errors
    /// It can't be opened or is damaged.
    pub(super) fn open(path: &Path) -> Result<Self, ArchiveError> {
        let opened = Connection::open(path).and_then(|connection| {
            connection.execute_batch(SCHEMA)?;
            Ok(Self { connection: Mutex::new(connection), fresh: AtomicU64::new(0) })
        });
        opened.map_err(|source| ArchiveError { path: path.to_owned(), source })
    }

    fn connection(&self) -> MutexGuard<'_, Connection> {
        // Statements are whole or not at all: a panic in another thread leaves nothing half done.
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The highest sequence number in it.
    pub(super) fn last_sequence(&self) -> rusqlite::Result<i64> {
        self.connection().query_row("SELECT coalesce(max(sequence), 0) FROM job", [], |row| row.get(0))
    }

    pub(super) fn insert(
        &self,
        sequence: i64,
        key: &JobKey,
        parent: Option<&str>,
        created_ms: i64,
        record: &Record,
    ) -> rusqlite::Result<()> {
        let text = to_text(record)?;
        let bytes = i64::try_from(text.len()).unwrap_or(i64::MAX);
        let connection = self.connection();
        // A statement of a script is synced with its script, whose job comes last: many are not to wait for the disk one by one.
        set_synced(&connection, parent.is_none())?;
        let sql = "INSERT OR REPLACE INTO job VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        connection.prepare_cached(sql)?.execute(params![
            sequence,
            key.project,
            key.id,
            parent,
            created_ms,
            bytes,
            text
        ])?;
        // A script's statements are archived before it: until it is there, they have no place of their own.
        let fresh = self.fresh.fetch_add(1, Ordering::Relaxed) + 1;
        if parent.is_none() && fresh >= PRUNE_EVERY {
            self.fresh.store(0, Ordering::Relaxed);
            prune(&connection)?;
        }
        Ok(())
    }

    pub(super) fn contains(&self, key: &JobKey) -> rusqlite::Result<bool> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT 1 FROM job WHERE project = ?1 AND id = ?2")?;
        statement.exists(params![key.project, key.id])
    }

    pub(super) fn get(&self, key: &JobKey) -> rusqlite::Result<Option<Record>> {
        let connection = self.connection();
        let mut statement = connection.prepare_cached("SELECT record FROM job WHERE project = ?1 AND id = ?2")?;
        let text = statement.query_row(params![key.project, key.id], |row| row.get::<_, String>(0)).optional()?;
        text.map(|text| from_text(&text)).transpose()
    }

    /// The newest that fit, at most `count`.
    pub(super) fn list(&self, filter: &Filter, count: usize) -> rusqlite::Result<Vec<Entry>> {
        let connection = self.connection();
        let sql = "SELECT sequence, record FROM job
            WHERE project = ?1 AND parent IS ?2 AND sequence < ?3 AND created_ms BETWEEN ?4 AND ?5
            ORDER BY sequence DESC LIMIT ?6";
        let mut statement = connection.prepare_cached(sql)?;
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let (from, to) = (filter.created_min_ms, filter.created_max_ms);
        let bound = params![filter.project, filter.parent, filter.before, from, to, count];
        let rows = statement.query_map(bound, |row| Ok((row.get(0)?, row.get::<_, String>(1)?)))?;
        rows.map(|row| row.and_then(|(sequence, text)| Ok(Entry { sequence, record: from_text(&text)? }))).collect()
    }

    /// With the statements of a script; whether there was one.
    pub(super) fn delete(&self, key: &JobKey) -> rusqlite::Result<bool> {
        let sql = "DELETE FROM job WHERE project = ?1 AND (id = ?2 OR parent = ?2)";
        let connection = self.connection();
        set_synced(&connection, true)?;
        Ok(connection.execute(sql, params![key.project, key.id])? > 0)
    }
}

/// Whether what is written next is on the disk before the call returns.
fn set_synced(connection: &Connection, is_synced: bool) -> rusqlite::Result<()> {
    connection.execute_batch(if is_synced { "PRAGMA synchronous = FULL" } else { "PRAGMA synchronous = NORMAL" })
}

/// Keeps the newest. Statements count with their script, and go with it.
fn prune(connection: &Connection) -> rusqlite::Result<()> {
    let sql = "SELECT max(sequence) FROM (
        SELECT job.sequence, row_number() OVER newest AS place, sum(size.bytes) OVER newest AS total
        FROM job JOIN (
            SELECT project, coalesce(parent, id) AS id, sum(bytes) AS bytes FROM job GROUP BY project, coalesce(parent, id)
        ) AS size ON size.project = job.project AND size.id = job.id
        WHERE job.parent IS NULL WINDOW newest AS (ORDER BY job.sequence DESC)
    ) WHERE place > 1 AND (place > ?1 OR total > ?2)";
    let last: Option<i64> = connection.query_row(sql, params![JOBS_MAX, BYTES_MAX], |row| row.get(0))?;
    if let Some(last) = last {
        let sql = "DELETE FROM job WHERE sequence <= ?1
            OR (project, parent) IN (SELECT project, id FROM job WHERE parent IS NULL AND sequence <= ?1)";
        connection.execute(sql, [last])?;
    }
    Ok(())
}

fn to_text(record: &Record) -> rusqlite::Result<String> {
    serde_json::to_string(record).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn from_text(text: &str) -> rusqlite::Result<Record> {
    serde_json::from_str(text)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn record(n: usize) -> Record {
        Record { resource: json!({"n": n}), result: None, error: None }
    }

    fn key(id: &str) -> JobKey {
        JobKey { project: "p".into(), id: id.into() }
    }

    #[test]
    fn jobs_are_there_after_a_restart_and_the_newest_come_first() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.sqlite");
        let archive = Archive::open(&path).unwrap();
        archive.insert(1, &key("a"), None, 10, &record(1)).unwrap();
        archive.insert(2, &key("b"), None, 20, &record(2)).unwrap();
        archive.insert(3, &key("b_0"), Some("b"), 20, &record(3)).unwrap();
        drop(archive);
        let archive = Archive::open(&path).unwrap();
        assert_eq!(archive.last_sequence().unwrap(), 3);
        assert!(archive.contains(&key("a")).unwrap() && !archive.contains(&key("c")).unwrap());
        assert_eq!(archive.get(&key("a")).unwrap().unwrap().resource, json!({"n": 1}));
        let list = |filter: Filter| -> Vec<i64> {
            archive.list(&filter, 10).unwrap().iter().map(|entry| entry.sequence).collect()
        };
        let all = Filter::all("p");
        assert_eq!(list(all.clone()), [2, 1]);
        assert_eq!(list(Filter { before: 2, ..all.clone() }), [1]);
        assert_eq!(list(Filter { created_min_ms: 15, ..all.clone() }), [2]);
        assert_eq!(list(Filter { parent: Some("b".into()), ..all }), [3]);
        assert_eq!(list(Filter::all("q")), [] as [i64; 0]);
        assert!(archive.delete(&key("b")).unwrap() && !archive.delete(&key("b")).unwrap());
        assert!(!archive.contains(&key("b_0")).unwrap());
    }

    #[test]
    fn the_oldest_go() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(&folder.path().join("jobs.sqlite")).unwrap();
        let large = Record { resource: json!("x".repeat(1000)), result: None, error: None };
        for n in 1..=10 {
            archive.insert(n, &key(&n.to_string()), None, n, &large).unwrap();
        }
        let connection = archive.connection();
        connection.execute("UPDATE job SET bytes = ?1", params![BYTES_MAX / 4]).unwrap();
        prune(&connection).unwrap();
        let left: i64 = connection.query_row("SELECT min(sequence) FROM job", [], |row| row.get(0)).unwrap();
        assert_eq!(left, 7);
    }

    #[test]
    fn a_script_is_one_job_however_many_statements_it_has() {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::open(&folder.path().join("jobs.sqlite")).unwrap();
        archive.insert(1, &key("old"), None, 1, &record(1)).unwrap();
        let statements = JOBS_MAX + 10;
        for n in 0..statements {
            archive.insert(4 + n, &key(&format!("s_{n}")), Some("script"), 2, &record(1)).unwrap();
        }
        archive.insert(2, &key("script"), None, 2, &record(1)).unwrap();
        let count =
            || -> i64 { archive.connection().query_row("SELECT count(*) FROM job", [], |row| row.get(0)).unwrap() };
        assert_eq!(count(), statements + 2);
        let synchronous =
            || -> i64 { archive.connection().pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap() };
        assert_eq!(synchronous(), 2, "FULL");
        // It goes with all of them, though they are newer than what stays.
        archive.insert(3, &key("new"), None, 3, &record(1)).unwrap();
        archive.connection().execute("UPDATE job SET bytes = ?1 WHERE id = 's_7'", [BYTES_MAX]).unwrap();
        prune(&archive.connection()).unwrap();
        assert_eq!(count(), 1);
        assert!(archive.contains(&key("new")).unwrap());
    }
}
