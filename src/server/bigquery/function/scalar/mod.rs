//! The scalar functions, a file a group. Each row of a group's table is a name, its signatures, how NULLs go, and the body.
//!
//! Names with `$` have no name in SQL: operators and constructors that `operator.rs` and `call.rs` write. `bq__x` is the SQLite name of `$X`.

mod arithmetic;
mod array;
mod compare;
mod conditional;
mod date;
mod encode;
mod format;
mod json;
mod math;
mod moment;
mod other;
mod pad;
mod part;
mod pattern;
mod strftime;
mod string;
mod strptime;
mod structure;

use super::adapter::{Body, Nulls, register_scalar};
use super::call::Kind;
use super::catalogue::Entry;
use super::signature::Signature;

pub(super) use compare::{Key, compare, is_nan, key};

/// A function of a group.
pub(super) type Row = (&'static str, &'static [&'static str], Nulls, Body);

/// A function that is one of SQLite's own: its name there.
type NativeRow = (&'static str, &'static [&'static str], &'static str);

const NATIVE: &[NativeRow] = &[("COALESCE", &["T, T... -> T"], "coalesce"), ("IFNULL", &["T, T -> T"], "ifnull")];

fn rows() -> impl Iterator<Item = &'static Row> {
    [
        arithmetic::ROWS,
        array::ROWS,
        compare::ROWS,
        conditional::ROWS,
        date::ROWS,
        encode::ROWS,
        format::ROWS,
        json::ROWS,
        math::ROWS,
        moment::ROWS,
        other::ROWS,
        pad::ROWS,
        pattern::ROWS,
        strftime::ROWS,
        string::ROWS,
        strptime::ROWS,
        structure::ROWS,
    ]
    .into_iter()
    .flatten()
}

/// The catalogue's entries.
pub(super) fn entries() -> impl Iterator<Item = (&'static str, Entry)> {
    let own = rows().map(|(name, signatures, ..)| (*name, entry(signatures, sql_name(name), true)));
    own.chain(NATIVE.iter().map(|(name, signatures, sql)| (*name, entry(signatures, (*sql).to_owned(), false))))
}

fn entry(signatures: &[&str], sql_name: String, typed: bool) -> Entry {
    let signatures = signatures.iter().flat_map(|text| Signature::read(text)).collect();
    Entry { signatures, sql_name, kind: Kind::Scalar, typed }
}

/// `bq_round` of `ROUND`, `bq__add` of `$ADD`.
pub(super) fn sql_name(name: &str) -> String {
    format!("bq_{}", name.to_ascii_lowercase().replace(['$', '.'], "_"))
}

pub(super) fn register(connection: &rusqlite::Connection) -> rusqlite::Result<()> {
    for (name, _, nulls, body) in rows() {
        register_scalar(connection, &sql_name(name), *nulls, *body)?;
    }
    compare::register(connection)?;
    structure::register(connection)
}
