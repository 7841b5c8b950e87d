//! Saved objects as Kibana exports them, made for a test.

use serde_json::{Value, json};

/// A data view without a time field.
pub(crate) fn data_view(index: &str) -> Value {
    json!({"type": "index-pattern", "id": index, "attributes": {"title": index, "name": index, "fieldFormatMap": "{}"}, "references": []})
}

/// A dashboard of panels, each `(title, type, embeddable config)`; their ids are `p0`, `p1` and so on.
pub(crate) fn dashboard(id: &str, title: &str, view: &str, panels: &[(&str, &str, Value)]) -> Value {
    let panel = |(at, (title, kind, config)): (usize, &(&str, &str, Value))| {
        let id = format!("p{at}");
        let grid = json!({"x": (at % 2) * 24, "y": (at / 2) * 12, "w": 24, "h": 12, "i": id});
        json!({"type": kind, "title": title, "panelIndex": id, "gridData": grid, "embeddableConfig": config, "version": "8.9.0"})
    };
    let references: Vec<Value> = (0..panels.len())
        .map(
            |at| json!({"type": "index-pattern", "id": view, "name": format!("p{at}:indexpattern-datasource-layer-l")}),
        )
        .collect();
    let panels: Vec<Value> = panels.iter().enumerate().map(panel).collect();
    let attributes = json!({
        "title": title, "description": title, "panelsJSON": Value::Array(panels).to_string(), "optionsJSON": "{}",
        "timeRestore": false, "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json!({"filter": [], "query": {"language": "kuery", "query": ""}}).to_string()},
    });
    json!({"type": "dashboard", "id": id, "attributes": attributes, "references": references})
}

/// A Lens panel of a keyword's values and how often each comes: columns `by` and `count`.
pub(crate) fn counts(title: &str, view: &str, field: &str, kind: &str, visualization: Value) -> Value {
    let layer = json!({"columnOrder": ["by", "count"], "columns": {"by": terms(title, field), "count": count()}, "incompleteColumns": {}});
    lens(title, view, kind, layer, visualization)
}

/// A Lens panel of a heatmap over the values of two keywords, in order of their names.
pub(crate) fn grid(view: &str, across: &str, down: &str) -> Value {
    let by_name = |field: &str| {
        let mut column = terms(field, field);
        column["params"]["orderBy"] = json!({"type": "alphabetical"});
        column["params"]["orderDirection"] = json!("asc");
        column
    };
    let columns = json!({"down": by_name(down), "by": by_name(across), "count": count()});
    let layer = json!({"columnOrder": ["down", "by", "count"], "columns": columns, "incompleteColumns": {}});
    let mut state = heatmap();
    state["yAccessor"] = json!("down");
    lens("Grid", view, "lnsHeatmap", layer, state)
}

/// A Lens panel of a formula over time.
pub(crate) fn over_time(view: &str, field: &str, formula: &str) -> Value {
    let by = json!({
        "label": field, "dataType": "date", "operationType": "date_histogram", "scale": "interval", "sourceField": field,
        "isBucketed": true, "params": {"interval": "auto", "includeEmptyRows": true, "dropPartials": false},
    });
    let value = json!({
        "label": formula, "dataType": "number", "operationType": "formula", "isBucketed": false, "scale": "ratio",
        "params": {"formula": formula, "isFormulaBroken": false}, "references": [],
    });
    let layer = json!({"columnOrder": ["by", "count"], "columns": {"by": by, "count": value}, "incompleteColumns": {}});
    lens(formula, view, "lnsXY", layer, bars())
}

fn terms(label: &str, field: &str) -> Value {
    json!({
        "label": label, "customLabel": true, "dataType": "string", "operationType": "terms", "scale": "ordinal", "sourceField": field,
        "isBucketed": true,
        "params": {"size": 5, "orderBy": {"type": "column", "columnId": "count"}, "orderDirection": "desc", "otherBucket": false, "missingBucket": false},
    })
}

fn count() -> Value {
    json!({
        "label": "Count", "dataType": "number", "operationType": "count", "isBucketed": false, "scale": "ratio", "sourceField": "___records___",
    })
}

fn lens(title: &str, view: &str, kind: &str, layer: Value, visualization: Value) -> Value {
    let reference = json!({"type": "index-pattern", "id": view, "name": "indexpattern-datasource-layer-l"});
    json!({"enhancements": {}, "attributes": {
        "title": title, "type": "lens", "visualizationType": kind, "references": [reference],
        "state": {
            "datasourceStates": {"formBased": {"layers": {"l": layer}}}, "visualization": visualization,
            "query": {"language": "kuery", "query": ""}, "filters": [], "internalReferences": [], "adHocDataViews": {},
        },
    }})
}

pub(crate) fn table() -> Value {
    json!({"layerId": "l", "layerType": "data", "columns": [{"columnId": "by"}, {"columnId": "count"}]})
}

pub(crate) fn bars() -> Value {
    json!({
        "legend": {"isVisible": true, "position": "right", "showSingleSeries": true}, "preferredSeriesType": "bar_stacked",
        "layers": [{"layerId": "l", "layerType": "data", "seriesType": "bar_stacked", "xAccessor": "by", "accessors": ["count"]}],
    })
}

pub(crate) fn split_bars() -> Value {
    let mut state = bars();
    let layer = &mut state["layers"][0];
    layer["splitAccessor"] = json!("by");
    layer.as_object_mut().unwrap().remove("xAccessor");
    state
}

pub(crate) fn pie(shape: &str) -> Value {
    json!({"shape": shape, "layers": [{
        "layerId": "l", "layerType": "data", "primaryGroups": ["by"], "metrics": ["count"], "numberDisplay": "percent",
        "categoryDisplay": "default", "legendDisplay": "show",
    }]})
}

pub(crate) fn metric() -> Value {
    json!({"layerId": "l", "layerType": "data", "metricAccessor": "count", "breakdownByAccessor": "by"})
}

pub(crate) fn tag_cloud() -> Value {
    json!({"layerId": "l", "layerType": "data", "tagAccessor": "by", "valueAccessor": "count", "orientation": "single", "showLabel": true,
        "minFontSize": 18, "maxFontSize": 40})
}

pub(crate) fn heatmap() -> Value {
    json!({"layerId": "l", "layerType": "data", "shape": "heatmap", "xAccessor": "by", "valueAccessor": "count",
        "legend": {"isVisible": true, "position": "right", "type": "heatmap_legend"},
        "gridConfig": {"type": "heatmap_grid", "isCellLabelVisible": true, "isXAxisLabelVisible": true, "isYAxisLabelVisible": true}})
}
