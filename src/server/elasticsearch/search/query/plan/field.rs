//! Terms and ranges on one field, by its kind.

use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use jiff::tz::TimeZone;
use tantivy::query::Query as Plan;

use super::super::leaf::{ColumnTest, Constant, NumberLeaf, ScoredBoolean, ScoredField, ScoredTerm, TermScan, TermSet};
use super::super::options::Scalar;
use super::super::range::{Limit, RangeQuery};
use super::{Planner, any_of, constant, none, shard_exception};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::{DateFormat, FieldKind, FieldMapping};
use crate::server::elasticsearch::search::values::{date_format, narrowed};
use crate::server::elasticsearch::search::{date_math, fault::number_format};

/// A number as a query gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    fn read(value: &Scalar) -> Result<Number, Exception> {
        match value {
            Scalar::Int(value) => Ok(Self::Int(*value)),
            Scalar::Float { value, .. } => Ok(Self::Float(*value)),
            Scalar::Bool(value) => Err(number_format(&value.to_string())),
            Scalar::Text(text) => match text.trim().parse::<i64>() {
                Ok(value) => Ok(Self::Int(value)),
                Err(_) => match text.trim().parse::<f64>() {
                    Ok(value) if value.is_finite() => Ok(Self::Float(value)),
                    _ => Err(number_format(text)),
                },
            },
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a double is what the field holds")]
    fn to_f64(self) -> f64 {
        match self {
            Self::Int(value) => value as f64,
            Self::Float(value) => value,
        }
    }

    /// The whole number it is, if it is one.
    fn whole(self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(value),
            Self::Float(value) => whole(value),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "whole, and within the range of i64")]
fn whole(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
}

impl Planner<'_> {
    fn refuse(&self, cause: Exception) -> Exception {
        shard_exception(self.shard, cause)
    }

    fn numbers(&self, field: &FieldMapping, test: ColumnTest) -> Box<dyn Plan> {
        Box::new(Constant(NumberLeaf { path: field.path.clone(), test }))
    }

    pub(super) fn term_on(
        &self,
        field: &FieldMapping,
        value: &Scalar,
        case_insensitive: bool,
    ) -> Result<Box<dyn Plan>, Exception> {
        let fields = self.shard.fields;
        let path = &field.path;
        match field.kind {
            FieldKind::Ip => self.ip_terms(field, std::slice::from_ref(value)),
            FieldKind::Keyword | FieldKind::Text if case_insensitive => {
                let wanted = value.to_text().to_lowercase();
                let scan = TermScan::with_prefix(self.path_term(field), String::new(), move |term| {
                    term.to_lowercase() == wanted
                });
                Ok(Box::new(Constant(scan)))
            }
            FieldKind::Keyword => {
                let term = fields.keyword_term(path, &value.to_text());
                Ok(Box::new(ScoredTerm { field: ScoredField::Keyword(path.clone()), term, fields }))
            }
            FieldKind::Text => {
                let term = fields.text_term(path, &value.to_text());
                Ok(Box::new(ScoredTerm { field: ScoredField::Text(path.clone()), term, fields }))
            }
            FieldKind::Boolean => {
                let value = self.boolean_value(value)?;
                Ok(Box::new(ScoredBoolean { path: path.clone(), value }))
            }
            FieldKind::Date | FieldKind::DateNanos => {
                let limit = Limit { value: value.clone(), inclusive: true };
                let range = RangeQuery {
                    field: path.clone(),
                    lower: Some(limit.clone()),
                    upper: Some(limit),
                    format: None,
                    time_zone: None,
                };
                self.date_range(field, &range).map_err(|cause| self.refuse(cause))
            }
            FieldKind::Alias => Ok(none()),
            _ => self.number_terms(field, std::slice::from_ref(value)),
        }
    }

    /// Any of these values, score 1.
    pub(super) fn terms_on(&self, field: &FieldMapping, values: &[Scalar]) -> Result<Box<dyn Plan>, Exception> {
        let fields = &self.shard.fields;
        match field.kind {
            FieldKind::Ip => self.ip_terms(field, values),
            FieldKind::Keyword => {
                let terms = values.iter().map(|value| fields.keyword_term(&field.path, &value.to_text()));
                Ok(Box::new(Constant(TermSet { field: fields.kw, terms: Arc::new(terms.collect()) })))
            }
            FieldKind::Text => {
                let terms = values.iter().map(|value| fields.text_term(&field.path, &value.to_text()));
                Ok(Box::new(Constant(TermSet { field: fields.txt, terms: Arc::new(terms.collect()) })))
            }
            FieldKind::Boolean | FieldKind::Date | FieldKind::DateNanos => {
                let plans: Result<Vec<_>, _> = values.iter().map(|value| self.term_on(field, value, false)).collect();
                Ok(constant(any_of(plans?), 1.0))
            }
            FieldKind::Alias => Ok(none()),
            _ => self.number_terms(field, values),
        }
    }

    fn number_terms(&self, field: &FieldMapping, values: &[Scalar]) -> Result<Box<dyn Plan>, Exception> {
        let mut numbers = Vec::with_capacity(values.len());
        for value in values {
            numbers.push(Number::read(value).map_err(|cause| self.refuse(cause))?);
        }
        if field.kind.is_integral() {
            let mut set: Vec<i64> = numbers.into_iter().filter_map(Number::whole).collect();
            set.sort_unstable();
            set.dedup();
            return Ok(match set.as_slice() {
                [] => none(),
                [one] => self.numbers(field, ColumnTest::Integers { low: *one, high: *one }),
                _ => self.numbers(field, ColumnTest::IntegerSet(set)),
            });
        }
        let mut set: Vec<f64> =
            numbers.into_iter().map(|number| narrowed(field, number.to_f64())).filter(|n| n.is_finite()).collect();
        set.sort_by(f64::total_cmp);
        Ok(match set.as_slice() {
            [] => none(),
            [one] => self.numbers(field, ColumnTest::Floats { low: *one, high: *one }),
            _ => self.numbers(field, ColumnTest::FloatSet(set)),
        })
    }

    fn boolean_value(&self, value: &Scalar) -> Result<bool, Exception> {
        match value.to_text().as_str() {
            "true" => Ok(true),
            "false" | "" => Ok(false),
            other => Err(self.refuse(Exception::new(
                "illegal_argument_exception",
                format!("Can't parse boolean value [{other}], expected [true] or [false]"),
            ))),
        }
    }

    /// The term of a field's path with an empty text.
    pub(super) fn path_term(&self, field: &FieldMapping) -> tantivy::Term {
        match field.kind {
            FieldKind::Text => self.shard.fields.text_term(&field.path, ""),
            _ => self.shard.fields.keyword_term(&field.path, ""),
        }
    }

    /// Addresses and networks (`10.0.0.0/8`).
    fn ip_terms(&self, field: &FieldMapping, values: &[Scalar]) -> Result<Box<dyn Plan>, Exception> {
        let mut networks = Vec::new();
        for value in values {
            let text = value.to_text();
            let network = network(&text).ok_or_else(|| {
                let reason = format!("'{text}' is not an IP string literal.");
                self.refuse(Exception::new("illegal_argument_exception", reason))
            })?;
            networks.push(network);
        }
        Ok(self.ip_scan(field, move |address| networks.iter().any(|(low, high)| (low..=high).contains(&&address))))
    }

    fn ip_scan(&self, field: &FieldMapping, test: impl Fn(u128) -> bool + Send + Sync + 'static) -> Box<dyn Plan> {
        let scan = TermScan::with_prefix(self.path_term(field), String::new(), move |term| {
            term.parse::<IpAddr>().is_ok_and(|address| test(ip_number(address)))
        });
        Box::new(Constant(scan))
    }

    pub(super) fn range(&self, range: &RangeQuery) -> Result<Box<dyn Plan>, Exception> {
        let Some(field) = self.field(&range.field) else { return Ok(none()) };
        match field.kind {
            FieldKind::Date | FieldKind::DateNanos => self.date_range(field, range),
            FieldKind::Keyword | FieldKind::Text => Ok(self.text_range(field, range)),
            FieldKind::Ip => self.ip_range(field, range),
            FieldKind::Boolean => self.boolean_range(field, range),
            FieldKind::Alias => Ok(none()),
            kind if kind.is_floating() => self.float_range(field, range),
            _ => self.integer_range(field, range),
        }
    }

    fn integer_range(&self, field: &FieldMapping, range: &RangeQuery) -> Result<Box<dyn Plan>, Exception> {
        let read = |limit: &Limit| {
            let number = Number::read(&limit.value).map_err(|cause| self.refuse(cause))?;
            check_width(field.kind, number, &limit.value).map_err(|cause| self.refuse(cause))?;
            Ok::<_, Exception>(number)
        };
        let low = match &range.lower {
            None => Some(i64::MIN),
            Some(limit) => integer_low(read(limit)?, limit.inclusive),
        };
        let high = match &range.upper {
            None => Some(i64::MAX),
            Some(limit) => integer_high(read(limit)?, limit.inclusive),
        };
        Ok(match (low, high) {
            (Some(low), Some(high)) => self.numbers(field, ColumnTest::Integers { low, high }),
            _ => none(),
        })
    }

    fn float_range(&self, field: &FieldMapping, range: &RangeQuery) -> Result<Box<dyn Plan>, Exception> {
        let read = |limit: &Limit| -> Result<f64, Exception> {
            Ok(narrowed(field, Number::read(&limit.value).map_err(|cause| self.refuse(cause))?.to_f64()))
        };
        let low = match &range.lower {
            None => f64::NEG_INFINITY,
            Some(limit) if limit.inclusive => read(limit)?,
            Some(limit) => read(limit)?.next_up(),
        };
        let high = match &range.upper {
            None => f64::INFINITY,
            Some(limit) if limit.inclusive => read(limit)?,
            Some(limit) => read(limit)?.next_down(),
        };
        Ok(self.numbers(field, ColumnTest::Floats { low, high }))
    }

    fn boolean_range(&self, field: &FieldMapping, range: &RangeQuery) -> Result<Box<dyn Plan>, Exception> {
        let read = |limit: &Limit| self.boolean_value(&limit.value).map(i64::from);
        let low = match &range.lower {
            None => 0,
            Some(limit) => read(limit)? + i64::from(!limit.inclusive),
        };
        let high = match &range.upper {
            None => 1,
            Some(limit) => read(limit)? - i64::from(!limit.inclusive),
        };
        Ok(self.numbers(field, ColumnTest::Integers { low, high }))
    }

    fn text_range(&self, field: &FieldMapping, range: &RangeQuery) -> Box<dyn Plan> {
        let bound = |limit: &Option<Limit>| match limit {
            None => Bound::Unbounded,
            Some(Limit { value, inclusive: true }) => Bound::Included(value.to_text()),
            Some(Limit { value, inclusive: false }) => Bound::Excluded(value.to_text()),
        };
        let (lower, upper) = (bound(&range.lower), bound(&range.upper));
        Box::new(Constant(TermScan { path: self.path_term(field), lower, upper, test: Arc::new(|_| true) }))
    }

    fn ip_range(&self, field: &FieldMapping, range: &RangeQuery) -> Result<Box<dyn Plan>, Exception> {
        let read = |limit: &Limit| -> Result<u128, Exception> {
            let text = limit.value.to_text();
            text.parse::<IpAddr>().map(ip_number).map_err(|_| {
                let reason = format!("'{text}' is not an IP string literal.");
                self.refuse(Exception::new("illegal_argument_exception", reason))
            })
        };
        let low = match &range.lower {
            None => Some(0),
            Some(limit) if limit.inclusive => Some(read(limit)?),
            Some(limit) => read(limit)?.checked_add(1),
        };
        let high = match &range.upper {
            None => Some(u128::MAX),
            Some(limit) if limit.inclusive => Some(read(limit)?),
            Some(limit) => read(limit)?.checked_sub(1),
        };
        Ok(match (low, high) {
            (Some(low), Some(high)) => self.ip_scan(field, move |address| (low..=high).contains(&address)),
            _ => none(),
        })
    }

    fn date_range(&self, field: &FieldMapping, range: &RangeQuery) -> Result<Box<dyn Plan>, Exception> {
        let format = range.format.clone().unwrap_or_else(|| date_format(field));
        let forced = range.format.is_some();
        let zone = range.time_zone.clone().unwrap_or(TimeZone::UTC);
        let read = |limit: &Limit, up: bool| self.date(&limit.value, &format, forced, up, &zone);
        // Whole milliseconds, both ends included.
        let low = match &range.lower {
            None => Some(i64::MIN),
            Some(limit) if limit.inclusive => Some(read(limit, false)?),
            Some(limit) => read(limit, true)?.checked_add(1),
        };
        let high = match &range.upper {
            None => Some(i64::MAX),
            Some(limit) if limit.inclusive => Some(read(limit, true)?),
            Some(limit) => read(limit, false)?.checked_sub(1),
        };
        let (Some(low), Some(high)) = (low, high) else { return Ok(none()) };
        if field.kind == FieldKind::DateNanos {
            let low = low.saturating_mul(1_000_000);
            let high = high.saturating_mul(1_000_000).saturating_add(999_999);
            return Ok(self.numbers(field, ColumnTest::Integers { low, high }));
        }
        Ok(self.numbers(field, ColumnTest::Integers { low, high }))
    }

    /// A JSON number is milliseconds whatever the mapping's format; only a format of the query reads it as text.
    fn date(
        &self,
        value: &Scalar,
        format: &DateFormat,
        forced: bool,
        round_up: bool,
        zone: &TimeZone,
    ) -> Result<i64, Exception> {
        match value {
            Scalar::Int(millis) if !forced => Ok(*millis),
            Scalar::Float { value, .. } if !forced => {
                Ok(whole(value.trunc()).unwrap_or(if *value < 0.0 { i64::MIN } else { i64::MAX }))
            }
            other => date_math::parse(&other.to_text(), format, round_up, zone, self.clock),
        }
    }
}

/// A bound must be a value that the field's type can hold.
fn check_width(kind: FieldKind, number: Number, value: &Scalar) -> Result<(), Exception> {
    let (bound, name) = match kind {
        FieldKind::Integer => (2_147_483_648.0, "an integer"),
        FieldKind::Short => (32_768.0, "a short"),
        FieldKind::Byte => (128.0, "a byte"),
        _ => return Ok(()),
    };
    if (-bound..bound).contains(&number.to_f64()) {
        return Ok(());
    }
    let reason = format!("Value [{}] is out of range for {name}", value.to_text());
    Err(Exception::new("illegal_argument_exception", reason))
}

/// The least whole number the limit lets in.
fn integer_low(number: Number, inclusive: bool) -> Option<i64> {
    match number {
        Number::Int(value) if inclusive => Some(value),
        Number::Int(value) => value.checked_add(1),
        Number::Float(value) => match whole(value) {
            Some(value) if inclusive => Some(value),
            Some(value) => value.checked_add(1),
            None if value.is_sign_negative() && value < -1e18 => Some(i64::MIN),
            None => whole(value.ceil()),
        },
    }
}

/// The greatest whole number the limit lets in.
fn integer_high(number: Number, inclusive: bool) -> Option<i64> {
    match number {
        Number::Int(value) if inclusive => Some(value),
        Number::Int(value) => value.checked_sub(1),
        Number::Float(value) => match whole(value) {
            Some(value) if inclusive => Some(value),
            Some(value) => value.checked_sub(1),
            None if value > 1e18 => Some(i64::MAX),
            None => whole(value.floor()),
        },
    }
}

fn ip_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    }
}

/// First and last address of a network; an address alone is a network of one.
fn network(text: &str) -> Option<(u128, u128)> {
    let Some((address, bits)) = text.split_once('/') else {
        let address = ip_number(text.parse().ok()?);
        return Some((address, address));
    };
    let address: IpAddr = address.parse().ok()?;
    let bits: u32 = bits.parse().ok()?;
    let (width, shift) = if address.is_ipv4() { (32, 96) } else { (128, 0) };
    if bits > width {
        return None;
    }
    let host = u128::MAX.checked_shr(bits + shift).unwrap_or(0);
    let address = ip_number(address);
    Some((address & !host, address | host))
}
