//! A stand-in bundle: a real person segmenter, and a tiny CLIP of the real architecture whose weights are random.

use crate::fixture;
use figureground::Result;
use figureground::bundle::Bundle;
use figureground::import::Import;
use figureground::model::write::WeightPrecision;
use std::path::Path;

/// The bundle, made in `place`.
pub fn make(place: &Path) -> Result<Bundle> {
    import(&fixture("clip/hf"), &place.join("bundle"))
}

/// The bundle of the CLIP in the folder `clip`, written to `out`.
pub fn import(clip: &Path, out: &Path) -> Result<Bundle> {
    let import = Import {
        clip: clip.to_owned(),
        base: None,
        activation: None,
        convention: None,
        segmenter: fixture("demo/segmenter.toml"),
        segmenter_model: fixture("demo/segmenter.onnx"),
        labels: fixture("demo/labels.txt"),
        templates: Vec::new(),
        precision: WeightPrecision::F32,
        out: out.to_owned(),
    };
    import.run(1, &mut |_, _| Ok(()))?;
    Bundle::open(out)
}
