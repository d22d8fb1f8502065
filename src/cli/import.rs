//! `figureground import`: makes a bundle from a checkpoint.

use super::Exit;
use super::choices::{Choice, parser};
use super::progress::Progress;
use clap::Args;
use figureground::Result;
use figureground::engine::all_cores;
use figureground::import;
use figureground::import::tower::Activation;
use figureground::model::write::WeightPrecision;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  figureground import --clip clip-vit-base-patch32/ --segmenter models/segmenters/selfie-general.toml \\
      --segmenter-model selfie_segmentation.onnx --labels actions.txt --out my-bundle
  figureground import --clip k400_clip_complete_finetuned_30_epochs.pth --base clip-vit-base-patch16/ \\
      --segmenter models/segmenters/selfie-general.toml --segmenter-model selfie_segmentation.onnx \\
      --labels actions.txt --out vificlip-bundle
  figureground import --clip folder-with-vision_model.onnx-and-text_model.onnx/ \\
      --convention models/clip/vificlip.toml \\
      --segmenter models/segmenters/pp-humanseg.toml --segmenter-model human_segmentation_pphumanseg_2023mar.onnx \\
      --labels actions.txt --template 'a video of a person {}.' --f16 --out my-bundle";

const ACTIVATIONS: [Choice<Activation>; 2] = [
    Choice { value: Activation::QuickGelu, name: "quick-gelu", help: "`x * sigmoid(1.702 x)`, OpenAI's approximation" },
    Choice { value: Activation::Gelu, name: "gelu", help: "`x * Phi(x)`, computed with `erf`" },
];

#[derive(Debug, Args)]
pub struct Import {
    /// CLIP checkpoint (.safetensors, .pt, .pth, .bin) in the layout of Hugging Face (config.json beside it), OpenAI,
    /// open_clip, ViFi-CLIP or ActionCLIP; or a folder with vision_model.onnx and text_model.onnx, or model.onnx.
    #[arg(long, value_name = "DIR|FILE")]
    clip: PathBuf,
    /// CLIP that a ViFi-CLIP was trained from, for its token table.
    #[arg(long, value_name = "DIR|FILE")]
    base: Option<PathBuf>,
    /// Activation, if the checkpoint has no configuration [default: OpenAI's quick-gelu].
    #[arg(long, value_parser = parser(ACTIVATIONS))]
    activation: Option<Activation>,
    /// Manifest of the CLIP's preprocessing and prompts, from models/clip/ [default: vificlip.toml for a ViFi-CLIP,
    /// actionclip.toml for a checkpoint with a temporal transformer, else openai.toml].
    #[arg(long, value_name = "MANIFEST.toml")]
    convention: Option<PathBuf>,
    /// Manifest of the segmenter's preprocessing and output, from models/segmenters/.
    #[arg(long, value_name = "MANIFEST.toml")]
    segmenter: PathBuf,
    /// ONNX file of the segmenter.
    #[arg(long, value_name = "FILE.onnx")]
    segmenter_model: PathBuf,
    /// File with one class name per line.
    #[arg(long, value_name = "FILE")]
    labels: PathBuf,
    /// Prompt with {} for the class name; may be given several times [default: the convention's].
    #[arg(long = "template", value_name = "TEXT")]
    templates: Vec<String>,
    /// Store weights in 16 bits: half the size; computation stays in 32 bits.
    #[arg(long)]
    f16: bool,
    /// Bundle directory to write; it must not exist.
    #[arg(long, value_name = "BUNDLE")]
    out: PathBuf,
    /// CPU threads that embed the labels [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,
}

impl Import {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let import = import::Import {
            clip: self.clip.clone(),
            base: self.base.clone(),
            activation: self.activation,
            convention: self.convention.clone(),
            segmenter: self.segmenter.clone(),
            segmenter_model: self.segmenter_model.clone(),
            labels: self.labels.clone(),
            templates: self.templates.clone(),
            precision: if self.f16 { WeightPrecision::F16 } else { WeightPrecision::F32 },
            out: self.out.clone(),
        };
        let _long = progress.long(&format!("importing {} to {}", self.clip.display(), self.out.display()));
        import.run(self.threads.map_or_else(all_cores, usize::from), &mut progress.prompts())?;
        progress.result(&format!("{} is written", self.out.display()));
        Ok(Exit::Done)
    }
}
