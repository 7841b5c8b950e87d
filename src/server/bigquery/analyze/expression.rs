//! Expressions to typed SQLite text.

use super::coerce::{cast, coerced, common};
use super::scope::{Analyzer, Clause, Typed};
use super::text::{blob_literal, float_literal, integer_literal, string_literal, type_name, value_literal};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function::{self, Argument, Call};
use crate::server::bigquery::sql::ast::{
    DatePart, Expression, ExpressionKind, InSet, IndexKind, IsTest, Literal, Name,
};
use crate::server::bigquery::value::{Type, Value};

mod construct;

impl Analyzer<'_> {
    pub(super) fn expression(&mut self, expression: &Expression) -> Result<Typed, QueryError> {
        let typed = self.by_kind(expression)?;
        Ok(self.covered(typed))
    }

    /// What equals a grouping key reads nothing ungrouped.
    pub(super) fn covered(&self, mut typed: Typed) -> Typed {
        if typed.uses.is_empty() {
            return typed;
        }
        for (level, scope) in self.scopes.iter().enumerate() {
            if scope.keys.contains(&typed.sql) {
                typed.uses.retain(|used| used.level != level);
            }
        }
        typed
    }

    fn by_kind(&mut self, expression: &Expression) -> Result<Typed, QueryError> {
        let at = expression.at;
        match &expression.kind {
            ExpressionKind::Literal(value) => literal(value, at),
            ExpressionKind::Path(names) => self.path(names),
            ExpressionKind::Field(base, name) => {
                let base = self.expression(base)?;
                self.field(base, name)
            }
            ExpressionKind::Index { base, index, kind } => self.index(base, index, *kind, at),
            ExpressionKind::Parameter(name) => self.parameter(name, at),
            ExpressionKind::Positional(number) => self.positional(*number, at),
            ExpressionKind::SystemVariable(names) => self.system_variable(names, at),
            ExpressionKind::Unary { operator, operand } => self.unary(operator, operand, at),
            ExpressionKind::Binary { operator, left, right, .. } => self.binary(operator, left, right, at),
            ExpressionKind::Is { operand, test, negated } => self.is_test(operand, *test, *negated, at),
            ExpressionKind::Between { operand, low, high, negated, operator_at } => {
                let parts = [self.expression(operand)?, self.expression(low)?, self.expression(high)?];
                let between = self.operator("BETWEEN", &parts, *operator_at)?;
                self.negated(between, *negated)
            }
            ExpressionKind::In { operand, set, negated, operator_at } => {
                let found = self.in_set(operand, set, *operator_at)?;
                self.negated(found, *negated)
            }
            ExpressionKind::Case { operand, arms, otherwise } => {
                self.case(operand.as_deref(), arms, otherwise.as_deref(), at)
            }
            ExpressionKind::Cast { operand, to, safe, format } => self.cast(operand, to, *safe, format.as_deref()),
            ExpressionKind::Extract { part, operand, zone } => self.extract(part, operand, zone.as_deref(), at),
            ExpressionKind::Call(call) => self.call(call, at),
            ExpressionKind::Array { element, items } => self.array(element.as_ref(), items, at),
            ExpressionKind::Struct { fields, items } => self.structure(fields.as_deref(), items, at),
            ExpressionKind::ArraySubquery(query) => self.array_subquery(query, at),
            ExpressionKind::Subquery(query) => self.scalar_subquery(query, at),
            ExpressionKind::Exists(query) => self.exists(query, at),
            ExpressionKind::Interval { .. } => Err(QueryError::invalid_query(
                "INTERVAL is supported only as an argument of date and time functions and beside + and -",
            )
            .at(at)),
        }
    }

    /// An operator on typed operands.
    pub(super) fn operator(&self, operator: &str, parts: &[Typed], at: Position) -> Result<Typed, QueryError> {
        let arguments: Vec<Argument> = parts.iter().map(Typed::argument).collect();
        let call = function::resolve_operator_arguments(operator, &arguments).map_err(|error| error.at(at))?;
        let begin = parts.first().map_or(at, |first| first.at);
        self.apply(&call, parts, false, begin)
    }

    /// A scalar call on typed arguments.
    pub(super) fn apply(&self, call: &Call, parts: &[Typed], safe: bool, at: Position) -> Result<Typed, QueryError> {
        let texts = argument_texts(call, parts)?;
        let sql = if safe { call.safe_sql(&texts) } else { call.sql(&texts) };
        Ok(Typed::of(sql, call.result.clone(), at, parts))
    }

    fn parameter(&self, name: &str, at: Position) -> Result<Typed, QueryError> {
        match self.catalog.variable(&format!("@{name}")) {
            Some((kind, value)) => Ok(Typed::literal(value_literal(&value), kind, at)),
            None => Err(QueryError::invalid_query(format!("Query parameter '{name}' not found")).at(at)),
        }
    }

    fn positional(&self, number: usize, at: Position) -> Result<Typed, QueryError> {
        match self.catalog.variable(&format!("?{number}")) {
            Some((kind, value)) => Ok(Typed::literal(value_literal(&value), kind, at)),
            None => {
                let message = "Query parameter not found: positional parameters are fewer than the query's `?`";
                Err(QueryError::invalid_query(message).at(at))
            }
        }
    }

    fn system_variable(&self, names: &[Name], at: Position) -> Result<Typed, QueryError> {
        let texts: Vec<&str> = names.iter().map(|name| name.text.as_str()).collect();
        let name = format!("@@{}", texts.join("."));
        match self.catalog.variable(&name) {
            Some((kind, value)) => Ok(Typed::literal(value_literal(&value), kind, at)),
            None => Err(QueryError::invalid_query(format!("Unrecognized name: {name}")).at(at)),
        }
    }

    fn index(
        &mut self,
        base: &Expression,
        index: &Expression,
        kind: IndexKind,
        at: Position,
    ) -> Result<Typed, QueryError> {
        let base = self.expression(base)?;
        let position = self.expression(index)?;
        let operator = match kind {
            IndexKind::Offset => "[OFFSET]",
            IndexKind::Ordinal => "[ORDINAL]",
            IndexKind::SafeOffset => "[SAFE_OFFSET]",
            IndexKind::SafeOrdinal => "[SAFE_ORDINAL]",
            IndexKind::Plain => "[]",
        };
        if !matches!(base.kind, Some(Type::Array(_) | Type::Json) | None) {
            let message = format!(
                "Subscript access using [INT64] is not supported on values of type {}",
                type_name(base.kind.as_ref())
            );
            return Err(QueryError::invalid_query(message).at(at));
        }
        self.operator(operator, &[base, position], index.at)
    }

    fn unary(&mut self, operator: &'static str, operand: &Expression, at: Position) -> Result<Typed, QueryError> {
        if let ("-", ExpressionKind::Literal(value)) = (operator, &operand.kind) {
            match value {
                Literal::Integer(text) => return integer(&format!("-{text}"), at),
                Literal::Float(value) => return Ok(Typed::literal(float_literal(-value), Type::Float64, at)),
                _ => {}
            }
        }
        let part = self.expression(operand)?;
        if operator == "NOT" && matches!(part.kind, None | Some(Type::Bool)) {
            return Ok(Typed::of(format!("(NOT {})", part.sql), Type::Bool, at, [&part]));
        }
        self.operator(operator, &[part], at)
    }

    fn binary(
        &mut self,
        operator: &'static str,
        left: &Expression,
        right: &Expression,
        at: Position,
    ) -> Result<Typed, QueryError> {
        if matches!(operator, "+" | "-") {
            match (&left.kind, &right.kind) {
                (_, ExpressionKind::Interval { value, part }) => return self.shifted(operator, left, value, part, at),
                (ExpressionKind::Interval { value, part }, _) if operator == "+" => {
                    return self.shifted(operator, right, value, part, at);
                }
                _ => {}
            }
        }
        let parts = [self.expression(left)?, self.expression(right)?];
        if matches!(operator, "AND" | "OR") && parts.iter().all(|part| matches!(part.kind, None | Some(Type::Bool))) {
            let [left, right] = &parts;
            return Ok(Typed::of(format!("({} {operator} {})", left.sql, right.sql), Type::Bool, at, &parts));
        }
        self.operator(operator, &parts, at)
    }

    /// `moment + INTERVAL n PART`.
    fn shifted(
        &mut self,
        operator: &str,
        moment: &Expression,
        value: &Expression,
        part: &DatePart,
        at: Position,
    ) -> Result<Typed, QueryError> {
        let mut moment = self.expression(moment)?;
        if moment.kind == Some(Type::Date) {
            moment.sql = coerced(&moment, &Type::Datetime)?;
            moment.kind = Some(Type::Datetime);
        }
        let prefix = match &moment.kind {
            Some(Type::Datetime) => "DATETIME",
            Some(Type::Time) => "TIME",
            _ => "TIMESTAMP",
        };
        let name = format!("{prefix}_{}", if operator == "+" { "ADD" } else { "SUB" });
        let count = self.interval_count(value)?;
        self.resolved(&name, &[moment, count, part_literal(part)], false, at)
    }

    /// The n of `INTERVAL n PART`; a quoted whole number counts too.
    pub(super) fn interval_count(&mut self, value: &Expression) -> Result<Typed, QueryError> {
        let count = self.expression(value)?;
        match count.kind {
            Some(Type::String) if count.literal => {
                Ok(Typed::new(cast(&Type::String, &Type::Int64, &count.sql)?, Type::Int64, count.at))
            }
            None | Some(Type::Int64) => Ok(count),
            _ => {
                let message = format!(
                    "Interval value must be coercible to INT64 type, but it has type {}",
                    type_name(count.kind.as_ref())
                );
                Err(QueryError::invalid_query(message).at(count.at))
            }
        }
    }

    /// A call of a catalogue function on typed arguments.
    pub(super) fn resolved(&self, name: &str, parts: &[Typed], safe: bool, at: Position) -> Result<Typed, QueryError> {
        let arguments: Vec<Argument> = parts.iter().map(Typed::argument).collect();
        let call = function::resolve_arguments(name, &arguments).map_err(|error| error.at(at))?;
        self.apply(&call, parts, safe, at)
    }

    fn is_test(
        &mut self,
        operand: &Expression,
        test: IsTest,
        negated: bool,
        at: Position,
    ) -> Result<Typed, QueryError> {
        let part = self.expression(operand)?;
        let word = match test {
            IsTest::Null => "NULL",
            IsTest::True => "TRUE",
            IsTest::False => "FALSE",
        };
        if test != IsTest::Null && !matches!(part.kind, None | Some(Type::Bool)) {
            return self.operator(if test == IsTest::True { "IS TRUE" } else { "IS FALSE" }, &[part], at);
        }
        let not = if negated { " NOT" } else { "" };
        Ok(Typed::of(format!("({} IS{not} {word})", part.sql), Type::Bool, at, [&part]))
    }

    pub(super) fn negated(&self, typed: Typed, negated: bool) -> Result<Typed, QueryError> {
        if !negated {
            return Ok(typed);
        }
        Ok(Typed::of(format!("(NOT {})", typed.sql), Type::Bool, typed.at, [&typed]))
    }

    fn in_set(&mut self, operand: &Expression, set: &InSet, at: Position) -> Result<Typed, QueryError> {
        let part = self.expression(operand)?;
        match set {
            InSet::List(items) => {
                let mut parts = vec![part];
                for item in items {
                    parts.push(self.expression(item)?);
                }
                self.operator("IN", &parts, at)
            }
            InSet::Subquery(query) => self.in_subquery(part, query, at),
            InSet::Unnest(array) => self.in_unnest(part, array, at),
        }
    }

    fn in_unnest(&mut self, part: Typed, array: &Expression, at: Position) -> Result<Typed, QueryError> {
        let array = self.expression(array)?;
        let Some(Type::Array(element)) = array.kind.clone() else {
            let message = format!(
                "Values referenced in UNNEST must be arrays. UNNEST contains expression of type {}",
                type_name(array.kind.as_ref())
            );
            return Err(QueryError::invalid_query(message).at(array.at));
        };
        let member = Typed { literal: array.literal, ..Typed::new("", (*element).clone(), array.at) };
        let kind = common(&[&part, &member], "operator IN UNNEST", at)?;
        let alias = self.fresh('t');
        let (from, value) = function::unnest_sql(&element, &array.sql, &format!("{alias}.value"));
        let value = cast(&element, &kind, &value)?;
        let sql = format!("({} IN (SELECT {value} FROM {from} AS {alias}))", coerced(&part, &kind)?);
        Ok(Typed::of(sql, Type::Bool, part.at, [&part, &array]))
    }

    fn case(
        &mut self,
        operand: Option<&Expression>,
        arms: &[(Expression, Expression)],
        otherwise: Option<&Expression>,
        at: Position,
    ) -> Result<Typed, QueryError> {
        let operand = operand.map(|operand| self.expression(operand)).transpose()?;
        let mut whens = Vec::with_capacity(arms.len());
        let mut thens = Vec::with_capacity(arms.len());
        for (when, then) in arms {
            whens.push(self.expression(when)?);
            thens.push(self.expression(then)?);
        }
        let otherwise = otherwise.map(|otherwise| self.expression(otherwise)).transpose()?;
        let branches: Vec<&Typed> = thens.iter().chain(&otherwise).collect();
        let untyped = branches.iter().all(|branch| branch.kind.is_none());
        let kind = common(&branches, "operator CASE", at)?;
        let mut sql = "(CASE".to_owned();
        let compared = match &operand {
            None => Type::Bool,
            Some(operand) => common(&std::iter::once(operand).chain(&whens).collect::<Vec<_>>(), "operator CASE", at)?,
        };
        if let Some(operand) = &operand {
            sql.push_str(&format!(" {}", coerced(operand, &compared)?));
        }
        for (when, then) in whens.iter().zip(&thens) {
            if operand.is_none() && !matches!(when.kind, None | Some(Type::Bool)) {
                let message =
                    format!("CASE condition should be of type BOOL, but is of type {}", type_name(when.kind.as_ref()));
                return Err(QueryError::invalid_query(message).at(when.at));
            }
            sql.push_str(&format!(" WHEN {} THEN {}", coerced(when, &compared)?, coerced(then, &kind)?));
        }
        if let Some(otherwise) = &otherwise {
            sql.push_str(&format!(" ELSE {}", coerced(otherwise, &kind)?));
        }
        sql.push_str(" END)");
        let parts: Vec<&Typed> = operand.iter().chain(&whens).chain(&thens).chain(&otherwise).collect();
        let mut whole = Typed::of(sql, kind, at, parts);
        if untyped {
            whole.kind = None;
        }
        Ok(whole)
    }

    fn cast(
        &mut self,
        operand: &Expression,
        to: &Type,
        safe: bool,
        format: Option<&Expression>,
    ) -> Result<Typed, QueryError> {
        if let Some(format) = format {
            return Err(QueryError::invalid_query("CAST with FORMAT is not supported").at(format.at));
        }
        let part = self.expression(operand)?;
        let Some(from) = &part.kind else { return Ok(Typed::new("NULL", to.clone(), part.at)) };
        let call = function::cast(from, to, safe).ok_or_else(|| {
            QueryError::invalid_query(format!("Invalid cast from {} to {}", from.name(), to.name())).at(part.at)
        })?;
        Ok(Typed::of(call.sql(&part.sql), to.clone(), part.at, [&part]))
    }

    fn extract(
        &mut self,
        part: &DatePart,
        operand: &Expression,
        zone: Option<&Expression>,
        at: Position,
    ) -> Result<Typed, QueryError> {
        let mut parts = vec![self.expression(operand)?];
        if let Some(zone) = zone {
            parts.push(self.expression(zone)?);
        }
        if matches!(part.text.as_str(), "DATE" | "TIME" | "DATETIME") {
            return self.resolved(&part.text, &parts, false, at);
        }
        parts.insert(0, part_literal(part));
        self.resolved("EXTRACT", &parts, false, at)
    }

    /// An expression in a clause that must be a condition.
    pub(super) fn condition(&mut self, expression: &Expression, clause: Clause) -> Result<(String, Typed), QueryError> {
        let typed = self.in_clause(clause, |analyzer| analyzer.expression(expression))?;
        let sql = super::coerce::condition(&typed, clause)?;
        Ok((sql, typed))
    }
}

/// The arguments' texts with the types that the call takes.
pub(super) fn argument_texts(call: &Call, parts: &[Typed]) -> Result<Vec<String>, QueryError> {
    let kinds = call.arguments.iter().map(Some).chain(std::iter::repeat(None));
    parts
        .iter()
        .zip(kinds)
        .map(|(part, kind)| kind.map_or_else(|| Ok(part.sql.clone()), |kind| coerced(part, kind)))
        .collect()
}

/// A date part as functions take it.
pub(super) fn part_literal(part: &DatePart) -> Typed {
    Typed::literal(string_literal(&part.text), Type::String, part.at)
}

/// The column name that an expression has without an alias.
pub(super) fn implied_name(expression: &Expression) -> Option<String> {
    match &expression.kind {
        ExpressionKind::Path(names) => names.last().map(|name| name.text.clone()),
        ExpressionKind::Field(_, name) => Some(name.text.clone()),
        _ => None,
    }
}

fn literal(literal: &Literal, at: Position) -> Result<Typed, QueryError> {
    Ok(match literal {
        Literal::Null => Typed::null(at),
        Literal::Bool(value) => Typed::literal(if *value { "1" } else { "0" }, Type::Bool, at),
        Literal::Integer(text) => return integer(text, at),
        Literal::Float(value) => Typed::literal(float_literal(*value), Type::Float64, at),
        Literal::String(text) => Typed::literal(string_literal(text), Type::String, at),
        Literal::Bytes(bytes) => Typed::literal(blob_literal(bytes), Type::Bytes, at),
        Literal::Typed(kind, text) => {
            Typed { literal: false, ..Typed::literal(value_literal(&typed_value(kind, text, at)?), kind.clone(), at) }
        }
    })
}

/// The value of `DATE '2024-01-31'`.
pub(super) fn typed_value(kind: &Type, text: &str, at: Position) -> Result<Value, QueryError> {
    Value::parse(text, kind).map_err(|_| QueryError::invalid_query(format!("Invalid {} literal", kind.name())).at(at))
}

fn integer(text: &str, at: Position) -> Result<Typed, QueryError> {
    parse_integer(text)
        .map(|value| Typed::literal(integer_literal(value), Type::Int64, at))
        .ok_or_else(|| QueryError::invalid_query(format!("Invalid integer literal: {text}")).at(at))
}

/// Decimal or `0x` digits, with a sign or not.
pub(super) fn parse_integer(text: &str) -> Option<i64> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16).ok(),
        None => text.parse().ok(),
    }
}
