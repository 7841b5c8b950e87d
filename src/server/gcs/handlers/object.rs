//! One object's metadata: `/storage/v1/b/{bucket}/o/{object}`.

use std::sync::Arc;

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::http::{Request, Response};
use super::super::store::{Attributes, Conditions, Object};
use super::attributes::{acl_refused, patch};
use super::condition::{conditions, generation};
use super::{download, resource, storage_class_of};

pub(super) async fn get(
    gcs: &Arc<Gcs>,
    request: &mut Request,
    bucket: String,
    name: String,
) -> Result<Response, ApiError> {
    match request.params.get("alt") {
        Some("media") => return download::json(gcs, request, bucket, name).await,
        None | Some("json" | "") => {}
        Some(other) => return Err(ApiError::invalid_parameter("alt", other)),
    }
    if request.params.flag("softDeleted")? {
        return Err(ApiError::not_implemented("Soft delete"));
    }
    let (generation, conditions) = (generation(&request.params)?, conditions(&request.params)?);
    let object = gcs.store.object(&bucket, &name, generation, &conditions)?;
    Ok(answer(&object, &bucket, request))
}

/// `PATCH` changes what it names, `PUT` all.
pub(super) async fn update(
    gcs: &Arc<Gcs>,
    request: &mut Request,
    bucket: String,
    name: String,
) -> Result<Response, ApiError> {
    refuse_predefined_acl(request)?;
    let (generation, conditions) = (generation(&request.params)?, conditions(&request.params)?);
    let json = request.json().await?;
    let class = storage_class_of(&json)?;
    let replaces = request.method == hyper::Method::PUT;
    let in_bucket = bucket.clone();
    let updated = gcs
        .blocking(move |store| {
            let now = store.object(&bucket, &name, generation, &Conditions::NONE)?;
            if class.is_some_and(|class| class != now.storage_class) {
                return Err(ApiError::invalid("The storage class of an object is changed by rewriting it."));
            }
            store.update(&bucket, &name, generation, &conditions, |attributes| {
                if replaces {
                    let storage_class = attributes.storage_class.take();
                    *attributes = Attributes { storage_class, ..Attributes::default() };
                }
                patch(attributes, &json)
            })
        })
        .await?;
    Ok(answer(&updated, &in_bucket, request))
}

pub(super) async fn delete(
    gcs: &Arc<Gcs>,
    request: &Request,
    bucket: String,
    name: String,
) -> Result<Response, ApiError> {
    let (generation, conditions) = (generation(&request.params)?, conditions(&request.params)?);
    gcs.blocking(move |store| Ok(store.delete(&bucket, &name, generation, &conditions)?)).await?;
    Ok(Response::empty(204))
}

/// The object as JSON.
pub(super) fn answer(object: &Object, bucket: &str, request: &Request) -> Response {
    let answer = Response::json(&resource::object(object, bucket, &request.base));
    answer.with("etag", &resource::etag(object.generation, object.metageneration))
}

pub(super) fn refuse_predefined_acl(request: &Request) -> Result<(), ApiError> {
    let names = ["predefinedAcl", "destinationPredefinedAcl"];
    if names.iter().any(|name| request.params.get(name).is_some()) { Err(acl_refused("an object")) } else { Ok(()) }
}
