//! The endpoints: a file for each group of Kibana's API, and the table of all.

pub(super) mod body;
mod bulk_get;
mod data_view;
mod default_view;
mod export;
mod find;
mod import;
mod object;
mod space;
mod status;
mod upload;

use super::http::Route;

/// All endpoints. Names go before variables, whatever the order here.
pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new("GET", "/api/status", status::status),
        Route::new("GET", "/api/spaces/space", space::list),
        Route::new("GET", "/api/spaces/space/{id}", space::get),
        Route::new("POST", "/api/saved_objects/_import", import::import),
        Route::new("POST", "/api/saved_objects/_resolve_import_errors", import::resolve),
        Route::new("POST", "/api/saved_objects/_export", export::export),
        Route::new("GET", "/api/saved_objects/_find", find::find),
        Route::new("POST", "/api/saved_objects/_bulk_get", bulk_get::bulk_get),
        Route::new("GET", "/api/saved_objects/{type}/{id}", object::get),
        Route::new("POST", "/api/saved_objects/{type}", object::create),
        Route::new("POST", "/api/saved_objects/{type}/{id}", object::create),
        Route::new("PUT", "/api/saved_objects/{type}/{id}", object::update),
        Route::new("DELETE", "/api/saved_objects/{type}/{id}", object::delete),
        Route::new("GET", "/api/data_views", data_view::list),
        Route::new("GET", "/api/data_views/default", default_view::get),
        Route::new("POST", "/api/data_views/default", default_view::set),
        Route::new("POST", "/api/data_views/data_view", data_view::create),
        Route::new("GET", "/api/data_views/data_view/{id}", data_view::get),
        Route::new("POST", "/api/data_views/data_view/{id}", data_view::update),
        Route::new("DELETE", "/api/data_views/data_view/{id}", data_view::delete),
    ]
}
