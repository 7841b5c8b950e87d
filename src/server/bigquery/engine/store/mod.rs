//! What is kept on disk: one SQLite file with the catalogue and the rows of all tables, and short-lived files of running jobs and of results.
//!
//! The catalogue's tables are `catalog_*`; the rows of the table with number 17 are in `t17`, whose columns are `c0`, `c1` ...
//! Names that users give are values in the catalogue, never names in SQLite.

mod catalogue;
mod folder;
mod models;
mod name;
mod pool;
mod results;
mod rows;
mod scratch;

pub(super) use catalogue::{
    Stored, dataset, datasets, delete_dataset, projects, put_dataset, put_table, remove_table, require_dataset,
    restamp, stored, stored_all, table_not_found, tables_expired,
};
pub(super) use folder::Folder;
pub use folder::OpenError;
pub(super) use models::{StoredModel, model, models, put_model, remove_expired_models, remove_model};
pub(super) use name::check_fields;
pub(crate) use name::{check_dataset_name, check_table_name};
pub(super) use pool::{Pool, Pooled};
pub(super) use results::Results;
pub(super) use rows::{
    account_appended, account_whole, append_from, column_list, create_rows, decode, drop_rows, next_number, page,
};
pub(super) use scratch::{Scratch, ScratchFolder};

use super::resource::Stamp;
use crate::server::bigquery::error::{QueryError, Reason};

pub(super) type Outcome<T> = Result<T, QueryError>;

/// A failure of SQLite as a query reports it.
pub(super) fn sqlite_error(error: &rusqlite::Error) -> QueryError {
    use rusqlite::ErrorCode;
    if let Some(known) = crate::server::bigquery::function::query_error(error) {
        return known;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => cancelled(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => QueryError::invalid_query(
            "Transaction is aborted due to concurrent update. Transaction ID: 0. Retry the statement",
        ),
        Some(ErrorCode::TooBig | ErrorCode::OutOfMemory) => {
            QueryError::new(Reason::ResourcesExceeded, format!("Resources exceeded during query execution: {error}"))
        }
        Some(ErrorCode::DiskFull | ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::CannotOpen) => {
            QueryError::new(Reason::BackendError, format!("the server's own disk: {error}"))
        }
        _ => QueryError::invalid_query(format!("The query could not be run: {error}")),
    }
}

/// What a cancelled job says.
pub(super) fn cancelled() -> QueryError {
    QueryError::new(Reason::Stopped, "Job execution was cancelled: User requested cancellation")
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let elapsed = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// A stamp for a change now; a first one when there was none.
pub(super) fn stamp(before: Option<&Stamp>) -> Stamp {
    let now = now_ms();
    Stamp {
        etag: uuid::Uuid::new_v4().simple().to_string(),
        creation_ms: before.map_or(now, |before| before.creation_ms),
        modified_ms: now,
    }
}

pub(super) fn check_etag(wanted: Option<&str>, kept: &Stamp) -> Outcome<()> {
    match wanted {
        Some(wanted) if wanted != kept.etag => {
            Err(QueryError::new(Reason::ConditionNotMet, "Precondition check failed."))
        }
        _ => Ok(()),
    }
}
