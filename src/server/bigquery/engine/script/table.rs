//! CREATE TABLE, with columns, AS SELECT, LIKE, or for a while only.

use serde_json::{Map, Value as Json, json};

use super::Script;
use super::ddl::fields_of;
use super::options::table_settings;
use super::query::{analyzed, refuse_duplicates};
use crate::server::bigquery::engine::outcome::{Ddl, DdlOperation, DdlTarget, StatementOutcome};
use crate::server::bigquery::engine::resource::{Settings, TableKind, TableReference};
use crate::server::bigquery::engine::session::{Access, Place, Rows, Temporary, split_path};
use crate::server::bigquery::engine::store::{
    Outcome, account_whole, append_from, column_list, require_dataset, restamp,
};
use crate::server::bigquery::engine::write::{self, NewTable};
use crate::server::bigquery::error::{QueryError, Reason};
use crate::server::bigquery::function;
use crate::server::bigquery::sql::{Action, Column, FunctionOption, Statement, StatementKind, ast};
use crate::server::bigquery::value::{Field, Mode, Type};

impl Script<'_> {
    pub(super) fn create_table(&mut self, statement: &Statement, outcome: &mut StatementOutcome) -> Outcome<()> {
        let StatementKind::CreateTable {
            path,
            action,
            temporary,
            columns,
            like,
            partition_by,
            cluster_by,
            options,
            query,
            ..
        } = &statement.kind
        else {
            return Ok(());
        };
        let (target, operation) = self.look(path, *action, *temporary)?;
        if operation == DdlOperation::Skip {
            // What is not run is checked all the same.
            match (query, like) {
                (Some(query), _) => drop(self.fields_of_query(statement, query)?),
                (None, Some((other, _))) => drop(self.rows_like(other, false)?),
                (None, None) => {}
            }
            self.session.usage.take();
            outcome.ddl = Some(Ddl { operation, target });
            return Ok(());
        }
        let mut settings = self.table_options(options)?;
        if let Some(by) = partition_by {
            settings.metadata.insert("timePartitioning".to_owned(), partitioning(by)?);
        }
        if !cluster_by.is_empty() {
            settings.metadata.insert("clustering".to_owned(), json!({ "fields": names(cluster_by)? }));
        }
        let (fields, rows) = match (query, like) {
            (Some(query), _) => self.rows_of_query(statement, query, columns.as_deref())?,
            (None, Some((other, with_rows))) => self.rows_like(other, *with_rows)?,
            (None, None) => (fields_of(columns.as_deref().unwrap_or_default())?, None),
        };
        let fields = self.described(fields, columns.as_deref().unwrap_or_default())?;
        if *temporary {
            return self.create_temporary(path, *action, fields, rows, outcome);
        }
        let reference = self.target(path)?;
        self.create_filled(&reference, *action, (fields, settings), rows, outcome)
    }

    /// What is to be done at a table's name, before anything is run for it.
    fn look(&mut self, path: &ast::Path, action: Action, temporary: bool) -> Outcome<(DdlTarget, DdlOperation)> {
        if temporary {
            return self.look_temporary(path, action).map(|(_, target, operation)| (target, operation));
        }
        let reference = self.target(path)?;
        let operation = self.session.atomically(Access::Read, |session| {
            require_dataset(&session.connection, &reference.dataset())?;
            write::look(&session.connection, &reference, action.into(), false)
        })?;
        Ok((DdlTarget::Table(reference), operation))
    }

    fn look_temporary(&self, path: &ast::Path, action: Action) -> Outcome<(String, DdlTarget, DdlOperation)> {
        let parts = split_path(&path.texts());
        let [name] = parts.as_slice() else {
            return Err(QueryError::invalid_query("A temporary table's name has one part").at(path.at));
        };
        let operation = match (self.session.temporary.contains_key(name), action) {
            (true, Action::Create) => {
                return Err(QueryError::new(Reason::Duplicate, format!("Already Exists: Table {name}")));
            }
            (true, Action::CreateIfNotExists) => DdlOperation::Skip,
            (true, Action::CreateOrReplace) => DdlOperation::Replace,
            (false, _) => DdlOperation::Create,
        };
        let target = DdlTarget::Table(TableReference::new(&self.session.project, "_SESSION", name));
        Ok((name.clone(), target, operation))
    }

    fn table_options(&mut self, options: &[FunctionOption]) -> Outcome<Settings> {
        let options = self.options(options)?;
        table_settings(&options)
    }

    /// Columns' `OPTIONS(description = ..)`.
    fn described(&mut self, mut fields: Vec<Field>, columns: &[Column]) -> Outcome<Vec<Field>> {
        for (field, column) in fields.iter_mut().zip(columns) {
            for option in self.options(&column.options)? {
                if !option.name.eq_ignore_ascii_case("description") {
                    let message = format!("Option {} of a column is not supported", option.name);
                    return Err(QueryError::invalid_query(message).at(option.at));
                }
                field.description = Some(option.text()?);
            }
        }
        Ok(fields)
    }

    /// The query's rows, as the columns that are written beside it, if any.
    fn rows_of_query(
        &mut self,
        statement: &Statement,
        query: &ast::Query,
        columns: Option<&[Column]>,
    ) -> Outcome<(Vec<Field>, Option<Rows>)> {
        self.session.atomically(Access::Read, |session| {
            let query = analyzed(session, statement, query)?;
            refuse_duplicates(&query)?;
            let (sql, fields) = match columns {
                None => (query.sql.clone(), stored_fields(&query.fields)),
                Some(columns) => (cast_rows(&query, columns)?, fields_of(columns)?),
            };
            let rows = session.collect(Place::Work, &sql, &fields)?;
            Ok((fields, Some(rows)))
        })
    }

    fn rows_like(&mut self, other: &ast::Path, with_rows: bool) -> Outcome<(Vec<Field>, Option<Rows>)> {
        let reference = self.target(other)?;
        self.session.atomically(Access::Read, |session| {
            let stored = session.require_table(&reference)?;
            let fields = stored.table.fields.clone();
            if !with_rows {
                return Ok((fields, None));
            }
            if stored.table.kind != TableKind::Table {
                return Err(
                    QueryError::invalid_query(format!("{reference} is not a table that can be copied")).at(other.at)
                );
            }
            let columns = column_list(0..fields.len());
            let rows = session.collect(Place::Work, &format!("SELECT {columns} FROM {}", stored.from()), &fields)?;
            Ok((fields, Some(rows)))
        })
    }

    fn create_filled(
        &mut self,
        reference: &TableReference,
        action: Action,
        (fields, settings): (Vec<Field>, Settings),
        rows: Option<Rows>,
        outcome: &mut StatementOutcome,
    ) -> Outcome<()> {
        let operation = self.session.atomically(Access::Write, |session| {
            let connection = &session.connection;
            require_dataset(connection, &reference.dataset())?;
            let operation = write::make_room(connection, reference, action.into(), false)?;
            if operation == DdlOperation::Skip {
                return Ok(operation);
            }
            let mut stored =
                write::create_table(connection, NewTable { reference, kind: TableKind::Table, fields, settings })?;
            if let Some(rows) = &rows {
                let columns: Vec<String> = (0..rows.fields.len()).map(|n| format!("\"c{n}\"")).collect();
                append_from(connection, &stored, &rows.from, &columns)?;
                write::check_required(connection, &stored, i64::MIN)?;
                account_whole(connection, &mut stored)?;
                restamp(connection, &mut stored)?;
            }
            Ok(operation)
        })?;
        if let Some(rows) = rows {
            self.session.execute(&format!("DROP TABLE {}", rows.from))?;
        }
        outcome.ddl = Some(Ddl { operation, target: DdlTarget::Table(reference.clone()) });
        Ok(())
    }

    fn create_temporary(
        &mut self,
        path: &ast::Path,
        action: Action,
        fields: Vec<Field>,
        rows: Option<Rows>,
        outcome: &mut StatementOutcome,
    ) -> Outcome<()> {
        let (name, target, operation) = self.look_temporary(path, action)?;
        if operation != DdlOperation::Skip {
            let from = match rows {
                Some(rows) => rows.from,
                None => self.session.create_own(Place::Work, 0..fields.len())?.0,
            };
            self.session.temporary.insert(name, Temporary { from, fields });
        }
        outcome.ddl = Some(Ddl { operation, target });
        Ok(())
    }
}

/// A result's fields as a table keeps them.
fn stored_fields(fields: &[Field]) -> Vec<Field> {
    let mode = |kind: &Type| if matches!(kind, Type::Array(_)) { Mode::Repeated } else { Mode::Nullable };
    fields.iter().map(|field| Field { mode: mode(&field.kind), ..field.clone() }).collect()
}

/// The query's rows coerced to the columns that are written.
fn cast_rows(query: &crate::server::bigquery::analyze::Query, columns: &[Column]) -> Outcome<String> {
    if query.fields.len() != columns.len() {
        let message = format!(
            "The number of columns in the column definition list does not match the number of columns produced by the query: {} and {}",
            columns.len(),
            query.fields.len()
        );
        return Err(QueryError::invalid_query(message));
    }
    let mut items = Vec::new();
    for (n, (field, column)) in query.fields.iter().zip(columns).enumerate() {
        let text = format!("\"c{n}\"");
        items.push(if field.kind == column.kind {
            text
        } else {
            let wrong = || {
                let message = format!(
                    "Column {} has type {} which cannot be inserted into column of type {}",
                    column.name.text,
                    field.kind.name(),
                    column.kind.name()
                );
                QueryError::invalid_query(message).at(column.name.at)
            };
            function::cast(&field.kind, &column.kind, false).ok_or_else(wrong)?.sql(&text)
        });
    }
    let names = column_list(0..columns.len());
    Ok(format!("WITH \"q\" ({names}) AS ({}) SELECT {} FROM \"q\"", query.sql, items.join(", ")))
}

/// `PARTITION BY day`, `DATE(at)`, `TIMESTAMP_TRUNC(at, HOUR)`: kept, without meaning here.
fn partitioning(by: &ast::Expression) -> Outcome<Json> {
    let unsupported = || QueryError::invalid_query("PARTITION BY expression is not supported").at(by.at);
    let mut partitioning = Map::new();
    match &by.kind {
        ast::ExpressionKind::Path(path) if path.len() == 1 => {
            partitioning.insert("type".to_owned(), "DAY".into());
            partitioning
                .insert("field".to_owned(), path.iter().map(|name| name.text.clone()).collect::<String>().into());
        }
        ast::ExpressionKind::Call(call) => {
            if call.name.iter().any(|name| name.text.eq_ignore_ascii_case("RANGE_BUCKET")) {
                return Err(unsupported());
            }
            let mut arguments = call.arguments.iter().filter_map(|argument| match argument {
                ast::Argument::Expression(expression) => Some(expression),
                _ => None,
            });
            let field = arguments.next().and_then(single_name).ok_or_else(unsupported)?;
            let part = arguments.next().and_then(single_name).unwrap_or_else(|| "DAY".to_owned());
            partitioning.insert("type".to_owned(), part.to_uppercase().into());
            partitioning.insert("field".to_owned(), field.into());
        }
        _ => return Err(unsupported()),
    }
    Ok(Json::Object(partitioning))
}

fn single_name(expression: &ast::Expression) -> Option<String> {
    match &expression.kind {
        ast::ExpressionKind::Path(path) if path.len() == 1 => path.first().map(|name| name.text.clone()),
        ast::ExpressionKind::Literal(ast::Literal::String(text)) => Some(text.clone()),
        _ => None,
    }
}

fn names(items: &[ast::Expression]) -> Outcome<Vec<String>> {
    let name = |item: &ast::Expression| {
        single_name(item).ok_or_else(|| QueryError::invalid_query("CLUSTER BY takes names of columns").at(item.at))
    };
    items.iter().map(name).collect()
}
