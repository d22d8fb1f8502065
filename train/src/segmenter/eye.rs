//! A segmenter with everything it needs to look at frames of any size.

use figureground::bundle::manifest::Segmenter as Manifest;
use figureground::engine::Segmenter;
use figureground::engine::cpu::{Cpu, CpuSegmenter};
use figureground::frame::Frame;
use figureground::mask::{Mask, Shape, Size};
use figureground::preprocess::{Geometry, MaskSampler, Preprocessor, Resize};
use figureground::{Error, Result, Stage};
use std::path::Path;

/// Frames to shapes, on one thread of the CPU engine.
#[derive(Debug)]
pub struct Eye {
    manifest: Manifest,
    segmenter: CpuSegmenter,
    input: Vec<f32>,
    masks: Vec<Mask>,
    lens: Option<Lens>,
}

/// What frames of one size take.
#[derive(Debug)]
struct Lens {
    source: Size,
    preprocessor: Preprocessor,
    sampler: MaskSampler,
    mask: Mask,
}

impl Eye {
    /// The segmenter of a manifest and its ONNX file.
    ///
    /// # Errors
    /// When one of them cannot be read, or they do not fit together.
    pub fn open(manifest: &Path, model: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(manifest).map_err(|e| {
            let got = format!("{}: {e}", manifest.display());
            Error::new(Stage::Manifest, "a segmenter's manifest", got, "check the path")
        })?;
        let manifest = Manifest::parse(&text).map_err(|e| e.at(manifest.display()))?;
        let segmenter = Cpu::new(1)?.segmenter(model, &manifest)?;
        let masks = vec![Mask::new(segmenter.mask_size())];
        Ok(Self { input: vec![0.0; segmenter.input_len()], manifest, segmenter, masks, lens: None })
    }

    /// Where it sees a person in `frame`, the frame squashed to `size`.
    ///
    /// # Errors
    /// When the frame is too small, or the model fails.
    pub fn look(&mut self, frame: &Frame<'_>, size: Size) -> Result<Shape> {
        let source = Size::new(frame.width(), frame.height())?;
        let lens = match self.lens.take() {
            Some(lens) if lens.source == source && lens.mask.size() == size => lens,
            _ => self.lens(source, size)?,
        };
        let lens = self.lens.insert(lens);
        lens.preprocessor.apply(frame, &mut self.input)?;
        self.segmenter.segment(&self.input, &mut self.masks)?;
        lens.sampler.apply(&self.masks[0], &mut lens.mask)?;
        let mut shape = Shape::new(size);
        shape.threshold(&lens.mask, self.manifest.threshold)?;
        Ok(shape)
    }

    fn lens(&self, source: Size, size: Size) -> Result<Lens> {
        let preprocessor = Preprocessor::new(&self.manifest.preprocess, source)?;
        let squashed = Geometry::new(Resize::Squash, source, size)?;
        let sampler = MaskSampler::new(self.masks[0].size(), preprocessor.geometry(), &squashed)?;
        Ok(Lens { source, preprocessor, sampler, mask: Mask::new(size) })
    }
}
