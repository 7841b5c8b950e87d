//! Index templates: composable ones (`_index_template`) and the components they are made of.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::alias::AliasMeta;
use super::settings::IndexSettings;
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Position, Source};
use crate::server::elasticsearch::error::{ApiError, ErrorBody, Exception};
use crate::server::elasticsearch::http::wildcard_match;

/// What a template gives an index.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct TemplateBody {
    pub(crate) settings: Option<IndexSettings>,
    /// As sent.
    pub(crate) mappings: Option<Value>,
    pub(crate) aliases: Option<BTreeMap<String, AliasMeta>>,
}

/// `_index_template`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct IndexTemplate {
    pub(crate) index_patterns: Vec<String>,
    pub(crate) template: Option<TemplateBody>,
    pub(crate) composed_of: Vec<String>,
    pub(crate) priority: Option<i64>,
    pub(crate) version: Option<i64>,
    pub(crate) meta: Option<Value>,
    pub(crate) created_millis: i64,
    pub(crate) modified_millis: i64,
}

/// `_component_template`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ComponentTemplate {
    pub(crate) template: TemplateBody,
    pub(crate) version: Option<i64>,
    pub(crate) meta: Option<Value>,
    pub(crate) created_millis: i64,
    pub(crate) modified_millis: i64,
}

/// What the templates together give one index.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Resolved {
    pub(crate) settings: IndexSettings,
    pub(crate) mappings: Option<Value>,
    pub(crate) aliases: BTreeMap<String, AliasMeta>,
}

impl IndexTemplate {
    /// Reads the body of `PUT _index_template/name`.
    pub(crate) fn parse(body: &Json, source: &Source<'_>) -> Result<IndexTemplate, ApiError> {
        const NAME: &str = "index_template";
        let members = object(body, source, NAME)?;
        let mut template = IndexTemplate::default();
        let mut patterns = None;
        for member in members {
            match member.key.as_str() {
                "index_patterns" => patterns = Some(strings(member, source, NAME)?),
                "template" => {
                    let body = TemplateBody::parse(&member.value, source);
                    template.template = Some(
                        body.map_err(|(error, offset)| failed_field(member, source.position(offset), NAME, error))?,
                    );
                }
                "composed_of" => template.composed_of = strings(member, source, NAME)?,
                "priority" => template.priority = Some(long(member, source, NAME)?),
                "version" => template.version = Some(long(member, source, NAME)?),
                "_meta" => template.meta = Some(member.value.to_value()),
                _ => return Err(unknown_field(member, source, NAME)),
            }
        }
        template.index_patterns = patterns.ok_or_else(|| ApiError::illegal_argument("Required [index_patterns]"))?;
        if template.index_patterns.is_empty() {
            return Err(ApiError::illegal_argument("There must be at least one pattern, zero given"));
        }
        if template.priority.is_some_and(|priority| priority < 0) {
            let reason = "Validation Failed: 1: index template priority must be >= 0;";
            return Err(ApiError::new(400, "action_request_validation_exception", reason));
        }
        Ok(template)
    }

    /// Reads what [`IndexTemplate::to_json`] wrote.
    pub(super) fn from_stored(stored: &Value) -> Result<IndexTemplate, ApiError> {
        let (text, times) = without_times(stored);
        let json = Json::parse(&text).map_err(|error| ApiError::illegal_argument(error.to_string()))?;
        let template = IndexTemplate::parse(&json, &Source(&text))?;
        Ok(IndexTemplate { created_millis: times.0, modified_millis: times.1, ..template })
    }

    pub(crate) fn to_json(&self, flat_settings: bool) -> Value {
        let mut members = Map::new();
        members.insert("index_patterns".into(), json!(self.index_patterns));
        if let Some(template) = &self.template {
            members.insert("template".into(), template.to_json(flat_settings));
        }
        members.insert("composed_of".into(), json!(self.composed_of));
        if let Some(priority) = self.priority {
            members.insert("priority".into(), priority.into());
        }
        add_common(&mut members, self.version, self.meta.as_ref(), self.created_millis, self.modified_millis);
        Value::Object(members)
    }

    pub(crate) fn matches(&self, index: &str) -> bool {
        self.index_patterns.iter().any(|pattern| wildcard_match(pattern, index))
    }

    /// Some index name could match both.
    pub(crate) fn overlaps(&self, other: &IndexTemplate) -> bool {
        let pairs =
            self.index_patterns.iter().flat_map(|left| other.index_patterns.iter().map(move |right| (left, right)));
        pairs.into_iter().any(|(left, right)| patterns_overlap(left, right))
    }
}

impl ComponentTemplate {
    /// Reads the body of `PUT _component_template/name`.
    pub(crate) fn parse(body: &Json, source: &Source<'_>) -> Result<ComponentTemplate, ApiError> {
        const NAME: &str = "component_template";
        let mut component = ComponentTemplate::default();
        let mut template = None;
        for member in object(body, source, NAME)? {
            match member.key.as_str() {
                "template" => {
                    let body = TemplateBody::parse(&member.value, source);
                    template = Some(
                        body.map_err(|(error, offset)| failed_field(member, source.position(offset), NAME, error))?,
                    );
                }
                "version" => component.version = Some(long(member, source, NAME)?),
                "_meta" => component.meta = Some(member.value.to_value()),
                _ => return Err(unknown_field(member, source, NAME)),
            }
        }
        component.template = template.ok_or_else(|| ApiError::illegal_argument("Required [template]"))?;
        Ok(component)
    }

    pub(super) fn from_stored(stored: &Value) -> Result<ComponentTemplate, ApiError> {
        let (text, times) = without_times(stored);
        let json = Json::parse(&text).map_err(|error| ApiError::illegal_argument(error.to_string()))?;
        let component = ComponentTemplate::parse(&json, &Source(&text))?;
        Ok(ComponentTemplate { created_millis: times.0, modified_millis: times.1, ..component })
    }

    pub(crate) fn to_json(&self, flat_settings: bool) -> Value {
        let mut members = Map::new();
        members.insert("template".into(), self.template.to_json(flat_settings));
        add_common(&mut members, self.version, self.meta.as_ref(), self.created_millis, self.modified_millis);
        Value::Object(members)
    }
}

impl TemplateBody {
    /// The error comes with the offset at which Elasticsearch's parser stands when it gives up.
    fn parse(body: &Json, source: &Source<'_>) -> Result<TemplateBody, (ApiError, usize)> {
        const NAME: &str = "template";
        let mut template = TemplateBody::default();
        for member in object(body, source, NAME).map_err(|error| (error, body.span.start))? {
            let value = member.value.to_value();
            let offset = member.value.span.start;
            match (member.key.as_str(), &value) {
                ("settings", Value::Object(settings)) => template.settings = Some(IndexSettings::parse(settings)),
                ("mappings", Value::Object(_)) => template.mappings = Some(value),
                ("aliases", Value::Object(aliases)) => {
                    let read = aliases.iter().map(|(name, body)| Ok((name.clone(), AliasMeta::parse(name, body)?)));
                    let read: Result<_, ApiError> = read.collect();
                    template.aliases = Some(read.map_err(|error| (error, offset))?);
                }
                ("settings" | "mappings" | "aliases", Value::Null) => {}
                ("settings" | "mappings" | "aliases", _) => {
                    return Err((wrong_type(member, &member.value, source, NAME), offset));
                }
                _ => return Err((unknown_field(member, source, NAME), offset)),
            }
        }
        Ok(template)
    }

    fn to_json(&self, flat_settings: bool) -> Value {
        let mut members = Map::new();
        if let Some(settings) = &self.settings {
            members.insert("settings".into(), if flat_settings { settings.to_flat_json() } else { settings.to_json() });
        }
        if let Some(mappings) = &self.mappings {
            members.insert("mappings".into(), mappings.clone());
        }
        if let Some(aliases) = &self.aliases {
            members
                .insert("aliases".into(), aliases.iter().map(|(name, meta)| (name.clone(), meta.to_json())).collect());
        }
        Value::Object(members)
    }
}

impl Resolved {
    /// The template of highest priority that matches wins whole.
    pub(crate) fn for_index(
        templates: &BTreeMap<String, Arc<IndexTemplate>>,
        components: &BTreeMap<String, Arc<ComponentTemplate>>,
        index: &str,
    ) -> Resolved {
        match winner(templates, index) {
            Some((_, template)) => Resolved::of(template, components, index),
            None => Resolved::default(),
        }
    }

    /// Components in their order, then the template's own.
    pub(crate) fn of(
        template: &IndexTemplate,
        components: &BTreeMap<String, Arc<ComponentTemplate>>,
        index: &str,
    ) -> Resolved {
        let parts = template.composed_of.iter().filter_map(|name| components.get(name)).map(|part| &part.template);
        let mut resolved = Resolved::default();
        for body in parts.chain(&template.template) {
            if let Some(settings) = &body.settings {
                resolved.settings = resolved.settings.overlaid(settings);
            }
            resolved.mappings = merge_mappings(resolved.mappings, body.mappings.clone());
            for (name, meta) in body.aliases.iter().flatten() {
                resolved.aliases.insert(name.replace("{index}", index), meta.clone());
            }
        }
        resolved
    }
}

/// The matching template of highest priority, with its name.
pub(crate) fn winner<'t>(
    templates: &'t BTreeMap<String, Arc<IndexTemplate>>,
    index: &str,
) -> Option<(&'t String, &'t Arc<IndexTemplate>)> {
    templates
        .iter()
        .filter(|(_, template)| template.matches(index))
        .max_by_key(|(_, template)| template.priority.unwrap_or(0))
}

/// Lays one mapping's JSON over another: objects below `properties` merge, any other definition is replaced.
pub(crate) fn merge_mappings(below: Option<Value>, above: Option<Value>) -> Option<Value> {
    match (below, above) {
        (Some(Value::Object(mut below)), Some(Value::Object(above))) => {
            for (key, value) in above {
                let merged = match (key.as_str(), below.remove(&key)) {
                    ("properties", Some(Value::Object(old))) => merge_properties(old, value),
                    ("dynamic_templates", Some(Value::Array(mut old))) => {
                        old.extend(value.as_array().cloned().unwrap_or_default());
                        Value::Array(old)
                    }
                    _ => value,
                };
                below.insert(key, merged);
            }
            Some(Value::Object(below))
        }
        (below, above) => above.or(below),
    }
}

fn merge_properties(mut old: Map<String, Value>, new: Value) -> Value {
    let Value::Object(new) = new else { return new };
    for (name, definition) in new {
        let both_objects = old.get(&name).is_some_and(|known| known.get("properties").is_some())
            && definition.get("properties").is_some();
        let merged = if both_objects { merge_mappings(old.remove(&name), Some(definition)) } else { Some(definition) };
        if let Some(merged) = merged {
            old.insert(name, merged);
        }
    }
    Value::Object(old)
}

/// Is there a text that both patterns match? Only stars are special.
fn patterns_overlap(left: &str, right: &str) -> bool {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    // reach[j]: the first i characters of `left` and the first j of `right` can match the same text.
    let mut reach = vec![false; right.len() + 1];
    for i in 0..=left.len() {
        let mut row = vec![false; right.len() + 1];
        for j in 0..=right.len() {
            let before = |i_back: usize, j_back: usize| match (i_back, j_back) {
                (0, 1) => j > 0 && row.get(j - 1).copied().unwrap_or(false),
                (1, 0) => i > 0 && reach.get(j).copied().unwrap_or(false),
                _ => i > 0 && j > 0 && reach.get(j - 1).copied().unwrap_or(false),
            };
            let (l, r) = (i.checked_sub(1).and_then(|i| left.get(i)), j.checked_sub(1).and_then(|j| right.get(j)));
            let value = match (l, r) {
                (None, None) => true,
                _ => {
                    let left_star = l == Some(&'*') && (before(1, 0) || before(0, 1));
                    let right_star = r == Some(&'*') && (before(0, 1) || before(1, 0));
                    left_star || right_star || (l.is_some() && l == r && before(1, 1))
                }
            };
            if let Some(cell) = row.get_mut(j) {
                *cell = value;
            }
        }
        reach = row;
    }
    reach.last().copied().unwrap_or(false)
}

fn add_common(
    members: &mut Map<String, Value>,
    version: Option<i64>,
    meta: Option<&Value>,
    created: i64,
    modified: i64,
) {
    if let Some(version) = version {
        members.insert("version".into(), version.into());
    }
    if let Some(meta) = meta {
        members.insert("_meta".into(), meta.clone());
    }
    members.insert("created_date_millis".into(), created.into());
    members.insert("modified_date_millis".into(), modified.into());
}

/// The stored JSON without the members that a client cannot send, and those.
fn without_times(stored: &Value) -> (Vec<u8>, (i64, i64)) {
    let mut members = stored.as_object().cloned().unwrap_or_default();
    let mut take = |key: &str| members.remove(key).and_then(|value| value.as_i64()).unwrap_or_default();
    let times = (take("created_date_millis"), take("modified_date_millis"));
    (Value::Object(members).to_string().into_bytes(), times)
}

fn at(source: &Source<'_>, offset: usize) -> String {
    let position = source.position(offset);
    format!("[{}:{}]", position.line, position.column)
}

fn object<'j>(json: &'j Json, source: &Source<'_>, name: &str) -> Result<&'j [Member], ApiError> {
    json.as_object().ok_or_else(|| {
        let place = at(source, json.span.start);
        let reason = format!("{place} [{name}] Expected START_OBJECT but was: {}", json.token_name());
        ApiError::new(400, "x_content_parse_exception", reason)
    })
}

fn unknown_field(member: &Member, source: &Source<'_>, name: &str) -> ApiError {
    let reason = format!("{} [{name}] unknown field [{}]", at(source, member.key_span.start), member.key);
    ApiError::new(400, "x_content_parse_exception", reason)
}

/// Elasticsearch's wrapping of an error inside a field: the inner one is the root cause.
fn failed_field(member: &Member, at: Position, name: &str, error: ApiError) -> ApiError {
    let ErrorBody::Exception { exception, root_cause } = error.body else { return error };
    let reason = format!("[{}:{}] [{name}] failed to parse field [{}]", at.line, at.column, member.key);
    let root_cause = Some(root_cause.unwrap_or_else(|| exception.clone()));
    let exception = Exception::new("x_content_parse_exception", reason).caused_by(exception);
    ApiError { status: 400, body: ErrorBody::Exception { exception, root_cause }, headers: Vec::new() }
}

fn strings(member: &Member, source: &Source<'_>, name: &str) -> Result<Vec<String>, ApiError> {
    let items = match &member.value.value {
        JsonValue::String(text) => return Ok(vec![text.clone()]),
        JsonValue::Array(items) => items,
        _ => return Err(wrong_type(member, &member.value, source, name)),
    };
    items
        .iter()
        .map(|item| item.as_str().map(str::to_owned).ok_or_else(|| wrong_type(member, item, source, name)))
        .collect()
}

fn wrong_type(member: &Member, value: &Json, source: &Source<'_>, name: &str) -> ApiError {
    let place = at(source, value.span.start);
    let reason = format!("{place} [{name}] {} doesn't support values of type: {}", member.key, value.token_name());
    ApiError::new(400, "x_content_parse_exception", reason)
}

fn long(member: &Member, source: &Source<'_>, name: &str) -> Result<i64, ApiError> {
    match &member.value.value {
        JsonValue::Int(number) => Ok(*number),
        JsonValue::String(text) => text.parse().map_err(|_| {
            let place = at(source, member.value.span.start);
            let cause = Exception::new("illegal_argument_exception", format!("For input string: \"{text}\""));
            let reason = format!("{place} [{name}] failed to parse field [{}]", member.key);
            ApiError::from_exception(400, Exception::new("x_content_parse_exception", reason).caused_by(cause))
        }),
        _ => Err(wrong_type(member, &member.value, source, name)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<IndexTemplate, ApiError> {
        IndexTemplate::parse(&Json::parse(text.as_bytes()).unwrap(), &Source(text.as_bytes()))
    }

    fn reason(text: &str) -> String {
        parse(text).unwrap_err().exception().unwrap().reason.clone()
    }

    #[test]
    fn a_template_reads_back_as_it_was_stored() {
        let template = parse(
            r#"{"index_patterns":"tick*","priority":10,"version":3,"_meta":{"a":1},"template":{"settings":{"number_of_shards":1},
            "mappings":{"properties":{"n":{"type":"long"}}},"aliases":{"al":{"is_write_index":true}}},"composed_of":["c"]}"#,
        )
        .unwrap();
        let template = IndexTemplate { created_millis: 5, modified_millis: 6, ..template };
        assert_eq!(IndexTemplate::from_stored(&template.to_json(false)).unwrap(), template);
        assert_eq!(
            template.to_json(false).to_string(),
            r#"{"index_patterns":["tick*"],"template":{"settings":{"index":{"number_of_shards":"1"}},"mappings":{"properties":{"n":{"type":"long"}}},"aliases":{"al":{"is_write_index":true}}},"composed_of":["c"],"priority":10,"version":3,"_meta":{"a":1},"created_date_millis":5,"modified_date_millis":6}"#
        );
    }

    #[test]
    fn wrong_templates_are_refused_in_elasticsearchs_words() {
        for (text, expected) in [
            (r#"{"priority":10}"#, "Required [index_patterns]"),
            (r#"{"index_patterns":[]}"#, "There must be at least one pattern, zero given"),
            (r#"{"index_patterns":["e0z*"],"bogus":1}"#, "[1:28] [index_template] unknown field [bogus]"),
            (
                r#"{"index_patterns":["e0z*"],"template":{"bogus":1}}"#,
                "[1:48] [index_template] failed to parse field [template]",
            ),
            (
                r#"{"index_patterns":["e0z*"],"priority":"x"}"#,
                "[1:39] [index_template] failed to parse field [priority]",
            ),
            (
                r#"{"index_patterns":["e0z*"],"priority":-1}"#,
                "Validation Failed: 1: index template priority must be >= 0;",
            ),
            ("[]", "[1:1] [index_template] Expected START_OBJECT but was: START_ARRAY"),
        ] {
            assert_eq!(reason(text), expected);
        }
    }

    #[test]
    fn the_highest_priority_wins_whole() {
        let mut templates = BTreeMap::new();
        for (name, text) in [
            ("low", r#"{"index_patterns":["t*"],"template":{"settings":{"priority":"1","hidden":true}}}"#),
            ("high", r#"{"index_patterns":["ti*"],"priority":5,"template":{"settings":{"priority":"2"}}}"#),
        ] {
            templates.insert(name.to_owned(), Arc::new(parse(text).unwrap()));
        }
        let of = |index: &str| Resolved::for_index(&templates, &BTreeMap::new(), index).settings.to_flat_json();
        assert_eq!(of("tick"), json!({"index.priority": "2"}));
        assert_eq!(of("tock"), json!({"index.priority": "1", "index.hidden": "true"}));
        assert_eq!(of("x"), json!({}));
    }

    #[test]
    fn mappings_merge_by_field() {
        let merged = merge_mappings(
            Some(
                json!({"dynamic": "strict", "properties": {"a": {"type": "long"}, "o": {"properties": {"p": {"type": "long"}}}}}),
            ),
            Some(json!({"properties": {"a": {"type": "keyword"}, "o": {"properties": {"q": {"type": "long"}}}}})),
        );
        let expected = json!({"dynamic": "strict", "properties": {"a": {"type": "keyword"}, "o": {"properties": {"p": {"type": "long"}, "q": {"type": "long"}}}}});
        assert_eq!(merged, Some(expected));
    }

    #[test]
    fn overlapping_patterns_are_found() {
        for (left, right, expected) in [
            ("tick*", "tick-*", true),
            ("a*", "b*", false),
            ("*a", "b*", true),
            ("a", "a", true),
            ("a*c", "ab", false),
            ("*", "x", true),
        ] {
            assert_eq!(patterns_overlap(left, right), expected, "{left} {right}");
            assert_eq!(patterns_overlap(right, left), expected, "{right} {left}");
        }
    }

    proptest! {
        #[test]
        fn patterns_that_match_one_text_overlap(left in "[ab*]{0,6}", right in "[ab*]{0,6}", text in "[ab]{0,6}") {
            if wildcard_match(&left, &text) && wildcard_match(&right, &text) {
                prop_assert!(patterns_overlap(&left, &right));
            }
        }

        #[test]
        fn any_bytes_are_a_template_or_an_error(bytes in r#"(\{|\}|"index_patterns"|"template"|"settings"|:|\[|\]|"a"|1|,){0,14}"#) {
            if let Ok(json) = Json::parse(bytes.as_bytes()) {
                let _template = IndexTemplate::parse(&json, &Source(bytes.as_bytes()));
            }
        }
    }
}
