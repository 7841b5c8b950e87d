//! `/api/data_views/default`: the data view that is chosen when none is asked for. Kept in the store, under a type that
//! the other endpoints do not know.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body;
use crate::server::kibana::Kibana;
use crate::server::kibana::attribute::expected;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};
use crate::server::kibana::kind::CORE_VERSION;
use crate::server::kibana::store::{Change, Draft, Key, Objects};

const KIND: &str = "config";
const ID: &str = "settings";
const ATTRIBUTE: &str = "defaultIndex";

pub(super) fn get(kibana: Arc<Kibana>, _: Request) -> HandlerFuture {
    Box::pin(async move {
        let id = chosen(&kibana.store.objects()).unwrap_or_default();
        Ok(Response::json(&json!({"data_view_id": id})))
    })
}

fn chosen(objects: &Objects) -> Option<String> {
    objects.get(KIND, ID)?.attributes.get(ATTRIBUTE)?.as_str().map(str::to_owned)
}

pub(super) fn set(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let body = body::object(&request, &["data_view_id", "force"])?;
        let force = body::member_flag(&body, "force")?;
        let id = match body.get("data_view_id") {
            Some(id @ (Value::String(_) | Value::Null)) => id.clone(),
            other => return Err(ApiError::bad_request(expected("request body.data_view_id", "string", other))),
        };
        kibana
            .blocking(move |kibana| {
                let written = kibana.store.write(|objects| match force || chosen(objects).is_none() {
                    true => Ok::<_, ApiError>((vec![Change::Put(settings(id))], ())),
                    false => Ok((Vec::new(), ())),
                });
                written.map(|_| ())
            })
            .await?;
        Ok(Response::json(&json!({"acknowledged": true})))
    })
}

fn settings(id: Value) -> Draft {
    Draft {
        key: Key::new(KIND, ID),
        attributes: Map::from_iter([(ATTRIBUTE.to_owned(), id)]),
        references: Vec::new(),
        type_version: None,
        core_version: CORE_VERSION.to_owned(),
        origin_id: None,
        managed: false,
        created_at: None,
    }
}
