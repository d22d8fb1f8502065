//! Preprocessing, prompts and fill colours that all runs share.

use crate::clip::ClipRenderer;
use crate::pair::PairSizes;
use figureground::Result;
use figureground::bundle::manifest::Convention;
use figureground::bundle::tokenizer::Tokenizer;
use figureground::mask::Size;
use figureground::preprocess::{PreprocessSettings, Resize};
use figureground::sampler::Sampler;
use figureground::view::Fill;

/// Conventions of the small pair, shared with its bundle.
const SMALL: &str = include_str!("../../models/clip/pantomime.toml");
/// Conventions of OpenAI's ViT-B/32.
const OPENAI: &str = include_str!("../../models/clip/openai.toml");
/// Side of the rendered pictures in pixels, larger than the encoder's input, as with any camera.
const PICTURE: u32 = 128;
/// ImageNet's mean colour, which hides pixels.
const FILL: [f32; 3] = [123.675, 116.28, 103.53];
/// Colour of objects in the Person view of the object-biased set, far from the fill.
const OBJECT_FILL: [f32; 3] = [220.0, 60.0, 200.0];

/// Returns the preprocessing of a pair of `sizes`: OpenAI's for a ViT-B/32, else the small pair's at its picture size.
///
/// # Errors
/// Returns an error if the picture size is out of range.
pub fn preprocess(sizes: &PairSizes) -> Result<PreprocessSettings> {
    let is_vit_b_32 = sizes.image_size == PairSizes::VIT_B_32.image_size;
    let convention = Convention::parse(if is_vit_b_32 { OPENAI } else { SMALL })?;
    let side = sizes.image_size as u32;
    let resize = Resize::ShortestThenCrop { shortest: side };
    let settings = PreprocessSettings { width: side, height: side, resize, ..convention.vision.preprocess };
    settings.validate()?;
    Ok(settings)
}

/// Returns the size of the rendered pictures.
///
/// # Errors
/// Returns no error with the constants above.
pub fn picture_size() -> Result<Size> {
    Size::new(PICTURE, PICTURE)
}

/// Returns a renderer of clips with `frames` frames, without a segmenter.
///
/// # Errors
/// Returns no error with the constants above.
pub fn renderer(preprocess: &PreprocessSettings, frames: usize) -> Result<ClipRenderer<'_>> {
    let picture = picture_size()?;
    Ok(ClipRenderer { picture, preprocess, sampler: Sampler::ViFiClip, frames, segmenter_files: None })
}

/// Returns the tokenizer of a pair of `sizes`.
///
/// # Errors
/// Returns an error if the sizes have more merges than CLIP's vocabulary.
pub fn tokenizer(sizes: &PairSizes) -> Result<Tokenizer> {
    Tokenizer::new(Some(sizes.merges), sizes.context)
}

/// Returns the token ids of a prompt for each class of `names`, by the small pair's template.
///
/// # Errors
/// Returns no error with the conventions above.
pub fn prompts(tokenizer: &Tokenizer, names: &[String]) -> Result<Vec<Vec<i64>>> {
    let template = &Convention::parse(SMALL)?.templates[0];
    Ok(names.iter().map(|name| tokenizer.encode(&template.replace("{}", name))).collect())
}

/// Returns the fill that hides pixels.
pub fn fill(preprocess: &PreprocessSettings) -> Fill {
    preprocess.fill(FILL)
}

/// Returns the fill of objects where the background is hidden.
pub fn object_fill(preprocess: &PreprocessSettings) -> Fill {
    preprocess.fill(OBJECT_FILL)
}
