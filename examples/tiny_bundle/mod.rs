//! A bundle for examples that are run as they stand: a real person segmenter for the demo clip, and a tiny CLIP of the
//! real architecture whose weights are random. Its masks mean something, its labels do not.

use figureground::Result;
use figureground::bundle::Bundle;
use figureground::bundle::import::Import;
use figureground::model::write::Precision;
use std::path::{Path, PathBuf};

/// The bundle that the user named, or the tiny one, made in `place`.
pub fn open_or_make(named: Option<PathBuf>, place: &Path) -> Result<Bundle> {
    if let Some(directory) = named {
        return Bundle::open(&directory);
    }
    eprintln!("No bundle named: a tiny CLIP with random weights stands in, so the mask is real and the label is not.");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let out = place.join("bundle");
    let import = Import {
        clip: fixtures.join("clip/hf"),
        base: None,
        activation: None,
        convention: None,
        segmenter: fixtures.join("demo/segmenter.toml"),
        segmenter_model: fixtures.join("demo/segmenter.onnx"),
        labels: fixtures.join("demo/labels.txt"),
        templates: Vec::new(),
        precision: Precision::F32,
        out: out.clone(),
    };
    import.run(1, &mut |_, _| Ok(()))?;
    Bundle::open(&out)
}
