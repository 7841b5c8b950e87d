//! Queries and the rows that they give.

use super::{World, check, show_rows};

#[test]
fn selects() {
    check(&[
        ("SELECT 1, 'a', NULL, TRUE, 1.5", "1,a,NULL,true,1.5"),
        ("SELECT 5 / 2, 5 - 7, -3, 2 * 3 + 1", "2.5,-2,-3,7"),
        ("SELECT instrument_token FROM ds.ticks WHERE volume > 250 ORDER BY volume DESC", "1;2"),
        ("SELECT T.LAST_PRICE FROM `p.ds.ticks` AS t WHERE t.volume = 0", "100"),
        ("SELECT * FROM ds.names ORDER BY name", "3,NULL;1,one;2,two"),
        ("SELECT * FROM ds.names ORDER BY name DESC", "2,two;1,one;3,NULL"),
        ("SELECT * FROM ds.names ORDER BY name NULLS LAST", "1,one;2,two;3,NULL"),
        ("SELECT * EXCEPT (name) FROM ds.names ORDER BY 1 DESC LIMIT 1 OFFSET 1", "2"),
        ("SELECT n.* REPLACE (UPPER(name) AS name) FROM ds.names n WHERE name IS NOT NULL ORDER BY 1", "1,ONE;2,TWO"),
        ("SELECT DISTINCT instrument_token AS i FROM ds.ticks ORDER BY i", "1;2"),
        ("SELECT x + 1, @p, ? + 1", "8,it's,3"),
        (
            "SELECT IF(1 < 2, 'a', 'b'), COALESCE(NULL, 2, 3), IFNULL(NULL, 1.5), CASE 2 WHEN 1 THEN 'x' WHEN 2 THEN 'y' END",
            "a,2,1.5,y",
        ),
        (
            "SELECT CASE WHEN 1 = 2 THEN 1 ELSE 2.5 END, 1 IN (1, 2), 3 NOT IN (1, 2), 2 BETWEEN 1 AND 3, 'abc' LIKE 'a%'",
            "2.5,true,true,true,true",
        ),
        ("SELECT NULL IS NULL, TRUE IS NOT FALSE, 1 IS DISTINCT FROM NULL, NOT TRUE", "true,true,true,false"),
        ("SELECT 2 IN UNNEST([1, 2]), 1.0 IN UNNEST([1, 2]), 'x' IN (SELECT name FROM ds.names)", "true,true,NULL"),
        (
            "SELECT CAST('12' AS INT64) + 1, SAFE_CAST('x' AS INT64), CAST(1.5 AS STRING), CAST(NULL AS STRING)",
            "13,NULL,1.5,NULL",
        ),
        (
            "SELECT EXTRACT(HOUR FROM TIMESTAMP '2024-01-31 09:15:00'), EXTRACT(DATE FROM TIMESTAMP '2024-01-31 09:15:00+00')",
            "9,2024-01-31",
        ),
        ("SELECT DATE '2024-01-31' = '2024-01-31', DATE_ADD(DATE '2024-01-31', INTERVAL 1 DAY)", "true,2024-02-01"),
        ("SELECT TIMESTAMP_TRUNC(timestamp, HOUR) = '2024-01-31 09:00:00' FROM ds.ticks LIMIT 1", "true"),
        ("SELECT TIMESTAMP_DIFF(MAX(timestamp), MIN(timestamp), SECOND) FROM ds.ticks", "300"),
        ("SELECT TIMESTAMP '2024-01-31 09:15:00' + INTERVAL 2 HOUR = TIMESTAMP '2024-01-31 11:15:00'", "true"),
        (
            "SELECT SAFE.SUBSTR('abc', 2), SAFE_DIVIDE(1, 0), UPPER(name) FROM ds.names ORDER BY 3 DESC LIMIT 1",
            "bc,NULL,TWO",
        ),
        ("SELECT 'a' || 'b', CONCAT('it\\'s', \"x\")", "ab,it'sx"),
        ("SELECT 'it\\'s; DROP TABLE s0 --'", "it's; DROP TABLE s0 --"),
    ]);
}

#[test]
fn structs_and_arrays() {
    check(&[
        ("SELECT depth.buy[OFFSET(0)].price FROM ds.ticks WHERE volume = 0", "99.5"),
        (
            "SELECT t.depth.sell[ORDINAL(2)].orders, depth.buy[SAFE_OFFSET(9)].price FROM ds.ticks t WHERE volume = 0",
            "2,NULL",
        ),
        ("SELECT STRUCT(1 AS a, 'x' AS b).b, STRUCT<a INT64, b FLOAT64>(1, 2).b, (1, 2)", "x,2,{1 2}"),
        (
            "SELECT [1, 2][OFFSET(1)], ARRAY<FLOAT64>[1, 2], ARRAY_LENGTH([1, 2, 3]), [1, NULL, 2.5]",
            "2,[1 2],3,[1 NULL 2.5]",
        ),
        ("SELECT b.price, b.quantity FROM ds.ticks t, t.depth.buy AS b WHERE t.volume = 100", "100.5,10;100,10"),
        (
            "SELECT price, o FROM ds.ticks, UNNEST(depth.buy) WITH OFFSET AS o WHERE volume = 100 ORDER BY o DESC",
            "100,1;100.5,0",
        ),
        ("SELECT x, offset FROM UNNEST(['a', 'b']) AS x WITH OFFSET ORDER BY offset", "a,0;b,1"),
        ("SELECT * FROM UNNEST([STRUCT(1 AS a, 2.5 AS b), (3, 4)])", "1,2.5;3,4"),
        ("SELECT * FROM UNNEST([1, 2]) ORDER BY 1", "1;2"),
        (
            "SELECT ARRAY(SELECT b.price FROM UNNEST(depth.buy) AS b ORDER BY b.price) FROM ds.ticks WHERE volume = 0",
            "[99 99.5]",
        ),
        (
            "SELECT (SELECT SUM(b.quantity) FROM UNNEST(depth.buy) b) FROM ds.ticks t ORDER BY t.timestamp LIMIT 3",
            "0;20;40",
        ),
        ("SELECT ARRAY(SELECT AS STRUCT 1 AS a, 'x' AS b)[OFFSET(0)].b", "x"),
        ("SELECT ARRAY(SELECT 1 FROM UNNEST([1]) WHERE FALSE)", "[]"),
        ("SELECT n FROM ds.names AS n WHERE n.name = 'one'", "{1 one}"),
        ("SELECT s.* FROM (SELECT STRUCT(1 AS a, 2 AS b) AS s)", "1,2"),
        ("SELECT COUNT(*) FROM ds.ticks t LEFT JOIN t.depth.buy b ON b.price > 1000", "6"),
        ("SELECT AS STRUCT 1 AS a, 2 AS b", "1,2"),
        ("SELECT v.a FROM (SELECT AS VALUE STRUCT(1 AS a, 2 AS b)) AS v", "1"),
        ("SELECT CAST('NaN' AS FLOAT64) AS x UNION ALL SELECT 1 UNION ALL SELECT NULL ORDER BY x", "NULL;NaN;1"),
    ]);
}

#[test]
fn grouping() {
    check(&[
        (
            "SELECT COUNT(*), COUNT(volume), SUM(volume), AVG(last_price), MIN(last_price), MAX(volume) FROM ds.ticks",
            "6,5,1000,102.5,100,400",
        ),
        ("SELECT instrument_token, SUM(volume) FROM ds.ticks GROUP BY instrument_token ORDER BY 1", "1,600;2,400"),
        ("SELECT instrument_token AS i, SUM(volume) AS v FROM ds.ticks GROUP BY 1 HAVING v > 500", "1,600"),
        ("SELECT MOD(volume, 200) AS m, COUNT(*) c FROM ds.ticks GROUP BY m ORDER BY c DESC, m", "0,3;100,2;NULL,1"),
        ("SELECT instrument_token + 1, COUNT(*) FROM ds.ticks GROUP BY ALL ORDER BY 1", "2,3;3,3"),
        (
            "SELECT UPPER(CONCAT(CAST(instrument_token AS STRING), 'a')) FROM ds.ticks GROUP BY instrument_token ORDER BY 1",
            "1A;2A",
        ),
        ("SELECT COUNT(DISTINCT instrument_token), COUNTIF(volume > 100) FROM ds.ticks", "2,3"),
        ("SELECT ARRAY_AGG(volume IGNORE NULLS ORDER BY volume DESC LIMIT 2) FROM ds.ticks", "[400 300]"),
        ("SELECT STRING_AGG(name, '-' ORDER BY name DESC) FROM ds.names", "two-one"),
        ("SELECT 1 FROM ds.ticks HAVING COUNT(*) > 10", ""),
        (
            "SELECT (SELECT MAX(name) FROM ds.names n WHERE n.instrument_token = t.instrument_token) FROM ds.ticks t GROUP BY t.instrument_token ORDER BY 1",
            "one;two",
        ),
        ("SELECT depth.buy[OFFSET(0)].price > 100, COUNT(*) FROM ds.ticks GROUP BY 1 ORDER BY 1", "false,1;true,5"),
        ("SELECT 'k' AS k, COUNT(*) FROM ds.ticks GROUP BY k", "k,6"),
    ]);
}

#[test]
fn windows() {
    check(&[
        (
            "SELECT volume, LAG(volume) OVER (ORDER BY timestamp) FROM ds.ticks ORDER BY timestamp LIMIT 3",
            "0,NULL;100,0;200,100",
        ),
        (
            "SELECT ROW_NUMBER() OVER (PARTITION BY instrument_token ORDER BY timestamp DESC) AS r FROM ds.ticks QUALIFY r = 1",
            "1;1",
        ),
        (
            "SELECT last_price FROM ds.ticks QUALIFY RANK() OVER (PARTITION BY instrument_token ORDER BY last_price DESC) = 1 ORDER BY last_price",
            "104;105",
        ),
        (
            "SELECT SUM(volume) OVER w FROM ds.ticks WINDOW w AS (ORDER BY timestamp ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) ORDER BY timestamp",
            "0;100;300;500;700;400",
        ),
        ("SELECT instrument_token, SUM(COUNT(*)) OVER () FROM ds.ticks GROUP BY 1 ORDER BY 1", "1,6;2,6"),
        ("SELECT AVG(last_price) OVER (PARTITION BY instrument_token) FROM ds.ticks ORDER BY timestamp LIMIT 1", "102"),
        (
            "SELECT LAST_VALUE(volume IGNORE NULLS) OVER (ORDER BY timestamp ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM ds.ticks LIMIT 1",
            "400",
        ),
        ("SELECT DISTINCT COUNT(*) OVER (PARTITION BY instrument_token) FROM ds.ticks", "3"),
    ]);
}

#[test]
fn joins() {
    check(&[
        ("SELECT COUNT(*) FROM ds.ticks a, ds.names b", "18"),
        ("SELECT COUNT(*) FROM ds.ticks AS a JOIN ds.names AS b ON a.instrument_token = b.instrument_token", "6"),
        (
            "SELECT name, COUNT(volume) FROM ds.names LEFT JOIN ds.ticks USING (instrument_token) GROUP BY name ORDER BY name",
            "NULL,0;one,3;two,2",
        ),
        (
            "SELECT instrument_token FROM ds.ticks RIGHT JOIN ds.names USING (instrument_token) WHERE volume IS NULL ORDER BY 1",
            "2;3",
        ),
        (
            "SELECT * FROM (SELECT 1 AS a, 2 AS b) FULL JOIN (SELECT 3 AS a, 4 AS c) USING (a) ORDER BY a",
            "1,2,NULL;3,NULL,4",
        ),
        ("SELECT x.a, y.b FROM (SELECT 1 AS a) AS x CROSS JOIN (SELECT 2 AS b) AS y", "1,2"),
        (
            "SELECT COUNT(*) FROM ds.names a JOIN (ds.names b JOIN ds.names c ON b.instrument_token = c.instrument_token) ON a.instrument_token = b.instrument_token",
            "3",
        ),
        (
            "SELECT COUNT(*) FROM ds.names n WHERE EXISTS (SELECT 1 FROM ds.ticks t WHERE t.instrument_token = n.instrument_token)",
            "2",
        ),
        (
            "SELECT name FROM ds.names n WHERE (SELECT COUNT(*) FROM ds.ticks t WHERE t.instrument_token = n.instrument_token) = 0",
            "NULL",
        ),
        ("SELECT (SELECT name FROM ds.names WHERE instrument_token = 2)", "two"),
        ("SELECT (SELECT name FROM ds.names)", "ERROR Scalar subquery produced more than one element"),
        (
            "SELECT a.instrument_token FROM ds.names a, (SELECT MAX(instrument_token) m FROM ds.names) b WHERE a.instrument_token = b.m",
            "3",
        ),
    ]);
}

#[test]
fn set_operations_and_ctes() {
    check(&[
        ("SELECT 1 UNION ALL SELECT 2.5 UNION ALL SELECT NULL ORDER BY 1 DESC", "2.5;1;NULL"),
        ("SELECT 1 AS a UNION DISTINCT SELECT 1 UNION DISTINCT SELECT 2 ORDER BY a", "1;2"),
        ("(SELECT 1 AS a ORDER BY a LIMIT 1) UNION ALL (SELECT 2 LIMIT 1) ORDER BY a DESC LIMIT 1", "2"),
        ("SELECT 1 INTERSECT DISTINCT SELECT 1", "1"),
        ("SELECT x FROM UNNEST([1, 2, 3]) x EXCEPT DISTINCT SELECT 2 ORDER BY x", "1;3"),
        ("SELECT 1 UNION ALL (SELECT 2 UNION DISTINCT SELECT 2) ORDER BY 1", "1;2"),
        ("WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT a.x, b.y FROM a, b", "1,2"),
        (
            "WITH a AS (SELECT 1 AS x) SELECT (SELECT MAX(x) FROM a) + 1, x IN (SELECT x FROM a) FROM (SELECT 1 AS x)",
            "2,true",
        ),
        ("WITH a AS (SELECT 1 AS x) SELECT * FROM (WITH b AS (SELECT x + 1 AS y FROM a) SELECT * FROM b)", "2"),
        ("WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 4) SELECT SUM(i) FROM n", "10"),
        ("WITH a AS (SELECT 1 AS x) SELECT x FROM a UNION ALL SELECT x FROM A", "1;1"),
        ("SELECT * FROM (SELECT 1 AS a, 'x' UNION ALL SELECT 2, 'y') WHERE a = 2", "2,y"),
    ]);
}

#[test]
fn names_of_results() {
    let names = |script: &str| {
        let (fields, _) = World::new().run(script).unwrap_or_else(|error| panic!("{script}: {error}"));
        fields.iter().map(|field| format!("{} {}", field.name, field.kind.name())).collect::<Vec<_>>().join(", ")
    };
    let depth = format!("buy ARRAY<STRUCT<price FLOAT64, orders INT64, quantity INT64>>, depth {}", super::DEPTH);
    let table = [
        ("SELECT 1, 2 AS a, 3", "f0_ INT64, a INT64, f1_ INT64"),
        ("SELECT 1 AS x, 2 AS X, 3 AS x_1", "x INT64, X_2 INT64, x_1 INT64"),
        ("SELECT depth.buy, t.depth FROM ds.ticks t", depth.as_str()),
        ("SELECT NULL, [] AS e", "f0_ INT64, e ARRAY<INT64>"),
        ("SELECT name, * FROM ds.names", "name STRING, instrument_token INT64, name_1 STRING"),
        ("SELECT COUNT(*) AS `n`, 1 / 2 FROM ds.names", "n INT64, f0_ FLOAT64"),
    ];
    for (script, expected) in table {
        assert_eq!(names(script), expected, "{script}");
    }
}

#[test]
fn tables_and_wanted_columns_are_told() {
    let mut world = World::new();
    let query = world
        .analyze("SELECT a.volume FROM ds.ticks a JOIN `p.ds.names` b USING (instrument_token) JOIN ds.ticks c ON TRUE")
        .unwrap();
    assert_eq!(query.tables, [vec!["ds", "ticks"], vec!["p", "ds", "names"]]);
    assert!(
        world.wanted[0].as_ref().unwrap().contains("VOLUME")
            && !world.wanted[0].as_ref().unwrap().contains("LAST_PRICE")
    );
    world.analyze("SELECT * FROM ds.ticks").unwrap();
    assert_eq!(world.wanted.last(), Some(&None));
    let query = world.analyze("SELECT 1 AS a, 2 AS A").unwrap();
    assert_eq!(query.duplicates, ["A"]);
}

#[test]
fn expressions_for_variables_have_the_type_asked_for() {
    use crate::server::bigquery::sql::{StatementKind, parse_script};
    use crate::server::bigquery::value::Type;
    let run = |text: &str, wanted: Option<Type>| {
        let statements = parse_script(&format!("SET v = {text}")).unwrap();
        let StatementKind::Set { value, .. } = &statements[0].kind else { panic!() };
        let mut world = World::new();
        match super::super::expression(value, wanted.as_ref(), &statements[0], &mut world) {
            Ok(query) => show_rows(&world.rows(&query.sql, &query.fields).unwrap()),
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(run("x + (SELECT COUNT(*) FROM ds.names)", None), "10");
    assert_eq!(run("1", Some(Type::Float64)), "1");
    assert_eq!(run("'2024-01-31'", Some(Type::Date)), "2024-01-31");
    assert_eq!(run("[]", Some(Type::Array(Box::new(Type::String)))), "[]");
    assert_eq!(run("'a'", Some(Type::Int64)), "Cannot coerce expression of type STRING to type INT64 at [1:9]");
}
