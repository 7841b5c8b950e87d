//! `OPTIONS(..)` of `CREATE MODEL`: names without regard to case, values checked, nothing ignored.

use super::arima::ArimaOptions;
use super::error::MlError;
use super::linear::LinearOptions;
use crate::server::bigquery::value::Value;

/// Options by model type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ModelOptions {
    Linear(LinearOptions),
    Arima(ArimaOptions),
}

/// Options that BigQuery has for these model types and that are not done here. A default that asks for nothing is accepted.
const UNSUPPORTED: &[(&str, Option<&str>)] = &[
    ("WARM_START", Some("false")),
    ("CALCULATE_P_VALUES", Some("false")),
    ("ENABLE_GLOBAL_EXPLAIN", Some("false")),
    ("DATA_SPLIT_TEST_FRACTION", None),
    ("NUM_TRIALS", None),
    ("MAX_PARALLEL_TRIALS", None),
    ("HPARAM_TUNING_ALGORITHM", None),
    ("HPARAM_TUNING_OBJECTIVES", None),
    ("KMS_KEY_NAME", None),
    ("MODEL_REGISTRY", None),
    ("VERTEX_AI_MODEL_ID", None),
    ("VERTEX_AI_MODEL_VERSION_ALIASES", None),
    ("AUTO_CLASS_WEIGHTS", Some("false")),
    ("CLASS_WEIGHTS", None),
    ("FORECAST_HOLIDAYS", None),
    ("HIERARCHICAL_TIME_SERIES_COLS", None),
];

impl ModelOptions {
    /// Reads a statement's options in the order written.
    pub(crate) fn parse(options: &[(String, Value)]) -> Result<Self, MlError> {
        let mut reader = Reader::new(options)?;
        let Some((option, value)) = reader.take("MODEL_TYPE") else {
            return Err(MlError::MissingOption { option: "model_type".into(), model_type: "any".into() });
        };
        let Value::String(model_type) = &value else {
            return Err(invalid(&option, &value, "expected a STRING"));
        };
        let parsed = match model_type.to_ascii_uppercase().as_str() {
            "LINEAR_REG" => Self::Linear(LinearOptions::read(&mut reader)?),
            "ARIMA_PLUS" | "ARIMA" => Self::Arima(ArimaOptions::read(&mut reader)?),
            _ => return Err(MlError::UnsupportedOption { option, value: print(&value) }),
        };
        reader.finish()?;
        Ok(parsed)
    }
}

/// Options not yet taken.
pub(super) struct Reader {
    left: Vec<(String, Value)>,
}

impl Reader {
    pub(super) fn new(options: &[(String, Value)]) -> Result<Self, MlError> {
        for (i, (name, _)) in options.iter().enumerate() {
            if options.iter().take(i).any(|(before, _)| before.eq_ignore_ascii_case(name)) {
                return Err(MlError::DuplicateOption { option: name.clone() });
            }
        }
        Ok(Self { left: options.to_vec() })
    }

    /// The option's name as written and its value; NULL is as if it was not there.
    pub(super) fn take(&mut self, name: &str) -> Option<(String, Value)> {
        let at = self.left.iter().position(|(left, _)| left.eq_ignore_ascii_case(name))?;
        let (option, value) = self.left.remove(at);
        (value != Value::Null).then_some((option, value))
    }

    pub(super) fn bool(&mut self, name: &str) -> Result<Option<bool>, MlError> {
        self.typed(name, "a BOOL", |value| match value {
            Value::Bool(is) => Some(*is),
            _ => None,
        })
    }

    /// An integer from `low` to `high`.
    pub(super) fn integer(&mut self, name: &str, low: usize, high: usize) -> Result<Option<usize>, MlError> {
        self.typed(name, &format!("an INT64 from {low} to {high}"), |value| match value {
            Value::Int64(n) => usize::try_from(*n).ok().filter(|n| (low..=high).contains(n)),
            _ => None,
        })
    }

    /// A finite number that `is_valid` accepts; `expected` says which.
    pub(super) fn number(
        &mut self,
        name: &str,
        expected: &str,
        is_valid: fn(f64) -> bool,
    ) -> Result<Option<f64>, MlError> {
        self.typed(name, expected, |value| as_float(value).filter(|x| x.is_finite() && is_valid(*x)))
    }

    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, MlError> {
        self.typed(name, "a STRING", |value| match value {
            Value::String(text) => Some(text.clone()),
            _ => None,
        })
    }

    /// One name, or an array of them.
    pub(super) fn texts(&mut self, name: &str) -> Result<Option<Vec<String>>, MlError> {
        self.typed(name, "a STRING or an ARRAY<STRING>", |value| match value {
            Value::String(text) => Some(vec![text.clone()]),
            Value::Array(items) => items
                .iter()
                .map(|item| match item {
                    Value::String(text) => Some(text.clone()),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }

    /// Small integers in parentheses or brackets.
    pub(super) fn integers(&mut self, name: &str) -> Result<Option<Vec<usize>>, MlError> {
        self.typed(name, "a tuple of INT64", |value| match value {
            Value::Array(items) | Value::Struct(items) => items
                .iter()
                .map(|item| match item {
                    Value::Int64(n) => usize::try_from(*n).ok(),
                    _ => None,
                })
                .collect(),
            _ => None,
        })
    }

    /// One of the words in `known`, by `parse`.
    pub(super) fn word<T>(&mut self, name: &str, parse: fn(&str) -> Option<T>) -> Result<Option<T>, MlError> {
        self.typed(name, "one of its documented values", |value| match value {
            Value::String(text) => parse(&text.to_ascii_uppercase()),
            _ => None,
        })
    }

    fn typed<T>(
        &mut self,
        name: &str,
        expected: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<Option<T>, MlError> {
        let Some((option, value)) = self.take(name) else {
            return Ok(None);
        };
        read(&value).map(Some).ok_or_else(|| invalid(&option, &value, &format!("expected {expected}")))
    }

    pub(super) fn finish(self) -> Result<(), MlError> {
        for (option, value) in self.left {
            let Some((_, harmless)) = UNSUPPORTED.iter().find(|(name, _)| name.eq_ignore_ascii_case(&option)) else {
                return Err(MlError::UnknownOption { option });
            };
            let asks_nothing = value == Value::Null || harmless.is_some_and(|text| print(&value) == text);
            if !asks_nothing {
                return Err(MlError::UnsupportedOption { option, value: print(&value) });
            }
        }
        Ok(())
    }
}

fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Float64(x) => Some(*x),
        Value::Int64(x) => Some(*x as f64),
        Value::Numeric(x) => Some(*x as f64 / 1e9),
        _ => None,
    }
}

pub(super) fn invalid(option: &str, value: &Value, reason: &str) -> MlError {
    MlError::InvalidOption { option: option.to_owned(), value: print(value), reason: reason.to_owned() }
}

/// A value as it may have been written.
fn print(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        Value::Int64(n) => n.to_string(),
        Value::Float64(x) => x.to_string(),
        Value::Bool(is) => is.to_string(),
        Value::Array(items) => format!("[{}]", items.iter().map(print).collect::<Vec<_>>().join(", ")),
        Value::Struct(items) => format!("({})", items.iter().map(print).collect::<Vec<_>>().join(", ")),
        Value::Null => "NULL".to_owned(),
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NAMES: &[&str] = &[
        "model_type",
        "TIME_SERIES_TIMESTAMP_COL",
        "time_series_data_col",
        "time_series_id_col",
        "horizon",
        "auto_arima",
        "non_seasonal_order",
        "seasonalities",
        "forecast_limit_lower_bound",
        "max_time_series_length",
        "input_label_cols",
        "data_split_method",
        "data_split_col",
        "l1_reg",
        "learn_rate",
        "kms_key_name",
        "nonsense",
    ];

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::Int64),
            any::<f64>().prop_map(Value::Float64),
            any::<bool>().prop_map(Value::Bool),
            prop_oneof!["ARIMA_PLUS", "linear_reg", "AUTO", "SEQ", ".*"].prop_map(Value::String),
        ];
        leaf.clone().prop_recursive(1, 8, 4, move |_| prop::collection::vec(leaf.clone(), 0..4).prop_map(Value::Array))
    }

    proptest! {
        #[test]
        fn any_options_are_read_or_refused(given in prop::collection::vec((prop::sample::select(NAMES), any_value()), 0..6)) {
            let given: Vec<(String, Value)> = given.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            if let Err(error) = ModelOptions::parse(&given) {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }
}
