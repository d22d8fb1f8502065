//! Choices that all runs share: how pictures look to the pair, and what its prompts say.

use crate::clip::ClipRenderer;
use crate::pair::Sizes;
use figureground::Result;
use figureground::bundle::manifest::Convention;
use figureground::bundle::tokenizer::Tokenizer;
use figureground::mask::Size;
use figureground::preprocess::{PreprocessSettings, Resize};
use figureground::sampler::Sampler;
use figureground::view::Fill;

/// What a bundle of the small pair follows too.
const SMALL: &str = include_str!("../../models/clip/pantomime.toml");
/// What ViT-B/32 wants.
const OPENAI: &str = include_str!("../../models/clip/openai.toml");
/// Side of the drawn pictures, larger than what the encoder sees, as with any camera.
const PICTURE: u32 = 128;
/// ImageNet's mean colour: what hides pixels.
const FILL: [f32; 3] = [123.675, 116.28, 103.53];
/// What objects become in the Person view of the object-biased set: a colour far from the fill.
const OBJECT_FILL: [f32; 3] = [220.0, 60.0, 200.0];

/// How a pair of `sizes` wants its pictures: as OpenAI's conventions say if it is a ViT-B/32, else as those of the small
/// pair do, at its own side.
///
/// # Errors
/// When the side is out of range.
pub fn preprocess(sizes: &Sizes) -> Result<PreprocessSettings> {
    let convention = Convention::parse(if sizes.image_size == Sizes::VIT_B_32.image_size { OPENAI } else { SMALL })?;
    let side = sizes.image_size as u32;
    let resize = Resize::ShortestThenCrop { shortest: side };
    let settings = PreprocessSettings { width: side, height: side, resize, ..convention.vision.preprocess };
    settings.validate()?;
    Ok(settings)
}

/// What films clips of `frames` frames.
///
/// # Errors
/// Never with the sizes above.
pub fn renderer(preprocess: &PreprocessSettings, frames: usize) -> Result<ClipRenderer<'_>> {
    let picture = Size::new(PICTURE, PICTURE)?;
    Ok(ClipRenderer { picture, preprocess, sampler: Sampler::ViFiClip, frames, segmenter_files: None })
}

/// The tokenizer of a pair of `sizes`.
///
/// # Errors
/// When the sizes ask for more merges than there are.
pub fn tokenizer(sizes: &Sizes) -> Result<Tokenizer> {
    Tokenizer::new(Some(sizes.merges), sizes.context)
}

/// Token ids of the prompts of the classes `names`, by the template of the small pair's conventions.
///
/// # Errors
/// Never with the conventions above.
pub fn prompts(tokenizer: &Tokenizer, names: impl IntoIterator<Item = String>) -> Result<Vec<Vec<i64>>> {
    let template = &Convention::parse(SMALL)?.templates[0];
    Ok(names.into_iter().map(|name| tokenizer.encode(&template.replace("{}", &name))).collect())
}

/// What hides pixels.
pub fn fill(preprocess: &PreprocessSettings) -> Fill {
    preprocess.fill(FILL)
}

/// What stands for objects where the background is hidden.
pub fn object_fill(preprocess: &PreprocessSettings) -> Fill {
    preprocess.fill(OBJECT_FILL)
}
