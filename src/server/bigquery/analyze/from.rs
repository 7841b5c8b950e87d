//! FROM: tables, CTEs, arrays, subqueries.

use super::Source;
use super::name::is_range_variable;
use super::scope::{Analyzer, Bound, Clause, Column, Typed, Use};
use super::text::type_name;
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function;
use crate::server::bigquery::sql::ast::{Expression, Name, Path, Query, Relation};
use crate::server::bigquery::value::Type;

/// The text of a relation, and the outer columns that it reads.
pub(super) type Text = (String, Vec<Use>);

impl Analyzer<'_> {
    /// Adds the relation's names to the scope.
    pub(super) fn relation(&mut self, relation: &Relation) -> Result<Text, QueryError> {
        match relation {
            Relation::Table { path, alias, offset } => self.table_item(path, alias.as_ref(), offset.as_ref()),
            Relation::Unnest { array, alias, offset, at } => self.unnest(array, alias.as_ref(), offset.as_ref(), *at),
            Relation::Subquery { query, alias, .. } => self.subquery_relation(query, alias.as_ref()),
            Relation::Function { name, arguments, alias, at } => {
                self.table_function(name, arguments, alias.as_ref(), *at)
            }
            Relation::Join { kind, left, right, condition, at } => self.join(*kind, left, right, condition, *at),
            Relation::Parenthesized(inner) => {
                let (text, uses) = self.relation(inner)?;
                Ok((format!("({text})"), uses))
            }
        }
    }

    fn table_item(&mut self, path: &Path, alias: Option<&Name>, offset: Option<&Name>) -> Result<Text, QueryError> {
        let name = alias.or(path.parts.last());
        if let [only] = path.parts.as_slice()
            && let Some(index) = self.ctes.iter().rposition(|cte| cte.name.eq_ignore_ascii_case(&only.text))
        {
            return self.cte_item(index, name, only.at);
        }
        if path.parts.len() > 1 && path.parts.first().is_some_and(|first| is_range_variable(self, &first.text)) {
            let array = self.in_clause(Clause::From, |analyzer| analyzer.path(&path.parts))?;
            if !matches!(array.kind, Some(Type::Array(_))) {
                let names: Vec<&str> = path.parts.iter().map(|part| part.text.as_str()).collect();
                let kind = type_name(array.kind.as_ref());
                let message =
                    format!("Values referenced in FROM clause must be arrays. {} has type {kind}", names.join("."));
                return Err(QueryError::invalid_query(message).at(path.at));
            }
            return self.elements(array, name, offset, path.at);
        }
        if let Some(offset) = offset {
            return Err(QueryError::invalid_query("WITH OFFSET can only be used with array scans").at(offset.at));
        }
        let source = self.table(path)?;
        self.source(source, name, path.at)
    }

    /// Asks the catalog for a table.
    pub(super) fn table(&mut self, path: &Path) -> Result<Source, QueryError> {
        let parts = path.texts();
        let source = self.catalog.table(&parts, path.at, self.words.as_ref())?;
        if !self.tables.contains(&parts) {
            self.tables.push(parts);
        }
        Ok(source)
    }

    pub(super) fn source(&mut self, source: Source, name: Option<&Name>, at: Position) -> Result<Text, QueryError> {
        let table = self.fresh('t');
        let columns = source.fields.into_iter().map(|field| (Some(field.name), field.kind));
        self.bind_table(&table, name, columns, at)?;
        Ok((format!("{} AS {table}", source.from), Vec::new()))
    }

    fn cte_item(&mut self, index: usize, name: Option<&Name>, at: Position) -> Result<Text, QueryError> {
        let Some(cte) = self.ctes.get_mut(index) else {
            return Err(QueryError::invalid_query("Table not found").at(at));
        };
        cte.used = true;
        let (columns, from) = (cte.columns.clone(), cte.table.clone());
        let table = self.fresh('t');
        self.bind_table(&table, name, columns.into_iter(), at)?;
        Ok((format!("{from} AS {table}"), Vec::new()))
    }

    fn subquery_relation(&mut self, query: &Query, alias: Option<&Name>) -> Result<Text, QueryError> {
        let hidden = self.hide_siblings();
        let rows = self.query(query);
        self.show_siblings(hidden);
        let mut rows = rows?;
        rows.default_types();
        let table = self.fresh('t');
        let columns =
            rows.columns.iter().map(|output| (output.name.clone(), output.kind.clone().unwrap_or(Type::Int64)));
        self.bind_table(&table, alias, columns, query.at)?;
        let sql = rows.sql();
        Ok((format!("({sql}) AS {table}"), rows.uses))
    }

    /// Binds the columns `c0`, `c1` ... of an SQLite table.
    fn bind_table(
        &mut self,
        table: &str,
        name: Option<&Name>,
        columns: impl Iterator<Item = (Option<String>, Type)>,
        at: Position,
    ) -> Result<(), QueryError> {
        let columns = columns.enumerate().map(|(index, (name, kind))| Column {
            name,
            sql: format!("{table}.c{index}"),
            kind,
            merged: false,
        });
        let bound = Bound { alias: name.map(|name| name.text.clone()), columns: columns.collect(), value: None };
        self.bind(bound, name.map_or(at, |name| name.at))
    }

    pub(super) fn bind(&mut self, bound: Bound, at: Position) -> Result<(), QueryError> {
        let Some(scope) = self.scope_mut() else { return Ok(()) };
        if let Some(alias) = &bound.alias
            && scope
                .bounds
                .iter()
                .filter_map(|other| other.alias.as_ref())
                .any(|other| other.eq_ignore_ascii_case(alias))
        {
            return Err(
                QueryError::invalid_query(format!("Duplicate table alias {alias} in the same FROM clause")).at(at)
            );
        }
        scope.bounds.push(bound);
        Ok(())
    }

    fn unnest(
        &mut self,
        array: &Expression,
        alias: Option<&Name>,
        offset: Option<&Name>,
        at: Position,
    ) -> Result<Text, QueryError> {
        let typed = self.in_clause(Clause::From, |analyzer| analyzer.expression(array))?;
        if !matches!(typed.kind, Some(Type::Array(_))) {
            let kind = type_name(typed.kind.as_ref());
            let message =
                format!("Values referenced in UNNEST must be arrays. UNNEST contains expression of type {kind}");
            return Err(QueryError::invalid_query(message).at(array.at));
        }
        self.elements(typed, alias, offset, at)
    }

    /// The rows of an array: its elements, and their offsets.
    fn elements(
        &mut self,
        array: Typed,
        alias: Option<&Name>,
        offset: Option<&Name>,
        at: Position,
    ) -> Result<Text, QueryError> {
        let Some(Type::Array(element)) = array.kind else {
            return Err(QueryError::invalid_query("UNNEST needs an array").at(at));
        };
        let table = self.fresh('t');
        let (from, value) = function::unnest_sql(&element, &array.sql, &format!("{table}.value"));
        let columns = match element.as_ref() {
            Type::Struct(fields) => fields
                .iter()
                .enumerate()
                .map(|(index, (name, kind))| Column {
                    name: name.clone(),
                    sql: function::field_sql(kind, index, &value),
                    kind: kind.clone(),
                    merged: false,
                })
                .collect(),
            _ => Vec::new(),
        };
        let bound = Bound { alias: alias.map(|alias| alias.text.clone()), columns, value: Some((value, *element)) };
        self.bind(bound, alias.map_or(at, |alias| alias.at))?;
        if let Some(offset) = offset {
            let value = Some((format!("{table}.key"), Type::Int64));
            self.bind(Bound { alias: Some(offset.text.clone()), columns: Vec::new(), value }, offset.at)?;
        }
        let level = self.level();
        let outer = array.uses.into_iter().filter(|used| used.level < level).collect();
        Ok((format!("{from} AS {table}"), outer))
    }
}
