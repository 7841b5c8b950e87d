"""Reads what a running stack holds, knowing nothing of it but the variables of `stockdev env`.

usage: env_python.py kafka|elasticsearch|gcs|bigquery
"""

import os
import sys


def kafka():
    from kafka import KafkaConsumer

    consumer = KafkaConsumer(
        "stock-stream",
        bootstrap_servers=os.environ["KAFKA_BOOTSTRAP_SERVERS"],
        auto_offset_reset="earliest",
        consumer_timeout_ms=20_000,
    )
    read = 0
    for _ in consumer:
        read += 1
        if read == 2000:
            break
    return read


def elasticsearch():
    from elasticsearch import Elasticsearch

    return Elasticsearch(os.environ["ELASTICSEARCH_URL"]).count(index="stock-stream")["count"]


def gcs():
    from google.cloud import storage

    # The client itself reads STORAGE_EMULATOR_HOST and GOOGLE_CLOUD_PROJECT.
    return sum(1 for bucket in storage.Client().list_buckets() for _ in bucket.list_blobs())


def bigquery():
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    # The client itself reads BIGQUERY_EMULATOR_HOST and GOOGLE_CLOUD_PROJECT.
    rows = bigquery.Client(credentials=AnonymousCredentials()).query("SELECT 40 + 2 AS answer").result()
    return next(iter(rows)).answer


print({"kafka": kafka, "elasticsearch": elasticsearch, "gcs": gcs, "bigquery": bigquery}[sys.argv[1]]())
