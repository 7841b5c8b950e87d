//! The vertical axes: which side each measure is drawn on, and how the sides look.

use serde_json::Value;

use super::{
    super::{
        FigureError, colour,
        context::Context,
        model::{Axis, Mark, NumberFormat, Side},
        read::{self, member},
    },
    DataLayer,
};

/// One accessor of one data layer.
pub(super) struct Measure {
    pub(super) layer: usize,
    pub(super) id: String,
    pub(super) label: String,
    pub(super) side: Side,
    /// The state's own colour for it.
    pub(super) color: Option<String>,
    mode: Mode,
    format_id: String,
    format: NumberFormat,
    mark: Mark,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Auto,
    Fixed(Side),
}

/// All measures of all layers, in order, with their sides.
pub(super) fn measures(context: &Context<'_>, layers: &[DataLayer<'_, '_>]) -> Result<Vec<Measure>, FigureError> {
    let mut measures = Vec::new();
    for (index, layer) in layers.iter().enumerate() {
        for id in &layer.accessors {
            measures.push(measure(context, index, layer, id)?);
        }
    }
    assign(&mut measures);
    Ok(measures)
}

fn measure(context: &Context<'_>, index: usize, layer: &DataLayer<'_, '_>, id: &str) -> Result<Measure, FigureError> {
    let column = layer.data.column(id)?;
    let own = read::list(layer.state, "yConfig").iter().find(|own| read::text(own, "forAccessor") == Some(id));
    let own = own.unwrap_or(&Value::Null);
    let modes = [("auto", Mode::Auto), ("left", Mode::Fixed(Side::Left)), ("right", Mode::Fixed(Side::Right))];
    let mut format = column.axis();
    let mut format_id = column.column.format.as_ref().and_then(|format| read::text(format, "id")).unwrap_or("number");
    if layer.stack == Some("percent") {
        // The page draws shares of a hundred, whatever the values are.
        format = NumberFormat { d3: ",.0f".to_owned(), prefix: String::new(), suffix: "%".to_owned(), factor: 1.0 };
        format_id = "percent of the whole";
    }
    Ok(Measure {
        layer: index,
        id: id.to_owned(),
        label: column.column.label.clone(),
        side: Side::Left,
        color: read::text(own, "color").and_then(colour::normal),
        mode: context.choice(own, "axisMode", &modes, Mode::Auto),
        format_id: format_id.to_owned(),
        format,
        mark: layer.mark,
    })
}

/// Those without a side of their own go left; where formats differ, to the side that has theirs, else to an empty one,
/// else to the one with fewer measures.
fn assign(measures: &mut [Measure]) {
    let mut left: Vec<String> = Vec::new();
    let mut right: Vec<String> = Vec::new();
    for measure in measures.iter() {
        match measure.mode {
            Mode::Fixed(Side::Right) => right.push(measure.format_id.clone()),
            Mode::Fixed(_) => left.push(measure.format_id.clone()),
            Mode::Auto => {}
        }
    }
    for measure in measures.iter_mut() {
        let suits = |formats: &[String]| formats.iter().all(|format| *format == measure.format_id);
        measure.side = match measure.mode {
            Mode::Fixed(side) => side,
            Mode::Auto if suits(&left) => Side::Left,
            Mode::Auto if suits(&right) || right.len() < left.len() => Side::Right,
            Mode::Auto => Side::Left,
        };
        if measure.mode == Mode::Auto {
            let formats = if measure.side == Side::Right { &mut right } else { &mut left };
            formats.push(measure.format_id.clone());
        }
    }
}

/// `None` for a side without measures.
pub(super) fn axis(context: &Context<'_>, state: &Value, measures: &[Measure], side: Side) -> Option<Axis> {
    let names = if side == Side::Right {
        ["yRightTitle", "yRightScale", "yRightExtent", "yRight"]
    } else {
        ["yTitle", "yLeftScale", "yLeftExtent", "yLeft"]
    };
    let [title, scale_option, extent_option, setting] = names;
    let own: Vec<&Measure> = measures.iter().filter(|measure| measure.side == side).collect();
    let first = own.first()?;
    let shows = |settings: &str| read::flag(member(state, settings), setting).unwrap_or(true);
    let title = read::filled(state, title).map_or_else(|| labels(&own), str::to_owned);
    let (extent, from_zero) = extent(context, member(state, extent_option), &own);
    Some(Axis {
        title: Some(title).filter(|title| shows("axisTitlesVisibilitySettings") && !title.is_empty()),
        scale: scale(context, state, scale_option),
        extent,
        from_zero,
        format: first.format.clone(),
        shows_labels: shows("tickLabelsVisibilitySettings"),
        shows_grid: shows("gridlinesVisibilitySettings"),
    })
}

/// The measures' labels, each once.
fn labels(measures: &[&Measure]) -> String {
    let mut labels: Vec<&str> = Vec::new();
    for measure in measures {
        if !labels.contains(&measure.label.as_str()) {
            labels.push(&measure.label);
        }
    }
    labels.join(", ")
}

fn scale(context: &Context<'_>, state: &Value, option: &str) -> &'static str {
    let known = [("linear", "linear"), ("log", "log"), ("sqrt", "sqrt"), ("time", "linear")];
    context.choice(state, option, &known, "linear")
}

/// Fixed ends, and whether the axis holds zero. Bars and areas start at zero even if lines would not.
fn extent(context: &Context<'_>, extent: &Value, measures: &[&Measure]) -> (Option<[Option<f64>; 2]>, bool) {
    let is_lines = measures.iter().all(|measure| measure.mark == Mark::Line);
    match context.choice(extent, "mode", &[("full", 0), ("dataBounds", 1), ("custom", 2)], 0) {
        2 => {
            let ends = [read::number(extent, "lowerBound"), read::number(extent, "upperBound")];
            if ends == [None, None] { (None, true) } else { (Some(ends), false) }
        }
        1 => (None, !is_lines),
        _ => (None, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_without_a_side_go_where_their_format_is() {
        let check = |given: &[(Mode, &str)], expected: &[Side]| {
            let mut measures: Vec<Measure> = given.iter().map(|(mode, format)| example(*mode, format)).collect();
            assign(&mut measures);
            let sides: Vec<Side> = measures.iter().map(|measure| measure.side).collect();
            assert_eq!(sides, expected);
        };
        let (auto, left, right) = (Mode::Auto, Mode::Fixed(Side::Left), Mode::Fixed(Side::Right));
        check(&[(auto, "number"), (auto, "number")], &[Side::Left, Side::Left]);
        check(&[(auto, "number"), (auto, "percent")], &[Side::Left, Side::Right]);
        check(&[(auto, "number"), (auto, "percent"), (auto, "bytes")], &[Side::Left, Side::Right, Side::Left]);
        check(&[(auto, "percent"), (left, "number")], &[Side::Right, Side::Left]);
        check(&[(right, "number"), (auto, "number")], &[Side::Right, Side::Left]);
    }

    fn example(mode: Mode, format: &str) -> Measure {
        Measure {
            layer: 0,
            id: "y".to_owned(),
            label: "Y".to_owned(),
            side: Side::Left,
            color: None,
            mode,
            format_id: format.to_owned(),
            format: NumberFormat { d3: String::new(), prefix: String::new(), suffix: String::new(), factor: 1.0 },
            mark: Mark::Line,
        }
    }
}
