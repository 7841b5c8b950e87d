//! Names: columns, range variables, fields, variables.

use super::scope::{Analyzer, Bound, Clause, Column, Scope, Typed, Use};
use super::text::{nearest, value_literal};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function;
use crate::server::bigquery::sql::ast::Name;
use crate::server::bigquery::value::Type;

/// What a name at the head of a path is.
enum Head {
    Column(Typed),
    /// A whole row or an array's element.
    Row(Bound),
}

impl Analyzer<'_> {
    /// The value of `a`, `t.a`, `t.a.b` and so on.
    pub(super) fn path(&mut self, names: &[Name]) -> Result<Typed, QueryError> {
        let Some((first, rest)) = names.split_first() else {
            return Err(QueryError::invalid_query("Syntax error: Unexpected end of script"));
        };
        if let Some(found) = self.path_in_scopes(first, rest)? {
            return Ok(found);
        }
        if let Some((kind, value)) = self.catalog.variable(&first.text) {
            let variable = Typed::literal(value_literal(&value), kind, first.at);
            return self.fields(variable, rest);
        }
        Err(self.unrecognized(names))
    }

    fn path_in_scopes(&self, first: &Name, rest: &[Name]) -> Result<Option<Typed>, QueryError> {
        for (level, scope) in self.scopes.iter().enumerate().rev() {
            if let Some(found) = self.path_in(scope, level, first, rest)? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    fn path_in(&self, scope: &Scope, level: usize, first: &Name, rest: &[Name]) -> Result<Option<Typed>, QueryError> {
        match head(scope, level, first, rest)? {
            None => Ok(None),
            Some(Head::Column(column)) => self.fields(column, rest).map(Some),
            Some(Head::Row(bound)) => self.in_row(&bound, level, first, rest).map(Some),
        }
    }

    fn in_row(&self, bound: &Bound, level: usize, first: &Name, rest: &[Name]) -> Result<Typed, QueryError> {
        if let Some((sql, kind)) = &bound.value {
            let mut value = Typed::new(sql.clone(), kind.clone(), first.at);
            value.uses.push(Use { level, name: first.text.clone(), at: first.at });
            return self.fields(value, rest);
        }
        let Some((name, deeper)) = rest.split_first() else { return Ok(row(bound, level, first)) };
        let mut found = bound.columns.iter().filter(|column| is_named(column, &name.text));
        let Some(column) = found.next() else {
            let message = format!("Name {} not found inside {}", name.text, first.text);
            return Err(QueryError::invalid_query(message).at(name.at));
        };
        if found.next().is_some() {
            return Err(ambiguous(name));
        }
        let mut typed = Typed::new(column.sql.clone(), column.kind.clone(), first.at);
        let name = format!("{}.{}", first.text, name.text);
        typed.uses.push(Use { level, name, at: first.at });
        self.fields(typed, deeper)
    }

    /// `base.a.b`.
    pub(super) fn fields(&self, mut base: Typed, names: &[Name]) -> Result<Typed, QueryError> {
        for name in names {
            base = self.field(base, name)?;
        }
        Ok(base)
    }

    /// `base.name`, of a struct or a JSON document.
    pub(super) fn field(&self, base: Typed, name: &Name) -> Result<Typed, QueryError> {
        // A column that is grouped by covers its fields.
        let base = self.covered(base);
        match &base.kind {
            Some(Type::Struct(fields)) => {
                let mut found = fields.iter().enumerate().filter(|(_, (field, _))| same(field.as_deref(), &name.text));
                let (index, kind) = match (found.next(), found.next()) {
                    (Some((index, (_, kind))), None) => (index, kind.clone()),
                    (Some(_), Some(_)) => {
                        let message = format!("Field name {} is ambiguous in {}", name.text, type_text(&base));
                        return Err(QueryError::invalid_query(message).at(name.at));
                    }
                    (None, _) => {
                        let message = format!("Field name {} does not exist in {}", name.text, type_text(&base));
                        return Err(QueryError::invalid_query(message).at(name.at));
                    }
                };
                let sql = function::field_sql(&kind, index, &base.sql);
                Ok(self.covered(Typed::of(sql, kind, base.at, [&base])))
            }
            Some(Type::Json) => {
                let key = Typed::literal(super::text::string_literal(&name.text), Type::String, name.at);
                self.operator("[]", &[base, key], name.at)
            }
            _ => {
                let message = format!("Cannot access field {} on a value with type {}", name.text, type_text(&base));
                Err(QueryError::invalid_query(message).at(name.at))
            }
        }
    }

    fn unrecognized(&self, names: &[Name]) -> QueryError {
        let Some(first) = names.first() else { return QueryError::invalid_query("Unrecognized name") };
        let known = self.scopes.iter().rev().flat_map(|scope| {
            let columns = scope.bounds.iter().flat_map(|bound| bound.columns.iter());
            let columns = columns.chain(&scope.merged).filter_map(|column| column.name.as_deref());
            let aliases = scope.aliases.iter().map(|(alias, _)| alias.as_str()).filter(move |_| later(scope.clause));
            columns.chain(scope.bounds.iter().filter_map(|bound| bound.alias.as_deref())).chain(aliases)
        });
        let hint = nearest(&first.text, known).map(|name| format!("; Did you mean {name}?")).unwrap_or_default();
        QueryError::invalid_query(format!("Unrecognized name: {}{hint}", first.text)).at(first.at)
    }
}

/// Whether select aliases are names here.
fn later(clause: Clause) -> bool {
    matches!(clause, Clause::Having | Clause::Qualify | Clause::OrderBy)
}

fn head(scope: &Scope, level: usize, first: &Name, rest: &[Name]) -> Result<Option<Head>, QueryError> {
    if later(scope.clause)
        && let Some(alias) = alias(scope, first)?
    {
        return Ok(Some(Head::Column(alias)));
    }
    let bound = scope.bounds.iter().find(|bound| same(bound.alias.as_deref(), &first.text));
    // `t.a` means the table's column, though some table may have a column `t`.
    if let (Some(bound), Some(next)) = (bound, rest.first())
        && (bound.value.is_some() || bound.columns.iter().any(|column| is_named(column, &next.text)))
    {
        return Ok(Some(Head::Row(bound.clone())));
    }
    if let Some(column) = column(scope, first)? {
        let mut typed = Typed::new(column.sql.clone(), column.kind.clone(), first.at);
        typed.uses.push(Use { level, name: first.text.clone(), at: first.at });
        return Ok(Some(Head::Column(typed)));
    }
    Ok(bound.map(|bound| Head::Row(bound.clone())))
}

/// A select alias; one that stands for two different things is ambiguous.
fn alias(scope: &Scope, name: &Name) -> Result<Option<Typed>, QueryError> {
    let mut found =
        scope.aliases.iter().filter(|(alias, _)| alias.eq_ignore_ascii_case(&name.text)).map(|(_, typed)| typed);
    let Some(first) = found.next() else { return Ok(None) };
    if found.any(|other| other.sql != first.sql) {
        return Err(ambiguous(name));
    }
    Ok(Some(Typed { at: name.at, literal: false, ..first.clone() }))
}

fn column<'a>(scope: &'a Scope, name: &Name) -> Result<Option<&'a Column>, QueryError> {
    let columns = scope.bounds.iter().flat_map(|bound| bound.columns.iter()).filter(|column| !column.merged);
    let mut found = scope.merged.iter().chain(columns).filter(|column| is_named(column, &name.text));
    let first = found.next();
    if first.is_some() && found.next().is_some() {
        return Err(ambiguous(name));
    }
    Ok(first)
}

fn ambiguous(name: &Name) -> QueryError {
    QueryError::invalid_query(format!("Column name {} is ambiguous", name.text)).at(name.at)
}

pub(super) fn is_named(column: &Column, name: &str) -> bool {
    same(column.name.as_deref(), name)
}

fn same(name: Option<&str>, other: &str) -> bool {
    name.is_some_and(|name| name.eq_ignore_ascii_case(other))
}

fn type_text(typed: &Typed) -> String {
    super::text::type_name(typed.kind.as_ref())
}

/// A whole row as a struct.
fn row(bound: &Bound, level: usize, name: &Name) -> Typed {
    let fields: Vec<(Option<String>, Type)> =
        bound.columns.iter().map(|column| (column.name.clone(), column.kind.clone())).collect();
    let values: Vec<String> = bound.columns.iter().map(|column| column.sql.clone()).collect();
    let mut typed = Typed::new(function::struct_sql(&fields, &values), Type::Struct(fields), name.at);
    typed.uses.push(Use { level, name: name.text.clone(), at: name.at });
    typed
}

/// Where a path's first name is a range variable in reach: FROM may go on from it into its arrays.
pub(super) fn is_range_variable(analyzer: &Analyzer<'_>, name: &str) -> bool {
    analyzer.scopes.iter().any(|scope| scope.bounds.iter().any(|bound| same(bound.alias.as_deref(), name)))
}

/// The place of an error about a name.
pub(super) fn place(names: &[Name], otherwise: Position) -> Position {
    names.first().map_or(otherwise, |name| name.at)
}
