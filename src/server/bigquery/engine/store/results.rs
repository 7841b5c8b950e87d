//! Results of queries: anonymous tables that live for a day, and no more of them than a bound.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, OpenFlags};

use super::{Outcome, Scratch, now_ms, page, sqlite_error};
use crate::server::bigquery::engine::outcome::{Page, ResultTable};
use crate::server::bigquery::engine::resource::{Settings, Stamp, Table, TableKind, TableReference};
use crate::server::bigquery::value::Field;

/// Anonymous tables are in this dataset of each project.
const DATASET: &str = "_anonymous";
const RESULTS_MAX: usize = 1000;
/// Of all files; the oldest results go first.
const BYTES_MAX: u64 = 4 << 30;
const LIFE_MS: i64 = 24 * 3600 * 1000;

#[derive(Debug, Default)]
pub(crate) struct Results {
    kept: Mutex<VecDeque<Kept>>,
}

#[derive(Debug, Clone)]
struct Kept {
    result: ResultTable,
    /// The rows are in its table `r<number>`.
    file: Arc<Scratch>,
    number: u64,
    created_ms: i64,
}

impl Results {
    /// A name that nobody has had.
    pub(crate) fn name(project: &str) -> TableReference {
        TableReference::new(project, DATASET, format!("anon{}", uuid::Uuid::new_v4().simple()))
    }

    pub(crate) fn add(&self, result: ResultTable, file: Arc<Scratch>, number: u64) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now_ms();
        kept.push_back(Kept { result, file, number, created_ms: now });
        trim(&mut kept, now, BYTES_MAX);
    }

    fn find(&self, table: &TableReference) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|kept| kept.result.table == *table).cloned()
    }

    /// `None`: no such result, or it is gone.
    pub(crate) fn table(&self, reference: &TableReference, location: &str) -> Option<Table> {
        let kept = self.find(reference)?;
        Some(Table {
            reference: reference.clone(),
            kind: TableKind::Table,
            fields: kept.result.fields,
            location: location.to_owned(),
            settings: Settings { expiration_ms: Some(kept.created_ms.saturating_add(LIFE_MS)), ..Settings::default() },
            stamp: Stamp { etag: reference.table.clone(), creation_ms: kept.created_ms, modified_ms: kept.created_ms },
            rows: kept.result.rows,
            bytes: 0,
        })
    }

    /// `None`: no such result, or it is gone.
    pub(crate) fn rows(
        &self,
        table: &TableReference,
        columns: &dyn Fn(&[Field]) -> Outcome<Vec<usize>>,
        start: u64,
        limits: (u64, u64),
    ) -> Option<Outcome<Page>> {
        let kept = self.find(table)?;
        Some(kept.read(columns, start, limits))
    }
}

/// Lets the oldest go. The results of one job are in one file, which goes with the last of them.
fn trim(kept: &mut VecDeque<Kept>, now: i64, bytes_max: u64) {
    let mut counted = HashSet::new();
    let files = kept.iter().filter(|kept| counted.insert(Arc::as_ptr(&kept.file)));
    let mut bytes = files.fold(0_u64, |sum, kept| sum.saturating_add(kept.file.size()));
    while kept.len() > 1 {
        let too_many = kept.len() > RESULTS_MAX || bytes > bytes_max;
        let too_old = kept.front().is_some_and(|oldest| oldest.created_ms.saturating_add(LIFE_MS) < now);
        let Some(gone) = (if too_many || too_old { kept.pop_front() } else { None }) else { break };
        if !kept.iter().any(|kept| Arc::ptr_eq(&kept.file, &gone.file)) {
            bytes = bytes.saturating_sub(gone.file.size());
        }
    }
}

impl Kept {
    fn read(&self, columns: &dyn Fn(&[Field]) -> Outcome<Vec<usize>>, start: u64, limits: (u64, u64)) -> Outcome<Page> {
        let chosen = columns(&self.result.fields)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let open = || {
            let connection = Connection::open_with_flags(self.file.path(), flags)?;
            connection.busy_timeout(std::time::Duration::from_secs(30))?;
            Ok(connection)
        };
        let connection = open().map_err(|error| sqlite_error(&error))?;
        let table = format!("\"main\".\"r{}\"", self.number);
        page(&connection, &table, true, (&self.result.fields, &chosen), (start, self.result.rows), limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::bigquery::engine::store::ScratchFolder;

    #[test]
    fn a_file_that_results_share_counts_once() {
        let folder = tempfile::tempdir().unwrap();
        let scratch = ScratchFolder::open(&folder.path().join("scratch")).unwrap();
        let file = || {
            let file = scratch.file();
            std::fs::write(file.path(), [0; 10]).unwrap();
            file
        };
        let kept = |file: &Arc<Scratch>, number| {
            let result = ResultTable { table: Results::name("p"), fields: Vec::new(), rows: 0 };
            Kept { result, file: Arc::clone(file), number, created_ms: 1 }
        };
        let (shared, other) = (file(), file());
        let mut all: VecDeque<_> = [kept(&shared, 1), kept(&shared, 2), kept(&shared, 3), kept(&other, 4)].into();
        trim(&mut all, 1, 20);
        assert_eq!(all.len(), 4);
        trim(&mut all, 1, 19);
        assert_eq!(all.iter().map(|kept| kept.number).collect::<Vec<_>>(), [4]);
        trim(&mut all, 1, 0);
        assert_eq!(all.len(), 1, "the newest stays");
    }
}
