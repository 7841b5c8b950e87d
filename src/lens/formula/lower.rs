//! From the tree of a formula to typed columns, checked on the way.
//!
//! Depth first, as Kibana numbers them: each metric is a column, each function over a series a column after that of its
//! argument, with a math column between when the argument is arithmetic; arithmetic at the top is the last column. What
//! an outer function says of documents and time (`kql=`, `shift=`) holds for the metrics inside that say nothing.

mod field;

use super::{
    FormulaError,
    arguments::{Arguments, QUERIES, REDUCED_TIME_RANGE, SHIFT},
    functions::{self, Function, Metric, Reference},
    math::{Expression, MathFunction, Parameter},
    parse::parse,
    tree::{Call, Node, NodeKind},
};
use crate::lens::{
    layer::column::{Column, Constant, MetricFunction, Operation, ReferenceFunction, TimeUnit},
    scope::{Language, Query},
    view::DataView,
};

/// The hidden columns that a formula stands for.
#[derive(Debug, Clone, PartialEq)]
pub struct Expanded {
    /// In Kibana's order: what a column refers to stands before it. Never empty.
    pub columns: Vec<Column>,
    /// The id of the column whose value is the formula's: the last one.
    pub result: String,
}

/// What the formula's own column says of its parts; all of it may be absent.
#[derive(Debug, Clone, Copy, Default)]
pub struct Within<'a> {
    /// The column's label if it has one of its own.
    pub label: Option<&'a str>,
    /// Joined with the queries of the parts.
    pub filter: Option<&'a Query>,
    /// For the parts that have none.
    pub reduced_time_range: Option<&'a str>,
}

/// The columns of the formula `text` in the column `id`. Fields are those of `view`.
pub fn expand(id: &str, text: &str, view: &DataView) -> Result<Expanded, FormulaError> {
    expand_within(id, text, view, &Within::default())
}

/// The same for a column that has a filter or a reduced time range of its own.
pub fn expand_within(id: &str, text: &str, view: &DataView, within: &Within) -> Result<Expanded, FormulaError> {
    let node = parse(text)?;
    let label = format!("Part of {}", within.label.unwrap_or(text));
    let mut lowering = Lowering { id, label, view, within, columns: Vec::new() };
    let value = lowering.value(&node, &Inherited::default())?;
    if value.is_boolean() {
        return Err(FormulaError::Comparison { at: node.at });
    }
    let result = lowering.column_of(value);
    Ok(Expanded { columns: lowering.columns, result })
}

struct Lowering<'a> {
    id: &'a str,
    label: String,
    view: &'a DataView,
    within: &'a Within<'a>,
    columns: Vec<Column>,
}

/// What the functions round a metric say of it.
#[derive(Debug, Clone, Default)]
struct Inherited {
    filter: Option<Query>,
    time_shift: Option<String>,
}

type Lowered = Result<Expression, FormulaError>;

impl Lowering<'_> {
    fn value(&mut self, node: &Node, inherited: &Inherited) -> Lowered {
        match &node.kind {
            NodeKind::Number(number) => Ok(Expression::Number(*number)),
            NodeKind::Name(name) => Err(self.bare_field(node.at, name)),
            NodeKind::Call(call) => match functions::find(&call.name) {
                Some(Function::Math(function)) => self.math(function, call, node.at, inherited),
                Some(Function::Metric(metric)) => self.metric(metric, call, node.at, inherited),
                Some(Function::Reference(reference)) => self.reference(reference, call, node.at, inherited),
                Some(Function::Constant(constant)) => self.constant(constant, call, node.at),
                None => Err(unknown_function(node.at, &call.name)),
            },
        }
    }

    fn bare_field(&self, at: usize, name: &str) -> FormulaError {
        let name = name.to_owned();
        match self.kind(&name) {
            Some(_) => FormulaError::BareField { at, name },
            None => FormulaError::UnknownField { at, name },
        }
    }

    fn math(&mut self, function: MathFunction, call: &Call, at: usize, inherited: &Inherited) -> Lowered {
        Arguments::read(call, at, &|_| false)?;
        let parameters = function.parameters();
        if call.positional.len() > parameters.len() {
            return Err(FormulaError::TooManyArguments { at, function: call.name.clone() });
        }
        if let Some(missing) = parameters.get(call.positional.len()).filter(|parameter| !parameter.is_optional) {
            let (function, argument) = (call.name.clone(), missing.name);
            return Err(FormulaError::MissingArgument { at, function, argument });
        }
        let argument = |(node, parameter)| self.operand(node, parameter, call, inherited);
        let arguments = call.positional.iter().zip(parameters).map(argument).collect::<Result<_, _>>()?;
        Ok(Expression::Call { function, arguments })
    }

    fn operand(&mut self, node: &Node, parameter: &Parameter, call: &Call, inherited: &Inherited) -> Lowered {
        let (at, function) = (node.at, call.name.clone());
        if let NodeKind::Name(field) = &node.kind
            && self.kind(field).is_some()
        {
            return Err(FormulaError::FieldInMath { at, function, field: field.clone() });
        }
        let value = self.value(node, inherited)?;
        if value.is_boolean() != parameter.is_boolean {
            let expected = if parameter.is_boolean { "comparison" } else { "number" };
            return Err(FormulaError::WrongType { at, function, argument: parameter.name, expected });
        }
        Ok(value)
    }

    fn metric(&mut self, metric: Metric, call: &Call, at: usize, inherited: &Inherited) -> Lowered {
        let is_known = |name: &str| {
            QUERIES.contains(&name)
                || [SHIFT, REDUCED_TIME_RANGE].contains(&name)
                || metric.own_arguments().contains(&name)
        };
        let arguments = Arguments::read(call, at, &is_known)?;
        let field = self.field(metric, call, at)?;
        let function = self.metric_function(metric, &arguments, at)?;
        let own_filter = self.filter(&arguments, call, at)?;
        // Kibana gives `last_value` a filter of its own, so that it takes nothing from the functions round it.
        let exists = field.as_deref().filter(|_| metric == Metric::LastValue).map(field::exists);
        let filter = own_filter.or(exists).or_else(|| inherited.filter.clone());
        let time_shift = arguments.shift()?.or_else(|| inherited.time_shift.clone());
        let own_range = self.within.reduced_time_range.map(str::to_owned);
        let reduced_time_range = arguments.reduced_time_range()?.or(own_range);
        let operation = Operation::Metric { function, field, empty_as_null: false };
        let column = Column { filter, time_shift, reduced_time_range, ..self.column(operation) };
        Ok(Expression::Column(self.push(column)))
    }

    fn metric_function(
        &self,
        metric: Metric,
        arguments: &Arguments,
        at: usize,
    ) -> Result<MetricFunction, FormulaError> {
        let is_percent = |number: f64| (0.0..=100.0).contains(&number);
        Ok(match metric {
            Metric::Count => MetricFunction::Count,
            Metric::UniqueCount => MetricFunction::UniqueCount,
            Metric::Average => MetricFunction::Average,
            Metric::Sum => MetricFunction::Sum,
            Metric::Min => MetricFunction::Min,
            Metric::Max => MetricFunction::Max,
            Metric::Median => MetricFunction::Median,
            Metric::StandardDeviation => MetricFunction::StandardDeviation,
            Metric::Percentile => {
                let expected = "a number from 0 to 100";
                MetricFunction::Percentile(arguments.number("percentile", 95.0, is_percent, expected)?)
            }
            Metric::PercentileRank => {
                MetricFunction::PercentileRank(arguments.number("value", 0.0, |_| true, "a number")?)
            }
            Metric::LastValue => {
                let sort_field =
                    self.view.time_field.clone().or_else(|| self.view.date_fields().next().map(str::to_owned));
                if sort_field.is_none() {
                    return Err(FormulaError::NoTimeField { at, function: "last_value".to_owned() });
                }
                MetricFunction::LastValue { sort_field, shows_arrays: false }
            }
        })
    }

    fn reference(&mut self, reference: Reference, call: &Call, at: usize, inherited: &Inherited) -> Lowered {
        let is_known = |name: &str| {
            let is_common = reference.is_filterable() && (QUERIES.contains(&name) || name == SHIFT);
            is_common || reference.own_arguments().contains(&name)
        };
        let arguments = Arguments::read(call, at, &is_known)?;
        let function = reference_function(reference, &arguments, at)?;
        let inherited = if reference.is_filterable() {
            let filter = self.filter(&arguments, call, at)?.or_else(|| inherited.filter.clone());
            let time_shift = arguments.shift()?.or_else(|| inherited.time_shift.clone());
            &Inherited { filter, time_shift }
        } else {
            inherited
        };
        let argument = referenced(call, at)?;
        let value = self.value(argument, inherited)?;
        if value.is_boolean() {
            return Err(FormulaError::NotAMetric { at, function: call.name.clone() });
        }
        let of = self.column_of(value);
        let time_scale = (reference == Reference::CounterRate).then_some(TimeUnit::Second);
        let column = Column { time_scale, ..self.column(Operation::Reference { function, of }) };
        Ok(Expression::Column(self.push(column)))
    }

    fn constant(&mut self, constant: Constant, call: &Call, at: usize) -> Lowered {
        Arguments::read(call, at, &|_| false)?;
        let function = call.name.clone();
        if !call.positional.is_empty() {
            return Err(FormulaError::TooManyArguments { at, function });
        }
        if constant == Constant::TimeRange && self.view.time_field.is_none() {
            return Err(FormulaError::NoTimeField { at, function });
        }
        let column = self.column(Operation::Constant(constant));
        Ok(Expression::Column(self.push(column)))
    }

    /// The call's own query, joined with the filter of the formula's column.
    fn filter(&self, arguments: &Arguments, call: &Call, at: usize) -> Result<Option<Query>, FormulaError> {
        let own = arguments.query()?;
        let Some(outer) = self.within.filter else { return Ok(own) };
        match own {
            None => Ok(Some(outer.clone())),
            Some(own) if own.language != outer.language => {
                let (inner, outer) = (language_name(own.language), language_name(outer.language));
                Err(FormulaError::FilterConflict { at, function: call.name.clone(), inner, outer })
            }
            Some(own) if own.text.is_empty() => Ok(Some(outer.clone())),
            Some(own) if outer.text.is_empty() => Ok(Some(own)),
            Some(own) => Ok(Some(Query { text: format!("({}) AND ({})", outer.text, own.text), ..own })),
        }
    }

    /// The id of a column with this value: its own, or that of a new math column.
    fn column_of(&mut self, value: Expression) -> String {
        match value {
            Expression::Column(id) => id,
            value => {
                let column = self.column(Operation::Math(value));
                self.push(column)
            }
        }
    }

    /// The next hidden column.
    fn column(&self, operation: Operation) -> Column {
        Column {
            id: format!("{}X{}", self.id, self.columns.len()),
            label: self.label.clone(),
            operation,
            format: None,
            filter: None,
            time_shift: None,
            reduced_time_range: None,
            time_scale: None,
            is_hidden: true,
        }
    }

    fn push(&mut self, column: Column) -> String {
        let id = column.id.clone();
        self.columns.push(column);
        id
    }
}

fn language_name(language: Language) -> &'static str {
    match language {
        Language::Kuery => "KQL",
        Language::Lucene => "Lucene",
    }
}

fn unknown_function(at: usize, name: &str) -> FormulaError {
    let name = name.to_owned();
    if name.starts_with('-') {
        FormulaError::UnaryMinus { at, name }
    } else {
        FormulaError::UnknownFunction { at, name }
    }
}

/// The one argument of a function over a series: a call, and the first of its arguments.
fn referenced(call: &Call, at: usize) -> Result<&Node, FormulaError> {
    let function = call.name.clone();
    let argument = match call.positional.as_slice() {
        [] => return Err(FormulaError::NotAMetric { at, function }),
        [argument] if matches!(argument.kind, NodeKind::Call(_)) => argument,
        [argument] => return Err(FormulaError::NotAMetric { at: argument.at, function }),
        _ => return Err(FormulaError::TooManyArguments { at, function }),
    };
    if call.named.first().is_some_and(|named| named.at < argument.at) {
        return Err(FormulaError::NotAMetric { at, function });
    }
    Ok(argument)
}

fn reference_function(
    reference: Reference,
    arguments: &Arguments,
    at: usize,
) -> Result<ReferenceFunction, FormulaError> {
    Ok(match reference {
        Reference::CounterRate => ReferenceFunction::CounterRate,
        Reference::CumulativeSum => ReferenceFunction::CumulativeSum,
        Reference::Differences => ReferenceFunction::Differences,
        Reference::MovingAverage => ReferenceFunction::MovingAverage { window: window(arguments)? },
        Reference::OverallSum => ReferenceFunction::OverallSum,
        Reference::OverallMin => ReferenceFunction::OverallMin,
        Reference::OverallMax => ReferenceFunction::OverallMax,
        Reference::OverallAverage => ReferenceFunction::OverallAverage,
        Reference::NormalizeByUnit => ReferenceFunction::NormalizeByUnit(unit(arguments, at)?),
    })
}

fn window(arguments: &Arguments) -> Result<usize, FormulaError> {
    let is_whole = |number: f64| number.fract() == 0.0 && (1.0..=1_000_000.0).contains(&number);
    let window = arguments.number("window", 5.0, is_whole, "a whole number from 1 on")?;
    // A whole number is written without a point, so that this cannot fail.
    Ok(window.to_string().parse().unwrap_or(5))
}

fn unit(arguments: &Arguments, at: usize) -> Result<TimeUnit, FormulaError> {
    let expected = "one of 's', 'm', 'h', 'd'";
    let (argument, text) = arguments.text("unit", expected)?.ok_or_else(|| FormulaError::MissingArgument {
        at,
        function: "normalize_by_unit".to_owned(),
        argument: "unit",
    })?;
    match text {
        "s" => Ok(TimeUnit::Second),
        "m" => Ok(TimeUnit::Minute),
        "h" => Ok(TimeUnit::Hour),
        "d" => Ok(TimeUnit::Day),
        _ => Err(arguments.wrong(argument, expected)),
    }
}

#[cfg(test)]
mod tests;
