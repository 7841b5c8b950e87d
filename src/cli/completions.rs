//! `completions`: the script that completes command lines in a shell.

use clap::Args;
use clap_complete::Shell;
use serde_json::json;

use super::context::Context;
use super::failure::Failure;
use super::parse::visible_definition;

/// Print the completion script of a shell
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev completions bash > ~/.local/share/bash-completion/completions/stockdev\n  \
    stockdev completions fish > ~/.config/fish/completions/stockdev.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, cx: &Context) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut visible_definition(), "stockdev", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    cx.result(script.trim_end(), &json!({"shell": args.shell.to_string(), "script": script}));
    Ok(0)
}
