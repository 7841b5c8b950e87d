//! Objects in memory, for tests.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::sync::Mutex;

use super::{ObjectInfo, Objects, ObjectsError};

/// Generations and contents by bucket and name.
type Kept = BTreeMap<(String, String), (i64, Vec<u8>)>;

/// Buckets exist as soon as they are named.
#[derive(Default)]
pub(crate) struct MemoryObjects {
    kept: Mutex<Kept>,
}

impl MemoryObjects {
    pub(crate) fn put(&self, bucket: &str, name: &str, content: &[u8]) -> ObjectInfo {
        let mut kept = self.kept.lock().unwrap();
        let entry = kept.entry((bucket.to_owned(), name.to_owned())).or_default();
        *entry = (entry.0 + 1, content.to_vec());
        info(bucket, name, entry)
    }

    pub(crate) fn content(&self, bucket: &str, name: &str) -> Option<Vec<u8>> {
        self.kept.lock().unwrap().get(&(bucket.to_owned(), name.to_owned())).map(|kept| kept.1.clone())
    }
}

fn info(bucket: &str, name: &str, (generation, content): &(i64, Vec<u8>)) -> ObjectInfo {
    let size = u64::try_from(content.len()).unwrap();
    ObjectInfo { bucket: bucket.to_owned(), name: name.to_owned(), size, generation: *generation }
}

impl Objects for MemoryObjects {
    fn list(&self, bucket: &str, prefix: &str, max: usize) -> Result<Vec<ObjectInfo>, ObjectsError> {
        let kept = self.kept.lock().unwrap();
        let of_bucket = kept.iter().filter(|((b, name), _)| b == bucket && name.starts_with(prefix));
        let found: Vec<_> = of_bucket.map(|((bucket, name), kept)| info(bucket, name, kept)).collect();
        if found.len() > max {
            return Err(ObjectsError::TooMany { uri: format!("gs://{bucket}/{prefix}*"), max });
        }
        Ok(found)
    }

    fn stat(&self, bucket: &str, name: &str) -> Result<ObjectInfo, ObjectsError> {
        let kept = self.kept.lock().unwrap();
        let found = kept.get(&(bucket.to_owned(), name.to_owned()));
        found
            .map(|kept| info(bucket, name, kept))
            .ok_or_else(|| ObjectsError::NotFound { uri: format!("gs://{bucket}/{name}") })
    }

    fn open(&self, object: &ObjectInfo) -> Result<Box<dyn Read + Send>, ObjectsError> {
        let content = self.content(&object.bucket, &object.name);
        content
            .map(|content| Box::new(Cursor::new(content)) as Box<dyn Read + Send>)
            .ok_or_else(|| ObjectsError::NotFound { uri: object.uri() })
    }

    fn write(
        &self,
        bucket: &str,
        name: &str,
        _content_type: &str,
        mut content: Box<dyn Read + Send>,
    ) -> Result<ObjectInfo, ObjectsError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).unwrap();
        Ok(self.put(bucket, name, &bytes))
    }
}
