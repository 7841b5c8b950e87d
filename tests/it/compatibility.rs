//! `docs/compatibility.md` is made from the servers' own tables, and the servers do what it says.

#![expect(clippy::unwrap_used, reason = "a test: what fails must stop it")]

use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use stockdev::server::{elasticsearch, kafka};
use tokio_util::sync::CancellationToken;

use crate::es_node::Running;

const UPDATE: &str = "STOCKDEV_UPDATE_DOCS";

#[test]
fn the_document_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
    let text = document();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == text, "docs/compatibility.md is out of date: {UPDATE}=1 cargo test --test it compatibility");
}

fn document() -> String {
    let mut text = String::from(
        "# Compatibility\n\nWhat the embedded broker and search node serve and what they decline. Made from their own tables by\n\
         `STOCKDEV_UPDATE_DOCS=1 cargo test --test it compatibility`; the same tests ask running servers whether it is true. At the end, Google's clients.\n",
    );
    kafka_section(&mut text);
    text.push_str(KAFKA_DIFFERS);
    elasticsearch_section(&mut text);
    text.push_str(ELASTICSEARCH_DIFFERS);
    text.push_str(GOOGLE_CLIENTS);
    text
}

const KAFKA_DIFFERS: &str = "
### Differs

- One node is leader of everything, with leader epoch 0. Group members are not kept over a restart; offsets and generations are.
- Retention and compaction are kept and shown as configurations, but nothing is deleted or compacted yet.
- DeleteGroups answers in the order of the request.
";

const ELASTICSEARCH_DIFFERS: &str = "
### Differs

- `nested` objects are checked and kept in the source but not indexed as hidden documents: queries and metrics on them find nothing.
- An index has one shard whatever `number_of_shards` says; the setting is kept and shown.
- From 2,000 values on percentiles are estimates of the same kind and error as Elasticsearch's, not the same digits; so is
  `cardinality` above its threshold.
- `random_sampler` draws another sample than Elasticsearch does from the same seed; the same seed over the same segments is the same sample.
- `rare_terms` counts exactly, whatever its `precision`; equal scores of `significant_terms` come in the order of their keys. Both count living
  documents only, where Elasticsearch's background has the deleted ones until a merge.
- A phrase can match across two values of an array.
- Answers are JSON: YAML, CBOR and SMILE are declined with 406. Security is off, as with `xpack.security.enabled=false`.
- The build hash in `GET /` is 40 zeros.
";

/// By hand, as `scripts/install-test-clients` and Cargo.lock have the versions.
const GOOGLE_CLIENTS: &str = "
## Cloud Storage and BigQuery

What these two servers serve and what they don't is in [storage.md](storage.md) and [bigquery.md](bigquery.md). Google's own clients, unmodified:

| Client | Version | Server | Seen by |
|---|---|---|---|
| Python `google-cloud-storage` | 3.17.1 | Cloud Storage | `tests/it/gcs_clients.rs`: buckets, uploads of every kind, ranges, listings, copies, preconditions; a script that knows of Google only |
| Go `cloud.google.com/go/storage` | 1.70.0 | Cloud Storage | `tests/it/gcs_clients.rs`: buckets, uploads, reads (XML), listings, copies |
| Rust `google-cloud-storage` | 1.21.0 | Cloud Storage | `stockdev gcs` is built on it: JSON and gRPC |
| Python `google-cloud-bigquery` | 3.47.0, with pandas 3.1.1 | BigQuery | `tests/it/bigquery_clients.rs`: datasets, tables, streamed rows, uploads, queries, pages, data frames, parameters, scripts, models, errors |
| the same beside `google-cloud-bigquery-storage` | 2.43.0 | BigQuery | the same walk; large data frames need `create_bqstorage_client=False` |
| Go `cloud.google.com/go/bigquery` | 1.70.0 | BigQuery | `tests/it/bigquery_clients.rs`: datasets, tables, inserts, loads, queries, parameters, scripts, errors |
| Rust `google-cloud-bigquery-v2` | 1.1.0 | BigQuery | `stockdev bigquery` is built on it |
| `bq` | | BigQuery | tried by hand: `query`, `ls` |

Others speak the same REST APIs and were not tried. What needs gRPC of BigQuery (its Storage Read and Write APIs) does not work.
";

fn code_list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn kafka_section(text: &mut String) {
    text.push_str("\n## Kafka\n\n| Key | API | Versions | Notes |\n|---|---|---|---|\n");
    for api in kafka::served_apis() {
        writeln!(text, "| {} | {} | {} to {} | {} |", api.key, api.name, api.min, api.max, api.note).unwrap();
    }
    text.push_str("\n### Declined\n\nA request with an API key that is not served closes the connection.\n\n| Feature | Keys not served | What a client sees |\n|---|---|---|\n");
    for declined in kafka::DECLINED {
        let keys = declined.keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        writeln!(text, "| {} | {keys} | {} |", declined.feature, declined.answer).unwrap();
    }
    text.push_str("\n### Topic configurations\n\n| Name | Default |\n|---|---|\n");
    for config in kafka::topic_configs() {
        let default = if config.default.is_empty() { String::new() } else { format!("`{}`", config.default) };
        writeln!(text, "| `{}` | {default} |", config.name).unwrap();
    }
}

fn elasticsearch_section(text: &mut String) {
    let universal = code_list(elasticsearch::universal_parameters());
    writeln!(text, "\n## Elasticsearch\n\n### Endpoints\n\nEvery endpoint takes {universal} too.\n").unwrap();
    text.push_str("| Methods | Path | Parameters |\n|---|---|---|\n");
    for endpoint in elasticsearch::served_endpoints() {
        let methods = endpoint.methods.join(", ");
        writeln!(text, "| {methods} | `{}` | {} |", endpoint.path, code_list(&endpoint.parameters)).unwrap();
    }
    writeln!(text, "\n### Queries\n\n{}", code_list(elasticsearch::query_types())).unwrap();
    text.push_str("\n### Aggregations\n\n| Aggregation | Options |\n|---|---|\n");
    for aggregation in elasticsearch::aggregations() {
        writeln!(text, "| `{}` | {} |", aggregation.name, code_list(&aggregation.options)).unwrap();
    }
    text.push_str("\n### Field types\n\nBeside `object` and `nested`; every field takes `fields` and `copy_to`.\n\n| Type | Options |\n|---|---|\n");
    for field in elasticsearch::field_types() {
        writeln!(text, "| `{}` | {} |", field.name, code_list(&field.options)).unwrap();
    }
    let prefixes = code_list(elasticsearch::setting_prefixes());
    writeln!(
        text,
        "\n### Index settings\n\nAlso everything below {prefixes}.\n\n| Setting | Changes later |\n|---|---|"
    )
    .unwrap();
    for setting in elasticsearch::index_settings() {
        writeln!(text, "| `{}` | {} |", setting.name, if setting.dynamic { "yes" } else { "no" }).unwrap();
    }
    text.push_str("\n### Declined\n\n| Feature | Asked for by | Status | The answer says |\n|---|---|---|---|\n");
    for no in elasticsearch::DECLINED {
        let asked = format!("{} {} {}", no.method, no.target, no.body);
        writeln!(text, "| {} | `{}` | {} | `{}` |", no.feature, asked.trim_end(), no.status, no.says).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_broker_serves_the_apis_of_the_table_and_closes_on_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let broker = kafka::Broker::open(kafka::BrokerConfig::new(dir.path(), "127.0.0.1", address.port())).unwrap();
    let shutdown = CancellationToken::new();
    let stop = shutdown.clone();
    let served = tokio::spawn(async move { broker.serve(vec![listener], stop).await });
    let connect = || {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream
    };

    let mut stream = connect();
    stream.write_all(&[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff]).unwrap();
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut answer).unwrap();
    // Correlation id, error code and the number of entries, then key, lowest and highest version.
    assert_eq!(answer[..6], [0, 0, 0, 7, 0, 0]);
    let short = |bytes: &[u8]| i16::from_be_bytes([bytes[0], bytes[1]]);
    let mut announced: Vec<_> =
        answer[10..].chunks_exact(6).map(|entry| (short(entry), short(&entry[2..]), short(&entry[4..]))).collect();
    announced.sort_unstable();
    let table: Vec<_> = kafka::served_apis().iter().map(|api| (api.key, api.min, api.max)).collect();
    assert_eq!(announced, table);

    for key in kafka::DECLINED.iter().flat_map(|declined| declined.keys) {
        let mut stream = connect();
        let mut request = vec![0, 0, 0, 10];
        request.extend(key.to_be_bytes());
        request.extend([0, 0, 0, 0, 0, 7, 0xff, 0xff]);
        stream.write_all(&request).unwrap();
        assert!(matches!(stream.read(&mut [0; 1]), Ok(0) | Err(_)), "key {key} was answered");
    }
    shutdown.cancel();
    served.await.unwrap().unwrap();
}

#[test]
fn the_node_has_every_endpoint_of_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let node = Running::start(dir.path());
    let mut wrong = Vec::new();
    for endpoint in elasticsearch::served_endpoints() {
        let mut target = endpoint.path.replace(['{', '}'], "");
        if endpoint.parameters.contains(&"timeout") {
            // Health waits for an index that does not exist.
            target.push_str("?timeout=1ms");
        }
        for method in endpoint.methods {
            let answer = node.send(method, &target, "");
            if answer.status == 405 || answer.status >= 500 || answer.text().contains("no handler found") {
                wrong.push(format!("{method} {target}: {} {}", answer.status, answer.text()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_node_declines_in_the_words_of_the_table() {
    let dir = tempfile::tempdir().unwrap();
    let node = Running::start(dir.path());
    let mut wrong = Vec::new();
    for no in elasticsearch::DECLINED {
        let answer = node.send(no.method, no.target, no.body);
        let says = no.says.replace('"', "\\\"");
        if answer.status != no.status || !answer.text().contains(&says) {
            wrong.push(format!("{}: {} {}", no.feature, answer.status, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_node_knows_every_option_of_an_aggregation_and_every_field_type() {
    let dir = tempfile::tempdir().unwrap();
    let node = Running::start(dir.path());
    let mut wrong = Vec::new();
    for aggregation in elasticsearch::aggregations() {
        for option in &aggregation.options {
            let known = ["true", "1", "\"a\"", "[]", "{}"].iter().any(|value| {
                let body = format!(r#"{{"aggs":{{"a":{{"{}":{{"{option}":{value}}}}}}}}}"#, aggregation.name);
                let text = node.send("POST", "/_search", &body).text();
                !["unknown field", "Unknown key", "Unexpected token"].iter().any(|no| text.contains(no))
            });
            if !known {
                wrong.push(format!("{} {option}", aggregation.name));
            }
        }
    }
    for field in elasticsearch::field_types() {
        let extra = match field.name {
            "scaled_float" => r#","scaling_factor":100"#,
            "alias" => r#","path":"b""#,
            _ => "",
        };
        let body = format!(
            r#"{{"mappings":{{"properties":{{"b":{{"type":"long"}},"a":{{"type":"{}"{extra}}}}}}}}}"#,
            field.name
        );
        let answer = node.send("PUT", &format!("/t-{}", field.name), &body);
        if answer.status != 200 {
            wrong.push(format!("{}: {}", field.name, answer.text()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
