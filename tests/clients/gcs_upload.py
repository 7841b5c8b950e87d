"""Uploads a file the way scripts for the real service do: nothing here knows of another server.

usage: gcs_upload.py BUCKET FILE OBJECT
"""

import sys

from google.cloud import storage

bucket_name, source, name = sys.argv[1:]
client = storage.Client()
bucket = client.bucket(bucket_name)
blob = bucket.blob(name)
blob.upload_from_filename(source)
print(f"File {source} uploaded to {name}, {blob.size} bytes, project {client.project}.")
