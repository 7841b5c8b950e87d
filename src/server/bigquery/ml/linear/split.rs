//! Which rows train and which evaluate. Random splits are by a fixed hash of the row, so that the same data splits the same way each time.

use super::options::SplitMethod;
use crate::server::bigquery::ml::error::MlError;
use crate::server::bigquery::ml::frame::{Column, Frame, fnv, type_name};
use crate::server::bigquery::value::Type;

const WITHOUT_EVALUATION: usize = 500;
const BY_SHARE: usize = 50_000;
const EVALUATION_MAX: usize = 10_000;
const SHARE: f64 = 0.2;

/// Row numbers, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Split {
    pub(super) training: Vec<usize>,
    pub(super) evaluation: Vec<usize>,
}

impl Split {
    /// Splits `rows` of `frame`, all of which have a label.
    pub(super) fn new(method: &SplitMethod, frame: &Frame, rows: Vec<usize>) -> Result<Self, MlError> {
        match method {
            SplitMethod::None => Ok(Self { training: rows, evaluation: Vec::new() }),
            SplitMethod::Auto => Ok(Self::by_hash(frame, auto_count(rows.len()), rows)),
            SplitMethod::Random { fraction } => Ok(Self::by_hash(frame, share(rows.len(), *fraction), rows)),
            SplitMethod::Custom { column } => Self::by_flag(find(frame, column)?, rows),
            SplitMethod::Sequential { column, fraction } => Self::by_order(find(frame, column)?, *fraction, rows),
        }
    }

    /// Holds back the `count` rows of lowest hash.
    fn by_hash(frame: &Frame, count: usize, rows: Vec<usize>) -> Self {
        if count == 0 {
            return Self { training: rows, evaluation: Vec::new() };
        }
        let names: Vec<u64> = frame.columns.iter().map(|column| fnv(column.name.as_bytes())).collect();
        let hash = |row: usize| {
            frame.columns.iter().zip(&names).fold(0, |hash, (column, name)| mix(mix(hash ^ name) ^ column.hash(row)))
        };
        let mut ranked: Vec<(u64, usize)> = rows.into_iter().map(|row| (hash(row), row)).collect();
        let at = count.min(ranked.len());
        if at < ranked.len() {
            ranked.select_nth_unstable(at);
        }
        let mut training: Vec<usize> = ranked.iter().skip(at).map(|(_, row)| *row).collect();
        let mut evaluation: Vec<usize> = ranked.iter().take(at).map(|(_, row)| *row).collect();
        training.sort_unstable();
        evaluation.sort_unstable();
        Self { training, evaluation }
    }

    fn by_flag(column: &Column, rows: Vec<usize>) -> Result<Self, MlError> {
        if column.kind != Type::Bool {
            return Err(wrong_type(column));
        }
        let (training, evaluation) = rows.into_iter().partition(|row| column.whole(*row) == Some(0));
        Ok(Self { training, evaluation })
    }

    /// NULLs sort first, as in SQL.
    fn by_order(column: &Column, fraction: f64, mut rows: Vec<usize>) -> Result<Self, MlError> {
        match column.kind {
            Type::String => rows.sort_by_cached_key(|row| column.key(*row).map(|key| column.text(key))),
            Type::Float64 | Type::Numeric => {
                let value = |row: usize| column.number(row).unwrap_or(f64::NEG_INFINITY);
                rows.sort_by(|a, b| value(*a).total_cmp(&value(*b)));
            }
            Type::Int64 | Type::Date | Type::Datetime | Type::Time | Type::Timestamp => {
                rows.sort_by_key(|row| column.whole(*row));
            }
            Type::Bool | Type::Bytes | Type::Json | Type::Array(_) | Type::Struct(_) => return Err(wrong_type(column)),
        }
        let held = share(rows.len(), fraction);
        let evaluation = rows.split_off(rows.len() - held);
        let mut split = Self { training: rows, evaluation };
        split.training.sort_unstable();
        split.evaluation.sort_unstable();
        Ok(split)
    }
}

fn find<'a>(frame: &'a Frame, name: &str) -> Result<&'a Column, MlError> {
    let missing = || MlError::NoColumn { column: name.to_owned(), option: "DATA_SPLIT_COL".to_owned() };
    frame.column(name).ok_or_else(missing)
}

fn wrong_type(column: &Column) -> MlError {
    MlError::ColumnType {
        column: column.name.clone(),
        found: type_name(&column.kind).to_owned(),
        role: "as DATA_SPLIT_COL with this DATA_SPLIT_METHOD",
    }
}

fn auto_count(rows: usize) -> usize {
    match rows {
        0..WITHOUT_EVALUATION => 0,
        WITHOUT_EVALUATION..=BY_SHARE => share(rows, SHARE),
        _ => EVALUATION_MAX,
    }
}

/// The rounded share of `rows`; never all of them.
fn share(rows: usize, fraction: f64) -> usize {
    let wanted = rows as f64 * fraction - 0.5;
    let (mut low, mut high) = (0, rows.saturating_sub(1));
    while low < high {
        let middle = low.midpoint(high);
        if (middle as f64) < wanted { low = middle + 1 } else { high = middle }
    }
    low
}

/// Spreads a hash over all its bits.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (hash ^ (hash >> 31)).wrapping_add(0x9e37_79b9_7f4a_7c15)
}
