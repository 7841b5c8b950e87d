//! Results of scripts, as tables, CSV, JSON, and the few lines that `up` ends with.

use serde_json::{Value, json};

use super::{Format, took};
use crate::cloud::{Cell, ResultTable, ScriptRun, StatementRun};
use crate::report::{bytes, count};

/// A cell of a table is cut beyond this.
const CELL_CHARS_MAX: usize = 60;

/// One line about a statement.
pub(super) fn statement_line(statement: &StatementRun) -> String {
    let kind = statement.kind.replace('_', " ").to_ascii_lowercase();
    let mut text = match &statement.target {
        Some(target) => format!("{kind} {target}"),
        None => kind,
    };
    if statement.operation == "SKIP" {
        text.push_str(" (was there already)");
    }
    if let Some(rows) = statement.affected_rows {
        text.push_str(&format!(", {} rows", count(rows)));
    }
    format!(
        "{text}, {} processed, {} slot ms, {}",
        bytes(statement.bytes_processed),
        count(statement.slot_ms),
        took(statement.elapsed_ms)
    )
}

/// The results of a script, on standard output.
pub(super) fn run_text(run: &ScriptRun, format: Format) -> String {
    let results = run.statements.iter().filter_map(|statement| Some((statement, statement.result.as_ref()?)));
    let parts: Vec<String> = match format {
        Format::Table => {
            let head = format!("{}, {}", run.script, took(run.elapsed_ms));
            let tables = results.map(|(_, result)| format!("{}{}", table(result), rest(result)));
            std::iter::once(head).chain(tables).collect()
        }
        Format::Csv => results.map(|(_, result)| csv(result)).collect(),
        Format::Json => {
            results.map(|(_, result)| serde_json::to_string_pretty(&result.to_json()).unwrap_or_default()).collect()
        }
    };
    parts.join("\n\n") + if format == Format::Table { "\n" } else { "" }
}

fn rest(result: &ResultTable) -> String {
    let shown = u64::try_from(result.rows.len()).unwrap_or(u64::MAX);
    match result.total > shown {
        true => format!("\n  ... {} of {} rows (--max-rows shows more)", count(shown), count(result.total)),
        false => String::new(),
    }
}

/// Columns side by side, numbers to the right.
fn table(result: &ResultTable) -> String {
    let cells: Vec<Vec<String>> = result.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
    let width = |place: usize, name: &str| {
        let widest = cells.iter().filter_map(|row| row.get(place)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        widest.max(name.chars().count())
    };
    let widths: Vec<usize> =
        result.columns.iter().enumerate().map(|(place, column)| width(place, &column.name)).collect();
    let line = |texts: Vec<&str>| {
        let padded = texts.iter().zip(&widths).zip(&result.columns).map(|((text, width), column)| {
            if column.is_number() { format!("{text:>width$}") } else { format!("{text:<width$}") }
        });
        format!("  {}", padded.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    let head = line(result.columns.iter().map(|column| column.name.as_str()).collect());
    let rule = format!("  {}", widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  "));
    let rows = cells.iter().map(|row| line(row.iter().map(String::as_str).collect()));
    [head, rule].into_iter().chain(rows).collect::<Vec<_>>().join("\n")
}

/// A cell for people: control characters are no business of a terminal, and six digits behind the point are enough.
fn shown(cell: &Cell) -> String {
    let text = match cell {
        Cell::Null => "NULL".to_owned(),
        Cell::Float(number) => short(*number),
        other => other.to_text(),
    };
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    match text.chars().count() > CELL_CHARS_MAX {
        true => text.chars().take(CELL_CHARS_MAX - 1).chain(['…']).collect(),
        false => text,
    }
}

fn short(number: f64) -> String {
    let size = number.abs();
    if number == 0.0 || !number.is_finite() || !(1e-4..1e15).contains(&size) {
        return if size == 0.0 || !number.is_finite() {
            Cell::Float(number).to_text()
        } else {
            format!("{number:.6e}")
        };
    }
    let text = format!("{number:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// RFC 4180, with a header.
fn csv(result: &ResultTable) -> String {
    let quoted = |text: String| match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    };
    let head = result.columns.iter().map(|column| quoted(column.name.clone())).collect::<Vec<_>>().join(",");
    let rows =
        result.rows.iter().map(|row| row.iter().map(|cell| quoted(cell.to_text())).collect::<Vec<_>>().join(","));
    std::iter::once(head).chain(rows).collect::<Vec<_>>().join("\n")
}

/// What programs are told of a script.
pub(in crate::cli) fn run_document(run: &ScriptRun) -> Value {
    json!({
        "script": run.script,
        "job": run.job,
        "bytes_processed": run.bytes_processed,
        "slot_ms": run.slot_ms,
        "elapsed_ms": run.elapsed_ms,
        "statements": run.statements.iter().map(statement_document).collect::<Vec<_>>(),
    })
}

fn statement_document(statement: &StatementRun) -> Value {
    let result = statement.result.as_ref().map(|result| {
        let columns = result.columns.iter().map(|column| json!({"name": column.name, "type": column.kind}));
        json!({"columns": columns.collect::<Vec<_>>(), "total_rows": result.total, "rows": result.to_json()})
    });
    json!({
        "statement_type": statement.kind,
        "target": statement.target,
        "operation": (!statement.operation.is_empty()).then_some(&statement.operation),
        "line": statement.line,
        "bytes_processed": statement.bytes_processed,
        "slot_ms": statement.slot_ms,
        "elapsed_ms": statement.elapsed_ms,
        "affected_rows": statement.affected_rows,
        "result": result,
    })
}

/// How good the regression is, from whichever result has its measures.
pub(in crate::cli) fn quality(runs: &[ScriptRun]) -> Option<String> {
    results(runs).find_map(|result| {
        let (r2, error) = (result.number(0, "r2_score")?, result.number(0, "root_mean_squared_error")?);
        Some(format!("R2 {r2:.4}, RMSE {error:.2}"))
    })
}

/// The forecasts of every instrument, if a script gives them.
pub(in crate::cli) fn forecast_table(runs: &[ScriptRun]) -> Option<&ResultTable> {
    let by_instrument = |result: &&ResultTable| {
        result.column("instrument_token").is_some() && result.column("prediction_interval_lower_bound").is_some()
    };
    results(runs).find(by_instrument)
}

/// A line an instrument: where its price goes, with the interval at the end.
pub(in crate::cli) fn forecasts(runs: &[ScriptRun]) -> Vec<String> {
    let Some(result) = forecast_table(runs) else { return Vec::new() };
    let text = |row: usize, name: &str| {
        let cell = result.rows.get(row).zip(result.column(name)).and_then(|(row, place)| row.get(place));
        cell.map(Cell::to_text).unwrap_or_default()
    };
    let mut lines: Vec<(String, usize, usize)> = Vec::new();
    for row in 0..result.rows.len() {
        let instrument = text(row, "instrument_token");
        match lines.last_mut() {
            Some((last, _, end)) if *last == instrument => *end = row,
            _ => lines.push((instrument, row, row)),
        }
    }
    let line = |(instrument, first, last): &(String, usize, usize)| {
        let number =
            |row: usize, name: &str| result.number(row, name).map_or_else(|| "-".to_owned(), |n| format!("{n:.2}"));
        format!(
            "{instrument}: {} at {}, {} at {} ({} to {})",
            number(*first, "forecast_value"),
            clock(&text(*first, "forecast_timestamp")),
            number(*last, "forecast_value"),
            clock(&text(*last, "forecast_timestamp")),
            number(*last, "prediction_interval_lower_bound"),
            number(*last, "prediction_interval_upper_bound"),
        )
    };
    lines.iter().map(line).collect()
}

fn results(runs: &[ScriptRun]) -> impl Iterator<Item = &ResultTable> {
    runs.iter().flat_map(|run| &run.statements).filter_map(|statement| statement.result.as_ref())
}

/// `2024-01-02 10:01:00 UTC` as `10:01 UTC`.
fn clock(timestamp: &str) -> String {
    match timestamp.split_once(' ') {
        Some((_, time)) => format!("{} UTC", time.get(..5).unwrap_or(time)),
        None => timestamp.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cloud::Column;

    fn column(name: &str, kind: &str) -> Column {
        Column { name: name.into(), kind: kind.into(), repeated: false, fields: Vec::new() }
    }

    fn sample() -> ResultTable {
        let row = |token: &str, price: f64, bound: Option<f64>| {
            vec![
                Cell::Text(token.into()),
                Cell::Text("2024-01-02 10:01:00 UTC".into()),
                Cell::Float(price),
                bound.map_or(Cell::Null, Cell::Float),
            ]
        };
        ResultTable {
            columns: vec![
                column("instrument_token", "STRING"),
                column("forecast_timestamp", "TIMESTAMP"),
                column("forecast_value", "FLOAT"),
                column("prediction_interval_lower_bound", "FLOAT"),
            ],
            rows: vec![row("7", 1012.35, Some(0.1 + 0.2)), row("7", 1e-9, None), row("a\"b,c", 5.0, Some(f64::NAN))],
            total: 5,
        }
    }

    fn run(result: ResultTable) -> ScriptRun {
        let statement = StatementRun {
            kind: "SELECT".into(),
            target: None,
            operation: String::new(),
            line: None,
            bytes_processed: 2048,
            slot_ms: 1200,
            elapsed_ms: 15,
            affected_rows: None,
            result: Some(result),
        };
        ScriptRun {
            script: "s.sql".into(),
            job: "j".into(),
            statements: vec![statement],
            bytes_processed: 0,
            slot_ms: 0,
            elapsed_ms: 20,
        }
    }

    #[test]
    fn a_table_has_numbers_to_the_right_and_says_what_is_left_out() {
        insta::assert_snapshot!(run_text(&run(sample()), Format::Table).trim_end(), @r#"
        s.sql, 20 ms

          instrument_token  forecast_timestamp       forecast_value  prediction_interval_lower_bound
          ----------------  -----------------------  --------------  -------------------------------
          7                 2024-01-02 10:01:00 UTC         1012.35                              0.3
          7                 2024-01-02 10:01:00 UTC     1.000000e-9                             NULL
          a"b,c             2024-01-02 10:01:00 UTC               5                              NaN
          ... 3 of 5 rows (--max-rows shows more)
        "#);
    }

    #[test]
    fn csv_is_exact_and_quoted_where_it_has_to_be() {
        insta::assert_snapshot!(run_text(&run(sample()), Format::Csv), @r#"
        instrument_token,forecast_timestamp,forecast_value,prediction_interval_lower_bound
        7,2024-01-02 10:01:00 UTC,1012.35,0.30000000000000004
        7,2024-01-02 10:01:00 UTC,1e-9,
        "a""b,c",2024-01-02 10:01:00 UTC,5.0,NaN
        "#);
    }

    #[test]
    fn a_statement_is_one_line() {
        let mut statement = run(sample()).statements.remove(0);
        assert_eq!(statement_line(&statement), "select, 2.0 KiB processed, 1,200 slot ms, 15 ms");
        statement.kind = "CREATE_MODEL".into();
        statement.target = Some("m".into());
        assert_eq!(statement_line(&statement), "create model m, 2.0 KiB processed, 1,200 slot ms, 15 ms");
    }

    #[test]
    fn forecasts_are_a_line_an_instrument() {
        let lines = forecasts(&[run(sample())]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], "7: 1012.35 at 10:01 UTC, 0.00 at 10:01 UTC (- to -)");
    }
}
