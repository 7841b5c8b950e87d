//! The buckets of an answer as a tree: a level for each bucket column, the metrics in its leaves.

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::lens::{
    layer::{
        plan::{Bucket, BucketKind, Metric, Plan, Shift},
        search::SPLIT,
    },
    table::Cell,
};

use super::{bucket_end, key, value};

#[derive(Debug, Default)]
pub(super) struct Node<'v> {
    /// Only in leaves: what was found for each of the plan's metrics.
    pub(super) values: Vec<Option<&'v Value>>,
    pub(super) children: Vec<Child<'v>>,
}

#[derive(Debug)]
pub(super) struct Child<'v> {
    pub(super) key: Cell,
    pub(super) node: Node<'v>,
}

pub(super) fn read<'v>(plan: &Plan, root: &'v Value) -> Node<'v> {
    Reader { plan }.level(root, 0, None)
}

struct Reader<'a> {
    plan: &'a Plan,
}

impl Reader<'_> {
    fn level<'v>(&self, bucket: &'v Value, at: usize, shift: Option<&Shift>) -> Node<'v> {
        if self.plan.time.split == Some(at) {
            return self.branches(bucket, at);
        }
        // One shift for all needs no branches: its keys move all the same.
        let is_shifted = self.plan.time.shift_level == Some(at) && shift.is_none();
        let shift = if is_shifted { self.plan.time.shifts.first() } else { shift };
        self.inside(bucket, at, shift)
    }

    /// Branches are joined where their moved keys are the same; each gives the metrics of its own shift.
    fn branches<'v>(&self, bucket: &'v Value, at: usize) -> Node<'v> {
        let found = bucket.get(SPLIT).and_then(|split| split.get("buckets"));
        let mut joined = Node::default();
        for shift in &self.plan.time.shifts {
            if let Some(branch) = found.and_then(|found| found.get(shift.ms.to_string())) {
                let branch = self.inside(branch, at, Some(shift));
                self.join(&mut joined, branch, at);
            }
        }
        joined
    }

    fn inside<'v>(&self, bucket: &'v Value, at: usize, shift: Option<&Shift>) -> Node<'v> {
        let Some(column) = self.plan.buckets.get(at) else {
            let is_asked =
                |shift_ms: i64| self.plan.time.split.is_none() || shift.is_none_or(|shift| shift.ms == shift_ms);
            let metrics = self.plan.metrics.iter();
            let value = |metric: &Metric| {
                if is_asked(metric.shift_ms()) { value::find(metric, bucket) } else { None }
            };
            return Node { values: metrics.map(value).collect(), children: Vec::new() };
        };
        let children = self.buckets(column, bucket.get(&column.name), shift);
        let child = |(key, bucket): (Cell, &'v Value)| {
            let node = match shift {
                Some(shift) => self.inside(bucket, at + 1, Some(shift)),
                None => self.level(bucket, at + 1, None),
            };
            Child { key, node }
        };
        Node { values: Vec::new(), children: children.into_iter().map(child).collect() }
    }

    /// Key and content of each bucket, in the order in which they are shown.
    fn buckets<'v>(&self, column: &Bucket, found: Option<&'v Value>, shift: Option<&Shift>) -> Vec<(Cell, &'v Value)> {
        let buckets = found.and_then(|found| found.get("buckets"));
        let list = || buckets.and_then(Value::as_array).into_iter().flatten();
        let map = || buckets.and_then(Value::as_object);
        match &column.kind {
            BucketKind::Date { .. } => self.dates(column, list(), shift),
            BucketKind::Terms(terms) => {
                list().filter_map(|bucket| Some((key::terms(terms, bucket)?, bucket))).collect()
            }
            BucketKind::Histogram { .. } => {
                list().filter_map(|bucket| Some((Cell::Number(bucket.get("key")?.as_f64()?), bucket))).collect()
            }
            BucketKind::Filters(filters) => {
                let bucket = |label: &String| Some((Cell::Text(label.clone()), map()?.get(label)?));
                filters.iter().filter_map(|(label, _)| bucket(label)).collect()
            }
            BucketKind::Ranges { ranges, .. } => {
                let found: Vec<&Value> = map().into_iter().flat_map(Map::values).collect();
                let bucket = |range| found.iter().find(|bucket| key::is_range(range, bucket)).copied();
                ranges.iter().filter_map(|range| Some((key::range(range), bucket(range)?))).collect()
            }
        }
    }

    fn dates<'v>(
        &self,
        column: &Bucket,
        list: impl Iterator<Item = &'v Value>,
        shift: Option<&Shift>,
    ) -> Vec<(Cell, &'v Value)> {
        let BucketKind::Date { interval, drops_partials, .. } = &column.kind else { return Vec::new() };
        let zone = &self.plan.zone;
        let forward = |start: i64| shift.map_or(start, |shift| shift.forward(start, zone));
        let starts = list.filter_map(|bucket| Some((forward(key::whole(bucket.get("key")?)?), bucket)));
        let mut buckets: Vec<(i64, &Value)> = starts.collect();
        if *drops_partials && buckets.len() > 1 {
            let range = self.plan.range();
            buckets.retain(|(start, _)| *start >= range.from_ms && bucket_end(*start, interval, zone) <= range.to_ms);
        }
        buckets.into_iter().map(|(start, bucket)| (Cell::Date(start), bucket)).collect()
    }

    fn join<'v>(&self, into: &mut Node<'v>, from: Node<'v>, at: usize) {
        if into.values.is_empty() {
            into.values = from.values;
        } else {
            for (known, new) in into.values.iter_mut().zip(from.values) {
                *known = known.take().or(new);
            }
        }
        let names: HashMap<String, usize> =
            into.children.iter().enumerate().map(|(place, child)| (name(&child.key), place)).collect();
        for child in from.children {
            let known = names.get(&name(&child.key)).and_then(|place| into.children.get_mut(*place));
            match known {
                Some(known) => self.join(&mut known.node, child.node, at + 1),
                None => into.children.push(child),
            }
        }
        let kind = self.plan.buckets.get(at).map(|bucket| &bucket.kind);
        if let Some(BucketKind::Date { .. } | BucketKind::Histogram { .. }) = kind {
            let number = |child: &Child<'_>| child.key.number().unwrap_or(f64::NAN);
            into.children.sort_by(|a, b| number(a).total_cmp(&number(b)));
        }
    }
}

fn name(key: &Cell) -> String {
    format!("{key:?}")
}
