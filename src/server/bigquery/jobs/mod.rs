//! Jobs: what a client submits, runs in turn, waits for, and reads again later.
//!
//! Pending and running jobs are in memory ([`Job`]); a job that is done is a [`Record`] in the archive on disk, first written
//! and then shown as done. `run` does the work, `statistics` and `resource` say how it went in the API's shapes.

mod archive;
mod children;
mod job;
mod list;
mod resource;
mod run;
mod statistics;
mod table;

pub use archive::ArchiveError;
pub(crate) use job::{JobKey, JobReference, Submission, Task};
pub(crate) use list::Filter;
pub(crate) use resource::Record;
pub(crate) use run::dry_run;
pub(crate) use table::{Found, Jobs};

use super::engine::now_ms;
