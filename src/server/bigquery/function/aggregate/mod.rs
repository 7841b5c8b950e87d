//! Aggregate and window functions. Each row of a group's table is a name, its signatures, how NULLs go, and its accumulator.
//!
//! An aggregate is registered as `bq_<name>` and, to stand before OVER, as `over_bq_<name>`. Those of SQLite that mean the same are used as they are.

mod adapter;
mod approximate;
mod collect;
mod extreme;
mod moments;
mod position;
mod sum;

use super::call::{Call, Kind};
use super::catalogue::Entry;
use super::error::Outcome;
use super::scalar::sql_name;
use super::signature::Signature;
use crate::server::bigquery::value::{Type, Value};

/// What grows row by row.
pub(super) trait Accumulator: Send + std::panic::RefUnwindSafe + std::panic::UnwindSafe {
    /// One row's arguments.
    fn add(&mut self, row: &[Value]) -> Outcome<()>;

    /// Takes the oldest row back, exactly; `false` when it can't, and then nothing is changed.
    fn remove(&mut self, _row: &[Value]) -> bool {
        false
    }

    /// Whether [`Accumulator::remove`] always can: then no rows need to be kept.
    fn is_exact(&self) -> bool {
        false
    }

    fn result(&self) -> Outcome<Value>;
}

/// Makes an accumulator for arguments of types; no types when there are no rows.
pub(super) type Make = fn(&[Type]) -> Box<dyn Accumulator>;

/// Which rows count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nulls {
    /// Those without any NULL argument.
    Skip,
    /// All.
    Keep,
    /// `Skip` for the first argument, unless RESPECT NULLS says other.
    Ask,
}

/// An aggregate function of a group.
pub(super) type Row = (&'static str, &'static [&'static str], Nulls, Make, Kind);

/// One of SQLite's own that stands only with OVER.
type NativeRow = (&'static str, &'static [&'static str], &'static str);

const NATIVE: &[NativeRow] = &[
    ("ROW_NUMBER", &["-> INT64"], "row_number"),
    ("RANK", &["-> INT64"], "rank"),
    ("DENSE_RANK", &["-> INT64"], "dense_rank"),
    ("PERCENT_RANK", &["-> FLOAT64"], "percent_rank"),
    ("CUME_DIST", &["-> FLOAT64"], "cume_dist"),
    ("NTILE", &["INT64 -> INT64"], "ntile"),
    ("LAG", &["T, [INT64], [T] -> T"], "lag"),
    ("LEAD", &["T, [INT64], [T] -> T"], "lead"),
    ("FIRST_VALUE", &["T -> T"], "first_value"),
    ("LAST_VALUE", &["T -> T"], "last_value"),
    ("NTH_VALUE", &["T, INT64 -> T"], "nth_value"),
];

fn rows() -> impl Iterator<Item = &'static Row> {
    [approximate::ROWS, collect::ROWS, extreme::ROWS, moments::ROWS, position::ROWS, sum::ROWS].into_iter().flatten()
}

/// The catalogue's entries.
pub(super) fn entries() -> impl Iterator<Item = (&'static str, Entry)> {
    let own = rows().map(|(name, signatures, _, _, kind)| (*name, entry(signatures, sql_name(name), *kind, true)));
    let native =
        NATIVE.iter().map(|(name, signatures, sql)| (*name, entry(signatures, (*sql).to_owned(), Kind::Window, false)));
    own.filter(|(name, _)| !NATIVE.iter().any(|(native, ..)| native == name)).chain(native)
}

fn entry(signatures: &[&str], sql_name: String, kind: Kind, typed: bool) -> Entry {
    let signatures = signatures.iter().flat_map(|text| Signature::read(text)).collect();
    Entry { signatures, sql_name, kind, typed }
}

/// SQLite's own COUNT, MIN and MAX are faster, and the same where there is no NaN.
pub(super) fn prefer_native(name: &str, call: &mut Call) {
    let native = match (name, call.arguments.first()) {
        ("COUNT", _) => "count",
        ("MIN", Some(kind)) if *kind != Type::Float64 => "min",
        ("MAX", Some(kind)) if *kind != Type::Float64 => "max",
        _ => return,
    };
    call.sql_name = native.to_owned();
    call.typed = false;
}

pub(super) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    rows().try_for_each(|(name, _, nulls, make, _)| adapter::register(connection, &sql_name(name), *nulls, *make))
}
