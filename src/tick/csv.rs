//! CSV in the `log_inf.csv` layout: a header whose names may have blanks around them, then a tick a line.
//!
//! Rows are cut here and not by a library because a bad row must not take the ones after it with it (a quote that is
//! not closed would), and because errors name the character a value starts at. No value holds a line's end.

use std::{collections::BTreeMap, ops::Range};

use super::{
    error::{HeaderProblem, Problem},
    model::{COLUMNS, DEPTH_LEVELS, Depth, Level, SCALAR_COLUMNS, Tick, column_names},
    validate,
};

/// Names of other layouts: which column holds which field, and which columns to drop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnMap {
    renames: BTreeMap<String, Option<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ColumnMapError {
    #[error("`{0}` is not COLUMN=FIELD")]
    NotAPair(String),
    #[error(
        "`{field}` is no field of a tick; the fields are those of the `log_inf.csv` header, such as `last_price` or `depth_buy_price_0`"
    )]
    UnknownField { field: String },
    #[error("the column `{column}` is mapped twice")]
    Twice { column: String },
}

impl ColumnMap {
    /// Reads `column=field` each; `column=-` drops the column.
    pub fn parse<S: AsRef<str>>(pairs: &[S]) -> Result<Self, ColumnMapError> {
        let names = column_names();
        let mut renames = BTreeMap::new();
        for pair in pairs {
            let pair = pair.as_ref();
            let (column, field) = pair.rsplit_once('=').ok_or_else(|| ColumnMapError::NotAPair(pair.to_owned()))?;
            let (column, field) = (column.trim(), field.trim());
            if field != "-" && !names.iter().any(|name| name == field) {
                return Err(ColumnMapError::UnknownField { field: field.to_owned() });
            }
            let target = (field != "-").then(|| field.to_owned());
            if renames.insert(column.to_owned(), target).is_some() {
                return Err(ColumnMapError::Twice { column: column.to_owned() });
            }
        }
        Ok(Self { renames })
    }

    /// The field a column holds; `None` when it is dropped.
    fn field<'a>(&'a self, column: &'a str) -> Option<&'a str> {
        match self.renames.get(column) {
            Some(target) => target.as_deref(),
            // A column without a name is the row number that data frames export.
            None => (!column.is_empty()).then_some(column),
        }
    }
}

/// Which cell of a row holds which field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Header {
    /// By field, in the layout's order: the cell's index.
    cells: Vec<Option<usize>>,
    cell_count: usize,
}

/// A flaw of a row: the byte it stands at, and its column's name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RowFlaw {
    pub(crate) offset: usize,
    pub(crate) field: Option<String>,
    pub(crate) problem: Problem,
}

/// What is wrong with the header, and at which byte.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HeaderFlaw {
    pub(crate) offset: usize,
    pub(crate) problem: HeaderProblem,
}

impl Header {
    pub(crate) fn parse(line: &[u8], map: &ColumnMap) -> Result<Self, HeaderFlaw> {
        let cells = cut(line)
            .map_err(|flaw| HeaderFlaw { offset: flaw.offset, problem: HeaderProblem::Unreadable(flaw.problem) })?;
        let names = column_names();
        let mut places = vec![None; COLUMNS];
        for (index, cell) in cells.iter().enumerate() {
            let column = cell.text.trim();
            let Some(field) = map.field(column) else { continue };
            let flaw = |problem| HeaderFlaw { offset: cell.span.start, problem };
            let column = || column.to_owned();
            let slot = names.iter().position(|name| name == field);
            match slot.and_then(|slot| places.get_mut(slot)) {
                None => return Err(flaw(HeaderProblem::UnknownColumn { column: column() })),
                Some(Some(_)) => return Err(flaw(HeaderProblem::DuplicateColumn { column: column() })),
                Some(place) => *place = Some(index),
            }
        }
        // Without any depth column the ticks have no depth; a part of them is a mistake.
        let depth_is_absent = places.iter().skip(SCALAR_COLUMNS.len()).all(Option::is_none);
        let required = if depth_is_absent { SCALAR_COLUMNS.len() } else { COLUMNS };
        match places.iter().zip(&names).take(required).find(|(place, _)| place.is_none()) {
            Some((_, name)) => {
                Err(HeaderFlaw { offset: 0, problem: HeaderProblem::MissingColumn { column: name.clone() } })
            }
            None => Ok(Self { cells: places, cell_count: cells.len() }),
        }
    }

    /// Reads a row. Timestamps are not looked at here: they are checked with the JSON.
    pub(crate) fn tick(&self, line: &[u8]) -> Result<Tick, RowFlaw> {
        let cells = cut(line)?;
        if cells.len() != self.cell_count {
            let problem = Problem::CellCount { found: cells.len(), expected: self.cell_count };
            return Err(RowFlaw { offset: line.len(), field: None, problem });
        }
        let row = Row { header: self, cells: &cells };
        Ok(Tick {
            timestamp: row.text(0)?.to_owned(),
            instrument_token: row.whole(1)?,
            last_price: row.number(2)?,
            volume: row.whole(3)?,
            sell_quantity: row.whole(4)?,
            last_quantity: row.whole(5)?,
            change: row.number(6)?,
            average_price: row.number(7)?,
            open: row.number(8)?,
            high: row.number(9)?,
            low: row.number(10)?,
            close: row.number(11)?,
            depth: row.depth()?,
        })
    }

    /// Where a row's timestamp cell starts, for errors found later.
    pub(crate) fn timestamp_offset(&self, line: &[u8]) -> usize {
        let cells = cut(line).unwrap_or_default();
        let index = self.cells.first().copied().flatten().unwrap_or_default();
        cells.get(index).map_or(0, |cell| cell.span.start)
    }
}

struct Row<'a> {
    header: &'a Header,
    cells: &'a [Cell],
}

impl Row<'_> {
    fn cell(&self, slot: usize) -> Option<&Cell> {
        self.header.cells.get(slot).copied().flatten().and_then(|index| self.cells.get(index))
    }

    fn text(&self, slot: usize) -> Result<&str, RowFlaw> {
        match self.cell(slot) {
            Some(cell) if !cell.text.trim().is_empty() => Ok(cell.text.trim()),
            cell => Err(self.flaw(slot, cell, Problem::Missing)),
        }
    }

    fn number(&self, slot: usize) -> Result<f64, RowFlaw> {
        validate::number(self.text(slot)?).map_err(|problem| self.flaw(slot, self.cell(slot), problem))
    }

    fn whole(&self, slot: usize) -> Result<u64, RowFlaw> {
        validate::whole(self.text(slot)?).map_err(|problem| self.flaw(slot, self.cell(slot), problem))
    }

    fn depth(&self) -> Result<Option<Depth>, RowFlaw> {
        let mut slots = SCALAR_COLUMNS.len()..COLUMNS;
        if slots.all(|slot| self.cell(slot).is_none_or(|cell| cell.text.trim().is_empty())) {
            return Ok(None);
        }
        let mut depth = Depth { buy: [Level::default(); DEPTH_LEVELS], sell: [Level::default(); DEPTH_LEVELS] };
        let mut slot = SCALAR_COLUMNS.len();
        for (buy, sell) in depth.buy.iter_mut().zip(&mut depth.sell) {
            for level in [buy, sell] {
                *level =
                    Level { price: self.number(slot)?, orders: self.whole(slot + 1)?, quantity: self.whole(slot + 2)? };
                slot += 3;
            }
        }
        Ok(Some(depth))
    }

    fn flaw(&self, slot: usize, cell: Option<&Cell>, problem: Problem) -> RowFlaw {
        let offset = cell.map_or(0, |cell| cell.span.start);
        RowFlaw { offset, field: column_names().into_iter().nth(slot), problem }
    }
}

/// A value of a row, unquoted, and where it stands in the line.
#[derive(Debug, PartialEq, Eq)]
struct Cell {
    text: String,
    span: Range<usize>,
}

/// Cuts a line at its commas (RFC 4180 quoting; blanks may stand around quotes).
fn cut(line: &[u8]) -> Result<Vec<Cell>, RowFlaw> {
    let text = std::str::from_utf8(line).map_err(|error| RowFlaw {
        offset: error.valid_up_to(),
        field: None,
        problem: Problem::NotUtf8,
    })?;
    let mut cells = Vec::with_capacity(COLUMNS);
    let mut start = 0;
    loop {
        let rest = text.get(start..).unwrap_or_default();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        let (cell, end) = if rest.get(blanks..).is_some_and(|rest| rest.starts_with('"')) {
            quoted(text, start + blanks)?
        } else {
            let end = rest.find(',').map_or(text.len(), |comma| start + comma);
            (text.get(start..end).unwrap_or_default().to_owned(), end)
        };
        cells.push(Cell { text: cell, span: start + blanks..end });
        if end >= text.len() {
            return Ok(cells);
        }
        start = end + 1;
    }
}

/// Reads a quoted value whose quote stands at `start`; gives the value and where its comma (or the line's end) is.
fn quoted(text: &str, start: usize) -> Result<(String, usize), RowFlaw> {
    let flaw = || RowFlaw { offset: start, field: None, problem: Problem::Quoting };
    let mut value = String::new();
    let mut at = start + 1;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let quote = rest.find('"').ok_or_else(flaw)?;
        value.push_str(rest.get(..quote).unwrap_or_default());
        at += quote + 1;
        let rest = text.get(at..).unwrap_or_default();
        if rest.starts_with('"') {
            value.push('"');
            at += 1;
            continue;
        }
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t', '\r']).len();
        at += blanks;
        return if at >= text.len() || text.as_bytes().get(at) == Some(&b',') { Ok((value, at)) } else { Err(flaw()) };
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header_line() -> String {
        column_names().join(",")
    }

    fn row() -> Vec<String> {
        let mut cells: Vec<String> = [
            "2024-01-02 09:15:00.123456",
            "408065",
            "1012.35",
            "184223",
            "98120",
            "25",
            "-0.41",
            "1010.92",
            "1015",
            "1018.2",
            "1008",
            "1016.5",
        ]
        .map(String::from)
        .to_vec();
        for level in 0..5 {
            cells.extend([format!("{}", 1012 - level), "4".into(), "310".into()]);
            cells.extend([format!("{}", 1013 + level), "2".into(), "90".into()]);
        }
        cells
    }

    fn parse(header: &str, map: &ColumnMap) -> Result<Header, HeaderProblem> {
        Header::parse(header.as_bytes(), map).map_err(|flaw| flaw.problem)
    }

    #[test]
    fn blanks_around_header_names_are_trimmed() {
        let header =
            header_line().replace("last_price", " last_price ").replace("depth_buy_price_0", "depth_buy_price_0\t");
        let header = parse(&header, &ColumnMap::default()).unwrap();
        let tick = header.tick(row().join(",").as_bytes()).unwrap();
        assert_eq!((tick.instrument_token, tick.last_price), (408_065, 1012.35));
        let depth = tick.depth.unwrap();
        assert_eq!((depth.buy[0].price, depth.sell[4].price, depth.sell[4].quantity), (1012.0, 1017.0, 90));
    }

    #[test]
    fn other_layouts_are_read_by_their_map() {
        let header =
            header_line().replace("last_price", "ltp").replace("volume", "vol").replace("close,", "close,extra,");
        let map = ColumnMap::parse(&["ltp=last_price", "vol = volume", "extra=-"]).unwrap();
        let mut cells = row();
        cells.insert(12, "whatever".into());
        let tick = parse(&header, &map).unwrap().tick(cells.join(",").as_bytes()).unwrap();
        assert_eq!((tick.last_price, tick.volume), (1012.35, 184_223));
    }

    #[test]
    fn a_header_that_does_not_fit_says_which_column() {
        let check = |header: String, expected: &HeaderProblem| {
            assert_eq!(parse(&header, &ColumnMap::default()).as_ref(), Err(expected));
        };
        check(header_line().replace("high,", ""), &HeaderProblem::MissingColumn { column: "high".into() });
        check(
            header_line().replace(",depth_sell_quantity_4", ""),
            &HeaderProblem::MissingColumn { column: "depth_sell_quantity_4".into() },
        );
        check(format!("{},oi", header_line()), &HeaderProblem::UnknownColumn { column: "oi".into() });
        check(format!("{},low", header_line()), &HeaderProblem::DuplicateColumn { column: "low".into() });
    }

    #[test]
    fn a_bad_cell_is_named_with_column_and_place() {
        let header = parse(&header_line(), &ColumnMap::default()).unwrap();
        let with = |index: usize, value: &str| {
            let mut cells = row();
            cells[index] = value.into();
            header.tick(cells.join(",").as_bytes()).unwrap_err()
        };
        assert_eq!(
            with(2, "NaN"),
            RowFlaw {
                offset: 34,
                field: Some("last_price".into()),
                problem: Problem::WrongValue { expected: "a number", found: "NaN".into() }
            }
        );
        assert_eq!(with(3, "").problem, Problem::Missing);
        assert_eq!(with(3, "12.5").field.as_deref(), Some("volume"));
        assert_eq!(with(41, "x").field.as_deref(), Some("depth_sell_quantity_4"));
        assert_eq!(with(5, "\"25").problem, Problem::Quoting);
        assert_eq!(with(5, "25,26").problem, Problem::CellCount { found: 43, expected: 42 });
    }

    #[test]
    fn a_map_that_names_no_field_is_refused() {
        assert_eq!(ColumnMap::parse(&["ltp"]), Err(ColumnMapError::NotAPair("ltp".into())));
        assert_eq!(ColumnMap::parse(&["a=b"]), Err(ColumnMapError::UnknownField { field: "b".into() }));
        assert_eq!(ColumnMap::parse(&["a=low", "a=high"]), Err(ColumnMapError::Twice { column: "a".into() }));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn a_row_is_cut_as_a_csv_library_wrote_it(cells in proptest::collection::vec("[a-z \",é]{0,8}", 1..8)) {
            let mut writer = ::csv::WriterBuilder::new().quote_style(::csv::QuoteStyle::Always).from_writer(Vec::new());
            writer.write_record(&cells).unwrap();
            let line = writer.into_inner().unwrap();
            let found: Vec<String> = cut(line.trim_ascii_end()).unwrap().into_iter().map(|cell| cell.text).collect();
            prop_assert_eq!(found, cells);
        }

        #[test]
        fn any_line_is_cut_or_refused(line in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(cut(&line));
        }
    }
}
