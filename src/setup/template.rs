//! The index template: what the fields of a tick are to Elasticsearch.
//!
//! The file's `timestamp` formats have ISO 8601 first, because Elasticsearch prints dates in the first one: it is what
//! stockdev sends (with an offset) and what dashboards read. The seed's `yyyy-MM-dd HH:mm:ss.SSSSSS` is taken as well,
//! as UTC: it names no zone. Settings are written as Elasticsearch gives them back, so that the two can be compared.

use bytes::Bytes;
use elasticsearch::http::Method;
use serde_json::Value;

use super::SetupError;
use crate::client::{ElasticsearchAddress, JSON};

pub const TEMPLATE_NAME: &str = "stock-stream-template";
/// `es/mapping_stock_stream.json`, the body of `PUT _index_template/stock-stream-template`.
pub const TEMPLATE_JSON: &str = include_str!("../../es/mapping_stock_stream.json");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateOutcome {
    Created,
    /// Another one of this name was there, and was replaced.
    Updated,
    Unchanged,
}

/// Puts the index template, unless the same one is there.
pub async fn apply_template(elasticsearch: &ElasticsearchAddress) -> Result<TemplateOutcome, SetupError> {
    let wanted: Value = serde_json::from_str(TEMPLATE_JSON)?;
    let client = elasticsearch.connect()?;
    let path = format!("/_index_template/{TEMPLATE_NAME}");
    let answer = client.send(Method::Get, &path, None, JSON).await?;
    let present = match answer.status {
        200 => answer.json().and_then(|body| body.pointer("/index_templates/0/index_template").cloned()),
        404 => None,
        _ => return Err(client.refused(&format!("GET {path}"), &answer).into()),
    };
    if present.as_ref().is_some_and(|present| is_same(present, &wanted)) {
        return Ok(TemplateOutcome::Unchanged);
    }
    let body = Bytes::from_static(TEMPLATE_JSON.as_bytes());
    let answer = client.send(Method::Put, &path, Some(body), JSON).await?;
    match answer.status {
        200 if present.is_some() => Ok(TemplateOutcome::Updated),
        200 => Ok(TemplateOutcome::Created),
        _ => Err(client.refused(&format!("PUT {path}"), &answer).into()),
    }
}

/// Whether the template that is there is the one wanted; members that Elasticsearch adds by itself are
/// empty, or dates (9.2 has `created_date_millis`).
fn is_same(present: &Value, wanted: &Value) -> bool {
    let (Some(present), Some(wanted)) = (present.as_object(), wanted.as_object()) else { return false };
    let is_empty = |value: &Value| value.is_null() || value.as_array().is_some_and(Vec::is_empty);
    wanted.iter().all(|(key, value)| present.get(key) == Some(value))
        && present.iter().all(|(key, value)| wanted.contains_key(key) || is_empty(value) || key.contains("_date"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tick::{SAMPLE, column_names};

    #[test]
    fn every_field_of_a_tick_is_mapped() {
        let template: Value = serde_json::from_str(TEMPLATE_JSON).unwrap();
        let properties = template.pointer("/template/mappings/properties").unwrap();
        let line = SAMPLE.split(|byte| *byte == b'\n').next().unwrap();
        let tick: Value = serde_json::from_slice(line).unwrap();
        for field in tick.as_object().unwrap().keys() {
            assert!(properties.get(field).is_some(), "{field} has no mapping");
        }
        for side in ["buy", "sell"] {
            for part in ["price", "orders", "quantity"] {
                assert!(properties.pointer(&format!("/depth/properties/{side}/properties/{part}/type")).is_some());
            }
        }
        assert_eq!(column_names().len(), 42);
    }
}
