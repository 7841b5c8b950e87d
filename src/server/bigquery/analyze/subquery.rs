//! Subqueries in expressions.

use super::coerce::{cast, coerced, common};
use super::query::Rows;
use super::scope::{Analyzer, Typed, Use};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function::{self, Modifiers};
use crate::server::bigquery::sql::ast::{Query, SelectAs};
use crate::server::bigquery::value::Type;

impl Analyzer<'_> {
    pub(super) fn exists(&mut self, query: &Query, at: Position) -> Result<Typed, QueryError> {
        let rows = self.query(query)?;
        Ok(with_uses(Typed::new(format!("EXISTS ({})", rows.sql()), Type::Bool, at), rows.uses))
    }

    pub(super) fn in_subquery(&mut self, part: Typed, query: &Query, at: Position) -> Result<Typed, QueryError> {
        let mut rows = self.query(query)?;
        let [output] = rows.columns.as_slice() else {
            return Err(QueryError::invalid_query("Subquery of type IN must have only one output column").at(query.at));
        };
        let member = Typed { literal: output.literal, kind: output.kind.clone(), ..Typed::null(query.at) };
        let kind = common(&[&part, &member], "operator IN", at)?;
        rows.coerce(self, std::slice::from_ref(&kind))?;
        let typed =
            Typed::of(format!("({} IN ({}))", coerced(&part, &kind)?, rows.sql()), Type::Bool, part.at, [&part]);
        Ok(with_uses(typed, rows.uses))
    }

    /// The only value of the only row; NULL when there is no row; an error when there are several.
    pub(super) fn scalar_subquery(&mut self, query: &Query, at: Position) -> Result<Typed, QueryError> {
        let rows = self.query(query)?;
        let (rows, kind) = self.one_column(rows, "Scalar subquery", query.at)?;
        let typed_kind = kind.clone().unwrap_or(Type::Int64);
        let sql = if rows.single {
            format!("({})", rows.sql())
        } else {
            let alias = self.fresh('t');
            format!("(SELECT bq_only({alias}.c0) FROM ({}) AS {alias})", rows.sql())
        };
        let mut typed = with_uses(Typed::new(sql, typed_kind, at), rows.uses);
        typed.kind = kind;
        Ok(typed)
    }

    pub(super) fn array_subquery(&mut self, query: &Query, at: Position) -> Result<Typed, QueryError> {
        let rows = self.query(query)?;
        let (rows, kind) = self.one_column(rows, "ARRAY subquery", query.at)?;
        let kind = kind.unwrap_or(Type::Int64);
        if matches!(kind, Type::Array(_)) {
            let message = "Cannot use array subquery with column of type ARRAY because nested arrays are not supported";
            return Err(QueryError::invalid_query(message).at(query.at));
        }
        let alias = self.fresh('t');
        let call = function::resolve("$ARRAY", &[Some(kind.clone())]).map_err(|error| error.at(at))?;
        let collected =
            call.aggregate_sql(&[format!("{alias}.c0")], &Modifiers::default()).map_err(|error| error.at(at))?;
        let sql = format!("(SELECT {collected} FROM ({}) AS {alias})", rows.sql());
        Ok(with_uses(Typed::new(sql, Type::Array(Box::new(kind)), at), rows.uses))
    }

    /// Rows of one column: `SELECT AS STRUCT` makes one of several.
    fn one_column(&mut self, mut rows: Rows, what: &str, at: Position) -> Result<(Rows, Option<Type>), QueryError> {
        if rows.shape == SelectAs::Struct {
            rows.default_types();
            let fields: Vec<(Option<String>, Type)> = rows
                .columns
                .iter()
                .map(|output| (output.name.clone(), output.kind.clone().unwrap_or(Type::Int64)))
                .collect();
            let alias = self.fresh('t');
            let values: Vec<String> = (0..fields.len()).map(|index| format!("{alias}.c{index}")).collect();
            let value = function::struct_sql(&fields, &values);
            let kind = Type::Struct(fields);
            let single = rows.single;
            let uses = std::mem::take(&mut rows.uses);
            let mut whole = Rows::from_text(value, kind.clone(), format!(" FROM ({}) AS {alias}", rows.sql()));
            whole.single = single;
            whole.uses = uses;
            return Ok((whole, Some(kind)));
        }
        match rows.columns.as_slice() {
            [output] => {
                let kind = output.kind.clone();
                Ok((rows, kind))
            }
            _ => {
                let message = format!(
                    "{what} cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values"
                );
                Err(QueryError::invalid_query(message).at(at))
            }
        }
    }
}

fn with_uses(mut typed: Typed, uses: Vec<Use>) -> Typed {
    typed.uses = uses;
    typed
}

/// A column's text as another type.
pub(super) fn column_as(sql: &str, from: Option<&Type>, to: &Type) -> Result<String, QueryError> {
    match from {
        None => Ok(sql.to_owned()),
        Some(from) => cast(from, to, sql),
    }
}
