//! The five scripts of the demo, in shape.

use super::{World, query_of, show_rows};
use crate::server::bigquery::analyze::{constant, query};
use crate::server::bigquery::sql::{StatementKind, parse_script};
use crate::server::bigquery::value::{Type, Value};

#[test]
fn the_external_table_has_its_options() {
    let statements = parse_script(
        "-- the table\nCREATE OR REPLACE EXTERNAL TABLE `p.ds.external_table`\nOPTIONS (\n  format = 'JSON',\n  uris = ['gs://bucket/data/stock_data_sample.json']\n);",
    )
    .unwrap();
    let StatementKind::CreateExternalTable { path, options, .. } = &statements[0].kind else { panic!() };
    assert_eq!(path.texts(), ["p", "ds", "external_table"]);
    let world = World::new();
    let values: Vec<(String, Value)> =
        options.iter().map(|option| (option.name.text.clone(), constant(&option.value, &world).unwrap().1)).collect();
    assert_eq!(values[0], ("format".to_owned(), Value::String("JSON".to_owned())));
    assert_eq!(values[1].1, Value::Array(vec![Value::String("gs://bucket/data/stock_data_sample.json".to_owned())]));
}

#[test]
fn the_regression_is_trained_on_its_query() {
    let script = "CREATE OR REPLACE MODEL `p.ds.price_regressor`
OPTIONS(model_type='linear_reg', input_label_cols=['last_price']) AS
SELECT last_price, volume, EXTRACT(HOUR FROM TIMESTAMP(timestamp)) AS hour
FROM `p.ds.ticks` WHERE last_price IS NOT NULL;";
    let statements = parse_script(script).unwrap();
    let mut world = World::new();
    let found = query(query_of(&statements[0]), &statements[0], &mut world).unwrap();
    let names: Vec<&str> = found.fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["last_price", "volume", "hour"]);
    assert_eq!(found.fields[2].kind, Type::Int64);
    assert!(show_rows(&world.rows(&found.sql, &found.fields).unwrap()).starts_with("100,0,9;101,100,9"));
}

#[test]
fn a_prediction_reads_its_input_by_itself() {
    let mut world = World::new();
    let script = "SELECT predicted_last_price, * FROM ML.PREDICT(MODEL `p.ds.price_regressor`,
  (SELECT volume, EXTRACT(HOUR FROM TIMESTAMP(timestamp)) AS hour FROM `p.ds.ticks` ORDER BY volume)) LIMIT 2";
    let (fields, rows) = world.run(script).unwrap();
    let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
    assert_eq!(names, ["predicted_last_price", "predicted_last_price_1", "volume", "hour"]);
    assert_eq!(rows.len(), 2);
    let call = &world.calls[0];
    assert_eq!(
        (call.name.as_str(), call.model.as_deref()),
        ("ML.PREDICT", Some(&["p", "ds", "price_regressor"].map(String::from)[..]))
    );
    assert_eq!(call.input.as_ref().unwrap().tables, [vec!["p", "ds", "ticks"]]);
}

#[test]
fn forecasts_have_typed_options() {
    let mut world = World::new();
    let script = "SELECT * FROM ML.FORECAST(MODEL `p.ds.arima`, STRUCT(10 AS horizon, 0.8 AS confidence_level))";
    assert_eq!(show_rows(&world.run(script).unwrap().1), "2.5");
    let options = &world.calls[0].options;
    assert_eq!(options[0], ("horizon".to_owned(), Type::Int64, Value::Int64(10)));
    assert_eq!(options[1], ("confidence_level".to_owned(), Type::Float64, Value::Float64(0.8)));
}

#[test]
fn inputs_bring_their_ctes_along_and_see_nothing_else() {
    let mut world = World::new();
    let script = "WITH f AS (SELECT volume FROM ds.ticks), g AS (SELECT volume + 1 AS v FROM f)
SELECT COUNT(*) FROM ML.PREDICT(MODEL ds.m, TABLE g)";
    assert_eq!(show_rows(&world.run(script).unwrap().1), "6");
    let input = world.calls[0].input.clone().unwrap();
    assert_eq!(world.rows(&input.sql, &input.fields).unwrap().len(), 6);
    let outer = "SELECT (SELECT COUNT(*) FROM ML.PREDICT(MODEL ds.m, (SELECT t.volume))) FROM ds.ticks t";
    assert_eq!(world.run(outer).unwrap_err().to_string(), "Unrecognized name: t at [1:61]");
}
