//! Load jobs and copy jobs.

use std::fs::File;
use std::io::Read;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::Engine;
use super::external::{Fill, Filled};
use super::objects::{ObjectInfo, expand};
use super::outcome::LoadOutcome;
use super::request::{CopyRequest, LoadRequest, Progress, Silent, WriteDisposition};
use super::resource::{ExternalDefinition, TableKind};
use super::session::{Access, Place, Session, detect};
use super::store::{Outcome, Scratch, column_list, require_dataset, stored};
use super::write::write_rows;
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::value::Field;

/// Where a load's rows come from.
enum Input {
    Objects(Vec<ObjectInfo>),
    /// The upload, on disk so that it can be looked at before it is read.
    Upload(Arc<Scratch>),
}

impl Engine {
    /// Reads files into a table: all of it or nothing.
    pub fn load(
        &self,
        request: LoadRequest,
        progress: &dyn Progress,
        cancel: &CancellationToken,
    ) -> Outcome<LoadOutcome> {
        let LoadRequest { project, destination, mut source, upload, fields, add_fields } = request;
        let input = match upload {
            Some(upload) => Input::Upload(self.spool(upload)?),
            None => Input::Objects(expand(&*self.objects, &source.uris)?),
        };
        let mut session = Session::new(self, &project, progress, cancel)?;
        require_dataset(&session.connection, &destination.table.dataset())?;
        let known = stored(&session.connection, &destination.table)?;
        let replaces = destination.write == WriteDisposition::Truncate;
        let bytes_before = known.as_ref().map_or(0, |known| if replaces { 0 } else { known.table.bytes });
        let known = known.map(|known| known.table.fields);
        let fields = match (fields, known) {
            (Some(fields), _) => fields,
            (None, Some(known)) if !(source.autodetect && (replaces || add_fields)) => {
                skip_header(self, &input, &mut source)?;
                known
            }
            (None, _) if source.autodetect => detect_input(self, &input, &mut source)?,
            (None, _) => {
                return Err(QueryError::new(Reason::Invalid, "No schema specified on job or table."));
            }
        };
        let (filled, rows) = session.atomically(Access::Read, |session| {
            let (from, _) = session.create_own(Place::Work, 0..fields.len())?;
            let filled = fill(session, &input, &source, &fields, &from)?;
            Ok((filled, from))
        })?;
        let table = session.atomically(Access::Write, |session| {
            write_rows(&session.connection, &destination, &fields, &rows, add_fields)
        })?;
        let bytes = table.column_bytes.iter().fold(0_u64, |sum, bytes| sum.saturating_add(*bytes));
        Ok(LoadOutcome {
            input_files: filled.files,
            input_bytes: filled.bytes,
            output_rows: filled.rows,
            output_bytes: bytes.saturating_sub(bytes_before),
            bad_records: filled.bad,
        })
    }

    fn spool(&self, mut upload: Box<dyn Read + Send>) -> Outcome<Arc<Scratch>> {
        let scratch = self.scratch.file();
        let copied = File::create_new(scratch.path()).and_then(|mut file| std::io::copy(&mut upload, &mut file));
        copied.map_err(|error| QueryError::new(Reason::BackendError, format!("reading the upload: {error}")))?;
        Ok(scratch)
    }

    /// Rows of tables into another: all of it or nothing. Gives how many.
    pub fn copy(&self, request: &CopyRequest, cancel: &CancellationToken) -> Outcome<u64> {
        let mut session = Session::new(self, &request.destination.table.project, &Silent, cancel)?;
        session.atomically(Access::Write, |session| {
            let mut destination = request.destination.clone();
            let mut rows = 0_u64;
            for source in &request.sources {
                let stored = session.require_table(source)?;
                if stored.table.kind != TableKind::Table {
                    let message = format!("Cannot copy a table of type {}", stored.table.kind.word());
                    return Err(QueryError::new(Reason::Invalid, message));
                }
                // The source may be the destination, or be emptied by it.
                let fields = stored.table.fields;
                let sql = format!("SELECT {} FROM \"main\".\"t{}\"", column_list(0..fields.len()), stored.number);
                let copied = session.collect(Place::Work, &sql, &fields)?;
                write_rows(&session.connection, &destination, &fields, &copied.from, false)?;
                session.execute(&format!("DROP TABLE {}", copied.from))?;
                rows = rows.saturating_add(copied.count);
                // The disposition was for the first one.
                destination.write = WriteDisposition::Append;
            }
            Ok(rows)
        })
    }
}

fn open(scratch: &Scratch) -> Outcome<Box<dyn Read + Send>> {
    let file = File::open(scratch.path());
    let file =
        file.map_err(|error| QueryError::new(Reason::BackendError, format!("the server's own disk: {error}")))?;
    Ok(Box::new(file))
}

fn detect_input(engine: &Engine, input: &Input, source: &mut ExternalDefinition) -> Outcome<Vec<Field>> {
    match input {
        Input::Objects(_) => detect(engine, source, None),
        Input::Upload(scratch) => Engine::detect_upload(source, open(scratch)?),
    }
}

/// With autodetection a CSV's header is found though the schema is known.
fn skip_header(engine: &Engine, input: &Input, source: &mut ExternalDefinition) -> Outcome<()> {
    let unknown = source.format == super::resource::Format::Csv && source.read.csv.skip_leading_rows.is_none();
    if source.autodetect && unknown {
        detect_input(engine, input, source)?;
    }
    Ok(())
}

fn fill(
    session: &Session<'_>,
    input: &Input,
    source: &ExternalDefinition,
    fields: &[Field],
    target: &str,
) -> Outcome<Filled> {
    let wanted: Vec<usize> = (0..fields.len()).collect();
    let fill = Fill {
        connection: &session.connection,
        target,
        fields,
        wanted: &wanted,
        definition: source,
        table: None,
        progress: session.progress,
        cancel: session.cancel,
    };
    match input {
        Input::Objects(objects) => fill.objects(&*session.engine.objects, objects),
        Input::Upload(scratch) => {
            let mut filled = Filled::default();
            fill.content(open(scratch)?, None, &mut filled)?;
            Ok(filled)
        }
    }
}
