//! `labels.safetensors`: a file that parses becomes a label bank or an error, without a panic.

#![no_main]

use figureground::bundle::labels::LabelFile;
use figureground::zeroshot::TemplateFusion;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(file) = LabelFile::parse(bytes) {
        let _ = file.clone().into_bank(TemplateFusion::MeanEmbedding);
        let _ = file.into_bank(TemplateFusion::MeanSoftmax);
    }
});
