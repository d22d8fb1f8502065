//! The picture that masks are placed in.

use crate::error::Result;
use crate::mask::Size;
use crate::preprocess::{Geometry, PreprocessSettings, Resize};

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
    pub(super) fn geometry(&self, source: Size) -> Result<Geometry> {
        match self {
            Target::Frame => Geometry::new(Resize::Squash, source, source),
            Target::Squashed(size) => Geometry::new(Resize::Squash, source, *size),
            Target::Model(settings) => settings.geometry(source),
        }
    }
}
