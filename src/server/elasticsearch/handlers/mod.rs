//! One file a family of endpoints, and the table of them all.

mod alias;
mod analyze;
mod body;
mod bulk;
mod cat;
mod cluster;
mod count;
mod document;
mod field_caps;
mod index;
mod maintenance;
mod mapping;
mod mget;
mod msearch;
mod nodes;
mod resolve;
mod root;
mod search;
mod settings;
mod template;
mod validate;
mod writing;

use crate::server::elasticsearch::http::Route;

/// A route to an async handler.
macro_rules! route {
    ([$($method:ident)+] $path:literal, $params:expr, $handler:path) => {
        Route::new(
            &[$(stringify!($method)),+],
            $path,
            $params,
            |node, request| -> crate::server::elasticsearch::http::HandlerFuture { Box::pin($handler(node, request)) },
        )
    };
}

/// Every endpoint this node serves.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![
        route!([GET HEAD] "/", root::ROOT_PARAMS, root::root).pretty(),
        route!([GET] "/_license", nodes::LICENSE_PARAMS, nodes::license).pretty(),
        route!([GET] "/_xpack", nodes::XPACK_PARAMS, nodes::xpack),
        route!([GET] "/_nodes", nodes::NODES_PARAMS, nodes::nodes),
        route!([GET] "/_nodes/{node_id}", nodes::NODES_PARAMS, nodes::nodes),
        route!([GET] "/_nodes/{node_id}/{metrics}", nodes::NODES_PARAMS, nodes::nodes),
        route!([GET] "/_cluster/health", cluster::HEALTH_PARAMS, cluster::health).waits(),
        route!([GET] "/_cluster/health/{index}", cluster::HEALTH_PARAMS, cluster::health).waits(),
        route!([GET] "/_cluster/settings", cluster::GET_SETTINGS_PARAMS, cluster::get_settings),
        route!([PUT] "/_cluster/settings", cluster::PUT_SETTINGS_PARAMS, cluster::put_settings),
        route!([GET] "/_cluster/stats", cluster::STATS_PARAMS, cluster::stats),
    ];
    routes.extend(document_routes());
    routes.extend(search_routes());
    routes.extend(index_routes());
    routes.extend(template_routes());
    routes.extend(cat::routes());
    routes
}

fn index_routes() -> Vec<Route> {
    vec![
        route!([PUT] "/{index}", index::CREATE_PARAMS, index::create),
        route!([GET HEAD] "/{index}", index::GET_PARAMS, index::get),
        route!([DELETE] "/{index}", index::DELETE_PARAMS, index::delete),
        route!([POST] "/{index}/_close", index::CLOSE_PARAMS, index::close),
        route!([POST] "/{index}/_open", index::CLOSE_PARAMS, index::open),
        route!([GET] "/_mapping", mapping::GET_PARAMS, mapping::get),
        route!([GET] "/{index}/_mapping", mapping::GET_PARAMS, mapping::get),
        route!([PUT POST] "/{index}/_mapping", mapping::PUT_PARAMS, mapping::put),
        route!([GET] "/_mapping/field/{fields}", mapping::FIELD_PARAMS, mapping::get_field),
        route!([GET] "/{index}/_mapping/field/{fields}", mapping::FIELD_PARAMS, mapping::get_field),
        route!([GET] "/_settings", settings::GET_PARAMS, settings::get),
        route!([GET] "/_settings/{name}", settings::GET_PARAMS, settings::get),
        route!([GET] "/{index}/_settings", settings::GET_PARAMS, settings::get),
        route!([GET] "/{index}/_settings/{name}", settings::GET_PARAMS, settings::get),
        route!([PUT] "/_settings", settings::PUT_PARAMS, settings::put),
        route!([PUT] "/{index}/_settings", settings::PUT_PARAMS, settings::put),
        route!([GET] "/_alias", alias::GET_PARAMS, alias::get),
        route!([GET HEAD] "/_alias/{name}", alias::GET_PARAMS, alias::get),
        route!([GET HEAD] "/{index}/_alias", alias::GET_PARAMS, alias::get),
        route!([GET HEAD] "/{index}/_alias/{name}", alias::GET_PARAMS, alias::get),
        route!([PUT POST] "/{index}/_alias/{name}", alias::PUT_PARAMS, alias::put),
        route!([PUT POST] "/{index}/_aliases/{name}", alias::PUT_PARAMS, alias::put),
        route!([DELETE] "/{index}/_alias/{name}", alias::PUT_PARAMS, alias::delete),
        route!([DELETE] "/{index}/_aliases/{name}", alias::PUT_PARAMS, alias::delete),
        route!([POST] "/_aliases", alias::PUT_PARAMS, alias::update),
        route!([GET] "/_aliases", alias::GET_PARAMS, alias::get),
        route!([GET POST] "/_refresh", maintenance::REFRESH_PARAMS, maintenance::refresh),
        route!([GET POST] "/{index}/_refresh", maintenance::REFRESH_PARAMS, maintenance::refresh),
        route!([GET POST] "/_flush", maintenance::FLUSH_PARAMS, maintenance::flush),
        route!([GET POST] "/{index}/_flush", maintenance::FLUSH_PARAMS, maintenance::flush),
        route!([POST] "/_forcemerge", maintenance::FORCE_MERGE_PARAMS, maintenance::force_merge),
        route!([POST] "/{index}/_forcemerge", maintenance::FORCE_MERGE_PARAMS, maintenance::force_merge),
        route!([GET] "/_stats", maintenance::STATS_PARAMS, maintenance::stats),
        route!([GET] "/_stats/{metric}", maintenance::STATS_PARAMS, maintenance::stats),
        route!([GET] "/{index}/_stats", maintenance::STATS_PARAMS, maintenance::stats),
        route!([GET] "/{index}/_stats/{metric}", maintenance::STATS_PARAMS, maintenance::stats),
        route!([GET POST] "/_field_caps", field_caps::PARAMS, field_caps::field_caps),
        route!([GET POST] "/{index}/_field_caps", field_caps::PARAMS, field_caps::field_caps),
        route!([GET POST] "/_analyze", analyze::PARAMS, analyze::analyze).source_param(),
        route!([GET POST] "/{index}/_analyze", analyze::PARAMS, analyze::analyze).source_param(),
        route!([GET] "/_resolve/index/{name}", resolve::PARAMS, resolve::index),
    ]
}

fn document_routes() -> Vec<Route> {
    vec![
        route!([POST PUT] "/_bulk", bulk::BULK_PARAMS, bulk::bulk),
        route!([POST PUT] "/{index}/_bulk", bulk::BULK_PARAMS, bulk::bulk),
        route!([POST] "/{index}/_doc", document::INDEX_PARAMS, document::index),
        route!([PUT POST] "/{index}/_doc/{id}", document::INDEX_PARAMS, document::index),
        route!([GET HEAD] "/{index}/_doc/{id}", document::GET_PARAMS, document::get),
        route!([DELETE] "/{index}/_doc/{id}", document::DELETE_PARAMS, document::delete),
        route!([PUT POST] "/{index}/_create/{id}", document::INDEX_PARAMS, document::create),
        route!([GET HEAD] "/{index}/_source/{id}", document::GET_PARAMS, document::get_source),
        route!([POST] "/{index}/_update/{id}", document::UPDATE_PARAMS, document::update),
        route!([GET POST] "/_mget", mget::MGET_PARAMS, mget::mget).source_param(),
        route!([GET POST] "/{index}/_mget", mget::MGET_PARAMS, mget::mget).source_param(),
    ]
}

fn search_routes() -> Vec<Route> {
    vec![
        route!([GET POST] "/_search", search::SEARCH_PARAMS, search::search).source_param(),
        route!([GET POST] "/{index}/_search", search::SEARCH_PARAMS, search::search).source_param(),
        route!([GET POST] "/_msearch", msearch::MSEARCH_PARAMS, msearch::msearch).source_param(),
        route!([GET POST] "/{index}/_msearch", msearch::MSEARCH_PARAMS, msearch::msearch).source_param(),
        route!([GET POST] "/_count", count::COUNT_PARAMS, count::count).source_param(),
        route!([GET POST] "/{index}/_count", count::COUNT_PARAMS, count::count).source_param(),
        route!([GET POST] "/_validate/query", validate::VALIDATE_PARAMS, validate::validate).source_param(),
        route!([GET POST] "/{index}/_validate/query", validate::VALIDATE_PARAMS, validate::validate).source_param(),
    ]
}

fn template_routes() -> Vec<Route> {
    vec![
        route!([GET] "/_index_template", template::GET_PARAMS, template::get),
        route!([GET HEAD] "/_index_template/{name}", template::GET_PARAMS, template::get),
        route!([PUT POST] "/_index_template/{name}", template::PUT_PARAMS, template::put),
        route!([DELETE] "/_index_template/{name}", template::DELETE_PARAMS, template::delete),
        route!([POST] "/_index_template/_simulate_index/{name}", template::SIMULATE_PARAMS, template::simulate_index),
        route!([POST] "/_index_template/_simulate/{name}", template::SIMULATE_PARAMS, template::simulate),
        route!([GET] "/_component_template", template::GET_PARAMS, template::get_component),
        route!([GET HEAD] "/_component_template/{name}", template::GET_PARAMS, template::get_component),
        route!([PUT POST] "/_component_template/{name}", template::PUT_PARAMS, template::put_component),
        route!([DELETE] "/_component_template/{name}", template::DELETE_PARAMS, template::delete_component),
    ]
}

use route;

/// Reads a `_bulk` body and forgets it.
pub(crate) fn parse_bulk_for_fuzzing(bytes: &[u8]) {
    bulk::parse_for_fuzzing(bytes);
}
