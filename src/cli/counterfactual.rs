//! `figureground counterfactual`: sets that tell what a model goes by.

use super::interrupt::{self, Interruptible};
use super::progress::Progress;
use super::{Exit, report};
use clap::Args;
use figureground::bundle::Bundle;
use figureground::engine::all_cores;
use figureground::evaluate::counterfactual::{Cutter, Made, Maker, Set};
use figureground::evaluate::dataset::{Dataset, Format};
use figureground::source::{self, SourceOptions};
use figureground::{Error, Result, Stage};
use std::path::PathBuf;

pub const EXAMPLES: &str = "Examples:
  figureground counterfactual clips --format folder --bundle my-bundle --set scuba --out scuba
  figureground validate scuba --format folder --bundle my-bundle --out scuba-report

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
    /// What is put around people.
    #[arg(long, value_enum)]
    set: Set,
    /// A folder a class and a folder of frames a clip go here.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// What everything random follows from.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// The bundle whose segmenter cuts people out [default: the built-in bundle, which knows drawn people].
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
}

impl Counterfactual {
    pub fn run(&self, progress: &Progress) -> Result<Exit> {
        let bundle = self.bundle.as_deref().map_or_else(super::built_in::bundle, Bundle::open)?;
        let dataset = Dataset::open(self.format, &self.data, self.annotations.as_deref())?;
        let mut maker = Maker::new(self.set, self.seed, &self.out, Cutter::new(&bundle, all_cores())?);
        let bar = progress.clips(dataset.clips.len() as u64, 0);
        let (mut made, mut uncut, mut unread) = (0, Vec::new(), 0);
        for clip in &dataset.clips {
            interrupt::check()?;
            let Some(path) = &clip.path else {
                unread += 1;
                continue;
            };
            let opened = source::open(path.as_os_str(), &SourceOptions::default());
            match opened.and_then(|source| maker.make(clip, &mut Interruptible(source))) {
                Ok(Made::Written(_) | Made::There) => made += 1,
                Ok(Made::Uncut(covered)) => uncut.push(format!("{} ({:.1} %)", clip.id, covered * 100.0)),
                Err(error) if error.stage() == Stage::Source => {
                    bar.suspend(|| report(&error));
                    unread += 1;
                }
                Err(error) => return Err(error),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        if !uncut.is_empty() {
            log::warn!("left out, because the person covers under 5 or over 50 % of a frame: {}", uncut.join(", "));
        }
        progress.done(&format!("{made} clips in {}, {} left out, {unread} not read", self.out.display(), uncut.len()));
        if made == 0 {
            let got = format!("{} clips whose person was not found so in every frame, {unread} not read", uncut.len());
            let next = "bring a segmenter that knows these people: --bundle";
            return Err(Error::new(Stage::DataSet, "clips whose person covers 5 to 50 % of every frame", got, next));
        }
        Ok(if unread > 0 { Exit::Failed } else { Exit::Done })
    }
}
