//! The request target: path and query, percent-decoded.

use super::params::Params;

/// What clients put before a path; the Go client leaves it out when an endpoint is given.
const PREFIX: [&str; 2] = ["bigquery", "v2"];

/// The decoded segments of a path; empty ones are left out. `None`: an escape is broken.
pub(super) fn decode_path(path: &str) -> Option<Vec<String>> {
    path.split('/').filter(|segment| !segment.is_empty()).map(|segment| decode(segment, false)).collect()
}

/// Segments in the form that routes have: without `resumable` before `upload`, and without the API's name and version.
pub(super) fn canonical(path: &[String]) -> Vec<String> {
    let path = path.strip_prefix(&["resumable".to_owned()]).unwrap_or(path);
    let (upload, rest) = match path.split_first() {
        Some((first, rest)) if first == "upload" => (Some(first.clone()), rest),
        _ => (None, path),
    };
    let rest = match rest {
        [api, version, rest @ ..] if [api.as_str(), version.as_str()] == PREFIX => rest,
        all => all,
    };
    upload.into_iter().chain(rest.iter().cloned()).collect()
}

/// The parameters of a query, in order.
pub(super) fn decode_query(query: &str) -> Option<Params> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some((decode(name, true)?, decode(value, true)?))
    };
    pairs.map(pair).collect::<Option<_>>().map(Params)
}

/// `None`: an escape is broken, or what is written is not UTF-8.
pub(crate) fn decode(text: &str, plus_is_blank: bool) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b'+' if plus_is_blank => decoded.push(b' '),
            b'%' => {
                let (digits, after) = after.split_at_checked(2)?;
                let digits = std::str::from_utf8(digits).ok().filter(|it| it.bytes().all(|b| b.is_ascii_hexdigit()))?;
                decoded.push(u8::from_str_radix(digits, 16).ok()?);
                rest = after;
            }
            other => decoded.push(other),
        }
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_path_is_the_same_with_and_without_the_name_of_the_api() {
        let cases = [
            ("/bigquery/v2/projects/p/jobs", "projects/p/jobs"),
            ("/projects/p/jobs", "projects/p/jobs"),
            ("/upload/bigquery/v2/projects/p/jobs", "upload/projects/p/jobs"),
            ("/resumable/upload/bigquery/v2/projects/p/jobs", "upload/projects/p/jobs"),
            ("/upload/projects/p/jobs", "upload/projects/p/jobs"),
            ("//projects//example.com%3Ap", "projects/example.com:p"),
            ("/", ""),
        ];
        for (path, expected) in cases {
            assert_eq!(canonical(&decode_path(path).unwrap()).join("/"), expected, "{path}");
        }
    }

    #[test]
    fn a_broken_escape_is_no_text() {
        for text in ["%", "%4", "%zz", "%+1", "%ff"] {
            assert_eq!(decode(text, false), None, "{text}");
        }
        assert_eq!(decode("a+b%2F%C3%A9", true).as_deref(), Some("a b/é"));
    }

    proptest! {
        #[test]
        fn any_target_is_decoded_or_refused(path in ".{0,60}", query in ".{0,60}") {
            let _unused = decode_path(&path).map(|path| canonical(&path));
            let _unused = decode_query(&query);
        }
    }
}
