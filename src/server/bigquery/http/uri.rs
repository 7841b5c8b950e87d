//! The paths of the API, which clients write in several forms.

/// What clients put before a path; the Go client leaves it out when an endpoint is given.
const PREFIX: [&str; 2] = ["bigquery", "v2"];

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::server::http::uri::decode_path;

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

    proptest! {
        #[test]
        fn any_target_is_decoded_or_refused(path in ".{0,60}") {
            let _unused = decode_path(&path).map(|path| canonical(&path));
        }
    }
}
