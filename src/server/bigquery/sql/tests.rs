//! Scripts become statements with their places, and syntax errors are BigQuery's own.

use proptest::prelude::*;

use super::ast::{Body, ExpressionKind, Literal, Relation, SelectItem};
use super::*;
use crate::server::bigquery::error::Position;
use crate::server::bigquery::value::Type;

fn kinds(script: &str) -> String {
    let statements = parse_script(script).unwrap_or_else(|error| panic!("{script}: {error}"));
    statements.iter().map(|statement| kind(&statement.kind)).collect::<Vec<_>>().join(" ")
}

fn inside(statements: &[Statement]) -> String {
    statements.iter().map(|statement| kind(&statement.kind)).collect::<Vec<_>>().join(" ")
}

fn kind(kind: &StatementKind) -> String {
    let debug = format!("{kind:?}");
    let name = debug.split([' ', '(', '{']).next().unwrap_or_default().to_owned();
    match kind {
        StatementKind::If(found) => {
            let arms: Vec<String> = found.arms.iter().map(|arm| inside(&arm.body)).collect();
            format!("If[{}|{}]", arms.join("|"), inside(&found.otherwise))
        }
        StatementKind::Block { body, exception, .. } => {
            format!(
                "Block[{}|{}]",
                inside(body),
                exception.as_ref().map_or_else(|| "-".to_owned(), |body| inside(body))
            )
        }
        StatementKind::Loop { body, .. } | StatementKind::While { body, .. } | StatementKind::Repeat { body, .. } => {
            format!("{name}[{}]", inside(body))
        }
        StatementKind::For(found) => format!("For[{}]", inside(&found.body)),
        _ => name,
    }
}

#[test]
fn a_script_is_split_into_statements() {
    let table = [
        ("SELECT 1", "Query"),
        ("SELECT 1;", "Query"),
        ("SELECT ';' -- ; \n; # x;\n/* ; */ SELECT 2;", "Query Query"),
        ("WITH a AS (SELECT 1) SELECT * FROM a", "Query"),
        ("((SELECT 1) UNION ALL (SELECT 2))", "Query"),
        ("CREATE SCHEMA IF NOT EXISTS ds OPTIONS(location='EU')", "CreateSchema"),
        (
            "CREATE OR REPLACE EXTERNAL TABLE `p.ds.t` OPTIONS (format='JSON', uris=['gs://b/o.json'])",
            "CreateExternalTable",
        ),
        (
            "CREATE EXTERNAL TABLE ds.t (a INT64, b ARRAY<STRUCT<x FLOAT64>>) OPTIONS (format='CSV')",
            "CreateExternalTable",
        ),
        ("CREATE TABLE ds.t (a INT64 NOT NULL DEFAULT 1 OPTIONS(description='x'), b STRING,)", "CreateTable"),
        ("CREATE TABLE ds.t PARTITION BY DATE(ts) CLUSTER BY a, b AS SELECT 1 a", "CreateTable"),
        ("CREATE TEMP TABLE t AS SELECT 1 a", "CreateTable"),
        ("CREATE TABLE a.b LIKE c.d; CREATE TABLE a.b COPY c.d", "CreateTable CreateTable"),
        ("CREATE OR REPLACE VIEW ds.v (a, b) AS SELECT 1, 2", "CreateView"),
        ("CREATE MODEL ds.m OPTIONS(model_type='linear_reg', input_label_cols=['x']) AS SELECT 1 AS x", "CreateModel"),
        (
            "CREATE OR REPLACE MODEL `p.ds.m` TRANSFORM(a, b + 1 AS c) OPTIONS(model_type='linear_reg') AS (SELECT 1 a)",
            "CreateModel",
        ),
        (
            "DROP MODEL IF EXISTS `p.ds.m`; DROP EXTERNAL TABLE t.x; DROP SCHEMA ds CASCADE; DROP VIEW a.b",
            "Drop Drop Drop Drop",
        ),
        (
            "INSERT INTO a.b (x, y) VALUES (1, DEFAULT), (2, 3); INSERT a.b SELECT 1; INSERT a.b (SELECT 1)",
            "Insert Insert Insert",
        ),
        (
            "UPDATE a.b t SET t.x = 1, y = DEFAULT FROM c.d WHERE TRUE; DELETE a.b WHERE TRUE; DELETE FROM a.b AS t WHERE t.x = 1",
            "Update Delete Delete",
        ),
        (
            "MERGE a.b t USING c.d s ON t.x = s.x WHEN MATCHED AND s.y THEN UPDATE SET x = 1 WHEN NOT MATCHED THEN INSERT ROW WHEN NOT MATCHED BY SOURCE THEN DELETE",
            "Merge",
        ),
        ("TRUNCATE TABLE a.b", "Truncate"),
        (
            "DECLARE a, b INT64 DEFAULT 1; DECLARE c DEFAULT 'x'; SET a = 2; SET (a, b) = (1, 2); SET @@time_zone = 'UTC'",
            "Declare Declare Set Set Set",
        ),
        ("IF a THEN SELECT 1; ELSEIF b THEN SELECT 2; SET x = 1; ELSE SELECT 3; END IF", "If[Query|Query Set|Query]"),
        ("CASE x WHEN 1 THEN SELECT 1; ELSE SELECT 2; END CASE;", "If[Query|Query]"),
        ("BEGIN SELECT 1; EXCEPTION WHEN ERROR THEN SELECT @@error.message; RAISE; END", "Block[Query|Query Raise]"),
        ("BEGIN TRANSACTION; COMMIT TRANSACTION; ROLLBACK", "BeginTransaction CommitTransaction RollbackTransaction"),
        (
            "WHILE x < 1 DO SET x = x + 1; CONTINUE; END WHILE; LOOP BREAK; END LOOP; REPEAT SET x = 1; UNTIL x > 1 END REPEAT",
            "While[Set Continue] Loop[Break] Repeat[Set]",
        ),
        ("outer_loop: LOOP LEAVE outer_loop; END LOOP outer_loop", "Loop[Break]"),
        ("FOR r IN (SELECT 1 AS a) DO SELECT r.a; END FOR", "For[Query]"),
        ("RETURN; RAISE USING MESSAGE = 'x'; ASSERT 1 = 1 AS 'why'", "Return Raise Assert"),
        ("EXECUTE IMMEDIATE 'SELECT ?' INTO x USING 1 AS a", "ExecuteImmediate"),
        ("EXPORT DATA OPTIONS(uri='gs://b/*.csv', format='CSV') AS SELECT 1", "ExportData"),
        ("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 ORDER BY 1 LIMIT 2 OFFSET 1", "Query"),
        ("SELECT AS STRUCT 1 a; SELECT DISTINCT a, * EXCEPT (b) REPLACE (c + 1 AS c), t.* FROM t", "Query Query"),
        (
            "SELECT x FROM a.b, UNNEST([1, 2]) AS x WITH OFFSET AS o, b.c.d AS e LEFT JOIN f.g USING (a, b) RIGHT OUTER JOIN (h.i CROSS JOIN j.k) ON TRUE",
            "Query",
        ),
        ("SELECT * FROM ML.FORECAST(MODEL `p.ds.m`, STRUCT(10 AS horizon, 0.8 AS confidence_level))", "Query"),
        ("SELECT * FROM ML.PREDICT(MODEL ds.m, TABLE ds.t)", "Query"),
        (
            "SELECT SUM(x) OVER w, COUNT(*) OVER (PARTITION BY a ORDER BY b DESC NULLS FIRST ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) FROM t WINDOW w AS (PARTITION BY a)",
            "Query",
        ),
        (
            "SELECT ARRAY_AGG(DISTINCT x IGNORE NULLS ORDER BY x DESC LIMIT 3), ANY_VALUE(x HAVING MAX y) FROM t QUALIFY TRUE",
            "Query",
        ),
        (
            "SELECT CASE WHEN a THEN 1 ELSE 2 END, CASE x WHEN 1 THEN 2 END, IF(a, 1, 2), CAST(a AS INT64), SAFE_CAST(a AS ARRAY<STRING>), EXTRACT(HOUR FROM t AT TIME ZONE 'UTC')",
            "Query",
        ),
        (
            "SELECT a IS NOT NULL, a NOT IN (1, 2), a BETWEEN 1 AND 2 AND b, a NOT LIKE 'x', NOT a = b, a IS NOT DISTINCT FROM b, x IN UNNEST([1]), x IN (SELECT 1)",
            "Query",
        ),
        (
            "SELECT DATE '2024-01-01' + INTERVAL 1 DAY, STRUCT<a INT64, STRING>(1, 'x'), ARRAY<INT64>[], [1][OFFSET(0)], (1, 2), ARRAY(SELECT 1), EXISTS(SELECT 1)",
            "Query",
        ),
        ("SELECT r'\\d', b'\\x41', '''a\n'b''', \"x\", rb'\\x', 0xFF, 1e3, .5, 1., @p, ?, @@x.y", "Query"),
        ("SELECT 1 << 2 >> 1, ~1, a ^ b | c & d, a || b, ARRAY<ARRAY_TYPE>[1] FROM t", "error"),
    ];
    for (script, expected) in table {
        if expected == "error" {
            assert!(parse_script(script).is_err(), "{script}");
        } else {
            assert_eq!(kinds(script), expected, "{script}");
        }
    }
}

#[test]
fn syntax_errors_are_bigquerys_with_their_place_in_the_script() {
    let table = [
        ("", "Syntax error: Unexpected end of script at [1:1]"),
        ("SELEC 1", "Syntax error: Unexpected identifier \"SELEC\" at [1:1]"),
        ("SELECT 1\nFROM", "Syntax error: Unexpected end of script at [2:5]"),
        ("SELECT 1 2", "Syntax error: Expected end of input but got integer literal \"2\" at [1:10]"),
        ("SELECT 1;\nSELECT 2 FRM\nFROM t FROM u", "Syntax error: Expected end of input but got keyword FROM at [3:8]"),
        ("SELECT FROM t", "Syntax error: SELECT list must not be empty at [1:8]"),
        ("SELECT (1", "Syntax error: Expected \")\" but got end of script at [1:10]"),
        ("SELECT 'abc", "Syntax error: Unclosed string literal at [1:8]"),
        ("SELECT 1 /* x", "Syntax error: Unclosed comment at [1:10]"),
        ("SELECT '\\q'", "Syntax error: Illegal escape sequence: \\q at [1:8]"),
        ("SELECT $", "Syntax error: Illegal input character \"$\" at [1:8]"),
        (
            "SELECT 1 UNION SELECT 2",
            "Syntax error: Expected keyword ALL or keyword DISTINCT but got keyword SELECT at [1:16]",
        ),
        (
            "SELECT 1 UNION ALL SELECT 2 UNION DISTINCT SELECT 2",
            "Syntax error: Different set operations cannot be used in the same query without using parentheses for grouping at [1:29]",
        ),
        ("DELETE FROM a.b", "DELETE must have a WHERE clause at [1:1]"),
        (
            "SELECT 1; DECLARE x INT64",
            "Variable declarations are allowed only at the start of a block or script at [1:11]",
        ),
        ("SELECT CAST(1 AS FOO)", "Type not found: FOO at [1:18]"),
        ("SELECT CAST(1 AS BIGNUMERIC)", "Type BIGNUMERIC is not supported at [1:18]"),
        ("SELECT * FROM t TABLESAMPLE SYSTEM (1 PERCENT)", "TABLESAMPLE is not supported at [1:17]"),
        ("SELECT * FROM t FOR SYSTEM_TIME AS OF x", "FOR SYSTEM_TIME AS OF is not supported at [1:17]"),
        ("ALTER TABLE a.b ADD COLUMN c INT64", "Statement not supported: ALTER at [1:1]"),
        ("CREATE FUNCTION f() AS (1)", "Statement not supported: CREATE FUNCTION at [1:1]"),
        ("CREATE TABLE a.b (c INT64) OPTIONS(x=1, X=2)", "Duplicate option specified for: X at [1:41]"),
        ("SELECT 1abc", "Syntax error: Missing whitespace between literal and alias at [1:9]"),
        ("SELECT a = b = c", "Syntax error: Unexpected \"=\" at [1:14]"),
        ("IF a THEN SELECT 1 END IF", "Syntax error: Expected \";\" but got keyword END at [1:20]"),
        ("FROM t |> SELECT a", "Pipe query syntax is not supported at [1:1]"),
    ];
    for (script, expected) in table {
        assert_eq!(parse_script(script).unwrap_err().to_string(), expected, "{script}");
    }
}

#[test]
fn a_statement_knows_its_text_its_place_and_its_words() {
    let script = "  SELECT a;\n\n  DROP TABLE `p-1.ds.t` ;";
    let statements = parse_script(script).unwrap();
    let texts: Vec<&str> = statements.iter().map(|statement| &script[statement.text.clone()]).collect();
    assert_eq!(texts, ["SELECT a", "DROP TABLE `p-1.ds.t`"]);
    assert_eq!(statements[1].start, Position { line: 3, column: 3 });
    assert_eq!(statements[1].end, Position { line: 3, column: 24 });
    let words = |script: &str| parse_script(script).unwrap().remove(0);
    assert!(words("SELECT a.b FROM t").words.contains("B"));
    assert!(!words("SELECT COUNT(*) FROM t WHERE a * 2 > 1").star);
    assert!(words("SELECT t.* FROM t").star);
    assert!(words("SELECT TO_JSON_STRING(t) FROM ds.t").star, "a whole row is used");
    assert!(!words("SELECT x FROM ds.t, UNNEST(a) AS x").star);
}

#[test]
fn paths_split_at_dots_wherever_the_backticks_are() {
    for path in ["`p-1.ds.t`", "p-1.ds.t", "`p-1`.ds.t", "`p-1`.`ds`.`t`", "`p-1.ds`.t", "my-p-1.ds.t"] {
        let statements = parse_script(&format!("SELECT 1 FROM {path}")).unwrap();
        let StatementKind::Query(query) = &statements[0].kind else { panic!() };
        let Body::Select(select) = &query.body else { panic!() };
        let Some(Relation::Table { path: found, .. }) = &select.from else { panic!() };
        assert_eq!(found.texts()[1..], ["ds", "t"], "{path}");
        assert!(found.texts()[0].ends_with("p-1"), "{path}");
    }
}

fn literal(text: &str) -> Literal {
    let expression = parse_expression(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let ExpressionKind::Literal(literal) = expression.kind else { panic!("{text}") };
    literal
}

#[test]
fn literals_are_read_with_their_escapes() {
    let table = [
        (r"'a\n\t\\\'b'", Literal::String("a\n\t\\'b".to_owned())),
        (r"'\x41\u00e9\U0001F600\101'", Literal::String("Aé😀A".to_owned())),
        (r"r'\n'", Literal::String("\\n".to_owned())),
        (r"b'\x00\xff'", Literal::Bytes(vec![0, 255])),
        (r"Rb'\x00'", Literal::Bytes(b"\\x00".to_vec())),
        ("'''it's'''", Literal::String("it's".to_owned())),
        ("0x1F", Literal::Integer("0x1F".to_owned())),
        ("1.5e-3", Literal::Float(0.0015)),
        ("DATE '2024-01-31'", Literal::Typed(Type::Date, "2024-01-31".to_owned())),
        ("''", Literal::String(String::new())),
    ];
    for (text, expected) in table {
        assert_eq!(literal(text), expected, "{text}");
    }
}

#[test]
fn operators_bind_as_googlesql_says() {
    let same = |left: &str, right: &str| {
        let strip = |text: &str| shape(&parse_expression(text).unwrap());
        assert_eq!(strip(left), strip(right), "{left}");
    };
    same("a + b * c", "a + (b * c)");
    same("a - b - c", "(a - b) - c");
    same("NOT a = b", "NOT (a = b)");
    same("a OR b AND c", "a OR (b AND c)");
    same("-a * b", "(-a) * b");
    same("a | b ^ c & d << 1 + 2", "a | (b ^ (c & (d << (1 + 2))))");
    same("a BETWEEN 1 AND 2 AND b", "(a BETWEEN 1 AND 2) AND b");
    same("a + 1 IN (1) OR b", "((a + 1) IN (1)) OR b");
    same("a || b = c", "(a || b) = c");
}

/// The tree without places.
fn shape(expression: &ast::Expression) -> String {
    let text = format!("{expression:?}");
    regex::Regex::new(r"(operator_)?at: Position \{ line: \d+, column: \d+ \}")
        .unwrap()
        .replace_all(&text, "")
        .into_owned()
}

#[test]
fn model_options_and_query_come_apart() {
    let script = "CREATE OR REPLACE MODEL `p.ds.m`\nOPTIONS(model_type='ARIMA_PLUS', auto_arima=TRUE, horizon=10) AS\nSELECT timestamp, last_price FROM `p.ds.t`";
    let statements = parse_script(script).unwrap();
    let StatementKind::CreateModel { path, action, options, query, .. } = &statements[0].kind else { panic!() };
    assert_eq!((path.texts().join("."), *action), ("p.ds.m".to_owned(), Action::CreateOrReplace));
    assert_eq!(
        options.iter().map(|option| option.name.text.as_str()).collect::<Vec<_>>(),
        ["model_type", "auto_arima", "horizon"]
    );
    let Body::Select(select) = &query.as_ref().unwrap().body else { panic!() };
    assert!(matches!(&select.items[0], SelectItem::Expression { .. }));
    assert_eq!(options[2].name.at, Position { line: 2, column: 51 });
}

#[test]
fn depth_is_bounded_and_long_filters_are_not_deep() {
    let deep = format!("SELECT {}1{}", "(".repeat(5000), ")".repeat(5000));
    assert!(parse_script(&deep).unwrap_err().to_string().contains("nesting depth"));
    let wide = format!("SELECT 1 WHERE {}", vec!["a = 1"; 3000].join(" OR "));
    assert!(parse_script(&wide).is_ok());
    let selects = format!("SELECT {}", "(SELECT ".repeat(5000));
    assert!(parse_script(&selects).is_err());
    let nested = format!("SELECT {}1{}", "((SELECT ".repeat(15), ") + 1)".repeat(15));
    assert!(parse_script(&nested).is_ok(), "no retries: this ends at once");
}

proptest! {
    #[test]
    fn any_text_never_panics(text in ".{0,200}") {
        drop(parse_script(&text));
    }

    #[test]
    fn any_soup_of_the_grammars_words_never_panics(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..60)) {
        drop(parse_script(&words.join(" ")));
    }
}

pub(in crate::server::bigquery) const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "HAVING",
    "QUALIFY",
    "LIMIT",
    "OFFSET",
    "UNION ALL",
    "EXCEPT DISTINCT",
    "WITH",
    "AS",
    "JOIN",
    "LEFT JOIN",
    "ON",
    "USING",
    "UNNEST",
    "STRUCT",
    "ARRAY",
    "CASE",
    "WHEN",
    "THEN",
    "ELSE",
    "END",
    "CAST",
    "SAFE_CAST",
    "EXTRACT",
    "INTERVAL",
    "IF",
    "IN",
    "BETWEEN",
    "AND",
    "OR",
    "NOT",
    "IS",
    "NULL",
    "LIKE",
    "OVER",
    "PARTITION BY",
    "ROWS",
    "DISTINCT",
    "EXISTS",
    "(",
    ")",
    "[",
    "]",
    "<",
    ">",
    ",",
    ".",
    "*",
    "+",
    "-",
    "/",
    "||",
    "=",
    ";",
    "@p",
    "?",
    "1",
    "2.5",
    "'x'",
    "b'y'",
    "t",
    "a",
    "ds.ticks",
    "depth.buy",
    "price",
    "SUM",
    "COUNT(*)",
    "TIMESTAMP",
    "DATE '2024-01-01'",
    "INT64",
    "HOUR",
    "INSERT",
    "VALUES",
    "UPDATE",
    "SET",
    "DELETE",
    "MERGE",
    "MATCHED",
    "CREATE",
    "MODEL",
    "TABLE",
    "OPTIONS",
    "BEGIN",
    "LOOP",
    "WHILE",
    "DO",
    "DECLARE",
    "DEFAULT",
    "ML.PREDICT",
    "`p.d.t`",
    "ALL",
    "RECURSIVE",
    "REPLACE",
    "WINDOW",
    "ROWS BETWEEN",
    "UNBOUNDED PRECEDING",
    "CURRENT ROW",
    "IGNORE NULLS",
    "DESC",
    "NULLS LAST",
];
