//! Prints verdicts on a camera's stream: `cargo run --example webcam --features camera [BUNDLE [camera:N]]`.
//!
//! Without the feature `camera` it explains how to enable it and reads the demo clip.

use figureground::Result;
use figureground::bundle::Bundle;
use figureground::engine::BackendOptions;
use figureground::pipeline::{FrameRecording, Pipeline, Sliding, Window};
use figureground::source::Source;
use std::ops::ControlFlow;
use std::path::PathBuf;

fn main() {
    if let Err(error) = run() {
        eprintln!("{error}");
        std::process::exit(2);
    }
}

fn run() -> Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let bundle = arguments.next().map(PathBuf::from);
    let bundle = bundle.as_deref().map_or_else(Bundle::built_in, Bundle::open)?;
    let (mut source, window) = open(arguments.next())?;
    let mut pipeline = Pipeline::load(&bundle, &BackendOptions::default(), FrameRecording::Off)?;
    pipeline.watch(source.as_mut(), window, &mut |window| {
        let judgement = &window.judgement;
        let reason = judgement.verdict.reason().unwrap_or("the person supports it");
        let seconds = window.time_span_us()[1] as f64 / 1e6;
        println!("{seconds:7.2} s  {}: {} ({reason})", window.names[judgement.label], judgement.verdict.name());
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(())
}

/// Opens the camera, with windows of two seconds, one every half second.
#[cfg(feature = "camera")]
fn open(camera: Option<std::ffi::OsString>) -> Result<(Box<dyn Source>, Window)> {
    let camera = camera.unwrap_or_else(|| "camera:0".into());
    let name = camera.to_string_lossy().into_owned();
    let mut opener = figureground::source::opener(camera, figureground::source::SourceOptions::default());
    // Opens the camera again if its cable is pulled and put back.
    let source = Box::new(figureground::source::ReconnectingSource::new(name, Some(opener()?), opener, || false));
    Ok((source, Window::Sliding(Sliding::new(2.0, 0.5)?)))
}

/// Opens the demo clip, which lasts two and a half seconds, with shorter windows.
#[cfg(not(feature = "camera"))]
fn open(_: Option<std::ffi::OsString>) -> Result<(Box<dyn Source>, Window)> {
    eprintln!(
        "This build has no cameras: build with --features camera (it needs libclang). Reading the demo clip instead."
    );
    Ok((figureground::source::demo()?, Window::Sliding(Sliding::new(1.0, 0.25)?)))
}
