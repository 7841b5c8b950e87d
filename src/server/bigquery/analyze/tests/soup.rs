//! Random queries: each runs or is refused by the analyzer; none panics, and none reaches SQLite wrong.

use proptest::prelude::*;

use super::World;
use crate::server::bigquery::sql::{self, StatementKind, parse_script};

/// Pieces from which whole queries are made, so that most of them parse.
const ITEMS: &[&str] = &[
    "1",
    "x",
    "volume",
    "t.volume",
    "depth.buy",
    "depth.buy[OFFSET(0)].price",
    "t",
    "*",
    "SUM(volume)",
    "COUNT(*)",
    "volume + 1",
    "'a'",
    "NULL",
    "ARRAY_AGG(volume)",
    "LAG(volume) OVER (ORDER BY volume)",
    "(SELECT 1)",
    "ARRAY(SELECT volume)",
    "CAST(volume AS STRING)",
    "volume / 2",
    "IF(volume > 1, 'a', NULL)",
    "STRUCT(1 AS a)",
    "[1, 2]",
    "EXTRACT(HOUR FROM timestamp)",
    "timestamp + INTERVAL 1 HOUR",
    "volume IN (1, 2)",
    "EXISTS(SELECT volume)",
    "CASE WHEN volume = 1 THEN 2 END",
    "name",
    "t.*",
    "@p",
];
const TAILS: &[&str] = &[
    "",
    " WHERE volume > 1",
    " WHERE COUNT(*) > 1",
    " GROUP BY 1",
    " GROUP BY volume",
    " GROUP BY ALL",
    " HAVING COUNT(*) > 0",
    " ORDER BY 1",
    " ORDER BY volume DESC",
    " LIMIT 1",
    " QUALIFY ROW_NUMBER() OVER (ORDER BY volume) = 1",
    " UNION ALL SELECT 1",
];
const SOURCES: &[&str] = &[
    "ds.ticks t",
    "ds.ticks t, t.depth.buy b",
    "ds.ticks t JOIN ds.names USING (instrument_token)",
    "ds.names",
    "UNNEST([1, 2]) AS x WITH OFFSET AS o",
    "(SELECT * FROM ds.ticks) t",
    "ds.ticks t LEFT JOIN ds.names n ON TRUE",
    "ML.PREDICT(MODEL ds.m, TABLE ds.ticks) t",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn any_query_of_pieces_runs_or_is_refused_by_us(
        items in proptest::collection::vec(proptest::sample::select(ITEMS), 1..4),
        source in proptest::sample::select(SOURCES),
        tails in proptest::collection::vec(proptest::sample::select(TAILS), 0..3),
    ) {
        let script = format!("SELECT {} FROM {source}{}", items.join(", "), tails.concat());
        if let Err(error) = World::new().run(&script) {
            prop_assert!(!error.message.starts_with("SQLITE"), "{script}: {error}");
        }
    }

    #[test]
    fn any_soup_is_analyzed_without_a_panic(words in proptest::collection::vec(proptest::sample::select(sql::WORDS), 0..40)) {
        let script = format!("SELECT {}", words.join(" "));
        let Ok(statements) = parse_script(&script) else { return Ok(()) };
        let mut world = World::new();
        for statement in &statements {
            if let StatementKind::Query(query) = &statement.kind {
                drop(super::super::query(query, statement, &mut world));
            }
        }
    }
}

#[test]
fn the_deepest_query_fits_a_threads_stack() {
    let deepest = |open: &str, close: &str| {
        let mut fits = None;
        for depth in (1..100).rev() {
            let script = format!("SELECT {}1{}", open.repeat(depth), close.repeat(depth));
            if parse_script(&script).is_ok() {
                fits = Some(script);
                break;
            }
        }
        World::new().analyze(&fits.unwrap()).map(|_| ())
    };
    // Test threads have 2 MiB.
    assert!(deepest("(1 + ", ")").is_ok());
    assert!(deepest("(SELECT ", ")").is_ok());
    assert!(deepest("ABS(", ")").is_ok());
    assert!(deepest("(SELECT x FROM UNNEST([(SELECT ", ")]) AS x)").is_ok());
}
