//! Dashboards of all ages, written out as Kibana stores them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::lens::scope::{Language, Query};
use crate::lens::view::DataView;

fn lens_attributes(layer: &str) -> Value {
    json!({"title": "Inside", "description": "of it", "visualizationType": "lnsXY", "type": "lens",
    "references": [{"type": "index-pattern", "id": "inner", "name": format!("indexpattern-datasource-layer-{layer}")}],
    "state": {
        "datasourceStates": {"formBased": {"layers": {layer: {"columnOrder": ["a"], "columns": {"a": {}}}, "left": {"columns": {}}}}},
        "visualization": {"layers": [{"layerId": layer, "layerType": "data"}, {"layerId": "n", "layerType": "annotations"}]},
        "query": {"query": "a:1", "language": "kuery"},
        "filters": [{"meta": {"index": "filter-index-pattern-0"}, "query": {}}],
        "internalReferences": [], "adHocDataViews": {}
    }})
}

fn panel(id: &str, more: Value) -> Value {
    let mut panel = json!({"panelIndex": id, "gridData": {"x": 0, "y": 0, "w": 24, "h": 15, "i": id}});
    panel.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    panel
}

fn reference(name: &str, kind: &str, id: &str) -> Value {
    json!({"name": name, "type": kind, "id": id})
}

fn dashboard(panels: Vec<Value>, references: Vec<Value>) -> Value {
    json!({"type": "dashboard", "id": "d1", "references": references,
        "attributes": {"title": "T", "panelsJSON": Value::Array(panels).to_string()}})
}

fn read(panels: Vec<Value>, references: Vec<Value>) -> Dashboard {
    Dashboard::read(&dashboard(panels, references)).unwrap()
}

fn only(dashboard: &Dashboard) -> &Panel {
    assert_eq!(dashboard.panels.len(), 1);
    &dashboard.panels[0]
}

#[test]
fn the_outer_reference_names_the_data_view_of_a_layer() {
    let attributes = lens_attributes("l1");
    for kind in ["lens", "vis"] {
        let dashboard = read(
            vec![panel("p1", json!({"type": kind, "embeddableConfig": {"attributes": attributes}}))],
            vec![
                reference("p1:indexpattern-datasource-layer-l1", "index-pattern", "outer"),
                reference("p1:filter-index-pattern-0", "index-pattern", "of-filter"),
                reference("p1:xy-visualization-layer-n", "index-pattern", "of-notes"),
            ],
        );
        let panel = only(&dashboard);
        let lens = panel.content.lens().unwrap();
        assert_eq!((panel.title.as_str(), panel.description.as_str(), panel.kind()), ("Inside", "of it", "lnsXY"));
        assert_eq!(lens.layers.len(), 1, "a layer without columns is none");
        assert_eq!((lens.layers[0].id.as_str(), lens.layers[0].data_view.as_str()), ("l1", "outer"));
        assert_eq!(lens.query, Some(Query::kuery("a:1")));
        assert_eq!(lens.filters[0]["meta"]["index"], "of-filter");
        assert_eq!(lens.visualization["layers"][1]["indexPatternId"], "of-notes");
        assert_eq!(dashboard.data_views().into_iter().collect::<Vec<_>>(), ["outer"]);
    }
}

#[test]
fn an_inner_reference_without_an_outer_one_leads_nowhere() {
    let config = json!({"attributes": lens_attributes("l1")});
    let dashboard = read(vec![panel("p1", json!({"type": "lens", "embeddableConfig": config}))], vec![]);
    let PanelContent::Unsupported { reason, .. } = &only(&dashboard).content else { panic!("unsupported") };
    assert_eq!(reason, "the layer `l1` names no data view");
}

#[test]
fn a_data_view_that_the_chart_brings_along_is_read_with_it() {
    let mut attributes = lens_attributes("l1");
    attributes["state"]["internalReferences"] =
        json!([reference("indexpattern-datasource-layer-l1", "index-pattern", "own")]);
    attributes["state"]["adHocDataViews"] = json!({"own": {"id": "own", "title": "logs-*", "timeFieldName": "@timestamp",
        "runtimeFieldMap": {"r": {"type": "long", "script": {"source": "emit(1)"}, "popularity": 3}},
        "fieldFormats": {"x": {"id": "percent"}}}});
    let dashboard =
        read(vec![panel("p1", json!({"type": "lens", "embeddableConfig": {"attributes": attributes}}))], vec![]);
    let lens = only(&dashboard).content.lens().unwrap();
    let view = &lens.ad_hoc["own"];
    assert_eq!((view.index.as_str(), view.time_field.as_deref()), ("logs-*", Some("@timestamp")));
    assert_eq!(Value::Object(view.runtime.clone()), json!({"r": {"type": "long", "script": {"source": "emit(1)"}}}));
    assert_eq!(view.formats["x"], json!({"id": "percent"}));
    assert!(dashboard.data_views().is_empty(), "no stored one is needed");
}

#[test]
fn library_items_are_named_in_every_form_and_resolved_with_their_own_references() {
    let stored = json!({"type": "lens", "id": "item", "attributes": lens_attributes("l1"),
        "references": [reference("indexpattern-datasource-layer-l1", "index-pattern", "dv")]});
    let cases = [
        (json!({"type": "lens", "panelRefName": "panel_p1"}), vec![reference("p1:panel_p1", "lens", "item")]),
        (json!({"type": "lens", "panelRefName": "panel_0"}), vec![reference("panel_0", "lens", "item")]),
        (json!({"type": "vis", "embeddableConfig": {}}), vec![reference("p1:savedObjectRef", "lens", "item")]),
        (json!({"type": "lens", "id": "item"}), vec![]),
        (json!({"type": "lens", "embeddableConfig": {"savedObjectId": "item"}}), vec![]),
    ];
    for (more, references) in cases {
        let mut dashboard = read(vec![panel("p1", more.clone())], references);
        assert_eq!(dashboard.library_items(), [&LibraryItem { kind: "lens".into(), id: "item".into() }], "{more}");
        let mut missing = dashboard.clone();
        dashboard.resolve(|kind, id| (kind == "lens" && id == "item").then(|| stored.clone()));
        let panel = only(&dashboard);
        assert_eq!((panel.title.as_str(), panel.kind()), ("Inside", "lnsXY"));
        assert_eq!(panel.content.lens().unwrap().layers[0].data_view, "dv");
        missing.resolve(|_, _| None);
        let PanelContent::Unsupported { reason, .. } = &only(&missing).content else { panic!("unsupported") };
        assert_eq!(reason, "the library item `lens/item` is not there");
    }
}

#[test]
fn a_title_of_the_panel_goes_before_that_of_its_content() {
    let attributes = lens_attributes("l");
    let cases = [
        (json!({"title": "Beside", "embeddableConfig": {"attributes": attributes}}), "Beside", false),
        (json!({"embeddableConfig": {"attributes": attributes, "title": "In", "hidePanelTitles": true}}), "In", true),
        (json!({"title": "Beside", "embeddableConfig": {"attributes": attributes, "title": ""}}), "", false),
        (json!({"embeddableConfig": {"attributes": attributes, "hide_title": true}}), "Inside", true),
    ];
    for (mut more, title, hidden) in cases {
        more["type"] = json!("lens");
        let references = vec![reference("p1:indexpattern-datasource-layer-l", "index-pattern", "dv")];
        let dashboard = read(vec![panel("p1", more)], references);
        assert_eq!((only(&dashboard).title.as_str(), only(&dashboard).hides_title), (title, hidden));
    }
}

#[test]
fn a_query_and_filters_of_the_panel_are_the_charts_own() {
    let references = vec![reference("p1:indexpattern-datasource-layer-l", "index-pattern", "dv")];
    let config = |own: &str| {
        let mut attributes = lens_attributes("l");
        attributes["state"]["query"]["query"] = json!(own);
        json!({"type": "lens", "embeddableConfig": {"attributes": attributes, "filters": [{"meta": {}, "query": {"a": 1}}],
            "query": {"language": "kuery", "query": "b:2"}}})
    };
    let dashboard = read(vec![panel("p1", config(""))], references.clone());
    let lens = only(&dashboard).content.lens().unwrap();
    assert_eq!((lens.filters.len(), &lens.query), (2, &Some(Query::kuery("b:2"))));
    let dashboard = read(vec![panel("p1", config("a:1"))], references);
    assert!(matches!(only(&dashboard).content, PanelContent::Unsupported { .. }));
}

#[test]
fn markdown_of_every_age_is_read() {
    let vis = json!({"type": "markdown", "title": "M", "params": {"markdown": "# hi", "openLinksInNewTab": true}});
    let by_value = [
        json!({"type": "visualization", "embeddableConfig": {"savedVis": vis}}),
        json!({"type": "legacy_vis", "embeddableConfig": {"savedVis": vis}}),
        json!({"type": "markdown", "title": "M", "embeddableConfig": {"content": "# hi", "settings": {"open_links_in_new_tab": true}}}),
    ];
    for more in by_value {
        let dashboard = read(vec![panel("p1", more)], vec![]);
        let PanelContent::Markdown(markdown) = &only(&dashboard).content else { panic!("markdown") };
        assert_eq!((markdown.text.as_str(), markdown.opens_new_tab), ("# hi", true));
        assert_eq!((only(&dashboard).title.as_str(), only(&dashboard).kind()), ("M", "markdown"));
    }
    let stored = json!({"attributes": {"title": "M", "visState": vis.to_string()}});
    let more = json!({"type": "visualization", "panelRefName": "panel_p1"});
    let mut dashboard = read(vec![panel("p1", more)], vec![reference("p1:panel_p1", "visualization", "v")]);
    dashboard.resolve(|_, _| Some(stored.clone()));
    assert_eq!((only(&dashboard).title.as_str(), only(&dashboard).kind()), ("M", "markdown"));
}

#[test]
fn a_panel_that_is_not_supported_says_so_and_hurts_no_other() {
    let esql = json!({"visualizationType": "lnsXY", "state": {"datasourceStates": {"formBased": {"layers": {}},
        "textBased": {"layers": {"a": {"query": {"esql": "FROM x"}}}}}}});
    let cases = [
        (json!({"type": "map"}), "maps"),
        (json!({"type": "discover_session"}), "Discover sessions"),
        (json!({"type": "hologram"}), "panels of type `hologram`"),
        (json!({}), "panels without a type"),
        (json!({"type": "lens"}), "Lens panels"),
        (json!({"type": "lens", "embeddableConfig": {"attributes": 3}}), "Lens panels"),
        (json!({"type": "lens", "embeddableConfig": {"attributes": esql}}), "ES|QL panels"),
        (
            json!({"type": "visualization", "embeddableConfig": {"savedVis": {"type": "metrics"}}}),
            "visualizations of type `metrics`",
        ),
    ];
    for (more, expected) in cases {
        let good = json!({"type": "markdown", "embeddableConfig": {"content": "x"}});
        let dashboard = read(vec![panel("p1", more), json!(7), panel("p2", good)], vec![]);
        let PanelContent::Unsupported { what, .. } = &dashboard.panels[0].content else { panic!("unsupported") };
        assert_eq!(what, expected);
        assert_eq!(dashboard.panels[2].kind(), "markdown");
    }
}

#[test]
fn what_a_dashboard_opens_with_is_read() {
    let object = json!({"type": "dashboard", "id": "d", "references": [
            reference("kibanaSavedObjectMeta.searchSourceJSON.filter[0].meta.index", "index-pattern", "dv")],
        "attributes": {"title": "T", "description": "D", "timeRestore": true, "timeFrom": "now-7h", "timeTo": "now",
            "refreshInterval": {"pause": false, "value": 5000},
            "optionsJSON": r#"{"hidePanelTitles":true,"useMargins":false}"#,
            "kibanaSavedObjectMeta": {"searchSourceJSON": json!({"query": {"query": "x", "language": "lucene"}, "filter": [
                {"meta": {"indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.filter[0].meta.index"}},
                {"meta": {"type": "combined", "params": [{"meta":
                    {"indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.filter[0].meta.index"}}]}}]}).to_string()},
            "sections": [{"title": "S", "collapsed": true, "gridData": {"y": 3, "i": "s1"}}],
            "panelsJSON": json!([{"type": "map", "panelIndex": "a", "gridData": {"x": 90, "y": 1, "w": 90, "h": 0, "sectionId": "s1"},
                "embeddableConfig": {"timeRange": {"from": "now-1h", "to": "now"},
                    "enhancements": {"dynamicActions": {"events": [{}]}}}},
                {"type": "map", "panelIndex": "a"}]).to_string()}});
    let dashboard = Dashboard::read(&object).unwrap();
    assert_eq!(dashboard.time, Some(SavedTime { from: "now-7h".into(), to: "now".into() }));
    assert_eq!(dashboard.refresh, Some(Refresh { is_paused: false, interval_ms: 5000 }));
    assert!(dashboard.options.hides_panel_titles && !dashboard.options.uses_margins);
    assert_eq!(dashboard.query, Some(Query { language: Language::Lucene, text: "x".into() }));
    assert_eq!(dashboard.filters[0]["meta"], json!({"index": "dv"}));
    assert_eq!(dashboard.filters[1]["meta"]["params"][0]["meta"]["index"], "dv");
    let section = Section { id: "s1".into(), title: "S".into(), is_collapsed: true, y: 3 };
    assert_eq!(dashboard.sections, [section]);
    let [first, second] = dashboard.panels.as_slice() else { panic!("two panels") };
    assert_eq!((first.grid, first.section), (Grid { x: 47, y: 1, w: 1, h: 1 }, Some(0)));
    assert_eq!(first.time, Some(SavedTime { from: "now-1h".into(), to: "now".into() }));
    assert_eq!((second.id.as_str(), second.grid), ("a~2", Grid { x: 0, y: 2, w: 24, h: 15 }));
    assert_eq!(dashboard.warnings, ["the drilldowns of the panel `a` are not offered", "two panels have the id `a`"]);
}

#[test]
fn controls_of_all_kinds_are_read_in_order() {
    let panels = json!({
        "t": {"type": "timeSlider", "order": 2, "explicitInput": {"timesliceStartAsPercentageOfTimeRange": 0.2}},
        "o": {"type": "optionsListControl", "order": 0, "width": "small", "grow": true, "explicitInput": {
            "fieldName": "sym", "title": "Symbol", "dataViewRefName": "controlGroup_o:optionsListDataView",
            "selectedOptions": ["A", 5, {}], "exclude": true, "sort": {"by": "_key", "direction": "asc"}}},
        "r": {"type": "rangeSliderControl", "order": 1, "explicitInput": {"fieldName": "p", "dataViewId": "dv2", "value": ["1", ""], "step": 2}},
        "e": {"type": "esqlControl", "order": 3, "explicitInput": {"variableName": "v", "availableOptions": ["x"]}},
        "x": {"type": "dial", "order": 4}, "n": {"type": "optionsListControl", "order": 5}});
    let mut object = dashboard(vec![], vec![reference("controlGroup_o:optionsListDataView", "index-pattern", "dv1")]);
    object["attributes"]["controlGroupInput"] = json!({"controlStyle": "twoLine", "chainingSystem": "NONE",
        "panelsJSON": panels.to_string(), "ignoreParentSettingsJSON": r#"{"ignoreQuery":true}"#});
    let dashboard = Dashboard::read(&object).unwrap();
    let controls = &dashboard.controls;
    let ids: Vec<&str> = controls.list.iter().map(|control| control.id.as_str()).collect();
    assert_eq!(ids, ["o", "r", "t", "e", "x", "n"]);
    assert!(controls.has_two_lines && controls.ignores_query && controls.chaining == Chaining::None);
    let ControlKind::Options(options) = &controls.list[0].kind else { panic!("options") };
    assert_eq!((options.field.as_str(), options.data_view.as_deref()), ("sym", Some("dv1")));
    assert_eq!(options.selected, [json!("A"), json!(5)]);
    assert!(options.excludes && !options.is_descending && options.sort_by == "_key");
    let ControlKind::Range { value, data_view, .. } = &controls.list[1].kind else { panic!("range") };
    assert_eq!((value.clone(), data_view.as_deref()), (Some(("1".into(), String::new())), Some("dv2")));
    assert!(matches!(controls.list[2].kind, ControlKind::Time { start: Some(start), end: None } if start == 0.2));
    assert!(matches!(&controls.list[3].kind, ControlKind::Esql { options, .. } if options == &["x"]));
    assert!(matches!(controls.list[4].kind, ControlKind::Unsupported { .. }));
    assert!(matches!(controls.list[5].kind, ControlKind::Unsupported { .. }));
    assert_eq!(dashboard.data_views().into_iter().collect::<Vec<_>>(), ["dv1", "dv2"]);
}

#[test]
fn broken_attributes_are_refused_by_name() {
    let with = |name: &str, value: Value| json!({"type": "dashboard", "attributes": {name: value}});
    let cases = [
        (json!(3), "a saved object of type `dashboard` is needed, this is a number"),
        (json!({"type": "lens"}), "a saved object of type `dashboard` is needed, this is one of type `lens`"),
        (json!({"type": "dashboard"}), "`attributes` is missing"),
        (with("panelsJSON", json!("{}")), "`attributes.panelsJSON` should be an array, but is an object"),
        (
            with("optionsJSON", json!("{")),
            "the JSON text in `attributes.optionsJSON` is broken: EOF while parsing an object at line 1 column 1",
        ),
        (with("panelsJSON", json!(5)), "`attributes.panelsJSON` should be a JSON text, but is a number"),
    ];
    for (object, expected) in cases {
        assert_eq!(Dashboard::read(&object).unwrap_err().to_string(), expected);
    }
    let no_title = DataView::read(&json!({"type": "index-pattern", "attributes": {}})).unwrap_err();
    assert_eq!(no_title.to_string(), "`attributes.title` is missing");
}

#[test]
fn a_saved_data_view_is_read_from_its_texts() {
    let view = DataView::read(&json!({"type": "index-pattern", "id": "dv", "attributes": {"title": "stock-stream",
        "name": "Stock stream", "timeFieldName": "timestamp", "runtimeFieldMap": "{}",
        "fieldFormatMap": r#"{"p":{"id":"number","params":{"pattern":"0,0.00"}}}"#}}))
    .unwrap();
    assert_eq!((view.id.as_str(), view.index.as_str(), view.name.as_str()), ("dv", "stock-stream", "Stock stream"));
    assert_eq!(view.formats["p"]["params"]["pattern"], "0,0.00");
    assert!(view.runtime.is_empty() && view.fields.is_empty());
}

proptest! {
    #[test]
    fn any_text_in_place_of_json_never_panics(panels in ".*", source in ".*", controls in ".*") {
        let object = json!({"type": "dashboard", "attributes": {"panelsJSON": panels,
            "kibanaSavedObjectMeta": {"searchSourceJSON": source}, "controlGroupInput": {"panelsJSON": controls}}});
        prop_assert!(Dashboard::read(&object).is_ok() || !panels.is_empty() || !source.is_empty() || !controls.is_empty());
    }

    #[test]
    fn any_json_in_place_of_a_panel_never_panics(kind in "lens|vis|markdown|visualization|x", key in "attributes|savedVis|title|timeRange",
        value in prop_oneof![Just(json!(null)), Just(json!(1)), Just(json!([])), Just(json!({"state": []})), Just(json!({"state": {"datasourceStates": 4}, "visualizationType": "a"}))],
        grid in prop_oneof![Just(json!(-1)), Just(json!(1e300)), Just(json!("x")), Just(json!(3))]) {
        let panel = json!({"type": kind, "panelIndex": grid, "gridData": {"x": grid, "y": grid, "w": grid, "h": grid}, "embeddableConfig": {key: value}});
        let dashboard = read(vec![panel.clone(), panel], vec![]);
        prop_assert_eq!(dashboard.panels.len(), 2);
    }
}
