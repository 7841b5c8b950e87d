//! The walk itself.

use std::collections::HashSet;

use super::super::merge::Additions;
use super::super::parse::join;
use super::super::plan::{Dynamic, FieldPlan, Node, ObjectPlan, Plan};
use super::super::values::{self, Stored};
use super::super::{FieldKind, Mapping};
use super::{field_refusal, refusal};
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Source};
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::storage::schema::IndexedFields;

/// Names that belong to the document, not to its source.
const METADATA: [&str; 14] = [
    "_id",
    "_index",
    "_source",
    "_routing",
    "_version",
    "_seq_no",
    "_primary_term",
    "_field_names",
    "_ignored",
    "_nested_path",
    "_tier",
    "_feature",
    "_data_stream_timestamp",
    "_ignored_source",
];

/// Objects up to this many members are checked for duplicate keys by comparing each with each.
const FEW_MEMBERS: usize = 32;

pub(super) struct Walk<'a> {
    pub(super) plan: &'a Plan,
    pub(super) source: Source<'a>,
    pub(super) id: &'a str,
    pub(super) fields: IndexedFields,
    pub(super) additions: Additions,
    /// Inside nested objects: read and checked, not indexed, because nested documents are not found by plain queries.
    hidden: bool,
    lenient: bool,
}

/// A level of the document: where it is, and what the mapping has of it.
#[derive(Clone, Copy)]
pub(super) struct Level<'l> {
    pub(super) plan: Option<&'l ObjectPlan>,
    pub(super) path: &'l str,
    pub(super) dynamic: Dynamic,
}

impl<'a> Walk<'a> {
    pub(super) fn new(mapping: &'a Mapping, id: &'a str, source: &'a [u8]) -> Self {
        let plan = mapping.plan();
        let additions = Additions::default();
        let fields = IndexedFields::default();
        Self { plan, source: Source(source), id, fields, additions, hidden: false, lenient: false }
    }

    pub(super) fn lenient(mut self) -> Self {
        self.lenient = true;
        self
    }

    pub(super) fn run(mut self, json: &Json) -> Result<(IndexedFields, Additions), ApiError> {
        let root = &self.plan.root;
        let level = Level { plan: Some(root), path: "", dynamic: root.dynamic };
        self.members(level, json.as_object().unwrap_or_default())?;
        Ok((self.fields, self.additions))
    }

    pub(super) fn members(&mut self, level: Level<'_>, members: &[Member]) -> Result<(), ApiError> {
        self.check_duplicates(members)?;
        for member in members {
            if level.path.is_empty() && member.key.starts_with('_') && METADATA.contains(&member.key.as_str()) {
                self.refuse_metadata(member)?;
                continue;
            }
            let known = level.plan.and_then(|plan| plan.children.get(&member.key));
            match known {
                Some(node) => self.node(node, &member.value, Some(&member.key))?,
                None => self.unknown_key(level, member)?,
            }
        }
        Ok(())
    }

    fn check_duplicates(&self, members: &[Member]) -> Result<(), ApiError> {
        let duplicate = if members.len() <= FEW_MEMBERS {
            let earlier = |at: usize, key: &str| members.iter().take(at).any(|before| before.key == key);
            members.iter().enumerate().find(|(at, member)| earlier(*at, &member.key)).map(|(at, _)| at)
        } else {
            let mut seen = HashSet::with_capacity(members.len());
            members.iter().position(|member| !seen.insert(member.key.as_str()))
        };
        let Some(at) = duplicate else { return Ok(()) };
        if self.lenient {
            return Ok(());
        }
        let Some(member) = members.get(at) else { return Ok(()) };
        let reason = format!("Duplicate field '{}'", member.key);
        let cause = values::parser_exception("json_parse_exception", &reason, member.key_span.end, &self.source);
        let before =
            at.checked_sub(1).and_then(|before| members.get(before)).map_or(0, |before| before.value.span.start);
        Err(self.failed_to_parse(before, cause))
    }

    /// `[1:6] failed to parse: ..`.
    fn failed_to_parse(&self, offset: usize, cause: Exception) -> ApiError {
        let outer = refusal(&self.source, offset, &format!("failed to parse: {}", cause.reason));
        ApiError::from_exception(400, outer.caused_by(cause))
    }

    fn refuse_metadata(&self, member: &Member) -> Result<(), ApiError> {
        if self.lenient {
            return Ok(());
        }
        let name = member.key.as_str();
        let reason = format!(
            "Field [{name}] is a metadata field and cannot be added inside a document. Use the index API request parameters."
        );
        let cause = refusal(&self.source, member.value.span.start, &reason);
        Err(field_refusal(&self.source, self.id, (name, name), &member.value, cause))
    }

    /// A value where the mapping has something. `name` is absent inside arrays.
    pub(super) fn node(&mut self, node: &Node, value: &Json, name: Option<&str>) -> Result<(), ApiError> {
        match node {
            Node::Field(field) => self.field(field, value),
            Node::Object(object) => self.object(object, value, name),
        }
    }

    fn object(&mut self, object: &ObjectPlan, value: &Json, name: Option<&str>) -> Result<(), ApiError> {
        if !object.enabled {
            return Ok(());
        }
        match &value.value {
            JsonValue::Null => Ok(()),
            JsonValue::Array(items) => items.iter().try_for_each(|item| self.object(object, item, None)),
            JsonValue::Object(members) => {
                let level = Level { plan: Some(object), path: &object.path, dynamic: object.dynamic };
                let outer = self.hidden;
                self.hidden |= object.nested;
                let result = self.members(level, members);
                self.hidden = outer;
                result
            }
            _ if self.lenient => Ok(()),
            _ => {
                let path = &object.path;
                let name = name.unwrap_or("null");
                let reason = format!(
                    "object mapping for [{path}] tried to parse field [{name}] as object, but found a concrete value"
                );
                Err(ApiError::from_exception(400, refusal(&self.source, value.span.start, &reason)))
            }
        }
    }

    fn field(&mut self, field: &FieldPlan, value: &Json) -> Result<(), ApiError> {
        match &value.value {
            _ if field.kind == FieldKind::Alias => {
                if self.lenient {
                    return Ok(());
                }
                let reason = format!("Cannot write to a field alias [{}].", field.path);
                return Err(ApiError::from_exception(400, refusal(&self.source, value.span.start, &reason)));
            }
            JsonValue::Array(items) => return items.iter().try_for_each(|item| self.field(field, item)),
            _ => {}
        }
        self.leaf(field, value)?;
        for target in &field.copy_to {
            self.copy(target, value)?;
        }
        Ok(())
    }

    /// One value into a field and its multi-fields.
    fn leaf(&mut self, field: &FieldPlan, value: &Json) -> Result<(), ApiError> {
        self.store(field, value)?;
        for sub in &field.fields {
            self.store(sub, value)?;
        }
        Ok(())
    }

    fn store(&mut self, field: &FieldPlan, value: &Json) -> Result<(), ApiError> {
        let (source, empty) = (self.source, Source(b""));
        let read = match (&value.value, &field.null_value) {
            (JsonValue::Null, None) => return Ok(()),
            (JsonValue::Null, Some(null_value)) => values::read(field, null_value, &empty),
            _ => values::read(field, value, &source),
        };
        match read {
            Ok(stored) => self.keep(field, &stored),
            Err(_) if self.lenient => self.ignore(&field.path),
            Err(_) if field.ignore_malformed && !matches!(value.value, JsonValue::Object(_)) => {
                self.ignore(&field.path)
            }
            Err(cause) => {
                let named = (field.path.as_str(), field.kind.name());
                return Err(field_refusal(&self.source, self.id, named, value, cause));
            }
        }
        Ok(())
    }

    fn keep(&mut self, field: &FieldPlan, stored: &Stored<'_>) {
        if self.hidden || !(field.stored || *stored == Stored::Ignored) {
            return;
        }
        match stored {
            Stored::Nothing => {}
            Stored::Integer(value) => self.fields.add_i64(&field.path, *value),
            Stored::Float(value) => self.fields.add_f64(&field.path, *value),
            Stored::Keyword(text) => self.fields.add_keyword(&field.path, text),
            Stored::Text(text) => self.fields.add_text(&field.path, text),
            Stored::Ignored => self.fields.add_ignored(&field.path),
        }
    }

    fn ignore(&mut self, path: &str) {
        if !self.hidden {
            self.fields.add_ignored(path);
        }
    }

    fn copy(&mut self, target: &str, value: &Json) -> Result<(), ApiError> {
        if value.is_null() {
            return Ok(());
        }
        if let Some(field) = self.plan.field(target) {
            return self.leaf(field, value);
        }
        let root = &self.plan.root;
        let level = Level { plan: Some(root), path: "", dynamic: root.dynamic };
        let parts: Vec<&str> = target.split('.').collect();
        self.below(level, &parts, value, value.span.start)
    }

    /// A key that the level does not have as it stands: dotted, or new.
    fn unknown_key(&mut self, level: Level<'_>, member: &Member) -> Result<(), ApiError> {
        let key = member.key.as_str();
        if !key.contains('.') {
            if key.trim().is_empty() {
                return self.blank_name(key, member.key_span.start);
            }
            return self.below(level, &[key], &member.value, member.key_span.start);
        }
        let parts: Vec<&str> = key.trim_end_matches('.').split('.').collect();
        let problem = if key.bytes().all(|byte| byte == b'.') {
            Some("field name cannot contain only dots".to_owned())
        } else if parts.iter().any(|part| part.is_empty()) {
            Some(format!("field name cannot contain only whitespace: ['{key}']"))
        } else if parts.iter().any(|part| part.trim().is_empty()) {
            Some(format!("field name starting or ending with a [.] makes object resolution ambiguous: [{key}]"))
        } else {
            None
        };
        match problem {
            None => self.below(level, &parts, &member.value, member.key_span.start),
            Some(_) if self.lenient => Ok(()),
            Some(problem) => {
                let cause = Exception::new("illegal_argument_exception", problem);
                Err(self.failed_to_parse(member.key_span.start, cause))
            }
        }
    }

    fn blank_name(&self, key: &str, offset: usize) -> Result<(), ApiError> {
        if self.lenient {
            return Ok(());
        }
        if key.is_empty() {
            let cause = Exception::new("illegal_argument_exception", "field name cannot be an empty string");
            return Err(self.failed_to_parse(offset, cause));
        }
        let reason = format!("Field name cannot contain only whitespace: [{key}]");
        Err(ApiError::from_exception(400, refusal(&self.source, offset, &reason)))
    }

    /// A value some names below a level.
    pub(super) fn below(
        &mut self,
        level: Level<'_>,
        names: &[&str],
        value: &Json,
        key_start: usize,
    ) -> Result<(), ApiError> {
        let Some((name, rest)) = names.split_first() else { return Ok(()) };
        match level.plan.and_then(|plan| plan.children.get(*name)) {
            Some(node) if rest.is_empty() => self.node(node, value, Some(name)),
            Some(Node::Object(object)) if !object.enabled => Ok(()),
            Some(Node::Object(object)) => {
                let inner = Level { plan: Some(object), path: &object.path, dynamic: object.dynamic };
                let outer = self.hidden;
                self.hidden |= object.nested;
                let result = self.below(inner, rest, value, key_start);
                self.hidden = outer;
                result
            }
            Some(Node::Field(field)) => self.through_leaf(field, rest, value),
            None => {
                let path = join(level.path, name);
                self.unmapped(level, name, &path, rest, value, key_start)
            }
        }
    }

    /// `n.x` where `n` is a leaf: the same as an object there.
    fn through_leaf(&mut self, field: &FieldPlan, rest: &[&str], value: &Json) -> Result<(), ApiError> {
        if self.lenient {
            return Ok(());
        }
        let wrap = |inner: Json, name: &&str| {
            let span = inner.span;
            let member = Member { key: (*name).to_owned(), key_span: span, value: inner };
            Json { value: JsonValue::Object(vec![member]), span }
        };
        let wrapped = rest.iter().rev().fold(value.clone(), wrap);
        self.field(field, &wrapped)
    }

    pub(super) fn is_lenient(&self) -> bool {
        self.lenient
    }

    pub(super) fn strict_refusal(&self, name: &str, within: &str, offset: usize) -> ApiError {
        let within = if within.is_empty() { "_doc" } else { within };
        let at = self.source.position(offset);
        let reason = format!(
            "[{}:{}] mapping set to strict, dynamic introduction of [{name}] within [{within}] is not allowed",
            at.line, at.column
        );
        ApiError::new(400, "strict_dynamic_mapping_exception", reason)
    }
}
