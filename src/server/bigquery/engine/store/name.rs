//! Which names datasets, tables and columns may have.

use std::collections::HashSet;

use super::Outcome;
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::value::{Field, Type};

const NAME_CHARS_MAX: usize = 1024;
/// Of a wrong name so much is given back.
const SHOWN_CHARS_MAX: usize = 100;
const COLUMN_CHARS_MAX: usize = 300;
const COLUMNS_MAX: usize = 1900;

pub(crate) fn check_dataset_name(name: &str) -> Outcome<()> {
    let good = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if good && !name.is_empty() && name.len() <= NAME_CHARS_MAX {
        return Ok(());
    }
    Err(QueryError::new(
        Reason::Invalid,
        format!(
            "Invalid dataset ID \"{}\". Dataset IDs must be alphanumeric (plus underscores) and must be at most {NAME_CHARS_MAX} characters long.",
            shown(name)
        ),
    ))
}

/// Of a table, view or model.
pub(crate) fn check_table_name(name: &str) -> Outcome<()> {
    let good = name.chars().all(|c| c.is_alphanumeric() || "_- ".contains(c));
    if good && !name.trim().is_empty() && name.len() <= NAME_CHARS_MAX {
        return Ok(());
    }
    Err(QueryError::new(
        Reason::Invalid,
        format!(
            "Invalid table ID \"{}\". Table IDs must be alphanumeric (plus underscores) and must be at most {NAME_CHARS_MAX} characters long. Also, Table decorators cannot be used.",
            shown(name)
        ),
    ))
}

/// Of a table: allowed names, none twice, not too many; also inside of structs.
pub(crate) fn check_fields(fields: &[Field]) -> Outcome<()> {
    if fields.len() > COLUMNS_MAX {
        return Err(QueryError::new(
            Reason::Invalid,
            format!("Too many columns in the schema: {}; at most {COLUMNS_MAX} are allowed", fields.len()),
        ));
    }
    check_names(fields.iter().map(|field| field.name.as_str()))?;
    fields.iter().try_for_each(|field| check_type(&field.kind))
}

fn check_type(kind: &Type) -> Outcome<()> {
    match kind {
        Type::Array(element) => check_type(element),
        Type::Struct(fields) => {
            check_names(fields.iter().map(|(name, _)| name.as_deref().unwrap_or("")))?;
            fields.iter().try_for_each(|(_, kind)| check_type(kind))
        }
        _ => Ok(()),
    }
}

fn check_names<'a>(names: impl Iterator<Item = &'a str>) -> Outcome<()> {
    let mut seen = HashSet::new();
    for name in names {
        check_column_name(name)?;
        if !seen.insert(name.to_lowercase()) {
            return Err(QueryError::new(Reason::Invalid, format!("Field {} already exists in schema", shown(name))));
        }
    }
    Ok(())
}

fn check_column_name(name: &str) -> Outcome<()> {
    let good = name.chars().all(|c| c.is_alphanumeric() || "_-&%=+:'<>#| ".contains(c));
    let first = name.chars().next().is_some_and(|c| c.is_alphanumeric() || c == '_');
    if good && first && name.chars().count() <= COLUMN_CHARS_MAX {
        return Ok(());
    }
    Err(QueryError::new(
        Reason::Invalid,
        format!(
            "Invalid field name \"{}\". Fields must contain the allowed characters, and be at most {COLUMN_CHARS_MAX} characters long. For allowed characters, please refer to https://cloud.google.com/bigquery/docs/schemas#column_names",
            shown(name)
        ),
    ))
}

/// Not too long for a message.
fn shown(name: &str) -> String {
    name.chars().take(SHOWN_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_letters_digits_and_underscores() {
        for good in ["a", "ml", "_x9", "A_b"] {
            check_dataset_name(good).unwrap();
            check_table_name(good).unwrap();
        }
        for bad in ["", "a.b", "a/b", "../x", "a\"; DROP TABLE t1; --", "a`b", "a\0", "a$20240101"] {
            assert_eq!(check_dataset_name(bad).unwrap_err().reason, Reason::Invalid, "{bad:?}");
            assert_eq!(check_table_name(bad).unwrap_err().reason, Reason::Invalid, "{bad:?}");
        }
        check_dataset_name(&"a".repeat(1025)).unwrap_err();
    }
}
