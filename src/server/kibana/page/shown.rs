//! A dashboard as it is shown: the stored object with its library items, and its data views with their fields.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::lens::object::{Dashboard, PanelContent};
use crate::lens::view::DataView;
use crate::server::http::uri::encode;
use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::store::Objects;

/// How long what is known of an index's fields is believed.
const FIELDS_LIVE: Duration = Duration::from_secs(5);
/// Index expressions whose fields are kept.
const CACHED_MAX: usize = 64;

pub(super) struct Shown {
    pub(super) dashboard: Dashboard,
    /// The stored ones that are there, by id.
    pub(super) views: BTreeMap<String, DataView>,
}

/// Answers of `_field_caps`, by index expression.
#[derive(Default)]
pub(crate) struct FieldCache(Mutex<BTreeMap<String, (Instant, Arc<Value>)>>);

impl FieldCache {
    fn get(&self, index: &str) -> Option<Arc<Value>> {
        let cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.get(index).filter(|(at, _)| at.elapsed() < FIELDS_LIVE).map(|(_, answer)| Arc::clone(answer))
    }

    fn put(&self, index: &str, answer: &Arc<Value>) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.retain(|_, (at, _)| at.elapsed() < FIELDS_LIVE);
        if cache.len() < CACHED_MAX {
            cache.insert(index.to_owned(), (Instant::now(), Arc::clone(answer)));
        }
    }
}

/// The dashboard of this id, with the fields of all its data views.
pub(super) async fn shown(kibana: &Arc<Kibana>, id: &str) -> Result<Shown, ApiError> {
    let mut shown = stored(kibana, id)?;
    for view in shown.views.values_mut() {
        set_fields(kibana, view).await?;
    }
    for panel in &mut shown.dashboard.panels {
        let PanelContent::Lens(lens) = &mut panel.content else { continue };
        for view in lens.ad_hoc.values_mut() {
            set_fields(kibana, view).await?;
        }
    }
    Ok(shown)
}

/// The same without asking Elasticsearch.
pub(super) fn stored(kibana: &Kibana, id: &str) -> Result<Shown, ApiError> {
    let objects = kibana.store.objects();
    let object = objects.get("dashboard", id).ok_or_else(|| ApiError::no_object("dashboard", id))?;
    let mut dashboard = Dashboard::read(&Value::Object(object.to_api(None)))
        .map_err(|error| ApiError::new(422, format!("The dashboard [{id}] can't be shown: {error}")))?;
    dashboard.resolve(|kind, id| Some(Value::Object(objects.get(kind, id)?.to_api(None))));
    let views = dashboard.data_views().into_iter().filter_map(|id| Some((id.to_owned(), view(&objects, id)?)));
    let views = views.collect();
    Ok(Shown { dashboard, views })
}

/// One that is there and can be read; what needs another says so in its place.
fn view(objects: &Objects, id: &str) -> Option<DataView> {
    let object = objects.get("index-pattern", id)?;
    let view = DataView::read(&Value::Object(object.to_api(None)));
    view.inspect_err(|error| tracing::warn!("data view `{id}`: {error}")).ok()
}

async fn set_fields(kibana: &Kibana, view: &mut DataView) -> Result<(), ApiError> {
    let answer = match kibana.fields.get(&view.index) {
        Some(answer) => answer,
        None => {
            let path = format!("/{}/_field_caps?fields=*&ignore_unavailable=true", encode(&view.index));
            let (status, answer) = kibana.search.get(&path).await.map_err(|error| unreachable(&error))?;
            let answer = Arc::new(answer);
            // No index yet: there are no fields, and panels say what they miss.
            if status != 200 && status != 404 {
                let message = format!("Elasticsearch answered _field_caps of [{}] with {status}: {answer}", view.index);
                return Err(ApiError::new(502, message));
            }
            if status == 200 {
                kibana.fields.put(&view.index, &answer);
            }
            answer
        }
    };
    view.set_fields(&answer);
    Ok(())
}

pub(super) fn unreachable(error: &dyn std::fmt::Display) -> ApiError {
    ApiError::new(502, error.to_string())
}
