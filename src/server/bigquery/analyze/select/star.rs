//! `*`, `t.*`, `expression.*`, with EXCEPT and REPLACE.

use super::super::query::{Core, Output, Rows};
use super::super::scope::{Analyzer, Bound, Scope, Typed, Use};
use super::super::text::type_name;
use super::{Item, Source, item_name};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function;
use crate::server::bigquery::sql::ast::{Expression, ExpressionKind, Name, Select, SelectAs, SelectItem};
use crate::server::bigquery::value::Type;

impl Analyzer<'_> {
    /// The output columns with the stars written out.
    pub(super) fn expand<'s>(&mut self, select: &'s Select) -> Result<Vec<Item<'s>>, QueryError> {
        let mut items = Vec::with_capacity(select.items.len());
        for item in &select.items {
            match item {
                SelectItem::Expression { expression, .. } => {
                    items.push(Item {
                        name: item_name(item),
                        source: Source::Expression(expression),
                        at: expression.at,
                    });
                }
                SelectItem::Star { base, except, replace, at } => {
                    let columns = match base {
                        None => self.all_columns(select, *at)?,
                        Some(base) => self.columns_of(base)?,
                    };
                    items.extend(changed(columns, except, replace, *at)?);
                }
            }
        }
        Ok(items)
    }

    fn all_columns(&self, select: &Select, at: Position) -> Result<Vec<(Option<String>, Typed)>, QueryError> {
        let Some(scope) = self.scopes.last().filter(|_| select.from.is_some()) else {
            return Err(QueryError::invalid_query("SELECT * must have a FROM clause").at(at));
        };
        let level = self.level();
        let mut columns: Vec<(Option<String>, Typed)> = scope
            .merged
            .iter()
            .map(|column| (column.name.clone(), read(&column.name, &column.sql, &column.kind, level, at)))
            .collect();
        for bound in &scope.bounds {
            columns.extend(bound_columns(bound, level, at, true));
        }
        Ok(columns)
    }

    fn columns_of(&mut self, base: &Expression) -> Result<Vec<(Option<String>, Typed)>, QueryError> {
        if let ExpressionKind::Path(names) = &base.kind
            && let [name] = names.as_slice()
            && let Some((level, bound)) = range_variable(&self.scopes, &name.text)
        {
            return Ok(bound_columns(bound, level, base.at, false));
        }
        let typed = self.expression(base)?;
        let Some(Type::Struct(fields)) = typed.kind.clone() else {
            let message = format!("Dot-star is not supported for type {}", type_name(typed.kind.as_ref()));
            return Err(QueryError::invalid_query(message).at(base.at));
        };
        let columns = fields.into_iter().enumerate().map(|(index, (name, kind))| {
            let sql = function::field_sql(&kind, index, &typed.sql);
            (name, Typed::of(sql, kind, base.at, [&typed]))
        });
        Ok(columns.collect())
    }
}

fn range_variable<'s>(scopes: &'s [Scope], name: &str) -> Option<(usize, &'s Bound)> {
    scopes.iter().enumerate().rev().find_map(|(level, scope)| {
        let bound = scope
            .bounds
            .iter()
            .find(|bound| bound.alias.as_ref().is_some_and(|alias| alias.eq_ignore_ascii_case(name)))?;
        Some((level, bound))
    })
}

fn read(name: &Option<String>, sql: &str, kind: &Type, level: usize, at: Position) -> Typed {
    let mut typed = Typed::new(sql, kind.clone(), at);
    typed.uses.push(Use { level, name: name.clone().unwrap_or_default(), at });
    typed
}

fn bound_columns(bound: &Bound, level: usize, at: Position, hide_merged: bool) -> Vec<(Option<String>, Typed)> {
    if let Some((sql, kind)) = &bound.value
        && !matches!(kind, Type::Struct(_))
    {
        return vec![(bound.alias.clone(), read(&bound.alias, sql, kind, level, at))];
    }
    let columns = bound.columns.iter().filter(|column| !hide_merged || !column.merged);
    columns.map(|column| (column.name.clone(), read(&column.name, &column.sql, &column.kind, level, at))).collect()
}

/// Applies EXCEPT and REPLACE.
fn changed<'s>(
    columns: Vec<(Option<String>, Typed)>,
    except: &[Name],
    replace: &'s [(Expression, Name)],
    at: Position,
) -> Result<Vec<Item<'s>>, QueryError> {
    let missing = |name: &Name| !columns.iter().any(|(column, _)| is(column, name));
    if let Some(name) = except.iter().find(|name| missing(name)) {
        return Err(QueryError::invalid_query(format!("Column {} in SELECT * EXCEPT list does not exist", name.text))
            .at(name.at));
    }
    if let Some((_, name)) = replace.iter().find(|(_, name)| missing(name)) {
        return Err(QueryError::invalid_query(format!("Column {} in SELECT * REPLACE list does not exist", name.text))
            .at(name.at));
    }
    let mut items = Vec::with_capacity(columns.len());
    for (column, typed) in columns {
        if except.iter().any(|name| is(&column, name)) {
            continue;
        }
        let source = match replace.iter().find(|(_, name)| is(&column, name)) {
            Some((expression, _)) => Source::Expression(expression),
            None => Source::Column(typed),
        };
        items.push(Item { name: column, source, at });
    }
    if items.is_empty() {
        return Err(QueryError::invalid_query("SELECT * expands to zero columns after applying EXCEPT").at(at));
    }
    Ok(items)
}

fn is(column: &Option<String>, name: &Name) -> bool {
    column.as_ref().is_some_and(|column| column.eq_ignore_ascii_case(&name.text))
}

/// `SELECT AS VALUE` of a struct: its fields are the columns.
pub(super) fn value_rows(analyzer: &mut Analyzer<'_>, rows: Rows) -> Rows {
    let fields = match rows.columns.as_slice() {
        [Output { kind: Some(Type::Struct(fields)), .. }] => fields.clone(),
        _ => return Rows { shape: SelectAs::Row, ..rows },
    };
    let mut rows = rows.wrap(analyzer);
    let base = match &rows.core {
        Core::Select { items, .. } => items.first().cloned().unwrap_or_default(),
        Core::Compound(_) => String::new(),
    };
    if let Core::Select { items, .. } = &mut rows.core {
        *items = fields.iter().enumerate().map(|(index, (_, kind))| function::field_sql(kind, index, &base)).collect();
    }
    rows.columns = fields.into_iter().map(|(name, kind)| Output { name, kind: Some(kind), literal: false }).collect();
    // As an expression it is the struct again.
    rows.shape = SelectAs::Struct;
    rows
}
