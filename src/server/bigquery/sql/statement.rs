//! The tree of statements: queries, DML, DDL, models, and the procedural language.

use std::collections::HashSet;
use std::ops::Range;

use super::ast::{Expression, Name, Path, Query, Relation};
use crate::server::bigquery::error::Position;
use crate::server::bigquery::value::Type;

/// A statement with its place in the script, without the `;`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Statement {
    pub kind: StatementKind,
    /// Bytes of the script.
    pub text: Range<usize>,
    pub start: Position,
    /// One past the last character.
    pub end: Position,
    /// The words it uses as names, upper case.
    pub words: HashSet<String>,
    /// Whether it uses `*` of a relation, or a whole row otherwise.
    pub star: bool,
    /// Whether `star` has another cause than a `*`.
    pub whole_rows: bool,
}

/// What `CREATE` and `DROP` make and remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ObjectKind {
    Table,
    View,
    MaterializedView,
    ExternalTable,
    Model,
    Schema,
}

/// An entry of `OPTIONS(..)`: its name as written, and an expression that must be constant (see `analyze::constant`).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FunctionOption {
    pub name: Name,
    pub value: Expression,
}

/// A column of a `CREATE TABLE`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Column {
    pub name: Name,
    pub kind: Type,
    pub required: bool,
    pub default: Option<Expression>,
    pub options: Vec<FunctionOption>,
}

/// What to do when a `CREATE` finds something there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// An error.
    Create,
    CreateOrReplace,
    CreateIfNotExists,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Insert {
    pub target: Path,
    pub columns: Option<Vec<Name>>,
    /// `VALUES (..), ..` or a query.
    pub rows: InsertRows,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum InsertRows {
    /// `None` is `DEFAULT`.
    Values(Vec<(Vec<Option<Expression>>, Position)>),
    Query(Box<Query>),
}

/// `SET a.b = value`; `None` is `DEFAULT`.
pub(crate) type Assignment = (Path, Option<Expression>);

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Update {
    pub target: Path,
    pub alias: Option<Name>,
    pub assignments: Vec<Assignment>,
    pub from: Option<Relation>,
    pub filter: Expression,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merge {
    pub target: Path,
    pub alias: Option<Name>,
    pub source: Relation,
    pub condition: Expression,
    pub clauses: Vec<MergeClause>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MergeClause {
    pub when: MergeWhen,
    pub condition: Option<Expression>,
    pub action: MergeAction,
    pub at: Position,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MergeWhen {
    Matched,
    NotMatchedByTarget,
    NotMatchedBySource,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum MergeAction {
    Update(Vec<Assignment>),
    Delete,
    Insert {
        columns: Option<Vec<Name>>,
        values: Vec<Option<Expression>>,
    },
    /// `INSERT [(columns)] ROW`.
    InsertRow {
        columns: Option<Vec<Name>>,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Declare {
    pub names: Vec<Name>,
    pub kind: Option<Type>,
    pub default: Option<Expression>,
}

/// `IF c THEN .. ELSEIF .. ELSE .. END IF`, and `CASE` as a statement.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct If {
    pub arms: Vec<Arm>,
    pub otherwise: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arm {
    pub condition: Expression,
    pub body: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ForIn {
    pub variable: Name,
    pub query: Query,
    pub body: Vec<Statement>,
    pub label: Option<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum StatementKind {
    Query(Box<Query>),

    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete {
        target: Path,
        alias: Option<Name>,
        filter: Box<Expression>,
    },
    Merge(Box<Merge>),
    Truncate {
        target: Path,
    },

    CreateSchema {
        path: Path,
        action: Action,
        options: Vec<FunctionOption>,
    },
    CreateTable {
        path: Path,
        action: Action,
        temporary: bool,
        columns: Option<Vec<Column>>,
        /// `LIKE other` or `COPY`/`CLONE other`; the flag is whether rows come along.
        like: Option<(Path, bool)>,
        partition_by: Option<Box<Expression>>,
        cluster_by: Vec<Expression>,
        options: Vec<FunctionOption>,
        query: Option<Box<Query>>,
        /// Bytes of the script that are the query.
        query_text: Option<Range<usize>>,
    },
    CreateView {
        path: Path,
        action: Action,
        materialized: bool,
        columns: Option<Vec<Name>>,
        options: Vec<FunctionOption>,
        query: Box<Query>,
        /// Bytes of the script that are the query.
        query_text: Range<usize>,
    },
    CreateExternalTable {
        path: Path,
        action: Action,
        columns: Option<Vec<Column>>,
        options: Vec<FunctionOption>,
    },
    CreateModel {
        path: Path,
        action: Action,
        /// The select list of `TRANSFORM(..)`.
        transform: Option<Vec<super::ast::SelectItem>>,
        options: Vec<FunctionOption>,
        query: Option<Box<Query>>,
    },
    Drop {
        kind: ObjectKind,
        path: Path,
        if_exists: bool,
        /// `DROP SCHEMA .. CASCADE`.
        cascade: bool,
    },

    Declare(Declare),
    /// `SET x = 1`, `SET (a, b) = (..)`, `SET @@time_zone = ..` (the name keeps its `@@`).
    Set {
        names: Vec<Name>,
        value: Box<Expression>,
    },
    If(If),
    /// `BEGIN .. [EXCEPTION WHEN ERROR THEN ..] END`.
    Block {
        body: Vec<Statement>,
        exception: Option<Vec<Statement>>,
        label: Option<String>,
    },
    Loop {
        body: Vec<Statement>,
        label: Option<String>,
    },
    While {
        condition: Box<Expression>,
        body: Vec<Statement>,
        label: Option<String>,
    },
    /// Until the condition holds, at least once.
    Repeat {
        body: Vec<Statement>,
        until: Box<Expression>,
        label: Option<String>,
    },
    For(Box<ForIn>),
    /// `BREAK` and `LEAVE`.
    Break {
        label: Option<String>,
    },
    /// `CONTINUE` and `ITERATE`.
    Continue {
        label: Option<String>,
    },
    Return,
    /// `RAISE [USING MESSAGE = ..]`.
    Raise {
        message: Option<Box<Expression>>,
    },
    ExecuteImmediate {
        text: Box<Expression>,
        into: Vec<Name>,
        using: Vec<(Expression, Option<Name>)>,
    },
    Assert {
        condition: Box<Expression>,
        description: Option<String>,
    },
    ExportData {
        options: Vec<FunctionOption>,
        query: Box<Query>,
    },
    BeginTransaction,
    CommitTransaction,
    RollbackTransaction,
}
