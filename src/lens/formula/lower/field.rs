//! The field of a metric: which one, and whether the metric can be computed over its kind.

use serde_json::Value;

use super::{
    super::{
        FormulaError,
        functions::Metric,
        tree::{Call, Node, NodeKind},
    },
    Lowering,
};
use crate::lens::{
    scope::Query,
    view::{DataView, FieldKind},
};

/// Kibana's name for "all documents" where a field is asked for.
const RECORDS: &str = "___records___";

impl Lowering<'_> {
    /// `None` for a count of documents.
    pub(super) fn field(&self, metric: Metric, call: &Call, at: usize) -> Result<Option<String>, FormulaError> {
        let function = || call.name.clone();
        let (node, name) = match call.positional.as_slice() {
            [] if metric == Metric::Count => return Ok(None),
            [] => return Err(FormulaError::NotAField { at, function: function() }),
            [node] => {
                (node, field_name(node).ok_or_else(|| FormulaError::NotAField { at: node.at, function: function() })?)
            }
            [_, second, ..] => return Err(FormulaError::TooManyArguments { at: second.at, function: function() }),
        };
        let is_first = call.named.first().is_none_or(|named| named.at > node.at);
        if !is_first && metric != Metric::Count {
            return Err(FormulaError::NotAField { at, function: function() });
        }
        if metric == Metric::Count && name == RECORDS {
            return Ok(None);
        }
        let unknown = || FormulaError::UnknownField { at: node.at, name: name.to_owned() };
        let kind = self.kind(name).ok_or_else(unknown)?;
        let (at, field) = (node.at, name.to_owned());
        if metric == Metric::LastValue && is_text(kind) {
            return Err(FormulaError::NotANumber { at, field });
        }
        if !accepts(metric, kind) {
            return Err(FormulaError::FieldKind { at, function: function(), field, kind: kind_name(kind) });
        }
        Ok(Some(field))
    }

    /// `None` when the data view has no such field.
    pub(super) fn kind(&self, field: &str) -> Option<FieldKind> {
        kind(self.view, field)
    }
}

/// A runtime field of the data view is a field of it, though the index knows nothing of it.
fn kind(view: &DataView, field: &str) -> Option<FieldKind> {
    let runtime = || {
        let kind = view.runtime.get(field)?.get("type").and_then(Value::as_str);
        Some(kind.map_or(FieldKind::Other, FieldKind::of_type))
    };
    view.kind(field).or_else(runtime)
}

fn field_name(node: &Node) -> Option<&str> {
    match &node.kind {
        NodeKind::Name(name) => Some(name),
        _ => None,
    }
}

/// The default filter of `last_value`: documents that have the field.
pub(super) fn exists(field: &str) -> Query {
    let field = field.replace('\\', "\\\\").replace('"', "\\\"");
    Query::kuery(format!("\"{field}\": *"))
}

fn is_text(kind: FieldKind) -> bool {
    matches!(kind, FieldKind::Keyword | FieldKind::Text | FieldKind::Boolean | FieldKind::Ip)
}

/// A kind that is not known to us may be one Elasticsearch can compute over.
fn accepts(metric: Metric, kind: FieldKind) -> bool {
    match metric {
        Metric::Count => true,
        Metric::UniqueCount => !matches!(kind, FieldKind::Text | FieldKind::Nested),
        Metric::LastValue => kind != FieldKind::Nested,
        Metric::Min | Metric::Max if kind == FieldKind::Date => true,
        _ => kind.is_number() || kind == FieldKind::Other,
    }
}

fn kind_name(kind: FieldKind) -> &'static str {
    match kind {
        FieldKind::Keyword => "a keyword",
        FieldKind::Text => "a text",
        FieldKind::Integer | FieldKind::Float => "a number",
        FieldKind::Date => "a date",
        FieldKind::Boolean => "a boolean",
        FieldKind::Ip => "an address",
        FieldKind::Nested => "a nested object",
        FieldKind::Other => "of another kind",
    }
}
