//! `datasets`.

use serde_json::{Map, Value as Json, json};

use super::members::Members;
use super::settings::{self, Shape};
use super::{name, token};
use crate::server::bigquery::BigQuery;
use crate::server::bigquery::engine::Dataset;
use crate::server::bigquery::http::{ApiError, Request, Response};

const SHAPE: Shape = Shape {
    metadata: &[
        "access",
        "defaultTableExpirationMs",
        "defaultPartitionExpirationMs",
        "defaultEncryptionConfiguration",
        "defaultCollation",
        "defaultRoundingMode",
        "maxTimeTravelHours",
        "storageBillingModel",
        "resourceTags",
    ],
    own: &["datasetReference", "location"],
    output: &["type", "tags", "satisfiesPzs", "satisfiesPzi", "restrictions", "linkedDatasetMetadata"],
    unsupported: &[
        "isCaseInsensitive",
        "linkedDatasetSource",
        "externalDatasetReference",
        "externalCatalogDatasetOptions",
    ],
};

pub(super) fn list(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let wanted = LabelFilter::read(request)?;
    let mut datasets = bigquery.engine.datasets(name::project_of(request)?)?;
    datasets.retain(|dataset| wanted.fits(dataset));
    let (page, next) = token::page(request, "datasets", datasets, |dataset| &dataset.reference.dataset)?;
    let entries: Vec<Json> = page.iter().map(entry).collect();
    let mut answer = json!({"kind": "bigquery#datasetList", "etag": ""});
    if let Some(members) = answer.as_object_mut() {
        if !entries.is_empty() {
            members.insert("datasets".into(), entries.into());
        }
        if let Some(next) = next {
            members.insert("nextPageToken".into(), next.into());
        }
    }
    Ok(Response::json(answer))
}

fn entry(dataset: &Dataset) -> Json {
    let mut entry = head(dataset);
    let settings = &dataset.settings;
    if let Some(friendly_name) = &settings.friendly_name {
        entry.insert("friendlyName".into(), friendly_name.clone().into());
    }
    if !settings.labels.is_empty() {
        let labels = settings.labels.iter().map(|(key, value)| (key.clone(), Json::from(value.clone())));
        entry.insert("labels".into(), Json::Object(labels.collect()));
    }
    entry.into()
}

fn head(dataset: &Dataset) -> Map<String, Json> {
    let reference = &dataset.reference;
    let head = json!({
        "kind": "bigquery#dataset",
        "id": reference.to_string(),
        "datasetReference": {"datasetId": reference.dataset, "projectId": reference.project},
        "location": dataset.location,
        "type": "DEFAULT",
    });
    head.as_object().cloned().unwrap_or_default()
}

fn answer(dataset: &Dataset) -> Response {
    let mut members = head(dataset);
    let reference = &dataset.reference;
    let link = format!(
        "https://bigquery.googleapis.com/bigquery/v2/projects/{}/datasets/{}",
        reference.project, reference.dataset
    );
    members.insert("selfLink".into(), link.into());
    members.insert("access".into(), default_access());
    settings::write_stamp(&dataset.stamp, &mut members);
    settings::write(&dataset.settings, &mut members);
    Response::json(members.into())
}

/// Of a dataset for which nobody said more.
fn default_access() -> Json {
    json!([
        {"role": "WRITER", "specialGroup": "projectWriters"},
        {"role": "OWNER", "specialGroup": "projectOwners"},
        {"role": "READER", "specialGroup": "projectReaders"},
    ])
}

pub(super) fn get(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    Ok(answer(&bigquery.engine.dataset(&name::dataset_of(request)?)?))
}

pub(super) fn insert(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let body = request.json()?;
    let members = Members::new("", &body);
    let reference = name::read_dataset(&members.required_object("datasetReference")?, name::project_of(request)?)?;
    let settings = SHAPE.read(&members)?;
    let location = members.text("location")?.filter(|location| !location.is_empty());
    check_location(location.unwrap_or("US"))?;
    Ok(answer(&bigquery.engine.create_dataset(&reference, location, settings)?))
}

/// # Errors
/// 400 for what can't be the name of a region.
pub(super) fn check_location(location: &str) -> Result<(), ApiError> {
    let is_sane = location.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_sane && (1..=64).contains(&location.len()) {
        return Ok(());
    }
    let shown: String = location.chars().take(100).collect();
    Err(ApiError::invalid(format!("Invalid value for location: {shown} is not a valid value")))
}

pub(super) fn patch(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    replace(bigquery, request, |dataset, body| SHAPE.patched(&dataset.settings, body))
}

pub(super) fn update(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    replace(bigquery, request, |_, body| body.clone())
}

fn replace(
    bigquery: &BigQuery,
    request: &Request,
    whole: impl Fn(&Dataset, &Map<String, Json>) -> Map<String, Json>,
) -> Result<Response, ApiError> {
    let reference = name::dataset_of(request)?;
    let body = request.json()?;
    let current = || bigquery.engine.dataset(&reference).map(|dataset| (dataset.clone(), dataset.stamp.etag));
    let change = |dataset: Dataset, etag: &str| {
        let whole = whole(&dataset, &body);
        let members = Members::new("", &whole);
        let location = members.text("location")?;
        if location.is_some_and(|location| !location.eq_ignore_ascii_case(&dataset.location)) {
            return Err(ApiError::invalid("Cannot change the location of a dataset"));
        }
        Ok(bigquery.engine.replace_dataset(&reference, SHAPE.read(&members)?, Some(etag)))
    };
    Ok(answer(&settings::change(request, || Ok(current()?), change)?))
}

pub(super) fn delete(bigquery: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let with_contents = request.params.flag("deleteContents")?.unwrap_or(false);
    bigquery.engine.delete_dataset(&name::dataset_of(request)?, with_contents)?;
    Ok(Response::empty(204))
}

/// `filter`: `labels.key` or `labels.key:value`, several with a blank between.
struct LabelFilter(Vec<(String, Option<String>)>);

impl LabelFilter {
    fn read(request: &Request) -> Result<Self, ApiError> {
        let filter = request.params.text("filter").unwrap_or_default();
        let terms = filter.split_whitespace().map(|term| {
            let label = term.strip_prefix("labels.")?;
            Some(match label.split_once(':') {
                Some((key, value)) => (key.to_owned(), Some(value.to_owned()).filter(|value| value != "*")),
                None => (label.to_owned(), None),
            })
        });
        terms.collect::<Option<_>>().map(Self).ok_or_else(|| ApiError::invalid("Invalid value for filter"))
    }

    fn fits(&self, dataset: &Dataset) -> bool {
        self.0.iter().all(|(key, value)| {
            let labels = &dataset.settings.labels;
            labels.iter().any(|(known, found)| known == key && value.as_ref().is_none_or(|value| value == found))
        })
    }
}
