//! Whole queries: WITH, bodies, ORDER BY and LIMIT around them.

use super::scope::{Analyzer, Bound, Clause, Column, Cte, Scope, Typed, Use};
use super::subquery::column_as;
use super::text::unique_names;
use super::{Catalog, Query, call};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::sql::Statement;
use crate::server::bigquery::sql::ast::{self, Body, Expression, ExpressionKind, Literal, OrderItem, SelectAs};
use crate::server::bigquery::value::{Field, Mode, Type};

/// Analyzes a query of a statement: its own, or the one inside of `CREATE .. AS`, `FOR .. IN`, `EXPORT DATA`.
pub(crate) fn query(query: &ast::Query, statement: &Statement, catalog: &mut dyn Catalog) -> Result<Query, QueryError> {
    let mut analyzer = Analyzer::for_statement(statement, catalog);
    let rows = analyzer.query(query)?;
    Ok(analyzer.finish(rows))
}

/// Analyzes an expression of a statement (SET, IF, DECLARE ...) as a query of one row and one column. `wanted`: the type to which it must coerce.
pub(crate) fn expression(
    expression: &Expression,
    wanted: Option<&Type>,
    statement: &Statement,
    catalog: &mut dyn Catalog,
) -> Result<Query, QueryError> {
    let mut analyzer = Analyzer::for_statement(statement, catalog);
    let typed = analyzer.expression(expression)?;
    let kind = wanted.cloned().unwrap_or_else(|| typed.type_or_default());
    if !super::coerce::assignable(&typed, &kind) {
        let message = format!(
            "Cannot coerce expression of type {} to type {}",
            super::text::type_name(typed.kind.as_ref()),
            kind.name()
        );
        return Err(QueryError::invalid_query(message).at(typed.at));
    }
    let sql = super::coerce::coerced(&typed, &kind)?;
    Ok(analyzer.finish(Rows::from_text(sql, kind, String::new())))
}

/// A column of [`Rows`].
#[derive(Debug, Clone)]
pub(super) struct Output {
    pub(super) name: Option<String>,
    /// `None` for untyped NULLs.
    pub(super) kind: Option<Type>,
    pub(super) literal: bool,
}

/// The SQLite text of rows, in pieces so that columns can still be coerced.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) core: Core,
    pub(super) order: String,
    pub(super) limit: String,
    pub(super) with: String,
    pub(super) columns: Vec<Output>,
    /// At most one row.
    pub(super) single: bool,
    pub(super) shape: SelectAs,
    /// Columns of outer scopes that it reads.
    pub(super) uses: Vec<Use>,
}

#[derive(Debug, Clone)]
pub(super) enum Core {
    Select {
        distinct: bool,
        items: Vec<String>,
        tail: String,
    },
    /// `SELECT .. UNION ALL SELECT ..`; the columns are `c0`, `c1`, ...
    Compound(String),
}

impl Rows {
    pub(super) fn new(core: Core, columns: Vec<Output>) -> Self {
        Self {
            core,
            order: String::new(),
            limit: String::new(),
            with: String::new(),
            columns,
            single: false,
            shape: SelectAs::Row,
            uses: Vec::new(),
        }
    }

    /// One column; `tail` begins with ` FROM` or is empty.
    pub(super) fn from_text(item: String, kind: Type, tail: String) -> Self {
        let output = Output { name: None, kind: Some(kind), literal: false };
        Self::new(Core::Select { distinct: false, items: vec![item], tail }, vec![output])
    }

    pub(super) fn core_sql(&self) -> String {
        match &self.core {
            Core::Compound(text) => text.clone(),
            Core::Select { distinct, items, tail } => {
                let items: Vec<String> =
                    items.iter().enumerate().map(|(index, item)| format!("{item} AS c{index}")).collect();
                format!("SELECT {}{}{tail}", if *distinct { "DISTINCT " } else { "" }, items.join(", "))
            }
        }
    }

    pub(super) fn sql(&self) -> String {
        format!("{}{}{}{}", self.with, self.core_sql(), self.order, self.limit)
    }

    /// Whether the core alone is the whole text.
    pub(super) fn is_bare(&self) -> bool {
        self.order.is_empty() && self.limit.is_empty() && self.with.is_empty()
    }

    /// The same rows as a plain SELECT from a subquery.
    pub(super) fn wrap(self, analyzer: &mut Analyzer<'_>) -> Self {
        let alias = analyzer.fresh('t');
        let items = (0..self.columns.len()).map(|index| format!("{alias}.c{index}")).collect();
        let core = Core::Select { distinct: false, items, tail: format!(" FROM ({}) AS {alias}", self.sql()) };
        let mut wrapped = Self::new(core, self.columns);
        wrapped.single = self.single;
        wrapped.shape = self.shape;
        wrapped.uses = self.uses;
        wrapped
    }

    /// Casts each column to its type in the list.
    pub(super) fn coerce(&mut self, analyzer: &mut Analyzer<'_>, kinds: &[Type]) -> Result<(), QueryError> {
        let same =
            self.columns.iter().zip(kinds).all(|(output, kind)| output.kind.as_ref().is_none_or(|known| known == kind));
        if !same && (matches!(self.core, Core::Compound(_)) || !self.order.is_empty()) {
            // An ORDER BY repeats the items' texts: the casts go around it.
            *self = self.clone().wrap(analyzer);
        }
        for (index, (output, kind)) in self.columns.iter_mut().zip(kinds).enumerate() {
            if let Core::Select { items, .. } = &mut self.core
                && let Some(item) = items.get_mut(index)
            {
                *item = column_as(item, output.kind.as_ref(), kind)?;
            }
            output.kind = Some(kind.clone());
        }
        Ok(())
    }

    /// NULLs without a type are INT64.
    pub(super) fn default_types(&mut self) {
        for output in &mut self.columns {
            output.kind.get_or_insert(Type::Int64);
        }
    }
}

impl<'a> Analyzer<'a> {
    pub(super) fn for_statement(statement: &Statement, catalog: &'a mut dyn Catalog) -> Self {
        let mut analyzer = Self::new(catalog, (!statement.star).then(|| statement.words.clone()));
        analyzer.words_without_star = (!statement.whole_rows).then(|| statement.words.clone());
        analyzer
    }

    fn finish(self, rows: Rows) -> Query {
        let mut query = finished(rows);
        query.tables = self.tables;
        query
    }
}

/// Rows as a query with named columns, without its tables.
pub(super) fn finished(mut rows: Rows) -> Query {
    rows.default_types();
    let (names, duplicates) = unique_names(rows.columns.iter().map(|output| output.name.clone()).collect());
    let fields = names
        .into_iter()
        .zip(&rows.columns)
        .map(|(name, output)| field(name, output.kind.clone().unwrap_or(Type::Int64)))
        .collect();
    Query { sql: rows.sql(), fields, duplicates, tables: Vec::new() }
}

fn field(name: String, kind: Type) -> Field {
    let mode = if matches!(kind, Type::Array(_)) { Mode::Repeated } else { Mode::Nullable };
    Field { name, kind, mode, description: None }
}

impl Analyzer<'_> {
    pub(super) fn query(&mut self, query: &ast::Query) -> Result<Rows, QueryError> {
        let known = self.ctes.len();
        let result = self.with_ctes(query);
        let own = self.ctes.split_off(known);
        let mut rows = result?;
        let definitions: Vec<String> = own.into_iter().filter(|cte| cte.used).map(|cte| cte.definition).collect();
        if !definitions.is_empty() {
            rows.with = format!("WITH RECURSIVE {} ", definitions.join(", "));
        }
        Ok(rows)
    }

    fn with_ctes(&mut self, query: &ast::Query) -> Result<Rows, QueryError> {
        for (index, cte) in query.with.iter().enumerate() {
            let earlier = query.with.iter().take(index);
            if earlier.clone().any(|other| other.name.text.eq_ignore_ascii_case(&cte.name.text)) {
                return Err(QueryError::invalid_query(format!("Duplicate alias {} for WITH subquery", cte.name.text))
                    .at(cte.name.at));
            }
            self.define(cte, query.recursive)?;
        }
        self.ordered(query)
    }

    fn define(&mut self, cte: &ast::Cte, recursive: bool) -> Result<(), QueryError> {
        if recursive && self.define_recursive(cte)? {
            return Ok(());
        }
        let mut rows = self.query(&cte.query)?;
        rows.default_types();
        let table = self.fresh('w');
        let columns: Vec<(Option<String>, Type)> = rows
            .columns
            .iter()
            .map(|output| (output.name.clone(), output.kind.clone().unwrap_or(Type::Int64)))
            .collect();
        let definition = cte_text(&table, columns.len(), &rows.sql());
        self.ctes.push(Cte { name: cte.name.text.clone(), table, columns, definition, used: false });
        Ok(())
    }

    /// The tables of the FROM in which the subquery stands are not in its reach, those further out are.
    pub(super) fn hide_siblings(&mut self) -> Option<Scope> {
        let clause = self.clause();
        self.scope_mut().map(|scope| std::mem::replace(scope, Scope::new(clause)))
    }

    pub(super) fn show_siblings(&mut self, hidden: Option<Scope>) {
        if let (Some(scope), Some(hidden)) = (self.scope_mut(), hidden) {
            *scope = hidden;
        }
    }

    fn ordered(&mut self, query: &ast::Query) -> Result<Rows, QueryError> {
        let mut rows = match &query.body {
            Body::Select(select) => self.select(select, &query.order_by)?,
            Body::Query(inner) => {
                let rows = self.query(inner)?;
                if query.order_by.is_empty() && query.limit.is_none() {
                    rows
                } else {
                    self.order_outputs(rows, &query.order_by)?
                }
            }
            Body::Set { .. } => {
                let rows = self.set_operation(&query.body)?;
                if query.order_by.is_empty() { rows } else { self.order_outputs(rows, &query.order_by)? }
            }
        };
        if let Some(limit) = &query.limit {
            let count = self.count(limit, "LIMIT")?;
            rows.limit = format!(" LIMIT {}", i64::try_from(count).unwrap_or(i64::MAX));
            rows.single |= count <= 1;
        }
        if let Some(offset) = &query.offset {
            let count = self.count(offset, "OFFSET")?;
            rows.limit.push_str(&format!(" OFFSET {}", i64::try_from(count).unwrap_or(i64::MAX)));
        }
        Ok(rows)
    }

    /// Sorts by output columns only.
    fn order_outputs(&mut self, mut rows: Rows, items: &[OrderItem]) -> Result<Rows, QueryError> {
        rows.default_types();
        let mut rows = rows.wrap(self);
        let Core::Select { items: texts, .. } = &rows.core else { return Ok(rows) };
        let columns: Vec<Column> = rows
            .columns
            .iter()
            .zip(texts)
            .map(|(output, sql)| Column {
                name: output.name.clone(),
                sql: sql.clone(),
                kind: output.kind.clone().unwrap_or(Type::Int64),
                merged: false,
            })
            .collect();
        let mut scope = Scope::new(Clause::OrderBy);
        scope.bounds.push(Bound { alias: None, columns: columns.clone(), value: None });
        let mut keys = Vec::new();
        for item in items {
            let typed = match ordinal(item, columns.len(), "ORDER BY")? {
                Some(index) => columns
                    .get(index)
                    .map(|column| Typed::new(column.sql.clone(), column.kind.clone(), item.expression.at)),
                None => None,
            };
            let typed = match typed {
                Some(typed) => typed,
                None => self.in_scope(scope.clone(), |analyzer| analyzer.expression(&item.expression))?,
            };
            call::sortable(&typed, "ORDER BY")?;
            keys.push(call::order_text(&constant_safe(&typed), &typed.type_or_default(), item));
        }
        if !keys.is_empty() {
            rows.order = format!(" ORDER BY {}", keys.join(", "));
        }
        Ok(rows)
    }
}

pub(super) fn cte_text(table: &str, columns: usize, sql: &str) -> String {
    let names: Vec<String> = (0..columns).map(|index| format!("c{index}")).collect();
    format!("{table}({}) AS ({sql})", names.join(", "))
}

/// A sort or grouping key's text: SQLite takes a bare number for a column's.
pub(super) fn constant_safe(typed: &Typed) -> String {
    if typed.sql.starts_with(|first: char| first.is_ascii_digit() || first == '(' || first == '-' || first == '\'')
        && typed.uses.is_empty()
    {
        return format!("coalesce({}, NULL)", typed.sql);
    }
    typed.sql.clone()
}

/// The column, from 0, that `ORDER BY 2` names; `None` for other expressions.
pub(super) fn ordinal(item: &OrderItem, columns: usize, clause: &str) -> Result<Option<usize>, QueryError> {
    ordinal_of(&item.expression, columns, clause)
}

pub(super) fn ordinal_of(expression: &Expression, columns: usize, clause: &str) -> Result<Option<usize>, QueryError> {
    let ExpressionKind::Literal(Literal::Integer(text)) = &expression.kind else { return Ok(None) };
    let number = text.parse::<usize>().ok().filter(|number| (1..=columns).contains(number));
    number.map(|number| Some(number - 1)).ok_or_else(|| {
        let message = format!(
            "{clause} column number item is out of range. Column numbers must be greater than or equal to one. SELECT list has {columns} columns."
        );
        QueryError::invalid_query(message).at(expression.at)
    })
}
