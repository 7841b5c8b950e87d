//! `configuration.copy` and `configuration.extract`.

use super::super::members::Members;
use super::super::{external, name};
use super::destination;
use crate::server::bigquery::engine::{CopyRequest, ExtractRequest, Format, WriteDisposition};
use crate::server::bigquery::http::ApiError;

/// Tables that one job copies.
const SOURCES_MAX: usize = 1200;

pub(super) fn read(members: &Members<'_>, project: &str) -> Result<CopyRequest, ApiError> {
    let known =
        ["sourceTable", "sourceTables", "destinationTable", "createDisposition", "writeDisposition", "operationType"];
    members.only(&known, &["destinationEncryptionConfiguration", "destinationExpirationTime"])?;
    match members.text("operationType")?.unwrap_or_default() {
        "" | "COPY" | "OPERATION_TYPE_UNSPECIFIED" => {}
        other @ ("CLONE" | "SNAPSHOT" | "RESTORE") => {
            return Err(ApiError::not_implemented(format!("operationType {other} is not supported by this server")));
        }
        other => return Err(external::not_a_value("operationType", other)),
    }
    let mut sources = Vec::new();
    if let Some(source) = members.object("sourceTable")? {
        sources.push(name::read_table(&source, project)?);
    }
    for source in members.list("sourceTables")? {
        sources.push(name::read_table(&Members::of(members.path_of("sourceTables"), source)?, project)?);
    }
    if sources.is_empty() {
        return Err(ApiError::required(&members.path_of("sourceTable")));
    }
    if sources.len() > SOURCES_MAX {
        return Err(ApiError::invalid(format!("Too many source tables: at most {SOURCES_MAX} are allowed")));
    }
    let destination = destination(members, project, WriteDisposition::Empty)?;
    let destination = destination.ok_or_else(|| ApiError::required(&members.path_of("destinationTable")))?;
    Ok(CopyRequest { sources, destination })
}

pub(super) fn read_extract(members: &Members<'_>, project: &str) -> Result<ExtractRequest, ApiError> {
    let known = [
        "sourceTable",
        "destinationUri",
        "destinationUris",
        "destinationFormat",
        "compression",
        "fieldDelimiter",
        "printHeader",
        "useAvroLogicalTypes",
    ];
    members.only(&known, &["sourceModel", "modelExtractOptions"])?;
    let mut uris = members.texts("destinationUris")?;
    // Clients that know the older name send both.
    if let Some(uri) = members.text("destinationUri")?.filter(|uri| !uri.is_empty())
        && !uris.iter().any(|known| known == uri)
    {
        uris.push(uri.to_owned());
    }
    if uris.is_empty() {
        return Err(ApiError::required(&members.path_of("destinationUris")));
    }
    external::check_uris(&uris, "destinationUris")?;
    let gzip = match members.text("compression")?.unwrap_or_default() {
        "" | "NONE" | "COMPRESSION_UNSPECIFIED" => false,
        "GZIP" => true,
        other @ ("DEFLATE" | "SNAPPY" | "ZSTD") => {
            return Err(ApiError::not_implemented(format!("compression {other} is not supported by this server")));
        }
        other => return Err(external::not_a_value("compression", other)),
    };
    Ok(ExtractRequest {
        source: name::read_table(&members.required_object("sourceTable")?, project)?,
        uris,
        format: external::format(members, "destinationFormat", Some(Format::Csv))?,
        gzip,
        field_delimiter: external::delimiter(members)?,
        print_header: members.flag("printHeader")?.unwrap_or(true),
    })
}
