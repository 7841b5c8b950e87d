//! Function calls: scalars, aggregates, and what GoogleSQL's grammar makes special.

use super::aggregate::{function_name, is_aggregate};
use super::coerce::{coerced, common};
use super::expression::{argument_texts, parse_integer, part_literal};
use super::scope::{Analyzer, Clause, Typed};
use super::text::type_name;
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function::{self, Extreme, Having, Kind, Modifiers, Nulls};
use crate::server::bigquery::sql::ast::{
    Argument, Call, DatePart, Expression, ExpressionKind, HavingKind, Literal, NullTreatment, OrderItem,
};
use crate::server::bigquery::value::Type;

impl Analyzer<'_> {
    pub(super) fn call(&mut self, call: &Call, at: Position) -> Result<Typed, QueryError> {
        let (name, safe) = function_name(call);
        if call.arguments.iter().any(|argument| matches!(argument, Argument::Model(_) | Argument::Table(_))) {
            return Err(QueryError::invalid_query(format!("Table-valued function is not expected here: {name}")).at(at));
        }
        if call.over.is_some() || is_aggregate(&name) {
            if safe {
                return Err(
                    QueryError::invalid_query(format!("Function {name} does not support SAFE error mode")).at(at)
                );
            }
            return if call.over.is_some() {
                self.window_call(&name, call, at)
            } else {
                self.aggregate_call(&name, call, at)
            };
        }
        self.refuse_modifiers(&name, call, at)?;
        match (name.as_str(), safe) {
            ("IF", false) => self.if_call(call, at),
            ("COALESCE" | "IFNULL", false) => self.coalesce(&name, call, at),
            _ => {
                let parts = self.arguments(&name, call)?;
                self.scalar(&name, &parts, safe, at)
            }
        }
    }

    fn scalar(&self, name: &str, parts: &[Typed], safe: bool, at: Position) -> Result<Typed, QueryError> {
        let arguments: Vec<function::Argument> = parts.iter().map(Typed::argument).collect();
        let call = function::resolve_arguments(name, &arguments).map_err(|error| error.at(at))?;
        if call.kind == Kind::Window {
            return Err(QueryError::invalid_query(format!(
                "Analytic function {name} cannot be called without an OVER clause"
            ))
            .at(at));
        }
        self.apply(&call, parts, safe, at)
    }

    fn refuse_modifiers(&self, name: &str, call: &Call, at: Position) -> Result<(), QueryError> {
        let word = if call.distinct {
            "DISTINCT"
        } else if call.nulls.is_some() {
            "IGNORE NULLS and RESPECT NULLS"
        } else if !call.order_by.is_empty() {
            "ORDER BY"
        } else if call.limit.is_some() {
            "LIMIT"
        } else if call.having.is_some() {
            "HAVING"
        } else if call.star {
            return Err(
                QueryError::invalid_query(format!("Argument * can only be used in COUNT(*), not in {name}")).at(at)
            );
        } else {
            return Ok(());
        };
        // A function that is not there is the greater mistake.
        if let Err(error) = function::resolve(name, &[])
            && error.message.starts_with("Function not found")
        {
            return Err(error.at(at));
        }
        Err(QueryError::invalid_query(format!("Non-aggregate function {name} cannot be called with {word}")).at(at))
    }

    /// The typed arguments; date parts become strings, `INTERVAL n PART` two arguments.
    pub(super) fn arguments(&mut self, name: &str, call: &Call) -> Result<Vec<Typed>, QueryError> {
        let mut parts = Vec::with_capacity(call.arguments.len());
        for (index, argument) in call.arguments.iter().enumerate() {
            let value = match argument {
                Argument::Expression(value) => value,
                Argument::Named(argument, _) => {
                    let message =
                        format!("Named argument {} not found in signature for call to function {name}", argument.text);
                    return Err(QueryError::invalid_query(message).at(argument.at));
                }
                Argument::Model(path) | Argument::Table(path) => {
                    return Err(QueryError::invalid_query(format!(
                        "Table-valued function is not expected here: {name}"
                    ))
                    .at(path.at));
                }
            };
            if let ExpressionKind::Interval { value, part } = &value.kind {
                parts.push(self.interval_count(value)?);
                parts.push(part_literal(part));
            } else if takes_part(name, index)
                && let Some(part) = date_part(value)
            {
                parts.push(part_literal(&part));
            } else {
                parts.push(self.expression(value)?);
            }
        }
        Ok(parts)
    }

    fn positional_arguments<'c>(
        &self,
        name: &str,
        call: &'c Call,
        least: usize,
        most: usize,
        at: Position,
    ) -> Result<Vec<&'c Expression>, QueryError> {
        let values: Vec<&Expression> = call
            .arguments
            .iter()
            .filter_map(|argument| if let Argument::Expression(value) = argument { Some(value) } else { None })
            .collect();
        if values.len() != call.arguments.len() || values.len() < least || values.len() > most {
            let message = format!("Number of arguments does not match for function {name}");
            return Err(QueryError::invalid_query(message).at(at));
        }
        Ok(values)
    }

    fn if_call(&mut self, call: &Call, at: Position) -> Result<Typed, QueryError> {
        let mut parts = Vec::with_capacity(3);
        for value in self.positional_arguments("IF", call, 3, 3, at)? {
            parts.push(self.expression(value)?);
        }
        let [condition, yes, no] = parts.as_slice() else {
            return Err(QueryError::invalid_query("Number of arguments does not match for function IF").at(at));
        };
        let kind = match common(&[yes, no], "function IF", at) {
            Ok(kind) if matches!(condition.kind, None | Some(Type::Bool)) => kind,
            _ => {
                let names: Vec<String> = parts.iter().map(|part| type_name(part.kind.as_ref())).collect();
                let message = format!(
                    "No matching signature for function IF for argument types: {}. Supported signature: IF(BOOL, ANY, ANY)",
                    names.join(", ")
                );
                return Err(QueryError::invalid_query(message).at(at));
            }
        };
        let sql =
            format!("(CASE WHEN {} THEN {} ELSE {} END)", condition.sql, coerced(yes, &kind)?, coerced(no, &kind)?);
        let mut whole = Typed::of(sql, kind, at, &parts);
        if yes.kind.is_none() && no.kind.is_none() {
            whole.kind = None;
        }
        Ok(whole)
    }

    /// SQLite's own `coalesce` stops at the first value, as BigQuery's does.
    fn coalesce(&mut self, name: &str, call: &Call, at: Position) -> Result<Typed, QueryError> {
        let (least, most) = if name == "IFNULL" { (2, 2) } else { (1, 100) };
        let mut parts = Vec::new();
        for value in self.positional_arguments(name, call, least, most, at)? {
            parts.push(self.expression(value)?);
        }
        let kind = common(&parts.iter().collect::<Vec<_>>(), &format!("function {name}"), at)?;
        let mut texts = Vec::with_capacity(parts.len());
        for part in &parts {
            texts.push(coerced(part, &kind)?);
        }
        let sql = if texts.len() == 1 { texts.concat() } else { format!("coalesce({})", texts.join(", ")) };
        let mut whole = Typed::of(sql, kind, at, &parts);
        if parts.iter().all(|part| part.kind.is_none()) {
            whole.kind = None;
        }
        Ok(whole)
    }

    fn aggregate_call(&mut self, name: &str, call: &Call, at: Position) -> Result<Typed, QueryError> {
        let clause = self.clause();
        if clause == Clause::Aggregate {
            return Err(QueryError::invalid_query("Aggregations of aggregations are not allowed").at(at));
        }
        if !clause.takes_aggregates() {
            return Err(QueryError::invalid_query(format!(
                "Aggregate function {name} not allowed in {}",
                clause.word()
            ))
            .at(at));
        }
        let (parts, modifiers) = self.in_clause(Clause::Aggregate, |analyzer| analyzer.aggregate_parts(name, call))?;
        let arguments: Vec<function::Argument> = parts.iter().map(Typed::argument).collect();
        let resolved = function::resolve_arguments(name, &arguments).map_err(|error| error.at(at))?;
        let sql = resolved
            .aggregate_sql(&argument_texts(&resolved, &parts)?, &modifiers.modifiers)
            .map_err(|error| error.at(at))?;
        let mut whole = Typed::of(sql, resolved.result, at, parts.iter().chain(&modifiers.parts));
        let level = self.level();
        whole.uses.retain(|used| used.level != level);
        whole.aggregates = true;
        Ok(whole)
    }

    pub(super) fn aggregate_parts(
        &mut self,
        name: &str,
        call: &Call,
    ) -> Result<(Vec<Typed>, TypedModifiers), QueryError> {
        let parts = self.arguments(name, call)?;
        if call.star && name != "COUNT" {
            let at = super::name::place(&call.name, self.here(call));
            return Err(
                QueryError::invalid_query(format!("Argument * can only be used in COUNT(*), not in {name}")).at(at)
            );
        }
        let mut typed = TypedModifiers::default();
        typed.modifiers.distinct = call.distinct;
        typed.modifiers.nulls = call.nulls.map(|nulls| match nulls {
            NullTreatment::Ignore => Nulls::Ignore,
            NullTreatment::Respect => Nulls::Respect,
        });
        typed.modifiers.limit = call.limit.as_ref().map(|limit| self.count(limit, "LIMIT")).transpose()?;
        for item in &call.order_by {
            let (sql, part) = self.order_item(item)?;
            typed.modifiers.order_by.push(sql);
            typed.parts.push(part);
        }
        if let Some((kind, value)) = &call.having {
            let part = self.expression(value)?;
            let extreme = if *kind == HavingKind::Max { Extreme::Max } else { Extreme::Min };
            typed.modifiers.having = Some(Having { extreme, sql: part.sql.clone(), kind: part.type_or_default() });
            typed.parts.push(part);
        }
        Ok((parts, typed))
    }

    fn here(&self, call: &Call) -> Position {
        call.name.first().map_or(Position { line: 1, column: 1 }, |name| name.at)
    }

    /// A sort key with its direction.
    pub(super) fn order_item(&mut self, item: &OrderItem) -> Result<(String, Typed), QueryError> {
        let part = self.expression(&item.expression)?;
        sortable(&part, "ORDER BY")?;
        Ok((order_text(&part.sql, &part.type_or_default(), item), part))
    }

    /// A count that must be a literal or a parameter and not negative.
    pub(super) fn count(&mut self, expression: &Expression, what: &str) -> Result<u64, QueryError> {
        let value = match &expression.kind {
            ExpressionKind::Literal(Literal::Integer(text)) => parse_integer(text),
            ExpressionKind::Parameter(_)
            | ExpressionKind::Positional(_)
            | ExpressionKind::Cast { .. }
            | ExpressionKind::Path(_) => match super::constant::constant(expression, &*self.catalog) {
                Ok((Type::Int64, crate::server::bigquery::value::Value::Int64(value))) => Some(value),
                _ => None,
            },
            _ => None,
        };
        value.and_then(|value| u64::try_from(value).ok()).ok_or_else(|| {
            QueryError::invalid_query(format!("{what} expects a non-negative integer literal or parameter"))
                .at(expression.at)
        })
    }
}

/// [`Modifiers`] with the expressions that are in them.
#[derive(Default)]
pub(super) struct TypedModifiers {
    pub(super) modifiers: Modifiers,
    pub(super) parts: Vec<Typed>,
}

/// Whether values of the type have an order; `what` begins the message.
pub(super) fn sortable(part: &Typed, what: &str) -> Result<(), QueryError> {
    if let Some(kind @ (Type::Array(_) | Type::Struct(_) | Type::Json)) = &part.kind {
        let name = match kind {
            Type::Array(_) => "ARRAY",
            Type::Struct(_) => "STRUCT",
            _ => "JSON",
        };
        let message = format!(
            "{what} does not support expressions of type {}",
            if name == "JSON" { name.to_owned() } else { kind.name() }
        );
        return Err(QueryError::invalid_query(message).at(part.at));
    }
    Ok(())
}

/// A key with its direction, sorted as BigQuery does. SQLite has NULLs first and last as BigQuery by itself.
pub(super) fn order_text(sql: &str, kind: &Type, item: &OrderItem) -> String {
    let direction = if item.descending { " DESC" } else { "" };
    let nulls = match item.nulls_first {
        None => "",
        Some(true) => " NULLS FIRST",
        Some(false) => " NULLS LAST",
    };
    format!("{}{direction}{nulls}", function::sort_key(kind, sql))
}

/// Whether this argument of the function is a date part or another bare word.
fn takes_part(name: &str, index: usize) -> bool {
    match name {
        "DATE_TRUNC"
        | "DATETIME_TRUNC"
        | "TIMESTAMP_TRUNC"
        | "TIME_TRUNC"
        | "LAST_DAY"
        | "NORMALIZE"
        | "NORMALIZE_AND_CASEFOLD" => index == 1,
        "DATE_DIFF" | "DATETIME_DIFF" | "TIMESTAMP_DIFF" | "TIME_DIFF" => index == 2,
        _ => false,
    }
}

/// `HOUR` or `WEEK(MONDAY)` where an expression stands.
fn date_part(expression: &Expression) -> Option<DatePart> {
    let single = |expression: &Expression| match &expression.kind {
        ExpressionKind::Path(names) => match names.as_slice() {
            [name] => Some(name.text.to_ascii_uppercase()),
            _ => None,
        },
        _ => None,
    };
    let text = match &expression.kind {
        ExpressionKind::Call(call) => match (call.name.as_slice(), call.arguments.as_slice()) {
            ([name], [Argument::Expression(day)]) => format!("{}({})", name.text.to_ascii_uppercase(), single(day)?),
            _ => return None,
        },
        _ => single(expression)?,
    };
    Some(DatePart { text, at: expression.at })
}
