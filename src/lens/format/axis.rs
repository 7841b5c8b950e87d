//! Formats for the axes of charts, which plotly writes by d3-format: the nearest to what Kibana writes.

use super::{
    duration::{Duration, Output},
    pattern::Pattern,
    spec::{Spec, Style},
};
use crate::lens::table::CellKind;

/// The axis shows `prefix`, the value times `factor` by the d3-format `d3`, and `suffix`. An empty `d3` is the chart's own
/// choice (dates, texts).
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct AxisFormat {
    pub d3: String,
    pub prefix: String,
    pub suffix: String,
    pub factor: f64,
}

pub(super) fn of(spec: Option<&Spec>, kind: CellKind) -> AxisFormat {
    let Some(spec) = spec else {
        return match kind {
            CellKind::Number | CellKind::Range => plain(",.3~f"),
            CellKind::Date | CellKind::Text | CellKind::Boolean => plain(""),
        };
    };
    let mut axis = match &spec.style {
        Style::Number(pattern) => of_pattern(pattern),
        Style::Duration(duration) => of_duration(duration),
        Style::Date(..) | Style::Boolean | Style::Text(_) | Style::Lookup(..) | Style::Truncated(_) => plain(""),
    };
    axis.suffix.push_str(&spec.suffix);
    axis
}

fn plain(d3: &str) -> AxisFormat {
    AxisFormat { d3: d3.to_owned(), prefix: String::new(), suffix: String::new(), factor: 1.0 }
}

fn of_pattern(pattern: &Pattern) -> AxisFormat {
    if pattern.is_time {
        return AxisFormat { suffix: " s".to_owned(), ..plain(",.0f") };
    }
    let sign = match (pattern.has_brackets, pattern.has_plus) {
        (true, _) => "(",
        (false, true) => "+",
        (false, false) => "",
    };
    let thousands = if pattern.has_thousands { "," } else { "" };
    let is_cut = pattern.decimals_optional > 0 || pattern.decimals_all_or_none;
    let cut = if is_cut { "~" } else { "" };
    // Letters for thousands go by significant digits: three tell any two ticks apart.
    let number = match (pattern.short.is_some() || pattern.unit.is_some(), pattern.percent.is_some()) {
        (_, true) => format!("{thousands}.{}{cut}%", pattern.decimals),
        (true, false) => ".3~s".to_owned(),
        (false, false) => format!("{thousands}.{}{cut}f", pattern.decimals),
    };
    let mut axis = plain(&format!("{sign}{number}"));
    axis.prefix.push_str(&pattern.before);
    if let Some(currency) = pattern.currency {
        let (side, space) = (if currency.is_first { &mut axis.prefix } else { &mut axis.suffix }, currency.has_space);
        side.push_str(match (currency.is_first, space) {
            (true, true) => "$ ",
            (false, true) => " $",
            (_, false) => "$",
        });
    }
    axis.suffix.push_str(pattern.unit.and_then(|unit| unit.names.first().copied()).unwrap_or_default());
    axis.suffix.push_str(&pattern.after);
    axis
}

fn of_duration(duration: &Duration) -> AxisFormat {
    let (suffix, seconds, decimals) = match duration.to {
        Output::Unit { short, long, seconds } => (duration.unit(short, long), seconds, duration.decimals),
        Output::Words | Output::Precise => (duration.unit("s", "seconds"), 1.0, 0),
    };
    AxisFormat { suffix, factor: duration.from / seconds, ..plain(&format!(",.{decimals}~f")) }
}
