//! What the analyzer refuses, in BigQuery's words and with its places.

use super::{World, check};

#[test]
fn errors_have_bigquerys_words_and_places() {
    let no_field = format!("Field name foo does not exist in {} at [1:14]", super::DEPTH);
    let table = [
        ("SELECT volum FROM ds.ticks", "Unrecognized name: volum; Did you mean volume? at [1:8]"),
        ("SELECT 1,\n  foo", "Unrecognized name: foo at [2:3]"),
        ("SELECT t.foo FROM ds.ticks t", "Name foo not found inside t at [1:10]"),
        ("SELECT depth.foo FROM ds.names, ds.ticks", no_field.as_str()),
        ("SELECT volume.x FROM ds.ticks", "Cannot access field x on a value with type INT64 at [1:15]"),
        ("SELECT instrument_token FROM ds.ticks, ds.names", "Column name instrument_token is ambiguous at [1:8]"),
        ("SELECT 1 FROM t", "Table \"t\" must be qualified with a dataset (e.g. dataset.table). at [1:15]"),
        ("SELECT 1 FROM ds.t", "Not found: Table p:ds.t was not found in location US at [1:15]"),
        (
            "SELECT volume, COUNT(*) FROM ds.ticks",
            "SELECT list expression references column volume which is neither grouped nor aggregated at [1:8]",
        ),
        (
            "SELECT volume + 1 FROM ds.ticks GROUP BY last_price",
            "SELECT list expression references column volume which is neither grouped nor aggregated at [1:8]",
        ),
        (
            "SELECT t.volume FROM ds.ticks t GROUP BY last_price",
            "SELECT list expression references column t.volume which is neither grouped nor aggregated at [1:8]",
        ),
        (
            "SELECT 1 FROM ds.ticks GROUP BY last_price ORDER BY volume",
            "ORDER BY clause expression references column volume which is neither grouped nor aggregated at [1:53]",
        ),
        (
            "SELECT 1 FROM ds.ticks WHERE volume",
            "WHERE clause should return type BOOL, but returns type INT64 at [1:30]",
        ),
        (
            "SELECT 1 FROM ds.ticks WHERE SUM(volume) > 1",
            "Aggregate function SUM not allowed in WHERE clause at [1:30]",
        ),
        ("SELECT SUM(SUM(volume)) FROM ds.ticks", "Aggregations of aggregations are not allowed at [1:12]"),
        (
            "SELECT 1 FROM ds.ticks WHERE ROW_NUMBER() OVER () = 1",
            "Analytic function not allowed in WHERE clause at [1:30]",
        ),
        ("SELECT RANK() OVER () FROM ds.ticks", "Window ORDER BY is required for analytic function rank at [1:8]"),
        (
            "SELECT 1 UNION ALL SELECT 1, 2",
            "Queries in UNION ALL have mismatched column count; query 1 has 1 column, query 2 has 2 columns at [1:20]",
        ),
        ("SELECT 1 UNION ALL SELECT 'a'", "Column 1 in UNION ALL has incompatible types: INT64, STRING at [1:20]"),
        ("SELECT 1 FROM ds.names, ds.names", "Duplicate table alias names in the same FROM clause at [1:28]"),
        ("SELECT * EXCEPT (foo) FROM ds.names", "Column foo in SELECT * EXCEPT list does not exist at [1:18]"),
        ("SELECT *", "SELECT * must have a FROM clause at [1:8]"),
        (
            "SELECT (SELECT 1, 2)",
            "Scalar subquery cannot have more than one column unless using SELECT AS STRUCT to build STRUCT values at [1:9]",
        ),
        (
            "SELECT x FROM UNNEST(1) x",
            "Values referenced in UNNEST must be arrays. UNNEST contains expression of type INT64 at [1:22]",
        ),
        (
            "SELECT 1 FROM ds.ticks t, t.volume",
            "Values referenced in FROM clause must be arrays. t.volume has type INT64 at [1:27]",
        ),
        ("SELECT CAST(TRUE AS DATE)", "Invalid cast from BOOL to DATE at [1:13]"),
        ("SELECT DATE '2024-13-01'", "Invalid DATE literal at [1:8]"),
        ("SELECT 99999999999999999999", "Invalid integer literal: 99999999999999999999 at [1:8]"),
        ("SELECT [1, 'a']", "Array elements of types {INT64, STRING} do not have a common supertype at [1:8]"),
        (
            "SELECT 1 ORDER BY 2",
            "ORDER BY column number item is out of range. Column numbers must be greater than or equal to one. SELECT list has 1 columns. at [1:19]",
        ),
        (
            "SELECT 1 FROM ds.ticks a JOIN ds.names b",
            "INNER JOIN must have an immediately following ON or USING clause at [1:26]",
        ),
        (
            "SELECT depth FROM ds.ticks ORDER BY depth.buy",
            "ORDER BY does not support expressions of type ARRAY<STRUCT<price FLOAT64, orders INT64, quantity INT64>> at [1:37]",
        ),
        (
            "SELECT COUNT(*) FROM ds.ticks GROUP BY depth.buy",
            "Grouping by expressions of type ARRAY is not allowed at [1:40]",
        ),
        (
            "SELECT DISTINCT name FROM ds.names ORDER BY instrument_token",
            "ORDER BY clause expression references column instrument_token which is not visible after SELECT DISTINCT at [1:45]",
        ),
        ("SELECT * FROM ds.names LIMIT -1", "LIMIT expects a non-negative integer literal or parameter at [1:30]"),
        ("SELECT @nope", "Query parameter 'nope' not found at [1:8]"),
        ("SELECT SAFE.SUM(volume) FROM ds.ticks", "Function SUM does not support SAFE error mode at [1:8]"),
        (
            "SELECT UPPER(DISTINCT name) FROM ds.names",
            "Non-aggregate function UPPER cannot be called with DISTINCT at [1:8]",
        ),
        ("SELECT * FROM EXTERNAL.QUERY('x')", "Table-valued function not found: EXTERNAL.QUERY at [1:15]"),
        ("WITH a AS (SELECT 1), A AS (SELECT 2) SELECT 1", "Duplicate alias A for WITH subquery at [1:23]"),
        (
            "SELECT 1 AS x QUALIFY x = 1",
            "The QUALIFY clause requires analytic function to be present either in the QUALIFY clause or the SELECT list at [1:23]",
        ),
    ];
    let rows: Vec<(String, String)> =
        table.iter().map(|(script, error)| ((*script).to_owned(), format!("ERROR {error}"))).collect();
    check(&rows.iter().map(|(script, error)| (script.as_str(), error.as_str())).collect::<Vec<_>>());
}

#[test]
fn functions_errors_get_a_place() {
    let found = |script: &str| World::new().run(script).unwrap_err().to_string();
    let error = found("SELECT\n UPPER('a') + 1");
    assert!(error.starts_with("No matching signature for operator +") && error.ends_with(" at [2:2]"), "{error}");
    let error = found("SELECT NO_SUCH_FUNCTION(1)");
    assert!(error.starts_with("Function not found: NO_SUCH_FUNCTION") && error.ends_with(" at [1:8]"), "{error}");
    assert_eq!(found("SELECT 1, DATE_ADD('a', INTERVAL 1 DAY)"), "Could not cast literal \"a\" to type DATE at [1:20]");
    let error = found("SELECT 1 / 0");
    assert!(error.starts_with("division by zero"), "{error}");
}
