//! The program `figureground`.

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
