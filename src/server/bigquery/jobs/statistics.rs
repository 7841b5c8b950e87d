//! How jobs went, in the API's shapes. 64-bit numbers are strings there.

use serde_json::{Map, Value as Json, json};

use super::job::Job;
use super::now_ms;
use crate::server::bigquery::engine::{
    Ddl, DdlTarget, LoadOutcome, MlStatistics, ScriptOutcome, StatementOutcome, TableReference,
};
use crate::server::bigquery::value::schema_to_json;

/// Times and bytes, of a job that ends now.
pub(super) fn common(job: &Job, bytes_processed: u64) -> Map<String, Json> {
    times(job.created_ms, job.started_ms(), now_ms(), bytes_processed)
}

pub(super) fn times(created_ms: i64, started_ms: i64, ended_ms: i64, bytes_processed: u64) -> Map<String, Json> {
    let took = ended_ms.saturating_sub(started_ms).max(0).to_string();
    let members = [
        ("creationTime", created_ms.to_string()),
        ("startTime", started_ms.to_string()),
        ("endTime", ended_ms.to_string()),
        ("totalBytesProcessed", bytes_processed.to_string()),
        ("totalSlotMs", took.clone()),
        ("finalExecutionDurationMs", took),
    ];
    members.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
}

pub(super) fn bytes_processed(outcome: &ScriptOutcome) -> u64 {
    outcome.statements.iter().fold(0, |sum, statement| sum.saturating_add(statement.bytes_processed))
}

/// `statistics.query` of a job: of its one statement, or of the whole script.
pub(super) fn of_script(outcome: &ScriptOutcome) -> Json {
    if let (false, Some(statement)) = (outcome.script, outcome.statements.first()) {
        return of_statement(statement);
    }
    let billed = outcome.statements.iter().fold(0_u64, |sum, statement| sum.saturating_add(statement.bytes_billed));
    let mut query = json!({
        "totalBytesProcessed": bytes_processed(outcome).to_string(),
        "totalBytesBilled": billed.to_string(),
        "cacheHit": false,
        "billingTier": 1,
    });
    if let (true, Some(members)) = (outcome.script, query.as_object_mut()) {
        members.insert("statementType".into(), "SCRIPT".into());
        let fields = outcome.statements.iter().rev().find_map(|statement| statement.fields.as_ref());
        if let Some(fields) = fields {
            members.insert("schema".into(), schema_to_json(fields));
        }
    }
    query
}

/// `statistics.query` of one statement.
pub(super) fn of_statement(statement: &StatementOutcome) -> Json {
    let took = statement.ended_ms.saturating_sub(statement.started_ms).max(0);
    let mut query = json!({
        "statementType": statement.statement_type,
        "totalBytesProcessed": statement.bytes_processed.to_string(),
        "totalBytesBilled": statement.bytes_billed.to_string(),
        "totalSlotMs": took.to_string(),
        "cacheHit": false,
        "billingTier": 1,
        "totalPartitionsProcessed": "0",
    });
    let Some(members) = query.as_object_mut() else { return query };
    if !statement.referenced_tables.is_empty() {
        members.insert("referencedTables".into(), statement.referenced_tables.iter().map(table_reference).collect());
    }
    if let Some(fields) = &statement.fields {
        members.insert("schema".into(), schema_to_json(fields));
    }
    if let Some(ddl) = &statement.ddl {
        insert_ddl(members, ddl);
    }
    if let Some(dml) = &statement.dml {
        members.insert("numDmlAffectedRows".into(), dml.affected().to_string().into());
        members.insert(
            "dmlStats".into(),
            json!({
                "insertedRowCount": dml.inserted.to_string(),
                "updatedRowCount": dml.updated.to_string(),
                "deletedRowCount": dml.deleted.to_string(),
            }),
        );
    }
    if let Some(ml) = &statement.ml {
        members.insert("mlStatistics".into(), of_model(ml));
    }
    if !statement.notes.is_empty() {
        // No member of the real service: what a person should know of what was approximated.
        members.insert("notes".into(), json!(statement.notes));
    }
    query
}

fn insert_ddl(members: &mut Map<String, Json>, ddl: &Ddl) {
    members.insert("ddlOperationPerformed".into(), ddl.operation.word().into());
    match &ddl.target {
        DdlTarget::Table(table) | DdlTarget::Model(table) => {
            members.insert("ddlTargetTable".into(), table_reference(table));
        }
        DdlTarget::Dataset(dataset) => {
            let dataset = json!({"projectId": dataset.project, "datasetId": dataset.dataset});
            members.insert("ddlTargetDataset".into(), dataset);
        }
    }
}

fn of_model(ml: &MlStatistics) -> Json {
    json!({
        "maxIterations": ml.max_iterations.to_string(),
        "iterationResults": ml.iterations,
        "modelType": ml.model_type,
        "trainingType": "SINGLE_TRAINING",
    })
}

/// `scriptStatistics` of a statement of a script.
pub(super) fn of_child(statement: &StatementOutcome) -> Json {
    json!({
        "evaluationKind": statement.evaluation.word(),
        "stackFrames": [{
            "startLine": statement.start.line,
            "startColumn": statement.start.column,
            "endLine": statement.end.line,
            "endColumn": statement.end.column,
            "text": statement.text,
        }],
    })
}

pub(super) fn load(outcome: &LoadOutcome) -> Json {
    json!({
        "inputFiles": outcome.input_files.to_string(),
        "inputFileBytes": outcome.input_bytes.to_string(),
        "outputRows": outcome.output_rows.to_string(),
        "outputBytes": outcome.output_bytes.to_string(),
        "badRecords": outcome.bad_records.to_string(),
    })
}

/// `files`: so many were written for each URI.
pub(super) fn extract(files: &[u64]) -> Json {
    json!({"destinationUriFileCounts": files.iter().map(u64::to_string).collect::<Vec<_>>()})
}

/// `{"projectId","datasetId","tableId"}`.
pub(super) fn table_reference(table: &TableReference) -> Json {
    json!({"projectId": table.project, "datasetId": table.dataset, "tableId": table.table})
}
