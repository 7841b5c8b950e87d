//! A trained model as the API and a job's statistics show it.

use serde_json::{Map, Value as Json, json};

use super::flat::flat_fields;
use crate::server::bigquery::engine::outcome::MlStatistics;
use crate::server::bigquery::engine::resource::{Model as Resource, Settings, TableReference};
use crate::server::bigquery::engine::store::{Outcome, StoredModel, stamp};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::ml::{Model, Table};
use crate::server::bigquery::value::{Field, Type, Value};

/// `mlStatistics`.
pub(super) fn statistics(model: &Model) -> Outcome<MlStatistics> {
    let max_iterations = match model {
        Model::Linear(linear) => i64::try_from(linear.options.iterations_max).unwrap_or(i64::MAX),
        Model::Arima(_) => 1,
    };
    let iterations = iterations(&model.call("ML.TRAINING_INFO", &[], None)?);
    Ok(MlStatistics { model_type: model.resource_type().to_owned(), max_iterations, iterations })
}

/// `iterationResults`: the rows of `ML.TRAINING_INFO` under the API's names.
fn iterations(table: &Table) -> Vec<Json> {
    let names = [
        ("iteration", "index"),
        ("duration_ms", "durationMs"),
        ("loss", "trainingLoss"),
        ("eval_loss", "evalLoss"),
        ("learning_rate", "learnRate"),
    ];
    let row = |row: &Vec<Value>| {
        let mut object = Map::new();
        for (column, name) in names {
            let index = table.fields.iter().position(|field| field.name == column);
            if let Some(value) = index.and_then(|index| row.get(index)).and_then(number) {
                // 64-bit integers are strings in the API, a count is not.
                let value = if name == "durationMs" { Json::String(value.to_string()) } else { value };
                object.insert(name.to_owned(), value);
            }
        }
        Json::Object(object)
    };
    table.rows.iter().map(row).collect()
}

fn number(value: &Value) -> Option<Json> {
    match value {
        Value::Int64(value) => Some((*value).into()),
        Value::Float64(value) if value.is_finite() => Some((*value).into()),
        _ => None,
    }
}

/// What the catalogue keeps.
pub(super) fn stored_model(
    reference: &TableReference,
    location: String,
    model: &Model,
    (fields, options): (&[Field], &[(String, Value)]),
    started_ms: i64,
) -> Outcome<StoredModel> {
    let content = serde_json::to_string(model)
        .map_err(|error| QueryError::new(Reason::BackendError, format!("the model can't be kept: {error}")))?;
    let (label_columns, feature_columns) = columns(model, fields);
    let resource = Resource {
        reference: reference.clone(),
        model_type: model.resource_type().to_owned(),
        location,
        settings: Settings::default(),
        stamp: stamp(None),
        feature_columns,
        label_columns,
        training_runs: training_runs(model, options, started_ms)?,
    };
    Ok(StoredModel { model: resource, content })
}

/// Labels, and the features.
fn columns(model: &Model, fields: &[Field]) -> (Vec<Field>, Vec<Field>) {
    let label = match model {
        Model::Linear(model) => model.label.clone(),
        Model::Arima(model) => model.options.data_column.clone(),
    };
    flat_fields(fields)
        .into_iter()
        .map(|field| match field.kind {
            // A label is predicted as a number whatever it was.
            Type::Int64 | Type::Numeric if field.name.eq_ignore_ascii_case(&label) => {
                Field { kind: Type::Float64, ..field }
            }
            _ => field,
        })
        .partition(|field| field.name.eq_ignore_ascii_case(&label))
}

fn training_runs(model: &Model, options: &[(String, Value)], started_ms: i64) -> Outcome<Json> {
    let training_options: Map<String, Json> =
        options.iter().map(|(name, value)| (camel_case(name), option_json(value))).collect();
    let metrics = match model {
        Model::Linear(_) => json!({ "regressionMetrics": regression_metrics(model)? }),
        Model::Arima(_) => json!({ "arimaForecastingMetrics": arima_metrics(model)? }),
    };
    Ok(json!([{
        "trainingOptions": training_options,
        "startTime": rfc3339(started_ms),
        "results": iterations(&model.call("ML.TRAINING_INFO", &[], None)?),
        "evaluationMetrics": metrics,
    }]))
}

fn regression_metrics(model: &Model) -> Outcome<Json> {
    let table = model.call("ML.EVALUATE", &[], None)?;
    let mut object = Map::new();
    for (field, value) in table.fields.iter().zip(table.rows.first().into_iter().flatten()) {
        let name = if field.name == "r2_score" { "rSquared".to_owned() } else { camel_case(&field.name) };
        if let Some(value) = number(value) {
            object.insert(name, value);
        }
    }
    Ok(Json::Object(object))
}

fn arima_metrics(model: &Model) -> Outcome<Json> {
    let table =
        model.call("ML.ARIMA_EVALUATE", &[("show_all_candidate_models".to_owned(), Value::Bool(false))], None)?;
    let rows = table.rows.iter().map(|row| {
        let value = |name: &str| {
            let index = table.fields.iter().position(|field| field.name.eq_ignore_ascii_case(name))?;
            row.get(index)
        };
        let integer = |name: &str| value(name).and_then(number).map(|value| value.to_string());
        json!({
            "nonSeasonalOrder": { "p": integer("non_seasonal_p"), "d": integer("non_seasonal_d"), "q": integer("non_seasonal_q") },
            "arimaFittingMetrics": {
                "logLikelihood": value("log_likelihood").and_then(number),
                "aic": value("AIC").and_then(number),
                "variance": value("variance").and_then(number),
            },
            "hasDrift": value("has_drift") == Some(&Value::Bool(true)),
        })
    });
    Ok(json!({ "arimaSingleModelForecastingMetrics": rows.collect::<Vec<_>>() }))
}

fn option_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => (*value).into(),
        Value::Float64(value) => (*value).into(),
        Value::Array(items) | Value::Struct(items) => items.iter().map(option_json).collect(),
        Value::Null => Json::Null,
        value => value.print().into(),
    }
}

/// `MAX_ITERATIONS` becomes `maxIterations`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_').map(str::to_lowercase);
    let mut camel = words.next().unwrap_or_default();
    for word in words {
        let mut letters = word.chars();
        camel.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(letters.as_str());
    }
    camel
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).map(|at| at.to_string()).unwrap_or_default()
}
