//! Scripts on BigQuery: each sent as one job, polled to its end, its results read.
//!
//! [`script`] fills placeholders before anything is asked; [`run`] sees a job through; [`api`] alone knows Google's client; [`rows`] is
//! what a result is. The scripts of `sql/` are in [`sql`].

mod api;
mod cost;
mod rows;
mod run;
mod script;
mod sql;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use crate::client::{GoogleAddress, GoogleError};
use crate::cloud::names::DatasetName;

use api::Api;
pub use cost::Estimate;
pub use rows::{Cell, Column, ResultTable};
pub use run::{RunOptions, ScriptProgress, ScriptRun, StatementRun};
pub use script::{PlaceholderProblem, Script, ScriptError, ScriptNames, SqlPlace};
pub use sql::{SHIPPED_SCRIPTS, ShippedScript};

/// What a job may bill at most, unless something else is said: 1 GB, less than a cent.
const MAXIMUM_BYTES_BILLED: i64 = 1_000_000_000;

#[derive(Debug, thiserror::Error)]
pub enum BigQueryError {
    #[error(transparent)]
    Google(#[from] GoogleError),
    /// BigQuery's own words, and where in the script they point.
    #[error("{script}: {message}")]
    Failed {
        script: String,
        reason: String,
        message: String,
        /// In the script as it was written.
        place: Option<SqlPlace>,
        /// The script's line, and a caret below the place.
        excerpt: Option<String>,
        job: String,
        /// Statements that were done before.
        statements_done: usize,
    },
    #[error("{script} was not done within {} s", .timeout.as_secs())]
    TooLate { script: String, job: String, timeout: Duration },
    #[error("{script} was interrupted")]
    Cancelled { script: String, job: String },
    #[error("dataset `{dataset}` is in {found}, but has to be in {wanted}, where the bucket is")]
    Location { dataset: String, found: String, wanted: String },
}

/// A dataset that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetOutcome {
    pub created: bool,
    pub location: String,
}

/// BigQuery, connected.
#[derive(Debug)]
pub struct BigQuery {
    /// Shared with what ends a job whose waiting was dropped.
    api: Arc<Api>,
}

impl BigQuery {
    /// Makes the clients. Fails when there are no credentials; whether the service answers is seen by the first request.
    pub async fn connect(address: &GoogleAddress) -> Result<Self, BigQueryError> {
        Ok(Self { api: Arc::new(Api::connect(address).await?) })
    }

    /// Makes the dataset where it is missing. One that is elsewhere than `location` can't read a bucket there.
    pub async fn ensure_dataset(&self, dataset: &DatasetName, location: &str) -> Result<DatasetOutcome, BigQueryError> {
        let found = match self.api.dataset_location(dataset).await {
            Ok(found) => found,
            Err(error) if error.is_not_found() => match self.api.create_dataset(dataset, location).await {
                Ok(made) => return Ok(DatasetOutcome { created: true, location: named(made, location) }),
                // Somebody else was faster, or an answer of ours was lost.
                Err(error) if error.is_conflict() => self.api.dataset_location(dataset).await?,
                Err(error) => return Err(error.into()),
            },
            Err(error) => return Err(error.into()),
        };
        let found = named(found, location);
        if !found.eq_ignore_ascii_case(location) {
            return Err(BigQueryError::Location { dataset: dataset.to_string(), found, wanted: location.to_owned() });
        }
        Ok(DatasetOutcome { created: false, location: found })
    }
}

/// A service that leaves the location out means the one that was asked for.
fn named(location: String, asked: &str) -> String {
    if location.is_empty() { asked.to_owned() } else { location }
}

impl ShippedScript {
    /// A script by its name, with or without `.sql`.
    pub fn find(name: &str) -> Option<&'static Self> {
        script::shipped(name)
    }
}
