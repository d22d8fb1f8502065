//! The target picture, and masks placed in it.

use super::{FrameMaskSampler, PersonInstance};
use crate::bundle::manifest::SegmenterSettings;
use crate::clip_encoder::MaskGeometry;
use crate::engine::Instance;
use crate::error::Result;
use crate::mask::{
    Boxes, Components, Dilation, Mask, PROVIDED_THRESHOLD, PixelBox, ProvidedMasks, Regions, Shape, Size,
};
use crate::preprocess::{Geometry, PreprocessSettings, Resize};

/// Number of frame sizes that are kept: frames of two clips alternate where one is composed onto the other.
const CACHED_SIZES: usize = 2;

/// Picture in which a [`PersonSegmenter`](super::PersonSegmenter) returns shapes.
#[derive(Clone, Debug)]
pub enum Target {
    /// The frame itself.
    Frame,
    /// The frame, squashed to this size.
    Squashed(Size),
    /// The input of a model with these settings.
    Model(PreprocessSettings),
}

impl Target {
    /// Returns the geometry of the target picture for frames of `source` size.
    fn geometry(&self, source: Size) -> Result<Geometry> {
        match self {
            Target::Frame => Geometry::new(Resize::Squash, source, source),
            Target::Squashed(size) => Geometry::new(Resize::Squash, source, *size),
            Target::Model(settings) => settings.geometry(source),
        }
    }
}

/// Placements of the frame sizes used last.
#[derive(Debug)]
pub(super) struct Placements {
    settings: SegmenterSettings,
    target: Target,
    mask_size: Size,
    cached: Vec<Placement>,
}

/// Geometry and buffers for frames of one size.
#[derive(Debug)]
pub(super) struct Placement {
    pub geometry: MaskGeometry,
    target: Geometry,
    threshold: f32,
    probabilities: Mask,
    pub person: Shape,
    dilation: Option<Dilation>,
    components: Option<Components>,
    boxes: Boxes,
    frame_masks: Option<FrameMaskSampler>,
    objects: Option<Shape>,
    object_boxes: Boxes,
}

impl Placements {
    pub fn new(settings: SegmenterSettings, target: Target, mask_size: Size) -> Self {
        Self { settings, target, mask_size, cached: Vec::new() }
    }

    pub fn settings(&self) -> &SegmenterSettings {
        &self.settings
    }

    /// Returns the placement for frames of `source` size.
    pub fn of(&mut self, source: Size) -> Result<&mut Placement> {
        let cached = self.cached.iter().position(|placement| placement.target.source() == source);
        if cached.is_none() {
            let target = self.target.geometry(source)?;
            let placement = Placement::new(&self.settings, target, self.mask_size)?;
            self.cached.truncate(CACHED_SIZES - 1);
            self.cached.insert(0, placement);
        }
        Ok(&mut self.cached[cached.unwrap_or(0)])
    }
}

impl Placement {
    fn new(settings: &SegmenterSettings, target: Geometry, mask_size: Size) -> Result<Self> {
        let size = target.target();
        Ok(Self {
            geometry: MaskGeometry::new(&settings.preprocess, &target, mask_size)?,
            threshold: settings.threshold,
            probabilities: Mask::new(size),
            person: Shape::new(size),
            dilation: (settings.dilation > 0).then(|| Dilation::new(size, settings.dilation)),
            components: None,
            boxes: Boxes::new(),
            frame_masks: None,
            objects: None,
            object_boxes: Boxes::new(),
            target,
        })
    }

    /// Places the person of a segmenter's mask.
    pub fn place(&mut self, mask: &Mask) -> Result<()> {
        self.geometry.sampler.apply(mask, &mut self.probabilities)?;
        self.person.threshold(&self.probabilities, self.threshold)?;
        match &mut self.dilation {
            Some(dilation) => dilation.apply(&mut self.person),
            None => Ok(()),
        }
    }

    /// Places the person and the objects of masks that came with the frame.
    pub fn place_provided(&mut self, provided: &ProvidedMasks) -> Result<()> {
        let sampler = frame_masks(&mut self.frame_masks, &self.target)?;
        sampler.shape(&provided.person, PROVIDED_THRESHOLD, &mut self.person)?;
        match &provided.objects {
            Some(mask) => {
                let objects = self.objects.get_or_insert_with(|| Shape::new(self.target.target()));
                sampler.shape(mask, PROVIDED_THRESHOLD, objects)
            }
            None => Ok(()),
        }
    }

    /// Returns what was placed last, with boxes: those that came with the frame, else those of the shapes.
    pub fn regions(&mut self, provided: Option<&ProvidedMasks>) -> Result<Regions<'_>> {
        match provided.map(|masks| masks.person_boxes.as_slice()) {
            None | Some([]) => {
                let components = self.components.get_or_insert_with(|| Components::new(self.person.size()));
                components.boxes(&self.person, &mut self.boxes)?;
            }
            Some(boxes) => place_boxes(&self.target, boxes, &mut self.boxes),
        }
        let object_boxes = provided.map_or(&[][..], |masks| &masks.object_boxes);
        place_boxes(&self.target, object_boxes, &mut self.object_boxes);
        let has_objects = provided.is_some_and(|masks| masks.objects.is_some());
        Ok(Regions {
            person: &self.person,
            person_boxes: &self.boxes,
            objects: self.objects.as_ref().filter(|_| has_objects),
            object_boxes: &self.object_boxes,
        })
    }

    /// Places one person that the segmenter found; none where the target picture does not show it.
    pub fn instance(&mut self, instance: &Instance) -> Result<Option<PersonInstance>> {
        let mut probabilities = Mask::new(self.target.target());
        self.geometry.sampler.apply(&instance.mask, &mut probabilities)?;
        person_instance(probabilities, self.threshold, instance.score)
    }

    /// Places the person mask that came with the frame; none where it is empty.
    pub fn provided_instance(&mut self, provided: &ProvidedMasks) -> Result<Option<PersonInstance>> {
        let sampler = frame_masks(&mut self.frame_masks, &self.target)?;
        person_instance(sampler.sample(&provided.person)?.clone(), PROVIDED_THRESHOLD, 1.0)
    }
}

fn frame_masks<'a>(cached: &'a mut Option<FrameMaskSampler>, target: &Geometry) -> Result<&'a mut FrameMaskSampler> {
    let sampler = match cached.take() {
        Some(sampler) => sampler,
        None => FrameMaskSampler::new(target)?,
    };
    Ok(cached.insert(sampler))
}

/// Places boxes of the frame in the target picture; boxes outside it are dropped.
fn place_boxes(target: &Geometry, boxes: &[PixelBox], placed: &mut Boxes) {
    placed.clear();
    for area in boxes.iter().filter_map(|area| target.place(*area)) {
        // Boxes beyond the capacity are all small: they are merged into the last one.
        if let Err(more) = placed.push(area)
            && let Some(last) = placed.last_mut()
        {
            *last = last.around(more);
        }
    }
}

fn person_instance(probabilities: Mask, threshold: f32, score: f32) -> Result<Option<PersonInstance>> {
    let mut shape = Shape::new(probabilities.size());
    shape.threshold(&probabilities, threshold)?;
    Ok(bounds(&shape).map(|area| PersonInstance { area, probabilities, score }))
}

/// Returns the smallest box around all pixels of `shape`.
fn bounds(shape: &Shape) -> Option<PixelBox> {
    let width = shape.size().width() as usize;
    let pixels = shape.pixels().iter().enumerate().filter(|(_, inside)| **inside);
    let boxes = pixels.map(|(pixel, _)| {
        let (x, y) = ((pixel % width) as u32, (pixel / width) as u32);
        PixelBox { left: x, top: y, right: x + 1, bottom: y + 1 }
    });
    boxes.reduce(PixelBox::around)
}
