//! FROM: tables, arrays, subqueries, table functions and joins.

use super::ast::{JoinCondition, JoinKind, Name, Relation};
use super::cursor::Cursor;
use super::expression::{arguments, expression};
use super::query;
use crate::server::bigquery::error::{Position, QueryError};

/// Words that go on with a relation and so are no alias.
const NO_ALIAS: [&str; 5] = ["PIVOT", "UNPIVOT", "MATCH_RECOGNIZE", "REPLACE", "TABLESAMPLE"];

/// A FROM clause's content.
pub(super) fn from(cursor: &mut Cursor) -> Result<Relation, QueryError> {
    let mut left = item(cursor)?;
    let mut levels = 0;
    loop {
        let at = cursor.at();
        let Some(kind) = join_kind(cursor)? else {
            cursor.shallow(levels);
            return Ok(left);
        };
        cursor.deepen()?;
        levels += 1;
        let right = item(cursor)?;
        let condition = if kind == JoinKind::Cross { JoinCondition::None } else { condition(cursor)? };
        left = Relation::Join { kind, left: Box::new(left), right: Box::new(right), condition, at };
    }
}

fn join_kind(cursor: &mut Cursor) -> Result<Option<JoinKind>, QueryError> {
    if cursor.eat_symbol(",") {
        return Ok(Some(JoinKind::Cross));
    }
    if cursor.is_word("NATURAL") {
        return Err(cursor.unexpected());
    }
    let kinds = [
        ("INNER", JoinKind::Inner),
        ("CROSS", JoinKind::Cross),
        ("LEFT", JoinKind::Left),
        ("RIGHT", JoinKind::Right),
        ("FULL", JoinKind::Full),
    ];
    let Some((word, kind)) = kinds.into_iter().find(|(word, _)| cursor.is_word(word)) else {
        return Ok(cursor.eat("JOIN").then_some(JoinKind::Inner));
    };
    cursor.next();
    if matches!(word, "LEFT" | "RIGHT" | "FULL") {
        cursor.eat("OUTER");
    }
    cursor.expect("JOIN")?;
    Ok(Some(kind))
}

fn condition(cursor: &mut Cursor) -> Result<JoinCondition, QueryError> {
    if cursor.eat("ON") {
        return expression(cursor).map(JoinCondition::On);
    }
    if cursor.eat("USING") {
        return cursor.parenthesized(Cursor::name).map(JoinCondition::Using);
    }
    Ok(JoinCondition::None)
}

fn item(cursor: &mut Cursor) -> Result<Relation, QueryError> {
    cursor.nested(|cursor| {
        let at = cursor.at();
        let relation = if cursor.is_word("UNNEST") {
            unnest(cursor, at)?
        } else if cursor.is_symbol("(") {
            parenthesized(cursor, at)?
        } else if cursor.is_word("LATERAL") {
            return Err(cursor.unsupported("LATERAL", at));
        } else {
            table(cursor, at)?
        };
        refuse_operators(cursor)?;
        Ok(relation)
    })
}

fn unnest(cursor: &mut Cursor, at: Position) -> Result<Relation, QueryError> {
    cursor.next();
    cursor.expect_symbol("(")?;
    let array = expression(cursor)?;
    if cursor.is_symbol(",") {
        return Err(cursor.unsupported("UNNEST of several arrays", at));
    }
    cursor.expect_symbol(")")?;
    let alias = alias(cursor)?;
    let offset = offset(cursor)?;
    Ok(Relation::Unnest { array, alias, offset, at })
}

fn parenthesized(cursor: &mut Cursor, at: Position) -> Result<Relation, QueryError> {
    let subquery = query::starts(cursor);
    cursor.next();
    if !subquery {
        let inner = from(cursor)?;
        cursor.expect_symbol(")")?;
        return Ok(Relation::Parenthesized(Box::new(inner)));
    }
    let query = Box::new(query::query(cursor)?);
    cursor.expect_symbol(")")?;
    Ok(Relation::Subquery { query, alias: alias(cursor)?, at })
}

fn table(cursor: &mut Cursor, at: Position) -> Result<Relation, QueryError> {
    let path = cursor.table_path()?;
    if cursor.eat_symbol("(") {
        let arguments = arguments(cursor)?;
        cursor.expect_symbol(")")?;
        return Ok(Relation::Function { name: path.parts, arguments, alias: alias(cursor)?, at });
    }
    let alias = alias(cursor)?;
    if let Some(name) = alias.as_ref().or(path.parts.last()) {
        cursor.aliases.insert(name.text.to_ascii_uppercase());
    }
    let offset = offset(cursor)?;
    Ok(Relation::Table { path, alias, offset })
}

fn alias(cursor: &mut Cursor) -> Result<Option<Name>, QueryError> {
    if cursor.is_any_word(&NO_ALIAS) { Ok(None) } else { query::alias(cursor) }
}

/// `WITH OFFSET [[AS] name]`; the name is `offset` when none is given.
fn offset(cursor: &mut Cursor) -> Result<Option<Name>, QueryError> {
    let at = cursor.ahead(1).at;
    if !cursor.eat_all(&["WITH", "OFFSET"]) {
        return Ok(None);
    }
    Ok(Some(query::alias(cursor)?.unwrap_or(Name { text: "offset".to_owned(), at })))
}

fn refuse_operators(cursor: &Cursor) -> Result<(), QueryError> {
    let called = ["PIVOT", "UNPIVOT", "MATCH_RECOGNIZE"]
        .into_iter()
        .find(|word| cursor.is_word(word) && cursor.symbol_ahead(1, "("));
    if let Some(word) = called.or(cursor.is_word("TABLESAMPLE").then_some("TABLESAMPLE")) {
        return Err(cursor.unsupported(word, cursor.at()));
    }
    if cursor.is_words(&["FOR", "SYSTEM_TIME"]) || cursor.is_words(&["FOR", "SYSTEM"]) {
        return Err(cursor.unsupported("FOR SYSTEM_TIME AS OF", cursor.at()));
    }
    Ok(())
}
