//! The program `pantomime`: writes drawn clips of people acting in and out of context.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::main()
}
