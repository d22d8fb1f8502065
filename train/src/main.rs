//! The program `figureground-train`.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod cli;

fn main() -> std::process::ExitCode {
    // tiny-skia warns of empty paths, which are limbs that point at the camera; the pipeline warns of clips of one
    // frame.
    let filter = env_logger::Env::default().default_filter_or("warn,tiny_skia=error,figureground::pipeline=error");
    env_logger::Builder::from_env(filter).init();
    cli::run()
}
