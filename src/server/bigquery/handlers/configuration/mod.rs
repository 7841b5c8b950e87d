//! `configuration` of a job: what it is to do.

mod copy;
mod load;
mod parameter;
mod query;

use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::external::not_a_value;
use super::members::Members;
use super::name;
use super::settings::Shape;
use crate::server::bigquery::engine::{CreateDisposition, Destination, Settings, WriteDisposition};
use crate::server::bigquery::http::ApiError;
use crate::server::bigquery::jobs::Task;

pub(super) use query::read_request;

/// The echo of a configuration is kept with its job: what is larger is kept without its parameters.
const ECHO_BYTES_MAX: usize = 1024 * 1024;
/// The longest time a job may ask for.
const TIMEOUT_MAX: Duration = Duration::from_secs(24 * 3600);

/// A configuration, read.
pub(super) struct Configuration {
    pub(super) task: Task,
    /// As the job shows it: what the client wrote, and the defaults.
    pub(super) echo: Json,
    pub(super) is_dry_run: bool,
    pub(super) timeout: Option<Duration>,
}

/// Reads the `configuration` of a job. `has_upload`: the rows come with the request.
///
/// # Errors
/// 400 for what is wrong, 501 for what is not supported.
pub(super) fn read(members: &Members<'_>, project: &str, has_upload: bool) -> Result<Configuration, ApiError> {
    let known = [
        "query",
        "load",
        "copy",
        "extract",
        "dryRun",
        "jobTimeoutMs",
        "labels",
        "jobType",
        "maxSlots",
        "jobCreationMode",
    ];
    members.only(&known, &["reservation"])?;
    members.map_of_texts("labels")?;
    let kinds: Vec<&str> =
        ["query", "load", "copy", "extract"].into_iter().filter(|kind| members.value(kind).is_some()).collect();
    let [kind] = kinds.as_slice() else {
        let message = match kinds.as_slice() {
            [] => {
                "Required parameter is missing: one of configuration.query, configuration.load, configuration.copy and configuration.extract"
            }
            _ => {
                "Job configuration must contain exactly one job-specific configuration object (e.g., query, load, extract, spreadsheetExtract), but there were more"
            }
        };
        return Err(ApiError::invalid(message));
    };
    if has_upload && *kind != "load" {
        return Err(ApiError::invalid(format!("A job of type {} takes no uploaded data", kind.to_uppercase())));
    }
    let inner = members.required_object(kind)?;
    let task = match *kind {
        "query" => Task::Query(Box::new(query::read(&inner, project)?)),
        "load" => Task::Load(Box::new(load::read(&inner, project, has_upload)?)),
        "copy" => Task::Copy(copy::read(&inner, project)?),
        _ => Task::Extract(copy::read_extract(&inner, project)?),
    };
    Ok(Configuration {
        task,
        echo: echo(members.json(), kind),
        is_dry_run: members.flag("dryRun")?.unwrap_or(false),
        timeout: timeout(members, "jobTimeoutMs")?,
    })
}

pub(super) fn timeout(members: &Members<'_>, name: &str) -> Result<Option<Duration>, ApiError> {
    let timeout = members.number(name)?.filter(|timeout| *timeout > 0);
    Ok(timeout.map(|timeout| Duration::from_millis(timeout).min(TIMEOUT_MAX)))
}

/// What the client wrote, with what it left out.
pub(super) fn echo(members: &Map<String, Json>, kind: &str) -> Json {
    let mut echo = members.clone();
    echo.insert("jobType".into(), kind.to_uppercase().into());
    if let Some(inner) = echo.get_mut(kind).and_then(Json::as_object_mut) {
        let write = if kind == "load" { "WRITE_APPEND" } else { "WRITE_EMPTY" };
        let defaults: &[(&str, Json)] = match kind {
            "query" => &[("priority", "INTERACTIVE".into()), ("useLegacySql", false.into())],
            "extract" => &[],
            _ => &[("createDisposition", "CREATE_IF_NEEDED".into()), ("writeDisposition", write.into())],
        };
        for (name, value) in defaults {
            inner.entry(*name).or_insert_with(|| value.clone());
        }
    }
    let mut echo = Json::Object(echo);
    if echo.to_string().len() > ECHO_BYTES_MAX
        && let Some(inner) = echo.get_mut(kind).and_then(Json::as_object_mut)
    {
        inner.shift_remove("queryParameters");
    }
    echo
}

/// What a job says of the table that it makes.
const TABLE: Shape = Shape { metadata: &["timePartitioning", "clustering"], own: &[], output: &[], unsupported: &[] };

fn table_settings(members: &Members<'_>) -> Result<Settings, ApiError> {
    let mut table = match members.object("destinationTableProperties")? {
        Some(properties) => {
            properties.only(&["friendlyName", "description", "labels", "expirationTime"], &[])?;
            properties.json().clone()
        }
        None => Map::new(),
    };
    for name in TABLE.metadata {
        if let Some(value) = members.object(name)? {
            table.insert((*name).to_owned(), value.json().clone().into());
        }
    }
    TABLE.read(&Members::new(members.path_of("destinationTableProperties"), &table))
}

/// `destinationTable`, what it is to be when it is made, and both dispositions.
fn destination(
    members: &Members<'_>,
    project: &str,
    default: WriteDisposition,
) -> Result<Option<Destination>, ApiError> {
    let create = match members.text("createDisposition")? {
        None | Some("" | "CREATE_IF_NEEDED") => CreateDisposition::IfNeeded,
        Some("CREATE_NEVER") => CreateDisposition::Never,
        Some(other) => return Err(not_a_value("createDisposition", other)),
    };
    let write = match members.text("writeDisposition")? {
        None | Some("") => default,
        Some("WRITE_APPEND") => WriteDisposition::Append,
        Some("WRITE_TRUNCATE") => WriteDisposition::Truncate,
        Some("WRITE_EMPTY") => WriteDisposition::Empty,
        Some("WRITE_TRUNCATE_DATA") => {
            return Err(ApiError::not_implemented(
                "writeDisposition WRITE_TRUNCATE_DATA is not supported by this server",
            ));
        }
        Some(other) => return Err(not_a_value("writeDisposition", other)),
    };
    let settings = table_settings(members)?;
    let Some(table) = members.object("destinationTable")? else { return Ok(None) };
    Ok(Some(Destination { table: name::read_table(&table, project)?, settings, create, write }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(configuration: Json) -> Result<Configuration, (u16, String)> {
        let members = Members::of("configuration", &configuration).unwrap();
        read(&members, "p", false).map_err(|error| (error.status, error.message))
    }

    #[test]
    fn a_job_does_exactly_one_thing() {
        let both = json!({"query": {"query": "SELECT 1"}, "copy": {}});
        assert!(check(both).err().unwrap().1.starts_with("Job configuration must contain exactly one"));
        assert!(check(json!({})).err().unwrap().1.contains("configuration.query"));
    }

    #[test]
    fn an_echo_has_the_defaults() {
        let read = check(json!({"query": {"query": "SELECT 1"}, "labels": {"a": "b"}, "jobTimeoutMs": "5"})).unwrap();
        let expected = json!({
            "query": {"query": "SELECT 1", "priority": "INTERACTIVE", "useLegacySql": false},
            "labels": {"a": "b"}, "jobTimeoutMs": "5", "jobType": "QUERY",
        });
        assert_eq!(read.echo, expected);
        assert_eq!(read.timeout, Some(Duration::from_millis(5)));
    }

    #[test]
    fn a_load_says_how_its_table_is_to_be() {
        let load = |properties: Json| {
            let table = json!({"datasetId": "d", "tableId": "t"});
            check(json!({"load": {
                "sourceUris": ["gs://b/o"], "destinationTable": table, "timePartitioning": {"type": "HOUR"},
                "clustering": null, "destinationTableProperties": properties,
            }}))
        };
        let all = json!({
            "friendlyName": "f", "description": "what", "labels": {"team": "a"}, "expirationTime": "4102444800000",
        });
        let Task::Load(read) = load(all).unwrap().task else { panic!("no load") };
        let expected = Settings {
            friendly_name: Some("f".into()),
            description: Some("what".into()),
            labels: vec![("team".into(), "a".into())],
            expiration_ms: Some(4_102_444_800_000),
            metadata: json!({"timePartitioning": {"type": "HOUR"}}).as_object().unwrap().clone(),
        };
        assert_eq!(read.destination.settings, expected);
        for wrong in [json!({"nope": 1}), json!({"etag": "x"}), json!({"labels": {"A": "b"}}), json!(5)] {
            assert_eq!(load(wrong.clone()).err().unwrap().0, 400, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let table = json!({"datasetId": "d", "tableId": "t"});
        for (configuration, status, part) in [
            (json!({"query": {"query": "SELECT 1", "useLegacySql": true}}), 400, "Legacy SQL is not supported"),
            (json!({"query": {"query": "q", "createSession": true}}), 501, "configuration.query.createSession"),
            (json!({"query": {"query": "q", "nope": true}}), 400, "Unknown name \"nope\" at 'configuration.query'"),
            (json!({"query": {}}), 400, "configuration.query.query"),
            (
                json!({"query": {"query": "q", "destinationTable": {"datasetId": "a/b", "tableId": "t"}}}),
                400,
                "Invalid dataset ID",
            ),
            (json!({"query": {"query": "q", "writeDisposition": "X"}}), 400, "Invalid value for writeDisposition: X"),
            (json!({"query": {"query": "q", "maximumBytesBilled": "1e9"}}), 400, "maximumBytesBilled"),
            (json!({"load": {"destinationTable": table}}), 400, "sourceUris"),
            (
                json!({"load": {"destinationTable": table, "sourceUris": ["file:///etc/passwd"]}}),
                400,
                "Invalid source URI",
            ),
            (
                json!({"load": {"destinationTable": table, "sourceUris": ["gs://b/o"], "sourceFormat": "PARQUET"}}),
                501,
                "PARQUET",
            ),
            (json!({"load": {"sourceUris": ["gs://b/o"]}}), 400, "destinationTable"),
            (json!({"copy": {"destinationTable": table}}), 400, "sourceTable"),
            (
                json!({"copy": {"destinationTable": table, "sourceTable": table, "operationType": "CLONE"}}),
                501,
                "CLONE",
            ),
            (json!({"extract": {"sourceTable": table}}), 400, "destinationUris"),
            (
                json!({"extract": {"sourceModel": {"modelId": "m"}, "destinationUris": ["gs://b/o"]}}),
                501,
                "sourceModel",
            ),
        ] {
            let (found, message) = check(configuration.clone()).err().unwrap();
            assert!(found == status && message.contains(part), "{configuration}: {found} {message}");
        }
    }
}
