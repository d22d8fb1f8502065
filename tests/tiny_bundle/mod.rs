//! A stand-in bundle: a real person segmenter, and a tiny CLIP of the real architecture whose weights are random.

use figureground::Result;
use figureground::bundle::Bundle;
use figureground::import::Import;
use figureground::model::write::WeightPrecision;
use std::path::Path;

/// The bundle, made in `place`.
pub fn make(place: &Path) -> Result<Bundle> {
    import(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/clip/hf"), &place.join("bundle"))
}

/// The bundle of the CLIP in the folder `clip`, written to `out`.
pub fn import(clip: &Path, out: &Path) -> Result<Bundle> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let import = Import {
        clip: clip.to_owned(),
        base: None,
        activation: None,
        convention: None,
        segmenter: fixtures.join("demo/segmenter.toml"),
        segmenter_model: fixtures.join("demo/segmenter.onnx"),
        labels: fixtures.join("demo/labels.txt"),
        templates: Vec::new(),
        precision: WeightPrecision::F32,
        out: out.to_owned(),
    };
    import.run(1, &mut |_, _| Ok(()))?;
    Bundle::open(out)
}
