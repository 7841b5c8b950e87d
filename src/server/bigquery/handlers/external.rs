//! Where rows outside of tables are and how they are written there: `externalDataConfiguration` of tables, and what load
//! jobs have in common with it.

use serde_json::{Map, Value as Json, json};

use super::members::Members;
use crate::server::bigquery::engine::{CsvOptions, ExternalDefinition, Format, GsUri, ReadOptions};
use crate::server::bigquery::http::ApiError;
use crate::server::bigquery::value::{Field, schema_from_json};

const KNOWN: [&str; 9] = [
    "sourceUris",
    "sourceFormat",
    "autodetect",
    "schema",
    "csvOptions",
    "ignoreUnknownValues",
    "maxBadRecords",
    "compression",
    "decimalTargetTypes",
];
const UNSUPPORTED: [&str; 17] = [
    "bigtableOptions",
    "googleSheetsOptions",
    "hivePartitioningOptions",
    "connectionId",
    "avroOptions",
    "jsonOptions",
    "parquetOptions",
    "referenceFileSchemaUri",
    "metadataCacheMode",
    "objectMetadata",
    "fileSetSpecType",
    "jsonExtension",
    "timeZone",
    "dateFormat",
    "datetimeFormat",
    "timeFormat",
    "timestampFormat",
];

/// Reads an `externalDataConfiguration`; also its own schema.
pub(super) fn read(members: &Members<'_>) -> Result<(ExternalDefinition, Vec<Field>), ApiError> {
    members.only(&KNOWN, &UNSUPPORTED)?;
    let compression = members.text("compression")?.unwrap_or("NONE");
    if !["NONE", "GZIP", "COMPRESSION_UNSPECIFIED", ""].contains(&compression) {
        return Err(not_a_value("compression", compression));
    }
    let uris = members.texts("sourceUris")?;
    check_uris(&uris, "sourceUris")?;
    let definition = ExternalDefinition {
        uris,
        format: format(members, "sourceFormat", None)?,
        autodetect: members.flag("autodetect")?.unwrap_or(false),
        read: ReadOptions {
            ignore_unknown_values: members.flag("ignoreUnknownValues")?.unwrap_or(false),
            max_bad_records: members.number("maxBadRecords")?.unwrap_or(0),
            csv: match members.object("csvOptions")? {
                Some(csv) => {
                    csv.only(&CSV_KNOWN, &CSV_UNSUPPORTED)?;
                    read_csv(&csv)?
                }
                None => CsvOptions::default(),
            },
        },
    };
    Ok((definition, schema(members)?.unwrap_or_default()))
}

const CSV_KNOWN: [&str; 8] = [
    "fieldDelimiter",
    "quote",
    "skipLeadingRows",
    "nullMarker",
    "allowQuotedNewlines",
    "allowJaggedRows",
    "encoding",
    "preserveAsciiControlCharacters",
];
const CSV_UNSUPPORTED: [&str; 2] = ["nullMarkers", "sourceColumnMatch"];

/// The options of CSV, in `csvOptions` or among those of a load job.
pub(super) fn read_csv(members: &Members<'_>) -> Result<CsvOptions, ApiError> {
    let encoding = members.text("encoding")?.unwrap_or("UTF-8");
    if !encoding.is_empty() && !encoding.eq_ignore_ascii_case("UTF-8") && !encoding.eq_ignore_ascii_case("UTF8") {
        return Err(ApiError::not_implemented(format!("encoding {encoding} is not supported by this server")));
    }
    let quote = match members.text("quote")? {
        None => Some('"'),
        Some("") => None,
        Some(text) => Some(one_character("quote", text)?),
    };
    Ok(CsvOptions {
        field_delimiter: delimiter(members)?,
        quote,
        skip_leading_rows: members.number("skipLeadingRows")?,
        null_marker: members.text("nullMarker")?.filter(|text| !text.is_empty()).map(str::to_owned),
        allow_quoted_newlines: members.flag("allowQuotedNewlines")?.unwrap_or(false),
        allow_jagged_rows: members.flag("allowJaggedRows")?.unwrap_or(false),
    })
}

/// `fieldDelimiter`; `\t` and `tab` are the tabulator.
pub(super) fn delimiter(members: &Members<'_>) -> Result<char, ApiError> {
    match members.text("fieldDelimiter")? {
        None | Some("") => Ok(','),
        Some("\\t" | "tab") => Ok('\t'),
        Some(text) => one_character("fieldDelimiter", text),
    }
}

fn one_character(name: &str, text: &str) -> Result<char, ApiError> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some(character), None) => Ok(character),
        _ => Err(ApiError::invalid(format!("Invalid value for {name}: {text:?} is not a single character"))),
    }
}

/// # Errors
/// 400 for a word that is no format, 501 for one that is not supported.
pub(super) fn format(members: &Members<'_>, name: &str, default: Option<Format>) -> Result<Format, ApiError> {
    let word = members.text(name)?.unwrap_or_default();
    match (Format::named(word), default) {
        (Some(format), _) => Ok(format),
        (None, Some(default)) if word.is_empty() => Ok(default),
        (None, _) if word.is_empty() => Err(ApiError::required(&members.path_of(name))),
        (None, _) => match word.to_ascii_uppercase().as_str() {
            "PARQUET" | "AVRO" | "ORC" | "DATASTORE_BACKUP" | "GOOGLE_SHEETS" | "BIGTABLE" | "ICEBERG"
            | "DELTA_LAKE" => Err(ApiError::not_implemented(format!("{name} {word} is not supported by this server"))),
            _ => Err(not_a_value(name, word)),
        },
    }
}

pub(super) fn not_a_value(name: &str, word: &str) -> ApiError {
    let shown: String = word.chars().take(100).collect();
    ApiError::invalid(format!("Invalid value for {name}: {shown} is not a valid value"))
}

/// # Errors
/// 400 when one is no `gs://` address.
pub(super) fn check_uris(uris: &[String], name: &str) -> Result<(), ApiError> {
    if uris.len() > 10_000 {
        return Err(ApiError::invalid(format!("Too many {name}: at most 10,000 are allowed")));
    }
    for uri in uris {
        GsUri::parse(uri)?;
    }
    Ok(())
}

/// A `schema` member; `None` when there is none.
pub(super) fn schema(members: &Members<'_>) -> Result<Option<Vec<Field>>, ApiError> {
    let Some(schema) = members.value("schema") else { return Ok(None) };
    schema_from_json(schema).map(Some).map_err(|error| ApiError::invalid(error.to_string()))
}

/// An `externalDataConfiguration` as answers have it.
pub(super) fn to_json(definition: &ExternalDefinition) -> Json {
    let mut members = Map::new();
    members.insert("sourceUris".into(), json!(definition.uris));
    members.insert("sourceFormat".into(), definition.format.word().into());
    members.insert("autodetect".into(), definition.autodetect.into());
    let read = &definition.read;
    if read.ignore_unknown_values {
        members.insert("ignoreUnknownValues".into(), true.into());
    }
    if read.max_bad_records > 0 {
        members.insert("maxBadRecords".into(), read.max_bad_records.into());
    }
    if definition.format == Format::Csv {
        members.insert("csvOptions".into(), csv_to_json(&read.csv));
    }
    members.into()
}

fn csv_to_json(csv: &CsvOptions) -> Json {
    let mut json = json!({
        "fieldDelimiter": csv.field_delimiter.to_string(),
        "quote": csv.quote.map(String::from).unwrap_or_default(),
        "allowQuotedNewlines": csv.allow_quoted_newlines,
        "allowJaggedRows": csv.allow_jagged_rows,
        "encoding": "UTF-8",
    });
    if let Some(members) = json.as_object_mut() {
        if let Some(rows) = csv.skip_leading_rows {
            members.insert("skipLeadingRows".into(), rows.to_string().into());
        }
        if let Some(marker) = &csv.null_marker {
            members.insert("nullMarker".into(), marker.clone().into());
        }
    }
    json
}
