//! Objects made of others: copies share the blob, compositions have one of their own.

use std::io::Read;
use std::sync::Arc;

use super::object::Content;
use super::{Attributes, Conditions, Draft, Object, Store, StoreError, check_hold, check_sums};

/// Bytes copied at once.
const COPY_BYTES: usize = 256 * 1024;

/// What is copied.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) bucket: String,
    pub(crate) name: String,
    pub(crate) generation: Option<i64>,
    pub(crate) conditions: Conditions,
}

/// Where to. Without attributes of its own a copy has those of what it copies.
#[derive(Debug, Clone)]
pub(crate) struct Destination {
    pub(crate) bucket: String,
    pub(crate) name: String,
    pub(crate) attributes: Option<Attributes>,
    /// Also where the other attributes are those of the source.
    pub(crate) storage_class: Option<String>,
    pub(crate) conditions: Conditions,
}

impl Destination {
    fn draft(&self, source: &Object) -> Draft {
        let mut attributes = self.attributes.clone().unwrap_or_else(|| source.attributes.clone());
        if self.attributes.is_none() {
            (attributes.temporary_hold, attributes.event_based_hold) = (false, false);
            attributes.storage_class = None;
        }
        attributes.storage_class = self.storage_class.clone().or(attributes.storage_class);
        Draft {
            bucket: self.bucket.clone(),
            name: self.name.clone(),
            attributes,
            conditions: self.conditions,
            checksums: super::Checksums::default(),
        }
    }
}

impl Store {
    /// Copies within the store; `moves`: the source goes, in the same step.
    pub(crate) fn copy(&self, from: &Source, to: &Destination, moves: bool) -> Result<Arc<Object>, StoreError> {
        if moves && from.bucket == to.bucket && from.name == to.name {
            return Err(StoreError::OntoItself);
        }
        let now = (self.clock)();
        self.commit(|state| {
            let source = state.object(&from.bucket, &from.name, from.generation)?;
            from.conditions.check(Some(source)).map_err(super::as_not_met)?;
            let draft = to.draft(source);
            state.check_replaceable(&draft)?;
            let object = self.make(state, &draft, Content::of(source))?;
            let mut changes = state.replace(&to.bucket, &object, now);
            if moves {
                check_hold(&from.bucket, source)?;
                changes.push(state.remove(&from.bucket, source, now));
            }
            Ok((changes, object))
        })
    }

    /// Joins the sources, in order. `deletes`: they go, in the same step.
    pub(crate) fn compose(&self, sources: &[Source], draft: &Draft, deletes: bool) -> Result<Arc<Object>, StoreError> {
        self.check_put(draft)?;
        let mut blob = self.create_blob()?;
        let mut parts = Vec::with_capacity(sources.len());
        for source in sources {
            let found = self.read(&source.bucket, &source.name, source.generation, &source.conditions);
            let (object, mut file) = found.map_err(super::as_not_met)?;
            let mut buffer = vec![0; COPY_BYTES];
            loop {
                let count = file.read(&mut buffer)?;
                let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
                blob.write(bytes)?;
            }
            parts.push(object);
        }
        let digest = blob.digest();
        check_sums(&draft.checksums, &digest)?;
        blob.sync()?;
        let components = parts.iter().map(|part| part.component_count.unwrap_or(1)).fold(0, i32::saturating_add);
        self.commit(|state| {
            state.check_replaceable(draft)?;
            let content = Content::new(blob.id(), digest);
            let content = Content { md5: None, component_count: Some(components), ..content };
            let object = self.make(state, draft, content)?;
            let now = (self.clock)();
            let mut changes = state.replace(&draft.bucket, &object, now);
            for part in parts.iter().filter(|part| deletes && part.name != draft.name) {
                check_hold(&draft.bucket, part)?;
                changes.push(state.remove(&draft.bucket, part, now));
            }
            blob.keep();
            Ok((changes, object))
        })
    }
}
