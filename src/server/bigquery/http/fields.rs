//! The parameter `fields`: which members of an answer a client wants, as in `a,b(c,d/e),f/*`.

use serde_json::{Map, Value};

use super::error::ApiError;

/// Brackets within brackets; a selection is read recursively.
const DEPTH_MAX: usize = 16;

/// Members and what is wanted of each. `None`: all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Selection(Vec<(String, Option<Selection>)>);

impl Selection {
    /// # Errors
    /// 400 when brackets don't match, a name is missing or brackets are nested too deep.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let (selection, rest) = list(text, 0).ok_or_else(|| wrong(text))?;
        if rest.is_empty() { Ok(selection) } else { Err(wrong(text)) }
    }

    /// Leaves out what is not wanted; of a list, in each of its elements.
    pub(super) fn apply(&self, value: &mut Value) {
        match value {
            Value::Array(elements) => elements.iter_mut().for_each(|element| self.apply(element)),
            Value::Object(members) => {
                let kept = std::mem::take(members).into_iter().filter_map(|(name, mut value)| {
                    if let Some(inner) = self.of(&name)? {
                        inner.apply(&mut value);
                    }
                    Some((name, value))
                });
                *members = kept.collect::<Map<_, _>>();
            }
            _ => {}
        }
    }

    /// Whether any of a member is wanted.
    pub(super) fn wants(&self, name: &str) -> bool {
        self.of(name).is_some()
    }

    /// `None`: not wanted; `Some(None)`: all of it.
    fn of(&self, name: &str) -> Option<Option<&Selection>> {
        let found = self.0.iter().find(|(known, _)| known == name || known == "*");
        found.map(|(_, inner)| inner.as_ref())
    }
}

/// `item,item...`, up to a closing bracket or the end.
fn list(text: &str, depth: usize) -> Option<(Selection, &str)> {
    if depth > DEPTH_MAX {
        return None;
    }
    let mut items = Vec::new();
    let mut rest = text;
    loop {
        let (name, inner, after) = item(rest, depth)?;
        items.push((name, inner));
        match after.strip_prefix(',') {
            Some(after) => rest = after,
            None => return Some((Selection(items), after)),
        }
    }
}

/// `name`, `name/item` or `name(list)`.
fn item(text: &str, depth: usize) -> Option<(String, Option<Selection>, &str)> {
    if depth > DEPTH_MAX {
        return None;
    }
    let end = text.find(['/', '(', ')', ',']).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end)?;
    let name = name.trim();
    if name.is_empty() {
        return None;
    }
    if let Some(rest) = rest.strip_prefix('/') {
        let (inner_name, inner, rest) = item(rest, depth + 1)?;
        return Some((name.to_owned(), Some(Selection(vec![(inner_name, inner)])), rest));
    }
    if let Some(rest) = rest.strip_prefix('(') {
        let (inner, rest) = list(rest, depth + 1)?;
        return Some((name.to_owned(), Some(inner), rest.strip_prefix(')')?));
    }
    Some((name.to_owned(), None, rest))
}

fn wrong(text: &str) -> ApiError {
    let shown: String = text.chars().take(100).collect();
    ApiError {
        location: Some("fields".into()),
        ..ApiError::new(400, "invalidParameter", format!("Invalid field selection {shown}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn only_what_is_asked_for_is_left() {
        let value = json!({"a": 1, "b": {"c": 2, "d": {"e": 3, "x": 4}, "x": 5}, "f": [{"g": 6, "x": 7}], "x": 8});
        let cases = [
            ("a", json!({"a": 1})),
            ("a,b(c,d/e),f/g", json!({"a": 1, "b": {"c": 2, "d": {"e": 3}}, "f": [{"g": 6}]})),
            ("*", value.clone()),
            ("b/*", json!({"b": {"c": 2, "d": {"e": 3, "x": 4}, "x": 5}})),
            ("a, x", json!({"a": 1, "x": 8})),
            ("nothing", json!({})),
        ];
        for (text, expected) in cases {
            let mut found = value.clone();
            Selection::parse(text).unwrap().apply(&mut found);
            assert_eq!(found, expected, "{text}");
        }
    }

    #[test]
    fn a_selection_that_is_none_is_refused() {
        let deep = "a(".repeat(10_000);
        for text in ["", "a(", "a)", "a,,b", "a/", "(a)", "a(b))", &deep, &"a/".repeat(10_000)] {
            assert!(Selection::parse(text).is_err());
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_selection_or_refused(text in "[a-c/(),*]{0,40}") {
            let _unused = Selection::parse(&text);
        }
    }
}
