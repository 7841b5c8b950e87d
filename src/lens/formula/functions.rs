//! All functions a formula can call, by name: those Elasticsearch computes, those over the rows of a series, the
//! constants of a search, and arithmetic.

use super::math::MathFunction;
use crate::lens::layer::column::Constant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    Metric(Metric),
    Reference(Reference),
    Constant(Constant),
    Math(MathFunction),
}

/// Computed by Elasticsearch, over a field or (count) over documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Metric {
    Count,
    UniqueCount,
    Average,
    Sum,
    Min,
    Max,
    Median,
    StandardDeviation,
    Percentile,
    PercentileRank,
    LastValue,
}

/// Computed after the answer, over another column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reference {
    CounterRate,
    CumulativeSum,
    Differences,
    MovingAverage,
    OverallSum,
    OverallMin,
    OverallMax,
    OverallAverage,
    NormalizeByUnit,
}

const FUNCTIONS: &[(&str, Function)] = &[
    ("count", Function::Metric(Metric::Count)),
    ("unique_count", Function::Metric(Metric::UniqueCount)),
    ("average", Function::Metric(Metric::Average)),
    ("sum", Function::Metric(Metric::Sum)),
    ("min", Function::Metric(Metric::Min)),
    ("max", Function::Metric(Metric::Max)),
    ("median", Function::Metric(Metric::Median)),
    ("standard_deviation", Function::Metric(Metric::StandardDeviation)),
    ("percentile", Function::Metric(Metric::Percentile)),
    ("percentile_rank", Function::Metric(Metric::PercentileRank)),
    ("last_value", Function::Metric(Metric::LastValue)),
    ("counter_rate", Function::Reference(Reference::CounterRate)),
    ("cumulative_sum", Function::Reference(Reference::CumulativeSum)),
    ("differences", Function::Reference(Reference::Differences)),
    ("moving_average", Function::Reference(Reference::MovingAverage)),
    ("overall_sum", Function::Reference(Reference::OverallSum)),
    ("overall_min", Function::Reference(Reference::OverallMin)),
    ("overall_max", Function::Reference(Reference::OverallMax)),
    ("overall_average", Function::Reference(Reference::OverallAverage)),
    ("normalize_by_unit", Function::Reference(Reference::NormalizeByUnit)),
    ("time_range", Function::Constant(Constant::TimeRange)),
    ("now", Function::Constant(Constant::Now)),
    ("interval", Function::Constant(Constant::Interval)),
    ("add", Function::Math(MathFunction::Add)),
    ("subtract", Function::Math(MathFunction::Subtract)),
    ("multiply", Function::Math(MathFunction::Multiply)),
    ("divide", Function::Math(MathFunction::Divide)),
    ("abs", Function::Math(MathFunction::Abs)),
    ("cbrt", Function::Math(MathFunction::Cbrt)),
    ("ceil", Function::Math(MathFunction::Ceil)),
    ("clamp", Function::Math(MathFunction::Clamp)),
    ("cube", Function::Math(MathFunction::Cube)),
    ("exp", Function::Math(MathFunction::Exp)),
    ("fix", Function::Math(MathFunction::Fix)),
    ("floor", Function::Math(MathFunction::Floor)),
    ("log", Function::Math(MathFunction::Log)),
    ("mod", Function::Math(MathFunction::Mod)),
    ("pow", Function::Math(MathFunction::Pow)),
    ("round", Function::Math(MathFunction::Round)),
    ("sqrt", Function::Math(MathFunction::Sqrt)),
    ("square", Function::Math(MathFunction::Square)),
    ("pick_max", Function::Math(MathFunction::PickMax)),
    ("pick_min", Function::Math(MathFunction::PickMin)),
    ("defaults", Function::Math(MathFunction::Defaults)),
    ("lt", Function::Math(MathFunction::Lt)),
    ("gt", Function::Math(MathFunction::Gt)),
    ("lte", Function::Math(MathFunction::Lte)),
    ("gte", Function::Math(MathFunction::Gte)),
    ("eq", Function::Math(MathFunction::Eq)),
    ("ifelse", Function::Math(MathFunction::IfElse)),
];

/// The names of all functions that a formula can call.
pub fn names() -> impl Iterator<Item = &'static str> {
    FUNCTIONS.iter().map(|(name, _)| *name)
}

/// Names differ by case.
pub(super) fn find(name: &str) -> Option<Function> {
    FUNCTIONS.iter().find(|(known, _)| *known == name).map(|(_, function)| *function)
}

impl Metric {
    /// Named arguments beside those of every metric.
    pub(super) fn own_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Percentile => &["percentile"],
            Self::PercentileRank => &["value"],
            _ => &[],
        }
    }
}

impl Reference {
    pub(super) fn own_arguments(self) -> &'static [&'static str] {
        match self {
            Self::MovingAverage => &["window"],
            Self::NormalizeByUnit => &["unit"],
            _ => &[],
        }
    }

    /// Whether it takes `kql`, `lucene` and `shift`, which then hold for the metrics inside.
    pub(super) fn is_filterable(self) -> bool {
        matches!(self, Self::CounterRate | Self::CumulativeSum | Self::Differences | Self::MovingAverage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_found_by_its_name_once() {
        assert_eq!(names().count(), 50);
        for (name, function) in FUNCTIONS {
            assert_eq!(find(name), Some(*function));
            assert_eq!(names().filter(|other| other == name).count(), 1, "{name}");
        }
        for name in ["Average", "terms", "formula", "math", "static_value", ""] {
            assert_eq!(find(name), None, "{name}");
        }
    }
}
