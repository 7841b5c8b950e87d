//! Expressions, by precedence: <https://cloud.google.com/bigquery/docs/reference/standard-sql/operators>.

use super::ast::{DatePart, Expression, ExpressionKind, InSet, IndexKind, IsTest, Literal};
use super::cursor::Cursor;
use super::query;
use super::token::TokenKind;
use crate::server::bigquery::error::{Position, QueryError};

mod call;
mod primary;

pub(super) use call::arguments;
pub(super) use primary::string;

/// Binding powers: what binds tighter is greater.
const OR: u8 = 1;
const AND: u8 = 2;
const NOT: u8 = 3;
const COMPARISON: u8 = 4;
const UNARY: u8 = 12;

/// A whole expression.
pub(super) fn expression(cursor: &mut Cursor) -> Result<Expression, QueryError> {
    binding(cursor, OR)
}

/// What stands between comparison operators.
fn comparand(cursor: &mut Cursor) -> Result<Expression, QueryError> {
    binding(cursor, COMPARISON + 1)
}

fn binding(cursor: &mut Cursor, least: u8) -> Result<Expression, QueryError> {
    cursor.nested(|cursor| {
        let mut left = prefix(cursor, least)?;
        let mut levels = 0;
        loop {
            let (grown, found) = operator(cursor, left, least)?;
            left = grown;
            if !found {
                break;
            }
            // A chain `a + b + c` is a tree as deep as the chain is long.
            cursor.deepen()?;
            levels += 1;
        }
        cursor.shallow(levels);
        Ok(left)
    })
}

fn prefix(cursor: &mut Cursor, least: u8) -> Result<Expression, QueryError> {
    let at = cursor.at();
    if cursor.is_word("NOT") && least <= NOT {
        cursor.next();
        let operand = Box::new(binding(cursor, NOT)?);
        return Ok(Expression { kind: ExpressionKind::Unary { operator: "NOT", operand }, at });
    }
    for operator in ["-", "+", "~"] {
        if cursor.eat_symbol(operator) {
            let operand = Box::new(binding(cursor, UNARY)?);
            return Ok(Expression { kind: ExpressionKind::Unary { operator, operand }, at });
        }
    }
    postfix(cursor)
}

/// Takes one operator that binds at least so tightly, and its right side. The flag says whether there was one.
fn operator(cursor: &mut Cursor, left: Expression, least: u8) -> Result<(Expression, bool), QueryError> {
    if least <= COMPARISON
        && let Some(test) = test_start(cursor)
    {
        return Ok((comparison(cursor, left, test)?, true));
    }
    let Some((operator, power, tokens)) = binary_operator(cursor) else { return Ok((left, false)) };
    if power < least {
        return Ok((left, false));
    }
    if power <= AND {
        return Ok((logical(cursor, left, operator, power)?, true));
    }
    let operator_at = cursor.at();
    for _ in 0..tokens {
        cursor.next();
    }
    let right = binding(cursor, power + 1)?;
    if power == COMPARISON && matches!(binary_operator(cursor), Some((_, COMPARISON, _))) {
        return Err(cursor.unexpected());
    }
    Ok((binary(operator, left, right, operator_at), true))
}

fn binary(operator: &'static str, left: Expression, right: Expression, operator_at: Position) -> Expression {
    let at = left.at;
    Expression {
        kind: ExpressionKind::Binary { operator, left: Box::new(left), right: Box::new(right), operator_at },
        at,
    }
}

/// The operator at the cursor, its power, and how many tokens it is.
fn binary_operator(cursor: &Cursor) -> Option<(&'static str, u8, usize)> {
    let token = cursor.peek();
    Some(match &token.kind {
        TokenKind::Word(word) if word.eq_ignore_ascii_case("OR") => ("OR", OR, 1),
        TokenKind::Word(word) if word.eq_ignore_ascii_case("AND") => ("AND", AND, 1),
        TokenKind::Symbol(">") if cursor.symbol_ahead(1, ">") && token.end == cursor.ahead(1).start => (">>", 8, 2),
        TokenKind::Symbol(symbol) => {
            let (operator, power) = match *symbol {
                "=" => ("=", COMPARISON),
                "!=" | "<>" => ("!=", COMPARISON),
                "<" => ("<", COMPARISON),
                "<=" => ("<=", COMPARISON),
                ">" => (">", COMPARISON),
                ">=" => (">=", COMPARISON),
                "|" => ("|", 5),
                "^" => ("^", 6),
                "&" => ("&", 7),
                "<<" => ("<<", 8),
                "+" => ("+", 9),
                "-" => ("-", 9),
                "*" => ("*", 10),
                "/" => ("/", 10),
                "||" => ("||", 10),
                _ => return None,
            };
            (operator, power, 1)
        }
        _ => return None,
    })
}

/// `a AND b AND c ..` of any length, as a balanced tree: generated filters are long, and their order does not matter.
fn logical(cursor: &mut Cursor, left: Expression, operator: &'static str, power: u8) -> Result<Expression, QueryError> {
    let mut operands = vec![(left, cursor.at())];
    while let Some((found, _, _)) = binary_operator(cursor)
        && found == operator
    {
        let at = cursor.at();
        cursor.next();
        operands.push((binding(cursor, power + 1)?, at));
    }
    Ok(balance(operands, operator))
}

fn balance(mut operands: Vec<(Expression, Position)>, operator: &'static str) -> Expression {
    while operands.len() > 1 {
        let mut paired = Vec::with_capacity(operands.len().div_ceil(2));
        let mut rest = operands.into_iter();
        while let Some((left, left_at)) = rest.next() {
            match rest.next() {
                Some((right, operator_at)) => paired.push((binary(operator, left, right, operator_at), left_at)),
                None => paired.push((left, left_at)),
            }
        }
        operands = paired;
    }
    let nothing = Expression { kind: ExpressionKind::Literal(Literal::Null), at: Position { line: 1, column: 1 } };
    operands.pop().map_or(nothing, |(whole, _)| whole)
}

/// The words that begin a test behind an operand.
fn test_start(cursor: &Cursor) -> Option<&'static str> {
    let ahead = usize::from(cursor.is_word("NOT"));
    ["IS", "BETWEEN", "IN", "LIKE"]
        .into_iter()
        .find(|word| cursor.word_ahead(ahead, word))
        .filter(|word| ahead == 0 || *word != "IS")
}

fn comparison(cursor: &mut Cursor, left: Expression, test: &'static str) -> Result<Expression, QueryError> {
    let at = left.at;
    let operator_at = cursor.at();
    let operand = Box::new(left);
    let mut negated = cursor.eat("NOT");
    cursor.next();
    let kind = match test {
        "IS" => {
            negated = cursor.eat("NOT");
            return is_test(cursor, operand, negated, operator_at);
        }
        "BETWEEN" => {
            let low = Box::new(comparand(cursor)?);
            cursor.expect("AND")?;
            let high = Box::new(comparand(cursor)?);
            ExpressionKind::Between { operand, low, high, negated, operator_at }
        }
        "IN" => ExpressionKind::In { operand, set: in_set(cursor)?, negated, operator_at },
        _ => return like(cursor, *operand, negated, operator_at),
    };
    Ok(Expression { kind, at })
}

fn is_test(
    cursor: &mut Cursor,
    operand: Box<Expression>,
    negated: bool,
    operator_at: Position,
) -> Result<Expression, QueryError> {
    let at = operand.at;
    if cursor.eat("DISTINCT") {
        cursor.expect("FROM")?;
        let right = comparand(cursor)?;
        let distinct = binary("IS DISTINCT FROM", *operand, right, operator_at);
        return Ok(if negated { not(distinct) } else { distinct });
    }
    let test = if cursor.eat("NULL") {
        IsTest::Null
    } else if cursor.eat("TRUE") {
        IsTest::True
    } else if cursor.eat("FALSE") {
        IsTest::False
    } else {
        return Err(cursor.unexpected());
    };
    Ok(Expression { kind: ExpressionKind::Is { operand, test, negated }, at })
}

fn like(
    cursor: &mut Cursor,
    operand: Expression,
    negated: bool,
    operator_at: Position,
) -> Result<Expression, QueryError> {
    if cursor.is_any_word(&["ANY", "SOME", "ALL"]) {
        return Err(cursor.unsupported(&format!("LIKE {}", cursor.peek().text.to_ascii_uppercase()), operator_at));
    }
    let pattern = comparand(cursor)?;
    let like = binary("LIKE", operand, pattern, operator_at);
    Ok(if negated { not(like) } else { like })
}

fn not(operand: Expression) -> Expression {
    let at = operand.at;
    Expression { kind: ExpressionKind::Unary { operator: "NOT", operand: Box::new(operand) }, at }
}

fn in_set(cursor: &mut Cursor) -> Result<InSet, QueryError> {
    if cursor.eat("UNNEST") {
        cursor.expect_symbol("(")?;
        let array = Box::new(expression(cursor)?);
        cursor.expect_symbol(")")?;
        return Ok(InSet::Unnest(array));
    }
    cursor.expect_symbol("(")?;
    let set = if query::starts(cursor) {
        InSet::Subquery(Box::new(query::query(cursor)?))
    } else {
        InSet::List(cursor.list(expression)?)
    };
    cursor.expect_symbol(")")?;
    Ok(set)
}

/// A primary with `.field` and `[index]` behind it.
fn postfix(cursor: &mut Cursor) -> Result<Expression, QueryError> {
    let mut base = primary::primary(cursor)?;
    let mut levels = 0;
    loop {
        let at = base.at;
        let kind = if cursor.is_symbol(".") && !cursor.symbol_ahead(1, "*") {
            cursor.next();
            ExpressionKind::Field(Box::new(base), cursor.name_after_dot()?)
        } else if cursor.eat_symbol("[") {
            index(cursor, base)?
        } else {
            cursor.shallow(levels);
            return Ok(base);
        };
        cursor.deepen()?;
        levels += 1;
        base = Expression { kind, at };
    }
}

fn index(cursor: &mut Cursor, base: Expression) -> Result<ExpressionKind, QueryError> {
    const KINDS: [(&str, IndexKind); 4] = [
        ("OFFSET", IndexKind::Offset),
        ("ORDINAL", IndexKind::Ordinal),
        ("SAFE_OFFSET", IndexKind::SafeOffset),
        ("SAFE_ORDINAL", IndexKind::SafeOrdinal),
    ];
    let named =
        KINDS.iter().find(|(word, _)| cursor.is_word(word) && cursor.symbol_ahead(1, "(")).map(|(_, kind)| *kind);
    let kind = match named {
        Some(kind) => {
            cursor.next();
            cursor.next();
            kind
        }
        None => IndexKind::Plain,
    };
    let index = Box::new(expression(cursor)?);
    if named.is_some() {
        cursor.expect_symbol(")")?;
    }
    cursor.expect_symbol("]")?;
    Ok(ExpressionKind::Index { base: Box::new(base), index, kind })
}

/// `HOUR`, `WEEK(MONDAY)`.
pub(super) fn date_part(cursor: &mut Cursor) -> Result<DatePart, QueryError> {
    let name = cursor.name()?;
    let mut text = name.text.to_ascii_uppercase();
    if cursor.eat_symbol("(") {
        let day = cursor.name()?;
        cursor.expect_symbol(")")?;
        text = format!("{text}({})", day.text.to_ascii_uppercase());
    }
    Ok(DatePart { text, at: name.at })
}
