//! Clips as the encoder will see them: cropped and normalised once, with regions at the same size.

mod renderer;

pub use renderer::{ClipRenderer, ClipSpec};

use figureground::mask::{PixelBox, Regions, Shape, Size};
use half::f16;
use half::slice::HalfFloatSliceExt;
use pantomime::JOINTS;

/// The sampled frames of one clip at encoder resolution.
#[derive(Clone, Debug)]
pub struct ProcessedClip {
    /// What to call it: the clip's class name.
    pub label: String,
    /// What a caption may say of it.
    pub words: pantomime::CaptionParts,
    /// Index of its scene, [`pantomime::Scene::index`].
    pub scene: usize,
    /// Stratum of skin, [`pantomime::Skin::index`].
    pub skin: usize,
    /// Stratum of clothes.
    pub clothes: usize,
    size: Size,
    /// Joints of each frame, in pixels of the crop.
    joints: Vec<[[f32; 2]; JOINTS]>,
    /// `[T, 3, height, width]`; halves, because there are many.
    pixel_values: Vec<f16>,
    /// `[3, height, width]`: the scene without anybody, at the middle frame.
    background: Vec<f16>,
    exact: Vec<FrameRegions>,
    segmented: Vec<FrameRegions>,
}

/// Where people and objects are in one frame, at encoder resolution.
#[derive(Clone, Debug)]
pub struct FrameRegions {
    person: Shape,
    person_boxes: Vec<PixelBox>,
    objects: Shape,
    object_boxes: Vec<PixelBox>,
}

impl FrameRegions {
    /// As masks and views take them.
    pub fn regions(&self) -> Regions<'_> {
        Regions {
            person: &self.person,
            person_boxes: &self.person_boxes,
            objects: Some(&self.objects),
            object_boxes: &self.object_boxes,
        }
    }

    /// Pixels of people.
    pub fn person(&self) -> &Shape {
        &self.person
    }
}

/// Whose masks the views are made by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Masks {
    /// The true ones, which only a procedural data set has.
    Exact,
    /// Those of a segmenter.
    Segmented,
}

impl ProcessedClip {
    /// Number of frames (T).
    pub fn frames(&self) -> usize {
        self.exact.len()
    }

    /// Size of a frame.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Writes frame `frame`'s `pixel_values` [3, height, width] to `out`.
    pub fn pixel_values(&self, frame: usize, out: &mut [f32]) {
        let len = 3 * self.size.area();
        self.pixel_values[frame * len..][..len].convert_to_f32_slice(out);
    }

    /// Writes the scene without anybody, [3, height, width], to `out`.
    pub fn background(&self, out: &mut [f32]) {
        self.background.convert_to_f32_slice(out);
    }

    /// Where the joints of the person in frame `frame` are, in pixels of the crop, as [`pantomime::FrameRenderer::joints`] has
    /// them.
    pub fn joints(&self, frame: usize) -> &[[f32; 2]; JOINTS] {
        &self.joints[frame]
    }

    /// Where people and objects are in frame `frame`; the true places where no segmenter was asked.
    pub fn regions_of(&self, frame: usize, masks: Masks) -> &FrameRegions {
        match masks {
            Masks::Segmented if !self.segmented.is_empty() => &self.segmented[frame],
            _ => &self.exact[frame],
        }
    }
}
