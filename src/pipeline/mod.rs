//! Ticks to Kafka, Kafka to Elasticsearch, Kafka to the terminal.
