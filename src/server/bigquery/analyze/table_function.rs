//! Table functions: `ML.PREDICT(MODEL m, (SELECT ..), STRUCT(..))`.

use super::constant::constant;
use super::from::Text;
use super::query::finished;
use super::scope::Analyzer;
use super::{Query, TableFunction};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::sql::ast::{
    self, Argument, Body, ExpressionKind, GroupBy, Name, Path, Relation, Select, SelectAs, SelectItem,
};
use crate::server::bigquery::value::{Type, Value};

impl Analyzer<'_> {
    pub(super) fn table_function(
        &mut self,
        name: &[Name],
        arguments: &[Argument],
        alias: Option<&Name>,
        at: Position,
    ) -> Result<Text, QueryError> {
        let parts: Vec<String> = name.iter().map(|part| part.text.to_ascii_uppercase()).collect();
        let mut call =
            TableFunction { name: parts.join("."), model: None, model_at: None, input: None, options: Vec::new(), at };
        if !matches!(parts.as_slice(), [schema, _] if schema == "ML") {
            return Err(QueryError::invalid_query(format!("Table-valued function not found: {}", call.name)).at(at));
        }
        for argument in arguments {
            self.table_argument(argument, &mut call)?;
        }
        let source = self.catalog.table_function(&call)?;
        for table in call.input.into_iter().flat_map(|input| input.tables) {
            if !self.tables.contains(&table) {
                self.tables.push(table);
            }
        }
        self.source(source, alias, at)
    }

    fn table_argument(&mut self, argument: &Argument, call: &mut TableFunction) -> Result<(), QueryError> {
        let misplaced = |at: Position, name: &str| {
            QueryError::invalid_query(format!("Invalid table-valued function {name} Unexpected argument")).at(at)
        };
        match argument {
            Argument::Model(path) if call.model.is_none() => {
                call.model = Some(path.texts());
                call.model_at = Some(path.at);
            }
            Argument::Table(path) if call.input.is_none() => call.input = Some(self.alone(&all_of(path))?),
            Argument::Expression(value) => match &value.kind {
                ExpressionKind::Subquery(query) if call.input.is_none() => call.input = Some(self.alone(query)?),
                ExpressionKind::Struct { .. } => {
                    let (Type::Struct(fields), Value::Struct(values)) = constant(value, &*self.catalog)? else {
                        return Err(misplaced(value.at, &call.name));
                    };
                    for ((name, kind), value_of) in fields.into_iter().zip(values) {
                        let name = name.ok_or_else(|| misplaced(value.at, &call.name))?;
                        call.options.push((name, kind, value_of));
                    }
                }
                _ => return Err(misplaced(value.at, &call.name)),
            },
            Argument::Named(name, value) => {
                let (kind, constant) = constant(value, &*self.catalog)?;
                call.options.push((name.text.clone(), kind, constant));
            }
            Argument::Model(path) | Argument::Table(path) => return Err(misplaced(path.at, &call.name)),
        }
        Ok(())
    }

    /// A query that runs by itself: it sees the CTEs and no columns from around it.
    fn alone(&mut self, query: &ast::Query) -> Result<Query, QueryError> {
        let scopes = std::mem::take(&mut self.scopes);
        let tables = std::mem::take(&mut self.tables);
        let words = self.words.clone();
        if !query.star {
            self.words.clone_from(&self.words_without_star);
        }
        let rows = self.query(query);
        self.words = words;
        self.scopes = scopes;
        let mut query = finished(rows?);
        query.tables = std::mem::replace(&mut self.tables, tables);
        let visible: Vec<&str> = self
            .ctes
            .iter()
            .filter(|cte| cte.used && !cte.definition.is_empty())
            .map(|cte| cte.definition.as_str())
            .collect();
        if !visible.is_empty() {
            let columns: Vec<String> = (0..query.fields.len()).map(|index| format!("c{index}")).collect();
            query.sql =
                format!("WITH RECURSIVE {} SELECT {} FROM ({})", visible.join(", "), columns.join(", "), query.sql);
        }
        Ok(query)
    }
}

/// `SELECT * FROM path`.
fn all_of(path: &Path) -> ast::Query {
    let select = Select {
        distinct: false,
        shape: SelectAs::Row,
        items: vec![SelectItem::Star { base: None, except: Vec::new(), replace: Vec::new(), at: path.at }],
        from: Some(Relation::Table { path: path.clone(), alias: None, offset: None }),
        filter: None,
        group_by: GroupBy::None,
        having: None,
        qualify: None,
        windows: Vec::new(),
        at: path.at,
    };
    let body = Body::Select(Box::new(select));
    ast::Query {
        recursive: false,
        with: Vec::new(),
        body,
        order_by: Vec::new(),
        limit: None,
        offset: None,
        star: true,
        at: path.at,
    }
}
