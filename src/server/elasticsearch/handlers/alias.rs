//! Aliases: `_alias`, `_aliases`.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::body::{optional_body, required_body};
use crate::server::elasticsearch::codec::json::{Json, Member, Position, Source};
use crate::server::elasticsearch::error::{ApiError, ErrorBody, Exception};
use crate::server::elasticsearch::http::{Request, Response, wildcard_match};
use crate::server::elasticsearch::state::{AliasMeta, Index, IndexAlias, IndicesOptions, Node};

pub(crate) const GET_PARAMS: &[&str] =
    &["allow_no_indices", "expand_wildcards", "ignore_throttled", "ignore_unavailable", "local", "master_timeout"];
pub(crate) const PUT_PARAMS: &[&str] = &["master_timeout", "timeout"];

pub(crate) async fn get(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let base = IndicesOptions { expand_closed: true, expand_hidden: true, ..IndicesOptions::admin() };
    let options = base.with_params(&request.params)?;
    let names = request.path.get("name").map(String::as_str).filter(|names| *names != "_all");
    let expression = request.path.get("index").map_or("", String::as_str);
    let indices = node.cluster.resolve(expression, options)?;
    let wanted = |alias: &str| names.is_none_or(|names| names_match(names, alias));

    let mut body = Map::new();
    let mut found = Vec::new();
    for index in &indices {
        let aliases: BTreeMap<String, AliasMeta> =
            node.cluster.aliases_of(index.name()).into_iter().filter(|(alias, _)| wanted(alias)).collect();
        // By name, only indices that have one are listed.
        if names.is_some() && aliases.is_empty() {
            continue;
        }
        found.extend(aliases.keys().cloned());
        let shown: Map<String, Value> = aliases.iter().map(|(name, meta)| (name.clone(), meta.to_json())).collect();
        body.insert(index.name().to_owned(), json!({"aliases": shown}));
    }
    let missing: Vec<&str> = names
        .into_iter()
        .flat_map(|names| names.split(','))
        .filter(|name| !name.contains('*') && !name.starts_with('-') && !found.iter().any(|alias| alias == name))
        .collect();
    if missing.is_empty() {
        return Ok(Response::ok(Value::Object(body)));
    }
    let plural = if missing.len() == 1 { "alias" } else { "aliases" };
    let mut answer = Map::new();
    answer.insert("error".into(), format!("{plural} [{}] missing", missing.join(",")).into());
    answer.insert("status".into(), 404.into());
    answer.extend(body);
    Ok(Response::json(404, Value::Object(answer)))
}

/// `a,b*,-c`: the last part that matches decides.
fn names_match(names: &str, alias: &str) -> bool {
    names.split(',').fold(false, |matched, part| match part.strip_prefix('-') {
        Some(excluded) if wildcard_match(excluded, alias) => false,
        None if wildcard_match(part, alias) => true,
        _ => matched,
    })
}

pub(crate) async fn put(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let alias = request.path.get("name").map_or("", String::as_str);
    let meta = match optional_body(&request.body)? {
        Some(body) => AliasMeta::parse(alias, &body.to_value())?,
        None => AliasMeta::default(),
    };
    let steps: Vec<IndexAlias> = concrete(&node, &request)?
        .iter()
        .map(|index| IndexAlias::Add { index: index.name().to_owned(), alias: alias.to_owned(), meta: meta.clone() })
        .collect();
    node.cluster.update_aliases(&steps)?;
    Ok(Response::ok(json!({"acknowledged": true, "errors": false})))
}

pub(crate) async fn delete(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let names = request.path.get("name").map_or("", String::as_str);
    let mut steps = Vec::new();
    for index in concrete(&node, &request)? {
        for alias in node.cluster.aliases_of(index.name()).into_keys() {
            if names == "_all" || names_match(names, &alias) {
                steps.push(IndexAlias::Remove { index: index.name().to_owned(), alias });
            }
        }
    }
    if steps.is_empty() {
        return Err(ApiError::from_exception(404, aliases_missing(names)));
    }
    node.cluster.update_aliases(&steps)?;
    Ok(Response::ok(json!({"acknowledged": true, "errors": false})))
}

fn concrete(node: &Node, request: &Request) -> Result<Vec<Arc<Index>>, ApiError> {
    let options = IndicesOptions {
        allow_no_indices: false,
        forbid_aliases: true,
        expand_closed: true,
        ..IndicesOptions::admin()
    };
    node.cluster.resolve(request.path.get("index").map_or("", String::as_str), options)
}

fn aliases_missing(names: &str) -> Exception {
    Exception::new("aliases_not_found_exception", format!("aliases [{names}] missing"))
        .with("resource.type", "aliases")
        .with("resource.id", names)
}

/// One entry of `actions`.
#[derive(Debug, Default)]
struct Action {
    kind: &'static str,
    indices: Vec<String>,
    aliases: Vec<String>,
    meta: AliasMeta,
    must_exist: Option<bool>,
}

pub(crate) async fn update(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let body = required_body(&request.body)?;
    let actions = parse_actions(&body, &Source(&request.body))?;
    if actions.is_empty() {
        return Err(ApiError::illegal_argument("No action specified"));
    }
    let mut steps = Vec::new();
    let mut doomed: Vec<Arc<Index>> = Vec::new();
    let mut results = Vec::new();
    let mut errors = false;
    for action in &actions {
        let options = IndicesOptions { allow_no_indices: false, forbid_aliases: true, ..IndicesOptions::admin() };
        let indices = node.cluster.resolve(&action.indices.join(","), options)?;
        let missing = plan(&node, action, &indices, &mut steps, &mut doomed)?;
        errors |= missing.is_some();
        results.push(result_json(action, &indices, missing));
    }
    node.cluster.update_aliases(&steps)?;
    if !doomed.is_empty() {
        node.cluster.delete_indices(&doomed).await?;
    }
    let mut answer = Map::new();
    answer.insert("acknowledged".into(), true.into());
    answer.insert("errors".into(), errors.into());
    if errors {
        answer.insert("action_results".into(), Value::Array(results));
    }
    Ok(Response::ok(Value::Object(answer)))
}

/// Adds an action's steps; gives the error of a removal that found nothing.
fn plan(
    node: &Node,
    action: &Action,
    indices: &[Arc<Index>],
    steps: &mut Vec<IndexAlias>,
    doomed: &mut Vec<Arc<Index>>,
) -> Result<Option<Exception>, ApiError> {
    let before = steps.len();
    for index in indices {
        let name = index.name().to_owned();
        match action.kind {
            "add" => steps.extend(action.aliases.iter().map(|alias| IndexAlias::Add {
                index: name.clone(),
                alias: alias.clone(),
                meta: action.meta.clone(),
            })),
            "remove" => {
                let patterns = action.aliases.join(",");
                let matching = node.cluster.aliases_of(&name).into_keys().filter(|alias| names_match(&patterns, alias));
                steps.extend(matching.map(|alias| IndexAlias::Remove { index: name.clone(), alias }));
            }
            _ => doomed.push(Arc::clone(index)),
        }
    }
    if action.kind != "remove" || steps.len() > before {
        return Ok(None);
    }
    let missing = aliases_missing(&action.aliases.join(","));
    match action.must_exist {
        Some(true) => Err(ApiError::from_exception(404, missing)),
        Some(false) => Ok(None),
        None => Ok(Some(missing)),
    }
}

fn result_json(action: &Action, indices: &[Arc<Index>], missing: Option<Exception>) -> Value {
    let names: Vec<&str> = indices.iter().map(|index| index.name()).collect();
    let described = json!({"type": action.kind, "indices": names, "aliases": action.aliases});
    match missing {
        Some(error) => json!({"action": described, "status": 404, "error": error.to_json()}),
        None => json!({"action": described, "status": 200}),
    }
}

fn parse_actions(body: &Json, source: &Source<'_>) -> Result<Vec<Action>, ApiError> {
    let mut actions = Vec::new();
    for member in body.as_object().unwrap_or_default() {
        if member.key != "actions" {
            return Err(parse_error(
                source,
                member.key_span.start,
                &format!("[aliases] unknown field [{}]", member.key),
            ));
        }
        for item in member.value.as_array().unwrap_or_default() {
            for action in item.as_object().unwrap_or_default() {
                let parsed = parse_action(action, source);
                actions.push(parsed.map_err(|(error, at)| within(error, source.position(at), "aliases", "actions"))?);
            }
        }
    }
    Ok(actions)
}

/// The error comes with the offset at which Elasticsearch's parser stands when it gives up.
fn parse_action(member: &Member, source: &Source<'_>) -> Result<Action, (ApiError, usize)> {
    let start = member.value.span.start;
    let kind = match member.key.as_str() {
        "add" => "add",
        "remove" => "remove",
        "remove_index" => "remove_index",
        other => {
            let what = format!("[alias_action] unknown field [{other}]");
            return Err((parse_error(source, member.key_span.start, &what), start));
        }
    };
    let mut action = Action { kind, ..Action::default() };
    for option in member.value.as_object().unwrap_or_default() {
        let value = option.value.to_value();
        let offset = option.value.span.start;
        match option.key.as_str() {
            "index" | "indices" => action.indices.extend(strings(&value)),
            "alias" | "aliases" if kind != "remove_index" => action.aliases.extend(strings(&value)),
            "must_exist" => action.must_exist = value.as_bool(),
            name if kind == "add" && action.meta.set(name, &value).map_err(|error| (error, offset))? => {}
            name => {
                let error = parse_error(source, option.key_span.start, &format!("[{kind}] unknown field [{name}]"));
                return Err((within(error, source.position(offset), "alias_action", kind), offset));
            }
        }
    }
    // Missing options are found behind the action's own closing brace.
    let end = member.value.span.end + 1;
    if action.indices.is_empty() {
        return Err((ApiError::illegal_argument("One of [index] or [indices] is required"), end));
    }
    if kind != "remove_index" && action.aliases.is_empty() {
        return Err((ApiError::illegal_argument("One of [alias] or [aliases] is required"), end));
    }
    Ok(action)
}

fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Value::String(text) => vec![text.clone()],
        _ => Vec::new(),
    }
}

fn parse_error(source: &Source<'_>, offset: usize, what: &str) -> ApiError {
    let position = source.position(offset);
    ApiError::new(400, "x_content_parse_exception", format!("[{}:{}] {what}", position.line, position.column))
}

/// Wraps an error that arose inside `field` of `object`.
fn within(error: ApiError, at: Position, object: &str, field: &str) -> ApiError {
    let ErrorBody::Exception { exception, root_cause } = error.body else { return error };
    let reason = format!("[{}:{}] [{object}] failed to parse field [{field}]", at.line, at.column);
    let outer = Exception::new("x_content_parse_exception", reason);
    let parsing = exception.kind == "x_content_parse_exception";
    let root_cause = if parsing { Some(root_cause.unwrap_or_else(|| exception.clone())) } else { None };
    let body = ErrorBody::Exception { exception: outer.caused_by(exception), root_cause };
    ApiError { status: 400, body, headers: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_matched_with_patterns_and_exclusions() {
        for (names, alias, expected) in
            [("a,b", "b", true), ("a*", "abc", true), ("a*,-abc", "abc", false), ("c", "a", false)]
        {
            assert_eq!(names_match(names, alias), expected, "{names} {alias}");
        }
    }

    #[test]
    fn wrong_actions_are_refused_with_their_place() {
        let text = br#"{"actions":[{"add":{"index":"e0-a","alias":"e0-q","x":1}}]}"#;
        let error = parse_actions(&Json::parse(text).unwrap(), &Source(text)).unwrap_err();
        let body = error.to_json();
        assert_eq!(body["error"]["root_cause"][0]["reason"], "[1:51] [add] unknown field [x]");
        assert_eq!(body["error"]["caused_by"]["reason"], "[1:55] [alias_action] failed to parse field [add]");
    }
}
