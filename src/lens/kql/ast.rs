//! The tree of a KQL text.

use std::sync::Arc;

use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ast {
    /// `a or b or c`
    Or(Vec<Ast>),
    /// `a and b and c`
    And(Vec<Ast>),
    /// `not a`
    Not(Box<Ast>),
    /// `path:{ a:x }`; names inside are relative to `path`.
    Nested { path: String, query: Box<Ast> },
    /// `field:value`, or a bare value, which may be in any field. A list of values is several of these.
    Is { field: Option<Arc<Literal>>, value: Literal },
    /// `field >= value`
    Range { field: Literal, operator: RangeOperator, value: Literal },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RangeOperator {
    Lt,
    Lte,
    Gt,
    Gte,
}

impl RangeOperator {
    /// As Elasticsearch's `range` query names it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lt => "lt",
            Self::Lte => "lte",
            Self::Gt => "gt",
            Self::Gte => "gte",
        }
    }
}

/// A field's name or a value, escapes resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    Null,
    Bool(bool),
    Text {
        text: String,
        is_quoted: bool,
    },
    /// The texts between its stars, two at least; `*` alone is two empty ones.
    Pattern(Vec<String>),
}

impl Literal {
    /// Of an unquoted text cut at its stars. Space around it is not part of it.
    pub(super) fn unquoted(mut parts: Vec<String>) -> Self {
        if let Some(first) = parts.first_mut() {
            *first = first.trim_start().to_owned();
        }
        if let Some(last) = parts.last_mut() {
            *last = last.trim_end().to_owned();
        }
        if parts.len() > 1 {
            return Self::Pattern(parts);
        }
        match parts.pop().unwrap_or_default().as_str() {
            "null" => Self::Null,
            "true" => Self::Bool(true),
            "false" => Self::Bool(false),
            text => Self::Text { text: text.to_owned(), is_quoted: false },
        }
    }

    pub(super) fn quoted(text: String) -> Self {
        Self::Text { text, is_quoted: true }
    }

    /// A lone `*`.
    pub(super) fn is_any(&self) -> bool {
        matches!(self, Self::Pattern(parts) if parts.len() == 2 && parts.iter().all(String::is_empty))
    }

    pub(super) fn is_quoted(&self) -> bool {
        matches!(self, Self::Text { is_quoted: true, .. })
    }

    /// As the name of a field.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(flag) => flag.to_string(),
            Self::Text { text, .. } => text.clone(),
            Self::Pattern(parts) => parts.join("*"),
        }
    }

    /// As a value in a query.
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(flag) => Value::Bool(*flag),
            Self::Text { .. } | Self::Pattern(_) => Value::String(self.name()),
        }
    }
}
