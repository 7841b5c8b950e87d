//! Colours of series and categories: in order from a palette, or as a colour mapping assigns them.

use std::collections::BTreeMap;

use regex::{Regex, RegexBuilder};
use serde_json::Value;

use super::{
    super::{
        colour,
        context::{Context, key},
        read::{self, member},
    },
    named,
};
use crate::lens::table::Cell;

/// More assignments than a palette can tell apart.
const ASSIGNMENTS_MAX: usize = 1000;

/// Gives each series of a panel its colour.
pub(crate) struct SeriesColours<'v> {
    colours: Colours,
    mapping: Option<&'v Value>,
    /// Of values that no assignment names, in order of their appearance.
    unassigned: BTreeMap<String, usize>,
    /// Of values seen before; a table asks for the same ones again and again.
    known: BTreeMap<String, String>,
    patterns: Patterns,
}

/// Compiled patterns of rules; `None` for one that is broken or too large, which matches nothing.
type Patterns = BTreeMap<String, Option<Regex>>;

enum Colours {
    List(&'static [&'static str]),
    Own(Vec<String>),
    /// Spread over all series.
    Gradient {
        through: &'static [&'static str],
        total: usize,
        is_reversed: bool,
    },
}

impl<'v> SeriesColours<'v> {
    /// `palette` and `mapping` may be null; a mapping wins. `total` is the number of series.
    pub(crate) fn read(context: &Context<'_>, palette: &Value, mapping: &'v Value, total: usize) -> Self {
        let mapping = Some(mapping).filter(|mapping| mapping.is_object());
        let colours = match mapping {
            Some(mapping) => Colours::List(mapping_palette(context, mapping, "paletteId")),
            None => palette_colours(context, palette, total),
        };
        Self { colours, mapping, unassigned: BTreeMap::new(), known: BTreeMap::new(), patterns: Patterns::new() }
    }

    /// `rank` counts the panel's series; `name` is what a shared book knows them by; `value` is what is mapped.
    pub(crate) fn colour(&mut self, context: &Context<'_>, rank: usize, name: &str, value: Option<&Cell>) -> String {
        if let (Some(mapping), Some(value)) = (self.mapping, value) {
            let key = key(value);
            if let Some(known) = self.known.get(&key) {
                return known.clone();
            }
            let color = self.mapped(context, mapping, value);
            self.known.insert(key, color.clone());
            return color;
        }
        let place = context.book.borrow_mut().place(rank, name);
        self.at(rank, place)
    }

    fn at(&self, rank: usize, place: usize) -> String {
        match &self.colours {
            Colours::List(colours) => named::rotated(colours, place),
            Colours::Own(colours) => named::rotated(&colours.iter().map(String::as_str).collect::<Vec<_>>(), place),
            Colours::Gradient { through, total, is_reversed } => {
                #[allow(clippy::cast_precision_loss, reason = "few series")]
                let share = rank as f64 / total.saturating_sub(1).max(1) as f64;
                colour::along(through, if *is_reversed { 1.0 - share } else { share })
            }
        }
    }

    fn mapped(&mut self, context: &Context<'_>, mapping: &Value, value: &Cell) -> String {
        let assignments = read::list(mapping, "assignments");
        let assignments = assignments.get(..ASSIGNMENTS_MAX).unwrap_or(assignments);
        let patterns = &mut self.patterns;
        let found = assignments
            .iter()
            .position(|assignment| rules(assignment).iter().any(|rule| matches(rule, value, patterns)));
        if let Some(index) = found {
            let color = assignments.get(index).map_or(&Value::Null, |assignment| member(assignment, "color"));
            return assigned(context, mapping, color, index, assignments.len());
        }
        let next = self.unassigned.len();
        let rank = *self.unassigned.entry(key(value)).or_insert(next);
        // Automatic assignments have no values: the n-th one is the n-th value's.
        let automatic: Vec<(usize, &Value)> =
            assignments.iter().enumerate().filter(|(_, assignment)| is_automatic(assignment)).collect();
        if let Some((index, assignment)) = automatic.get(rank) {
            return assigned(context, mapping, member(assignment, "color"), *index, assignments.len());
        }
        let other =
            read::list(mapping, "specialAssignments").first().map_or(&Value::Null, |other| member(other, "color"));
        // 8.12 writes a colour for others also where it gives each value one of its own.
        let is_loop = read::text(mapping, "assignmentMode") == Some("auto");
        match read::text(other, "type") {
            Some("categorical" | "colorCode") if !is_loop => assigned(context, mapping, other, 0, 1),
            _ => self.at(rank, assignments.len() + rank - automatic.len()),
        }
    }
}

fn mapping_palette(context: &Context<'_>, value: &Value, option: &str) -> &'static [&'static str] {
    let name = read::filled(value, option).unwrap_or("eui_amsterdam_color_blind");
    named::categorical(name).unwrap_or_else(|| {
        context.note(format!("`{option}` of the colour mapping is not known; the default palette is drawn"));
        &named::CATEGORICAL
    })
}

fn palette_colours(context: &Context<'_>, palette: &Value, total: usize) -> Colours {
    let params = member(palette, "params");
    match read::filled(palette, "name") {
        // The series palette `default` is EUI's ten; the mapping of this name is another.
        None | Some("default") => Colours::List(&named::CATEGORICAL),
        Some("custom") => own_colours(params).map_or(Colours::List(&named::CATEGORICAL), Colours::Own),
        Some(name) => match (named::categorical(name), named::gradient(name)) {
            (Some(colours), _) => Colours::List(colours),
            (None, Some(through)) => {
                Colours::Gradient { through, total, is_reversed: read::flag(params, "reverse").unwrap_or(false) }
            }
            (None, None) => {
                context.note("the palette's name is not known; the default one is drawn");
                Colours::List(&named::CATEGORICAL)
            }
        },
    }
}

fn own_colours(params: &Value) -> Option<Vec<String>> {
    let listed = read::list(params, "colors").iter().filter_map(Value::as_str);
    let stops = read::list(params, "stops").iter().filter_map(|stop| read::text(stop, "color"));
    let colours: Vec<String> = listed.chain(stops).take(ASSIGNMENTS_MAX).filter_map(colour::normal).collect();
    (!colours.is_empty()).then_some(colours)
}

fn rules(assignment: &Value) -> Vec<&Value> {
    let several = read::list(assignment, "rules").iter();
    several.chain(assignment.get("rule")).collect()
}

fn is_automatic(assignment: &Value) -> bool {
    rules(assignment).iter().any(|rule| read::text(rule, "type") == Some("auto"))
}

/// The colour of an assignment: of a palette, spelled out, or its part of the mapping's gradient.
fn assigned(context: &Context<'_>, mapping: &Value, color: &Value, index: usize, count: usize) -> String {
    match read::text(color, "type") {
        Some("categorical") => {
            let place = color.get("colorIndex").and_then(Value::as_u64).and_then(|place| usize::try_from(place).ok());
            named::rotated(mapping_palette(context, color, "paletteId"), place.unwrap_or(0))
        }
        Some("colorCode") => {
            read::text(color, "colorCode").and_then(colour::normal).unwrap_or_else(|| colour::GRAY.to_owned())
        }
        Some("gradient") => gradient(context, mapping, index, count),
        _ => named::rotated(mapping_palette(context, mapping, "paletteId"), index),
    }
}

fn gradient(context: &Context<'_>, mapping: &Value, index: usize, count: usize) -> String {
    let mode = member(mapping, "colorMode");
    let steps = read::list(mode, "steps");
    let mut through: Vec<String> = Vec::new();
    for step in steps.iter().take(ASSIGNMENTS_MAX).filter(|step| read::text(step, "type") != Some("gradient")) {
        through.push(assigned(context, mapping, step, 0, 1));
    }
    // One colour alone fades from white.
    if let [only] = through.as_slice() {
        through.insert(0, colour::mixed(only, "#ffffff", 0.85));
    }
    if read::text(mode, "sort") == Some("desc") {
        through.reverse();
    }
    #[allow(clippy::cast_precision_loss, reason = "at most a thousand")]
    let share = index as f64 / count.saturating_sub(1).max(1) as f64;
    colour::along(&through.iter().map(String::as_str).collect::<Vec<_>>(), share)
}

fn matches(rule: &Value, cell: &Cell, patterns: &mut Patterns) -> bool {
    let values = || read::list(rule, "values").iter();
    match read::text(rule, "type") {
        Some("matchExactly") => values().any(|value| is_value(cell, value)),
        Some("matchExactlyCI") => {
            let names: Vec<String> = names(cell).iter().map(|name| name.to_lowercase()).collect();
            values().filter_map(Value::as_str).any(|value| names.contains(&value.to_lowercase()))
        }
        Some("raw") => rule.get("value").is_some_and(|value| is_value(cell, value)),
        Some("match") => match_text(rule, cell),
        Some("range") => cell.number().is_some_and(|number| is_within(rule, number)),
        Some("regex") => {
            // The member's name differs between versions.
            let pattern = ["pattern", "values"].iter().find_map(|name| read::filled(rule, name));
            pattern.is_some_and(|pattern| match_pattern(pattern, cell, patterns))
        }
        _ => false,
    }
}

fn match_text(rule: &Value, cell: &Cell) -> bool {
    let Some(pattern) = read::filled(rule, "pattern") else { return false };
    let is_case_free = read::flag(rule, "matchCase") == Some(false);
    let is_whole = read::flag(rule, "matchEntireWord").unwrap_or(true);
    let folded = |text: &str| if is_case_free { text.to_lowercase() } else { text.to_owned() };
    let pattern = folded(pattern);
    names(cell)
        .iter()
        .map(|name| folded(name))
        .any(|name| if is_whole { name == pattern } else { name.contains(&pattern) })
}

fn match_pattern(pattern: &str, cell: &Cell, patterns: &mut Patterns) -> bool {
    let compile = || RegexBuilder::new(pattern).size_limit(1 << 18).build().ok();
    let regex = patterns.entry(pattern.to_owned()).or_insert_with(compile);
    regex.as_ref().is_some_and(|regex| names(cell).iter().any(|name| regex.is_match(name)))
}

fn is_within(rule: &Value, number: f64) -> bool {
    let inclusive = |key: &str, default: bool| read::flag(rule, key).unwrap_or(default);
    let above =
        read::number(rule, "min").is_none_or(|min| number > min || (inclusive("minInclusive", true) && number >= min));
    let below =
        read::number(rule, "max").is_none_or(|max| number < max || (inclusive("maxInclusive", false) && number <= max));
    above && below
}

/// The texts that a mapping may know the value by.
fn names(cell: &Cell) -> Vec<String> {
    match cell {
        Cell::Null => Vec::new(),
        Cell::Number(number) => vec![number.to_string()],
        Cell::Date(ms) => vec![ms.to_string()],
        Cell::Text(text) => vec![text.clone()],
        Cell::Boolean(flag) => vec![flag.to_string(), i32::from(*flag).to_string()],
        Cell::Range { from, to, label } => {
            let end = |end: &Option<f64>| end.map_or_else(|| "*".to_owned(), |end| end.to_string());
            let spelled = format!("{}-{}", end(from), end(to));
            label.iter().cloned().chain([spelled]).collect()
        }
        Cell::Several(_) | Cell::Joined(_) => Vec::new(),
        Cell::Other => vec!["__other__".to_owned(), "Other".to_owned()],
        Cell::Missing => vec!["__missing__".to_owned(), "(missing value)".to_owned()],
    }
}

fn is_value(cell: &Cell, value: &Value) -> bool {
    match (cell, value) {
        (Cell::Joined(cells), Value::Array(parts)) => {
            cells.len() == parts.len() && cells.iter().zip(parts).all(|(cell, part)| is_simple(cell, part))
        }
        (Cell::Joined(_), Value::Object(_)) => {
            value.get("keys").is_some_and(|keys| keys.is_array() && is_value(cell, keys))
        }
        (Cell::Range { from, to, .. }, Value::Object(_)) => {
            read::number(value, "from") == *from && read::number(value, "to") == *to
        }
        _ => is_simple(cell, value),
    }
}

fn is_simple(cell: &Cell, value: &Value) -> bool {
    match value {
        Value::String(text) => names(cell).iter().any(|name| name == text),
        Value::Number(_) => cell.number() == value.as_f64() && cell.number().is_some(),
        Value::Bool(flag) => *cell == Cell::Boolean(*flag),
        _ => false,
    }
}
