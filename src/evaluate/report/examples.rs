//! Example clips of a report.

use super::failed;
use crate::error::Result;
use crate::evaluate::metrics::ScoredClip;
use crate::evaluate::{ClipOutcome, Record};
use crate::pipeline::{Pipeline, Window};
use crate::source::{FrameRange, Source};
use crate::view::View;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// A clip with the three views of its middle frame.
#[derive(Clone, Debug, Serialize)]
pub struct ReportExample {
    /// Id of the clip.
    pub clip: String,
    /// True class.
    pub truth: String,
    /// Label of the full view.
    pub label: String,
    /// Verdict: `accept`, `flag` or `abstain`.
    pub verdict: String,
    /// Probability of the label in each view.
    pub p: [f32; 3],
    /// Best class of each view.
    pub best: [String; 3],
    /// JPEG of each view, as a data URL.
    pub views: [String; 3],
}

/// Fields of a verdict line that an example needs.
#[derive(Debug, Deserialize)]
struct Line {
    frames: Vec<u64>,
}

/// Makes the example of a record from the middle frame of its clip, by a pipeline that records frames; `None` if the
/// clip was not scored. `clip` is the record as the gate judges it, with labels of the classes `names`.
///
/// # Errors
/// Returns an error if the clip cannot be read, or if a model fails.
pub fn example(
    record: &Record,
    clip: &ScoredClip,
    names: &[String],
    pipeline: &mut Pipeline,
    source: Box<dyn Source + '_>,
) -> Result<Option<ReportExample>> {
    let ClipOutcome::Scored { verdict, .. } = &record.outcome else { return Ok(None) };
    let line: Line = serde_json::from_str(verdict.get()).map_err(failed)?;
    let Some(&middle) = line.frames.get(line.frames.len() / 2) else { return Ok(None) };
    let mut views: [String; 3] = Default::default();
    // One frame is enough to show, and costs less than a whole window.
    pipeline.watch(&mut FrameRange::new(source, middle, 1)?, Window::Clip, &mut |result| {
        for frame in result.pictures.iter().take(1) {
            let size = frame.person().size();
            for view in View::ALL {
                let mut bytes = Vec::new();
                let rgb = frame.view(view);
                JpegEncoder::new_with_quality(&mut bytes, 85)
                    .encode(rgb, size.width(), size.height(), ExtendedColorType::Rgb8)
                    .map_err(failed)?;
                views[view.index()] = format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(bytes));
            }
        }
        Ok(ControlFlow::Break(()))
    })?;
    let best = clip.best.map(|class| names.get(class).cloned().unwrap_or_default());
    Ok(Some(ReportExample {
        clip: record.clip.clone(),
        truth: record.truth.clone(),
        label: best[View::Full.index()].clone(),
        verdict: clip.verdict.name().to_owned(),
        p: clip.p,
        best,
        views,
    }))
}
