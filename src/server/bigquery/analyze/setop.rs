//! UNION, INTERSECT, EXCEPT, and the recursion of WITH RECURSIVE.

use super::query::{Core, Output, Rows, cte_text};
use super::scope::{Analyzer, Cte, Typed};
use super::text::type_name;
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function::{self, Argument};
use crate::server::bigquery::sql::ast::{self, Body, Relation, SetOperator};
use crate::server::bigquery::value::Type;

/// Terms in one compound: SQLite's own bound is 500.
const TERMS_MAX: usize = 500;

fn word(operator: SetOperator) -> &'static str {
    match operator {
        SetOperator::UnionAll => "UNION ALL",
        SetOperator::UnionDistinct => "UNION",
        SetOperator::IntersectDistinct => "INTERSECT",
        SetOperator::ExceptDistinct => "EXCEPT",
    }
}

/// As BigQuery's messages name it.
fn name(operator: SetOperator) -> &'static str {
    match operator {
        SetOperator::UnionAll => "UNION ALL",
        SetOperator::UnionDistinct => "UNION DISTINCT",
        SetOperator::IntersectDistinct => "INTERSECT DISTINCT",
        SetOperator::ExceptDistinct => "EXCEPT DISTINCT",
    }
}

/// The terms of a chain of the same operator, in order.
fn terms(body: &Body) -> (Option<SetOperator>, Vec<(&Body, Position)>) {
    let mut found = Vec::new();
    let mut operator = None;
    let mut rest = body;
    while let Body::Set { operator: own, left, right, at } = rest {
        operator = Some(*own);
        found.push((right.as_ref(), *at));
        rest = left;
    }
    found.push((rest, Position { line: 1, column: 1 }));
    found.reverse();
    (operator, found)
}

impl Analyzer<'_> {
    pub(super) fn set_operation(&mut self, body: &Body) -> Result<Rows, QueryError> {
        let (Some(operator), terms) = terms(body) else { return self.term(body) };
        if terms.len() > TERMS_MAX {
            let message = format!("{} of more than {TERMS_MAX} queries is not supported", name(operator));
            return Err(QueryError::invalid_query(message).at(body_at(body)));
        }
        let mut operands = Vec::with_capacity(terms.len());
        for (term, _) in &terms {
            operands.push(self.term(term)?);
        }
        self.combine(operator, operands, &terms)
    }

    fn term(&mut self, body: &Body) -> Result<Rows, QueryError> {
        match body {
            Body::Select(select) => self.select(select, &[]),
            Body::Query(query) => self.query(query),
            Body::Set { .. } => self.set_operation(body),
        }
    }

    fn combine(
        &mut self,
        operator: SetOperator,
        operands: Vec<Rows>,
        terms: &[(&Body, Position)],
    ) -> Result<Rows, QueryError> {
        let kinds = common_columns(operator, &operands, terms)?;
        let mut texts = Vec::with_capacity(operands.len());
        let mut uses = Vec::new();
        let mut names = Vec::new();
        for (index, mut operand) in operands.into_iter().enumerate() {
            if !operand.is_bare() || matches!(operand.core, Core::Compound(_)) {
                operand = operand.wrap(self);
            }
            operand.coerce(self, &kinds)?;
            if index == 0 {
                names = operand.columns.iter().map(|output| output.name.clone()).collect();
            }
            uses.append(&mut operand.uses);
            texts.push(operand.core_sql());
        }
        let columns = names
            .into_iter()
            .zip(kinds)
            .map(|(name, kind)| Output { name, kind: Some(kind), literal: false })
            .collect();
        let text = texts.join(&format!(" {} ", word(operator)));
        Ok(Rows { uses, ..Rows::new(Core::Compound(text), columns) })
    }

    /// `t AS (base UNION ALL step)` where the step reads `t`. False when the query does not read itself.
    pub(super) fn define_recursive(&mut self, cte: &ast::Cte) -> Result<bool, QueryError> {
        let Body::Set { operator: operator @ (SetOperator::UnionAll | SetOperator::UnionDistinct), left, right, at } =
            &cte.query.body
        else {
            return Ok(false);
        };
        if !reads(right, &cte.name.text) || !cte.query.with.is_empty() {
            return Ok(false);
        }
        if !cte.query.order_by.is_empty() || cte.query.limit.is_some() {
            let message = "ORDER BY and LIMIT are not allowed in a recursive query";
            return Err(QueryError::invalid_query(message).at(cte.query.at));
        }
        let mut base = self.set_operation(left)?;
        base.default_types();
        if !base.is_bare() {
            base = base.wrap(self);
        }
        let columns: Vec<(Option<String>, Type)> = base
            .columns
            .iter()
            .map(|output| (output.name.clone(), output.kind.clone().unwrap_or(Type::Int64)))
            .collect();
        let table = self.fresh('w');
        self.ctes.push(Cte {
            name: cte.name.text.clone(),
            table: table.clone(),
            columns: columns.clone(),
            definition: String::new(),
            used: false,
        });
        let step = self.recursive_step(right, &columns, *operator, *at);
        let placeholder = self.ctes.pop();
        let step = step?;
        let sql = format!("{} {} {}", base.core_sql(), word(*operator), step.core_sql());
        let definition = cte_text(&table, columns.len(), &sql);
        self.ctes.extend(placeholder.map(|cte| Cte { definition, used: false, ..cte }));
        Ok(true)
    }

    fn recursive_step(
        &mut self,
        body: &Body,
        columns: &[(Option<String>, Type)],
        operator: SetOperator,
        at: Position,
    ) -> Result<Rows, QueryError> {
        let mut step = self.term(body)?;
        if step.columns.len() != columns.len() {
            return Err(mismatch(operator, columns.len(), step.columns.len(), at));
        }
        if !step.is_bare() {
            step = step.wrap(self);
        }
        let kinds: Vec<Type> = columns.iter().map(|(_, kind)| kind.clone()).collect();
        for (index, (output, kind)) in step.columns.iter().zip(&kinds).enumerate() {
            let typed = Typed { kind: output.kind.clone(), literal: output.literal, ..Typed::null(at) };
            if !super::coerce::assignable(&typed, kind) {
                let message = format!(
                    "Cannot coerce column {} of the recursive term from {} to {}",
                    index + 1,
                    type_name(output.kind.as_ref()),
                    kind.name()
                );
                return Err(QueryError::invalid_query(message).at(at));
            }
        }
        step.coerce(self, &kinds)?;
        Ok(step)
    }
}

fn mismatch(operator: SetOperator, first: usize, other: usize, at: Position) -> QueryError {
    let message = format!(
        "Queries in {} have mismatched column count; query 1 has {first} columns, query 2 has {other} columns",
        name(operator)
    );
    QueryError::invalid_query(message).at(at)
}

fn common_columns(
    operator: SetOperator,
    operands: &[Rows],
    terms: &[(&Body, Position)],
) -> Result<Vec<Type>, QueryError> {
    let width = operands.first().map_or(0, |first| first.columns.len());
    for (index, (operand, (body, _))) in operands.iter().zip(terms).enumerate() {
        if operand.columns.len() != width {
            let message = format!(
                "Queries in {} have mismatched column count; query 1 has {width} column{}, query {} has {} column{}",
                name(operator),
                if width == 1 { "" } else { "s" },
                index + 1,
                operand.columns.len(),
                if operand.columns.len() == 1 { "" } else { "s" },
            );
            return Err(QueryError::invalid_query(message).at(body_at(body)));
        }
    }
    let mut kinds = Vec::with_capacity(width);
    for column in 0..width {
        let outputs: Vec<&Output> = operands.iter().filter_map(|operand| operand.columns.get(column)).collect();
        let arguments: Vec<Argument> =
            outputs.iter().map(|output| Argument { kind: output.kind.clone(), literal: output.literal }).collect();
        kinds.push(function::common_type_of(&arguments).ok_or_else(|| {
            let names: Vec<String> = outputs.iter().map(|output| type_name(output.kind.as_ref())).collect();
            let message =
                format!("Column {} in {} has incompatible types: {}", column + 1, name(operator), names.join(", "));
            let at = terms.get(1).map_or(Position { line: 1, column: 1 }, |(body, _)| body_at(body));
            QueryError::invalid_query(message).at(at)
        })?);
    }
    Ok(kinds)
}

fn body_at(body: &Body) -> Position {
    match body {
        Body::Select(select) => select.at,
        Body::Query(query) => query.at,
        Body::Set { at, .. } => *at,
    }
}

/// Whether a FROM of the body names the table, outside of subqueries in expressions.
fn reads(body: &Body, table: &str) -> bool {
    match body {
        Body::Select(select) => select.from.as_ref().is_some_and(|from| relation_reads(from, table)),
        Body::Query(query) => reads(&query.body, table),
        Body::Set { left, right, .. } => reads(left, table) || reads(right, table),
    }
}

fn relation_reads(relation: &Relation, table: &str) -> bool {
    match relation {
        Relation::Table { path, .. } => {
            matches!(path.parts.as_slice(), [only] if only.text.eq_ignore_ascii_case(table))
        }
        Relation::Subquery { query, .. } => reads(&query.body, table),
        Relation::Join { left, right, .. } => relation_reads(left, table) || relation_reads(right, table),
        Relation::Parenthesized(inner) => relation_reads(inner, table),
        Relation::Unnest { .. } | Relation::Function { .. } => false,
    }
}
