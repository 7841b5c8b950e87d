//! Analytic functions and their windows.

use super::call::sortable;
use super::expression::argument_texts;
use super::scope::{Analyzer, Clause, Typed};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function::{self, Kind};
use crate::server::bigquery::sql::ast::{Bound, Call, Frame, Name, Window, WindowReference};

/// Functions whose window must be ordered.
const ORDERED: [&str; 7] = ["RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST", "NTILE", "LAG", "LEAD"];

/// How many windows may refer to each other.
const REFERENCES_MAX: usize = 20;

impl Analyzer<'_> {
    pub(super) fn window_call(&mut self, name: &str, call: &Call, at: Position) -> Result<Typed, QueryError> {
        let clause = self.clause();
        if matches!(clause, Clause::Window | Clause::Aggregate) {
            return Err(QueryError::invalid_query(format!(
                "Analytic function cannot be an argument of {} {name}",
                clause.word()
            ))
            .at(at));
        }
        if !clause.takes_windows() {
            return Err(QueryError::invalid_query(format!("Analytic function not allowed in {}", clause.word())).at(at));
        }
        let (parts, modifiers) = self.in_clause(Clause::Window, |analyzer| analyzer.aggregate_parts(name, call))?;
        let arguments: Vec<function::Argument> = parts.iter().map(Typed::argument).collect();
        let resolved = function::resolve_arguments(name, &arguments).map_err(|error| error.at(at))?;
        if resolved.kind == Kind::Scalar {
            return Err(QueryError::invalid_query(format!("Function {name} does not support an OVER clause")).at(at));
        }
        let Some(reference) = &call.over else { return Err(QueryError::invalid_query("OVER is missing").at(at)) };
        let window = self.window(reference, 0)?;
        if window.order_by.is_empty() && ORDERED.contains(&name) {
            return Err(QueryError::invalid_query(format!(
                "Window ORDER BY is required for analytic function {}",
                name.to_lowercase()
            ))
            .at(at));
        }
        let (over, window_parts) = self.in_clause(Clause::Window, |analyzer| analyzer.over(&window))?;
        let function = resolved
            .window_sql(&argument_texts(&resolved, &parts)?, &modifiers.modifiers)
            .map_err(|error| error.at(at))?;
        let all = parts.iter().chain(&modifiers.parts).chain(&window_parts);
        let mut whole = Typed::of(format!("{function} OVER ({over})"), resolved.result, at, all);
        whole.windows = true;
        Ok(whole)
    }

    /// The whole window of a reference: what it inherits is written out.
    fn window(&self, reference: &WindowReference, depth: usize) -> Result<Window, QueryError> {
        let (base, mut window) = match reference {
            WindowReference::Name(name) => return self.named_window(name, depth),
            WindowReference::Specification(window) => (window.base.as_ref(), (**window).clone()),
        };
        let Some(base) = base else { return Ok(window) };
        let inherited = self.named_window(base, depth)?;
        if !window.partition_by.is_empty() || (!window.order_by.is_empty() && !inherited.order_by.is_empty()) {
            let message = format!("A window that refers to {} cannot repeat its PARTITION BY or ORDER BY", base.text);
            return Err(QueryError::invalid_query(message).at(base.at));
        }
        window.partition_by = inherited.partition_by;
        if window.order_by.is_empty() {
            window.order_by = inherited.order_by;
        }
        window.frame = window.frame.or(inherited.frame);
        window.base = None;
        Ok(window)
    }

    fn named_window(&self, name: &Name, depth: usize) -> Result<Window, QueryError> {
        let found = self
            .scopes
            .last()
            .and_then(|scope| scope.windows.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name.text)));
        match found {
            Some((_, reference)) if depth < REFERENCES_MAX => self.window(reference, depth + 1),
            _ => Err(QueryError::invalid_query(format!("Unrecognized window alias {}", name.text)).at(name.at)),
        }
    }

    fn over(&mut self, window: &Window) -> Result<(String, Vec<Typed>), QueryError> {
        let mut parts = Vec::new();
        let mut clauses = Vec::new();
        let mut keys = Vec::new();
        for expression in &window.partition_by {
            let part = self.expression(expression)?;
            sortable(&part, "PARTITION BY")?;
            keys.push(part.sql.clone());
            parts.push(part);
        }
        if !keys.is_empty() {
            clauses.push(format!("PARTITION BY {}", keys.join(", ")));
        }
        let mut orders = Vec::new();
        for item in &window.order_by {
            let (sql, part) = self.order_item(item)?;
            orders.push(sql);
            parts.push(part);
        }
        if !orders.is_empty() {
            clauses.push(format!("ORDER BY {}", orders.join(", ")));
        }
        if let Some(frame) = &window.frame {
            clauses.push(self.frame(frame)?);
        }
        Ok((clauses.join(" "), parts))
    }

    fn frame(&mut self, frame: &Frame) -> Result<String, QueryError> {
        let mode = if frame.rows { "ROWS" } else { "RANGE" };
        let start = self.bound(&frame.start)?;
        let end = frame.end.as_ref().map_or(Ok("CURRENT ROW".to_owned()), |end| self.bound(end))?;
        Ok(format!("{mode} BETWEEN {start} AND {end}"))
    }

    fn bound(&mut self, bound: &Bound) -> Result<String, QueryError> {
        Ok(match bound {
            Bound::UnboundedPreceding => "UNBOUNDED PRECEDING".to_owned(),
            Bound::UnboundedFollowing => "UNBOUNDED FOLLOWING".to_owned(),
            Bound::CurrentRow => "CURRENT ROW".to_owned(),
            Bound::Preceding(distance) => format!("{} PRECEDING", self.count(distance, "Window frame PRECEDING")?),
            Bound::Following(distance) => format!("{} FOLLOWING", self.count(distance, "Window frame FOLLOWING")?),
        })
    }
}
