//! From a layer in the file to typed columns.

mod buckets;
mod graph;
mod json;
mod metrics;
mod terms;

use serde_json::{Map, Value};

use crate::lens::{
    formula,
    layer::{
        Layer, LayerError,
        column::{Column, Constant, Operation, TimeUnit},
    },
    scope::Query,
    view::DataView,
};
use json::Params;

/// More nested buckets than this no search would answer.
const BUCKETS_MAX: usize = 32;

/// Far beyond what a person makes; keeps a hostile file from costing minutes.
const COLUMNS_MAX: usize = 1_000;

pub(super) fn layer(id: &str, layer: &Value, view: &DataView) -> Result<Layer, LayerError> {
    let malformed = |what| LayerError::Malformed { layer: id.to_owned(), what };
    let columns = match layer.get("columns") {
        Some(Value::Object(columns)) => columns,
        Some(Value::Array(_)) => return Err(LayerError::TextBased { layer: id.to_owned() }),
        _ if layer.pointer("/query/esql").is_some() => return Err(LayerError::TextBased { layer: id.to_owned() }),
        _ => return Err(malformed("columns")),
    };
    let order = layer.get("columnOrder").and_then(Value::as_array).ok_or_else(|| malformed("columnOrder"))?;
    let order: Option<Vec<&str>> = order.iter().map(Value::as_str).collect();
    let order = order.filter(|order| order.len() <= COLUMNS_MAX).ok_or_else(|| malformed("columnOrder"))?;

    let mut columns = Reader { columns, view }.all(&order)?;
    if columns.iter().filter(|column| is_bucket(&column.operation)).count() > BUCKETS_MAX {
        return Err(malformed("columnOrder"));
    }
    let order = graph::order(&columns)?;
    graph::inherit(&mut columns, &order);
    graph::check(&columns)?;
    let sampling = layer.get("sampling").map_or(Some(1.0), Value::as_f64);
    let sampling = sampling.filter(|part| *part > 0.0 && *part <= 1.0).ok_or_else(|| malformed("sampling"))?;
    let ignores_global_filters = layer.get("ignoreGlobalFilters").and_then(Value::as_bool).unwrap_or(false);
    Ok(Layer { id: id.to_owned(), columns, sampling, ignores_global_filters, order })
}

pub(super) fn is_bucket(operation: &Operation) -> bool {
    matches!(
        operation,
        Operation::DateHistogram { .. }
            | Operation::Terms(_)
            | Operation::Filters(_)
            | Operation::Ranges { .. }
            | Operation::Histogram { .. }
    )
}

struct Reader<'a> {
    columns: &'a Map<String, Value>,
    view: &'a DataView,
}

impl Reader<'_> {
    /// In the file's order; parts of formulas take the place that the file gives them, or follow at the end.
    fn all(&self, order: &[&str]) -> Result<Vec<Column>, LayerError> {
        let mut formulas = Vec::new();
        let mut parts = Vec::new();
        for id in order {
            if self.operation_of(id) == "formula" && !formulas.iter().any(|known: &Column| known.id == *id) {
                let (formula, own_parts) = self.formula(id)?;
                formulas.push(formula);
                parts.extend(own_parts);
            }
        }
        let mut read: Vec<Column> = Vec::new();
        for id in order {
            if read.iter().any(|column| column.id == *id) {
                continue;
            }
            if let Some(at) = parts.iter().position(|part: &Column| part.id == *id) {
                read.push(parts.remove(at));
            } else if let Some(formula) = formulas.iter().find(|formula| formula.id == *id) {
                read.push(formula.clone());
            } else if !self.is_part(id, &formulas) {
                read.push(self.column(id)?);
            }
        }
        read.extend(parts);
        Ok(read)
    }

    fn operation_of(&self, id: &str) -> &str {
        self.columns.get(id).and_then(|column| column.get("operationType")).and_then(Value::as_str).unwrap_or_default()
    }

    /// A hidden column that some Kibana wrote for a formula: it may be stale.
    fn is_part(&self, id: &str, formulas: &[Column]) -> bool {
        let is_numbered = |formula: &Column| {
            id.strip_prefix(formula.id.as_str())
                .and_then(|rest| rest.strip_prefix('X'))
                .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
        };
        self.operation_of(id) == "math" || formulas.iter().any(is_numbered)
    }

    fn formula(&self, id: &str) -> Result<(Column, Vec<Column>), LayerError> {
        let value = self.columns.get(id).unwrap_or(&Value::Null);
        let params = Params::of(id, value);
        params.only(&["formula", "isFormulaBroken"])?;
        let text = params.text("formula")?.ok_or_else(|| params.bad("formula", "a text"))?;
        let expanded = formula::expand(id, text, self.view)
            .map_err(|source| LayerError::Formula { column: id.to_owned(), source })?;
        let operation = Operation::Formula { text: text.to_owned(), result: expanded.result };
        let column = common(id, value, operation)?;
        let mut parts = expanded.columns;
        for part in &mut parts {
            part.is_hidden = true;
            graph::add_filter(part, column.filter.as_ref())?;
        }
        Ok((column, parts))
    }

    fn column(&self, id: &str) -> Result<Column, LayerError> {
        let value = self.columns.get(id).ok_or_else(|| LayerError::BadReference {
            column: "columnOrder".to_owned(),
            reference: id.to_owned(),
            why: "the layer does not have",
        })?;
        let params = Params::of(id, value);
        let source = Source { id, value, params: &params, view: self.view };
        let operation = match self.operation_of(id) {
            "date_histogram" => buckets::date_histogram(&source)?,
            "terms" => terms::terms(&source)?,
            "filters" => buckets::filters(&source)?,
            "range" => buckets::range(&source)?,
            "static_value" => metrics::static_value(&source)?,
            name if constant(name).is_some() => Operation::Constant(constant(name).unwrap_or(Constant::Now)),
            name => match metrics::reference(name, &source)? {
                Some(operation) => operation,
                None => metrics::metric(name, &source)?,
            },
        };
        common(id, value, operation)
    }
}

fn constant(name: &str) -> Option<Constant> {
    match name {
        "time_range" => Some(Constant::TimeRange),
        "now" => Some(Constant::Now),
        "interval" => Some(Constant::Interval),
        _ => None,
    }
}

/// A column as it stands in the file, and what it is checked against.
struct Source<'a> {
    id: &'a str,
    value: &'a Value,
    params: &'a Params<'a>,
    view: &'a DataView,
}

impl<'a> Source<'a> {
    fn field(&self) -> Result<&'a str, LayerError> {
        let field = self.value.get("sourceField").and_then(Value::as_str);
        let field = field.ok_or_else(|| self.params.bad("sourceField", "a field's name"))?;
        self.check(field)?;
        Ok(field)
    }

    fn check(&self, field: &str) -> Result<(), LayerError> {
        if self.view.fields.contains_key(field) || self.view.runtime.contains_key(field) {
            return Ok(());
        }
        let view = if self.view.name.is_empty() { &self.view.index } else { &self.view.name };
        Err(LayerError::MissingField { column: self.id.to_owned(), field: field.to_owned(), view: view.clone() })
    }
}

/// What all operations have in common.
fn common(id: &str, value: &Value, operation: Operation) -> Result<Column, LayerError> {
    let bad =
        |option: &str, expected| LayerError::BadOption { column: id.to_owned(), option: option.to_owned(), expected };
    let text = |name: &str| match value.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
        Some(_) => Err(bad(name, "a text")),
    };
    let filter = match value.get("filter").filter(|filter| !filter.is_null()) {
        None => None,
        Some(filter) => Some(Query::read(filter).ok_or_else(|| bad("filter", "a KQL or Lucene query"))?),
    };
    let is_counter_rate = matches!(
        operation,
        Operation::Reference { function: crate::lens::layer::column::ReferenceFunction::CounterRate, .. }
    );
    let time_scale = match text("timeScale")?.as_deref() {
        // Kibana always scales a counter's rate.
        None => is_counter_rate.then_some(TimeUnit::Second),
        Some(unit) => Some(time_unit(unit).ok_or_else(|| bad("timeScale", "`s`, `m`, `h` or `d`"))?),
    };
    Ok(Column {
        id: id.to_owned(),
        label: text("label")?.unwrap_or_else(|| id.to_owned()),
        operation,
        format: value.pointer("/params/format").filter(|format| !format.is_null()).cloned(),
        filter: filter.filter(|query| !query.text.trim().is_empty()),
        time_shift: text("timeShift")?,
        reduced_time_range: text("reducedTimeRange")?,
        time_scale,
        is_hidden: false,
    })
}

fn time_unit(text: &str) -> Option<TimeUnit> {
    match text {
        "s" => Some(TimeUnit::Second),
        "m" => Some(TimeUnit::Minute),
        "h" => Some(TimeUnit::Hour),
        "d" => Some(TimeUnit::Day),
        _ => None,
    }
}
