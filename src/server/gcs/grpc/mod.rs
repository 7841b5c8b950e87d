//! gRPC: `google.storage.v2.Storage`, as far as Google's Rust client asks for it. What a method does is what the JSON API
//! does; here its messages are read and written.

mod bucket;
mod convert;
mod frame;
mod message;
mod object;
mod read;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::HeaderMap;
use hyper::body::Frame;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::http::request::Parts;
use prost::Message;

use super::Gcs;
use super::error::ApiError;
use super::http::{Body, RequestBody, full};

const SERVICE: &str = "/google.storage.v2.Storage/";

/// Whether a request is a call of gRPC.
pub(super) fn is_call(head: &Parts) -> bool {
    let content_type = head.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.is_some_and(|content_type| content_type.starts_with("application/grpc"))
}

/// Answers a call, whatever comes.
pub(super) async fn answer(gcs: Arc<Gcs>, path: String, body: RequestBody) -> hyper::Response<Body> {
    let method = path.strip_prefix(SERVICE).unwrap_or(&path).to_owned();
    if matches!(method.as_str(), "BidiReadObject" | "ReadObject") {
        return respond(read::answer(gcs, method == "BidiReadObject", body));
    }
    let called = tokio::spawn(async move { unary(&gcs, &method, body).await });
    let answer = called.await.unwrap_or_else(|error| {
        tracing::error!(%error, "a handler panicked; only this call fails");
        Err(ApiError::internal())
    });
    match answer {
        Ok(message) => {
            let frames = [Ok(Frame::data(frame::encode(&message))), Ok(Frame::trailers(trailers(Ok(()))))];
            respond(StreamBody::new(stream::iter(frames)).boxed_unsync())
        }
        Err(error) => {
            let mut response = respond(full(Bytes::new()));
            response.headers_mut().extend(trailers(Err(&error)));
            response
        }
    }
}

async fn unary(gcs: &Arc<Gcs>, method: &str, mut body: RequestBody) -> Result<Vec<u8>, ApiError> {
    let message = frame::Reader::default().next(&mut body).await?;
    let request = message.ok_or_else(|| ApiError::invalid("The call has no message."))?;
    match method {
        "CreateBucket" => encoded(bucket::create(gcs, decoded(&request)?).await),
        "GetBucket" => encoded(bucket::get(gcs, &decoded(&request)?)),
        "ListBuckets" => encoded(bucket::list(gcs, &decoded(&request)?)),
        "UpdateBucket" => encoded(bucket::update(gcs, decoded(&request)?).await),
        "DeleteBucket" => encoded(bucket::delete(gcs, decoded(&request)?).await),
        "GetObject" => encoded(object::get(gcs, &decoded(&request)?)),
        "ListObjects" => encoded(object::list(gcs, decoded(&request)?).await),
        "UpdateObject" => encoded(object::update(gcs, decoded(&request)?).await),
        "DeleteObject" => encoded(object::delete(gcs, decoded(&request)?).await),
        "ComposeObject" => encoded(object::compose(gcs, decoded(&request)?).await),
        "RewriteObject" => encoded(object::rewrite(gcs, decoded(&request)?).await),
        "MoveObject" => encoded(object::move_to(gcs, decoded(&request)?).await),
        other => Err(ApiError::not_implemented(format!("The gRPC method `{other}`"))),
    }
}

fn decoded<M: Message + Default>(bytes: &Bytes) -> Result<M, ApiError> {
    M::decode(bytes.clone()).map_err(|_| ApiError::invalid("The message is malformed."))
}

fn encoded<M: Message>(answer: Result<M, ApiError>) -> Result<Vec<u8>, ApiError> {
    Ok(answer?.encode_to_vec())
}

fn respond(body: Body) -> hyper::Response<Body> {
    let mut response = hyper::Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    response
}

/// How a call ended.
fn trailers(ended: Result<(), &ApiError>) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    let code = ended.err().map_or(0, ApiError::grpc_code);
    trailers.insert("grpc-status", HeaderValue::from(code));
    if let Err(error) = ended
        && let Ok(message) = HeaderValue::from_str(&frame::encode_message(&error.message))
    {
        trailers.insert("grpc-message", message);
    }
    trailers
}
