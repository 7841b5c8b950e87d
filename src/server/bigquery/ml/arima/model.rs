//! All series of a model: grouped by id, fitted in parallel, called by function.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::grid::Frequency;
use super::options::ArimaOptions;
use super::series::Fitted;
use super::{evaluate, explain, report};
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::frame::{Column, Frame, type_name};
use crate::server::bigquery::ml::model::without_input;
use crate::server::bigquery::ml::options::Reader;
use crate::server::bigquery::ml::table::{Table, field};
use crate::server::bigquery::value::{Field, Type, Value};

const STEPS: usize = 3;
const LEVEL: f64 = 0.95;
const DAYS_WITHOUT_HOLIDAYS: f64 = 366.0;

/// Fitted series and those that could not be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArimaModel {
    pub options: ArimaOptions,
    id_columns: Vec<IdColumn>,
    pub(super) series: Vec<Series>,
    pub(super) duration_ms: u64,
}

/// An id column under its own name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct IdColumn {
    name: String,
    is_text: bool,
}

/// An id's value in one column.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Id {
    Null,
    Whole(i64),
    Text(String),
}

/// One series, by its ids.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Series {
    pub(super) id: Vec<Id>,
    pub(super) outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Outcome {
    Fitted(Box<Fitted>),
    /// The `error_message`.
    Failed(String),
}

/// Observations by series: microseconds and values.
pub(super) type Observations = BTreeMap<Vec<Id>, Vec<(i64, f64)>>;

/// A series' ids and observations.
type Observed = (Vec<Id>, Vec<(i64, f64)>);

impl ArimaModel {
    /// Fits each series of `frame`, on all processors. An error if none can be fitted.
    pub(in crate::server::bigquery::ml) fn fit(options: &ArimaOptions, frame: &Frame) -> Result<Self, MlError> {
        let started = Instant::now();
        let id_columns = id_columns(options, frame)?;
        let find = |name: &str, option: &str| {
            let missing = || MlError::NoColumn { column: name.to_owned(), option: option.to_owned() };
            frame.column(name).ok_or_else(missing)
        };
        let times = find(&options.timestamp_column, "TIME_SERIES_TIMESTAMP_COL")?;
        let values = find(&options.data_column, "TIME_SERIES_DATA_COL")?;
        let observations = observations(options, frame, times, values)?;
        let series = fit_all(observations.into_iter().collect(), options);
        check_holidays(options, &series)?;
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let model = Self { options: options.clone(), id_columns, series, duration_ms };
        model.check_any_fitted()?;
        Ok(model)
    }

    fn check_any_fitted(&self) -> Result<(), MlError> {
        let mut messages = self.series.iter().map(|series| match &series.outcome {
            Outcome::Failed(message) => Some(message.as_str()),
            Outcome::Fitted(_) => None,
        });
        if !self.series.is_empty() && messages.clone().any(|message| message.is_none()) {
            return Ok(());
        }
        let first = messages.next().flatten().unwrap_or("Time series has no data that is not NULL.");
        Err(MlError::Data(format!("Failed to fit any time series: {first}")))
    }

    /// Sentences about averaged rows, bridged gaps and series left out.
    pub(in crate::server::bigquery::ml) fn notes(&self) -> Vec<String> {
        report::notes(&self.series)
    }

    /// The fitted series with their ids.
    pub(super) fn fitted(&self) -> impl Iterator<Item = (&[Id], &Fitted)> {
        self.series.iter().filter_map(|series| match &series.outcome {
            Outcome::Fitted(fitted) => Some((series.id.as_slice(), fitted.as_ref())),
            Outcome::Failed(_) => None,
        })
    }

    /// The id columns' fields, which stand first in every table of a model of many series.
    pub(super) fn id_fields(&self) -> Vec<Field> {
        let kind = |is_text| if is_text { Type::String } else { Type::Int64 };
        self.id_columns.iter().map(|column| field(column.name.clone(), kind(column.is_text))).collect()
    }

    pub(in crate::server::bigquery::ml) fn call(
        &self,
        function: &str,
        reader: &mut Reader,
        input: Option<&Frame>,
    ) -> Result<Table, MlError> {
        match function {
            "ML.FORECAST" => {
                without_input(input)?;
                report::forecast(self, self.steps(reader, STEPS)?, level(reader)?)
            }
            "ML.EXPLAIN_FORECAST" => {
                without_input(input)?;
                explain::table(self, self.steps(reader, STEPS)?, level(reader)?)
            }
            "ML.EVALUATE" if input.is_some() => evaluate::table(self, reader, input),
            "ML.ARIMA_EVALUATE" | "ML.EVALUATE" => {
                without_input(input)?;
                let shows_all = reader.bool("show_all_candidate_models")?;
                Ok(report::evaluate(self, shows_all.unwrap_or(self.id_columns.is_empty())))
            }
            "ML.ARIMA_COEFFICIENTS" => without_input(input).map(|()| report::coefficients(self)),
            "ML.TRAINING_INFO" => without_input(input).map(|()| report::training_info(self)),
            "ML.FEATURE_INFO" => Err(MlError::Misuse("ARIMA model has no feature information.".to_owned())),
            "ML.PREDICT" => Err(MlError::Misuse(
                "ARIMA model is unsupported in ml.predict. Please use ml.forecast instead".to_owned(),
            )),
            _ => Err(MlError::Misuse("is not supported for models of type ARIMA_PLUS.".to_owned())),
        }
    }

    /// The `horizon` of a call, at most the model's own: no more was forecast when the model was made.
    pub(super) fn steps(&self, reader: &mut Reader, default: usize) -> Result<usize, MlError> {
        let most = self.options.horizon;
        Ok(reader.integer("horizon", 1, most)?.unwrap_or(default.min(most)))
    }

    /// Observations of `frame` by this model's ids; those of unknown series too.
    pub(super) fn observations(&self, frame: &Frame) -> Result<Observations, MlError> {
        let find = |name: &str| {
            let missing = || MlError::NoInput { column: name.to_owned(), function: "EVALUATE" };
            frame.column(name).ok_or_else(missing)
        };
        for column in &self.id_columns {
            find(&column.name)?;
        }
        observations(&self.options, frame, find(&self.options.timestamp_column)?, find(&self.options.data_column)?)
    }
}

/// The `confidence_level` of a call.
pub(super) fn level(reader: &mut Reader) -> Result<f64, MlError> {
    let is_valid = |level| (0.0..1.0).contains(&level);
    Ok(reader.number("confidence_level", "a FLOAT64 in [0, 1)", is_valid)?.unwrap_or(LEVEL))
}

impl Id {
    pub(super) fn value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Whole(whole) => Value::Int64(*whole),
            Self::Text(text) => Value::String(text.clone()),
        }
    }
}

/// An id's values as the first values of a row.
pub(super) fn id_values(id: &[Id]) -> Vec<Value> {
    id.iter().map(Id::value).collect()
}

fn id_columns(options: &ArimaOptions, frame: &Frame) -> Result<Vec<IdColumn>, MlError> {
    let find = |name: &String| {
        let missing = || MlError::NoColumn { column: name.clone(), option: "TIME_SERIES_ID_COL".to_owned() };
        let column = frame.column(name).ok_or_else(missing)?;
        match column.kind {
            Type::String => Ok(IdColumn { name: column.name.clone(), is_text: true }),
            Type::Int64 => Ok(IdColumn { name: column.name.clone(), is_text: false }),
            _ => Err(wrong_type(column, "as TIME_SERIES_ID_COL")),
        }
    };
    options.id_columns.iter().map(find).collect()
}

fn wrong_type(column: &Column, role: &'static str) -> MlError {
    MlError::ColumnType { column: column.name.clone(), found: type_name(&column.kind).to_owned(), role }
}

fn observations(
    options: &ArimaOptions,
    frame: &Frame,
    times: &Column,
    values: &Column,
) -> Result<Observations, MlError> {
    if !matches!(times.kind, Type::Timestamp | Type::Date | Type::Datetime) {
        return Err(wrong_type(times, "as TIME_SERIES_TIMESTAMP_COL"));
    }
    if !values.is_numeric() {
        return Err(wrong_type(values, "as TIME_SERIES_DATA_COL"));
    }
    let ids: Vec<&Column> = options.id_columns.iter().filter_map(|name| frame.column(name)).collect();
    let mut found = Observations::new();
    for row in 0..frame.len() {
        let series = found.entry(ids.iter().map(|column| id(column, row)).collect()).or_default();
        if let (Some(time), Some(value)) = (times.instant(row), values.number(row)) {
            series.push((time, value));
        }
    }
    Ok(found)
}

fn id(column: &Column, row: usize) -> Id {
    match column.key(row) {
        None => Id::Null,
        Some(key) if column.kind == Type::String => Id::Text(column.text(key)),
        Some(key) => Id::Whole(key),
    }
}

/// Fits the series on as many threads as there are processors; the order stays.
fn fit_all(waiting: Vec<Observed>, options: &ArimaOptions) -> Vec<Series> {
    let workers = thread::available_parallelism().map_or(1, NonZero::get).min(waiting.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        while let Some((id, observed)) = {
            let at = next.fetch_add(1, Ordering::Relaxed);
            waiting.get(at)
        } {
            let outcome = match Fitted::new(observed.clone(), options) {
                Ok(fitted) => Outcome::Fitted(Box::new(fitted)),
                Err(message) => Outcome::Failed(message),
            };
            done.push(Series { id: id.clone(), outcome });
        }
        done
    };
    let mut series: Vec<Series> = if workers <= 1 {
        work()
    } else {
        thread::scope(|scope| {
            let threads: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
            let join = |thread: thread::ScopedJoinHandle<'_, Vec<Series>>| match thread.join() {
                Ok(done) => done,
                // A fault of the code, not of the data: it goes on in the thread that asked.
                Err(panic) => std::panic::resume_unwind(panic),
            };
            threads.into_iter().flat_map(join).collect()
        })
    };
    series.sort_by(|a, b| a.id.cmp(&b.id));
    series
}

/// Holiday effects change daily and weekly data of more than a year; for all other data the service ignores the option too.
fn check_holidays(options: &ArimaOptions, series: &[Series]) -> Result<(), MlError> {
    let matters = |series: &Series| match &series.outcome {
        Outcome::Fitted(fitted) => {
            let frequency = fitted.grid.frequency;
            let days = fitted.points as f64 * frequency.length() / Frequency::Daily.length();
            matches!(frequency, Frequency::Daily | Frequency::Weekly) && days > DAYS_WITHOUT_HOLIDAYS
        }
        Outcome::Failed(_) => false,
    };
    if options.holiday_regions.is_empty() || !series.iter().any(matters) {
        return Ok(());
    }
    let value =
        format!("[{}]", options.holiday_regions.iter().map(|r| format!("'{r}'")).collect::<Vec<_>>().join(", "));
    Err(MlError::UnsupportedOption { option: "HOLIDAY_REGION".to_owned(), value })
}
