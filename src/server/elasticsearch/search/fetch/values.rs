//! `fields` and `docvalue_fields`: values of a document by field, from its source or from the columns.

use jiff::tz::TimeZone;
use serde_json::{Map, Value};
use tantivy::DocId;
use tantivy::SegmentReader;

use super::options::FieldRequest;
use crate::server::elasticsearch::codec::json::{Json, JsonValue, Source};
use crate::server::elasticsearch::error::Exception;
use crate::server::elasticsearch::mapping::{DateFormat, FieldKind, FieldMapping, Mapping, ObjectKind};
use crate::server::elasticsearch::search::query::NumberColumn;
use crate::server::elasticsearch::search::query::options::Scalar;
use crate::server::elasticsearch::search::values::{date_format, fielddata_disabled};
use crate::server::elasticsearch::search::wildcard::name_matches;
use crate::server::elasticsearch::storage::schema::kw_column;
use crate::server::elasticsearch::storage::snapshot::IndexSnapshot;

/// A field that hits show, ready to be read.
#[derive(Debug, Clone)]
pub(crate) struct FetchedField {
    /// The name asked for, which an alias keeps.
    name: String,
    field: FieldMapping,
    format: Option<DateFormat>,
    /// Where the source holds it: a multi-field reads its parent's value.
    source_path: Vec<String>,
}

/// The fields that requests mean in one index.
///
/// # Errors
/// The shard's exception for text asked of the columns, and for a format where none is known.
pub(crate) fn resolve(
    requests: &[FieldRequest],
    shard: &IndexSnapshot,
    columns: bool,
) -> Result<Vec<FetchedField>, Exception> {
    let mut found: Vec<FetchedField> = Vec::new();
    for request in requests {
        for listed in shard.mapping.fields() {
            if !name_matches(&request.pattern, &listed.path) {
                continue;
            }
            let Some(field) = shard.mapping.field(&listed.path) else { continue };
            if columns && field.kind == FieldKind::Text {
                return Err(fielddata_disabled(&field.path, &shard.index));
            }
            let format = match &request.format {
                None => None,
                Some(pattern) if field.kind.is_date() => Some(date_pattern(pattern)?),
                Some(_) if request.pattern.contains('*') => None,
                Some(_) => return Err(no_format(field)),
            };
            let source_path = source_path(&shard.mapping, &field.path);
            let fetched = FetchedField { name: listed.path.clone(), field: field.clone(), format, source_path };
            match found.iter_mut().find(|known| known.name == fetched.name) {
                Some(known) => *known = fetched,
                None => found.push(fetched),
            }
        }
    }
    Ok(found)
}

fn date_pattern(pattern: &str) -> Result<DateFormat, Exception> {
    DateFormat::parse_pattern(pattern).map_err(|error| error.to_exception())
}

fn no_format(field: &FieldMapping) -> Exception {
    let (name, kind) = (&field.path, field.kind.name());
    let reason = format!("error fetching [{name}]: Field [{name}] of type [{kind}] doesn't support formats.");
    Exception::new("illegal_argument_exception", reason)
}

fn source_path(mapping: &Mapping, path: &str) -> Vec<String> {
    let parent = path.rsplit_once('.').filter(|(parent, _)| mapping.field(parent).is_some());
    parent.map_or(path, |(parent, _)| parent).split('.').map(str::to_owned).collect()
}

impl FetchedField {
    /// Adds the values that the source holds.
    pub(crate) fn read_source(
        &self,
        source: &Json,
        src: &Source<'_>,
        mapping: &Mapping,
        into: &mut Map<String, Value>,
    ) {
        if let Some((root, rest)) = self.nested_root(mapping) {
            self.nested_values(source, src, &root, &rest, into);
            return;
        }
        let values = self.values_at(source, src, &self.source_path);
        if !values.is_empty() {
            into.insert(self.name.clone(), Value::Array(values));
        }
    }

    fn values_at(&self, json: &Json, src: &Source<'_>, path: &[String]) -> Vec<Value> {
        let mut leaves = Vec::new();
        leaves_at(json, path, &mut leaves);
        let null = self.field.options.get("null_value");
        leaves
            .into_iter()
            .filter_map(|leaf| if leaf.is_null() { null.cloned() } else { self.value(leaf, src) })
            .collect()
    }

    /// The outermost nested object above the field: its path, and the way from there.
    fn nested_root(&self, mapping: &Mapping) -> Option<(Vec<String>, Vec<String>)> {
        (1..self.source_path.len()).find_map(|depth| {
            let (root, rest) = self.source_path.split_at_checked(depth)?;
            let object = mapping.object(&root.join("."))?;
            (object.kind == ObjectKind::Nested).then(|| (root.to_vec(), rest.to_vec()))
        })
    }

    /// Nested fields come grouped by the object they stand in, under the root's name.
    fn nested_values(
        &self,
        source: &Json,
        src: &Source<'_>,
        root: &[String],
        rest: &[String],
        into: &mut Map<String, Value>,
    ) {
        let mut objects = Vec::new();
        leaves_at(source, root, &mut objects);
        let short = self.name.get(root.join(".").len() + 1..).unwrap_or(&self.name).to_owned();
        let grouped = into.entry(root.join(".")).or_insert_with(|| Value::Array(Vec::new()));
        let Value::Array(grouped) = grouped else { return };
        grouped.resize_with(objects.len().max(grouped.len()), || Value::Object(Map::new()));
        for (object, group) in objects.into_iter().zip(grouped) {
            let values = self.values_at(object, src, rest);
            if let (Value::Object(group), false) = (group, values.is_empty()) {
                group.insert(short.clone(), Value::Array(values));
            }
        }
    }

    /// A value of the source as its field sees it; none where it does not fit.
    fn value(&self, json: &Json, src: &Source<'_>) -> Option<Value> {
        let scalar = Scalar::read(json, src)?;
        match self.field.kind {
            FieldKind::Text | FieldKind::Ip | FieldKind::Alias => Some(scalar.to_text().into()),
            FieldKind::Keyword => {
                let text = scalar.to_text();
                let longest = self.field.options.get("ignore_above").and_then(Value::as_u64).unwrap_or(u64::MAX);
                let length = u64::try_from(text.encode_utf16().count()).unwrap_or(u64::MAX);
                (length <= longest).then(|| text.into())
            }
            FieldKind::Boolean => match scalar.to_text().as_str() {
                "true" => Some(true.into()),
                "false" | "" => Some(false.into()),
                _ => None,
            },
            FieldKind::Date | FieldKind::DateNanos => self.date(&scalar),
            kind if kind.is_floating() => float(kind, &scalar),
            _ => integer(&scalar),
        }
    }

    fn date(&self, scalar: &Scalar) -> Option<Value> {
        let own = date_format(&self.field);
        let format = self.format.as_ref().unwrap_or(&own);
        let text = scalar.to_text();
        if self.field.kind == FieldKind::DateNanos {
            let nanos = own.parse_nanos(&text).ok()?;
            return Some(format.format_nanos(nanos, &TimeZone::UTC).into());
        }
        let millis = match scalar {
            Scalar::Float { value, .. } => integer_of(*value)?,
            _ => own.parse_millis(&text).ok()?,
        };
        Some(format.format(millis, &TimeZone::UTC).into())
    }

    /// Adds the values that the columns hold.
    pub(crate) fn read_columns(
        &self,
        segment: &SegmentReader,
        doc: DocId,
        into: &mut Map<String, Value>,
    ) -> tantivy::Result<()> {
        let path = &self.field.path;
        let values: Vec<Value> = if self.field.kind.is_keyword() {
            let Some(column) = segment.fast_fields().str(&kw_column(path))? else { return Ok(()) };
            let mut ords: Vec<u64> = column.ords().values_for_doc(doc).collect();
            ords.sort_unstable();
            ords.dedup();
            let mut texts = Vec::with_capacity(ords.len());
            for ord in ords {
                let mut text = String::new();
                column.ord_to_str(ord, &mut text)?;
                texts.push(text.into());
            }
            texts
        } else {
            match NumberColumn::open(segment, path)? {
                None => return Ok(()),
                Some(NumberColumn::Integers(column)) => {
                    let mut values: Vec<i64> = column.values_for_doc(doc).collect();
                    values.sort_unstable();
                    values.into_iter().map(|value| self.column_value(value)).collect()
                }
                Some(NumberColumn::Floats(column)) => {
                    let mut values: Vec<f64> = column.values_for_doc(doc).collect();
                    values.sort_by(f64::total_cmp);
                    values.into_iter().map(Value::from).collect()
                }
            }
        };
        if !values.is_empty() {
            into.insert(self.name.clone(), Value::Array(values));
        }
        Ok(())
    }

    fn column_value(&self, value: i64) -> Value {
        let format = || self.format.clone().unwrap_or_else(|| date_format(&self.field));
        match self.field.kind {
            FieldKind::Boolean => (value != 0).into(),
            FieldKind::Date => format().format(value, &TimeZone::UTC).into(),
            FieldKind::DateNanos => format().format_nanos(value, &TimeZone::UTC).into(),
            _ => value.into(),
        }
    }
}

fn integer_of(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    #[expect(clippy::cast_possible_truncation, reason = "within the range of i64")]
    (-LIMIT..LIMIT).contains(&value).then_some(value.trunc() as i64)
}

fn integer(scalar: &Scalar) -> Option<Value> {
    match scalar {
        Scalar::Int(value) => Some((*value).into()),
        Scalar::Float { value, .. } => integer_of(*value).map(Value::from),
        Scalar::Text(text) => match text.parse::<i64>() {
            Ok(value) => Some(value.into()),
            Err(_) => integer_of(text.parse().ok()?).map(Value::from),
        },
        Scalar::Bool(_) => None,
    }
}

#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "what the field holds")]
fn float(kind: FieldKind, scalar: &Scalar) -> Option<Value> {
    let value = match scalar {
        Scalar::Int(value) => *value as f64,
        Scalar::Float { value, .. } => *value,
        Scalar::Text(text) => text.parse().ok()?,
        Scalar::Bool(_) => return None,
    };
    if kind == FieldKind::Double || kind == FieldKind::ScaledFloat {
        return Some(value.into());
    }
    // The shortest text of the 32-bit value, as Elasticsearch prints floats.
    (value as f32).to_string().parse::<f64>().ok().map(Value::from)
}

/// The values at a path, through arrays, with dotted keys taken apart; objects themselves are no values of a leaf.
fn leaves_at<'j>(json: &'j Json, path: &[String], found: &mut Vec<&'j Json>) {
    match &json.value {
        JsonValue::Array(items) => items.iter().for_each(|item| leaves_at(item, path, found)),
        JsonValue::Object(members) if !path.is_empty() => {
            for member in members {
                let mut names = member.key.split('.');
                let depth = names.clone().count();
                if path.len() >= depth && path.iter().take(depth).all(|name| names.next() == Some(name.as_str())) {
                    leaves_at(&member.value, path.get(depth..).unwrap_or_default(), found);
                }
            }
        }
        _ if path.is_empty() => found.push(json),
        _ => {}
    }
}
