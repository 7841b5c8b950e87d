//! The tables of `_cat`: columns with aliases, `h`, `s`, `v`, `help`, `bytes`, as text or JSON.

use std::cmp::Ordering;

use serde_json::{Map, Value};

use crate::server::elasticsearch::error::ApiError;
use crate::server::elasticsearch::http::{Body, Params, Response, wildcard_match};

/// Parameters of every table.
pub(crate) const TABLE_PARAMS: &[&str] = &["bytes", "h", "help", "local", "master_timeout", "s", "time", "ts", "v"];

/// One column.
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) description: &'static str,
    pub(super) right: bool,
    pub(super) default: bool,
}

/// A column that is shown unless `h` says otherwise.
pub(super) const fn column(name: &'static str, aliases: &'static [&'static str], description: &'static str) -> Column {
    Column { name, aliases, description, right: false, default: true }
}

impl Column {
    pub(super) const fn right(mut self) -> Column {
        self.right = true;
        self
    }

    /// Shown only when `h` names it.
    pub(super) const fn on_demand(mut self) -> Column {
        self.default = false;
        self
    }

    fn answers_to(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }
}

/// One value of a row.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    Text(String),
    Int(u64),
    /// A size, shown in the unit that `bytes` asks for.
    Bytes(u64),
    /// Nothing is known: blank.
    Blank,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self::Int(number)
    }
}

impl Cell {
    fn render(&self, bytes: Option<&str>) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(number) => number.to_string(),
            Self::Bytes(size) => render_bytes(*size, bytes),
            Self::Blank => String::new(),
        }
    }

    fn order(&self, other: &Cell) -> Ordering {
        match (self, other) {
            (Self::Int(left) | Self::Bytes(left), Self::Int(right) | Self::Bytes(right)) => left.cmp(right),
            (Self::Text(left), Self::Text(right)) => left.cmp(right),
            (Self::Blank, Self::Blank) => Ordering::Equal,
            (Self::Blank, _) => Ordering::Less,
            (_, Self::Blank) => Ordering::Greater,
            (left, right) => left.render(None).cmp(&right.render(None)),
        }
    }
}

/// `227b`, `22.2kb`, `2gb`; a fixed unit gives the whole number.
pub(super) fn render_bytes(size: u64, unit: Option<&str>) -> String {
    const UNITS: [(&str, u64); 6] =
        [("b", 1), ("kb", 1 << 10), ("mb", 1 << 20), ("gb", 1 << 30), ("tb", 1 << 40), ("pb", 1 << 50)];
    let short = |unit: &str| unit.chars().next();
    if let Some((_, scale)) = unit.and_then(|unit| {
        UNITS.iter().find(|(name, _)| *name == unit || (unit.len() == 1 && short(name) == short(unit)))
    }) {
        return (size / scale).to_string();
    }
    let (name, scale) = UNITS.iter().rev().find(|(_, scale)| size >= *scale).unwrap_or(&("b", 1));
    let whole = size / scale;
    let tenth = (u128::from(size % scale) * 10) / u128::from(*scale);
    if tenth == 0 { format!("{whole}{name}") } else { format!("{whole}.{tenth}{name}") }
}

/// Columns and rows; each row has a cell a column.
pub(super) struct Table {
    pub(super) columns: &'static [Column],
    pub(super) rows: Vec<Vec<Cell>>,
}

impl Table {
    /// The answer that the parameters ask for.
    pub(super) fn respond(mut self, params: &Params) -> Result<Response, ApiError> {
        if params.bool("help", false)? {
            return Ok(text(self.help()));
        }
        params.bool("local", false)?;
        self.sort(params.get("s").unwrap_or_default())?;
        let shown = self.shown(params.get("h"));
        let bytes = params.get("bytes");
        if params.get("format") == Some("json") {
            return Ok(Response::ok(self.json(&shown, bytes)));
        }
        Ok(text(self.text(&shown, params.bool("v", false)?, bytes)))
    }

    fn sort(&mut self, keys: &str) -> Result<(), ApiError> {
        let mut orders = Vec::new();
        for key in keys.split(',').filter(|key| !key.is_empty()) {
            let (name, descending) = match key.rsplit_once(':') {
                Some((name, "desc")) => (name, true),
                Some((name, "asc")) => (name, false),
                _ => (key, false),
            };
            let Some(at) = self.columns.iter().position(|column| column.answers_to(name)) else {
                return Err(ApiError::illegal_argument(format!("Unable to sort by unknown sort key `{name}`")));
            };
            orders.push((at, descending));
        }
        self.rows.sort_by(|left, right| {
            orders.iter().fold(Ordering::Equal, |order, (at, descending)| {
                order.then_with(|| {
                    let (left, right) = (left.get(*at).unwrap_or(&Cell::Blank), right.get(*at).unwrap_or(&Cell::Blank));
                    if *descending { right.order(left) } else { left.order(right) }
                })
            })
        });
        Ok(())
    }

    /// Columns to show and the names to head them with.
    fn shown(&self, wanted: Option<&str>) -> Vec<(usize, String)> {
        let Some(wanted) = wanted else {
            let default = self.columns.iter().enumerate().filter(|(_, column)| column.default);
            return default.map(|(at, column)| (at, column.name.to_owned())).collect();
        };
        let mut shown: Vec<(usize, String)> = Vec::new();
        for name in wanted.split(',').map(str::trim) {
            if name.contains('*') {
                for (at, column) in self.columns.iter().enumerate().filter(|(_, c)| wildcard_match(name, c.name)) {
                    if shown.iter().all(|(known, _)| *known != at) {
                        shown.push((at, column.name.to_owned()));
                    }
                }
            } else if let Some(at) = self.columns.iter().position(|column| column.answers_to(name)) {
                shown.push((at, name.to_owned()));
            }
        }
        shown
    }

    fn json(&self, shown: &[(usize, String)], bytes: Option<&str>) -> Value {
        let rows = self.rows.iter().map(|row| {
            let members = shown.iter().filter_map(|(at, name)| {
                let value = match row.get(*at)? {
                    Cell::Blank => Value::Null,
                    cell => Value::String(cell.render(bytes)),
                };
                Some((name.clone(), value))
            });
            Value::Object(members.collect::<Map<_, _>>())
        });
        Value::Array(rows.collect())
    }

    fn text(&self, shown: &[(usize, String)], with_header: bool, bytes: Option<&str>) -> String {
        let mut lines: Vec<Vec<String>> = Vec::with_capacity(self.rows.len() + 1);
        if with_header {
            lines.push(shown.iter().map(|(_, name)| name.clone()).collect());
        }
        for row in &self.rows {
            let cells = shown.iter().map(|(at, _)| row.get(*at).map(|cell| cell.render(bytes)).unwrap_or_default());
            lines.push(cells.collect());
        }
        let rights: Vec<bool> = shown.iter().map(|(at, _)| self.columns.get(*at).is_some_and(|c| c.right)).collect();
        aligned(&lines, &rights, with_header)
    }

    fn help(&self) -> String {
        let lines: Vec<Vec<String>> = self
            .columns
            .iter()
            .map(|column| vec![column.name.to_owned(), column.aliases.join(","), column.description.to_owned()])
            .collect();
        let width = |at: usize| {
            lines.iter().filter_map(|line| line.get(at)).map(|text| text.chars().count()).max().unwrap_or(0)
        };
        let widths = [width(0), width(1), width(2)];
        let mut out = String::new();
        for line in &lines {
            let padded: Vec<String> = line.iter().zip(widths).map(|(text, width)| format!("{text:<width$}")).collect();
            out.push_str(&padded.join(" | "));
            out.push('\n');
        }
        out
    }
}

/// Cells padded to their column's width; the last column is not padded on its right. A header stands to the left.
fn aligned(lines: &[Vec<String>], rights: &[bool], with_header: bool) -> String {
    let widths: Vec<usize> = (0..rights.len())
        .map(|at| lines.iter().filter_map(|line| line.get(at)).map(|text| text.chars().count()).max().unwrap_or(0))
        .collect();
    let mut out = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (at, text) in line.iter().enumerate() {
            let width = widths.get(at).copied().unwrap_or_default();
            let last = at + 1 == line.len();
            let right = rights.get(at).copied().unwrap_or_default() && !(with_header && number == 0);
            match (right, last) {
                (true, _) => out.push_str(&format!("{text:>width$}")),
                (false, true) => out.push_str(text),
                (false, false) => out.push_str(&format!("{text:<width$}")),
            }
            if !last {
                out.push(' ');
            }
        }
        out.push('\n');
    }
    out
}

pub(super) fn text(text: String) -> Response {
    Response { status: 200, headers: Vec::new(), body: Body::Text(text) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::elasticsearch::http::parse_query;

    const COLUMNS: &[Column] = &[
        column("index", &["i", "idx"], "index name"),
        column("docs.count", &["dc"], "available docs").right(),
        column("store.size", &["ss"], "store size").right(),
        column("creation.date", &["cd"], "when it was made").on_demand(),
    ];

    fn answer(query: &str) -> Result<String, ApiError> {
        let rows = vec![
            vec!["bbb".into(), Cell::Int(7), Cell::Bytes(227), Cell::Int(1)],
            vec!["a".into(), Cell::Int(120), Cell::Bytes(22_733), Cell::Int(2)],
        ];
        let response = Table { columns: COLUMNS, rows }.respond(&parse_query(query).unwrap())?;
        Ok(match response.body {
            Body::Text(text) => text,
            Body::Json(value) => value.to_string(),
            other => panic!("{other:?}"),
        })
    }

    #[test]
    fn tables_look_like_elasticsearchs() {
        for (query, expected) in [
            ("v&s=i", "index docs.count store.size\na            120     22.2kb\nbbb            7       227b\n"),
            ("s=dc:desc&h=i,dc,nope", "a   120\nbbb   7\n"),
            ("h=cd,ss&bytes=b&s=cd", "1   227\n2 22733\n"),
            ("h=index,ss&format=json&s=index&bytes=kb", r#"[{"index":"a","ss":"22"},{"index":"bbb","ss":"0"}]"#),
            (
                "help&h=i",
                "index         | i,idx | index name      \ndocs.count    | dc    | available docs  \nstore.size    | ss    | store size      \ncreation.date | cd    | when it was made\n",
            ),
        ] {
            assert_eq!(answer(query).unwrap(), expected, "{query}");
        }
        assert_eq!(
            answer("s=bogus").unwrap_err().exception().unwrap().reason,
            "Unable to sort by unknown sort key `bogus`"
        );
    }

    #[test]
    fn sizes_have_one_decimal_where_it_is_not_zero() {
        for (size, expected) in [(0, "0b"), (227, "227b"), (1024, "1kb"), (1_572_864, "1.5mb"), (2 << 30, "2gb")] {
            assert_eq!(render_bytes(size, None), expected);
        }
        assert_eq!(render_bytes(3_000_000, Some("mb")), "2");
    }
}
