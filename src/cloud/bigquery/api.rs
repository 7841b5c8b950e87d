//! The few calls of BigQuery's REST API that are made, through Google's client: jobs and datasets in, plain values out.
//!
//! Every call is a boxed future: the client's generics are instantiated here and nowhere else.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use google_cloud_bigquery_v2::client::{DatasetService, JobService};
use google_cloud_bigquery_v2::model;
use google_cloud_gax::options::RequestOptionsBuilder as _;

use super::rows::{Column, ResultTable, row};
use crate::client::{ATTEMPT_TIMEOUT, GoogleAddress, GoogleError, GoogleService, backoff, retries};
use crate::cloud::names::DatasetName;

/// Rows of one answer.
const PAGE_ROWS: u32 = 1000;
/// How long the service may keep an answer with rows back, which are there when they are asked for.
const RESULTS_WAIT_MS: u32 = 10_000;
/// Statements of a script that are listed.
const CHILDREN_MAX: i32 = 1000;

type Call<'a, T> = BoxFuture<'a, Result<T, GoogleError>>;

/// BigQuery's jobs and datasets.
#[derive(Debug)]
pub(super) struct Api {
    jobs: JobService,
    datasets: DatasetService,
    address: GoogleAddress,
}

/// What a job is to do.
#[derive(Debug, Clone)]
pub(super) struct JobRequest<'a> {
    /// Chosen by us, so that a request that is sent twice makes one job.
    pub(super) id: &'a str,
    pub(super) location: &'a str,
    pub(super) text: &'a str,
    pub(super) dry_run: bool,
    pub(super) maximum_bytes_billed: Option<i64>,
}

/// A job, or a statement of a script, as it stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct JobView {
    pub(super) id: String,
    pub(super) done: bool,
    pub(super) error: Option<JobError>,
    /// `SELECT`, `CREATE_MODEL`, `SCRIPT`...
    pub(super) statement: String,
    /// What a DDL statement made or dropped.
    pub(super) target: Option<String>,
    /// `CREATE`, `REPLACE`, `SKIP`, `DROP`.
    pub(super) operation: String,
    pub(super) bytes_processed: u64,
    /// Of a dry run: `PRECISE`, `LOWER_BOUND`, `UPPER_BOUND`.
    pub(super) accuracy: String,
    pub(super) slot_ms: u64,
    pub(super) affected_rows: Option<u64>,
    /// Milliseconds since 1970; zero where not known.
    pub(super) created_ms: i64,
    pub(super) started_ms: i64,
    pub(super) ended_ms: i64,
    /// Of a script.
    pub(super) children: u64,
    /// An expression of a script (of an IF, a SET), not a statement.
    pub(super) is_expression: bool,
    /// The line at which a statement of a script begins.
    pub(super) line: Option<usize>,
}

/// Why a job failed, in BigQuery's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct JobError {
    pub(super) reason: String,
    pub(super) message: String,
}

impl Api {
    pub(super) async fn connect(address: &GoogleAddress) -> Result<Self, GoogleError> {
        let service = GoogleService::BigQuery;
        let endpoint = address.endpoint(service)?;
        let credentials = address.credentials().await?;
        let mut jobs = JobService::builder()
            .with_credentials(credentials.clone())
            .with_retry_policy(retries())
            .with_backoff_policy(backoff())
            .with_attempt_timeout(ATTEMPT_TIMEOUT);
        let mut datasets = DatasetService::builder()
            .with_credentials(credentials)
            .with_retry_policy(retries())
            .with_backoff_policy(backoff())
            .with_attempt_timeout(ATTEMPT_TIMEOUT);
        if let Some(endpoint) = endpoint {
            (jobs, datasets) = (jobs.with_endpoint(endpoint), datasets.with_endpoint(endpoint));
        }
        let failed = |reason: String| GoogleError::Build { service, reason };
        let jobs = jobs.build().await.map_err(|error| failed(error.to_string()))?;
        let datasets = datasets.build().await.map_err(|error| failed(error.to_string()))?;
        Ok(Self { jobs, datasets, address: address.clone() })
    }

    /// Where a dataset is.
    pub(super) fn dataset_location<'a>(&'a self, dataset: &'a DatasetName) -> Call<'a, String> {
        async move {
            let request = self.datasets.get_dataset().set_project_id(self.project()).set_dataset_id(dataset.as_str());
            request.send().await.map(|found| found.location).map_err(self.error(format!("dataset {dataset}")))
        }
        .boxed()
    }

    pub(super) fn create_dataset<'a>(&'a self, dataset: &'a DatasetName, location: &'a str) -> Call<'a, String> {
        async move {
            let reference =
                model::DatasetReference::new().set_project_id(self.project()).set_dataset_id(dataset.as_str());
            let wanted = model::Dataset::new().set_dataset_reference(reference).set_location(location);
            let request = self.datasets.insert_dataset().set_project_id(self.project()).set_dataset(wanted);
            // Sent twice it is a conflict the second time, which is looked into.
            let made = request.with_idempotency(true).send().await;
            made.map(|made| made.location).map_err(self.error(format!("new dataset {dataset}")))
        }
        .boxed()
    }

    /// Starts a job.
    pub(super) fn insert<'a>(&'a self, request: &'a JobRequest<'a>) -> Call<'a, JobView> {
        async move {
            let mut query = model::JobConfigurationQuery::new().set_query(request.text).set_use_legacy_sql(false);
            if let Some(bytes) = request.maximum_bytes_billed {
                query = query.set_maximum_bytes_billed(bytes);
            }
            let mut configuration = model::JobConfiguration::new().set_query(query);
            if request.dry_run {
                configuration = configuration.set_dry_run(true);
            }
            let reference = model::JobReference::new()
                .set_project_id(self.project())
                .set_job_id(request.id)
                .set_location(request.location);
            let job = model::Job::new().set_configuration(configuration).set_job_reference(reference);
            let call = self.jobs.insert_job().set_project_id(self.project()).set_job(job).with_idempotency(true);
            call.send().await.map(view).map_err(self.error("a new job".to_owned()))
        }
        .boxed()
    }

    pub(super) fn job<'a>(&'a self, id: &'a str, location: &'a str) -> Call<'a, JobView> {
        async move {
            let request = self.jobs.get_job().set_project_id(self.project()).set_job_id(id).set_location(location);
            request.send().await.map(view).map_err(self.error(format!("job {id}")))
        }
        .boxed()
    }

    /// The statements of a script that have begun, in the order in which they did.
    pub(super) fn children<'a>(&'a self, id: &'a str) -> Call<'a, Vec<JobView>> {
        async move {
            let request = self.jobs.list_jobs().set_project_id(self.project()).set_parent_job_id(id);
            let answer = request.set_max_results(CHILDREN_MAX).send().await;
            let answer = answer.map_err(self.error(format!("the statements of job {id}")))?;
            let mut views: Vec<JobView> = answer.jobs.into_iter().map(listed_view).collect();
            views.retain(|view| !view.is_expression);
            views.sort_by_key(|view| (view.created_ms, number_at_end(&view.id)));
            Ok(views)
        }
        .boxed()
    }

    /// The rows of a job, `limit` at most.
    pub(super) fn results<'a>(&'a self, id: &'a str, location: &'a str, limit: usize) -> Call<'a, ResultTable> {
        async move {
            let name = format!("the rows of job {id}");
            let (mut table, mut token) = (ResultTable::default(), String::new());
            loop {
                let options = model::DataFormatOptions::new().set_use_int64_timestamp(true);
                let request = self
                    .jobs
                    .get_query_results()
                    .set_project_id(self.project())
                    .set_job_id(id)
                    .set_location(location)
                    .set_max_results(PAGE_ROWS)
                    .set_timeout_ms(RESULTS_WAIT_MS)
                    .set_format_options(options)
                    .set_page_token(token);
                let page = request.send().await.map_err(self.error(name.clone()))?;
                if page.job_complete == Some(false) {
                    return Err(self.broken(&name, "the job is done, but its rows are not there"));
                }
                if let Some(schema) = page.schema.filter(|_| table.columns.is_empty()) {
                    table.columns = schema.fields.into_iter().map(column).collect();
                }
                table.total = page.total_rows.unwrap_or(0);
                for wire in &page.rows {
                    let cells = row(&table.columns, wire).map_err(|why| self.broken(&name, &why))?;
                    table.rows.push(cells);
                }
                if page.page_token.is_empty() || table.rows.len() >= limit {
                    table.rows.truncate(limit);
                    return Ok(table);
                }
                token = page.page_token;
            }
        }
        .boxed()
    }

    /// Asks for the end of a job; it comes when it comes.
    pub(super) fn cancel<'a>(&'a self, id: &'a str, location: &'a str) -> Call<'a, ()> {
        async move {
            let request = self.jobs.cancel_job().set_project_id(self.project()).set_job_id(id).set_location(location);
            let asked = request.with_idempotency(true).send().await;
            asked.map(|_| ()).map_err(self.error(format!("the end of job {id}")))
        }
        .boxed()
    }

    fn project(&self) -> &str {
        self.address.project()
    }

    fn error(&self, request: String) -> impl FnOnce(google_cloud_gax::error::Error) -> GoogleError + '_ {
        move |error| self.address.classify(GoogleService::BigQuery, &request, &error)
    }

    /// An answer that can't be one of BigQuery's.
    fn broken(&self, request: &str, reason: &str) -> GoogleError {
        let url = self.address.url(GoogleService::BigQuery).to_owned();
        let service = GoogleService::BigQuery;
        GoogleError::Refused { service, url, request: request.to_owned(), status: 200, reason: reason.to_owned() }
    }
}

fn view(job: model::Job) -> JobView {
    let id = job.job_reference.map(|reference| reference.job_id).unwrap_or_default();
    let status = job.status.unwrap_or_default();
    let base =
        JobView { id, done: status.state == "DONE", error: status.error_result.map(error), ..JobView::default() };
    with_statistics(base, job.statistics.unwrap_or_default())
}

fn listed_view(job: model::ListFormatJob) -> JobView {
    let id = job.job_reference.map(|reference| reference.job_id).unwrap_or_default();
    let status = job.status.unwrap_or_default();
    let state = if job.state.is_empty() { status.state } else { job.state };
    let failed = job.error_result.or(status.error_result);
    let base = JobView { id, done: state == "DONE", error: failed.map(error), ..JobView::default() };
    with_statistics(base, job.statistics.unwrap_or_default())
}

fn error(error: model::ErrorProto) -> JobError {
    JobError { reason: error.reason, message: error.message }
}

fn with_statistics(view: JobView, statistics: model::JobStatistics) -> JobView {
    let positive = |number: Option<i64>| u64::try_from(number.unwrap_or(0)).unwrap_or_default();
    let query = statistics.query.unwrap_or_default();
    let target = query.ddl_target_table.map(|table| table.table_id);
    let target = target.or_else(|| query.ddl_target_dataset.map(|dataset| dataset.dataset_id));
    let script = statistics.script_statistics;
    let frame = script.as_ref().and_then(|script| script.stack_frames.first());
    JobView {
        statement: query.statement_type,
        target: target.filter(|name| !name.is_empty()),
        operation: query.ddl_operation_performed,
        bytes_processed: positive(statistics.total_bytes_processed.or(query.total_bytes_processed)),
        accuracy: query.total_bytes_processed_accuracy,
        slot_ms: positive(statistics.total_slot_ms.or(query.total_slot_ms)),
        affected_rows: query.num_dml_affected_rows.and_then(|rows| u64::try_from(rows).ok()),
        created_ms: statistics.creation_time,
        started_ms: statistics.start_time,
        ended_ms: statistics.end_time,
        children: positive(Some(statistics.num_child_jobs)),
        is_expression: script
            .as_ref()
            .is_some_and(|script| script.evaluation_kind == model::script_statistics::EvaluationKind::Expression),
        line: frame.and_then(|frame| usize::try_from(frame.start_line).ok()).filter(|line| *line > 0),
        ..view
    }
}

fn column(field: model::TableFieldSchema) -> Column {
    Column {
        name: field.name,
        kind: field.r#type,
        repeated: field.mode == "REPEATED",
        fields: field.fields.into_iter().map(column).collect(),
    }
}

/// `script_job_ab12_10` ends with 10: statements made within one millisecond are told apart by it.
fn number_at_end(id: &str) -> u64 {
    id.rsplit('_').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}
