//! Stand-in until the engine is here.
use crate::server::elasticsearch::mapping::Mapping;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
pub(crate) struct Engine {
    reader: tantivy::IndexReader,
}
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineOptions {
    pub(crate) refresh_interval: Option<Duration>,
    pub(crate) _other: (),
}
#[derive(Debug, Clone, Default)]
pub(crate) struct EngineStats {
    pub(crate) docs: u64,
    pub(crate) deleted: u64,
    pub(crate) size_bytes: u64,
}
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct EngineError(#[from] tantivy::TantivyError);
impl Engine {
    pub(crate) fn open(dir: &Path, _: Arc<Mapping>, _: EngineOptions) -> Result<Engine, EngineError> {
        std::fs::create_dir_all(dir).map_err(|e| tantivy::TantivyError::SystemError(e.to_string()))?;
        let directory = tantivy::directory::MmapDirectory::open(dir).map_err(tantivy::TantivyError::from)?;
        let index = tantivy::Index::open_or_create(directory, super::schema::schema().0)?;
        Ok(Engine { reader: index.reader()? })
    }
    pub(crate) async fn refresh(&self) -> Result<(), EngineError> {
        Ok(self.reader.reload()?)
    }
    pub(crate) fn searcher(&self) -> tantivy::Searcher {
        self.reader.searcher()
    }
    pub(crate) fn stats(&self) -> EngineStats {
        EngineStats::default()
    }
    pub(crate) fn set_refresh_interval(&self, _: Option<Duration>) {}
    pub(crate) async fn close(&self) {}
}
