//! Classifies one clip: `cargo run --release --example classify_clip [BUNDLE CLIP]`.
//!
//! Without arguments it uses the built-in demo clip and bundle. It writes `verdict.gif`, which shows the encoder's
//! input in each view.

use figureground::Result;
use figureground::bundle::Bundle;
use figureground::engine::BackendOptions;
use figureground::pipeline::{FrameRecording, Pipeline, Window, WindowResult};
use figureground::sink::overlay::Overlay;
use figureground::source::{self, SourceOptions};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (bundle, clip) = (arguments.next().map(PathBuf::from), arguments.next());
    let bundle = bundle.as_deref().map_or_else(Bundle::built_in, Bundle::open)?;

    let mut pipeline = Pipeline::load(&bundle, &BackendOptions::default(), FrameRecording::On)?;
    let mut source = match clip {
        Some(clip) => source::open(&clip, &SourceOptions::default())?,
        None => source::demo()?,
    };
    let mut overlay = Overlay::create(Path::new("verdict.gif"))?;
    let name = source.name().to_owned();
    pipeline.watch(source.as_mut(), Window::Clip, &mut |window| {
        print_window(window);
        overlay.draw(&name, window)?;
        Ok(ControlFlow::Continue(()))
    })?;
    overlay.finish()?;
    println!("verdict.gif shows the three views");
    Ok(())
}

fn print_window(window: &WindowResult<'_>) {
    let judgement = &window.judgement;
    let [full, person, background] = judgement.p;
    let reason = judgement.verdict.reason().map_or(String::new(), |reason| format!(" ({reason})"));
    println!("{}: {}{reason}", window.names[judgement.label], judgement.verdict.name());
    println!("probability whole {full:.2}, person only {person:.2}, background only {background:.2}");
    println!("explained by: {}, dominance {:+.2}", judgement.explained_by.name(), judgement.attribution.value);
}
