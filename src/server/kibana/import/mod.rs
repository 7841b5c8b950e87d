//! The import of saved objects, from lines of JSON to changes of the store.
//!
//! In Kibana's order: lines ([`read`]); then, on the objects that are stored ([`plan`]), types, references, conflicts
//! (with objects of the same [`origin`], too), and, for all that can be created, versions and attributes. A conflict or a
//! missing reference anywhere means that nothing is written, though the answer lists the other objects as successes; an
//! object of an unknown type or with wrong attributes is left out alone.

mod origin;
mod plan;
mod read;
mod retry;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

use super::error::ApiError;
use super::store::{Objects, Store};

pub(crate) use read::{Incoming, read};
pub(crate) use retry::{Retry, read_retries};

/// Objects of one import or export (`savedObjects.maxImportExportSize`).
pub(crate) const OBJECTS_MAX: usize = 10_000;

/// How the objects are imported.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    /// Replaces what has the same id.
    pub(crate) overwrites: bool,
    /// Every object gets a new id.
    pub(crate) copies: bool,
    /// `Some`: only these objects, each in its own way (`_resolve_import_errors`).
    pub(crate) retries: Option<Vec<Retry>>,
}

/// Plans the import on the newest objects, writes it, and gives the answer. Blocks on the disk.
pub(crate) fn run(store: &Store, running: &str, incoming: Vec<Incoming>, options: &Options) -> Result<Value, ApiError> {
    let new_id = || uuid::Uuid::new_v4().to_string();
    let (plan, _) = store.write(|objects| {
        let mut plan = plan::plan(objects, running, incoming, options, &new_id)?;
        Ok::<_, ApiError>((std::mem::take(&mut plan.changes), plan))
    })?;
    Ok(answer(plan))
}

/// Plans on an empty store, and writes nothing.
pub(crate) fn plan_for_fuzzing(incoming: Vec<Incoming>) {
    for copies in [false, true] {
        let options = Options { copies, ..Options::default() };
        let plan = plan::plan(&Objects::default(), "8.12.2", incoming.clone(), &options, &|| "copy".to_owned());
        let _answer = plan.map(answer);
    }
}

fn answer(plan: plan::Plan) -> Value {
    let mut answer = Map::new();
    answer.insert("successCount".into(), plan.successes.len().into());
    answer.insert("success".into(), plan.errors.is_empty().into());
    let warnings = plan.warnings.into_iter().map(|message| json!({"type": "simple", "message": message}));
    answer.insert("warnings".into(), warnings.collect());
    if !plan.successes.is_empty() {
        answer.insert("successResults".into(), plan.successes.into());
    }
    if !plan.errors.is_empty() {
        answer.insert("errors".into(), plan.errors.into());
    }
    Value::Object(answer)
}
