//! Writes and reads a pair in Hugging Face's layout: `model.safetensors`, `config.json`, and `temporal.safetensors`
//! with the temporal transformer in ActionCLIP's names.

use super::clip_pair::{self, ClipPair, FusionKind};
use super::sizes::{PairSizes, Tower};
use super::transformer::EPSILON;
use burn::module::{Module, ModuleMapper, ModuleVisitor, Param};
use burn::tensor::{Tensor, TensorData};
use figureground::bundle::checksum::of_bytes;
use figureground::file::write_aside;
use figureground::{Error, Result, Stage};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::Path;

/// Prefix of the names of the temporal transformer's parameters.
const FUSION: &str = "fusion.";
/// Name of the posture head, which is not written.
const POSTURE: &str = "posture";

/// A tensor, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Weight {
    /// Shape.
    pub shape: Vec<usize>,
    /// Values.
    pub values: Vec<f32>,
}

/// Tensors by name.
pub type Weights = BTreeMap<String, Weight>;

/// Writes `pair` into the folder `directory`, which must exist.
///
/// # Errors
/// Returns an error if a file cannot be written.
pub fn write(pair: &ClipPair, sizes: &PairSizes, directory: &Path) -> Result<()> {
    let (fusion, pair): (Weights, Weights) =
        collect(pair, sizes).into_iter().partition(|(name, _)| name.starts_with(FUSION));
    write_tensors(&directory.join("model.safetensors"), &pair)?;
    if !fusion.is_empty() {
        write_tensors(&directory.join("temporal.safetensors"), &to_action_clip(fusion))?;
    }
    write_aside(&directory.join("config.json"), config(sizes).to_string().as_bytes())
}

/// Reads the weights of `pair` from a folder that [`write()`] wrote. If `pair` has a temporal transformer that the
/// folder lacks, it keeps its weights.
///
/// # Errors
/// Returns an error if the file is missing, or a tensor is missing or has another shape.
pub fn read(pair: ClipPair, sizes: &PairSizes, directory: &Path) -> Result<ClipPair> {
    let mut weights = read_tensors(&directory.join("model.safetensors"))?;
    let temporal = directory.join("temporal.safetensors");
    if pair.fusion.is_some() && temporal.is_file() {
        weights.extend(from_action_clip(read_tensors(&temporal)?));
    }
    let mut loader = Loader { path: Vec::new(), weights, sizes: *sizes, error: None };
    let pair = pair.map(&mut loader);
    loader.error.map_or(Ok(pair), Err)
}

/// Returns the content of `config.json`.
fn config(sizes: &PairSizes) -> serde_json::Value {
    let tower = |t: Tower| {
        json!({
            "hidden_size": t.width, "intermediate_size": 4 * t.width, "num_hidden_layers": t.layers,
            "num_attention_heads": t.heads, "hidden_act": "quick_gelu", "layer_norm_eps": EPSILON,
        })
    };
    let (mut vision, mut text) = (tower(sizes.vision), tower(sizes.text));
    vision["image_size"] = json!(sizes.image_size);
    vision["patch_size"] = json!(sizes.patch_size);
    text["max_position_embeddings"] = json!(sizes.context);
    text["vocab_size"] = json!(sizes.vocabulary());
    text["eos_token_id"] = json!(sizes.vocabulary() - 1);
    text["bos_token_id"] = json!(sizes.vocabulary() - 2);
    json!({
        "model_type": "clip", "architectures": ["CLIPModel"], "projection_dim": sizes.projection,
        "fusion": {"num_attention_heads": sizes.vision.heads, "num_frames": sizes.frames},
        "vision_config": vision, "text_config": text,
    })
}

/// Returns all tensors of `pair` in Hugging Face's names and shapes; those of the temporal transformer begin with
/// `fusion.`.
pub fn collect(pair: &ClipPair, sizes: &PairSizes) -> Weights {
    let mut collector = Collector { path: Vec::new(), weights: Weights::new(), sizes: *sizes };
    pair.visit(&mut collector);
    collector.weights
}

/// Returns a checksum of all tensors of `pair`.
pub fn checksum(pair: &ClipPair, sizes: &PairSizes) -> String {
    let weights = collect(pair, sizes);
    let bytes: Vec<u8> = weights.values().flat_map(|weight| &weight.values).flat_map(|v| v.to_le_bytes()).collect();
    of_bytes(&bytes)
}

/// Returns the fusion of the pair in a folder.
pub fn fusion_in(directory: &Path) -> FusionKind {
    if directory.join("temporal.safetensors").is_file() { FusionKind::Temporal } else { FusionKind::Mean }
}

struct Collector {
    path: Vec<String>,
    weights: Weights,
    sizes: PairSizes,
}

impl ModuleVisitor for Collector {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<D>>) {
        let name = published_name(&self.path);
        if self.path[0] == POSTURE {
            return;
        }
        let tensor = param.val().inner();
        let mut shape = tensor.dims().to_vec();
        let mut values = clip_pair::values(tensor);
        if is_linear(&name, D) {
            values = transposed(&values, shape[0], shape[1]);
            shape.reverse();
        }
        let shape = published_shape(&name, shape, &self.sizes);
        self.weights.insert(name, Weight { shape, values });
    }
}

struct Loader {
    path: Vec<String>,
    weights: Weights,
    sizes: PairSizes,
    error: Option<Error>,
}

impl Loader {
    /// Returns the values of a parameter of `shape`, in burn's order.
    fn values(&mut self, shape: &[usize]) -> Result<Vec<f32>> {
        let name = published_name(&self.path);
        let linear = is_linear(&name, shape.len());
        let mut published = shape.to_vec();
        if linear {
            published.reverse();
        }
        let published = published_shape(&name, published, &self.sizes);
        let refused = |got: String| {
            let next = "choose a checkpoint with these sizes";
            Error::new(Stage::Training, format_args!("tensor {name:?} of shape {published:?}"), got, next)
        };
        let weight = self.weights.remove(&name).ok_or_else(|| refused("no such tensor".to_owned()))?;
        if weight.shape != published && !(published.is_empty() && weight.values.len() == 1) {
            return Err(refused(format!("shape {:?}", weight.shape)));
        }
        Ok(if linear { transposed(&weight.values, shape[1], shape[0]) } else { weight.values })
    }
}

impl ModuleMapper for Loader {
    fn enter_module(&mut self, name: &str, _container_type: &str) {
        self.path.push(name.to_owned());
    }

    fn exit_module(&mut self, _name: &str, _container_type: &str) {
        self.path.pop();
    }

    fn map_float<const D: usize>(&mut self, param: Param<Tensor<D>>) -> Param<Tensor<D>> {
        let shape = param.val().dims();
        // A temporal transformer that the folder lacks keeps its random weights.
        if self.path[0] == POSTURE
            || self.path[0] == "fusion" && !self.weights.keys().any(|name| name.starts_with(FUSION))
        {
            return param;
        }
        match self.values(&shape) {
            Ok(values) => param.map(|old| {
                let device = old.device();
                let read = Tensor::from_data(TensorData::new(values, shape), &device);
                if device.is_autodiff() { read.require_grad() } else { read }
            }),
            Err(error) => {
                self.error.get_or_insert(error);
                param
            }
        }
    }
}

/// Returns Hugging Face's name: burn calls the vectors of a norm gamma and beta, all other names are equal.
fn published_name(path: &[String]) -> String {
    path.join(".").replace(".gamma", ".weight").replace(".beta", ".bias")
}

/// Returns whether a tensor is a linear weight, which burn stores as [input, output] instead of [output, input].
fn is_linear(name: &str, rank: usize) -> bool {
    let table = ["token_embedding", "position_embedding"].iter().any(|table| name.contains(table));
    rank == 2 && name.ends_with(".weight") && !table
}

/// Returns Hugging Face's shape: patch embeddings are convolution kernels, and the logit scale is a scalar.
fn published_shape(name: &str, shape: Vec<usize>, sizes: &PairSizes) -> Vec<usize> {
    if name.ends_with("patch_embedding.weight") {
        return vec![sizes.vision.width, 3, sizes.patch_size, sizes.patch_size];
    }
    if name == "logit_scale" { Vec::new() } else { shape }
}

/// Transposes a row-major [rows, columns] matrix.
fn transposed(matrix: &[f32], rows: usize, columns: usize) -> Vec<f32> {
    (0..rows * columns).map(|i| matrix[(i % rows) * columns + i / rows]).collect()
}

/// Names of a block's parts by Hugging Face and by ActionCLIP, without the projections that ActionCLIP joins.
const BLOCK_PARTS: [(&str, &str); 5] = [
    ("layer_norm1", "ln_1"),
    ("layer_norm2", "ln_2"),
    ("mlp.fc1", "mlp.c_fc"),
    ("mlp.fc2", "mlp.c_proj"),
    ("self_attn.out_proj", "attn.out_proj"),
];
/// The projections that ActionCLIP stores in one tensor, in its order.
const JOINED: [&str; 3] = ["q_proj", "k_proj", "v_proj"];

/// Renames the temporal transformer's tensors from Hugging Face's to ActionCLIP's names.
fn to_action_clip(fusion: Weights) -> Weights {
    let mut named = Weights::new();
    for (name, weight) in fusion {
        let name = name.trim_start_matches(FUSION).replace("transformer.layers.", "transformer.resblocks.");
        let name = BLOCK_PARTS.iter().fold(name, |name, (ours, theirs)| name.replace(ours, theirs));
        let joined = JOINED.iter().find(|part| name.contains(&format!("self_attn.{part}.")));
        let Some(part) = joined else {
            named.insert(name, weight);
            continue;
        };
        // Names are in alphabetical order, k before q before v, so each projection is copied to its own third.
        let name = name.replace(&format!("self_attn.{part}."), "attn.in_proj_");
        let third = JOINED.iter().position(|joined| joined == part).unwrap_or(0);
        let whole = named.entry(name).or_insert_with(|| {
            let mut shape = weight.shape.clone();
            shape[0] *= 3;
            Weight { values: vec![0.0; shape.iter().product()], shape }
        });
        whole.values[third * weight.values.len()..][..weight.values.len()].copy_from_slice(&weight.values);
    }
    named
}

/// Renames the temporal transformer's tensors from ActionCLIP's to Hugging Face's names.
fn from_action_clip(named: Weights) -> Weights {
    let mut fusion = Weights::new();
    for (name, weight) in named {
        let name = format!("{FUSION}{}", name.replace("transformer.resblocks.", "transformer.layers."));
        if let Some((block, kind)) = name.split_once("attn.in_proj_") {
            let third = weight.values.len() / 3;
            let mut shape = weight.shape.clone();
            shape[0] /= 3;
            for (part, values) in JOINED.iter().zip(weight.values.chunks_exact(third.max(1))) {
                let weight = Weight { shape: shape.clone(), values: values.to_vec() };
                fusion.insert(format!("{block}self_attn.{part}.{kind}"), weight);
            }
            continue;
        }
        let name = BLOCK_PARTS.iter().fold(name, |name, (ours, theirs)| name.replace(theirs, ours));
        fusion.insert(name, weight);
    }
    fusion
}

fn write_tensors(path: &Path, weights: &Weights) -> Result<()> {
    let refused = |e: &dyn std::fmt::Display| {
        let next = "check the directory's permissions and free space";
        Error::new(Stage::Training, format_args!("a writable file {}", path.display()), e, next)
    };
    let bytes: Vec<Vec<u8>> =
        weights.values().map(|weight| weight.values.iter().flat_map(|v| v.to_le_bytes()).collect()).collect();
    let views: std::result::Result<Vec<_>, _> = weights
        .iter()
        .zip(&bytes)
        .map(|((name, weight), bytes)| Ok((name, TensorView::new(Dtype::F32, weight.shape.clone(), bytes)?)))
        .collect();
    let views = views.map_err(|e: safetensors::SafeTensorError| refused(&e).with_source(e))?;
    let file = safetensors::serialize(views, None).map_err(|e| refused(&e).with_source(e))?;
    write_aside(path, &file)
}

fn read_tensors(path: &Path) -> Result<Weights> {
    let refused = |e: &dyn std::fmt::Display| {
        let got = format!("{}: {e}", path.display());
        Error::new(Stage::Training, "a complete checkpoint in f32", got, "train it again, or choose another folder")
    };
    let bytes = std::fs::read(path).map_err(|e| refused(&e).with_source(e))?;
    let tensors = SafeTensors::deserialize(&bytes).map_err(|e| refused(&e).with_source(e))?;
    let mut weights = Weights::new();
    for (name, view) in tensors.iter() {
        if view.dtype() != Dtype::F32 {
            return Err(refused(&format_args!("tensor {name:?} is {:?}", view.dtype())));
        }
        let values = view.data().chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect();
        weights.insert(name.to_owned(), Weight { shape: view.shape().to_vec(), values });
    }
    Ok(weights)
}
