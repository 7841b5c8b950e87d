//! `OPTIONS(..)` of statements: constants, checked, none ignored.

use super::Script;
use crate::server::bigquery::analyze;
use crate::server::bigquery::engine::objects::GsUri;
use crate::server::bigquery::engine::resource::{ExternalDefinition, Format, Settings};
use crate::server::bigquery::engine::session::Session;
use crate::server::bigquery::engine::store::Outcome;
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::sql::FunctionOption;
use crate::server::bigquery::value::Value;

/// One option.
#[derive(Debug, Clone)]
pub(crate) struct OptionValue {
    /// As written.
    pub(crate) name: String,
    pub(crate) at: Position,
    pub(crate) value: Value,
}

impl OptionValue {
    fn invalid(&self, expected: &str) -> QueryError {
        QueryError::invalid_query(format!("Invalid value for option {}: expected {expected}", self.name)).at(self.at)
    }

    fn unknown(&self) -> QueryError {
        QueryError::invalid_query(format!("Unknown option: {}", self.name)).at(self.at)
    }

    fn unsupported(&self) -> QueryError {
        QueryError::invalid_query(format!("Option {} is not supported", self.name)).at(self.at)
    }

    pub(crate) fn text(&self) -> Outcome<String> {
        match &self.value {
            Value::String(text) => Ok(text.clone()),
            _ => Err(self.invalid("a STRING")),
        }
    }

    fn optional_text(&self) -> Outcome<Option<String>> {
        if self.value == Value::Null { Ok(None) } else { self.text().map(Some) }
    }

    pub(crate) fn bool(&self) -> Outcome<bool> {
        match self.value {
            Value::Bool(value) => Ok(value),
            Value::Null => Ok(false),
            _ => Err(self.invalid("a BOOL")),
        }
    }

    fn count(&self) -> Outcome<u64> {
        match self.value {
            Value::Int64(value) => u64::try_from(value).map_err(|_| self.invalid("an INT64 of at least 0")),
            _ => Err(self.invalid("an INT64")),
        }
    }

    /// One text, or an array of them.
    pub(crate) fn texts(&self) -> Outcome<Vec<String>> {
        let items = match &self.value {
            Value::Array(items) => items.as_slice(),
            Value::String(text) => return Ok(vec![text.clone()]),
            _ => return Err(self.invalid("an ARRAY<STRING>")),
        };
        let text = |item: &Value| match item {
            Value::String(text) => Ok(text.clone()),
            _ => Err(self.invalid("an ARRAY<STRING>")),
        };
        items.iter().map(text).collect()
    }

    /// `[("key", "value"), ..]`.
    fn labels(&self) -> Outcome<Vec<(String, String)>> {
        let Value::Array(items) = &self.value else {
            return Err(self.invalid("an ARRAY<STRUCT<STRING, STRING>>"));
        };
        let label = |item: &Value| match item {
            Value::Struct(pair) => match pair.as_slice() {
                [Value::String(key), Value::String(value)] => Ok((key.clone(), value.clone())),
                _ => Err(self.invalid("an ARRAY<STRUCT<STRING, STRING>>")),
            },
            _ => Err(self.invalid("an ARRAY<STRUCT<STRING, STRING>>")),
        };
        items.iter().map(label).collect()
    }

    /// Milliseconds.
    fn timestamp(&self) -> Outcome<Option<i64>> {
        match self.value {
            Value::Null => Ok(None),
            Value::Timestamp(micros) => Ok(Some(micros.div_euclid(1000))),
            _ => Err(self.invalid("a TIMESTAMP")),
        }
    }

    pub(crate) fn character(&self) -> Outcome<Option<char>> {
        let text = self.text()?;
        let text = match text.as_str() {
            "tab" | "\\t" => "\t",
            text => text,
        };
        let mut characters = text.chars();
        match (characters.next(), characters.next()) {
            (first, None) => Ok(first),
            _ => Err(self.invalid("one character")),
        }
    }
}

impl Script<'_> {
    /// The options' values; their expressions must be constant.
    pub(in crate::server::bigquery::engine) fn options(
        &mut self,
        options: &[FunctionOption],
    ) -> Outcome<Vec<OptionValue>> {
        evaluate(&mut self.session, options)
    }
}

fn evaluate(session: &mut Session<'_>, options: &[FunctionOption]) -> Outcome<Vec<OptionValue>> {
    let mut values: Vec<OptionValue> = Vec::new();
    for option in options {
        let (name, at) = (option.name.text.clone(), option.name.at);
        if values.iter().any(|known| known.name.eq_ignore_ascii_case(&name)) {
            return Err(QueryError::invalid_query(format!("Duplicate option: {name}")).at(at));
        }
        let (_, value) = analyze::constant(&option.value, &*session)?;
        values.push(OptionValue { name, at, value });
    }
    Ok(values)
}

/// Takes an option that all objects have; `false`: it is none of them.
fn common(option: &OptionValue, settings: &mut Settings) -> Outcome<bool> {
    match option.name.to_lowercase().as_str() {
        "description" => settings.description = option.optional_text()?,
        "friendly_name" => settings.friendly_name = option.optional_text()?,
        "labels" => settings.labels = option.labels()?,
        "expiration_timestamp" => settings.expiration_ms = option.timestamp()?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Of CREATE TABLE and CREATE VIEW.
pub(super) fn table_settings(options: &[OptionValue]) -> Outcome<Settings> {
    let mut settings = Settings::default();
    for option in options {
        if common(option, &mut settings)? {
            continue;
        }
        match option.name.to_lowercase().as_str() {
            "partition_expiration_days" => {
                let days = match option.value {
                    Value::Int64(days) => days.to_string(),
                    Value::Float64(days) => days.to_string(),
                    _ => return Err(option.invalid("a number of days")),
                };
                settings.metadata.insert("partitionExpirationDays".to_owned(), days.into());
            }
            "require_partition_filter" => {
                settings.metadata.insert("requirePartitionFilter".to_owned(), option.bool()?.into());
            }
            "kms_key_name"
            | "default_rounding_mode"
            | "enable_refresh"
            | "refresh_interval_minutes"
            | "enable_change_history"
            | "max_staleness"
            | "storage_uri"
            | "file_format"
            | "table_format"
            | "tags"
            | "privacy_policy" => return Err(option.unsupported()),
            _ => return Err(option.unknown()),
        }
    }
    Ok(settings)
}

/// Of CREATE SCHEMA: the location, if one is given, and settings.
pub(super) fn dataset_settings(options: &[OptionValue]) -> Outcome<(Option<String>, Settings)> {
    let mut settings = Settings::default();
    let mut location = None;
    for option in options {
        match option.name.to_lowercase().as_str() {
            "expiration_timestamp" => return Err(option.unknown()),
            "location" => location = Some(option.text()?),
            "default_table_expiration_days" => {
                let days = match option.value {
                    Value::Int64(days) => days.checked_mul(24 * 3600 * 1000),
                    _ => None,
                };
                let ms = days.ok_or_else(|| option.invalid("a whole number of days"))?;
                settings.metadata.insert("defaultTableExpirationMs".to_owned(), ms.to_string().into());
            }
            _ if common(option, &mut settings)? => {}
            "default_partition_expiration_days"
            | "default_kms_key_name"
            | "is_case_insensitive"
            | "storage_billing_model"
            | "max_time_travel_hours"
            | "default_rounding_mode"
            | "default_collate"
            | "failover_reservation" => {
                return Err(option.unsupported());
            }
            _ => return Err(option.unknown()),
        }
    }
    Ok((location, settings))
}

/// Of CREATE EXTERNAL TABLE, which is at `at`.
pub(crate) fn external_options(options: &[OptionValue], at: Position) -> Outcome<(ExternalDefinition, Settings)> {
    let mut definition = ExternalDefinition::default();
    let mut settings = Settings::default();
    let mut format = None;
    for option in options {
        if common(option, &mut settings)? {
            continue;
        }
        if option.name.eq_ignore_ascii_case("format") {
            format = Some(named_format(option)?);
            continue;
        }
        external_option(option, &mut definition)?;
    }
    let missing = |name: &str| QueryError::invalid_query(format!("Missing required option: {name}")).at(at);
    definition.format = format.ok_or_else(|| missing("format"))?;
    if definition.uris.is_empty() {
        return Err(missing("uris"));
    }
    Ok((definition, settings))
}

fn named_format(option: &OptionValue) -> Outcome<Format> {
    let word = option.text()?;
    let known =
        ["AVRO", "PARQUET", "ORC", "GOOGLE_SHEETS", "DATASTORE_BACKUP", "BIGTABLE", "CLOUD_BIGTABLE", "ICEBERG"];
    match Format::named(&word) {
        Some(format) => Ok(format),
        None if known.contains(&word.to_uppercase().as_str()) => {
            Err(QueryError::invalid_query(format!("Format {word} is not supported")).at(option.at))
        }
        None => Err(option.invalid("CSV, JSON or NEWLINE_DELIMITED_JSON")),
    }
}

/// What is no address of storage is refused when the table is made, not when it is read.
fn addresses(option: &OptionValue) -> Outcome<Vec<String>> {
    let uris = option.texts()?;
    for uri in &uris {
        GsUri::parse(uri).map_err(|error| error.at(option.at))?;
    }
    Ok(uris)
}

fn external_option(option: &OptionValue, definition: &mut ExternalDefinition) -> Outcome<()> {
    let csv = &mut definition.read.csv;
    match option.name.to_lowercase().as_str() {
        "uris" => definition.uris = addresses(option)?,
        "ignore_unknown_values" => definition.read.ignore_unknown_values = option.bool()?,
        "max_bad_records" => definition.read.max_bad_records = option.count()?,
        "field_delimiter" => {
            csv.field_delimiter = option.character()?.ok_or_else(|| option.invalid("one character"))?;
        }
        "quote" => csv.quote = option.character()?,
        "skip_leading_rows" => csv.skip_leading_rows = Some(option.count()?),
        "null_marker" => csv.null_marker = option.optional_text()?,
        "allow_quoted_newlines" => csv.allow_quoted_newlines = option.bool()?,
        "allow_jagged_rows" => csv.allow_jagged_rows = option.bool()?,
        // gzip is recognised whatever is said.
        "compression" if ["GZIP", "NONE"].contains(&option.text()?.to_uppercase().as_str()) => {}
        "encoding" if ["UTF8", "UTF-8"].contains(&option.text()?.to_uppercase().as_str()) => {}
        "compression"
        | "encoding"
        | "hive_partition_uri_prefix"
        | "require_hive_partition_filter"
        | "projection_fields"
        | "enable_logical_types"
        | "enum_as_string"
        | "enable_list_inference"
        | "decimal_target_types"
        | "json_extension"
        | "preserve_ascii_control_characters"
        | "reference_file_schema_uri"
        | "sheet_range"
        | "file_set_spec_type"
        | "max_staleness"
        | "metadata_cache_mode"
        | "object_metadata"
        | "bigtable_options"
        | "null_markers"
        | "date_format"
        | "datetime_format"
        | "time_format"
        | "timestamp_format"
        | "time_zone"
        | "source_column_match" => {
            return Err(option.unsupported());
        }
        _ => return Err(option.unknown()),
    }
    Ok(())
}
