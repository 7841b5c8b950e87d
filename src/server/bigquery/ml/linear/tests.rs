//! Linear regression as a whole: against scikit-learn's numbers, table by table, option by option.

use serde::Deserialize;

use crate::server::bigquery::ml::table::{Table, field};
use crate::server::bigquery::ml::{Frame, Model, ModelOptions};
use crate::server::bigquery::value::{Type, Value};

/// A table with scikit-learn's fit of the rows that are not held back; made by `scripts/ml-reference`.
#[derive(Deserialize)]
struct Case {
    name: String,
    numbers: Vec<Vec<f64>>,
    categories: Option<Vec<String>>,
    label: Vec<f64>,
    is_evaluation: Vec<bool>,
    coefficients: Vec<f64>,
    intercept: f64,
    predictions: Vec<f64>,
    metrics: std::collections::BTreeMap<String, Option<f64>>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/ml/linear.json"))).unwrap()
}

impl Case {
    fn frame(&self) -> Frame {
        let mut fields: Vec<_> = (0..self.numbers.len()).map(|i| field(format!("x{i}"), Type::Float64)).collect();
        fields.extend([field("held", Type::Bool), field("label", Type::Float64)]);
        if self.categories.is_some() {
            fields.push(field("kind", Type::String));
        }
        let mut frame = Frame::new(&fields);
        for row in 0..self.label.len() {
            let mut values: Vec<Value> = self.numbers.iter().map(|column| Value::Float64(column[row])).collect();
            values.extend([Value::Bool(self.is_evaluation[row]), Value::Float64(self.label[row])]);
            values.extend(self.categories.iter().map(|kinds| Value::String(kinds[row].clone())));
            frame.push(&values).unwrap();
        }
        frame
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn fit(given: &[(&str, Value)], frame: &Frame) -> Result<Model, String> {
    let mut all = vec![("model_type".to_owned(), text("linear_reg"))];
    all.extend(given.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let options = ModelOptions::parse(&all).map_err(|error| error.to_string())?;
    Model::fit(&options, frame).map_err(|error| error.to_string())
}

fn call(model: &Model, function: &str, input: Option<&Frame>) -> Table {
    model.call(function, &[], input).unwrap()
}

fn number(value: &Value) -> f64 {
    match value {
        Value::Float64(x) => *x,
        _ => f64::NAN,
    }
}

fn is_near(a: f64, b: f64, relative: f64) -> bool {
    (a - b).abs() <= relative * b.abs().max(1e-12)
}

/// `y = 3 x - 2` with a NULL in each column, a text and a time.
fn small(rows: i64) -> Frame {
    let mut frame = Frame::new(&[
        field("x", Type::Int64),
        field("side", Type::String),
        field("at", Type::Timestamp),
        field("y", Type::Float64),
    ]);
    for i in 0..rows {
        let x = if i == 3 { Value::Null } else { Value::Int64(i) };
        let side = if i == 4 { Value::Null } else { text(["buy", "sell", "buy"][usize::try_from(i % 3).unwrap()]) };
        let y = if i == 5 { Value::Null } else { Value::Float64(3.0 * i as f64 - 2.0) };
        frame.push(&[x, side, Value::Timestamp(i * 60_000_000), y]).unwrap();
    }
    frame
}

const LABEL: (&str, &str) = ("input_label_cols", "y");

fn with_label(given: &[(&'static str, Value)]) -> Vec<(&'static str, Value)> {
    let mut all = vec![(LABEL.0, Value::Array(vec![text(LABEL.1)]))];
    all.extend_from_slice(given);
    all
}

#[test]
fn weights_predictions_and_metrics_agree_with_scikit_learn() {
    for case in cases() {
        let frame = case.frame();
        let model = fit(&[("data_split_method", text("CUSTOM")), ("data_split_col", text("held"))], &frame).unwrap();
        let weights = call(&model, "ML.WEIGHTS", None);
        // With a category the intercept is shared with its weights, so neither is defined alone.
        if case.categories.is_none() {
            let intercept = number(&weights.rows[weights.rows.len() - 1][1]);
            assert!(is_near(intercept, case.intercept, 1e-6), "{}: {intercept}, not {}", case.name, case.intercept);
        }
        for (row, want) in weights.rows.iter().zip(&case.coefficients) {
            assert!(is_near(number(&row[1]), *want, 1e-6), "{}: {:?}, not {want}", case.name, row[1]);
        }
        let predicted = call(&model, "ML.PREDICT", Some(&frame));
        for (row, want) in predicted.rows.iter().zip(&case.predictions) {
            assert!(is_near(number(&row[0]), *want, 1e-9), "{}: {:?}, not {want}", case.name, row[0]);
        }
        let metrics = call(&model, "ML.EVALUATE", None);
        for (field, value) in metrics.fields.iter().zip(&metrics.rows[0]) {
            match case.metrics[&field.name] {
                Some(want) => {
                    assert!(is_near(number(value), want, 1e-6), "{}: {} {value:?}, not {want}", case.name, field.name)
                }
                None => assert_eq!(*value, Value::Null, "{}: {}", case.name, field.name),
            }
        }
    }
}

#[test]
fn the_two_solvers_agree_on_a_wide_table() {
    let mut frame = Frame::new(&[field("k", Type::String), field("x", Type::Float64), field("label", Type::Float64)]);
    for i in 0..6_000i32 {
        let kind = i % 450;
        let x = f64::from(i * 7919 % 1009);
        let label = f64::from(kind % 13) + 0.25 * x + f64::from(i * 31 % 7) * 0.1;
        frame.push(&[text(&format!("k{kind}")), Value::Float64(x), Value::Float64(label)]).unwrap();
    }
    let wide = fit(&[("data_split_method", text("NO_SPLIT"))], &frame).unwrap();
    let loss = number(&call(&wide, "ML.EVALUATE", None).rows[0][1]);
    let weight = number(&call(&wide, "ML.WEIGHTS", None).rows[1][1]);
    assert!(loss < 0.05 && is_near(weight, 0.25, 1e-3), "{loss} {weight}");
    // The mean of the residuals of each category is zero at the optimum.
    let predicted = call(&wide, "ML.PREDICT", Some(&frame));
    let first: f64 = (0..6_000usize)
        .step_by(450)
        .map(|i| {
            let row = i;
            let i = i32::try_from(i).unwrap();
            let label = f64::from(i % 450 % 13) + 0.25 * f64::from(i * 7919 % 1009) + f64::from(i * 31 % 7) * 0.1;
            label - number(&predicted.rows[row][0])
        })
        .sum();
    assert!(first.abs() < 1e-6, "{first}");
}

#[test]
fn nulls_texts_and_times_are_prepared() {
    let frame = small(400);
    let model = fit(&with_label(&[("optimize_strategy", text("BATCH_GRADIENT_DESCENT"))]), &frame).unwrap();
    let weights = call(&model, "ML.WEIGHTS", None);
    let names: Vec<String> = weights.rows.iter().map(|row| format!("{:?}", row[0])).collect();
    let names = names.join(" ").replace("String(\"", "").replace("\")", "");
    assert_eq!(
        names,
        "x side at _TS_DOM_at _TS_DOW_at _TS_MOY_at _TS_HOD_at _TS_MOH_at _TS_WOY_at _TS_YEAR_at __INTERCEPT__"
    );
    let Value::Array(sides) = &weights.rows[1][2] else { panic!("no categories") };
    let sides: Vec<&Value> =
        sides.iter().map(|side| if let Value::Struct(parts) = side { &parts[0] } else { side }).collect();
    assert_eq!(sides, [&text("_null_filler"), &text("buy"), &text("sell")]);
    let info = call(&model, "ML.FEATURE_INFO", None);
    assert_eq!(info.rows[0][7], Value::Int64(1));
    assert_eq!(info.rows[1][6], Value::Int64(2));
    assert_eq!(info.rows[2][1], Value::Null);
}

#[test]
fn a_value_never_seen_weighs_nothing() {
    let mut frame = Frame::new(&[field("side", Type::String), field("label", Type::Float64)]);
    for i in 0..100 {
        let (side, label) = if i % 2 == 0 { ("a", 1.0) } else { ("b", 3.0) };
        frame.push(&[text(side), Value::Float64(label)]).unwrap();
    }
    let model = fit(&[], &frame).unwrap();
    let mut unseen = Frame::new(&[field("SIDE", Type::String)]);
    for side in [text("a"), text("b"), text("c"), Value::Null] {
        unseen.push(&[side]).unwrap();
    }
    let predicted = call(&model, "ML.PREDICT", Some(&unseen));
    let got: Vec<f64> = predicted.rows.iter().map(|row| number(&row[0])).collect();
    for (got, want) in got.iter().zip([1.0, 3.0, 2.0, 2.0]) {
        assert!((got - want).abs() < 1e-9, "{got}, not {want}");
    }
    assert_eq!(predicted.fields[0].name, "predicted_label");
}

#[test]
fn descent_stops_where_asked_and_reports_its_way() {
    let case = cases().remove(0);
    let frame = case.frame();
    let base = [
        ("optimize_strategy", text("BATCH_GRADIENT_DESCENT")),
        ("data_split_method", text("CUSTOM")),
        ("data_split_col", text("held")),
    ];
    let far = [("max_iterations", Value::Int64(2_000)), ("early_stop", Value::Bool(false))];
    let model = fit(&[base.as_slice(), &far].concat(), &frame).unwrap();
    let weights = call(&model, "ML.WEIGHTS", None);
    for (row, want) in weights.rows.iter().zip(&case.coefficients) {
        assert!(is_near(number(&row[1]), *want, 1e-3), "{:?}, not {want}", row[1]);
    }
    let short = fit(&base, &frame).unwrap();
    let info = call(&short, "ML.TRAINING_INFO", None);
    assert!(info.rows.len() <= 20 && info.rows.iter().all(|row| row[3] != Value::Null && row[4] != Value::Null));
    let losses: Vec<f64> = info.rows.iter().map(|row| -number(&row[2])).collect();
    assert!(losses.is_sorted(), "{losses:?}");
    let strict = fit(&[base.as_slice(), &far, &[("l1_reg", Value::Float64(1e4))]].concat(), &frame).unwrap();
    let weights = call(&strict, "ML.WEIGHTS", None);
    assert!(weights.rows[..4].iter().all(|row| number(&row[1]) == 0.0));
}

#[test]
fn a_penalty_shrinks_weights() {
    let frame = cases().remove(0).frame();
    let split = [("data_split_method", text("CUSTOM")), ("data_split_col", text("held"))];
    let size = |l2: f64| {
        let model = fit(&[split.as_slice(), &[("l2_reg", Value::Float64(l2))]].concat(), &frame).unwrap();
        let weights = model.call("ML.WEIGHTS", &[("standardize".to_owned(), Value::Bool(true))], None).unwrap();
        weights.rows[..4].iter().map(|row| number(&row[1]).powi(2)).sum::<f64>()
    };
    assert!(size(0.0) > size(0.5) && size(0.5) > size(5.0));
}

#[test]
fn rows_are_split_as_documented() {
    let rows = |n: usize| {
        let mut frame =
            Frame::new(&[field("x", Type::Int64), field("when", Type::Int64), field("label", Type::Float64)]);
        for i in 0..i64::try_from(n).unwrap() {
            frame.push(&[Value::Int64(i * 37 % 101), Value::Int64(-i), Value::Float64(i as f64)]).unwrap();
        }
        frame
    };
    let sizes = |given: &[(&str, Value)], n: usize| match fit(given, &rows(n)).unwrap() {
        Model::Linear(model) => (model.training_rows, model.evaluation_rows),
        Model::Arima(_) => (0, 0),
    };
    assert_eq!(sizes(&[], 499), (499, 0));
    assert_eq!(sizes(&[], 500), (400, 100));
    assert_eq!(sizes(&[], 60_000), (50_000, 10_000));
    assert_eq!(sizes(&[("data_split_method", text("no_split"))], 600), (600, 0));
    assert_eq!(
        sizes(&[("data_split_method", text("random")), ("data_split_eval_fraction", Value::Float64(0.5))], 10),
        (5, 5)
    );
    assert_eq!(sizes(&[("data_split_method", text("seq")), ("data_split_col", text("when"))], 100), (80, 20));
    let twice = [fit(&[], &rows(700)).unwrap(), fit(&[], &rows(700)).unwrap()];
    assert_eq!(call(&twice[0], "ML.EVALUATE", None), call(&twice[1], "ML.EVALUATE", None));
}

#[test]
fn dummy_encoding_drops_the_most_frequent_category() {
    let mut frame = Frame::new(&[field("side", Type::String), field("label", Type::Float64)]);
    for i in 0..90 {
        frame.push(&[text(["a", "b", "b"][i % 3]), Value::Float64([5.0, 2.0, 2.0][i % 3])]).unwrap();
    }
    let model = fit(&[("category_encoding_method", text("dummy_encoding"))], &frame).unwrap();
    let weights = call(&model, "ML.WEIGHTS", None);
    let Value::Array(sides) = &weights.rows[0][2] else { panic!("no categories") };
    assert_eq!(sides.len(), 1);
    assert!((number(&weights.rows[1][1]) - 2.0).abs() < 1e-9);
}

#[test]
fn a_constant_column_and_twins_do_no_harm() {
    let mut frame = Frame::new(&[
        field("hour", Type::Int64),
        field("open", Type::Float64),
        field("open_again", Type::Float64),
        field("label", Type::Float64),
    ]);
    for i in 0..200 {
        let open = f64::from(i);
        frame
            .push(&[Value::Int64(9), Value::Float64(open), Value::Float64(open), Value::Float64(2.0 * open + 1.0)])
            .unwrap();
    }
    let model = fit(&[], &frame).unwrap();
    let weights = call(&model, "ML.WEIGHTS", None);
    let got: Vec<f64> = weights.rows.iter().map(|row| number(&row[1])).collect();
    for (got, want) in got.iter().zip([0.0, 1.0, 1.0, 1.0]) {
        assert!((got - want).abs() < 1e-9, "{got}, not {want}");
    }
}

#[test]
fn mistakes_are_named() {
    let frame = small(300);
    let label = |given: &[(&'static str, Value)]| with_label(given);
    for (given, want) in [
        (
            vec![],
            "Unable to identify the label column in query statement. Either specify the label column using OPTIONS(input_label_cols=['your_label_col']) or name the label column in the data as 'label'.",
        ),
        (
            vec![("input_label_cols", text("z"))],
            "Column z specified in option INPUT_LABEL_COLS is not found in the query statement",
        ),
        (
            vec![("input_label_cols", text("side"))],
            "Column side of type STRING can't be used as the label of a LINEAR_REG model",
        ),
        (
            label(&[("l1_reg", Value::Float64(-1.0))]),
            "Invalid value -1 for option l1_reg: expected a FLOAT64 that is not negative",
        ),
        (
            label(&[("l1_reg", Value::Float64(1.0)), ("optimize_strategy", text("normal_equation"))]),
            "it can't be used with L1_REG",
        ),
        (label(&[("warm_start", Value::Bool(true))]), "Option warm_start with value true is not supported"),
        (
            label(&[("calculate_p_values", Value::Bool(true))]),
            "Option calculate_p_values with value true is not supported",
        ),
        (label(&[("data_split_method", text("custom"))]), "Option DATA_SPLIT_COL is required"),
        (
            label(&[("data_split_method", text("custom")), ("data_split_col", text("x"))]),
            "Column x of type INT64 can't be used as DATA_SPLIT_COL",
        ),
        (label(&[("learn_rate", Value::Float64(0.1))]), "it needs LEARN_RATE_STRATEGY = 'CONSTANT'"),
        (label(&[("nonsense", Value::Null)]), "Unknown option: nonsense"),
    ] {
        let error = fit(&given, &frame).unwrap_err();
        assert!(error.contains(want), "{error}, not {want}");
    }
    let fine = label(&[("warm_start", Value::Bool(false))]);
    let model = fit(&fine, &frame).unwrap();
    let missing = Frame::new(&[field("x", Type::Int64)]);
    let error = model.call("ML.PREDICT", &[], Some(&missing)).unwrap_err().to_string();
    assert_eq!(
        error,
        "Invalid table-valued function ML.PREDICT Column side is not found in the input data to the PREDICT function."
    );
    let error = model.call("ML.FORECAST", &[], None).unwrap_err().to_string();
    assert_eq!(error, "Invalid table-valued function ML.FORECAST is only supported for models of type ARIMA_PLUS.");
    let back: Model = serde_json::from_str(&serde_json::to_string(&model).unwrap()).unwrap();
    assert_eq!(call(&back, "ML.FEATURE_INFO", None).rows.len(), 3);
}
