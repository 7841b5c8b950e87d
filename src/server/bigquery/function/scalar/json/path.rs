//! JSON paths: `$.a.b[0]`, `$['a b']`, `$."a b"`.

use serde_json::Value as Json;

use crate::server::bigquery::function::error::{Outcome, fail};

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Member(String),
    Item(usize),
}

/// A path, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Path(Vec<Step>);

impl Path {
    pub(super) fn read(text: &str) -> Outcome<Self> {
        let Some(mut rest) = text.strip_prefix('$') else { return fail("JSONPath must start with '$'") };
        let mut steps = Vec::new();
        while !rest.is_empty() {
            let step = match rest.strip_prefix('.') {
                Some(after) => member(after),
                None => rest.strip_prefix('[').and_then(bracket),
            };
            let Some((step, after)) = step else { return fail(format!("Invalid token in JSONPath at: {rest}")) };
            steps.push(step);
            rest = after;
        }
        Ok(Self(steps))
    }

    /// What the path leads to. A member of an array, say, is nothing.
    pub(super) fn take(&self, document: Json) -> Option<Json> {
        self.0.iter().try_fold(document, |json, step| match (json, step) {
            (Json::Object(mut members), Step::Member(name)) => members.swap_remove(name),
            (Json::Array(mut items), Step::Item(index)) if *index < items.len() => Some(items.swap_remove(*index)),
            // An index as a name, and a name of digits as an index.
            (Json::Array(mut items), Step::Member(name)) => {
                let index = name.parse::<usize>().ok().filter(|index| *index < items.len())?;
                Some(items.swap_remove(index))
            }
            _ => None,
        })
    }
}

/// After the point: up to the next point or bracket, or in double quotes.
fn member(rest: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = rest.strip_prefix('"') {
        return quoted_name(quoted, '"').map(|(name, after)| (Step::Member(name), after));
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (name, after) = rest.split_at_checked(end)?;
    let plain = !name.is_empty() && !name.contains([']', '\'', '"', '*', '$', '@', ' ']);
    plain.then(|| (Step::Member(name.to_owned()), after))
}

/// After the bracket: an index, or a name in quotes.
fn bracket(rest: &str) -> Option<(Step, &str)> {
    let quote = rest.chars().next().filter(|c| *c == '\'' || *c == '"');
    if let Some(quote) = quote {
        let (name, after) = quoted_name(rest.get(1..)?, quote)?;
        return Some((Step::Member(name), after.strip_prefix(']')?));
    }
    let (index, after) = rest.split_once(']')?;
    let is_number = !index.is_empty() && index.bytes().all(|b| b.is_ascii_digit());
    Some((Step::Item(if is_number { index.parse().ok()? } else { return None }), after))
}

/// Up to the closing quote; a backslash takes the next character as it is.
fn quoted_name(rest: &str, quote: char) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            c if c == quote => return Some((name, chars.as_str())),
            '\\' => name.push(chars.next()?),
            c => name.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn paths_lead_to_members_and_items() {
        let document = json!({"a": {"b c": [10, {"d": null}]}, "0": "zero", "x.y": true});
        for (path, expected) in [
            ("$", Some(document.clone())),
            ("$.a['b c'][0]", Some(json!(10))),
            ("$.a.\"b c\"[1].d", Some(json!(null))),
            ("$['x.y']", Some(json!(true))),
            ("$.0", Some(json!("zero"))),
            ("$.a.b", None),
            ("$[0]", None),
            ("$.a['b c'][2]", None),
        ] {
            assert_eq!(Path::read(path).unwrap().take(document.clone()), expected, "{path}");
        }
        for bad in ["", "a", "$.", "$a", "$[", "$[x]", "$['a", "$..a", "$.a]", "$[-1]", "$[99999999999999999999]"] {
            assert!(Path::read(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_path_never_panics(text in "\\$?[.\\[\\]'\"a0\\\\é]{0,20}") {
            drop(Path::read(&text).map(|path| path.take(json!({"a": [1]}))));
        }
    }
}
