//! What must never happen: lost data, names that do something, jobs in each other's way.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Fixture, request};
use crate::server::bigquery::engine::objects::MemoryObjects;
use crate::server::bigquery::engine::*;
use crate::server::bigquery::error::Reason;

#[test]
fn what_was_acknowledged_is_there_after_a_kill() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t AS SELECT 1 AS x; INSERT ds.t VALUES (2)");
    // As a kill leaves it: the database file and its log copied while both are open.
    let killed = tempfile::tempdir().unwrap();
    for name in ["bigquery.sqlite", "bigquery.sqlite-wal", "format"] {
        std::fs::copy(fixture.folder.path().join(name), killed.path().join(name)).unwrap();
    }
    let engine = Engine::open(killed.path(), std::sync::Arc::new(MemoryObjects::default()), "US").unwrap();
    let outcome = engine.run(&request("SELECT SUM(x) FROM ds.t"), &Silent, &CancellationToken::new());
    assert_eq!(outcome.error, None);
    let page = engine.rows(&outcome.result().unwrap().table, None, 0, 1, 100).unwrap();
    assert_eq!(super::print(&page.rows[0][0]), "3");
}

#[test]
fn the_log_does_not_stay_as_large_as_the_last_big_write() {
    let fixture = Fixture::new();
    let connection = fixture.engine.pool.take().unwrap();
    let limit: i64 = connection.pragma_query_value(None, "journal_size_limit", |row| row.get(0)).unwrap();
    assert_eq!(limit, 64 * 1024 * 1024);
}

#[test]
fn one_folder_serves_one_engine() {
    let fixture = Fixture::new();
    let again = Engine::open(fixture.folder.path(), std::sync::Arc::new(MemoryObjects::default()), "US");
    assert!(matches!(again, Err(OpenError::Locked { .. })));
}

#[test]
fn hostile_names_are_names_or_refused() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t1 AS SELECT 1 AS x");
    for name in ["../../etc/passwd", "a\"; DROP TABLE t1; --", "t1'", "\u{202e}x", "a\\b", "catalog_tables\0"] {
        let reference = TableReference::new("p", "ds", name);
        let created = fixture.engine.create_table(&reference, TableKind::Table, Vec::new(), Settings::default());
        assert_eq!(created.unwrap_err().reason, Reason::Invalid, "{name:?}");
        assert_eq!(fixture.engine.table(&reference).unwrap_err().reason, Reason::NotFound);
        let dataset = DatasetReference::new(name, name);
        assert!(fixture.engine.create_dataset(&dataset, None, Settings::default()).is_err());
    }
    let quoted = "SELECT 1 AS `a\"; DROP TABLE t1; --`, '\\'; DROP TABLE t1' AS `b'`";
    assert_eq!(fixture.rows(quoted), "1 '; DROP TABLE t1");
    for text in ["SELECT * FROM `p.ds.catalog_tables`", "SELECT * FROM ds.sqlite_master", "SELECT * FROM `main.t1`"] {
        assert_eq!(fixture.error(text).reason, Reason::NotFound, "{text}");
    }
    assert_eq!(fixture.rows("SELECT x FROM ds.t1"), "1");
    let odd = DatasetReference::new("p'; --", "ok");
    fixture.engine.create_dataset(&odd, None, Settings::default()).unwrap();
    assert_eq!(fixture.engine.datasets("p'; --").unwrap().len(), 1);
}

#[test]
fn two_jobs_run_at_once_and_a_long_reader_does_not_stop_a_writer() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t AS SELECT x FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS x");
    let (done, cancel) = (AtomicBool::new(false), CancellationToken::new());
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let long =
                "SELECT COUNT(*) FROM ds.t AS a, ds.t AS b, ds.t AS c, ds.t AS d WHERE a.x + b.x + c.x + d.x = -1";
            let outcome = fixture.engine.run(&request(long), &Silent, &cancel);
            assert_eq!(outcome.error.unwrap().reason, Reason::Stopped);
            done.store(true, Ordering::Relaxed);
        });
        std::thread::sleep(Duration::from_millis(100));
        let begin = Instant::now();
        let writers: Vec<_> = (0..3)
            .map(|n| {
                let fixture = &fixture;
                scope.spawn(move || {
                    for _ in 0..5 {
                        fixture.rows(&format!("INSERT ds.t VALUES (-{n} - 1)"));
                    }
                })
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        assert!(begin.elapsed() < Duration::from_secs(30));
        assert!(!done.load(Ordering::Relaxed), "the reader is still at it");
        cancel.cancel();
    });
    assert_eq!(fixture.rows("SELECT COUNT(*) FROM ds.t WHERE x < 0"), "15");
}

#[test]
fn a_loop_without_end_is_stopped_by_cancelling() {
    let fixture = Fixture::new();
    let cancel = CancellationToken::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(200));
            cancel.cancel();
        });
        let outcome = fixture.engine.run(&request("DECLARE x INT64; LOOP SET x = 1; END LOOP"), &Silent, &cancel);
        assert_eq!(outcome.error.unwrap().reason, Reason::Stopped);
    });
}

#[test]
fn a_dry_run_of_queries_does_not_wait_for_a_writer() {
    let fixture = Fixture::new();
    fixture.rows("CREATE TABLE ds.t AS SELECT 1 AS x");
    let writer = fixture.engine.pool.take().unwrap();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begin = Instant::now();
    let dry = QueryRequest { dry_run: true, ..request("SELECT x FROM ds.t; SELECT 2") };
    let outcome = fixture.engine.run(&dry, &Silent, &CancellationToken::new());
    assert_eq!((outcome.error, outcome.statements.len()), (None, 2));
    assert!(begin.elapsed() < Duration::from_secs(30));
}
