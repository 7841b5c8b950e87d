//! Objects, but for their bytes.

use std::sync::Arc;

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::handlers::{
    check_object_name, check_source_count, compile_glob, object_attributes, object_patch, storage_class_of,
};
use super::super::store::{Conditions, Destination, Draft, ListQuery, PAGE_ITEMS_MAX, PageToken, Source};
use super::convert::{self, bucket_id, conditions, generation, refuse_acl, refuse_keys};
use super::message::{
    ComposeObjectRequest, DeleteObjectRequest, Empty, GetObjectRequest, ListObjectsRequest, ListObjectsResponse,
    MoveObjectRequest, Object, RewriteObjectRequest, RewriteResponse, UpdateObjectRequest,
};

pub(super) fn get(gcs: &Arc<Gcs>, request: &GetObjectRequest) -> Result<Object, ApiError> {
    refuse_keys(request.common_object_request_params.as_ref())?;
    if request.soft_deleted == Some(true) {
        return Err(ApiError::not_implemented("Soft delete"));
    }
    let bucket = bucket_id(&request.bucket)?;
    let conditions = conditions(
        request.if_generation_match,
        request.if_generation_not_match,
        request.if_metageneration_match,
        request.if_metageneration_not_match,
    );
    let object = gcs.store.object(&bucket, &request.object, generation(request.generation), &conditions)?;
    Ok(convert::object(&object, &bucket))
}

pub(super) async fn list(gcs: &Arc<Gcs>, request: ListObjectsRequest) -> Result<ListObjectsResponse, ApiError> {
    if request.soft_deleted || !request.filter.is_empty() {
        return Err(ApiError::not_implemented("Listing by soft deletion or by contexts"));
    }
    let bucket = bucket_id(&request.parent)?;
    let token = Some(request.page_token).filter(|token| !token.is_empty());
    let refused = |token: &str| ApiError::invalid_parameter("page_token", token);
    let after = token.map(|token| PageToken::decode(&token).ok_or_else(|| refused(&token))).transpose()?;
    let asked = usize::try_from(request.page_size).ok().filter(|size| *size > 0);
    let query = ListQuery {
        prefix: request.prefix,
        delimiter: request.delimiter,
        start: request.lexicographic_start,
        end: Some(request.lexicographic_end).filter(|end| !end.is_empty()),
        glob: Some(request.match_glob).filter(|glob| !glob.is_empty()).map(|glob| compile_glob(&glob)).transpose()?,
        versions: request.versions,
        include_trailing_delimiter: request.include_trailing_delimiter,
        items_max: asked.map_or(PAGE_ITEMS_MAX, |size| size.min(PAGE_ITEMS_MAX)),
        after,
    };
    gcs.blocking(move |store| {
        let page = store.list(&bucket, &query)?;
        Ok(ListObjectsResponse {
            objects: page.objects.iter().map(|object| convert::object(object, &bucket)).collect(),
            prefixes: page.prefixes,
            next_page_token: page.next.map(|next| next.encode()).unwrap_or_default(),
        })
    })
    .await
}

pub(super) async fn update(gcs: &Arc<Gcs>, request: UpdateObjectRequest) -> Result<Object, ApiError> {
    refuse_keys(request.common_object_request_params.as_ref())?;
    refuse_acl(&[&request.predefined_acl])?;
    let conditions = conditions(
        request.if_generation_match,
        request.if_generation_not_match,
        request.if_metageneration_match,
        request.if_metageneration_not_match,
    );
    let object = request.object.unwrap_or_default();
    let bucket = bucket_id(&object.bucket)?;
    let mask = request.update_mask.map(|mask| mask.paths).unwrap_or_default();
    let patches = convert::object_patches(&object, &mask)?;
    gcs.blocking(move |store| {
        let of = generation(object.generation);
        let now = store.object(&bucket, &object.name, of, &Conditions::NONE)?;
        for patch in &patches {
            if storage_class_of(patch)?.is_some_and(|class| class != now.storage_class) {
                return Err(ApiError::invalid("The storage class of an object is changed by rewriting it."));
            }
        }
        let updated = store.update(&bucket, &object.name, of, &conditions, |attributes| {
            patches.iter().try_for_each(|patch| object_patch(attributes, patch))
        })?;
        Ok(convert::object(&updated, &bucket))
    })
    .await
}

pub(super) async fn delete(gcs: &Arc<Gcs>, request: DeleteObjectRequest) -> Result<Empty, ApiError> {
    let bucket = bucket_id(&request.bucket)?;
    let conditions = conditions(
        request.if_generation_match,
        request.if_generation_not_match,
        request.if_metageneration_match,
        request.if_metageneration_not_match,
    );
    let of = generation(request.generation);
    gcs.blocking(move |store| Ok(store.delete(&bucket, &request.object, of, &conditions)?)).await?;
    Ok(Empty {})
}

pub(super) async fn compose(gcs: &Arc<Gcs>, request: ComposeObjectRequest) -> Result<Object, ApiError> {
    refuse_keys(request.common_object_request_params.as_ref())?;
    refuse_acl(&[&request.destination_predefined_acl])?;
    refuse_kms(&request.kms_key)?;
    let destination = request.destination.unwrap_or_default();
    let bucket = bucket_id(&destination.bucket)?;
    check_object_name(&destination.name)?;
    check_source_count(request.source_objects.len())?;
    let source = |source: &super::message::SourceObject| Source {
        bucket: bucket.clone(),
        name: source.name.clone(),
        generation: generation(source.generation),
        conditions: conditions(
            source.object_preconditions.as_ref().and_then(|given| given.if_generation_match),
            None,
            None,
            None,
        ),
    };
    let sources: Vec<Source> = request.source_objects.iter().map(source).collect();
    let draft = Draft {
        bucket: bucket.clone(),
        name: destination.name.clone(),
        attributes: object_attributes(&convert::object_json(&destination))?,
        conditions: conditions(request.if_generation_match, None, request.if_metageneration_match, None),
        checksums: convert::checksums(request.object_checksums.as_ref())?,
    };
    let deletes = request.delete_source_objects.unwrap_or(false);
    gcs.blocking(move |store| {
        let made = store.compose(&sources, &draft, deletes)?;
        Ok(convert::object(&made, &bucket))
    })
    .await
}

pub(super) async fn rewrite(gcs: &Arc<Gcs>, request: RewriteObjectRequest) -> Result<RewriteResponse, ApiError> {
    refuse_keys(request.common_object_request_params.as_ref())?;
    refuse_acl(&[&request.destination_predefined_acl])?;
    refuse_kms(&request.destination_kms_key)?;
    check_object_name(&request.destination_name)?;
    let source = Source {
        bucket: bucket_id(&request.source_bucket)?,
        name: request.source_object,
        generation: generation(request.source_generation),
        conditions: conditions(
            request.if_source_generation_match,
            request.if_source_generation_not_match,
            request.if_source_metageneration_match,
            request.if_source_metageneration_not_match,
        ),
    };
    let mut json = request.destination.as_ref().map(convert::object_json).unwrap_or_default();
    let storage_class = storage_class_of(&json)?;
    json.remove("storageClass");
    let attributes = if json.is_empty() { None } else { Some(object_attributes(&json)?) };
    let bucket = bucket_id(&request.destination_bucket)?;
    let conditions = conditions(
        request.if_generation_match,
        request.if_generation_not_match,
        request.if_metageneration_match,
        request.if_metageneration_not_match,
    );
    let name = request.destination_name;
    let to = Destination { bucket: bucket.clone(), name, attributes, storage_class, conditions };
    let made = gcs
        .blocking(move |store| {
            let made = store.copy(&source, &to, false)?;
            Ok(convert::object(&made, &bucket))
        })
        .await?;
    Ok(RewriteResponse {
        total_bytes_rewritten: made.size,
        object_size: made.size,
        done: true,
        rewrite_token: String::new(),
        resource: Some(made),
    })
}

pub(super) async fn move_to(gcs: &Arc<Gcs>, request: MoveObjectRequest) -> Result<Object, ApiError> {
    check_object_name(&request.destination_object)?;
    let bucket = bucket_id(&request.bucket)?;
    let source = Source {
        bucket: bucket.clone(),
        name: request.source_object,
        generation: None,
        conditions: conditions(
            request.if_source_generation_match,
            request.if_source_generation_not_match,
            request.if_source_metageneration_match,
            request.if_source_metageneration_not_match,
        ),
    };
    let conditions = conditions(
        request.if_generation_match,
        request.if_generation_not_match,
        request.if_metageneration_match,
        request.if_metageneration_not_match,
    );
    let name = request.destination_object;
    let to = Destination { bucket: bucket.clone(), name, attributes: None, storage_class: None, conditions };
    gcs.blocking(move |store| {
        let made = store.copy(&source, &to, true)?;
        Ok(convert::object(&made, &bucket))
    })
    .await
}

fn refuse_kms(key: &str) -> Result<(), ApiError> {
    if key.is_empty() { Ok(()) } else { Err(ApiError::not_implemented("Encryption with Cloud KMS keys")) }
}
