//! `figureground-train demo`.

use super::bundle::no_temporary_file;
use super::progress::Progress;
use clap::Args;
use figureground::bundle::Bundle;
use figureground::engine::{Engine, all_cores};
use figureground::file::write_aside;
use figureground::gate::{FlagReason, Verdict};
use figureground::mask::Size;
use figureground::pipeline::{FrameRecording, Pipeline, Window};
use figureground::source::{self, SourceOptions};
use figureground::{Error, Result, Stage};
use figureground_train::splits;
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbImage};
use pantomime::{ClassGroup, Clip, Context, FRAME_US, Picture};
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::time::Duration;

pub const EXAMPLES: &str = "Example:
  figureground-train demo --bundle masked-bundle --plain plain-bundle --out demo.gif";

#[derive(Debug, Args)]
pub struct Demo {
    /// Bundle with the masked encoder, whole.
    #[arg(long, value_name = "BUNDLE")]
    bundle: PathBuf,
    /// Bundle with the plain encoder, whole.
    #[arg(long, value_name = "BUNDLE")]
    plain: PathBuf,
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
    /// Searches for a clip out of context in which the plain encoder says what the place says and is flagged, and the
    /// masked encoder says what the person does and is accepted.
    pub fn run(&self, progress: &Progress) -> Result<()> {
        let mut plain = pipeline(&self.plain)?;
        let mut masked = pipeline(&self.bundle)?;
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
            let place = actions.iter().find(|other| other.home() == clip.scene).map(|other| other.name());
            let bytes = gif(&clip, size, 0..clip.frames())?;
            write_aside(&candidate, &bytes)?;
            let by_plain = judged(&mut plain, &candidate)?;
            let is_flagged = by_plain.verdict == Some(Verdict::Flag(FlagReason::BackgroundDominates));
            if !is_flagged || by_plain.label != place {
                continue;
            }
            let by_masked = judged(&mut masked, &candidate)?;
            if by_masked.verdict == Some(Verdict::Accept) && by_masked.label == Some(action.name()) {
                write_aside(&self.out, &bytes)?;
                bar.finish_and_clear();
                let parts = clip.caption_parts();
                progress.print(&format!("seed {seed}: {} {} {}", parts.person, parts.action, parts.scene));
                return Ok(());
            }
        }
        let got = format!("none among {} clips", self.tries);
        Err(Error::new(Stage::Training, "a clip whose background misleads one encoder only", got, "raise --tries"))
    }
}

fn pipeline(bundle: &Path) -> Result<Pipeline> {
    let bundle = Bundle::open(bundle)?;
    let engine = Engine::load(&bundle, all_cores())?;
    Pipeline::new(&bundle, engine, FrameRecording::Off)
}

/// The label and the verdict of a clip.
#[derive(Clone, Debug, Default)]
struct Judged {
    label: Option<String>,
    verdict: Option<Verdict>,
}

fn judged(pipeline: &mut Pipeline, path: &Path) -> Result<Judged> {
    let mut source = source::open(path.as_os_str(), &SourceOptions::default())?;
    let mut judged = Judged::default();
    pipeline.watch(source.as_mut(), Window::Clip, &mut |outcome| {
        let label = outcome.names.get(outcome.judgement.label).cloned();
        judged = Judged { label, verdict: Some(outcome.judgement.verdict) };
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(judged)
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
