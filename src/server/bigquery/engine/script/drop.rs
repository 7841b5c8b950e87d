//! DROP.

use super::Script;
use crate::server::bigquery::engine::manage;
use crate::server::bigquery::engine::outcome::{Ddl, DdlOperation, DdlTarget, StatementOutcome};
use crate::server::bigquery::engine::resource::TableKind;
use crate::server::bigquery::engine::session::{Access, split_path};
use crate::server::bigquery::engine::store::{self, Outcome};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::sql::{ObjectKind, Statement, StatementKind, ast};

impl Script<'_> {
    pub(super) fn drop_object(&mut self, statement: &Statement, outcome: &mut StatementOutcome) -> Outcome<()> {
        let StatementKind::Drop { kind, path, if_exists, cascade } = &statement.kind else { return Ok(()) };
        let done = match kind {
            ObjectKind::Schema => self.drop_schema(path, *cascade),
            ObjectKind::Model => self.drop_model(path),
            kind => self.drop_table(path, *kind),
        };
        let (target, dropped) = done?;
        if !dropped && !*if_exists {
            return Err(not_found(&target));
        }
        let operation = if dropped { DdlOperation::Drop } else { DdlOperation::Skip };
        outcome.ddl = Some(Ddl { operation, target });
        Ok(())
    }

    fn drop_schema(&mut self, path: &ast::Path, cascade: bool) -> Outcome<(DdlTarget, bool)> {
        let reference = self.dataset_target(path)?;
        let dropped = self.session.atomically(Access::Write, |session| {
            if store::dataset(&session.connection, &reference)?.is_none() {
                return Ok(false);
            }
            manage::drop_dataset(&session.connection, &reference, cascade)?;
            Ok(true)
        })?;
        Ok((DdlTarget::Dataset(reference), dropped))
    }

    fn drop_model(&mut self, path: &ast::Path) -> Outcome<(DdlTarget, bool)> {
        let reference = self.target(path)?;
        let dropped = self.session.atomically(Access::Write, |session| {
            let found = store::model(&session.connection, &reference)?.is_some();
            store::remove_model(&session.connection, &reference)?;
            Ok(found)
        })?;
        Ok((DdlTarget::Model(reference), dropped))
    }

    fn drop_table(&mut self, path: &ast::Path, kind: ObjectKind) -> Outcome<(DdlTarget, bool)> {
        let parts = split_path(&path.texts());
        if let [name] = parts.as_slice()
            && kind == ObjectKind::Table
            && let Some(temporary) = self.session.temporary.remove(name)
        {
            self.session.execute(&format!("DROP TABLE {}", temporary.from))?;
            let project = self.session.project.clone();
            let reference = crate::server::bigquery::engine::resource::TableReference::new(project, "_SESSION", name);
            return Ok((DdlTarget::Table(reference), true));
        }
        let reference = self.target(path)?;
        let dropped = self.session.atomically(Access::Write, |session| {
            let Some(stored) = store::stored(&session.connection, &reference)? else { return Ok(false) };
            let same = match (&stored.table.kind, kind) {
                (TableKind::Table, ObjectKind::Table) => true,
                // External tables are dropped as tables, too.
                (TableKind::External(_), ObjectKind::Table | ObjectKind::ExternalTable) => true,
                (TableKind::View { .. }, ObjectKind::View) => true,
                _ => false,
            };
            if !same {
                let message = format!(
                    "{reference} is not allowed for this operation because it is currently a {}.",
                    stored.table.kind.word()
                );
                return Err(QueryError::invalid_query(message).at(path.at));
            }
            store::remove_table(&session.connection, &stored)?;
            Ok(true)
        })?;
        Ok((DdlTarget::Table(reference), dropped))
    }
}

fn not_found(target: &DdlTarget) -> QueryError {
    let message = match target {
        DdlTarget::Table(reference) => format!("Not found: Table {reference}"),
        DdlTarget::Model(reference) => format!("Not found: Model {reference}"),
        DdlTarget::Dataset(reference) => format!("Not found: Dataset {reference}"),
    };
    QueryError::new(Reason::NotFound, message)
}
