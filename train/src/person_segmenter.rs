//! A segmenter with everything it needs to look at frames of any size.

use figureground::bundle::manifest::SegmenterSettings as Manifest;
use figureground::engine::Segmenter;
use figureground::engine::cpu::{Cpu, CpuSegmenter};
use figureground::frame::Frame;
use figureground::mask::{Mask, Shape, Size};
use figureground::preprocess::{Geometry, MaskSampler, Preprocessor, Resize};
use figureground::{Error, Result, Stage};
use std::path::{Path, PathBuf};

/// A segmenter's manifest and the place of its model.
#[derive(Clone, Debug)]
pub struct SegmenterFiles {
    manifest: Manifest,
    model: PathBuf,
}

impl SegmenterFiles {
    /// The segmenter of the manifest `manifest` and the ONNX file `model`.
    ///
    /// # Errors
    /// When the manifest cannot be read.
    pub fn open(manifest: &Path, model: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(manifest).map_err(|e| {
            let got = format!("{}: {e}", manifest.display());
            let next = "train a segmenter first, or check the path";
            Error::new(Stage::Manifest, "a segmenter's manifest", got, next)
        })?;
        let manifest = Manifest::parse(&text).map_err(|e| e.at(manifest.display()))?;
        Ok(Self { manifest, model: model.to_owned() })
    }

    /// The segmenter that training wrote to the folder `directory`.
    ///
    /// # Errors
    /// As [`SegmenterFiles::open`].
    pub fn trained(directory: &Path) -> Result<Self> {
        Self::open(&directory.join("segmenter.toml"), &directory.join("segmenter.onnx"))
    }
}

/// Frames to shapes, on one thread of the CPU engine.
#[derive(Debug)]
pub struct PersonSegmenter {
    manifest: Manifest,
    segmenter: CpuSegmenter,
    input: Vec<f32>,
    masks: Vec<Mask>,
    lens: Option<Lens>,
}

/// What frames of one size, seen in one way, take.
#[derive(Debug)]
struct Lens {
    seen: Geometry,
    preprocessor: Preprocessor,
    sampler: MaskSampler,
    mask: Mask,
}

impl PersonSegmenter {
    /// The loaded segmenter.
    ///
    /// # Errors
    /// When its model cannot be read, or does not fit the manifest.
    pub fn open(segmenter_files: &SegmenterFiles) -> Result<Self> {
        let manifest = segmenter_files.manifest.clone();
        let segmenter = Cpu::new(1)?.segmenter(&segmenter_files.model, &manifest)?;
        let masks = vec![Mask::new(segmenter.mask_size())];
        Ok(Self { input: vec![0.0; segmenter.input_len()], manifest, segmenter, masks, lens: None })
    }

    /// Where it sees a person in `frame`, the frame squashed to `size`.
    ///
    /// # Errors
    /// When the frame is too small, or the model fails.
    pub fn look(&mut self, frame: &Frame<'_>, size: Size) -> Result<Shape> {
        let source = Size::new(frame.width(), frame.height())?;
        self.look_as(frame, &Geometry::new(Resize::Squash, source, size)?)
    }

    /// Where it sees a person in the picture that `seen` makes of `frame`.
    ///
    /// # Errors
    /// When the frame has another size than `seen` is for or is too small, or the model fails.
    pub fn look_as(&mut self, frame: &Frame<'_>, seen: &Geometry) -> Result<Shape> {
        let lens = match self.lens.take() {
            Some(lens) if lens.seen == *seen => lens,
            _ => self.lens(seen)?,
        };
        let lens = self.lens.insert(lens);
        lens.preprocessor.apply(frame, &mut self.input)?;
        self.segmenter.segment(&self.input, &mut self.masks)?;
        lens.sampler.apply(&self.masks[0], &mut lens.mask)?;
        let mut shape = Shape::new(seen.target());
        shape.threshold(&lens.mask, self.manifest.threshold)?;
        Ok(shape)
    }

    fn lens(&self, seen: &Geometry) -> Result<Lens> {
        let preprocessor = Preprocessor::new(&self.manifest.preprocess, seen.source())?;
        let sampler = MaskSampler::new(self.masks[0].size(), preprocessor.geometry(), seen)?;
        Ok(Lens { seen: *seen, preprocessor, sampler, mask: Mask::new(seen.target()) })
    }
}
