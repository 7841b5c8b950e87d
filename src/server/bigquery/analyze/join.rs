//! Joins.

use super::coerce::common;
use super::from::Text;
use super::scope::{Analyzer, Clause, Column, Typed};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::sql::ast::{JoinCondition, JoinKind, Name, Relation};

impl Analyzer<'_> {
    pub(super) fn join(
        &mut self,
        kind: JoinKind,
        left: &Relation,
        right: &Relation,
        condition: &JoinCondition,
        at: Position,
    ) -> Result<Text, QueryError> {
        let first = self.bounds();
        let (left_text, mut uses) = self.relation(left)?;
        let middle = self.bounds();
        let (right_text, right_uses) = self.relation(right)?;
        uses.extend(right_uses);
        let on = match condition {
            JoinCondition::On(expression) => {
                let (sql, typed) = self.condition(expression, Clause::On)?;
                let level = self.level();
                uses.extend(typed.uses.into_iter().filter(|used| used.level < level));
                format!(" ON {sql}")
            }
            JoinCondition::Using(names) => format!(" ON {}", self.using(kind, names, first, middle)?),
            JoinCondition::None if kind == JoinKind::Cross || is_array(self, right) => String::new(),
            JoinCondition::None => {
                let message = format!("{} must have an immediately following ON or USING clause", word(kind));
                return Err(QueryError::invalid_query(message).at(at));
            }
        };
        // SQLite keeps the order of a CROSS JOIN's tables, and may choose for a JOIN.
        let operator = match kind {
            JoinKind::Cross | JoinKind::Inner => "JOIN",
            JoinKind::Left => "LEFT JOIN",
            JoinKind::Right => "RIGHT JOIN",
            JoinKind::Full => "FULL JOIN",
        };
        Ok((format!("{left_text} {operator} {right_text}{on}"), uses))
    }

    fn bounds(&self) -> usize {
        self.scopes.last().map_or(0, |scope| scope.bounds.len())
    }

    /// The condition of `USING (a, b)`; each name becomes one column of both sides.
    fn using(&mut self, kind: JoinKind, names: &[Name], first: usize, middle: usize) -> Result<String, QueryError> {
        let mut conditions = Vec::with_capacity(names.len());
        for name in names {
            let left = self.using_side(name, first..middle, "left")?;
            let right = self.using_side(name, middle..self.bounds(), "right")?;
            let parts = [
                Typed::new(left.sql.clone(), left.kind.clone(), name.at),
                Typed::new(right.sql.clone(), right.kind.clone(), name.at),
            ];
            conditions.push(self.operator("=", &parts, name.at)?.sql);
            let [l, r] = &parts;
            let merged_kind = common(&[l, r], "operator USING", name.at)?;
            let texts = [super::coerce::coerced(l, &merged_kind)?, super::coerce::coerced(r, &merged_kind)?];
            let [left_text, right_text] = texts;
            let sql = match kind {
                JoinKind::Right => right_text,
                JoinKind::Full => format!("coalesce({left_text}, {right_text})"),
                JoinKind::Inner | JoinKind::Left | JoinKind::Cross => left_text,
            };
            let merged = Column { name: left.name.clone(), sql, kind: merged_kind, merged: false };
            self.merge_column(name, merged);
        }
        Ok(conditions.join(" AND "))
    }

    fn using_side(&self, name: &Name, range: std::ops::Range<usize>, side: &str) -> Result<Column, QueryError> {
        let missing = || {
            QueryError::invalid_query(format!("Column {} in USING clause not found on {side} side of join", name.text))
                .at(name.at)
        };
        let scope = self.scopes.last().ok_or_else(missing)?;
        let is = |column: &&Column| column.name.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(&name.text));
        if side == "left"
            && let Some(merged) = scope.merged.iter().find(is)
        {
            return Ok(merged.clone());
        }
        let mut found =
            scope.bounds.get(range).unwrap_or_default().iter().flat_map(|bound| bound.columns.iter()).filter(is);
        match (found.next(), found.next()) {
            (Some(column), None) => Ok(column.clone()),
            (Some(_), Some(_)) => Err(QueryError::invalid_query(format!(
                "Column {} in USING clause is ambiguous on {side} side of join",
                name.text
            ))
            .at(name.at)),
            (None, _) => Err(missing()),
        }
    }

    fn merge_column(&mut self, name: &Name, merged: Column) {
        let Some(scope) = self.scope_mut() else { return };
        let is = |column: &Column| column.name.as_ref().is_some_and(|known| known.eq_ignore_ascii_case(&name.text));
        for column in scope.bounds.iter_mut().flat_map(|bound| bound.columns.iter_mut()).filter(|column| is(column)) {
            column.merged = true;
        }
        match scope.merged.iter_mut().find(|column| is(column)) {
            Some(known) => *known = merged,
            None => scope.merged.push(merged),
        }
    }
}

fn word(kind: JoinKind) -> &'static str {
    match kind {
        JoinKind::Cross => "CROSS JOIN",
        JoinKind::Inner => "INNER JOIN",
        JoinKind::Left => "LEFT JOIN",
        JoinKind::Right => "RIGHT JOIN",
        JoinKind::Full => "FULL JOIN",
    }
}

/// Whether the right side is an array of the left: such a join needs no condition.
fn is_array(analyzer: &Analyzer<'_>, relation: &Relation) -> bool {
    match relation {
        Relation::Unnest { .. } => true,
        Relation::Table { path, .. } => {
            path.parts.len() > 1
                && path.parts.first().is_some_and(|first| super::name::is_range_variable(analyzer, &first.text))
        }
        _ => false,
    }
}
