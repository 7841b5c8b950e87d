//! What the scripts predict, put beside the ticks: the rows of `ML.FORECAST` become documents of an index of their own, which
//! the dashboard's page draws and Kibana can chart.
//!
//! The models know the ticks' own times, the index has them moved so that the stream ends now; forecasts are moved alike.

use std::collections::BTreeMap;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use super::plan::identity;
use crate::cli::bigquery::forecast_table;
use crate::cli::connection::Connection;
use crate::cli::context::{Context, Found};
use crate::cli::failure::Failure;
use crate::cli::failures;
use crate::cloud::{Cell, ResultTable, ScriptRun};
use crate::lens::forecast::index_name;
use crate::pipeline::INDEX;
use crate::report::{Phase, counted};
use crate::setup::{self, FORECASTS_MAX, ForecastOutcome};
use crate::stack::{Record, StackKind};
use crate::tick::{TickSource, TimeShift};

/// Numbers that a forecast has, by the names that BigQuery gives them.
const NUMBERS: [&str; 5] = [
    "forecast_value",
    "standard_error",
    "confidence_level",
    "prediction_interval_lower_bound",
    "prediction_interval_upper_bound",
];

/// The index of the forecasts that belong to the stream's.
pub(in crate::cli) fn forecast_index() -> String {
    index_name(INDEX)
}

/// What is in the index now.
#[derive(Debug)]
pub(super) struct Published {
    index: String,
    documents: usize,
    outcome: ForecastOutcome,
}

impl Published {
    pub(super) fn document(&self) -> Value {
        let ForecastOutcome { written, removed } = self.outcome;
        json!({"index": self.index, "documents": self.documents, "written": written, "removed": removed})
    }

    pub(super) fn line(&self) -> String {
        let state = if self.outcome == ForecastOutcome::default() { "unchanged" } else { "written" };
        format!("index {}, {}, {state}", self.index, counted(self.documents, "document"))
    }
}

/// Replaces the forecasts in the index by those of these runs, whose models were trained on the ticks of `source`.
pub(super) async fn publish(
    runs: &[ScriptRun],
    source: &TickSource,
    cx: &Context,
    connection: &Connection,
) -> Result<Published, Failure> {
    let index = forecast_index();
    let record = Found::look(&cx.project())?.record;
    let documents = forecast_table(runs).map(|table| documents(table, shift(record.as_ref(), source)));
    let mut documents = documents.unwrap_or_default();
    if documents.len() > FORECASTS_MAX {
        cx.report.note(&format!("of {} forecasts the first {FORECASTS_MAX} are put into `{index}`", documents.len()));
        documents = documents.into_iter().take(FORECASTS_MAX).collect();
    }
    intend(record, &index, documents.is_empty(), cx, connection).await?;
    let outcome = setup::replace_forecasts(&connection.elasticsearch, &index, &documents).await.map_err(failed)?;
    Ok(Published { index, documents: documents.len(), outcome })
}

/// On servers of others an index that is not there yet will be this project's: recorded before it is made.
async fn intend(
    record: Option<Record>,
    index: &str,
    is_nothing: bool,
    cx: &Context,
    connection: &Connection,
) -> Result<(), Failure> {
    let external = record.filter(|record| record.stack == StackKind::External && !is_nothing);
    let Some(mut record) = external else { return Ok(()) };
    if setup::has_forecasts(&connection.elasticsearch, index).await.map_err(failed)? {
        return Ok(());
    }
    record.created.forecasts = true;
    record.save(&cx.project()).map_err(|error| failures::file(&error))
}

fn failed(error: setup::SetupError) -> Failure {
    failures::setup(&error)
        .phase(Phase::Bigquery)
        .left("the stack runs, the scripts ran; their forecasts are not on the dashboard")
}

/// How far the ticks of `source` were moved when they were streamed last.
fn shift(record: Option<&Record>, source: &TickSource) -> TimeShift {
    let source = identity(source);
    let streams = record.into_iter().flat_map(|record| record.streams.iter().rev());
    let micros = streams.filter(|stream| stream.source == source).find_map(|stream| stream.shift_micros);
    micros.map_or(TimeShift::NONE, TimeShift::from_micros)
}

/// By instrument and the forecast's own time, so that another run writes over what it finds. A row without time or value is
/// no forecast.
fn documents(table: &ResultTable, shift: TimeShift) -> BTreeMap<String, Value> {
    let cell = |row: &Vec<Cell>, name: &str| table.column(name).and_then(|place| row.get(place).cloned());
    let document = |row: &Vec<Cell>| {
        let instrument = cell(row, "instrument_token").filter(|cell| *cell != Cell::Null)?.to_text();
        let at = instant(&cell(row, "forecast_timestamp")?.to_text())?;
        let mut fields = Map::new();
        for name in NUMBERS {
            let number = cell(row, name).and_then(|cell| cell.number()).filter(|number| number.is_finite());
            fields.extend(number.map(|number| (name.to_owned(), json!(number))));
        }
        fields.get("forecast_value")?;
        fields.insert("instrument_token".to_owned(), json!(instrument));
        fields.insert("forecast_timestamp".to_owned(), json!(written(at)));
        fields.insert("timestamp".to_owned(), json!(written(shift.apply(at))));
        Some((format!("{instrument}_{}", written(at)), Value::Object(fields)))
    };
    table.rows.iter().filter_map(document).collect()
}

/// `2024-01-02 10:01:00 UTC`, as BigQuery prints it.
fn instant(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime("%Y-%m-%d %H:%M:%S%.f", text.strip_suffix(" UTC")?).ok()?;
    Some(time.to_zoned(TimeZone::UTC).ok()?.timestamp())
}

/// In milliseconds, which is what Elasticsearch keeps of a date.
fn written(at: Timestamp) -> String {
    let at = at.round(Unit::Millisecond).unwrap_or(at);
    format!("{at:.3}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Column;
    use crate::lens::forecast;

    fn table(rows: Vec<Vec<Cell>>) -> ResultTable {
        let column =
            |name: &str| Column { name: name.into(), kind: "FLOAT".into(), repeated: false, fields: Vec::new() };
        let names = ["instrument_token", "forecast_timestamp"].into_iter().chain(NUMBERS);
        ResultTable { columns: names.map(column).collect(), total: rows.len().try_into().unwrap(), rows }
    }

    fn row(instrument: &str, at: &str, numbers: [f64; 5]) -> Vec<Cell> {
        let texts = [instrument, at].map(|text| Cell::Text(text.to_owned()));
        texts.into_iter().chain(numbers.map(Cell::Float)).collect()
    }

    #[test]
    fn the_page_looks_where_forecasts_are_put_and_shows_them_on_the_shipped_dashboard() {
        assert_eq!(forecast::index_of(INDEX), Some(forecast_index()));
        assert_eq!(forecast::DASHBOARD, setup::DASHBOARD_ID);
    }

    #[test]
    fn a_row_is_a_document_on_the_clock_of_the_ticks() {
        let numbers = [101.5, 2.0, 0.95, 97.5, 105.5];
        let rows = vec![row("7", "2024-01-02 10:01:00 UTC", numbers), row("7", "2024-01-02 10:02:00.5 UTC", numbers)];
        let documents = documents(&table(rows), TimeShift::from_micros(86_400_000_000 + 250_400));
        let ids: Vec<&str> = documents.keys().map(String::as_str).collect();
        assert_eq!(ids, ["7_2024-01-02T10:01:00.000Z", "7_2024-01-02T10:02:00.500Z"]);
        let expected = json!({
            "instrument_token": "7", "timestamp": "2024-01-03T10:01:00.250Z", "forecast_timestamp": "2024-01-02T10:01:00.000Z",
            "forecast_value": 101.5, "standard_error": 2.0, "confidence_level": 0.95,
            "prediction_interval_lower_bound": 97.5, "prediction_interval_upper_bound": 105.5,
        });
        assert_eq!(documents[ids[0]], expected);
    }

    #[test]
    fn what_has_no_time_or_value_is_no_forecast_and_what_is_no_number_is_left_out() {
        let nan = f64::NAN;
        let rows = vec![
            row("7", "soon", [1.0; 5]),
            row("8", "2024-01-02 10:01:00 UTC", [nan; 5]),
            row("9", "2024-01-02 10:01:00 UTC", [1.0, nan, 0.95, f64::NEG_INFINITY, f64::INFINITY]),
            vec![Cell::Null, Cell::Text("2024-01-02 10:01:00 UTC".into()), Cell::Float(1.0)],
        ];
        let documents = documents(&table(rows), TimeShift::NONE);
        assert_eq!(documents.len(), 1, "{documents:?}");
        let document = documents.values().next().unwrap();
        assert_eq!(
            (&document["timestamp"], &document["forecast_timestamp"]),
            (&document["forecast_timestamp"], &document["timestamp"])
        );
        assert_eq!((&document["confidence_level"], document.get("standard_error")), (&json!(0.95), None));
        assert_eq!(document.get("prediction_interval_upper_bound"), None);
    }
}
