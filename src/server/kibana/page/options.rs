//! What is offered while a reader chooses: the values of a control (`POST .../controls/<control>/options`), and those of
//! any field (`POST .../values`) for the query bar and the filter dialog.

use std::sync::Arc;

use serde_json::json;

use super::ask::Ask;
use super::offer::Offer;
use super::shown::{Shown, shown};
use crate::lens::object::{ControlKind, OptionsList};
use crate::lens::view::DataView;
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};

pub(super) fn options(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let ask = Ask::read(&request, kibana.now().as_millisecond())?;
        let shown = shown(&kibana, request.path("id")).await?;
        let id = request.path("control");
        let (list, view) = find(&shown, id)?;
        let scope = ask.scope_of_options(&shown, id)?;
        let offer = Offer {
            field: &list.field,
            view,
            order: if list.sort_by == "_key" { "_key" } else { "_count" },
            is_descending: list.is_descending,
            begins_with: &ask.search,
            technique: &list.search_technique,
        };
        Ok(Response::json(&offer.ask(&kibana, &scope).await?))
    })
}

fn find<'s>(shown: &'s Shown, id: &str) -> Result<(&'s OptionsList, &'s DataView), ApiError> {
    let control = shown.dashboard.controls.list.iter().find(|control| control.id == id);
    let Some(ControlKind::Options(list)) = control.map(|control| &control.kind) else {
        return Err(ApiError::new(404, format!("There is no list of options [{id}]")));
    };
    let view = list.data_view.as_deref().and_then(|id| shown.views.get(id));
    let view = view.ok_or_else(|| ApiError::new(404, format!("The data view of the control [{id}] is not there")))?;
    Ok((list, view))
}

/// The most frequent values of `field` that begin with `search`, among the documents that the page shows; none of a field
/// that can't be grouped by.
pub(super) fn values(kibana: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let ask = Ask::read(&request, kibana.now().as_millisecond())?;
        let shown = shown(&kibana, request.path("id")).await?;
        let field = ask.field.as_deref();
        let field = field.ok_or_else(|| ApiError::bad_request("[request body.field]: expected a string"))?;
        let view = shown.views.values().find(|view| view.fields.contains_key(field));
        let view = view.ok_or_else(|| ApiError::new(404, format!("There is no field [{field}]")))?;
        if !view.fields.get(field).is_some_and(|field| field.is_aggregatable) {
            return Ok(Response::json(&json!({"options": [], "total": 0})));
        }
        let scope = ask.scope(&shown)?;
        let offer =
            Offer { field, view, order: "_count", is_descending: true, begins_with: &ask.search, technique: "prefix" };
        Ok(Response::json(&offer.ask(&kibana, &scope).await?))
    })
}
