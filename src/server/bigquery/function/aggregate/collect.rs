//! ARRAY_AGG, ARRAY_CONCAT_AGG, STRING_AGG. Their order is that of the rows, which SQLite sorts by the call's ORDER BY.

use super::{Accumulator, Nulls, Row};
use crate::server::bigquery::function::call::Kind::Aggregate;
use crate::server::bigquery::function::error::{Outcome, fail};
use crate::server::bigquery::value::Value;

pub(super) const ROWS: &[Row] = &[
    ("ARRAY_AGG", &["T -> ARRAY<T>"], Nulls::Keep, |_| Box::new(Items::default()), Aggregate),
    ("$ARRAY", &["T -> ARRAY<T>"], Nulls::Keep, |_| Box::new(Items { always: true, ..Items::default() }), Aggregate),
    (
        "ARRAY_CONCAT_AGG",
        &["ARRAY<T> -> ARRAY<T>"],
        Nulls::Ask,
        |_| Box::new(Items { flat: true, ..Items::default() }),
        Aggregate,
    ),
    (
        "STRING_AGG",
        &["STRING, [STRING] -> STRING", "BYTES, [BYTES] -> BYTES"],
        Nulls::Skip,
        |_| Box::new(Joined(None)),
        Aggregate,
    ),
];

/// SQLite keeps no longer text than this.
const BYTES_MAX: usize = 500_000_000;
/// The most elements of an array that is collected.
const ITEMS_MAX: usize = 20_000_000;

#[derive(Default)]
struct Items {
    items: Vec<Value>,
    /// Whether no rows give an empty array, not NULL.
    always: bool,
    /// Whether the rows are arrays, to be joined.
    flat: bool,
    any: bool,
}

impl Accumulator for Items {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        self.any = true;
        match row.first() {
            Some(Value::Array(items)) if self.flat => self.items.extend_from_slice(items),
            other => self.items.push(other.cloned().unwrap_or(Value::Null)),
        }
        if self.items.len() > ITEMS_MAX {
            return fail(format!(
                "Resources exceeded during query execution: an array of more than {ITEMS_MAX} elements"
            ));
        }
        Ok(())
    }

    fn result(&self) -> Outcome<Value> {
        Ok(if self.any || self.always { Value::Array(self.items.clone()) } else { Value::Null })
    }
}

struct Joined(Option<Value>);

impl Accumulator for Joined {
    fn add(&mut self, row: &[Value]) -> Outcome<()> {
        let length = match (&mut self.0, row.first(), row.get(1)) {
            (Some(Value::String(all)), Some(Value::String(text)), delimiter) => {
                all.push_str(match delimiter {
                    Some(Value::String(delimiter)) => delimiter,
                    _ => ",",
                });
                all.push_str(text);
                all.len()
            }
            (Some(Value::Bytes(all)), Some(Value::Bytes(bytes)), delimiter) => {
                all.extend_from_slice(match delimiter {
                    Some(Value::Bytes(delimiter)) => delimiter,
                    _ => b",",
                });
                all.extend_from_slice(bytes);
                all.len()
            }
            (all, first, _) => {
                *all = first.cloned();
                0
            }
        };
        if length > BYTES_MAX {
            fail("Resources exceeded during query execution: STRING_AGG result is too large")
        } else {
            Ok(())
        }
    }

    fn result(&self) -> Outcome<Value> {
        Ok(self.0.clone().unwrap_or(Value::Null))
    }
}
