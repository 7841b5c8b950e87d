//! `eval "$(stockdev env)"`, and then clients that know nothing of stockdev: kcat, curl, Python, Go.

use std::path::Path;
use std::process::Command;

use crate::cli_support::Sandbox;
use crate::support::clients::{clients, installed, root, run, unique};

/// Runs `command` in a shell that has the variables of `stockdev env` and no others of ours.
fn in_shell(sandbox: &Sandbox, command: &str) -> String {
    let script = format!("eval \"$(\"$STOCKDEV\" env)\"\n{command}");
    // The sandbox's command has the folders that `env` finds the project by.
    let like = sandbox.command(&[]);
    let mut shell = Command::new("sh");
    shell.args(["-euc", &script]).env_clear().current_dir(sandbox.work());
    shell.envs(like.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell.env("STOCKDEV", like.get_program());
    let ran = run(&mut shell, "");
    assert!(ran.success, "{}", ran.all);
    ran.stdout
}

#[test]
fn unmodified_clients_work_with_the_variables_of_env() {
    let sandbox = Sandbox::new();
    sandbox.run(&["up", "--stack", "embedded", "--ports", "auto", "--push-gcs"]).expect(0);

    if installed(Path::new("kcat")).is_some() {
        let listed = in_shell(&sandbox, "kcat -b \"$KAFKA_BOOTSTRAP_SERVERS\" -C -t stock-stream -e -q | wc -l");
        assert_eq!(listed.trim(), "2000");
    }
    let counted = in_shell(&sandbox, "curl -sf \"$ELASTICSEARCH_URL/stock-stream/_count\"");
    assert!(counted.contains("\"count\":2000"), "{counted}");
    let buckets = in_shell(&sandbox, "curl -sf \"$STORAGE_EMULATOR_HOST/storage/v1/b?project=$GOOGLE_CLOUD_PROJECT\"");
    assert!(
        buckets.contains("\"kind\": \"storage#buckets\"") || buckets.contains("\"kind\":\"storage#buckets\""),
        "{buckets}"
    );

    let script = root().join("tests/clients/env_python.py");
    let python = [
        ("kafka-python-3", "kafka", "2000"),
        ("elasticsearch-9", "elasticsearch", "2000"),
        ("gcs-python-3", "gcs", "1"),
        ("bigquery-python", "bigquery", "42"),
    ];
    for (folder, what, expected) in python {
        let Some(python) = installed(&clients().join(folder).join("bin/python")) else { continue };
        let seen = in_shell(&sandbox, &format!("'{}' '{}' {what}", python.display(), script.display()));
        assert_eq!(seen.lines().last().unwrap_or_default(), expected, "{what}");
    }

    // A dataset has no hyphen in its name.
    for (binary, variable) in [
        ("franz-go", "KAFKA_BOOTSTRAP_SERVERS"),
        ("elasticsearch-go-9", "ELASTICSEARCH_URL"),
        ("gcs-go", "STORAGE_EMULATOR_HOST"),
        ("bigquery-go", "BIGQUERY_EMULATOR_HOST"),
    ] {
        let Some(binary) = installed(&clients().join(binary)) else { continue };
        in_shell(&sandbox, &format!("'{}' \"${variable}\" '{}'", binary.display(), unique("env").replace('-', "_")));
    }
    sandbox.run(&["down"]).expect(0);
}
