//! `figureground-train`: the trainer's program.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod cli;

fn main() -> std::process::ExitCode {
    // Limbs that point at the camera are empty paths to tiny-skia, which says so each time.
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn,tiny_skia=error")).init();
    cli::run()
}
