//! Two mappings into one: what `PUT _mapping`, templates and dynamic mapping do, and what they may not.

use super::options::options;
use super::parse::join;
use super::{FieldMapping, Mapping, ObjectMapping, Property, java};
use crate::server::elasticsearch::error::{ApiError, Exception};

impl Mapping {
    /// This mapping changed by `other`: its fields are added, options that may change are taken from it.
    ///
    /// # Errors
    /// A type or fixed option that differs (`illegal_argument_exception`), or a limit.
    pub(crate) fn merge(&self, other: &Mapping) -> Result<Mapping, ApiError> {
        let root =
            merge_objects(&self.root, &other.root, "").map_err(|exception| ApiError::from_exception(400, exception))?;
        let mut root_options = self.root_options.clone();
        for (option, value) in &other.root_options {
            let merged = match (option.as_str(), root_options.get(option)) {
                ("dynamic_templates", Some(present)) => merge_templates(present, value),
                _ => value.clone(),
            };
            root_options.insert(option.clone(), merged);
        }
        let merged = Mapping::new(root, root_options);
        merged.validate()?;
        Ok(merged)
    }
}

/// Templates of the same name are replaced in place, new ones are appended.
fn merge_templates(present: &serde_json::Value, new: &serde_json::Value) -> serde_json::Value {
    let name = |template: &serde_json::Value| template.as_object().and_then(|members| members.keys().next().cloned());
    let mut merged = present.as_array().cloned().unwrap_or_default();
    for template in new.as_array().into_iter().flatten() {
        match merged.iter_mut().find(|known| name(known) == name(template)) {
            Some(known) => *known = template.clone(),
            None => merged.push(template.clone()),
        }
    }
    merged.into()
}

fn merge_objects(present: &ObjectMapping, new: &ObjectMapping, path: &str) -> Result<ObjectMapping, Exception> {
    if present.kind != new.kind {
        return Err(illegal(format!("can't merge a non-nested mapping [{path}] with a nested mapping")));
    }
    let enabled = |object: &ObjectMapping| !object.options.contains_key("enabled");
    if enabled(present) != enabled(new) && !path.is_empty() {
        let reason = format!("the [enabled] parameter can't be updated for the object mapping [{path}]");
        return Err(Exception::new("mapper_exception", reason));
    }
    let mut merged = present.clone();
    if new.dynamic.is_some() {
        merged.dynamic.clone_from(&new.dynamic);
    }
    for (name, property) in &new.properties {
        let path = join(path, name);
        let property = match (present.properties.get(name), property) {
            (None, property) => property.clone(),
            (Some(Property::Object(a)), Property::Object(b)) => Property::Object(merge_objects(a, b, &path)?),
            (Some(Property::Field(a)), Property::Field(b)) => Property::Field(merge_fields(a, b)?),
            (Some(_), _) => {
                return Err(illegal(format!("can't merge a non object mapping [{path}] with an object mapping")));
            }
        };
        merged.properties.insert(name.clone(), property);
    }
    Ok(merged)
}

fn merge_fields(present: &FieldMapping, new: &FieldMapping) -> Result<FieldMapping, Exception> {
    if present.kind != new.kind {
        return Err(type_conflict(&present.path, present.kind.name(), new.kind.name()));
    }
    let shown = |field: &FieldMapping, option: &str, default: &str| {
        field.options.get(option).map_or_else(|| default.to_owned(), java::value)
    };
    let conflicts: String = options(present.kind)
        .iter()
        .filter(|spec| spec.fixed)
        .filter_map(|spec| {
            let (from, to) = (shown(present, spec.name, spec.default), shown(new, spec.name, spec.default));
            let differs = from != to && (spec.name != "locale" || new.options.contains_key("locale"));
            differs.then(|| format!("\n\tCannot update parameter [{}] from [{from}] to [{to}]", spec.name))
        })
        .collect();
    if !conflicts.is_empty() {
        return Err(illegal(format!("Mapper for [{}] conflicts with existing mapper:{conflicts}", present.path)));
    }
    let mut merged = new.clone();
    if let Some(locale) = present.options.get("locale") {
        merged.options.entry("locale".into()).or_insert_with(|| locale.clone());
    }
    merged.fields.clone_from(&present.fields);
    for (name, field) in &new.fields {
        let field = match present.fields.get(name) {
            Some(known) => merge_fields(known, field)?,
            None => field.clone(),
        };
        merged.fields.insert(name.clone(), field);
    }
    Ok(merged)
}

/// `mapper [n] cannot be changed from type [long] to [keyword]`.
pub(crate) fn type_conflict(path: &str, from: &str, to: &str) -> Exception {
    illegal(format!("mapper [{path}] cannot be changed from type [{from}] to [{to}]"))
}

fn illegal(reason: String) -> Exception {
    Exception::new("illegal_argument_exception", reason)
}

/// What dynamic mapping found in one document, kept as a tree until the document is read; the first conflict is what the document is
/// refused for, after anything wrong in its values.
#[derive(Debug, Default)]
pub(crate) struct Additions {
    pub(crate) root: ObjectMapping,
    pub(crate) conflict: Option<Exception>,
}

impl Additions {
    pub(crate) fn is_empty(&self) -> bool {
        self.root.properties.is_empty() && self.conflict.is_none()
    }

    /// Adds a leaf at a path below objects.
    pub(crate) fn add_field(&mut self, field: FieldMapping) {
        let path = field.path.clone();
        let kind = field.kind;
        let Some((level, name)) = self.level(&path) else { return };
        let conflict = match level.properties.get(&name) {
            None => {
                level.properties.insert(name, Property::Field(field));
                None
            }
            Some(Property::Field(known)) if known.kind == kind => None,
            Some(Property::Field(known)) => Some(type_conflict(&path, known.kind.name(), kind.name())),
            Some(Property::Object(_)) => {
                Some(illegal(format!("can't merge a non object mapping [{path}] with an object mapping")))
            }
        };
        self.note(conflict);
    }

    /// Adds an object at a path, with what a template says of it.
    pub(crate) fn add_object(&mut self, path: &str, object: ObjectMapping) {
        let Some((level, name)) = self.level(path) else { return };
        let conflict = match level.properties.get(&name) {
            None => {
                level.properties.insert(name, Property::Object(object));
                None
            }
            Some(Property::Object(_)) => None,
            Some(Property::Field(known)) => Some(type_conflict(path, known.kind.name(), "ObjectMapper")),
        };
        self.note(conflict);
    }

    fn note(&mut self, conflict: Option<Exception>) {
        if self.conflict.is_none() {
            self.conflict = conflict;
        }
    }

    /// The object a path's last name belongs to, made on the way; `None` after a conflict.
    fn level(&mut self, path: &str) -> Option<(&mut ObjectMapping, String)> {
        let mut names: Vec<&str> = path.split('.').collect();
        let last = names.pop()?.to_owned();
        let mut level = &mut self.root;
        for (depth, name) in names.iter().enumerate() {
            let below = level.properties.entry((*name).to_owned());
            match below.or_insert_with(|| Property::Object(ObjectMapping::default())) {
                Property::Object(object) => level = object,
                Property::Field(field) => {
                    let at = names.get(..=depth).unwrap_or_default().join(".");
                    let conflict = type_conflict(&at, field.kind.name(), "ObjectMapper");
                    if self.conflict.is_none() {
                        self.conflict = Some(conflict);
                    }
                    return None;
                }
            }
        }
        Some((level, last))
    }

    /// The additions as a mapping that an index's own mapping is merged with. Objects that the index has keep their kind.
    pub(crate) fn into_mapping(self, base: &Mapping) -> Mapping {
        let mut root = self.root;
        adopt(&mut root, &base.root);
        Mapping::new(root, std::collections::BTreeMap::new())
    }
}

/// Objects made on the way take the kind and `enabled` of those that are there.
fn adopt(level: &mut ObjectMapping, base: &ObjectMapping) {
    level.kind = base.kind;
    level.options.clone_from(&base.options);
    for (name, property) in &mut level.properties {
        if let (Property::Object(object), Some(Property::Object(known))) = (property, base.properties.get(name)) {
            adopt(object, known);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::FieldKind;
    use super::*;

    fn mapping(value: &serde_json::Value) -> Mapping {
        Mapping::parse_value(value).unwrap()
    }

    #[track_caller]
    fn refused(base: &serde_json::Value, change: &serde_json::Value, reason: &str) {
        let error = mapping(base).merge(&mapping(change)).unwrap_err();
        assert_eq!(error.exception().unwrap().reason, reason);
    }

    #[test]
    fn types_and_fixed_options_do_not_change() {
        let base = json!({"properties": {"n": {"type": "long"}, "o": {"properties": {"x": {"type": "long"}}},
            "d": {"type": "date"}, "k": {"type": "keyword"}, "nn": {"type": "nested"}}});
        for (change, reason) in [
            (json!({"n": {"type": "keyword"}}), "mapper [n] cannot be changed from type [long] to [keyword]"),
            (
                json!({"n": {"properties": {"x": {"type": "long"}}}}),
                "can't merge a non object mapping [n] with an object mapping",
            ),
            (json!({"o": {"type": "long"}}), "can't merge a non object mapping [o] with an object mapping"),
            (json!({"nn": {"type": "object"}}), "can't merge a non-nested mapping [nn] with a nested mapping"),
            (
                json!({"d": {"type": "date", "format": "yyyy"}}),
                "Mapper for [d] conflicts with existing mapper:\n\tCannot update parameter [format] from [strict_date_optional_time||epoch_millis] to [yyyy]",
            ),
            (
                json!({"k": {"type": "keyword", "doc_values": false, "index": false}}),
                "Mapper for [k] conflicts with existing mapper:\n\tCannot update parameter [index] from [true] to [false]\n\tCannot update parameter [doc_values] from [true] to [false]",
            ),
            (
                json!({"k": {"type": "keyword", "null_value": "x"}}),
                "Mapper for [k] conflicts with existing mapper:\n\tCannot update parameter [null_value] from [null] to [x]",
            ),
        ] {
            refused(&base, &json!({"properties": change}), reason);
        }
    }

    #[test]
    fn multi_fields_are_united_and_free_options_replaced() {
        let base = mapping(
            &json!({"properties": {"k": {"type": "keyword", "ignore_above": 5, "fields": {"a": {"type": "text"}}}}}),
        );
        let change = mapping(&json!({"properties": {"k": {"type": "keyword", "fields": {"b": {"type": "long"}}}}}));
        let merged = base.merge(&change).unwrap();
        assert_eq!(
            merged.to_json(),
            json!({"properties": {"k": {"type": "keyword", "fields": {"a": {"type": "text"}, "b": {"type": "long"}}}}})
        );
        assert_eq!(merged.field("k.b").map(|field| field.kind), Some(FieldKind::Long));
    }
}
