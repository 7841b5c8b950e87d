//! The page's files, inside the program. Nothing is fetched from another host.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, HeaderValue};
use plotly::Plot;

use crate::server::kibana::Kibana;
use crate::server::kibana::error::ApiError;
use crate::server::kibana::http::{HandlerFuture, Request, Response};

const PAGE: &str = include_str!("static/index.html");

macro_rules! files {
    ($($name:literal,)*) => { &[$(($name, include_str!(concat!("static/", $name)))),*] };
}

/// Modules and styles, by name.
const FILES: &[(&str, &str)] = files![
    "api.js",
    "chart.js",
    "colour.js",
    "control_options.js",
    "control_slice.js",
    "controls.js",
    "dashboard.js",
    "dom.js",
    "fields.js",
    "figures.css",
    "filter.js",
    "filter_build.js",
    "filter_dialog.js",
    "filter_pills.js",
    "forecast.js",
    "gauge.js",
    "grid.js",
    "heatmap.js",
    "inspect.js",
    "kql_suggest.js",
    "legend.js",
    "main.js",
    "metric.js",
    "panel.js",
    "partition.js",
    "partition_area.js",
    "partition_pie.js",
    "partition_tree.js",
    "query_bar.js",
    "refresh.js",
    "state.js",
    "style.css",
    "suggestions.js",
    "table.js",
    "tag_cloud.js",
    "theme.js",
    "time.js",
    "time_picker.js",
    "tooltip.js",
    "xy.js",
    "xy_draw.js",
    "xy_marks.js",
    "xy_stack.js",
];

/// Several megabytes that change with the program only.
const A_DAY: HeaderValue = HeaderValue::from_static("public, max-age=86400");
/// The others change with the program, too, and are small.
const ASK_AGAIN: HeaderValue = HeaderValue::from_static("no-cache");

pub(super) fn page(_: Arc<Kibana>, _: Request) -> HandlerFuture {
    Box::pin(async { Ok(Response::bytes("text/html; charset=utf-8", PAGE).with_header(CACHE_CONTROL, ASK_AGAIN)) })
}

pub(super) fn file(_: Arc<Kibana>, request: Request) -> HandlerFuture {
    Box::pin(async move {
        let name = request.path("file");
        if name == "plotly.js" {
            return Ok(Response::bytes("text/javascript; charset=utf-8", plotly()).with_header(CACHE_CONTROL, A_DAY));
        }
        let (name, text) = FILES.iter().find(|(known, _)| *known == name).ok_or_else(ApiError::no_route)?;
        let media = if name.ends_with(".css") { "text/css; charset=utf-8" } else { "text/javascript; charset=utf-8" };
        Ok(Response::bytes(media, *text).with_header(CACHE_CONTROL, ASK_AGAIN))
    })
}

/// The crate carries it as script elements for a page of its own: the first that holds a program is plotly.
fn plotly() -> Bytes {
    static PLOTLY: OnceLock<Bytes> = OnceLock::new();
    PLOTLY.get_or_init(|| Bytes::from(script(&Plot::offline_js_sources()).to_owned())).clone()
}

/// The text of the longest script element.
fn script(html: &str) -> &str {
    let elements = html.split("<script").skip(1).filter_map(|rest| {
        let (_, text) = rest.split_once('>')?;
        Some(text.split("</script>").next().unwrap_or_default())
    });
    elements.max_by_key(|text| text.len()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plotly_is_a_program_and_no_page() {
        let text = plotly();
        assert!(text.len() > 1_000_000, "{}", text.len());
        assert!(!text.starts_with(b"<"));
        assert!(std::str::from_utf8(&text).unwrap().contains("Plotly"));
    }

    #[test]
    fn the_page_names_only_files_that_are_there() {
        let names = |text: &'static str| -> Vec<&'static str> {
            text.split("/static/").skip(1).filter_map(|rest| rest.split(['"', '\'']).next()).collect()
        };
        for name in names(PAGE) {
            assert!(name == "plotly.js" || FILES.iter().any(|(known, _)| *known == name), "{name}");
        }
        for (file, text) in FILES.iter().filter(|(name, _)| name.ends_with(".js")) {
            let imports = text.split("from \"./").skip(1).filter_map(|rest| rest.split('"').next());
            for name in imports {
                assert!(FILES.iter().any(|(known, _)| *known == name), "{file} imports {name}");
            }
        }
    }

    #[test]
    fn nothing_in_the_page_names_another_host() {
        for (name, text) in FILES.iter().chain(&[("index.html", PAGE)]) {
            for scheme in ["http://", "https://"] {
                let places = text
                    .match_indices(scheme)
                    .map(|(at, _)| text.get(at..(at + 40).min(text.len())).unwrap_or_default());
                // The names of XML namespaces are no addresses.
                let hosts: Vec<_> = places.filter(|place| !place.contains("www.w3.org/")).collect();
                assert!(hosts.is_empty(), "{name}: {hosts:?}");
            }
        }
    }
}
