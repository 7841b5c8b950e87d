"""One walk through the API with the official Python client, the same for 8 and 9. Prints what it saw as one JSON document.

usage: walk.py URL INDEX
"""

import json
import sys

from elasticsearch import ApiError, ConflictError, Elasticsearch, NotFoundError, helpers

url, index = sys.argv[1:]
client = Elasticsearch(url, request_timeout=30)
seen = {}

try:
    seen["number"] = client.info()["version"]["number"]
except ApiError:
    seen["number"] = None  # the integration-test distribution has no root endpoint

client.options(ignore_status=404).indices.delete(index=index)
client.indices.put_index_template(
    name=index + "-template",
    index_patterns=[index + "*"],
    priority=7,
    template={
        "settings": {"number_of_shards": 1, "number_of_replicas": 0},
        "mappings": {
            "properties": {
                "at": {"type": "date"},
                "symbol": {"type": "keyword"},
                "price": {"type": "double"},
                "volume": {"type": "long"},
                "note": {"type": "text"},
            }
        },
    },
)
seen["template"] = client.indices.get_index_template(name=index + "-template")["index_templates"][0]["name"]
client.indices.create(index=index)
seen["exists"] = bool(client.indices.exists(index=index))


def documents():
    for n in range(120):
        yield {
            "_index": index,
            "_id": str(n),
            "_source": {
                "at": f"2024-01-02T03:{n % 60:02d}:00Z",
                "symbol": "ABC"[n % 3],
                "price": 100 + n / 4,
                "volume": n * 10,
                "note": "heavy trading" if n % 10 == 0 else "calm",
            },
        }


seen["bulk"] = helpers.bulk(client, documents(), refresh=True)
seen["count"] = client.count(index=index)["count"]

found = client.search(
    index=index,
    size=2,
    query={"bool": {"filter": [{"term": {"symbol": "A"}}, {"range": {"price": {"gte": 110}}}]}},
    sort=[{"price": "desc"}],
    source=["price", "symbol"],
    aggs={
        "over_time": {
            "date_histogram": {"field": "at", "fixed_interval": "30m"},
            "aggs": {"mean": {"avg": {"field": "price"}}},
        },
        "symbols": {"terms": {"field": "symbol"}},
    },
)
seen["total"] = found["hits"]["total"]
seen["top"] = [hit["_source"] for hit in found["hits"]["hits"]]
seen["buckets"] = [[b["key_as_string"], b["doc_count"], b["mean"]["value"]] for b in found["aggregations"]["over_time"]["buckets"]]
seen["symbols"] = [[b["key"], b["doc_count"]] for b in found["aggregations"]["symbols"]["buckets"]]
seen["text"] = client.search(index=index, query={"match": {"note": "heavy"}})["hits"]["total"]["value"]

seen["get"] = client.get(index=index, id="3")["_source"]["price"]
seen["update"] = client.update(index=index, id="3", doc={"price": 1.5})["result"]
seen["version"] = client.get(index=index, id="3")["_version"]
seen["delete"] = client.delete(index=index, id="3")["result"]
try:
    client.get(index=index, id="3")
except NotFoundError as error:
    seen["missing"] = error.meta.status
try:
    client.create(index=index, id="4", document={"symbol": "A"})
except ConflictError as error:
    seen["conflict"] = error.body["error"]["type"]
try:
    client.search(index=index, query={"nonsense": {}})
except ApiError as error:
    seen["unknown_query"] = [error.meta.status, error.body["error"]["type"]]

pages, after = 0, None
while True:
    page = client.search(index=index, size=50, sort=[{"volume": "asc"}], search_after=after)
    if not page["hits"]["hits"]:
        break
    pages, after = pages + len(page["hits"]["hits"]), page["hits"]["hits"][-1]["sort"]
client.indices.refresh(index=index)
seen["paged"] = pages
searches = [{"index": index}, {"size": 0}, {"index": "absent-" + index}, {"size": 0}]
seen["msearch"] = [r["status"] for r in client.msearch(searches=searches)["responses"]]
seen["caps"] = sorted(client.field_caps(index=index, fields=["price", "symbol"])["fields"])
seen["cat"] = client.cat.indices(index=index, format="json")[0]["docs.count"]
seen["health"] = client.cluster.health(index=index)["status"]

client.indices.delete(index=index)
client.indices.delete_index_template(name=index + "-template")
print(json.dumps(seen))
