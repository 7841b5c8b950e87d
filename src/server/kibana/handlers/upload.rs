//! The multipart body of an import: the field `file`, and for a second try the field `retries`.

use std::convert::Infallible;

use bytes::Bytes;
use futures_util::stream;
use hyper::header::CONTENT_TYPE;
use multer::{Field, Multipart};

use crate::server::kibana::attribute::expected;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::Request;

/// Kibana's own forms have two.
const FIELDS_MAX: usize = 16;

#[derive(Debug)]
pub(super) struct Upload {
    pub(super) file: Bytes,
    pub(super) retries: Option<String>,
}

/// # Errors
/// Another media type, a broken form, no file, or one of another name than `*.ndjson`.
pub(super) async fn read(request: &Request) -> Result<Upload, ApiError> {
    let media = request.header(&CONTENT_TYPE).unwrap_or_default();
    let boundary = multer::parse_boundary(media).map_err(|_| ApiError::new(415, "Unsupported Media Type"))?;
    let body = request.body.clone();
    let mut form = Multipart::new(stream::once(async move { Ok::<_, Infallible>(body) }), boundary);
    let (mut file, mut retries, mut unknown) = (None, None, None);
    // A form without fields may be no bytes at all.
    let fields_max = if request.body.is_empty() { 0 } else { FIELDS_MAX };
    for _ in 0..fields_max {
        let Some(field) = form.next_field().await.map_err(|error| broken(&error))? else { break };
        match field.name().unwrap_or_default().to_owned().as_str() {
            "file" => file = Some(read_file(field).await?),
            "retries" => retries = Some(field.text().await.map_err(|error| broken(&error))?),
            other => unknown = Some(other.to_owned()),
        }
    }
    let Some(file) = file else { return Err(ApiError::bad_request(expected("request body.file", "Stream", None))) };
    match unknown {
        None => Ok(Upload { file, retries }),
        Some(name) => Err(ApiError::bad_request(format!("[request body.{name}]: definition for this key is missing"))),
    }
}

async fn read_file(field: Field<'_>) -> Result<Bytes, ApiError> {
    let Some(name) = field.file_name() else {
        return Err(ApiError::bad_request("[request body.file]: expected value of type [Stream] but got [string]"));
    };
    // As a file's extension: `.ndjson` alone has none.
    let extension = match name.rfind('.') {
        Some(at) if at > 0 => name.get(at..).unwrap_or_default(),
        _ => "",
    };
    if !extension.eq_ignore_ascii_case(".ndjson") {
        return Err(ApiError::bad_request(format!("Invalid file extension {extension}")));
    }
    field.bytes().await.map_err(|error| broken(&error))
}

fn broken(error: &multer::Error) -> ApiError {
    ApiError::bad_request(format!("Invalid multipart payload format: {error}"))
}
