//! Still backgrounds that are unrelated to a clip.

use super::Stripes;
use crate::error::{Error, Result, Setting, Stage};
use crate::evaluate::metrics::bootstrap::SplitMix64;
use crate::mask::Size;
use image::RgbImage;
use image::imageops::{FilterType, crop_imm, resize};
use std::path::{Path, PathBuf};

/// Source of still backgrounds: a row in the tables of SCUBA.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackgroundSource {
    /// Procedural stripes.
    Stripes,
    /// Pictures in a folder, for instance of places without people.
    Pictures {
        /// Name of the folder.
        name: String,
        /// Picture files, sorted.
        paths: Vec<PathBuf>,
    },
}

/// One still background.
#[derive(Clone, Debug)]
pub enum StillBackground {
    /// Stripes.
    Stripes(Stripes),
    /// A picture in the size of the clip's frames.
    Picture(RgbImage),
}

impl BackgroundSource {
    /// Lists the pictures in `folder`.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read or has no picture.
    pub fn open(folder: &Path) -> Result<Self> {
        let refused = |got: &dyn core::fmt::Display| {
            Error::new(Stage::DataSet, "a folder of pictures for backgrounds", got, "check the path")
                .at(folder.display())
                .about(Setting::Backgrounds)
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|e| refused(&e).with_source(e))? {
            let path = entry.map_err(|e| refused(&e).with_source(e))?.path();
            paths.extend(image::ImageFormat::from_path(&path).is_ok().then_some(path));
        }
        paths.sort();
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
        match name {
            Some(name) if !paths.is_empty() => Ok(Self::Pictures { name, paths }),
            _ => Err(refused(&"no picture")),
        }
    }

    /// Returns the name of the source in tables.
    pub fn name(&self) -> &str {
        match self {
            Self::Stripes => "stripes",
            Self::Pictures { name, .. } => name,
        }
    }

    /// Draws a background for frames of `size`.
    ///
    /// # Errors
    /// Returns an error if a picture cannot be read.
    pub(super) fn draw(&self, rng: &mut SplitMix64, size: Size) -> Result<StillBackground> {
        match self {
            Self::Stripes => Ok(StillBackground::Stripes(Stripes::draw(rng))),
            Self::Pictures { paths, .. } => {
                let path = &paths[rng.below(paths.len())];
                let picture = crate::source::picture(path).map_err(|e| {
                    let next = "remove it from the folder of backgrounds";
                    Error::caused(Stage::DataSet, "a readable picture", e, next)
                        .at(path.display())
                        .about(Setting::Backgrounds)
                })?;
                let picture = picture
                    .frame()
                    .and_then(|frame| RgbImage::from_raw(frame.width(), frame.height(), frame.pixels().to_vec()));
                let picture = picture.ok_or_else(|| {
                    let next = "remove it from the folder of backgrounds";
                    Error::new(Stage::DataSet, "a picture", path.display(), next).about(Setting::Backgrounds)
                })?;
                Ok(StillBackground::Picture(covering(&picture, size)))
            }
        }
    }
}

impl StillBackground {
    /// Returns the colour of a pixel.
    pub fn colour(&self, x: u32, y: u32) -> [u8; 3] {
        match self {
            Self::Stripes(stripes) => stripes.colour(x, y),
            Self::Picture(picture) => picture.get_pixel(x, y).0,
        }
    }
}

/// Crops the middle of `picture` to the aspect ratio of `size`, and scales it to that size.
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
