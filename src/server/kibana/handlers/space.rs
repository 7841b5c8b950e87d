//! `/api/spaces/space`: there is one space.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};

pub(super) fn list(_: Arc<Kibana>, _: Request) -> HandlerFuture {
    Box::pin(async { Ok(Response::json(&json!([default_space()]))) })
}

pub(super) fn get(_: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        match request.path("id") {
            "default" => Ok(Response::json(&default_space())),
            _ => Err(ApiError::no_route()),
        }
    })
}

fn default_space() -> Value {
    json!({
        "id": "default",
        "name": "Default",
        "description": "This is your default space!",
        "color": "#00bfb3",
        "disabledFeatures": [],
        "_reserved": true,
    })
}
