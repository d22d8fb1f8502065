//! What the encoder saw, for people to look at.

use crate::bundle::manifest::Manifest;
use crate::error::Result;
use crate::mask::{Shape, Size};
use crate::preprocess::PreprocessSettings;
use crate::view::View;

/// Whether the pictures behind a verdict are kept for people to look at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameRecording {
    /// Only numbers.
    #[default]
    Off,
    /// The three views of each frame and the person's shape.
    On,
}

/// What the encoder saw of one frame.
#[derive(Clone, Debug)]
pub struct FrameViews {
    /// RGB8 of the three views, `[3 views, height, width, 3]`.
    pub(crate) views: Vec<u8>,
    /// The person's shape.
    pub(crate) person: Shape,
}

impl FrameViews {
    /// RGB8 of one view, `[height, width, 3]`.
    pub fn view(&self, view: View) -> &[u8] {
        let length = self.views.len() / View::ALL.len();
        &self.views[view.index() * length..][..length]
    }

    /// The person's shape, at the encoder's resolution.
    pub fn person(&self) -> &Shape {
        &self.person
    }
}

/// The pictures of all slots, where they are kept.
#[derive(Debug)]
pub(crate) struct FrameRecorder {
    keep: FrameRecording,
    size: Size,
    settings: PreprocessSettings,
    pictures: Vec<FrameViews>,
}

impl FrameRecorder {
    pub(crate) fn new(manifest: &Manifest, keep: FrameRecording) -> Result<Self> {
        let settings = manifest.vision.preprocess.clone();
        Ok(Self { keep, size: settings.target()?, settings, pictures: Vec::new() })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.keep == FrameRecording::On
    }

    pub(crate) fn begin(&mut self, slots: usize) {
        self.pictures.clear();
        if self.is_open() {
            let views = vec![0; View::ALL.len() * 3 * self.size.area()];
            self.pictures.resize(slots, FrameViews { views, person: Shape::new(self.size) });
        }
    }

    pub(crate) fn pictures(&self) -> &[FrameViews] {
        &self.pictures
    }

    /// Keeps the three `views`, as the encoder is shown them, and the shape that they were made with.
    pub(crate) fn record(&mut self, slot: usize, views: &[f32], person: &Shape) -> Result<()> {
        if let Some(picture) = self.pictures.get_mut(slot) {
            picture.person.copy_from(person)?;
            self.settings.denormalise(views, &mut picture.views);
        }
        Ok(())
    }
}
