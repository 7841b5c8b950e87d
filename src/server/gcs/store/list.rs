//! Listing a bucket: in the order of the names' bytes, with prefix, delimiter, bounds and pages.

use std::ops::Bound;
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use regex::Regex;

use super::object::Object;
use super::state::{Shelf, Versions};

/// Objects and prefixes of one page, together.
pub(crate) const PAGE_ITEMS_MAX: usize = 1000;

/// What is listed.
#[derive(Debug, Clone, Default)]
pub(crate) struct ListQuery {
    pub(crate) prefix: String,
    /// Names with this text after the prefix are given as the part up to it; empty: all names are given.
    pub(crate) delimiter: String,
    /// The first name that is given.
    pub(crate) start: String,
    /// The first name that is not given any more.
    pub(crate) end: Option<String>,
    pub(crate) glob: Option<Regex>,
    /// Noncurrent versions, too.
    pub(crate) versions: bool,
    /// A name that ends with its first delimiter is given as an object, too.
    pub(crate) include_trailing_delimiter: bool,
    pub(crate) items_max: usize,
    pub(crate) after: Option<PageToken>,
}

/// One page.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) objects: Vec<Arc<Object>>,
    pub(crate) prefixes: Vec<String>,
    /// There is more after this.
    pub(crate) next: Option<PageToken>,
}

/// Where a page ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PageToken {
    /// A version of an object.
    Object {
        name: String,
        generation: i64,
    },
    Prefix(String),
}

impl PageToken {
    pub(crate) fn encode(&self) -> String {
        let text = match self {
            Self::Object { name, generation } => format!("o{generation}/{name}"),
            Self::Prefix(prefix) => format!("p{prefix}"),
        };
        BASE64_URL_SAFE_NO_PAD.encode(text)
    }

    /// `None`: no page ended so.
    pub(crate) fn decode(token: &str) -> Option<Self> {
        let text = String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?).ok()?;
        if let Some(prefix) = text.strip_prefix('p') {
            return Some(Self::Prefix(prefix.to_owned()));
        }
        let (generation, name) = text.strip_prefix('o')?.split_once('/')?;
        Some(Self::Object { name: name.to_owned(), generation: generation.parse().ok()? })
    }
}

impl Shelf {
    pub(super) fn list(&self, query: &ListQuery) -> Page {
        let mut page = Page::default();
        let mut from = match &query.after {
            Some(PageToken::Prefix(prefix)) => successor(prefix),
            Some(PageToken::Object { name, .. }) => Some(name.clone()),
            None => Some(query.start.clone()),
        };
        from = from.map(|from| from.max(query.prefix.clone()));
        while let Some(start) = from.take() {
            for (name, versions) in self.objects.range((Bound::Included(start), Bound::Unbounded)) {
                if !name.starts_with(&query.prefix) || query.end.as_ref().is_some_and(|end| name >= end) {
                    return page;
                }
                if query.glob.as_ref().is_some_and(|glob| !glob.is_match(name)) {
                    continue;
                }
                let prefix = query.common_prefix(name);
                if let Some(prefix) = prefix.filter(|_| query.shown(versions).next().is_some()) {
                    // Below a prefix nothing else counts: go on after all of its names.
                    from = successor(prefix);
                    let with_object = query.include_trailing_delimiter && prefix == name;
                    if !page.push_prefix(prefix, with_object.then_some(versions), query) {
                        return page;
                    }
                    break;
                }
                if prefix.is_none() && !page.push(versions, query) {
                    return page;
                }
            }
        }
        page
    }
}

impl ListQuery {
    fn common_prefix<'n>(&self, name: &'n str) -> Option<&'n str> {
        if self.delimiter.is_empty() {
            return None;
        }
        let at = name.get(self.prefix.len()..)?.find(&self.delimiter)?;
        name.get(..self.prefix.len() + at + self.delimiter.len())
    }

    fn shown<'v>(&self, versions: &'v Versions) -> impl Iterator<Item = &'v Arc<Object>> + use<'v> {
        let noncurrent = if self.versions { versions.noncurrent.as_slice() } else { &[] };
        noncurrent.iter().chain(&versions.live)
    }

    fn after_generation(&self, name: &str) -> i64 {
        match &self.after {
            Some(PageToken::Object { name: last, generation }) if last == name => *generation,
            _ => i64::MIN,
        }
    }
}

impl Page {
    fn len(&self) -> usize {
        self.objects.len() + self.prefixes.len()
    }

    fn is_full(&self, query: &ListQuery) -> bool {
        self.len() >= query.items_max
    }

    fn mark(&mut self) {
        let last_object = self.objects.last().map(|object| (&object.name, object.generation));
        let last_prefix = self.prefixes.last();
        self.next = match (last_object, last_prefix) {
            (Some((name, generation)), prefix) if prefix.is_none_or(|prefix| prefix < name) => {
                Some(PageToken::Object { name: name.clone(), generation })
            }
            (_, Some(prefix)) => Some(PageToken::Prefix(prefix.clone())),
            (_, None) => None,
        };
    }

    /// False: the page was full already.
    fn push(&mut self, versions: &Versions, query: &ListQuery) -> bool {
        for object in query.shown(versions) {
            if object.generation <= query.after_generation(&object.name) {
                continue;
            }
            if self.is_full(query) {
                self.mark();
                return false;
            }
            self.objects.push(Arc::clone(object));
        }
        true
    }

    /// A prefix and the object of the same name stay on one page, even if that be longer by one.
    fn push_prefix(&mut self, prefix: &str, object: Option<&Versions>, query: &ListQuery) -> bool {
        let count = 1 + object.map_or(0, |versions| query.shown(versions).count());
        if self.len() > 0 && self.len() + count > query.items_max {
            self.mark();
            return false;
        }
        self.prefixes.push(prefix.to_owned());
        self.objects.extend(object.into_iter().flat_map(|versions| query.shown(versions)).cloned());
        true
    }
}

/// The first text after all that begin with `prefix`; `None`: there is none.
fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // Code points order as their UTF-8 bytes do; surrogates are none.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_token_is_read_as_it_was_written(name in ".*", generation in any::<i64>(), junk in ".*") {
            for token in [PageToken::Prefix(name.clone()), PageToken::Object { name, generation }] {
                prop_assert_eq!(PageToken::decode(&token.encode()), Some(token));
            }
            PageToken::decode(&junk);
        }

        #[test]
        fn nothing_lies_between_a_prefixs_names_and_its_successor(prefix in ".{1,3}", rest in ".*", other in ".*") {
            if let Some(next) = successor(&prefix) {
                let below = [prefix.as_str(), rest.as_str()].concat();
                prop_assert!(below < next);
                prop_assert!(other < prefix || other.starts_with(&prefix) || other >= next);
            }
        }
    }
}
