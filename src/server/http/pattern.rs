//! Which endpoint serves a method and path: patterns of segments, the narrower before the wider.

use std::collections::BTreeMap;

/// A path as it stands in a table of endpoints: `{id}` stands for any one segment, `{*rest}` at the end for any that follow.
/// In their order names go before variables, and those before the rest.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pattern(Vec<Segment>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Name(&'static str),
    Variable(&'static str),
    Rest(&'static str),
}

impl Pattern {
    pub(crate) fn new(path: &'static str) -> Self {
        Self(path.split('/').filter(|name| !name.is_empty()).map(segment).collect())
    }

    /// What the variables stand for in a path of decoded segments; `None`: the path is another one.
    pub(crate) fn variables(&self, path: &[String]) -> Option<BTreeMap<&'static str, String>> {
        let mut variables = BTreeMap::new();
        let mut rest = path;
        for segment in &self.0 {
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

    /// The same names at the same places, whatever the variables are called.
    pub(crate) fn has_shape_of(&self, other: &Self) -> bool {
        let shape = |segment: &Segment| match *segment {
            Segment::Name(name) => Some(name),
            Segment::Variable(_) | Segment::Rest(_) => None,
        };
        self.0.iter().map(shape).eq(other.0.iter().map(shape))
    }
}

fn segment(text: &'static str) -> Segment {
    match text.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        Some(name) => name.strip_prefix('*').map_or(Segment::Variable(name), Segment::Rest),
        None => Segment::Name(text),
    }
}

/// An entry of a table that has one method and one path.
pub(crate) trait Endpoint {
    fn method(&self) -> &'static str;
    fn path(&self) -> &'static str;
}

/// A table of endpoints, in the order in which they are tried.
pub(crate) struct Router<E> {
    endpoints: Vec<(Pattern, E)>,
}

impl<E: Endpoint> Router<E> {
    pub(crate) fn new(endpoints: Vec<E>) -> Self {
        let mut endpoints: Vec<(Pattern, E)> =
            endpoints.into_iter().map(|endpoint| (Pattern::new(endpoint.path()), endpoint)).collect();
        endpoints.sort_by(|(one, _), (other, _)| one.cmp(other));
        Self { endpoints }
    }

    /// The endpoint, and the variables of its path. `HEAD` is served as `GET`.
    pub(crate) fn find(&self, method: &str, path: &[String]) -> Option<(&E, BTreeMap<&'static str, String>)> {
        let method = if method == "HEAD" { "GET" } else { method };
        let mut fitting = self.endpoints.iter().filter(|(_, endpoint)| endpoint.method() == method);
        fitting.find_map(|(pattern, endpoint)| Some((endpoint, pattern.variables(path)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::uri::decode_path;
    use super::*;

    struct Get(&'static str);

    impl Endpoint for Get {
        fn method(&self) -> &'static str {
            "GET"
        }

        fn path(&self) -> &'static str {
            self.0
        }
    }

    #[test]
    fn names_go_before_variables_and_those_before_the_rest() {
        let router = Router::new(["/a/{x}", "/a/b", "/static/{*file}", "/a/{x}/c", "/"].map(Get).into());
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
            let path = decode_path(path).unwrap();
            let found = router.find("HEAD", &path).map(|(_, variables)| variables);
            let expected = expected.map(|pairs| pairs.into_iter().map(|(k, v)| (k, v.to_owned())).collect());
            assert_eq!(found, expected, "{path:?}");
            assert!(router.find("POST", &path).is_none());
        }
    }
}
