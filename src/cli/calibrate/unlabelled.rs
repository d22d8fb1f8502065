//! `figureground calibrate --unlabelled`: fits thresholds to ordinary footage.

use super::footage::{FootageReader, check_sources};
use crate::cli::backends::{BACKENDS, PRECISIONS};
use crate::cli::choices::parser;
use crate::cli::progress::Progress;
use crate::cli::run::positive;
use clap::Args;
use figureground::Result;
use figureground::bundle::Bundle;
use figureground::engine::{Backend, BackendOptions, Precision, all_cores};
use figureground::evaluate::calibration::{
    EmptyRoom, EmptyRoomLabel, UnlabelledFit, abstentions_text, check_share, fit_unlabelled,
};
use figureground::gate::GateSettings;
use figureground::pipeline::{FrameRecording, Pipeline};
use std::ffi::OsString;
use std::fmt::Write;
use std::time::Duration;

/// Number of labels of an empty room that are shown.
const SHOWN: usize = 20;

#[derive(Debug, Args)]
#[command(next_help_heading = "Without labels")]
pub(super) struct UnlabelledArgs {
    /// Fit the thresholds to ordinary footage without labels: any source that `run` takes, in the windows of `run`.
    /// Ctrl-C ends a camera or stream, and the fit goes on.
    #[arg(long = "unlabelled", id = "unlabelled", value_name = "SOURCE", num_args = 1.., requires = "share")]
    #[arg(conflicts_with_all = ["records", "risk", "delta"])]
    sources: Vec<OsString>,
    /// Largest fraction of the footage to flag, between 0 and 1.
    // Of a flag that conflicts with a given one, clap does not say that it is missing: hence both.
    #[arg(long, value_name = "S", requires = "unlabelled", conflicts_with_all = ["records", "risk"])]
    share: Option<f64>,
    /// Footage without people: show what labels an empty room gets. It does not change the fit.
    #[arg(long, value_name = "SOURCE", num_args = 1.., requires = "unlabelled")]
    #[arg(conflicts_with_all = ["records", "risk"])]
    empty: Vec<OsString>,
    /// Seconds to read of each camera or stream [default: until ctrl-C].
    #[arg(long, value_name = "SECONDS", requires = "unlabelled", value_parser = positive)]
    #[arg(conflicts_with_all = ["records", "risk"])]
    duration: Option<f64>,
    /// Backend that runs the models.
    #[arg(long, value_parser = parser(BACKENDS), default_value = "auto", requires = "unlabelled")]
    backend: Backend,
    /// Number format on a GPU.
    #[arg(long, value_parser = parser(PRECISIONS), default_value = "f32", requires = "unlabelled")]
    precision: Precision,
    /// Number of CPU threads [default: all cores].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), requires = "unlabelled")]
    threads: Option<u16>,
}

/// A fit, and what it says to the user.
pub(super) struct Unlabelled {
    pub fit: UnlabelledFit,
    room: EmptyRoom,
    share: f64,
    sources: usize,
    damaged: usize,
    names: Vec<String>,
}

impl UnlabelledArgs {
    /// Reads the footage and fits the gate of `bundle` to it.
    pub(super) fn fit(&self, bundle: &Bundle, progress: &Progress) -> Result<Unlabelled> {
        // The command line was checked: there is one.
        let share = self.share.unwrap_or(f64::NAN);
        check_share(share)?;
        check_sources(&self.empty, false, self.duration)?;
        check_sources(&self.sources, true, self.duration)?;
        let threads = self.threads.map_or_else(all_cores, usize::from);
        let options = BackendOptions { backend: self.backend, precision: self.precision, threads };
        let mut pipeline = Pipeline::load(bundle, &options, FrameRecording::Off)?;
        let names = pipeline.names().to_vec();
        let duration = self.duration.map(|seconds| Duration::from_secs_f64(seconds.min(1e9)));
        let mut reader = FootageReader { pipeline: &mut pipeline, progress, duration, damaged: 0 };
        let _long = progress.long("reading footage");
        // First, because ctrl-C may end the ordinary footage.
        let empty = reader.read(&self.empty, "empty rooms")?;
        let footage = reader.read(&self.sources, "sources")?;
        let damaged = reader.damaged;
        let gate = &bundle.manifest().gate;
        let room = EmptyRoom::examine(&empty, &footage, gate)?;
        let fit = fit_unlabelled(&footage, gate, share)?;
        Ok(Unlabelled { fit, room, share, sources: footage.sources(), damaged, names })
    }
}

impl Unlabelled {
    /// Returns the effect of the fit on the footage.
    pub(super) fn effect(&self) -> String {
        let fit = &self.fit;
        let (windows, sources) = (counted(fit.windows, "window"), counted(self.sources, "source"));
        let mut text = format!("{windows} of {sources}: {} judged", fit.judged);
        let abstentions = fit.windows - fit.judged;
        if abstentions > 0 {
            // Writing to a string cannot fail.
            let reasons = abstentions_text(&fit.abstentions);
            let _ = write!(text, ", {} ({reasons})", counted(abstentions, "abstention"));
        }
        if self.damaged > 0 {
            let _ = write!(text, "; {} could not be read to the end", counted(self.damaged, "source"));
        }
        let _ = writeln!(
            text,
            "\n{:.1} % of the judged windows are flagged, {:.1} % before",
            fit.flagged * 100.0,
            fit.flagged_before * 100.0
        );
        text
    }

    /// Returns how the thresholds were chosen, and what an empty room gets.
    pub(super) fn explanation(&self, before: &GateSettings) -> String {
        let UnlabelledFit { settings, flagged_by_background, .. } = &self.fit;
        let share = self.share * 100.0;
        let mut text = format!(
            "tau {} is the smallest from 0 on at which at most {share} % are flagged background-dominates: {:.1} %\n",
            settings.threshold,
            flagged_by_background * 100.0
        );
        if let Some(risk) = settings.risk {
            let _ = writeln!(
                text,
                "{} above {} is the smallest threshold of the risk at which at most {share} % are flagged in all",
                risk.score.name(),
                risk.threshold
            );
        }
        let _ = writeln!(text, "the temperature stays {}, because only labels can tell it", before.temperature);
        text + &self.empty_room(before)
    }

    fn empty_room(&self, gate: &GateSettings) -> String {
        let EmptyRoom { windows, with_person, labels } = &self.room;
        if *windows == 0 {
            return "no window without people: pass some with --empty to see what labels an empty room gets\n"
                .to_owned();
        }
        let mut text = format!("an empty room, {} without people", counted(*windows, "window"));
        if *with_person > 0 {
            let _ = write!(text, " ({with_person} in which the segmenter sees a person all the same)");
        }
        if labels.is_empty() {
            let _ = writeln!(text, ": no label with a probability of {} or more", gate.min_confidence);
            return text;
        }
        text += ", gets these labels:\n";
        for EmptyRoomLabel { class, windows: [full, background], largest_p: [p_full, p_background] } in
            labels.iter().take(SHOWN)
        {
            let name = self.names.get(*class).map_or("?", String::as_str);
            let view = |count: usize, p: f32| match count {
                0 => "never".to_owned(),
                count => format!("{count} of {windows}, p up to {p:.2}"),
            };
            let _ = writeln!(
                text,
                "  {name}: full {}; background {}",
                view(*full, *p_full),
                view(*background, *p_background)
            );
        }
        if labels.len() > SHOWN {
            let _ = writeln!(text, "  and {} more", labels.len() - SHOWN);
        }
        text
    }
}

/// Returns `1 window` or `2 windows`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
