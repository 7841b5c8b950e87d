//! `_index_template`, `_component_template`, and what they would make of an index.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::{optional_body, required_body};
use crate::server::elasticsearch::codec::json::Source;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::http::{Request, Response, wildcard_match};
use crate::server::elasticsearch::mapping::Mapping;
use crate::server::elasticsearch::state::{
    ComponentTemplate, IndexSettings, IndexTemplate, Node, Resolved, now_millis,
};

pub(crate) const GET_PARAMS: &[&str] = &["flat_settings", "include_defaults", "local", "master_timeout"];
pub(crate) const PUT_PARAMS: &[&str] = &["cause", "create", "master_timeout"];
pub(crate) const DELETE_PARAMS: &[&str] = &["master_timeout", "timeout"];
pub(crate) const SIMULATE_PARAMS: &[&str] = &["cause", "create", "include_defaults", "master_timeout"];

fn name(request: &Request) -> &str {
    request.path.get("name").map_or("", String::as_str)
}

fn acknowledged() -> Response {
    Response::ok(json!({"acknowledged": true}))
}

pub(crate) async fn get(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let flat = request.params.bool("flat_settings", false)?;
    let found = select(&node.cluster.state().templates, &request, "index template")?;
    let missing = found.is_empty() && request.path.contains_key("name");
    let listed: Vec<Value> =
        found.iter().map(|(name, template)| json!({"name": name, "index_template": template.to_json(flat)})).collect();
    Ok(Response::json(if missing { 404 } else { 200 }, json!({"index_templates": listed})))
}

pub(crate) async fn get_component(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let flat = request.params.bool("flat_settings", false)?;
    let found = select(&node.cluster.state().components, &request, "component template")?;
    let listed: Vec<Value> = found
        .iter()
        .map(|(name, template)| json!({"name": name, "component_template": template.to_json(flat)}))
        .collect();
    Ok(Response::ok(json!({"component_templates": listed})))
}

/// The templates that the path names: one, a pattern, or all.
fn select<T>(all: &BTreeMap<String, Arc<T>>, request: &Request, what: &str) -> Result<Vec<(String, Arc<T>)>, ApiError> {
    let patterns = request.path.get("name").map_or("*", String::as_str);
    let mut found: BTreeMap<String, Arc<T>> = BTreeMap::new();
    for pattern in patterns.split(',') {
        let matching = all.iter().filter(|(name, _)| wildcard_match(pattern, name));
        let before = found.len();
        found.extend(matching.map(|(name, template)| (name.clone(), Arc::clone(template))));
        if found.len() == before && !pattern.contains('*') && !found.contains_key(pattern) {
            let reason = format!("{what} matching [{pattern}] not found");
            return Err(ApiError::new(404, "resource_not_found_exception", reason));
        }
    }
    Ok(found.into_iter().collect())
}

pub(crate) async fn put(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let name = name(&request);
    let create = request.params.bool("create", false)?;
    let body = required_body(&request.body)?;
    let template = IndexTemplate::parse(&body, &Source(&request.body))?;
    node.cluster.update_state(|state| {
        let known = state.templates.get(name);
        if create && known.is_some() {
            return Err(ApiError::illegal_argument(format!("index template [{name}] already exists")));
        }
        check_names(name, &template)?;
        check_components(name, &template, &state.components)?;
        check_overlap(name, &template, &state.templates)?;
        check_composition(name, &template, &state.components)?;
        let now = now_millis();
        let created_millis = known.map_or(now, |known| known.created_millis);
        let template = IndexTemplate { created_millis, modified_millis: now, ..template };
        state.templates.insert(name.to_owned(), Arc::new(template));
        Ok(())
    })?;
    Ok(acknowledged())
}

/// The name, the patterns and the settings, all faults in one list.
fn check_names(name: &str, template: &IndexTemplate) -> Result<(), ApiError> {
    const FORBIDDEN: &[char] = &[' ', '"', ',', '/', '<', '>', '?', '\\', '|'];
    let mut faults = Vec::new();
    for (broken, fault) in [
        (name.contains(' '), "name must not contain a space"),
        (name.contains(','), "name must not contain a ','"),
        (name.contains('#'), "name must not contain a '#'"),
        (name.contains('*'), "name must not contain a '*'"),
        (name.starts_with('_'), "name must not start with '_'"),
        (name.to_lowercase() != name, "name must be lower cased"),
    ] {
        if broken {
            faults.push(fault.to_owned());
        }
    }
    for pattern in &template.index_patterns {
        if pattern.contains(' ') {
            faults.push(format!("index_patterns [{pattern}] must not contain a space"));
        }
        if pattern.contains(FORBIDDEN) {
            let listed = r#"[' ','"','*',',','/','<','>','?','\','|']"#;
            faults.push(format!("index_pattern [{pattern}] must not contain the following characters {listed}"));
        }
        if pattern.starts_with('_') {
            faults.push(format!("index_pattern [{pattern}] must not start with '_'"));
        }
    }
    if let Some(settings) = template.template.as_ref().and_then(|body| body.settings.as_ref()) {
        faults.extend(settings.faults().iter().filter_map(|fault| fault.exception().map(|e| e.reason.clone())));
    }
    if faults.is_empty() {
        return Ok(());
    }
    let numbered: String = faults.iter().enumerate().map(|(at, fault)| format!("{}: {fault};", at + 1)).collect();
    Err(invalid(name, &format!("Validation Failed: {numbered}")))
}

fn invalid(name: &str, cause: &str) -> ApiError {
    let reason = format!("index_template [{name}] invalid, cause [{cause}]");
    ApiError::new(400, "invalid_index_template_exception", reason)
}

fn check_components(
    name: &str,
    template: &IndexTemplate,
    components: &BTreeMap<String, Arc<ComponentTemplate>>,
) -> Result<(), ApiError> {
    let missing: Vec<&str> =
        template.composed_of.iter().filter(|part| !components.contains_key(*part)).map(String::as_str).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let listed = missing.join(", ");
    Err(invalid(name, &format!("index template [{name}] specifies component templates [{listed}] that do not exist")))
}

fn check_overlap(
    name: &str,
    template: &IndexTemplate,
    templates: &BTreeMap<String, Arc<IndexTemplate>>,
) -> Result<(), ApiError> {
    let priority = template.priority.unwrap_or(0);
    let clashing: Vec<(&String, &Arc<IndexTemplate>)> = templates
        .iter()
        .filter(|(other, known)| *other != name && known.priority.unwrap_or(0) == priority && known.overlaps(template))
        .collect();
    if clashing.is_empty() {
        return Ok(());
    }
    let names: Vec<&str> = clashing.iter().map(|(name, _)| name.as_str()).collect();
    let each: Vec<String> =
        clashing.iter().map(|(name, known)| format!("{name} => [{}]", known.index_patterns.join(", "))).collect();
    Err(ApiError::illegal_argument(format!(
        "index template [{name}] has index patterns [{}] matching patterns from existing templates [{}] with patterns ({}) that have the same priority [{priority}], multiple index templates may not match during index creation, please use a different priority",
        template.index_patterns.join(", "),
        names.join(","),
        each.join(",")
    )))
}

/// What the template makes together with its components must be a mapping.
fn check_composition(
    name: &str,
    template: &IndexTemplate,
    components: &BTreeMap<String, Arc<ComponentTemplate>>,
) -> Result<(), ApiError> {
    let Some(mappings) = Resolved::of(template, components, name).mappings else { return Ok(()) };
    let Err(error) = Mapping::parse_value(&mappings) else { return Ok(()) };
    let Some(cause) = error.exception().cloned() else { return Err(error) };
    let composite = Exception::new("illegal_argument_exception", format!("invalid composite mappings for [{name}]"));
    let reason = format!("composable template [{name}] template after composition is invalid");
    Err(ApiError::from_exception(
        400,
        Exception::new("illegal_argument_exception", reason).caused_by(composite.caused_by(cause)),
    ))
}

pub(crate) async fn delete(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let patterns = name(&request);
    node.cluster.update_state(|state| {
        for pattern in patterns.split(',') {
            let before = state.templates.len();
            state.templates.retain(|name, _| !wildcard_match(pattern, name));
            if state.templates.len() == before && pattern != "*" {
                let reason = format!("index_template [{pattern}] missing");
                return Err(ApiError::new(404, "index_template_missing_exception", reason));
            }
        }
        Ok(())
    })?;
    Ok(acknowledged())
}

pub(crate) async fn put_component(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let name = name(&request);
    let create = request.params.bool("create", false)?;
    let body = required_body(&request.body)?;
    let component = ComponentTemplate::parse(&body, &Source(&request.body))?;
    if let Some(settings) = &component.template.settings {
        settings.validate()?;
    }
    if let Some(mappings) = &component.template.mappings {
        Mapping::parse_value(mappings)?;
    }
    node.cluster.update_state(|state| {
        let known = state.components.get(name);
        if create && known.is_some() {
            return Err(ApiError::illegal_argument(format!("component template [{name}] already exists")));
        }
        let now = now_millis();
        let created_millis = known.map_or(now, |known| known.created_millis);
        let component = ComponentTemplate { created_millis, modified_millis: now, ..component };
        state.components.insert(name.to_owned(), Arc::new(component));
        for (template_name, template) in &state.templates {
            check_composition(template_name, template, &state.components)?;
        }
        Ok(())
    })?;
    Ok(acknowledged())
}

pub(crate) async fn delete_component(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let patterns = name(&request);
    node.cluster.update_state(|state| {
        for pattern in patterns.split(',') {
            let doomed: Vec<String> =
                state.components.keys().filter(|name| wildcard_match(pattern, name)).cloned().collect();
            if doomed.is_empty() && !pattern.contains('*') {
                return Err(ApiError::new(404, "resource_not_found_exception", pattern));
            }
            let users: Vec<&str> = state
                .templates
                .iter()
                .filter(|(_, template)| template.composed_of.iter().any(|part| doomed.contains(part)))
                .map(|(name, _)| name.as_str())
                .collect();
            if !users.is_empty() {
                return Err(ApiError::illegal_argument(format!(
                    "component templates [{}] cannot be removed as they are still in use by index templates [{}]",
                    doomed.join(", "),
                    users.join(", ")
                )));
            }
            for name in doomed {
                state.components.remove(&name);
            }
        }
        Ok(())
    })?;
    Ok(acknowledged())
}

pub(crate) async fn simulate_index(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let index = name(&request);
    let state = node.cluster.state();
    let mut templates = state.templates.clone();
    if let Some(body) = optional_body(&request.body)? {
        let template = IndexTemplate::parse(&body, &Source(&request.body))?;
        check_components(index, &template, &state.components)?;
        templates.insert("simulate_index_template".to_owned(), Arc::new(template));
    }
    let matching: Vec<(&String, &Arc<IndexTemplate>)> =
        templates.iter().filter(|(_, template)| template.matches(index)).collect();
    let Some((winner, template)) = matching
        .iter()
        .max_by_key(|(_, template)| template.priority.unwrap_or(0))
        .map(|(n, t)| ((*n).clone(), Arc::clone(t)))
    else {
        return Ok(Response::ok(json!({})));
    };
    let overlapping: Vec<Value> = matching
        .iter()
        .filter(|(name, _)| **name != winner)
        .map(|(name, template)| json!({"name": name, "index_patterns": template.index_patterns}))
        .collect();
    Ok(Response::ok(simulated(&Resolved::of(&template, &state.components, index), overlapping)))
}

pub(crate) async fn simulate(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let name = name(&request);
    let state = node.cluster.state();
    let template = match optional_body(&request.body)? {
        Some(body) => Arc::new(IndexTemplate::parse(&body, &Source(&request.body))?),
        None => state.templates.get(name).map(Arc::clone).ok_or_else(|| {
            ApiError::illegal_argument(format!("unable to simulate template [{name}] that does not exist"))
        })?,
    };
    check_components(name, &template, &state.components)?;
    let overlapping: Vec<Value> = state
        .templates
        .iter()
        .filter(|(other, known)| *other != name && known.overlaps(&template))
        .map(|(name, known)| json!({"name": name, "index_patterns": known.index_patterns}))
        .collect();
    Ok(Response::ok(simulated(&Resolved::of(&template, &state.components, name), overlapping)))
}

fn simulated(resolved: &Resolved, overlapping: Vec<Value>) -> Value {
    let tier = [("index.routing.allocation.include._tier_preference".to_owned(), Value::String("data_content".into()))];
    let settings = IndexSettings::parse(&tier.into_iter().collect()).overlaid(&resolved.settings);
    let mut template = Map::new();
    template.insert("settings".into(), settings.to_json());
    if let Some(mappings) = &resolved.mappings {
        template.insert("mappings".into(), mappings.clone());
    }
    template
        .insert("aliases".into(), resolved.aliases.iter().map(|(name, meta)| (name.clone(), meta.to_json())).collect());
    json!({"template": template, "overlapping": overlapping})
}
