//! Scripts and the procedural language: <https://cloud.google.com/bigquery/docs/reference/standard-sql/procedural-language>.

use super::ast::{Expression, ExpressionKind, Name};
use super::cursor::Cursor;
use super::expression::expression;
use super::statement::{Arm, Declare, ForIn, If, Statement, StatementKind};
use super::token::TokenKind;
use super::{ddl, dml, query, types};
use crate::server::bigquery::error::QueryError;

/// Statements that BigQuery has and this server has not, with the name that its errors give them.
const UNSUPPORTED: [(&str, &str); 12] = [
    ("ALTER", "ALTER"),
    ("CALL", "CALL"),
    ("LOAD", "LOAD DATA"),
    ("GRANT", "GRANT"),
    ("REVOKE", "REVOKE"),
    ("EXPLAIN", "EXPLAIN"),
    ("DESCRIBE", "DESCRIBE"),
    ("SHOW", "SHOW"),
    ("ANALYZE", "ANALYZE"),
    ("IMPORT", "IMPORT"),
    ("UNDROP", "UNDROP"),
    ("CLONE", "CLONE DATA"),
];

/// The whole script.
pub(super) fn parse(mut cursor: Cursor) -> Result<Vec<Statement>, QueryError> {
    if cursor.is_end() {
        return Err(cursor.unexpected());
    }
    let mut statements = Vec::new();
    while !cursor.is_end() {
        let found = statement(&mut cursor)?;
        check_declare(&found, &statements)?;
        statements.push(found);
        if !cursor.eat_symbol(";") {
            cursor.expect_end()?;
        }
    }
    Ok(statements)
}

/// Statements, each with its `;`, up to one of the words that end a body.
fn body(cursor: &mut Cursor, ends: &[&str]) -> Result<Vec<Statement>, QueryError> {
    let mut statements = Vec::new();
    while !cursor.is_any_word(ends) {
        let found = statement(cursor)?;
        check_declare(&found, &statements)?;
        statements.push(found);
        cursor.expect_symbol(";")?;
    }
    Ok(statements)
}

fn check_declare(statement: &Statement, before: &[Statement]) -> Result<(), QueryError> {
    let misplaced = matches!(statement.kind, StatementKind::Declare(_))
        && before.iter().any(|earlier| !matches!(earlier.kind, StatementKind::Declare(_)));
    if misplaced {
        let message = "Variable declarations are allowed only at the start of a block or script";
        return Err(QueryError::invalid_query(message).at(statement.start));
    }
    Ok(())
}

fn statement(cursor: &mut Cursor) -> Result<Statement, QueryError> {
    cursor.nested(|cursor| {
        let (start, first) = (cursor.at(), cursor.peek().start);
        let outer_words = std::mem::take(&mut cursor.words);
        let outer_star = std::mem::take(&mut cursor.star);
        cursor.singles.clear();
        cursor.aliases.clear();
        let kind = kind(cursor)?;
        let words = std::mem::replace(&mut cursor.words, outer_words);
        cursor.words.extend(words.iter().cloned());
        // Conditions of control statements are analyzed with the whole statement's words.
        let control = matches!(
            kind,
            StatementKind::If(_)
                | StatementKind::While { .. }
                | StatementKind::Repeat { .. }
                | StatementKind::For(_)
                | StatementKind::Loop { .. }
                | StatementKind::Block { .. }
        );
        let whole_rows = control || !cursor.singles.is_disjoint(&cursor.aliases);
        let star = whole_rows || cursor.star;
        cursor.star = star || outer_star;
        let last = cursor.previous();
        Ok(Statement { kind, text: first..last.end, start, end: last.end_at, words, star, whole_rows })
    })
}

fn kind(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    if query::starts(cursor) {
        return query::query(cursor).map(|query| StatementKind::Query(Box::new(query)));
    }
    let TokenKind::Word(word) = cursor.peek().kind.clone() else { return Err(cursor.unexpected()) };
    let word = word.to_ascii_uppercase();
    if cursor.symbol_ahead(1, ":") {
        let label = cursor.name()?.text;
        cursor.next();
        return labelled(cursor, Some(label));
    }
    match word.as_str() {
        "INSERT" => dml::insert(cursor),
        "UPDATE" => dml::update(cursor),
        "DELETE" => dml::delete(cursor),
        "MERGE" => dml::merge(cursor),
        "TRUNCATE" => dml::truncate(cursor),
        "CREATE" => ddl::create(cursor),
        "DROP" => ddl::drop(cursor),
        "EXPORT" => ddl::export(cursor),
        "DECLARE" => declare(cursor),
        "SET" => set(cursor),
        "IF" => if_then(cursor),
        "CASE" => case(cursor),
        "BEGIN" if is_transaction(cursor) => transaction(cursor, StatementKind::BeginTransaction),
        "COMMIT" => transaction(cursor, StatementKind::CommitTransaction),
        "ROLLBACK" => transaction(cursor, StatementKind::RollbackTransaction),
        "BEGIN" | "LOOP" | "WHILE" | "REPEAT" | "FOR" => labelled(cursor, None),
        "BREAK" | "LEAVE" => jump(cursor, |label| StatementKind::Break { label }),
        "CONTINUE" | "ITERATE" => jump(cursor, |label| StatementKind::Continue { label }),
        "RETURN" => {
            cursor.next();
            Ok(StatementKind::Return)
        }
        "RAISE" => raise(cursor),
        "EXECUTE" => execute(cursor),
        "ASSERT" => assert(cursor),
        "FROM" => Err(cursor.unsupported("Pipe query syntax", cursor.at())),
        _ => match UNSUPPORTED.iter().find(|(known, _)| *known == word) {
            Some((_, name)) => {
                Err(QueryError::invalid_query(format!("Statement not supported: {name}")).at(cursor.at()))
            }
            None => Err(cursor.unexpected()),
        },
    }
}

fn is_transaction(cursor: &Cursor) -> bool {
    cursor.word_ahead(1, "TRANSACTION") || cursor.symbol_ahead(1, ";") || cursor.ahead(1).kind == TokenKind::End
}

fn transaction(cursor: &mut Cursor, kind: StatementKind) -> Result<StatementKind, QueryError> {
    cursor.next();
    cursor.eat("TRANSACTION");
    Ok(kind)
}

fn declare(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    let names = cursor.list(Cursor::name)?;
    let kind = if cursor.is_word("DEFAULT") || cursor.is_symbol(";") || cursor.is_end() {
        None
    } else {
        Some(types::data_type(cursor)?)
    };
    let default = if cursor.eat("DEFAULT") { Some(expression(cursor)?) } else { None };
    if kind.is_none() && default.is_none() {
        return Err(cursor.unexpected());
    }
    Ok(StatementKind::Declare(Declare { names, kind, default }))
}

fn set(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    let names = if cursor.is_symbol("(") {
        cursor.parenthesized(Cursor::name)?
    } else if cursor.peek().kind == TokenKind::SystemVariable {
        vec![system_name(cursor)?]
    } else {
        vec![cursor.name()?]
    };
    cursor.expect_symbol("=")?;
    Ok(StatementKind::Set { names, value: Box::new(expression(cursor)?) })
}

/// `@@time_zone`, with its dots and `@@`.
fn system_name(cursor: &mut Cursor) -> Result<Name, QueryError> {
    let at = cursor.at();
    cursor.next();
    let mut text = format!("@@{}", cursor.name()?.text);
    while cursor.eat_symbol(".") {
        text.push('.');
        text.push_str(&cursor.name_after_dot()?.text);
    }
    Ok(Name { text, at })
}

fn if_then(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    let mut arms = Vec::new();
    loop {
        let condition = expression(cursor)?;
        cursor.expect("THEN")?;
        arms.push(Arm { condition, body: body(cursor, &["ELSEIF", "ELSE", "END"])? });
        if !cursor.eat("ELSEIF") {
            break;
        }
    }
    let otherwise = if cursor.eat("ELSE") { body(cursor, &["END"])? } else { Vec::new() };
    cursor.expect("END")?;
    cursor.expect("IF")?;
    Ok(StatementKind::If(If { arms, otherwise }))
}

/// `CASE [x] WHEN .. THEN ..; ELSE ..; END CASE` is an IF.
fn case(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    let operand = if cursor.is_word("WHEN") { None } else { Some(expression(cursor)?) };
    let mut arms = Vec::new();
    while cursor.is_word("WHEN") {
        let at = cursor.expect("WHEN")?;
        let when = expression(cursor)?;
        cursor.expect("THEN")?;
        let condition = match &operand {
            None => when,
            Some(operand) => {
                let kind = ExpressionKind::Binary {
                    operator: "=",
                    left: Box::new(operand.clone()),
                    right: Box::new(when),
                    operator_at: at,
                };
                Expression { kind, at }
            }
        };
        arms.push(Arm { condition, body: body(cursor, &["WHEN", "ELSE", "END"])? });
    }
    if arms.is_empty() {
        return Err(cursor.expected("keyword WHEN"));
    }
    let otherwise = if cursor.eat("ELSE") { body(cursor, &["END"])? } else { Vec::new() };
    cursor.expect("END")?;
    cursor.expect("CASE")?;
    Ok(StatementKind::If(If { arms, otherwise }))
}

fn labelled(cursor: &mut Cursor, label: Option<String>) -> Result<StatementKind, QueryError> {
    let Some(word) = ["BEGIN", "LOOP", "WHILE", "REPEAT", "FOR"].into_iter().find(|word| cursor.is_word(word)) else {
        return Err(cursor.unexpected());
    };
    cursor.next();
    let kind = match word {
        "BEGIN" => block(cursor, label.clone())?,
        "LOOP" => StatementKind::Loop { body: ended(cursor, "LOOP")?, label: label.clone() },
        "WHILE" => {
            let condition = Box::new(expression(cursor)?);
            cursor.expect("DO")?;
            StatementKind::While { condition, body: ended(cursor, "WHILE")?, label: label.clone() }
        }
        "REPEAT" => {
            let body = body(cursor, &["UNTIL"])?;
            cursor.expect("UNTIL")?;
            let until = Box::new(expression(cursor)?);
            cursor.expect("END")?;
            cursor.expect("REPEAT")?;
            StatementKind::Repeat { body, until, label: label.clone() }
        }
        _ => for_in(cursor, label.clone())?,
    };
    end_label(cursor, label.as_deref())?;
    Ok(kind)
}

/// A body with its `END LOOP`.
fn ended(cursor: &mut Cursor, word: &str) -> Result<Vec<Statement>, QueryError> {
    let body = body(cursor, &["END"])?;
    cursor.expect("END")?;
    cursor.expect(word)?;
    Ok(body)
}

fn end_label(cursor: &mut Cursor, label: Option<&str>) -> Result<(), QueryError> {
    let at = cursor.at();
    let (Some(label), Some(found)) = (label, cursor.eat_name()) else { return Ok(()) };
    if found.text.eq_ignore_ascii_case(label) {
        return Ok(());
    }
    Err(QueryError::invalid_query(format!("Mismatched end label; expected {label}, got {}", found.text)).at(at))
}

fn block(cursor: &mut Cursor, label: Option<String>) -> Result<StatementKind, QueryError> {
    let statements = body(cursor, &["EXCEPTION", "END"])?;
    let exception = if cursor.eat("EXCEPTION") {
        cursor.expect("WHEN")?;
        cursor.expect("ERROR")?;
        cursor.expect("THEN")?;
        Some(body(cursor, &["END"])?)
    } else {
        None
    };
    cursor.expect("END")?;
    Ok(StatementKind::Block { body: statements, exception, label })
}

fn for_in(cursor: &mut Cursor, label: Option<String>) -> Result<StatementKind, QueryError> {
    let variable = cursor.name()?;
    cursor.expect("IN")?;
    cursor.expect_symbol("(")?;
    let query = query::query(cursor)?;
    cursor.expect_symbol(")")?;
    cursor.expect("DO")?;
    let body = ended(cursor, "FOR")?;
    Ok(StatementKind::For(Box::new(ForIn { variable, query, body, label })))
}

fn jump(cursor: &mut Cursor, kind: impl FnOnce(Option<String>) -> StatementKind) -> Result<StatementKind, QueryError> {
    cursor.next();
    Ok(kind(cursor.eat_name().map(|name| name.text)))
}

fn raise(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    if !cursor.eat("USING") {
        return Ok(StatementKind::Raise { message: None });
    }
    cursor.expect("MESSAGE")?;
    cursor.expect_symbol("=")?;
    Ok(StatementKind::Raise { message: Some(Box::new(expression(cursor)?)) })
}

fn execute(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    cursor.expect("IMMEDIATE")?;
    let text = Box::new(expression(cursor)?);
    let into = if cursor.eat("INTO") { cursor.list(Cursor::name)? } else { Vec::new() };
    let mut using = Vec::new();
    if cursor.eat("USING") {
        using = cursor.list(|cursor| {
            let value = expression(cursor)?;
            let name = if cursor.eat("AS") { Some(cursor.name()?) } else { None };
            Ok((value, name))
        })?;
    }
    Ok(StatementKind::ExecuteImmediate { text, into, using })
}

fn assert(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    cursor.next();
    let condition = Box::new(expression(cursor)?);
    let description = if cursor.eat("AS") { Some(super::expression::string(cursor)?) } else { None };
    Ok(StatementKind::Assert { condition, description })
}
