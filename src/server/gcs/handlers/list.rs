//! Listing a bucket: `/storage/v1/b/{bucket}/o`.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::Gcs;
use super::super::error::ApiError;
use super::super::http::{Params, Request, Response};
use super::super::store::{ListQuery, PAGE_ITEMS_MAX, Page, PageToken};
use super::{glob, resource};

pub(super) async fn list(gcs: &Arc<Gcs>, request: &Request, bucket: String) -> Result<Response, ApiError> {
    let query = query(&request.params)?;
    let base = request.base.clone();
    let answer = gcs
        .blocking(move |store| {
            let page = store.list(&bucket, &query)?;
            Ok(json(&page, &bucket, &base))
        })
        .await?;
    Ok(Response::json(&answer))
}

fn query(params: &Params) -> Result<ListQuery, ApiError> {
    if params.flag("softDeleted")? {
        return Err(ApiError::not_implemented("Soft delete"));
    }
    if params.get("filter").is_some() {
        return Err(ApiError::not_implemented("Filters on object contexts"));
    }
    let token = params.get("pageToken").filter(|token| !token.is_empty());
    let after =
        token.map(|token| PageToken::decode(token).ok_or_else(|| ApiError::invalid_parameter("pageToken", token)));
    Ok(ListQuery {
        prefix: params.text("prefix").to_owned(),
        delimiter: params.text("delimiter").to_owned(),
        start: params.text("startOffset").to_owned(),
        end: params.get("endOffset").filter(|end| !end.is_empty()).map(str::to_owned),
        glob: params.get("matchGlob").filter(|glob| !glob.is_empty()).map(glob::compile).transpose()?,
        versions: params.flag("versions")?,
        include_trailing_delimiter: params.flag("includeTrailingDelimiter")?,
        items_max: items_max(params)?.unwrap_or(PAGE_ITEMS_MAX),
        after: after.transpose()?,
    })
}

/// `maxResults`, at most a page; 0 counts as none, as Google does.
pub(super) fn items_max(params: &Params) -> Result<Option<usize>, ApiError> {
    let asked: Option<u32> = params.number("maxResults")?;
    let asked = asked.filter(|asked| *asked > 0).map(|asked| usize::try_from(asked).unwrap_or(PAGE_ITEMS_MAX));
    Ok(asked.map(|asked| asked.min(PAGE_ITEMS_MAX)))
}

fn json(page: &Page, bucket: &str, base: &str) -> Value {
    let mut answer = Map::new();
    answer.insert("kind".to_owned(), "storage#objects".into());
    if let Some(next) = &page.next {
        answer.insert("nextPageToken".to_owned(), next.encode().into());
    }
    if !page.prefixes.is_empty() {
        answer.insert("prefixes".to_owned(), page.prefixes.clone().into());
    }
    if !page.objects.is_empty() {
        let items: Vec<Value> = page.objects.iter().map(|object| resource::object(object, bucket, base)).collect();
        answer.insert("items".to_owned(), items.into());
    }
    Value::Object(answer)
}
