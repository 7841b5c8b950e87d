//! A partial document put over a document. Values that stay, and values that come, keep the digits they were sent with.

use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Source};

/// A parsed text with its bytes.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    pub(super) json: &'a Json,
    pub(super) source: Source<'a>,
}

impl<'a> Text<'a> {
    fn at(self, json: &'a Json) -> Text<'a> {
        Text { json, source: self.source }
    }
}

/// The document with the partial one put over it, objects member by member; and whether anything changed.
pub(super) fn merge(base: Text<'_>, patch: Text<'_>) -> (Vec<u8>, bool) {
    let mut out = Vec::with_capacity(base.source.0.len() + patch.source.0.len());
    let changed = put_merged(&mut out, base, patch);
    (out, changed)
}

fn put_merged(out: &mut Vec<u8>, base: Text<'_>, patch: Text<'_>) -> bool {
    let (Some(present), Some(new)) = (base.json.as_object(), patch.json.as_object()) else {
        put(out, patch);
        return !same(base, patch);
    };
    let mut changed = false;
    let mut first = true;
    out.push(b'{');
    for member in present {
        put_key(out, &mut first, member, base.source);
        match patch.json.get(&member.key) {
            Some(value) => changed |= put_merged(out, base.at(&member.value), patch.at(value)),
            None => put(out, base.at(&member.value)),
        }
    }
    for member in new.iter().filter(|member| base.json.get(&member.key).is_none()) {
        changed = true;
        put_key(out, &mut first, member, patch.source);
        put(out, patch.at(&member.value));
    }
    out.push(b'}');
    changed
}

fn put_key(out: &mut Vec<u8>, first: &mut bool, member: &Member, source: Source<'_>) {
    if !std::mem::take(first) {
        out.push(b',');
    }
    out.extend_from_slice(source.slice(member.key_span));
    out.push(b':');
}

/// A value without blanks.
pub(super) fn put(out: &mut Vec<u8>, text: Text<'_>) {
    match &text.json.value {
        JsonValue::Object(members) => {
            let mut first = true;
            out.push(b'{');
            for member in members {
                put_key(out, &mut first, member, text.source);
                put(out, text.at(&member.value));
            }
            out.push(b'}');
        }
        JsonValue::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                put(out, text.at(item));
            }
            out.push(b']');
        }
        _ => out.extend_from_slice(text.source.slice(text.json.span)),
    }
}

/// Equal as values: members in any order, numbers of one kind by value.
fn same(left: Text<'_>, right: Text<'_>) -> bool {
    match (&left.json.value, &right.json.value) {
        (JsonValue::Object(a), JsonValue::Object(b)) => {
            let equal = |member: &Member| {
                right.json.get(&member.key).is_some_and(|value| same(left.at(&member.value), right.at(value)))
            };
            a.len() == b.len() && a.iter().all(equal)
        }
        (JsonValue::Array(a), JsonValue::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(left.at(a), right.at(b)))
        }
        (JsonValue::Float { integral: true, .. }, JsonValue::Float { integral: true, .. }) => {
            left.source.slice(left.json.span) == right.source.slice(right.json.span)
        }
        (a, b) => a == b,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn merged(base: &str, patch: &str) -> (String, bool) {
        let (a, b) = (Json::parse(base.as_bytes()).unwrap(), Json::parse(patch.as_bytes()).unwrap());
        let text = |json, bytes| Text { json, source: Source(bytes) };
        let (out, changed) = merge(text(&a, base.as_bytes()), text(&b, patch.as_bytes()));
        (String::from_utf8(out).unwrap(), changed)
    }

    #[test]
    fn objects_merge_and_everything_else_is_replaced() {
        for (base, patch, expected, changed) in [
            (r#"{"n": 2, "m": {"a": 1}}"#, r#"{"m": {"b": [1, 2]}}"#, r#"{"n":2,"m":{"a":1,"b":[1,2]}}"#, true),
            (r#"{"n":2}"#, r#"{"n":2}"#, r#"{"n":2}"#, false),
            (r#"{"n":2}"#, r#"{"n":2.0}"#, r#"{"n":2.0}"#, true),
            (r#"{"n":{"x":1,"y":2}}"#, r#"{"n":{"y":2}}"#, r#"{"n":{"x":1,"y":2}}"#, false),
            (r#"{"n":[1]}"#, r#"{"n":null}"#, r#"{"n":null}"#, true),
            (
                r#"{"big":123456789012345678901234567890}"#,
                r#"{"a":1}"#,
                r#"{"big":123456789012345678901234567890,"a":1}"#,
                true,
            ),
        ] {
            assert_eq!(merged(base, patch), (expected.to_owned(), changed), "{base} + {patch}");
        }
    }

    proptest! {
        #[test]
        fn a_document_over_itself_changes_nothing(text in r#"\{"a":(1|"x"|\[1,\{"b":2\}\]|\{"c":null\}),"d":(true|1\.50)\}"#) {
            let (out, changed) = merged(&text, &text);
            prop_assert!(!changed);
            prop_assert_eq!(out, text);
        }
    }
}
