"""One walk through Google Cloud Storage with Google's Python client. Prints what it saw as one JSON document.

usage: gcs_python.py URL BUCKET
"""

import io
import json
import os
import sys

url, name = sys.argv[1:]
os.environ["STORAGE_EMULATOR_HOST"] = url

from google.api_core.exceptions import Conflict, NotFound, PreconditionFailed  # noqa: E402
from google.cloud import storage  # noqa: E402

client = storage.Client()
seen = {}


def refused(call, *kinds):
    try:
        call()
    except kinds as error:
        return [error.code, type(error).__name__]
    return None


bucket = client.create_bucket(name, location="EU")
seen["location"] = client.get_bucket(name).location
seen["exists"] = [bucket.exists(), client.bucket(name + "-none").exists()]
seen["conflict"] = refused(lambda: client.create_bucket(name), Conflict)
seen["listed"] = name in [each.name for each in client.list_buckets()]

small = bucket.blob("data/a b.json")
small.metadata = {"k": "v"}
small.upload_from_string(b'{"a":1}\n', content_type="application/json")
seen["small"] = [small.crc32c, small.size, small.content_type, small.metadata]
seen["read"] = small.download_as_bytes().decode()
seen["range"] = small.download_as_bytes(start=2, end=4).decode()
seen["again"] = refused(lambda: small.upload_from_string(b"x", if_generation_match=0), PreconditionFailed)

content = bytes(range(256)) * 40_000  # 10,240,000 bytes: above the bound of a multipart upload
large = bucket.blob("data/large")
large.upload_from_file(io.BytesIO(content), size=len(content))
seen["large"] = [large.size, large.download_as_bytes() == content]
parts = bucket.blob("data/parts", chunk_size=1024 * 1024)
parts.upload_from_file(io.BytesIO(content))
seen["parts"] = [parts.size, parts.crc32c == large.crc32c, bucket.get_blob("data/parts").md5_hash == large.md5_hash]
with bucket.blob("data/stream").open("wb", chunk_size=256 * 1024) as stream:
    for _ in range(10):
        stream.write(b"tick\n" * 20_000)
with bucket.blob("data/stream").open("rb") as stream:
    seen["stream"] = stream.read() == b"tick\n" * 200_000
empty = bucket.blob("data/empty")
empty.upload_from_string(b"")
seen["empty"] = [empty.size, empty.download_as_bytes().decode()]

seen["names"] = [blob.name for blob in client.list_blobs(name, prefix="data/", max_results=3)]
pages = client.list_blobs(name, delimiter="/", page_size=2)
seen["top"] = [[blob.name for blob in pages], sorted(pages.prefixes)]
seen["paged"] = len(list(client.list_blobs(name, page_size=2)))
seen["glob"] = [blob.name for blob in client.list_blobs(name, match_glob="data/*a*")]

small.cache_control = "no-store"
small.patch()
seen["patched"] = [small.cache_control, small.metageneration]
copy = bucket.copy_blob(small, bucket, "copy.json")
seen["copied"] = [copy.name, copy.content_type, copy.metadata, copy.crc32c]
rewritten = bucket.blob("rewritten")
seen["rewritten"] = list(rewritten.rewrite(small))
joined = bucket.blob("joined")
joined.compose([small, copy])
seen["joined"] = [joined.size, joined.component_count, joined.download_as_text()]
renamed = bucket.rename_blob(joined, "renamed")
seen["renamed"] = [renamed.name, joined.exists()]
seen["missing"] = refused(lambda: bucket.blob("none").download_as_bytes(), NotFound)

blobs = list(client.list_blobs(name))
with client.batch():
    for blob in blobs:
        blob.delete()
seen["left"] = len(list(client.list_blobs(name)))
bucket.delete()
seen["gone"] = bucket.exists()
print(json.dumps(seen))
