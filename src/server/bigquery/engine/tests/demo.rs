//! The five scripts of the demo, in their shape.

use super::{Fixture, ticks};
use crate::server::bigquery::engine::{DdlOperation, TableReference};

const EXTERNAL: &str = "
-- over the sample
CREATE OR REPLACE EXTERNAL TABLE `p.ds.external_table`
OPTIONS (format = 'JSON', uris = ['gs://bucket/data/stock_data_sample.json']);
";

const REGRESSION: &str = "
CREATE OR REPLACE MODEL `p.ds.price_regressor`
OPTIONS (model_type = 'linear_reg', input_label_cols = ['last_price']) AS
SELECT last_price, volume, average_price, open, high, low, close, EXTRACT(HOUR FROM TIMESTAMP(timestamp)) AS hour
FROM `p.ds.external_table`;
";

const PREDICTION: &str = "
SELECT predicted_last_price, *
FROM ML.PREDICT(MODEL `p.ds.price_regressor`, (
  SELECT last_price, volume, average_price, open, high, low, close, EXTRACT(HOUR FROM TIMESTAMP(timestamp)) AS hour
  FROM `p.ds.external_table`))
LIMIT 10;
";

const SERIES: &str = "
CREATE OR REPLACE MODEL `p.ds.arima`
OPTIONS (model_type = 'ARIMA_PLUS', time_series_timestamp_col = 'timestamp', time_series_data_col = 'last_price',
  auto_arima = TRUE, horizon = 10) AS
SELECT TIMESTAMP(timestamp) AS timestamp, AVG(last_price) AS last_price FROM `p.ds.external_table` GROUP BY 1;
SELECT * FROM ML.FORECAST(MODEL `p.ds.arima`, STRUCT(10 AS horizon));
";

const MANY_SERIES: &str = "
CREATE OR REPLACE MODEL `p.ds.arima_multi`
OPTIONS (model_type = 'ARIMA_PLUS', time_series_timestamp_col = 'timestamp', time_series_data_col = 'last_price',
  time_series_id_col = 'instrument_token', auto_arima = TRUE, horizon = 10) AS
SELECT TIMESTAMP(timestamp) AS timestamp, CAST(instrument_token AS STRING) AS instrument_token, last_price
FROM `p.ds.external_table`;
SELECT * FROM ML.FORECAST(MODEL `p.ds.arima_multi`, STRUCT(10 AS horizon, 0.9 AS confidence_level));
";

fn fixture() -> Fixture {
    let fixture = Fixture::new();
    fixture.objects.put("bucket", "data/stock_data_sample.json", ticks(240, 15).as_bytes());
    let outcome = fixture.run(EXTERNAL);
    assert_eq!(outcome.error, None);
    fixture
}

#[test]
fn the_external_table_is_typed_by_its_first_rows() {
    let fixture = fixture();
    let table = fixture.engine.table(&TableReference::new("p", "ds", "external_table")).unwrap();
    assert_eq!(
        super::fields(&table.fields),
        "timestamp TIMESTAMP, instrument_token INT64, last_price FLOAT64, volume INT64, sell_quantity INT64, last_quantity INT64, \
         change FLOAT64, average_price FLOAT64, open FLOAT64, high FLOAT64, low FLOAT64, close FLOAT64, \
         depth STRUCT<buy ARRAY<STRUCT<price FLOAT64, orders INT64, quantity INT64>>, \
         sell ARRAY<STRUCT<price FLOAT64, orders INT64, quantity INT64>>>"
    );
    assert_eq!(table.kind.word(), "EXTERNAL");
    let rows = fixture.rows("SELECT COUNT(*), MIN(timestamp), MAX(volume) FROM ds.external_table");
    assert_eq!(rows, "240 2024-01-01 09:00:00.250+00 1310");
    let nested =
        fixture.rows("SELECT b.price FROM ds.external_table AS t, UNNEST(t.depth.sell) AS b ORDER BY 1 DESC LIMIT 1");
    assert_eq!(nested, "1013.5");
}

#[test]
fn a_regression_is_trained_evaluated_and_predicts() {
    let fixture = fixture();
    let outcome = fixture.run(REGRESSION);
    assert_eq!(outcome.error, None);
    let [statement] = outcome.statements.as_slice() else { panic!("{outcome:?}") };
    assert_eq!(statement.statement_type, "CREATE_MODEL");
    assert_eq!(statement.ddl.as_ref().unwrap().operation, DdlOperation::Create);
    assert_eq!(statement.ml.as_ref().unwrap().model_type, "LINEAR_REGRESSION");
    let model = fixture.engine.model(&TableReference::new("p", "ds", "price_regressor")).unwrap();
    assert_eq!(model.label_columns.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["last_price"]);
    assert_eq!(model.feature_columns.len(), 7);

    let columns = fixture.columns(PREDICTION);
    assert_eq!(
        columns,
        "predicted_last_price FLOAT64, predicted_last_price_1 FLOAT64, last_price FLOAT64, volume INT64, average_price FLOAT64, \
         open FLOAT64, high FLOAT64, low FLOAT64, close FLOAT64, hour INT64"
    );
    assert_eq!(fixture.rows(PREDICTION).lines().count(), 10);
    let good =
        fixture.rows("SELECT r2_score > 0.95, mean_absolute_error < 0.2 FROM ML.EVALUATE(MODEL ds.price_regressor)");
    assert_eq!(good, "true true");
    let inputs = fixture.rows("SELECT processed_input FROM ML.WEIGHTS(MODEL ds.price_regressor)");
    assert_eq!(inputs, "volume\naverage_price\nopen\nhigh\nlow\nclose\nhour\n__INTERCEPT__");
    assert_eq!(fixture.rows("SELECT COUNT(*) FROM ML.FEATURE_INFO(MODEL ds.price_regressor)"), "7");
    assert_eq!(fixture.rows("SELECT COUNT(*) > 0 FROM ML.TRAINING_INFO(MODEL ds.price_regressor)"), "true");

    let error = fixture.error("SELECT * FROM ML.PREDICT(MODEL ds.price_regressor, (SELECT 1 AS volume))");
    assert!(error.to_string().starts_with("Invalid table-valued function ML.PREDICT Column "), "{error}");
    assert!(error.to_string().ends_with("at [1:15]"), "{error}");
    assert_eq!(fixture.run("DROP MODEL ds.price_regressor").error, None);
    let error = fixture.error("SELECT * FROM ML.EVALUATE(MODEL ds.price_regressor)");
    assert!(error.message.contains("Not found: Model p:ds.price_regressor"), "{error}");
}

#[test]
fn one_and_many_series_are_forecast_a_minute_a_step() {
    let fixture = fixture();
    let outcome = fixture.run(SERIES);
    assert_eq!(outcome.error, None);
    assert!(outcome.script);
    assert_eq!(outcome.statements.len(), 2);
    assert!(!outcome.statements[0].notes.is_empty(), "averaging is told");
    let shown = fixture.shown(&outcome);
    assert_eq!(shown.lines().count(), 10);
    assert!(shown.starts_with("2024-01-01 10:00:00+00 "), "{shown}");
    let columns = fixture.columns("SELECT * FROM ML.FORECAST(MODEL ds.arima)");
    assert!(
        columns.starts_with("forecast_timestamp TIMESTAMP, forecast_value FLOAT64, standard_error FLOAT64"),
        "{columns}"
    );
    assert_eq!(fixture.rows("SELECT COUNT(*) FROM ML.FORECAST(MODEL ds.arima)"), "3");

    let outcome = fixture.run(MANY_SERIES);
    assert_eq!(outcome.error, None);
    assert_eq!(fixture.shown(&outcome).lines().count(), 20);
    let columns = fixture.columns("SELECT * FROM ML.ARIMA_EVALUATE(MODEL ds.arima_multi)");
    assert!(columns.starts_with("instrument_token STRING, non_seasonal_p INT64"), "{columns}");
    assert_eq!(fixture.rows("SELECT COUNT(*) FROM ML.ARIMA_COEFFICIENTS(MODEL ds.arima_multi)"), "2");
    let history = "SELECT COUNT(*) FROM ML.EXPLAIN_FORECAST(MODEL ds.arima, STRUCT(5 AS horizon)) WHERE time_series_type = 'forecast'";
    assert_eq!(fixture.rows(history), "5");
    let error = fixture.error("SELECT * FROM ML.PREDICT(MODEL ds.arima, (SELECT 1 AS x))");
    assert!(error.message.contains("ML.PREDICT"), "{error}");
}

#[test]
fn models_obey_create_and_share_their_names_with_tables() {
    let fixture = fixture();
    assert_eq!(fixture.run(REGRESSION).error, None);
    let again = REGRESSION.replace("CREATE OR REPLACE MODEL", "CREATE MODEL");
    assert_eq!(fixture.error(&again).message, "Already Exists: Model p:ds.price_regressor");
    let skipped = fixture.run(&REGRESSION.replace("CREATE OR REPLACE MODEL", "CREATE MODEL IF NOT EXISTS"));
    assert_eq!(skipped.statements[0].ddl.as_ref().unwrap().operation, DdlOperation::Skip);
    let replaced = fixture.run(REGRESSION);
    assert_eq!(replaced.statements[0].ddl.as_ref().unwrap().operation, DdlOperation::Replace);
    let error = fixture.error("CREATE TABLE ds.price_regressor (x INT64)");
    assert_eq!(error.message, "Already Exists: Model p:ds.price_regressor");
    let error = fixture
        .error("CREATE MODEL ds.m OPTIONS (model_type = 'linear_reg', wrong_option = 1) AS SELECT 1 AS label, 2 AS x");
    assert!(error.to_string().starts_with("Unknown option: wrong_option at [1:"), "{error}");
    let error = fixture.error("CREATE MODEL ds.m OPTIONS (model_type = 'linear_reg') AS SELECT 1 AS y, 2 AS x");
    assert!(error.message.starts_with("Unable to identify the label column in query statement."), "{error}");
    let error = fixture
        .error("CREATE MODEL ds.m TRANSFORM (x) OPTIONS (model_type = 'linear_reg') AS SELECT 1 AS label, 2 AS x");
    assert!(error.message.contains("TRANSFORM"), "{error}");
}
