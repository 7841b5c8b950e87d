//! What answers mean, and the rules that the shipped file has to keep so that Kibana 8.12 and 9.x both draw it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::*;
use crate::setup::TEMPLATE_JSON;

fn judged(answer: &str) -> Result<DashboardOutcome, DashboardError> {
    judge(&serde_json::from_str(answer).unwrap())
}

#[track_caller]
fn rejection(answer: &str) -> (Vec<RejectedObject>, Vec<ImportedObject>) {
    match judged(answer) {
        Err(DashboardError::Rejected { rejected, written }) => (rejected, written),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_success_counts_what_is_new_and_what_was_replaced() {
    let outcome = judged(
        r#"{"successCount":2,"success":true,"warnings":[],"successResults":[
        {"type":"index-pattern","id":"dv1","meta":{"title":"Stock stream","icon":"indexPatternApp"},"managed":false,"overwrite":true},
        {"type":"dashboard","id":"d1","meta":{"title":"T","icon":"dashboardApp"},"managed":false}]}"#,
    )
    .unwrap();
    assert_eq!((outcome.created(), outcome.replaced()), (1, 1));
    assert_eq!(outcome.dashboard().map(|dashboard| (dashboard.id.as_str(), dashboard.replaced)), Some(("d1", false)));
}

#[test]
fn an_id_that_kibana_changed_is_the_one_to_open() {
    let answer = r#"{"successCount":1,"success":true,"successResults":[{"type":"dashboard","id":"d1","destinationId":"other","meta":{}}]}"#;
    assert_eq!(judged(answer).unwrap().dashboard().map(|dashboard| dashboard.id.as_str()), Some("other"));
}

#[test]
fn with_a_missing_reference_nothing_was_written_whatever_the_answer_lists() {
    let (rejected, written) = rejection(
        r#"{"success":false,"successCount":1,"successResults":[{"type":"index-pattern","id":"dv1","meta":{}}],
        "errors":[{"id":"d2","type":"dashboard","meta":{},"error":{"type":"missing_references","references":[{"type":"index-pattern","id":"nope"}]}}]}"#,
    );
    assert_eq!(written, []);
    assert_eq!(rejected[0].why, Rejection::MissingReferences(vec!["index-pattern:nope".to_owned()]));
}

#[test]
fn conflicts_name_what_they_are_with() {
    let (rejected, written) = rejection(
        r#"{"success":false,"successCount":0,"errors":[{"type":"dashboard","id":"a","error":{"type":"conflict"}},
        {"type":"dashboard","id":"b","error":{"type":"ambiguous_conflict","destinations":[{"id":"x","title":"X"},{"id":"y"}]}}]}"#,
    );
    assert_eq!(written, []);
    let why: Vec<_> = rejected.into_iter().map(|object| object.why).collect();
    assert_eq!(why, [Rejection::Conflict, Rejection::AmbiguousConflict(vec!["x".to_owned(), "y".to_owned()])]);
}

#[test]
fn with_unsupported_and_invalid_objects_the_others_were_written() {
    let (rejected, written) = rejection(
        r#"{"success":false,"successCount":1,"successResults":[{"type":"index-pattern","id":"dv1","meta":{"title":"S"}}],
        "errors":[{"id":"f","type":"frobnicate","meta":{},"error":{"type":"unsupported_type"}},
        {"id":"d","type":"dashboard","meta":{},"error":{"isBoom":true,"output":{"statusCode":400,"payload":{"message":"[attributes.bogus]: definition for this key is missing: Bad Request"}},"type":"unknown"}}]}"#,
    );
    assert_eq!(written.iter().map(|object| object.id.as_str()).collect::<Vec<_>>(), ["dv1"]);
    assert_eq!(rejected[0].why, Rejection::UnsupportedType);
    assert!(rejected[1].why.to_string().starts_with("[attributes.bogus]"), "{:?}", rejected[1]);
}

#[test]
fn an_error_of_a_kind_that_is_not_known_is_shown_as_it_came() {
    let (rejected, _) = rejection(r#"{"success":false,"errors":[{"type":"dashboard","id":"d","error":{"new":1}}]}"#);
    assert_eq!(rejected[0].why, Rejection::Other(r#"{"new":1}"#.to_owned()));
}

#[test]
fn a_file_that_no_kibana_could_take_is_refused_with_its_line() {
    let refused = |text: &str| check(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(refused(" \n\n"), "there is no saved object in the file");
    let good = r#"{"type":"dashboard","id":"d","attributes":{"title":"T"}}"#;
    assert_eq!(check(good.as_bytes()), Ok(()));
    assert!(refused(&format!("{good}\n\n{{\"type\"")).starts_with("line 3 is no saved object: EOF"));
    assert_eq!(refused(r#"{"type":"dashboard","attributes":{}}"#), "line 1 is no saved object: it has no `id`");
    assert_eq!(refused(r#"{"type":"dashboard","id":"d"}"#), "line 1 is no saved object: it has no `attributes`");
    let broken = r#"{"type":"dashboard","id":"d","attributes":{"controlGroupInput":{"panelsJSON":"{"}}}"#;
    assert!(
        refused(broken).contains("the JSON text in `controlGroupInput.panelsJSON` is broken"),
        "{}",
        refused(broken)
    );
    let exported = format!("{good}\n{}", json!({"exportedCount": 1, "missingReferences": []}));
    assert_eq!(check(exported.as_bytes()), Ok(()));
    assert_eq!(check(&vec![b' '; IMPORT_BYTES_MAX + 1]), Err(InvalidFile::TooLarge(IMPORT_BYTES_MAX + 1)));
}

// --- The shipped file -----------------------------------------------------------------------------------------------

fn shipped() -> (Value, Value) {
    let objects: Vec<Value> = DASHBOARD_NDJSON.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    <[Value; 2]>::try_from(objects).map(|[data_view, dashboard]| (data_view, dashboard)).unwrap()
}

/// JSON within a string.
#[track_caller]
fn inner(value: &Value) -> Value {
    serde_json::from_str(value.as_str().unwrap()).unwrap()
}

fn panels() -> Vec<Value> {
    inner(&shipped().1["attributes"]["panelsJSON"]).as_array().unwrap().clone()
}

/// The layers of a panel, by id.
fn layers(panel: &Value) -> BTreeMap<String, Value> {
    let state = &panel["embeddableConfig"]["attributes"]["state"];
    let layers = state["datasourceStates"]["formBased"]["layers"].as_object().unwrap();
    layers.iter().map(|(id, layer)| (id.clone(), layer.clone())).collect()
}

fn columns(layer: &Value) -> BTreeMap<String, Value> {
    layer["columns"].as_object().unwrap().iter().map(|(id, column)| (id.clone(), column.clone())).collect()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|one| one.as_str().unwrap()).collect()
}

/// References as (name, type, id).
fn references(value: &Value) -> Vec<(String, String, String)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let all = value.as_array().unwrap();
    all.iter().map(|one| (text(one, "name"), text(one, "type"), text(one, "id"))).collect()
}

/// Paths of the template's mapping, with their types.
fn mapped_fields() -> BTreeMap<String, String> {
    fn walk(properties: &Value, prefix: &str, found: &mut BTreeMap<String, String>) {
        for (name, field) in properties.as_object().unwrap() {
            let path = format!("{prefix}{name}");
            match field.get("properties") {
                Some(below) => walk(below, &format!("{path}."), found),
                None => drop(found.insert(path, field["type"].as_str().unwrap().to_owned())),
            }
        }
    }
    let template: Value = serde_json::from_str(TEMPLATE_JSON).unwrap();
    let mut found = BTreeMap::new();
    walk(&template["template"]["mappings"]["properties"], "", &mut found);
    found
}

#[test]
fn the_shipped_file_passes_our_own_check_and_has_no_empty_line() {
    assert_eq!(check(DASHBOARD_NDJSON.as_bytes()), Ok(()));
    assert!(DASHBOARD_NDJSON.ends_with('\n') && !DASHBOARD_NDJSON.contains("\n\n"));
}

#[test]
fn ids_and_versions_are_the_ones_that_every_supported_kibana_takes() {
    let (data_view, dashboard) = shipped();
    for (object, kind, id, version) in [
        (&data_view, "index-pattern", "stock-stream", "8.0.0"),
        (&dashboard, "dashboard", "stock-stream-dashboard", "8.9.0"),
    ] {
        assert_eq!((&object["type"], &object["id"]), (&json!(kind), &json!(id)));
        assert_eq!(
            (&object["typeMigrationVersion"], &object["coreMigrationVersion"]),
            (&json!(version), &json!("8.8.0"))
        );
        let keys: BTreeSet<&str> = object.as_object().unwrap().keys().map(String::as_str).collect();
        let allowed = ["attributes", "coreMigrationVersion", "id", "references", "type", "typeMigrationVersion"];
        assert_eq!(keys, BTreeSet::from(allowed), "times and counters would change with every build");
    }
}

#[test]
fn only_attributes_that_kibana_8_12_knows_are_there() {
    const DASHBOARD: [&str; 12] = [
        "title",
        "description",
        "panelsJSON",
        "optionsJSON",
        "kibanaSavedObjectMeta",
        "timeRestore",
        "timeFrom",
        "timeTo",
        "refreshInterval",
        "controlGroupInput",
        "version",
        "hits",
    ];
    const CONTROLS: [&str; 4] = ["controlStyle", "chainingSystem", "panelsJSON", "ignoreParentSettingsJSON"];
    let (_, dashboard) = shipped();
    let attributes = &dashboard["attributes"];
    for (object, known) in [(attributes, &DASHBOARD[..]), (&attributes["controlGroupInput"], &CONTROLS[..])] {
        for key in object.as_object().unwrap().keys() {
            assert!(known.contains(&key.as_str()), "{key}");
        }
    }
    assert_eq!(attributes["timeRestore"], true);
    assert_eq!(attributes["refreshInterval"], json!({"pause": false, "value": 5000}));
    assert_eq!((&attributes["timeFrom"], &attributes["timeTo"]), (&json!("now-7h"), &json!("now")));
}

#[test]
fn strings_that_hold_json_parse() {
    let (data_view, dashboard) = shipped();
    for key in ["fieldFormatMap", "runtimeFieldMap", "fieldAttrs", "sourceFilters", "fields", "typeMeta"] {
        inner(&data_view["attributes"][key]);
    }
    let attributes = &dashboard["attributes"];
    assert_eq!(inner(&attributes["kibanaSavedObjectMeta"]["searchSourceJSON"])["filter"], json!([]));
    for text in [&attributes["optionsJSON"], &attributes["controlGroupInput"]["ignoreParentSettingsJSON"]] {
        assert!(inner(text).is_object());
    }
}

#[test]
fn every_layer_and_control_has_its_data_view_within_and_without() {
    let (data_view, dashboard) = shipped();
    let mut expected = Vec::new();
    for panel in panels() {
        let attributes = &panel["embeddableConfig"]["attributes"];
        let own = references(&attributes["references"]);
        let wanted: Vec<String> =
            layers(&panel).keys().map(|layer| format!("indexpattern-datasource-layer-{layer}")).collect();
        assert_eq!(own.iter().map(|(name, ..)| name.clone()).collect::<Vec<_>>(), wanted, "{}", panel["panelIndex"]);
        let index = panel["panelIndex"].as_str().unwrap();
        expected.extend(own.into_iter().map(|(name, kind, id)| (format!("{index}:{name}"), kind, id)));
    }
    let controls = inner(&dashboard["attributes"]["controlGroupInput"]["panelsJSON"]);
    let is_list = |control: &Value| control["type"] == "optionsListControl";
    for (id, control) in controls.as_object().unwrap().iter().filter(|(_, control)| is_list(control)) {
        let name = format!("controlGroup_{id}:optionsListDataView");
        assert_eq!(
            (&control["explicitInput"]["id"], &control["explicitInput"]["dataViewRefName"]),
            (&json!(id), &json!(name))
        );
        expected.push((name, "index-pattern".to_owned(), "stock-stream".to_owned()));
    }
    let outer = references(&dashboard["references"]);
    expected.sort();
    assert_eq!(outer, expected);
    for (name, kind, id) in outer {
        assert_eq!((json!(kind), json!(id)), (data_view["type"].clone(), data_view["id"].clone()), "{name}");
    }
}

#[test]
fn panels_have_ids_of_their_own_and_do_not_overlap_within_48_columns() {
    let mut taken = BTreeMap::new();
    let mut names = BTreeSet::new();
    for panel in panels() {
        let (name, grid) = (panel["panelIndex"].as_str().unwrap().to_owned(), &panel["gridData"]);
        assert_eq!((&grid["i"], &panel["type"]), (&panel["panelIndex"], &json!("lens")));
        let at = |key: &str| grid[key].as_u64().unwrap();
        assert!(at("x") + at("w") <= 48 && at("w") > 0 && at("h") > 0, "{name}");
        for (x, y) in (at("x")..at("x") + at("w")).flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y))) {
            if let Some(other) = taken.insert((x, y), name.clone()) {
                panic!("{name} lies on {other} at {x},{y}");
            }
        }
        assert!(names.insert(name), "{panel}");
    }
    // Kibana closes gaps upwards: where there is one, the dashboard looks other than it was laid out.
    let height = taken.keys().map(|(_, y)| y + 1).max().unwrap();
    assert_eq!(u64::try_from(taken.len()).unwrap(), 48 * height);
}

#[test]
fn what_the_dashboard_has_to_show_is_there() {
    let found: BTreeMap<String, (String, BTreeSet<String>)> = panels()
        .iter()
        .map(|panel| {
            let attributes = &panel["embeddableConfig"]["attributes"];
            let layers = layers(panel);
            let operations = layers.values().flat_map(columns).map(|(_, column)| {
                format!(
                    "{} {}",
                    column["operationType"].as_str().unwrap(),
                    column["sourceField"].as_str().unwrap_or("-")
                )
            });
            let kind = attributes["visualizationType"].as_str().unwrap().to_owned();
            (panel["title"].as_str().unwrap().to_owned(), (kind, operations.collect()))
        })
        .collect();
    for (title, kind, operations) in [
        (
            "Last price by instrument",
            "lnsXY",
            &["terms instrument_token", "date_histogram timestamp", "last_value last_price"][..],
        ),
        ("Traded volume per interval", "lnsXY", &["terms instrument_token", "date_histogram timestamp", "max volume"]),
        ("Latest price", "lnsMetric", &["terms instrument_token", "last_value last_price", "date_histogram timestamp"]),
        ("Change and volume", "lnsMetric", &["terms instrument_token", "last_value change", "last_value volume"]),
        (
            "Range of the session",
            "lnsDatatable",
            &["last_value open", "last_value high", "last_value low", "formula -"],
        ),
        ("Top movers", "lnsXY", &["terms instrument_token", "last_value change"]),
        (
            "Order-book imbalance",
            "lnsHeatmap",
            &["date_histogram timestamp", "sum depth.buy.quantity", "sum depth.sell.quantity"],
        ),
        (
            "Spread: average ask less average bid",
            "lnsXY",
            &["terms instrument_token", "average depth.buy.price", "average depth.sell.price"],
        ),
        (
            "Latest tick of each instrument",
            "lnsDatatable",
            &["terms instrument_token", "last_value change", "last_value volume"],
        ),
        ("Ticks per minute", "lnsXY", &["date_histogram timestamp", "count ___records___"]),
    ] {
        let (found_kind, found_operations) = found.get(title).unwrap_or_else(|| panic!("no `{title}`"));
        assert_eq!(found_kind, kind, "{title}");
        for operation in operations {
            assert!(found_operations.contains(*operation), "{title}: no {operation} in {found_operations:?}");
        }
    }
}

#[test]
fn the_order_of_columns_names_each_once_buckets_first_hidden_parts_last() {
    for (id, layer) in panels().iter().flat_map(layers) {
        let (order, columns) = (strings(&layer["columnOrder"]), columns(&layer));
        let unique: BTreeSet<&str> = order.iter().copied().collect();
        assert_eq!(unique, columns.keys().map(String::as_str).collect(), "{id}");
        assert_eq!(unique.len(), order.len(), "{id}");
        let rank = |name: &&str| match (&columns[*name]["isBucketed"], name.contains('X')) {
            (Value::Bool(true), _) => 0,
            (_, false) => 1,
            (_, true) => 2,
        };
        assert!(order.iter().map(rank).is_sorted(), "{order:?}");
        for (name, column) in &columns {
            for reference in column.get("references").map(strings).unwrap_or_default() {
                assert!(columns.contains_key(reference), "{name} refers to {reference}");
            }
        }
    }
}

#[test]
fn a_chart_shows_only_columns_that_its_layer_has() {
    for panel in panels() {
        let state = &panel["embeddableConfig"]["attributes"]["state"];
        let layers = layers(&panel);
        let visualization = &state["visualization"];
        let data = visualization["layers"].as_array().cloned().unwrap_or_else(|| vec![visualization.clone()]);
        for part in data {
            let columns = columns(&layers[part["layerId"].as_str().unwrap()]);
            let mut shown: Vec<&Value> = part["accessors"].as_array().into_iter().flatten().collect();
            shown.extend(part["columns"].as_array().into_iter().flatten().map(|column| &column["columnId"]));
            let single = [
                "xAccessor",
                "yAccessor",
                "valueAccessor",
                "splitAccessor",
                "metricAccessor",
                "secondaryMetricAccessor",
                "breakdownByAccessor",
            ];
            shown.extend(single.iter().filter_map(|key| part.get(key)));
            assert!(shown.len() >= 2, "{panel}");
            for id in shown {
                assert!(columns.contains_key(id.as_str().unwrap()), "{id} of {}", panel["panelIndex"]);
            }
        }
        if let Some(trend) = visualization.get("trendlineLayerId") {
            let trend = &layers[trend.as_str().unwrap()];
            assert_eq!(trend["linkToLayers"], json!([visualization["layerId"]]));
            for key in ["trendlineTimeAccessor", "trendlineMetricAccessor", "trendlineBreakdownByAccessor"] {
                assert!(columns(trend).contains_key(visualization[key].as_str().unwrap()), "{key}");
            }
        }
    }
}

#[test]
fn every_field_is_in_the_mapping_with_a_type_that_the_operation_takes() {
    let fields = mapped_fields();
    let is_number = |field: &str| matches!(fields.get(field).map(String::as_str), Some("double" | "long"));
    let mut used = 0;
    for column in panels().iter().flat_map(layers).flat_map(|(_, layer)| columns(&layer)).map(|(_, column)| column) {
        let Some(field) = column.get("sourceField").and_then(Value::as_str).filter(|field| *field != "___records___")
        else {
            continue;
        };
        used += 1;
        match column["operationType"].as_str().unwrap() {
            "terms" => assert_eq!(fields.get(field).map(String::as_str), Some("keyword"), "{field}"),
            "date_histogram" => assert_eq!(fields.get(field).map(String::as_str), Some("date"), "{field}"),
            "last_value" => {
                let kind = if column["dataType"] == "date" { fields[field] == "date" } else { is_number(field) };
                assert!(kind, "{field}");
                assert_eq!(column["params"]["sortField"], "timestamp");
                assert_eq!(column["filter"]["query"], format!("\"{field}\": *"));
            }
            _ => assert!(is_number(field), "{field}"),
        }
    }
    assert!(used > 20);
    let (data_view, dashboard) = shipped();
    let attributes = &data_view["attributes"];
    assert_eq!((&attributes["title"], &attributes["timeFieldName"]), (&json!("stock-stream"), &json!("timestamp")));
    for field in inner(&attributes["fieldFormatMap"]).as_object().unwrap().keys() {
        assert!(is_number(field), "{field}");
    }
    for control in inner(&dashboard["attributes"]["controlGroupInput"]["panelsJSON"]).as_object().unwrap().values() {
        // A time slider has no field.
        let field = control["explicitInput"].get("fieldName").and_then(Value::as_str);
        assert!(field.is_none_or(|field| fields[field] == "keyword"), "{control}");
    }
}

#[test]
fn a_formula_has_the_hidden_columns_that_its_text_gives() {
    let mut formulas = 0;
    for (name, column, columns) in panels().iter().flat_map(layers).flat_map(|(_, layer)| {
        let columns = columns(&layer);
        columns.clone().into_iter().map(move |(name, column)| (name, column, columns.clone()))
    }) {
        if column["operationType"] != "formula" {
            continue;
        }
        formulas += 1;
        let text = column["params"]["formula"].as_str().unwrap();
        assert_eq!(column["params"]["isFormulaBroken"], false);
        let last = &columns[strings(&column["references"])[0]];
        assert_eq!(last["operationType"], "math");
        // Written out again, the syntax tree with its columns put in is the formula.
        assert_eq!(written(&last["params"]["tinymathAst"], &columns), text.replace(' ', ""), "{name}");
        let mut used = BTreeSet::new();
        collect_columns(&last["params"]["tinymathAst"], &mut used);
        assert_eq!(used, strings(&last["references"]).into_iter().map(str::to_owned).collect());
        check_places(&last["params"]["tinymathAst"], text);
    }
    assert_eq!(formulas, 5);
}

/// A node of a formula's syntax tree as text without spaces.
fn written(node: &Value, columns: &BTreeMap<String, Value>) -> String {
    ranked(node, columns).0
}

/// The same, and how tightly it binds: parentheses are round what binds less than the operator beside it.
fn ranked(node: &Value, columns: &BTreeMap<String, Value>) -> (String, u8) {
    if let Some(column) = node.as_str().map(|id| &columns[id]) {
        let operation = column["operationType"].as_str().unwrap();
        let argument = match column.get("references") {
            Some(references) => written(&references[0], columns),
            None => column["sourceField"].as_str().unwrap().to_owned(),
        };
        return (format!("{operation}({argument})"), 3);
    }
    if node.is_number() {
        return (node.to_string(), 3);
    }
    let arguments: Vec<(String, u8)> =
        node["args"].as_array().unwrap().iter().map(|one| ranked(one, columns)).collect();
    let name = node["name"].as_str().unwrap();
    let operators = [("lt", "<", 0), ("add", "+", 1), ("subtract", "-", 1), ("multiply", "*", 2), ("divide", "/", 2)];
    let Some((_, operator, rank)) = operators.into_iter().find(|(function, ..)| *function == name) else {
        let arguments: Vec<String> = arguments.into_iter().map(|(text, _)| text).collect();
        return (format!("{name}({})", arguments.join(",")), 3);
    };
    let side = |(text, own): &(String, u8), least: u8| if *own < least { format!("({text})") } else { text.clone() };
    (format!("{}{operator}{}", side(&arguments[0], rank), side(&arguments[1], rank + 1)), rank)
}

fn collect_columns(node: &Value, found: &mut BTreeSet<String>) {
    if let Some(id) = node.as_str() {
        found.insert(id.to_owned());
    }
    node["args"].as_array().into_iter().flatten().for_each(|one| collect_columns(one, found));
}

/// Kibana underlines a node by the place it says it has.
fn check_places(node: &Value, formula: &str) {
    if !node.is_object() {
        return;
    }
    // In a chain only the last node has a place.
    if let Some(location) = node.get("location") {
        let at = |key: &str| usize::try_from(location[key].as_u64().unwrap()).unwrap();
        assert_eq!(&formula[at("min")..at("max")], node["text"].as_str().unwrap());
    }
    node["args"].as_array().unwrap().iter().for_each(|one| check_places(one, formula));
}

#[test]
fn no_id_in_the_file_is_random() {
    let uuid = regex::Regex::new("[0-9a-f]{8}-[0-9a-f]{4}").unwrap();
    assert!(!uuid.is_match(DASHBOARD_NDJSON));
}

#[test]
fn the_shipped_file_is_canonical_and_what_kibana_adds_to_it_goes_again() {
    let (text, objects) = canonical(DASHBOARD_NDJSON.as_bytes()).unwrap();
    assert_eq!((text.as_str(), objects), (DASHBOARD_NDJSON, 2));
    let mut lines: Vec<String> = DASHBOARD_NDJSON
        .lines()
        .map(|line| {
            let mut object: Value = serde_json::from_str(line).unwrap();
            for (name, value) in [("managed", "false"), ("updated_at", "\"2026\""), ("version", "\"WzEsMV0=\"")] {
                object[name] = serde_json::from_str(value).unwrap();
            }
            // Kibana writes the JSON in its strings in an order of its own.
            if let Some(text) = object["attributes"]["optionsJSON"].as_str() {
                let options: serde_json::Map<String, Value> = serde_json::from_str(text).unwrap();
                let turned: serde_json::Map<String, Value> = options.into_iter().rev().collect();
                object["attributes"]["optionsJSON"] = Value::from(Value::Object(turned).to_string());
            }
            object["references"].as_array_mut().unwrap().reverse();
            object.to_string()
        })
        .collect();
    lines.reverse();
    lines.push(r#"{"exportedCount":2,"missingRefCount":0}"#.to_owned());
    assert_eq!(canonical(lines.join("\n").as_bytes()).unwrap(), (DASHBOARD_NDJSON.to_owned(), 2));
}
