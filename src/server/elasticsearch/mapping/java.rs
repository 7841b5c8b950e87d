//! How Java prints values: Elasticsearch's messages show numbers, maps and lists that way.

use serde_json::Value;

use crate::server::elasticsearch::codec::json::{Json, JsonValue, Source};

/// `Double.toString`: plain from 0.001 to below 10,000,000, else with an exponent.
pub(crate) fn double(value: f64) -> String {
    if value.is_nan() {
        return "NaN".into();
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".into() } else { "-Infinity".into() };
    }
    let magnitude = value.abs();
    if magnitude == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let point = if mantissa.contains('.') { "" } else { ".0" };
    format!("{mantissa}{point}E{exponent}")
}

/// `Object.toString` of a parsed value: `{a=1, b=[x, y]}`.
pub(crate) fn value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(flag) => flag.to_string(),
        Value::Number(number) if number.is_f64() => double(number.as_f64().unwrap_or_default()),
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(self::value).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|(key, member)| format!("{key}={}", self::value(member))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

/// The same for a value with places: integers keep the digits they were sent with.
pub(crate) fn json(json: &Json, source: &Source<'_>) -> String {
    match &json.value {
        JsonValue::Null => "null".into(),
        JsonValue::Bool(flag) => flag.to_string(),
        JsonValue::Int(number) => number.to_string(),
        JsonValue::Float { integral: true, .. } => String::from_utf8_lossy(source.slice(json.span)).into_owned(),
        JsonValue::Float { value, .. } => double(*value),
        JsonValue::String(text) => text.clone(),
        JsonValue::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| self::json(item, source)).collect();
            format!("[{}]", items.join(", "))
        }
        JsonValue::Object(members) => {
            let members: Vec<String> =
                members.iter().map(|member| format!("{}={}", member.key, self::json(&member.value, source))).collect();
            format!("{{{}}}", members.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_java_prints_them() {
        for (value, text) in [
            (1e30, "1.0E30"),
            (3_000_000_000.5, "3.0000000005E9"),
            (5.5, "5.5"),
            (70000.0, "70000.0"),
            (1e7, "1.0E7"),
            (0.001, "0.001"),
            (0.0001, "1.0E-4"),
            (f64::INFINITY, "Infinity"),
            (-0.0, "-0.0"),
        ] {
            assert_eq!(double(value), text);
        }
    }

    #[test]
    fn maps_print_as_java_prints_them() {
        assert_eq!(
            value(&serde_json::json!({"a": 1, "b": ["x", null], "c": {"d": 1.5}})),
            "{a=1, b=[x, null], c={d=1.5}}"
        );
    }
}
