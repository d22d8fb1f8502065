//! From a drawn clip to clips: the runtime's own resize, crop, normalisation and mask geometry.

use super::{FrameRegions, ProcessedClip};
use crate::person_segmenter::{PersonSegmenter, SegmenterFiles};
use figureground::engine::all_cores;
use figureground::frame::Frame;
use figureground::mask::{Boxes, Components, Mask, Shape, Size};
use figureground::preprocess::{Geometry, MaskSampler, PreprocessSettings, Preprocessor, Resize};
use figureground::sampler::Sampler;
use figureground::{Error, Result, Stage};
use half::f16;
use half::slice::HalfFloatSliceExt;
use indicatif::ProgressBar;
use pantomime::{Clip, Context, Activity, Picture};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Which clip to film: everything about it follows from these.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClipSpec {
    /// What the person does.
    pub activity: Activity,
    /// Where; for object handlings, scenes are always random.
    pub context: Context,
    /// How often an action is in its home scene, or an object is a handling's own.
    pub rho: f64,
    /// Seed of everything else.
    pub seed: u64,
}

impl ClipSpec {
    /// The clip itself.
    pub fn clip(&self) -> Clip {
        match self.activity {
            Activity::Action(action) => Clip::action(action, self.context, self.rho, self.seed),
            Activity::Handling(handling) => Clip::handling(handling, self.rho, self.seed),
        }
    }
}

/// Films specs: how many frames, how large, seen through which segmenter.
#[derive(Clone, Debug)]
pub struct ClipRenderer<'a> {
    /// Size of the drawn pictures.
    pub picture: Size,
    /// How a picture becomes `pixel_values`.
    pub preprocess: &'a PreprocessSettings,
    /// Which frames of a clip are taken.
    pub sampler: Sampler,
    /// How many (T).
    pub frames: usize,
    /// Whose masks are kept beside the exact ones.
    pub segmenter_files: Option<&'a SegmenterFiles>,
}

impl ClipRenderer<'_> {
    /// Films all `specs`, in their order, on all cores.
    ///
    /// # Errors
    /// When the settings do not fit the pictures, or the segmenter fails.
    pub fn film(&self, specs: &[ClipSpec], progress: &ProgressBar) -> Result<Vec<ProcessedClip>> {
        progress.set_length(specs.len() as u64);
        let next = AtomicUsize::new(0);
        // Threads of their own and not rayon's: while one of those waits for the segmenter, it would begin with another
        // take, and another, until its stack is full.
        let filmed: Result<Vec<_>> = std::thread::scope(|scope| {
            // Where one fails, the others are done with the take they are at.
            let work = || self.crew(specs, &next, progress).inspect_err(|_| next.store(specs.len(), Ordering::Relaxed));
            let crews: Vec<_> = (0..all_cores()).map(|_| scope.spawn(work)).collect();
            let ended = |_| Error::new(Stage::Training, "a clip that is filmed", "a panic", "report this");
            crews.into_iter().map(|crew| crew.join().map_err(ended)?).collect()
        });
        let mut filmed: Vec<_> = filmed?.into_iter().flatten().collect();
        filmed.sort_by_key(|(index, _)| *index);
        Ok(filmed.into_iter().map(|(_, clips)| clips).collect())
    }

    /// Films whichever take is next, until there is none.
    fn crew(
        &self,
        specs: &[ClipSpec],
        next: &AtomicUsize,
        progress: &ProgressBar,
    ) -> Result<Vec<(usize, ProcessedClip)>> {
        let mut camera = self.camera()?;
        let mut filmed = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(take) = specs.get(index) else { return Ok(filmed) };
            filmed.push((index, camera.film(take, self)?));
            progress.inc(1);
        }
    }

    fn camera(&self) -> Result<Camera> {
        let preprocessor = Preprocessor::new(self.preprocess, self.picture)?;
        let whole = Geometry::new(Resize::Squash, self.picture, self.picture)?;
        let size = self.preprocess.target()?;
        Ok(Camera {
            mask: Mask::new(self.picture),
            sampler: MaskSampler::new(self.picture, &whole, preprocessor.geometry())?,
            place: Place::new(size),
            preprocessor,
            segmenter: self.segmenter_files.map(PersonSegmenter::open).transpose()?,
            picture: Picture::new(self.picture),
            values: vec![0.0; 3 * size.area()],
        })
    }
}

/// What one thread films with.
struct Camera {
    preprocessor: Preprocessor,
    mask: Mask,
    sampler: MaskSampler,
    place: Place,
    segmenter: Option<PersonSegmenter>,
    picture: Picture,
    values: Vec<f32>,
}

impl Camera {
    fn film(&mut self, take: &ClipSpec, renderer: &ClipRenderer<'_>) -> Result<ProcessedClip> {
        let clip = take.clip();
        let mut stage = clip.renderer(renderer.picture);
        let mut clips = ProcessedClip {
            label: clip.label(),
            words: clip.caption_parts(),
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
            stage.render(index, &mut self.picture);
            self.preprocess_picture()?;
            let scale = self.place.size.width() as f32 / renderer.picture.width() as f32;
            clips.joints.push(stage.joints(index).map(|[x, y]| [scale * x, scale * y]));
            clips.pixel_values.extend(self.values.iter().map(|value| f16::from_f32(*value)));
            let exact = self.exact_regions()?;
            if let Some(segmenter) = &mut self.segmenter {
                let person = segmenter.look_as(&frame_of(&self.picture)?, self.preprocessor.geometry())?;
                clips.segmented.push(self.place.of(person, exact.objects.clone())?);
            }
            clips.exact.push(exact);
        }
        stage.background(clip.frames() / 2, &mut self.picture.rgb);
        self.preprocess_picture()?;
        clips.background.convert_from_f32_slice(&self.values);
        Ok(clips)
    }

    /// Makes `values` of `picture`.
    fn preprocess_picture(&mut self) -> Result<()> {
        self.preprocessor.apply(&frame_of(&self.picture)?, &mut self.values)
    }

    fn exact_regions(&mut self) -> Result<FrameRegions> {
        let mut seen = |shape: &Shape| {
            for (p, pixel) in self.mask.probabilities_mut().iter_mut().zip(shape.pixels()) {
                *p = if *pixel { 1.0 } else { 0.0 };
            }
            self.sampler.apply(&self.mask, &mut self.place.mask)?;
            self.place.shape()
        };
        let (person, objects) = (seen(&self.picture.person)?, seen(&self.picture.objects)?);
        self.place.of(person, objects)
    }
}

/// Regions at encoder resolution, made as the pipeline makes them.
struct Place {
    size: Size,
    mask: Mask,
    components: Components,
    boxes: Boxes,
}

impl Place {
    fn new(size: Size) -> Self {
        Self { size, mask: Mask::new(size), components: Components::new(size), boxes: Boxes::new() }
    }

    /// The pixels of `mask` that are likelier than not.
    fn shape(&self) -> Result<Shape> {
        let mut shape = Shape::new(self.size);
        shape.threshold(&self.mask, 0.5)?;
        Ok(shape)
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
