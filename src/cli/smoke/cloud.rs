//! The cloud half, read back: the object in the bucket line by line, and what BigQuery makes of it, by plain requests.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check::{Outcome, Trouble};
use super::expected::{Content, Expected};
use super::http::Http;
use crate::cli::up::CloudPlaces;
use crate::cloud::OBJECT;
use crate::report::count;

/// The models that the scripts of `sql/` train, in the order of their names.
const MODELS: [&str; 3] = ["price_forecaster", "price_forecaster_by_instrument", "price_regressor"];
/// What the scripts forecast.
const HORIZON: u64 = 10;
/// Sums are added up in another order there.
const RELATIVE_ERROR_MAX: f64 = 1e-9;

/// The object holds the source's ticks, in its order, and nothing else.
pub(super) async fn check_object(http: &Http, places: &CloudPlaces, expected: &Expected) -> Outcome {
    let path = format!("/storage/v1/b/{}/o/{}?alt=media", places.bucket, OBJECT.replace('/', "%2F"));
    let text = http.text(&path).await?;
    let wrong = |reason: String| Trouble::wrong(reason).tried(format!("GET {path}"));
    let mut at: BTreeMap<String, usize> = BTreeMap::new();
    let mut lines = 0_u64;
    for (line, number) in text.lines().zip(1_u64..) {
        let content = Content::parse(line.as_bytes()).ok_or_else(|| wrong(format!("line {number} is no tick")))?;
        let next = at.entry(content.token.clone()).or_default();
        let tick = expected.instruments.get(&content.token).and_then(|instrument| instrument.ticks.get(*next));
        if tick.map(|tick| tick.fields) != Some(content.fields) {
            return Err(wrong(format!("line {number} is not tick {} of instrument {}", *next + 1, content.token)));
        }
        *next += 1;
        lines = number;
    }
    if lines != expected.ticks {
        return Err(wrong(format!("{lines} lines instead of {}", expected.ticks)));
    }
    Ok(format!("gs://{}/{OBJECT} holds the {} ticks, in their order", places.bucket, count(lines)))
}

/// The external table gives the numbers that the ticks give.
pub(super) async fn check_table(http: &Http, places: &CloudPlaces, expected: &Expected) -> Outcome {
    let sql = format!(
        "SELECT CAST(instrument_token AS STRING), COUNT(*), MAX(last_price), SUM(last_price) \
         FROM `{}.external_table` GROUP BY 1 ORDER BY 1",
        places.dataset
    );
    let rows = query(http, places, &sql).await?;
    let wrong = |reason: String| Trouble::wrong(reason).tried(sql.clone());
    if rows.len() != expected.instruments.len() {
        return Err(wrong(format!("{} instruments instead of {}", rows.len(), expected.instruments.len())));
    }
    for (token, instrument) in &expected.instruments {
        let Some([_, count, max, sum]) = rows.iter().find(|row| row.first() == Some(token)).map(Vec::as_slice) else {
            return Err(wrong(format!("instrument {token} is not there")));
        };
        let ticks = instrument.ticks.len();
        let near = |text: &str, value: f64| {
            text.parse::<f64>().is_ok_and(|found| (found - value).abs() <= RELATIVE_ERROR_MAX * value.abs().max(1.0))
        };
        if *count != ticks.to_string() || !near(max, instrument.price_max) || !near(sum, instrument.price_sum) {
            let found = format!("count {count}, greatest price {max}, sum {sum}");
            let wanted = format!("{ticks}, {} and {}", instrument.price_max, instrument.price_sum);
            return Err(wrong(format!("instrument {token} has {found} instead of {wanted}")));
        }
    }
    Ok(format!("count, greatest price and sum of {} instrument(s), as the ticks have them", rows.len()))
}

/// The models are there, and answer.
pub(super) async fn check_models(http: &Http, places: &CloudPlaces) -> Outcome {
    let CloudPlaces { project, dataset, .. } = places;
    let answer = http.get(&format!("/bigquery/v2/projects/{project}/datasets/{dataset}/models")).await?;
    let request = answer.request.clone();
    let body = answer.success()?;
    let models = body.get("models").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut names: Vec<&str> =
        models.iter().filter_map(|model| model.pointer("/modelReference/modelId")?.as_str()).collect();
    names.sort_unstable();
    if let Some(absent) = MODELS.iter().find(|model| !names.contains(model)) {
        return Err(Trouble::wrong(format!("the model `{absent}` is not there"))
            .tried(request)
            .next("stockdev bigquery run"));
    }
    let sql = format!("SELECT r2_score FROM ML.EVALUATE(MODEL `{dataset}.price_regressor`)");
    let rows = query(http, places, &sql).await?;
    let r2 = rows.first().and_then(|row| row.first()).and_then(|text| text.parse::<f64>().ok());
    let Some(r2) = r2.filter(|r2| *r2 <= 1.0) else {
        return Err(Trouble::wrong(format!("the regression has no R2: {rows:?}")).tried(sql));
    };
    let sql = format!(
        "SELECT COUNT(DISTINCT instrument_token), COUNT(*), \
         COUNTIF(forecast_value BETWEEN prediction_interval_lower_bound AND prediction_interval_upper_bound) \
         FROM ML.FORECAST(MODEL `{dataset}.price_forecaster_by_instrument`, STRUCT({HORIZON} AS horizon))"
    );
    let rows = query(http, places, &sql).await?;
    let numbers: Vec<u64> = rows.first().into_iter().flatten().filter_map(|text| text.parse().ok()).collect();
    match numbers[..] {
        [series, forecasts, within] if series > 0 && forecasts == series * HORIZON && within == forecasts => {
            Ok(format!("{} models; R2 {r2:.4}; {HORIZON} steps ahead for {series} instrument(s)", MODELS.len()))
        }
        _ => Err(Trouble::wrong(format!("the forecasts don't add up: {numbers:?}")).tried(sql)),
    }
}

/// The rows of a query, all values as text.
async fn query(http: &Http, places: &CloudPlaces, sql: &str) -> Result<Vec<Vec<String>>, Trouble> {
    let body = json!({"query": sql, "useLegacySql": false, "timeoutMs": 60_000});
    let answer = http.post(&format!("/bigquery/v2/projects/{}/queries", places.project), &body).await?;
    let body = answer.success()?;
    if body.get("jobComplete") != Some(&Value::Bool(true)) {
        return Err(Trouble::could_not("the query did not end within a minute").tried(sql));
    }
    let rows = body.get("rows").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let text = |cell: &Value| cell.get("v").and_then(Value::as_str).unwrap_or_default().to_owned();
    let cells = |row: &Value| row.get("f").and_then(Value::as_array).map(|cells| cells.iter().map(text).collect());
    Ok(rows.iter().filter_map(cells).collect())
}
