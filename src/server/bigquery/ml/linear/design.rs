//! Rows as the solver sees them: a few numbers and a few ones a row, made on the fly so that no matrix is kept.

use std::collections::HashMap;

use super::encoder::{Coding, Encoder, Feature, Source};
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::frame::{Column, Frame};

/// The slot of a value without a weight.
const NO_SLOT: u32 = u32::MAX;

/// A frame's rows by an encoder. Numbers are read from the frame; a category takes four bytes a row.
pub(super) struct Design<'a> {
    numbers: Vec<Number<'a>>,
    categories: Vec<Vec<u32>>,
    pub(super) width: usize,
}

struct Number<'a> {
    column: &'a Column,
    source: Source,
    slot: usize,
    mean: f64,
    shift: f64,
    inverse_scale: f64,
}

impl<'a> Design<'a> {
    /// Encodes `frame`; `function` is named in the error for a column that is missing.
    pub(super) fn new(encoder: &Encoder, frame: &'a Frame, function: &'static str) -> Result<Self, MlError> {
        let mut design = Self { numbers: Vec::new(), categories: Vec::new(), width: encoder.width };
        for feature in &encoder.features {
            let missing = || MlError::NoInput { column: feature.column.clone(), function };
            let column = frame.column(&feature.column).ok_or_else(missing)?;
            if !feature.source.suits(column) {
                let found = crate::server::bigquery::ml::frame::type_name(&column.kind).to_owned();
                let role = "for a feature that the model knows with another type";
                return Err(MlError::ColumnType { column: column.name.clone(), found, role });
            }
            match &feature.coding {
                Coding::Number { mean, shift, scale } => design.numbers.push(Number {
                    column,
                    source: feature.source,
                    slot: feature.first,
                    mean: *mean,
                    shift: *shift,
                    inverse_scale: 1.0 / scale,
                }),
                Coding::Categories { texts, .. } => {
                    design.categories.push(slots(feature, texts, column, frame.len())?);
                }
            }
        }
        Ok(design)
    }

    /// Slots and values of a row that are not zero.
    pub(super) fn row(&self, row: usize, entries: &mut Vec<(usize, f64)>) {
        entries.clear();
        for number in &self.numbers {
            let value = number.source.number(number.column, row).unwrap_or(number.mean);
            entries.push((number.slot, (value - number.shift) * number.inverse_scale));
        }
        for category in &self.categories {
            let slot = category.get(row).copied().unwrap_or(NO_SLOT);
            if slot != NO_SLOT
                && let Ok(slot) = usize::try_from(slot)
            {
                entries.push((slot, 1.0));
            }
        }
    }

    /// Calls `each` with the position in `rows` and the entries of each row.
    pub(super) fn for_each(&self, rows: &[usize], mut each: impl FnMut(usize, &[(usize, f64)])) {
        let mut entries = Vec::with_capacity(self.numbers.len() + self.categories.len());
        for (at, row) in rows.iter().enumerate() {
            self.row(*row, &mut entries);
            each(at, &entries);
        }
    }

    /// The weighted sum of each row, plus `intercept`.
    pub(super) fn times(&self, rows: &[usize], weights: &[f64], intercept: f64) -> Vec<f64> {
        let mut sums = Vec::with_capacity(rows.len());
        self.for_each(rows, |_, entries| sums.push(intercept + dot(entries, weights)));
        sums
    }

    /// For each weight, the sum of its feature over `rows`, each times the row's number in `factors`.
    pub(super) fn transposed_times(&self, rows: &[usize], factors: &[f64]) -> Vec<f64> {
        let mut sums = vec![0.0; self.width];
        self.for_each(rows, |at, entries| {
            for (slot, value) in entries {
                sums[*slot] += value * factors[at];
            }
        });
        sums
    }
}

pub(super) fn dot(entries: &[(usize, f64)], weights: &[f64]) -> f64 {
    entries.iter().map(|(slot, value)| value * weights[*slot]).sum()
}

/// The slot of each row's category.
fn slots(feature: &Feature, texts: &[Option<String>], column: &Column, rows: usize) -> Result<Vec<u32>, MlError> {
    let by_text: HashMap<Option<&str>, usize> =
        texts.iter().enumerate().map(|(i, text)| (text.as_deref(), feature.first + i)).collect();
    let mut by_key: HashMap<Option<i64>, u32> = HashMap::new();
    let mut found = Vec::with_capacity(rows);
    for row in 0..rows {
        let key = feature.source.key(column, row);
        let slot = match by_key.get(&key) {
            Some(slot) => *slot,
            None => {
                let text = key.map(|key| feature.source.text(column, key));
                let slot = by_text.get(&text.as_deref()).map_or(Ok(NO_SLOT), |slot| u32::try_from(*slot));
                let slot = slot.map_err(|_| MlError::Data("The features have too many categories.".to_owned()))?;
                by_key.insert(key, slot);
                slot
            }
        };
        found.push(slot);
    }
    Ok(found)
}
