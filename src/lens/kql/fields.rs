//! Which fields of a data view a name in a query means.

use super::{ast::Literal, error::KqlError};
use crate::lens::view::{DataView, FieldKind};

/// Elasticsearch's own fields that no query can be sent to; a data view of Kibana's does not list most of them at all.
const UNSEARCHABLE: [&str; 12] = [
    "_data_stream_timestamp",
    "_doc_count",
    "_feature",
    "_field_names",
    "_ignored",
    "_ignored_source",
    "_nested_path",
    "_routing",
    "_seq_no",
    "_source",
    "_tier",
    "_version",
];

/// One field that a name stands for.
pub(super) struct Target {
    pub(super) name: String,
    /// `None` if the data view does not know it.
    pub(super) kind: Option<FieldKind>,
    /// The nested field that its query must be put into: it was found by a pattern outside of any group.
    pub(super) nested: Option<String>,
}

/// The nested field that `name` is inside of, if any.
pub(crate) fn nested_path<'a>(view: &DataView, name: &'a str) -> Option<&'a str> {
    let mut rest = name;
    while let Some((path, _)) = rest.rsplit_once('.') {
        if view.kind(path) == Some(FieldKind::Nested) {
            return Some(path);
        }
        rest = path;
    }
    None
}

/// All fields that a pattern can find.
pub(super) fn searchable(view: &DataView) -> impl Iterator<Item = (&str, FieldKind)> {
    view.fields
        .iter()
        .map(|(name, field)| (name.as_str(), field.kind))
        .filter(|(name, kind)| *kind != FieldKind::Nested && !UNSEARCHABLE.contains(name))
}

/// The fields that `field` means within the group of `path`; one that the view does not know stays as it is written, so
/// that a dashboard over several data views can ask for a field that only some of them have.
pub(super) fn targets(view: &DataView, field: &Literal, path: Option<&str>) -> Result<Vec<Target>, KqlError> {
    let prefix = path.map(|path| format!("{path}.")).unwrap_or_default();
    let full_name = format!("{prefix}{}", field.name());
    let found: Vec<(&str, FieldKind)> = match field {
        Literal::Pattern(parts) => searchable(view)
            .filter(|(name, _)| name.strip_prefix(prefix.as_str()).is_some_and(|name| matches(parts, name)))
            .collect(),
        _ => view.kind(&full_name).map(|kind| (full_name.as_str(), kind)).into_iter().collect(),
    };
    if found.is_empty() {
        return Ok(vec![Target { name: full_name, kind: None, nested: None }]);
    }
    let is_pattern = matches!(field, Literal::Pattern(_));
    found.into_iter().map(|(name, kind)| target(view, name, kind, path, is_pattern)).collect()
}

fn target(
    view: &DataView,
    name: &str,
    kind: FieldKind,
    path: Option<&str>,
    is_pattern: bool,
) -> Result<Target, KqlError> {
    let inside = nested_path(view, name);
    let nested = match (path, inside) {
        (None, Some(inside)) if is_pattern => Some(inside.to_owned()),
        (None, None) => None,
        (Some(path), Some(inside)) if path == inside => None,
        (_, Some(inside)) => return Err(KqlError::OutsideNested { field: name.to_owned(), path: inside.to_owned() }),
        (Some(path), None) => return Err(KqlError::NotNested { field: name.to_owned(), path: path.to_owned() }),
    };
    Ok(Target { name: name.to_owned(), kind: Some(kind), nested })
}

/// Whether `name` is the parts in order, with anything between them.
fn matches(parts: &[String], name: &str) -> bool {
    let [first, middle @ .., last] = parts else { return false };
    let Some(mut rest) = name.strip_prefix(first.as_str()) else { return false };
    for part in middle {
        let Some(at) = rest.find(part.as_str()) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_finds_the_names_that_a_glob_would() {
        let check = |pattern: &str, name: &str, expected: bool| {
            let parts: Vec<String> = pattern.split('*').map(str::to_owned).collect();
            assert_eq!(matches(&parts, name), expected, "{pattern} {name}");
        };
        check("*", "", true);
        check("k*", "key", true);
        check("k*", "ok", false);
        check("a*a", "a", false);
        check("a*a", "aa", true);
        check("a*b*c", "a1b2c", true);
        check("a*b*c", "acb", false);
        check("a**c", "abc", true);
    }
}
