//! UPDATE, DELETE and TRUNCATE, and the assignments that UPDATE and MERGE share.

use super::super::Source;
use super::super::coerce::{assignable, coerced};
use super::super::scope::{Analyzer, Clause, Typed};
use super::super::text::type_name;
use super::{Change, ChangeAction, ChangeKind};
use crate::server::bigquery::error::{Position, QueryError};
use crate::server::bigquery::function;
use crate::server::bigquery::sql::Update;
use crate::server::bigquery::sql::ast::{Expression, Name, Path};
use crate::server::bigquery::value::{Field, Type};

/// The target of a change: bound to an alias.
pub(super) struct Target {
    pub(super) source: Source,
    /// Its text for FROM, with the alias.
    pub(super) text: String,
    /// `t1`.
    pub(super) table: String,
    pub(super) path: Vec<String>,
    pub(super) at: Position,
}

impl Target {
    pub(super) fn change(
        &self,
        rows: String,
        actions: Vec<ChangeAction>,
        values: usize,
        tables: Vec<Vec<String>>,
    ) -> Change {
        Change {
            target: self.path.clone(),
            target_at: self.at,
            target_from: self.source.from.clone(),
            rows,
            actions,
            values,
            tables,
        }
    }
}

/// Columns with their new values.
pub(super) type Values = Vec<(usize, String)>;

impl Analyzer<'_> {
    pub(super) fn target(&mut self, path: &Path, alias: Option<&Name>) -> Result<Target, QueryError> {
        // The target is read whole: a row that is written again must not lose columns.
        let words = self.words.take();
        let source = self.table(path);
        self.words = words;
        let source = source?;
        let (text, _) = self.source(source.clone(), alias.or(path.parts.last()), path.at)?;
        let table = text.rsplit(' ').next().unwrap_or_default().to_owned();
        Ok(Target { source, text, table, path: path.texts(), at: path.at })
    }

    pub(super) fn update(&mut self, update: &Update) -> Result<Change, QueryError> {
        let target = self.target(&update.target, update.alias.as_ref())?;
        let mut from = target.text.clone();
        if let Some(relation) = &update.from {
            let (text, _) = self.relation(relation)?;
            from.push_str(&format!(" JOIN {text}"));
        }
        let (filter, _) = self.condition(&update.filter, Clause::Where)?;
        let values = self.assignments(&target, &update.assignments)?;
        let texts: Vec<String> =
            values.iter().enumerate().map(|(index, (_, text))| format!(", {text} AS v{index}")).collect();
        let rows = format!("SELECT {}.rowid AS r, 0 AS a{} FROM {from} WHERE {filter}", target.table, texts.concat());
        let columns: Vec<usize> = values.iter().map(|(column, _)| *column).collect();
        let count = columns.len();
        Ok(target.change(rows, vec![ChangeAction { kind: ChangeKind::Update, columns }], count, self.tables.clone()))
    }

    pub(super) fn delete(
        &mut self,
        path: &Path,
        alias: Option<&Name>,
        filter: &Expression,
    ) -> Result<Change, QueryError> {
        let target = self.target(path, alias)?;
        let (filter, _) = self.condition(filter, Clause::Where)?;
        let rows = format!("SELECT {}.rowid AS r, 0 AS a FROM {} WHERE {filter}", target.table, target.text);
        Ok(target.change(
            rows,
            vec![ChangeAction { kind: ChangeKind::Delete, columns: Vec::new() }],
            0,
            self.tables.clone(),
        ))
    }

    pub(super) fn truncate(&mut self, path: &Path) -> Result<Change, QueryError> {
        let target = self.target(path, None)?;
        let rows = format!("SELECT {}.rowid AS r, 0 AS a FROM {}", target.table, target.text);
        Ok(target.change(
            rows,
            vec![ChangeAction { kind: ChangeKind::Delete, columns: Vec::new() }],
            0,
            self.tables.clone(),
        ))
    }

    /// `SET a = 1, s.f = 2`: whole columns; a struct of which fields are set is made anew.
    pub(super) fn assignments(
        &mut self,
        target: &Target,
        assignments: &[(Path, Option<Expression>)],
    ) -> Result<Values, QueryError> {
        let mut values: Values = Vec::new();
        let mut seen: Vec<String> = Vec::new();
        for (path, value) in assignments {
            let names = strip_alias(self, target, &path.parts);
            let text = names.iter().map(|name| name.text.to_lowercase()).collect::<Vec<_>>().join(".");
            let overlaps = |other: &String| {
                *other == text || other.starts_with(&format!("{text}.")) || text.starts_with(&format!("{other}."))
            };
            if seen.iter().any(overlaps) {
                return Err(
                    QueryError::invalid_query(format!("Update item {text} assigned more than once")).at(path.at)
                );
            }
            seen.push(text);
            let Some((first, fields)) = names.split_first() else { continue };
            let (column, field) = column(&target.source.fields, first, target)?;
            let Some(value) = value else {
                return Err(QueryError::invalid_query("DEFAULT in UPDATE is not supported").at(path.at));
            };
            let typed = self.in_clause(Clause::Statement, |analyzer| analyzer.expression(value))?;
            let before = values.iter().position(|(known, _)| *known == column);
            let base = before
                .and_then(|index| values.get(index))
                .map_or_else(|| format!("{}.c{column}", target.table), |(_, sql)| sql.clone());
            let sql = assigned(&base, &field.kind, fields, &typed, &path.parts)?;
            match before {
                Some(index) => values.iter_mut().skip(index).take(1).for_each(|slot| slot.1.clone_from(&sql)),
                None => values.push((column, sql)),
            }
        }
        Ok(values)
    }
}

/// `t.a` with the table's own alias in front is `a`.
fn strip_alias<'p>(analyzer: &Analyzer<'_>, target: &Target, parts: &'p [Name]) -> &'p [Name] {
    let alias = analyzer.scopes.last().and_then(|scope| scope.bounds.first()).and_then(|bound| bound.alias.clone());
    match parts {
        [first, rest @ ..]
            if !rest.is_empty()
                && alias.is_some_and(|alias| alias.eq_ignore_ascii_case(&first.text))
                && !target.source.fields.iter().any(|field| field.name.eq_ignore_ascii_case(&first.text)) =>
        {
            rest
        }
        parts => parts,
    }
}

pub(super) fn column<'f>(fields: &'f [Field], name: &Name, target: &Target) -> Result<(usize, &'f Field), QueryError> {
    fields.iter().enumerate().find(|(_, field)| field.name.eq_ignore_ascii_case(&name.text)).ok_or_else(|| {
        QueryError::invalid_query(format!("Column {} is not present in table {}", name.text, target.path.join(".")))
            .at(name.at)
    })
}

/// The column's new value when the field at the end of `fields` gets the value.
fn assigned(base: &str, kind: &Type, fields: &[Name], value: &Typed, path: &[Name]) -> Result<String, QueryError> {
    let Some((first, rest)) = fields.split_first() else {
        if assignable(value, kind) {
            return coerced(value, kind);
        }
        let name: Vec<&str> = path.iter().map(|part| part.text.as_str()).collect();
        let message = format!(
            "Value of type {} cannot be assigned to {}, which has type {}",
            type_name(value.kind.as_ref()),
            name.join("."),
            kind.name()
        );
        return Err(QueryError::invalid_query(message).at(value.at));
    };
    let Type::Struct(known) = kind else {
        return Err(QueryError::invalid_query(format!(
            "Cannot access field {} on a value with type {}",
            first.text,
            kind.name()
        ))
        .at(first.at));
    };
    if !known.iter().any(|(name, _)| name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&first.text))) {
        return Err(QueryError::invalid_query(format!("Field name {} does not exist in {}", first.text, kind.name()))
            .at(first.at));
    }
    let mut values = Vec::with_capacity(known.len());
    for (index, (name, kind)) in known.iter().enumerate() {
        let field = function::field_sql(kind, index, base);
        let set = name.as_ref().is_some_and(|name| name.eq_ignore_ascii_case(&first.text));
        values.push(if set { assigned(&field, kind, rest, value, path)? } else { field });
    }
    Ok(function::struct_sql(known, &values))
}
