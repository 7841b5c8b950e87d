//! Values as JSON documents, for TO_JSON, TO_JSON_STRING and exports.

use serde_json::{Map, Number, Value as Json};

use crate::server::bigquery::value::text::{Zone, print_datetime, print_timestamp_in, to_base64};
use crate::server::bigquery::value::{Type, Value, numeric};

/// A value of a type as TO_JSON writes it: structs as objects, timestamps with `T` and `Z`, what JSON numbers can't hold exactly as strings.
pub(super) fn to_document(value: &Value, kind: &Type) -> Json {
    match (value, kind) {
        (Value::Null, _) => Json::Null,
        (Value::Bool(value), _) => Json::Bool(*value),
        (Value::Int64(value), _) => Json::from(*value),
        (Value::Float64(value), _) => float(*value),
        (Value::Numeric(value), _) => number(*value),
        (Value::Bytes(bytes), _) => Json::String(to_base64(bytes)),
        (Value::Datetime(micros), _) => Json::String(print_datetime(*micros, 'T')),
        (Value::Timestamp(micros), _) => {
            let text = print_timestamp_in(*micros, &Zone::UTC).replacen(' ', "T", 1);
            Json::String(text.trim_end_matches("+00").to_owned() + "Z")
        }
        (Value::Json(text), _) => serde_json::from_str(text).unwrap_or(Json::Null),
        (Value::Array(items), Type::Array(element)) => items.iter().map(|item| to_document(item, element)).collect(),
        (Value::Struct(items), Type::Struct(fields)) => object(items, fields),
        (scalar, _) => scalar.print().map_or(Json::Null, Json::String),
    }
}

/// Fields without a name have the empty one; of equal names the first counts.
fn object(items: &[Value], fields: &[(Option<String>, Type)]) -> Json {
    let mut members = Map::new();
    for (item, (name, kind)) in items.iter().zip(fields) {
        members.entry(name.clone().unwrap_or_default()).or_insert_with(|| to_document(item, kind));
    }
    Json::Object(members)
}

/// Whole floats are written without a point, as BigQuery does.
fn float(value: f64) -> Json {
    #[expect(clippy::cast_possible_truncation, reason = "checked: whole and below 2^53")]
    if value.fract() == 0.0 && value.abs() < 9e15 {
        return Json::from(value as i64);
    }
    match Number::from_f64(value) {
        Some(number) => Json::Number(number),
        None if value.is_nan() => Json::from("NaN"),
        None => Json::from(if value > 0.0 { "Infinity" } else { "-Infinity" }),
    }
}

fn number(value: i128) -> Json {
    let text = numeric::print_numeric(value);
    let as_float = numeric::to_float(value);
    match (text.parse::<i64>(), numeric::of_float(as_float)) {
        (Ok(whole), _) => Json::from(whole),
        (Err(_), Ok(same)) if same == value => Number::from_f64(as_float).map_or(Json::String(text), Json::Number),
        _ => Json::String(text),
    }
}

/// A JSON number that is whole.
pub(super) fn int(json: &Json) -> Option<Value> {
    if let Some(value) = json.as_i64() {
        return Some(Value::Int64(value));
    }
    let value = json.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9e15)?;
    #[expect(clippy::cast_possible_truncation, reason = "checked: whole and below 2^53")]
    Some(Value::Int64(value as i64))
}
