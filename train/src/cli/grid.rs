//! `figureground-train grid`.

use super::device_args::DeviceArgs;
use super::progress::Progress;
use clap::Args;
use figureground::Result;
use figureground::view::View;
use figureground_train::clip::{ClipRenderer, MaskSource};
use figureground_train::conventions;
use figureground_train::evaluate::{Evaluator, GridPredictions, SingleView};
use figureground_train::pair::{ClipPair, PairSizes, weights};
use figureground_train::segmenter_files::SegmenterFiles;
use figureground_train::splits::{self, CrossedGrid};
use pantomime::ClassGroup;
use std::path::PathBuf;

pub const EXAMPLES: &str = "Example:
  figureground-train grid --people 36 plain masked";

#[derive(Debug, Args)]
pub struct Grid {
    /// Folders of the pairs.
    #[arg(required = true, value_name = "DIR")]
    pairs: Vec<PathBuf>,
    /// Number of people; each is in the home scene of every base class.
    #[arg(long, default_value_t = 36, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    people: u32,
    /// Folder with segmenter.toml and segmenter.onnx [default: exact masks].
    #[arg(long, value_name = "DIR")]
    segmenter: Option<PathBuf>,
    /// Seed of the people.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

impl Grid {
    pub fn run(&self, device_args: &DeviceArgs, progress: &Progress) -> Result<()> {
        let sizes = PairSizes::MINIATURE;
        let device = device_args.device()?;
        let encoder = device_args.encoder(&device, &sizes)?;
        let preprocess = conventions::preprocess(&sizes)?;
        let files = self.segmenter.as_deref().map(SegmenterFiles::trained).transpose()?;
        let renderer =
            ClipRenderer { segmenter_files: files.as_ref(), ..conventions::renderer(&preprocess, sizes.frames)? };
        let grid = CrossedGrid { people: self.people as usize, seed: self.seed }.clips();
        let clips = renderer.render(&grid.specs, &progress.bar("rendering"))?;
        let names = splits::action_names(Some(ClassGroup::Base));
        let prompts = conventions::prompts(&conventions::tokenizer(&sizes)?, &names)?;
        let evaluator = Evaluator { encoder: &encoder, sizes, fill: conventions::fill(&preprocess), object_fill: None };
        let places = names.len();
        let people: Vec<usize> = grid.labels.iter().copied().step_by(places).collect();
        for path in &self.pairs {
            let pair = weights::read(ClipPair::new(&sizes, &device), &sizes, path)?;
            let classifier = evaluator.classifier(&pair, &prompts);
            let predictions = |view| {
                let stimulus = SingleView { masks: MaskSource::Segmented, ..evaluator.view(view) };
                evaluator.predictions(&classifier, &clips, &stimulus)
            };
            let of_view =
                |view| Ok(GridPredictions { places, people: &people, predictions: &predictions(view)? }.measures());
            let [full, person, background] = [View::Full, View::Person, View::Background].map(of_view);
            let (full, person, background): (_, _, _) = (full?, person?, background?);
            progress.print(&format!(
                "{}: {} people in {places} places: right at home {:.3}, elsewhere {:.3}; names the place elsewhere \
                 {:.3}; R {:.3}, C {:.3}, T >= .25 in {:.3}; Person view right {:.3}; Background view right at home \
                 {:.3}, names the place elsewhere {:.3}",
                path.display(),
                people.len(),
                full.right_at_home,
                full.right_elsewhere,
                full.names_place,
                full.person,
                full.place,
                full.by_place,
                person.right_elsewhere,
                background.right_at_home,
                background.names_place
            ));
        }
        Ok(())
    }
}
