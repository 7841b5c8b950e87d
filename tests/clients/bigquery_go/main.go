// Walks through the BigQuery API with Google's own Go client, and prints what it saw as one JSON document.
//
//	bigquery_go http://host:port dataset
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"math/big"
	"os"
	"strings"
	"time"

	"cloud.google.com/go/bigquery"
	"cloud.google.com/go/civil"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
	"google.golang.org/api/option"
)

type tick struct {
	Token int64                  `bigquery:"token"`
	At    bigquery.NullTimestamp `bigquery:"at"`
	Price float64                `bigquery:"price"`
	Depth []level                `bigquery:"depth"`
}

type level struct {
	Price *big.Rat   `bigquery:"price"`
	Day   civil.Date `bigquery:"day"`
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// all reads every row of an iterator.
func all(rows *bigquery.RowIterator) [][]bigquery.Value {
	var found [][]bigquery.Value
	for {
		var row []bigquery.Value
		err := rows.Next(&row)
		if errors.Is(err, iterator.Done) {
			return found
		}
		check(err)
		found = append(found, row)
	}
}

func run(ctx context.Context, query *bigquery.Query) *bigquery.Job {
	job, err := query.Run(ctx)
	check(err)
	status, err := job.Wait(ctx)
	check(err)
	check(status.Err())
	return job
}

func code(err error) any {
	var api *googleapi.Error
	if errors.As(err, &api) {
		return []any{api.Code, api.Errors[0].Reason}
	}
	return fmt.Sprint(err)
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	url, name := os.Args[1], os.Args[2]
	client, err := bigquery.NewClient(ctx, "demo-project", option.WithEndpoint(url), option.WithoutAuthentication())
	check(err)
	seen := map[string]any{}

	dataset := client.Dataset(name)
	check(dataset.Create(ctx, &bigquery.DatasetMetadata{Location: "EU", Labels: map[string]string{"env": "test"}}))
	metadata, err := dataset.Metadata(ctx)
	check(err)
	seen["dataset"] = []any{metadata.Location, metadata.Labels["env"]}
	_, err = dataset.Update(ctx, bigquery.DatasetMetadataToUpdate{Description: "stale"}, "no-such-etag")
	seen["stale"] = code(err)
	metadata, err = dataset.Update(ctx, bigquery.DatasetMetadataToUpdate{Description: "described"}, metadata.ETag)
	check(err)
	seen["described"] = metadata.Description
	seen["twice"] = code(dataset.Create(ctx, &bigquery.DatasetMetadata{Location: "EU"}))

	schema, err := bigquery.InferSchema(tick{})
	check(err)
	table := dataset.Table("ticks")
	check(table.Create(ctx, &bigquery.TableMetadata{Schema: schema}))
	at := time.Date(2024, 1, 1, 9, 15, 0, 123456000, time.UTC)
	day := civil.Date{Year: 2024, Month: 1, Day: 31}
	rows := []*tick{
		{Token: 1, At: bigquery.NullTimestamp{Timestamp: at, Valid: true}, Price: 1.5, Depth: []level{{big.NewRat(11, 10), day}}},
		{Token: 2, Price: 2.5},
	}
	check(table.Inserter().Put(ctx, rows))
	var first tick
	check(table.Read(ctx).Next(&first))
	seen["first"] = []any{
		first.Token, first.At.Timestamp.Equal(at), first.Price, first.Depth[0].Price.FloatString(1), first.Depth[0].Day.String(),
	}

	source := bigquery.NewReaderSource(strings.NewReader("1,a\n2,b\n"))
	source.FileConfig = bigquery.FileConfig{SourceFormat: bigquery.CSV, Schema: bigquery.Schema{
		{Name: "n", Type: bigquery.IntegerFieldType}, {Name: "s", Type: bigquery.StringFieldType},
	}}
	loader := dataset.Table("loaded").LoaderFrom(source)
	job, err := loader.Run(ctx)
	check(err)
	status, err := job.Wait(ctx)
	check(err)
	check(status.Err())
	seen["loaded"] = status.Statistics.Details.(*bigquery.LoadStatistics).OutputRows

	query := client.Query("SELECT n, n * 0.5 AS half FROM UNNEST(GENERATE_ARRAY(1, 250)) AS n ORDER BY n")
	read, err := query.Read(ctx)
	check(err)
	found := all(read)
	seen["rows"] = []any{len(found), found[249][0], found[249][1], read.TotalRows}
	job = run(ctx, query)
	read, err = job.Read(ctx)
	check(err)
	read.PageInfo().MaxSize = 100
	seen["paged"] = len(all(read))
	details := job.LastStatus().Statistics.Details.(*bigquery.QueryStatistics)
	seen["statement"] = []any{details.StatementType, job.Location()}

	query = client.Query("SELECT @n + 1 AS n, @list AS list, @moment AS moment")
	query.Parameters = []bigquery.QueryParameter{{Name: "n", Value: 41}, {Name: "list", Value: []string{"a", "b"}}, {Name: "moment", Value: at}}
	read, err = query.Read(ctx)
	check(err)
	row := all(read)[0]
	seen["parameters"] = []any{row[0], row[1], row[2].(time.Time).Equal(at)}

	query = client.Query("INSERT INTO ticks (token, price, depth) VALUES (3, 3.5, [])")
	query.DefaultDatasetID = name
	details = run(ctx, query).LastStatus().Statistics.Details.(*bigquery.QueryStatistics)
	seen["inserted"] = details.NumDMLAffectedRows
	job = run(ctx, client.Query("DECLARE x INT64 DEFAULT 1; SET x = x + 1; SELECT x AS x"))
	children := job.Children(ctx)
	child, err := children.Next()
	check(err)
	seen["script"] = []any{job.LastStatus().Statistics.NumChildJobs > 0, child.LastStatus().Statistics.ParentJobID == job.ID()}

	dry := client.Query(fmt.Sprintf("SELECT price FROM `demo-project.%s.ticks`", name))
	dry.DryRun = true
	job, err = dry.Run(ctx)
	check(err)
	seen["dry"] = job.LastStatus().Statistics.TotalBytesProcessed > 0

	_, err = client.Query("SELECT nope").Read(ctx)
	seen["error"] = code(err)
	_, err = dataset.Table("nothing").Metadata(ctx)
	seen["missing"] = code(err)
	seen["in_use"] = code(dataset.Delete(ctx))
	check(dataset.DeleteWithContents(ctx))
	out, err := json.Marshal(seen)
	check(err)
	fmt.Println(string(out))
}
