-- The latest ticks with the price that the regression gives for them.
--
-- In:   external table `${dataset}.external_table` (create_external_table.sql),
--       model `${dataset}.price_regressor` (train_price_regression_model.sql).
-- Out:  ten rows, the latest tick first: instrument, time, price, predicted price, and by how much it is off.
--
-- ML.PREDICT passes through every column of its input; those that the model does not know do not matter to it.

SELECT
  instrument_token,
  timestamp,
  last_price,
  predicted_last_price,
  predicted_last_price - last_price AS difference
FROM ML.PREDICT(
  MODEL `${project}.${dataset}.price_regressor`,
  (
    SELECT
      instrument_token,
      timestamp,
      last_price,
      volume,
      average_price,
      open,
      high,
      low,
      close,
      EXTRACT(HOUR FROM TIMESTAMP(timestamp)) AS hour
    FROM `${project}.${dataset}.external_table`
  )
)
ORDER BY timestamp DESC, instrument_token
LIMIT 10;
