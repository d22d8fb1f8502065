//! Views of frames, recorded for display.

use crate::bundle::manifest::Manifest;
use crate::error::Result;
use crate::mask::{Shape, Size};
use crate::preprocess::PreprocessSettings;
use crate::view::View;

/// Whether the views behind a verdict are recorded for display.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FrameRecording {
    /// Nothing is recorded.
    #[default]
    Off,
    /// The three views and the person's shape of each frame are recorded.
    On,
}

/// The three views of one frame, as the encoder sees them.
#[derive(Clone, Debug)]
pub struct FrameViews {
    /// RGB8 pixels of the three views, `[3 views, height, width, 3]`.
    pub(crate) views: Vec<u8>,
    /// The person's shape.
    pub(crate) person: Shape,
}

impl FrameViews {
    /// Returns the RGB8 pixels of one view, `[height, width, 3]`.
    pub fn view(&self, view: View) -> &[u8] {
        let length = self.views.len() / View::ALL.len();
        &self.views[view.index() * length..][..length]
    }

    /// Returns the person's shape, at the encoder's resolution.
    pub fn person(&self) -> &Shape {
        &self.person
    }
}

/// Records the views of all slots, if recording is on.
#[derive(Debug)]
pub(crate) struct FrameRecorder {
    recording: FrameRecording,
    size: Size,
    settings: PreprocessSettings,
    pictures: Vec<FrameViews>,
}

impl FrameRecorder {
    pub(crate) fn new(manifest: &Manifest, recording: FrameRecording) -> Result<Self> {
        let settings = manifest.vision.preprocess.clone();
        Ok(Self { recording, size: settings.target()?, settings, pictures: Vec::new() })
    }

    pub(crate) fn is_open(&self) -> bool {
        self.recording == FrameRecording::On
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

    /// Records the three `views`, the encoder's input, and the person's shape that they were composed with.
    pub(crate) fn record(&mut self, slot: usize, views: &[f32], person: &Shape) -> Result<()> {
        if let Some(picture) = self.pictures.get_mut(slot) {
            picture.person.copy_from(person)?;
            self.settings.denormalise(views, &mut picture.views);
        }
        Ok(())
    }
}
