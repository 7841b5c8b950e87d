//! Rows of a table into objects: extract jobs and EXPORT DATA.

use std::fs::File;
use std::io::{BufWriter, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value as Json;
use tokio_util::sync::CancellationToken;

use super::Engine;
use super::objects::GsUri;
use super::request::{ExtractRequest, Silent};
use super::resource::{Format, TableKind};
use super::session::{Access, Session};
use super::store::{Outcome, column_list, decode};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::value::{Field, Type, Value};

/// How rows are written.
#[derive(Debug, Clone)]
pub(super) struct Export {
    pub(super) format: Format,
    pub(super) gzip: bool,
    pub(super) field_delimiter: char,
    pub(super) print_header: bool,
}

impl Engine {
    /// Writes a table's rows to one object a URI. Gives how many files each URI became.
    pub fn extract(&self, request: &ExtractRequest, cancel: &CancellationToken) -> Outcome<Vec<u64>> {
        let mut session = Session::new(self, &request.source.project, &Silent, cancel)?;
        let wanted = Export {
            format: request.format,
            gzip: request.gzip,
            field_delimiter: request.field_delimiter,
            print_header: request.print_header,
        };
        session.atomically(Access::Read, |session| {
            let stored = session.require_table(&request.source)?;
            if stored.table.kind != TableKind::Table {
                let message = format!("Cannot extract a table of type {}", stored.table.kind.word());
                return Err(QueryError::new(Reason::Invalid, message));
            }
            let write = |uri: &String| export(session, &stored.from(), &stored.table.fields, &wanted, uri).map(|()| 1);
            request.uris.iter().map(write).collect()
        })
    }
}

/// Rows into one object, over a file, so that a failure leaves no half object.
pub(super) fn export(session: &Session<'_>, from: &str, fields: &[Field], wanted: &Export, uri: &str) -> Outcome<()> {
    let mut address = GsUri::parse(uri)?;
    address.name = address.name.replace('*', "000000000000");
    if wanted.format == Format::Csv {
        refuse_nested(fields)?;
    }
    let scratch = session.engine.scratch.file();
    let failed =
        |error: std::io::Error| QueryError::new(Reason::BackendError, format!("the server's own disk: {error}"));
    let file = BufWriter::new(File::create_new(scratch.path()).map_err(failed)?);
    if wanted.gzip {
        let mut encoder = GzEncoder::new(file, Compression::default());
        write_rows(session, from, fields, wanted, &mut encoder)?;
        encoder.finish().and_then(|mut file| file.flush()).map_err(failed)?;
    } else {
        let mut file = file;
        write_rows(session, from, fields, wanted, &mut file)?;
        file.flush().map_err(failed)?;
    }
    let content_type = match (wanted.gzip, wanted.format) {
        (true, _) => "application/gzip",
        (false, Format::Csv) => "text/csv",
        (false, Format::Json) => "application/octet-stream",
    };
    let content = File::open(scratch.path()).map_err(failed)?;
    session.engine.write_object(&address, content_type, Box::new(content))
}

fn refuse_nested(fields: &[Field]) -> Outcome<()> {
    match fields.iter().find(|field| matches!(field.kind, Type::Array(_) | Type::Struct(_))) {
        Some(field) => Err(QueryError::new(
            Reason::Invalid,
            format!("Operation cannot be performed on a nested schema. Field: {}", field.name),
        )),
        None => Ok(()),
    }
}

fn write_rows(
    session: &Session<'_>,
    from: &str,
    fields: &[Field],
    wanted: &Export,
    out: &mut dyn Write,
) -> Outcome<()> {
    let failed =
        |error: std::io::Error| QueryError::new(Reason::BackendError, format!("the server's own disk: {error}"));
    if wanted.format == Format::Csv && wanted.print_header {
        let names: Vec<String> = fields.iter().map(|field| csv_field(&field.name, wanted.field_delimiter)).collect();
        writeln!(out, "{}", names.join(&wanted.field_delimiter.to_string())).map_err(failed)?;
    }
    let sql = format!("SELECT {} FROM {from} ORDER BY rowid", column_list(0..fields.len()));
    let mut statement = session.connection.prepare(&sql).map_err(|error| session.failed(&error))?;
    let mut rows = statement.query([]).map_err(|error| session.failed(&error))?;
    while let Some(row) = rows.next().map_err(|error| session.failed(&error))? {
        let mut values = Vec::with_capacity(fields.len());
        for (index, field) in fields.iter().enumerate() {
            values.push(decode(row.get_ref(index).map_err(|error| session.failed(&error))?, &field.kind)?);
        }
        let line = match wanted.format {
            Format::Csv => csv_line(&values, wanted.field_delimiter),
            Format::Json => json_line(&values, fields).to_string(),
        };
        writeln!(out, "{line}").map_err(failed)?;
    }
    Ok(())
}

fn csv_line(values: &[Value], delimiter: char) -> String {
    let fields: Vec<String> = values
        .iter()
        .map(|value| exported(value).map(|text| csv_field(&text, delimiter)).unwrap_or_default())
        .collect();
    fields.join(&delimiter.to_string())
}

/// A value's text in a file: of a timestamp with `UTC` behind it, else as CAST prints it.
fn exported(value: &Value) -> Option<String> {
    let text = value.print()?;
    match (value, text.strip_suffix("+00")) {
        (Value::Timestamp(_), Some(civil)) => Some(format!("{civil} UTC")),
        _ => Some(text),
    }
}

/// Quoted where it has to be; an empty text is quoted to differ from NULL.
fn csv_field(text: &str, delimiter: char) -> String {
    if text.is_empty() || text.contains([delimiter, '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

fn json_line(values: &[Value], fields: &[Field]) -> Json {
    let present = values.iter().zip(fields).filter(|(value, _)| **value != Value::Null);
    present
        .map(|(value, field)| (field.name.clone(), json(value, &field.kind)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// As exports have it: 64-bit integers are strings, absent members NULL.
fn json(value: &Value, kind: &Type) -> Json {
    match (value, kind) {
        (Value::Null, _) => Json::Null,
        (Value::Bool(value), _) => (*value).into(),
        (Value::Float64(value), _) if value.is_finite() => (*value).into(),
        (Value::Json(text), _) => serde_json::from_str(text).unwrap_or(Json::Null),
        (Value::Array(items), Type::Array(kind)) => items.iter().map(|item| json(item, kind)).collect(),
        (Value::Struct(values), Type::Struct(fields)) => values
            .iter()
            .zip(fields)
            .filter(|(value, _)| **value != Value::Null)
            .map(|(value, (name, kind))| (name.clone().unwrap_or_default(), json(value, kind)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        (value, _) => exported(value).into(),
    }
}
