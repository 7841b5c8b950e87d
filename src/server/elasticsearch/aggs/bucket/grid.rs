//! What `date_histogram` and `histogram` share: buckets on a line, gaps between them filled, bounds kept.

use std::cmp::Ordering;

use serde_json::Map;

use super::super::collector::{Children, Collector, Docs, Fall, NO_BUCKET, Segment};
use super::super::format::number;
use super::super::kept::Kept;
use super::super::order::{self, Criterion, Ranked};
use super::super::outcome::{Body, Bucket, Budget, Outcome};
use super::super::rounding::{Prepared, Rounding};
use super::super::table::BucketTable;
use super::super::values::{Class, Numbers, Values, truncate};
use crate::server::elasticsearch::error::{ApiError, Exception};

/// Where buckets start. Keys are the bits of milliseconds, or of the number of steps as a double.
pub(super) enum Grid {
    Date(Rounding),
    Number { interval: f64, offset: f64 },
}

impl Grid {
    fn next(&self, key: u64) -> u64 {
        match self {
            Self::Date(rounding) => rounding.next(key.cast_signed()).cast_unsigned(),
            Self::Number { .. } => (f64::from_bits(key) + 1.0).to_bits(),
        }
    }

    fn compare(&self, left: u64, right: u64) -> Ordering {
        match self {
            Self::Date(_) => left.cast_signed().cmp(&right.cast_signed()),
            Self::Number { .. } => f64::from_bits(left).total_cmp(&f64::from_bits(right)),
        }
    }

    /// The bucket of a value that is not read from a column.
    fn key_of(&self, value: f64) -> u64 {
        match self {
            Self::Date(rounding) => rounding.round(truncate(value)).cast_unsigned(),
            Self::Number { interval, offset } => steps(value, *interval, *offset).to_bits(),
        }
    }

    fn start(&self, key: u64) -> f64 {
        match self {
            Self::Date(_) => key.cast_signed() as f64,
            Self::Number { interval, offset } => f64::from_bits(key) * interval + offset,
        }
    }
}

fn steps(value: f64, interval: f64, offset: f64) -> f64 {
    // Adding zero makes -0 a 0.
    ((value - offset) / interval).floor() + 0.0
}

/// Bounds as values; each end may be open.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bounds {
    pub(super) min: Option<f64>,
    pub(super) max: Option<f64>,
}

pub(super) struct GridCollector {
    pub(super) grid: Grid,
    pub(super) values: Values,
    pub(super) missing: Option<f64>,
    pub(super) extended: Bounds,
    pub(super) hard: Bounds,
    pub(super) min_doc_count: u64,
    pub(super) keyed: bool,
    pub(super) criteria: Vec<Criterion>,
    pub(super) below: Children,
    pub(super) state: GridState,
}

/// What belongs to the open segment, and the buckets found.
pub(super) struct GridState {
    numbers: Numbers,
    prepared: Prepared,
    base: Option<i64>,
    table: BucketTable,
}

impl Default for GridState {
    fn default() -> Self {
        Self { numbers: Numbers::None, prepared: Prepared::Slow, base: None, table: BucketTable::default() }
    }
}

/// The bucket that the last instant fell into: most documents are near the one before.
#[derive(Default)]
struct OpenBucket {
    start: i64,
    /// All instants from `start` to before this one are in it.
    end: i64,
    hint: u64,
    allowed: bool,
}

impl OpenBucket {
    #[inline]
    fn contains(&self, value: i64) -> bool {
        self.start <= value && value < self.end
    }
}

/// What a grid keeps for another search.
struct KeptGrid {
    base: Option<i64>,
    table: BucketTable,
    below: Vec<Kept>,
}

impl Collector for GridCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.state.numbers = self.values.numbers(segment)?;
        self.state.prepared = Prepared::Slow;
        if let (Grid::Date(rounding), Some((least, greatest))) = (&self.grid, self.state.numbers.bounds()) {
            self.state.prepared = rounding.prepare(least, greatest);
            let first = rounding.round(least);
            self.state.base.get_or_insert(first);
        }
        self.below.open(segment)
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let mut fall = Fall::default();
        let leaf = self.below.is_empty();
        let Self { grid, hard, missing, state: GridState { numbers, prepared, base, table }, .. } = self;
        let hard = HardBounds::new(grid, *hard);
        let (mut last, mut failed) = (None, None);
        // A document is counted once in a bucket, whatever the number of its values there.
        let mut add = |at: usize, key: u64, hint: u64| {
            if last == Some((at, key)) {
                return;
            }
            last = Some((at, key));
            match table.near(docs.parent(at), key, hint) {
                Ok(bucket) => {
                    table.count(bucket);
                    if !leaf {
                        fall.push(docs, at, bucket);
                    }
                }
                Err(error) => failed = Some(error),
            }
        };
        match grid {
            Grid::Date(rounding) => {
                let base = base.unwrap_or_default();
                let mut open = OpenBucket::default();
                numbers.each_i64(docs, missing.map(truncate), |at, value| {
                    if !open.contains(value) {
                        let start = prepared.round(rounding, value);
                        let hint = rounding.hint(start, base);
                        open =
                            OpenBucket { start, end: prepared.end(start), hint, allowed: hard.contain(start as f64) };
                    }
                    if open.allowed {
                        add(at, open.start.cast_unsigned(), open.hint);
                    }
                });
            }
            Grid::Number { interval, offset } => numbers.each_f64(docs, *missing, |at, value| {
                let step = steps(value, *interval, *offset);
                if hard.contain(step * *interval + *offset) {
                    let hint = u64::try_from(truncate(step)).unwrap_or(u64::MAX);
                    add(at, step.to_bits(), hint);
                }
            }),
        }
        match failed {
            Some(error) => Err(error),
            None => self.below.collect(&fall.docs(docs.scores.is_some())),
        }
    }

    fn keep(&self) -> Option<Kept> {
        let GridState { base, table, .. } = &self.state;
        let below = self.below.keep()?;
        let bytes = table.bytes() + below.iter().map(Kept::bytes).sum::<usize>();
        Some(Kept::new(KeptGrid { base: *base, table: table.copy(), below }, bytes))
    }

    fn resume(&mut self, kept: &Kept) -> bool {
        let Some(KeptGrid { base, table, below }) = kept.get() else { return false };
        self.state = GridState { base: *base, table: table.copy(), ..GridState::default() };
        self.below.resume(below)
    }

    fn seal(&mut self) {
        self.state.table.seal();
        self.below.seal();
    }

    fn outcome(&self, parent: u32, budget: &mut Budget) -> Result<Outcome, ApiError> {
        let table = &self.state.table;
        let rank =
            |bucket: u32, key: u64| Ranked::new(bucket, table.doc_count(bucket), key, &self.criteria, &self.below);
        let mut ranked: Vec<Ranked> = table
            .under(parent)
            .iter()
            .filter(|bucket| table.doc_count(**bucket) >= self.min_doc_count)
            .map(|bucket| rank(*bucket, table.key(*bucket)))
            .collect();
        ranked.sort_by(|left, right| self.grid.compare(left.key, right.key));
        if self.min_doc_count == 0 {
            ranked = self.filled(ranked, budget, rank)?;
        } else {
            budget.take(ranked.len())?;
        }
        if self.criteria != [Criterion::Key { ascending: true }] {
            ranked.sort_by(|left, right| {
                order::compare(left, right, &self.criteria, |left, right| self.grid.compare(left, right))
            });
        }
        let buckets = ranked.iter().map(|ranked| self.answer(ranked, budget)).collect::<Result<_, _>>()?;
        let kind = match self.grid {
            Grid::Date(_) => "date_histogram",
            Grid::Number { .. } => "histogram",
        };
        Ok(Outcome { kind, body: Body::Multi { head: Map::new(), buckets, keyed: self.keyed } })
    }
}

impl GridCollector {
    /// Adds the buckets between, and those up to the extended bounds.
    fn filled(
        &self,
        found: Vec<Ranked>,
        budget: &mut Budget,
        rank: impl Fn(u32, u64) -> Ranked,
    ) -> Result<Vec<Ranked>, ApiError> {
        let mut filled: Vec<Ranked> = Vec::with_capacity(found.len());
        let (min, max) =
            (self.extended.min.map(|min| self.grid.key_of(min)), self.extended.max.map(|max| self.grid.key_of(max)));
        let before = |key: u64, end: u64| self.grid.compare(key, end) == Ordering::Less;
        let mut next = if found.is_empty() && max.is_none() { None } else { min };
        for bucket in found {
            while let Some(key) = next.filter(|key| before(*key, bucket.key)) {
                budget.take(1)?;
                filled.push(rank(NO_BUCKET, key));
                next = Some(self.grid.next(key));
            }
            next = Some(self.grid.next(bucket.key));
            budget.take(1)?;
            filled.push(bucket);
        }
        if let Some(max) = max {
            while let Some(key) = next.filter(|key| !before(max, *key)) {
                budget.take(1)?;
                filled.push(rank(NO_BUCKET, key));
                next = Some(self.grid.next(key));
            }
        }
        Ok(filled)
    }

    fn answer(&self, ranked: &Ranked, budget: &mut Budget) -> Result<Bucket, ApiError> {
        let start = self.grid.start(ranked.key);
        let format = &self.values.format;
        let (key, name) = match self.grid {
            Grid::Date(_) => (ranked.key.cast_signed().into(), format.text_i64(ranked.key.cast_signed())),
            Grid::Number { .. } => (number(Some(start)), format.text(start)),
        };
        let mut head = Map::new();
        if !format.is_raw() && self.values.class != Class::Unmapped || self.has_date_format() {
            head.insert("key_as_string".into(), name.as_str().into());
        }
        head.insert("key".into(), key);
        let below = self.below.outcomes(ranked.bucket, budget)?;
        Ok(Bucket { name, head, doc_count: ranked.doc_count, tail: Map::new(), below })
    }

    fn has_date_format(&self) -> bool {
        matches!(self.values.format, super::super::format::ValueFormat::Date { .. })
    }
}

/// Hard bounds on bucket starts: dates are rounded and the end is exclusive, numbers are taken as they are.
struct HardBounds {
    bounds: Bounds,
    exclusive: bool,
}

impl HardBounds {
    fn new(grid: &Grid, bounds: Bounds) -> Self {
        match grid {
            Grid::Date(rounding) => {
                let round = |value: f64| rounding.round(truncate(value)) as f64;
                Self { bounds: Bounds { min: bounds.min.map(round), max: bounds.max.map(round) }, exclusive: true }
            }
            Grid::Number { .. } => Self { bounds, exclusive: false },
        }
    }

    fn contain(&self, start: f64) -> bool {
        self.bounds.min.is_none_or(|min| start >= min)
            && self.bounds.max.is_none_or(|max| if self.exclusive { start < max } else { start <= max })
    }
}
