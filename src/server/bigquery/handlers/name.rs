//! Names of projects, datasets, tables, models and jobs: checked once, before anything is looked up by them. What the engine keeps
//! has its rules from there.

use super::members::Members;
use crate::server::bigquery::engine::{DatasetReference, TableReference, check_dataset_name, check_table_name};
use crate::server::bigquery::http::{ApiError, Request};

const JOB_CHARS_MAX: usize = 1024;
const PROJECT_CHARS_MAX: usize = 100;

/// # Errors
/// 400 for what can't be the id of a project, also a legacy one with a domain.
pub(super) fn project(id: &str) -> Result<&str, ApiError> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let is_sane = id.starts_with(|c: char| c.is_ascii_alphanumeric()) && id.chars().all(is_inner);
    if is_sane && id.len() <= PROJECT_CHARS_MAX {
        return Ok(id);
    }
    Err(ApiError::invalid(format!(
        "Invalid project ID '{}'. Project IDs must contain 6-63 lowercase letters, digits, or dashes. \
         Some project IDs also include domain name separated by a colon. IDs must start with a letter and may not end with a dash.",
        shown(id)
    )))
}

/// # Errors
/// 400 for what can't be the id of a dataset.
pub(super) fn dataset(id: &str) -> Result<&str, ApiError> {
    check_dataset_name(id)?;
    Ok(id)
}

/// # Errors
/// 400 for what can't be the id of a table or a model.
pub(super) fn table(id: &str) -> Result<&str, ApiError> {
    check_table_name(id)?;
    Ok(id)
}

/// # Errors
/// 400 for what can't be the id of a job.
pub(super) fn job(id: &str) -> Result<&str, ApiError> {
    let is_sane = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-') && !id.is_empty();
    if is_sane && id.len() <= JOB_CHARS_MAX {
        return Ok(id);
    }
    Err(ApiError::invalid(format!(
        "Invalid job ID \"{}\". The ID must contain only letters (a-z, A-Z), numbers (0-9), underscores (_), or dashes (-). \
         The maximum length is 1,024 characters.",
        shown(id)
    )))
}

fn shown(id: &str) -> String {
    id.chars().take(100).collect()
}

/// The project of a request's path.
pub(super) fn project_of(request: &Request) -> Result<&str, ApiError> {
    project(request.path("project"))
}

/// The dataset of a request's path.
pub(super) fn dataset_of(request: &Request) -> Result<DatasetReference, ApiError> {
    Ok(DatasetReference::new(project_of(request)?, dataset(request.path("dataset"))?))
}

/// The table or model of a request's path.
pub(super) fn table_of(request: &Request, variable: &str) -> Result<TableReference, ApiError> {
    Ok(TableReference::new(project_of(request)?, dataset(request.path("dataset"))?, table(request.path(variable))?))
}

/// `{"projectId","datasetId"}`; the project may be left out.
pub(super) fn read_dataset(members: &Members<'_>, default_project: &str) -> Result<DatasetReference, ApiError> {
    let project_id = members.text("projectId")?.filter(|id| !id.is_empty()).unwrap_or(default_project);
    Ok(DatasetReference::new(project(project_id)?, dataset(members.required_text("datasetId")?)?))
}

/// `{"projectId","datasetId","tableId"}`; the project may be left out.
pub(super) fn read_table(members: &Members<'_>, default_project: &str) -> Result<TableReference, ApiError> {
    let DatasetReference { project, dataset } = read_dataset(members, default_project)?;
    Ok(TableReference::new(project, dataset, table(members.required_text("tableId")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_something_elsewhere_are_refused() {
        let hostile =
            ["", "..", "../x", "a/b", "a'b", "a\"b", "a;DROP TABLE x", "a`b", "a\0b", "a%b", "a$b", "a\nb", "*"];
        for name in hostile {
            for check in [project, dataset, table, job] {
                assert_eq!(check(name).unwrap_err().status, 400, "{name:?}");
            }
        }
        assert!(table(&"é".repeat(600)).is_err() && dataset(&"d".repeat(1025)).is_err());
        for (check, name) in [
            (project as fn(&str) -> Result<&str, ApiError>, "example.com:p-1"),
            (dataset, "ml"),
            (dataset, "_1"),
            (table, "été 2024-01"),
            (job, "a-B_1"),
        ] {
            assert_eq!(check(name).unwrap(), name);
        }
        let message = dataset("my-ds").unwrap_err().message;
        assert!(message.starts_with("Invalid dataset ID \"my-ds\". Dataset IDs must be alphanumeric"), "{message}");
    }
}
