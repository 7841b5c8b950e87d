//! Which handler serves a method and path.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use super::super::Kibana;
use super::super::error::ApiError;
use super::message::{Request, Response};

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;
/// A handler runs on the async threads; what computes long or touches the disk goes through [`Kibana::blocking`].
pub(crate) type Handler = fn(Arc<Kibana>, Request) -> HandlerFuture;

/// One endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) method: &'static str,
    /// Segments; `{id}` stands for any one, `{*rest}` at the end for any that follow.
    pub(crate) path: &'static str,
    pub(crate) handler: Handler,
}

impl Route {
    pub(crate) const fn new(method: &'static str, path: &'static str, handler: Handler) -> Self {
        Self { method, path, handler }
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
    Rest(&'static str),
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

    /// The handler, and the variables of its path. `HEAD` is served as `GET`.
    pub(crate) fn find(&self, method: &str, path: &[String]) -> Option<(Handler, BTreeMap<&'static str, String>)> {
        let method = if method == "HEAD" { "GET" } else { method };
        let fitting = self.routes.iter().filter(|(_, route)| route.method == method);
        fitting.into_iter().find_map(|(segments, route)| Some((route.handler, variables(segments, path)?)))
    }
}

fn segment(text: &'static str) -> Segment {
    match text.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(name) => name.strip_prefix('*').map_or(Segment::Variable(name), Segment::Rest),
        None => Segment::Name(text),
    }
}

/// `None`: the path is another one.
fn variables(segments: &[Segment], path: &[String]) -> Option<BTreeMap<&'static str, String>> {
    let mut variables = BTreeMap::new();
    let mut rest = path;
    for segment in segments {
        if let Segment::Rest(name) = segment {
            variables.insert(*name, rest.join("/"));
            return Some(variables);
        }
        let (text, after) = rest.split_first()?;
        rest = after;
        match segment {
            Segment::Name(name) if name == text => {}
            Segment::Variable(name) => {
                variables.insert(*name, text.clone());
            }
            _ => return None,
        }
    }
    rest.is_empty().then_some(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(_: Arc<Kibana>, _: Request) -> HandlerFuture {
        Box::pin(async { Err(ApiError::no_route()) })
    }

    #[test]
    fn names_go_before_variables_and_those_before_the_rest() {
        let paths = ["/a/{x}", "/a/b", "/static/{*file}", "/a/{x}/c", "/"];
        let router = Router::new(paths.map(|path| Route::new("GET", path, one)).to_vec());
        let cases = [
            ("/a/b", Some(vec![])),
            ("/a/q", Some(vec![("x", "q")])),
            ("/a/b/c", Some(vec![("x", "b")])),
            ("/static/js/a.js", Some(vec![("file", "js/a.js")])),
            ("/", Some(vec![])),
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
