//! The dashboard page: its files, and the API that it draws from (`/api/stockdev`).
//!
//! ```text
//! page -> figures -> ask (what is wanted) + shown (objects, fields) -> draw (searches, tables, figures) -> NDJSON lines
//!                                               + forecast (a panel that no dashboard has stored)
//!      -> describe, fields, options (values of a control or a field), live (server-sent events)
//! ```
//!
//! The page is a thin renderer: what is searched, computed, coloured and written is decided here.

mod ask;
mod assets;
mod describe;
mod draw;
mod figures;
mod forecast;
mod live;
mod offer;
mod once;
mod options;
mod shown;
#[cfg(test)]
mod tests;

use super::http::Route;

pub(crate) use shown::FieldCache;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new("GET", "/", assets::page),
        Route::new("GET", "/app/dashboards", assets::page),
        Route::new("GET", "/static/{*file}", assets::file),
        Route::new("GET", "/api/stockdev/dashboards", describe::list),
        Route::new("GET", "/api/stockdev/dashboards/{id}", describe::one),
        Route::new("GET", "/api/stockdev/fields", describe::fields),
        Route::new("POST", "/api/stockdev/dashboards/{id}/figures", figures::figures),
        Route::new("POST", "/api/stockdev/dashboards/{id}/controls/{control}/options", options::options),
        Route::new("POST", "/api/stockdev/dashboards/{id}/values", options::values),
        Route::new("GET", "/api/stockdev/dashboards/{id}/live", live::live),
    ]
}
