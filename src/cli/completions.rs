//! `figureground completions`: shell completions.

use super::{Cli, Exit, print};
use clap::{Args, CommandFactory};
use clap_complete::Shell;
use figureground::Result;

pub const EXAMPLES: &str = "Example:
  figureground completions bash > /etc/bash_completion.d/figureground";

#[derive(Debug, Args)]
pub struct Completions {
    /// Shell to complete for.
    #[arg(value_enum)]
    shell: Shell,
}

impl Completions {
    pub fn run(&self) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "figureground", &mut script);
        print(&String::from_utf8_lossy(&script)).map(|()| Exit::Done)
    }
}
