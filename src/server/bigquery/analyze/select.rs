//! One SELECT.

use std::collections::HashSet;

use super::aggregate::{aggregates, windows};
use super::call::{order_text, sortable};
use super::expression::implied_name;
use super::query::{Core, Output, Rows, constant_safe, ordinal, ordinal_of};
use super::scope::{Analyzer, Clause, Scope, Typed, Use};
use super::text::type_name;
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::sql::ast::{
    Expression, ExpressionKind, GroupBy, Literal, OrderItem, Select, SelectAs, SelectItem,
};
use crate::server::bigquery::value::Type;

mod star;

/// An output column before and after its analysis.
pub(super) struct Item<'s> {
    pub(super) name: Option<String>,
    pub(super) source: Source<'s>,
    pub(super) at: Position,
}

pub(super) enum Source<'s> {
    Expression(&'s Expression),
    /// From a star: known already.
    Column(Typed),
}

impl Item<'_> {
    fn expression(&self) -> Option<&Expression> {
        match &self.source {
            Source::Expression(expression) => Some(expression),
            Source::Column(_) => None,
        }
    }
}

/// A sort key with what it reads.
struct Order {
    typed: Typed,
    item: OrderItem,
}

/// A SELECT's parts in SQLite's words.
#[derive(Default)]
struct Parts {
    from: String,
    filter: String,
    group: String,
    /// The condition alone.
    having: String,
    /// One group of all rows, and no output says so: SQLite must be told with an aggregate, and takes no HAVING then.
    lone: bool,
}

impl Parts {
    fn tail(&self) -> String {
        let having =
            if self.lone || self.having.is_empty() { String::new() } else { format!(" HAVING {}", self.having) };
        format!("{}{}{}{having}", self.from, self.filter, self.group)
    }
}

impl Analyzer<'_> {
    pub(super) fn select(&mut self, select: &Select, order_by: &[OrderItem]) -> Result<Rows, QueryError> {
        self.in_scope(Scope::new(Clause::From), |analyzer| analyzer.select_in_scope(select, order_by))
    }

    fn select_in_scope(&mut self, select: &Select, order_by: &[OrderItem]) -> Result<Rows, QueryError> {
        let mut parts = Parts::default();
        let mut outer = Vec::new();
        if let Some(from) = &select.from {
            let (text, uses) = self.relation(from)?;
            parts.from = format!(" FROM {text}");
            outer.extend(uses);
        }
        if let Some(filter) = &select.filter {
            let (sql, typed) = self.condition(filter, Clause::Where)?;
            parts.filter = format!(" WHERE {sql}");
            outer.extend(typed.uses);
        }
        self.name_windows(select)?;
        let items = self.in_clause(Clause::SelectList, |analyzer| analyzer.expand(select))?;
        let grouped = is_grouped(select, &items, order_by);
        let (keys, mut done) = self.group_keys(select, &items)?;
        parts.group = group_text(&select.group_by, &keys);
        if let Some(scope) = self.scope_mut() {
            scope.keys = keys.iter().map(|key| key.sql.clone()).collect();
        }
        outer.extend(keys.iter().flat_map(|key| key.uses.clone()));
        let outputs = self.outputs(&items, &mut done)?;
        self.check_grouped(grouped, Clause::SelectList, &outputs)?;
        self.name_aliases(&items, &outputs);
        if let Some(having) = &select.having {
            let (sql, typed) = self.condition(having, Clause::Having)?;
            self.check_grouped(true, Clause::Having, std::slice::from_ref(&typed))?;
            parts.having = sql;
            outer.extend(typed.uses);
        }
        parts.lone = grouped && keys.is_empty() && !outputs.iter().any(|typed| typed.aggregates);
        let qualify = match &select.qualify {
            Some(qualify) => Some(self.qualify(qualify, grouped)?),
            None => None,
        };
        let orders = self.orders(order_by, &outputs)?;
        for order in &orders {
            self.check_grouped(grouped, Clause::OrderBy, std::slice::from_ref(&order.typed))?;
        }
        outer.extend(
            outputs
                .iter()
                .chain(&qualify)
                .chain(orders.iter().map(|order| &order.typed))
                .flat_map(|typed| typed.uses.clone()),
        );
        let columns = output_columns(&items, &outputs);
        check_shape(select, &columns)?;
        check_distinct(select, &outputs, &orders)?;
        let single = (select.from.is_none() && select.filter.is_none()) || (grouped && keys.is_empty());
        let mut rows = self.assemble(select, &parts, &outputs, qualify.as_ref(), &orders, columns);
        rows.single = single;
        rows.shape = select.shape;
        let level = self.level();
        outer.retain(|used| used.level < level);
        rows.uses = outer;
        Ok(if rows.shape == SelectAs::Value { star::value_rows(self, rows) } else { rows })
    }

    fn name_windows(&mut self, select: &Select) -> Result<(), QueryError> {
        let mut named: Vec<(String, _)> = Vec::new();
        for (name, window) in &select.windows {
            if named.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name.text)) {
                return Err(QueryError::invalid_query(format!("Duplicate window alias {}", name.text)).at(name.at));
            }
            named.push((name.text.clone(), window.clone()));
        }
        if let Some(scope) = self.scope_mut() {
            scope.windows = named;
        }
        Ok(())
    }

    /// The grouping keys, and the items that had to be analyzed for them.
    fn group_keys(
        &mut self,
        select: &Select,
        items: &[Item<'_>],
    ) -> Result<(Vec<Typed>, Vec<Option<Typed>>), QueryError> {
        let mut done: Vec<Option<Typed>> = items.iter().map(|_| None).collect();
        let mut keys = Vec::new();
        match &select.group_by {
            GroupBy::None => {}
            GroupBy::Rollup(expressions) => {
                let at = expressions.first().map_or(select.at, |first| first.at);
                return Err(QueryError::invalid_query("GROUP BY ROLLUP is not supported").at(at));
            }
            GroupBy::All => {
                for index in 0..items.len() {
                    let constant =
                        items.get(index).and_then(Item::expression).is_some_and(|e| aggregates(e) || windows(e));
                    if !constant {
                        let key = self.item_as_key(items, index, &mut done)?;
                        if !key.uses.is_empty() {
                            keys.push(key);
                        }
                    }
                }
            }
            GroupBy::Items(expressions) => {
                for expression in expressions {
                    let key = self.group_key(expression, items, &mut done)?;
                    groupable(&key, expression.at)?;
                    keys.push(key);
                }
            }
        }
        Ok((keys, done))
    }

    fn group_key(
        &mut self,
        expression: &Expression,
        items: &[Item<'_>],
        done: &mut [Option<Typed>],
    ) -> Result<Typed, QueryError> {
        if let Some(index) = ordinal_of(expression, items.len(), "GROUP BY")? {
            return self.item_as_key(items, index, done);
        }
        if matches!(&expression.kind, ExpressionKind::Literal(literal) if *literal != Literal::Null) {
            return Err(QueryError::invalid_query("Cannot GROUP BY literal values").at(expression.at));
        }
        if let ExpressionKind::Path(names) = &expression.kind
            && let [name] = names.as_slice()
        {
            let mut aliased = items.iter().enumerate().filter(|(_, item)| {
                item.expression().is_some_and(|e| e.kind != expression.kind)
                    && item.name.as_ref().is_some_and(|n| n.eq_ignore_ascii_case(&name.text))
            });
            if let (Some((index, _)), None) = (aliased.next(), aliased.next()) {
                return self.item_as_key(items, index, done);
            }
        }
        self.in_clause(Clause::GroupBy, |analyzer| analyzer.expression(expression))
    }

    fn item_as_key(
        &mut self,
        items: &[Item<'_>],
        index: usize,
        done: &mut [Option<Typed>],
    ) -> Result<Typed, QueryError> {
        if let Some(Some(known)) = done.get(index) {
            return Ok(known.clone());
        }
        let Some(item) = items.get(index) else {
            return Err(QueryError::invalid_query("GROUP BY column number item is out of range"));
        };
        if item.expression().is_some_and(|e| aggregates(e) || windows(e)) {
            let message = format!(
                "The GROUP BY clause cannot refer to an item with an aggregate or analytic function, column {}",
                index + 1
            );
            return Err(QueryError::invalid_query(message).at(item.at));
        }
        let key = self.in_clause(Clause::GroupBy, |analyzer| analyzer.item(item))?;
        groupable(&key, item.at)?;
        if let Some(slot) = done.get_mut(index) {
            *slot = Some(key.clone());
        }
        Ok(key)
    }

    fn item(&mut self, item: &Item<'_>) -> Result<Typed, QueryError> {
        match &item.source {
            Source::Expression(expression) => self.expression(expression),
            Source::Column(typed) => Ok(self.covered(typed.clone())),
        }
    }

    fn outputs(&mut self, items: &[Item<'_>], done: &mut [Option<Typed>]) -> Result<Vec<Typed>, QueryError> {
        let mut outputs = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let known = done.get_mut(index).and_then(Option::take);
            outputs.push(match known {
                Some(typed) => self.covered(typed),
                None => self.in_clause(Clause::SelectList, |analyzer| analyzer.item(item))?,
            });
        }
        Ok(outputs)
    }

    /// In a grouped query what is neither a key nor inside of an aggregate has no one value.
    fn check_grouped(&self, grouped: bool, clause: Clause, outputs: &[Typed]) -> Result<(), QueryError> {
        let level = self.level();
        let loose = outputs.iter().flat_map(|typed| &typed.uses).find(|used| grouped && used.level == level);
        match loose {
            None => Ok(()),
            Some(Use { name, at, .. }) => {
                let message = format!(
                    "{} expression references column {name} which is neither grouped nor aggregated",
                    clause.word()
                );
                Err(QueryError::invalid_query(message).at(*at))
            }
        }
    }

    fn name_aliases(&mut self, items: &[Item<'_>], outputs: &[Typed]) {
        let aliases: Vec<(String, Typed)> =
            items.iter().zip(outputs).filter_map(|(item, typed)| Some((item.name.clone()?, typed.clone()))).collect();
        if let Some(scope) = self.scope_mut() {
            scope.aliases = aliases;
        }
    }

    fn qualify(&mut self, qualify: &Expression, grouped: bool) -> Result<Typed, QueryError> {
        let (_, typed) = self.condition(qualify, Clause::Qualify)?;
        self.check_grouped(grouped, Clause::Qualify, std::slice::from_ref(&typed))?;
        let windowed = typed.windows
            || self.scopes.last().is_some_and(|scope| scope.aliases.iter().any(|(_, alias)| alias.windows));
        if !windowed {
            let message = "The QUALIFY clause requires analytic function to be present either in the QUALIFY clause or the SELECT list";
            return Err(QueryError::invalid_query(message).at(qualify.at));
        }
        Ok(typed)
    }

    fn orders(&mut self, order_by: &[OrderItem], outputs: &[Typed]) -> Result<Vec<Order>, QueryError> {
        let mut orders = Vec::with_capacity(order_by.len());
        for item in order_by {
            let output = ordinal(item, outputs.len(), "ORDER BY")?.and_then(|index| outputs.get(index));
            let typed = match output {
                Some(output) => Typed { at: item.expression.at, ..output.clone() },
                None => self.in_clause(Clause::OrderBy, |analyzer| analyzer.expression(&item.expression))?,
            };
            sortable(&typed, "ORDER BY")?;
            orders.push(Order { typed, item: item.clone() });
        }
        Ok(orders)
    }

    /// The SQLite text; with QUALIFY, which SQLite has not, as a filter around a subquery.
    fn assemble(
        &mut self,
        select: &Select,
        parts: &Parts,
        outputs: &[Typed],
        qualify: Option<&Typed>,
        orders: &[Order],
        columns: Vec<Output>,
    ) -> Rows {
        let texts: Vec<String> = outputs.iter().map(|typed| typed.sql.clone()).collect();
        if qualify.is_none() && !parts.lone {
            let keys = orders
                .iter()
                .map(|order| order_text(&constant_safe(&order.typed), &order.typed.type_or_default(), &order.item));
            let order = order_clause(keys.collect());
            let core = Core::Select { distinct: select.distinct, items: texts, tail: parts.tail() };
            return Rows { order, ..Rows::new(core, columns) };
        }
        let alias = self.fresh('t');
        let mut inner: Vec<String> =
            texts.iter().enumerate().map(|(index, text)| format!("{text} AS c{index}")).collect();
        let mut filters = Vec::new();
        if let Some(qualify) = qualify {
            inner.push(format!("{} AS q", qualify.sql));
            filters.push(format!("{alias}.q"));
        }
        if parts.lone {
            inner.push("count(*) AS n".to_owned());
            if !parts.having.is_empty() {
                inner.push(format!("{} AS h", parts.having));
                filters.push(format!("{alias}.h"));
            }
        }
        inner.extend(orders.iter().enumerate().map(|(index, order)| format!("{} AS o{index}", order.typed.sql)));
        let keys = orders.iter().enumerate().map(|(index, order)| {
            order_text(&format!("{alias}.o{index}"), &order.typed.type_or_default(), &order.item)
        });
        let order = order_clause(keys.collect());
        let items = (0..texts.len()).map(|index| format!("{alias}.c{index}")).collect();
        let filter = if filters.is_empty() { String::new() } else { format!(" WHERE {}", filters.join(" AND ")) };
        let tail = format!(" FROM (SELECT {}{}) AS {alias}{filter}", inner.join(", "), parts.tail());
        Rows { order, ..Rows::new(Core::Select { distinct: select.distinct, items, tail }, columns) }
    }
}

fn order_clause(keys: Vec<String>) -> String {
    if keys.is_empty() { String::new() } else { format!(" ORDER BY {}", keys.join(", ")) }
}

fn group_text(group_by: &GroupBy, keys: &[Typed]) -> String {
    let mut seen = HashSet::new();
    let texts: Vec<String> = keys.iter().map(constant_safe).filter(|text| seen.insert(text.clone())).collect();
    match group_by {
        GroupBy::None => String::new(),
        _ if texts.is_empty() => String::new(),
        _ => format!(" GROUP BY {}", texts.join(", ")),
    }
}

fn is_grouped(select: &Select, items: &[Item<'_>], order_by: &[OrderItem]) -> bool {
    select.group_by != GroupBy::None
        || select.having.is_some()
        || items.iter().filter_map(Item::expression).any(aggregates)
        || select.qualify.as_ref().is_some_and(aggregates)
        || order_by.iter().any(|item| aggregates(&item.expression))
}

fn groupable(key: &Typed, at: Position) -> Result<(), QueryError> {
    let name = match &key.kind {
        Some(Type::Array(_)) => "ARRAY",
        Some(Type::Json) => "JSON",
        _ => return Ok(()),
    };
    Err(QueryError::invalid_query(format!("Grouping by expressions of type {name} is not allowed")).at(at))
}

fn output_columns(items: &[Item<'_>], outputs: &[Typed]) -> Vec<Output> {
    let named = items.iter().zip(outputs);
    named
        .map(|(item, typed)| Output { name: item.name.clone(), kind: typed.kind.clone(), literal: typed.literal })
        .collect()
}

fn check_shape(select: &Select, columns: &[Output]) -> Result<(), QueryError> {
    if select.shape == SelectAs::Value && columns.len() != 1 {
        return Err(QueryError::invalid_query("SELECT AS VALUE query must have exactly one column").at(select.at));
    }
    Ok(())
}

fn check_distinct(select: &Select, outputs: &[Typed], orders: &[Order]) -> Result<(), QueryError> {
    if !select.distinct {
        return Ok(());
    }
    for typed in outputs {
        if let Some(Type::Array(_) | Type::Json) = &typed.kind {
            let message =
                format!("Column of type {} cannot be used in SELECT DISTINCT", type_name(typed.kind.as_ref()));
            return Err(QueryError::invalid_query(message).at(typed.at));
        }
    }
    let visible: Vec<&Use> = outputs.iter().flat_map(|typed| &typed.uses).collect();
    for order in orders {
        let same = outputs.iter().any(|typed| typed.sql == order.typed.sql);
        let hidden = order.typed.uses.iter().find(|used| {
            !visible.iter().any(|other| other.level == used.level && other.name.eq_ignore_ascii_case(&used.name))
        });
        if let (false, Some(used)) = (same, hidden) {
            let message = format!(
                "ORDER BY clause expression references column {} which is not visible after SELECT DISTINCT",
                used.name
            );
            return Err(QueryError::invalid_query(message).at(used.at));
        }
    }
    Ok(())
}

/// The items as written, stars not yet expanded.
pub(super) fn item_name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::Expression { expression, alias } => {
            alias.as_ref().map(|alias| alias.text.clone()).or_else(|| implied_name(expression))
        }
        SelectItem::Star { .. } => None,
    }
}
