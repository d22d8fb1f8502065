//! The bank of backgrounds onto which a probe pastes the person: pictures of places without people.

use super::checksum;
use crate::error::{Error, Result, Setting, Stage};
use crate::frame::Frame;
use crate::mask::Size;
use crate::preprocess::{PreprocessSettings, Preprocessor};
use crate::source;
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use std::path::Path;

/// The most pictures of a bank.
pub const MAX_BACKGROUNDS: usize = 64;

/// Name of the tensor in the file.
const TENSOR: &str = "backgrounds";

/// Pictures of places at the encoder's resolution, before normalisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backgrounds {
    size: Size,
    /// RGB8, `[pictures, height, width, 3]`.
    rgb: Vec<u8>,
}

impl Backgrounds {
    /// Creates an empty bank of pictures of `size`.
    pub fn new(size: Size) -> Self {
        Self { size, rgb: Vec::new() }
    }

    /// Reads all files of `folder` in natural order, each a picture of any size. Each is resized and cropped by
    /// `settings`, those of the encoder. Hidden files are ignored.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read, holds fewer than `least` pictures or more than
    /// [`MAX_BACKGROUNDS`], or one of its files is no picture or a picture of a single colour.
    pub fn read_folder(folder: &Path, settings: &PreprocessSettings, least: usize) -> Result<Self> {
        let about = |error: Error| error.at(folder.display()).about(Setting::ProbeBank);
        let names = source::folder_names(folder).map_err(|e| unreadable_folder(&e).with_source(e)).map_err(about)?;
        if !(least..=MAX_BACKGROUNDS).contains(&names.len()) {
            let next = match names.len() < least {
                true => "add pictures of places without people, or probe fewer places",
                false => "remove some of them",
            };
            let got = format!("{} files", names.len());
            return Err(about(refused(format!("{least} to {MAX_BACKGROUNDS} pictures"), got, next)));
        }
        let mut bank = Self::new(settings.target()?);
        for name in names {
            let path = folder.join(name);
            let picture = source::picture(&path).map_err(|error| error.about(Setting::ProbeBank))?;
            let Some(frame) = picture.frame() else { continue };
            let added = bank.add(&frame, settings);
            added.map_err(|error| error.at(path.display()).about(Setting::ProbeBank))?;
        }
        Ok(bank)
    }

    /// Adds a picture of any size, resized and cropped by `settings`, those of the encoder.
    ///
    /// # Errors
    /// Returns an error if the bank is full, or the picture would shrink to nothing or has a single colour, as the
    /// fill of the Person view has: that is no place.
    pub fn add(&mut self, picture: &Frame<'_>, settings: &PreprocessSettings) -> Result<()> {
        if self.len() == MAX_BACKGROUNDS {
            return Err(refused(format!("at most {MAX_BACKGROUNDS} pictures"), "one more", "leave it out"));
        }
        let mut preprocessor = Preprocessor::new(settings, picture.into())?;
        preprocessor.apply(picture, &mut vec![0.0; 3 * self.size.area()])?;
        expect_colours(picture.pixels())?;
        expect_colours(preprocessor.crop())?;
        self.rgb.extend_from_slice(preprocessor.crop());
        Ok(())
    }

    /// Parses the bytes of a `backgrounds.safetensors` for an encoder with pictures of `size`.
    ///
    /// # Errors
    /// Returns an error if the bytes are no such file, hold pictures of another size or a single colour, or none or
    /// more than [`MAX_BACKGROUNDS`].
    pub fn parse(bytes: &[u8], size: Size) -> Result<Self> {
        let next = "import the bundle again";
        let (width, height) = (size.width() as usize, size.height() as usize);
        let expected =
            format!("a tensor {TENSOR:?} of 1 to {MAX_BACKGROUNDS} pictures [n, 3, {height}, {width}] of u8");
        let caused = |e: safetensors::SafeTensorError| refused(&expected, &e, next).with_source(e);
        let tensors = SafeTensors::deserialize(bytes).map_err(caused)?;
        let tensor = tensors.tensor(TENSOR).map_err(caused)?;
        match *tensor.shape() {
            [1..=MAX_BACKGROUNDS, 3, high, wide] if (wide, high, tensor.dtype()) == (width, height, Dtype::U8) => {}
            _ => {
                let got = format!("{:?} of {:?}", tensor.shape(), tensor.dtype());
                return Err(refused(&expected, got, next));
            }
        }
        let bank = Self { size, rgb: transposed(tensor.data(), [3, size.area()]) };
        bank.pictures().try_for_each(expect_colours)?;
        Ok(bank)
    }

    /// Returns the bytes of the file: one tensor `backgrounds`, `[pictures, 3, height, width]` of u8, red first.
    ///
    /// # Errors
    /// Returns an error if the bank is empty.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        if self.is_empty() {
            return Err(refused("a bank of backgrounds", "an empty one", "add pictures"));
        }
        let planes = transposed(&self.rgb, [self.size.area(), 3]);
        let shape = vec![self.len(), 3, self.size.height() as usize, self.size.width() as usize];
        let failed = |e: safetensors::SafeTensorError| refused("a tensor of bytes", &e, "report this").with_source(e);
        let tensor = TensorView::new(Dtype::U8, shape, &planes).map_err(failed)?;
        safetensors::serialize([(TENSOR, tensor)], None).map_err(failed)
    }

    /// Returns width and height of the pictures.
    pub fn size(&self) -> Size {
        self.size
    }

    /// Returns the number of pictures.
    pub fn len(&self) -> usize {
        self.rgb.len() / (3 * self.size.area())
    }

    /// Returns whether there is no picture.
    pub fn is_empty(&self) -> bool {
        self.rgb.is_empty()
    }

    /// Returns the pictures in order, each RGB8, `[height, width, 3]`.
    pub fn pictures(&self) -> impl Iterator<Item = &[u8]> {
        self.rgb.chunks_exact(3 * self.size.area())
    }

    /// Returns the SHA-256 of the first `count` pictures.
    pub fn fingerprint(&self, count: usize) -> String {
        let length = (count * 3 * self.size.area()).min(self.rgb.len());
        checksum::of_bytes(&self.rgb[..length])
    }
}

/// Transposes every matrix of `rows` by `columns` bytes.
fn transposed(bytes: &[u8], [rows, columns]: [usize; 2]) -> Vec<u8> {
    let matrices = bytes.chunks_exact(rows * columns);
    matrices.flat_map(|one| (0..columns).flat_map(move |c| one[c..].iter().step_by(columns).copied())).collect()
}

/// Checks that RGB8 pixels have more than one colour.
fn expect_colours(rgb: &[u8]) -> Result<()> {
    let (pixels, _) = rgb.as_chunks::<3>();
    if pixels.iter().any(|pixel| *pixel != pixels[0]) {
        return Ok(());
    }
    Err(refused("a picture of a place", "a single colour", "replace it by a picture of a place without people"))
}

fn unreadable_folder(error: &std::io::Error) -> Error {
    refused("a readable folder of pictures", error, "check the path")
}

fn refused(expected: impl core::fmt::Display, got: impl core::fmt::Display, next: impl core::fmt::Display) -> Error {
    Error::new(Stage::Bundle, expected, got, next)
}
