//! A CLIP pair in ONNX files: one for each tower, or one with both.

use crate::error::{Error, Result, Setting, Stage};
use crate::model::write::WeightPrecision;
use crate::model::{graph, read_proto};
use std::path::{Path, PathBuf};

/// Outputs before the projection: they are no embeddings in the shared space.
const UNPROJECTED: [&str; 2] = ["pooler_output", "last_hidden_state"];

/// The file or files with the two towers.
#[derive(Clone, Debug)]
pub struct OnnxPair {
    pub vision: PathBuf,
    pub text: PathBuf,
}

impl OnnxPair {
    /// Finds `vision_model.onnx` and `text_model.onnx`, or `model.onnx` with both, in `path` or its folder `onnx`. If
    /// `path` is a file, it must hold both towers.
    ///
    /// # Errors
    /// Returns an error if neither is found.
    pub fn find(path: &Path) -> Result<Self> {
        if path.is_file() {
            return Ok(Self { vision: path.to_owned(), text: path.to_owned() });
        }
        for directory in [path.to_owned(), path.join("onnx")] {
            let [vision, text, both] =
                ["vision_model.onnx", "text_model.onnx", "model.onnx"].map(|name| directory.join(name));
            // If one of the two is missing, reading it reports that.
            if vision.is_file() || text.is_file() {
                return Ok(Self { vision, text });
            }
            if both.is_file() {
                return Ok(Self { vision: both.clone(), text: both });
            }
        }
        let expected = "model.safetensors with config.json, open_clip_model.safetensors with open_clip_config.json, \
                        vision_model.onnx with text_model.onnx, or model.onnx";
        let next = "pass the folder that holds the checkpoint, or the file itself";
        Err(Error::new(Stage::Import, expected, format_args!("none of them in {}", path.display()), next))
    }
}

/// Writes the tower `input` -> `output` of the file `from` to `to`, with an attention mask as a constant.
///
/// # Errors
/// Returns an error if the output or the projection is missing, or a file cannot be written.
pub fn write_tower(from: &Path, input: &str, output: &str, to: &Path, precision: WeightPrecision) -> Result<()> {
    let mut proto = read_proto(from)?;
    let outputs: Vec<String> = proto.graph.iter().flat_map(|graph| &graph.output).map(|o| o.name.clone()).collect();
    if !outputs.iter().any(|name| name == output) {
        let expected = format!("an output {output:?} in {}", from.display());
        let unprojected = outputs.iter().all(|name| UNPROJECTED.contains(&name.as_str()));
        let next = if unprojected {
            "export CLIPVisionModelWithProjection and CLIPTextModelWithProjection: these lack the projection"
        } else {
            "name the output in a convention"
        };
        return Err(Error::new(Stage::Import, expected, format_args!("{outputs:?}"), next).about(Setting::Convention));
    }
    graph::keep_output(&mut proto, output);
    graph::always_attend(&mut proto, input);
    graph::name_batch(&mut proto);
    graph::write(proto, from, to, precision)
}
