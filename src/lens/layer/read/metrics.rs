//! Metrics, static values, and operations that refer to another column.

use serde_json::Value;

use crate::lens::layer::{
    LayerError,
    column::{MetricFunction, Operation, ReferenceFunction},
};

use super::{Source, time_unit};

/// How Kibana's files name "all documents"; the second name is that of files before 8.0.
const RECORDS: &[&str] = &["___records___", "Records"];

const PERCENTILE_DEFAULT: f64 = 95.0;
const WINDOW_DEFAULT: u32 = 5;

pub(super) fn metric(name: &str, source: &Source) -> Result<Operation, LayerError> {
    let params = source.params;
    let function = match name {
        "count" => MetricFunction::Count,
        // `cardinality` and `avg` are the names before 7.13.
        "unique_count" | "cardinality" => MetricFunction::UniqueCount,
        "average" | "avg" => MetricFunction::Average,
        "sum" => MetricFunction::Sum,
        "min" => MetricFunction::Min,
        "max" => MetricFunction::Max,
        "median" => MetricFunction::Median,
        "standard_deviation" => MetricFunction::StandardDeviation,
        "percentile" => percentile(source)?,
        "percentile_rank" => MetricFunction::PercentileRank(params.number("value")?.unwrap_or(0.0)),
        "last_value" => last_value(source)?,
        _ => return Err(unknown(name, source)),
    };
    params.only(match function {
        MetricFunction::Percentile(_) => &["percentile"],
        MetricFunction::PercentileRank(_) => &["value"],
        MetricFunction::LastValue { .. } => &["sortField", "showArrayValues"],
        _ => &[],
    })?;
    let field = source.value.get("sourceField").and_then(Value::as_str);
    let is_all = field.is_none_or(|field| RECORDS.contains(&field) && source.check(field).is_err());
    let field = match function {
        MetricFunction::Count if is_all => None,
        _ => Some(source.field()?.to_owned()),
    };
    Ok(Operation::Metric { function, field, empty_as_null: params.flag("emptyAsNull")? })
}

fn unknown(name: &str, source: &Source) -> LayerError {
    LayerError::UnknownOperation { column: source.id.to_owned(), operation: name.to_owned() }
}

fn percentile(source: &Source) -> Result<MetricFunction, LayerError> {
    let percent = source.params.number("percentile")?.unwrap_or(PERCENTILE_DEFAULT);
    match percent {
        0.0..=100.0 => Ok(MetricFunction::Percentile(percent)),
        _ => Err(source.params.bad("percentile", "a number from 0 to 100")),
    }
}

fn last_value(source: &Source) -> Result<MetricFunction, LayerError> {
    let sort_field = source.params.text("sortField")?.filter(|field| !field.is_empty());
    if let Some(field) = sort_field {
        source.check(field)?;
    }
    let shows_arrays = source.params.flag("showArrayValues")?;
    Ok(MetricFunction::LastValue { sort_field: sort_field.map(str::to_owned), shows_arrays })
}

pub(super) fn static_value(source: &Source) -> Result<Operation, LayerError> {
    source.params.only(&["value"])?;
    let value = source.params.number("value")?.ok_or_else(|| source.params.bad("value", "a number"))?;
    Ok(Operation::StaticValue(value))
}

/// `None` for a name that is no such operation.
pub(super) fn reference(name: &str, source: &Source) -> Result<Option<Operation>, LayerError> {
    let params = source.params;
    let function = match name {
        "counter_rate" => ReferenceFunction::CounterRate,
        "cumulative_sum" => ReferenceFunction::CumulativeSum,
        // `derivative` is the name before 7.13.
        "differences" | "derivative" => ReferenceFunction::Differences,
        "moving_average" => {
            let window = params.count("window")?.unwrap_or(WINDOW_DEFAULT);
            let window = usize::try_from(window).map_err(|_| params.bad("window", "a whole number"))?;
            ReferenceFunction::MovingAverage { window }
        }
        "overall_sum" => ReferenceFunction::OverallSum,
        "overall_min" => ReferenceFunction::OverallMin,
        "overall_max" => ReferenceFunction::OverallMax,
        "overall_average" => ReferenceFunction::OverallAverage,
        "normalize_by_unit" => {
            let unit = time_unit(params.text("unit")?.unwrap_or("s"));
            ReferenceFunction::NormalizeByUnit(unit.ok_or_else(|| params.bad("unit", "`s`, `m`, `h` or `d`"))?)
        }
        _ => return Ok(None),
    };
    params.only(match function {
        ReferenceFunction::MovingAverage { .. } => &["window"],
        ReferenceFunction::NormalizeByUnit(_) => &["unit"],
        _ => &[],
    })?;
    let of = source.value.pointer("/references/0").and_then(Value::as_str);
    let of = of.ok_or_else(|| params.bad("references", "a list with a column's id"))?.to_owned();
    Ok(Some(Operation::Reference { function, of }))
}
