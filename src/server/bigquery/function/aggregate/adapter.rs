//! Between SQLite's aggregates and accumulators: NULLs, DISTINCT, LIMIT, HAVING, and frames that move.

use std::collections::{HashSet, VecDeque};

use rusqlite::Connection;
use rusqlite::functions::{Aggregate, Context, FunctionFlags, WindowAggregate};
use rusqlite::types::Value as Sql;

use super::{Accumulator, Make, Nulls};
use crate::server::bigquery::function::adapter::{read_types, read_values};
use crate::server::bigquery::function::error::{Outcome, fail};
use crate::server::bigquery::function::scalar::{Key, compare, key};
use crate::server::bigquery::value::{Type, Value};

/// Registers an aggregate as `name`, and as `over_name` for OVER.
pub(super) fn register(connection: &Connection, name: &str, nulls: Nulls, make: Make) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_aggregate_function(name, -1, flags, Registered { nulls, make, moves: false })?;
    connection.create_window_function(
        format!("over_{name}").as_str(),
        -1,
        flags,
        Registered { nulls, make, moves: true },
    )
}

#[derive(Clone, Copy)]
struct Registered {
    nulls: Nulls,
    make: Make,
    /// Whether rows may leave again.
    moves: bool,
}

/// The words before the types of a call; see `call.rs`.
#[derive(Debug, Clone, Default)]
struct Flags {
    distinct: bool,
    ignore: Option<bool>,
    limit: Option<u64>,
    /// `Some(true)` for MAX.
    having: Option<bool>,
}

/// A group, or a frame.
struct State {
    registered: Registered,
    flags: Flags,
    types: Vec<Type>,
    accumulator: Box<dyn Accumulator>,
    seen: HashSet<Key>,
    taken: u64,
    best: Option<Value>,
    /// The frame's rows, where they may be needed again.
    frame: VecDeque<Vec<Value>>,
    /// A row left that the accumulator could not take back.
    stale: bool,
}

impl State {
    fn new(registered: Registered, context: &Context<'_>) -> Outcome<Self> {
        let text = if context.is_empty() { "" } else { context.get_raw(0).as_str().unwrap_or_default() };
        let Some((words, types)) = text.split_once('|') else {
            return fail("Internal error: an aggregate without types");
        };
        let types = read_types(types)?;
        let mut flags = Flags::default();
        for word in words.split_whitespace() {
            match (word, word.strip_prefix("LIMIT=")) {
                ("DISTINCT", _) => flags.distinct = true,
                ("IGNORE", _) => flags.ignore = Some(true),
                ("RESPECT", _) => flags.ignore = Some(false),
                ("HAVING=MAX", _) => flags.having = Some(true),
                ("HAVING=MIN", _) => flags.having = Some(false),
                (_, Some(limit)) => flags.limit = limit.parse().ok(),
                (other, None) => return fail(format!("Internal error: unknown modifier {other}")),
            }
        }
        let accumulator = (registered.make)(&types);
        let (seen, frame) = (HashSet::new(), VecDeque::new());
        Ok(Self { registered, flags, types, accumulator, seen, taken: 0, best: None, frame, stale: false })
    }

    fn clear(&mut self) {
        self.accumulator = (self.registered.make)(&self.types);
        self.seen.clear();
        self.taken = 0;
        self.best = None;
    }

    /// Whether the accumulator alone knows the frame.
    fn is_exact(&self) -> bool {
        !self.flags.distinct && self.flags.having.is_none() && self.flags.limit.is_none() && self.accumulator.is_exact()
    }

    fn counts(&self, row: &[Value]) -> bool {
        let ignores = match (self.registered.nulls, self.flags.ignore) {
            (_, Some(ignores)) => ignores,
            (Nulls::Keep, None) => false,
            (_, None) => true,
        };
        let examined = if self.registered.nulls == Nulls::Skip && self.flags.ignore.is_none() { row.len() } else { 1 };
        !(ignores && row.iter().take(examined).any(|value| *value == Value::Null))
    }

    fn take(&mut self, mut row: Vec<Value>) -> Outcome<()> {
        if let Some(greatest) = self.flags.having {
            let Some(rank) = row.pop().filter(|rank| *rank != Value::Null) else { return Ok(()) };
            match self.best.as_ref().map(|best| compare(&rank, best)) {
                Some(order) if order.is_eq() => {}
                Some(order) if order.is_gt() != greatest => return Ok(()),
                _ => {
                    self.clear();
                    self.best = Some(rank);
                }
            }
        }
        if !self.counts(&row) {
            return Ok(());
        }
        if self.flags.distinct && !self.seen.insert(row.first().map_or(Key::Null, key)) {
            return Ok(());
        }
        if self.flags.limit.is_some_and(|limit| self.taken >= limit) {
            return Ok(());
        }
        self.taken += 1;
        self.accumulator.add(&row)
    }

    fn enter(&mut self, row: Vec<Value>) -> Outcome<()> {
        if !self.registered.moves {
            return self.take(row);
        }
        if !self.is_exact() {
            self.frame.push_back(row.clone());
        }
        if self.stale { Ok(()) } else { self.take(row) }
    }

    fn leave(&mut self, row: &[Value]) {
        if self.is_exact() {
            if self.counts(row) {
                self.accumulator.remove(row);
            }
            return;
        }
        self.frame.pop_front();
        self.stale = true;
    }

    fn result(&mut self) -> Outcome<Sql> {
        if self.stale {
            self.clear();
            let frame = std::mem::take(&mut self.frame);
            let rebuilt = frame.iter().try_for_each(|row| self.take(row.clone()));
            self.frame = frame;
            rebuilt?;
            self.stale = false;
        }
        self.accumulator.result().map(Value::into_sql)
    }
}

impl Registered {
    /// Of no rows.
    fn empty(self) -> Outcome<Sql> {
        (self.make)(&[]).result().map(Value::into_sql)
    }
}

impl Aggregate<State, Sql> for Registered {
    fn init(&self, context: &mut Context<'_>) -> rusqlite::Result<State> {
        Ok(State::new(*self, context)?)
    }

    fn step(&self, context: &mut Context<'_>, state: &mut State) -> rusqlite::Result<()> {
        let row = read_values(context, &state.types)?;
        Ok(state.enter(row)?)
    }

    fn finalize(&self, _: &mut Context<'_>, state: Option<State>) -> rusqlite::Result<Sql> {
        Ok(match state {
            Some(mut state) => state.result()?,
            None => self.empty()?,
        })
    }
}

impl WindowAggregate<State, Sql> for Registered {
    fn value(&self, state: Option<&mut State>) -> rusqlite::Result<Sql> {
        Ok(match state {
            Some(state) => state.result()?,
            None => self.empty()?,
        })
    }

    fn inverse(&self, context: &mut Context<'_>, state: &mut State) -> rusqlite::Result<()> {
        let row = read_values(context, &state.types)?;
        state.leave(&row);
        Ok(())
    }
}
