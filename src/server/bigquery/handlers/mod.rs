//! The endpoints: a file for each resource of the API, and the table of all.

mod configuration;
mod dataset;
mod discovery;
mod external;
mod insert_all;
mod job;
mod members;
mod model;
mod name;
mod project;
mod query;
mod routine;
mod rows;
mod settings;
mod table;
mod table_data;
#[cfg(test)]
mod tests;
mod token;
mod upload;

use super::http::Route;

pub(crate) use upload::Sessions;

/// All endpoints, without what `http` takes off a path's beginning. Names go before variables, whatever the order here.
pub(super) fn routes() -> Vec<Route> {
    [meta(), jobs(), data(), models()].concat()
}

fn meta() -> Vec<Route> {
    vec![
        Route::blocking("GET", "discovery/v1/apis/bigquery/v2/rest", discovery::document),
        Route::blocking("GET", "$discovery/rest", discovery::document),
        Route::blocking("GET", "discovery/v1/apis", discovery::directory),
        Route::blocking("GET", "projects", project::list),
        Route::blocking("GET", "projects/{project}/serviceAccount", project::service_account),
    ]
}

fn jobs() -> Vec<Route> {
    vec![
        Route::waiting("POST", "projects/{project}/queries", query::query),
        Route::waiting("GET", "projects/{project}/queries/{job}", query::results),
        Route::blocking("POST", "projects/{project}/jobs", job::insert),
        Route::blocking("GET", "projects/{project}/jobs", job::list),
        Route::blocking("GET", "projects/{project}/jobs/{job}", job::get),
        Route::blocking("POST", "projects/{project}/jobs/{job}/cancel", job::cancel),
        Route::blocking("DELETE", "projects/{project}/jobs/{job}/delete", job::delete),
        Route::media("POST", "upload/projects/{project}/jobs", upload::start),
        Route::media("PUT", "upload/projects/{project}/jobs", upload::send),
        Route::media("DELETE", "upload/projects/{project}/jobs", upload::cancel),
    ]
}

fn data() -> Vec<Route> {
    vec![
        Route::blocking("GET", "projects/{project}/datasets", dataset::list),
        Route::blocking("POST", "projects/{project}/datasets", dataset::insert),
        Route::blocking("GET", "projects/{project}/datasets/{dataset}", dataset::get),
        Route::blocking("PATCH", "projects/{project}/datasets/{dataset}", dataset::patch),
        Route::blocking("PUT", "projects/{project}/datasets/{dataset}", dataset::update),
        Route::blocking("DELETE", "projects/{project}/datasets/{dataset}", dataset::delete),
        Route::blocking("GET", "projects/{project}/datasets/{dataset}/tables", table::list),
        Route::blocking("POST", "projects/{project}/datasets/{dataset}/tables", table::insert),
        Route::blocking("GET", "projects/{project}/datasets/{dataset}/tables/{table}", table::get),
        Route::blocking("PATCH", "projects/{project}/datasets/{dataset}/tables/{table}", table::patch),
        Route::blocking("PUT", "projects/{project}/datasets/{dataset}/tables/{table}", table::update),
        Route::blocking("DELETE", "projects/{project}/datasets/{dataset}/tables/{table}", table::delete),
        Route::blocking("GET", "projects/{project}/datasets/{dataset}/tables/{table}/data", table_data::list),
        Route::blocking(
            "POST",
            "projects/{project}/datasets/{dataset}/tables/{table}/insertAll",
            insert_all::insert_all,
        ),
    ]
}

fn models() -> Vec<Route> {
    vec![
        Route::blocking("GET", "projects/{project}/datasets/{dataset}/models", model::list),
        Route::blocking("GET", "projects/{project}/datasets/{dataset}/models/{model}", model::get),
        Route::blocking("PATCH", "projects/{project}/datasets/{dataset}/models/{model}", model::patch),
        Route::blocking("DELETE", "projects/{project}/datasets/{dataset}/models/{model}", model::delete),
        Route::blocking("GET", "projects/{project}/datasets/{dataset}/routines", routine::list),
        Route::blocking("POST", "projects/{project}/datasets/{dataset}/routines", routine::unsupported),
        Route::blocking("GET", "projects/{project}/datasets/{dataset}/routines/{routine}", routine::get),
        Route::blocking("PUT", "projects/{project}/datasets/{dataset}/routines/{routine}", routine::unsupported),
        Route::blocking("DELETE", "projects/{project}/datasets/{dataset}/routines/{routine}", routine::get),
    ]
}
