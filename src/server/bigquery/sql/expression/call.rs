//! Function calls: arguments, what aggregates add to them, and OVER.

use super::super::ast::{Argument, Call, Expression, HavingKind, Name, NullTreatment};
use super::super::cursor::Cursor;
use super::super::query;
use super::expression;
use crate::server::bigquery::error::QueryError;

/// The call of `name`, from its `(` on.
pub(super) fn call(cursor: &mut Cursor, name: Vec<Name>) -> Result<Call, QueryError> {
    cursor.expect_symbol("(")?;
    let star = cursor.is_symbol("*") && cursor.symbol_ahead(1, ")") && cursor.eat_symbol("*");
    let distinct = cursor.eat("DISTINCT");
    let arguments = if star { Vec::new() } else { arguments(cursor)? };
    let nulls = null_treatment(cursor)?;
    let having = having(cursor)?;
    let order_by = query::order_by(cursor)?;
    let limit = if cursor.eat("LIMIT") { Some(expression(cursor)?) } else { None };
    cursor.expect_symbol(")")?;
    let nulls = nulls.or(null_treatment(cursor)?);
    let over = if cursor.eat("OVER") { Some(query::window_reference(cursor)?) } else { None };
    Ok(Call { name, arguments, star, distinct, nulls, having, order_by, limit, over })
}

/// Arguments up to what can follow them; may be none.
pub(in super::super) fn arguments(cursor: &mut Cursor) -> Result<Vec<Argument>, QueryError> {
    if cursor.is_symbol(")") || cursor.is_any_word(&["ORDER", "LIMIT", "IGNORE", "RESPECT", "HAVING"]) {
        return Ok(Vec::new());
    }
    cursor.list(argument)
}

fn argument(cursor: &mut Cursor) -> Result<Argument, QueryError> {
    let relation =
        |cursor: &Cursor| !cursor.symbol_ahead(1, ",") && !cursor.symbol_ahead(1, ")") && !cursor.symbol_ahead(1, ".");
    if cursor.is_word("MODEL") && relation(cursor) {
        cursor.next();
        return Ok(Argument::Model(cursor.table_path()?));
    }
    if cursor.is_word("TABLE") && relation(cursor) {
        cursor.next();
        cursor.star = true;
        return Ok(Argument::Table(cursor.table_path()?));
    }
    if cursor.is_name() && cursor.symbol_ahead(1, "=>") {
        let name = cursor.name()?;
        cursor.next();
        return Ok(Argument::Named(name, expression(cursor)?));
    }
    expression(cursor).map(Argument::Expression)
}

fn null_treatment(cursor: &mut Cursor) -> Result<Option<NullTreatment>, QueryError> {
    let treatment = if cursor.eat("IGNORE") {
        NullTreatment::Ignore
    } else if cursor.eat("RESPECT") {
        NullTreatment::Respect
    } else {
        return Ok(None);
    };
    cursor.expect("NULLS")?;
    Ok(Some(treatment))
}

fn having(cursor: &mut Cursor) -> Result<Option<(HavingKind, Expression)>, QueryError> {
    if !cursor.eat("HAVING") {
        return Ok(None);
    }
    let kind = if cursor.eat("MAX") {
        HavingKind::Max
    } else if cursor.eat("MIN") {
        HavingKind::Min
    } else {
        return Err(cursor.unexpected());
    };
    Ok(Some((kind, expression(cursor)?)))
}
