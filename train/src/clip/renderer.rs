//! Renders clips and preprocesses them by the runtime's own resize, crop, normalisation and mask geometry.

use super::processed_clip::{FrameRegions, ProcessedClip};
use crate::segmenter_files::SegmenterFiles;
use figureground::engine::all_cores;
use figureground::frame::Frame;
use figureground::mask::{Boxes, Components, Mask, Shape, Size};
use figureground::preprocess::{PreprocessSettings, Preprocessor};
use figureground::sampler::Sampler;
use figureground::segment::{FrameMaskSampler, PersonSegmenter, Target};
use figureground::{Error, Result, Stage};
use half::f16;
use half::slice::HalfFloatSliceExt;
use indicatif::ProgressBar;
use pantomime::{Activity, Clip, Context, Picture, Scene};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Specification of a clip, which determines every pixel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipSpec {
    /// The class.
    pub activity: Activity,
    /// Relation of scene and action; the scenes of handlings are always random.
    pub context: Context,
    /// Probability of the home scene of an action, or of the bound object of a handling.
    pub rho: f64,
    /// The scene, in place of the one that the seed draws.
    pub scene: Option<Scene>,
    /// Seed of everything else.
    pub seed: u64,
}

impl ClipSpec {
    /// Creates the clip.
    pub fn clip(&self) -> Clip {
        let clip = match self.activity {
            Activity::Action(action) => Clip::action(action, self.context, self.rho, self.seed),
            Activity::Handling(handling) => Clip::handling(handling, self.rho, self.seed),
        };
        Clip { scene: self.scene.unwrap_or(clip.scene), ..clip }
    }
}

/// Renders and preprocesses clips.
#[derive(Clone, Debug)]
pub struct ClipRenderer<'a> {
    /// Size of the rendered pictures.
    pub picture: Size,
    /// Preprocessing of the rendered pictures.
    pub preprocess: &'a PreprocessSettings,
    /// Sampler of the frames of a clip.
    pub sampler: Sampler,
    /// Number of frames (T).
    pub frames: usize,
    /// Segmenter whose masks are stored beside the exact ones.
    pub segmenter_files: Option<&'a SegmenterFiles>,
}

impl ClipRenderer<'_> {
    /// Renders all `specs`, in their order, on all cores.
    ///
    /// # Errors
    /// Returns an error if the settings do not fit the pictures, or the segmenter fails.
    pub fn render(&self, specs: &[ClipSpec], progress: &ProgressBar) -> Result<Vec<ProcessedClip>> {
        progress.set_length(specs.len() as u64);
        let next = AtomicUsize::new(0);
        // Plain threads instead of rayon's: a rayon thread that waits for the segmenter would start another clip, and
        // another, until its stack overflows.
        let rendered: Result<Vec<_>> = std::thread::scope(|scope| {
            // After an error, the other threads stop behind their current clip.
            let work =
                || self.render_next(specs, &next, progress).inspect_err(|_| next.store(specs.len(), Ordering::Relaxed));
            let workers: Vec<_> = (0..all_cores()).map(|_| scope.spawn(work)).collect();
            let ended = |_| Error::new(Stage::Training, "a rendered clip", "a panic", "report this as a bug");
            workers.into_iter().map(|worker| worker.join().map_err(ended)?).collect()
        });
        let mut rendered: Vec<_> = rendered?.into_iter().flatten().collect();
        rendered.sort_by_key(|(index, _)| *index);
        Ok(rendered.into_iter().map(|(_, clip)| clip).collect())
    }

    /// Renders the next clip until none is left.
    fn render_next(
        &self,
        specs: &[ClipSpec],
        next: &AtomicUsize,
        progress: &ProgressBar,
    ) -> Result<Vec<(usize, ProcessedClip)>> {
        let mut worker = self.worker()?;
        let mut rendered = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(spec) = specs.get(index) else { return Ok(rendered) };
            rendered.push((index, worker.render(spec, self)?));
            progress.inc(1);
        }
    }

    fn worker(&self) -> Result<RenderWorker> {
        let preprocessor = Preprocessor::new(self.preprocess, self.picture)?;
        let target = Target::Model(self.preprocess.clone());
        let size = self.preprocess.target()?;
        Ok(RenderWorker {
            mask: Mask::new(self.picture),
            sampler: FrameMaskSampler::new(preprocessor.geometry())?,
            place: Place::new(size),
            preprocessor,
            segmenter: self.segmenter_files.map(|files| files.load(target)).transpose()?,
            picture: Picture::new(self.picture),
            values: vec![0.0; 3 * size.area()],
        })
    }
}

/// Buffers of one rendering thread.
struct RenderWorker {
    preprocessor: Preprocessor,
    mask: Mask,
    sampler: FrameMaskSampler,
    place: Place,
    segmenter: Option<PersonSegmenter>,
    picture: Picture,
    values: Vec<f32>,
}

impl RenderWorker {
    fn render(&mut self, spec: &ClipSpec, renderer: &ClipRenderer<'_>) -> Result<ProcessedClip> {
        let clip = spec.clip();
        let mut frames = clip.renderer(renderer.picture);
        let mut processed = ProcessedClip {
            label: clip.label(),
            caption_parts: clip.caption_parts(),
            scene: clip.scene.index(),
            skin: clip.actor.skin.index(),
            clothes: clip.actor.clothes.index(),
            size: self.place.size,
            joints: Vec::with_capacity(renderer.frames),
            pixel_values: Vec::with_capacity(renderer.frames * self.values.len()),
            background: vec![f16::ZERO; self.values.len()],
            exact: Vec::with_capacity(renderer.frames),
            segmented: Vec::new(),
        };
        for i in 0..renderer.frames {
            let index = renderer.sampler.index(i, clip.frames() as u64, renderer.frames) as usize;
            frames.render(index, &mut self.picture);
            self.preprocess_picture()?;
            let scale = self.place.size.width() as f32 / renderer.picture.width() as f32;
            processed.joints.push(frames.joints(index).map(|[x, y]| [scale * x, scale * y]));
            processed.pixel_values.extend(self.values.iter().map(|value| f16::from_f32(*value)));
            let exact = self.exact_regions()?;
            if let Some(segmenter) = &mut self.segmenter {
                let person = segmenter.person_in(&frame_of(&self.picture)?)?.clone();
                processed.segmented.push(self.place.of(person, exact.objects.clone())?);
            }
            processed.exact.push(exact);
        }
        frames.background(clip.frames() / 2, &mut self.picture.rgb);
        self.preprocess_picture()?;
        processed.background.convert_from_f32_slice(&self.values);
        Ok(processed)
    }

    /// Preprocesses `picture` to `values`.
    fn preprocess_picture(&mut self) -> Result<()> {
        self.preprocessor.apply(&frame_of(&self.picture)?, &mut self.values)
    }

    fn exact_regions(&mut self) -> Result<FrameRegions> {
        let mut sampled = |shape: &Shape| {
            for (p, pixel) in self.mask.probabilities_mut().iter_mut().zip(shape.pixels()) {
                *p = if *pixel { 1.0 } else { 0.0 };
            }
            let mut sampled = Shape::new(self.place.size);
            self.sampler.shape(&self.mask, 0.5, &mut sampled).map(|()| sampled)
        };
        let (person, objects) = (sampled(&self.picture.person)?, sampled(&self.picture.objects)?);
        self.place.of(person, objects)
    }
}

/// Computes regions at encoder resolution as the pipeline does.
struct Place {
    size: Size,
    components: Components,
    boxes: Boxes,
}

impl Place {
    fn new(size: Size) -> Self {
        Self { size, components: Components::new(size), boxes: Boxes::new() }
    }

    fn of(&mut self, person: Shape, objects: Shape) -> Result<FrameRegions> {
        self.components.boxes(&person, &mut self.boxes)?;
        let person_boxes = self.boxes.to_vec();
        self.components.boxes(&objects, &mut self.boxes)?;
        Ok(FrameRegions { person, person_boxes, objects, object_boxes: self.boxes.to_vec() })
    }
}

fn frame_of(picture: &Picture) -> Result<Frame<'_>> {
    Frame::new(&picture.rgb, picture.size.width(), picture.size.height(), 0, 0)
}
