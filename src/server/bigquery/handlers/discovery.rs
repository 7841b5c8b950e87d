//! The discovery document: which methods there are, for clients that make their calls out of it (`bq`, Google's older
//! Python client).

use serde_json::{Map, Value as Json, json};

use crate::server::bigquery::BigQuery;
use crate::server::bigquery::http::{ApiError, Request, Response};

/// Resource, method, HTTP method, path, parameters of the query.
type Method = (&'static str, &'static str, &'static str, &'static str, &'static [&'static str]);

const PAGING: [&str; 2] = ["maxResults:uint32", "pageToken"];

const METHODS: &[Method] = &[
    ("projects", "list", "GET", "projects", &PAGING),
    ("projects", "getServiceAccount", "GET", "projects/{projectId}/serviceAccount", &[]),
    (
        "datasets",
        "list",
        "GET",
        "projects/{projectId}/datasets",
        &["maxResults:uint32", "pageToken", "all:boolean", "filter"],
    ),
    ("datasets", "insert", "POST", "projects/{projectId}/datasets", &["accessPolicyVersion:int32"]),
    (
        "datasets",
        "get",
        "GET",
        "projects/{projectId}/datasets/{datasetId}",
        &["datasetView", "accessPolicyVersion:int32"],
    ),
    (
        "datasets",
        "patch",
        "PATCH",
        "projects/{projectId}/datasets/{datasetId}",
        &["updateMode", "accessPolicyVersion:int32"],
    ),
    (
        "datasets",
        "update",
        "PUT",
        "projects/{projectId}/datasets/{datasetId}",
        &["updateMode", "accessPolicyVersion:int32"],
    ),
    ("datasets", "delete", "DELETE", "projects/{projectId}/datasets/{datasetId}", &["deleteContents:boolean"]),
    ("tables", "list", "GET", "projects/{projectId}/datasets/{datasetId}/tables", &PAGING),
    ("tables", "insert", "POST", "projects/{projectId}/datasets/{datasetId}/tables", &[]),
    ("tables", "get", "GET", "projects/{projectId}/datasets/{datasetId}/tables/{tableId}", &["selectedFields", "view"]),
    (
        "tables",
        "patch",
        "PATCH",
        "projects/{projectId}/datasets/{datasetId}/tables/{tableId}",
        &["autodetect_schema:boolean"],
    ),
    (
        "tables",
        "update",
        "PUT",
        "projects/{projectId}/datasets/{datasetId}/tables/{tableId}",
        &["autodetect_schema:boolean"],
    ),
    ("tables", "delete", "DELETE", "projects/{projectId}/datasets/{datasetId}/tables/{tableId}", &[]),
    (
        "tabledata",
        "list",
        "GET",
        "projects/{projectId}/datasets/{datasetId}/tables/{tableId}/data",
        &[
            "maxResults:uint32",
            "pageToken",
            "startIndex:uint64",
            "selectedFields",
            "formatOptions.useInt64Timestamp:boolean",
            "formatOptions.timestampOutputFormat",
        ],
    ),
    ("tabledata", "insertAll", "POST", "projects/{projectId}/datasets/{datasetId}/tables/{tableId}/insertAll", &[]),
    ("models", "list", "GET", "projects/{projectId}/datasets/{datasetId}/models", &PAGING),
    ("models", "get", "GET", "projects/{projectId}/datasets/{datasetId}/models/{modelId}", &[]),
    ("models", "patch", "PATCH", "projects/{projectId}/datasets/{datasetId}/models/{modelId}", &[]),
    ("models", "delete", "DELETE", "projects/{projectId}/datasets/{datasetId}/models/{modelId}", &[]),
    (
        "routines",
        "list",
        "GET",
        "projects/{projectId}/datasets/{datasetId}/routines",
        &["maxResults:uint32", "pageToken", "filter"],
    ),
    ("routines", "get", "GET", "projects/{projectId}/datasets/{datasetId}/routines/{routineId}", &[]),
    ("jobs", "query", "POST", "projects/{projectId}/queries", &[]),
    (
        "jobs",
        "getQueryResults",
        "GET",
        "projects/{projectId}/queries/{jobId}",
        &[
            "location",
            "maxResults:uint32",
            "pageToken",
            "startIndex:uint64",
            "timeoutMs:uint32",
            "formatOptions.useInt64Timestamp:boolean",
            "formatOptions.timestampOutputFormat",
        ],
    ),
    ("jobs", "insert", "POST", "projects/{projectId}/jobs", &[]),
    ("jobs", "get", "GET", "projects/{projectId}/jobs/{jobId}", &["location"]),
    (
        "jobs",
        "list",
        "GET",
        "projects/{projectId}/jobs",
        &[
            "allUsers:boolean",
            "maxCreationTime:uint64",
            "minCreationTime:uint64",
            "maxResults:uint32",
            "pageToken",
            "parentJobId",
            "projection",
            "stateFilter*",
        ],
    ),
    ("jobs", "cancel", "POST", "projects/{projectId}/jobs/{jobId}/cancel", &["location"]),
    ("jobs", "delete", "DELETE", "projects/{projectId}/jobs/{jobId}/delete", &["location"]),
];

pub(super) fn document(_: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    let version = request.params.text("version").unwrap_or("v2");
    if version != "v2" {
        return Err(ApiError::not_found("There is no such version of the API"));
    }
    let base = &request.base_url;
    let mut resources: Map<String, Json> = Map::new();
    for method in METHODS {
        let resource = resources.entry(method.0).or_insert_with(|| json!({"methods": {}}));
        if let Some(methods) = resource.get_mut("methods").and_then(Json::as_object_mut) {
            methods.insert(method.1.to_owned(), describe(method));
        }
    }
    Ok(Response::json(json!({
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "bigquery:v2",
        "name": "bigquery",
        "version": "v2",
        "revision": "20260101",
        "title": "BigQuery API",
        "description": "A data platform for customers to create, manage, share and query data.",
        "protocol": "rest",
        "rootUrl": format!("{base}/"),
        "servicePath": "bigquery/v2/",
        "basePath": "/bigquery/v2/",
        "baseUrl": format!("{base}/bigquery/v2/"),
        "batchPath": "batch/bigquery/v2",
        "auth": {"oauth2": {"scopes": {SCOPE: {"description": "View and manage your data in Google BigQuery"}}}},
        "parameters": common(),
        "schemas": {"JsonObject": {"id": "JsonObject", "type": "any"}},
        "resources": resources,
    })))
}

const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";

/// Parameters of all methods.
fn common() -> Json {
    [
        "alt",
        "fields",
        "key",
        "quotaUser",
        "prettyPrint:boolean",
        "access_token",
        "oauth_token",
        "$.xgafv",
        "callback",
        "upload_protocol",
        "uploadType",
    ]
    .iter()
    .map(|parameter| described(parameter, "query"))
    .collect::<Map<_, _>>()
    .into()
}

fn describe((resource, name, http, path, query): &Method) -> Json {
    let variables: Vec<&str> = path.split(['{', '}']).skip(1).step_by(2).collect();
    let mut parameters: Map<String, Json> = variables.iter().map(|variable| described(variable, "path")).collect();
    parameters.extend(query.iter().map(|parameter| described(parameter, "query")));
    let mut method = json!({
        "id": format!("bigquery.{resource}.{name}"),
        "path": path,
        "flatPath": path,
        "httpMethod": http,
        "parameterOrder": variables,
        "parameters": parameters,
        "response": {"$ref": "JsonObject"},
        "scopes": [SCOPE],
    });
    if let Some(members) = method.as_object_mut() {
        if matches!(*http, "POST" | "PUT" | "PATCH") {
            members.insert("request".into(), json!({"$ref": "JsonObject"}));
        }
        if (*resource, *name) == ("jobs", "insert") {
            members.insert("supportsMediaUpload".into(), true.into());
            members.insert("mediaUpload".into(), media_upload(path));
        }
    }
    method
}

fn media_upload(path: &str) -> Json {
    json!({
        "accept": ["*/*"],
        "protocols": {
            "simple": {"multipart": true, "path": format!("/upload/bigquery/v2/{path}")},
            "resumable": {"multipart": true, "path": format!("/resumable/upload/bigquery/v2/{path}")},
        },
    })
}

/// `name`, `name:format` or `name*` for one that may stand several times.
fn described(parameter: &str, place: &str) -> (String, Json) {
    let (name, format) = parameter.split_once(':').unwrap_or((parameter, ""));
    let (name, is_repeated) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
    let kind = match format {
        "boolean" => "boolean",
        "uint32" | "int32" => "integer",
        _ => "string",
    };
    let mut described = json!({"type": kind, "location": place});
    if let Some(members) = described.as_object_mut() {
        if !format.is_empty() && format != "boolean" {
            members.insert("format".into(), format.into());
        }
        if place == "path" {
            members.insert("required".into(), true.into());
        }
        if is_repeated {
            members.insert("repeated".into(), true.into());
        }
    }
    (name.to_owned(), described)
}

/// The list of APIs: this one.
pub(super) fn directory(_: &BigQuery, request: &Request) -> Result<Response, ApiError> {
    Ok(Response::json(json!({
        "kind": "discovery#directoryList",
        "discoveryVersion": "v1",
        "items": [{
            "kind": "discovery#directoryItem",
            "id": "bigquery:v2",
            "name": "bigquery",
            "version": "v2",
            "title": "BigQuery API",
            "discoveryRestUrl": format!("{}/discovery/v1/apis/bigquery/v2/rest", request.base_url),
            "preferred": true,
        }],
    })))
}
