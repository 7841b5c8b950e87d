-- The price of every instrument, ten minutes ahead: one statement trains a model for each.
--
-- In:   external table `${dataset}.external_table` (create_external_table.sql).
-- Out:  model `${dataset}.price_forecaster_by_instrument`; then ML.ARIMA_EVALUATE: the best model of each instrument;
--       then ML.FORECAST: ten rows an instrument, one a minute, each with its 95 % interval.
--
-- One row a minute and instrument, for the reasons that train_and_predict_timeseries.sql gives. The id has to be text for a
-- token to be a name and not a number. An instrument with fewer than three minutes of ticks gets no forecast; its row of
-- ML.ARIMA_EVALUATE says why.

CREATE OR REPLACE MODEL `${project}.${dataset}.price_forecaster_by_instrument`
OPTIONS (
  model_type = 'ARIMA_PLUS',
  time_series_timestamp_col = 'minute',
  time_series_data_col = 'price',
  time_series_id_col = 'instrument_token',
  auto_arima = TRUE,
  data_frequency = 'PER_MINUTE',
  horizon = 10
) AS
SELECT
  CAST(ticks.instrument_token AS STRING) AS instrument_token,
  TIMESTAMP_TRUNC(ticks.timestamp, MINUTE) AS minute,
  AVG(ticks.last_price) AS price
FROM `${project}.${dataset}.external_table` AS ticks
GROUP BY ticks.instrument_token, minute;

SELECT
  instrument_token,
  non_seasonal_p,
  non_seasonal_d,
  non_seasonal_q,
  has_drift,
  AIC,
  variance,
  error_message
FROM ML.ARIMA_EVALUATE(MODEL `${project}.${dataset}.price_forecaster_by_instrument`)
ORDER BY instrument_token;

SELECT
  instrument_token,
  forecast_timestamp,
  forecast_value,
  standard_error,
  confidence_level,
  prediction_interval_lower_bound,
  prediction_interval_upper_bound
FROM ML.FORECAST(
  MODEL `${project}.${dataset}.price_forecaster_by_instrument`,
  STRUCT(10 AS horizon, 0.95 AS confidence_level)
)
ORDER BY instrument_token, forecast_timestamp;
