//! MERGE.

use super::super::scope::{Analyzer, Clause};
use super::assign::{Target, Values};
use super::insert::{check, insert_columns, wrong_count};
use super::{Change, ChangeAction, ChangeKind};
use crate::server::bigquery::error::QueryError;
use crate::server::bigquery::sql::ast::{Name, Relation};
use crate::server::bigquery::sql::{Merge, MergeAction, MergeClause, MergeWhen};

use super::super::coerce::coerced;
use super::super::scope::{Bound, Typed};

/// A WHEN clause: which rows it takes, and their values.
struct When {
    /// The text of a condition.
    rows: String,
    kind: ChangeKind,
    values: Values,
}

impl Analyzer<'_> {
    pub(super) fn merge(&mut self, merge: &Merge) -> Result<Change, QueryError> {
        let target = self.target(&merge.target, merge.alias.as_ref())?;
        let (source, present) = self.merge_source(&merge.source)?;
        let (condition, _) = self.condition(&merge.condition, Clause::On)?;
        let mut whens = Vec::with_capacity(merge.clauses.len());
        for clause in &merge.clauses {
            whens.push(self.when(clause, &target, &present)?);
        }
        let unmatched = |when: MergeWhen| merge.clauses.iter().any(|clause| clause.when == when);
        let join = match (unmatched(MergeWhen::NotMatchedByTarget), unmatched(MergeWhen::NotMatchedBySource)) {
            (false, false) => "JOIN",
            (true, false) => "RIGHT JOIN",
            (false, true) => "LEFT JOIN",
            (true, true) => "FULL JOIN",
        };
        let from = format!("{} {join} {source} ON {condition}", target.text);
        let width = whens.iter().map(|when| when.values.len()).max().unwrap_or_default();
        let rows = merge_rows(&target, &whens, width, &from);
        let actions = whens
            .into_iter()
            .map(|when| ChangeAction {
                kind: when.kind,
                columns: when.values.into_iter().map(|(column, _)| column).collect(),
            })
            .collect();
        Ok(target.change(rows, actions, width, self.tables.clone()))
    }

    /// The source as one subquery with a mark by which an outer join's missing rows are told.
    fn merge_source(&mut self, relation: &Relation) -> Result<(String, String), QueryError> {
        let known = self.scopes.last().map_or(0, |scope| scope.bounds.len());
        let (text, _) = self.relation(relation)?;
        let table = self.fresh('t');
        let mut items = Vec::new();
        let mut kept = |sql: &mut String| {
            let name = format!("c{}", items.len());
            items.push(format!("{sql} AS {name}"));
            *sql = format!("{table}.{name}");
        };
        if let Some(scope) = self.scope_mut() {
            scope.merged.iter_mut().for_each(|column| kept(&mut column.sql));
            for bound in scope.bounds.iter_mut().skip(known) {
                keep(bound, &mut kept);
            }
        }
        let columns: Vec<String> = std::iter::once("1 AS m".to_owned()).chain(items).collect();
        Ok((format!("(SELECT {} FROM {text}) AS {table}", columns.join(", ")), format!("{table}.m")))
    }

    fn when(&mut self, clause: &MergeClause, target: &Target, present: &str) -> Result<When, QueryError> {
        let rowid = format!("{}.rowid", target.table);
        let mut rows = match clause.when {
            MergeWhen::Matched => format!("{rowid} IS NOT NULL AND {present} IS NOT NULL"),
            MergeWhen::NotMatchedByTarget => format!("{rowid} IS NULL"),
            MergeWhen::NotMatchedBySource => format!("{present} IS NULL"),
        };
        if let Some(condition) = &clause.condition {
            let (sql, _) = self.condition(condition, Clause::Where)?;
            rows.push_str(&format!(" AND {sql}"));
        }
        let (kind, values) = match &clause.action {
            MergeAction::Delete => (ChangeKind::Delete, Vec::new()),
            MergeAction::Update(assignments) => (ChangeKind::Update, self.assignments(target, assignments)?),
            MergeAction::Insert { columns, values } => {
                let columns = insert_columns(target, columns.as_deref())?;
                if columns.len() != values.len() {
                    return Err(wrong_count(values.len(), columns.len(), clause.at));
                }
                let mut texts = Vec::with_capacity(columns.len());
                for (column, value) in columns.into_iter().zip(values).filter(|(_, value)| value.is_some()) {
                    texts.push((column, self.insert_value(value.as_ref(), column, target, clause.at)?));
                }
                (ChangeKind::Insert, texts)
            }
            MergeAction::InsertRow { columns } => {
                (ChangeKind::Insert, self.insert_row(target, columns.as_deref(), clause)?)
            }
        };
        Ok(When { rows, kind, values })
    }

    /// `INSERT ROW`: the source's columns in order.
    fn insert_row(
        &mut self,
        target: &Target,
        names: Option<&[Name]>,
        clause: &MergeClause,
    ) -> Result<Values, QueryError> {
        let columns = insert_columns(target, names)?;
        let bounds = self.scopes.last().map(|scope| scope.bounds.iter().skip(1)).into_iter().flatten();
        let source: Vec<Typed> = bounds
            .flat_map(|bound| &bound.columns)
            .map(|column| Typed::new(column.sql.clone(), column.kind.clone(), clause.at))
            .collect();
        if source.len() != columns.len() {
            return Err(wrong_count(source.len(), columns.len(), clause.at));
        }
        let mut values = Vec::with_capacity(columns.len());
        for (column, typed) in columns.into_iter().zip(source) {
            check(&typed, column, target)?;
            let Some(field) = target.source.fields.get(column) else { continue };
            values.push((column, coerced(&typed, &field.kind)?));
        }
        Ok(values)
    }
}

fn keep(bound: &mut Bound, kept: &mut impl FnMut(&mut String)) {
    for column in &mut bound.columns {
        kept(&mut column.sql);
    }
    if let Some((sql, _)) = &mut bound.value {
        kept(sql);
    }
}

/// For each row the first clause that takes it, and that clause's values.
fn merge_rows(target: &Target, whens: &[When], width: usize, from: &str) -> String {
    let choose = |value: &dyn Fn(usize, &When) -> String| {
        let arms: Vec<String> = whens
            .iter()
            .enumerate()
            .map(|(index, when)| format!(" WHEN {} THEN {}", when.rows, value(index, when)))
            .collect();
        format!("CASE{} END", arms.concat())
    };
    let mut items =
        vec![format!("{}.rowid AS r", target.table), format!("{} AS a", choose(&|index, _| index.to_string()))];
    for value in 0..width {
        let text = choose(&|_, when| when.values.get(value).map_or_else(|| "NULL".to_owned(), |(_, sql)| sql.clone()));
        items.push(format!("{text} AS v{value}"));
    }
    format!("SELECT * FROM (SELECT {} FROM {from}) WHERE a IS NOT NULL", items.join(", "))
}
