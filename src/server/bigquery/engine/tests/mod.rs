//! The engine through its door.

mod demo;
mod files;
mod jobs;
mod safety;
mod script;
mod tables;

use std::fmt::Write;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::objects::MemoryObjects;
use super::*;
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::value::Value;

pub(super) struct Fixture {
    pub(super) folder: tempfile::TempDir,
    pub(super) objects: Arc<MemoryObjects>,
    pub(super) engine: Engine,
}

impl Fixture {
    /// An engine with the dataset `p:ds`.
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Arc::new(MemoryObjects::default());
        let engine = Engine::open(folder.path(), objects.clone(), "US").unwrap();
        engine.create_dataset(&DatasetReference::new("p", "ds"), None, Settings::default()).unwrap();
        Self { folder, objects, engine }
    }

    pub(super) fn run(&self, text: &str) -> ScriptOutcome {
        self.engine.run(&request(text), &Silent, &CancellationToken::new())
    }

    /// The last result of a script that must succeed, a line a row.
    pub(super) fn rows(&self, text: &str) -> String {
        let outcome = self.run(text);
        assert_eq!(outcome.error, None, "{text}");
        self.shown(&outcome)
    }

    pub(super) fn shown(&self, outcome: &ScriptOutcome) -> String {
        let Some(result) = outcome.result() else { return String::new() };
        let page = self.engine.rows(&result.table, None, 0, 1000, u64::MAX).unwrap();
        page.rows.iter().map(|row| row.iter().map(print).collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join("\n")
    }

    /// The error of a script that must fail.
    pub(super) fn error(&self, text: &str) -> QueryError {
        let outcome = self.run(text);
        outcome.error.unwrap_or_else(|| panic!("`{text}` succeeds"))
    }

    /// The columns of the last result, with types.
    pub(super) fn columns(&self, text: &str) -> String {
        let outcome = self.run(text);
        assert_eq!(outcome.error, None, "{text}");
        fields(&outcome.result().unwrap().fields)
    }
}

pub(super) fn fields(fields: &[crate::server::bigquery::value::Field]) -> String {
    fields.iter().map(|field| format!("{} {}", field.name, field.kind.name())).collect::<Vec<_>>().join(", ")
}

pub(super) fn request(text: &str) -> QueryRequest {
    QueryRequest {
        project: "p".into(),
        text: text.into(),
        default_dataset: Some(DatasetReference::new("p", "ds")),
        ..QueryRequest::default()
    }
}

pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(print).collect::<Vec<_>>().join(", ")),
        Value::Struct(items) => format!("({})", items.iter().map(print).collect::<Vec<_>>().join(", ")),
        value => value.print().unwrap_or_else(|| format!("{value:?}")),
    }
}

/// Ticks as the pipeline writes them: `count` rows, one a second or slower, over two instruments.
pub(super) fn ticks(count: u32, seconds: u32) -> String {
    let mut text = String::new();
    for n in 0..count {
        let (minute, second) = (n * seconds / 60, n * seconds % 60);
        let at = format!("2024-01-01 {:02}:{:02}:{second:02}.250000", 9 + minute / 60, minute % 60);
        let volume = 1000 + n * 7 % 311;
        let open = 100.0 + f64::from(n % 13) / 4.0;
        let wave = f64::from(n % 17) - 8.0;
        let price = 10.0 + 0.5 * f64::from(volume) / 100.0 + 0.8 * open + wave / 50.0;
        writeln!(
            text,
            r#"{{"timestamp":"{at}","instrument_token":{},"last_price":{price},"volume":{volume},"sell_quantity":{n},"last_quantity":25,"change":-0.41,"average_price":{},"open":{open},"high":{},"low":{},"close":{},"depth":{{"buy":[{{"price":{price},"orders":4,"quantity":310}}],"sell":[{{"price":1012,"orders":1,"quantity":3}},{{"price":1013.5,"orders":1,"quantity":3}}]}}}}"#,
            408_065 + n % 2 * 1000,
            open + 0.5 + wave / 10.0,
            open + 3.0 + wave * wave / 100.0,
            open - 2.0 - f64::from(n % 7) / 10.0,
            open + 1.0 + f64::from(n % 5) / 9.0,
        )
        .unwrap();
    }
    text
}
