//! Which endpoint a path names. Paths are cut at `/` before they are decoded: an object's name is one segment of the JSON
//! API, and may have any character; in the XML API it is the rest of the path.

use crate::server::http::uri::decode;

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Buckets,
    Bucket(String),
    Objects(String),
    Object(String, String),
    /// Of the JSON API's `/download`: always the bytes.
    Download(String, String),
    Upload(String),
    Compose(String, String),
    Copy {
        from: (String, String),
        to: (String, String),
        is_rewrite: bool,
    },
    Move {
        bucket: String,
        from: String,
        to: String,
    },
    ServiceAccount(String),
    Batch,
    /// Endpoints of the real service that this one does not have: what they are about.
    Unsupported(&'static str),
    XmlRoot,
    XmlBucket(String),
    XmlObject(String, String),
}

/// A path that is no endpoint's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoEndpoint {
    Unknown,
    /// An escape is broken, or what is written is not UTF-8.
    Malformed,
}

impl Endpoint {
    pub(crate) fn find(path: &str) -> Result<Self, NoEndpoint> {
        let rest = path.strip_prefix('/').ok_or(NoEndpoint::Unknown)?;
        if let Some(rest) = rest.strip_prefix("storage/v1/") {
            return json(&segments(rest)?);
        }
        let upload = rest.strip_prefix("upload/storage/v1/").or(rest.strip_prefix("resumable/upload/storage/v1/"));
        if let Some(rest) = upload {
            return match segments(rest)?.as_slice() {
                [b, bucket, o] if b == "b" && o == "o" => Ok(Self::Upload(bucket.clone())),
                _ => Err(NoEndpoint::Unknown),
            };
        }
        if let Some(rest) = rest.strip_prefix("download/storage/v1/") {
            return match json(&segments(rest)?)? {
                Self::Object(bucket, object) => Ok(Self::Download(bucket, object)),
                _ => Err(NoEndpoint::Unknown),
            };
        }
        match rest {
            "batch" | "batch/storage/v1" => Ok(Self::Batch),
            "" => Ok(Self::XmlRoot),
            path => xml(path),
        }
    }

    /// Whose errors are XML.
    pub(crate) fn is_xml(&self) -> bool {
        matches!(self, Self::XmlRoot | Self::XmlBucket(_) | Self::XmlObject(..))
    }
}

fn segments(path: &str) -> Result<Vec<String>, NoEndpoint> {
    let path = path.strip_suffix('/').unwrap_or(path);
    path.split('/').map(|segment| decode(segment, false).ok_or(NoEndpoint::Malformed)).collect()
}

fn json(segments: &[String]) -> Result<Endpoint, NoEndpoint> {
    let names: Vec<&str> = segments.iter().map(String::as_str).collect();
    let own = |name: &str| name.to_owned();
    let endpoint = match names.as_slice() {
        ["b"] => Endpoint::Buckets,
        ["b", bucket] => Endpoint::Bucket(own(bucket)),
        ["b", bucket, "o"] => Endpoint::Objects(own(bucket)),
        ["b", _, "o", "watch"] | ["channels", ..] => Endpoint::Unsupported("Watching a bucket"),
        ["b", _, "o", "bulkRestore"] => Endpoint::Unsupported("Restoring objects"),
        ["b", bucket, "o", object] => Endpoint::Object(own(bucket), own(object)),
        ["b", bucket, "o", object, "compose"] => Endpoint::Compose(own(bucket), own(object)),
        ["b", bucket, "o", object, how @ ("rewriteTo" | "copyTo"), "b", to_bucket, "o", to] => Endpoint::Copy {
            from: (own(bucket), own(object)),
            to: (own(to_bucket), own(to)),
            is_rewrite: *how == "rewriteTo",
        },
        ["b", bucket, "o", object, "moveTo", "o", to] => {
            Endpoint::Move { bucket: own(bucket), from: own(object), to: own(to) }
        }
        ["b", _, "o", _, "restore"] => Endpoint::Unsupported("Restoring objects"),
        ["b", _, "acl", ..] | ["b", _, "o", _, "acl", ..] | ["b", _, "defaultObjectAcl", ..] => {
            Endpoint::Unsupported("Access control lists")
        }
        ["b", _, "iam", ..] | ["b", _, "o", _, "iam", ..] => Endpoint::Unsupported("IAM policies"),
        ["b", _, "notificationConfigs", ..] => Endpoint::Unsupported("Pub/Sub notifications"),
        ["b", _, "lockRetentionPolicy"] => Endpoint::Unsupported("Retention policies"),
        ["b", _, "folders" | "managedFolders", ..] => Endpoint::Unsupported("Folders"),
        ["b", _, "anywhereCaches", ..] => Endpoint::Unsupported("Anywhere Cache"),
        ["b", _, "storageLayout"] => Endpoint::Unsupported("Storage layout"),
        ["b", _, "relocate" | "operations" | "restore", ..] => Endpoint::Unsupported("Long-running operations"),
        ["projects", project, "serviceAccount"] => Endpoint::ServiceAccount(own(project)),
        ["projects", _, "hmacKeys", ..] => Endpoint::Unsupported("HMAC keys"),
        _ => return Err(NoEndpoint::Unknown),
    };
    Ok(endpoint)
}

fn xml(path: &str) -> Result<Endpoint, NoEndpoint> {
    let decoded = |text| decode(text, false).ok_or(NoEndpoint::Malformed);
    match path.split_once('/') {
        None | Some((_, "")) => Ok(Endpoint::XmlBucket(decoded(path.strip_suffix('/').unwrap_or(path))?)),
        Some((bucket, object)) => Ok(Endpoint::XmlObject(decoded(bucket)?, decoded(object)?)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_one_segment_of_the_json_api_and_the_rest_of_the_xml_api() {
        let own = str::to_owned;
        let object = |name: &str| Ok(Endpoint::Object(own("b1"), own(name)));
        let cases = [
            ("/storage/v1/b", Ok(Endpoint::Buckets)),
            ("/storage/v1/b/b1", Ok(Endpoint::Bucket(own("b1")))),
            ("/storage/v1/b/b1/o", Ok(Endpoint::Objects(own("b1")))),
            ("/storage/v1/b/b1/o/data%2Fa%20b.json", object("data/a b.json")),
            ("/storage/v1/b/b1/o/..%2F..%2Fetc", object("../../etc")),
            ("/storage/v1/b/b1/o/x%2FrewriteTo%2Fb%2Fc%2Fo%2Fd", object("x/rewriteTo/b/c/o/d")),
            ("/storage/v1/b/b1/o/a/b", Err(NoEndpoint::Unknown)),
            (
                "/storage/v1/b/b1/o/a%2Fb/rewriteTo/b/b2/o/c",
                Ok(Endpoint::Copy { from: (own("b1"), own("a/b")), to: (own("b2"), own("c")), is_rewrite: true }),
            ),
            ("/upload/storage/v1/b/b1/o", Ok(Endpoint::Upload(own("b1")))),
            ("/resumable/upload/storage/v1/b/b1/o", Ok(Endpoint::Upload(own("b1")))),
            ("/download/storage/v1/b/b1/o/a+b", Ok(Endpoint::Download(own("b1"), own("a+b")))),
            ("/batch/storage/v1", Ok(Endpoint::Batch)),
            ("/storage/v1/b/b1/o/a/acl/x", Ok(Endpoint::Unsupported("Access control lists"))),
            ("/storage/v1/b/b1/o/%zz", Err(NoEndpoint::Malformed)),
            ("/b1/", Ok(Endpoint::XmlBucket(own("b1")))),
            ("/b1/a/../b%20c/", Ok(Endpoint::XmlObject(own("b1"), own("a/../b c/")))),
            ("/upload/x", Ok(Endpoint::XmlObject(own("upload"), own("x")))),
            ("/", Ok(Endpoint::XmlRoot)),
            ("*", Err(NoEndpoint::Unknown)),
        ];
        for (path, expected) in cases {
            assert_eq!(Endpoint::find(path), expected, "{path}");
        }
    }

    proptest! {
        #[test]
        fn no_path_panics(path in "(/storage/v1/b/)?[a-z/%0-9.]*") {
            let _endpoint = Endpoint::find(&path);
        }
    }
}
