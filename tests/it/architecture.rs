//! The arrows of ARCHITECTURE.md, held: who may use whom, read from the sources' own paths.

use std::fs;
use std::path::{Path, PathBuf};

/// A part of the crate, and the parts it may name. What is not listed is not allowed.
const ALLOWED: &[(&str, &[&str])] = &[
    ("tick", &[]),
    ("client", &[]),
    ("report", &[]),
    ("config", &[]),
    ("setup", &["client"]),
    ("pipeline", &["client", "tick"]),
    ("cloud", &["client", "pipeline", "tick"]),
    ("stack", &["client", "config", "server"]),
    ("server/kafka", &["server/kafka"]),
    ("server/http", &[]),
    ("server/elasticsearch", &["server/elasticsearch", "server/http"]),
    ("lens", &[]),
    ("server/kibana", &["server/kibana", "server/http", "lens"]),
    ("server/gcs", &["server/gcs", "server/http"]),
    ("server/bigquery", &["server/bigquery", "server/http"]),
    ("testing", &["client", "pipeline", "setup", "stack", "tick"]),
    ("cli", &["client", "cloud", "config", "lens", "pipeline", "report", "setup", "stack", "tick"]),
];

#[test]
fn arrows_go_one_way() {
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let name = file.strip_prefix(root().join("src")).unwrap().to_string_lossy().replace('\\', "/");
        let Some((part, allowed)) = ALLOWED.iter().find(|(part, _)| belongs_to(&name, part)) else {
            assert!(["main.rs", "lib.rs", "server/mod.rs"].contains(&name.as_str()), "{name} belongs to no part");
            continue;
        };
        for target in targets(&production_code(&file)) {
            let own = target == *part || target.starts_with(&format!("{part}/"));
            if !own && !allowed.iter().any(|may| target == *may || target.starts_with(&format!("{may}/"))) {
                wrong.push(format!("{name} names {target}"));
            }
        }
    }
    assert!(wrong.is_empty(), "backward arrows:\n{}", wrong.join("\n"));
}

#[test]
fn only_the_embedded_stack_starts_the_servers() {
    let mut wrong = Vec::new();
    for file in rust_files(&root().join("src")) {
        let name = file.strip_prefix(root().join("src")).unwrap().to_string_lossy().replace('\\', "/");
        let starts = production_code(&file).contains("crate::server");
        if starts && !name.starts_with("server/") && !name.starts_with("stack/embedded") {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "these name the servers: {wrong:?}");
}

#[test]
fn every_file_says_what_it_is() {
    let silent: Vec<_> = rust_files(&root().join("src"))
        .into_iter()
        .chain(rust_files(&root().join("tests")))
        .filter(|file| !fs::read_to_string(file).unwrap().starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "no `//!` at the top of {silent:?}");
}

#[test]
fn every_test_file_belongs_to_the_test_binary() {
    let main = fs::read_to_string(root().join("tests/it/main.rs")).unwrap();
    for entry in fs::read_dir(root().join("tests/it")).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let is_module = path.extension().is_some_and(|extension| extension == "rs") || path.join("mod.rs").exists();
        assert!(!is_module || stem == "main" || main.contains(&format!("mod {stem};")), "{stem} is in no test binary");
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn belongs_to(file: &str, part: &str) -> bool {
    file == format!("{part}.rs") || file.starts_with(&format!("{part}/"))
}

/// The parts that a source names by `crate::` paths; `server::kafka` counts as `server/kafka`.
fn targets(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    for rest in source.split("crate::").skip(1) {
        for path in expand(rest) {
            let mut names = path.split("::");
            let first = names.next().unwrap_or_default().to_owned();
            let target = match (first.as_str(), names.next()) {
                ("server", Some(server)) => format!("server/{server}"),
                _ => first,
            };
            if !target.is_empty() {
                found.push(target);
            }
        }
    }
    found
}

/// `{a, b::c}` gives both; anything else gives itself up to the first character that is no path.
fn expand(rest: &str) -> Vec<String> {
    let path = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_' || *c == ':').collect()
    };
    match rest.strip_prefix('{') {
        Some(list) => list.split('}').next().unwrap_or_default().split(',').map(path).collect(),
        None => vec![path(rest)],
    }
}

/// The source without its inline tests and comments.
fn production_code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod ").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    files
}
