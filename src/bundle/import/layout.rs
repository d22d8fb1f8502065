//! The names that checkpoints give the tensors of CLIP. This crate's own are Hugging Face's.

use super::tensors::{TensorView, Tensors};
use crate::error::{Error, Result, Stage};
use std::collections::BTreeMap;

/// The token table under this crate's name.
pub const TOKEN_TABLE: &str = "text_model.embeddings.token_embedding.weight";
/// ln of what cosines are multiplied by, under this crate's name.
pub const LOGIT_SCALE: &str = "logit_scale";
/// A tensor that only CLIP with a residual network has.
const RESNET: &str = "visual.layer1.0.conv1.weight";

/// Tensors that Hugging Face's and OpenAI's own exporters leave in a checkpoint and that carry no weights.
const BUFFERS: [&str; 6] = [
    "vision_model.embeddings.position_ids",
    "text_model.embeddings.position_ids",
    "input_resolution",
    "context_length",
    "vocab_size",
    "attn_mask",
];
/// What ViFi-CLIP keeps of the class names it was trained with: this crate embeds its own.
const PROMPTS: &str = "prompt_learner.";

/// OpenAI's names of what lies outside the blocks, after this crate's.
const OPENAI: [(&str, &str, Part); 15] = [
    (LOGIT_SCALE, "logit_scale", Part::Whole),
    ("visual_projection.weight", "visual.proj", Part::Transposed),
    ("text_projection.weight", "text_projection", Part::Transposed),
    ("vision_model.embeddings.class_embedding", "visual.class_embedding", Part::Whole),
    ("vision_model.embeddings.patch_embedding.weight", "visual.conv1.weight", Part::Whole),
    ("vision_model.embeddings.position_embedding.weight", "visual.positional_embedding", Part::Whole),
    ("vision_model.pre_layrnorm.weight", "visual.ln_pre.weight", Part::Whole),
    ("vision_model.pre_layrnorm.bias", "visual.ln_pre.bias", Part::Whole),
    ("vision_model.post_layernorm.weight", "visual.ln_post.weight", Part::Whole),
    ("vision_model.post_layernorm.bias", "visual.ln_post.bias", Part::Whole),
    (TOKEN_TABLE, "token_embedding.weight", Part::Whole),
    ("text_model.embeddings.position_embedding.weight", "positional_embedding", Part::Whole),
    ("text_model.final_layer_norm.weight", "ln_final.weight", Part::Whole),
    ("text_model.final_layer_norm.bias", "ln_final.bias", Part::Whole),
    ("temporal_model.position_embedding.weight", "frame_position_embeddings.weight", Part::Whole),
];
/// OpenAI's names of a transformer's blocks, after this crate's.
const OPENAI_TOWERS: [(&str, &str); 3] = [
    ("vision_model.encoder.layers.", "visual.transformer.resblocks."),
    ("text_model.encoder.layers.", "transformer.resblocks."),
    ("temporal_model.encoder.layers.", "transformer.resblocks."),
];
/// OpenAI's names within a block, after this crate's; the three projections are thirds of one tensor.
const OPENAI_BLOCK: [(&str, &str, Part); 14] = [
    ("self_attn.q_proj.weight", "attn.in_proj_weight", Part::Third(0)),
    ("self_attn.q_proj.bias", "attn.in_proj_bias", Part::Third(0)),
    ("self_attn.k_proj.weight", "attn.in_proj_weight", Part::Third(1)),
    ("self_attn.k_proj.bias", "attn.in_proj_bias", Part::Third(1)),
    ("self_attn.v_proj.weight", "attn.in_proj_weight", Part::Third(2)),
    ("self_attn.v_proj.bias", "attn.in_proj_bias", Part::Third(2)),
    ("self_attn.out_proj.weight", "attn.out_proj.weight", Part::Whole),
    ("self_attn.out_proj.bias", "attn.out_proj.bias", Part::Whole),
    ("mlp.fc1.weight", "mlp.c_fc.weight", Part::Whole),
    ("mlp.fc1.bias", "mlp.c_fc.bias", Part::Whole),
    ("mlp.fc2.weight", "mlp.c_proj.weight", Part::Whole),
    ("mlp.fc2.bias", "mlp.c_proj.bias", Part::Whole),
    ("layer_norm1", "ln_1", Part::Whole),
    ("layer_norm2", "ln_2", Part::Whole),
];

/// Which part of a stored tensor one of this crate's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    /// All of it.
    Whole,
    /// One of three equal parts along the first axis.
    Third(usize),
    /// All of it, axes in reverse.
    Transposed,
}

impl Part {
    /// The shape of the stored tensor whose part has `shape`.
    fn stored_shape(self, shape: &[usize]) -> Vec<usize> {
        let mut shape = shape.to_vec();
        match self {
            Part::Whole => {}
            Part::Third(_) => shape.iter_mut().take(1).for_each(|rows| *rows *= 3),
            Part::Transposed => shape.reverse(),
        }
        shape
    }

    fn of<'data>(self, view: &TensorView<'data>) -> Option<TensorView<'data>> {
        match self {
            Part::Whole => Some(view.clone()),
            Part::Third(third) => {
                let rows = view.shape().first()? / 3;
                view.clone().rows(third * rows, rows)
            }
            Part::Transposed => Some(view.clone().transposed()),
        }
    }
}

/// Where one of this crate's tensors lies in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    name: String,
    part: Part,
}

/// Whose names a checkpoint uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Hugging Face's `CLIPModel`.
    HuggingFace,
    /// OpenAI's state dict, which open_clip and ActionCLIP share.
    OpenAi,
    /// ViFi-CLIP's: OpenAI's towers under names of their own, without the token table.
    ViFiClip,
}

impl Layout {
    /// The layout that the names of `tensors` speak of.
    ///
    /// # Errors
    /// When it is none of the known ones.
    pub fn of(tensors: &Tensors<'_>) -> Result<Self> {
        for layout in [Layout::HuggingFace, Layout::OpenAi, Layout::ViFiClip] {
            let signs = ["vision_model.embeddings.class_embedding", "vision_model.embeddings.patch_embedding.weight"];
            if signs.iter().any(|sign| tensors.holds(&layout.place(sign).name)) {
                return Ok(layout);
            }
        }
        let expected = "the tensors of a CLIP with vision transformer: Hugging Face's, OpenAI's or ViFi-CLIP's names";
        if tensors.holds(RESNET) {
            let next = "export it to ONNX and import the pair";
            return Err(Error::new(Stage::Import, expected, "a residual network (RN50 and its kin)", next));
        }
        let names: Vec<&str> = tensors.names().take(4).collect();
        let got = format!("{} tensors, the first {names:?}", tensors.names().count());
        Err(Error::new(Stage::Import, expected, got, "pass another file, or export the model to ONNX"))
    }

    fn place(self, name: &str) -> Place {
        if self == Layout::HuggingFace {
            return Place { name: name.to_owned(), part: Part::Whole };
        }
        let place = openai(name);
        if self == Layout::OpenAi || name == LOGIT_SCALE {
            return place;
        }
        let name = match place.name.strip_prefix("visual.") {
            Some(rest) => format!("image_encoder.{rest}"),
            None => format!("text_encoder.{}", place.name),
        };
        Place { name, ..place }
    }

    fn carries_no_weights(self, name: &str) -> bool {
        BUFFERS.contains(&name) || (self == Layout::ViFiClip && name.starts_with(PROMPTS))
    }

    /// What to try when a tensor is not as it should be.
    fn next(self) -> &'static str {
        match self {
            Layout::HuggingFace => "check that config.json belongs to this checkpoint",
            Layout::OpenAi | Layout::ViFiClip => "use a whole checkpoint of an unchanged CLIP, or export it to ONNX",
        }
    }
}

fn openai(name: &str) -> Place {
    let block = OPENAI_TOWERS.iter().find_map(|(ours, theirs)| Some((theirs, name.strip_prefix(ours)?)));
    let Some((tower, (layer, rest))) = block.and_then(|(tower, rest)| Some((tower, rest.split_once('.')?))) else {
        let found = OPENAI.iter().find(|(ours, _, _)| *ours == name);
        let (theirs, part) = found.map_or((name, Part::Whole), |(_, theirs, part)| (*theirs, *part));
        return Place { name: theirs.to_owned(), part };
    };
    let part_of = |(ours, theirs, part): &(&str, &str, Part)| {
        Some(Place { name: format!("{tower}{layer}.{theirs}{}", rest.strip_prefix(ours)?), part: *part })
    };
    let whole = || Place { name: format!("{tower}{layer}.{rest}"), part: Part::Whole };
    OPENAI_BLOCK.iter().find_map(part_of).unwrap_or_else(whole)
}

/// The tensors of one file under this crate's names.
#[derive(Clone, Debug)]
pub struct Weights<'data> {
    layout: Layout,
    tensors: Tensors<'data>,
}

impl<'data> Weights<'data> {
    /// `tensors` with the layout that their names speak of.
    ///
    /// # Errors
    /// When it is none of the known ones.
    pub fn new(tensors: Tensors<'data>) -> Result<Self> {
        Ok(Self { layout: Layout::of(&tensors)?, tensors })
    }

    /// `tensors` of ActionCLIP's temporal transformer.
    pub fn temporal(tensors: Tensors<'data>) -> Self {
        Self { layout: Layout::OpenAi, tensors }
    }

    /// Whose names they have in the file.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Whether prompts were learned, which this crate leaves out.
    pub fn has_learned_prompts(&self) -> bool {
        self.layout == Layout::ViFiClip && self.tensors.holds("prompt_learner.ctx")
    }

    /// Whether there is a tensor that this crate calls `name`.
    pub fn holds(&self, name: &str) -> bool {
        self.tensors.holds(&self.layout.place(name).name)
    }

    /// The tensor that this crate calls `name`.
    ///
    /// # Errors
    /// When it is not there.
    pub fn view(&self, name: &str) -> Result<TensorView<'data>> {
        let place = self.layout.place(name);
        let view = self.tensors.get(&place.name).and_then(|view| place.part.of(view));
        view.ok_or_else(|| {
            let expected = format!("tensor {:?}", place.name);
            Error::new(Stage::Import, expected, "no such tensor", self.layout.next())
        })
    }

    /// Checks that exactly the tensors of `shapes` are there, which are under this crate's names.
    ///
    /// # Errors
    /// When one is missing, extra or misshapen: which, expected, found.
    pub fn check(&self, shapes: &BTreeMap<String, Vec<usize>>) -> Result<()> {
        let mut stored = BTreeMap::new();
        for (name, shape) in shapes {
            let place = self.layout.place(name);
            stored.insert(place.name, place.part.stored_shape(shape));
        }
        for (name, shape) in &stored {
            self.check_tensor(name, shape)?;
        }
        let extra = |name: &&str| !stored.contains_key(*name) && !self.layout.carries_no_weights(name);
        if let Some(name) = self.tensors.names().find(extra) {
            let expected = format!("the {} tensors of this architecture", stored.len());
            return Err(Error::new(Stage::Import, expected, format_args!("extra tensor {name:?}"), self.layout.next()));
        }
        Ok(())
    }

    /// Checks the tensor that this crate calls `name`.
    ///
    /// # Errors
    /// When it is missing or misshapen.
    pub fn check_one(&self, name: &str, shape: &[usize]) -> Result<()> {
        let place = self.layout.place(name);
        self.check_tensor(&place.name, &place.part.stored_shape(shape))
    }

    /// Checks one tensor under its name in the file.
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
            return Err(Error::new(
                Stage::Import,
                format!("{expected} in F32, F16 or BF16"),
                got,
                "convert the checkpoint",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_has_its_place_in_every_layout() {
        let places = |name: &str| {
            [Layout::HuggingFace, Layout::OpenAi, Layout::ViFiClip].map(|layout| {
                let Place { name, part } = layout.place(name);
                (name, part)
            })
        };
        let query = "vision_model.encoder.layers.11.self_attn.k_proj.bias";
        assert_eq!(
            places(query),
            [
                (query.to_owned(), Part::Whole),
                ("visual.transformer.resblocks.11.attn.in_proj_bias".to_owned(), Part::Third(1)),
                ("image_encoder.transformer.resblocks.11.attn.in_proj_bias".to_owned(), Part::Third(1)),
            ]
        );
        let norm = "text_model.encoder.layers.0.layer_norm2.weight";
        assert_eq!(places(norm)[2], ("text_encoder.transformer.resblocks.0.ln_2.weight".to_owned(), Part::Whole));
        assert_eq!(places("text_projection.weight")[1], ("text_projection".to_owned(), Part::Transposed));
        assert_eq!(places(LOGIT_SCALE)[2], (LOGIT_SCALE.to_owned(), Part::Whole));
    }
}
