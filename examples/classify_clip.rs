//! One clip, one verdict: `cargo run --release --example classify_clip [BUNDLE CLIP]`.
//!
//! Without arguments it takes the demo clip and the bundle inside the program. It writes `verdict.gif`, which shows what the
//! encoder saw in each view.

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
    pipeline.watch(source.as_mut(), Window::Clip, &mut |outcome| {
        tell(outcome);
        overlay.draw(&name, outcome)?;
        Ok(ControlFlow::Continue(()))
    })?;
    overlay.finish()?;
    println!("verdict.gif shows what each view saw");
    Ok(())
}

fn tell(outcome: &WindowResult<'_>) {
    let judgement = &outcome.judgement;
    let [full, person, background] = judgement.p;
    let reason = judgement.verdict.reason().map_or(String::new(), |reason| format!(" ({reason})"));
    println!("{}: {}{reason}", outcome.names[judgement.label], judgement.verdict.name());
    println!("probability whole {full:.2}, person only {person:.2}, background only {background:.2}");
    println!("dominance of the background over the person: {:.2} nats", judgement.dominance);
}
