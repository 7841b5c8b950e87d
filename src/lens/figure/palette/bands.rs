//! Colours of values: a palette's stops as bands, open or closed at their ends.

use serde_json::Value;

use super::{
    super::{
        colour,
        context::Context,
        read::{self, member},
    },
    named,
};

/// More stops than anybody sees apart.
const STOPS_MAX: usize = 100;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Band {
    /// Inclusive; `None` is open.
    pub(crate) from: Option<f64>,
    /// Exclusive but for the last band; `None` is open.
    pub(crate) to: Option<f64>,
    pub(crate) color: String,
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Bands(pub(crate) Vec<Band>);

impl Bands {
    pub(crate) fn colour(&self, value: f64) -> Option<&str> {
        let last = self.0.len().saturating_sub(1);
        let holds = |index: usize, band: &Band| {
            band.from.is_none_or(|from| value >= from)
                && band.to.is_none_or(|to| value < to || (index == last && value <= to))
        };
        self.0.iter().enumerate().find(|(index, band)| holds(*index, band)).map(|(_, band)| band.color.as_str())
    }
}

/// The bands of a palette of values. Percentages are shares of `low..high`. Without a palette, the one named `default`.
pub(crate) fn read(context: &Context<'_>, palette: &Value, default: &str, (low, high): (f64, f64)) -> Bands {
    let params = member(palette, "params");
    let is_percent = context.choice(params, "rangeType", &[("percent", true), ("number", false)], true);
    let stops = match written(params) {
        stops if stops.is_empty() => computed(context, palette, default),
        stops => stops,
    };
    let lowers: Vec<Option<f64>> =
        read::list(params, "colorStops").iter().map(|stop| read::number(stop, "stop")).collect();
    let has_lowers = lowers.len() == stops.len();
    let (opens_below, opens_above) = context.choice(
        params,
        "continuity",
        &[("above", (false, true)), ("below", (true, false)), ("all", (true, true)), ("none", (false, false))],
        (false, true),
    );
    let scaled = |stop: f64| if is_percent { low + stop / 100.0 * (high - low) } else { stop };
    let count = stops.len();
    let mut from = read::number(params, "rangeMin").or(if is_percent { Some(0.0) } else { None });
    let mut bands = Vec::with_capacity(count);
    for (index, (color, upper)) in stops.into_iter().enumerate() {
        let lower = if has_lowers { lowers.get(index).copied().flatten().or(from) } else { from };
        let upper = if index + 1 == count { read::number(params, "rangeMax").or(upper) } else { upper };
        bands.push(Band {
            from: lower.filter(|_| index > 0 || !opens_below).map(scaled),
            to: upper.filter(|_| index + 1 < count || !opens_above).map(scaled),
            color,
        });
        from = upper;
    }
    Bands(bands)
}

/// The stops that the panel holds: colour and upper end.
fn written(params: &Value) -> Vec<(String, Option<f64>)> {
    let stop = |stop: &Value| Some((colour::normal(read::text(stop, "color")?)?, read::number(stop, "stop")));
    read::list(params, "stops").iter().take(STOPS_MAX).filter_map(stop).collect()
}

/// Equal parts of a hundred percent in the colours of a named palette.
fn computed(context: &Context<'_>, palette: &Value, default: &str) -> Vec<(String, Option<f64>)> {
    let name = read::filled(palette, "name").unwrap_or(default);
    let params = member(palette, "params");
    let colours = named::gradient(name).or_else(|| named::categorical(name)).unwrap_or_else(|| {
        if name != "custom" {
            context.note("the palette's name is not known; the default one is drawn");
        }
        named::gradient(default).unwrap_or(&named::CATEGORICAL)
    });
    let steps = read::count(params, "steps", 1..=20).unwrap_or(5);
    let is_reversed = read::flag(params, "reverse").unwrap_or(false);
    let part = |step: u32| {
        let share = f64::from(step) / f64::from(steps.saturating_sub(1).max(1));
        let share = if is_reversed { 1.0 - share } else { share };
        (colour::along(colours, share), Some(100.0 * f64::from(step + 1) / f64::from(steps)))
    };
    (0..steps).map(part).collect()
}
