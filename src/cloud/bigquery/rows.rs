//! A result: columns, and rows as BigQuery's API writes them, read into values.
//!
//! On the wire every scalar is text (`{"f":[{"v":"42"}]}`); timestamps are asked for as whole microseconds, which no reader
//! rounds.

use jiff::Timestamp;
use serde_json::{Map, Number, Value};

/// Records in records: no schema of BigQuery's is deeper.
const DEPTH_MAX: usize = 16;

/// A column, by BigQuery's name for its type: `INTEGER`, `FLOAT`, `TIMESTAMP`, `RECORD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub name: String,
    pub kind: String,
    pub repeated: bool,
    /// Of a record.
    pub fields: Vec<Column>,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    /// Everything else, as text; timestamps as `2024-01-02 03:45:00.123456 UTC`.
    Text(String),
    List(Vec<Cell>),
    Record(Vec<(String, Cell)>),
}

/// Rows with their columns.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResultTable {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Cell>>,
    /// Rows there are; more than `rows` when not all were fetched.
    pub total: u64,
}

impl Column {
    fn is_record(&self) -> bool {
        matches!(self.kind.as_str(), "RECORD" | "STRUCT")
    }

    /// Whether the values are numbers, which people like to see aligned to the right.
    pub fn is_number(&self) -> bool {
        let numeric = ["INTEGER", "INT64", "FLOAT", "FLOAT64", "NUMERIC", "BIGNUMERIC"];
        !self.repeated && numeric.contains(&self.kind.as_str())
    }
}

impl ResultTable {
    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The number in a row and column, if it is one.
    pub fn number(&self, row: usize, name: &str) -> Option<f64> {
        self.rows.get(row)?.get(self.column(name)?)?.number()
    }

    /// The rows as objects.
    pub fn to_json(&self) -> Vec<Value> {
        let object = |row: &Vec<Cell>| {
            let named = self.columns.iter().zip(row).map(|(column, cell)| (column.name.clone(), cell.to_json()));
            Value::Object(named.collect())
        };
        self.rows.iter().map(object).collect()
    }
}

impl Cell {
    pub fn number(&self) -> Option<f64> {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "for people: fifteen digits are enough")]
            Cell::Integer(number) => Some(*number as f64),
            Cell::Float(number) => Some(*number),
            _ => None,
        }
    }

    pub fn to_json(&self) -> Value {
        match self {
            Cell::Null => Value::Null,
            Cell::Bool(flag) => Value::Bool(*flag),
            Cell::Integer(number) => Value::from(*number),
            // JSON has no NaN and no infinity.
            Cell::Float(number) => Number::from_f64(*number).map_or_else(|| Value::from(float(*number)), Value::Number),
            Cell::Text(text) => Value::from(text.as_str()),
            Cell::List(cells) => Value::Array(cells.iter().map(Cell::to_json).collect()),
            Cell::Record(fields) => {
                Value::Object(fields.iter().map(|(name, cell)| (name.clone(), cell.to_json())).collect())
            }
        }
    }

    /// As text, exactly; nested values as JSON. A NULL is empty.
    pub fn to_text(&self) -> String {
        match self {
            Cell::Null => String::new(),
            Cell::Bool(flag) => flag.to_string(),
            Cell::Integer(number) => number.to_string(),
            Cell::Float(number) => float(*number),
            Cell::Text(text) => text.clone(),
            Cell::List(_) | Cell::Record(_) => self.to_json().to_string(),
        }
    }
}

fn float(number: f64) -> String {
    match number {
        _ if number.is_nan() => "NaN".to_owned(),
        f64::INFINITY => "Infinity".to_owned(),
        f64::NEG_INFINITY => "-Infinity".to_owned(),
        _ => format!("{number:?}"),
    }
}

/// A row, `{"f": [{"v": ...}, ...]}`. What does not fit the schema is an error that names the column.
pub(super) fn row(columns: &[Column], row: &Map<String, Value>) -> Result<Vec<Cell>, String> {
    fields(columns, row.get("f"), DEPTH_MAX).map(|fields| fields.into_iter().map(|(_, cell)| cell).collect())
}

fn fields(columns: &[Column], values: Option<&Value>, depth: usize) -> Result<Vec<(String, Cell)>, String> {
    let values = values.and_then(Value::as_array).ok_or("a row has no fields")?;
    if values.len() != columns.len() {
        return Err(format!("a row has {} fields, the schema has {}", values.len(), columns.len()));
    }
    let cell = |(column, value): (&Column, &Value)| {
        let value = value.get("v").unwrap_or(&Value::Null);
        Ok((column.name.clone(), cell(column, value, depth).map_err(|why| format!("column `{}`: {why}", column.name))?))
    };
    columns.iter().zip(values).map(cell).collect()
}

fn cell(column: &Column, value: &Value, depth: usize) -> Result<Cell, String> {
    if !column.repeated {
        return one(column, value, depth);
    }
    match value {
        Value::Null => Ok(Cell::List(Vec::new())),
        Value::Array(items) => {
            let item = |item: &Value| one(column, item.get("v").unwrap_or(&Value::Null), depth);
            items.iter().map(item).collect::<Result<_, _>>().map(Cell::List)
        }
        _ => Err("it is no list".to_owned()),
    }
}

fn one(column: &Column, value: &Value, depth: usize) -> Result<Cell, String> {
    match value {
        Value::Null => Ok(Cell::Null),
        _ if column.is_record() => {
            let depth = depth.checked_sub(1).ok_or("records are nested too deeply")?;
            fields(&column.fields, value.get("f"), depth).map(Cell::Record)
        }
        Value::String(text) => scalar(&column.kind, text),
        _ => Err("a value is not text".to_owned()),
    }
}

fn scalar(kind: &str, text: &str) -> Result<Cell, String> {
    let wrong = || format!("`{}` is no {kind}", text.chars().take(40).collect::<String>());
    match kind {
        "INTEGER" | "INT64" => text.parse().map(Cell::Integer).map_err(|_| wrong()),
        "FLOAT" | "FLOAT64" => match text {
            "NaN" => Ok(Cell::Float(f64::NAN)),
            "Infinity" => Ok(Cell::Float(f64::INFINITY)),
            "-Infinity" => Ok(Cell::Float(f64::NEG_INFINITY)),
            _ => text.parse().map(Cell::Float).map_err(|_| wrong()),
        },
        "BOOLEAN" | "BOOL" => text.parse().map(Cell::Bool).map_err(|_| wrong()),
        "TIMESTAMP" => {
            let micros: i64 = text.parse().map_err(|_| wrong())?;
            let instant = Timestamp::from_microsecond(micros).map_err(|_| wrong())?;
            Ok(Cell::Text(timestamp(instant)))
        }
        _ => Ok(Cell::Text(text.to_owned())),
    }
}

/// As BigQuery prints it: a fraction only where there is one.
fn timestamp(instant: Timestamp) -> String {
    let zoned = instant.to_zoned(jiff::tz::TimeZone::UTC);
    let pattern = if instant.subsec_nanosecond() == 0 { "%Y-%m-%d %H:%M:%S UTC" } else { "%Y-%m-%d %H:%M:%S%.6f UTC" };
    zoned.strftime(pattern).to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn column(name: &str, kind: &str) -> Column {
        Column { name: name.into(), kind: kind.into(), repeated: false, fields: Vec::new() }
    }

    fn read(column: &Column, value: &Value) -> Result<Value, String> {
        let wire = json!({"f": [{"v": value}]});
        row(std::slice::from_ref(column), wire.as_object().unwrap()).map(|cells| cells[0].to_json())
    }

    #[test]
    fn scalars_are_read_by_their_type() {
        let check = |kind: &str, text: &str, expected: Value| {
            assert_eq!(read(&column("c", kind), &json!(text)), Ok(expected), "{kind} {text}");
        };
        check("INTEGER", "-42", json!(-42));
        check("FLOAT", "1012.35", json!(1012.35));
        check("FLOAT64", "NaN", json!("NaN"));
        check("BOOLEAN", "true", json!(true));
        check("TIMESTAMP", "1704167100000000", json!("2024-01-02 03:45:00 UTC"));
        check("TIMESTAMP", "1704167100123456", json!("2024-01-02 03:45:00.123456 UTC"));
        check("NUMERIC", "1.10", json!("1.10"));
        check("STRING", "", json!(""));
        assert_eq!(read(&column("c", "INTEGER"), &Value::Null), Ok(Value::Null));
    }

    #[test]
    fn records_and_lists_nest() {
        let level = Column {
            repeated: true,
            fields: vec![column("price", "FLOAT"), column("n", "INTEGER")],
            ..column("buy", "RECORD")
        };
        let depth = Column { fields: vec![level], ..column("depth", "RECORD") };
        let wire = json!({"f": [{"v": [{"v": {"f": [{"v": "1.5"}, {"v": "2"}]}}, {"v": null}]}]});
        assert_eq!(read(&depth, &wire), Ok(json!({"buy": [{"price": 1.5, "n": 2}, null]})));
    }

    #[test]
    fn what_does_not_fit_the_schema_names_the_column() {
        assert_eq!(read(&column("n", "INTEGER"), &json!("x")).unwrap_err(), "column `n`: `x` is no INTEGER");
        assert_eq!(read(&column("n", "INTEGER"), &json!(1)).unwrap_err(), "column `n`: a value is not text");
        assert_eq!(
            row(&[], json!({"f": [{"v": "1"}]}).as_object().unwrap()).unwrap_err(),
            "a row has 1 fields, the schema has 0"
        );
        assert!(read(&column("t", "TIMESTAMP"), &json!("9223372036854775807")).is_err());
        let mut deep = column("r", "RECORD");
        let mut wire = json!({"f": []});
        for _ in 0..40 {
            deep = Column { fields: vec![deep], ..column("r", "RECORD") };
            wire = json!({"f": [{"v": wire}]});
        }
        assert!(read(&deep, &wire).unwrap_err().ends_with("nested too deeply"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(kind in "INTEGER|FLOAT|BOOLEAN|TIMESTAMP|DATE", text in "\\PC{0,20}|[0-9.eE+-]{0,22}") {
            if let Ok(cell) = scalar(&kind, &text) {
                cell.to_text();
            }
        }
    }
}
