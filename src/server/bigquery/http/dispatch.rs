//! One request: guarded, routed, read, handled; and the headers that every answer carries.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CACHE_CONTROL, CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};

use super::error::ApiError;
use super::message::{Request, Response};
use super::params::Params;
use super::route::{BodyKind, Handler};
use super::server::Context;
use super::{body, guard, uri};
use crate::server::http::LocalAddress;
use crate::server::http::body::{HeldBody, discard};
use crate::server::http::uri::{decode_path, decode_query};

pub(super) type HttpResponse = hyper::Response<Full<Bytes>>;

/// Headers of all answers, where a handler sets none of the same name.
const HEADERS: [(HeaderName, &str); 3] =
    [(HeaderName::from_static("server"), "stockdev"), (CACHE_CONTROL, "private"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];

/// Answers a request, whatever comes.
pub(super) async fn answer(context: Arc<Context>, request: hyper::Request<Incoming>) -> HttpResponse {
    let (head, mut body) = request.into_parts();
    let params = decode_query(head.uri.query().unwrap_or_default()).map(Params).unwrap_or_default();
    match prepare(&context, &head, &mut body).await {
        Ok((handler, request, _held)) => transport(handle(&context, handler, request).await, &params, false),
        Err(error) => {
            discard(&head.headers, &mut body).await;
            transport(Response::from(&error), &params, true)
        }
    }
}

async fn prepare(
    context: &Context,
    head: &hyper::http::request::Parts,
    body: &mut Incoming,
) -> Result<(Handler, Request, Option<HeldBody>), ApiError> {
    let method = method(head);
    let path =
        decode_path(head.uri.path()).ok_or_else(|| ApiError::invalid("Malformed percent-encoding in the path"))?;
    guard::check(&head.headers)?;
    let found = context.router.find(&method, &uri::canonical(&path));
    let (route, path) = found.ok_or_else(|| ApiError::no_route(&method, head.uri.path()))?;
    let params = decode_query(head.uri.query().unwrap_or_default()).map(Params);
    let params = params.ok_or_else(|| ApiError::invalid("Malformed percent-encoding in the query"))?;
    check_alt(&params)?;
    let mut request = Request {
        path,
        params,
        headers: head.headers.clone(),
        body: Bytes::new(),
        media: None,
        base_url: base_url(&head.headers, head.extensions.get::<LocalAddress>().map(|local| local.0.port())),
    };
    let mut held = None;
    match route.body {
        BodyKind::Json => {
            let read = body::read(&head.headers, body, &context.budget).await?;
            request.body = read.bytes.clone();
            held = Some(read);
        }
        BodyKind::Media => request.media = Some(Arc::new(context.bigquery.spool().receive(&head.headers, body).await?)),
    }
    Ok((route.handler, request, held))
}

/// The method, or the one that a client which can't send it names in a header.
fn method(head: &hyper::http::request::Parts) -> String {
    let named = head.headers.get("x-http-method-override").and_then(|method| method.to_str().ok());
    match named {
        Some(named) if head.method == hyper::Method::POST => named.to_ascii_uppercase(),
        _ => head.method.as_str().to_owned(),
    }
}

/// Answers are JSON; enums in them are words, which clients that ask for numbers read too.
fn check_alt(params: &Params) -> Result<(), ApiError> {
    for alt in params.all("alt").chain(params.all("$alt")) {
        if alt.split(';').next() != Some("json") {
            return Err(ApiError::invalid(format!("Invalid value at 'alt', {alt:?}: only json is supported")));
        }
    }
    Ok(())
}

/// Some clients leave the port out of `Host`; the one that they connected to is meant then.
fn base_url(headers: &HeaderMap, port: Option<u16>) -> String {
    let is_sane = |host: &&str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".:-_[]".contains(&byte));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).filter(|host| !host.is_empty());
    let host = host.filter(is_sane).unwrap_or("127.0.0.1");
    let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) && !host.ends_with(']');
    match port {
        Some(port) if !has_port => format!("http://{host}:{port}"),
        _ => format!("http://{host}"),
    }
}

/// A handler's panic is its own request's matter.
async fn handle(context: &Context, handler: Handler, request: Request) -> Response {
    let bigquery = Arc::clone(&context.bigquery);
    let answered = match handler {
        Handler::Blocking(handler) => bigquery.blocking(move |bigquery| handler(bigquery, &request)).await,
        Handler::Waiting(handler) => tokio::spawn(handler(bigquery, request)).await.unwrap_or_else(|error| {
            tracing::error!(%error, "a handler panicked; only this request fails");
            Err(ApiError::internal())
        }),
    };
    answered.unwrap_or_else(|error| Response::from(&error))
}

fn transport(response: Response, params: &Params, closes: bool) -> HttpResponse {
    let rendered = response.render(params).or_else(|error| Response::from(&error).render(&Params::default()));
    let (status, headers, body) = rendered.unwrap_or((500, HeaderMap::new(), Bytes::new()));
    let mut http = hyper::Response::new(Full::new(body));
    *http.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    *http.headers_mut() = headers;
    for (name, value) in HEADERS {
        http.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    if closes {
        http.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    http
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_answers_name_can_be_reached() {
        let url = |host: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert(HOST, host.parse().unwrap());
            }
            base_url(&headers, Some(9050))
        };
        assert_eq!(url(Some("127.0.0.1")), "http://127.0.0.1:9050");
        assert_eq!(url(Some("box:80")), "http://box:80");
        assert_eq!(url(Some("[::1]")), "http://[::1]:9050");
        assert_eq!(url(Some("[::1]:1")), "http://[::1]:1");
        assert_eq!(url(Some("a\"b")), "http://127.0.0.1:9050");
        assert_eq!(url(None), "http://127.0.0.1:9050");
    }
}
