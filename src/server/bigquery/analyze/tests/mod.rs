//! Queries run on an in-memory SQLite with a catalog of ticks.

mod change;
mod demo;
mod error;
mod queries;
mod soup;

use std::collections::{HashMap, HashSet};

use rusqlite::Connection;

use super::{Catalog, Query, Source, TableFunction, query};
use crate::server::bigquery::error::{Position, QueryError, Reason};
use crate::server::bigquery::function;
use crate::server::bigquery::sql::ast;
use crate::server::bigquery::sql::{Statement, StatementKind, parse_script, parse_type};
use crate::server::bigquery::value::{Field, Mode, Type, Value};

pub(super) struct World {
    pub(super) connection: Connection,
    tables: HashMap<String, Source>,
    variables: HashMap<String, (Type, Value)>,
    /// What table functions were asked, and what the demo's models answer.
    pub(super) calls: Vec<TableFunction>,
    pub(super) wanted: Vec<Option<HashSet<String>>>,
}

pub(super) const DEPTH: &str = "STRUCT<buy ARRAY<STRUCT<price FLOAT64, orders INT64, quantity INT64>>, sell ARRAY<STRUCT<price FLOAT64, orders INT64, quantity INT64>>>";

impl World {
    pub(super) fn new() -> Self {
        let connection = Connection::open_in_memory().unwrap();
        function::register(&connection).unwrap();
        super::register(&connection).unwrap();
        let mut world = Self {
            connection,
            tables: HashMap::new(),
            variables: HashMap::new(),
            calls: Vec::new(),
            wanted: Vec::new(),
        };
        let ticks: Vec<Vec<Value>> = (0..6).map(tick).collect();
        let columns =
            format!("timestamp TIMESTAMP, instrument_token INT64, last_price FLOAT64, volume INT64, depth {DEPTH}");
        world.add("ds.ticks", &columns, ticks);
        let names = [(1, Some("one")), (2, Some("two")), (3, None)];
        let rows = names
            .iter()
            .map(|(id, name)| vec![Value::Int64(*id), name.map_or(Value::Null, |name| Value::String(name.to_owned()))]);
        world.add("ds.names", "instrument_token INT64, name STRING", rows.collect());
        world.variables.insert("x".to_owned(), (Type::Int64, Value::Int64(7)));
        world.variables.insert("@p".to_owned(), (Type::String, Value::String("it's".to_owned())));
        world.variables.insert("?1".to_owned(), (Type::Int64, Value::Int64(2)));
        world
    }

    pub(super) fn add(&mut self, name: &str, columns: &str, rows: Vec<Vec<Value>>) {
        let Type::Struct(fields) = parse_type(&format!("STRUCT<{columns}>")).unwrap() else { panic!() };
        let fields: Vec<Field> = fields
            .into_iter()
            .map(|(name, kind)| Field {
                name: name.unwrap(),
                mode: if matches!(kind, Type::Array(_)) { Mode::Repeated } else { Mode::Nullable },
                kind,
                description: None,
            })
            .collect();
        let table = format!("s{}", self.tables.len());
        let list: Vec<String> = (0..fields.len()).map(|index| format!("c{index}")).collect();
        self.connection.execute_batch(&format!("CREATE TABLE {table} ({})", list.join(", "))).unwrap();
        for row in rows {
            let marks = vec!["?"; row.len()].join(", ");
            let values: Vec<rusqlite::types::Value> = row.iter().map(Value::to_sql).collect();
            self.connection
                .execute(&format!("INSERT INTO {table} VALUES ({marks})"), rusqlite::params_from_iter(values))
                .unwrap();
        }
        self.tables.insert(name.to_owned(), Source { from: format!("\"main\".\"{table}\""), fields });
    }

    pub(super) fn analyze(&mut self, script: &str) -> Result<Query, QueryError> {
        let statements = parse_script(script)?;
        let statement = statements.last().unwrap();
        query(query_of(statement), statement, self)
    }

    pub(super) fn run(&mut self, script: &str) -> Result<(Vec<Field>, Vec<Vec<Value>>), QueryError> {
        let query = self.analyze(script)?;
        let rows = self.rows(&query.sql, &query.fields)?;
        Ok((query.fields, rows))
    }

    pub(super) fn rows(&self, sql: &str, fields: &[Field]) -> Result<Vec<Vec<Value>>, QueryError> {
        let failed = |error: rusqlite::Error| {
            function::query_error(&error)
                .unwrap_or_else(|| QueryError::invalid_query(format!("SQLITE {error} IN {sql}")))
        };
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        let mut rows = statement.query([]).map_err(failed)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let values = fields
                .iter()
                .enumerate()
                .map(|(index, field)| Value::read(row.get_ref(index).unwrap(), &field.kind).unwrap());
            found.push(values.collect());
        }
        Ok(found)
    }
}

pub(super) fn query_of(statement: &Statement) -> &ast::Query {
    match &statement.kind {
        StatementKind::Query(query) => query,
        StatementKind::CreateModel { query: Some(query), .. }
        | StatementKind::CreateTable { query: Some(query), .. } => query,
        other => panic!("no query in {other:?}"),
    }
}

/// The nth tick: instruments 1 and 2 by turns, one a minute, two levels of depth.
fn tick(number: i64) -> Vec<Value> {
    let price = 100.0 + f64::from(i32::try_from(number).unwrap());
    let level = |price: f64, level: i64| {
        Value::Struct(vec![Value::Float64(price), Value::Int64(level), Value::Int64(10 * number)])
    };
    let depth = Value::Struct(vec![
        Value::Array(vec![level(price - 0.5, 1), level(price - 1.0, 2)]),
        Value::Array(vec![level(price + 0.5, 1), level(price + 1.0, 2)]),
    ]);
    let volume = if number == 5 { Value::Null } else { Value::Int64(number * 100) };
    // 2024-01-31T09:15:00Z and on.
    let time = 1_706_692_500_000_000 + number * 60_000_000;
    vec![Value::Timestamp(time), Value::Int64(number % 2 + 1), Value::Float64(price), volume, depth]
}

impl Catalog for World {
    fn table(&mut self, path: &[String], at: Position, wanted: Option<&HashSet<String>>) -> Result<Source, QueryError> {
        self.wanted.push(wanted.cloned());
        let name = match path {
            [_] => {
                return Err(QueryError::invalid_query(format!(
                    "Table \"{}\" must be qualified with a dataset (e.g. dataset.table).",
                    path[0]
                ))
                .at(at));
            }
            [.., dataset, table] => format!("{dataset}.{table}"),
            [] => String::new(),
        };
        let missing = || {
            QueryError::new(Reason::NotFound, format!("Not found: Table p:{name} was not found in location US")).at(at)
        };
        self.tables.get(&name).cloned().ok_or_else(missing)
    }

    fn table_function(&mut self, call: &TableFunction) -> Result<Source, QueryError> {
        self.calls.push(call.clone());
        let field =
            |name: &str, kind: Type| Field { name: name.to_owned(), kind, mode: Mode::Nullable, description: None };
        let mut fields = vec![field("predicted_last_price", Type::Float64)];
        let from = match &call.input {
            Some(input) => {
                fields.extend(input.fields.clone());
                let columns: Vec<String> =
                    (0..input.fields.len()).map(|index| format!("c{index} AS c{}", index + 1)).collect();
                format!("(SELECT 1.5 AS c0, {} FROM ({}))", columns.join(", "), input.sql)
            }
            None => "(SELECT 2.5 AS c0)".to_owned(),
        };
        Ok(Source { from, fields })
    }

    fn variable(&self, name: &str) -> Option<(Type, Value)> {
        self.variables.get(&name.to_lowercase()).cloned()
    }
}

/// A value as tests write it.
pub(super) fn show(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        Value::Struct(items) => format!("{{{}}}", items.iter().map(show).collect::<Vec<_>>().join(" ")),
        value => value.print().unwrap_or_default(),
    }
}

/// Rows with `;` between, values with `,` between.
pub(super) fn show_rows(rows: &[Vec<Value>]) -> String {
    rows.iter().map(|row| row.iter().map(show).collect::<Vec<_>>().join(",")).collect::<Vec<_>>().join(";")
}

pub(super) fn check(table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (script, expected) in table {
        let found = match World::new().run(script) {
            Ok((_, rows)) => show_rows(&rows),
            Err(error) => format!("ERROR {error}"),
        };
        if found != *expected {
            wrong.push(format!("{script}\n  expected {expected}\n  found    {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
