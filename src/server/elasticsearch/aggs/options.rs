//! The options of one aggregation as its parser reads them: strict, with Elasticsearch's words and positions for what is wrong.

use crate::server::elasticsearch::codec::json::{Json, JsonValue, Member, Source};
use crate::server::elasticsearch::search::fault::{Fault, did_you_mean};

/// Where a parser stands: the request text and the name of the aggregation it reads.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) src: &'a Source<'a>,
    pub(super) name: &'a str,
}

/// A value that may be text, number or boolean: `missing`, bounds, `after` keys.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
}

impl Scalar {
    pub(super) fn read(json: &Json) -> Option<Self> {
        match &json.value {
            JsonValue::String(text) => Some(Self::Text(text.clone())),
            JsonValue::Int(value) => Some(Self::Int(*value)),
            JsonValue::Float { value, .. } => Some(Self::Float(*value)),
            JsonValue::Bool(value) => Some(Self::Bool(*value)),
            _ => None,
        }
    }

    /// As Elasticsearch's `toString` has it.
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(value) => value.to_string(),
            Self::Float(value) => double_text(*value),
            Self::Bool(value) => value.to_string(),
        }
    }
}

/// A double as Java prints it, for keys such as `101.0`, `1.5E-5` and `1.704164645123E12`.
pub(super) fn double_text(value: f64) -> String {
    let magnitude = value.abs();
    if value == 0.0 || (1e-3..1e7).contains(&magnitude) {
        return format!("{value:?}");
    }
    if value.is_infinite() {
        return if value > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    let text = format!("{value:E}");
    match text.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => text,
    }
}

/// One member of an aggregation's body.
#[derive(Clone, Copy)]
pub(super) struct Opt<'a> {
    pub(super) place: Place<'a>,
    pub(super) parser: &'a str,
    pub(super) member: &'a Member,
}

/// The members of a body, each with what its errors need. A body that is no object has none: the level above refuses it.
pub(super) fn options<'a>(place: Place<'a>, parser: &'a str, body: &'a Json) -> impl Iterator<Item = Opt<'a>> {
    body.as_object().unwrap_or_default().iter().map(move |member| Opt { place, parser, member })
}

impl<'a> Opt<'a> {
    pub(super) fn name(&self) -> &'a str {
        &self.member.key
    }

    pub(super) fn value(&self) -> &'a Json {
        &self.member.value
    }

    pub(super) fn at(&self) -> usize {
        self.member.value.span.start
    }

    /// `[avg] unknown field [bogus] did you mean ...`.
    pub(super) fn unknown(&self, known: &[&str]) -> Fault {
        let name = self.name();
        if name == "script" {
            return Fault::illegal(self.at(), "script_lang not supported [painless]");
        }
        let near = did_you_mean(name, known);
        Fault::content(
            self.place.src,
            self.member.key_span.start,
            &format!("[{}] unknown field [{name}]{near}", self.parser),
        )
    }

    /// `[avg] field doesn't support values of type: VALUE_NUMBER`.
    pub(super) fn unsupported(&self) -> Fault {
        let token = self.value().token_name();
        let reason = format!("[{}] {} doesn't support values of type: {token}", self.parser, self.name());
        Fault::content(self.place.src, self.at(), &reason)
    }

    /// `[terms] failed to parse field [size]`, caused by an illegal argument.
    pub(super) fn illegal(&self, reason: impl Into<String>) -> Fault {
        self.failed(Fault::illegal(self.at(), reason))
    }

    pub(super) fn failed(&self, cause: Fault) -> Fault {
        cause.in_field(self.place.src, self.parser, self.name())
    }

    pub(super) fn text(&self) -> Result<&'a str, Fault> {
        self.value().as_str().ok_or_else(|| self.unsupported())
    }

    pub(super) fn object(&self) -> Result<&'a [Member], Fault> {
        self.value().as_object().ok_or_else(|| self.unsupported())
    }

    pub(super) fn scalar(&self) -> Result<Scalar, Fault> {
        Scalar::read(self.value()).ok_or_else(|| self.unsupported())
    }

    /// A whole number; fractions are cut off and strings are read, as Elasticsearch does.
    pub(super) fn int(&self) -> Result<i64, Fault> {
        match &self.value().value {
            JsonValue::Int(value) => Ok(*value),
            JsonValue::Float { .. } | JsonValue::String(_) => self.double().map(super::values::truncate),
            _ => Err(self.unsupported()),
        }
    }

    pub(super) fn double(&self) -> Result<f64, Fault> {
        let value = self.value();
        match &value.value {
            JsonValue::Int(_) | JsonValue::Float { .. } => value.as_f64().ok_or_else(|| self.unsupported()),
            JsonValue::String(text) => match text.trim().parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(number),
                _ => Err(self.failed(Fault::number_format(self.at(), text))),
            },
            _ => Err(self.unsupported()),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool, Fault> {
        match &self.value().value {
            JsonValue::Bool(value) => Ok(*value),
            JsonValue::String(text) if text == "true" => Ok(true),
            JsonValue::String(text) if text == "false" => Ok(false),
            JsonValue::String(text) => {
                Err(self.illegal(format!("Failed to parse value [{text}] as only [true] or [false] are allowed.")))
            }
            _ => Err(self.unsupported()),
        }
    }

    /// An int of at least 1; `label` is what Elasticsearch calls it in the message.
    pub(super) fn positive(&self, label: &str) -> Result<usize, Fault> {
        let value = self.int()?;
        match usize::try_from(value) {
            Ok(size) if size > 0 => Ok(size.min(i32::MAX as usize)),
            _ => {
                Err(self.illegal(format!("[{label}] must be greater than 0. Found [{value}] in [{}]", self.place.name)))
            }
        }
    }

    pub(super) fn unsigned(&self, label: &str) -> Result<u64, Fault> {
        let value = self.int()?;
        u64::try_from(value).map_err(|_| {
            let name = self.place.name;
            self.illegal(format!("[{label}] must be greater than or equal to 0. Found [{value}] in [{name}]"))
        })
    }
}
