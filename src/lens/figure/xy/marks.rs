//! What is drawn over the series: reference lines and annotations.

use jiff::{Timestamp, civil::DateTime};
use serde_json::Value;

use super::{
    super::{
        FigureError, colour,
        context::{Context, Data},
        model::{Annotation, ReferenceLine, Side},
        read,
    },
    layers_of_type,
};

const LINE_COLOUR: &str = "#69707d";
const ANNOTATION_COLOUR: &str = "#f04e98";
/// More would cover the chart.
const ANNOTATIONS_MAX: usize = 1000;
const LINES_MAX: usize = 1000;

pub(super) fn reference_lines(context: &Context<'_>, state: &Value) -> Result<Vec<ReferenceLine>, FigureError> {
    let mut lines = Vec::new();
    for layer in layers_of_type(state, "referenceLine") {
        let accessors = read::texts(layer, "accessors");
        if accessors.is_empty() {
            continue;
        }
        let data = context.data(layer)?;
        for id in accessors.into_iter().take(LINES_MAX.saturating_sub(lines.len())) {
            lines.extend(reference_line(context, layer, &data, id)?);
        }
    }
    set_fill_ends(&mut lines);
    Ok(lines)
}

/// `None` when the column has no value.
fn reference_line(
    context: &Context<'_>,
    layer: &Value,
    data: &Data<'_>,
    id: &str,
) -> Result<Option<ReferenceLine>, FigureError> {
    let column = data.column(id)?;
    let own = read::list(layer, "yConfig").iter().find(|own| read::text(own, "forAccessor") == Some(id));
    let own = own.unwrap_or(&Value::Null);
    let sides = [("left", Side::Left), ("right", Side::Right), ("bottom", Side::Bottom), ("auto", Side::Left)];
    let styles = [("solid", "solid"), ("dashed", "dashed"), ("dotted", "dotted")];
    let fills = [("none", "none"), ("above", "above"), ("below", "below")];
    let Some(value) = data.rows().first().and_then(|row| column.number(row)) else { return Ok(None) };
    Ok(Some(ReferenceLine {
        axis: context.choice(own, "axisMode", &sides, Side::Left),
        value,
        to: None,
        label: read::flag(own, "textVisibility").unwrap_or(false).then(|| column.column.label.clone()),
        color: read::text(own, "color").and_then(colour::normal).unwrap_or_else(|| LINE_COLOUR.to_owned()),
        width: read::number(own, "lineWidth").unwrap_or(1.0).clamp(0.0, 50.0),
        style: context.choice(own, "lineStyle", &styles, "solid"),
        fill: context.choice(own, "fill", &fills, "none"),
    }))
}

/// A fill ends at the next line of its axis that is filled the same way.
fn set_fill_ends(lines: &mut [ReferenceLine]) {
    let all: Vec<(Side, &'static str, f64)> = lines.iter().map(|line| (line.axis, line.fill, line.value)).collect();
    for line in lines {
        let alike = all.iter().filter(|(axis, fill, _)| *axis == line.axis && *fill == line.fill);
        let values = alike.map(|(_, _, value)| *value);
        line.to = match line.fill {
            "above" => values.filter(|value| *value > line.value).min_by(f64::total_cmp),
            "below" => values.filter(|value| *value < line.value).max_by(f64::total_cmp),
            _ => None,
        };
    }
}

pub(super) fn annotations(context: &Context<'_>, state: &Value) -> Vec<Annotation> {
    let mut drawn = Vec::new();
    for layer in layers_of_type(state, "annotations") {
        if read::flag(layer, "hide") == Some(true) {
            continue;
        }
        if read::filled(layer, "annotationGroupId").is_some() && read::list(layer, "annotations").is_empty() {
            context.note("annotations of the library are not drawn");
        }
        for annotation in read::list(layer, "annotations") {
            if drawn.len() < ANNOTATIONS_MAX && read::flag(annotation, "isHidden") != Some(true) {
                drawn.extend(self::annotation(context, annotation));
            }
        }
    }
    drawn
}

fn annotation(context: &Context<'_>, annotation: &Value) -> Option<Annotation> {
    if read::text(annotation, "type") == Some("query") {
        context.note("annotations that are queries are not drawn");
        return None;
    }
    let key = read::member(annotation, "key");
    let Some(at) = moment(context, key, "timestamp") else {
        context.note("an annotation without a time is not drawn");
        return None;
    };
    let until = if read::text(key, "type") == Some("range") { moment(context, key, "endTimestamp") } else { None };
    Some(Annotation {
        at: until.map_or(at, |until| at.min(until)),
        until: until.map(|until| at.max(until)),
        label: read::filled(annotation, "label").unwrap_or("Event").to_owned(),
        color: read::text(annotation, "color").and_then(colour::normal).unwrap_or_else(|| ANNOTATION_COLOUR.to_owned()),
    })
}

/// ISO 8601, with an offset or in the viewer's zone; or milliseconds.
fn moment(context: &Context<'_>, key: &Value, option: &str) -> Option<i64> {
    let written = read::member(key, option);
    if let Some(ms) = written.as_i64() {
        return Some(ms);
    }
    let text = written.as_str()?;
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at.as_millisecond());
    }
    let local: DateTime = text.parse().ok()?;
    Some(local.to_zoned(context.scope.time_zone.clone()).ok()?.timestamp().as_millisecond())
}
