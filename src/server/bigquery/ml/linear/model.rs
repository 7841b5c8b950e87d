//! A linear regression: trained, called by function.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::descent::{Iteration, descend};
use super::design::Design;
use super::encoder::{Coding, Encoder, Feature};
use super::info::{self, FeatureInfo};
use super::metrics::Metrics;
use super::normal::{Problem, Solution, solve};
use super::options::{LinearOptions, SplitMethod, Strategy};
use super::split::Split;
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::frame::{Column, Frame, type_name};
use crate::server::bigquery::ml::model::without_input;
use crate::server::bigquery::ml::options::{Reader, invalid};
use crate::server::bigquery::ml::table::{Table, category_weights, field, fields, integer, number};
use crate::server::bigquery::value::{Type, Value};

/// Beyond this many weights, or with fewer rows a weight, the service descends instead of solving.
const CARDINALITY_MAX: usize = 10_000;
const ROWS_PER_WEIGHT: usize = 10;
/// The name of the category of NULL.
const NULL_CATEGORY: &str = "_null_filler";

/// A trained linear regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LinearModel {
    pub options: LinearOptions,
    /// The label column under its own name.
    pub label: String,
    encoder: Encoder,
    /// Of standardised features.
    weights: Vec<f64>,
    intercept: f64,
    features: Vec<FeatureInfo>,
    iterations: Vec<Iteration>,
    /// Of the rows held back; of the training rows if none were.
    metrics: Metrics,
    pub training_rows: usize,
    pub evaluation_rows: usize,
}

impl LinearModel {
    /// Trains on the rows of `frame` that have a label.
    pub(in crate::server::bigquery::ml) fn fit(options: &LinearOptions, frame: &Frame) -> Result<Self, MlError> {
        let label = label_column(options, frame)?;
        let (rows, labels) = labelled(label, frame)?;
        let split = Split::new(&options.split, frame, rows)?;
        if split.training.is_empty() {
            return Err(MlError::Data("The training data has no row with a label.".to_owned()));
        }
        let is_feature = |column: &Column| column.name != label.name && !is_split_column(options, column);
        let encoder = Encoder::learn(frame, &split.training, options.encoding, options.fits_intercept, is_feature)?;
        let design = Design::new(&encoder, frame, "TRAINING")?;
        let of_rows =
            |rows: &[usize]| -> Vec<f64> { rows.iter().map(|row| labels.get(*row).copied().unwrap_or(0.0)).collect() };
        let (training_labels, evaluation_labels) = (of_rows(&split.training), of_rows(&split.evaluation));
        let problem = Problem {
            design: &design,
            rows: &split.training,
            labels: &training_labels,
            l2: options.l2,
            fits_intercept: options.fits_intercept,
        };
        let held_back = |solution: &Solution| {
            let predictions = design.times(&split.evaluation, &solution.weights, solution.intercept);
            Metrics::new(&evaluation_labels, &predictions)
        };
        let (solution, iterations) = train(options, &problem, |solution| held_back(solution).mean_squared_error)?;
        if !solution.weights.iter().chain([&solution.intercept]).all(|weight| weight.is_finite()) {
            return Err(MlError::Data("Training diverged; try a smaller learn rate or NORMAL_EQUATION.".to_owned()));
        }
        let metrics = if split.evaluation.is_empty() {
            let predictions = design.times(&split.training, &solution.weights, solution.intercept);
            Metrics::new(&training_labels, &predictions)
        } else {
            held_back(&solution)
        };
        let inputs = frame.columns.iter().filter(|column| is_feature(column));
        Ok(Self {
            options: options.clone(),
            label: label.name.clone(),
            features: inputs.map(|column| FeatureInfo::new(column, &split.training)).collect(),
            encoder,
            weights: solution.weights,
            intercept: solution.intercept,
            iterations,
            metrics,
            training_rows: split.training.len(),
            evaluation_rows: split.evaluation.len(),
        })
    }

    pub(in crate::server::bigquery::ml) fn notes(&self) -> Vec<String> {
        let descended = self.iterations.first().is_some_and(|iteration| iteration.learn_rate.is_some());
        let mut notes = Vec::new();
        if descended && self.options.strategy == Strategy::Auto && self.options.l1 == 0.0 {
            notes.push(format!(
                "{} training rows are fewer than {ROWS_PER_WEIGHT} for each weight, or weights are too many: trained by \
                 BATCH_GRADIENT_DESCENT, whose {} iterations may stop short of the optimum.",
                self.training_rows,
                self.iterations.len()
            ));
        }
        notes
    }

    /// Predictions for all rows.
    fn predict(&self, frame: &Frame, function: &'static str) -> Result<Vec<f64>, MlError> {
        let design = Design::new(&self.encoder, frame, function)?;
        let rows: Vec<usize> = (0..frame.len()).collect();
        Ok(design.times(&rows, &self.weights, self.intercept))
    }

    pub(in crate::server::bigquery::ml) fn call(
        &self,
        function: &str,
        reader: &mut Reader,
        input: Option<&Frame>,
    ) -> Result<Table, MlError> {
        match function {
            "ML.PREDICT" => {
                let frame = input.ok_or_else(|| MlError::Misuse("needs an input table or query.".to_owned()))?;
                let predicted = self.predict(frame, "PREDICT")?;
                let fields = vec![field(format!("predicted_{}", self.label), Type::Float64)];
                Ok(Table { fields, rows: predicted.into_iter().map(|p| vec![Value::Float64(p)]).collect() })
            }
            "ML.EVALUATE" => self.evaluate(input),
            "ML.WEIGHTS" => {
                without_input(input)?;
                Ok(self.weights_table(reader.bool("standardize")?.unwrap_or(false)))
            }
            "ML.FEATURE_INFO" => without_input(input).map(|()| info::table(&self.features)),
            "ML.TRAINING_INFO" => without_input(input).map(|()| self.training_table()),
            "ML.FORECAST" | "ML.EXPLAIN_FORECAST" | "ML.ARIMA_EVALUATE" | "ML.ARIMA_COEFFICIENTS" => {
                Err(MlError::Misuse("is only supported for models of type ARIMA_PLUS.".to_owned()))
            }
            _ => Err(MlError::Misuse("is not supported for models of type LINEAR_REG.".to_owned())),
        }
    }

    fn evaluate(&self, input: Option<&Frame>) -> Result<Table, MlError> {
        let Some(frame) = input else {
            return Ok(self.metrics.table());
        };
        let missing = || MlError::NoInput { column: self.label.clone(), function: "EVALUATE" };
        let label = frame.column(&self.label).ok_or_else(missing)?;
        let (rows, labels) = labelled(label, frame)?;
        let predicted = self.predict(frame, "EVALUATE")?;
        let of_rows =
            |values: &[f64]| -> Vec<f64> { rows.iter().filter_map(|row| values.get(*row).copied()).collect() };
        Ok(Metrics::new(&of_rows(&labels), &of_rows(&predicted)).table())
    }

    fn weights_table(&self, is_standardised: bool) -> Table {
        let mut table = Table {
            fields: vec![
                field("processed_input", Type::String),
                field("weight", Type::Float64),
                field("category_weights", category_weights()),
            ],
            rows: Vec::new(),
        };
        let mut intercept = self.intercept;
        for feature in &self.encoder.features {
            let (weight, categories) = match &feature.coding {
                Coding::Number { shift, scale, .. } => {
                    let weight = self.weights.get(feature.first).copied().unwrap_or(0.0);
                    if !is_standardised {
                        intercept -= weight / scale * shift;
                    }
                    (Value::Float64(if is_standardised { weight } else { weight / scale }), Vec::new())
                }
                Coding::Categories { texts, .. } => (Value::Null, self.category_rows(feature, texts)),
            };
            table.rows.push(vec![Value::String(feature.name.clone()), weight, Value::Array(categories)]);
        }
        let last = vec![Value::String("__INTERCEPT__".to_owned()), Value::Float64(intercept), Value::Array(Vec::new())];
        table.rows.push(last);
        table
    }

    fn category_rows(&self, feature: &Feature, texts: &[Option<String>]) -> Vec<Value> {
        let weights = self.weights.iter().skip(feature.first);
        let row = |(text, weight): (&Option<String>, &f64)| {
            let category = text.clone().unwrap_or_else(|| NULL_CATEGORY.to_owned());
            Value::Struct(vec![Value::String(category), Value::Float64(*weight)])
        };
        texts.iter().zip(weights).map(row).collect()
    }

    fn training_table(&self) -> Table {
        let mut all = fields(&["training_run", "iteration"], &Type::Int64);
        all.extend(fields(&["loss", "eval_loss", "learning_rate"], &Type::Float64));
        all.push(field("duration_ms", Type::Int64));
        let row = |(i, iteration): (usize, &Iteration)| {
            vec![
                Value::Int64(0),
                integer(i),
                Value::Float64(iteration.loss),
                number(iteration.evaluation_loss),
                number(iteration.learn_rate),
                Value::Int64(i64::try_from(iteration.duration_ms).unwrap_or(i64::MAX)),
            ]
        };
        Table { fields: all, rows: self.iterations.iter().enumerate().map(row).collect() }
    }
}

fn label_column<'a>(options: &LinearOptions, frame: &'a Frame) -> Result<&'a Column, MlError> {
    let missing = || {
        if options.names_label {
            MlError::NoColumn { column: options.label_column.clone(), option: "INPUT_LABEL_COLS".to_owned() }
        } else {
            MlError::NoLabel
        }
    };
    let column = frame.column(&options.label_column).ok_or_else(missing)?;
    if !column.is_numeric() {
        let found = type_name(&column.kind).to_owned();
        return Err(MlError::ColumnType {
            column: column.name.clone(),
            found,
            role: "as the label of a LINEAR_REG model",
        });
    }
    Ok(column)
}

fn is_split_column(options: &LinearOptions, column: &Column) -> bool {
    match &options.split {
        SplitMethod::Custom { column: name } | SplitMethod::Sequential { column: name, .. } => {
            column.name.eq_ignore_ascii_case(name)
        }
        SplitMethod::Auto | SplitMethod::Random { .. } | SplitMethod::None => false,
    }
}

/// The rows that have a label, and the labels of all rows, zero where there is none.
fn labelled(label: &Column, frame: &Frame) -> Result<(Vec<usize>, Vec<f64>), MlError> {
    let mut rows = Vec::with_capacity(frame.len());
    let mut labels = vec![0.0; frame.len()];
    for (row, slot) in labels.iter_mut().enumerate() {
        let Some(value) = label.number(row) else { continue };
        if !value.is_finite() {
            return Err(MlError::Data(format!("Label column {} has a value that is NaN or infinity.", label.name)));
        }
        *slot = value;
        rows.push(row);
    }
    Ok((rows, labels))
}

/// Solves or descends, as asked or as the service would choose.
fn train(
    options: &LinearOptions,
    problem: &Problem<'_>,
    evaluation: impl Fn(&Solution) -> Option<f64>,
) -> Result<(Solution, Vec<Iteration>), MlError> {
    let cardinality = problem.design.width + usize::from(problem.fits_intercept);
    let is_wide = cardinality > CARDINALITY_MAX || problem.rows.len() < ROWS_PER_WEIGHT * cardinality;
    let solves = match options.strategy {
        Strategy::NormalEquation if is_wide => {
            let rows = problem.rows.len();
            let reason =
                format!("{rows} training rows and a total cardinality of {cardinality} are not suitable for it");
            return Err(invalid("OPTIMIZE_STRATEGY", &Value::String("NORMAL_EQUATION".to_owned()), &reason));
        }
        Strategy::NormalEquation => true,
        Strategy::GradientDescent => false,
        Strategy::Auto => !is_wide && options.l1 == 0.0,
    };
    if !solves {
        return Ok(descend(problem, options, evaluation));
    }
    let started = Instant::now();
    let solution = solve(problem);
    let predictions = problem.design.times(problem.rows, &solution.weights, solution.intercept);
    let iteration = Iteration {
        loss: Metrics::new(problem.labels, &predictions).mean_squared_error.unwrap_or(0.0),
        evaluation_loss: evaluation(&solution),
        learn_rate: None,
        duration_ms: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
    };
    Ok((solution, vec![iteration]))
}
