// One walk through the API with the official Go client: low-level bulk and search, typed reads.
// Prints what it saw as one JSON document. usage: walk URL INDEX
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/elastic/go-elasticsearch/v9"
	"github.com/elastic/go-elasticsearch/v9/esutil"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	url, index := os.Args[1], os.Args[2]
	client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{url}})
	check(err)
	typed, err := elasticsearch.NewTypedClient(elasticsearch.Config{Addresses: []string{url}})
	check(err)
	ctx := context.Background()
	seen := map[string]any{}

	mapping := `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"symbol":{"type":"keyword"},"price":{"type":"double"}}}}`
	created, err := client.Indices.Create(index, client.Indices.Create.WithBody(strings.NewReader(mapping)))
	check(err)
	created.Body.Close()
	seen["created"] = created.StatusCode

	indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: client, Index: index, Refresh: "true"})
	check(err)
	for n := 0; n < 90; n++ {
		body := fmt.Sprintf(`{"symbol":"%c","price":%v}`, 'A'+n%3, float64(n)+0.5)
		check(indexer.Add(ctx, esutil.BulkIndexerItem{Action: "index", DocumentID: fmt.Sprint(n), Body: strings.NewReader(body)}))
	}
	check(indexer.Close(ctx))
	seen["indexed"], seen["failed"] = indexer.Stats().NumFlushed, indexer.Stats().NumFailed

	count, err := typed.Count().Index(index).Do(ctx)
	check(err)
	seen["count"] = count.Count
	document, err := typed.Get(index, "7").Do(ctx)
	check(err)
	var source map[string]any
	check(json.Unmarshal(document.Source_, &source))
	seen["price"] = source["price"]

	query := `{"size":0,"aggs":{"by":{"terms":{"field":"symbol"},"aggs":{"top":{"max":{"field":"price"}}}}}}`
	response, err := client.Search(client.Search.WithIndex(index), client.Search.WithBody(bytes.NewReader([]byte(query))))
	check(err)
	defer response.Body.Close()
	var answer struct {
		Aggregations struct {
			By struct {
				Buckets []struct {
					Key string
					Top struct{ Value float64 }
				}
			}
		}
	}
	check(json.NewDecoder(response.Body).Decode(&answer))
	tops := []any{}
	for _, bucket := range answer.Aggregations.By.Buckets {
		tops = append(tops, []any{bucket.Key, bucket.Top.Value})
	}
	seen["tops"] = tops

	deleted, err := typed.Indices.Delete(index).Do(ctx)
	check(err)
	seen["deleted"] = deleted.Acknowledged
	check(json.NewEncoder(os.Stdout).Encode(seen))
}
