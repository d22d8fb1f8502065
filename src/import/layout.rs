//! The names of CLIP's tensors in checkpoints. This crate's names are Hugging Face's.

use super::tensors::{TensorView, Tensors};
use crate::error::{Error, Result, Stage};
use std::collections::BTreeMap;

/// The token table under this crate's name.
pub const TOKEN_TABLE: &str = "text_model.embeddings.token_embedding.weight";
/// ln of the factor on cosines, under this crate's name.
pub const LOGIT_SCALE: &str = "logit_scale";
/// A tensor that only a CLIP with a residual network has.
const RESNET: &str = "visual.layer1.0.conv1.weight";

/// Tensors without weights that Hugging Face's and OpenAI's exporters leave in a checkpoint.
const BUFFERS: [&str; 6] = [
    "vision_model.embeddings.position_ids",
    "text_model.embeddings.position_ids",
    "input_resolution",
    "context_length",
    "vocab_size",
    "attn_mask",
];
/// Prefix of ViFi-CLIP's learned prompts, which this crate does not use.
const PROMPTS: &str = "prompt_learner.";

/// This crate's and OpenAI's names of the tensors outside the blocks, or their prefixes.
const OPENAI: [(&str, &str, TensorPart); 12] = [
    (LOGIT_SCALE, "logit_scale", TensorPart::Whole),
    ("visual_projection.weight", "visual.proj", TensorPart::Transposed),
    ("text_projection.weight", "text_projection", TensorPart::Transposed),
    ("vision_model.embeddings.class_embedding", "visual.class_embedding", TensorPart::Whole),
    ("vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight", TensorPart::Whole),
    ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding", TensorPart::Whole),
    ("vision_model.pre_layrnorm.", "visual.ln_pre.", TensorPart::Whole),
    ("vision_model.post_layernorm.", "visual.ln_post.", TensorPart::Whole),
    (TOKEN_TABLE, "token_embedding.weight", TensorPart::Whole),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding", TensorPart::Whole),
    ("text_model.final_layer_norm.", "ln_final.", TensorPart::Whole),
    ("temporal_model.position_embedding.weight", "frame_position_embeddings.weight", TensorPart::Whole),
];
/// This crate's and OpenAI's prefixes of a transformer's blocks.
const OPENAI_TOWERS: [(&str, &str); 3] = [
    ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
    ("text_model.encoder.layers.", "transformer.resblocks."),
    ("temporal_model.encoder.layers.", "transformer.resblocks."),
];
/// This crate's and OpenAI's prefixes of names within a block; the three projections are thirds of one tensor.
const OPENAI_BLOCK: [(&str, &str, TensorPart); 8] = [
    ("self_attn.q_proj.", "attn.in_proj_", TensorPart::Third(0)),
    ("self_attn.k_proj.", "attn.in_proj_", TensorPart::Third(1)),
    ("self_attn.v_proj.", "attn.in_proj_", TensorPart::Third(2)),
    ("self_attn.out_proj.", "attn.out_proj.", TensorPart::Whole),
    ("mlp.fc1.", "mlp.c_fc.", TensorPart::Whole),
    ("mlp.fc2.", "mlp.c_proj.", TensorPart::Whole),
    ("layer_norm1.", "ln_1.", TensorPart::Whole),
    ("layer_norm2.", "ln_2.", TensorPart::Whole),
];

/// The part of a stored tensor that one of this crate's tensors is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TensorPart {
    /// The whole tensor.
    Whole,
    /// One of three equal parts along the first axis.
    Third(usize),
    /// The whole tensor with its axes reversed.
    Transposed,
}

impl TensorPart {
    /// Returns the shape of the stored tensor whose part has `shape`.
    fn stored_shape(self, shape: &[usize]) -> Vec<usize> {
        let mut shape = shape.to_vec();
        match self {
            TensorPart::Whole => {}
            TensorPart::Third(_) => shape.iter_mut().take(1).for_each(|rows| *rows *= 3),
            TensorPart::Transposed => shape.reverse(),
        }
        shape
    }

    fn of<'data>(self, view: &TensorView<'data>) -> Option<TensorView<'data>> {
        match self {
            TensorPart::Whole => Some(view.clone()),
            TensorPart::Third(third) => {
                let rows = view.shape().first()? / 3;
                view.clone().rows(third * rows, rows)
            }
            TensorPart::Transposed => Some(view.clone().transposed()),
        }
    }
}

/// The stored tensor that holds one of this crate's tensors, and the part.
#[derive(Clone, Debug, PartialEq, Eq)]
struct StoredTensor {
    name: String,
    part: TensorPart,
}

/// The naming scheme of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointLayout {
    /// Hugging Face's `CLIPModel`.
    HuggingFace,
    /// OpenAI's state dict, which open_clip and ActionCLIP share.
    OpenAi,
    /// ViFi-CLIP's: OpenAI's towers with other prefixes, without the token table.
    ViFiClip,
}

impl CheckpointLayout {
    /// Infers the layout from the names of `tensors`.
    ///
    /// # Errors
    /// Returns an error if the names match no layout.
    pub fn of(tensors: &Tensors<'_>) -> Result<Self> {
        for layout in [CheckpointLayout::HuggingFace, CheckpointLayout::OpenAi, CheckpointLayout::ViFiClip] {
            let names = ["vision_model.embeddings.class_embedding", "vision_model.embeddings.patch_embedding.weight"];
            if names.iter().any(|name| tensors.holds(&layout.stored(name).name)) {
                return Ok(layout);
            }
        }
        let expected = "the tensors of a CLIP with vision transformer: Hugging Face's, OpenAI's or ViFi-CLIP's names";
        if tensors.holds(RESNET) {
            let next = "export it to ONNX and import the pair";
            return Err(Error::new(Stage::Import, expected, "a residual network, such as RN50", next));
        }
        let names: Vec<&str> = tensors.names().take(4).collect();
        let got = format!("{} tensors, the first {names:?}", tensors.names().count());
        Err(Error::new(Stage::Import, expected, got, "pass another file, or export the model to ONNX"))
    }

    /// Returns the stored tensor for this crate's tensor `name`.
    fn stored(self, name: &str) -> StoredTensor {
        if self == CheckpointLayout::HuggingFace {
            return StoredTensor { name: name.to_owned(), part: TensorPart::Whole };
        }
        let stored = openai(name);
        if self == CheckpointLayout::OpenAi || name == LOGIT_SCALE {
            return stored;
        }
        let name = match stored.name.strip_prefix("visual.") {
            Some(rest) => format!("image_encoder.{rest}"),
            None => format!("text_encoder.{}", stored.name),
        };
        StoredTensor { name, ..stored }
    }

    fn carries_no_weights(self, name: &str) -> bool {
        BUFFERS.contains(&name) || (self == CheckpointLayout::ViFiClip && name.starts_with(PROMPTS))
    }

    /// Returns the advice for a tensor that is missing or has another shape.
    fn next(self) -> &'static str {
        match self {
            CheckpointLayout::HuggingFace => "check that config.json belongs to this checkpoint",
            CheckpointLayout::OpenAi | CheckpointLayout::ViFiClip => {
                "use a whole checkpoint of an unchanged CLIP, or export it to ONNX"
            }
        }
    }
}

/// Returns the stored tensor for this crate's tensor `name` in OpenAI's layout.
fn openai(name: &str) -> StoredTensor {
    let block = OPENAI_TOWERS.iter().find_map(|(ours, theirs)| Some((theirs, name.strip_prefix(ours)?)));
    let Some((tower, (layer, rest))) = block.and_then(|(tower, rest)| Some((tower, rest.split_once('.')?))) else {
        return renamed(&OPENAI, name);
    };
    let stored = renamed(&OPENAI_BLOCK, rest);
    StoredTensor { name: format!("{tower}{layer}.{}", stored.name), ..stored }
}

/// Returns the stored tensor of the first entry of `table` with which `name` begins; else `name` itself.
fn renamed(table: &[(&str, &str, TensorPart)], name: &str) -> StoredTensor {
    let found = table.iter().find_map(|&(ours, theirs, part)| Some((name.strip_prefix(ours)?, theirs, part)));
    let (rest, theirs, part) = found.unwrap_or((name, "", TensorPart::Whole));
    StoredTensor { name: format!("{theirs}{rest}"), part }
}

/// The tensors of one file under this crate's names.
#[derive(Clone, Debug)]
pub struct Weights<'data> {
    layout: CheckpointLayout,
    tensors: Tensors<'data>,
}

impl<'data> Weights<'data> {
    /// Infers the layout of `tensors`.
    ///
    /// # Errors
    /// Returns an error if the names match no layout.
    pub fn new(tensors: Tensors<'data>) -> Result<Self> {
        Ok(Self { layout: CheckpointLayout::of(&tensors)?, tensors })
    }

    /// Wraps the `tensors` of ActionCLIP's temporal transformer.
    pub fn temporal(tensors: Tensors<'data>) -> Self {
        Self { layout: CheckpointLayout::OpenAi, tensors }
    }

    /// Returns the naming scheme of the file.
    pub fn layout(&self) -> CheckpointLayout {
        self.layout
    }

    /// Returns whether the checkpoint has learned prompts, which this crate does not use.
    pub fn has_learned_prompts(&self) -> bool {
        self.layout == CheckpointLayout::ViFiClip && self.tensors.holds("prompt_learner.ctx")
    }

    /// Returns whether the tensor that this crate calls `name` exists.
    pub fn holds(&self, name: &str) -> bool {
        self.tensors.holds(&self.layout.stored(name).name)
    }

    /// Returns the tensor that this crate calls `name`.
    ///
    /// # Errors
    /// Returns an error if the tensor is missing.
    pub fn view(&self, name: &str) -> Result<TensorView<'data>> {
        let stored = self.layout.stored(name);
        let view = self.tensors.get(&stored.name).and_then(|view| stored.part.of(view));
        view.ok_or_else(|| {
            let expected = format!("tensor {:?}", stored.name);
            Error::new(Stage::Import, expected, "no such tensor", self.layout.next())
        })
    }

    /// Checks that the file holds exactly the tensors of `shapes`, which have this crate's names.
    ///
    /// # Errors
    /// Returns an error if a tensor is missing, extra or has another shape; the message names it.
    pub fn check(&self, shapes: &BTreeMap<String, Vec<usize>>) -> Result<()> {
        let mut shapes_in_file = BTreeMap::new();
        for (name, shape) in shapes {
            let stored = self.layout.stored(name);
            shapes_in_file.insert(stored.name, stored.part.stored_shape(shape));
        }
        for (name, shape) in &shapes_in_file {
            self.check_tensor(name, shape)?;
        }
        let extra = |name: &&str| !shapes_in_file.contains_key(*name) && !self.layout.carries_no_weights(name);
        if let Some(name) = self.tensors.names().find(extra) {
            let expected = format!("the {} tensors of this architecture", shapes_in_file.len());
            return Err(Error::new(Stage::Import, expected, format_args!("extra tensor {name:?}"), self.layout.next()));
        }
        Ok(())
    }

    /// Checks the tensor that this crate calls `name`.
    ///
    /// # Errors
    /// Returns an error if the tensor is missing or has another shape.
    pub fn check_one(&self, name: &str, shape: &[usize]) -> Result<()> {
        let stored = self.layout.stored(name);
        self.check_tensor(&stored.name, &stored.part.stored_shape(shape))
    }

    /// Checks the tensor with this name in the file.
    fn check_tensor(&self, name: &str, shape: &[usize]) -> Result<()> {
        let expected = format!("tensor {name:?} of shape {shape:?}");
        let next = self.layout.next();
        let found = self.tensors.get(name);
        let found = found.ok_or_else(|| Error::new(Stage::Import, &expected, "no such tensor", next))?;
        if found.shape() != shape && !(shape.is_empty() && found.shape() == [1]) {
            return Err(Error::new(Stage::Import, expected, format_args!("shape {:?}", found.shape()), next));
        }
        if found.element().size().is_none() {
            let got = format!("element type {:?}", found.element());
            let expected = format!("{expected} in F32, F16 or BF16");
            return Err(Error::new(Stage::Import, expected, got, "convert the checkpoint"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_layout_maps_a_name_to_its_stored_tensor() {
        let stored = |name: &str| {
            [CheckpointLayout::HuggingFace, CheckpointLayout::OpenAi, CheckpointLayout::ViFiClip].map(|layout| {
                let StoredTensor { name, part } = layout.stored(name);
                (name, part)
            })
        };
        let query = "vision_model.encoder.layers.11.self_attn.k_proj.bias";
        assert_eq!(
            stored(query),
            [
                (query.to_owned(), TensorPart::Whole),
                ("visual.transformer.resblocks.11.attn.in_proj_bias".to_owned(), TensorPart::Third(1)),
                ("image_encoder.transformer.resblocks.11.attn.in_proj_bias".to_owned(), TensorPart::Third(1)),
            ]
        );
        let norm = "text_model.encoder.layers.0.layer_norm2.weight";
        assert_eq!(stored(norm)[2], ("text_encoder.transformer.resblocks.0.ln_2.weight".to_owned(), TensorPart::Whole));
        assert_eq!(stored("text_projection.weight")[1], ("text_projection".to_owned(), TensorPart::Transposed));
        assert_eq!(stored(LOGIT_SCALE)[2], (LOGIT_SCALE.to_owned(), TensorPart::Whole));
    }
}
