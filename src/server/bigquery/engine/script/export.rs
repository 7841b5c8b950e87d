//! EXPORT DATA: a query's rows into objects.

use super::Script;
use super::query::analyzed;
use crate::server::bigquery::engine::extract::{Export, export};
use crate::server::bigquery::engine::objects::is_taken;
use crate::server::bigquery::engine::resource::Format;
use crate::server::bigquery::engine::session::{Access, Place};
use crate::server::bigquery::engine::store::Outcome;
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::sql::{FunctionOption, Statement, ast};

impl Script<'_> {
    pub(super) fn export(
        &mut self,
        statement: &Statement,
        options: &[FunctionOption],
        query: &ast::Query,
    ) -> Outcome<()> {
        let mut wanted = Export { format: Format::Csv, gzip: false, field_delimiter: ',', print_header: true };
        let mut uri = None;
        let mut overwrite = false;
        let mut format = None;
        let unsupported = |name: &str| QueryError::invalid_query(format!("Option {name} is not supported"));
        for option in self.options(options)? {
            match option.name.to_lowercase().as_str() {
                "uri" => uri = Some(option.text()?),
                "format" => {
                    let named = Format::named(&option.text()?);
                    format = Some(named.ok_or_else(|| unsupported(&option.name).at(option.at))?);
                }
                "compression" => {
                    let compression = option.text()?.to_uppercase();
                    wanted.gzip = compression == "GZIP";
                    if !matches!(compression.as_str(), "GZIP" | "NONE") {
                        return Err(unsupported(&format!("compression = '{compression}'")).at(option.at));
                    }
                }
                "header" => wanted.print_header = option.bool()?,
                "field_delimiter" => wanted.field_delimiter = option.character()?.unwrap_or(','),
                "overwrite" => overwrite = option.bool()?,
                _ => return Err(unsupported(&option.name).at(option.at)),
            }
        }
        let missing =
            |name: &str| QueryError::invalid_query(format!("Missing required option: {name}")).at(statement.start);
        let uri = uri.ok_or_else(|| missing("uri"))?;
        wanted.format = format.ok_or_else(|| missing("format"))?;
        if !overwrite && !self.session.dry_run && is_taken(&*self.session.engine.objects, &uri)? {
            let message = format!("Destination {uri} is not empty; to write over it set OPTIONS(overwrite = true)");
            return Err(QueryError::invalid_query(message).at(statement.start));
        }
        let rows = self.session.atomically(Access::Read, |session| {
            let query = analyzed(session, statement, query)?;
            session.collect(Place::Work, &query.sql, &query.fields)
        })?;
        if !self.session.dry_run {
            export(&self.session, &rows.from, &rows.fields, &wanted, &uri)?;
        }
        self.session.execute(&format!("DROP TABLE {}", rows.from)).map(drop)
    }
}
