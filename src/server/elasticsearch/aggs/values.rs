//! Where an aggregation's values come from: the field of each index, its column in each segment, and what stands in for a
//! missing value.

use std::ops::Range;

use tantivy::SegmentReader;
use tantivy::columnar::{Cardinality, Column, ColumnIndex, ColumnValues};

use super::collector::{Docs, Segment};
use super::format::ValueFormat;
use super::options::{Opt, Scalar};
use super::run::SearchContext;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::mapping::{FieldKind, FieldMapping};
use crate::server::elasticsearch::search::fault::{Fault, number_format};
use crate::server::elasticsearch::storage::schema::num_column;
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// The options every aggregation over a field has.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct FieldOptions {
    pub(super) field: String,
    pub(super) missing: Option<Scalar>,
    pub(super) format: Option<String>,
    pub(super) zone: Option<Zone>,
}

/// A time zone as named in the request.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Zone(pub(super) jiff::tz::TimeZone);

/// Names that [`FieldOptions::take`] reads, for suggestions.
pub(super) const FIELD_OPTIONS: [&str; 4] = ["field", "missing", "format", "script"];

impl FieldOptions {
    /// Reads `field`, `missing` or `format`; false for any other option.
    pub(super) fn take(&mut self, option: &Opt<'_>) -> Result<bool, Fault> {
        match option.name() {
            "field" => self.field = option.text()?.to_owned(),
            "missing" => self.missing = Some(option.scalar()?),
            "format" => self.format = Some(option.text()?.to_owned()),
            _ => return Ok(false),
        }
        Ok(true)
    }

    pub(super) fn require(self, at: usize) -> Result<Self, Fault> {
        if self.field.is_empty() {
            return Err(Fault::illegal(at, "Required one of fields [field, script], but none were specified."));
        }
        Ok(self)
    }
}

/// Which fields an aggregation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accepts {
    /// Anything with columns.
    Any,
    /// Numbers, dates and booleans.
    Numbers,
    /// Numbers and dates.
    NumbersAndDates,
}

/// What the values of a field are, over all indices of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Unmapped,
    Integral,
    Floating,
    Keyword,
}

/// A field resolved against every index of the search.
#[derive(Debug, Clone)]
pub(super) struct Values {
    /// By shard; none where the index does not have the field.
    fields: Vec<Option<ShardField>>,
    pub(super) class: Class,
    pub(super) kind: Option<FieldKind>,
    pub(super) format: ValueFormat,
    pub(super) missing: Option<Scalar>,
}

#[derive(Debug, Clone)]
pub(super) struct ShardField {
    pub(super) path: String,
    kind: FieldKind,
}

impl Values {
    /// Finds the field in every index; the first index that cannot serve it fails the search as its shard would.
    pub(super) fn resolve(
        ctx: &SearchContext<'_>,
        aggregation: (&str, &str),
        options: &FieldOptions,
        accepts: Accepts,
    ) -> Result<Self, ApiError> {
        let mut values = Self {
            fields: Vec::with_capacity(ctx.shards.len()),
            class: Class::Unmapped,
            kind: None,
            format: ValueFormat::Raw,
            missing: options.missing.clone(),
        };
        for shard in ctx.shards {
            let found = shard.mapping.field(&options.field);
            if let Some(field) = found {
                check(field, shard, aggregation.1, accepts)?;
                values.adopt(field, aggregation.0, options).map_err(|error| refused(shard, error))?;
            }
            values.fields.push(found.map(|field| ShardField { path: field.path.clone(), kind: field.kind }));
        }
        if values.class == Class::Unmapped && options.zone.is_some() && accepts == Accepts::NumbersAndDates {
            values.format = ValueFormat::date(None, options).unwrap_or(ValueFormat::Raw);
        }
        Ok(values)
    }

    fn adopt(&mut self, field: &FieldMapping, name: &str, options: &FieldOptions) -> Result<(), Exception> {
        let class = class_of(field.kind);
        self.class = match (self.class, class) {
            (Class::Unmapped, new) => new,
            (old, new) if old == new => old,
            (Class::Integral | Class::Floating, Class::Integral | Class::Floating) => Class::Floating,
            _ => return Err(mixed_types(name)),
        };
        if self.kind.is_none() {
            self.kind = Some(field.kind);
            self.format = ValueFormat::of(field, options)?;
        }
        Ok(())
    }

    /// The value that stands for a missing one, as a double.
    pub(super) fn missing_f64(&self, ctx: &SearchContext<'_>) -> Result<Option<f64>, ApiError> {
        let Some(scalar) = &self.missing else { return Ok(None) };
        self.parse_number(scalar, ctx.clock).map(Some).map_err(|error| ctx.refused(error))
    }

    /// A scalar of the request read as a value of this field: number, date or boolean.
    pub(super) fn parse_number(&self, scalar: &Scalar, clock: super::dates::Clock) -> Result<f64, Exception> {
        match scalar {
            Scalar::Int(value) => Ok(*value as f64),
            Scalar::Float(value) => Ok(*value),
            Scalar::Bool(value) => Ok(f64::from(u8::from(*value))),
            Scalar::Text(text) => match &self.format {
                ValueFormat::Date { format, zone } => {
                    super::dates::parse(text, format, zone, clock).map(|millis| millis as f64)
                }
                ValueFormat::Boolean => match text.as_str() {
                    "true" => Ok(1.0),
                    "false" | "" => Ok(0.0),
                    other => Err(Exception::new(
                        "illegal_argument_exception",
                        format!("Cannot parse boolean [{other}], expected either [true] or [false]"),
                    )),
                },
                _ => text.trim().parse::<f64>().map_err(|_| number_format(text)),
            },
        }
    }

    /// The column of this field in a segment.
    pub(super) fn numbers(&self, segment: &Segment<'_>) -> Result<Numbers, Exception> {
        let Some(field) = self.shard_field(segment.shard) else { return Ok(Numbers::None) };
        Numbers::open(segment.reader, &field.path, field.kind)
    }

    pub(super) fn shard_field(&self, shard: usize) -> Option<&ShardField> {
        self.fields.get(shard)?.as_ref()
    }
}

fn class_of(kind: FieldKind) -> Class {
    if kind.is_floating() {
        Class::Floating
    } else if kind.is_integral() {
        Class::Integral
    } else {
        Class::Keyword
    }
}

fn check(field: &FieldMapping, shard: &IndexSnapshot, kind: &str, accepts: Accepts) -> Result<(), ApiError> {
    if field.kind == FieldKind::Text {
        let (path, index) = (&field.path, &shard.index);
        return Err(refused(
            shard,
            Exception::new(
                "illegal_argument_exception",
                format!(
                    "Fielddata is disabled on [{path}] in [{index}]. Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on [{path}] in order to load field data by uninverting the inverted index. Note that this can use significant memory."
                ),
            ),
        ));
    }
    let fits = match accepts {
        Accepts::Any => true,
        Accepts::Numbers => !field.kind.is_keyword(),
        Accepts::NumbersAndDates => !field.kind.is_keyword() && field.kind != FieldKind::Boolean,
    };
    if fits {
        return Ok(());
    }
    let reason =
        format!("Field [{}] of type [{}] is not supported for aggregation [{kind}]", field.path, field.kind.name());
    Err(refused(shard, Exception::new("illegal_argument_exception", reason)))
}

/// The search declined as the shard of this index would.
pub(super) fn refused(shard: &IndexSnapshot, exception: Exception) -> ApiError {
    ApiError::shard(400, &shard.index, &shard.node_id, exception)
}

fn mixed_types(name: &str) -> Exception {
    Exception::new(
        "illegal_argument_exception",
        format!(
            "Merging/Reducing the aggregations failed when computing the aggregation [{name}] because the field you gave in the aggregation query existed as two different types in two different indices"
        ),
    )
}

/// The greatest whole number, and the most of them in a document, whose sum is surely exact as a double.
const WHOLE_MAX: u64 = 1 << 40;
const WHOLE_COUNT_MAX: u32 = 1 << 12;

/// A numeric column of one segment.
pub(super) enum Numbers {
    None,
    /// Values are divided by the number: 1, or what makes nanoseconds milliseconds.
    Integral(Column<i64>, i64),
    Floating(Column<f64>),
}

impl Numbers {
    pub(super) fn open(reader: &SegmentReader, path: &str, kind: FieldKind) -> Result<Self, Exception> {
        let name = num_column(path);
        let columns = reader.fast_fields();
        if let Some(column) = columns.column_opt::<i64>(&name).map_err(unreadable)? {
            return Ok(Self::Integral(column, if kind == FieldKind::DateNanos { 1_000_000 } else { 1 }));
        }
        let column = columns.column_opt::<f64>(&name).map_err(unreadable)?;
        Ok(column.map_or(Self::None, Self::Floating))
    }

    /// Every value of every document as a double: `visit(position in the block, value)`, ascending within a document.
    pub(super) fn each_f64(&self, docs: &Docs<'_>, missing: Option<f64>, visit: impl FnMut(usize, f64)) {
        match self {
            Self::None => each_missing(docs, missing, visit),
            Self::Integral(column, 1) => each(column, docs, |value| value as f64, missing, visit),
            Self::Integral(column, divisor) => {
                each(column, docs, |value| value.div_euclid(*divisor) as f64, missing, visit);
            }
            Self::Floating(column) => each(column, docs, |value| value, missing, visit),
        }
    }

    /// Of each document that has several values all of them at once: `visit(position in the block, values)`. False, and nothing
    /// visited, where a document's sum might not be exact as a double, or the column is of another kind.
    pub(super) fn each_whole(&self, docs: &Docs<'_>, mut visit: impl FnMut(usize, &[i64])) -> bool {
        let Self::Integral(column, 1) = self else { return false };
        if column.index.get_cardinality() != Cardinality::Multivalued {
            return false;
        }
        let small = |value: i64| value.unsigned_abs() <= WHOLE_MAX;
        if !small(column.min_value()) || !small(column.max_value()) || column.values.num_vals() == 0 {
            return false;
        }
        let rows = Rows::of(&column.index, docs.ids);
        if rows.counts.iter().any(|count| *count > WHOLE_COUNT_MAX) {
            return false;
        }
        let mut values = rows.read(column.values.as_ref());
        rows.each(&mut values, |at, own| visit(at, own));
        true
    }

    /// Every value as a whole number; doubles are cut off.
    pub(super) fn each_i64(&self, docs: &Docs<'_>, missing: Option<i64>, visit: impl FnMut(usize, i64)) {
        match self {
            Self::None => each_missing(docs, missing, visit),
            Self::Integral(column, 1) => each(column, docs, |value| value, missing, visit),
            Self::Integral(column, divisor) => each(column, docs, |value| value.div_euclid(*divisor), missing, visit),
            Self::Floating(column) => each(column, docs, truncate, missing, visit),
        }
    }

    /// The least and greatest value of the segment.
    pub(super) fn bounds(&self) -> Option<(i64, i64)> {
        match self {
            Self::None => None,
            Self::Integral(column, divisor) if column.values.num_vals() > 0 => {
                Some((column.min_value().div_euclid(*divisor), column.max_value().div_euclid(*divisor)))
            }
            Self::Floating(column) if column.values.num_vals() > 0 => {
                Some((truncate(column.min_value()), truncate(column.max_value())))
            }
            _ => None,
        }
    }

    pub(super) fn has_value(&self, doc: u32) -> bool {
        match self {
            Self::None => false,
            Self::Integral(column, _) => column.index.has_value(doc),
            Self::Floating(column) => column.index.has_value(doc),
        }
    }
}

fn each_missing<U: Copy>(docs: &Docs<'_>, missing: Option<U>, mut visit: impl FnMut(usize, U)) {
    if let Some(value) = missing {
        (0..docs.ids.len()).for_each(|at| visit(at, value));
    }
}

fn each<T, U>(
    column: &Column<T>,
    docs: &Docs<'_>,
    convert: impl Fn(T) -> U,
    missing: Option<U>,
    mut visit: impl FnMut(usize, U),
) where
    T: Copy + Default + PartialOrd + Send + Sync + std::fmt::Debug + 'static,
    U: Copy + PartialOrd,
{
    if column.index.get_cardinality() == Cardinality::Full {
        let mut values = vec![T::default(); docs.ids.len()];
        column.values.get_vals(docs.ids, &mut values);
        values.into_iter().enumerate().for_each(|(at, value)| visit(at, convert(value)));
        return;
    }
    let rows = Rows::of(&column.index, docs.ids);
    let mut values = rows.read(column.values.as_ref());
    rows.each(&mut values, |at, own| {
        if own.is_empty() {
            missing.into_iter().for_each(|value| visit(at, value));
        }
        // Values of a document are kept as written, and asked for in order.
        if !own.is_sorted() {
            // A book's bids come from the best down.
            own.reverse();
            if !own.is_sorted() {
                own.sort_unstable_by(|left, right| left.partial_cmp(right).unwrap_or(std::cmp::Ordering::Equal));
            }
        }
        own.iter().for_each(|value| visit(at, convert(*value)));
    });
}

/// Where the values of some documents are in a column, so that they can be read at once.
pub(super) struct Rows {
    ids: RowIds,
    /// Of each document, as many as it has values.
    counts: Vec<u32>,
}

enum RowIds {
    Block(Range<u32>),
    Each(Vec<u32>),
}

impl Rows {
    /// `docs` as [`Docs::ids`].
    pub(super) fn of(index: &ColumnIndex, docs: &[u32]) -> Self {
        if let (Some(starts), Some(block)) = (row_starts(index), unbroken(docs)) {
            return Self::of_block(starts, block);
        }
        let (mut ids, mut counts) = (Vec::with_capacity(docs.len()), Vec::with_capacity(docs.len()));
        for doc in docs {
            let found = index.value_row_ids(*doc);
            counts.push(found.end.saturating_sub(found.start));
            ids.extend(found);
        }
        Self { ids: RowIds::Each(ids), counts }
    }

    /// The values of all documents, one document's after the other's.
    pub(super) fn read<T>(&self, column: &dyn ColumnValues<T>) -> Vec<T>
    where
        T: Copy + Default + PartialOrd + Send + Sync + std::fmt::Debug + 'static,
    {
        match &self.ids {
            RowIds::Block(rows) => {
                let mut values = vec![T::default(); rows.len()];
                column.get_range(u64::from(rows.start), &mut values);
                values
            }
            RowIds::Each(rows) => {
                let mut values = vec![T::default(); rows.len()];
                column.get_vals(rows, &mut values);
                values
            }
        }
    }

    /// Hands on each document's own part of `values`, which are those of [`Self::ids`].
    pub(super) fn each<T>(&self, values: &mut [T], mut visit: impl FnMut(usize, &mut [T])) {
        let mut rest = values;
        for (at, count) in self.counts.iter().enumerate() {
            let Some((own, after)) = std::mem::take(&mut rest).split_at_mut_checked(*count as usize) else { return };
            visit(at, own);
            rest = after;
        }
    }

    /// Rows of neighbours are neighbours.
    fn of_block(column: &dyn ColumnValues<u32>, docs: Range<u32>) -> Self {
        let mut starts = vec![0; docs.len() + 1];
        column.get_range(u64::from(docs.start), &mut starts);
        let counts = starts.iter().zip(starts.iter().skip(1)).map(|(start, end)| end.saturating_sub(*start)).collect();
        let all = starts.first().copied().unwrap_or_default()..starts.last().copied().unwrap_or_default();
        Self { ids: RowIds::Block(all), counts }
    }
}

/// The range of ids that follow each other without a gap or a repeat.
fn unbroken(docs: &[u32]) -> Option<Range<u32>> {
    let (first, last) = (*docs.first()?, *docs.last()?);
    let length = usize::try_from(last.checked_sub(first)?).ok()?.checked_add(1)?;
    // Ids ascend, so that with the right ends and length only a repeat that makes up for a gap is left to find.
    let ascends = || docs.iter().zip(docs.iter().skip(1)).all(|(id, next)| id < next);
    (length == docs.len() && ascends()).then(|| first..last.saturating_add(1))
}

/// Where each document's values start, and after the last one the end; none where documents without a value are left out.
fn row_starts(index: &ColumnIndex) -> Option<&dyn ColumnValues<u32>> {
    let ColumnIndex::Multivalued(index) = index else { return None };
    let starts = index.get_start_index_column();
    (starts.num_vals().checked_sub(1) == Some(index.num_docs())).then_some(starts.as_ref())
}

/// Towards zero, and to the ends of the range beyond them.
#[expect(clippy::cast_possible_truncation, reason = "saturating and cutting off is what is wanted")]
pub(super) fn truncate(value: f64) -> i64 {
    value as i64
}

/// A column that cannot be read.
pub(super) fn unreadable(error: impl std::fmt::Display) -> Exception {
    Exception::new("exception", format!("column unreadable: {error}"))
}
