"""Walks through the BigQuery API with Google's own Python client, and prints what it saw as one JSON document.

    bigquery_python.py http://host:port dataset
"""

import datetime
import decimal
import io
import json
import sys

from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

url, dataset_id = sys.argv[1:3]
client = bigquery.Client(
    project="demo-project", credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
)
seen = {}

# Datasets.
dataset = bigquery.Dataset(f"demo-project.{dataset_id}")
dataset.location = "EU"
dataset.labels = {"env": "test"}
dataset = client.create_dataset(dataset)
seen["dataset"] = [dataset.location, dataset.labels, dataset.full_dataset_id]
dataset.description = "described"
dataset.labels = {"env": None, "team": "a"}
dataset = client.update_dataset(dataset, ["description", "labels"])
seen["updated"] = [dataset.description, dataset.labels]
seen["listed"] = dataset_id in [item.dataset_id for item in client.list_datasets()]
try:
    client.create_dataset(f"demo-project.{dataset_id}")
except exceptions.Conflict as error:
    seen["twice"] = [error.code, error.errors[0]["reason"]]

# A table, rows streamed in, read back with types.
table_id = f"demo-project.{dataset_id}.ticks"
schema = [
    bigquery.SchemaField("instrument_token", "INT64", mode="REQUIRED"),
    bigquery.SchemaField("timestamp", "TIMESTAMP"),
    bigquery.SchemaField("last_price", "FLOAT64"),
    bigquery.SchemaField("depth", "RECORD", mode="REPEATED", fields=[bigquery.SchemaField("price", "NUMERIC")]),
]
table = client.create_table(bigquery.Table(table_id, schema=schema))
seen["schema"] = [[field.name, field.field_type, field.mode] for field in table.schema]
table.description = "prices"
seen["table"] = client.update_table(table, ["description"]).description
moment = datetime.datetime(2024, 1, 1, 9, 15, 0, 123456, tzinfo=datetime.timezone.utc)
rows = [
    {"instrument_token": 1, "timestamp": moment.isoformat(), "last_price": 1.5, "depth": [{"price": "1.1"}]},
    {"instrument_token": 2, "timestamp": None, "last_price": None, "depth": []},
]
seen["streamed"] = client.insert_rows_json(table, rows)
errors = client.insert_rows_json(table, [{"instrument_token": 3, "colour": "red"}])
seen["refused"] = [errors[0]["index"], errors[0]["errors"][0]["reason"], errors[0]["errors"][0]["location"]]
read = [dict(row) for row in client.list_rows(table)]
seen["read"] = [
    read[0]["timestamp"] == moment,
    read[0]["last_price"],
    read[0]["depth"] == [{"price": decimal.Decimal("1.1")}],
    read[1]["depth"],
    read[1]["timestamp"],
]
seen["selected"] = [list(row) for row in client.list_rows(table, selected_fields=schema[:1], max_results=1)]
seen["rows"] = client.get_table(table_id).num_rows

# Files and lists (goccy/bigquery-emulator #384: load_table_from_json).
job = client.load_table_from_json([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}], f"{table_id}_json")
seen["load_json"] = [job.result().output_rows, job.state]
config = bigquery.LoadJobConfig(source_format="CSV", skip_leading_rows=1, schema=[bigquery.SchemaField("n", "INT64")])
job = client.load_table_from_file(io.BytesIO(b"n\n1\n2\n3\n"), f"{table_id}_csv", job_config=config)
seen["load_csv"] = job.result().output_rows
config = bigquery.LoadJobConfig(source_format="CSV", schema=[bigquery.SchemaField("n", "INT64")])
large = io.BytesIO(b"1234567\n" * 800_000)
job = client.load_table_from_file(large, f"{table_id}_large", job_config=config, size=None)
seen["load_resumable"] = job.result().output_rows
try:
    client.load_table_from_uri("gs://no-such-bucket/x.json", table_id, job_config=bigquery.LoadJobConfig(
        source_format="NEWLINE_DELIMITED_JSON")).result()
except exceptions.GoogleAPICallError as error:
    seen["load_missing"] = error.code in (404, 500)  # no hang: #340; 500 where there is no storage at all

# Queries: both ways, pages, data frames without the storage API.
numbers = "SELECT n, n * 1.5 AS y, CONCAT('n', CAST(n AS STRING)) AS s FROM UNNEST(GENERATE_ARRAY(1, 1000)) AS n ORDER BY n"
job = client.query(numbers)
frame = job.to_dataframe()
seen["frame"] = [len(frame), str(frame.dtypes["n"]), float(frame["y"].sum()), frame["s"].iloc[-1]]
seen["job"] = [job.state, job.statement_type, job.error_result, job.cache_hit, job.location]
seen["pages"] = [page.num_items for page in client.query(numbers).result(page_size=400).pages]
seen["and_wait"] = len(client.query_and_wait(numbers).to_dataframe())
seen["start"] = [row.n for row in client.query(numbers).result(start_index=998)]
seen["bqstorage_off"] = len(client.query(numbers).to_dataframe(create_bqstorage_client=False))

# Types and parameters.
config = bigquery.QueryJobConfig(
    query_parameters=[
        bigquery.ScalarQueryParameter("i", "INT64", 5),
        bigquery.ScalarQueryParameter("t", "TIMESTAMP", moment),
        bigquery.ScalarQueryParameter("nothing", "STRING", None),
        bigquery.ArrayQueryParameter("a", "INT64", [1, 2, 3]),
        bigquery.StructQueryParameter("s", bigquery.ScalarQueryParameter("x", "FLOAT64", 2.5)),
    ]
)
row = next(iter(client.query(
    "SELECT @i + 1 AS i, @t AS t, @nothing AS nothing, @a AS a, @s.x AS x, DATE '2024-01-31' AS d, TRUE AS b,"
    " NUMERIC '1.1' AS n, b'ab' AS bytes, STRUCT(1 AS p, 'q' AS r) AS st, DATETIME '2024-01-31 09:15:00' AS dt",
    job_config=config,
).result()))
seen["values"] = [
    row.i, row.t == moment, row.nothing, row.a, row.x, row.d.isoformat(), row.b, str(row.n), row.bytes.decode(),
    row.st, row.dt.isoformat(),
]

# Statements that change something; scripts; dry runs.
job = client.query(f"INSERT INTO `{table_id}` (instrument_token, last_price) VALUES (3, 3.5), (4, 4.5)")
job.result()
seen["dml"] = [job.num_dml_affected_rows, job.statement_type]
job = client.query(f"CREATE OR REPLACE TABLE `{table_id}_copy` AS SELECT * FROM `{table_id}`")
job.result()
seen["ddl"] = [job.ddl_operation_performed, job.statement_type, job.ddl_target_table.table_id]
script = f"DECLARE total INT64;\nSET total = (SELECT COUNT(*) FROM `{table_id}_copy`);\nSELECT total AS total;"
job = client.query(script)
seen["script"] = [[row.total for row in job.result()], job.statement_type, job.num_child_jobs > 0]
children = list(client.list_jobs(parent_job=job))
seen["children"] = sorted({child.parent_job_id == job.job_id for child in children})
job = client.query(f"SELECT * FROM `{table_id}`", job_config=bigquery.QueryJobConfig(dry_run=True))
seen["dry_run"] = [job.total_bytes_processed > 0, len(job.schema)]
destination = bigquery.QueryJobConfig(destination=f"{table_id}_out", write_disposition="WRITE_TRUNCATE")
client.query(f"SELECT last_price FROM `{table_id}` WHERE last_price > 2", job_config=destination).result()
seen["destination"] = sorted(row.last_price for row in client.list_rows(f"{table_id}_out"))
job = client.copy_table(f"{table_id}_out", f"{table_id}_out2")
job.result()
seen["copy"] = client.get_table(f"{table_id}_out2").num_rows

# Errors, at once and not after minutes of retries.
try:
    client.query("SELECT nope FROM UNNEST([1]) AS x").result()
except exceptions.BadRequest as error:
    seen["error"] = [error.code, error.errors[0]["reason"], "Unrecognized name: nope" in str(error), " at [1:8]" in str(error)]
try:
    client.query(f"SELECT * FROM `{dataset_id}.nothing`").result()
except exceptions.NotFound as error:
    seen["missing"] = [error.code, error.errors[0]["reason"]]
try:
    client.query("SELECT 1", job_config=bigquery.QueryJobConfig(use_legacy_sql=True)).result()
except exceptions.BadRequest as error:
    seen["legacy"] = error.code
job = client.query("SELECT 1 AS x", job_id=f"{dataset_id}-job")
try:
    client.query("SELECT 2 AS x", job_id=f"{dataset_id}-job", job_retry=None, retry=None)
except exceptions.Conflict as error:
    seen["duplicate"] = error.code
except exceptions.GoogleAPICallError as error:
    seen["duplicate"] = str(error)
seen["cancel"] = client.cancel_job(f"{dataset_id}-job", location=job.location) is not None
seen["jobs"] = len(list(client.list_jobs(max_results=5)))

# A model, from training to its removal.
client.query(f"CREATE OR REPLACE MODEL `{dataset_id}.m` OPTIONS(model_type='linear_reg', input_label_cols=['y']) AS"
             " SELECT n AS x, 2 * n + 1 AS y FROM UNNEST(GENERATE_ARRAY(1, 200)) AS n").result()
predicted = client.query(f"SELECT predicted_y FROM ML.PREDICT(MODEL `{dataset_id}.m`, (SELECT 10 AS x))").to_dataframe()
seen["predicted"] = round(float(predicted["predicted_y"].iloc[0]), 3)
model = client.get_model(f"demo-project.{dataset_id}.m")
seen["model"] = [model.model_type, model.model_id, [item.model_id for item in client.list_models(dataset)]]
client.delete_model(model)

client.delete_dataset(dataset, delete_contents=True)
client.delete_dataset(dataset, delete_contents=True, not_found_ok=True)
try:
    client.get_dataset(dataset.reference)
except exceptions.NotFound as error:
    seen["gone"] = error.code
print(json.dumps(seen))
