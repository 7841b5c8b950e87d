//! `configuration.load`.

use super::super::external;
use super::super::members::Members;
use super::destination;
use crate::server::bigquery::engine::{ExternalDefinition, Format, LoadRequest, ReadOptions, WriteDisposition};
use crate::server::bigquery::http::ApiError;

const KNOWN: [&str; 26] = [
    "sourceUris",
    "sourceFormat",
    "schema",
    "destinationTable",
    "createDisposition",
    "writeDisposition",
    "autodetect",
    "ignoreUnknownValues",
    "maxBadRecords",
    "schemaUpdateOptions",
    "fieldDelimiter",
    "quote",
    "skipLeadingRows",
    "nullMarker",
    "allowQuotedNewlines",
    "allowJaggedRows",
    "encoding",
    "preserveAsciiControlCharacters",
    // How the service would keep the table.
    "timePartitioning",
    "clustering",
    "decimalTargetTypes",
    "useAvroLogicalTypes",
    "columnNameCharacterMap",
    "parquetOptions",
    "projectionFields",
    "destinationTableProperties",
];
const UNSUPPORTED: [&str; 18] = [
    "schemaInline",
    "schemaInlineFormat",
    "hivePartitioningOptions",
    "jsonExtension",
    "fileSetSpecType",
    "rangePartitioning",
    "destinationEncryptionConfiguration",
    "connectionProperties",
    "createSession",
    "copyFilesOnly",
    "referenceFileSchemaUri",
    "nullMarkers",
    "sourceColumnMatch",
    "timeZone",
    "dateFormat",
    "datetimeFormat",
    "timeFormat",
    "timestampFormat",
];

pub(super) fn read(members: &Members<'_>, project: &str, has_upload: bool) -> Result<LoadRequest, ApiError> {
    members.only(&KNOWN, &UNSUPPORTED)?;
    let uris = members.texts("sourceUris")?;
    if uris.is_empty() && !has_upload {
        return Err(ApiError::required(&members.path_of("sourceUris")));
    }
    if has_upload && !uris.is_empty() {
        return Err(ApiError::invalid("A load job takes either uploaded data or sourceUris, not both"));
    }
    external::check_uris(&uris, "sourceUris")?;
    let destination = destination(members, project, WriteDisposition::Append)?;
    Ok(LoadRequest {
        project: project.to_owned(),
        destination: destination.ok_or_else(|| ApiError::required(&members.path_of("destinationTable")))?,
        source: ExternalDefinition {
            uris,
            format: external::format(members, "sourceFormat", Some(Format::Csv))?,
            autodetect: members.flag("autodetect")?.unwrap_or(false),
            read: ReadOptions {
                ignore_unknown_values: members.flag("ignoreUnknownValues")?.unwrap_or(false),
                max_bad_records: members.number("maxBadRecords")?.unwrap_or(0),
                csv: external::read_csv(members)?,
            },
        },
        upload: None,
        fields: external::schema(members)?.filter(|fields| !fields.is_empty()),
        add_fields: adds_fields(members)?,
    })
}

fn adds_fields(members: &Members<'_>) -> Result<bool, ApiError> {
    let options = members.texts("schemaUpdateOptions")?;
    for option in &options {
        match option.as_str() {
            "ALLOW_FIELD_ADDITION" => {}
            "ALLOW_FIELD_RELAXATION" | "SCHEMA_UPDATE_OPTION_UNSPECIFIED" => {
                return Err(ApiError::not_implemented(format!(
                    "schemaUpdateOptions {option} is not supported by this server"
                )));
            }
            other => return Err(external::not_a_value("schemaUpdateOptions", other)),
        }
    }
    Ok(!options.is_empty())
}
