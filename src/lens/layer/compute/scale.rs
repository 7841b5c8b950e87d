//! Values per unit of time.

use crate::lens::{
    layer::{
        answer::bucket_end,
        column::TimeUnit,
        plan::{BucketKind, Plan},
    },
    table::Cell,
    time,
};

/// Divides by the length of the row's bucket, cut to the range; without a date histogram by that of the range, or of its
/// part that the column looks at.
pub(super) fn per_unit(
    plan: &Plan,
    rows: &mut [Vec<Cell>],
    from: usize,
    to: usize,
    unit: TimeUnit,
    reduced: Option<&str>,
) {
    let range = plan.range();
    let whole = match reduced.and_then(|text| time::duration_ms(text).ok()) {
        Some(length) => length.min(range.length_ms()),
        None => range.length_ms(),
    };
    let axis = plan.date_level().and_then(|level| plan.buckets.get(level));
    for row in rows {
        let length = match axis.map(|axis| (&axis.kind, row.get(axis.column))) {
            Some((BucketKind::Date { interval, .. }, Some(Cell::Date(start)))) => {
                let end = bucket_end(*start, interval, &plan.zone).min(range.to_ms);
                end.saturating_sub((*start).max(range.from_ms))
            }
            _ => whole,
        };
        #[allow(clippy::cast_precision_loss, reason = "exact for 285,000 years")]
        let units = length as f64 / unit_ms(unit);
        let value = row.get(from).and_then(Cell::number).map(|value| value / units);
        if let Some(cell) = row.get_mut(to) {
            *cell = value.filter(|value| value.is_finite()).map_or(Cell::Null, Cell::Number);
        }
    }
}

fn unit_ms(unit: TimeUnit) -> f64 {
    match unit {
        TimeUnit::Second => 1_000.0,
        TimeUnit::Minute => 60_000.0,
        TimeUnit::Hour => 3_600_000.0,
        TimeUnit::Day => 86_400_000.0,
    }
}
