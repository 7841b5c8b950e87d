//! `tables`: tables, views and external tables.

use serde_json::{Map, Value as Json, json};

use super::members::Members;
use super::settings::{self, Shape};
use super::{external, name, token};
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::engine::{Table, TableKind};
use crate::server::bigquery::http::{ApiError, Request, Response};
use crate::server::bigquery::value::{Field, schema_to_json};

const SHAPE: Shape = Shape {
    metadata: &[
        "timePartitioning",
        "rangePartitioning",
        "partitionDefinition",
        "clustering",
        "requirePartitionFilter",
        "encryptionConfiguration",
        "defaultCollation",
        "defaultRoundingMode",
        "tableConstraints",
        "maxStaleness",
        "resourceTags",
    ],
    own: &["tableReference", "schema", "view", "externalDataConfiguration"],
    output: &[
        "type",
        "location",
        "numRows",
        "numBytes",
        "numLongTermBytes",
        "numPhysicalBytes",
        "numTotalLogicalBytes",
        "numActiveLogicalBytes",
        "numLongTermLogicalBytes",
        "numTotalPhysicalBytes",
        "numActivePhysicalBytes",
        "numLongTermPhysicalBytes",
        "numTimeTravelPhysicalBytes",
        "numPartitions",
        "streamingBuffer",
        "snapshotDefinition",
        "cloneDefinition",
        "restrictions",
    ],
    unsupported: &[
        "materializedView",
        "biglakeConfiguration",
        "model",
        "tableReplicationInfo",
        "externalCatalogTableOptions",
    ],
};

pub(super) fn list(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let tables = bigquery.engine.tables(&name::dataset_of(request)?)?;
    let total = tables.len();
    let (page, next) = token::page(request, "tables", tables, |table| &table.reference.table)?;
    let mut answer = json!({"kind": "bigquery#tableList", "etag": "", "totalItems": total});
    if let Some(members) = answer.as_object_mut() {
        if !page.is_empty() {
            members.insert("tables".into(), page.iter().map(entry).collect());
        }
        if let Some(next) = next {
            members.insert("nextPageToken".into(), next.into());
        }
    }
    Ok(Response::json(answer))
}

/// What a list says of a table.
fn entry(table: &Table) -> Json {
    let mut members = head(table);
    members.insert("creationTime".into(), table.stamp.creation_ms.to_string().into());
    settings::write(&table.settings, &mut members);
    members.shift_remove("description");
    if matches!(table.kind, TableKind::View { .. }) {
        members.insert("view".into(), json!({"useLegacySql": false}));
    }
    members.into()
}

fn head(table: &Table) -> Map<String, Json> {
    let reference = &table.reference;
    let head = json!({
        "kind": "bigquery#table",
        "id": reference.to_string(),
        "tableReference": {
            "projectId": reference.project, "datasetId": reference.dataset, "tableId": reference.table,
        },
        "type": table.kind.word(),
    });
    head.as_object().cloned().unwrap_or_default()
}

fn answer(table: &Table) -> Response {
    let mut members = head(table);
    let reference = &table.reference;
    let link = format!(
        "https://bigquery.googleapis.com/bigquery/v2/projects/{}/datasets/{}/tables/{}",
        reference.project, reference.dataset, reference.table
    );
    members.insert("selfLink".into(), link.into());
    members.insert("schema".into(), schema_to_json(&table.fields));
    members.insert("location".into(), table.location.clone().into());
    settings::write_stamp(&table.stamp, &mut members);
    settings::write(&table.settings, &mut members);
    match &table.kind {
        TableKind::Table => {
            members.insert("numRows".into(), table.rows.to_string().into());
            members.insert("numBytes".into(), table.bytes.to_string().into());
            members.insert("numTotalLogicalBytes".into(), table.bytes.to_string().into());
            members.insert("numActiveLogicalBytes".into(), table.bytes.to_string().into());
            members.insert("numLongTermBytes".into(), "0".into());
            members.insert("numLongTermLogicalBytes".into(), "0".into());
        }
        TableKind::View { query } => {
            members.insert("view".into(), json!({"query": query, "useLegacySql": false}));
        }
        TableKind::External(definition) => {
            members.insert("externalDataConfiguration".into(), external::to_json(definition));
        }
    }
    Response::json(members.into())
}

pub(super) fn get(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    Ok(answer(&bigquery.engine.table(&name::table_of(request, "table")?)?))
}

pub(super) fn insert(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let body = request.json()?;
    let members = Members::new("", &body);
    let dataset = name::dataset_of(request)?;
    let reference = name::read_table(&members.required_object("tableReference")?, &dataset.project)?;
    if reference.dataset() != dataset {
        return Err(ApiError::invalid(format!("Table {reference} is not in dataset {dataset} of the request's path")));
    }
    let settings = SHAPE.read(&members)?;
    let (kind, fields) = content(&members)?;
    let created = bigquery.engine.create_table(
        &reference,
        kind.unwrap_or(TableKind::Table),
        fields.unwrap_or_default(),
        settings,
    )?;
    Ok(answer(&created))
}

/// What a body says of a view's query, of an external table's place, and of the schema.
fn content(members: &Members<'_>) -> Result<(Option<TableKind>, Option<Vec<Field>>), ApiError> {
    let fields = external::schema(members)?;
    if let Some(view) = members.object("view")? {
        view.only(
            &["query", "useLegacySql", "useExplicitColumnNames"],
            &["userDefinedFunctionResources", "privacyPolicy", "foreignDefinitions"],
        )?;
        if view.flag("useLegacySql")?.unwrap_or(false) {
            return Err(legacy_sql());
        }
        let query = view.required_text("query")?.to_owned();
        return Ok((Some(TableKind::View { query }), fields));
    }
    if let Some(configuration) = members.object("externalDataConfiguration")? {
        let (definition, inner) = external::read(&configuration)?;
        let fields = fields.or_else(|| Some(inner).filter(|inner| !inner.is_empty()));
        return Ok((Some(TableKind::External(definition)), fields));
    }
    Ok((None, fields))
}

/// What is said of the old dialect.
pub(super) fn legacy_sql() -> ApiError {
    ApiError::new(
        400,
        "invalid",
        "Legacy SQL is not supported by this server: set useLegacySql to false and write GoogleSQL",
    )
}

pub(super) fn patch(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    replace(bigquery, request, |table, body| SHAPE.patched(&table.settings, body))
}

pub(super) fn update(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    replace(bigquery, request, |_, body| body.clone())
}

fn replace(
    bigquery: &BigQuery,
    request: &Request,
    whole: impl Fn(&Table, &Map<String, Json>) -> Map<String, Json>,
) -> Result<Response, ApiError> {
    let reference = name::table_of(request, "table")?;
    let body = request.json()?;
    let current = || bigquery.engine.table(&reference).map(|table| (table.clone(), table.stamp.etag));
    let change = |table: Table, etag: &str| {
        let whole = whole(&table, &body);
        let members = Members::new("", &whole);
        let settings = SHAPE.read(&members)?;
        let (kind, fields) = content(&members)?;
        Ok(bigquery.engine.replace_table(&reference, kind, fields, settings, Some(etag)))
    };
    Ok(answer(&settings::change(request, || Ok(current()?), change)?))
}

pub(super) fn delete(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    bigquery.engine.delete_table(&name::table_of(request, "table")?)?;
    Ok(Response::empty(204))
}
