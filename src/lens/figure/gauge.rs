//! `lnsGauge`: one value between a minimum and a maximum.

use serde_json::Value;

use super::{
    FigureError,
    context::Context,
    model::{Figure, Gauge, GaugeBand},
    palette::bands::{self, Bands},
    read::{self, member},
};

const SHAPES: [(&str, &str); 8] = [
    ("horizontalBullet", "horizontal_bullet"),
    ("verticalBullet", "vertical_bullet"),
    ("arc", "arc"),
    ("semiCircle", "semi_circle"),
    ("circle", "circle"),
    // Later versions may write these as the page does.
    ("horizontal_bullet", "horizontal_bullet"),
    ("vertical_bullet", "vertical_bullet"),
    ("semi_circle", "semi_circle"),
];

pub(super) fn draw(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    let data = context.data(state)?;
    let metric = data.required(state, "metricAccessor")?;
    let Some((row, value)) = data.rows().first().and_then(|row| Some((row, metric.number(row)?))) else {
        return Ok(context.empty());
    };
    let number = |option: &str| -> Result<Option<f64>, FigureError> {
        Ok(data.named(state, option)?.and_then(|column| column.number(row)))
    };
    let goal = number("goalAccessor")?;
    let min = number("minAccessor")?.unwrap_or_else(|| default_min(value, goal));
    let max = number("maxAccessor")?.unwrap_or_else(|| default_max(min, value, goal));
    if min >= max {
        let message = "the gauge's minimum is not below its maximum".to_owned();
        let hint = Some(format!("minimum {}, maximum {}", metric.write_number(min), metric.write_number(max)));
        return Ok(Figure::Error { message, hint });
    }
    let is_coloured = context.choice(state, "colorMode", &[("none", false), ("palette", true)], false);
    let bands = match is_coloured {
        true => between(bands::read(context, member(state, "palette"), "gray", (min, max)), min, max),
        false => Vec::new(),
    };
    let ticks = [("auto", "auto"), ("bands", "bands"), ("hidden", "hidden")];
    Ok(Figure::Gauge(Box::new(Gauge {
        shape: context.choice(state, "shape", &SHAPES, "horizontal_bullet"),
        value: Some(value),
        text: metric.text(row),
        min,
        max,
        goal,
        title: title(context, state, &metric.column.label),
        subtitle: read::filled(state, "labelMinor").map(str::to_owned),
        bands,
        ticks: context.choice(state, "ticksPosition", &ticks, "auto"),
        format: metric.axis(),
        notes: Vec::new(),
    })))
}

fn title(context: &Context<'_>, state: &Value, label: &str) -> Option<String> {
    let own = read::filled(state, "labelMajor");
    match context.choice(state, "labelMajorMode", &[("auto", 0), ("custom", 1), ("none", 2)], 0) {
        0 => Some(label.to_owned()),
        1 => own.map(str::to_owned),
        _ => None,
    }
}

/// Zero, or a round number below everything.
fn default_min(value: f64, goal: Option<f64>) -> f64 {
    let low = goal.map_or(value, |goal| goal.min(value));
    let high = goal.map_or(value, |goal| goal.max(value)).max(0.0);
    if low >= 0.0 { 0.0 } else { rounded_outwards(low, high).0 }
}

/// A round number above everything.
fn default_max(min: f64, value: f64, goal: Option<f64>) -> f64 {
    let high = goal.map_or(value, |goal| goal.max(value));
    if high <= min { min + 100.0 } else { rounded_outwards(min, high).1 }
}

/// The ends moved outwards to multiples of about a tenth of their distance.
fn rounded_outwards(low: f64, high: f64) -> (f64, f64) {
    let rough = (high - low) / 10.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = power
        * match rough / power {
            error if error >= 50_f64.sqrt() => 10.0,
            error if error >= 10_f64.sqrt() => 5.0,
            error if error >= 2_f64.sqrt() => 2.0,
            _ => 1.0,
        };
    let (below, above) = ((low / step).floor() * step, (high / step).ceil() * step);
    if below.is_finite() && above.is_finite() { (below, above) } else { (low, high) }
}

/// The bands as far as they lie on the gauge; open ones end where it does.
fn between(bands: Bands, min: f64, max: f64) -> Vec<GaugeBand> {
    let cut = |band: bands::Band| {
        let (from, to) = (band.from.unwrap_or(min).max(min), band.to.unwrap_or(max).min(max));
        (from < to).then_some(GaugeBand { from, to, color: band.color })
    };
    bands.0.into_iter().filter_map(cut).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_round_numbers_around_the_values() {
        let cases = [
            ((57.0, None), (0.0, 60.0)),
            ((100.0, None), (0.0, 100.0)),
            ((1234.0, Some(2345.0)), (0.0, 2400.0)),
            ((0.0, None), (0.0, 100.0)),
            ((-7.0, None), (-7.0, 93.0)),
            ((-7.5, Some(10.0)), (-8.0, 10.0)),
        ];
        for ((value, goal), expected) in cases {
            let min = default_min(value, goal);
            assert_eq!((min, default_max(min, value, goal)), expected, "{value} {goal:?}");
        }
    }
}
