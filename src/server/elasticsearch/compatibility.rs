//! What the node serves beyond its endpoints, from the parsers' own tables, and what it declines: `docs/compatibility.md`.

use super::{aggs, mapping, search, state};

/// An aggregation and its options.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aggregation {
    pub name: &'static str,
    pub options: Vec<&'static str>,
}

/// A field type and the options a mapping may give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldType {
    pub name: &'static str,
    pub options: Vec<&'static str>,
}

/// A setting of an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexSetting {
    pub name: &'static str,
    /// Can change while the index is open.
    pub dynamic: bool,
}

/// The queries served, by name.
pub fn query_types() -> &'static [&'static str] {
    search::query::QUERY_NAMES
}

/// The aggregations served, by name. Scripts are not, wherever Elasticsearch takes one.
pub fn aggregations() -> Vec<Aggregation> {
    let options = |name| aggs::options_of(name).iter().copied().filter(|option| *option != "script").collect();
    aggs::AGGREGATION_NAMES.iter().map(|name| Aggregation { name, options: options(name) }).collect()
}

/// The types of fields served, beside `object` and `nested`.
pub fn field_types() -> Vec<FieldType> {
    let options = |kind| mapping::options(kind).iter().map(|option| option.name).collect();
    mapping::FieldKind::ALL.into_iter().map(|kind| FieldType { name: kind.name(), options: options(kind) }).collect()
}

/// The settings an index takes.
pub fn index_settings() -> Vec<IndexSetting> {
    state::known_settings().map(|(name, dynamic)| IndexSetting { name, dynamic }).collect()
}

/// Families of settings that are taken whatever follows.
pub fn setting_prefixes() -> &'static [&'static str] {
    state::KNOWN_PREFIXES
}

/// One part of Elasticsearch that is not here: a request that asks for it, and how the answer begins to say no.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declined {
    pub feature: &'static str,
    pub method: &'static str,
    pub target: &'static str,
    pub body: &'static str,
    /// A status other than 2xx, but for partial answers.
    pub status: u16,
    /// What the answer's body says.
    pub says: &'static str,
}

const NO_HANDLER: &str = "no handler found for uri";

const fn endpoint(feature: &'static str, method: &'static str, target: &'static str) -> Declined {
    Declined { feature, method, target, body: "", status: 400, says: NO_HANDLER }
}

const fn search(feature: &'static str, body: &'static str, says: &'static str) -> Declined {
    Declined { feature, method: "POST", target: "/_search", body, status: 400, says }
}

const fn mapping(feature: &'static str, body: &'static str, says: &'static str) -> Declined {
    Declined { feature, method: "PUT", target: "/declined", body, status: 400, says }
}

/// What the node declines.
pub const DECLINED: &[Declined] = &[
    Declined { target: "/_search?scroll=1m", ..search("Scroll", "", "unrecognized parameter: [scroll]") },
    endpoint("Points in time", "POST", "/ticks/_pit?keep_alive=1m"),
    endpoint("Asynchronous search", "POST", "/ticks/_async_search"),
    endpoint("Update by query", "POST", "/ticks/_update_by_query"),
    endpoint("Delete by query", "POST", "/ticks/_delete_by_query"),
    endpoint("Ingest pipelines", "PUT", "/_ingest/pipeline/p"),
    endpoint("Index lifecycle management", "PUT", "/_ilm/policy/p"),
    endpoint("Security", "GET", "/_security/user/me"),
    endpoint("Explaining a hit", "GET", "/ticks/_explain/1"),
    endpoint("Term vectors", "GET", "/ticks/_termvectors/1"),
    endpoint("Rollover", "POST", "/ticks/_rollover/next"),
    search("Highlighting", r#"{"highlight":{"fields":{"a":{}}}}"#, "[highlight]"),
    search("Suggesters", r#"{"suggest":{"text":"a"}}"#, "[suggest]"),
    search("Collapsing", r#"{"collapse":{"field":"a"}}"#, "[collapse]"),
    search("Rescoring", r#"{"rescore":{"query":{}}}"#, "[rescore]"),
    search("Vector search", r#"{"knn":{"field":"a"}}"#, "[knn]"),
    search("Runtime fields", r#"{"runtime_mappings":{"a":{"type":"long"}}}"#, "[runtime_mappings]"),
    search("Script fields", r#"{"script_fields":{"a":{}}}"#, "[script_fields]"),
    search("Profiling", r#"{"profile":true}"#, "[profile]"),
    search("Script queries", r#"{"query":{"script":{"script":"1"}}}"#, "unknown query [script]"),
    search("Function scores", r#"{"query":{"function_score":{}}}"#, "unknown query [function_score]"),
    search("Geo queries", r#"{"query":{"geo_distance":{"distance":"1km"}}}"#, "unknown query [geo_distance]"),
    search("Span and interval queries", r#"{"query":{"intervals":{}}}"#, "unknown query [intervals]"),
    search(
        "Scripts in aggregations",
        r#"{"aggs":{"a":{"avg":{"script":"1"}}}}"#,
        "script_lang not supported [painless]",
    ),
    search("Bucket scripts", r#"{"aggs":{"a":{"bucket_script":{}}}}"#, "Unknown aggregation type [bucket_script]"),
    search("Bucket sorting", r#"{"aggs":{"a":{"bucket_sort":{}}}}"#, "Unknown aggregation type [bucket_sort]"),
    search("Nested aggregations", r#"{"aggs":{"a":{"nested":{"path":"a"}}}}"#, "Unknown aggregation type [nested]"),
    search(
        "Significant text",
        r#"{"aggs":{"a":{"significant_text":{}}}}"#,
        "Unknown aggregation type [significant_text]",
    ),
    mapping(
        "Geo fields",
        r#"{"mappings":{"properties":{"a":{"type":"geo_point"}}}}"#,
        "The mapper type [geo_point] declared on field [a] does not exist",
    ),
    mapping(
        "Flattened fields",
        r#"{"mappings":{"properties":{"a":{"type":"flattened"}}}}"#,
        "The mapper type [flattened] declared on field [a] does not exist",
    ),
    mapping(
        "Vectors",
        r#"{"mappings":{"properties":{"a":{"type":"dense_vector"}}}}"#,
        "The mapper type [dense_vector] declared on field [a] does not exist",
    ),
    mapping(
        "Own analyzers",
        r#"{"settings":{"analysis":{"analyzer":{"a":{"type":"custom"}}}}}"#,
        "unknown setting [index.analysis",
    ),
    mapping("Sorted indices", r#"{"settings":{"sort.field":"a"}}"#, "unknown setting [index.sort.field]"),
];
