//! `man`: the manual, from the same definition as the help.

use clap::Args;
use clap_mangen::Man;
use serde_json::json;

use super::context::Context;
use super::failure::Failure;
use super::failures;
use super::parse::visible_definition;

/// Print the manual in roff, all commands on one page
#[derive(Args, Debug)]
#[command(before_help = "Examples:\n  \
    stockdev man | man -l -\n  \
    stockdev man > ~/.local/share/man/man1/stockdev.1")]
pub(super) struct ManArgs {}

pub(super) fn run(_args: &ManArgs, cx: &Context) -> Result<u8, Failure> {
    let mut page = Vec::new();
    write_pages(&mut page).map_err(|error| failures::output("the manual", &error))?;
    let page = String::from_utf8_lossy(&page).into_owned();
    cx.result(page.trim_end(), &json!({"format": "roff", "page": page}));
    Ok(0)
}

fn write_pages(page: &mut Vec<u8>) -> std::io::Result<()> {
    let mut command = visible_definition();
    command.build();
    Man::new(command.clone()).render(page)?;
    for sub in command.get_subcommands() {
        let man = Man::new(sub.clone().display_name(format!("stockdev-{}", sub.get_name())));
        man.render_name_section(page)?;
        man.render_synopsis_section(page)?;
        man.render_description_section(page)?;
        man.render_options_section(page)?;
    }
    Ok(())
}
