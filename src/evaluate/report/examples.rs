//! Clips to look at.

use super::failed;
use crate::error::Result;
use crate::evaluate::{ClipOutcome, Record};
use crate::pipeline::{Pipeline, Window};
use crate::source::{FrameRange, Source};
use crate::view::View;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ops::ControlFlow;

/// A clip with the three views of its middle frame.
#[derive(Clone, Debug, Serialize)]
pub struct ReportExample {
    /// What names it.
    pub clip: String,
    /// Its class.
    pub truth: String,
    /// Its label.
    pub label: String,
    /// `accept`, `flag` or `abstain`.
    pub verdict: String,
    /// The label's probability in each view.
    pub p: [f32; 3],
    /// The best class of each view.
    pub best: [String; 3],
    /// A JPEG of each view, as a data URL.
    pub views: [String; 3],
}

/// The part of a verdict line that is shown.
#[derive(Debug, Deserialize)]
struct Line {
    label: String,
    verdict: String,
    p: BTreeMap<String, f32>,
    frames: Vec<u64>,
    full: Vec<Ranked>,
    person: Vec<Ranked>,
    background: Vec<Ranked>,
}

#[derive(Debug, Deserialize)]
struct Ranked {
    label: String,
}

/// The example of the clip that `record` is of, whose middle frame a pipeline that keeps pictures looks at; none where it
/// was not scored.
///
/// # Errors
/// When the clip cannot be read, or a model fails.
pub fn example(record: &Record, pipeline: &mut Pipeline, source: Box<dyn Source>) -> Result<Option<ReportExample>> {
    let ClipOutcome::Scored { verdict, .. } = &record.outcome else { return Ok(None) };
    let line: Line = serde_json::from_str(verdict.get()).map_err(|e| failed(&e))?;
    let Some(&middle) = line.frames.get(line.frames.len() / 2) else { return Ok(None) };
    let mut views: [String; 3] = Default::default();
    // One frame shows what eight would, and costs an eighth.
    pipeline.watch(&mut FrameRange::new(source, middle, 1)?, Window::Clip, &mut |outcome| {
        for picture in outcome.pictures.iter().take(1) {
            let size = picture.person().size();
            for view in View::ALL {
                let mut bytes = Vec::new();
                let rgb = picture.view(view);
                JpegEncoder::new_with_quality(&mut bytes, 85)
                    .encode(rgb, size.width(), size.height(), ExtendedColorType::Rgb8)
                    .map_err(|e| failed(&e))?;
                views[view.index()] = format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(bytes));
            }
        }
        Ok(ControlFlow::Break(()))
    })?;
    let best = |ranked: &[Ranked]| ranked.first().map(|best| best.label.clone()).unwrap_or_default();
    Ok(Some(ReportExample {
        clip: record.clip.clone(),
        truth: record.truth.clone(),
        p: ["full", "person", "background"].map(|view| line.p.get(view).copied().unwrap_or(f32::NAN)),
        best: [&line.full, &line.person, &line.background].map(|ranked| best(ranked)),
        label: line.label,
        verdict: line.verdict,
        views,
    }))
}
