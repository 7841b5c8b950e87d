//! An order over one index, and over one of its segments.

use jiff::tz::TimeZone;
use serde_json::Value;
use tantivy::columnar::{Column, ColumnIndex, StrColumn};
use tantivy::{DocId, SegmentReader};

use super::request::NumericType;
use super::{Missing, Mode, SortField, SortTarget, SortValue};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::{DateFormat, FieldKind, FieldMapping, ObjectKind};
use crate::server::elasticsearch::search::Clock;
use crate::server::elasticsearch::search::date_math;
use crate::server::elasticsearch::search::fault::number_format;
use crate::server::elasticsearch::search::query::NumberColumn;
use crate::server::elasticsearch::search::query::options::Scalar;
use crate::server::elasticsearch::search::query::own_exception;
use crate::server::elasticsearch::search::values::{date_format, fielddata_disabled};
use crate::server::elasticsearch::storage::schema::{SEQ_NO_COLUMN, kw_column};
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// The keys of an order as one index has them.
#[derive(Debug, Clone)]
pub(crate) struct SortPlan {
    keys: Vec<Key>,
}

#[derive(Debug, Clone)]
struct Key {
    kind: Kind,
    descending: bool,
    /// What a document without a value counts as.
    missing: SortValue,
    missing_first: bool,
    mode: Mode,
    /// Turns values into text, and `search_after` texts into values.
    format: Option<DateFormat>,
    /// Reads `search_after` texts of a date.
    date: Option<DateFormat>,
    nanos: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Score,
    Doc,
    /// The index's place is in the high bits.
    ShardDoc(u32),
    Ints(String),
    /// Seen as floats even where the column has whole numbers.
    Floats(String),
    Keyword(String),
}

impl SortPlan {
    /// # Errors
    /// The shard's exception: an unmapped field, text, a mode that does not fit.
    pub(crate) fn new(sort: &[SortField], shard: &IndexSnapshot, shard_ord: u32) -> Result<SortPlan, Exception> {
        let keys = sort.iter().map(|field| key(field, shard, shard_ord)).collect::<Result<_, _>>()?;
        Ok(SortPlan { keys })
    }

    /// Readers of one segment.
    pub(crate) fn segment(&self, segment: &SegmentReader) -> tantivy::Result<SegmentSort> {
        let columns = self.keys.iter().map(|key| open(key, segment)).collect::<tantivy::Result<_>>()?;
        Ok(SegmentSort { keys: self.keys.clone(), columns, scratch: Vec::new() })
    }

    /// A hit's sort values as it shows them.
    pub(crate) fn render(&self, values: &[SortValue]) -> Vec<Value> {
        self.keys.iter().zip(values).map(|(key, value)| key.render(value)).collect()
    }

    /// The values of `search_after`, as this index reads them.
    ///
    /// # Errors
    /// `Failed to parse search_after value for field [n].`
    pub(crate) fn read_after(
        &self,
        sort: &[SortField],
        after: &[Option<Scalar>],
        clock: Clock,
    ) -> Result<Vec<SortValue>, Exception> {
        if sort.is_empty() {
            return Err(Exception::new("illegal_argument_exception", "Sort must contain at least one field."));
        }
        if after.len() != sort.len() {
            let reason = format!("search_after has {} value(s) but sort has {}.", after.len(), sort.len());
            return Err(Exception::new("illegal_argument_exception", reason));
        }
        let read = |((key, field), value): ((&Key, &SortField), &Option<Scalar>)| {
            key.read(value.as_ref(), clock).map_err(|cause| {
                let name = match &field.target {
                    SortTarget::Score => "_score",
                    SortTarget::Doc => "_doc",
                    SortTarget::ShardDoc => "_shard_doc",
                    SortTarget::Field(name) => name,
                };
                let reason = format!("Failed to parse search_after value for field [{name}].");
                Exception::new("illegal_argument_exception", reason).caused_by(cause)
            })
        };
        self.keys.iter().zip(sort).zip(after).map(read).collect()
    }
}

fn key(field: &SortField, shard: &IndexSnapshot, shard_ord: u32) -> Result<Key, Exception> {
    let plain = |kind| Key {
        kind,
        descending: field.descending,
        missing: SortValue::Int(0),
        missing_first: false,
        mode: Mode::Min,
        format: None,
        date: None,
        nanos: false,
    };
    let name = match &field.target {
        SortTarget::Score => return Ok(plain(Kind::Score)),
        SortTarget::Doc => return Ok(plain(Kind::Doc)),
        SortTarget::ShardDoc => return Ok(plain(Kind::ShardDoc(shard_ord))),
        SortTarget::Field(name) => name,
    };
    if let Some(path) = &field.nested {
        return Err(nested(path, shard));
    }
    if name == "_id" {
        let reason = "Fielddata access on the _id field is disallowed, you can re-enable it by updating the dynamic \
                      cluster setting: indices.id_field_data.enabled";
        return Err(Exception::new("illegal_argument_exception", reason));
    }
    match (shard.mapping.field(name), &field.unmapped_type) {
        (Some(mapped), _) => field_key(field, mapped, mapped.kind, shard),
        (None, Some(unmapped)) => unmapped_key(field, name, unmapped, shard),
        (None, None) => Err(own_exception(shard, format!("No mapping found for [{name}] in order to sort on"))),
    }
}

fn nested(path: &str, shard: &IndexSnapshot) -> Exception {
    let reason = match shard.mapping.object(path).map(|object| object.kind) {
        Some(ObjectKind::Nested) => format!("[nested] sorting on the path [{path}] is not served by this node"),
        _ => format!("[nested] failed to find nested object under path [{path}]"),
    };
    own_exception(shard, reason)
}

fn unmapped_key(field: &SortField, name: &str, kind: &str, shard: &IndexSnapshot) -> Result<Key, Exception> {
    let kinds = [
        FieldKind::Keyword,
        FieldKind::Long,
        FieldKind::Integer,
        FieldKind::Short,
        FieldKind::Byte,
        FieldKind::Double,
        FieldKind::Float,
        FieldKind::HalfFloat,
        FieldKind::ScaledFloat,
        FieldKind::Boolean,
        FieldKind::Date,
        FieldKind::DateNanos,
        FieldKind::Ip,
        FieldKind::Text,
    ];
    let Some(kind) = kinds.into_iter().find(|known| known.name() == kind) else {
        let reason = format!("No mapper found for type [{kind}]");
        return Err(Exception::new("illegal_argument_exception", reason));
    };
    let mapped = FieldMapping {
        path: name.to_owned(),
        kind,
        options: std::collections::BTreeMap::new(),
        fields: std::collections::BTreeMap::new(),
    };
    field_key(field, &mapped, kind, shard)
}

fn field_key(
    field: &SortField,
    mapped: &FieldMapping,
    kind: FieldKind,
    shard: &IndexSnapshot,
) -> Result<Key, Exception> {
    let path = mapped.path.clone();
    let kind_of_key = match kind {
        FieldKind::Text => return Err(fielddata_disabled(&path, &shard.index)),
        kind if kind.is_keyword() => Kind::Keyword(path),
        kind if kind.is_floating() => Kind::Floats(path),
        _ => Kind::Ints(path),
    };
    let kind_of_key = match (field.numeric_type, kind_of_key) {
        (Some(_), Kind::Keyword(_)) => {
            let reason = "[numeric_type] option cannot be set on a non-numeric field, got keyword";
            return Err(own_exception(shard, reason.to_owned()));
        }
        (Some(NumericType::Double), Kind::Ints(path)) => Kind::Floats(path),
        (_, kind) => kind,
    };
    let keyword = matches!(kind_of_key, Kind::Keyword(_));
    if keyword && matches!(field.mode, Some(Mode::Avg | Mode::Median | Mode::Sum)) {
        return Err(own_exception(shard, "we only support AVG, MEDIAN and SUM on number based fields".to_owned()));
    }
    if field.format.is_some() && !kind.is_date() {
        let got = if keyword { "raw" } else { "decimal" };
        let reason = format!("require a date_time formatter; got [{got}]");
        return Err(Exception::new("illegal_argument_exception", reason));
    }
    let mut key = Key {
        kind: kind_of_key,
        descending: field.descending,
        missing: SortValue::Text(None),
        missing_first: field.missing == Missing::First,
        mode: field.mode.unwrap_or(if field.descending { Mode::Max } else { Mode::Min }),
        format: field.format.clone(),
        date: kind.is_date().then(|| field.format.clone().unwrap_or_else(|| date_format(mapped))),
        nanos: kind == FieldKind::DateNanos,
    };
    key.missing = match &field.missing {
        Missing::Value(value) => key.read(Some(value), Clock { now_ms: 0 })?,
        Missing::First | Missing::Last => key.extreme(key.missing_first != field.descending),
    };
    Ok(key)
}

impl Key {
    /// The value that stands below (or above) all others.
    fn extreme(&self, low: bool) -> SortValue {
        match (&self.kind, low) {
            (Kind::Keyword(_), _) => SortValue::Text(None),
            (Kind::Floats(_), true) => SortValue::Float(f64::NEG_INFINITY),
            (Kind::Floats(_), false) => SortValue::Float(f64::INFINITY),
            (_, true) => SortValue::Int(i64::MIN),
            (_, false) => SortValue::Int(i64::MAX),
        }
    }

    fn render(&self, value: &SortValue) -> Value {
        match (&self.format, value) {
            (Some(format), SortValue::Int(instant)) if self.nanos => {
                format.format_nanos(*instant, &TimeZone::UTC).into()
            }
            (Some(format), SortValue::Int(instant)) => format.format(*instant, &TimeZone::UTC).into(),
            _ => value.to_json(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a double is what the key holds")]
    fn read(&self, value: Option<&Scalar>, clock: Clock) -> Result<SortValue, Exception> {
        let Some(value) = value else { return Ok(self.missing.clone()) };
        match (&self.kind, value) {
            (Kind::Keyword(_), value) => Ok(SortValue::Text(Some(value.to_text()))),
            (Kind::Floats(_) | Kind::Score, Scalar::Int(value)) => Ok(SortValue::Float(*value as f64)),
            (Kind::Floats(_) | Kind::Score, Scalar::Float { value, .. }) => Ok(SortValue::Float(*value)),
            (Kind::Floats(_) | Kind::Score, other) => match other.to_text().as_str() {
                "Infinity" => Ok(SortValue::Float(f64::INFINITY)),
                "-Infinity" => Ok(SortValue::Float(f64::NEG_INFINITY)),
                text => text.parse().map(SortValue::Float).map_err(|_| number_format(text)),
            },
            (_, Scalar::Int(value)) => Ok(SortValue::Int(*value)),
            (_, Scalar::Bool(value)) => Ok(SortValue::Int(i64::from(*value))),
            (_, Scalar::Float { value, .. }) => Ok(SortValue::Int(truncated(*value))),
            (_, Scalar::Text(text)) => match (&self.date, text.parse::<i64>()) {
                (Some(date), number) => match date_math::parse(text, date, false, &TimeZone::UTC, clock) {
                    Ok(millis) if self.nanos => Ok(SortValue::Int(millis.saturating_mul(1_000_000))),
                    Ok(millis) => Ok(SortValue::Int(millis)),
                    Err(error) => number.map(SortValue::Int).map_err(|_| error),
                },
                (None, Ok(number)) => Ok(SortValue::Int(number)),
                (None, Err(_)) => match text.as_str() {
                    "true" => Ok(SortValue::Int(1)),
                    "false" => Ok(SortValue::Int(0)),
                    _ => Err(number_format(text)),
                },
            },
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "saturates")]
fn truncated(value: f64) -> i64 {
    value.trunc() as i64
}

/// The order of one segment: a document's keys, and what they mean.
pub(crate) struct SegmentSort {
    keys: Vec<Key>,
    columns: Vec<Values>,
    scratch: Vec<i64>,
}

enum Values {
    /// The score, which comes with the document.
    Score,
    SeqNo(Column<u64>),
    Ints(Column<i64>),
    Floats(Column<f64>),
    Keyword {
        column: StrColumn,
        missing: u64,
    },
    /// No document of the segment has the field.
    Absent,
}

fn open(key: &Key, segment: &SegmentReader) -> tantivy::Result<Values> {
    Ok(match &key.kind {
        Kind::Score => Values::Score,
        Kind::Doc | Kind::ShardDoc(_) => Values::SeqNo(segment.fast_fields().u64(SEQ_NO_COLUMN)?),
        Kind::Ints(path) | Kind::Floats(path) => match NumberColumn::open(segment, path)? {
            Some(NumberColumn::Integers(column)) => Values::Ints(column),
            Some(NumberColumn::Floats(column)) => Values::Floats(column),
            None => Values::Absent,
        },
        Kind::Keyword(path) => match segment.fast_fields().str(&kw_column(path))? {
            Some(column) => {
                let missing = match &key.missing {
                    SortValue::Text(Some(text)) => place_of(&column, text)?,
                    _ => missing_place(key),
                };
                Values::Keyword { column, missing }
            }
            None => Values::Absent,
        },
    })
}

/// The place of documents without a keyword, before a descending order turns it round.
fn missing_place(key: &Key) -> u64 {
    if key.missing_first == key.descending { u64::MAX } else { 0 }
}

/// Terms stand at even places from 2 on, a text that is no term at the odd place between its neighbours.
fn place_of(column: &StrColumn, text: &str) -> tantivy::Result<u64> {
    let dictionary = column.dictionary();
    if let Some(ord) = dictionary.term_ord(text.as_bytes())? {
        return Ok(place(ord));
    }
    let (mut low, mut high) = (0, u64::try_from(dictionary.num_terms()).unwrap_or(u64::MAX));
    let mut term = Vec::new();
    while low < high {
        let middle = low + (high - low) / 2;
        dictionary.ord_to_term(middle, &mut term)?;
        if term.as_slice() < text.as_bytes() { low = middle + 1 } else { high = middle }
    }
    Ok(place(low) - 1)
}

fn place(ord: u64) -> u64 {
    ord.saturating_mul(2).saturating_add(2)
}

impl SegmentSort {
    /// A document's keys: the lesser comes first.
    pub(crate) fn keys(&mut self, doc: DocId, score: f32, keys: &mut Vec<u64>) {
        keys.clear();
        for (key, values) in self.keys.iter().zip(&self.columns) {
            let natural = natural(key, values, doc, score, &mut self.scratch);
            keys.push(if key.descending { !natural } else { natural });
        }
    }

    /// The keys of given values, such as those of `search_after`.
    pub(crate) fn keys_of(&self, given: &[SortValue]) -> tantivy::Result<Vec<u64>> {
        let mut keys = Vec::with_capacity(self.keys.len());
        for ((key, values), value) in self.keys.iter().zip(&self.columns).zip(given) {
            let natural = match (value, values) {
                (SortValue::Int(value), _) => from_i64(*value),
                (SortValue::Float(value), _) => from_f64(*value),
                (SortValue::Text(None), _) => missing_place(key),
                (SortValue::Text(Some(text)), Values::Keyword { column, .. }) => place_of(column, text)?,
                // No document here has a value: all stand at the place 1, or at one end of the order.
                (SortValue::Text(Some(text)), _) => match &key.missing {
                    SortValue::Text(Some(missing)) => match missing.cmp(text) {
                        std::cmp::Ordering::Less => 2,
                        std::cmp::Ordering::Equal => 1,
                        std::cmp::Ordering::Greater => 0,
                    },
                    _ => 1,
                },
            };
            keys.push(if key.descending { !natural } else { natural });
        }
        Ok(keys)
    }

    /// What keys mean.
    pub(crate) fn values(&self, keys: &[u64]) -> tantivy::Result<Vec<SortValue>> {
        let mut found = Vec::with_capacity(keys.len());
        for ((key, values), bits) in self.keys.iter().zip(&self.columns).zip(keys) {
            let natural = if key.descending { !*bits } else { *bits };
            found.push(match (&key.kind, values) {
                (Kind::Keyword(_), Values::Keyword { column, missing }) => keyword(key, column, natural, *missing)?,
                (Kind::Keyword(_), _) => key.missing.clone(),
                (Kind::Score | Kind::Floats(_), _) => SortValue::Float(to_f64(natural)),
                _ => SortValue::Int(to_i64(natural)),
            });
        }
        Ok(found)
    }
}

fn keyword(key: &Key, column: &StrColumn, natural: u64, missing: u64) -> tantivy::Result<SortValue> {
    let term = natural.checked_sub(2).filter(|place| place % 2 == 0 && natural != u64::MAX).map(|place| place / 2);
    let mut text = String::new();
    match term {
        Some(ord) if column.ord_to_str(ord, &mut text)? => Ok(SortValue::Text(Some(text))),
        _ => {
            debug_assert_eq!(natural, missing);
            Ok(key.missing.clone())
        }
    }
}

fn natural(key: &Key, values: &Values, doc: DocId, score: f32, scratch: &mut Vec<i64>) -> u64 {
    match values {
        Values::Score => from_f64(f64::from(score)),
        Values::SeqNo(column) => {
            let seq_no = column.first(doc).unwrap_or(0);
            let shard = match key.kind {
                Kind::ShardDoc(shard) => u64::from(shard) << 40,
                _ => 0,
            };
            from_i64(i64::try_from(shard | seq_no).unwrap_or(i64::MAX))
        }
        Values::Ints(column) if matches!(column.index, ColumnIndex::Full) => {
            from_number(key, column.values.get_val(doc))
        }
        Values::Ints(column) => {
            scratch.clear();
            scratch.extend(column.values_for_doc(doc));
            match pick_int(scratch, key.mode) {
                None => missing_number(key),
                Some(value) => from_number(key, value),
            }
        }
        Values::Floats(column) => match pick_float(column, doc, key.mode) {
            None => missing_number(key),
            Some(value) => from_f64(value),
        },
        Values::Keyword { column, missing } => {
            let ords = column.ords().values_for_doc(doc);
            let ord = if key.mode == Mode::Max { ords.max() } else { ords.min() };
            ord.map_or(*missing, place)
        }
        Values::Absent => match key.kind {
            Kind::Keyword(_) if matches!(key.missing, SortValue::Text(Some(_))) => 1,
            Kind::Keyword(_) => missing_place(key),
            _ => missing_number(key),
        },
    }
}

fn missing_number(key: &Key) -> u64 {
    match key.missing {
        SortValue::Int(value) => from_i64(value),
        SortValue::Float(value) => from_f64(value),
        SortValue::Text(_) => 0,
    }
}

#[expect(clippy::cast_precision_loss, reason = "asked for by numeric_type")]
fn from_number(key: &Key, value: i64) -> u64 {
    if matches!(key.kind, Kind::Floats(_)) { from_f64(value as f64) } else { from_i64(value) }
}

fn pick_int(values: &mut [i64], mode: Mode) -> Option<i64> {
    let count = i64::try_from(values.len()).ok().filter(|count| *count > 0)?;
    let sum = || values.iter().fold(0_i64, |sum, value| sum.wrapping_add(*value));
    match mode {
        Mode::Min => values.iter().copied().min(),
        Mode::Max => values.iter().copied().max(),
        Mode::Sum => Some(sum()),
        Mode::Avg => Some(rounded_quotient(sum(), count)),
        Mode::Median => {
            values.sort_unstable();
            let middle = values.len() / 2;
            let upper = values.get(middle).copied()?;
            if values.len() % 2 == 1 {
                return Some(upper);
            }
            Some(rounded_quotient(values.get(middle - 1)?.wrapping_add(upper), 2))
        }
    }
}

/// Java's `Math.round` of the quotient.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as Elasticsearch computes it")]
fn rounded_quotient(sum: i64, count: i64) -> i64 {
    (sum as f64 / count as f64 + 0.5).floor() as i64
}

fn pick_float(column: &Column<f64>, doc: DocId, mode: Mode) -> Option<f64> {
    let values = column.values_for_doc(doc);
    match mode {
        Mode::Min => values.reduce(f64::min),
        Mode::Max => values.reduce(f64::max),
        Mode::Sum => values.reduce(|sum, value| sum + value),
        Mode::Avg => {
            let (sum, count) = values.fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
            (count > 0).then(|| sum / f64::from(count))
        }
        Mode::Median => {
            let mut sorted: Vec<f64> = values.collect();
            sorted.sort_by(f64::total_cmp);
            let upper = sorted.get(sorted.len() / 2).copied()?;
            if sorted.len() % 2 == 1 {
                return Some(upper);
            }
            let lower = sorted.get(sorted.len() / 2 - 1).copied()?;
            Some(lower.midpoint(upper))
        }
    }
}

const SIGN: u64 = 1 << 63;

fn from_i64(value: i64) -> u64 {
    value.cast_unsigned() ^ SIGN
}

fn to_i64(bits: u64) -> i64 {
    (bits ^ SIGN).cast_signed()
}

fn from_f64(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn to_f64(bits: u64) -> f64 {
    f64::from_bits(if bits & SIGN == 0 { !bits } else { bits & !SIGN })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keys_keep_the_order_of_numbers_and_give_them_back(a: i64, b: i64, x in -1e300..1e300, y in -1e300..1e300) {
            prop_assert_eq!(from_i64(a).cmp(&from_i64(b)), a.cmp(&b));
            prop_assert_eq!(to_i64(from_i64(a)), a);
            let (x, y): (f64, f64) = (x, y);
            prop_assert_eq!(from_f64(x).cmp(&from_f64(y)), x.total_cmp(&y));
            prop_assert_eq!(to_f64(from_f64(x)).to_bits(), x.to_bits());
        }
    }

    #[test]
    fn modes_pick_as_elasticsearch_does() {
        for (mode, expected) in [(Mode::Min, 1), (Mode::Max, 7), (Mode::Sum, 11), (Mode::Avg, 4), (Mode::Median, 3)] {
            assert_eq!(pick_int(&mut [3, 7, 1], mode), Some(expected));
        }
        assert_eq!(pick_int(&mut [3, 7], Mode::Median), Some(5));
        assert_eq!(pick_int(&mut [], Mode::Sum), None);
    }
}
