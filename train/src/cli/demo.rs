//! `figureground-train demo`.

use super::Progress;
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
use pantomime::{Action, Clip, Context, FRAME_US, ClassGroup, Picture};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const EXAMPLES: &str = "Example:
  figureground-train demo --bundle models/built-in --out demo.gif";

/// What a background is sure of has at least this many times the probability of chance. Calibration has taught the view how
/// little it knows, so it never says much more.
const SURE: f32 = 1.5;

#[derive(Debug, Args)]
pub struct Demo {
    /// The bundle that the clip is for.
    #[arg(long, value_name = "BUNDLE")]
    bundle: PathBuf,
    /// The clip.
    #[arg(long, value_name = "FILE.gif")]
    out: PathBuf,
    /// Seeds to try.
    #[arg(long, default_value_t = 2000, value_name = "N")]
    tries: u64,
    /// The first seed.
    #[arg(long, default_value_t = 5_000_000)]
    seed: u64,
    /// Width and height in pixels.
    #[arg(long, default_value_t = 160, value_name = "PIXELS")]
    side: u32,
}

impl Demo {
    /// Looks for a clip out of context whose label is wrong, named by the background and not by the person, and flagged.
    pub fn run(&self, progress: &Progress) -> Result<()> {
        let bundle = Bundle::open(&self.bundle)?;
        let engine = Engine::load(&bundle, all_cores())?;
        let mut pipeline = Pipeline::new(&bundle, engine, FrameRecording::Off)?;
        let actions = splits::actions(Some(ClassGroup::Base));
        let size = Size::new(self.side, self.side)?;
        let place = tempfile::tempdir().map_err(|e| {
            Error::new(Stage::Training, "room for a temporary file", e, "set TMPDIR to a directory with room")
        })?;
        let tried = place.path().join("demo.gif");
        let bar = progress.bar("trying");
        bar.set_length(self.tries);
        for seed in self.seed..self.seed + self.tries {
            bar.inc(1);
            let action = actions[(seed % actions.len() as u64) as usize];
            let clip = Clip::action(action, Context::Out, 0.9, seed);
            // One frame tells whether its background names anything, for a fifth of the time.
            write_aside(&tried, &gif(&clip, size, 0..1)?)?;
            if !watch(&mut pipeline, &tried, action)?.misleads {
                continue;
            }
            let bytes = gif(&clip, size, 0..clip.frames())?;
            write_aside(&tried, &bytes)?;
            if watch(&mut pipeline, &tried, action)?.shows_it {
                write_aside(&self.out, &bytes)?;
                bar.finish_and_clear();
                let words = clip.caption_parts();
                progress.say(&format!("seed {seed}: {} {} {}", words.person, words.action, words.scene));
                return Ok(());
            }
        }
        let got = format!("none among {} clips", self.tries);
        Err(Error::new(Stage::Training, "a clip that the background names wrongly", got, "pass more --tries"))
    }
}

/// What a bundle makes of a clip.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    /// The background is sure of a wrong action.
    misleads: bool,
    /// And the label is the background's; the person is read rightly, and the verdict is a flag.
    shows_it: bool,
}

fn watch(pipeline: &mut Pipeline, path: &Path, action: Action) -> Result<Seen> {
    let mut source = source::open(path.as_os_str(), &SourceOptions::default())?;
    let truth = pipeline.names().iter().position(|name| *name == action.name());
    let classes = pipeline.names().len() as f32;
    let mut seen = Seen::default();
    pipeline.watch(source.as_mut(), Window::Clip, &mut |outcome| {
        let first = |view: View| outcome.top[view.index()].first();
        let class = |view: View| first(view).map(|ranked| ranked.class);
        let sure = first(View::Background).is_some_and(|ranked| ranked.log_p.exp() >= SURE / classes);
        let label = Some(outcome.judgement.label);
        let misleads = sure && class(View::Background) != truth;
        let shows_it = misleads
            && class(View::Background) == label
            && class(View::Person) == truth
            && matches!(outcome.judgement.verdict, Verdict::Flag(_));
        seen = Seen { misleads, shows_it };
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(seen)
}

/// Some frames of the clip as a GIF.
fn gif(clip: &Clip, size: Size, frames: Range<usize>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let failed =
        |e: &dyn std::fmt::Display| Error::new(Stage::Training, "to encode the demo clip", e, "pass another --side");
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
