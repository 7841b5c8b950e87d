//! Time in a plan: the range, the fields that it applies to, and the shifts.

use jiff::{Span, Timestamp, ToSpan, tz::TimeZone};

use crate::lens::{
    layer::{
        Layer, LayerError,
        column::{Column, Operation},
    },
    scope::{Scope, TimeRange},
    time,
    view::DataView,
};

#[derive(Debug, Clone)]
pub(crate) struct TimePlan {
    pub(crate) range: TimeRange,
    /// The fields whose values lie within the range.
    pub(crate) fields: Vec<String>,
    /// Of all metrics, each once, in their order.
    pub(crate) shifts: Vec<Shift>,
    pub(crate) has_shift: bool,
    /// The layer has a date histogram.
    pub(crate) has_axis: bool,
    /// From this level on the keys of date histograms are moved forward.
    pub(crate) shift_level: Option<usize>,
    /// Above this level the branches of several shifts part.
    pub(crate) split: Option<usize>,
}

/// How far back in time a metric looks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Shift {
    pub(crate) ms: i64,
    /// Of days and longer, whose length differs.
    text: Option<String>,
}

impl TimePlan {
    pub(super) fn new(layer: &Layer, view: &DataView, scope: &Scope) -> Result<Self, LayerError> {
        let mut plan = Self {
            range: scope.range,
            fields: fields(layer, view),
            shifts: Vec::new(),
            has_shift: false,
            has_axis: layer.columns.iter().any(|column| matches!(column.operation, Operation::DateHistogram { .. })),
            shift_level: None,
            split: None,
        };
        for column in layer.columns.iter().filter(|column| matches!(column.operation, Operation::Metric { .. })) {
            let shift = plan.shift_of(column)?;
            plan.has_shift |= column.time_shift.is_some();
            if plan.has_shift && plan.fields.is_empty() {
                return Err(LayerError::unsupported(&column.id, "a time shift needs a data view with a time field"));
            }
            if !plan.shifts.iter().any(|known| known.ms == shift.ms) {
                plan.shifts.push(shift);
            }
        }
        Ok(plan)
    }

    /// `previous` on a time axis is whole buckets, one less than the range has, as Kibana has it.
    pub(super) fn shift_of(&self, column: &Column) -> Result<Shift, LayerError> {
        let Some(text) = column.time_shift.as_deref() else { return Ok(Shift { ms: 0, text: None }) };
        if text == "previous" && self.has_axis {
            let step = time::auto_interval(self.range).ms.max(1);
            let length = self.range.length_ms().max(0);
            let buckets = length / step + i64::from(length % step > 0);
            return Ok(Shift { ms: (buckets - 1).max(0).saturating_mul(step), text: None });
        }
        let ms =
            time::shift(text, self.range).map_err(|source| LayerError::Time { column: column.id.clone(), source })?;
        Ok(Shift { ms, text: Some(text.to_owned()) })
    }

    pub(crate) fn shifted(&self, shift_ms: i64) -> TimeRange {
        TimeRange {
            from_ms: self.range.from_ms.saturating_sub(shift_ms),
            to_ms: self.range.to_ms.saturating_sub(shift_ms),
        }
    }
}

impl Shift {
    /// Moves a bucket's key forward to where its row stands: days and longer in the calendar, so that keys meet.
    pub(crate) fn forward(&self, key_ms: i64, zone: &TimeZone) -> i64 {
        let calendar = || {
            let span = span(self.text.as_deref()?)?;
            let key = Timestamp::from_millisecond(key_ms).ok()?.to_zoned(zone.clone());
            Some(key.checked_add(span).ok()?.timestamp().as_millisecond())
        };
        calendar().unwrap_or_else(|| key_ms.saturating_add(self.ms))
    }
}

/// Of `2d`, `1w`, `3M`, `1y`; shorter units have one length and need no calendar.
fn span(text: &str) -> Option<Span> {
    let unit_at = text.len().checked_sub(1)?;
    let count: i64 = text.get(..unit_at)?.trim().parse().ok()?;
    let span = 0.days();
    match text.get(unit_at..)? {
        "d" => span.try_days(count).ok(),
        "w" => span.try_weeks(count).ok(),
        "M" => span.try_months(count).ok(),
        "y" => span.try_years(count).ok(),
        _ => None,
    }
}

/// The fields of the layer's date histograms; without one the data view's time field.
fn fields(layer: &Layer, view: &DataView) -> Vec<String> {
    let mut fields: Vec<String> = Vec::new();
    for column in &layer.columns {
        if let Operation::DateHistogram { field, ignore_time_range: false, .. } = &column.operation
            && !fields.contains(field)
        {
            fields.push(field.clone());
        }
    }
    if fields.is_empty() {
        fields.extend(view.time_field.clone());
    }
    fields
}

/// `2024-03-01T00:00:00.000Z`; a moment out of jiff's reach is clamped to it.
pub(crate) fn iso(ms: i64) -> String {
    let end = if ms < 0 { Timestamp::MIN } else { Timestamp::MAX };
    format!("{:.3}", Timestamp::from_millisecond(ms).unwrap_or(end))
}

/// What Elasticsearch is told: the IANA name, else the offset.
pub(crate) fn zone_name(zone: &TimeZone) -> String {
    if let Some(name) = zone.iana_name() {
        return name.to_owned();
    }
    match zone.to_fixed_offset() {
        Ok(offset) => {
            let minutes = offset.seconds() / 60;
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
        Err(_) => "UTC".to_owned(),
    }
}
