//! One request: routed, handled, and answered in the form of its API.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;

use super::super::error::ApiError;
use super::super::{Gcs, grpc, handlers};
use super::body::RequestBody;
use super::message::{Body, Params, Request, Response};
use super::route::{Endpoint, NoEndpoint};
use crate::server::http::{LocalAddress, uri};

/// Answers a request, whatever comes.
pub(super) async fn answer(gcs: Arc<Gcs>, request: hyper::Request<Incoming>) -> hyper::Response<Body> {
    let (head, body) = request.into_parts();
    let is_http1 = head.version < hyper::Version::HTTP_2;
    let body = RequestBody::new(body, gcs.budget.clone());
    if grpc::is_call(&head) {
        return grpc::answer(gcs, head.uri.path().to_owned(), body).await;
    }
    let waits_for_leave = head.headers.contains_key("expect");
    let (response, body) = answer_http(gcs, head, body).await;
    // A client reads the answer after it has sent all: what nobody read is read away. One that waits for leave to send
    // has sent nothing.
    let closes = match body {
        Some(mut body) if !waits_for_leave => !body.discard().await,
        Some(_) => response.status >= 400,
        None => false,
    };
    transport(response, closes && is_http1)
}

/// The request's body comes back if the handler left it.
async fn answer_http(gcs: Arc<Gcs>, head: Parts, body: RequestBody) -> (Response, Option<RequestBody>) {
    let endpoint = Endpoint::find(head.uri.path());
    let is_xml = endpoint.as_ref().is_ok_and(Endpoint::is_xml);
    let is_head = head.method == hyper::Method::HEAD;
    let (endpoint, params) = match (endpoint, uri::decode_query(head.uri.query().unwrap_or_default()).map(Params)) {
        (Ok(endpoint), Some(params)) => (endpoint, params),
        (Err(NoEndpoint::Unknown), _) => return (Response::from(&ApiError::no_route()), Some(body)),
        _ => return (Response::from(&ApiError::invalid("Malformed percent-encoding in the URL.")), Some(body)),
    };
    let base = base(&gcs, &head);
    let path = head.uri.path().to_owned();
    let request = Request { method: head.method, path, params, headers: head.headers, base, body };
    let (answer, body) = guarded(gcs, endpoint, request).await;
    let response = match answer {
        Ok(response) => response,
        Err(error) if is_xml && error.status != 304 => Response::xml_error(&error),
        Err(error) => Response::from(&error),
    };
    (if is_head { response.into_head() } else { response }, body)
}

/// A handler's panic is its own request's matter. The handler runs on when the client goes away: an upload keeps what came.
async fn guarded(
    gcs: Arc<Gcs>,
    endpoint: Endpoint,
    mut request: Request,
) -> (Result<Response, ApiError>, Option<RequestBody>) {
    let handled = tokio::spawn(async move {
        let answer = handlers::handle(&gcs, endpoint, &mut request).await;
        (answer, request.body)
    });
    match handled.await {
        Ok((answer, body)) => (answer, Some(body)),
        Err(error) => {
            tracing::error!(%error, "a handler panicked; only this request fails");
            (Err(ApiError::internal()), None)
        }
    }
}

/// One request of a batch: no uploads, no bytes of objects, no further batch.
pub(crate) async fn answer_part(gcs: &Arc<Gcs>, mut request: Request) -> Response {
    let answer = match Endpoint::find(&request.path) {
        Ok(Endpoint::Batch | Endpoint::Upload(_) | Endpoint::Download(..)) => {
            Err(ApiError::invalid("A batch may not have uploads, downloads or batches."))
        }
        Ok(endpoint) if endpoint.is_xml() => Err(ApiError::no_route()),
        Ok(endpoint) => handlers::handle_part(gcs, endpoint, &mut request).await,
        Err(NoEndpoint::Unknown) => Err(ApiError::no_route()),
        Err(NoEndpoint::Malformed) => Err(ApiError::invalid("Malformed percent-encoding in the URL.")),
    };
    answer.unwrap_or_else(|error| Response::from(&error))
}

/// How the client reaches this server. Some clients send `Host` without the port that they connected to.
fn base(gcs: &Gcs, head: &Parts) -> String {
    let named = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let host = named.or_else(|| head.uri.authority().map(|authority| authority.as_str())).unwrap_or_default();
    let local = head.extensions.get::<LocalAddress>().map(|local| local.0.port());
    base_of(host, local).unwrap_or_else(|| gcs.config.base_url.clone())
}

fn base_of(host: &str, local_port: Option<u16>) -> Option<String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if host.is_empty() || !host.chars().all(is_plain) {
        return None;
    }
    let after_brackets = host.rsplit(']').next().unwrap_or_default();
    if after_brackets.contains(':') {
        return Some(format!("http://{host}"));
    }
    local_port.map(|port| format!("http://{host}:{port}"))
}

fn transport(response: Response, closes: bool) -> hyper::Response<Body> {
    let mut http = hyper::Response::new(response.body);
    *http.status_mut() =
        hyper::StatusCode::from_u16(response.status).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    *http.headers_mut() = response.headers;
    let id = HeaderValue::from_str(&uuid::Uuid::new_v4().simple().to_string());
    if let Ok(id) = id {
        http.headers_mut().entry(HeaderName::from_static("x-guploader-uploadid")).or_insert(id);
    }
    http.headers_mut().entry("server").or_insert(HeaderValue::from_static("UploadServer"));
    if closes {
        http.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    http
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_built_from_the_host_and_the_port_that_was_connected_to() {
        let cases = [
            ("127.0.0.1:4443", Some(1), Some("http://127.0.0.1:4443")),
            ("127.0.0.1", Some(4443), Some("http://127.0.0.1:4443")),
            ("localhost", Some(4443), Some("http://localhost:4443")),
            ("[::1]", Some(4443), Some("http://[::1]:4443")),
            ("[::1]:80", Some(4443), Some("http://[::1]:80")),
            ("localhost", None, None),
            ("", Some(4443), None),
            ("a/b", Some(4443), None),
            ("user@host:1", Some(4443), None),
        ];
        for (host, port, expected) in cases {
            assert_eq!(base_of(host, port).as_deref(), expected, "{host}");
        }
    }
}
