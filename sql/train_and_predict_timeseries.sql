-- The price of one instrument, the one with the most ticks, ten minutes ahead.
--
-- In:   external table `${dataset}.external_table` (create_external_table.sql).
-- Out:  model `${dataset}.price_forecaster`; then ML.ARIMA_EVALUATE: the models tried, the best (lowest AIC) first;
--       then ML.FORECAST: ten rows, one a minute, each with its 95 % interval.
--
-- ARIMA_PLUS wants one row a timestamp, and a minute is the finest step that it knows. So ticks are averaged to minutes here, where
-- it can be seen. Minutes without a tick are interpolated by the model. Give it half an hour of ticks or more.

CREATE OR REPLACE MODEL `${project}.${dataset}.price_forecaster`
OPTIONS (
  model_type = 'ARIMA_PLUS',
  time_series_timestamp_col = 'minute',
  time_series_data_col = 'price',
  auto_arima = TRUE,
  data_frequency = 'PER_MINUTE',
  horizon = 10
) AS
SELECT
  TIMESTAMP_TRUNC(timestamp, MINUTE) AS minute,
  AVG(last_price) AS price
FROM `${project}.${dataset}.external_table`
WHERE instrument_token = (
  SELECT instrument_token
  FROM `${project}.${dataset}.external_table`
  GROUP BY instrument_token
  ORDER BY COUNT(*) DESC, instrument_token
  LIMIT 1
)
GROUP BY minute;

SELECT
  non_seasonal_p,
  non_seasonal_d,
  non_seasonal_q,
  has_drift,
  log_likelihood,
  AIC,
  variance
FROM ML.ARIMA_EVALUATE(MODEL `${project}.${dataset}.price_forecaster`)
ORDER BY AIC;

SELECT
  forecast_timestamp,
  forecast_value,
  standard_error,
  prediction_interval_lower_bound,
  prediction_interval_upper_bound
FROM ML.FORECAST(
  MODEL `${project}.${dataset}.price_forecaster`,
  STRUCT(10 AS horizon, 0.95 AS confidence_level)
)
ORDER BY forecast_timestamp;
