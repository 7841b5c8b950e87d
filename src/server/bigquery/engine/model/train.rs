//! CREATE MODEL.

use super::resource;
use crate::server::bigquery::engine::outcome::{Ddl, DdlOperation, DdlTarget, StatementOutcome};
use crate::server::bigquery::engine::resource::TableReference;
use crate::server::bigquery::engine::script::{OptionValue, Script};
use crate::server::bigquery::engine::session::Access;
use crate::server::bigquery::engine::store::{Outcome, check_table_name, now_ms, put_model, require_dataset};
use crate::server::bigquery::engine::write::{Conflict, look, make_room};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::ml::{Frame, MlError, Model, ModelOptions};
use crate::server::bigquery::sql::{Statement, StatementKind};
use crate::server::bigquery::value::{Field, Value};

impl Script<'_> {
    pub(in crate::server::bigquery::engine) fn create_model(
        &mut self,
        statement: &Statement,
        outcome: &mut StatementOutcome,
    ) -> Outcome<()> {
        let StatementKind::CreateModel { path, action, transform, options, query } = &statement.kind else {
            return Ok(());
        };
        let unsupported =
            |what: &str| QueryError::invalid_query(format!("{what} is not supported")).at(statement.start);
        if transform.is_some() {
            return Err(unsupported("The TRANSFORM clause of CREATE MODEL"));
        }
        let query = query.as_deref().ok_or_else(|| unsupported("CREATE MODEL without a query"))?;
        let reference = self.session.table_path(&path.texts()).map_err(|error| error.at(path.at))?;
        check_table_name(&reference.table)?;
        let written = self.options(options)?;
        let pairs: Vec<(String, Value)> =
            written.iter().map(|option| (option.name.clone(), option.value.clone())).collect();
        let options = ModelOptions::parse(&pairs).map_err(|error| placed(&error, &written, statement))?;
        let target = DdlTarget::Model(reference.clone());
        // Looked at before the training, which may take long, and again when the model is put down.
        if self.conflict(&reference, (*action).into())? == DdlOperation::Skip {
            outcome.ddl = Some(Ddl { operation: DdlOperation::Skip, target });
            return Ok(());
        }
        let started_ms = now_ms();
        let (frame, fields) = self.training_rows(statement, query)?;
        if self.session.dry_run {
            self.session.untrained.insert(reference);
            outcome.ddl = Some(Ddl { operation: DdlOperation::Create, target });
            return Ok(());
        }
        let model = Model::fit(&options, &frame).map_err(|error| placed(&error, &written, statement))?;
        drop(frame);
        self.session.check_cancelled()?;
        outcome.notes.extend(model.notes());
        outcome.ml = Some(resource::statistics(&model)?);
        let operation = self.session.atomically(Access::Write, |session| {
            let dataset = require_dataset(&session.connection, &reference.dataset())?;
            let operation = make_room(&session.connection, &reference, (*action).into(), true)?;
            if operation != DdlOperation::Skip {
                let stored =
                    resource::stored_model(&reference, dataset.location, &model, (&fields, &pairs), started_ms)?;
                put_model(&session.connection, &stored)?;
            }
            Ok(operation)
        })?;
        outcome.ddl = Some(Ddl { operation, target });
        Ok(())
    }

    /// What there is at the name; an error when it is in the way.
    fn conflict(&mut self, reference: &TableReference, conflict: Conflict) -> Outcome<DdlOperation> {
        self.session.atomically(Access::Read, |session| {
            require_dataset(&session.connection, &reference.dataset())?;
            look(&session.connection, reference, conflict, true)
        })
    }

    fn training_rows(
        &mut self,
        statement: &Statement,
        query: &crate::server::bigquery::sql::ast::Query,
    ) -> Outcome<(Frame, Vec<Field>)> {
        self.session.atomically(Access::Read, |session| {
            let query = crate::server::bigquery::analyze::query(query, statement, session)?;
            let frame = session.frame(&query.sql, &query.fields)?;
            Ok((frame, query.fields))
        })
    }
}

/// At the option that is to blame, or at the statement.
fn placed(error: &MlError, written: &[OptionValue], statement: &Statement) -> QueryError {
    let blamed = error.option().and_then(|name| written.iter().find(|option| option.name.eq_ignore_ascii_case(name)));
    QueryError::from(error.clone()).at(blamed.map_or(statement.start, |option| option.at))
}
