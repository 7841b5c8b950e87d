//! Columns to features: what is learnt of the training rows so that any rows can be encoded the same way.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::options::Encoding;
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::frame::{Column, Frame, type_name};
use crate::server::bigquery::value::Type;

/// All features, in the order of the columns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Encoder {
    pub(super) features: Vec<Feature>,
    /// How many weights there are.
    pub(super) width: usize,
}

/// What is made of one column, or of one part of a TIMESTAMP.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Feature {
    pub(super) column: String,
    /// As `processed_input` shows it.
    pub(super) name: String,
    pub(super) source: Source,
    pub(super) coding: Coding,
    /// Its first weight.
    pub(super) first: usize,
}

/// What of a column's value is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Source {
    Number,
    Category,
    /// A TIMESTAMP as seconds since 1970.
    Seconds,
    Part(TimePart),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) enum Coding {
    /// `(x - shift) / scale`; NULL is `mean`.
    Number { mean: f64, shift: f64, scale: f64 },
    /// A weight each; the category of NULL is `None`. `dropped` has none.
    Categories { texts: Vec<Option<String>>, dropped: Option<Option<String>> },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum TimePart {
    DayOfMonth,
    DayOfWeek,
    Month,
    Hour,
    Minute,
    Week,
    Year,
}

const PARTS: [(TimePart, &str); 7] = [
    (TimePart::DayOfMonth, "_TS_DOM_"),
    (TimePart::DayOfWeek, "_TS_DOW_"),
    (TimePart::Month, "_TS_MOY_"),
    (TimePart::Hour, "_TS_HOD_"),
    (TimePart::Minute, "_TS_MOH_"),
    (TimePart::Week, "_TS_WOY_"),
    (TimePart::Year, "_TS_YEAR_"),
];

impl TimePart {
    /// As EXTRACT gives it, in UTC; weeks begin on Sunday.
    fn of(self, micros: i64) -> Option<i64> {
        let at = Timestamp::from_microsecond(micros).ok()?.to_zoned(TimeZone::UTC);
        let weekday = i64::from(at.weekday().to_sunday_zero_offset());
        Some(match self {
            Self::DayOfMonth => i64::from(at.day()),
            Self::DayOfWeek => weekday + 1,
            Self::Month => i64::from(at.month()),
            Self::Hour => i64::from(at.hour()),
            Self::Minute => i64::from(at.minute()),
            Self::Week => (i64::from(at.day_of_year()) + 6 - weekday) / 7,
            Self::Year => i64::from(at.year()),
        })
    }
}

impl Source {
    /// The value as a number; NULL is `None`.
    pub(super) fn number(self, column: &Column, row: usize) -> Option<f64> {
        match self {
            Self::Seconds => column.whole(row).map(|micros| micros as f64 / 1e6),
            _ => column.number(row),
        }
    }

    /// The value as a category's key within its column.
    pub(super) fn key(self, column: &Column, row: usize) -> Option<i64> {
        match self {
            Self::Part(part) => part.of(column.whole(row)?),
            _ => column.key(row),
        }
    }

    /// The text of a key.
    pub(super) fn text(self, column: &Column, key: i64) -> String {
        match self {
            Self::Part(_) => key.to_string(),
            _ => column.text(key),
        }
    }

    /// Whether a column of this type can be the source.
    pub(super) fn suits(self, column: &Column) -> bool {
        match self {
            Self::Number => column.is_numeric(),
            Self::Category => column.is_categorical(),
            Self::Seconds | Self::Part(_) => column.kind == Type::Timestamp,
        }
    }
}

impl Encoder {
    /// Learns from `rows` of the columns in `frame` that `is_feature` says yes to.
    pub(super) fn learn(
        frame: &Frame,
        rows: &[usize],
        encoding: Encoding,
        is_centred: bool,
        is_feature: impl Fn(&Column) -> bool,
    ) -> Result<Self, MlError> {
        let mut encoder = Self { features: Vec::new(), width: 0 };
        for column in frame.columns.iter().filter(|column| is_feature(column)) {
            if column.is_numeric() {
                encoder.add(
                    column,
                    Source::Number,
                    String::new(),
                    number_coding(column, Source::Number, rows, is_centred)?,
                );
            } else if column.is_categorical() {
                encoder.add(
                    column,
                    Source::Category,
                    String::new(),
                    category_coding(column, Source::Category, rows, encoding),
                );
            } else if column.kind == Type::Timestamp {
                encoder.add(
                    column,
                    Source::Seconds,
                    String::new(),
                    number_coding(column, Source::Seconds, rows, is_centred)?,
                );
                for (part, prefix) in PARTS {
                    let source = Source::Part(part);
                    encoder.add(column, source, prefix.to_owned(), category_coding(column, source, rows, encoding));
                }
            } else {
                let found = type_name(&column.kind).to_owned();
                return Err(MlError::ColumnType { column: column.name.clone(), found, role: "as a feature" });
            }
        }
        if encoder.features.is_empty() {
            return Err(MlError::Data("The training data has no feature column.".to_owned()));
        }
        Ok(encoder)
    }

    fn add(&mut self, column: &Column, source: Source, prefix: String, coding: Coding) {
        let first = self.width;
        self.width += match &coding {
            Coding::Number { .. } => 1,
            Coding::Categories { texts, .. } => texts.len(),
        };
        self.features.push(Feature { column: column.name.clone(), name: prefix + &column.name, source, coding, first });
    }
}

fn number_coding(column: &Column, source: Source, rows: &[usize], is_centred: bool) -> Result<Coding, MlError> {
    // Welford's recursion: a spread far below the mean is not lost in it.
    let (mut count, mut mean, mut squares) = (0.0, 0.0, 0.0);
    for value in rows.iter().filter_map(|row| source.number(column, *row)) {
        if !value.is_finite() {
            return Err(MlError::Data(format!("Column {} has a value that is NaN or infinity.", column.name)));
        }
        count += 1.0;
        let off = value - mean;
        mean += off / count;
        squares += off * (value - mean);
    }
    let deviation = if count > 0.0 { (squares / count).sqrt() } else { 0.0 };
    // A column that moves no more than rounding does is constant.
    let scale = if deviation > 1e-14 * mean.abs() && deviation.is_finite() { deviation } else { 1.0 };
    Ok(Coding::Number { mean, shift: if is_centred { mean } else { 0.0 }, scale })
}

fn category_coding(column: &Column, source: Source, rows: &[usize], encoding: Encoding) -> Coding {
    let mut seen: HashMap<Option<i64>, usize> = HashMap::new();
    for row in rows {
        *seen.entry(source.key(column, *row)).or_default() += 1;
    }
    let mut ranked: Vec<(Option<String>, usize)> =
        seen.into_iter().map(|(key, count)| (key.map(|key| source.text(column, key)), count)).collect();
    // NULL sorts first; numbers of a calendar by value, all else by text.
    ranked.sort_by(|(a, _), (b, _)| {
        let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<i64>().ok());
        number(a).cmp(&number(b)).then_with(|| a.cmp(b))
    });
    let mut texts: Vec<Option<String>> = ranked.iter().map(|(text, _)| text.clone()).collect();
    let most = ranked.iter().map(|(_, count)| *count).max();
    let dropped = match encoding {
        Encoding::OneHot => None,
        Encoding::Dummy => ranked.iter().position(|(_, count)| Some(*count) == most).map(|at| texts.remove(at)),
    };
    Coding::Categories { texts, dropped }
}
