//! `lnsTagcloud`: words as large as their values.

use serde_json::Value;

use super::{
    FigureError, check_size,
    context::Context,
    model::{Figure, TagCloud, Word},
    palette::series::SeriesColours,
    read::{self, member},
};

pub(super) fn draw(context: &Context<'_>, state: &Value) -> Result<Figure, FigureError> {
    let data = context.data(state)?;
    let tag = data.named(state, "tagAccessor")?;
    let value = data.required(state, "valueAccessor")?;
    let Some((low, high)) = value.span(data.rows()) else { return Ok(context.empty()) };
    check_size(data.rows().len())?;
    let size_min = read::number(state, "minFontSize").unwrap_or(18.0).clamp(4.0, 200.0);
    let size_max = read::number(state, "maxFontSize").unwrap_or(72.0).clamp(size_min, 200.0);
    let mapping = if tag.is_some() { member(state, "colorMapping") } else { &Value::Null };
    let mut colours = SeriesColours::read(context, member(state, "palette"), mapping, data.rows().len());
    let mut words = Vec::new();
    for row in data.rows() {
        let Some(number) = value.number(row) else { continue };
        // Equal values are all as large as can be.
        let weight = if high > low { (number - low) / (high - low) } else { 1.0 };
        let text = tag.as_ref().map_or_else(|| value.column.label.clone(), |tag| tag.text(row));
        words.push(Word {
            color: colours.colour(context, words.len(), &text, tag.as_ref().map(|tag| tag.cell(row))),
            value: number,
            size: size_min + weight * (size_max - size_min),
            filter: tag.as_ref().and_then(|tag| tag.filter(row)),
            text,
        });
    }
    let orientations = [("single", "single"), ("right angled", "right_angled"), ("multiple", "multiple")];
    let orientation = context.choice(state, "orientation", &orientations, "single");
    Ok(Figure::TagCloud(TagCloud { words, orientation, notes: Vec::new() }))
}
