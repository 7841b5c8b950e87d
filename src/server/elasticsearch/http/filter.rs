//! `filter_path`: the answer cut down to the paths a client asks for, by the text, so that numbers and sources stay as written.

use crate::server::elasticsearch::codec::json::{Json, JsonValue};

/// Paths to keep and paths to drop; `*` stands for one name or a part of it, `**` for any number of levels. Arrays are looked through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FilterPath {
    include: Vec<Vec<String>>,
    exclude: Vec<Vec<String>>,
}

impl FilterPath {
    /// Reads the parameter; none where it holds no path.
    pub(crate) fn parse(text: &str) -> Option<FilterPath> {
        let mut filter = FilterPath::default();
        for path in text.split(',').map(str::trim).filter(|path| !path.is_empty()) {
            let (paths, path) = match path.strip_prefix('-') {
                Some(excluded) => (&mut filter.exclude, excluded),
                None => (&mut filter.include, path),
            };
            let segments: Vec<String> = path.split('.').map(str::to_owned).collect();
            paths.push(segments);
        }
        (!filter.include.is_empty() || !filter.exclude.is_empty()).then_some(filter)
    }

    /// Filters valid JSON text. Where nothing is left of an object it is `{}`, of an array or scalar it is empty text.
    pub(crate) fn apply(&self, text: &[u8]) -> Vec<u8> {
        let Ok(json) = Json::parse(text) else { return text.to_vec() };
        let state =
            State { include: start(&self.include), exclude: start(&self.exclude), kept: self.include.is_empty() };
        let mut out = Vec::new();
        if !write(&json, text, &state, &mut out) && matches!(json.value, JsonValue::Object(_)) {
            out.extend_from_slice(b"{}");
        }
        out
    }
}

/// What is left to match of each path below the current value.
struct State<'f> {
    include: Vec<&'f [String]>,
    exclude: Vec<&'f [String]>,
    /// An include path has matched above: everything is wanted but what is excluded.
    kept: bool,
}

fn start(paths: &[Vec<String>]) -> Vec<&[String]> {
    paths.iter().map(Vec::as_slice).collect()
}

impl<'f> State<'f> {
    /// The state below a member; none where it is excluded whole, or nothing in it can be wanted.
    fn step(&self, name: &str) -> Option<State<'f>> {
        let mut below = State { include: Vec::new(), exclude: Vec::new(), kept: self.kept };
        for path in &self.exclude {
            if advance(path, name, &mut below.exclude) {
                return None;
            }
        }
        if !self.kept {
            for path in &self.include {
                below.kept |= advance(path, name, &mut below.include);
            }
        }
        (below.kept || !below.include.is_empty()).then_some(below)
    }

    fn takes_all(&self) -> bool {
        self.kept && self.exclude.is_empty()
    }
}

/// Follows a path over one name; true where it is matched to its end.
fn advance<'f>(path: &'f [String], name: &str, below: &mut Vec<&'f [String]>) -> bool {
    let Some((first, rest)) = path.split_first() else { return true };
    if first == "**" {
        below.push(path);
        return rest.is_empty() || advance(rest, name, below);
    }
    if !wildcard_match(first, name) {
        return false;
    }
    if rest.is_empty() || (rest.len() == 1 && rest.first().is_some_and(|segment| segment == "**")) {
        return true;
    }
    below.push(rest);
    false
}

/// Writes what is wanted of a value; false where that is nothing (and nothing was written).
fn write(json: &Json, text: &[u8], state: &State<'_>, out: &mut Vec<u8>) -> bool {
    if state.takes_all() {
        out.extend_from_slice(text.get(json.span.start..json.span.end).unwrap_or_default());
        return true;
    }
    let length = out.len();
    let mut any = false;
    match &json.value {
        JsonValue::Object(members) => {
            out.push(b'{');
            for member in members {
                let Some(below) = state.step(&member.key) else { continue };
                let back = out.len();
                if any {
                    out.push(b',');
                }
                out.extend_from_slice(text.get(member.key_span.start..member.key_span.end).unwrap_or_default());
                out.push(b':');
                if write(&member.value, text, &below, out) {
                    any = true;
                } else {
                    out.truncate(back);
                }
            }
            out.push(b'}');
        }
        JsonValue::Array(items) => {
            out.push(b'[');
            for item in items {
                let back = out.len();
                if any {
                    out.push(b',');
                }
                if write(item, text, state, out) {
                    any = true;
                } else {
                    out.truncate(back);
                }
            }
            out.push(b']');
        }
        _ if state.kept => {
            out.extend_from_slice(text.get(json.span.start..json.span.end).unwrap_or_default());
            any = true;
        }
        _ => {}
    }
    if !any {
        out.truncate(length);
    }
    any
}

/// A name against a pattern in which `*` stands for any text. Linear: the last star alone is gone back to.
pub(crate) fn wildcard_match(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while n < name.len() {
        if pattern.get(p) == Some(&'*') {
            star = Some((p, n));
            p += 1;
        } else if pattern.get(p).is_some() && pattern.get(p) == name.get(n) {
            p += 1;
            n += 1;
        } else if let Some((star_p, star_n)) = star {
            star = Some((star_p, star_n + 1));
            p = star_p + 1;
            n = star_n + 1;
        } else {
            return false;
        }
    }
    pattern.iter().skip(p).all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filtered(text: &str, paths: &str) -> String {
        String::from_utf8(FilterPath::parse(paths).unwrap().apply(text.as_bytes())).unwrap()
    }

    #[test]
    fn paths_are_kept_and_dropped_as_elasticsearch_does() {
        let text = r#"{"took":3,"e":{},"items":[{"index":{"_id":"1","status":201}},{"index":{"_id":"2","error":{"type":"x"}}}]}"#;
        for (paths, expected) in [
            ("took", r#"{"took":3}"#),
            ("items.*.error", r#"{"items":[{"index":{"error":{"type":"x"}}}]}"#),
            ("**._id", r#"{"items":[{"index":{"_id":"1"}},{"index":{"_id":"2"}}]}"#),
            ("nope", "{}"),
            ("e", r#"{"e":{}}"#),
            ("-items", r#"{"took":3,"e":{}}"#),
            ("items.index.*,-**.status,-**.error", r#"{"items":[{"index":{"_id":"1"}},{"index":{"_id":"2"}}]}"#),
            ("t*k", r#"{"took":3}"#),
        ] {
            assert_eq!(filtered(text, paths), expected, "{paths}");
        }
        assert_eq!(FilterPath::parse(""), None);
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        assert_eq!(filtered(r#"{"a":{"b":1.50,"c":1e3}}"#, "a.b"), r#"{"a":{"b":1.50}}"#);
    }

    proptest! {
        #[test]
        fn any_filter_gives_valid_json(paths in "[-a-c.*,]{0,16}", text in r#"(\{"a":|\[|1|\]|\}|"b":|,){0,12}"#) {
            if let (Some(filter), Ok(_)) = (FilterPath::parse(&paths), Json::parse(text.as_bytes())) {
                let out = filter.apply(text.as_bytes());
                prop_assert!(out.is_empty() || Json::parse(&out).is_ok());
            }
        }

        #[test]
        fn a_pattern_of_stars_matches_in_linear_time(pattern in "[*ab]{0,40}", name in "[ab]{0,40}") {
            let regex = regex::Regex::new(&format!("^{}$", pattern.replace('*', ".*"))).unwrap();
            prop_assert_eq!(wildcard_match(&pattern, &name), regex.is_match(&name));
        }
    }
}
