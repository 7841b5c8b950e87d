//! What expressions are made of: literals, paths, parentheses, CASE, CAST, constructors.

use super::super::ast::{Argument, Call, Expression, ExpressionKind, Literal, Name};
use super::super::cursor::Cursor;
use super::super::keyword::is_reserved;
use super::super::token::TokenKind;
use super::super::{query, types};
use super::{call, date_part, expression};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::value::Type;

/// Functions that may stand without parentheses.
const BARE_FUNCTIONS: [&str; 4] = ["CURRENT_DATE", "CURRENT_TIME", "CURRENT_DATETIME", "CURRENT_TIMESTAMP"];

pub(super) fn primary(cursor: &mut Cursor) -> Result<Expression, QueryError> {
    let at = cursor.at();
    let kind = match cursor.peek().kind.clone() {
        TokenKind::Integer(text) => literal(cursor, Literal::Integer(text)),
        TokenKind::Float(text) => float(cursor, &text, at)?,
        TokenKind::String(_) => ExpressionKind::Literal(Literal::String(string(cursor)?)),
        TokenKind::Bytes(bytes) => literal(cursor, Literal::Bytes(bytes)),
        TokenKind::Parameter(name) => {
            cursor.next();
            ExpressionKind::Parameter(name)
        }
        TokenKind::SystemVariable => system_variable(cursor)?,
        TokenKind::Symbol("?") => {
            cursor.next();
            cursor.positional += 1;
            ExpressionKind::Positional(cursor.positional)
        }
        TokenKind::Symbol("(") => parenthesis(cursor)?,
        TokenKind::Symbol("[") => array_items(cursor, None)?,
        TokenKind::Word(word) => word_start(cursor, &word)?,
        TokenKind::Quoted(_) => path(cursor)?,
        TokenKind::Symbol(_) | TokenKind::End => return Err(cursor.unexpected()),
    };
    Ok(Expression { kind, at })
}

fn literal(cursor: &mut Cursor, literal: Literal) -> ExpressionKind {
    cursor.next();
    ExpressionKind::Literal(literal)
}

fn float(cursor: &mut Cursor, text: &str, at: Position) -> Result<ExpressionKind, QueryError> {
    let value: f64 = text.parse().map_err(|_| cursor.unexpected())?;
    if value.is_infinite() {
        return Err(QueryError::invalid_query(format!("Invalid floating point literal: {text}")).at(at));
    }
    Ok(literal(cursor, Literal::Float(value)))
}

/// One string literal, or several that stand side by side, which are one.
pub(in super::super) fn string(cursor: &mut Cursor) -> Result<String, QueryError> {
    match cursor.peek().kind.clone() {
        TokenKind::String(text) => {
            cursor.next();
            Ok(text)
        }
        _ => Err(cursor.expected("string literal")),
    }
}

fn system_variable(cursor: &mut Cursor) -> Result<ExpressionKind, QueryError> {
    cursor.next();
    let mut names = vec![cursor.name()?];
    while cursor.eat_symbol(".") {
        names.push(cursor.name_after_dot()?);
    }
    Ok(ExpressionKind::SystemVariable(names))
}

fn word_start(cursor: &mut Cursor, word: &str) -> Result<ExpressionKind, QueryError> {
    let upper = word.to_ascii_uppercase();
    let called = cursor.symbol_ahead(1, "(");
    match upper.as_str() {
        "NULL" => Ok(literal(cursor, Literal::Null)),
        "TRUE" => Ok(literal(cursor, Literal::Bool(true))),
        "FALSE" => Ok(literal(cursor, Literal::Bool(false))),
        "CASE" => case(cursor),
        "CAST" => cast(cursor, false),
        "SAFE_CAST" if called => cast(cursor, true),
        "EXTRACT" if called => extract(cursor),
        "EXISTS" => {
            cursor.next();
            Ok(ExpressionKind::Exists(parenthesized_query(cursor)?))
        }
        "ARRAY" => array(cursor),
        "STRUCT" => structure(cursor),
        "INTERVAL" => interval(cursor),
        // Reserved, but functions too.
        "IF" | "LEFT" | "RIGHT" | "GROUPING" | "COLLATE" if called => path(cursor),
        "NOT" => Err(cursor.unexpected()),
        _ if is_reserved(word) => Err(cursor.unexpected()),
        _ if matches!(cursor.ahead(1).kind, TokenKind::String(_)) => typed_literal(cursor, word),
        _ => path(cursor),
    }
}

/// `DATE '2024-01-31'`.
fn typed_literal(cursor: &mut Cursor, word: &str) -> Result<ExpressionKind, QueryError> {
    let kind = match types::scalar(word) {
        Some(kind @ (Type::Date | Type::Time | Type::Datetime | Type::Timestamp | Type::Numeric | Type::Json)) => kind,
        _ if ["BIGNUMERIC", "BIGDECIMAL", "RANGE"].iter().any(|other| word.eq_ignore_ascii_case(other)) => {
            return Err(cursor.unsupported(&format!("Type {}", word.to_ascii_uppercase()), cursor.at()));
        }
        _ => return path(cursor),
    };
    cursor.next();
    Ok(ExpressionKind::Literal(Literal::Typed(kind, string(cursor)?)))
}

/// A dotted path, or a function's call when `(` follows.
fn path(cursor: &mut Cursor) -> Result<ExpressionKind, QueryError> {
    let mut names = vec![cursor.name_after_dot()?];
    while cursor.is_symbol(".") && !cursor.symbol_ahead(1, "*") {
        cursor.next();
        names.push(cursor.name_after_dot()?);
        if names.len() > super::super::cursor::DEPTH_MAX {
            return Err(cursor.unexpected());
        }
    }
    if cursor.is_symbol("(") {
        return Ok(ExpressionKind::Call(Box::new(call::call(cursor, names)?)));
    }
    if let [name] = names.as_slice()
        && BARE_FUNCTIONS.iter().any(|function| function.eq_ignore_ascii_case(&name.text))
    {
        return Ok(ExpressionKind::Call(Box::new(bare(names))));
    }
    if let [name] = names.as_slice() {
        cursor.singles.insert(name.text.to_ascii_uppercase());
    }
    Ok(ExpressionKind::Path(names))
}

fn bare(name: Vec<Name>) -> Call {
    let arguments: Vec<Argument> = Vec::new();
    Call {
        name,
        arguments,
        star: false,
        distinct: false,
        nulls: None,
        having: None,
        order_by: Vec::new(),
        limit: None,
        over: None,
    }
}

/// A subquery, one expression, or a struct of several.
fn parenthesis(cursor: &mut Cursor) -> Result<ExpressionKind, QueryError> {
    if query::starts(cursor) {
        return Ok(ExpressionKind::Subquery(parenthesized_query(cursor)?));
    }
    cursor.next();
    let mut items = vec![(expression(cursor)?, None)];
    if cursor.eat_symbol(")") {
        return Ok(items.pop().map_or(ExpressionKind::Literal(Literal::Null), |(only, _)| only.kind));
    }
    while cursor.eat_symbol(",") {
        items.push((expression(cursor)?, None));
    }
    cursor.expect_symbol(")")?;
    Ok(ExpressionKind::Struct { fields: None, items })
}

fn parenthesized_query(cursor: &mut Cursor) -> Result<Box<super::super::ast::Query>, QueryError> {
    cursor.expect_symbol("(")?;
    let query = query::query(cursor)?;
    cursor.expect_symbol(")")?;
    Ok(Box::new(query))
}

fn case(cursor: &mut Cursor) -> Result<ExpressionKind, QueryError> {
    cursor.next();
    let operand = if cursor.is_word("WHEN") { None } else { Some(Box::new(expression(cursor)?)) };
    let mut arms = Vec::new();
    while cursor.eat("WHEN") {
        let when = expression(cursor)?;
        cursor.expect("THEN")?;
        arms.push((when, expression(cursor)?));
    }
    if arms.is_empty() {
        return Err(cursor.expected("keyword WHEN"));
    }
    let otherwise = if cursor.eat("ELSE") { Some(Box::new(expression(cursor)?)) } else { None };
    cursor.expect("END")?;
    Ok(ExpressionKind::Case { operand, arms, otherwise })
}

fn cast(cursor: &mut Cursor, safe: bool) -> Result<ExpressionKind, QueryError> {
    cursor.next();
    cursor.expect_symbol("(")?;
    let operand = Box::new(expression(cursor)?);
    cursor.expect("AS")?;
    let to = types::data_type(cursor)?;
    let format = if cursor.eat("FORMAT") { Some(Box::new(expression(cursor)?)) } else { None };
    if cursor.is_words(&["AT", "TIME", "ZONE"]) {
        return Err(cursor.unsupported("CAST with AT TIME ZONE", cursor.at()));
    }
    cursor.expect_symbol(")")?;
    Ok(ExpressionKind::Cast { operand, to, safe, format })
}

fn extract(cursor: &mut Cursor) -> Result<ExpressionKind, QueryError> {
    cursor.next();
    cursor.next();
    let part = date_part(cursor)?;
    cursor.expect("FROM")?;
    let operand = Box::new(expression(cursor)?);
    let zone = if cursor.eat_all(&["AT", "TIME", "ZONE"]) { Some(Box::new(expression(cursor)?)) } else { None };
    cursor.expect_symbol(")")?;
    Ok(ExpressionKind::Extract { part, operand, zone })
}

fn array(cursor: &mut Cursor) -> Result<ExpressionKind, QueryError> {
    cursor.next();
    if cursor.is_symbol("(") {
        return Ok(ExpressionKind::ArraySubquery(parenthesized_query(cursor)?));
    }
    let element = if cursor.eat_symbol("<") {
        let element = types::data_type(cursor)?;
        cursor.expect_symbol(">")?;
        Some(element)
    } else {
        None
    };
    array_items(cursor, element)
}

fn array_items(cursor: &mut Cursor, element: Option<Type>) -> Result<ExpressionKind, QueryError> {
    cursor.expect_symbol("[")?;
    let items = if cursor.is_symbol("]") { Vec::new() } else { cursor.list(expression)? };
    cursor.expect_symbol("]")?;
    Ok(ExpressionKind::Array { element, items })
}

fn structure(cursor: &mut Cursor) -> Result<ExpressionKind, QueryError> {
    cursor.next();
    let fields =
        if cursor.is_symbol("<") || cursor.is_symbol("<>") { Some(types::struct_fields(cursor)?) } else { None };
    cursor.expect_symbol("(")?;
    let mut items = Vec::new();
    if !cursor.is_symbol(")") {
        items = cursor.list(|cursor| {
            let value = expression(cursor)?;
            let alias = if cursor.eat("AS") { Some(cursor.name()?) } else { None };
            Ok((value, alias))
        })?;
    }
    cursor.expect_symbol(")")?;
    Ok(ExpressionKind::Struct { fields, items })
}

fn interval(cursor: &mut Cursor) -> Result<ExpressionKind, QueryError> {
    let at = cursor.at();
    cursor.next();
    let value = Box::new(expression(cursor)?);
    let part = date_part(cursor)?;
    if cursor.is_word("TO") {
        return Err(cursor.unsupported("INTERVAL with a range of parts", at));
    }
    Ok(ExpressionKind::Interval { value, part })
}
