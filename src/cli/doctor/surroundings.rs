//! What else changes how stockdev runs here: credentials, variables, projects left behind, versions.

use std::path::PathBuf;

use serde_json::json;

use super::Engine;
use super::check::{Check, Group};
use crate::cli::context::{Context, Found};
use crate::stack::embedded::{BIGQUERY_API_VERSION, KAFKA_VERSION, STORAGE_API_VERSION, elasticsearch_version};
use crate::stack::{FORMAT, project_names};

pub(super) fn checks(engine: &Engine, cx: &Context) -> Vec<Check> {
    let var = |name: &str| std::env::var(name).ok();
    vec![
        credentials(&var),
        variables(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?))),
        ),
        projects(engine, cx),
        versions(),
    ]
}

/// Only whether they are there: they are never opened.
fn credentials(var: &dyn Fn(&str) -> Option<String>) -> Check {
    let set = |name: &str| var(name).filter(|value| !value.is_empty());
    let mut seen = Vec::new();
    if let Some(path) = set("GOOGLE_APPLICATION_CREDENTIALS") {
        let missing = if std::path::Path::new(&path).is_file() { "" } else { ", which is no file" };
        seen.push(format!("GOOGLE_APPLICATION_CREDENTIALS names {path}{missing}"));
    }
    let folder = set("CLOUDSDK_CONFIG").map(PathBuf::from);
    let folder = folder.or_else(|| Some(PathBuf::from(set("HOME")?).join(".config/gcloud")));
    let file = folder.map(|folder| folder.join("application_default_credentials.json")).filter(|file| file.is_file());
    seen.extend(file.map(|file| format!("default credentials at {}", file.display())));
    let found = if seen.is_empty() {
        "no Google credentials".to_owned()
    } else {
        format!("seen, not used: {}", seen.join("; "))
    };
    Check::new(Group::Surroundings, "credentials", found, "none").field("seen", json!(seen))
}

/// The variables that change what stockdev or its clients do. Values are not shown: some are secrets.
fn variables(all: impl Iterator<Item = (String, String)>) -> Check {
    const PROXIES: [&str; 3] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let set: Vec<(String, String)> = all.filter(|(_, value)| !value.is_empty()).collect();
    let counts = |name: &str| {
        let upper = name.to_ascii_uppercase();
        name.starts_with("STOCKDEV_")
            || name.starts_with("DOCKER_")
            || PROXIES.contains(&upper.as_str())
            || upper == "NO_PROXY"
    };
    let mut names: Vec<&str> = set.iter().map(|(name, _)| name.as_str()).filter(|name| counts(name)).collect();
    names.sort_unstable();
    let found = if names.is_empty() { "none set".to_owned() } else { names.join(", ") };
    let needed = "none; with a proxy, NO_PROXY names localhost and 127.0.0.1";
    let check = Check::new(Group::Surroundings, "variables", found, needed).field("set", json!(names));
    let has_proxy = names.iter().any(|name| PROXIES.contains(&name.to_ascii_uppercase().as_str()));
    let bypass = set.iter().find(|(name, _)| name.eq_ignore_ascii_case("NO_PROXY")).map_or("", |(_, value)| value);
    let hosts: Vec<&str> = bypass.split(',').map(str::trim).collect();
    let bypasses = hosts.contains(&"*") || (hosts.contains(&"localhost") && hosts.contains(&"127.0.0.1"));
    if has_proxy && !bypasses {
        check
            .detail("other clients may send what is for this machine to the proxy; stockdev itself never does")
            .fix("export NO_PROXY=localhost,127.0.0.1,::1")
            .advice()
    } else {
        check
    }
}

/// Projects whose process is gone without `down`, and containers of projects that have no folder here.
fn projects(engine: &Engine, cx: &Context) -> Check {
    let names = project_names(&cx.folders).unwrap_or_default();
    let (mut running, mut crashed) = (Vec::new(), Vec::new());
    for name in &names {
        match Found::look(&cx.folders.project(name)) {
            Ok(found) if found.running().is_some() => running.push(name.to_string()),
            // `down --keep-data` takes the process's file away: where it is left, nobody stopped it.
            Ok(found) if found.server.is_some() || found.damage.is_some() => crashed.push(name.to_string()),
            Ok(_) => {}
            Err(_) => crashed.push(name.to_string()),
        }
    }
    let containers = engine.answers().map(|survey| survey.containers.as_slice()).unwrap_or_default();
    let is_known = |project: &str| names.iter().any(|name| name.as_ref() == project);
    let mut strays: Vec<String> = containers
        .iter()
        .filter_map(|container| container.project.clone())
        .filter(|project| !is_known(project))
        .collect();
    strays.sort();
    strays.dedup();
    let count = names.len();
    let found = match (count, running.len()) {
        (0, _) => "no projects".to_owned(),
        (_, 0) => format!("{count} recorded, none runs"),
        _ => format!("{count} recorded, running: {}", running.join(", ")),
    };
    let check = Check::new(Group::Surroundings, "projects", found, "none left behind")
        .field("running", json!(running))
        .field("crashed", json!(crashed))
        .field("containers_of", json!(strays));
    let mut check = check;
    if !crashed.is_empty() {
        check = check.detail(format!("left behind by a crash: {}", crashed.join(", ")));
    }
    // Perhaps another user's, or of another state folder: only told.
    if !strays.is_empty() {
        check = check.detail(format!("containers of projects that are not recorded here: {}", strays.join(", ")));
    }
    match (crashed.first(), strays.first()) {
        (Some(name), _) => check.fix(format!("stockdev down --project {name}   (or `up`, to repair it)")).advice(),
        (None, Some(name)) => check.fix(format!("stockdev down --project {name}   (if nobody uses it)")).advice(),
        (None, None) => check,
    }
}

fn versions() -> Check {
    let tls = if cfg!(feature = "kafka-tls") { "with" } else { "without" };
    let found = format!(
        "stockdev {} {tls} TLS to Kafka, embedded Kafka {KAFKA_VERSION}, embedded Elasticsearch {}, Cloud Storage API {STORAGE_API_VERSION}, BigQuery API {BIGQUERY_API_VERSION}, state format {FORMAT}",
        env!("CARGO_PKG_VERSION"),
        elasticsearch_version()
    );
    Check::new(Group::Surroundings, "versions", found, "any")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::doctor::check::State;
    use crate::cli::global::StackChoice;

    fn of(vars: &[(&str, &str)]) -> Check {
        variables(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn variables_are_named_without_their_values() {
        let check =
            of(&[("STOCKDEV_ELASTICSEARCH_PASSWORD", "geheim"), ("PATH", "/bin"), ("DOCKER_HOST", "unix:///x")]);
        let document = check.document(StackChoice::Auto).to_string();
        assert!(document.contains("DOCKER_HOST, STOCKDEV_ELASTICSEARCH_PASSWORD") && !document.contains("geheim"));
        assert_eq!(check.state(StackChoice::Auto), State::Ok);
    }

    #[test]
    fn a_proxy_without_an_exception_for_this_machine_is_a_warning() {
        for (no_proxy, state) in [
            ("", State::Warning),
            ("example.org", State::Warning),
            ("localhost, 127.0.0.1", State::Ok),
            ("*", State::Ok),
        ] {
            let check = of(&[("https_proxy", "http://user:geheim@proxy"), ("no_proxy", no_proxy)]);
            assert_eq!(check.state(StackChoice::Auto), state, "{no_proxy}");
            assert!(!check.document(StackChoice::Auto).to_string().contains("geheim"));
        }
        assert_eq!(of(&[("HTTP_PROXY", "")]).state(StackChoice::Auto), State::Ok);
    }

    #[test]
    fn credentials_are_seen_and_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let home = folder.path().display().to_string();
        let see = |given: Option<&str>| {
            let found = credentials(&|name| match name {
                "HOME" => Some(home.clone()),
                "GOOGLE_APPLICATION_CREDENTIALS" => given.map(str::to_owned),
                _ => None,
            });
            found.document(StackChoice::Auto)["found"].as_str().unwrap().to_owned()
        };
        assert_eq!(see(None), "no Google credentials");
        assert!(see(Some("/nope")).ends_with("names /nope, which is no file"));
        std::fs::create_dir_all(folder.path().join(".config/gcloud")).unwrap();
        std::fs::write(folder.path().join(".config/gcloud/application_default_credentials.json"), "not read").unwrap();
        assert!(see(None).starts_with("seen, not used: default credentials at "), "{}", see(None));
    }
}
