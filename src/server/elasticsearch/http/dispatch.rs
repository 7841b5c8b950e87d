//! From bytes to a handler and back: checks the head, agrees on media types, reads the body, finds the route, runs the
//! handler, and writes the answer. The one place that decides on which threads handlers run: they compute and touch the disk,
//! so each runs on a blocking thread, bounded in number; a panic there is this request's 500 and nobody else's.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};

use super::body::{api_error, decode};
use super::filter::FilterPath;
use super::media::{Agreed, check_body_type, negotiate};
use super::message::{Body, Params, Request, Response};
use super::pretty::pretty;
use super::route::{Found, Route, known_method, method_not_allowed};
use super::server::{Context, HEADER_BYTES_MAX, LINE_BYTES_MAX};
use super::uri::{decode_path, parse_query};
use crate::server::elasticsearch::error::{ApiError, ErrorBody, Exception};
use crate::server::http::body::{BodyError, HeldBody, read};

type HttpResponse = hyper::Response<Full<Bytes>>;

const TEXT: &str = "text/plain; charset=UTF-8";

/// An answer, written but for what the transport adds.
#[derive(Debug)]
struct Written {
    status: u16,
    headers: Vec<(&'static str, String)>,
    content_type: String,
    body: Bytes,
    gzip: bool,
}

/// What of a request's head outlives its body.
struct Head {
    method: String,
    uri: String,
    path: String,
    query: String,
    headers: HeaderMap,
}

pub(super) async fn answer(context: Arc<Context>, request: hyper::Request<Incoming>) -> HttpResponse {
    let (parts, mut incoming) = request.into_parts();
    let head = Head {
        method: parts.method.as_str().to_owned(),
        uri: parts.uri.path_and_query().map_or_else(|| parts.uri.path().to_owned(), ToString::to_string),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: parts.headers,
    };
    let opaque_id = head.headers.get("x-opaque-id").cloned();
    if let Err(error) = check_head(&head) {
        return transport(write_error(&error, &Agreed::default(), &Params::default()), opaque_id, true);
    }
    let body = match read(&mut incoming, context.limits.body_bytes_max, &context.budget).await {
        Ok(body) => body,
        Err(BodyError::TooLarge) => return too_large(),
        Err(error) => {
            let error = api_error(error);
            return transport(write_error(&error, &Agreed::default(), &Params::default()), opaque_id, true);
        }
    };
    let written = route(&context, head, body).await;
    if written.status == 413 { too_large() } else { transport(written, opaque_id, false) }
}

/// The bounds on the request line and the headers, in Elasticsearch's words.
fn check_head(head: &Head) -> Result<(), ApiError> {
    if head.method.len() + head.uri.len() + " HTTP/1.1 ".len() > LINE_BYTES_MAX {
        let reason = format!("An HTTP line is larger than {LINE_BYTES_MAX} bytes.");
        return Err(ApiError::new(400, "too_long_http_line_exception", reason));
    }
    let bytes: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if bytes > HEADER_BYTES_MAX {
        let reason = format!("HTTP header is larger than {HEADER_BYTES_MAX} bytes.");
        return Err(ApiError::new(400, "too_long_http_header_exception", reason));
    }
    Ok(())
}

/// A header as text; a value that is not text reads as one that no table knows.
fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).map(|value| value.to_str().unwrap_or("\u{fffd}"))
}

async fn route(context: &Arc<Context>, head: Head, body: HeldBody) -> Written {
    let params = match parse_query(&head.query) {
        Ok(params) => params,
        Err(error) => return write_error(&error, &Agreed::default(), &Params::default()),
    };
    let content_type = header(&head.headers, "content-type");
    let agreed = match negotiate(header(&head.headers, "accept"), content_type, !body.bytes.is_empty()) {
        Ok(agreed) => agreed,
        Err(error) => return write_error(&error, &Agreed::default(), &params),
    };
    match find(context, &head, params, &body, &agreed) {
        Ok(Step::Run(route, request)) => {
            let encoding = header(&head.headers, "content-encoding").map(str::to_owned);
            let gzip = header(&head.headers, "accept-encoding").is_some_and(accepts_gzip) && head.method != "HEAD";
            run(context, route, request, body, Wishes { agreed, encoding, gzip }).await
        }
        Ok(Step::Options(allowed)) => options(&allowed),
        Err((error, params)) => write_error(&error, &agreed, &params),
    }
}

enum Step {
    Run(Route, Request),
    Options(Vec<&'static str>),
}

/// Finds the route and checks what can be checked before the handler sees the request.
fn find(
    context: &Context,
    head: &Head,
    params: Params,
    body: &HeldBody,
    agreed: &Agreed,
) -> Result<Step, (ApiError, Params)> {
    let path = match decode_path(&head.path) {
        Ok(path) => path,
        Err(error) => return Err((error, params)),
    };
    let (route, variables) = match context.router.find(&head.method, &path) {
        Found::Route(route, variables) => (*route, variables),
        Found::Methods(methods) if head.method == "OPTIONS" => return Ok(Step::Options(methods)),
        Found::Nothing if head.method == "OPTIONS" => return Ok(Step::Options(Vec::new())),
        Found::Methods(methods) => return Err((method_not_allowed(&head.uri, &head.method, &methods), params)),
        Found::Nothing => return Err((no_handler(head), params)),
    };
    let Some(method) = known_method(&head.method) else { return Err((no_handler(head), params)) };
    let content_type = header(&head.headers, "content-type");
    if !body.bytes.is_empty()
        && let Err(error) = check_body_type(content_type)
    {
        return Err((error, params));
    }
    if let Err(error) = route.check_params(&head.path, &params).and_then(|()| check_universal(&params, &route)) {
        return Err((error, params));
    }
    let mut request = Request { method, uri: head.uri.clone(), path: variables, params, body: body.bytes.clone() };
    if let Err(error) = take_source_param(&route, &mut request) {
        return Err((error, request.params));
    }
    if route.is_cat() && agreed.accepts_json && request.params.get("format").is_none() {
        request.params.0.insert("format".into(), "json".into());
    }
    Ok(Step::Run(route, request))
}

fn no_handler(head: &Head) -> ApiError {
    let text = format!("no handler found for uri [{}] and method [{}]", head.uri, head.method);
    ApiError { status: 400, body: ErrorBody::Text { text, with_status: false }, headers: Vec::new() }
}

/// The parameters every endpoint takes have values of their own.
fn check_universal(params: &Params, route: &Route) -> Result<(), ApiError> {
    params.bool("pretty", route.pretty)?;
    params.bool("human", false)?;
    params.bool("error_trace", false)?;
    match params.get("format") {
        Some(format @ ("yaml" | "cbor" | "smile")) => {
            Err(ApiError::text(406, format!("the response format [{format}] is not served, only [json]")))
        }
        _ => Ok(()),
    }
}

/// `?source=..&source_content_type=..` stands for the body, where there is none.
fn take_source_param(route: &Route, request: &mut Request) -> Result<(), ApiError> {
    if !route.source_param {
        return Ok(());
    }
    let source = request.params.0.remove("source");
    let content_type = request.params.0.remove("source_content_type");
    if !request.body.is_empty() || (source.is_none() && content_type.is_none()) {
        return Ok(());
    }
    let (Some(source), Some(content_type)) = (source, content_type) else {
        let reason = "Validation Failed: 1: source and source_content_type parameters are required;";
        return Err(ApiError::new(400, "validation_exception", reason));
    };
    if check_body_type(Some(&content_type)).is_err() {
        let reason = "Validation Failed: 1: Unknown value for source_content_type;";
        return Err(ApiError::new(400, "validation_exception", reason));
    }
    request.body = source.into();
    Ok(())
}

/// How the answer is wanted.
struct Wishes {
    agreed: Agreed,
    encoding: Option<String>,
    gzip: bool,
}

async fn run(context: &Arc<Context>, route: Route, request: Request, body: HeldBody, wishes: Wishes) -> Written {
    let (params, uri) = (request.params.clone(), request.uri.clone());
    tracing::trace!(method = request.method, uri, route = route.path, "request");
    let agreed = wishes.agreed.clone();
    let finished = if route.waits {
        let context = Arc::clone(context);
        tokio::spawn(async move { handle(&context, route, request, body, wishes).await }).await
    } else {
        let Ok(permit) = Arc::clone(&context.handlers).acquire_owned().await else {
            return write_error(&ApiError::new(503, "node_closed_exception", "the node is closing"), &agreed, &params);
        };
        let context = Arc::clone(context);
        let runtime = tokio::runtime::Handle::current();
        tokio::task::spawn_blocking(move || {
            let written = runtime.block_on(handle(&context, route, request, body, wishes));
            drop(permit);
            written
        })
        .await
    };
    finished.unwrap_or_else(|error| {
        tracing::error!(%uri, %error, "a handler panicked; only this request fails");
        let exception = Exception::new("exception", "internal error, the server's log tells more");
        write_error(&ApiError::from_exception(500, exception), &agreed, &params)
    })
}

async fn handle(context: &Context, route: Route, mut request: Request, mut body: HeldBody, wishes: Wishes) -> Written {
    let params = request.params.clone();
    if !body.bytes.is_empty() {
        let limit = context.limits.body_bytes_max;
        if let Err(error) = decode(&mut body, wishes.encoding.as_deref(), limit, &context.budget) {
            return write_error(&error, &wishes.agreed, &params);
        }
        request.body = body.bytes.clone();
    }
    let answered = (route.handler)(Arc::clone(&context.node), request).await;
    let written = match answered {
        Ok(response) => write_response(response, &wishes.agreed, &params, route.pretty),
        Err(error) => write_error(&error, &wishes.agreed, &params),
    };
    if wishes.gzip { compress(written) } else { written }
}

fn write_response(response: Response, agreed: &Agreed, params: &Params, pretty_default: bool) -> Written {
    let Response { status, headers, body } = response;
    let json = match body {
        Body::Text(text) => {
            return Written { status, headers, content_type: TEXT.into(), body: text.into(), gzip: false };
        }
        Body::Json(value) => json_bytes(&value),
        Body::RawJson(bytes) => bytes,
    };
    let mut json = match params.get("filter_path").and_then(FilterPath::parse) {
        Some(filter) => filter.apply(&json).into(),
        None => json,
    };
    if params.bool("pretty", pretty_default).unwrap_or(false) && !json.is_empty() {
        json = pretty(&json).into();
    }
    Written { status, headers, content_type: agreed.response_type.clone(), body: json, gzip: false }
}

/// Errors are indented on `pretty` but never cut by `filter_path`.
fn write_error(error: &ApiError, agreed: &Agreed, params: &Params) -> Written {
    let mut json = json_bytes(&error.to_json());
    if params.bool("pretty", false).unwrap_or(false) {
        json = pretty(&json).into();
    }
    let content_type = agreed.response_type.clone();
    Written { status: error.status, headers: error.headers.clone(), content_type, body: json, gzip: false }
}

fn json_bytes(value: &serde_json::Value) -> Bytes {
    serde_json::to_vec(value).expect("a JSON value has string keys, so it can be written").into()
}

fn accepts_gzip(value: &str) -> bool {
    value.split(',').map(str::trim).any(|coding| {
        let (name, quality) = coding.split_once(';').unwrap_or((coding, ""));
        let refused = quality.trim().strip_prefix("q=").is_some_and(|q| q.parse::<f32>().is_ok_and(|q| q == 0.0));
        matches!(name.trim().to_ascii_lowercase().as_str(), "gzip" | "x-gzip") && !refused
    })
}

/// Level 3, as Elasticsearch (`http.compression_level`).
fn compress(mut written: Written) -> Written {
    if written.body.is_empty() {
        return written;
    }
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(3));
    if encoder.write_all(&written.body).is_ok()
        && let Ok(bytes) = encoder.finish()
    {
        written.body = bytes.into();
        written.gzip = true;
    }
    written
}

fn options(allowed: &[&str]) -> Written {
    let headers = if allowed.is_empty() { Vec::new() } else { vec![("Allow", allowed.join(","))] };
    Written { status: 200, headers, content_type: TEXT.into(), body: Bytes::new(), gzip: false }
}

/// What every answer carries. `close` ends the connection after it: the request was not read to its end.
fn transport(written: Written, opaque_id: Option<HeaderValue>, close: bool) -> HttpResponse {
    let mut response = hyper::Response::new(Full::new(written.body));
    *response.status_mut() =
        hyper::StatusCode::from_u16(written.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert("x-elastic-product", HeaderValue::from_static("Elasticsearch"));
    for (name, value) in written.headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
            headers.append(name, value);
        }
    }
    if let Some(id) = opaque_id {
        headers.insert("x-opaque-id", id);
    }
    if let Ok(value) = HeaderValue::from_str(&written.content_type) {
        headers.insert("content-type", value);
    }
    if written.gzip {
        headers.insert("content-encoding", HeaderValue::from_static("gzip"));
    }
    if close {
        headers.insert("connection", HeaderValue::from_static("close"));
    }
    response
}

/// 413 is the transport's own answer: empty, without the product header.
fn too_large() -> HttpResponse {
    let mut response = hyper::Response::new(Full::new(Bytes::new()));
    *response.status_mut() = hyper::StatusCode::PAYLOAD_TOO_LARGE;
    response.headers_mut().insert("connection", HeaderValue::from_static("close"));
    response
}
