-- A linear regression of the last price on what else a tick says, and how good it is.
--
-- In:   external table `${dataset}.external_table` (create_external_table.sql).
-- Out:  model `${dataset}.price_regressor`; then one row of ML.EVALUATE: r2_score near 1 and errors in rupees.
--
-- With 500 rows or more BigQuery holds a fifth of them back (at most 10,000) and evaluates on those; with fewer it trains and
-- evaluates on all. `hour` is the hour in UTC. Where all ticks fall into one hour it is constant: its weight then means nothing,
-- the predictions are as good.

CREATE OR REPLACE MODEL `${project}.${dataset}.price_regressor`
OPTIONS (
  model_type = 'linear_reg',
  input_label_cols = ['last_price']
) AS
SELECT
  last_price,
  volume,
  average_price,
  open,
  high,
  low,
  close,
  EXTRACT(HOUR FROM TIMESTAMP(timestamp)) AS hour
FROM `${project}.${dataset}.external_table`
WHERE last_price IS NOT NULL;

SELECT
  r2_score,
  SQRT(mean_squared_error) AS root_mean_squared_error,
  mean_absolute_error,
  median_absolute_error,
  explained_variance
FROM ML.EVALUATE(MODEL `${project}.${dataset}.price_regressor`);
