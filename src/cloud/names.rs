//! Names of buckets, objects, projects and datasets, checked at the door: none of them can leave the place in a script or a
//! path where it is put.

use std::fmt;
use std::str::FromStr;

/// A name that Google would refuse, too.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is no {what}: expected {expected}")]
pub struct NameError {
    name: String,
    what: &'static str,
    expected: &'static str,
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $what:literal, $expected:literal, $check:path) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub struct $type(String);

        impl FromStr for $type {
            type Err = NameError;

            fn from_str(name: &str) -> Result<Self, NameError> {
                match $check(name) {
                    true => Ok(Self(name.to_owned())),
                    false => Err(NameError { name: name.to_owned(), what: $what, expected: $expected }),
                }
            }
        }

        impl $type {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name! {
    /// A bucket of Cloud Storage. Buckets of all projects share one space of names.
    BucketName, "bucket name", "3 to 222 of a-z, 0-9, `-`, `_` and `.`, a letter or digit at both ends", is_bucket
}
name! {
    /// An object in a bucket.
    ObjectName, "object name", "1 to 1024 bytes without line breaks, not `.` or `..`", is_object
}
name! {
    /// A project of Google Cloud.
    ProjectId, "project id", "6 to 30 of a-z, 0-9 and `-`, a letter first (perhaps behind `domain.com:`)", is_project
}
name! {
    /// A dataset of BigQuery.
    DatasetName, "dataset name", "1 to 1024 letters, digits and `_`", is_dataset
}

impl BucketName {
    /// As the storage API names it.
    pub(crate) fn path(&self) -> String {
        format!("projects/_/buckets/{}", self.0)
    }
}

fn is_bucket(name: &str) -> bool {
    let is_alphanumeric = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [name.bytes().next(), name.bytes().next_back()];
    (3..=222).contains(&name.len())
        && name.bytes().all(|b| is_alphanumeric(b) || matches!(b, b'-' | b'_' | b'.'))
        && ends.into_iter().flatten().all(is_alphanumeric)
        && !name.contains("..")
        && name.split('.').all(|part| part.len() <= 63)
}

fn is_object(name: &str) -> bool {
    (1..=1024).contains(&name.len())
        && !name.chars().any(char::is_control)
        && !matches!(name, "." | "..")
        && !name.starts_with(".well-known/acme-challenge/")
}

fn is_project(name: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let (domain, id) = name.rsplit_once(':').map_or((None, name), |(domain, id)| (Some(domain), id));
    (6..=30).contains(&id.len())
        && id.bytes().all(is_part)
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && !id.ends_with('-')
        && domain.is_none_or(|domain| !domain.is_empty() && domain.bytes().all(|b| is_part(b) || b == b'.'))
}

fn is_dataset(name: &str) -> bool {
    (1..=1024).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_googles_and_none_can_leave_its_place_in_a_script() {
        let check = |name: &str, bucket: bool, project: bool, dataset: bool| {
            assert_eq!(name.parse::<BucketName>().is_ok(), bucket, "bucket {name}");
            assert_eq!(name.parse::<ProjectId>().is_ok(), project, "project {name}");
            assert_eq!(name.parse::<DatasetName>().is_ok(), dataset, "dataset {name}");
        };
        check("stockdev", true, true, true);
        check("my-project-1", true, true, false);
        check("example.com:my-project", false, true, false);
        check("ticks.example.com", true, false, false);
        check("stock_data", true, false, true);
        check("Stock_Data", false, false, true);
        check("ab", false, false, true);
        for bad in ["", "a`b", "a'b", "a b", "a/b", "a\nb", "-ab", "ab-", "a..b.c"] {
            check(bad, false, false, false);
        }
    }

    #[test]
    fn objects_may_have_nearly_any_name() {
        for good in ["data/stock_data_sample.json", "a b", "é", "dt=2024-01-02/x"] {
            assert!(good.parse::<ObjectName>().is_ok(), "{good}");
        }
        for bad in ["", ".", "..", "a\nb", ".well-known/acme-challenge/x"] {
            assert!(bad.parse::<ObjectName>().is_err(), "{bad}");
        }
    }
}
