//! From the tree to a plan: what each field is decides which tantivy query stands for a clause.

mod field;
mod text;

pub(crate) use self::text::matching_fields;

use std::sync::Arc;

use tantivy::Term;
use tantivy::query::{
    AllQuery, BooleanQuery, BoostQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, Occur, Query as Plan,
};

use super::boolean::BoolQuery;
use super::compound::NestedQuery;
use super::leaf::{BoostingLeaf, Constant, HasColumn, TermSet};
use super::options::Scalar;
use super::pattern::PatternQuery;
use super::term::{TERMS_MAX, TermQuery, TermsQuery};
use super::{Query, QueryKind, query_string};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::{FieldKind, FieldMapping, ObjectKind};
use crate::server::elasticsearch::search::Clock;
use crate::server::elasticsearch::search::fault::number_format;
use crate::server::elasticsearch::search::wildcard::name_matches;
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// Clauses of one boolean query: `indices.query.bool.max_clause_count`.
const CLAUSES_MAX: usize = 4096;

/// Plans a query over one index. `clock` is what `now` means.
///
/// # Errors
/// The exception of a shard that refuses the query: text for a number, a bad date, a wrong kind of field.
pub(crate) fn plan(query: &Query, shard: &IndexSnapshot, clock: Clock) -> Result<Box<dyn Plan>, Exception> {
    Planner { shard, clock }.query(query)
}

/// `failed to create query: ..`: what a shard makes of an exception below it.
pub(crate) fn shard_exception(shard: &IndexSnapshot, cause: Exception) -> Exception {
    let reason = format!("failed to create query: {}", cause.reason);
    own_exception(shard, reason).caused_by(cause)
}

/// `query_shard_exception` with the index it comes from.
pub(crate) fn own_exception(shard: &IndexSnapshot, reason: String) -> Exception {
    Exception::new("query_shard_exception", reason)
        .with("index_uuid", shard.uuid.as_ref())
        .with("index", shard.index.as_ref())
}

/// Documents of a plan that a filter lets through, with the plan's scores.
pub(crate) fn filtered(plan: Box<dyn Plan>, filter: Box<dyn Plan>) -> Box<dyn Plan> {
    let clauses = vec![(Occur::Must, plan), (Occur::Must, constant(filter, 0.0))];
    Box::new(BooleanQuery::with_minimum_required_clauses(clauses, 0))
}

struct Planner<'a> {
    shard: &'a IndexSnapshot,
    clock: Clock,
}

fn none() -> Box<dyn Plan> {
    Box::new(EmptyQuery)
}

fn all() -> Box<dyn Plan> {
    Box::new(AllQuery)
}

fn constant(plan: Box<dyn Plan>, score: f32) -> Box<dyn Plan> {
    Box::new(ConstScoreQuery::new(plan, score))
}

impl Planner<'_> {
    fn query(&self, query: &Query) -> Result<Box<dyn Plan>, Exception> {
        let plan = self.kind(&query.kind)?;
        #[expect(clippy::float_cmp, reason = "exactly the boost that changes nothing")]
        let unboosted = query.boost == 1.0;
        Ok(if unboosted { plan } else { Box::new(BoostQuery::new(plan, query.boost)) })
    }

    fn kind(&self, kind: &QueryKind) -> Result<Box<dyn Plan>, Exception> {
        match kind {
            QueryKind::MatchAll => Ok(all()),
            QueryKind::MatchNone => Ok(none()),
            QueryKind::Term(term) => self.term(term),
            QueryKind::Terms(terms) => self.terms(terms),
            QueryKind::Ids(ids) => Ok(self.ids(ids.iter().map(String::as_str))),
            QueryKind::Match(query) => self.match_field(&query.field, &query.value, &query.options),
            QueryKind::MultiMatch(query) => self.multi_match(query),
            QueryKind::Range(range) => self.range(range),
            QueryKind::Bool(query) => self.boolean(query),
            QueryKind::ConstantScore(inner) => Ok(constant(self.query(inner)?, 1.0)),
            QueryKind::Boosting(query) => Ok(Box::new(BoostingLeaf {
                positive: self.query(&query.positive)?,
                negative: self.query(&query.negative)?,
                factor: query.negative_boost,
            })),
            QueryKind::DisMax(query) => {
                let plans = query.queries.iter().map(|inner| self.query(inner)).collect::<Result<_, _>>()?;
                Ok(Box::new(DisjunctionMaxQuery::with_tie_breaker(plans, query.tie_breaker)))
            }
            QueryKind::Nested(query) => self.nested(query),
            QueryKind::Lenient(inner) => Ok(self.query(inner).unwrap_or_else(|_| none())),
            QueryKind::Exists(field) => Ok(self.exists(field)),
            QueryKind::Pattern(query) => self.pattern(query),
            QueryKind::QueryString(query) => self.query(&query_string::expand(query, self.shard)?),
            QueryKind::SimpleQueryString(query) => self.query(&query_string::expand_simple(query, self.shard)),
        }
    }

    /// A field that can be searched: `index: false` leaves only what a column answers.
    fn field(&self, path: &str) -> Option<&FieldMapping> {
        self.shard.mapping.field(path)
    }

    fn boolean(&self, query: &BoolQuery) -> Result<Box<dyn Plan>, Exception> {
        let required = query.must.len() + query.filter.len();
        let clauses = required + query.should.len() + query.must_not.len();
        if clauses > CLAUSES_MAX {
            return Err(too_many_clauses(self.shard));
        }
        if clauses == 0 {
            return Ok(all());
        }
        let mut plans = Vec::with_capacity(clauses + 1);
        for clause in &query.must {
            plans.push((Occur::Must, self.query(clause)?));
        }
        for clause in &query.filter {
            plans.push((Occur::Must, constant(self.query(clause)?, 0.0)));
        }
        for clause in &query.should {
            plans.push((Occur::Should, self.query(clause)?));
        }
        for clause in &query.must_not {
            plans.push((Occur::MustNot, self.query(clause)?));
        }
        let optional = query.should.len();
        let mut minimum = match &query.minimum_should_match {
            Some(minimum) => minimum.of(optional).map_err(|bad| shard_exception(self.shard, number_format(&bad)))?,
            None => 0,
        };
        if required == 0 && optional > 0 {
            minimum = minimum.max(1);
        }
        if minimum > optional {
            return Ok(none());
        }
        if required == 0 && optional == 0 {
            if !query.adjust_pure_negative {
                return Ok(none());
            }
            plans.push((Occur::Must, constant(all(), 0.0)));
        }
        if let [(Occur::Must | Occur::Should, _)] = plans.as_slice() {
            return Ok(plans.pop().map_or_else(none, |(_, plan)| plan));
        }
        Ok(Box::new(BooleanQuery::with_minimum_required_clauses(plans, minimum)))
    }

    fn ids<'i>(&self, ids: impl Iterator<Item = &'i str>) -> Box<dyn Plan> {
        let fields = &self.shard.fields;
        let terms = Arc::new(ids.map(|id| fields.id_term(id)).collect());
        Box::new(Constant(TermSet { field: fields.id, terms }))
    }

    fn term(&self, query: &TermQuery) -> Result<Box<dyn Plan>, Exception> {
        if let Some(plan) = self.metadata(&query.field, &mut std::iter::once(&query.value)) {
            return Ok(plan);
        }
        let Some(field) = self.field(&query.field) else { return Ok(none()) };
        self.term_on(field, &query.value, query.case_insensitive)
    }

    fn terms(&self, query: &TermsQuery) -> Result<Box<dyn Plan>, Exception> {
        if query.values.len() > TERMS_MAX {
            let reason = format!(
                "The number of terms [{}] used in the Terms Query request has exceeded the allowed maximum of \
                 [{TERMS_MAX}]. This maximum can be set by changing the [index.max_terms_count] index level setting.",
                query.values.len()
            );
            return Err(Exception::new("illegal_argument_exception", reason));
        }
        if let Some(plan) = self.metadata(&query.field, &mut query.values.iter()) {
            return Ok(constant(plan, 1.0));
        }
        let Some(field) = self.field(&query.field) else { return Ok(none()) };
        self.terms_on(field, &query.values)
    }

    /// Fields that no mapping lists.
    fn metadata(&self, field: &str, values: &mut dyn Iterator<Item = &Scalar>) -> Option<Box<dyn Plan>> {
        let fields = &self.shard.fields;
        let texts: Vec<String> = values.map(Scalar::to_text).collect();
        let term_field = match field {
            "_index" => {
                let here = texts.iter().any(|pattern| name_matches(pattern, &self.shard.index));
                return Some(if here { all() } else { none() });
            }
            "_id" => return Some(self.ids(texts.iter().map(String::as_str))),
            "_routing" => fields.routing,
            "_ignored" => fields.ignored,
            _ => return None,
        };
        let terms = Arc::new(texts.iter().map(|text| Term::from_field_text(term_field, text)).collect());
        Some(Box::new(Constant(TermSet { field: term_field, terms })))
    }

    /// A field, a pattern of fields, or an object: any of its fields.
    fn exists(&self, name: &str) -> Box<dyn Plan> {
        if matches!(name, "_id" | "_index" | "_source" | "_seq_no" | "_version") {
            return all();
        }
        let inside = format!("{name}.");
        let plans: Vec<Box<dyn Plan>> = self
            .shard
            .mapping
            .fields()
            .filter(|field| name_matches(name, &field.path) || field.path.starts_with(&inside))
            .filter_map(|field| self.field(&field.path))
            .map(|field| self.exists_on(field))
            .collect();
        constant(any_of(plans), 1.0)
    }

    fn exists_on(&self, field: &FieldMapping) -> Box<dyn Plan> {
        let path = field.path.clone();
        if field.kind == FieldKind::Text {
            let fields = &self.shard.fields;
            let terms = Arc::new(vec![Term::from_field_text(fields.field_names, &path)]);
            return Box::new(Constant(TermSet { field: fields.field_names, terms }));
        }
        Box::new(Constant(HasColumn { path, keyword: field.kind.is_keyword() }))
    }

    fn pattern(&self, query: &PatternQuery) -> Result<Box<dyn Plan>, Exception> {
        if query.field == "_index" {
            let matches = text::pattern_test(&query.pattern, query.case_insensitive)
                .map_err(|cause| shard_exception(self.shard, cause))?;
            return Ok(if matches(&self.shard.index) { all() } else { none() });
        }
        let Some(field) = self.field(&query.field) else { return Ok(none()) };
        self.pattern_on(field, query)
    }

    fn nested(&self, query: &NestedQuery) -> Result<Box<dyn Plan>, Exception> {
        match self.shard.mapping.object(&query.path).map(|object| object.kind) {
            None if query.ignore_unmapped => Ok(none()),
            None => Err(own_exception(
                self.shard,
                format!("[nested] failed to find nested object under path [{}]", query.path),
            )),
            Some(ObjectKind::Object) => Err(shard_exception(
                self.shard,
                Exception::new(
                    "illegal_state_exception",
                    format!("[nested] nested object under path [{}] is not of nested type", query.path),
                ),
            )),
            Some(ObjectKind::Nested) => Err(own_exception(
                self.shard,
                format!("[nested] queries on the path [{}] are not served by this node", query.path),
            )),
        }
    }
}

fn too_many_clauses(shard: &IndexSnapshot) -> Exception {
    let cause = Exception::new("too_many_clauses", format!("maxClauseCount is set to {CLAUSES_MAX}"));
    shard_exception(shard, cause)
}

/// Documents that any of these match; scores add up.
fn any_of(mut plans: Vec<Box<dyn Plan>>) -> Box<dyn Plan> {
    match plans.len() {
        0 => none(),
        1 => plans.pop().unwrap_or_else(none),
        _ => {
            let clauses = plans.into_iter().map(|plan| (Occur::Should, plan)).collect();
            Box::new(BooleanQuery::with_minimum_required_clauses(clauses, 1))
        }
    }
}
