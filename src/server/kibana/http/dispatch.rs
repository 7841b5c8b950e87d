//! One request: guarded, routed, read, handled; and the headers that every answer carries.

use std::convert::Infallible;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};

use super::super::error::ApiError;
use super::message::{Params, Request, Response};
use super::route::Handler;
use super::server::Context;
use super::{body, guard};
use crate::server::http::body::{HeldBody, discard};
use crate::server::http::uri;

pub(super) type HttpResponse = hyper::Response<UnsyncBoxBody<Bytes, Infallible>>;

/// No script but our own files, no request to another host. Charts set styles in place and draw to images.
const CONTENT_SECURITY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; object-src 'none'";

/// A body above this is a large one.
const LARGE_BYTES: usize = 1024 * 1024;

/// Headers of all answers, where a handler sets none of the same name.
const HEADERS: [(HeaderName, &str); 7] = [
    (HeaderName::from_static("kbn-name"), "stockdev"),
    (CACHE_CONTROL, "private, no-cache, no-store, must-revalidate"),
    (CONTENT_SECURITY_POLICY, CONTENT_SECURITY),
    (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (REFERRER_POLICY, "no-referrer-when-downgrade"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (
        HeaderName::from_static("permissions-policy"),
        "camera=(), display-capture=(), fullscreen=(self), geolocation=(), microphone=()",
    ),
];

/// Answers a request, whatever comes.
pub(super) async fn answer(context: Arc<Context>, request: hyper::Request<Incoming>) -> HttpResponse {
    let (head, mut body) = request.into_parts();
    match prepare(&context, &head, &mut body).await {
        Ok((handler, request, _held)) => transport(handle(&context, handler, request).await, false),
        Err(error) => {
            discard(&head.headers, &mut body).await;
            transport(Response::from(&error), true)
        }
    }
}

async fn prepare(
    context: &Context,
    head: &hyper::http::request::Parts,
    body: &mut Incoming,
) -> Result<(Handler, Request, HeldBody), ApiError> {
    let method = head.method.as_str();
    let path = uri::decode_path(head.uri.path()).ok_or_else(|| ApiError::bad_request("Bad Request"))?;
    let path = within_space(&path)?;
    let (route, variables) = context.router.find(method, path).ok_or_else(ApiError::no_route)?;
    guard::check(method, &head.headers, &context.kibana.config.host_names)?;
    let params = uri::decode_query(head.uri.query().unwrap_or_default());
    let params = params.map(Params).ok_or_else(|| ApiError::bad_request("Bad Request"))?;
    let held = body::read(body, &context.budget).await?;
    let request = Request { path: variables, params, headers: head.headers.clone(), body: held.bytes.clone() };
    Ok((route.handler, request, held))
}

/// The path after `/s/<space>`; there is but one space.
fn within_space(path: &[String]) -> Result<&[String], ApiError> {
    match path {
        [s, space, rest @ ..] if s == "s" => match space.as_str() {
            "default" => Ok(rest),
            other => Err(ApiError::new(404, format!("There is no space [{other}], only [default]"))),
        },
        all => Ok(all),
    }
}

/// A handler's panic is its own request's matter.
async fn handle(context: &Context, handler: Handler, request: Request) -> Response {
    let large = if request.body.len() > LARGE_BYTES { Some(context.large.acquire().await) } else { None };
    let (None | Some(Ok(_)), Ok(_permit)) = (&large, context.handlers.acquire().await) else {
        return Response::from(&ApiError::internal());
    };
    match tokio::spawn(handler(Arc::clone(&context.kibana), request)).await {
        Ok(Ok(response)) => response,
        Ok(Err(error)) => Response::from(&error),
        Err(error) => {
            tracing::error!(%error, "a handler panicked; only this request fails");
            Response::from(&ApiError::internal())
        }
    }
}

fn transport(response: Response, closes: bool) -> HttpResponse {
    let mut http = hyper::Response::new(response.body);
    *http.status_mut() =
        hyper::StatusCode::from_u16(response.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    *http.headers_mut() = response.headers;
    for (name, value) in HEADERS {
        http.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if closes {
        http.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    http
}
