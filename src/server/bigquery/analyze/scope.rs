//! What the analyzer knows at a place: names in reach, the clause it is in, and the typed text of expressions.

use std::collections::HashSet;

use super::Catalog;
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function::Argument;
use crate::server::bigquery::sql::ast;
use crate::server::bigquery::value::Type;

/// An expression in SQLite's words with its type.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) sql: String,
    /// `None` for an untyped NULL.
    pub(super) kind: Option<Type>,
    /// A literal or a parameter, which coerces to more.
    pub(super) literal: bool,
    pub(super) at: Position,
    /// Columns that it reads outside of aggregates and grouping keys.
    pub(super) uses: Vec<Use>,
    pub(super) aggregates: bool,
    pub(super) windows: bool,
}

impl Typed {
    pub(super) fn new(sql: impl Into<String>, kind: Type, at: Position) -> Self {
        Self {
            sql: sql.into(),
            kind: Some(kind),
            literal: false,
            at,
            uses: Vec::new(),
            aggregates: false,
            windows: false,
        }
    }

    pub(super) fn literal(sql: impl Into<String>, kind: Type, at: Position) -> Self {
        Self { literal: true, ..Self::new(sql, kind, at) }
    }

    pub(super) fn null(at: Position) -> Self {
        Self {
            sql: "NULL".to_owned(),
            kind: None,
            literal: true,
            at,
            uses: Vec::new(),
            aggregates: false,
            windows: false,
        }
    }

    /// An expression of others: it reads what they read.
    pub(super) fn of<'a>(
        sql: impl Into<String>,
        kind: Type,
        at: Position,
        parts: impl IntoIterator<Item = &'a Typed>,
    ) -> Self {
        let mut whole = Self::new(sql, kind, at);
        whole.absorb(parts);
        whole
    }

    pub(super) fn absorb<'a>(&mut self, parts: impl IntoIterator<Item = &'a Typed>) {
        for part in parts {
            self.aggregates |= part.aggregates;
            self.windows |= part.windows;
            for used in &part.uses {
                if !self.uses.contains(used) {
                    self.uses.push(used.clone());
                }
            }
        }
    }

    /// The type, `INT64` for a NULL that nothing gives a type.
    pub(super) fn type_or_default(&self) -> Type {
        self.kind.clone().unwrap_or(Type::Int64)
    }

    /// As overloads see it: `[]` becomes an array of anything, as NULL becomes anything.
    pub(super) fn argument(&self) -> Argument {
        let kind = if self.is_empty_array() { None } else { self.kind.clone() };
        Argument { kind, literal: self.literal }
    }

    /// The literal `[]`.
    pub(super) fn is_empty_array(&self) -> bool {
        self.literal && matches!(self.kind, Some(Type::Array(_))) && self.sql == "'[]'"
    }
}

/// A column that an expression reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Use {
    /// Index of the scope that has it.
    pub(super) level: usize,
    pub(super) name: String,
    pub(super) at: Position,
}

/// Where an expression stands, for what it may hold and for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    SelectList,
    From,
    On,
    Where,
    GroupBy,
    Having,
    Qualify,
    OrderBy,
    /// DML, variables, options.
    Statement,
    /// The arguments of an aggregate.
    Aggregate,
    /// The arguments of an analytic function.
    Window,
}

impl Clause {
    /// As messages name it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::SelectList => "SELECT list",
            Self::From => "FROM clause",
            Self::On => "JOIN ON clause",
            Self::Where => "WHERE clause",
            Self::GroupBy => "GROUP BY clause",
            Self::Having => "HAVING clause",
            Self::Qualify => "QUALIFY clause",
            Self::OrderBy => "ORDER BY clause",
            Self::Statement => "expression",
            Self::Aggregate => "aggregate function",
            Self::Window => "analytic function",
        }
    }

    pub(super) fn takes_aggregates(self) -> bool {
        matches!(self, Self::SelectList | Self::Having | Self::Qualify | Self::OrderBy | Self::Window)
    }

    pub(super) fn takes_windows(self) -> bool {
        matches!(self, Self::SelectList | Self::Qualify | Self::OrderBy)
    }
}

/// A column in reach.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// `None` for one that has no name.
    pub(super) name: Option<String>,
    pub(super) sql: String,
    pub(super) kind: Type,
    /// Hidden from `*` and from bare names: the copies that USING merged.
    pub(super) merged: bool,
}

/// A range variable: a table, subquery or array under its alias.
#[derive(Debug, Clone)]
pub(super) struct Bound {
    pub(super) alias: Option<String>,
    pub(super) columns: Vec<Column>,
    /// The element, for an array: the alias is its name.
    pub(super) value: Option<(String, Type)>,
}

/// What one SELECT adds to the names in reach.
#[derive(Debug, Clone)]
pub(super) struct Scope {
    pub(super) bounds: Vec<Bound>,
    /// Columns that USING merged, which come first in `*`.
    pub(super) merged: Vec<Column>,
    pub(super) clause: Clause,
    /// Select aliases in reach of HAVING, QUALIFY and ORDER BY.
    pub(super) aliases: Vec<(String, Typed)>,
    /// The texts of the grouping keys, once known.
    pub(super) keys: HashSet<String>,
    pub(super) windows: Vec<(String, ast::WindowReference)>,
}

impl Scope {
    pub(super) fn new(clause: Clause) -> Self {
        Self {
            bounds: Vec::new(),
            merged: Vec::new(),
            clause,
            aliases: Vec::new(),
            keys: HashSet::new(),
            windows: Vec::new(),
        }
    }
}

/// A common table expression in reach.
#[derive(Debug, Clone)]
pub(super) struct Cte {
    pub(super) name: String,
    /// Its name in SQLite.
    pub(super) table: String,
    pub(super) columns: Vec<(Option<String>, Type)>,
    /// `w1(c0, c1) AS (..)`; empty while a recursive one is being made.
    pub(super) definition: String,
    /// Whether a FROM already names it.
    pub(super) used: bool,
}

pub(super) struct Analyzer<'a> {
    pub(super) catalog: &'a mut dyn Catalog,
    /// For a query inside that has no `*` though the statement has one.
    pub(super) words_without_star: Option<HashSet<String>>,
    pub(super) words: Option<HashSet<String>>,
    pub(super) scopes: Vec<Scope>,
    pub(super) ctes: Vec<Cte>,
    pub(super) tables: Vec<Vec<String>>,
    next: usize,
}

impl<'a> Analyzer<'a> {
    pub(super) fn new(catalog: &'a mut dyn Catalog, words: Option<HashSet<String>>) -> Self {
        Self {
            catalog,
            words,
            words_without_star: None,
            scopes: Vec::new(),
            ctes: Vec::new(),
            tables: Vec::new(),
            next: 0,
        }
    }

    /// A name that no other part of the statement has.
    pub(super) fn fresh(&mut self, letter: char) -> String {
        self.next += 1;
        format!("{letter}{}", self.next)
    }

    pub(super) fn clause(&self) -> Clause {
        self.scopes.last().map_or(Clause::Statement, |scope| scope.clause)
    }

    pub(super) fn level(&self) -> usize {
        self.scopes.len().saturating_sub(1)
    }

    pub(super) fn scope_mut(&mut self) -> Option<&mut Scope> {
        self.scopes.last_mut()
    }

    /// Runs a part of the analysis in another clause of the same scope.
    pub(super) fn in_clause<T>(
        &mut self,
        clause: Clause,
        work: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        let before = self.clause();
        self.set_clause(clause);
        let result = work(self);
        self.set_clause(before);
        result
    }

    fn set_clause(&mut self, clause: Clause) {
        if let Some(scope) = self.scope_mut() {
            scope.clause = clause;
        }
    }

    /// Runs a part of the analysis in a scope of its own.
    pub(super) fn in_scope<T>(
        &mut self,
        scope: Scope,
        work: impl FnOnce(&mut Self) -> Result<T, QueryError>,
    ) -> Result<T, QueryError> {
        self.scopes.push(scope);
        let result = work(self);
        self.scopes.pop();
        result
    }
}
