//! `gs://` addresses, and the objects that one with a `*` means.

use super::{ObjectInfo, Objects, ObjectsError};
use crate::server::bigquery::error::{QueryError, Reason};

/// So many objects may make one table.
const OBJECTS_MAX: usize = 10_000;

/// Of an address that is refused so much is shown.
const SHOWN_CHARS_MAX: usize = 200;

/// `gs://bucket/name`; the name may hold one `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GsUri {
    pub(crate) bucket: String,
    pub(crate) name: String,
}

impl GsUri {
    pub(crate) fn parse(uri: &str) -> Result<Self, QueryError> {
        let refused = |why: &str| {
            let shown: String = uri.chars().take(SHOWN_CHARS_MAX).collect();
            QueryError::new(Reason::Invalid, format!("Invalid source URI {shown:?}: {why}"))
        };
        let rest = uri.strip_prefix("gs://").ok_or_else(|| refused("it must begin with gs://"))?;
        let (bucket, name) = rest.split_once('/').ok_or_else(|| refused("it must name an object"))?;
        if bucket.is_empty() || name.is_empty() {
            return Err(refused("it must name a bucket and an object"));
        }
        if bucket.contains('*') {
            return Err(refused("wildcards are not allowed in the bucket name"));
        }
        if name.matches('*').count() > 1 {
            return Err(refused("only one wildcard is allowed"));
        }
        Ok(Self { bucket: bucket.to_owned(), name: name.to_owned() })
    }
}

/// The objects of all addresses, in order. Nothing found is an error that names the address.
pub(crate) fn expand(objects: &dyn Objects, uris: &[String]) -> Result<Vec<ObjectInfo>, QueryError> {
    let mut found = Vec::new();
    for uri in uris {
        let address = GsUri::parse(uri)?;
        let Some((prefix, suffix)) = address.name.split_once('*') else {
            found.push(objects.stat(&address.bucket, &address.name).map_err(|error| storage_error(&error))?);
            continue;
        };
        let listed = objects.list(&address.bucket, prefix, OBJECTS_MAX).map_err(|error| storage_error(&error))?;
        let before = found.len();
        found.extend(listed.into_iter().filter(|object| {
            object.name.strip_prefix(prefix).is_some_and(|rest| rest.ends_with(suffix)) && !object.name.ends_with('/')
        }));
        if found.len() == before {
            return Err(QueryError::new(Reason::NotFound, format!("Not found: Files {uri}")));
        }
        if found.len() > OBJECTS_MAX {
            return Err(storage_error(&ObjectsError::TooMany { uri: uri.clone(), max: OBJECTS_MAX }));
        }
    }
    Ok(found)
}

/// Whether there is an object that an address means.
pub(crate) fn is_taken(objects: &dyn Objects, uri: &str) -> Result<bool, QueryError> {
    match expand(objects, &[uri.to_owned()]) {
        Ok(found) => Ok(!found.is_empty()),
        Err(error) if error.reason == Reason::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// A failure of storage as a query reports it.
pub(crate) fn storage_error(error: &ObjectsError) -> QueryError {
    match error {
        ObjectsError::NotFound { uri } => QueryError::new(Reason::NotFound, format!("Not found: URI {uri}")),
        ObjectsError::TooMany { uri, max } => {
            QueryError::new(Reason::Invalid, format!("Too many files: more than {max} match {uri}"))
        }
        ObjectsError::Unreachable { .. } | ObjectsError::Refused { .. } => {
            QueryError::new(Reason::BackendError, error.to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryObjects;
    use super::*;

    #[test]
    fn a_star_takes_all_objects_between_prefix_and_suffix() {
        let objects = MemoryObjects::default();
        for name in ["data/a.json", "data/b.json", "data/b.csv", "other/c.json"] {
            objects.put("b", name, b"{}");
        }
        let names = |uri: &str| {
            let found = expand(&objects, &[uri.to_owned()])?;
            Ok::<_, QueryError>(found.into_iter().map(|object| object.name).collect::<Vec<_>>())
        };
        assert_eq!(names("gs://b/data/*.json").unwrap(), ["data/a.json", "data/b.json"]);
        assert_eq!(names("gs://b/data/b.csv").unwrap(), ["data/b.csv"]);
        assert_eq!(names("gs://b/none*").unwrap_err().message, "Not found: Files gs://b/none*");
        assert_eq!(names("gs://b/none").unwrap_err().message, "Not found: URI gs://b/none");
    }

    #[test]
    fn addresses_that_cannot_be_are_refused() {
        for uri in ["s3://b/o", "gs://b", "gs:///o", "gs://b/", "gs://b*/o", "gs://b/*/*"] {
            assert_eq!(GsUri::parse(uri).unwrap_err().reason, Reason::Invalid, "{uri}");
        }
    }
}
