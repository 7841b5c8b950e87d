//! The options of `linear_reg`.

use serde::{Deserialize, Serialize};

use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::options::{Reader, invalid};
use crate::server::bigquery::value::Value;

const ITERATIONS: usize = 20;
const PROGRESS_MIN: f64 = 0.01;
const LEARN_RATE: f64 = 0.1;
const EVAL_FRACTION: f64 = 0.2;

/// What `CREATE MODEL` asks of a linear regression.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct LinearOptions {
    pub label_column: String,
    /// Whether the label's name was given, not taken by default.
    pub names_label: bool,
    pub split: SplitMethod,
    pub l1: f64,
    pub l2: f64,
    pub strategy: Strategy,
    pub iterations_max: usize,
    pub stops_early: bool,
    pub progress_min: f64,
    pub learn_rate: LearnRate,
    pub fits_intercept: bool,
    pub encoding: Encoding,
}

/// Which rows are held back for evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum SplitMethod {
    /// By the number of rows: none below 500, a fifth to 50,000, then 10,000 rows.
    Auto,
    Random {
        fraction: f64,
    },
    /// Those where the column is TRUE or NULL.
    Custom {
        column: String,
    },
    /// The last ones in the column's order.
    Sequential {
        column: String,
        fraction: f64,
    },
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Strategy {
    Auto,
    NormalEquation,
    GradientDescent,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum LearnRate {
    /// The best of 2, 1, 1/2 and 1/4 times the last rate, from this one on.
    LineSearch {
        initial: f64,
    },
    Constant {
        rate: f64,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Encoding {
    OneHot,
    /// Without the most frequent category.
    Dummy,
}

impl LinearOptions {
    /// Takes all options of this model type.
    pub(in crate::server::bigquery::ml) fn read(reader: &mut Reader) -> Result<Self, MlError> {
        let label = read_label(reader)?;
        let l1 = reader.number("L1_REG", "a FLOAT64 that is not negative", |x| x >= 0.0)?.unwrap_or(0.0);
        Ok(Self {
            names_label: label.is_some(),
            label_column: label.unwrap_or_else(|| "label".to_owned()),
            split: read_split(reader)?,
            l1,
            l2: reader.number("L2_REG", "a FLOAT64 that is not negative", |x| x >= 0.0)?.unwrap_or(0.0),
            strategy: read_strategy(reader, l1)?,
            iterations_max: reader.integer("MAX_ITERATIONS", 1, 100_000)?.unwrap_or(ITERATIONS),
            stops_early: reader.bool("EARLY_STOP")?.unwrap_or(true),
            progress_min: reader
                .number("MIN_REL_PROGRESS", "a FLOAT64 that is not negative", |x| x >= 0.0)?
                .unwrap_or(PROGRESS_MIN),
            learn_rate: read_rate(reader)?,
            fits_intercept: reader.bool("FIT_INTERCEPT")?.unwrap_or(true),
            encoding: reader
                .word("CATEGORY_ENCODING_METHOD", |word| match word {
                    "ONE_HOT_ENCODING" => Some(Encoding::OneHot),
                    "DUMMY_ENCODING" => Some(Encoding::Dummy),
                    _ => None,
                })?
                .unwrap_or(Encoding::OneHot),
        })
    }
}

fn read_label(reader: &mut Reader) -> Result<Option<String>, MlError> {
    let Some(names) = reader.texts("INPUT_LABEL_COLS")? else {
        return Ok(None);
    };
    match <[String; 1]>::try_from(names) {
        Ok([name]) => Ok(Some(name)),
        Err(names) => {
            let written = Value::Array(names.into_iter().map(Value::String).collect());
            Err(invalid("INPUT_LABEL_COLS", &written, "expected one column name"))
        }
    }
}

fn read_split(reader: &mut Reader) -> Result<SplitMethod, MlError> {
    let method = reader.text("DATA_SPLIT_METHOD")?.unwrap_or_else(|| "AUTO_SPLIT".to_owned());
    let column = reader.text("DATA_SPLIT_COL")?;
    let fraction = reader.number("DATA_SPLIT_EVAL_FRACTION", "a FLOAT64 in [0, 1)", |x| (0.0..1.0).contains(&x))?;
    let needs_column = || MlError::MissingOption {
        option: "DATA_SPLIT_COL".to_owned(),
        model_type: format!("LINEAR_REG with DATA_SPLIT_METHOD = '{}'", method.to_ascii_uppercase()),
    };
    let without_column = |split: SplitMethod| match &column {
        None => Ok(split),
        Some(name) => {
            let reason = "it needs DATA_SPLIT_METHOD = 'CUSTOM' or 'SEQ'";
            Err(invalid("DATA_SPLIT_COL", &Value::String(name.clone()), reason))
        }
    };
    let fraction_or_default = fraction.unwrap_or(EVAL_FRACTION);
    match method.to_ascii_uppercase().as_str() {
        "AUTO_SPLIT" => without_column(SplitMethod::Auto),
        "NO_SPLIT" => without_column(SplitMethod::None),
        "RANDOM" => without_column(SplitMethod::Random { fraction: fraction_or_default }),
        "CUSTOM" => Ok(SplitMethod::Custom { column: column.clone().ok_or_else(needs_column)? }),
        "SEQ" => Ok(SplitMethod::Sequential {
            column: column.clone().ok_or_else(needs_column)?,
            fraction: fraction_or_default,
        }),
        _ => {
            let reason = "expected AUTO_SPLIT, RANDOM, CUSTOM, SEQ or NO_SPLIT";
            Err(invalid("DATA_SPLIT_METHOD", &Value::String(method.clone()), reason))
        }
    }
}

fn read_strategy(reader: &mut Reader, l1: f64) -> Result<Strategy, MlError> {
    let strategy = reader.word("OPTIMIZE_STRATEGY", |word| match word {
        "AUTO_STRATEGY" => Some(Strategy::Auto),
        "NORMAL_EQUATION" => Some(Strategy::NormalEquation),
        "BATCH_GRADIENT_DESCENT" => Some(Strategy::GradientDescent),
        _ => None,
    })?;
    if strategy == Some(Strategy::NormalEquation) && l1 > 0.0 {
        let written = Value::String("NORMAL_EQUATION".to_owned());
        return Err(invalid("OPTIMIZE_STRATEGY", &written, "it can't be used with L1_REG"));
    }
    Ok(strategy.unwrap_or(Strategy::Auto))
}

fn read_rate(reader: &mut Reader) -> Result<LearnRate, MlError> {
    let is_positive = |x: f64| x > 0.0;
    let initial = reader.number("LS_INIT_LEARN_RATE", "a positive FLOAT64", is_positive)?;
    let rate = reader.number("LEARN_RATE", "a positive FLOAT64", is_positive)?;
    let is_constant = reader.word("LEARN_RATE_STRATEGY", |word| match word {
        "LINE_SEARCH" => Some(false),
        "CONSTANT" => Some(true),
        _ => None,
    })?;
    match (is_constant.unwrap_or(false), initial, rate) {
        (true, None, rate) => Ok(LearnRate::Constant { rate: rate.unwrap_or(LEARN_RATE) }),
        (false, initial, None) => Ok(LearnRate::LineSearch { initial: initial.unwrap_or(LEARN_RATE) }),
        (true, Some(initial), _) => {
            let reason = "it needs LEARN_RATE_STRATEGY = 'LINE_SEARCH'";
            Err(invalid("LS_INIT_LEARN_RATE", &Value::Float64(initial), reason))
        }
        (false, _, Some(rate)) => {
            let reason = "it needs LEARN_RATE_STRATEGY = 'CONSTANT'";
            Err(invalid("LEARN_RATE", &Value::Float64(rate), reason))
        }
    }
}
