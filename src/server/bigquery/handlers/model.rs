//! `models`. They are made by `CREATE MODEL`.

use serde_json::{Map, Value as Json, json};

use super::members::Members;
use super::settings::{self, Shape};
use super::{name, token};
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::engine::Model;
use crate::server::bigquery::http::{ApiError, Request, Response};
use crate::server::bigquery::value::{Field, standard_field};

const SHAPE: Shape = Shape {
    metadata: &["encryptionConfiguration"],
    own: &[],
    output: &["modelReference", "modelType", "location", "trainingRuns", "featureColumns", "labelColumns"],
    unsupported: &[],
};

pub(super) fn list(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let models = bigquery.engine.models(&name::dataset_of(request)?)?;
    let (page, next) = token::page(request, "models", models, |model| &model.reference.table)?;
    let mut answer = Map::new();
    if !page.is_empty() {
        answer.insert("models".into(), page.iter().map(|model| Json::Object(head(model))).collect());
    }
    if let Some(next) = next {
        answer.insert("nextPageToken".into(), next.into());
    }
    Ok(Response::json(answer.into()))
}

fn head(model: &Model) -> Map<String, Json> {
    let reference = &model.reference;
    let mut members = Map::new();
    let names = json!({"projectId": reference.project, "datasetId": reference.dataset, "modelId": reference.table});
    members.insert("modelReference".into(), names);
    members.insert("modelType".into(), model.model_type.clone().into());
    members.insert("location".into(), model.location.clone().into());
    settings::write_stamp(&model.stamp, &mut members);
    settings::write(&model.settings, &mut members);
    members
}

fn answer(model: &Model) -> Response {
    let mut members = head(model);
    members.insert("trainingRuns".into(), model.training_runs.clone());
    members.insert("featureColumns".into(), columns(&model.feature_columns));
    members.insert("labelColumns".into(), columns(&model.label_columns));
    Response::json(members.into())
}

fn columns(fields: &[Field]) -> Json {
    fields.iter().map(|field| standard_field(&field.name, &field.kind)).collect()
}

pub(super) fn get(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    Ok(answer(&bigquery.engine.model(&name::table_of(request, "model")?)?))
}

pub(super) fn patch(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let reference = name::table_of(request, "model")?;
    let body = request.json()?;
    let current = || bigquery.engine.model(&reference).map(|model| (model.clone(), model.stamp.etag));
    let change = |model: Model, etag: &str| {
        let whole = SHAPE.patched(&model.settings, &body);
        Ok(bigquery.engine.replace_model(&reference, SHAPE.read(&Members::new("", &whole))?, Some(etag)))
    };
    Ok(answer(&settings::change(request, || Ok(current()?), change)?))
}

pub(super) fn delete(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    bigquery.engine.delete_model(&name::table_of(request, "model")?)?;
    Ok(Response::empty(204))
}
