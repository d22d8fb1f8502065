//! `figureground-train demo`.

use super::bundle::no_temporary_file;
use super::progress::Progress;
use clap::Args;
use figureground::bundle::Bundle;
use figureground::engine::{Engine, all_cores};
use figureground::file::write_aside;
use figureground::gate::Verdict;
use figureground::mask::Size;
use figureground::pipeline::{FrameRecording, Pipeline, Window};
use figureground::source::{self, SourceOptions};
use figureground::view::View;
use figureground::{Error, Result, Stage};
use figureground_train::splits;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbImage};
use pantomime::{Action, ClassGroup, Clip, Context, FRAME_US, Picture};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const EXAMPLES: &str = "Example:
  figureground-train demo --bundle models/built-in --out demo.gif";

/// Smallest probability of a confident background prediction, relative to chance. It is low because the calibrated
/// background view is never very confident.
const CONFIDENT: f32 = 1.5;

#[derive(Debug, Args)]
pub struct Demo {
    /// Bundle that the clip demonstrates.
    #[arg(long, value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Clip to write.
    #[arg(long, value_name = "FILE.gif")]
    out: PathBuf,
    /// Number of seeds to try.
    #[arg(long, default_value_t = 2000, value_name = "N")]
    tries: u64,
    /// First seed to try.
    #[arg(long, default_value_t = 5_000_000)]
    seed: u64,
    /// Width and height of the clip in pixels.
    #[arg(long, default_value_t = 160, value_name = "PIXELS")]
    side: u32,
}

impl Demo {
    /// Searches for a clip out of context with a wrong label that only the background suggests and that the gate flags.
    pub fn run(&self, progress: &Progress) -> Result<()> {
        let bundle = Bundle::open(&self.bundle)?;
        let engine = Engine::load(&bundle, all_cores())?;
        let mut pipeline = Pipeline::new(&bundle, engine, FrameRecording::Off)?;
        let actions = splits::actions(Some(ClassGroup::Base));
        let size = Size::new(self.side, self.side)?;
        let folder = tempfile::tempdir().map_err(no_temporary_file)?;
        let candidate = folder.path().join("demo.gif");
        let bar = progress.bar("searching");
        bar.set_length(self.tries);
        for seed in self.seed..self.seed + self.tries {
            bar.inc(1);
            let action = actions[(seed % actions.len() as u64) as usize];
            let clip = Clip::action(action, Context::Out, 0.9, seed);
            // One frame shows whether the background misleads, in a fifth of the time.
            write_aside(&candidate, &gif(&clip, size, 0..1)?)?;
            if !check(&mut pipeline, &candidate, action)?.background_misleads {
                continue;
            }
            let bytes = gif(&clip, size, 0..clip.frames())?;
            write_aside(&candidate, &bytes)?;
            if check(&mut pipeline, &candidate, action)?.is_suitable {
                write_aside(&self.out, &bytes)?;
                bar.finish_and_clear();
                let parts = clip.caption_parts();
                progress.print(&format!("seed {seed}: {} {} {}", parts.person, parts.action, parts.scene));
                return Ok(());
            }
        }
        let got = format!("none among {} clips", self.tries);
        Err(Error::new(Stage::Training, "a clip whose background misleads", got, "raise --tries"))
    }
}

/// Properties of a clip by a bundle's predictions.
#[derive(Clone, Copy, Debug, Default)]
struct ClipCheck {
    /// The background view confidently predicts a wrong action.
    background_misleads: bool,
    /// The label is also the background's, the person view is right, and the verdict is a flag.
    is_suitable: bool,
}

fn check(pipeline: &mut Pipeline, path: &Path, action: Action) -> Result<ClipCheck> {
    let mut source = source::open(path.as_os_str(), &SourceOptions::default())?;
    let truth = pipeline.names().iter().position(|name| *name == action.name());
    let classes = pipeline.names().len() as f32;
    let mut check = ClipCheck::default();
    pipeline.watch(source.as_mut(), Window::Clip, &mut |outcome| {
        let first = |view: View| outcome.top[view.index()].first();
        let class = |view: View| first(view).map(|ranked| ranked.class);
        let confident = first(View::Background).is_some_and(|ranked| ranked.log_p.exp() >= CONFIDENT / classes);
        let label = Some(outcome.judgement.label);
        let background_misleads = confident && class(View::Background) != truth;
        let is_suitable = background_misleads
            && class(View::Background) == label
            && class(View::Person) == truth
            && matches!(outcome.judgement.verdict, Verdict::Flag(_));
        check = ClipCheck { background_misleads, is_suitable };
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(check)
}

/// Encodes some frames of a clip as a GIF.
fn gif(clip: &Clip, size: Size, frames: Range<usize>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let failed = |e: &dyn std::fmt::Display| Error::new(Stage::Training, "a GIF of the demo clip", e, "change --side");
    {
        let mut encoder = GifEncoder::new_with_speed(&mut bytes, 10);
        encoder.set_repeat(Repeat::Infinite).map_err(|e| failed(&e))?;
        let (mut renderer, mut picture) = (clip.renderer(size), Picture::new(size));
        for index in frames {
            renderer.render(index, &mut picture);
            let rgb = RgbImage::from_raw(size.width(), size.height(), picture.rgb.clone())
                .ok_or_else(|| failed(&"a picture of another size"))?;
            let rgba = image::DynamicImage::ImageRgb8(rgb).into_rgba8();
            let delay = Delay::from_saturating_duration(Duration::from_micros(FRAME_US));
            encoder.encode_frame(Frame::from_parts(rgba, 0, 0, delay)).map_err(|e| failed(&e))?;
        }
    }
    Ok(bytes)
}
