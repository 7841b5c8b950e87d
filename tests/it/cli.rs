//! Commands that need no running stack: help, errors, exit codes, settings.

use crate::cli_support::Sandbox;

#[test]
fn help_has_examples_first() {
    let sandbox = Sandbox::new();
    let help = sandbox.run(&["-h"]).expect(0);
    assert_eq!(help.stderr, "");
    let head: Vec<&str> = help.stdout.lines().take(9).collect();
    insta::assert_snapshot!(head.join("\n"), @r"
    The whole real-time stock pipeline in one command

    Examples:
      stockdev up                      start everything, stream and index the sample
      stockdev status                  what runs, how much is in it
      stockdev consume --max 5         look at the ticks
      stockdev down                    stop and remove everything

    Usage: stockdev [OPTIONS] <COMMAND>
    ");
    assert!(!help.stdout.contains("__serve"), "{}", help.stdout);
}

#[test]
fn every_command_has_examples_in_its_help_and_a_longer_help() {
    let sandbox = Sandbox::new();
    let definition = stockdev::cli::definition();
    let names: Vec<&str> =
        definition.get_subcommands().filter(|sub| !sub.is_hide_set()).map(|sub| sub.get_name()).collect();
    assert_eq!(names.len(), 25, "{names:?}");
    for name in names {
        let help = sandbox.run(&[name, "--help"]).expect(0);
        assert!(help.stdout.contains("Examples:\n  "), "{name}: {}", help.stdout);
        assert!(help.stdout.contains("--kafka-property"), "{name}: {}", help.stdout);
    }
}

#[test]
fn a_near_miss_is_suggested_and_never_run() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["pu"]).expect(2);
    assert_eq!(ran.stdout, "");
    insta::assert_snapshot!(ran.stderr, @r"
    error[USAGE]: unrecognized subcommand `pu`
      state   nothing was done
      next    stockdev up       perhaps this was meant
              stockdev --help   what there is, with examples
      more    stockdev explain USAGE
    ");
    for abbreviated in ["stat", "gen", "u"] {
        sandbox.run(&[abbreviated]).expect(2);
    }
}

#[test]
fn usage_errors_are_documents_too() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["up", "--rate", "fast", "--output", "json"]).expect(2);
    insta::assert_json_snapshot!(ran.document(), @r#"
    {
      "state": "failed",
      "error": {
        "id": "USAGE",
        "message": "invalid value `fast` for `--rate <N>`: expected a number above 0",
        "tried": null,
        "got": null,
        "left": "nothing was done",
        "next": [
          "stockdev up --help"
        ],
        "log": null,
        "log_lines": []
      },
      "phase": null,
      "exit_code": 2
    }
    "#);
    // The way the form is asked for does not matter.
    let by_variable = sandbox.run_with(&["pu"], &[("STOCKDEV_OUTPUT", "json")]).expect(2);
    assert_eq!(by_variable.document()["error"]["id"], "USAGE");
}

#[test]
fn paths_names_every_folder() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["paths"]).expect(0);
    insta::assert_snapshot!(sandbox.clean(&ran.stdout), @r"
    state             [dir]/state/stockdev/stockdev
    record            [dir]/state/stockdev/stockdev/state.json
    data              [dir]/state/stockdev/stockdev/data
    logs              [dir]/state/stockdev/stockdev/logs
    failed runs       [dir]/.cache/stockdev/failed/stockdev-[hash]
    lock              [dir]/run/stockdev/stockdev-[hash].lock
    user settings     [dir]/config/stockdev/config.toml
    project settings  stockdev.toml here or in a folder above
    settings in use   none
    ");
}

#[test]
fn version_is_one_line_and_a_document() {
    let sandbox = Sandbox::new();
    assert_eq!(sandbox.run(&["--version"]).expect(0).stdout, format!("stockdev {}\n", env!("CARGO_PKG_VERSION")));
    let document = sandbox.run(&["version", "--output", "json"]).expect(0).document();
    assert_eq!(document["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["embedded"]["elasticsearch"], "9.2.4");
}

#[test]
fn what_needs_a_stack_says_that_none_runs() {
    let sandbox = Sandbox::new();
    for command in
        [&["env"][..], &["consume"], &["produce"], &["index"], &["template", "apply"], &["dashboard", "import"]]
    {
        let ran = sandbox.run(command).expect(3);
        assert!(ran.stderr.starts_with("error[NOT_RUNNING]: project `stockdev` is not running\n"), "{ran:?}");
        assert_eq!(ran.stdout, "");
    }
    assert_eq!(sandbox.run(&["status", "--output", "json"]).expect(3).document()["state"], "stopped");
    assert_eq!(sandbox.run(&["logs", "kafka"]).expect(3).stdout, "");
    assert_eq!(sandbox.run(&["ls"]).expect(0).stdout, "no projects\n");
}

#[test]
fn down_with_nothing_there_is_a_success_and_makes_nothing() {
    let sandbox = Sandbox::new();
    for _ in 0..2 {
        let ran = sandbox.run(&["down"]).expect(0);
        assert_eq!(ran.stdout, "project `stockdev`: nothing to do\n");
    }
    assert_eq!(Sandbox::everything_below(&sandbox.path("state")), [] as [std::path::PathBuf; 0]);
    assert_eq!(Sandbox::everything_below(&sandbox.path("run")), [] as [std::path::PathBuf; 0]);
}

#[test]
fn a_demanded_docker_stack_is_never_replaced() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["up", "--stack", "docker", "--progress", "none"]).expect(10);
    insta::assert_snapshot!(ran.stderr, @r"
    error[NO_ENGINE]: no container engine answers
      tried   unix:///nope (from `DOCKER_HOST`)
      got     no such file: not installed, or its socket is elsewhere
      state   nothing was started
      next    stockdev doctor                                                      every address asked, and what helps
              stockdev up --stack embedded                                         the same protocols, no engine needed
              stockdev up --stack external --kafka HOST:PORT --elasticsearch URL   servers you run
      more    stockdev explain NO_ENGINE
    ");
    assert!(!sandbox.state().exists());
}

#[test]
fn a_wrong_data_path_fails_before_anything_is_started() {
    let sandbox = Sandbox::new();
    let ran = sandbox.run(&["up", "--data", "nowhere.csv", "--output", "json"]).expect(2);
    let document = ran.document();
    assert_eq!(document["error"]["id"], "DATA_NOT_FOUND");
    assert_eq!(document["phase"], "preflight");
    assert!(!sandbox.state().exists());
}

#[test]
fn settings_come_from_flag_then_variable_then_project_file_then_user_file() {
    let sandbox = Sandbox::new();
    let project = |ran: crate::cli_support::Ran| ran.expect(0).document()["project"].as_str().map(str::to_owned);
    let paths = ["paths", "--output", "json"];
    std::fs::create_dir_all(sandbox.path("config/stockdev")).unwrap();
    std::fs::write(sandbox.path("config/stockdev/config.toml"), "project = \"user\"\n").unwrap();
    assert_eq!(project(sandbox.run(&paths)).as_deref(), Some("user"));
    std::fs::write(sandbox.work().join("stockdev.toml"), "project = \"file\"\n[up]\nport-base = 9300\n").unwrap();
    assert_eq!(project(sandbox.run(&paths)).as_deref(), Some("file"));
    let variable = [("STOCKDEV_PROJECT", "variable")];
    assert_eq!(project(sandbox.run_with(&paths, &variable)).as_deref(), Some("variable"));
    let flag = sandbox.run_with(&["paths", "--output", "json", "--project", "flag"], &variable);
    assert_eq!(project(flag).as_deref(), Some("flag"));
    assert_eq!(project(sandbox.run_with(&paths, &[("STOCKDEV_PROJECT", "")])).as_deref(), Some("file"));
}

#[test]
fn an_unknown_key_is_named_with_its_file() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.work().join("stockdev.toml"), "[up]\nport = 9300\n").unwrap();
    let ran = sandbox.run(&["paths"]).expect(2);
    insta::assert_snapshot!(sandbox.clean(&ran.stderr), @r"
    error[CONFIG_INVALID]: unknown key `up.port` in `[dir]/work/stockdev.toml`
      got     did you mean `port-base`?
      next    stockdev explain CONFIG_INVALID   how the file is built
      more    stockdev explain CONFIG_INVALID
    ");
    std::fs::write(sandbox.work().join("stockdev.toml"), "[up]\nport-base = \"x\"\n").unwrap();
    let ran = sandbox.run(&["up"]).expect(2);
    assert!(ran.stderr.contains("key `up.port-base` in"), "{ran:?}");
}

#[test]
fn a_secret_on_the_command_line_is_refused_and_not_repeated() {
    let sandbox = Sandbox::new();
    let arguments = [
        "template",
        "apply",
        "--kafka",
        "localhost:1",
        "--elasticsearch",
        "http://localhost:1",
        "--elasticsearch-api-key",
        "hunter2",
    ];
    let ran = sandbox.run(&arguments).expect(2);
    assert!(ran.stderr.starts_with("error[SECRET_EXPOSED]"), "{ran:?}");
    assert!(!ran.stderr.contains("hunter2"), "{ran:?}");
}

#[test]
fn an_unreachable_external_stack_is_one_error() {
    let sandbox = Sandbox::new();
    // Port 1 is refused at once wherever nobody runs tcpmux.
    let arguments = [
        "up",
        "--stack",
        "external",
        "--kafka",
        "127.0.0.1:1",
        "--elasticsearch",
        "http://127.0.0.1:1",
        "--timeout",
        "1s",
    ];
    let ran = sandbox.run(&[&arguments[..], &["--output", "json"]].concat()).expect(1);
    let document = ran.document();
    assert_eq!(document["error"]["id"], "ENDPOINT_UNREACHABLE");
    assert_eq!(document["phase"], "wait");
}

#[test]
fn a_project_held_by_another_is_busy_and_names_the_holder() {
    let sandbox = Sandbox::new();
    let lock = sandbox.run(&["paths", "--output", "json"]).document()["lock"].as_str().unwrap().to_owned();
    std::fs::create_dir_all(std::path::Path::new(&lock).parent().unwrap()).unwrap();
    let file = std::fs::File::create(&lock).unwrap();
    file.try_lock().unwrap();
    std::io::Write::write_all(&mut &file, b"4242\n").unwrap();
    let ran = sandbox.run(&["up"]).expect(16);
    insta::assert_snapshot!(sandbox.clean(&ran.stderr), @r"
    error[PROJECT_BUSY]: another stockdev is changing project `stockdev`
      got     pid [pid] holds it
      state   nothing was changed
      next    kill 4242     end it
              stockdev ls   list the projects
      more    stockdev explain PROJECT_BUSY
    ");
}

#[test]
fn a_state_folder_that_cannot_be_written_is_one_error() {
    let sandbox = Sandbox::new();
    std::fs::write(sandbox.path("state/stockdev"), "a file where a folder is needed").unwrap();
    let ran = sandbox.run(&["up", "--output", "json"]).expect(13);
    assert_eq!(ran.document()["error"]["id"], "STATE_UNWRITABLE");
    std::fs::remove_file(sandbox.path("state/stockdev")).unwrap();
}

#[test]
fn a_newer_format_is_refused() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.state()).unwrap();
    std::fs::write(sandbox.state().join("state.json"), "{\"format\":99}").unwrap();
    let ran = sandbox.run(&["up"]).expect(1);
    assert!(ran.stderr.contains("error[STATE_TOO_NEW]"), "{ran:?}");
    std::fs::remove_dir_all(sandbox.state()).unwrap();
}

#[test]
fn a_half_written_state_is_removed_by_down() {
    let sandbox = Sandbox::new();
    std::fs::create_dir_all(sandbox.state()).unwrap();
    for (record, server) in [("{\"form", "{\"process\":{\"pid\":1"), ("", ""), ("{}", "{}"), ("\u{0}\u{0}", "null")] {
        std::fs::create_dir_all(sandbox.state()).unwrap();
        std::fs::write(sandbox.state().join("state.json"), record).unwrap();
        std::fs::write(sandbox.state().join("server.json"), server).unwrap();
        sandbox.run(&["status"]).expect(3);
        sandbox.run(&["down"]).expect(0);
        assert!(!sandbox.state().exists());
    }
}

#[test]
fn the_same_seed_gives_the_same_ticks_and_a_reader_may_leave() {
    let sandbox = Sandbox::new();
    let one = sandbox.run(&["generate", "--ticks", "50", "--seed", "7"]).expect(0);
    let two = sandbox.run(&["generate", "--ticks", "50", "--seed", "7"]).expect(0);
    assert_eq!(one.stdout.lines().count(), 50);
    assert_eq!(one.stdout, two.stdout);
    let mut endless =
        sandbox.command(&["generate", "--ticks", "0"]).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    let mut reader = std::io::BufReader::new(endless.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut reader, &mut first).unwrap();
    drop(reader);
    assert_eq!(endless.wait().unwrap().code(), Some(0));
    assert_eq!(first.lines().next(), sandbox.run(&["generate", "--ticks", "1"]).stdout.lines().next());
}

#[test]
fn convert_reads_what_generate_writes_and_names_what_it_cannot_read() {
    let sandbox = Sandbox::new();
    let ticks = sandbox.run(&["generate", "--ticks", "3"]).expect(0).stdout;
    std::fs::write(sandbox.work().join("ticks.json"), &ticks).unwrap();
    assert_eq!(sandbox.run(&["convert", "ticks.json"]).expect(0).stdout, ticks);
    std::fs::write(sandbox.work().join("broken.json"), format!("{ticks}{{\"timestamp\":\n")).unwrap();
    let ran = sandbox.run(&["convert", "broken.json"]).expect(1);
    assert!(ran.stderr.contains("error[DATA_INVALID]: broken.json:4"), "{ran:?}");
    let ran = sandbox.run(&["convert", "--skip-invalid", "broken.json"]).expect(0);
    assert_eq!(ran.stdout, ticks);
}

#[test]
fn completions_and_the_manual_come_from_the_same_definition() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = sandbox.run(&["completions", shell]).expect(0).stdout;
        assert!(script.contains("until-caught-up") && !script.contains("__serve"), "{shell}");
    }
    let page = sandbox.run(&["man"]).expect(0).stdout;
    assert!(page.contains(".TH stockdev") && page.contains("until\\-caught\\-up"), "{page}");
}

#[test]
fn explain_knows_every_error() {
    let sandbox = Sandbox::new();
    for id in stockdev::cli::ErrorId::ALL {
        let ran = sandbox.run(&["explain", id.name()]).expect(0);
        assert!(ran.stdout.starts_with(id.name()), "{ran:?}");
    }
    sandbox.run(&["explain", "NO_SUCH"]).expect(2);
}
