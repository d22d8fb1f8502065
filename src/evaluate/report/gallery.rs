//! Clips to look at.

use super::failed;
use crate::error::Result;
use crate::pipeline::{Pipeline, Window};
use crate::source::Source;
use crate::view::View;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use image::ExtendedColorType;
use image::codecs::jpeg::JpegEncoder;
use serde::Serialize;
use std::ops::ControlFlow;

/// A clip with the three views of its middle frame.
#[derive(Clone, Debug, Serialize)]
pub struct Exhibit {
    /// What names it.
    pub clip: String,
    /// Its class.
    pub truth: String,
    /// Its label.
    pub label: String,
    /// `accept`, `flag` or `abstain`.
    pub verdict: &'static str,
    /// The label's probability in each view.
    pub p: [f32; 3],
    /// The best class of each view.
    pub best: [String; 3],
    /// A JPEG of each view, as a data URL.
    pub views: [String; 3],
}

/// The exhibit of one clip, by a pipeline that keeps pictures; none where it has no window.
///
/// # Errors
/// When it cannot be read, or a model fails.
pub fn exhibit(clip: &str, truth: &str, pipeline: &mut Pipeline, source: &mut dyn Source) -> Result<Option<Exhibit>> {
    let mut made = None;
    pipeline.watch(source, Window::Clip, &mut |outcome| {
        let pictures = outcome.pictures;
        let Some(picture) = pictures.iter().nth(pictures.iter().len() / 2) else {
            return Ok(ControlFlow::Break(()));
        };
        let size = picture.person().size();
        let mut views: [String; 3] = Default::default();
        for view in View::ALL {
            let mut bytes = Vec::new();
            let rgb = picture.view(view);
            JpegEncoder::new_with_quality(&mut bytes, 85)
                .encode(rgb, size.width(), size.height(), ExtendedColorType::Rgb8)
                .map_err(|e| failed(&e))?;
            views[view.index()] = format!("data:image/jpeg;base64,{}", BASE64_STANDARD.encode(bytes));
        }
        let name = |class: Option<usize>| class.and_then(|class| outcome.names.get(class)).cloned().unwrap_or_default();
        made = Some(Exhibit {
            clip: clip.to_owned(),
            truth: truth.to_owned(),
            label: name(Some(outcome.judgement.label)),
            verdict: outcome.judgement.verdict.name(),
            p: outcome.judgement.p,
            best: outcome.top.each_ref().map(|view| name(view.first().map(|ranked| ranked.class))),
            views,
        });
        Ok(ControlFlow::Break(()))
    })?;
    Ok(made)
}
