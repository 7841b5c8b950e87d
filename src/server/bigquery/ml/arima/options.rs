//! The options of `ARIMA_PLUS`.

use serde::{Deserialize, Serialize};

use super::candidate::{Order, Search};
use super::grid::Frequency;
use super::polynomial::ORDER_MAX;
use super::season::Season;
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::options::{Reader, invalid};
use crate::server::bigquery::value::Value;

const HORIZON: usize = 1_000;
const HORIZON_MAX: usize = 10_000;
const ORDER_SUM: usize = 2;
const DIFFERENCES_MAX: usize = 2;
const LENGTH_MIN: usize = 20;
const LENGTH_LEAST: usize = 4;

/// What `CREATE MODEL` asks of a time-series model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct ArimaOptions {
    pub timestamp_column: String,
    pub data_column: String,
    /// Empty for a single series.
    pub id_columns: Vec<String>,
    /// The farthest step that can be asked for.
    pub horizon: usize,
    pub search: Search,
    /// `None`: inferred for each series.
    pub frequency: Option<Frequency>,
    pub seasonalities: Seasonalities,
    /// Holiday effects are not modelled; for data that they would change, this is an error.
    pub holiday_regions: Vec<String>,
    pub cleans_spikes: bool,
    pub adjusts_steps: bool,
    /// Whether the history is kept for `ML.EXPLAIN_FORECAST`.
    pub decomposes: bool,
    pub trend_window: Option<usize>,
    pub length: TrendLength,
    /// Forecasts stay strictly above and below.
    pub lower_bound: Option<f64>,
    pub upper_bound: Option<f64>,
}

/// Which seasons to look for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Seasonalities {
    /// Those of the frequency that the data shows.
    Auto,
    /// These, where they have two whole periods.
    These(Vec<Season>),
}

/// How much of a series' end the trend model is fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum TrendLength {
    All,
    /// This part, but not below the least number of points.
    Fraction {
        fraction: f64,
        points_min: usize,
    },
    Last {
        points_max: usize,
    },
}

impl TrendLength {
    /// How many of `points` count.
    pub(super) fn of(self, points: usize) -> usize {
        match self {
            Self::All => points,
            Self::Last { points_max } => points.min(points_max),
            Self::Fraction { fraction, points_min } => {
                let skipped = (0..points).take_while(|i| (*i as f64) < points as f64 * (1.0 - fraction)).count();
                (points - skipped).max(points_min).min(points)
            }
        }
    }
}

impl ArimaOptions {
    /// Takes all options of this model type.
    pub(in crate::server::bigquery::ml) fn read(reader: &mut Reader) -> Result<Self, MlError> {
        let id_columns = reader.texts("TIME_SERIES_ID_COL")?.unwrap_or_default();
        Ok(Self {
            timestamp_column: required(reader, "TIME_SERIES_TIMESTAMP_COL")?,
            data_column: required(reader, "TIME_SERIES_DATA_COL")?,
            horizon: reader.integer("HORIZON", 1, HORIZON_MAX)?.unwrap_or(HORIZON),
            search: read_search(reader, !id_columns.is_empty())?,
            id_columns,
            frequency: reader.word("DATA_FREQUENCY", Frequency::parse)?.flatten(),
            seasonalities: read_seasonalities(reader)?,
            holiday_regions: reader.texts("HOLIDAY_REGION")?.unwrap_or_default(),
            cleans_spikes: reader.bool("CLEAN_SPIKES_AND_DIPS")?.unwrap_or(true),
            adjusts_steps: reader.bool("ADJUST_STEP_CHANGES")?.unwrap_or(true),
            decomposes: reader.bool("DECOMPOSE_TIME_SERIES")?.unwrap_or(true),
            trend_window: reader.integer("TREND_SMOOTHING_WINDOW_SIZE", 1, 1_000_000)?,
            length: read_length(reader)?,
            lower_bound: reader.number("FORECAST_LIMIT_LOWER_BOUND", "a finite number", |_| true)?,
            upper_bound: reader.number("FORECAST_LIMIT_UPPER_BOUND", "a finite number", |_| true)?,
        })
        .and_then(with_bounds_in_order)
    }
}

fn with_bounds_in_order(options: ArimaOptions) -> Result<ArimaOptions, MlError> {
    match (options.lower_bound, options.upper_bound) {
        (Some(lower), Some(upper)) if lower >= upper => Err(invalid(
            "FORECAST_LIMIT_LOWER_BOUND",
            &Value::Float64(lower),
            "expected a value below FORECAST_LIMIT_UPPER_BOUND",
        )),
        _ => Ok(options),
    }
}

fn required(reader: &mut Reader, name: &str) -> Result<String, MlError> {
    let missing = || MlError::MissingOption { option: name.to_owned(), model_type: "ARIMA_PLUS".into() };
    reader.text(name)?.ok_or_else(missing)
}

fn read_search(reader: &mut Reader, has_ids: bool) -> Result<Search, MlError> {
    let is_auto = reader.bool("AUTO_ARIMA")?.unwrap_or(true);
    let given = reader.integers("NON_SEASONAL_ORDER")?;
    let has_drift = reader.bool("INCLUDE_DRIFT")?.unwrap_or(false);
    let order_max = reader.integer("AUTO_ARIMA_MAX_ORDER", 1, ORDER_MAX)?;
    let order_min = reader.integer("AUTO_ARIMA_MIN_ORDER", 0, ORDER_MAX)?;
    if is_auto {
        if given.is_some() {
            return Err(invalid("NON_SEASONAL_ORDER", &Value::Null, "it needs AUTO_ARIMA = FALSE"));
        }
        if has_drift {
            return Err(invalid("INCLUDE_DRIFT", &Value::Bool(true), "it needs AUTO_ARIMA = FALSE"));
        }
        let (order_min, order_max) = (order_min.unwrap_or(0), order_max.unwrap_or(ORDER_SUM));
        if order_min > order_max {
            return Err(invalid(
                "AUTO_ARIMA_MIN_ORDER",
                &Value::String(order_min.to_string()),
                "expected at most AUTO_ARIMA_MAX_ORDER",
            ));
        }
        return Ok(Search::Auto { order_min, order_max });
    }
    if has_ids {
        return Err(invalid("AUTO_ARIMA", &Value::Bool(false), "it must be TRUE with TIME_SERIES_ID_COL"));
    }
    let order = read_order(given)?;
    if has_drift && order.d != 1 {
        return Err(invalid("INCLUDE_DRIFT", &Value::Bool(true), "it needs a d of 1 in NON_SEASONAL_ORDER"));
    }
    Ok(Search::Fixed { order, has_drift })
}

fn read_order(given: Option<Vec<usize>>) -> Result<Order, MlError> {
    let Some(numbers) = given else {
        return Err(MlError::MissingOption {
            option: "NON_SEASONAL_ORDER".into(),
            model_type: "ARIMA_PLUS with AUTO_ARIMA = FALSE".into(),
        });
    };
    match numbers.as_slice() {
        &[p, d, q] if p <= ORDER_MAX && d <= DIFFERENCES_MAX && q <= ORDER_MAX => Ok(Order { p, d, q }),
        _ => {
            let written = numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let reason = "expected (p, d, q) with p and q from 0 to 5 and d from 0 to 2";
            Err(invalid("NON_SEASONAL_ORDER", &Value::String(written), reason))
        }
    }
}

fn read_seasonalities(reader: &mut Reader) -> Result<Seasonalities, MlError> {
    let Some(names) = reader.texts("SEASONALITIES")? else {
        return Ok(Seasonalities::Auto);
    };
    let mut seasons = Vec::new();
    let is_alone = names.len() == 1;
    for name in &names {
        match name.to_ascii_uppercase().as_str() {
            "AUTO" if is_alone => return Ok(Seasonalities::Auto),
            "NO_SEASONALITY" if is_alone => return Ok(Seasonalities::These(Vec::new())),
            word => match Season::parse(word) {
                Some(season) if !seasons.contains(&season) => seasons.push(season),
                _ => {
                    let reason = "expected AUTO or NO_SEASONALITY alone, or different ones of DAILY, WEEKLY, MONTHLY, QUARTERLY, YEARLY";
                    return Err(invalid("SEASONALITIES", &Value::String(name.clone()), reason));
                }
            },
        }
    }
    Ok(Seasonalities::These(seasons))
}

fn read_length(reader: &mut Reader) -> Result<TrendLength, MlError> {
    let fraction = reader.number("TIME_SERIES_LENGTH_FRACTION", "a FLOAT64 between 0 and 1", |x| x > 0.0 && x < 1.0)?;
    let points_min = reader.integer("MIN_TIME_SERIES_LENGTH", LENGTH_LEAST, 1_000_000)?;
    let points_max = reader.integer("MAX_TIME_SERIES_LENGTH", LENGTH_LEAST, 1_000_000)?;
    match (fraction, points_min, points_max) {
        (None, None, None) => Ok(TrendLength::All),
        (None, None, Some(points_max)) => Ok(TrendLength::Last { points_max }),
        (Some(fraction), least, None) => {
            Ok(TrendLength::Fraction { fraction, points_min: least.unwrap_or(LENGTH_MIN) })
        }
        (None, Some(least), None) => Err(invalid(
            "MIN_TIME_SERIES_LENGTH",
            &Value::String(least.to_string()),
            "it needs TIME_SERIES_LENGTH_FRACTION",
        )),
        (_, _, Some(most)) => Err(invalid(
            "MAX_TIME_SERIES_LENGTH",
            &Value::String(most.to_string()),
            "it excludes TIME_SERIES_LENGTH_FRACTION and MIN_TIME_SERIES_LENGTH",
        )),
    }
}
