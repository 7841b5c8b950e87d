//! `_cat`: tables for people, and for scripts that read them.

mod table;

use std::sync::Arc;

use super::cluster::{Health, Shards, index_health};
use super::route;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Request, Response, Route, wildcard_match};
use crate::server::elasticsearch::state::{Index, IndicesOptions, Node, now_millis};
use table::{Cell, Column, TABLE_PARAMS, Table, column, text};

const INDICES_PARAMS: &[&str] = &[
    "allow_no_indices",
    "bytes",
    "expand_wildcards",
    "h",
    "health",
    "help",
    "ignore_unavailable",
    "include_unloaded_segments",
    "local",
    "master_timeout",
    "pri",
    "s",
    "time",
    "ts",
    "v",
];
const EXPANDING_PARAMS: &[&str] = &[
    "allow_no_indices",
    "bytes",
    "expand_wildcards",
    "h",
    "help",
    "ignore_unavailable",
    "local",
    "master_timeout",
    "s",
    "time",
    "ts",
    "v",
];
const NODES_PARAMS: &[&str] =
    &["bytes", "full_id", "h", "help", "include_unloaded_segments", "local", "master_timeout", "s", "time", "ts", "v"];

const PATHS: [&str; 13] = [
    "/_cat/shards",
    "/_cat/shards/{index}",
    "/_cat/master",
    "/_cat/nodes",
    "/_cat/indices",
    "/_cat/indices/{index}",
    "/_cat/count",
    "/_cat/count/{index}",
    "/_cat/health",
    "/_cat/aliases",
    "/_cat/aliases/{alias}",
    "/_cat/plugins",
    "/_cat/templates",
];

pub(super) fn routes() -> Vec<Route> {
    vec![
        route!([GET] "/_cat", &["help"], list),
        route!([GET] "/_cat/indices", INDICES_PARAMS, indices),
        route!([GET] "/_cat/indices/{index}", INDICES_PARAMS, indices),
        route!([GET] "/_cat/health", TABLE_PARAMS, health),
        route!([GET] "/_cat/count", TABLE_PARAMS, count),
        route!([GET] "/_cat/count/{index}", TABLE_PARAMS, count),
        route!([GET] "/_cat/nodes", NODES_PARAMS, nodes),
        route!([GET] "/_cat/master", TABLE_PARAMS, master),
        route!([GET] "/_cat/shards", EXPANDING_PARAMS, shards),
        route!([GET] "/_cat/shards/{index}", EXPANDING_PARAMS, shards),
        route!([GET] "/_cat/aliases", EXPANDING_PARAMS, aliases),
        route!([GET] "/_cat/aliases/{alias}", EXPANDING_PARAMS, aliases),
        route!([GET] "/_cat/templates", TABLE_PARAMS, templates),
        route!([GET] "/_cat/templates/{name}", TABLE_PARAMS, templates),
        route!([GET] "/_cat/plugins", TABLE_PARAMS, plugins),
    ]
}

async fn list(_: Arc<Node>, _: Request) -> Result<Response, ApiError> {
    let paths: String = PATHS.iter().map(|path| format!("{path}\n")).collect();
    Ok(text(format!("=^.^=\n{paths}")))
}

fn expression(request: &Request) -> &str {
    request.path.get("index").map_or("", String::as_str)
}

const INDICES: &[Column] = &[
    column("health", &["h"], "current health status"),
    column("status", &["s"], "open/close status"),
    column("index", &["i", "idx"], "index name"),
    column("uuid", &["id", "uuid"], "index uuid"),
    column("pri", &["p", "shards.primary", "shardsPrimary"], "number of primary shards").right(),
    column("rep", &["r", "shards.replica", "shardsReplica"], "number of replica shards").right(),
    column("docs.count", &["dc", "docsCount"], "available docs").right(),
    column("docs.deleted", &["dd", "docsDeleted"], "deleted docs").right(),
    column("creation.date", &["cd"], "index creation date (millisecond value)").on_demand(),
    column("creation.date.string", &["cds"], "index creation date (as string)").on_demand(),
    column("store.size", &["ss", "storeSize"], "store size of primaries & replicas").right(),
    column("pri.store.size", &[], "store size of primaries").right(),
    column("dataset.size", &[], "total size of dataset").right(),
];

async fn indices(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let wanted = match request.params.get("health") {
        None => None,
        Some(name) => Some(parse_health(name)?),
    };
    let base = IndicesOptions { expand_closed: true, expand_hidden: true, ..IndicesOptions::admin() };
    let indices = node.cluster.resolve(expression(&request), base.with_params(&request.params)?)?;
    let rows = indices.iter().filter(|index| wanted.is_none_or(|health| index_health(index) == health)).map(|index| {
        let settings = index.settings();
        let stats = index.engine().stats();
        let closed = index.is_closed();
        let number = |number: u64| if closed { Cell::Blank } else { Cell::Int(number) };
        let bytes = if closed { Cell::Blank } else { Cell::Bytes(stats.size_bytes) };
        vec![
            index_health(index).name().into(),
            if closed { "close" } else { "open" }.into(),
            index.name().into(),
            index.uuid().into(),
            settings.number_of_shards().into(),
            settings.number_of_replicas().into(),
            number(stats.docs),
            number(stats.deleted),
            index.creation_millis().to_string().into(),
            timestamp(index.creation_millis()).into(),
            bytes.clone(),
            bytes.clone(),
            bytes,
        ]
    });
    Table { columns: INDICES, rows: rows.collect() }.respond(&request.params)
}

fn parse_health(name: &str) -> Result<Health, ApiError> {
    [Health::Green, Health::Yellow, Health::Red]
        .into_iter()
        .find(|health| health.name() == name.to_ascii_lowercase())
        .ok_or_else(|| {
            let constant = name.to_ascii_uppercase();
            ApiError::illegal_argument(format!(
                "No enum constant org.elasticsearch.cluster.health.ClusterHealthStatus.{constant}"
            ))
        })
}

fn timestamp(millis: i64) -> String {
    jiff::Timestamp::from_millisecond(millis)
        .map(|at| at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string())
        .unwrap_or_default()
}

/// `epoch` and `timestamp`, which several tables begin with.
fn clock() -> [Cell; 2] {
    let millis = now_millis();
    let seconds = jiff::Timestamp::from_millisecond(millis).map(|at| at.strftime("%H:%M:%S").to_string());
    [(millis / 1000).to_string().into(), seconds.unwrap_or_default().into()]
}

const HEALTH: &[Column] = &[
    column("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    column("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    column("cluster", &["cl"], "cluster name"),
    column("status", &["st"], "health status"),
    column("node.total", &["nt", "nodeTotal"], "total number of nodes").right(),
    column("node.data", &["nd", "nodeData"], "number of nodes that can store data").right(),
    column("shards", &["t", "sh", "shards.total", "shardsTotal"], "total number of shards").right(),
    column("pri", &["p", "shards.primary", "shardsPrimary"], "number of primary shards").right(),
    column("relo", &["r", "shards.relocating", "shardsRelocating"], "number of relocating nodes").right(),
    column("init", &["i", "shards.initializing", "shardsInitializing"], "number of initializing nodes").right(),
    column("unassign", &["u", "shards.unassigned", "shardsUnassigned"], "number of unassigned shards").right(),
    column(
        "unassign.pri",
        &["up", "shards.unassigned.primary", "shardsUnassignedPrimary"],
        "number of unassigned primary shards",
    )
    .right(),
    column("pending_tasks", &["pt", "pendingTasks"], "number of pending tasks").right(),
    column("max_task_wait_time", &["mtwt", "maxTaskWaitTime"], "wait time of longest task pending").right(),
    column("active_shards_percent", &["asp", "activeShardsPercent"], "active number of shards in percent").right(),
];

async fn health(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let indices: Vec<Arc<Index>> = node.cluster.state().indices.values().cloned().collect();
    let shards = Shards::of(&indices);
    let worst = indices.iter().map(|index| index_health(index)).max().unwrap_or(Health::Green);
    let [epoch, time] = clock();
    let zero = || Cell::Int(0);
    let row = vec![
        epoch,
        time,
        node.identity.cluster_name.as_str().into(),
        worst.name().into(),
        Cell::Int(1),
        Cell::Int(1),
        shards.active.into(),
        shards.active.into(),
        zero(),
        zero(),
        shards.unassigned.into(),
        zero(),
        zero(),
        "-".into(),
        format!("{:.1}%", shards.active_percent()).into(),
    ];
    Table { columns: HEALTH, rows: vec![row] }.respond(&request.params)
}

const COUNT: &[Column] = &[
    column("epoch", &["t", "time"], "seconds since 1970-01-01 00:00:00"),
    column("timestamp", &["ts", "hms", "hhmmss"], "time in HH:MM:SS"),
    column("count", &["dc", "docs.count", "docsCount"], "the document count"),
];

async fn count(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let indices = node.cluster.resolve(expression(&request), IndicesOptions::open())?;
    let docs: u64 = indices.iter().map(|index| index.engine().searcher().num_docs()).sum();
    let [epoch, time] = clock();
    Table { columns: COUNT, rows: vec![vec![epoch, time, docs.into()]] }.respond(&request.params)
}

const NODES: &[Column] = &[
    column("id", &["nodeId"], "unique node id").on_demand(),
    column("pid", &["p"], "process id").on_demand(),
    column("ip", &["i"], "ip address"),
    column("port", &["po"], "bound transport port").on_demand(),
    column("http_address", &["http"], "bound http address").on_demand(),
    column("version", &["v"], "es version").on_demand(),
    column("heap.percent", &["hp", "heapPercent"], "used heap ratio").right(),
    column("ram.percent", &["rp", "ramPercent"], "used machine memory ratio").right(),
    column("cpu", &[], "recent cpu usage").right(),
    column("load_1m", &["l"], "1m load avg").right(),
    column("load_5m", &["l"], "5m load avg").right(),
    column("load_15m", &["l"], "15m load avg").right(),
    column("uptime", &["u"], "node uptime").right().on_demand(),
    column(
        "node.role",
        &["r", "role", "nodeRole"],
        "m:master eligible node, d:data node, i:ingest node, -:coordinating node only",
    ),
    column("master", &["m"], "*:current master"),
    column("name", &["n"], "node name"),
];

async fn nodes(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let full_id = request.params.bool("full_id", false)?;
    let identity = &node.identity;
    let id: String = identity.node_id.chars().take(if full_id { usize::MAX } else { 4 }).collect();
    let [load_1m, load_5m, load_15m] = load_averages();
    let row = vec![
        id.into(),
        std::process::id().to_string().into(),
        identity.publish_address.ip().to_string().into(),
        identity.publish_address.port().to_string().into(),
        identity.publish_address.to_string().into(),
        identity.version.number.as_str().into(),
        // There is no heap of fixed size here, and memory and processor time of the machine are not measured.
        Cell::Blank,
        Cell::Blank,
        Cell::Blank,
        load_1m,
        load_5m,
        load_15m,
        format!("{}s", node.started.elapsed().as_secs()).into(),
        "cdfhilmrstw".into(),
        "*".into(),
        identity.node_name.as_str().into(),
    ];
    Table { columns: NODES, rows: vec![row] }.respond(&request.params)
}

/// Of the machine, where it tells.
fn load_averages() -> [Cell; 3] {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let mut parts = text.split(' ');
    [(); 3].map(|()| match parts.next() {
        Some(load) if !load.is_empty() => load.into(),
        _ => Cell::Blank,
    })
}

const MASTER: &[Column] = &[
    column("id", &[], "node id"),
    column("host", &["h"], "host name"),
    column("ip", &[], "ip address"),
    column("node", &["n"], "node name"),
];

async fn master(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let identity = &node.identity;
    let ip = identity.publish_address.ip().to_string();
    let row =
        vec![(&*identity.node_id).into(), ip.as_str().into(), ip.as_str().into(), identity.node_name.as_str().into()];
    Table { columns: MASTER, rows: vec![row] }.respond(&request.params)
}

const SHARDS: &[Column] = &[
    column("index", &["i", "idx"], "index name"),
    column("shard", &["s", "sh"], "shard name"),
    column("prirep", &["p", "pr", "primaryOrReplica"], "primary or replica"),
    column("state", &["st"], "shard state"),
    column("docs", &["d", "dc"], "number of docs in shard").right(),
    column("store", &["sto"], "store size of shard (how much disk it uses)").right(),
    column("dataset", &[], "total size of dataset").right(),
    column("ip", &[], "ip of node where it lives"),
    column("id", &[], "unique id of node where it lives").on_demand(),
    column("node", &["n"], "name of node where it lives"),
];

async fn shards(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let base = IndicesOptions { expand_closed: true, expand_hidden: true, ..IndicesOptions::admin() };
    let indices = node.cluster.resolve(expression(&request), base.with_params(&request.params)?)?;
    let mut rows = Vec::new();
    for index in &indices {
        let settings = index.settings();
        for shard in 0..settings.number_of_shards() {
            rows.push(primary_row(&node, index, shard));
            for _ in 0..settings.number_of_replicas() {
                let blank = || Cell::Blank;
                let (name, shard) = (index.name().into(), shard.to_string().into());
                rows.push(vec![
                    name,
                    shard,
                    "r".into(),
                    "UNASSIGNED".into(),
                    blank(),
                    blank(),
                    blank(),
                    blank(),
                    blank(),
                    blank(),
                ]);
            }
        }
    }
    Table { columns: SHARDS, rows }.respond(&request.params)
}

/// All documents are in the first shard: an index has one engine, however many shards its settings say.
fn primary_row(node: &Node, index: &Index, shard: u64) -> Vec<Cell> {
    let stats = index.engine().stats();
    let (docs, size) = if shard == 0 { (stats.docs, stats.size_bytes) } else { (0, 0) };
    vec![
        index.name().into(),
        shard.to_string().into(),
        "p".into(),
        "STARTED".into(),
        docs.into(),
        Cell::Bytes(size),
        Cell::Bytes(size),
        node.identity.publish_address.ip().to_string().into(),
        (&*node.identity.node_id).into(),
        node.identity.node_name.as_str().into(),
    ]
}

const ALIASES: &[Column] = &[
    column("alias", &["a"], "alias name"),
    column("index", &["i", "idx"], "index alias points to"),
    column("filter", &["f", "fi"], "filter"),
    column("routing.index", &["ri", "routingIndex"], "index routing"),
    column("routing.search", &["rs", "routingSearch"], "search routing"),
    column("is_write_index", &["w", "isWriteIndex"], "write index"),
];

async fn aliases(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let patterns = request.path.get("alias").map_or("*", String::as_str);
    let wanted = |name: &str| patterns.split(',').any(|pattern| wildcard_match(pattern, name));
    let or_dash = |text: &Option<String>| Cell::Text(text.clone().unwrap_or_else(|| "-".into()));
    let mut rows = Vec::new();
    for (alias, members) in node.cluster.state().aliases.iter().filter(|(alias, _)| wanted(alias)) {
        for (index, meta) in members {
            rows.push(vec![
                alias.as_str().into(),
                index.as_str().into(),
                if meta.filter.is_some() { "*" } else { "-" }.into(),
                or_dash(&meta.index_routing),
                or_dash(&meta.search_routing),
                meta.is_write_index.map_or("-".to_owned(), |flag| flag.to_string()).into(),
            ]);
        }
    }
    Table { columns: ALIASES, rows }.respond(&request.params)
}

const TEMPLATES: &[Column] = &[
    column("name", &["n"], "template name"),
    column("index_patterns", &["t"], "template index patterns"),
    column("order", &["o", "p"], "template application order/priority number"),
    column("version", &["v"], "version"),
    column("composed_of", &["c"], "component templates comprising index template"),
];

async fn templates(node: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    let pattern = request.path.get("name").map_or("*", String::as_str);
    let state = node.cluster.state();
    let rows = state.templates.iter().filter(|(name, _)| wildcard_match(pattern, name)).map(|(name, template)| {
        let number = |number: Option<i64>| number.map_or(String::new(), |number| number.to_string());
        vec![
            name.as_str().into(),
            format!("[{}]", template.index_patterns.join(", ")).into(),
            number(template.priority).into(),
            number(template.version).into(),
            format!("[{}]", template.composed_of.join(", ")).into(),
        ]
    });
    Table { columns: TEMPLATES, rows: rows.collect() }.respond(&request.params)
}

const PLUGINS: &[Column] = &[
    column("name", &["n"], "node name"),
    column("component", &["c"], "component"),
    column("version", &["v"], "component version"),
];

async fn plugins(_: Arc<Node>, request: Request) -> Result<Response, ApiError> {
    Table { columns: PLUGINS, rows: Vec::new() }.respond(&request.params)
}
