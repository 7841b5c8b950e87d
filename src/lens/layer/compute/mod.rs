//! What Elasticsearch does not compute: static values, constants, arithmetic, and operations along a series.

mod scale;
mod series;

use std::collections::HashMap;

use crate::lens::{
    formula::Expression,
    layer::{
        Layer,
        column::{Constant, Operation, ReferenceFunction},
        plan::{BucketKind, Plan},
    },
    table::Cell,
};

/// Fills in the computed columns, each after all that it is computed from; scaling to a unit of time comes last, as in
/// Kibana: what is computed from a scaled column is computed from its plain values.
pub(super) fn fill(layer: &Layer, plan: &Plan, rows: &mut [Vec<Cell>]) {
    let mut computer = Computer { layer, plan, rows, by: None, by_axis: None };
    for at in &layer.order {
        computer.column(*at);
    }
    for (at, column) in layer.columns.iter().enumerate() {
        if let Some(unit) = column.time_scale {
            let reduced = column.reduced_time_range.as_deref();
            scale::per_unit(plan, computer.rows, at, at, unit, reduced);
        }
    }
}

struct Computer<'a> {
    layer: &'a Layer,
    plan: &'a Plan,
    rows: &'a mut [Vec<Cell>],
    /// The series of each row: rows that differ in nothing but the date.
    by: Option<Vec<usize>>,
    /// The same for operations over a whole series, which also know ranges as an axis.
    by_axis: Option<Vec<usize>>,
}

impl Computer<'_> {
    fn column(&mut self, at: usize) {
        let Some(column) = self.layer.columns.get(at) else { return };
        match &column.operation {
            Operation::StaticValue(value) => self.set_all(at, Cell::Number(*value)),
            Operation::Constant(constant) => self.set_all(at, self.constant(*constant)),
            Operation::Formula { result, .. } => self.copy(at, result),
            Operation::Math(expression) => self.math(at, expression),
            Operation::Reference { function, of } => self.reference(at, function, of),
            _ => {}
        }
    }

    fn position(&self, id: &str) -> Option<usize> {
        self.plan.ids.iter().position(|other| other == id)
    }

    fn set_all(&mut self, at: usize, value: Cell) {
        for cell in self.rows.iter_mut().filter_map(|row| row.get_mut(at)) {
            cell.clone_from(&value);
        }
    }

    #[allow(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
    fn constant(&self, constant: Constant) -> Cell {
        match constant {
            Constant::TimeRange => Cell::Number(self.plan.range().length_ms() as f64),
            Constant::Now => Cell::Number(self.plan.now_ms as f64),
            Constant::Interval => {
                let intervals = self.plan.buckets.iter().filter_map(|bucket| match &bucket.kind {
                    BucketKind::Date { interval, .. } => Some(interval.ms as f64),
                    _ => None,
                });
                intervals.into_iter().next().map_or(Cell::Null, Cell::Number)
            }
        }
    }

    /// A formula's value is that of the column that it ends in; a date in it is milliseconds.
    fn copy(&mut self, at: usize, result: &str) {
        let Some(from) = self.position(result) else { return };
        for row in self.rows.iter_mut() {
            let value = match row.get(from) {
                Some(date @ Cell::Date(_)) => date.number().map_or(Cell::Null, Cell::Number),
                Some(other) => other.clone(),
                None => Cell::Null,
            };
            if let Some(cell) = row.get_mut(at) {
                *cell = value;
            }
        }
    }

    fn math(&mut self, at: usize, expression: &Expression) {
        let positions: HashMap<&str, usize> =
            self.plan.ids.iter().enumerate().map(|(place, id)| (id.as_str(), place)).collect();
        for row in self.rows.iter_mut() {
            let value = expression.evaluate(&|id| row.get(*positions.get(id)?)?.number());
            let value = value.filter(|value| value.is_finite()).map_or(Cell::Null, Cell::Number);
            if let Some(cell) = row.get_mut(at) {
                *cell = value;
            }
        }
    }

    fn reference(&mut self, at: usize, function: &ReferenceFunction, of: &str) {
        let Some(from) = self.position(of) else { return };
        if let ReferenceFunction::NormalizeByUnit(unit) = function {
            let reduced = self.layer.columns.get(at).and_then(|column| column.reduced_time_range.as_deref());
            scale::per_unit(self.plan, self.rows, from, at, *unit, reduced);
            return;
        }
        let is_overall = matches!(
            function,
            ReferenceFunction::OverallSum
                | ReferenceFunction::OverallMin
                | ReferenceFunction::OverallMax
                | ReferenceFunction::OverallAverage
        );
        let values: Vec<Option<f64>> = self.rows.iter().map(|row| row.get(from).and_then(Cell::number)).collect();
        let (plan, rows) = (self.plan, &*self.rows);
        let by = if is_overall {
            self.by_axis.get_or_insert_with(|| series::of(rows, &overall_columns(plan)))
        } else {
            self.by.get_or_insert_with(|| series::of(rows, &series_columns(plan)))
        };
        let values = series::apply(function, &values, by);
        for (row, value) in self.rows.iter_mut().zip(values) {
            if let Some(cell) = row.get_mut(at) {
                *cell = value.map_or(Cell::Null, Cell::Number);
            }
        }
    }
}

/// All buckets but the date histogram; without one the innermost bucket is the axis.
fn series_columns(plan: &Plan) -> Vec<usize> {
    let axis = plan.date_level().or_else(|| plan.buckets.len().checked_sub(1));
    let split = plan.buckets.iter().enumerate().filter(|(level, _)| Some(*level) != axis);
    split.map(|(_, bucket)| bucket.column).collect()
}

/// All buckets that are no axis; none when there is no axis, so that the whole table is one series.
fn overall_columns(plan: &Plan) -> Vec<usize> {
    let is_axis = |kind: &BucketKind| {
        matches!(kind, BucketKind::Date { .. } | BucketKind::Histogram { .. } | BucketKind::Ranges { .. })
    };
    if !plan.buckets.iter().any(|bucket| is_axis(&bucket.kind)) {
        return Vec::new();
    }
    plan.buckets.iter().filter(|bucket| !is_axis(&bucket.kind)).map(|bucket| bucket.column).collect()
}
