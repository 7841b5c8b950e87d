//! What a project holds: datasets, tables, views, external tables and models, as the REST API and SQL both see them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::server::bigquery::value::Field;

/// `project:dataset`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DatasetReference {
    pub project: String,
    pub dataset: String,
}

/// `project:dataset.table`; also of a view, an external table or a model.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableReference {
    pub project: String,
    pub dataset: String,
    pub table: String,
}

impl DatasetReference {
    pub fn new(project: impl Into<String>, dataset: impl Into<String>) -> Self {
        Self { project: project.into(), dataset: dataset.into() }
    }
}

impl TableReference {
    pub fn new(project: impl Into<String>, dataset: impl Into<String>, table: impl Into<String>) -> Self {
        Self { project: project.into(), dataset: dataset.into(), table: table.into() }
    }

    pub fn dataset(&self) -> DatasetReference {
        DatasetReference::new(&self.project, &self.dataset)
    }

    /// As messages about reading data have it: `project.dataset.table`.
    pub fn dotted(&self) -> String {
        format!("{}.{}.{}", self.project, self.dataset, self.table)
    }
}

impl std::fmt::Display for DatasetReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.project, self.dataset)
    }
}

impl std::fmt::Display for TableReference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}.{}", self.project, self.dataset, self.table)
    }
}

/// What all resources have in common and clients may set.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    pub friendly_name: Option<String>,
    pub description: Option<String>,
    pub labels: Vec<(String, String)>,
    /// Milliseconds since 1970: a table or model is gone after it. Of a dataset: none.
    pub expiration_ms: Option<i64>,
    /// Members that are kept and given back but mean nothing here, under the API's names:
    /// `timePartitioning`, `clustering`, `tableConstraints`, `defaultTableExpirationMs`, `access` ...
    pub metadata: Map<String, Json>,
}

/// What the engine itself sets.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stamp {
    /// Changes with every change of the resource.
    pub etag: String,
    pub creation_ms: i64,
    pub modified_ms: i64,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    pub reference: DatasetReference,
    pub location: String,
    pub settings: Settings,
    pub stamp: Stamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    pub reference: TableReference,
    pub kind: TableKind,
    pub fields: Vec<Field>,
    pub location: String,
    pub settings: Settings,
    pub stamp: Stamp,
    /// Zero for views and external tables.
    pub rows: u64,
    /// Logical bytes as BigQuery counts them: 8 a number, 2 and its UTF-8 length a string ...
    pub bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum TableKind {
    Table,
    /// Its query in GoogleSQL.
    View {
        query: String,
    },
    External(ExternalDefinition),
}

impl TableKind {
    /// `type` of a table resource.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Table => "TABLE",
            Self::View { .. } => "VIEW",
            Self::External(_) => "EXTERNAL",
        }
    }
}

/// Where an external table's (or a load job's) rows are and how they are written there.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ExternalDefinition {
    /// `gs://bucket/name`, with at most one `*` in the name.
    pub uris: Vec<String>,
    pub format: Format,
    /// The schema was (or is to be) found by looking at the first rows.
    pub autodetect: bool,
    pub read: ReadOptions,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Format {
    #[default]
    Json,
    Csv,
}

impl Format {
    /// `sourceFormat` in the API.
    pub fn word(self) -> &'static str {
        match self {
            Self::Json => "NEWLINE_DELIMITED_JSON",
            Self::Csv => "CSV",
        }
    }

    /// The format of a `sourceFormat` or `format` option, in any case; `JSON` is an alias.
    pub fn named(word: &str) -> Option<Self> {
        match word.to_ascii_uppercase().as_str() {
            "JSON" | "NEWLINE_DELIMITED_JSON" => Some(Self::Json),
            "CSV" => Some(Self::Csv),
            _ => None,
        }
    }
}

/// How text becomes rows. The defaults are BigQuery's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
pub struct ReadOptions {
    pub ignore_unknown_values: bool,
    /// So many rows may be bad; they are left out.
    pub max_bad_records: u64,
    pub csv: CsvOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CsvOptions {
    /// One character.
    pub field_delimiter: char,
    /// `None`: fields are never quoted.
    pub quote: Option<char>,
    /// `None`: 0, and with autodetection a header is looked for.
    pub skip_leading_rows: Option<u64>,
    /// The text of NULL; `None`: an unquoted empty field.
    pub null_marker: Option<String>,
    pub allow_quoted_newlines: bool,
    pub allow_jagged_rows: bool,
}

impl Default for CsvOptions {
    fn default() -> Self {
        Self {
            field_delimiter: ',',
            quote: Some('"'),
            skip_leading_rows: None,
            null_marker: None,
            allow_quoted_newlines: false,
            allow_jagged_rows: false,
        }
    }
}

/// A trained model as the API shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub reference: TableReference,
    /// `LINEAR_REGRESSION`, `ARIMA_PLUS`.
    pub model_type: String,
    pub location: String,
    pub settings: Settings,
    pub stamp: Stamp,
    pub feature_columns: Vec<Field>,
    pub label_columns: Vec<Field>,
    /// `trainingRuns` of the API.
    pub training_runs: Json,
}
