//! `figureground counterfactual`: sets that tell what a model goes by.

use super::counterfactual_args::{CounterfactualArgs, is_of_clip, open};
use super::progress::Progress;
use super::{Exit, interrupt, report};
use clap::Args;
use figureground::bundle::Bundle;
use figureground::engine::all_cores;
use figureground::evaluate::counterfactual::{
    ClipFormat, ClipWriter, Compositor, CounterfactualSet, SetKind, frame_segmenter,
};
use figureground::evaluate::dataset::{Dataset, Format, LabelledClip};
use figureground::evaluate::spread;
use figureground::source::SourceOptions;
use figureground::{Error, Result, Stage};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub const EXAMPLES: &str = "Examples:
  figureground counterfactual clips --format folder --bundle my-bundle --set scuba --out scuba
  figureground counterfactual clips --format folder --bundle my-bundle --set swap-far --as mp4 --out far
  figureground validate scuba --format folder --bundle my-bundle --out scuba-report

Of sets that are drawn several times, or for several --backgrounds, each lies in a folder of its own.
What is done is kept: the same command again goes on where it ended.";

#[derive(Debug, Args)]
pub struct Counterfactual {
    /// The folder of the set.
    data: PathBuf,
    /// How it is laid out.
    #[arg(long, value_enum)]
    format: Format,
    /// The file that lists its clips [default: the only such file in DATA].
    #[arg(long, value_name = "FILE")]
    annotations: Option<PathBuf>,
    /// Masks made elsewhere, as seg/CLASS/CLIP/%06d.png or CLASS/CLIP/%06d.png [default: the bundle's segmenter].
    #[arg(long, value_name = "DIR")]
    masks: Option<PathBuf>,
    /// What is put around people.
    #[arg(long, value_enum)]
    set: SetKind,
    /// A folder a class and a folder of frames or a file a clip go here.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What clips are written as.
    #[arg(long = "as", value_enum, default_value_t)]
    write_as: ClipFormat,
    /// The bundle whose segmenter cuts people out [default: the built-in bundle, which knows drawn people].
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Clips at a time, each with models of its own.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    jobs: u16,
    /// Frames a second of clips that are folders of pictures.
    #[arg(long, default_value_t = SourceOptions::default().fps, value_parser = super::run::positive)]
    fps: f64,
    #[command(flatten)]
    counterfactual_args: CounterfactualArgs,
}

/// What became of a script's clips.
#[derive(Debug, Default)]
struct DeliveryCounts {
    made: usize,
    left_out: usize,
    unread: usize,
}

impl Counterfactual {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.bundle.as_deref().map_or_else(super::built_in::bundle, Bundle::open)?;
        let dataset = Dataset::open(self.format, &self.data, self.annotations.as_deref())?;
        let dataset = self.masks.iter().try_fold(dataset, |set, masks| set.with_masks(masks))?;
        let dataset = self.counterfactual_args.remove_person(dataset)?;
        super::make_directory(&self.out)?;
        let (jobs, threads) = (usize::from(self.jobs), all_cores());
        let place = (self.out.as_path(), self.fps);
        let ground = self.counterfactual_args.prepare(&dataset, &bundle, place, (jobs, threads), progress)?;
        let scripts = ground.scripts(&[self.set], self.counterfactual_args.seed(), &dataset);
        let opener = |clip: &LabelledClip| open(clip, self.fps);
        let compositor = |_| Ok(Compositor::new(frame_segmenter(&bundle, (threads / jobs).max(1))?, &opener));
        let mut compositors: Vec<Compositor<'_>> = (0..jobs).map(compositor).collect::<Result<_>>()?;
        let mut all = DeliveryCounts::default();
        for script in &scripts {
            let out = if scripts.len() == 1 { self.out.clone() } else { self.out.join(script.name()) };
            let counts = self.make(script, &dataset, &out, &mut compositors, progress)?;
            all.made += counts.made;
            all.left_out += counts.left_out;
            all.unread += counts.unread;
        }
        progress.status(&format!(
            "{} clips in {}, {} left out, {} not read",
            all.made,
            self.out.display(),
            all.left_out,
            all.unread
        ));
        if all.made == 0 {
            let got = format!("{} clips of which it cannot be made, {} not read", all.left_out, all.unread);
            let next = "bring a segmenter that knows these people, with --bundle; survey.jsonl says what was seen";
            return Err(Error::new(Stage::DataSet, "clips whose person covers 5 to 50 % of every frame", got, next));
        }
        Ok(if all.unread > 0 { Exit::Failed } else { Exit::Done })
    }

    fn make(
        &self,
        script: &CounterfactualSet<'_>,
        dataset: &Dataset,
        out: &Path,
        compositors: &mut [Compositor<'_>],
        progress: &Progress,
    ) -> Result<DeliveryCounts> {
        super::make_directory(out)?;
        let writer = ClipWriter::new(out, self.write_as);
        let clips = script.clips(dataset);
        let mut counts = DeliveryCounts { left_out: dataset.clips.len() - clips.len(), ..DeliveryCounts::default() };
        let bar = progress.clips(clips.len() as u64, 0);
        bar.set_message(script.name());
        let make = |clip: &LabelledClip, compositor: &mut Compositor<'_>| match writer.make(clip, script, compositor) {
            Err(error) if !is_of_clip(&error) => Err(error.at(&clip.id)),
            made => Ok(made.map_err(|error| error.at(&clip.id))),
        };
        spread(&clips, compositors, make, &mut |made| {
            bar.inc(1);
            match made {
                Ok(_) => counts.made += 1,
                Err(error) => {
                    bar.suspend(|| report(&error));
                    counts.unread += 1;
                }
            }
            Ok(if interrupt::is_interrupted() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        bar.finish_and_clear();
        interrupt::check()?;
        Ok(counts)
    }
}
