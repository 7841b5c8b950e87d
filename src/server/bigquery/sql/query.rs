//! Queries: <https://cloud.google.com/bigquery/docs/reference/standard-sql/query-syntax>.

use super::ast::{
    Body, Bound, Cte, Expression, Frame, GroupBy, Name, OrderItem, Query, Select, SelectAs, SelectItem, SetOperator,
    Window, WindowReference,
};
use super::cursor::Cursor;
use super::expression::expression;
use super::from;
use crate::server::bigquery::error::{Position, QueryError};

/// Whether a query begins here: SELECT, WITH, or parentheses that hold a query and not an expression.
pub(super) fn starts(cursor: &Cursor) -> bool {
    let opened = (0..super::cursor::DEPTH_MAX).take_while(|count| cursor.symbol_ahead(*count, "(")).count();
    if !cursor.word_ahead(opened, "SELECT") && !cursor.word_ahead(opened, "WITH") {
        return false;
    }
    // `((SELECT 1) + 1)` is an expression: behind an inner query only what goes on with a query may stand.
    (1..opened).all(|count| {
        cursor.close_ahead(count).is_none_or(|close| {
            cursor.symbol_ahead(close + 1, ")")
                || ["UNION", "INTERSECT", "EXCEPT", "ORDER", "LIMIT"]
                    .iter()
                    .any(|word| cursor.word_ahead(close + 1, word))
        })
    })
}

pub(super) fn query(cursor: &mut Cursor) -> Result<Query, QueryError> {
    cursor.nested(|cursor| {
        let at = cursor.at();
        let outer_star = std::mem::take(&mut cursor.star);
        let (recursive, with) = with(cursor)?;
        let body = body(cursor)?;
        let order_by = order_by(cursor)?;
        let (limit, offset) = limit(cursor)?;
        if cursor.is_symbol("|>") {
            return Err(cursor.unsupported("Pipe query syntax", cursor.at()));
        }
        let star = cursor.star;
        cursor.star = star || outer_star;
        Ok(Query { recursive, with, body, order_by, limit, offset, star, at })
    })
}

fn with(cursor: &mut Cursor) -> Result<(bool, Vec<Cte>), QueryError> {
    if !cursor.eat("WITH") {
        return Ok((false, Vec::new()));
    }
    let recursive = cursor.eat("RECURSIVE");
    let mut ctes = Vec::new();
    loop {
        let name = cursor.name()?;
        cursor.expect("AS")?;
        cursor.expect_symbol("(")?;
        let query = query(cursor)?;
        cursor.expect_symbol(")")?;
        ctes.push(Cte { name, query });
        if !cursor.eat_symbol(",") || cursor.is_word("SELECT") {
            return Ok((recursive, ctes));
        }
    }
}

fn body(cursor: &mut Cursor) -> Result<Body, QueryError> {
    let mut left = term(cursor)?;
    let mut first = None;
    let mut levels = 0;
    loop {
        let at = cursor.at();
        let Some(operator) = set_operator(cursor)? else {
            cursor.shallow(levels);
            return Ok(left);
        };
        if *first.get_or_insert(operator) != operator {
            let message = "Syntax error: Different set operations cannot be used in the same query without using parentheses for grouping";
            return Err(QueryError::invalid_query(message).at(at));
        }
        cursor.deepen()?;
        levels += 1;
        left = Body::Set { operator, left: Box::new(left), right: Box::new(term(cursor)?), at };
    }
}

fn set_operator(cursor: &mut Cursor) -> Result<Option<SetOperator>, QueryError> {
    let operators: [(&str, Option<SetOperator>, SetOperator); 3] = [
        ("UNION", Some(SetOperator::UnionAll), SetOperator::UnionDistinct),
        ("INTERSECT", None, SetOperator::IntersectDistinct),
        ("EXCEPT", None, SetOperator::ExceptDistinct),
    ];
    let Some((word, all, distinct)) = operators.into_iter().find(|(word, ..)| cursor.is_word(word)) else {
        return Ok(None);
    };
    let at = cursor.at();
    cursor.next();
    if cursor.eat("DISTINCT") {
        return Ok(Some(distinct));
    }
    if cursor.eat("ALL") {
        return all.map(Some).ok_or_else(|| cursor.unsupported(&format!("{word} ALL"), at));
    }
    Err(cursor.expected("keyword ALL or keyword DISTINCT"))
}

fn term(cursor: &mut Cursor) -> Result<Body, QueryError> {
    if cursor.is_word("SELECT") {
        return Ok(Body::Select(Box::new(select(cursor)?)));
    }
    if cursor.is_symbol("(") {
        cursor.next();
        let inner = query(cursor)?;
        cursor.expect_symbol(")")?;
        return Ok(Body::Query(Box::new(inner)));
    }
    if cursor.is_word("FROM") {
        return Err(cursor.unsupported("Pipe query syntax", cursor.at()));
    }
    Err(if cursor.is_end() { cursor.unexpected() } else { cursor.expected("\"(\" or keyword SELECT or keyword WITH") })
}

fn select(cursor: &mut Cursor) -> Result<Select, QueryError> {
    let at = cursor.expect("SELECT")?;
    let distinct = cursor.eat("DISTINCT");
    if !distinct {
        cursor.eat("ALL");
    }
    let shape = shape(cursor);
    let items = select_list(cursor)?;
    let from = if cursor.eat("FROM") { Some(from::from(cursor)?) } else { None };
    let filter = clause(cursor, "WHERE")?;
    let group_by = group_by(cursor)?;
    let having = clause(cursor, "HAVING")?;
    let qualify = clause(cursor, "QUALIFY")?;
    let windows = windows(cursor)?;
    Ok(Select { distinct, shape, items, from, filter, group_by, having, qualify, windows, at })
}

fn shape(cursor: &mut Cursor) -> SelectAs {
    if cursor.eat_all(&["AS", "STRUCT"]) {
        SelectAs::Struct
    } else if cursor.eat_all(&["AS", "VALUE"]) {
        SelectAs::Value
    } else {
        SelectAs::Row
    }
}

fn clause(cursor: &mut Cursor, keyword: &str) -> Result<Option<Expression>, QueryError> {
    if cursor.eat(keyword) { expression(cursor).map(Some) } else { Ok(None) }
}

/// Items up to what follows a select list; a comma after the last one is allowed.
pub(super) fn select_list(cursor: &mut Cursor) -> Result<Vec<SelectItem>, QueryError> {
    if cursor.is_word("FROM") || cursor.is_symbol(")") || cursor.is_symbol(";") {
        return Err(QueryError::invalid_query("Syntax error: SELECT list must not be empty").at(cursor.at()));
    }
    let mut items = vec![select_item(cursor)?];
    while cursor.eat_symbol(",") {
        if cursor.is_word("FROM") || cursor.is_end() || cursor.is_symbol(")") || cursor.is_symbol(";") {
            break;
        }
        items.push(select_item(cursor)?);
    }
    Ok(items)
}

fn select_item(cursor: &mut Cursor) -> Result<SelectItem, QueryError> {
    let at = cursor.at();
    if cursor.eat_symbol("*") {
        return star(cursor, None, at);
    }
    let value = expression(cursor)?;
    if cursor.is_symbol(".") && cursor.symbol_ahead(1, "*") {
        cursor.next();
        cursor.next();
        return star(cursor, Some(value), at);
    }
    Ok(SelectItem::Expression { expression: value, alias: alias(cursor)? })
}

fn star(cursor: &mut Cursor, base: Option<Expression>, at: Position) -> Result<SelectItem, QueryError> {
    cursor.star = true;
    let except = if cursor.is_word("EXCEPT") && cursor.symbol_ahead(1, "(") {
        cursor.next();
        cursor.parenthesized(Cursor::name)?
    } else {
        Vec::new()
    };
    let replace = if cursor.is_word("REPLACE") && cursor.symbol_ahead(1, "(") {
        cursor.next();
        cursor.parenthesized(|cursor| {
            let value = expression(cursor)?;
            cursor.expect("AS")?;
            Ok((value, cursor.name()?))
        })?
    } else {
        Vec::new()
    };
    Ok(SelectItem::Star { base, except, replace, at })
}

/// `[AS] name`.
pub(super) fn alias(cursor: &mut Cursor) -> Result<Option<Name>, QueryError> {
    if cursor.eat("AS") { cursor.name().map(Some) } else { Ok(cursor.eat_name()) }
}

fn group_by(cursor: &mut Cursor) -> Result<GroupBy, QueryError> {
    if !cursor.eat("GROUP") {
        return Ok(GroupBy::None);
    }
    cursor.expect("BY")?;
    if cursor.eat("ALL") {
        return Ok(GroupBy::All);
    }
    if cursor.is_words(&["GROUPING", "SETS"]) || (cursor.is_word("CUBE") && cursor.symbol_ahead(1, "(")) {
        return Err(cursor.unsupported(&format!("GROUP BY {}", cursor.peek().text.to_ascii_uppercase()), cursor.at()));
    }
    if cursor.eat("ROLLUP") {
        return cursor.parenthesized(expression).map(GroupBy::Rollup);
    }
    if cursor.is_symbol("(") && cursor.symbol_ahead(1, ")") {
        cursor.next();
        cursor.next();
        return Ok(GroupBy::Items(Vec::new()));
    }
    cursor.list(expression).map(GroupBy::Items)
}

fn windows(cursor: &mut Cursor) -> Result<Vec<(Name, WindowReference)>, QueryError> {
    if !cursor.eat("WINDOW") {
        return Ok(Vec::new());
    }
    cursor.list(|cursor| {
        let name = cursor.name()?;
        cursor.expect("AS")?;
        Ok((name, window_reference(cursor)?))
    })
}

/// What stands behind OVER.
pub(super) fn window_reference(cursor: &mut Cursor) -> Result<WindowReference, QueryError> {
    let at = cursor.at();
    if let Some(name) = cursor.eat_name() {
        return Ok(WindowReference::Name(name));
    }
    cursor.expect_symbol("(")?;
    let base = if cursor.is_any_word(&["PARTITION", "ORDER", "ROWS", "RANGE"]) { None } else { cursor.eat_name() };
    let mut partition_by = Vec::new();
    if cursor.eat("PARTITION") {
        cursor.expect("BY")?;
        partition_by = cursor.list(expression)?;
    }
    let order_by = order_by(cursor)?;
    let frame = frame(cursor)?;
    cursor.expect_symbol(")")?;
    Ok(WindowReference::Specification(Box::new(Window { base, partition_by, order_by, frame, at })))
}

fn frame(cursor: &mut Cursor) -> Result<Option<Frame>, QueryError> {
    let rows = cursor.eat("ROWS");
    if !rows && !cursor.eat("RANGE") {
        return Ok(None);
    }
    if cursor.eat("BETWEEN") {
        let start = bound(cursor)?;
        cursor.expect("AND")?;
        return Ok(Some(Frame { rows, start, end: Some(bound(cursor)?) }));
    }
    Ok(Some(Frame { rows, start: bound(cursor)?, end: None }))
}

fn bound(cursor: &mut Cursor) -> Result<Bound, QueryError> {
    if cursor.eat_all(&["CURRENT", "ROW"]) {
        return Ok(Bound::CurrentRow);
    }
    if cursor.eat("UNBOUNDED") {
        if cursor.eat("PRECEDING") {
            return Ok(Bound::UnboundedPreceding);
        }
        cursor.expect("FOLLOWING")?;
        return Ok(Bound::UnboundedFollowing);
    }
    let distance = expression(cursor)?;
    if cursor.eat("PRECEDING") {
        return Ok(Bound::Preceding(distance));
    }
    cursor.expect("FOLLOWING")?;
    Ok(Bound::Following(distance))
}

/// `ORDER BY ..`, or nothing.
pub(super) fn order_by(cursor: &mut Cursor) -> Result<Vec<OrderItem>, QueryError> {
    if !cursor.eat("ORDER") {
        return Ok(Vec::new());
    }
    cursor.expect("BY")?;
    cursor.list(|cursor| {
        let value = expression(cursor)?;
        let descending = cursor.eat("DESC");
        if !descending {
            cursor.eat("ASC");
        }
        let nulls_first = if cursor.eat_all(&["NULLS", "FIRST"]) {
            Some(true)
        } else if cursor.eat_all(&["NULLS", "LAST"]) {
            Some(false)
        } else {
            None
        };
        Ok(OrderItem { expression: value, descending, nulls_first })
    })
}

fn limit(cursor: &mut Cursor) -> Result<(Option<Expression>, Option<Expression>), QueryError> {
    if !cursor.eat("LIMIT") {
        return Ok((None, None));
    }
    let limit = expression(cursor)?;
    let offset = if cursor.eat("OFFSET") { Some(expression(cursor)?) } else { None };
    Ok((Some(limit), offset))
}
