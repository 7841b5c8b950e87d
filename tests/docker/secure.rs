//! `--secure`: every command works, nobody without the credentials gets in, and nothing shows them.

use std::os::unix::fs::PermissionsExt;

use crate::engine::{Stack, docker};
use crate::lifecycle::reqwest_blocking;

#[test]
fn a_secured_stack_asks_for_credentials_and_never_shows_them() {
    let Some(stack) = Stack::new() else { return };
    let up = stack.up(&["--secure", "-vv"]).expect(0);
    let document = up.document();
    assert_eq!((document["sent"].as_u64(), document["indexed"].as_u64()), (Some(2000), Some(2000)));
    let elasticsearch = document["endpoints"]["elasticsearch"].as_str().unwrap();
    assert!(reqwest_blocking(&format!("{elasticsearch}/_search")).contains("security_exception"));

    let folder = stack.sandbox.path("state/stockdev").join(&stack.project);
    let password = std::fs::read_to_string(folder.join("elasticsearch-password")).unwrap();
    assert!(password.len() >= 20);
    for file in ["credentials.json", "elasticsearch-password"] {
        assert_eq!(folder.join(file).metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    let with_password = elasticsearch.replace("http://", &format!("http://stockdev:{password}@"));
    assert!(reqwest_blocking(&format!("{with_password}/_search?size=0")).contains("\"hits\""));

    // Every command finds the credentials by itself.
    let mut printed = vec![up];
    printed.push(stack.run(&["status", "--output", "json", "-vv"]).expect(0));
    printed.push(stack.run(&["index", "--until-caught-up", "-vv"]).expect(0));
    printed.push(stack.run(&["template", "apply", "-vv"]).expect(0));
    printed.push(stack.run(&["env"]).expect(0));
    printed.push(stack.run(&["logs"]).expect(0));
    printed.push(stack.run(&["up", "--output", "json"]).expect(0));
    for run in &printed {
        assert!(!run.stdout.contains(&password) && !run.stderr.contains(&password), "{run:?}");
    }
    assert!(!std::fs::read_to_string(folder.join("state.json")).unwrap().contains(&password));
    assert!(!docker(&["inspect", &stack.container("elasticsearch")]).join("\n").contains(&password));

    // With kept data the same credentials hold.
    stack.run(&["down", "--keep-data"]).expect(0);
    let back = stack.up(&[]).expect(0).document();
    assert_eq!(back["indexed"].as_u64(), Some(2000));
    assert_eq!(std::fs::read_to_string(folder.join("elasticsearch-password")).unwrap(), password);
    stack.run(&["down"]).expect(0);
    stack.expect_nothing_left();
}
