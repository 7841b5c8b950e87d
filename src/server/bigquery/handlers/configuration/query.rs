//! `configuration.query`, and the body of jobs.query, which says the same in other places.

use super::super::members::Members;
use super::super::{name, table};
use super::{destination, parameter};
use crate::server::bigquery::engine::{QueryRequest, WriteDisposition};
use crate::server::bigquery::http::ApiError;

/// Characters of a script.
const QUERY_CHARS_MAX: usize = 1024 * 1024;

const KNOWN: [&str; 17] = [
    "query",
    "useLegacySql",
    "defaultDataset",
    "destinationTable",
    "createDisposition",
    "writeDisposition",
    "queryParameters",
    "parameterMode",
    "maximumBytesBilled",
    // How the service would go about it; nothing of the result depends on them.
    "priority",
    "useQueryCache",
    "allowLargeResults",
    "flattenResults",
    "maximumBillingTier",
    "timePartitioning",
    "clustering",
    "writeIncrementalResults",
];
const UNSUPPORTED: [&str; 10] = [
    "userDefinedFunctionResources",
    "tableDefinitions",
    "schemaUpdateOptions",
    "rangePartitioning",
    "destinationEncryptionConfiguration",
    "scriptOptions",
    "connectionProperties",
    "createSession",
    "continuous",
    "preserveNulls",
];

pub(super) fn read(members: &Members<'_>, project: &str) -> Result<QueryRequest, ApiError> {
    members.only(&KNOWN, &UNSUPPORTED)?;
    let destination = destination(members, project, WriteDisposition::Empty)?;
    Ok(QueryRequest { destination, ..common(members, project)? })
}

const REQUEST_KNOWN: [&str; 17] = [
    "kind",
    "query",
    "useLegacySql",
    "defaultDataset",
    "queryParameters",
    "parameterMode",
    "maximumBytesBilled",
    "maxResults",
    "timeoutMs",
    "jobTimeoutMs",
    "dryRun",
    "labels",
    "location",
    "requestId",
    "formatOptions",
    "jobCreationMode",
    "useQueryCache",
];
const REQUEST_UNSUPPORTED: [&str; 8] = [
    "connectionProperties",
    "createSession",
    "continuous",
    "destinationEncryptionConfiguration",
    "reservation",
    "maxSlots",
    "writeIncrementalResults",
    "preserveNulls",
];

/// The body of jobs.query, as far as it says what is to be run.
pub(in super::super) fn read_request(members: &Members<'_>, project: &str) -> Result<QueryRequest, ApiError> {
    members.only(&REQUEST_KNOWN, &REQUEST_UNSUPPORTED)?;
    common(members, project)
}

fn common(members: &Members<'_>, project: &str) -> Result<QueryRequest, ApiError> {
    if members.flag("useLegacySql")?.unwrap_or(false) {
        return Err(table::legacy_sql());
    }
    let text = members.required_text("query")?;
    if text.len() > QUERY_CHARS_MAX && text.chars().count() > QUERY_CHARS_MAX {
        return Err(ApiError::invalid(
            "The query is too large. The maximum standard SQL query length is 1024.00K characters, including comments \
             and white space characters.",
        ));
    }
    let default_dataset = members.object("defaultDataset")?;
    let default_dataset = default_dataset.map(|dataset| name::read_dataset(&dataset, project)).transpose()?;
    Ok(QueryRequest {
        project: project.to_owned(),
        text: text.to_owned(),
        default_dataset,
        parameters: parameter::read(members)?,
        bytes_billed_max: members.number("maximumBytesBilled")?.filter(|bytes| *bytes > 0),
        ..QueryRequest::default()
    })
}
