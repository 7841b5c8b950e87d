//! `queryParameters`: named or by position, scalars, arrays and structs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value as Json;

use super::super::external::not_a_value;
use super::super::members::Members;
use crate::server::bigquery::engine::Parameters;
use crate::server::bigquery::http::ApiError;
use crate::server::bigquery::value::{DEPTH_MAX, Type, Value};

/// The service's own bound.
const PARAMETERS_MAX: usize = 10_000;

/// # Errors
/// 400 for types that do not exist, values that are none of their type, and names that come twice.
pub(super) fn read(members: &Members<'_>) -> Result<Parameters, ApiError> {
    let list = members.list("queryParameters")?;
    if list.len() > PARAMETERS_MAX {
        return Err(ApiError::invalid(format!("Too many query parameters: at most {PARAMETERS_MAX} are allowed")));
    }
    let mut named = Vec::new();
    let mut positional = Vec::new();
    for (index, parameter) in list.iter().enumerate() {
        let parameter = Members::of(format!("{}[{index}]", members.path_of("queryParameters")), parameter)?;
        parameter.only(&["name", "parameterType", "parameterValue"], &[])?;
        let kind = read_type(&parameter.required_object("parameterType")?, 0)?;
        let value = match parameter.object("parameterValue")? {
            Some(value) => read_value(&value, &kind)?,
            None => Value::Null,
        };
        match parameter.text("name")?.filter(|name| !name.is_empty()) {
            Some(name) => named.push((name.to_owned(), kind, value)),
            None => positional.push((kind, value)),
        }
    }
    let mode = members.text("parameterMode")?.unwrap_or_default().to_ascii_uppercase();
    match (mode.as_str(), named.is_empty(), positional.is_empty()) {
        ("" | "POSITIONAL" | "NAMED" | "PARAMETER_MODE_UNSPECIFIED", true, true) => Ok(Parameters::None),
        ("" | "NAMED" | "PARAMETER_MODE_UNSPECIFIED", false, true) => named_once(named),
        ("" | "POSITIONAL" | "PARAMETER_MODE_UNSPECIFIED", true, false) => Ok(Parameters::Positional(positional)),
        ("" | "POSITIONAL" | "NAMED" | "PARAMETER_MODE_UNSPECIFIED", ..) => {
            Err(ApiError::invalid("Query parameters must be either all named or all positional, as parameterMode says"))
        }
        (other, ..) => Err(not_a_value("parameterMode", other)),
    }
}

/// Names are the same in any letter case.
fn named_once(named: Vec<(String, Type, Value)>) -> Result<Parameters, ApiError> {
    let mut names = std::collections::HashSet::new();
    match named.iter().find(|(name, ..)| !names.insert(name.to_lowercase())) {
        Some((name, ..)) => Err(ApiError::invalid(format!("Duplicate parameter name {name}"))),
        None => Ok(Parameters::Named(named)),
    }
}

fn read_type(members: &Members<'_>, depth: usize) -> Result<Type, ApiError> {
    if depth > DEPTH_MAX {
        return Err(ApiError::invalid("Query parameter types are nested too deep"));
    }
    members.only(&["type", "arrayType", "structTypes"], &["rangeElementType", "timestampPrecision"])?;
    let word = members.required_text("type")?;
    match word.to_ascii_uppercase().as_str() {
        "ARRAY" => {
            let element = read_type(&members.required_object("arrayType")?, depth + 1)?;
            if matches!(element, Type::Array(_)) {
                return Err(ApiError::invalid("Query parameters can't be arrays of arrays"));
            }
            Ok(Type::Array(Box::new(element)))
        }
        "STRUCT" | "RECORD" => {
            let fields = members.list("structTypes")?.iter().map(|field| {
                let field = Members::of(members.path_of("structTypes"), field)?;
                let kind = read_type(&field.required_object("type")?, depth + 1)?;
                Ok((field.text("name")?.filter(|name| !name.is_empty()).map(str::to_owned), kind))
            });
            fields.collect::<Result<_, ApiError>>().map(Type::Struct)
        }
        "FLOAT" => Ok(Type::Float64),
        other => Type::of_word(other).ok_or_else(|| not_a_value("parameterType.type", word)),
    }
}

/// As deep as the type.
fn read_value(members: &Members<'_>, kind: &Type) -> Result<Value, ApiError> {
    members.only(&["value", "arrayValues", "structValues"], &["rangeValue"])?;
    match kind {
        Type::Array(element) => {
            if members.value("arrayValues").is_none() {
                // Clients leave an empty array out; NULL and empty are the same in what can be asked of it.
                return Ok(Value::Array(Vec::new()));
            }
            let values = members.list("arrayValues")?.iter();
            let values = values.map(|value| read_value(&Members::of(members.path_of("arrayValues"), value)?, element));
            values.collect::<Result<_, _>>().map(Value::Array)
        }
        Type::Struct(fields) => {
            let Some(values) = members.object("structValues")? else { return Ok(Value::Null) };
            let values = fields.iter().map(|(name, kind)| {
                let value = values.object(name.as_deref().unwrap_or_default())?;
                value.map_or(Ok(Value::Null), |value| read_value(&value, kind))
            });
            values.collect::<Result<_, _>>().map(Value::Struct)
        }
        scalar => match members.value("value") {
            None => Ok(Value::Null),
            Some(Json::String(text)) => parse(text, scalar),
            Some(value @ (Json::Number(_) | Json::Bool(_))) => parse(&value.to_string(), scalar),
            Some(other) => Err(super::super::members::wrong(&members.path_of("value"), "TYPE_STRING", other)),
        },
    }
}

fn parse(text: &str, kind: &Type) -> Result<Value, ApiError> {
    let parsed = match kind {
        Type::Bytes => STANDARD.decode(text).map(Value::Bytes).map_err(|_| "it is no base64".to_owned()),
        kind => Value::parse(text, kind).map_err(|error| error.to_string()),
    };
    parsed.map_err(|why| {
        let shown: String = text.chars().take(100).collect();
        ApiError::invalid(format!("Invalid query parameter value {shown:?} for type {}: {why}", kind.name()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(json: Json) -> Result<Parameters, String> {
        read(&Members::of("query", &json).unwrap()).map_err(|error| error.message)
    }

    #[test]
    fn parameters_have_the_types_that_clients_give() {
        let scalar =
            |kind: &str, value: &str| json!({"parameterType": {"type": kind}, "parameterValue": {"value": value}});
        let read = check(json!({"queryParameters": [
            scalar("INT64", "5"), scalar("FLOAT64", "NaN"), scalar("BOOL", "true"), scalar("BYTES", "AQI="),
            scalar("TIMESTAMP", "1970-01-01 00:00:01+00:00"), scalar("DATE", "1970-01-02"),
            {"parameterType": {"type": "STRING"}, "parameterValue": {}},
            {"parameterType": {"type": "ARRAY", "arrayType": {"type": "INT64"}},
             "parameterValue": {"arrayValues": [{"value": "1"}, {"value": "2"}]}},
            {"parameterType": {"type": "STRUCT", "structTypes": [
                {"name": "a", "type": {"type": "INT64"}},
                {"name": "b", "type": {"type": "ARRAY", "arrayType": {"type": "STRING"}}}]},
             "parameterValue": {"structValues": {"a": {"value": "1"}, "b": {"arrayValues": [{"value": "x"}]}}}},
        ]}))
        .unwrap();
        let Parameters::Positional(parameters) = read else { panic!("{read:?}") };
        let values: Vec<&Value> = parameters.iter().map(|(_, value)| value).collect();
        assert_eq!(values[0], &Value::Int64(5));
        assert!(matches!(values[1], Value::Float64(value) if value.is_nan()));
        assert_eq!(values[2..5], [&Value::Bool(true), &Value::Bytes(vec![1, 2]), &Value::Timestamp(1_000_000)]);
        assert_eq!(values[5..7], [&Value::Date(1), &Value::Null]);
        assert_eq!(values[7], &Value::Array(vec![Value::Int64(1), Value::Int64(2)]));
        let inner = Value::Array(vec![Value::String("x".into())]);
        assert_eq!(values[8], &Value::Struct(vec![Value::Int64(1), inner]));
        assert_eq!(parameters[8].0.name(), "STRUCT<a INT64, b ARRAY<STRING>>");
    }

    #[test]
    fn wrong_parameters_are_refused() {
        let of = |parameter: Json| json!({"queryParameters": [parameter]});
        let named =
            |name: &str| json!({"name": name, "parameterType": {"type": "INT64"}, "parameterValue": {"value": "1"}});
        for (json, part) in [
            (of(json!({"parameterType": {"type": "INT64"}, "parameterValue": {"value": "x"}})), "Bad int64 value: x"),
            (
                of(json!({"parameterType": {"type": "INT64"}, "parameterValue": {"value": "9".repeat(40)}})),
                "Bad int64 value",
            ),
            (of(json!({"parameterType": {"type": "GEOGRAPHY"}})), "GEOGRAPHY is not a valid value"),
            (of(json!({"parameterValue": {"value": "1"}})), "parameterType"),
            (json!({"queryParameters": [named("a"), named("A")]}), "Duplicate parameter name A"),
            (json!({"parameterMode": "POSITIONAL", "queryParameters": [named("a")]}), "either all named"),
            (json!({"parameterMode": "X"}), "Invalid value for parameterMode"),
            (json!({"queryParameters": 5}), "query.queryParameters"),
        ] {
            let message = check(json.clone()).unwrap_err();
            assert!(message.contains(part), "{json}: {message}");
        }
        let mut kind = json!({"type": "INT64"});
        for _ in 0..40 {
            kind = json!({"type": "STRUCT", "structTypes": [{"name": "a", "type": kind}]});
        }
        assert!(check(of(json!({"parameterType": kind}))).unwrap_err().contains("nested too deep"));
    }
}
