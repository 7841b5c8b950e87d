//! `_source` filtering: which paths of a document are shown, decided on the bytes it was indexed with.

use crate::server::elasticsearch::codec::json::{Json, JsonValue, Source};
use crate::server::elasticsearch::search::fault::Fault;
use crate::server::elasticsearch::search::query::options::texts;
use crate::server::elasticsearch::search::wildcard::name_matches;

/// Paths to show and to leave out; wildcards cross dots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SourceFilter {
    enabled: bool,
    /// None listed: everything.
    includes: Vec<String>,
    excludes: Vec<String>,
}

impl SourceFilter {
    pub(crate) const ALL: SourceFilter = SourceFilter { enabled: true, includes: Vec::new(), excludes: Vec::new() };
    pub(crate) const NONE: SourceFilter = SourceFilter { enabled: false, includes: Vec::new(), excludes: Vec::new() };

    pub(crate) fn new(includes: Vec<String>, excludes: Vec<String>) -> Self {
        Self { enabled: true, includes, excludes }
    }

    /// `true`, `false`, a path, paths, or `{includes, excludes}`.
    pub(crate) fn read(json: &Json, src: &Source<'_>) -> Result<SourceFilter, Fault> {
        match &json.value {
            JsonValue::Bool(true) => Ok(Self::ALL),
            JsonValue::Bool(false) => Ok(Self::NONE),
            JsonValue::String(_) | JsonValue::Array(_) => Ok(Self::new(texts(json, src)?, Vec::new())),
            JsonValue::Object(members) => {
                let mut filter = Self::ALL;
                for member in members {
                    let listed = matches!(member.value.value, JsonValue::String(_) | JsonValue::Array(_));
                    match member.key.as_str() {
                        "includes" | "include" if listed => filter.includes = texts(&member.value, src)?,
                        "excludes" | "exclude" if listed => filter.excludes = texts(&member.value, src)?,
                        other => {
                            let found = member.value.token_name();
                            let reason = format!("Unknown key for a {found} in [{other}].");
                            return Err(Fault::parsing(src, member.value.span.start, reason));
                        }
                    }
                }
                Ok(filter)
            }
            JsonValue::Null | JsonValue::Int(_) | JsonValue::Float { .. } => {
                let found = json.token_name();
                let reason = format!(
                    "Expected one of [VALUE_BOOLEAN, VALUE_STRING, START_ARRAY, START_OBJECT] but found [{found}]"
                );
                Err(Fault::parsing(src, json.span.start, reason))
            }
        }
    }

    pub(crate) fn hides_all(&self) -> bool {
        !self.enabled
    }

    pub(crate) fn shows_all(&self) -> bool {
        self.enabled && self.includes.is_empty() && self.excludes.is_empty()
    }

    /// The document with only the paths shown; what is not an object stays as it is.
    pub(crate) fn apply(&self, source: &[u8]) -> Vec<u8> {
        if self.shows_all() {
            return source.to_vec();
        }
        let Ok(json) = Json::parse(source) else { return source.to_vec() };
        let mut out = Vec::with_capacity(source.len());
        let included = self.includes.is_empty();
        if json.as_object().is_none() {
            return source.to_vec();
        }
        if !self.write(&json, "", included, &Source(source), &mut out) {
            out = b"{}".to_vec();
        }
        out
    }

    fn is_excluded(&self, path: &str) -> bool {
        self.excludes.iter().any(|pattern| name_matches(pattern, path))
    }

    fn is_included(&self, path: &str) -> bool {
        self.includes.iter().any(|pattern| name_matches(pattern, path))
    }

    /// Writes what is shown of a value; false where that is nothing, and nothing was written.
    fn write(&self, json: &Json, path: &str, included: bool, src: &Source<'_>, out: &mut Vec<u8>) -> bool {
        let back = out.len();
        let mut any = false;
        match &json.value {
            JsonValue::Object(members) => {
                out.push(b'{');
                for member in members {
                    let path = if path.is_empty() { member.key.clone() } else { format!("{path}.{}", member.key) };
                    if self.is_excluded(&path) {
                        continue;
                    }
                    let included = included || self.is_included(&path);
                    let before = out.len();
                    if any {
                        out.push(b',');
                    }
                    out.extend_from_slice(src.slice(member.key_span));
                    out.push(b':');
                    if self.write(&member.value, &path, included, src, out) {
                        any = true;
                    } else {
                        out.truncate(before);
                    }
                }
                out.push(b'}');
                // An object that loses all it had is left out; one that had nothing stays.
                any |= included && members.is_empty();
            }
            JsonValue::Array(items) => {
                out.push(b'[');
                for item in items {
                    let before = out.len();
                    if any {
                        out.push(b',');
                    }
                    if self.write(item, path, included, src, out) {
                        any = true;
                    } else {
                        out.truncate(before);
                    }
                }
                out.push(b']');
                any |= included;
            }
            _ if included => {
                out.extend_from_slice(src.slice(json.span));
                any = true;
            }
            _ => {}
        }
        if !any {
            out.truncate(back);
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filtered(includes: &[&str], excludes: &[&str], source: &str) -> String {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        String::from_utf8(SourceFilter::new(owned(includes), owned(excludes)).apply(source.as_bytes())).unwrap()
    }

    #[test]
    fn paths_and_wildcards_choose_what_is_shown() {
        let source = r#"{"a":{"b":1.0,"c":[{"d":2,"e":"é"},{"d":3}]}, "n":null}"#;
        for (includes, excludes, expected) in [
            (&["a.b"][..], &[][..], r#"{"a":{"b":1.0}}"#),
            (&["a.c.d"], &[], r#"{"a":{"c":[{"d":2},{"d":3}]}}"#),
            (&["*.d"], &[], r#"{"a":{"c":[{"d":2},{"d":3}]}}"#),
            (&["a"], &["*.d"], r#"{"a":{"b":1.0,"c":[{"e":"é"}]}}"#),
            (&[], &["a"], r#"{"n":null}"#),
            (&["zz"], &[], "{}"),
            (&["n"], &[], r#"{"n":null}"#),
        ] {
            assert_eq!(filtered(includes, excludes, source), expected, "{includes:?} {excludes:?}");
        }
        assert_eq!(filtered(&[], &[], source), source);
    }

    proptest! {
        #[test]
        fn what_is_filtered_is_json_still(
            includes in proptest::collection::vec("[ab*.]{1,4}", 0..3),
            excludes in proptest::collection::vec("[ab*.]{1,4}", 0..3),
            inner in prop_oneof![Just(r#"{"a":[1,{"b":[]}]}"#), Just(r#"[[{"a":{}}],"b"]"#), Just("1")],
        ) {
            let source = format!(r#"{{"a":{inner},"b":{{"a":{inner}}}}}"#);
            let out = SourceFilter::new(includes, excludes).apply(source.as_bytes());
            prop_assert!(serde_json::from_slice::<serde_json::Value>(&out).is_ok());
        }
    }
}
