//! `fields`: the parts of an answer that a client wants: `items(name,size),nextPageToken`, `items/name`, `*`.

use std::collections::BTreeMap;

use http_body_util::BodyExt;
use serde_json::{Map, Value};

use super::super::error::ApiError;
use super::super::http::{Params, Response, content_type};

/// Deeper masks are refused; no answer is so deep.
const DEPTH_MAX: usize = 8;
const MASK_BYTES_MAX: usize = 4096;

/// Which members of an object stay.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mask {
    members: BTreeMap<String, Mask>,
}

impl Mask {
    /// `None`: everything.
    pub(super) fn of(params: &Params) -> Result<Option<Self>, ApiError> {
        let Some(text) = params.get("fields").filter(|text| !text.is_empty()) else { return Ok(None) };
        let refused =
            || ApiError::invalid(format!("Invalid field selection {}", text.chars().take(100).collect::<String>()));
        if text.len() > MASK_BYTES_MAX {
            return Err(refused());
        }
        let mut rest = text;
        let mask = parse(&mut rest, 0).filter(|_| rest.is_empty()).ok_or_else(refused)?;
        Ok(Some(mask))
    }

    fn merge(&mut self, path: &[&str], below: Self) {
        match path.split_first() {
            None => self.members.extend(below.members),
            Some((name, path)) => self.members.entry((*name).to_owned()).or_default().merge(path, below),
        }
    }

    fn apply(&self, value: Value) -> Value {
        match value {
            _ if self.members.is_empty() => value,
            Value::Array(items) => items.into_iter().map(|item| self.apply(item)).collect(),
            Value::Object(map) => Value::Object(self.apply_object(map)),
            other => other,
        }
    }

    fn apply_object(&self, map: Map<String, Value>) -> Map<String, Value> {
        let all = self.members.get("*");
        let keep = |(name, value): (String, Value)| {
            let mask = self.members.get(&name).or(all)?;
            Some((name, mask.apply(value)))
        };
        map.into_iter().filter_map(keep).collect()
    }
}

/// A list of selections, up to a closing bracket.
fn parse(rest: &mut &str, depth: usize) -> Option<Mask> {
    if depth > DEPTH_MAX {
        return None;
    }
    let mut mask = Mask::default();
    loop {
        let end = rest.find([',', '(', ')']).unwrap_or(rest.len());
        let (path, after) = rest.split_at_checked(end)?;
        *rest = after;
        let path: Vec<&str> = path.split('/').map(str::trim).collect();
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "_-*.".contains(c));
        if path.len() > DEPTH_MAX || path.iter().any(|name| name.is_empty()) || !path.iter().all(is_name) {
            return None;
        }
        let mut below = Mask::default();
        if let Some(inner) = rest.strip_prefix('(') {
            *rest = inner;
            below = parse(rest, depth + 1)?;
            *rest = rest.strip_prefix(')')?;
        }
        mask.merge(&path, below);
        match rest.strip_prefix(',') {
            Some(more) => *rest = more,
            None => return Some(mask),
        }
    }
}

/// The answer with what is selected; other answers than JSON stay.
pub(super) async fn project(answer: Response, mask: &Mask) -> Result<Response, ApiError> {
    if answer.status != 200 || !content_type(&answer.headers).starts_with("application/json") {
        return Ok(answer);
    }
    let Response { status, headers, body } = answer;
    let bytes = body.collect().await.map_err(|_| ApiError::internal())?.to_bytes();
    let value: Value = serde_json::from_slice(&bytes).map_err(|_| ApiError::internal())?;
    let mut projected = Response::json(&mask.apply(value)).with_status(status);
    projected.headers = headers;
    Ok(projected)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn mask(text: &str) -> Result<Option<Mask>, ApiError> {
        Mask::of(&Params(vec![("fields".to_owned(), text.to_owned())]))
    }

    #[test]
    fn a_mask_keeps_what_it_names() {
        let value =
            json!({"kind": "k", "items": [{"name": "a", "size": "1", "metadata": {"x": "1", "y": "2"}}], "next": "t"});
        let cases = [
            ("items(name,size),next", json!({"items": [{"name": "a", "size": "1"}], "next": "t"})),
            ("items/name", json!({"items": [{"name": "a"}]})),
            ("items/metadata/x,kind", json!({"kind": "k", "items": [{"metadata": {"x": "1"}}]})),
            ("items(metadata(y),name)", json!({"items": [{"name": "a", "metadata": {"y": "2"}}]})),
            ("*", value.clone()),
            ("items/*", json!({"items": value["items"]})),
            ("nothing", json!({})),
        ];
        for (text, expected) in cases {
            assert_eq!(mask(text).unwrap().unwrap().apply(value.clone()), expected, "{text}");
        }
        assert!(mask("").unwrap().is_none());
        for text in ["items(", "items)", "a,,b", "a(b", "a b", &"a(".repeat(50), "a//b"] {
            assert!(mask(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_mask_panics(text in "[a-c(),/*é]{0,30}") {
            let _mask = mask(&text);
        }
    }
}
