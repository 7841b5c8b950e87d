//! Types as written: `ARRAY<STRUCT<price FLOAT64, quantity INT64>>`.

use super::cursor::Cursor;
use super::token::TokenKind;
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::Type;

/// The scalar type of this name.
pub(super) fn scalar(word: &str) -> Option<Type> {
    Some(match word.to_ascii_uppercase().as_str() {
        "INT64" | "INT" | "SMALLINT" | "INTEGER" | "BIGINT" | "TINYINT" | "BYTEINT" => Type::Int64,
        "FLOAT64" => Type::Float64,
        "BOOL" | "BOOLEAN" => Type::Bool,
        "STRING" => Type::String,
        "BYTES" => Type::Bytes,
        "DATE" => Type::Date,
        "TIME" => Type::Time,
        "DATETIME" => Type::Datetime,
        "TIMESTAMP" => Type::Timestamp,
        "NUMERIC" | "DECIMAL" => Type::Numeric,
        "JSON" => Type::Json,
        _ => return None,
    })
}

/// A whole type.
pub(super) fn data_type(cursor: &mut Cursor) -> Result<Type, QueryError> {
    cursor.nested(|cursor| {
        if cursor.is_word("ARRAY") {
            cursor.next();
            cursor.expect_symbol("<")?;
            let at = cursor.at();
            let element = data_type(cursor)?;
            cursor.expect_symbol(">")?;
            if matches!(element, Type::Array(_)) {
                return Err(QueryError::invalid_query("Arrays of arrays are not supported").at(at));
            }
            return Ok(Type::Array(Box::new(element)));
        }
        if cursor.is_word("STRUCT") {
            cursor.next();
            return Ok(Type::Struct(struct_fields(cursor)?));
        }
        scalar_type(cursor)
    })
}

/// `<name TYPE, TYPE, ..>`.
pub(super) fn struct_fields(cursor: &mut Cursor) -> Result<Vec<(Option<String>, Type)>, QueryError> {
    if cursor.eat_symbol("<>") {
        return Ok(Vec::new());
    }
    cursor.expect_symbol("<")?;
    let fields = cursor.list(|cursor| {
        let named = cursor.is_name() && matches!(cursor.ahead(1).kind, TokenKind::Word(_) | TokenKind::Quoted(_));
        let name = if named { Some(cursor.name()?.text) } else { None };
        Ok((name, data_type(cursor)?))
    })?;
    cursor.expect_symbol(">")?;
    Ok(fields)
}

fn scalar_type(cursor: &mut Cursor) -> Result<Type, QueryError> {
    let at = cursor.at();
    if cursor.is_word("INTERVAL") || cursor.is_word("RANGE") {
        return Err(cursor.unsupported(&format!("Type {}", cursor.peek().text.to_ascii_uppercase()), at));
    }
    let name = cursor.name()?;
    let Some(kind) = scalar(&name.text) else {
        let known =
            ["BIGNUMERIC", "BIGDECIMAL", "GEOGRAPHY"].iter().any(|other| other.eq_ignore_ascii_case(&name.text));
        return Err(if known {
            cursor.unsupported(&format!("Type {}", name.text.to_ascii_uppercase()), at)
        } else {
            QueryError::invalid_query(format!("Type not found: {}", name.text)).at(at)
        });
    };
    if cursor.is_symbol("(") {
        return Err(cursor.unsupported(&format!("Parameterized type {}", name.text.to_ascii_uppercase()), at));
    }
    Ok(kind)
}
