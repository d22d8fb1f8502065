//! `figureground counterfactual`: sets that tell what a model goes by.

use super::making::{Making, is_of_clip, open};
use super::progress::Progress;
use super::{Exit, interrupt, report};
use clap::Args;
use figureground::bundle::Bundle;
use figureground::engine::all_cores;
use figureground::evaluate::counterfactual::{Cutter, Maker, Script, Set, Studio, WriteAs};
use figureground::evaluate::dataset::{Clip, Dataset, Format};
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
    set: Set,
    /// A folder a class and a folder of frames or a file a clip go here.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What clips are written as.
    #[arg(long = "as", value_enum, default_value_t)]
    write_as: WriteAs,
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
    making: Making,
}

/// What became of a script's clips.
#[derive(Debug, Default)]
struct Tally {
    made: usize,
    left_out: usize,
    unread: usize,
}

impl Counterfactual {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.bundle.as_deref().map_or_else(super::built_in::bundle, Bundle::open)?;
        let dataset = Dataset::open(self.format, &self.data, self.annotations.as_deref())?;
        let dataset = self.masks.iter().try_fold(dataset, |set, masks| set.with_masks(masks))?;
        let dataset = self.making.uncover(dataset)?;
        super::make_directory(&self.out)?;
        let (jobs, threads) = (usize::from(self.jobs), all_cores());
        let place = (self.out.as_path(), self.fps);
        let ground = self.making.prepare(&dataset, &bundle, place, (jobs, threads), progress)?;
        let scripts = ground.scripts(&[self.set], self.making.seed(), &dataset);
        let opener = |clip: &Clip| open(clip, self.fps);
        let studio = |_| Ok(Studio::new(Cutter::new(&bundle, (threads / jobs).max(1))?, &opener));
        let mut studios: Vec<Studio<'_>> = (0..jobs).map(studio).collect::<Result<_>>()?;
        let mut all = Tally::default();
        for script in &scripts {
            let out = if scripts.len() == 1 { self.out.clone() } else { self.out.join(script.name()) };
            let tally = self.make(script, &dataset, &out, &mut studios, progress)?;
            all.made += tally.made;
            all.left_out += tally.left_out;
            all.unread += tally.unread;
        }
        progress.done(&format!(
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
        script: &Script<'_>,
        dataset: &Dataset,
        out: &Path,
        studios: &mut [Studio<'_>],
        progress: &Progress,
    ) -> Result<Tally> {
        super::make_directory(out)?;
        let maker = Maker::new(out, self.write_as);
        let clips = script.clips(dataset);
        let mut tally = Tally { left_out: dataset.clips.len() - clips.len(), ..Tally::default() };
        let bar = progress.clips(clips.len() as u64, 0);
        bar.set_message(script.name());
        let make = |clip: &Clip, studio: &mut Studio<'_>| match maker.make(clip, script, studio) {
            Err(error) if !is_of_clip(&error) => Err(error.at(&clip.id)),
            made => Ok(made.map_err(|error| error.at(&clip.id))),
        };
        spread(&clips, studios, make, &mut |made| {
            bar.inc(1);
            match made {
                Ok(_) => tally.made += 1,
                Err(error) => {
                    bar.suspend(|| report(&error));
                    tally.unread += 1;
                }
            }
            Ok(if interrupt::raised() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        bar.finish_and_clear();
        interrupt::check()?;
        Ok(tally)
    }
}
