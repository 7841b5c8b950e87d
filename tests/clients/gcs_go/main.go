// One walk through Google Cloud Storage with Google's Go client. Prints what it saw as one JSON document.
// usage: walk URL BUCKET
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"os"

	"cloud.google.com/go/storage"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func code(err error) int {
	var refused *googleapi.Error
	if errors.As(err, &refused) {
		return refused.Code
	}
	return 0
}

func main() {
	check(os.Setenv("STORAGE_EMULATOR_HOST", os.Args[1]))
	name := os.Args[2]
	ctx := context.Background()
	client, err := storage.NewClient(ctx)
	check(err)
	bucket := client.Bucket(name)
	seen := map[string]any{}

	check(bucket.Create(ctx, "p", &storage.BucketAttrs{Location: "EU", Labels: map[string]string{"a": "1"}}))
	attrs, err := bucket.Attrs(ctx)
	check(err)
	seen["bucket"] = []any{attrs.Location, attrs.Labels["a"], attrs.StorageClass}
	seen["conflict"] = code(bucket.Create(ctx, "p", nil))

	write := func(object *storage.ObjectHandle, content []byte, chunk int) *storage.ObjectAttrs {
		writer := object.NewWriter(ctx)
		writer.ChunkSize = chunk
		writer.ContentType = "text/csv"
		_, err := writer.Write(content)
		check(err)
		check(writer.Close())
		return writer.Attrs()
	}
	read := func(object *storage.ObjectHandle) []byte {
		reader, err := object.NewReader(ctx)
		check(err)
		defer reader.Close()
		content, err := io.ReadAll(reader)
		check(err)
		return content
	}

	small := bucket.Object("data/a b.json")
	made := write(small.If(storage.Conditions{DoesNotExist: true}), []byte("{\"a\":1}\n"), 0)
	seen["small"] = []any{made.CRC32C, made.Size, made.ContentType, string(read(small))}
	refused := small.If(storage.Conditions{DoesNotExist: true}).NewWriter(ctx)
	refused.ChunkSize = 0
	fmt.Fprint(refused, "x")
	seen["again"] = code(refused.Close())
	part, err := small.NewRangeReader(ctx, 2, 3)
	check(err)
	text, err := io.ReadAll(part)
	check(err)
	seen["range"] = string(text)

	content := bytes.Repeat([]byte("tick\n"), 300_000)
	large := bucket.Object("data/large")
	seen["large"] = write(large, content, 256*1024).Size
	seen["same"] = bytes.Equal(read(large), content)
	overJSON, err := storage.NewClient(ctx, storage.WithJSONReads())
	check(err)
	seen["json"] = bytes.Equal(read(overJSON.Bucket(name).Object("data/large")), content)
	_, err = bucket.Object("none").NewReader(ctx)
	seen["missing"] = errors.Is(err, storage.ErrObjectNotExist)

	updated, err := small.Update(ctx, storage.ObjectAttrsToUpdate{Metadata: map[string]string{"k": "v"}})
	check(err)
	seen["updated"] = []any{updated.Metadata["k"], updated.Metageneration}
	copied, err := bucket.Object("copy").CopierFrom(small).Run(ctx)
	check(err)
	seen["copied"] = []any{copied.Name, copied.Metadata["k"]}
	composed, err := bucket.Object("joined").ComposerFrom(small, bucket.Object("copy")).Run(ctx)
	check(err)
	seen["joined"] = []any{composed.Size, composed.ComponentCount}

	names := []string{}
	objects := bucket.Objects(ctx, &storage.Query{Delimiter: "/"})
	for {
		object, err := objects.Next()
		if err == iterator.Done {
			break
		}
		check(err)
		names = append(names, object.Prefix+object.Name)
	}
	seen["names"] = names

	objects = bucket.Objects(ctx, nil)
	for {
		object, err := objects.Next()
		if err == iterator.Done {
			break
		}
		check(err)
		check(bucket.Object(object.Name).Delete(ctx))
	}
	check(bucket.Delete(ctx))
	_, err = bucket.Attrs(ctx)
	seen["gone"] = errors.Is(err, storage.ErrBucketNotExist)
	document, err := json.Marshal(seen)
	check(err)
	fmt.Println(string(document))
}
