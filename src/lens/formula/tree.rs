//! A formula as read, before anything is known of its names.

/// Calls may nest this deep, a chain of operators may be this long: what walks a tree does so by recursion.
pub(super) const DEPTH_MAX: usize = 250;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Node {
    /// The character where it begins, counted from 1.
    pub(super) at: usize,
    pub(super) kind: NodeKind,
    /// Levels of nodes below and with it.
    pub(super) depth: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum NodeKind {
    Number(f64),
    /// Of a field, quoted or bare.
    Name(String),
    Call(Call),
}

/// An operator is a call of its function.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) name: String,
    pub(super) positional: Vec<Node>,
    pub(super) named: Vec<Named>,
}

/// `name=value` in a call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Named {
    pub(super) at: usize,
    pub(super) name: String,
    pub(super) value: NamedValue,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum NamedValue {
    Number(f64),
    Text(String),
}

impl Node {
    pub(super) fn leaf(at: usize, kind: NodeKind) -> Self {
        Self { at, kind, depth: 1 }
    }

    pub(super) fn call(at: usize, call: Call) -> Self {
        let depth = 1 + call.positional.iter().map(|node| node.depth).max().unwrap_or(0);
        Self { at, kind: NodeKind::Call(call), depth }
    }
}
