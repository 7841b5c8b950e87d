//! CREATE and DROP, and EXPORT DATA: <https://cloud.google.com/bigquery/docs/reference/standard-sql/data-definition-language>.

use super::ast::{Path, SelectItem};
use super::cursor::Cursor;
use super::expression::expression;
use super::statement::{Action, Column, FunctionOption, ObjectKind, StatementKind};
use super::{query, types};
use crate::server::bigquery::error::QueryError;

pub(super) fn create(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    let start = cursor.at();
    cursor.next();
    let replace = cursor.eat_all(&["OR", "REPLACE"]);
    let temporary = cursor.eat("TEMP") || cursor.eat("TEMPORARY");
    if cursor.eat("TABLE") {
        return table(cursor, replace, temporary);
    }
    if temporary
        || cursor.is_any_word(&[
            "FUNCTION",
            "PROCEDURE",
            "AGGREGATE",
            "SNAPSHOT",
            "SEARCH",
            "VECTOR",
            "ROW",
            "CAPACITY",
            "RESERVATION",
        ])
    {
        let name = cursor.peek().text.to_ascii_uppercase();
        return Err(QueryError::invalid_query(format!("Statement not supported: CREATE {name}")).at(start));
    }
    if cursor.eat_all(&["EXTERNAL", "TABLE"]) {
        return external(cursor, replace);
    }
    if cursor.eat("MODEL") {
        return model(cursor, replace);
    }
    if cursor.eat("SCHEMA") {
        let (action, path) = named(cursor, replace)?;
        return Ok(StatementKind::CreateSchema { path, action, options: options(cursor)? });
    }
    let materialized = cursor.eat("MATERIALIZED");
    if cursor.eat("VIEW") {
        return view(cursor, replace, materialized);
    }
    Err(cursor.unexpected())
}

/// `[IF NOT EXISTS] path`.
fn named(cursor: &mut Cursor, replace: bool) -> Result<(Action, Path), QueryError> {
    let at = cursor.at();
    let lenient = cursor.eat_all(&["IF", "NOT", "EXISTS"]);
    let action = match (replace, lenient) {
        (true, true) => {
            return Err(QueryError::invalid_query("CREATE cannot have both OR REPLACE and IF NOT EXISTS").at(at));
        }
        (true, false) => Action::CreateOrReplace,
        (false, true) => Action::CreateIfNotExists,
        (false, false) => Action::Create,
    };
    Ok((action, cursor.table_path()?))
}

fn table(cursor: &mut Cursor, replace: bool, temporary: bool) -> Result<StatementKind, QueryError> {
    let (action, path) = named(cursor, replace)?;
    let columns = columns(cursor)?;
    let like = like(cursor)?;
    let mut partition_by = None;
    if cursor.eat_all(&["PARTITION", "BY"]) {
        partition_by = Some(Box::new(expression(cursor)?));
    }
    let cluster_by = if cursor.eat_all(&["CLUSTER", "BY"]) { cursor.list(expression)? } else { Vec::new() };
    let options = options(cursor)?;
    let (mut query, mut query_text) = (None, None);
    if cursor.eat("AS") {
        let start = cursor.peek().start;
        query = Some(Box::new(query::query(cursor)?));
        query_text = Some(start..cursor.previous().end);
    } else if columns.is_none() && like.is_none() {
        return Err(QueryError::invalid_query("CREATE TABLE without a column list must have AS, LIKE, COPY or CLONE")
            .at(path.at));
    }
    Ok(StatementKind::CreateTable {
        path,
        action,
        temporary,
        columns,
        like,
        partition_by,
        cluster_by,
        options,
        query,
        query_text,
    })
}

fn like(cursor: &mut Cursor) -> Result<Option<(Path, bool)>, QueryError> {
    let rows = if cursor.eat("LIKE") {
        false
    } else if cursor.eat("COPY") || cursor.eat("CLONE") {
        true
    } else {
        return Ok(None);
    };
    cursor.star = true;
    Ok(Some((cursor.table_path()?, rows)))
}

/// `(name TYPE .., ..)`, or nothing.
fn columns(cursor: &mut Cursor) -> Result<Option<Vec<Column>>, QueryError> {
    if !cursor.eat_symbol("(") {
        return Ok(None);
    }
    let mut columns = Vec::new();
    while !cursor.is_symbol(")") {
        columns.push(column(cursor)?);
        if !cursor.eat_symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(Some(columns))
}

fn column(cursor: &mut Cursor) -> Result<Column, QueryError> {
    let at = cursor.at();
    if cursor.is_words(&["PRIMARY", "KEY"]) || cursor.is_words(&["FOREIGN", "KEY"]) || cursor.is_word("CONSTRAINT") {
        return Err(cursor.unsupported("Table constraint", at));
    }
    let name = cursor.name()?;
    let kind = types::data_type(cursor)?;
    let mut column = Column { name, kind, required: false, default: None, options: Vec::new() };
    loop {
        if cursor.eat_all(&["NOT", "NULL"]) {
            column.required = true;
        } else if cursor.eat("DEFAULT") {
            column.default = Some(expression(cursor)?);
        } else if cursor.is_word("OPTIONS") {
            column.options = options(cursor)?;
        } else if cursor.is_any_word(&["COLLATE", "PRIMARY", "REFERENCES", "GENERATED"]) {
            return Err(cursor
                .unsupported(&format!("Column attribute {}", cursor.peek().text.to_ascii_uppercase()), cursor.at()));
        } else {
            return Ok(column);
        }
    }
}

/// `OPTIONS(name = value, ..)`, or nothing.
fn options(cursor: &mut Cursor) -> Result<Vec<FunctionOption>, QueryError> {
    if !cursor.eat("OPTIONS") {
        return Ok(Vec::new());
    }
    cursor.expect_symbol("(")?;
    let mut options: Vec<FunctionOption> = Vec::new();
    while !cursor.is_symbol(")") {
        let name = cursor.name_after_dot()?;
        if options.iter().any(|option| option.name.text.eq_ignore_ascii_case(&name.text)) {
            return Err(QueryError::invalid_query(format!("Duplicate option specified for: {}", name.text)).at(name.at));
        }
        cursor.expect_symbol("=")?;
        options.push(FunctionOption { name, value: expression(cursor)? });
        if !cursor.eat_symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(options)
}

fn view(cursor: &mut Cursor, replace: bool, materialized: bool) -> Result<StatementKind, QueryError> {
    let (action, path) = named(cursor, replace)?;
    let columns = if cursor.is_symbol("(") { Some(cursor.parenthesized(Cursor::name)?) } else { None };
    let options = options(cursor)?;
    cursor.expect("AS")?;
    let start = cursor.peek().start;
    let query = Box::new(query::query(cursor)?);
    let query_text = start..cursor.previous().end;
    Ok(StatementKind::CreateView { path, action, materialized, columns, options, query, query_text })
}

fn external(cursor: &mut Cursor, replace: bool) -> Result<StatementKind, QueryError> {
    let (action, path) = named(cursor, replace)?;
    let columns = columns(cursor)?;
    if cursor.is_word("WITH") {
        return Err(cursor
            .unsupported(&format!("External table WITH {}", cursor.ahead(1).text.to_ascii_uppercase()), cursor.at()));
    }
    let options = options(cursor)?;
    Ok(StatementKind::CreateExternalTable { path, action, columns, options })
}

fn model(cursor: &mut Cursor, replace: bool) -> Result<StatementKind, QueryError> {
    let (action, path) = named(cursor, replace)?;
    let mut transform: Option<Vec<SelectItem>> = None;
    if cursor.eat("TRANSFORM") {
        cursor.expect_symbol("(")?;
        transform = Some(query::select_list(cursor)?);
        cursor.expect_symbol(")")?;
    }
    for word in ["INPUT", "REMOTE"] {
        if cursor.is_word(word) {
            return Err(cursor.unsupported(&format!("CREATE MODEL with {word}"), cursor.at()));
        }
    }
    let options = options(cursor)?;
    let mut query = None;
    if cursor.eat("AS") {
        if cursor.is_symbol("(") && cursor.word_ahead(2, "AS") && cursor.symbol_ahead(3, "(") {
            return Err(cursor.unsupported("CREATE MODEL with several queries", cursor.at()));
        }
        query = Some(Box::new(query::query(cursor)?));
    }
    Ok(StatementKind::CreateModel { path, action, transform, options, query })
}

pub(super) fn drop(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    let start = cursor.at();
    cursor.next();
    let kind = if cursor.eat("TABLE") {
        ObjectKind::Table
    } else if cursor.eat_all(&["EXTERNAL", "TABLE"]) {
        ObjectKind::ExternalTable
    } else if cursor.eat_all(&["MATERIALIZED", "VIEW"]) {
        ObjectKind::MaterializedView
    } else if cursor.eat("VIEW") {
        ObjectKind::View
    } else if cursor.eat("MODEL") {
        ObjectKind::Model
    } else if cursor.eat("SCHEMA") {
        ObjectKind::Schema
    } else if cursor.is_any_word(&[
        "FUNCTION",
        "PROCEDURE",
        "SNAPSHOT",
        "SEARCH",
        "VECTOR",
        "ROW",
        "ALL",
        "CAPACITY",
        "RESERVATION",
    ]) {
        let name = cursor.peek().text.to_ascii_uppercase();
        return Err(QueryError::invalid_query(format!("Statement not supported: DROP {name}")).at(start));
    } else {
        return Err(cursor.unexpected());
    };
    let if_exists = cursor.eat_all(&["IF", "EXISTS"]);
    let path = cursor.table_path()?;
    let cascade = kind == ObjectKind::Schema && cursor.eat("CASCADE");
    if kind == ObjectKind::Schema && !cascade {
        cursor.eat("RESTRICT");
    }
    Ok(StatementKind::Drop { kind, path, if_exists, cascade })
}

pub(super) fn export(cursor: &mut Cursor) -> Result<StatementKind, QueryError> {
    let start = cursor.at();
    cursor.next();
    cursor.expect("DATA")?;
    if cursor.is_word("WITH") {
        return Err(cursor.unsupported("EXPORT DATA WITH CONNECTION", start));
    }
    let options = options(cursor)?;
    cursor.expect("AS")?;
    Ok(StatementKind::ExportData { options, query: Box::new(query::query(cursor)?) })
}
