//! What the real server makes of documents, and refuses.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn mapping() -> Mapping {
    Mapping::parse_value(&json!({"properties": {
        "n": {"type": "long"}, "i": {"type": "integer"}, "b": {"type": "byte"}, "d": {"type": "double"}, "f": {"type": "float"},
        "hf": {"type": "half_float"}, "k": {"type": "keyword"}, "k5": {"type": "keyword", "ignore_above": 5}, "t": {"type": "text"},
        "bo": {"type": "boolean"}, "dt": {"type": "date"}, "dn": {"type": "date_nanos"},
        "dx": {"type": "date", "format": "yyyy-MM-dd HH:mm:ss.SSSSSS||strict_date_optional_time"}, "ip": {"type": "ip"},
        "o": {"properties": {"x": {"type": "long"}}}, "al": {"type": "alias", "path": "n"}, "nc": {"type": "long", "coerce": false},
        "nest": {"type": "nested", "properties": {"p": {"type": "long"}}}, "im": {"type": "long", "ignore_malformed": true},
        "c": {"type": "keyword", "copy_to": ["cc"]}, "nv": {"type": "long", "null_value": 7}, "off": {"type": "object", "enabled": false},
        "sf": {"type": "scaled_float", "scaling_factor": 100}, "hid": {"type": "long", "index": false, "doc_values": false},
    }}))
    .unwrap()
}

#[track_caller]
fn refused(source: &str, expected: Value) {
    let error = parse_document(&mapping(), "1", source.as_bytes()).unwrap_err();
    let got = error.exception().unwrap().to_json();
    let slim = |value: &Value| {
        json!([value["type"], value["reason"], value["caused_by"]["type"], value["caused_by"]["reason"]])
    };
    assert_eq!(slim(&got), expected, "{source}");
}

#[test]
fn values_that_do_not_fit_are_refused_with_place_preview_and_cause() {
    let frame = |at: &str, field: &str, kind: &str, shown: &str| {
        format!(
            "[{at}] failed to parse field [{field}] of type [{kind}] in document with id '1'. Preview of field's value: '{shown}'"
        )
    };
    let source = |text: &str, column: usize| format!("\n at [Source: (byte[])\"{text}\"; line: 1, column: {column}]");
    let illegal = "illegal_argument_exception";
    for (document, framed, kind, cause) in [
        (r#"{"n":"abc"}"#, frame("1:6", "n", "long", "abc"), illegal, "For input string: \"abc\"".to_owned()),
        (
            r#"{"n":true}"#,
            frame("1:6", "n", "long", "true"),
            "x_content_parse_exception",
            format!(
                "[1:10] Current token (VALUE_TRUE) not numeric, can not use numeric value accessors{}",
                source(r#"{"n":true}"#, 10)
            ),
        ),
        (r#"{"n":{"a":1}}"#, frame("1:12", "n", "long", "{a=1}"), illegal, "Cannot parse object as number".to_owned()),
        (r#"{"n":[1,"x"]}"#, frame("1:9", "n", "long", "x"), illegal, "For input string: \"x\"".to_owned()),
        (
            r#"{"n":9223372036854775808}"#,
            frame("1:6", "n", "long", "9223372036854775808"),
            "x_content_parse_exception",
            format!(
                "[1:25] Numeric value (9223372036854775808) out of range of long (-9223372036854775808 - 9223372036854775807){}",
                source(r#"{"n":9223372036854775808}"#, 25)
            ),
        ),
        (
            r#"{"n":1e30}"#,
            frame("1:6", "n", "long", "1.0E30"),
            "x_content_parse_exception",
            format!(
                "[1:10] Numeric value (1e30) out of range of long (-9223372036854775808 - 9223372036854775807){}",
                source(r#"{"n":1e30}"#, 10)
            ),
        ),
        (
            r#"{"n":"9223372036854775808"}"#,
            frame("1:6", "n", "long", "9223372036854775808"),
            illegal,
            "Value [9223372036854775808] is out of range for a long".to_owned(),
        ),
        (
            r#"{"b":200}"#,
            frame("1:6", "b", "byte", "200"),
            illegal,
            "Value [200] is out of range for a byte".to_owned(),
        ),
        (
            r#"{"i":3000000000}"#,
            frame("1:6", "i", "integer", "3000000000"),
            "x_content_parse_exception",
            format!(
                "[1:16] Numeric value (3000000000) out of range of int (-2147483648 - 2147483647){}",
                source(r#"{"i":3000000000}"#, 16)
            ),
        ),
        (
            r#"{"d":"x"}"#,
            frame("1:6", "d", "double", "x"),
            "number_format_exception",
            "For input string: \"x\"".to_owned(),
        ),
        (
            r#"{"d":1e400}"#,
            frame("1:6", "d", "double", "Infinity"),
            illegal,
            "[double] supports only finite values, but got [Infinity]".to_owned(),
        ),
        (
            r#"{"f":1e39}"#,
            frame("1:6", "f", "float", "Infinity"),
            illegal,
            "[float] supports only finite values, but got [Infinity]".to_owned(),
        ),
        (
            r#"{"hf":70000}"#,
            frame("1:7", "hf", "half_float", "70000"),
            illegal,
            "[half_float] supports only finite values, but got [70000.0]".to_owned(),
        ),
        (
            r#"{"k":{"a":1}}"#,
            frame("1:12", "k", "keyword", "{a=1}"),
            illegal,
            "Expected text at 1:6 but found START_OBJECT".to_owned(),
        ),
        (
            r#"{"bo":"yes"}"#,
            frame("1:7", "bo", "boolean", "yes"),
            illegal,
            "Failed to parse value [yes] as only [true] or [false] are allowed.".to_owned(),
        ),
        (
            r#"{"bo":1}"#,
            frame("1:7", "bo", "boolean", "1"),
            "x_content_parse_exception",
            format!("[1:8] Current token (VALUE_NUMBER_INT) not of boolean type{}", source(r#"{"bo":1}"#, 8)),
        ),
        (
            r#"{"dt":"x"}"#,
            frame("1:7", "dt", "date", "x"),
            illegal,
            "failed to parse date field [x] with format [strict_date_optional_time||epoch_millis]".to_owned(),
        ),
        (
            r#"{"dt":"2024-02-30"}"#,
            frame("1:7", "dt", "date", "2024-02-30"),
            "date_time_exception",
            "Invalid date 'FEBRUARY 30'".to_owned(),
        ),
        (r#"{"dt":""}"#, frame("1:7", "dt", "date", ""), illegal, "cannot parse empty datetime".to_owned()),
        (
            r#"{"dx":123}"#,
            frame("1:7", "dx", "date", "123"),
            illegal,
            "failed to parse date field [123] with format [yyyy-MM-dd HH:mm:ss.SSSSSS||strict_date_optional_time]"
                .to_owned(),
        ),
        (r#"{"ip":"zz"}"#, frame("1:7", "ip", "ip", "zz"), illegal, "'zz' is not an IP string literal.".to_owned()),
        (r#"{"nc":"5"}"#, frame("1:7", "nc", "long", "5"), illegal, "Long value passed as String".to_owned()),
        (
            r#"{"nc":5.5}"#,
            frame("1:7", "nc", "long", "5.5"),
            illegal,
            "5.5 cannot be converted to Long without data loss".to_owned(),
        ),
        (r#"{"o.x":"y"}"#, frame("1:8", "o.x", "long", "y"), illegal, "For input string: \"y\"".to_owned()),
        (
            r#"{"im":{"a":1}}"#,
            frame("1:13", "im", "long", "{a=1}"),
            illegal,
            "Cannot parse object as number".to_owned(),
        ),
    ] {
        refused(document, json!(["document_parsing_exception", framed, kind, cause]));
    }
}

#[test]
fn shapes_and_names_that_do_not_fit_are_refused() {
    let parsing = "document_parsing_exception";
    for (document, kind, reason) in [
        (
            r#"{"o":5}"#,
            parsing,
            "[1:6] object mapping for [o] tried to parse field [o] as object, but found a concrete value",
        ),
        (
            r#"{"o":[1]}"#,
            parsing,
            "[1:7] object mapping for [o] tried to parse field [null] as object, but found a concrete value",
        ),
        (
            r#"{"nest":5}"#,
            parsing,
            "[1:9] object mapping for [nest] tried to parse field [nest] as object, but found a concrete value",
        ),
        (r#"{"al":5}"#, parsing, "[1:7] Cannot write to a field alias [al]."),
        (r#"{"":1}"#, parsing, "[1:2] failed to parse: field name cannot be an empty string"),
        (r#"{"a..b":1}"#, parsing, "[1:2] failed to parse: field name cannot contain only whitespace: ['a..b']"),
        (r#"{" ":1}"#, parsing, "[1:2] Field name cannot contain only whitespace: [ ]"),
        (r#"{".":1}"#, parsing, "[1:2] failed to parse: field name cannot contain only dots"),
        ("[1]", parsing, "Malformed content, must start with an object"),
        ("", parsing, "[0:0] failed to parse, document is empty"),
        (r#"{"n":"#, parsing, "[1:2] failed to parse: [1:6] Unexpected end of file"),
        (
            r#"{"n":1} {"n":2}"#,
            "illegal_argument_exception",
            "Malformed content, found extra data after parsing: START_OBJECT",
        ),
        (
            r#"{"new":[1,2.5]}"#,
            "illegal_argument_exception",
            "mapper [new] cannot be changed from type [long] to [float]",
        ),
        (
            r#"{"new":[2.5,1]}"#,
            "illegal_argument_exception",
            "mapper [new] cannot be changed from type [float] to [long]",
        ),
        (
            r#"{"new":["a",1]}"#,
            "illegal_argument_exception",
            "mapper [new] cannot be changed from type [text] to [long]",
        ),
        (
            r#"{"new":[{"a":1},2]}"#,
            "illegal_argument_exception",
            "can't merge a non object mapping [new] with an object mapping",
        ),
        (
            r#"{"new":[1,{"a":2}]}"#,
            "illegal_argument_exception",
            "mapper [new] cannot be changed from type [long] to [ObjectMapper]",
        ),
        (
            r#"{"dep":[{"p":1},{"p":1.5}]}"#,
            "illegal_argument_exception",
            "mapper [dep.p] cannot be changed from type [long] to [float]",
        ),
    ] {
        let error = parse_document(&mapping(), "1", document.as_bytes()).unwrap_err();
        let exception = error.exception().unwrap();
        assert_eq!((exception.kind.as_ref(), exception.reason.as_str()), (kind, reason), "{document}");
    }
}

#[test]
fn metadata_and_duplicates_are_refused_with_their_own_root_cause() {
    let error = parse_document(&mapping(), "1", br#"{"_id":1}"#).unwrap_err().to_json();
    let own = "[1:8] Field [_id] is a metadata field and cannot be added inside a document. Use the index API request parameters.";
    assert_eq!(error["error"]["root_cause"][0]["reason"], own);
    let error = parse_document(&mapping(), "1", br#"{"n":1,"n":2}"#).unwrap_err();
    let reason = &error.exception().unwrap().reason;
    assert!(reason.starts_with("[1:6] failed to parse: [1:11] Duplicate field 'n'\n at [Source:"), "{reason}");
}

#[track_caller]
fn grows(source: &str, properties: Value) {
    let empty = Mapping::default();
    let parsed = parse_document(&empty, "1", source.as_bytes()).unwrap();
    let got = parsed.new_mapping.map_or(json!({}), |mapping| mapping.to_json());
    assert_eq!(got, if properties.is_null() { json!({}) } else { json!({"properties": properties}) }, "{source}");
}

#[test]
fn new_fields_get_the_types_elasticsearch_gives_them() {
    let text = json!({"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}});
    grows(r#"{"a":1}"#, json!({"a": {"type": "long"}}));
    grows(r#"{"a":1.5,"b":true}"#, json!({"a": {"type": "float"}, "b": {"type": "boolean"}}));
    grows(r#"{"a":null,"b":[],"c":[null],"d":[[]]}"#, Value::Null);
    grows(r#"{"a":{}}"#, json!({"a": {"type": "object"}}));
    grows(r#"{"a":{"b":null}}"#, json!({"a": {"type": "object"}}));
    grows(r#"{"a.b":[1,2]}"#, json!({"a": {"properties": {"b": {"type": "long"}}}}));
    for date in ["2024-01-02", "2024-01", "2024-01-02T03", "2024-01-02T03:04:05,123Z", "2024-01-02T03:04:05+05:30"] {
        grows(&format!(r#"{{"a":"{date}"}}"#), json!({"a": {"type": "date"}}));
    }
    let slashes = json!({"type": "date", "format": "yyyy/MM/dd HH:mm:ss||yyyy/MM/dd||epoch_millis", "locale": ""});
    grows(r#"{"a":"2024/01/02"}"#, json!({"a": slashes}));
    for plain in [
        "2024",
        "20240102",
        "2024-1-2",
        "2024-W01-1",
        "2024/01/02 03:04:05.123",
        "1700000000000",
        "2024-01-02 03:04:05",
        "-5",
        "true",
    ] {
        grows(&format!(r#"{{"a":"{plain}"}}"#), json!({"a": text}));
    }
}

#[test]
fn dynamic_settings_and_templates_are_honoured() {
    let mapping = |value: Value| Mapping::parse_value(&value).unwrap();
    let strict = mapping(json!({"dynamic": "strict", "properties": {"o": {"properties": {"x": {"type": "long"}}}}}));
    for (source, reason) in [
        (r#"{"zz":1}"#, "[1:7] mapping set to strict, dynamic introduction of [zz] within [_doc] is not allowed"),
        (
            r#"{"o":{"zz":{"y":1}}}"#,
            "[1:12] mapping set to strict, dynamic introduction of [zz] within [o] is not allowed",
        ),
    ] {
        let error = parse_document(&strict, "1", source.as_bytes()).unwrap_err();
        assert_eq!(error.exception().unwrap().reason, reason);
    }
    let off = mapping(json!({"dynamic": "false"}));
    assert!(parse_document(&off, "1", br#"{"a":{"b":[1,"x"]}}"#).unwrap().new_mapping.is_none());
    let templated = mapping(json!({"numeric_detection": true, "dynamic_templates": [
        {"prices": {"match_mapping_type": ["double", "long"], "match": "*_price", "mapping": {"type": "double"}}},
        {"strings": {"match_mapping_type": "string", "unmatch": "t*", "mapping": {"type": "keyword", "meta": {"n": "{name}"}}}},
    ]}));
    let parsed = parse_document(&templated, "1", br#"{"a_price":5,"s":"x","t":"x","num":"5"}"#).unwrap();
    let shown = parsed.new_mapping.unwrap().to_json();
    assert_eq!(shown["properties"]["a_price"], json!({"type": "double"}));
    assert_eq!(shown["properties"]["s"], json!({"type": "keyword", "meta": {"n": "s"}}));
    assert_eq!(shown["properties"]["t"]["type"], "text");
    assert_eq!(shown["properties"]["num"], json!({"type": "long"}));
}

#[track_caller]
fn indexed(source: &str, expected: &str) {
    let parsed = parse_document(&mapping(), "1", source.as_bytes()).unwrap();
    let shown = format!("{:?}", parsed.fields);
    assert!(shown.contains(expected), "{source}: {shown}");
}

#[test]
fn values_are_coerced_rounded_and_left_out_as_options_say() {
    indexed(r#"{"n":"1.5"}"#, r#"("n", I64(1))"#);
    indexed(r#"{"n":1.5}"#, r#"("n", I64(1))"#);
    indexed(r#"{"n":"1e3"}"#, r#"("n", I64(1000))"#);
    indexed(r#"{"nc":5.0}"#, r#"("nc", I64(5))"#);
    indexed(r#"{"f":1012.35}"#, r#"("f", F64(1012.3499755859375))"#);
    indexed(r#"{"hf":1.2345}"#, r#"("hf", F64(1.234375))"#);
    indexed(r#"{"sf":1.239}"#, r#"("sf", F64(1.24))"#);
    indexed(r#"{"k":1.50}"#, r#"("k", Str("1.50"))"#);
    indexed(r#"{"k":[true,"x"]}"#, r#"[("k", Str("true")), ("k", Str("x"))]"#);
    indexed(r#"{"k5":"abcdef"}"#, r#"ignored: ["k5"]"#);
    indexed(r#"{"im":"abc"}"#, r#"ignored: ["im"]"#);
    indexed(r#"{"nv":null}"#, r#"("nv", I64(7))"#);
    indexed(r#"{"dt":1700000000000.5}"#, r#"("dt", I64(1700000000000))"#);
    indexed(r#"{"dn":"2024-01-02T03:04:05.123456789Z"}"#, r#"("dn", I64(1704164645123456789))"#);
    indexed(r#"{"ip":"::ffff:1.2.3.4"}"#, r#"("ip", Str("1.2.3.4"))"#);
    indexed(r#"{"bo":["",true]}"#, r#"[("bo", I64(0)), ("bo", I64(1))]"#);
    indexed(r#"{"n":[[1,2],[3]]}"#, r#"[("n", I64(1)), ("n", I64(2)), ("n", I64(3))]"#);
    indexed(r#"{"nest":{"p":5},"off":{"x":[1,"y"]},"hid":5,"n":""}"#, "num: [], kw: [], txt: []");
    indexed(r#"{"c":"v"}"#, r#"("c", Str("v"))"#);
}

#[test]
fn copied_values_reach_the_target() {
    let parsed = parse_document(&mapping(), "1", br#"{"c":"v"}"#).unwrap();
    let grown = parsed.new_mapping.unwrap();
    assert_eq!(grown.to_json()["properties"]["cc"]["type"], "text");
    assert!(format!("{:?}", parsed.fields).contains(r#"("cc", Str("v"))"#));
}

#[test]
fn keywords_beyond_lucenes_longest_term_are_refused() {
    let long = format!(r#"{{"k":"{}"}}"#, "x".repeat(32_767));
    assert!(parse_document(&mapping(), "1", long.as_bytes()).is_err());
    let fits = format!(r#"{{"k":"{}"}}"#, "x".repeat(32_766));
    assert!(parse_document(&mapping(), "1", fits.as_bytes()).is_ok());
}

#[test]
fn more_than_a_thousand_fields_are_refused() {
    let members: Vec<String> = (0..1001).map(|at| format!("\"f{at}\":1")).collect();
    let source = format!("{{{}}}", members.join(","));
    let error = parse_document(&Mapping::default(), "1", source.as_bytes()).unwrap_err();
    assert!(
        error
            .exception()
            .unwrap()
            .reason
            .contains("Limit of total fields [1000] has been exceeded while adding new fields [1001]")
    );
}

#[test]
fn a_document_accepted_once_is_never_refused_on_replay() {
    let source = r#"{"n":"abc","new":1,"o":5,"al":3,"_id":4,"a..b":1,"k":{"x":1},"n.x":4,"n":2,"":1}"#;
    assert!(parse_accepted(&mapping(), "1", source.as_bytes()).is_ok());
}

proptest! {
    #[test]
    fn any_bytes_give_fields_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        _ = parse_document(&mapping(), "1", &bytes);
    }

    #[test]
    fn any_json_of_known_names_gives_fields_or_an_error(
        members in proptest::collection::vec(("(n|i|b|d|f|hf|k5?|t|bo|dt|dx|ip|o|o\\.x|nest|new|a\\.b|c)",
            "(1|-5\\.5|1e9|null|true|\"\"|\"abc\"|\"2024-01-02\"|\\[1,2\\]|\\{\"x\":1\\}|\\[\\{\"p\":\"q\"\\}\\]|1e400)"), 0..6)
    ) {
        let members: Vec<String> = members.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
        let source = format!("{{{}}}", members.join(","));
        if let Ok(parsed) = parse_document(&mapping(), "1", source.as_bytes())
            && let Some(grown) = parsed.new_mapping
        {
            let again = parse_document(&grown, "1", source.as_bytes()).unwrap();
            prop_assert!(again.new_mapping.is_none());
            prop_assert_eq!(Mapping::parse_value(&grown.to_json()).unwrap().to_json(), grown.to_json());
        }
        prop_assert!(parse_accepted(&mapping(), "1", source.as_bytes()).is_ok());
    }
}
