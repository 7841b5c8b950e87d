//! A layer's searches, one after the other, without sending any: the caller does.
//!
//! ```text
//! least and greatest value, for each histogram of numbers -> the search -> all other values, for each terms that left
//! some out -> table
//! ```

use serde_json::Value;

use crate::lens::{
    filter::Clauses,
    scope::Scope,
    table::{Cell, Table, TableColumn},
    view::DataView,
};

use super::{
    Layer, LayerError, answer, compute,
    plan::Plan,
    search::{self, Base, Grid, Other},
};

/// What to do next.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Send this body to `POST /<view.index>/_search`, and give the answer to the next [`Run::step`].
    Search(Value),
    Done(Table),
}

/// The searches of one layer for one refresh.
#[derive(Debug)]
pub struct Run {
    layer: Layer,
    plan: Plan,
    base: Base,
    columns: Vec<TableColumn>,
    /// By level.
    grids: Vec<Option<Grid>>,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing was asked yet.
    Start,
    /// Least and greatest value at this level are asked.
    Grid(usize),
    Main,
    /// The values that the terms of `other` left out are asked.
    Other {
        other: Other,
        level: usize,
        aggregations: Value,
        hits: u64,
    },
    Done,
}

impl Run {
    /// `own` are the panel's query and filters; the dashboard's are the scope's, unless the layer ignores them.
    pub fn new(layer: &Layer, view: &DataView, scope: &Scope, own: &Clauses) -> Result<Self, LayerError> {
        let plan = Plan::new(layer, view, scope)?;
        let base = Base::new(layer, &plan, view, scope, own)?;
        let columns = answer::columns(layer, &plan, view);
        let grids = vec![None; plan.buckets.len()];
        Ok(Self { layer: layer.clone(), plan, base, columns, grids, state: State::Start })
    }

    /// The first call takes no answer, each next one that to the search before. An answer that is Elasticsearch's error is
    /// a [`LayerError::Elasticsearch`].
    pub fn step(&mut self, answer: Option<&Value>) -> Result<Step, LayerError> {
        let state = std::mem::replace(&mut self.state, State::Done);
        if let State::Start = state {
            return Ok(self.start());
        }
        let answer = answer.ok_or(LayerError::Answer { what: "hits" })?;
        answer::check(answer)?;
        let found = answer::aggregations(&self.plan, answer);
        match state {
            State::Grid(level) => {
                let grid = self.plan.buckets.get(level).and_then(|bucket| search::grid(&bucket.kind, &found));
                if let Some(place) = self.grids.get_mut(level) {
                    *place = grid;
                }
                Ok(self.grid_or_main(level + 1))
            }
            State::Main => Ok(self.other_or_done(0, found, answer::hits(answer))),
            State::Other { other, level, mut aggregations, hits } => {
                other.join(&self.plan, &mut aggregations, &found);
                Ok(self.other_or_done(level + 1, aggregations, hits))
            }
            State::Start | State::Done => Err(LayerError::Finished),
        }
    }

    /// A layer of nothing but computed columns has its one row without any search; one without columns has none.
    fn start(&mut self) -> Step {
        if !self.plan.is_empty() {
            return self.grid_or_main(0);
        }
        let rows = if self.columns.is_empty() { vec![] } else { vec![vec![Cell::Null; self.columns.len()]] };
        self.done(rows, false)
    }

    fn grid_or_main(&mut self, from: usize) -> Step {
        let open = self.plan.buckets.iter().enumerate().skip(from);
        let mut questions = open.filter_map(|(level, bucket)| Some((level, search::question(&bucket.kind)?)));
        match questions.next() {
            Some((level, question)) => {
                self.state = State::Grid(level);
                Step::Search(self.base.search(question))
            }
            None => {
                self.state = State::Main;
                Step::Search(self.base.search(search::aggregations(&self.plan, &self.grids)))
            }
        }
    }

    fn other_or_done(&mut self, from: usize, aggregations: Value, hits: u64) -> Step {
        for level in from..self.plan.buckets.len() {
            if let Some(other) = Other::new(&self.plan, &self.grids, level, &aggregations) {
                let search = self.base.search(other.aggregations(&self.plan, &self.grids));
                self.state = State::Other { other, level, aggregations, hits };
                return Step::Search(search);
            }
        }
        let rows = answer::rows(&self.plan, aggregations, hits);
        self.done(rows, hits > 0)
    }

    fn done(&mut self, mut rows: Vec<Vec<Cell>>, has_documents: bool) -> Step {
        compute::fill(&self.layer, &self.plan, &mut rows);
        let shown: Vec<bool> = self.layer.columns.iter().map(|column| !column.is_hidden).collect();
        let columns = keep(self.columns.clone(), &shown);
        let rows = rows.into_iter().map(|row| keep(row, &shown)).collect();
        Step::Done(Table { columns, rows, has_documents })
    }
}

fn keep<T>(items: Vec<T>, shown: &[bool]) -> Vec<T> {
    items.into_iter().zip(shown).filter(|(_, is_shown)| **is_shown).map(|(item, _)| item).collect()
}
