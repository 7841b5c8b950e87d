//! Imports against the answers of a real Kibana 8.12.2.

use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::server::kibana::export::{Chosen, Request as Export, export};
use crate::server::kibana::store::{Key, RealDisk};

const DATA_VIEW: &str = r#"{"attributes":{"fields":"[]","name":"Stock stream","timeFieldName":"timestamp","title":"stock-stream"},"coreMigrationVersion":"8.8.0","id":"dv1","references":[],"type":"index-pattern","typeMigrationVersion":"8.0.0"}"#;
const DASHBOARD: &str = r#"{"attributes":{"panelsJSON":"[]","title":"T"},"coreMigrationVersion":"8.8.0","id":"d1","references":[{"id":"dv1","name":"p1:a","type":"index-pattern"}],"type":"dashboard","typeMigrationVersion":"8.9.0"}"#;
const DETAILS: &str =
    r#"{"excludedObjects":[],"excludedObjectsCount":0,"exportedCount":2,"missingRefCount":0,"missingReferences":[]}"#;

struct Fixture {
    store: Store,
    _folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path(), Box::new(RealDisk), Arc::new(|| Timestamp::UNIX_EPOCH)).unwrap();
        Self { store, _folder: folder }
    }

    fn try_import(&self, lines: &[&str], options: &Options) -> Result<Value, ApiError> {
        run(&self.store, "8.12.2", read(lines.join("\n").as_bytes())?, options)
    }

    fn import(&self, lines: &[&str]) -> Value {
        self.try_import(lines, &Options::default()).unwrap()
    }

    fn overwrite(&self, lines: &[&str]) -> Value {
        self.try_import(lines, &Options { overwrites: true, ..Options::default() }).unwrap()
    }

    fn resolve(&self, lines: &[&str], retries: Value) -> Value {
        let retries = Some(read_retries(Some(&retries.to_string())).unwrap());
        self.try_import(lines, &Options { retries, ..Options::default() }).unwrap()
    }

    fn count(&self) -> usize {
        self.store.objects().iter().count()
    }
}

fn object(kind: &str, id: &str, more: Value) -> String {
    let mut object = json!({"type": kind, "id": id, "attributes": {"title": "T"}, "references": []});
    object.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    object.to_string()
}

#[test]
fn a_data_view_and_a_dashboard_are_imported_and_replaced() {
    let fixture = Fixture::new();
    let expected = r#"{"successCount":2,"success":true,"warnings":[],"successResults":[{"type":"index-pattern","id":"dv1","meta":{"title":"Stock stream","icon":"indexPatternApp"},"managed":false},{"type":"dashboard","id":"d1","meta":{"title":"T","icon":"dashboardApp"},"managed":false}]}"#;
    assert_eq!(fixture.overwrite(&[DATA_VIEW, "", DASHBOARD, DETAILS]).to_string(), expected);
    let expected = r#"{"successCount":0,"success":false,"warnings":[],"errors":[{"type":"index-pattern","id":"dv1","meta":{"title":"Stock stream","icon":"indexPatternApp"},"error":{"type":"conflict"}},{"type":"dashboard","id":"d1","meta":{"title":"T","icon":"dashboardApp"},"error":{"type":"conflict"}}]}"#;
    assert_eq!(fixture.import(&[DATA_VIEW, DASHBOARD]).to_string(), expected);
    let replaced = fixture.overwrite(&[DASHBOARD]);
    assert_eq!(replaced["successResults"][0]["overwrite"], true);
    assert_eq!(fixture.count(), 2);
    let export = |key| {
        export(
            &fixture.store.objects(),
            &Export { chosen: Chosen::Objects(vec![key]), with_references: true, without_details: false },
        )
    };
    let lines = String::from_utf8(export(Key::new("dashboard", "d1")).unwrap()).unwrap();
    let expected = [
        r#"{"attributes":{"fields":"[]","name":"Stock stream","timeFieldName":"timestamp","title":"stock-stream"},"coreMigrationVersion":"8.8.0","created_at":"1970-01-01T00:00:00.000Z","id":"dv1","managed":false,"references":[],"type":"index-pattern","typeMigrationVersion":"8.0.0","updated_at":"1970-01-01T00:00:00.000Z","version":"WzEsMV0="}"#,
        r#"{"attributes":{"panelsJSON":"[]","title":"T"},"coreMigrationVersion":"8.8.0","created_at":"1970-01-01T00:00:00.000Z","id":"d1","managed":false,"references":[{"id":"dv1","name":"p1:a","type":"index-pattern"}],"type":"dashboard","typeMigrationVersion":"8.9.0","updated_at":"1970-01-01T00:00:00.000Z","version":"WzMsMV0="}"#,
        DETAILS,
    ];
    assert_eq!(lines, expected.join("\n"));
}

#[test]
fn a_missing_reference_or_a_conflict_writes_nothing_though_others_are_listed() {
    let fixture = Fixture::new();
    let dangling = object(
        "dashboard",
        "d2",
        json!({"references": [
        {"name": "a", "type": "index-pattern", "id": "nope"}, {"name": "b", "type": "index-pattern", "id": "nope"},
        {"name": "c", "type": "lens", "id": "lost"}]}),
    );
    let answer = fixture.import(&[&dangling, DATA_VIEW]);
    let expected = json!([{"id": "d2", "type": "dashboard", "meta": {"title": "T", "icon": "dashboardApp"},
        "error": {"type": "missing_references", "references": [{"type": "index-pattern", "id": "nope"}]}}]);
    assert_eq!((&answer["errors"], &answer["successCount"]), (&expected, &json!(1)));
    assert_eq!(fixture.count(), 0);
    fixture.import(&[DATA_VIEW]);
    let tag = r#"{"type":"tag","id":"t","attributes":{"name":"N"}}"#;
    let answer = fixture.import(&[tag, DATA_VIEW]);
    assert_eq!((&answer["success"], &answer["successCount"]), (&json!(false), &json!(1)));
    assert_eq!(fixture.count(), 1);
}

#[test]
fn unknown_types_and_wrong_attributes_are_left_out_alone() {
    let fixture = Fixture::new();
    let odd = r#"{"type":"frobnicate","id":"f","attributes":{}}"#;
    let wrong = r#"{"type":"dashboard","id":"w","attributes":{}}"#;
    let bogus = object("dashboard", "b", json!({"attributes": {"title": "T", "bogus": 1}}));
    let answer = fixture.import(&[odd, wrong, DATA_VIEW, &bogus]);
    let expected = json!([
        {"id": "f", "type": "frobnicate", "meta": {}, "error": {"type": "unsupported_type"}},
        {"type": "dashboard", "id": "w", "meta": {"icon": "dashboardApp"}, "error": {"isBoom": true, "isServer": false, "data": null,
            "output": {"statusCode": 400, "payload": {"message": "[attributes.title]: expected value of type [string] but got [undefined]: Bad Request",
                "statusCode": 400, "error": "Bad Request"}, "headers": {}}, "type": "unknown"}}]);
    assert_eq!(answer["errors"].to_string(), expected.to_string());
    assert_eq!((&answer["successCount"], fixture.count()), (&json!(2), 2));
    let warning = "[dashboard:b] was imported without what is not known here: [attributes.bogus]";
    assert_eq!(answer["warnings"], json!([{"type": "simple", "message": warning}]));
    assert!(!fixture.store.objects().get("dashboard", "b").unwrap().attributes.contains_key("bogus"));
}

#[test]
fn files_that_kibana_refuses_as_a_whole_are_refused_in_its_words() {
    let many = vec![object("tag", "t", json!({})); OBJECTS_MAX + 1];
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let newer = object("dashboard", "d3", json!({"typeMigrationVersion": "10.9.0"}));
    let legacy = object("dashboard", "d3", json!({"migrationVersion": {"dashboard": "10.9.0"}}));
    let core = object("dashboard", "d3", json!({"coreMigrationVersion": "9.9.9"}));
    let deep = object("lens", "l", json!({})).replace("\"T\"", &format!("{}{}", "[".repeat(200), "]".repeat(200)));
    let cases: Vec<(Vec<&str>, u16, &str)> = vec![
        (vec![&deep], 400, "Line 1: the JSON can't be read: recursion limit exceeded at line 1 column 172"),
        (vec![DATA_VIEW, r#"{"type":"#], 400, "Unexpected end of JSON input"),
        (vec!["{\"é\": x}"], 400, "Unexpected token x in JSON at position 6"),
        (vec!["[1,2"], 400, "Unexpected end of JSON input"),
        (vec!["7"], 400, "Line 1: a saved object is an object"),
        (vec!["", r#"{"type":"dashboard","id":"x"}"#], 400, "Line 2: [dashboard:x] has no object `attributes`"),
        (vec![r#"{"type":"dashboard","attributes":{}}"#], 400, "Line 1: a saved object needs a string `id`"),
        (
            vec![DATA_VIEW, DASHBOARD, DATA_VIEW, DATA_VIEW, DASHBOARD],
            400,
            "Non-unique import objects detected: [index-pattern:dv1,dashboard:d1]",
        ),
        (many, 400, "Can't import more than 10000 objects"),
        (
            vec![DATA_VIEW, &newer],
            422,
            "Document \"d3\" belongs to a more recent version of Kibana [10.9.0] when the last known version is [10.4.0].",
        ),
        (
            vec![&legacy],
            422,
            "Document \"d3\" belongs to a more recent version of Kibana [10.9.0] when the last known version is [10.4.0].",
        ),
        (
            vec![&core],
            422,
            "Document \"d3\" has a \"coreMigrationVersion\" which belongs to a more recent version of Kibana [9.9.9]. The current version is [8.12.2].",
        ),
    ];
    for (lines, status, message) in cases {
        let fixture = Fixture::new();
        let error = fixture.try_import(&lines, &Options::default()).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (status, message));
        assert_eq!(fixture.count(), 0);
    }
    assert_eq!(Fixture::new().import(&[]).to_string(), r#"{"successCount":0,"success":true,"warnings":[]}"#);
}

#[test]
fn an_object_without_versions_gets_those_of_kibana_8_12() {
    let fixture = Fixture::new();
    fixture.import(&[r#"{"type":"dashboard","id":"d","attributes":{"title":"T"}}"#]);
    let object = fixture.store.objects().get("dashboard", "d").unwrap().clone();
    assert_eq!((object.type_version.as_deref(), object.core_version.as_str()), (Some("8.9.0"), "8.8.0"));
}

#[test]
fn copies_get_new_ids_and_refer_to_each_other() {
    let fixture = Fixture::new();
    fixture.import(&[DATA_VIEW, DASHBOARD]);
    let options = Options { copies: true, ..Options::default() };
    let answer = fixture.try_import(&[DASHBOARD, DATA_VIEW], &options).unwrap();
    assert_eq!((&answer["success"], fixture.count()), (&json!(true), 4));
    let new_id = |at: usize| answer["successResults"][at]["destinationId"].as_str().unwrap();
    let copy = fixture.store.objects().get("dashboard", new_id(0)).unwrap().clone();
    assert_eq!(copy.references[0].id, new_id(1));
}

#[test]
fn an_object_of_the_same_origin_is_the_destination_of_what_it_was_made_of() {
    let fixture = Fixture::new();
    let copy = |id: &str, origin: &str, title: &str| {
        object("dashboard", id, json!({"originId": origin, "attributes": {"title": title}}))
    };
    fixture.import(&[&copy("b", "a", "B")]);
    // The original, and another copy of it: both are what `b` is already.
    for incoming in [object("dashboard", "a", json!({})), copy("c", "a", "C")] {
        let answer = fixture.import(&[&incoming]);
        let error = &answer["errors"][0];
        assert_eq!(error["error"], json!({"type": "conflict", "destinationId": "b"}), "{answer}");
        assert_eq!((&answer["success"], fixture.count()), (&json!(false), 1));
    }
    let answer = fixture.overwrite(&[&object("dashboard", "a", json!({"attributes": {"title": "A"}}))]);
    let success = &answer["successResults"][0];
    assert_eq!((&success["destinationId"], &success["overwrite"]), (&json!("b"), &json!(true)), "{answer}");
    let objects = fixture.store.objects();
    let written = objects.get("dashboard", "b").unwrap();
    assert_eq!((&written.attributes["title"], written.origin_id.as_deref()), (&json!("A"), Some("a")));
    // Another type has no part in it, and a copy that is asked for is one.
    assert_eq!(fixture.import(&[&object("lens", "a", json!({}))])["success"], true);
    let copies = Options { copies: true, ..Options::default() };
    assert_eq!(fixture.try_import(&[&copy("c", "a", "C")], &copies).unwrap()["success"], true);
    assert_eq!(fixture.count(), 3);
}

#[test]
fn a_reference_follows_what_it_names_to_the_one_copy_of_it() {
    let fixture = Fixture::new();
    let copy = |id: &str| object("index-pattern", id, json!({"originId": "dv1"}));
    fixture.import(&[&copy("dv2")]);
    assert_eq!(fixture.import(&[DASHBOARD])["success"], true);
    let objects = fixture.store.objects();
    assert_eq!(objects.get("dashboard", "d1").unwrap().references[0].id, "dv2");
    // Of two copies none is the one that is meant.
    let retry = json!([{"type": "index-pattern", "id": "dv3", "destinationId": "dv3"}]);
    assert_eq!(fixture.resolve(&[&copy("dv3")], retry)["success"], true);
    let answer = fixture.overwrite(&[DASHBOARD]);
    assert_eq!(answer["errors"][0]["error"]["references"], json!([{"type": "index-pattern", "id": "dv1"}]), "{answer}");
}

#[test]
fn several_objects_of_the_same_origin_are_an_ambiguous_conflict() {
    let fixture = Fixture::new();
    let copy = |id: &str| object("dashboard", id, json!({"originId": "a", "attributes": {"title": id}}));
    fixture.import(&[&copy("b")]);
    let retry = json!([{"type": "dashboard", "id": "c", "destinationId": "c"}]);
    assert_eq!(fixture.resolve(&[&copy("c")], retry)["success"], true);
    let answer = fixture.overwrite(&[&copy("d")]);
    let at = "1970-01-01T00:00:00.000Z";
    let expected = json!([{"type": "dashboard", "id": "d", "meta": {"title": "d", "icon": "dashboardApp"},
        "error": {"type": "ambiguous_conflict", "destinations": [
            {"id": "b", "title": "b", "updatedAt": at}, {"id": "c", "title": "c", "updatedAt": at}]}}]);
    assert_eq!(answer["errors"], expected);
    let retry = json!([{"type": "dashboard", "id": "d", "destinationId": "c", "overwrite": true}]);
    let answer = fixture.resolve(&[&copy("d")], retry);
    assert_eq!((&answer["success"], fixture.count()), (&json!(true), 2), "{answer}");
    // Two of the file are not told from one another by what is stored: both become new objects.
    let answer = fixture.import(&[&copy("e"), &copy("f")]);
    assert_eq!((&answer["successCount"], fixture.count()), (&json!(2), 4), "{answer}");
    assert_eq!(answer["successResults"][1]["createNewCopy"], true, "{answer}");
    let ids: Vec<&Value> = (0..2).map(|at| &answer["successResults"][at]["destinationId"]).collect();
    assert!(ids.iter().all(|id| id.is_string()) && ids[0] != ids[1], "{answer}");
}

#[test]
fn retries_import_only_what_they_name_in_their_own_way() {
    let fixture = Fixture::new();
    fixture.import(&[DATA_VIEW]);
    let dangling =
        object("dashboard", "d2", json!({"references": [{"name": "a", "type": "index-pattern", "id": "nope"}]}));
    let lines = [DATA_VIEW, &dangling];
    let replace = json!([{"type": "dashboard", "id": "d2", "replaceReferences": [{"type": "index-pattern", "from": "nope", "to": "dv1"}]}]);
    let answer = fixture.resolve(&lines, replace);
    assert_eq!((&answer["success"], &answer["successCount"]), (&json!(true), &json!(1)));
    assert_eq!(fixture.store.objects().get("dashboard", "d2").unwrap().references[0].id, "dv1");
    let answer = fixture.resolve(&lines, json!([{"type": "index-pattern", "id": "dv1"}]));
    assert_eq!(answer["errors"][0]["error"]["type"], "conflict");
    let answer = fixture.resolve(&lines, json!([{"type": "index-pattern", "id": "dv1", "overwrite": true}]));
    assert_eq!(answer["successResults"][0]["overwrite"], true);
    let ignore = json!([{"type": "dashboard", "id": "d2", "ignoreMissingReferences": true, "destinationId": "d9", "createNewCopy": true}]);
    let answer = fixture.resolve(&lines, ignore);
    let result = &answer["successResults"][0];
    assert_eq!((&result["destinationId"], &result["createNewCopy"]), (&json!("d9"), &json!(true)));
    assert!(fixture.store.objects().contains("dashboard", "d9"));
}

#[test]
fn retries_of_a_wrong_form_are_refused_by_their_place() {
    let cases = [
        (None, "[request body.retries]: expected value of type [array] but got [undefined]"),
        (Some("{"), "[request body.retries]: could not parse array value from json input"),
        (Some("{}"), "[request body.retries]: expected value of type [array] but got [Object]"),
        (Some(r#"[{"type":"a"}]"#), "[request body.retries.0.id]: expected value of type [string] but got [undefined]"),
        (Some(r#"[{"type":"a","id":"b","x":1}]"#), "[request body.retries.0.x]: definition for this key is missing"),
        (Some(r#"[{"type":"a","id":"b"},{"type":"a","id":"b"}]"#), "Non-unique retry objects: [a:b]"),
        (
            Some(r#"[{"type":"a","id":"b","destinationId":"c"},{"type":"a","id":"d","destinationId":"c"}]"#),
            "Non-unique retry destinations: [a:c]",
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(read_retries(text).unwrap_err().message, expected);
    }
}

#[test]
fn what_is_exported_can_be_imported_and_comes_out_again() {
    let chosen = |kinds: &[&str]| Export {
        chosen: Chosen::Kinds {
            kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
            search: None,
            has_reference: vec![],
        },
        with_references: false,
        without_details: true,
    };
    let first = Fixture::new();
    first.import(&[
        DASHBOARD,
        DATA_VIEW,
        &object("lens", "l", json!({"attributes": {"title": "L", "state": {"b": 1, "a": [1.5, null]}}})),
    ]);
    let exported = export(&first.store.objects(), &chosen(&["dashboard", "index-pattern", "lens"])).unwrap();
    let second = Fixture::new();
    let text = String::from_utf8(exported.clone()).unwrap();
    second.import(&text.lines().collect::<Vec<_>>());
    let again = export(&second.store.objects(), &chosen(&["dashboard", "index-pattern", "lens"])).unwrap();
    let without_version = |bytes: &[u8]| -> Vec<Value> {
        let lines = std::str::from_utf8(bytes).unwrap().lines();
        lines
            .map(|line| {
                let mut line: Value = serde_json::from_str(line).unwrap();
                line["version"] = json!(0);
                line
            })
            .collect()
    };
    assert_eq!(without_version(&exported), without_version(&again));
}

#[test]
fn circles_and_long_chains_of_references_are_exported() {
    let fixture = Fixture::new();
    let link = |n: usize| {
        object(
            "lens",
            &format!("{n:05}"),
            json!({"references": [
        {"name": "next", "type": "lens", "id": format!("{:05}", (n + 1) % 5000)}, {"name": "gone", "type": "lens", "id": "gone"}]}),
        )
    };
    let lines: Vec<String> = (0..5000).map(link).collect();
    fixture.import(&lines.iter().map(String::as_str).collect::<Vec<_>>());
    let request = Export {
        chosen: Chosen::Objects(vec![Key::new("lens", "00000")]),
        with_references: true,
        without_details: false,
    };
    let exported = String::from_utf8(export(&fixture.store.objects(), &request).unwrap()).unwrap();
    let lines: Vec<&str> = exported.lines().collect();
    assert!(lines[0].contains(r#""id":"04999""#) && lines[4999].contains(r#""id":"00000""#), "needed ones first");
    assert!(
        lines[5000].ends_with(
            r#""exportedCount":5000,"missingRefCount":1,"missingReferences":[{"id":"gone","type":"lens"}]}"#
        )
    );
}

#[test]
fn exports_that_kibana_refuses_are_refused_in_its_words() {
    let objects = Fixture::new().store.objects();
    let kinds = |kind: &str| Chosen::Kinds { kinds: vec![kind.to_owned()], search: None, has_reference: vec![] };
    let cases = [
        (Chosen::Objects(vec![Key::new("dashboard", "zz")]), "Error fetching objects to export"),
        (Chosen::Objects(vec![Key::new("nope", "1")]), "Trying to export object(s) with non-exportable types: nope:1"),
        (kinds("nope"), "Trying to export non-exportable type(s): nope"),
    ];
    for (chosen, expected) in cases {
        let error = export(&objects, &Export { chosen, with_references: false, without_details: false }).unwrap_err();
        assert_eq!((error.status, error.message.as_str()), (400, expected));
    }
}

proptest! {
    #[test]
    fn any_bytes_as_lines_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read(&bytes).is_ok_and(|objects| objects.len() < 300) || read(&bytes).is_err());
    }

    #[test]
    fn any_cut_or_changed_file_is_imported_or_refused(cut in 0_usize..900, at in 0_usize..900, byte in any::<u8>()) {
        let mut bytes = [DATA_VIEW, DASHBOARD, DETAILS].join("\n").into_bytes();
        if let Some(place) = bytes.get_mut(at) { *place = byte; }
        bytes.truncate(cut);
        if let Ok(objects) = read(&bytes) {
            let plan = plan::plan(&Default::default(), "8.12.2", objects, &Options::default(), &String::new);
            prop_assert!(plan.is_ok() || plan.is_err());
        }
    }
}
