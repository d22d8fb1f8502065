//! A Hugging Face CLIP checkpoint: `config.json` says what tensors there must be, `model.safetensors` holds them.

use super::tower::{Activation, TextTower, Tower, VisionTower};
use crate::error::{Error, Result, Stage};
use memmap2::Mmap;
use safetensors::tensor::{Dtype, SafeTensors};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

/// Tensors that older exporters leave in a checkpoint and that carry no weights.
const BUFFERS: [&str; 2] = ["vision_model.embeddings.position_ids", "text_model.embeddings.position_ids"];
/// What `config.json` should be.
const CONFIG: &str = "the config.json of a Hugging Face CLIP model";
/// The end-of-text id that older configurations name wrongly; their text is read off at the largest id.
const LEGACY_END: u64 = 2;

#[derive(Debug, Deserialize)]
struct Config {
    model_type: String,
    projection_dim: usize,
    vision_config: VisionConfig,
    text_config: TextConfig,
}

#[derive(Debug, Deserialize)]
struct VisionConfig {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    image_size: usize,
    patch_size: usize,
    #[serde(default = "quick_gelu")]
    hidden_act: String,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
}

#[derive(Debug, Deserialize)]
struct TextConfig {
    hidden_size: usize,
    intermediate_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    #[serde(default = "context")]
    max_position_embeddings: usize,
    #[serde(default = "vocabulary")]
    vocab_size: usize,
    #[serde(default = "quick_gelu")]
    hidden_act: String,
    #[serde(default = "epsilon")]
    layer_norm_eps: f32,
    eos_token_id: Option<u64>,
}

fn quick_gelu() -> String {
    "quick_gelu".to_owned()
}

fn epsilon() -> f32 {
    1e-5
}

fn context() -> usize {
    77
}

fn vocabulary() -> usize {
    49408
}

/// The sizes of a CLIP pair.
#[derive(Clone, Debug)]
pub struct Architecture {
    /// Pictures to embeddings.
    pub vision: VisionTower,
    /// Token ids to embeddings.
    pub text: TextTower,
}

impl Architecture {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// When the file is not there or [`Architecture::parse`] refuses it.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|e| {
            let got = format!("{}: {e}", path.display());
            Error::new(Stage::Import, CONFIG, got, "put config.json beside model.safetensors")
        })?;
        Self::parse(&text).map_err(|e| e.at(path.display()))
    }

    /// Parses the text of `config.json`.
    ///
    /// # Errors
    /// When it is no CLIP configuration, or asks for sizes that do not fit together.
    pub fn parse(text: &str) -> Result<Self> {
        let refused = |got: &dyn core::fmt::Display, next: &str| Error::new(Stage::Import, CONFIG, got, next);
        let config: Config =
            serde_json::from_str(text).map_err(|e| refused(&e, "download the file again or correct it"))?;
        if config.model_type != "clip" {
            let got = format!("model_type {:?}", config.model_type);
            return Err(refused(&got, "convert the model to ONNX and import the pair"));
        }
        Self::from_config(&config).map_err(|got| refused(&got, "use a complete CLIP checkpoint"))
    }

    fn from_config(config: &Config) -> core::result::Result<Self, String> {
        let (v, t) = (&config.vision_config, &config.text_config);
        let vision = tower(
            [v.hidden_size, v.num_hidden_layers, v.num_attention_heads, v.intermediate_size, config.projection_dim],
            &v.hidden_act,
            v.layer_norm_eps,
        )?;
        let text = tower(
            [t.hidden_size, t.num_hidden_layers, t.num_attention_heads, t.intermediate_size, config.projection_dim],
            &t.hidden_act,
            t.layer_norm_eps,
        )?;
        within("image_size", v.image_size, 4096)?;
        within("patch_size", v.patch_size, v.image_size)?;
        within("max_position_embeddings", t.max_position_embeddings, 4096)?;
        within("vocab_size", t.vocab_size, 1 << 20)?;
        let last = t.vocab_size as u64 - 1;
        if t.eos_token_id.is_some_and(|end| end != LEGACY_END && end != last) {
            return Err(format!("eos_token_id {:?}, not the last id {last}", t.eos_token_id));
        }
        Ok(Self {
            vision: VisionTower { tower: vision, image_size: v.image_size, patch_size: v.patch_size },
            text: TextTower { tower: text, context: t.max_position_embeddings, vocabulary: t.vocab_size },
        })
    }

    /// Every tensor a checkpoint of this architecture holds, with its shape.
    fn tensors(&self) -> BTreeMap<String, Vec<usize>> {
        let (v, t) = (&self.vision, &self.text);
        let mut shapes = BTreeMap::new();
        tower_tensors("vision_model", &v.tower, &mut shapes);
        tower_tensors("text_model", &t.tower, &mut shapes);
        let (vision, text) = (v.tower.width, t.tower.width);
        let mut add = |name: &str, shape: &[usize]| shapes.insert(name.to_owned(), shape.to_vec());
        add("logit_scale", &[]);
        add("visual_projection.weight", &[v.tower.projection, vision]);
        add("text_projection.weight", &[t.tower.projection, text]);
        add("vision_model.embeddings.class_embedding", &[vision]);
        add("vision_model.embeddings.patch_embedding.weight", &[vision, 3, v.patch_size, v.patch_size]);
        add("vision_model.embeddings.position_embedding.weight", &[1 + v.grid() * v.grid(), vision]);
        add("text_model.embeddings.token_embedding.weight", &[t.vocabulary, text]);
        add("text_model.embeddings.position_embedding.weight", &[t.context, text]);
        for (norm, width) in [
            ("vision_model.pre_layrnorm", vision),
            ("vision_model.post_layernorm", vision),
            ("text_model.final_layer_norm", text),
        ] {
            add(&format!("{norm}.weight"), &[width]);
            add(&format!("{norm}.bias"), &[width]);
        }
        shapes
    }
}

fn within(name: &str, value: usize, most: usize) -> core::result::Result<(), String> {
    if value == 0 || value > most { Err(format!("{name} {value}, not from 1 to {most}")) } else { Ok(()) }
}

fn tower(sizes: [usize; 5], activation: &str, epsilon: f32) -> core::result::Result<Tower, String> {
    let [width, layers, heads, intermediate, projection] = sizes;
    for (name, value, most) in [
        ("hidden_size", width, 1 << 16),
        ("num_hidden_layers", layers, 1 << 10),
        ("num_attention_heads", heads, width.max(1)),
        ("intermediate_size", intermediate, 1 << 18),
        ("projection_dim", projection, 1 << 16),
    ] {
        within(name, value, most)?;
    }
    if width % heads != 0 {
        return Err(format!("hidden_size {width}, no multiple of num_attention_heads {heads}"));
    }
    let activation = match activation {
        "quick_gelu" => Activation::QuickGelu,
        "gelu" => Activation::Gelu,
        other => return Err(format!("hidden_act {other:?}, neither \"quick_gelu\" nor \"gelu\"")),
    };
    Ok(Tower { width, layers, heads, intermediate, activation, epsilon, projection })
}

fn tower_tensors(prefix: &str, tower: &Tower, shapes: &mut BTreeMap<String, Vec<usize>>) {
    let (width, intermediate) = (tower.width, tower.intermediate);
    for layer in 0..tower.layers {
        let block = format!("{prefix}.encoder.layers.{layer}");
        let mut linear = |name: &str, output: usize, input: usize| {
            shapes.insert(format!("{block}.{name}.weight"), vec![output, input]);
            shapes.insert(format!("{block}.{name}.bias"), vec![output]);
        };
        for part in ["q_proj", "k_proj", "v_proj", "out_proj"] {
            linear(&format!("self_attn.{part}"), width, width);
        }
        linear("mlp.fc1", intermediate, width);
        linear("mlp.fc2", width, intermediate);
        for norm in ["layer_norm1", "layer_norm2"] {
            shapes.insert(format!("{block}.{norm}.weight"), vec![width]);
            shapes.insert(format!("{block}.{norm}.bias"), vec![width]);
        }
    }
}

/// The bytes of `model.safetensors`, mapped, not read: only one tensor at a time is ever copied.
#[derive(Debug)]
pub struct CheckpointFile {
    map: Mmap,
    path: String,
}

impl CheckpointFile {
    /// Maps the file at `path`.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(path: &Path) -> Result<Self> {
        let refused = |e: std::io::Error| {
            let got = format!("{}: {e}", path.display());
            Error::new(Stage::Import, "a readable model.safetensors", got, "check the path")
        };
        let file = File::open(path).map_err(refused)?;
        // SAFETY: the map is read-only; a writer that cuts the file meanwhile is outside what import supports.
        let map = unsafe { Mmap::map(&file) }.map_err(refused)?;
        Ok(Self { map, path: path.display().to_string() })
    }

    /// The checkpoint in the file.
    ///
    /// # Errors
    /// As [`Checkpoint::parse`].
    pub fn checkpoint(&self, architecture: &Architecture) -> Result<Checkpoint<'_>> {
        Checkpoint::parse(&self.map, architecture).map_err(|e| e.at(&self.path))
    }
}

fn check_tensor(tensors: &SafeTensors<'_>, name: &str, shape: &[usize]) -> Result<()> {
    let expected = format!("tensor {name:?} of shape {shape:?}");
    let next = "check that config.json belongs to this checkpoint";
    let found = tensors.tensor(name).map_err(|_| Error::new(Stage::Import, &expected, "no such tensor", next))?;
    if found.shape() != shape && !(shape.is_empty() && found.shape() == [1]) {
        return Err(Error::new(Stage::Import, expected, format_args!("shape {:?}", found.shape()), next));
    }
    match found.dtype() {
        Dtype::F32 | Dtype::F16 | Dtype::BF16 => Ok(()),
        other => {
            let got = format!("element type {other:?}");
            Err(Error::new(Stage::Import, format!("{expected} in F32, F16 or BF16"), got, "convert the checkpoint"))
        }
    }
}

/// A checkpoint whose tensors are all there in their right shapes.
#[derive(Debug)]
pub struct Checkpoint<'data> {
    tensors: SafeTensors<'data>,
}

impl<'data> Checkpoint<'data> {
    /// Parses the header of a safetensors file and checks that exactly the tensors of `architecture` are there.
    ///
    /// # Errors
    /// When the bytes are cut or no safetensors file, or a tensor is missing, extra or misshapen: which, expected, found.
    pub fn parse(bytes: &'data [u8], architecture: &Architecture) -> Result<Self> {
        let tensors = SafeTensors::deserialize(bytes)
            .map_err(|e| Error::new(Stage::Import, "a whole safetensors file", e, "download it again"))?;
        let expected = architecture.tensors();
        for (name, shape) in &expected {
            check_tensor(&tensors, name, shape)?;
        }
        for name in tensors.names() {
            if !expected.contains_key(name) && !BUFFERS.contains(&name) {
                let want = format!("the {} tensors that config.json describes", expected.len());
                let next = "check that config.json belongs to this checkpoint";
                return Err(Error::new(Stage::Import, want, format_args!("extra tensor {name:?}"), next));
            }
        }
        Ok(Self { tensors })
    }

    /// The values of tensor `name` as f32, row-major.
    ///
    /// # Errors
    /// When it is not there or holds a number that is not finite.
    pub fn tensor(&self, name: &str) -> Result<Vec<f32>> {
        let missing =
            || Error::new(Stage::Import, format_args!("tensor {name:?}"), "none", "use a complete checkpoint");
        let tensor = self.tensors.tensor(name).map_err(|_| missing())?;
        let bytes = tensor.data();
        let pairs = || bytes.chunks_exact(2).map(|b| [b[0], b[1]]);
        let values: Vec<f32> = match tensor.dtype() {
            Dtype::F32 => bytes.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect(),
            Dtype::F16 => pairs().map(|b| half::f16::from_le_bytes(b).to_f32()).collect(),
            Dtype::BF16 => pairs().map(|b| half::bf16::from_le_bytes(b).to_f32()).collect(),
            _ => return Err(missing()),
        };
        if let Some(bad) = values.iter().find(|v| !v.is_finite()) {
            let expected = format!("finite numbers in tensor {name:?}");
            return Err(Error::new(Stage::Import, expected, bad, "use another checkpoint"));
        }
        Ok(values)
    }

    /// The checkpoint's `logit_scale`: the ln of what cosines are multiplied by.
    ///
    /// # Errors
    /// As [`Checkpoint::tensor`].
    pub fn logit_scale(&self) -> Result<f32> {
        Ok(self.tensor("logit_scale")?.first().copied().unwrap_or_default())
    }
}
