//! `percentiles`, `percentile_ranks` and `median_absolute_deviation`, on a t-digest.

use serde_json::{Map, Value, json};

use super::super::collector::{Collector, Docs, Segment, slot};
use super::super::format::{ValueFormat, number};
use super::super::options::{Opt, Place, double_text, options};
use super::super::outcome::{Budget, Outcome};
use super::super::request::Aggregation;
use super::super::run::SearchContext;
use super::super::tdigest::TDigest;
use super::super::values::{Accepts, FieldOptions, Numbers, Values};
use crate::server::elasticsearch::codec::json::Json;
use crate::server::elasticsearch::error::{ApiError, Exception};
use crate::server::elasticsearch::search::fault::Fault;

#[derive(Debug, Clone)]
pub(in super::super) struct Percentiles {
    type_name: &'static str,
    field: FieldOptions,
    /// Percents, or the values whose ranks are asked; ascending.
    points: Vec<f64>,
    keyed: bool,
    compression: f64,
}

pub(in super::super) const KNOWN: &[&str] = &["field", "missing", "format", "keyed", "tdigest", "percents"];
pub(in super::super) const KNOWN_OF_RANKS: &[&str] = &["field", "missing", "format", "keyed", "tdigest", "values"];
pub(in super::super) const KNOWN_OF_DEVIATION: &[&str] =
    &["field", "missing", "format", "compression", "execution_hint"];
const PERCENTS: [f64; 7] = [1.0, 5.0, 25.0, 50.0, 75.0, 95.0, 99.0];
const COMPRESSION: f64 = 100.0;
const COMPRESSION_OF_DEVIATION: f64 = 1000.0;

impl Percentiles {
    pub(in super::super) fn parse(type_name: &'static str, place: Place<'_>, body: &Json) -> Result<Self, Fault> {
        let deviation = type_name == "median_absolute_deviation";
        let compression = if deviation { COMPRESSION_OF_DEVIATION } else { COMPRESSION };
        let mut request =
            Self { type_name, field: FieldOptions::default(), points: Vec::new(), keyed: true, compression };
        let list = if type_name == "percentiles" { "percents" } else { "values" };
        let mut points = None;
        for option in options(place, type_name, body) {
            match option.name() {
                name if !deviation && name == list => points = Some(numbers(&option)?),
                "keyed" if !deviation => request.keyed = option.boolean()?,
                "tdigest" if !deviation => request.compression = digest_options(&option)?,
                "compression" if deviation => request.compression = deviation_compression(&option)?,
                "execution_hint" if deviation => check_hint(&option)?,
                _ if request.field.take(&option)? => {}
                _ if deviation => return Err(option.unknown(KNOWN_OF_DEVIATION)),
                _ => return Err(option.unknown(if type_name == "percentiles" { KNOWN } else { KNOWN_OF_RANKS })),
            }
        }
        request.points = request.check_points(points, place.name, body)?;
        request.field = request.field.require(body.span.start)?;
        Ok(request)
    }

    fn check_points(&self, points: Option<Vec<f64>>, name: &str, body: &Json) -> Result<Vec<f64>, Fault> {
        let refuse = |reason: String| {
            let outer = format!("Failed to build [{}] after last required field arrived", self.type_name);
            let exception = Exception::new("x_content_parse_exception", outer)
                .caused_by(Exception::new("illegal_argument_exception", reason));
            Err(Fault { at: body.span.start, exception })
        };
        match (self.type_name, points) {
            ("percentiles", None) => Ok(PERCENTS.to_vec()),
            ("percentiles", Some(points)) if points.is_empty() => {
                refuse(format!("[percents] must not be empty: [{name}]"))
            }
            ("percentiles", Some(mut points)) => {
                if let Some(wrong) = points.iter().find(|point| !(0.0..=100.0).contains(*point)) {
                    return refuse(format!("percent must be in [0,100], got [{wrong:?}]: [{name}]"));
                }
                points.sort_by(f64::total_cmp);
                let twice = points.iter().zip(points.iter().skip(1)).find(|(left, right)| left == right);
                if let Some((point, _)) = twice {
                    return refuse(format!("percent [{point:?}] has been specified twice: [{name}]"));
                }
                Ok(points)
            }
            ("percentile_ranks", None) => refuse(format!("[values] must not be null: [{name}]")),
            ("percentile_ranks", Some(points)) if points.is_empty() => {
                refuse(format!("[values] must not be an empty array: [{name}]"))
            }
            (_, points) => {
                let mut points = points.unwrap_or_default();
                points.sort_by(f64::total_cmp);
                Ok(points)
            }
        }
    }

    pub(in super::super) fn has_several_values(&self) -> bool {
        self.type_name != "median_absolute_deviation"
    }

    pub(in super::super) fn start(
        &self,
        ctx: &SearchContext<'_>,
        aggregation: &Aggregation,
    ) -> Result<Box<dyn Collector>, ApiError> {
        let values = Values::resolve(ctx, (&aggregation.name, self.type_name), &self.field, Accepts::Numbers)?;
        Ok(Box::new(PercentilesCollector {
            request: self.clone(),
            missing: values.missing_f64(ctx)?,
            format: values.format.clone(),
            values,
            numbers: Numbers::None,
            digests: Vec::new(),
        }))
    }
}

fn numbers(option: &Opt<'_>) -> Result<Vec<f64>, Fault> {
    use crate::server::elasticsearch::codec::json::JsonValue;
    let one = |json: &Json| match &json.value {
        JsonValue::String(text) => match text.trim().parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(option.failed(Fault::number_format(json.span.start, text))),
        },
        _ => json.as_f64().ok_or_else(|| option.unsupported()),
    };
    match option.value().as_array() {
        Some(items) => items.iter().map(one).collect(),
        None => Ok(vec![one(option.value())?]),
    }
}

fn digest_options(option: &Opt<'_>) -> Result<f64, Fault> {
    option.object()?;
    let mut compression = COMPRESSION;
    for inner in options(option.place, "tdigest", option.value()) {
        let read = match inner.name() {
            "compression" => inner.double().and_then(|value| match value {
                value if value >= 0.0 => Ok(value),
                value => {
                    Err(inner.illegal(format!("[compression] must be greater than or equal to 0. Found [{value:?}]")))
                }
            }),
            "execution_hint" => check_hint(&inner).map(|()| compression),
            _ => Err(Fault { at: inner.at(), ..inner.unknown(&["compression", "execution_hint"]) }),
        };
        compression = read.map_err(|fault| option.failed(fault))?;
    }
    Ok(compression)
}

fn check_hint(option: &Opt<'_>) -> Result<(), Fault> {
    let hint = option.text()?;
    if matches!(hint, "default" | "high_accuracy") {
        return Ok(());
    }
    Err(option.illegal(format!("Invalid execution_hint [{hint}], valid values are [default, high_accuracy]")))
}

fn deviation_compression(option: &Opt<'_>) -> Result<f64, Fault> {
    let value = option.double()?;
    if value > 0.0 {
        return Ok(value);
    }
    Err(option.illegal(format!("[compression] must be greater than 0. Found [{value:?}] in [{}]", option.place.name)))
}

struct PercentilesCollector {
    request: Percentiles,
    values: Values,
    format: ValueFormat,
    missing: Option<f64>,
    numbers: Numbers,
    digests: Vec<Option<Box<TDigest>>>,
}

impl Collector for PercentilesCollector {
    fn open(&mut self, segment: &Segment<'_>) -> Result<(), Exception> {
        self.numbers = self.values.numbers(segment)?;
        Ok(())
    }

    fn collect(&mut self, docs: &Docs<'_>) -> Result<(), Exception> {
        let (digests, compression) = (&mut self.digests, self.request.compression);
        self.numbers.each_f64(docs, self.missing, |at, value| {
            if let Some(digest) = slot(digests, docs.parent(at)) {
                digest.get_or_insert_with(|| Box::new(TDigest::new(compression))).add(value);
            }
        });
        Ok(())
    }

    fn seal(&mut self) {
        self.digests.iter_mut().flatten().for_each(|digest| digest.compress());
    }

    fn outcome(&self, parent: u32, _budget: &mut Budget) -> Result<Outcome, ApiError> {
        let kind = match self.request.type_name {
            "percentiles" => "tdigest_percentiles",
            "percentile_ranks" => "tdigest_percentile_ranks",
            other => {
                let members =
                    self.format.value_members(self.digest(parent).and_then(TDigest::median_absolute_deviation));
                return Ok(Outcome::metric(other, members));
            }
        };
        let values = if self.request.keyed { self.keyed(parent) } else { self.listed(parent) };
        Ok(Outcome::metric(kind, Map::from_iter([("values".to_owned(), values)])))
    }

    fn order_value(&self, parent: u32, key: Option<&str>) -> f64 {
        let value = match key.filter(|key| *key != "value") {
            None => self.digest(parent).and_then(TDigest::median_absolute_deviation),
            Some(point) => point.parse().ok().and_then(|point| self.value(parent, point)),
        };
        value.unwrap_or(f64::NAN)
    }
}

impl PercentilesCollector {
    fn digest(&self, parent: u32) -> Option<&TDigest> {
        self.digests.get(parent as usize)?.as_deref()
    }

    /// The percentile of a percent, or the percent of a value.
    fn value(&self, parent: u32, point: f64) -> Option<f64> {
        let digest = self.digest(parent)?;
        match self.request.type_name {
            "percentiles" => digest.quantile(point / 100.0),
            _ => digest.rank(point).map(|rank| rank * 100.0),
        }
    }

    fn keyed(&self, parent: u32) -> Value {
        let mut members = Map::new();
        for point in &self.request.points {
            let value = self.value(parent, *point);
            let key = double_text(*point);
            members.insert(key.clone(), number(value));
            if let Some(value) = value.filter(|_| !self.format.is_raw()) {
                members.insert(format!("{key}_as_string"), self.format.text(value).into());
            }
        }
        Value::Object(members)
    }

    fn listed(&self, parent: u32) -> Value {
        let entry = |point: &f64| {
            let value = self.value(parent, *point);
            let mut members = Map::from_iter([("key".to_owned(), json!(point)), ("value".to_owned(), number(value))]);
            if let Some(value) = value.filter(|_| !self.format.is_raw()) {
                members.insert("value_as_string".into(), self.format.text(value).into());
            }
            Value::Object(members)
        };
        Value::Array(self.request.points.iter().map(entry).collect())
    }
}
