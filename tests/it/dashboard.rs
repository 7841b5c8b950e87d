//! Kibana's side: the client against a stand-in that answers as Kibana 8.12.2 does, the commands through the binary, and
//! `up` on an external stack that has a Kibana.

use std::io::Write;
use std::time::Duration;

use serde_json::{Value, json};
use stockdev::client::{ElasticsearchAuth, KibanaAddress, KibanaClientError, KibanaLevel, Secret};
use stockdev::setup::{DASHBOARD_NDJSON, DashboardError, Rejection, import_dashboard};

use crate::cli_support::{Ran, Sandbox};
use crate::support::kibana::{FakeKibana, KibanaSettings};
use crate::support::servers::{TestElasticsearch, TestKafka};

const SECOND: Duration = Duration::from_secs(1);

fn address(kibana: &FakeKibana) -> KibanaAddress {
    KibanaAddress::new(kibana.url.clone())
}

/// The shipped file with a change to its dashboard.
fn changed(change: impl Fn(&mut Value)) -> Vec<u8> {
    let mut objects: Vec<Value> = DASHBOARD_NDJSON.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    change(objects.iter_mut().find(|object| object["type"] == "dashboard").unwrap());
    objects.iter().map(|object| format!("{object}\n")).collect::<String>().into_bytes()
}

fn only_the_dashboard() -> Vec<u8> {
    DASHBOARD_NDJSON.lines().filter(|line| line.contains("\"type\":\"dashboard\"")).collect::<String>().into_bytes()
}

// --- The client -------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn the_shipped_file_is_taken_and_a_second_import_replaces_it() {
    let kibana = FakeKibana::start();
    let first = import_dashboard(&address(&kibana), DASHBOARD_NDJSON.as_bytes()).await.unwrap();
    assert_eq!((first.created(), first.replaced()), (2, 0));
    let second = import_dashboard(&address(&kibana), DASHBOARD_NDJSON.as_bytes()).await.unwrap();
    assert_eq!((second.created(), second.replaced()), (0, 2));
    assert_eq!(second.dashboard().map(|dashboard| dashboard.id.as_str()), Some("stock-stream-dashboard"));
    assert_eq!(kibana.stored(), ["default dashboard:stock-stream-dashboard", "default index-pattern:stock-stream"]);
    let sent = kibana.requests();
    assert!(sent.iter().all(|request| request.target == "/api/saved_objects/_import?overwrite=true"), "{sent:?}");
    assert!(sent.iter().all(|request| request.method == "POST" && request.headers.contains_key("kbn-xsrf")));
}

#[tokio::test]
async fn without_overwrite_what_is_there_is_a_conflict_and_stays() {
    let kibana = FakeKibana::start();
    let address = address(&kibana);
    assert_eq!(address.import(DASHBOARD_NDJSON.as_bytes(), false).await.unwrap()["success"], true);
    let again = address.import(DASHBOARD_NDJSON.as_bytes(), false).await.unwrap();
    assert_eq!((&again["success"], &again["successCount"]), (&json!(false), &json!(0)));
    let kinds: Vec<&Value> = again["errors"].as_array().unwrap().iter().map(|one| &one["error"]["type"]).collect();
    assert_eq!(kinds, ["conflict", "conflict"]);
}

#[tokio::test]
async fn a_missing_data_view_is_named_and_nothing_is_written() {
    let kibana = FakeKibana::start();
    let view = r#"{"type":"index-pattern","id":"other","attributes":{"title":"other"},"references":[]}"#;
    let file = [format!("{view}\n").into_bytes(), only_the_dashboard()].concat();
    let Err(DashboardError::Rejected { rejected, written }) = import_dashboard(&address(&kibana), &file).await else {
        panic!("it was taken");
    };
    assert_eq!(rejected.len(), 1);
    assert_eq!(rejected[0].why, Rejection::MissingReferences(vec!["index-pattern:stock-stream".to_owned()]));
    assert_eq!((written, kibana.stored()), (vec![], vec![]));
    // Once it is there, the dashboard alone is fine.
    import_dashboard(&address(&kibana), DASHBOARD_NDJSON.as_bytes()).await.unwrap();
    import_dashboard(&address(&kibana), &only_the_dashboard()).await.unwrap();
}

#[tokio::test]
async fn an_unknown_type_is_left_out_and_the_others_are_written() {
    let kibana = FakeKibana::start();
    let extra = r#"{"type":"frobnicate","id":"f","attributes":{},"references":[]}"#;
    let file = format!("{DASHBOARD_NDJSON}{extra}\n");
    let Err(DashboardError::Rejected { rejected, written }) =
        import_dashboard(&address(&kibana), file.as_bytes()).await
    else {
        panic!("it was taken");
    };
    assert_eq!(rejected.iter().map(|one| &one.why).collect::<Vec<_>>(), [&Rejection::UnsupportedType]);
    assert_eq!((written.len(), kibana.stored().len()), (2, 2));
}

#[tokio::test]
async fn an_unknown_attribute_is_said_in_kibanas_words() {
    let kibana = FakeKibana::start();
    let file = changed(|dashboard| dashboard["attributes"]["sections"] = json!([]));
    let Err(DashboardError::Rejected { rejected, written }) = import_dashboard(&address(&kibana), &file).await else {
        panic!("it was taken");
    };
    assert_eq!(rejected[0].why.to_string(), "[attributes.sections]: definition for this key is missing: Bad Request");
    assert_eq!(written.iter().map(|one| one.kind.as_str()).collect::<Vec<_>>(), ["index-pattern"]);
    assert_eq!(kibana.stored(), ["default index-pattern:stock-stream"]);
}

#[tokio::test]
async fn a_file_from_a_newer_kibana_is_refused_as_a_whole() {
    let kibana = FakeKibana::start();
    let file = changed(|dashboard| dashboard["typeMigrationVersion"] = json!("10.2.0"));
    let error = import_dashboard(&address(&kibana), &file).await.unwrap_err();
    let DashboardError::FileRefused { status: 422, reason } = &error else { panic!("{error:?}") };
    assert!(reason.contains("more recent version of Kibana [10.2.0]"), "{reason}");
    assert_eq!(kibana.stored(), [] as [String; 0]);
}

#[tokio::test]
async fn kibanas_own_fault_is_its_error_with_its_message() {
    let kibana = FakeKibana::start();
    let file = changed(|dashboard| drop(dashboard.as_object_mut().unwrap().remove("typeMigrationVersion")));
    let error = import_dashboard(&address(&kibana), &file).await.unwrap_err();
    assert!(
        matches!(&error, DashboardError::Kibana(KibanaClientError::Refused { status: 500, reason, .. }) if reason.starts_with("An internal server error")),
        "{error:?}"
    );
}

#[tokio::test]
async fn each_space_has_its_own_and_one_that_is_not_there_is_refused_before_anything_is_sent() {
    let kibana = FakeKibana::start();
    import_dashboard(&address(&kibana), DASHBOARD_NDJSON.as_bytes()).await.unwrap();
    let team = KibanaAddress { space: Some("team".into()), ..address(&kibana) };
    let outcome = import_dashboard(&team, DASHBOARD_NDJSON.as_bytes()).await.unwrap();
    let id = &outcome.dashboard().unwrap().id;
    // The default space has the id already: Kibana gave the copy another one, which is the one to open.
    assert_eq!(id, "stock-stream-dashboard-of-team");
    assert_eq!(team.dashboard_url(id), format!("{}/s/team/app/dashboards#/view/{id}", kibana.url));
    let found = team.find("dashboard").await.unwrap();
    assert_eq!((found.total, found.objects[0].id.as_str()), (1, id.as_str()));
    let before = kibana.stored();
    let nowhere = KibanaAddress { space: Some("nowhere".into()), ..address(&kibana) };
    let error = import_dashboard(&nowhere, DASHBOARD_NDJSON.as_bytes()).await.unwrap_err();
    assert!(matches!(&error, DashboardError::NoSuchSpace { there, .. } if there == &["default", "team"]), "{error:?}");
    assert_eq!(kibana.stored(), before);
}

#[tokio::test]
async fn a_booting_kibana_is_not_ready_until_it_is() {
    for boots_with_text in [false, true] {
        let kibana = FakeKibana::start_with(KibanaSettings { boots_for: 2, boots_with_text, ..Default::default() });
        let address = address(&kibana);
        assert_eq!(address.status(SECOND * 5).await.unwrap().level, KibanaLevel::Unavailable);
        let import = import_dashboard(&address, DASHBOARD_NDJSON.as_bytes()).await.unwrap_err();
        assert!(matches!(import, DashboardError::Kibana(KibanaClientError::NotReady { .. })), "{import:?}");
        let error = address.probe(SECOND * 5).await.unwrap_err();
        assert!(matches!(error, KibanaClientError::NotReady { .. }), "{error:?}");
        let status = address.probe(SECOND * 5).await.unwrap();
        assert_eq!((status.level, status.version.as_deref()), (KibanaLevel::Available, Some("8.12.2")));
    }
}

#[tokio::test]
async fn a_degraded_kibana_is_good_enough_and_said_to_be_degraded() {
    let kibana = FakeKibana::start_with(KibanaSettings { level: "degraded", ..Default::default() });
    let status = address(&kibana).probe(SECOND * 5).await.unwrap();
    assert_eq!(status.level, KibanaLevel::Degraded);
    assert_eq!(status.summary.as_deref(), Some("1 plugin is degraded: taskManager"));
}

#[tokio::test]
async fn credentials_go_along_and_refused_ones_are_told_from_other_refusals() {
    let basic = "Basic ZWxhc3RpYzpodW50ZXIy".to_owned();
    let kibana = FakeKibana::start_with(KibanaSettings { authorization: Some(basic), ..Default::default() });
    let auth = |password: &str| {
        let auth = ElasticsearchAuth::Basic { user: "elastic".into(), password: Secret::new(password) };
        KibanaAddress { auth: Some(auth), ..address(&kibana) }
    };
    for wrong in [address(&kibana), auth("wrong")] {
        // Who did not log in is told the level and no more.
        assert_eq!(wrong.status(SECOND * 5).await.unwrap().version, None);
        let error = wrong.find("dashboard").await.unwrap_err();
        assert!(matches!(error, KibanaClientError::Unauthorized { status: 401, .. }), "{error:?}");
        assert!(error.to_string().contains("unable to authenticate user"), "{error}");
    }
    import_dashboard(&auth("hunter2"), DASHBOARD_NDJSON.as_bytes()).await.unwrap();
    let key =
        FakeKibana::start_with(KibanaSettings { authorization: Some("ApiKey abc==".into()), ..Default::default() });
    let with_key = KibanaAddress { auth: Some(ElasticsearchAuth::ApiKey(Secret::new("abc=="))), ..address(&key) };
    import_dashboard(&with_key, DASHBOARD_NDJSON.as_bytes()).await.unwrap();
}

#[tokio::test]
async fn what_is_not_kibana_is_said_to_be_none() {
    let elasticsearch = TestElasticsearch::start();
    let address = KibanaAddress::new(elasticsearch.url.clone());
    let error = address.status(SECOND * 5).await.unwrap_err();
    assert!(matches!(error, KibanaClientError::WrongService { .. }), "{error:?}");
    let error = import_dashboard(&address, DASHBOARD_NDJSON.as_bytes()).await.unwrap_err();
    assert!(matches!(error, DashboardError::Kibana(KibanaClientError::WrongService { .. })), "{error:?}");
}

// --- The commands -------------------------------------------------------------------------------------------------------

#[test]
fn import_says_what_became_of_each_object_and_where_to_look() {
    let (sandbox, kibana) = (Sandbox::new(), FakeKibana::start());
    let ran = sandbox.run(&["dashboard", "import", "--kibana", &kibana.url]).expect(0);
    insta::assert_snapshot!(sandbox.clean(&ran.stdout), @r"
    2 objects created at http://127.0.0.1:[port]
      index-pattern  `stock-stream` created    Stock stream
      dashboard      `stock-stream-dashboard` created    Stock stream
    open
      http://127.0.0.1:[port]/app/dashboards#/view/stock-stream-dashboard
    ");
    let arguments = ["dashboard", "import", "--kibana", &kibana.url, "--output", "json"];
    let document = sandbox.run(&arguments).expect(0).document();
    assert_eq!(
        (&document["state"], &document["created"], &document["replaced"]),
        (&json!("done"), &json!(0), &json!(2))
    );
    assert_eq!(
        document["objects"][1],
        json!({"type": "dashboard", "id": "stock-stream-dashboard", "title": "Stock stream", "outcome": "replaced"})
    );
    assert_eq!(document["url"], format!("{}/app/dashboards#/view/stock-stream-dashboard", kibana.url));
}

#[test]
fn list_names_each_dashboard_with_its_address() {
    let (sandbox, kibana) = (Sandbox::new(), FakeKibana::start());
    let list = ["dashboard", "list", "--kibana", &kibana.url];
    assert_eq!(sandbox.run(&list).expect(0).stdout, "no dashboards\n");
    sandbox.run(&["dashboard", "import", "--kibana", &kibana.url, "--space", "team"]).expect(0);
    assert_eq!(sandbox.run(&list).expect(0).stdout, "no dashboards\n");
    let ran = sandbox.run(&[&list[..], &["--space", "team"]].concat()).expect(0);
    insta::assert_snapshot!(sandbox.clean(&ran.stdout), @"Stock stream   http://127.0.0.1:[port]/s/team/app/dashboards#/view/stock-stream-dashboard");
    let document = sandbox.run(&[&list[..], &["--space", "team", "--output", "json"]].concat()).expect(0).document();
    assert_eq!((&document["total"], &document["dashboards"][0]["title"]), (&json!(1), &json!("Stock stream")));
}

#[test]
fn what_show_prints_is_what_is_imported() {
    let (sandbox, kibana) = (Sandbox::new(), FakeKibana::start());
    let shown = sandbox.run(&["dashboard", "show"]).expect(0).stdout;
    assert_eq!(shown, DASHBOARD_NDJSON);
    let objects = sandbox.run(&["dashboard", "show", "--output", "json"]).expect(0).document();
    assert_eq!(objects.as_array().unwrap().len(), 2);
    std::fs::write(sandbox.work().join("mine.txt"), shown).unwrap();
    // Kibana looks at the name of the file, and ours is not the user's.
    sandbox.run(&["dashboard", "import", "mine.txt", "--kibana", &kibana.url]).expect(0);
    assert_eq!(kibana.stored().len(), 2);
}

#[test]
fn a_rejected_dashboard_is_an_error_that_names_what_is_missing() {
    let (sandbox, kibana) = (Sandbox::new(), FakeKibana::start());
    std::fs::write(sandbox.work().join("one.ndjson"), only_the_dashboard()).unwrap();
    let ran = sandbox.run(&["dashboard", "import", "one.ndjson", "--kibana", &kibana.url]).expect(1);
    assert_eq!(ran.stdout, "");
    insta::assert_snapshot!(ran.stderr, @r"
    error[DASHBOARD_REJECTED]: Kibana did not take an object
      tried   POST /api/saved_objects/_import
      got     dashboard `stock-stream-dashboard`: it needs index-pattern:stock-stream, which is neither in the file nor in Kibana
      state   nothing was written
      next    stockdev explain DASHBOARD_REJECTED   what the reasons are
      more    stockdev explain DASHBOARD_REJECTED
    ");
}

#[test]
fn a_file_that_cannot_be_one_is_refused_without_asking_kibana() {
    let (sandbox, kibana) = (Sandbox::new(), FakeKibana::start());
    let mut file = std::fs::File::create(sandbox.work().join("cut.ndjson")).unwrap();
    file.write_all(&DASHBOARD_NDJSON.as_bytes()[..DASHBOARD_NDJSON.len() - 10]).unwrap();
    let ran = sandbox.run(&["dashboard", "import", "cut.ndjson", "--kibana", &kibana.url]).expect(1);
    assert!(ran.stderr.starts_with("error[DASHBOARD_REJECTED]: line 2 is no saved object: EOF"), "{}", ran.stderr);
    assert!(kibana.requests().is_empty());
    let ran = sandbox.run(&["dashboard", "import", "absent.ndjson", "--kibana", &kibana.url]).expect(2);
    assert!(ran.stderr.starts_with("error[USAGE]: cannot read `absent.ndjson`"), "{}", ran.stderr);
}

#[test]
fn errors_of_kibana_are_told_apart() {
    let sandbox = Sandbox::new();
    let failed = |arguments: &[&str], variables: &[(&str, &str)], code: i32| {
        sandbox
            .run_with(&[&["dashboard"], arguments, &["--output", "json"]].concat(), variables)
            .expect(code)
            .document()
    };
    let nobody = failed(&["import", "--kibana", "http://127.0.0.1:1"], &[], 1);
    assert_eq!(nobody["error"]["id"], "ENDPOINT_UNREACHABLE");
    assert_eq!(nobody["error"]["message"], "Kibana does not answer at http://127.0.0.1:1");
    let booting = FakeKibana::start_with(KibanaSettings { boots_for: 9, ..Default::default() });
    let not_ready = failed(&["list", "--kibana", &booting.url], &[], 1);
    assert_eq!(not_ready["error"]["got"], "Kibana server is not ready yet.");
    let authorization = Some("Basic ZWxhc3RpYzpodW50ZXIy".to_owned());
    let secured = FakeKibana::start_with(KibanaSettings { authorization, ..Default::default() });
    let refused = failed(&["import", "--kibana", &secured.url], &[], 1);
    assert_eq!(refused["error"]["message"], "Kibana refused the credentials (401)");
    let variables = [("STOCKDEV_ELASTICSEARCH_USER", "elastic"), ("STOCKDEV_ELASTICSEARCH_PASSWORD", "hunter2")];
    let ran = sandbox.run_with(&["dashboard", "import", "--kibana", &secured.url, "-vv"], &variables).expect(0);
    assert!(!ran.stderr.contains("hunter2") && !ran.stderr.contains("ZWxhc3RpYzpodW50ZXIy"), "{}", ran.stderr);
    let nowhere = failed(&["import", "--kibana", &booting.url, "--space", "Nowhere"], &[], 2);
    assert_eq!(nowhere["error"]["id"], "USAGE");
    let no_space = FakeKibana::start();
    let absent = failed(&["import", "--kibana", &no_space.url, "--space", "absent"], &[], 1);
    assert_eq!(
        (&absent["error"]["id"], &absent["error"]["got"]),
        (&json!("DASHBOARD_REJECTED"), &json!("there are: default, team"))
    );
    let bad = failed(&["list", "--kibana", "localhost:5601"], &[], 2);
    assert_eq!(
        bad["error"]["message"],
        "`localhost:5601` is no Kibana address: expected http://HOST:PORT or https://HOST:PORT"
    );
}

#[test]
fn without_a_kibana_the_error_says_how_to_name_one() {
    let stack = External::with(None);
    stack.up(&["--no-stream", "-q"]).expect(0);
    let ran = stack.sandbox.run(&["dashboard", "import"]).expect(2);
    insta::assert_snapshot!(ran.stderr, @r"
    error[USAGE]: the stack of project `stockdev` has no Kibana
      state   nothing was done
      next    stockdev dashboard import --kibana http://localhost:5601   name one
              stockdev dashboard show > dashboard.ndjson                 or import the file by hand
      more    stockdev explain USAGE
    ");
}

// --- up -------------------------------------------------------------------------------------------------------------------

/// Kafka and Elasticsearch of this process, and what `up` is told of them.
struct External {
    sandbox: Sandbox,
    arguments: Vec<String>,
    _servers: (TestKafka, TestElasticsearch),
}

impl External {
    fn with(kibana: Option<&str>) -> Self {
        let servers = (TestKafka::start_own(), TestElasticsearch::start_own());
        let mut arguments =
            vec!["--stack", "external", "--kafka", &servers.0.address, "--elasticsearch", &servers.1.url];
        arguments.extend(kibana.iter().flat_map(|url| ["--kibana", url]));
        let arguments = arguments.into_iter().map(str::to_owned).collect();
        Self { sandbox: Sandbox::new(), arguments, _servers: servers }
    }

    fn up(&self, more: &[&str]) -> Ran {
        let own: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        self.sandbox.run(&[&["up"], &own[..], more].concat())
    }
}

fn phase<'a>(events: &'a [Value], name: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["phase"] == name).collect()
}

fn events(ran: &Ran) -> Vec<Value> {
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn up_imports_the_dashboard_into_the_kibana_of_an_external_stack() {
    let kibana = FakeKibana::start_with(KibanaSettings {
        boots_for: 3,
        boots_with_text: true,
        level: "degraded",
        ..Default::default()
    });
    let stack = External::with(Some(&kibana.url));
    let lines = events(&stack.up(&["--ticks", "50", "--output", "ndjson"]).expect(0));
    let dashboard = phase(&lines, "dashboard");
    let last = dashboard.last().unwrap();
    assert_eq!((&last["state"], &last["message"]), (&json!("finished"), &json!("2 objects created")));
    let waited = phase(&lines, "wait");
    assert_eq!(waited.last().unwrap()["message"], "Kafka, Elasticsearch and Kibana answer; Kibana says `degraded`");
    let url = format!("{}/app/dashboards#/view/stock-stream-dashboard", kibana.url);
    let document = lines.last().unwrap();
    assert_eq!((&document["dashboard"], &document["endpoints"]["kibana"]), (&json!(url), &json!(kibana.url)));

    // Again: it is replaced, the rest is in place, and the Kibana is remembered.
    let again = stack.up(&["--ticks", "50"]).expect(0);
    assert!(again.stdout.contains(&format!("  dashboard      {url}\n")), "{}", again.stdout);
    assert!(again.stderr.contains("2 objects replaced"), "{}", again.stderr);
    let remembered = stack.sandbox.run(&["up", "--stack", "external", "--output", "json"]).expect(0).document();
    assert_eq!(remembered["dashboard"], url);
    let env = stack.sandbox.run(&["env", "--format", "json"]).expect(0).document();
    assert_eq!(env["KIBANA_URL"], kibana.url);
    assert!(stack.sandbox.run(&["dashboard", "list"]).expect(0).stdout.contains(&url));
    assert_eq!(kibana.stored().len(), 2);
}

#[test]
fn up_without_a_kibana_passes_the_dashboard_over_and_says_why() {
    let stack = External::with(None);
    let lines = events(&stack.up(&["--no-stream", "--output", "ndjson"]).expect(0));
    let dashboard = phase(&lines, "dashboard");
    assert_eq!(dashboard.len(), 1);
    assert_eq!(
        (&dashboard[0]["state"], &dashboard[0]["message"]),
        (&json!("skipped"), &json!("no Kibana was named (--kibana URL)"))
    );
    assert_eq!(lines.last().unwrap()["dashboard"], Value::Null);
}

#[test]
fn a_kibana_that_does_not_get_ready_ends_up_with_its_own_words() {
    let kibana = FakeKibana::start_with(KibanaSettings { boots_for: u32::MAX, ..Default::default() });
    let stack = External::with(Some(&kibana.url));
    let document = stack.up(&["--no-stream", "--timeout", "1s", "--output", "json"]).expect(1).document();
    assert_eq!((&document["error"]["id"], &document["phase"]), (&json!("ENDPOINT_UNREACHABLE"), &json!("wait")));
    assert_eq!(document["error"]["message"], format!("Kibana at {} is not ready", kibana.url));
    assert!(document["error"]["got"].as_str().unwrap().contains("it says `unavailable`"), "{document}");
}

#[test]
fn a_kibana_that_wants_other_credentials_stops_up_in_the_phase_dashboard() {
    let kibana = FakeKibana::start_with(KibanaSettings { authorization: Some("Basic x".into()), ..Default::default() });
    let stack = External::with(Some(&kibana.url));
    let document = stack.up(&["--no-stream", "--output", "json"]).expect(1).document();
    assert_eq!(document["phase"], "dashboard");
    assert_eq!(document["error"]["message"], "Kibana refused the credentials (401)");
}

#[test]
fn the_script_writes_the_shipped_file() {
    let script = crate::support::clients::root().join("scripts/build-dashboard");
    let Some(python) = crate::support::clients::installed(std::path::Path::new("python3")) else { return };
    let status = std::process::Command::new(python).arg(&script).arg("--check").status().unwrap();
    assert!(status.success(), "run scripts/build-dashboard");
}
