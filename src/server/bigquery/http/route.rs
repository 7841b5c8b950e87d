//! Which handler serves a method and path.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use super::error::ApiError;
use super::message::{Request, Response};
use crate::server::bigquery::BigQuery;

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;

/// How an endpoint answers.
#[derive(Clone, Copy)]
pub(crate) enum Handler {
    /// On a thread that may block.
    Blocking(fn(&BigQuery, &Request) -> Result<Response, ApiError>),
    /// On the async threads: it waits; what blocks goes through [`BigQuery::blocking`].
    Waiting(fn(Arc<BigQuery>, Request) -> HandlerFuture),
}

/// What an endpoint's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// Read into memory.
    Json,
    /// Streamed to a file.
    Media,
}

/// One endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// Segments; `{id}` stands for any one.
    pub(crate) path: &'static str,
    pub(crate) body: BodyKind,
    pub(crate) handler: Handler,
}

impl Route {
    pub(crate) const fn blocking(
        method: &'static str,
        path: &'static str,
        handler: fn(&BigQuery, &Request) -> Result<Response, ApiError>,
    ) -> Self {
        Self { method, path, body: BodyKind::Json, handler: Handler::Blocking(handler) }
    }

    pub(crate) const fn waiting(
        method: &'static str,
        path: &'static str,
        handler: fn(Arc<BigQuery>, Request) -> HandlerFuture,
    ) -> Self {
        Self { method, path, body: BodyKind::Json, handler: Handler::Waiting(handler) }
    }

    pub(crate) const fn media(
        method: &'static str,
        path: &'static str,
        handler: fn(&BigQuery, &Request) -> Result<Response, ApiError>,
    ) -> Self {
        Self { method, path, body: BodyKind::Media, handler: Handler::Blocking(handler) }
    }
}

/// The routes, in the order in which they are tried: names go before variables.
pub(crate) struct Router {
    routes: Vec<(Vec<Segment>, Route)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Name(&'static str),
    Variable(&'static str),
}

impl Router {
    pub(crate) fn new(routes: Vec<Route>) -> Self {
        let compile = |route: Route| {
            let segments = route.path.split('/').filter(|name| !name.is_empty()).map(segment).collect();
            (segments, route)
        };
        let mut routes: Vec<(Vec<Segment>, Route)> = routes.into_iter().map(compile).collect();
        routes.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self { routes }
    }

    /// The route, and the variables of its path. `HEAD` is served as `GET`.
    pub(crate) fn find(&self, method: &str, path: &[String]) -> Option<(Route, BTreeMap<&'static str, String>)> {
        let method = if method == "HEAD" { "GET" } else { method };
        let fitting = self.routes.iter().filter(|(_, route)| route.method == method);
        fitting.into_iter().find_map(|(segments, route)| Some((*route, variables(segments, path)?)))
    }
}

fn segment(text: &'static str) -> Segment {
    match text.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(name) => Segment::Variable(name),
        None => Segment::Name(text),
    }
}

/// `None`: the path is another one.
fn variables(segments: &[Segment], path: &[String]) -> Option<BTreeMap<&'static str, String>> {
    if segments.len() != path.len() {
        return None;
    }
    let mut variables = BTreeMap::new();
    for (segment, text) in segments.iter().zip(path) {
        match segment {
            Segment::Name(name) if name == text => {}
            Segment::Variable(name) => {
                variables.insert(*name, text.clone());
            }
            Segment::Name(_) => return None,
        }
    }
    Some(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &BigQuery, _: &Request) -> Result<Response, ApiError> {
        Err(ApiError::internal())
    }

    #[test]
    fn names_go_before_variables() {
        let paths = ["/a/{x}", "/a/b", "/a/{x}/c"];
        let router = Router::new(paths.map(|path| Route::blocking("GET", path, none)).to_vec());
        let cases = [
            ("/a/b", Some(vec![])),
            ("/a/q", Some(vec![("x", "q")])),
            ("/a/b/c", Some(vec![("x", "b")])),
            ("/a", None),
            ("/a/b/d", None),
        ];
        for (path, expected) in cases {
            let path = super::super::uri::decode_path(path).unwrap();
            let found = router.find("HEAD", &path).map(|(_, variables)| variables);
            let expected = expected.map(|pairs| pairs.into_iter().map(|(k, v)| (k, v.to_owned())).collect());
            assert_eq!(found, expected, "{path:?}");
            assert!(router.find("POST", &path).is_none());
        }
    }
}
