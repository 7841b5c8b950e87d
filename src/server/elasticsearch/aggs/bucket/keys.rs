//! The distinct keys of a document's values: what `terms` and its relatives count by.

use tantivy::columnar::StrColumn;

use super::super::collector::{Docs, Segment};
use super::super::keywords::{self, Terms};
use super::super::options::Scalar;
use super::super::run::SearchContext;
use super::super::values::{Class, Numbers, Values};
use crate::server::elasticsearch::error::{ApiError, Exception};
use serde_json::{Map, Value};

/// Keys of one field as 64 bits: term numbers, whole numbers, or the bits of doubles.
pub(in super::super) struct KeySource {
    pub(in super::super) values: Values,
    pub(in super::super) class: Class,
    pub(in super::super) terms: Terms,
    pub(super) missing: Option<u64>,
    /// The column of the open segment.
    numbers: Numbers,
    column: Option<StrColumn>,
    base: i64,
    /// Every term of the index is wanted, not only those met.
    all_terms: bool,
}

impl KeySource {
    pub(in super::super) fn new(values: Values, ctx: &SearchContext<'_>, all_terms: bool) -> Result<Self, ApiError> {
        let mut terms = Terms::default();
        let mut class = values.class;
        let missing = match (&values.missing, class) {
            (None, _) => None,
            (Some(text), Class::Keyword | Class::Unmapped) => {
                class = Class::Keyword;
                Some(u64::from(terms.intern(&text.to_text())))
            }
            (Some(scalar), Class::Integral | Class::Floating) => {
                let number = values.parse_number(scalar, ctx.clock).map_err(|error| ctx.refused(error))?;
                if number.fract() != 0.0 || matches!(scalar, Scalar::Float(_)) {
                    class = Class::Floating;
                }
                Some(encode(class, number))
            }
        };
        Ok(Self { values, class, terms, missing, numbers: Numbers::None, column: None, base: i64::MAX, all_terms })
    }

    pub(in super::super) fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        if self.class == Class::Keyword {
            self.column = keywords::open(&self.values, segment)?;
            return self.terms.open(self.column.as_ref(), self.all_terms);
        }
        self.numbers = self.values.numbers(segment)?;
        if self.base == i64::MAX
            && let Some((least, _)) = self.numbers.bounds()
        {
            self.base = least;
        }
        Ok(())
    }

    /// The distinct keys of every document: `visit(position, key, hint)`, with none for a document that has no value.
    pub(in super::super) fn each(
        &mut self,
        docs: &Docs<'_>,
        mut visit: impl FnMut(usize, Option<u64>, u64),
    ) -> Result<(), Exception> {
        let missing = self.missing;
        match self.class {
            Class::Keyword => {
                let Some(column) = &self.column else {
                    (0..docs.ids.len()).for_each(|at| visit(at, missing, missing.unwrap_or_default()));
                    return Ok(());
                };
                self.terms.prepare(column, docs)?;
                keywords::each_ordinal(column, docs, |at, ordinal| {
                    let key = ordinal.map(|ordinal| u64::from(self.terms.id(ordinal))).or(missing);
                    visit(at, key, key.unwrap_or_default());
                });
            }
            Class::Integral => {
                let mut last = None;
                let base = self.base;
                let mut next = 0;
                self.numbers.each_i64(docs, missing.map(u64::cast_signed), |at, value| {
                    (next..at).for_each(|gap| visit(gap, None, 0));
                    next = at + 1;
                    if last != Some((at, value)) {
                        last = Some((at, value));
                        let hint = u64::try_from(value.saturating_sub(base)).unwrap_or(u64::MAX);
                        visit(at, Some(value.cast_unsigned()), hint);
                    }
                });
                (next..docs.ids.len()).for_each(|gap| visit(gap, None, 0));
            }
            Class::Floating | Class::Unmapped => {
                let mut last = None;
                let mut next = 0;
                self.numbers.each_f64(docs, missing.map(f64::from_bits), |at, value| {
                    (next..at).for_each(|gap| visit(gap, None, 0));
                    next = at + 1;
                    let bits = value.to_bits();
                    if last != Some((at, bits)) {
                        last = Some((at, bits));
                        visit(at, Some(bits), u64::MAX);
                    }
                });
                (next..docs.ids.len()).for_each(|gap| visit(gap, None, 0));
            }
        }
        Ok(())
    }

    /// The order of two keys.
    pub(in super::super) fn compare(&self, left: u64, right: u64) -> std::cmp::Ordering {
        match self.class {
            Class::Keyword => self.term(left).cmp(self.term(right)),
            Class::Integral => left.cast_signed().cmp(&right.cast_signed()),
            Class::Floating | Class::Unmapped => f64::from_bits(left).total_cmp(&f64::from_bits(right)),
        }
    }

    /// The key as JSON, and its text where the format has one.
    pub(in super::super) fn show(&self, key: u64) -> (Value, Option<String>) {
        let format = &self.values.format;
        match self.class {
            Class::Keyword => (self.term(key).into(), None),
            Class::Integral => {
                let value = key.cast_signed();
                (value.into(), (!format.is_raw()).then(|| format.text_i64(value)))
            }
            Class::Floating | Class::Unmapped => {
                let value = f64::from_bits(key);
                (super::super::format::number(Some(value)), (!format.is_raw()).then(|| format.text(value)))
            }
        }
    }

    /// `key`, and `key_as_string` where there is text to add: how a bucket begins.
    pub(super) fn head(&self, key: u64) -> Map<String, Value> {
        let (shown, text) = self.show(key);
        let mut head = Map::from_iter([("key".to_owned(), shown)]);
        if let Some(text) = text {
            head.insert("key_as_string".into(), text.into());
        }
        head
    }

    /// The key as text: the part of a joined key, the name of a keyed bucket.
    pub(in super::super) fn text(&self, key: u64) -> String {
        match self.class {
            Class::Keyword => self.term(key).to_owned(),
            Class::Integral => self.values.format.text_i64(key.cast_signed()),
            Class::Floating | Class::Unmapped => self.values.format.text(f64::from_bits(key)),
        }
    }

    pub(in super::super) fn term(&self, key: u64) -> &str {
        self.terms.term(u32::try_from(key).unwrap_or(u32::MAX))
    }
}

/// A number as a key of a class.
pub(in super::super) fn encode(class: Class, number: f64) -> u64 {
    match class {
        Class::Integral => super::super::values::truncate(number).cast_unsigned(),
        _ => number.to_bits(),
    }
}
