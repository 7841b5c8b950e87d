//! Which handler serves a method and path: the table that is also the documentation of what this node serves.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::Arc;

use super::message::{Params, Request, Response};
use super::similar::did_you_mean;
use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::state::Node;
use crate::server::http::Pattern;

pub(crate) type HandlerFuture = Pin<Box<dyn Future<Output = Result<Response, ApiError>> + Send>>;
pub(crate) type Handler = fn(Arc<Node>, Request) -> HandlerFuture;

/// Parameters that every endpoint takes.
pub(crate) const UNIVERSAL_PARAMS: &[&str] = &["error_trace", "filter_path", "format", "human", "pretty"];

/// The methods Elasticsearch knows, in the order it lists them.
const METHODS: [&str; 6] = ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"];

/// One endpoint.
#[derive(Clone, Copy)]
pub(crate) struct Route {
    pub(crate) methods: &'static [&'static str],
    /// Segments, variables in braces: `/{index}/_doc/{id}`.
    pub(crate) path: &'static str,
    /// Legal parameters beside the universal ones.
    pub(crate) params: &'static [&'static str],
    pub(crate) handler: Handler,
    /// The body may come as `?source=..&source_content_type=..`.
    pub(crate) source_param: bool,
    /// Answers are indented unless `pretty=false`.
    pub(crate) pretty: bool,
    /// Waits long and computes little: runs on the async threads.
    pub(crate) waits: bool,
}

impl Route {
    pub(crate) const fn new(
        methods: &'static [&'static str],
        path: &'static str,
        params: &'static [&'static str],
        handler: Handler,
    ) -> Route {
        Route { methods, path, params, handler, source_param: false, pretty: false, waits: false }
    }

    #[must_use]
    pub(crate) const fn source_param(mut self) -> Route {
        self.source_param = true;
        self
    }

    #[must_use]
    pub(crate) const fn pretty(mut self) -> Route {
        self.pretty = true;
        self
    }

    #[must_use]
    pub(crate) const fn waits(mut self) -> Route {
        self.waits = true;
        self
    }

    pub(crate) fn is_cat(&self) -> bool {
        self.path.starts_with("/_cat")
    }

    /// Refuses a parameter that this endpoint does not know, with Elasticsearch's hint at a near name.
    pub(crate) fn check_params(&self, path: &str, params: &Params) -> Result<(), ApiError> {
        let source: &[&str] = if self.source_param { &["source", "source_content_type"] } else { &[] };
        let legal =
            |name: &str| UNIVERSAL_PARAMS.contains(&name) || self.params.contains(&name) || source.contains(&name);
        let unknown: Vec<&str> = params.0.keys().map(String::as_str).filter(|name| !legal(name)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let shaping = self.params.iter().copied().filter(|name| self.is_cat() || *name == "typed_keys");
        let used = params.0.keys().map(String::as_str).filter(|name| legal(name));
        let near: Vec<&str> = UNIVERSAL_PARAMS.iter().copied().chain(shaping).chain(used).collect();
        let listed: Vec<String> = unknown
            .iter()
            .map(|name| {
                let hint = did_you_mean(name, near.iter().copied());
                if hint.is_empty() { format!("[{name}]") } else { format!("[{name}] ->{hint}") }
            })
            .collect();
        let plural = if unknown.len() == 1 { "" } else { "s" };
        let listed = listed.join(", ");
        Err(ApiError::illegal_argument(format!("request [{path}] contains unrecognized parameter{plural}: {listed}")))
    }
}

/// The routes, ready to be asked.
pub(crate) struct Router {
    routes: Vec<Compiled>,
}

struct Compiled {
    route: Route,
    pattern: Pattern,
}

/// What a method and path lead to.
pub(crate) enum Found<'r> {
    Route(&'r Route, BTreeMap<&'static str, String>),
    /// The path is served, by these methods only.
    Methods(Vec<&'static str>),
    Nothing,
}

impl Router {
    pub(crate) fn new(routes: Vec<Route>) -> Router {
        let mut routes: Vec<Compiled> = routes
            .into_iter()
            .map(|route| {
                let pattern = Pattern::new(route.path);
                Compiled { route, pattern }
            })
            .collect();
        // Names go before variables, segment by segment: `/_search` is no index.
        routes.sort_by(|left, right| left.pattern.cmp(&right.pattern));
        Router { routes }
    }

    pub(crate) fn routes(&self) -> impl Iterator<Item = &Route> {
        self.routes.iter().map(|compiled| &compiled.route)
    }

    /// The most specific pattern that matches decides: where it has no such method, a wider one is not asked.
    pub(crate) fn find(&self, method: &str, path: &[String]) -> Found<'_> {
        let mut methods: BTreeSet<usize> = BTreeSet::new();
        let mut pattern: Option<&Pattern> = None;
        for compiled in &self.routes {
            let Some(variables) = compiled.pattern.variables(path) else { continue };
            if pattern.is_some_and(|first| !first.has_shape_of(&compiled.pattern)) {
                continue;
            }
            pattern = Some(&compiled.pattern);
            if compiled.route.methods.contains(&method) {
                return Found::Route(&compiled.route, variables);
            }
            let known = |name: &&str| METHODS.iter().position(|known| known == name);
            methods.extend(compiled.route.methods.iter().filter_map(known));
        }
        if methods.is_empty() {
            return Found::Nothing;
        }
        Found::Methods(methods.into_iter().filter_map(|at| METHODS.get(at).copied()).collect())
    }
}

/// A known method's name as a constant; none for any other verb.
pub(crate) fn known_method(method: &str) -> Option<&'static str> {
    METHODS.iter().copied().chain(["PATCH", "TRACE", "CONNECT"]).find(|known| *known == method)
}

/// 405 with `Allow`.
pub(crate) fn method_not_allowed(uri: &str, method: &str, allowed: &[&str]) -> ApiError {
    let listed = allowed.join(", ");
    let text = if known_method(method).is_some_and(|known| METHODS.contains(&known) || known == "PATCH") {
        format!("Incorrect HTTP method for uri [{uri}] and method [{method}], allowed: [{listed}]")
    } else {
        format!("Unexpected http method: {method}, allowed: [{listed}]")
    };
    ApiError::text(405, text).header("Allow", allowed.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nothing(_: Arc<Node>, _: Request) -> HandlerFuture {
        Box::pin(async { Ok(Response::ok(serde_json::Value::Null)) })
    }

    fn router() -> Router {
        Router::new(vec![
            Route::new(&["GET", "HEAD", "PUT", "DELETE"], "/{index}", &[], nothing),
            Route::new(&["GET", "POST"], "/_search", &["size", "typed_keys"], nothing),
            Route::new(&["PUT", "POST"], "/{index}/_doc/{id}", &[], nothing),
        ])
    }

    fn path(text: &str) -> Vec<String> {
        text.split('/').map(str::to_owned).collect()
    }

    #[test]
    fn names_go_before_variables() {
        let router = router();
        let Found::Route(route, variables) = router.find("GET", &path("_search")) else { panic!("found") };
        assert_eq!((route.path, variables.len()), ("/_search", 0));
        let Found::Route(route, variables) = router.find("PUT", &path("i/_doc/a b")) else { panic!("found") };
        assert_eq!((route.path, variables.get("id").map(String::as_str)), ("/{index}/_doc/{id}", Some("a b")));
        assert!(matches!(router.find("GET", &path("a/b/c/d")), Found::Nothing));
    }

    #[test]
    fn a_wrong_method_lists_the_right_ones_in_elasticsearchs_order() {
        let Found::Methods(methods) = router().find("POST", &path("i")) else { panic!("methods") };
        assert_eq!(methods, ["GET", "PUT", "DELETE", "HEAD"]);
        let Found::Methods(of_search) = router().find("PUT", &path("_search")) else { panic!("methods") };
        assert_eq!(of_search, ["GET", "POST"], "the pattern of an index has PUT, but it is the wider one");
        let error = method_not_allowed("/i", "FOO", &methods);
        assert_eq!(error.to_json()["error"], "Unexpected http method: FOO, allowed: [GET, PUT, DELETE, HEAD]");
        assert_eq!(error.headers, [("Allow", "GET,PUT,DELETE,HEAD".to_owned())]);
    }

    #[test]
    fn unknown_parameters_are_refused_with_near_names_of_those_used() {
        let router = router();
        let Found::Route(route, _) = router.find("GET", &path("_search")) else { panic!("found") };
        let reason = |query: &str| {
            let params = super::super::parse_query(query).unwrap();
            route.check_params("/_search", &params).unwrap_err().exception().unwrap().reason.clone()
        };
        assert_eq!(reason("bogus=1"), "request [/_search] contains unrecognized parameter: [bogus]");
        assert_eq!(reason("boguz=1&frm=2"), "request [/_search] contains unrecognized parameters: [boguz], [frm]");
        assert_eq!(
            reason("prety"),
            "request [/_search] contains unrecognized parameter: [prety] -> did you mean [pretty]?"
        );
        assert_eq!(
            reason("size=1&sizee=2"),
            "request [/_search] contains unrecognized parameter: [sizee] -> did you mean [size]?"
        );
    }
}
