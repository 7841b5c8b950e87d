//! Dynamic templates: which mapping a new field gets by its name, path and JSON type.

use regex::Regex;
use serde_json::{Map, Value};

use super::java;
use super::options::kind_of;
use super::parse::parsing;
use crate::server::elasticsearch::error::Exception;

/// JSON types a template can ask for, and the field type each becomes by default.
const MATCH_TYPES: [(&str, &str); 7] = [
    ("object", "object"),
    ("string", "text"),
    ("long", "long"),
    ("double", "float"),
    ("boolean", "boolean"),
    ("date", "date"),
    ("binary", "binary"),
];

#[derive(Debug)]
pub(crate) struct DynamicTemplate {
    match_types: Vec<String>,
    unmatch_types: Vec<String>,
    names: Vec<Pattern>,
    not_names: Vec<Pattern>,
    paths: Vec<Pattern>,
    not_paths: Vec<Pattern>,
    mapping: Map<String, Value>,
}

#[derive(Debug)]
enum Pattern {
    /// `*` stands for any text.
    Wildcard(String),
    Regex(Regex),
}

impl Pattern {
    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Wildcard(pattern) => wildcard(pattern, text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Whether a pattern with `*` covers the whole text.
pub(crate) fn wildcard(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts = rest.split('*').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = left.get(at + part.len()..).unwrap_or_default(),
            None => return false,
        }
    }
    true
}

impl DynamicTemplate {
    /// A template's body.
    ///
    /// # Errors
    /// Elasticsearch's words for an unknown parameter, type or pattern.
    pub(crate) fn parse(name: &str, body: &Value) -> Result<Self, Exception> {
        let Some(members) = body.as_object() else {
            return Err(parsing("A dynamic template must be defined with a name"));
        };
        let texts = |key: &str| match members.get(key) {
            None => Vec::new(),
            Some(Value::Array(items)) => items.iter().map(java::value).collect(),
            Some(value) => vec![java::value(value)],
        };
        for key in members.keys() {
            if !matches!(
                key.as_str(),
                "match"
                    | "unmatch"
                    | "path_match"
                    | "path_unmatch"
                    | "match_mapping_type"
                    | "unmatch_mapping_type"
                    | "match_pattern"
                    | "mapping"
            ) {
                return Err(illegal(format!("Illegal dynamic template parameter: [{key}]")));
            }
        }
        let regex = match members.get("match_pattern").map(java::value).as_deref() {
            None | Some("simple") => false,
            Some("regex") => true,
            Some(other) => {
                return Err(illegal(format!("No matching pattern matched on [{other}]")));
            }
        };
        let patterns =
            |key: &str| texts(key).into_iter().map(|text| pattern(name, text, regex)).collect::<Result<_, _>>();
        let Some(mapping) = members.get("mapping") else {
            return Err(parsing(format!("template [{name}] must have either mapping or runtime set")));
        };
        let template = Self {
            match_types: texts("match_mapping_type").into_iter().filter(|kind| kind != "*").collect(),
            unmatch_types: texts("unmatch_mapping_type"),
            names: patterns("match")?,
            not_names: patterns("unmatch")?,
            paths: patterns("path_match")?,
            not_paths: patterns("path_unmatch")?,
            mapping: mapping.as_object().cloned().unwrap_or_default(),
        };
        template.check(name, body)?;
        Ok(template)
    }

    fn check(&self, name: &str, body: &Value) -> Result<(), Exception> {
        let possible = MATCH_TYPES.map(|(kind, _)| kind).join(", ");
        for kind in self.match_types.iter().chain(&self.unmatch_types) {
            if MATCH_TYPES.iter().all(|(known, _)| known != kind) {
                return Err(illegal(format!("No field type matched on [{kind}], possible values are [{possible}]")));
            }
        }
        let Some(declared) = self.mapping.get("type").and_then(Value::as_str) else { return Ok(()) };
        if declared.contains('{') || matches!(declared, "object" | "nested") || kind_of(declared).is_some() {
            return Ok(());
        }
        let kinds = if self.match_types.is_empty() { possible } else { self.match_types.join(", ") };
        let reason = format!(
            "dynamic template [{name}] has invalid content [{body}], attempted to validate it with the following match_mapping_type: [{kinds}]"
        );
        Err(illegal(reason).caused_by(illegal(format!("No mapper found for type [{declared}]"))))
    }

    /// Whether a new field falls under this template.
    pub(crate) fn matches(&self, path: &str, name: &str, json_type: &str) -> bool {
        let any = |patterns: &[Pattern], text: &str| patterns.iter().any(|pattern| pattern.matches(text));
        (self.match_types.is_empty() || self.match_types.iter().any(|kind| kind == json_type))
            && self.unmatch_types.iter().all(|kind| kind != json_type)
            && (self.names.is_empty() || any(&self.names, name))
            && !any(&self.not_names, name)
            && (self.paths.is_empty() || any(&self.paths, path))
            && !any(&self.not_paths, path)
    }

    /// The mapping for a field, its placeholders filled in, its type set.
    pub(crate) fn mapping_for(&self, name: &str, json_type: &str) -> Map<String, Value> {
        let default = MATCH_TYPES.iter().find(|(kind, _)| *kind == json_type).map_or("text", |(_, default)| default);
        let mut mapping = match fill(&Value::Object(self.mapping.clone()), name, default) {
            Value::Object(mapping) => mapping,
            _ => Map::new(),
        };
        let default_type = if mapping.contains_key("properties") { "object" } else { default };
        mapping.entry("type").or_insert_with(|| default_type.into());
        mapping
    }
}

fn fill(value: &Value, name: &str, default: &str) -> Value {
    let text =
        |text: &str| text.replace("{name}", name).replace("{dynamic_type}", default).replace("{dynamicType}", default);
    match value {
        Value::String(content) => text(content).into(),
        Value::Array(items) => items.iter().map(|item| fill(item, name, default)).collect(),
        Value::Object(members) => {
            Value::Object(members.iter().map(|(key, member)| (text(key), fill(member, name, default))).collect())
        }
        other => other.clone(),
    }
}

fn pattern(name: &str, text: String, regex: bool) -> Result<Pattern, Exception> {
    if !regex {
        return Ok(Pattern::Wildcard(text));
    }
    Regex::new(&format!("^(?:{text})$")).map(Pattern::Regex).map_err(|_| {
        let reason = format!("Pattern [{text}] of type [regex] is invalid. Cannot create dynamic template [{name}].");
        illegal(reason)
    })
}

fn illegal(reason: String) -> Exception {
    Exception::new("illegal_argument_exception", reason)
}

#[cfg(test)]
mod tests {
    use super::wildcard;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "ab", false),
            ("a*b*c", "axbyc", true),
            ("abc", "abc", true),
            ("abc", "abcd", false),
            ("a*a", "a", false),
            ("*a*", "bab", true),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
