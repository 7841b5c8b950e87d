//! `match` and its kin, and `multi_match`: the text of the query goes through the field's analyzer.

use super::options::{
    FieldBody, MinimumMatch, Scalar, boolean, boost, closing, expected_text, float, one_field, text, texts, unsigned,
    unsupported,
};
use super::pattern::{Fuzziness, rewrite};
use super::{Query, QueryKind};
use crate::server::elasticsearch::codec::json::{Json, Member, Source};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::search::fault::Fault;

/// Which tokens a match asks for, and how.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MatchOptions {
    pub(crate) form: MatchForm,
    pub(crate) all_tokens: bool,
    pub(crate) minimum_should_match: Option<MinimumMatch>,
    pub(crate) fuzziness: Option<Fuzziness>,
    pub(crate) prefix_length: usize,
    pub(crate) transpositions: bool,
    pub(crate) max_expansions: usize,
    pub(crate) slop: u32,
    pub(crate) lenient: bool,
    /// What a text without tokens matches: all documents, or none.
    pub(crate) zero_terms_all: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MatchForm {
    Tokens,
    Phrase,
    /// The last token is a prefix.
    PhrasePrefix,
    BoolPrefix,
}

impl MatchForm {
    fn query_name(self) -> &'static str {
        match self {
            Self::Tokens => "match",
            Self::Phrase => "match_phrase",
            Self::PhrasePrefix => "match_phrase_prefix",
            Self::BoolPrefix => "match_bool_prefix",
        }
    }
}

impl MatchOptions {
    pub(crate) fn new(form: MatchForm) -> Self {
        Self {
            form,
            all_tokens: false,
            minimum_should_match: None,
            fuzziness: None,
            prefix_length: 0,
            transpositions: true,
            max_expansions: 50,
            slop: 0,
            lenient: false,
            zero_terms_all: false,
        }
    }

    /// Reads an option that several of these queries know; false where it is none of them.
    fn read_shared(&mut self, option: &Member, src: &Source<'_>) -> Result<bool, Fault> {
        let value = &option.value;
        match option.key.as_str() {
            "analyzer" => analyzer(value, src)?,
            "operator" => self.all_tokens = operator(value, src)?,
            "minimum_should_match" => self.minimum_should_match = Some(MinimumMatch::read(value, src)?),
            "fuzziness" => self.fuzziness = Some(Fuzziness::read(value, src)?),
            "prefix_length" => self.prefix_length = unsigned(value, src)?,
            "max_expansions" => self.max_expansions = unsigned(value, src)?,
            "fuzzy_transpositions" => self.transpositions = boolean(value, src)?,
            "fuzzy_rewrite" => rewrite(value, src)?,
            "lenient" => self.lenient = boolean(value, src)?,
            "zero_terms_query" => self.zero_terms_all = zero_terms(value, src)?,
            "auto_generate_synonyms_phrase_query" => {
                boolean(value, src)?;
            }
            "slop" => {
                let slop = super::options::int(value, src)?;
                self.slop =
                    u32::try_from(slop).map_err(|_| Fault::illegal(value.span.start, "No negative slop allowed."))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }
}

/// One field asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MatchQuery {
    pub(crate) field: String,
    pub(crate) value: Scalar,
    pub(crate) options: MatchOptions,
}

/// Several fields asked.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct MultiMatchQuery {
    pub(crate) value: Scalar,
    /// Names or wildcards, each with its boost; none means every field.
    pub(crate) fields: Vec<(String, f32)>,
    pub(crate) combination: Combination,
    pub(crate) tie_breaker: Option<f32>,
    pub(crate) options: MatchOptions,
}

/// How the scores of several fields become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Combination {
    Best,
    Most,
}

pub(crate) fn parse_match(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    parse(body, src, MatchForm::Tokens)
}

pub(crate) fn parse_phrase(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    parse(body, src, MatchForm::Phrase)
}

pub(crate) fn parse_phrase_prefix(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    parse(body, src, MatchForm::PhrasePrefix)
}

pub(crate) fn parse_bool_prefix(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    parse(body, src, MatchForm::BoolPrefix)
}

fn parse(body: &Json, src: &Source<'_>, form: MatchForm) -> Result<Query, Fault> {
    let name = form.query_name();
    let mut query = Query::new(QueryKind::MatchNone);
    let mut options = MatchOptions::new(form);
    let no_text = |at: usize| Fault::parsing(src, at, "No text specified for text query");
    let Some((field, under, _)) = one_field(body, name, src)? else { return Err(no_text(closing(body))) };
    let mut value = None;
    match under {
        FieldBody::Short(json) => {
            value = Some(Scalar::read(json, src).ok_or_else(|| expected_text(json, src))?);
        }
        FieldBody::Options(members) => {
            for option in members {
                match option.key.as_str() {
                    "query" => {
                        value =
                            Some(Scalar::read(&option.value, src).ok_or_else(|| expected_text(&option.value, src))?);
                    }
                    "boost" => query.boost = boost(&option.value, src)?,
                    "_name" => query.name = Some(text(&option.value, src)?),
                    key if serves(form, key) && options.read_shared(option, src)? => {}
                    _ => return Err(unsupported(src, name, option)),
                }
            }
        }
    }
    let value = value.ok_or_else(|| no_text(closing(body)))?;
    query.kind = QueryKind::Match(Box::new(MatchQuery { field: field.to_owned(), value, options }));
    Ok(query)
}

/// Which options which form knows.
fn serves(form: MatchForm, option: &str) -> bool {
    match option {
        "analyzer" => true,
        "slop" => matches!(form, MatchForm::Phrase | MatchForm::PhrasePrefix),
        "zero_terms_query" => form != MatchForm::BoolPrefix,
        "max_expansions" => form != MatchForm::Phrase,
        "lenient" | "auto_generate_synonyms_phrase_query" => form == MatchForm::Tokens,
        _ => matches!(form, MatchForm::Tokens | MatchForm::BoolPrefix),
    }
}

pub(crate) fn parse_multi(body: &Json, src: &Source<'_>) -> Result<Query, Fault> {
    let mut query = Query::new(QueryKind::MatchNone);
    let (mut value, mut fields, mut kind, mut tie_breaker) = (None, Vec::new(), Kind::BestFields, None);
    let mut options = MatchOptions::new(MatchForm::Tokens);
    for option in body.as_object().unwrap_or_default() {
        match option.key.as_str() {
            "query" => value = Scalar::read(&option.value, src),
            "fields" => fields = boosted_fields(&option.value, src)?,
            "type" => kind = Kind::read(&option.value, src)?,
            "tie_breaker" => tie_breaker = Some(float(&option.value, src)?),
            "boost" => query.boost = boost(&option.value, src)?,
            "_name" => query.name = Some(text(&option.value, src)?),
            _ if options.read_shared(option, src)? => {}
            _ => return Err(unsupported(src, "multi_match", option)),
        }
    }
    let Some(value) = value else {
        return Err(Fault::parsing(src, closing(body), "No text specified for multi_match query"));
    };
    options.form = kind.form();
    let combination = kind.combination();
    query.kind = QueryKind::MultiMatch(Box::new(MultiMatchQuery { value, fields, combination, tie_breaker, options }));
    Ok(query)
}

/// `type` of a `multi_match`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    BestFields,
    MostFields,
    Phrase,
    PhrasePrefix,
    BoolPrefix,
}

impl Kind {
    fn read(json: &Json, src: &Source<'_>) -> Result<Kind, Fault> {
        let name = text(json, src)?;
        Ok(match name.as_str() {
            "best_fields" | "boolean" => Self::BestFields,
            "most_fields" => Self::MostFields,
            "phrase" => Self::Phrase,
            "phrase_prefix" => Self::PhrasePrefix,
            "bool_prefix" => Self::BoolPrefix,
            other => {
                let reason = format!("failed to parse [multi_match] query type [{other}]. unknown type.");
                return Err(Fault { at: json.span.start, exception: Exception::new("parse_exception", reason) });
            }
        })
    }

    fn form(self) -> MatchForm {
        match self {
            Self::BestFields | Self::MostFields => MatchForm::Tokens,
            Self::Phrase => MatchForm::Phrase,
            Self::PhrasePrefix => MatchForm::PhrasePrefix,
            Self::BoolPrefix => MatchForm::BoolPrefix,
        }
    }

    fn combination(self) -> Combination {
        match self {
            Self::MostFields | Self::BoolPrefix => Combination::Most,
            Self::BestFields | Self::Phrase | Self::PhrasePrefix => Combination::Best,
        }
    }
}

/// `["title^2","body"]`.
pub(crate) fn boosted_fields(json: &Json, src: &Source<'_>) -> Result<Vec<(String, f32)>, Fault> {
    texts(json, src)?.iter().map(|field| boosted_field(field, json.span.start)).collect()
}

pub(crate) fn boosted_field(field: &str, at: usize) -> Result<(String, f32), Fault> {
    match field.split_once('^') {
        None => Ok((field.to_owned(), 1.0)),
        Some((name, boost)) => {
            let boost = boost.parse().map_err(|_| Fault::number_format(at, boost))?;
            Ok((name.to_owned(), boost))
        }
    }
}

pub(crate) fn operator(json: &Json, src: &Source<'_>) -> Result<bool, Fault> {
    let name = text(json, src)?;
    operator_named(&name).map_err(|exception| Fault { at: json.span.start, exception })
}

/// True for `and`.
pub(crate) fn operator_named(name: &str) -> Result<bool, Exception> {
    match name.to_ascii_uppercase().as_str() {
        "AND" => Ok(true),
        "OR" => Ok(false),
        other => Err(Exception::new(
            "illegal_argument_exception",
            format!("No enum constant org.elasticsearch.index.query.Operator.{other}"),
        )),
    }
}

/// Only the analyzer that every text field has is served.
pub(crate) fn analyzer(json: &Json, src: &Source<'_>) -> Result<(), Fault> {
    let name = text(json, src)?;
    if name == "standard" {
        return Ok(());
    }
    Err(Fault::illegal(json.span.start, format!("analyzer [{name}] not found")))
}

fn zero_terms(json: &Json, src: &Source<'_>) -> Result<bool, Fault> {
    match text(json, src)?.to_ascii_lowercase().as_str() {
        "all" => Ok(true),
        "none" => Ok(false),
        other => Err(Fault::parsing(src, json.span.start, format!("Unsupported zero_terms_query value [{other}]"))),
    }
}
