//! The XML API, as far as clients read and write objects by it: Go reads so, and plain `curl` does.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::super::Gcs;
use super::super::error::{ApiError, element};
use super::super::http::{Endpoint, Request, Response};
use super::super::store::{Draft, ListQuery, Object, PAGE_ITEMS_MAX, Page, PageToken};
use super::attributes::object_attributes;
use super::condition::{generation, xml_conditions};
use super::content::Receiver;
use super::name::check_object_name;
use super::upload::{check_put, request_checksums};
use super::{download, resource};

const CONTENT_TYPE: &str = "application/xml; charset=UTF-8";
/// Parameters that name what is not served.
const SUBRESOURCES: [&str; 15] = [
    "acl",
    "billing",
    "compose",
    "cors",
    "encryption",
    "lifecycle",
    "logging",
    "storageClass",
    "tagging",
    "uploads",
    "uploadId",
    "versioning",
    "versions",
    "websiteConfig",
    "defaultObjectAcl",
];

pub(super) async fn handle(gcs: &Arc<Gcs>, request: &mut Request, endpoint: Endpoint) -> Result<Response, ApiError> {
    if let Some(name) = SUBRESOURCES.iter().find(|name| request.params.get(name).is_some()) {
        return Err(ApiError::not_implemented(format!("The XML API's `{name}`")));
    }
    let method = request.method.as_str().to_owned();
    match (method.as_str(), endpoint) {
        ("GET", Endpoint::XmlRoot) => Ok(buckets(gcs)),
        ("GET" | "HEAD", Endpoint::XmlBucket(bucket)) => list(gcs, request, bucket).await,
        ("GET" | "HEAD", Endpoint::XmlObject(bucket, name)) => {
            let (generation, conditions) = (generation(&request.params)?, xml_conditions(request)?);
            download::send(gcs, request, bucket, name, generation, conditions, true).await
        }
        ("PUT", Endpoint::XmlObject(bucket, name)) => put(gcs, request, bucket, name).await,
        ("DELETE", Endpoint::XmlObject(bucket, name)) => {
            let (generation, conditions) = (generation(&request.params)?, xml_conditions(request)?);
            gcs.blocking(move |store| Ok(store.delete(&bucket, &name, generation, &conditions)?)).await?;
            Ok(Response::empty(204))
        }
        (method, Endpoint::XmlBucket(_) | Endpoint::XmlObject(..)) => {
            Err(ApiError::not_implemented(format!("The XML API's `{method}`")))
        }
        _ => Err(ApiError::new(405, "methodNotAllowed", "Method Not Allowed")),
    }
}

fn buckets(gcs: &Arc<Gcs>) -> Response {
    let bucket = |bucket: &Arc<super::super::store::Bucket>| {
        let created = element("CreationDate", &resource::time(bucket.created));
        format!("<Bucket>{}{created}</Bucket>", element("Name", &bucket.name))
    };
    let all: String = gcs.store.buckets(|_| true).iter().map(bucket).collect();
    xml("ListAllMyBucketsResult", &format!("<Buckets>{all}</Buckets>"))
}

async fn list(gcs: &Arc<Gcs>, request: &Request, bucket: String) -> Result<Response, ApiError> {
    let params = &request.params;
    let is_v2 = params.get("list-type") == Some("2");
    let token = if is_v2 { params.text("continuation-token") } else { "" };
    // Both begin after what they name.
    let name = if is_v2 { params.text("start-after") } else { params.text("marker") };
    let delimiter = params.text("delimiter");
    let after = match (token, name) {
        ("", "") => None,
        ("", name) if !delimiter.is_empty() && name.ends_with(delimiter) => Some(PageToken::Prefix(name.to_owned())),
        ("", name) => Some(PageToken::Object { name: name.to_owned(), generation: i64::MAX }),
        (token, _) => {
            let refused = || ApiError::invalid_parameter("continuation-token", token);
            Some(PageToken::decode(token).ok_or_else(refused)?)
        }
    };
    let asked: Option<usize> = params.number("max-keys")?;
    let query = ListQuery {
        prefix: params.text("prefix").to_owned(),
        delimiter: delimiter.to_owned(),
        items_max: asked.map_or(PAGE_ITEMS_MAX, |asked| asked.clamp(1, PAGE_ITEMS_MAX)),
        after,
        ..ListQuery::default()
    };
    let name = bucket.clone();
    let page = gcs.blocking(move |store| Ok(store.list(&name, &query)?)).await?;
    let named = element("Name", &bucket) + &element("Prefix", params.text("prefix"));
    Ok(xml("ListBucketResult", &(named + &page_xml(&page, is_v2))))
}

fn page_xml(page: &Page, is_v2: bool) -> String {
    let mut text = element("IsTruncated", if page.next.is_some() { "true" } else { "false" });
    match &page.next {
        Some(token) if is_v2 => text += &element("NextContinuationToken", &token.encode()),
        Some(PageToken::Object { name, .. } | PageToken::Prefix(name)) => text += &element("NextMarker", name),
        None => {}
    }
    text.extend(page.objects.iter().map(|object| contents(object)));
    text.extend(
        page.prefixes.iter().map(|prefix| format!("<CommonPrefixes>{}</CommonPrefixes>", element("Prefix", prefix))),
    );
    text
}

fn contents(object: &Object) -> String {
    let fields = [
        ("Key", object.name.clone()),
        ("Generation", object.generation.to_string()),
        ("MetaGeneration", object.metageneration.to_string()),
        ("LastModified", resource::time(object.updated)),
        ("Size", object.size.to_string()),
    ];
    let fields: String = fields.iter().map(|(name, text)| element(name, text)).collect();
    format!("<Contents>{fields}</Contents>")
}

async fn put(gcs: &Arc<Gcs>, request: &mut Request, bucket: String, name: String) -> Result<Response, ApiError> {
    check_object_name(&name)?;
    let refused = ["x-goog-copy-source", "x-goog-acl", "x-goog-resumable"];
    if let Some(header) = refused.iter().find(|header| request.headers.contains_key(**header)) {
        return Err(ApiError::not_implemented(format!("The XML API's `{header}`")));
    }
    let draft = Draft {
        attributes: object_attributes(&attributes(request))?,
        conditions: xml_conditions(request)?,
        checksums: request_checksums(request)?,
        bucket,
        name,
    };
    check_put(gcs, &draft)?;
    let mut receiver = Receiver::create(gcs).await?;
    while let Some(piece) = request.body.next().await? {
        receiver.add(gcs, piece).await?;
    }
    let blob = receiver.finish(gcs).await?;
    let object = gcs.blocking(move |store| Ok(store.put(&draft, blob)?)).await?;
    let answer = Response::empty(200).with("x-goog-hash", &resource::hashes(&object));
    Ok(answer.with("x-goog-generation", &object.generation.to_string()).with("x-goog-metageneration", "1"))
}

/// Headers as the JSON API names them.
fn attributes(request: &Request) -> Map<String, Value> {
    let names = [
        ("content-type", "contentType"),
        ("content-encoding", "contentEncoding"),
        ("content-disposition", "contentDisposition"),
        ("content-language", "contentLanguage"),
        ("cache-control", "cacheControl"),
        ("x-goog-storage-class", "storageClass"),
        ("x-goog-custom-time", "customTime"),
    ];
    let mut json = Map::from_iter([("contentType".to_owned(), Value::from("application/octet-stream"))]);
    for (header, name) in names {
        if let Some(value) = request.header(header) {
            json.insert(name.to_owned(), Value::from(value));
        }
    }
    let own = request.headers.iter().filter_map(|(name, value)| {
        Some((name.as_str().strip_prefix("x-goog-meta-")?.to_owned(), Value::from(value.to_str().ok()?)))
    });
    json.insert("metadata".to_owned(), Value::Object(own.collect()));
    json
}

fn xml(name: &str, content: &str) -> Response {
    let namespace = "http://doc.s3.amazonaws.com/2006-03-01";
    let text = format!("<?xml version='1.0' encoding='UTF-8'?><{name} xmlns='{namespace}'>{content}</{name}>");
    Response::bytes(CONTENT_TYPE, text)
}
