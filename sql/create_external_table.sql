-- The ticks in the bucket as a table, read where they lie: nothing is copied or loaded.
--
-- In:   gs://${bucket}/data/stock_data_sample.json, one tick a line (newline-delimited JSON: a JSON array can't be read).
--       `stockdev gcs push` writes it so.
-- Out:  external table `${dataset}.external_table`; then one row: how many ticks and instruments, from when to when.
--
-- The schema is written out. Detected, it would follow the first 500 ticks: a price that is whole in all of them would become
-- an INT64, and the first later one with a fraction an error.

CREATE OR REPLACE EXTERNAL TABLE `${project}.${dataset}.external_table` (
  timestamp TIMESTAMP,          -- of the exchange, with its offset
  instrument_token INT64,
  last_price FLOAT64,           -- rupees, as all prices
  volume INT64,                 -- shares of the session so far
  sell_quantity INT64,
  last_quantity INT64,
  change FLOAT64,               -- percent against the previous close
  average_price FLOAT64,        -- weighted by volume, of the session so far
  open FLOAT64,
  high FLOAT64,
  low FLOAT64,
  close FLOAT64,                -- of the previous session
  depth STRUCT<                 -- five levels a side, best first
    buy ARRAY<STRUCT<price FLOAT64, orders INT64, quantity INT64>>,
    sell ARRAY<STRUCT<price FLOAT64, orders INT64, quantity INT64>>
  >
)
OPTIONS (
  format = 'NEWLINE_DELIMITED_JSON',
  uris = ['gs://${bucket}/data/stock_data_sample.json'],
  ignore_unknown_values = TRUE
);

SELECT
  COUNT(*) AS ticks,
  COUNT(DISTINCT instrument_token) AS instruments,
  MIN(timestamp) AS first_tick,
  MAX(timestamp) AS last_tick
FROM `${project}.${dataset}.external_table`;
