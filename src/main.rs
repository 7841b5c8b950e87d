//! The program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    stockdev::cli::main(std::env::args_os().collect())
}
