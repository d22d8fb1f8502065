//! `figureground-train`: the trainer's program.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod cli;

fn main() -> std::process::ExitCode {
    // Limbs that point at the camera are empty paths to tiny-skia, and clips of one frame are short to the pipeline; both
    // say so each time.
    let filter = env_logger::Env::default().default_filter_or("warn,tiny_skia=error,figureground::pipeline=error");
    env_logger::Builder::from_env(filter).init();
    cli::run()
}
