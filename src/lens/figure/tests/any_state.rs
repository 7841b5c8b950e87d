//! States that no Kibana wrote: whatever the JSON, a figure or an error comes, never a panic.

use proptest::{prelude::*, sample::select};
use serde_json::{Map, json};

use super::*;
use crate::lens::figure::KINDS;

/// Names that states have, so that chance meets the code behind them.
const NAMES: [&str; 74] = [
    "layers",
    "layerId",
    "layerType",
    "seriesType",
    "xAccessor",
    "accessors",
    "splitAccessor",
    "yConfig",
    "forAccessor",
    "axisMode",
    "color",
    "palette",
    "colorMapping",
    "collapseFn",
    "collapseFns",
    "isHistogram",
    "xScaleType",
    "legend",
    "isVisible",
    "position",
    "fittingFunction",
    "endValue",
    "curveType",
    "fillOpacity",
    "xExtent",
    "yLeftExtent",
    "mode",
    "lowerBound",
    "upperBound",
    "annotations",
    "key",
    "timestamp",
    "endTimestamp",
    "type",
    "lineWidth",
    "fill",
    "metricAccessor",
    "secondaryMetricAccessor",
    "maxAccessor",
    "minAccessor",
    "goalAccessor",
    "showBar",
    "maxCols",
    "breakdownByAccessor",
    "trendlineLayerId",
    "trendlineTimeAccessor",
    "trendlineMetricAccessor",
    "accessor",
    "columns",
    "columnId",
    "isTransposed",
    "hidden",
    "width",
    "colorMode",
    "summaryRow",
    "sorting",
    "direction",
    "paging",
    "size",
    "enabled",
    "shape",
    "primaryGroups",
    "secondaryGroups",
    "metrics",
    "percentDecimals",
    "emptySizeRatio",
    "valueAccessor",
    "yAccessor",
    "tagAccessor",
    "minFontSize",
    "maxFontSize",
    "params",
    "stops",
    "assignments",
];

const TEXTS: [&str; 36] = [
    "l",
    "m",
    "s",
    "t",
    "p",
    "v",
    "x",
    "",
    "data",
    "referenceLine",
    "annotations",
    "line",
    "area_percentage_stacked",
    "bar_horizontal",
    "sum",
    "avg",
    "Linear",
    "Nearest",
    "custom",
    "dataBounds",
    "number",
    "percent",
    "all",
    "desc",
    "cell",
    "palette",
    "mosaic",
    "above",
    "2024-03-01T00:00:00Z",
    "#12345",
    "#123456",
    "gradient",
    "matchExactly",
    "status",
    "A---p",
    "range",
];

fn leaf() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| json!(number)),
        any::<f64>().prop_map(|number| json!(number)),
        (-5..200_i32).prop_map(|number| json!(number)),
        select(TEXTS.to_vec()).prop_map(|text| json!(text)),
        select(TEXTS.to_vec()).prop_map(|text| json!(text)),
        ".{0,6}".prop_map(|text| json!(text)),
    ]
}

fn json_text() -> impl Strategy<Value = Value> {
    leaf().prop_recursive(4, 80, 8, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            proptest::collection::vec((select(NAMES.to_vec()), inner), 0..9).prop_map(|members| Value::Object(
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            )),
        ]
    })
}

/// A state that draws, of which parts may be replaced.
fn sound(kind: &str) -> Value {
    let palette =
        json!({"name": "custom", "params": {"rangeType": "percent", "stops": [{"color": "#123456", "stop": 50}]}});
    let layer = json!({
        "layerId": "l", "layerType": "data", "seriesType": "line", "xAccessor": "t", "splitAccessor": "s", "accessors": ["p", "v"],
        "primaryGroups": ["s"], "secondaryGroups": ["t"], "metrics": ["v"], "yConfig": [], "collapseFns": {},
    });
    let mut state = layer.clone();
    let more = json!({
        "layers": [layer, {"layerId": "l", "layerType": "referenceLine", "accessors": ["p"]}, {"layerType": "annotations", "annotations": []}],
        "metricAccessor": "p", "breakdownByAccessor": "s", "accessor": "p", "valueAccessor": "p", "regionAccessor": "s",
        "tagAccessor": "s", "yAccessor": "s", "palette": palette, "columns": [{"columnId": "s", "isTransposed": true}, {"columnId": "p"}],
    });
    state.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    if kind == "lnsGauge" {
        state["maxAccessor"] = json!("v");
    }
    state
}

fn odd() -> Table {
    let cells = [
        Cell::Null,
        Cell::Other,
        Cell::Missing,
        number(f64::NAN),
        number(f64::MAX),
        Cell::Date(i64::MAX),
        Cell::Date(i64::MIN),
        Cell::Boolean(true),
        Cell::Several(vec![text("A"), Cell::Null]),
        Cell::Joined(vec![number(f64::NEG_INFINITY)]),
        Cell::Range { from: Some(f64::NAN), to: None, label: None },
    ];
    let mut table = prices();
    for (index, cell) in cells.iter().enumerate() {
        let other = cells[(index * 5 + 3) % cells.len()].clone();
        table.rows.push(vec![cell.clone(), other.clone(), cell.clone(), other]);
    }
    table.rows.push(vec![text("short row")]);
    table
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn any_state_is_drawn_or_refused(
        kind in select([&KINDS[..], &["lnsOther"]].concat()),
        members in proptest::collection::vec((select(NAMES.to_vec()), json_text()), 0..6),
        whole in json_text(),
        is_odd in any::<bool>(),
    ) {
        let table = if is_odd { odd() } else { prices() };
        let mut state = sound(kind);
        for (index, (name, value)) in members.into_iter().enumerate() {
            let at = if index % 2 == 0 { &mut state } else { &mut state["layers"] };
            match at {
                Value::Array(layers) if !layers.is_empty() => {
                    if let Value::Object(layer) = &mut layers[0] { layer.insert(name.to_owned(), value); }
                }
                Value::Object(state) => { state.insert(name.to_owned(), value); }
                _ => {}
            }
        }
        for state in [&state, &whole, &sound(kind), &Value::Object(Map::new())] {
            for table in [&table, &Table::default()] {
                let tables = [("l", table.clone()), ("m", prices())];
                if let Ok(figure) = try_drawn(kind, state, &tables) {
                    serde_json::to_string(&figure).unwrap();
                }
                layers_needed(kind, state);
            }
        }
    }
}
