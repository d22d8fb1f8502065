//! Backgrounds that have nothing to do with a clip.

use super::Stripes;
use crate::error::{Error, Result, Stage};
use crate::evaluate::metrics::bootstrap::SplitMix64;
use crate::mask::Size;
use image::imageops::{FilterType, crop_imm, resize};
use image::{ImageReader, RgbImage};
use std::path::{Path, PathBuf};

/// Where still backgrounds come from: a source in the tables of SCUBA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackgroundSource {
    /// Procedural stripes.
    Stripes,
    /// Pictures in a folder, such as of places without people.
    Pictures {
        /// What they are called: the folder's name.
        name: String,
        /// The files, sorted.
        paths: Vec<PathBuf>,
    },
}

/// One still background.
#[derive(Clone, Debug)]
pub enum StillBackground {
    /// Stripes.
    Stripes(Stripes),
    /// A picture, cut to the clip's shape.
    Picture(RgbImage),
}

impl BackgroundSource {
    /// The pictures in `folder`.
    ///
    /// # Errors
    /// When it holds none.
    pub fn open(folder: &Path) -> Result<Self> {
        let refused = |got: String| {
            Error::new(Stage::DataSet, "a folder of pictures for backgrounds", got, "check --backgrounds")
                .at(folder.display())
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|e| refused(e.to_string()))? {
            let path = entry.map_err(|e| refused(e.to_string()))?.path();
            paths.extend(image::ImageFormat::from_path(&path).is_ok().then_some(path));
        }
        paths.sort();
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        match name {
            Some(name) if !paths.is_empty() => Ok(Self::Pictures { name, paths }),
            _ => Err(refused("no picture".to_owned())),
        }
    }

    /// What tables call them.
    pub fn name(&self) -> &str {
        match self {
            Self::Stripes => "stripes",
            Self::Pictures { name, .. } => name,
        }
    }

    /// One that follows from `rng`, for frames of `size`.
    ///
    /// # Errors
    /// When a picture cannot be read.
    pub(super) fn draw(&self, rng: &mut SplitMix64, size: Size) -> Result<StillBackground> {
        match self {
            Self::Stripes => Ok(StillBackground::Stripes(Stripes::draw(rng))),
            Self::Pictures { paths, .. } => {
                let path = &paths[rng.below(paths.len())];
                let unreadable = |e: &dyn core::fmt::Display| {
                    Error::new(Stage::DataSet, "a readable picture", e, "take it out of --backgrounds")
                        .at(path.display())
                };
                let read = ImageReader::open(path).map_err(|e| unreadable(&e))?.decode();
                Ok(StillBackground::Picture(covering(&read.map_err(|e| unreadable(&e))?.to_rgb8(), size)))
            }
        }
    }
}

impl StillBackground {
    /// The colour of a pixel.
    pub fn colour(&self, x: u32, y: u32) -> [u8; 3] {
        match self {
            Self::Stripes(stripes) => stripes.colour(x, y),
            Self::Picture(picture) => picture.get_pixel(x, y).0,
        }
    }
}

/// The middle of `picture` in the shape of `size`, at that size.
fn covering(picture: &RgbImage, size: Size) -> RgbImage {
    let (width, height) = (u64::from(picture.width()), u64::from(picture.height()));
    let (wide, high) = (u64::from(size.width()), u64::from(size.height()));
    let (cut_width, cut_height) = match width * high > height * wide {
        true => ((height * wide / high).max(1), height),
        false => (width, (width * high / wide).max(1)),
    };
    let [left, top] = [(width - cut_width) / 2, (height - cut_height) / 2].map(|side| side as u32);
    let cut = crop_imm(picture, left, top, cut_width as u32, cut_height as u32).to_image();
    resize(&cut, size.width(), size.height(), FilterType::Triangle)
}
