//! Clips at encoder resolution: cropped and normalised once, with regions at the same size.

use figureground::mask::{PixelBox, Regions, Shape, Size};
use half::f16;
use half::slice::HalfFloatSliceExt;
use pantomime::JOINTS;

/// The sampled frames of one clip at encoder resolution.
#[derive(Clone, Debug)]
pub struct ProcessedClip {
    /// Class name.
    pub label: String,
    /// Phrases to build captions from.
    pub caption_parts: pantomime::CaptionParts,
    /// Index of the scene, [`pantomime::Scene::index`].
    pub scene: usize,
    /// Stratum of the skin tone, [`pantomime::Skin::index`].
    pub skin: usize,
    /// Stratum of the clothes.
    pub clothes: usize,
    pub(super) size: Size,
    /// Joints of each frame, in pixels of the crop.
    pub(super) joints: Vec<[[f32; 2]; JOINTS]>,
    /// `[T, 3, height, width]`, in half precision to save memory.
    pub(super) pixel_values: Vec<f16>,
    /// The scene without people at the middle frame, `[3, height, width]`.
    pub(super) background: Vec<f16>,
    pub(super) exact: Vec<FrameRegions>,
    pub(super) segmented: Vec<FrameRegions>,
}

/// Clips with their classes.
#[derive(Clone, Debug)]
pub struct LabelledClips {
    /// The clips.
    pub clips: Vec<ProcessedClip>,
    /// Index of each clip's class.
    pub labels: Vec<usize>,
}

/// Regions of people and objects in one frame, at encoder resolution.
#[derive(Clone, Debug)]
pub struct FrameRegions {
    pub(super) person: Shape,
    pub(super) person_boxes: Vec<PixelBox>,
    pub(super) objects: Shape,
    pub(super) object_boxes: Vec<PixelBox>,
}

impl FrameRegions {
    /// Returns the regions as masking and views need them.
    pub fn regions(&self) -> Regions<'_> {
        Regions {
            person: &self.person,
            person_boxes: &self.person_boxes,
            objects: Some(&self.objects),
            object_boxes: &self.object_boxes,
        }
    }

    /// Returns the pixels of people.
    pub fn person(&self) -> &Shape {
        &self.person
    }
}

/// The source of masks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MaskSource {
    /// The exact masks of the procedural data set.
    Exact,
    /// The masks of a segmenter.
    Segmented,
}

impl ProcessedClip {
    /// Returns the number of frames (T).
    pub fn frames(&self) -> usize {
        self.exact.len()
    }

    /// Returns the size of a frame.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Writes frame `frame`'s `pixel_values` [3, height, width] to `out`.
    pub fn pixel_values(&self, frame: usize, out: &mut [f32]) {
        let len = 3 * self.size.area();
        self.pixel_values[frame * len..][..len].convert_to_f32_slice(out);
    }

    /// Writes the scene without people, [3, height, width], to `out`.
    pub fn background(&self, out: &mut [f32]) {
        self.background.convert_to_f32_slice(out);
    }

    /// Returns the joints of the person in frame `frame`, in pixels of the crop, in the order of
    /// [`pantomime::FrameRenderer::joints`].
    pub fn joints(&self, frame: usize) -> &[[f32; 2]; JOINTS] {
        &self.joints[frame]
    }

    /// Returns the regions of frame `frame`; without a segmenter they are the exact ones.
    pub fn regions_of(&self, frame: usize, masks: MaskSource) -> &FrameRegions {
        match masks {
            MaskSource::Segmented if !self.segmented.is_empty() => &self.segmented[frame],
            _ => &self.exact[frame],
        }
    }
}
