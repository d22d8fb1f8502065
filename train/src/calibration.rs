//! Fits a gate to its model on clips that training never uses.

use crate::clip::{LabelledClips, MaskSource};
use crate::evaluate::{Classifier, Evaluator, SingleView};
use crate::pair::values;
use figureground::Result;
use figureground::gate::{Calibration, Evidence, Gate, GateSettings, Judgement, ScoreKind, Verdict, Visibility};
use figureground::view::View;

/// Share of the correct predictions in context that the fitted thresholds may flag.
pub const FALSE_FLAGS: f64 = 0.05;

/// Clips with known classes and their logits in the three views.
#[derive(Debug)]
pub struct CalibrationClips {
    /// Logits `[classes]` of each clip, per view.
    logits: [Vec<Vec<f32>>; 3],
    labels: Vec<usize>,
    /// Whether each clip shows its class in its home scene.
    at_home: Vec<bool>,
}

/// Accuracy and flag rates of a gate.
#[derive(Clone, Copy, Debug, Default)]
pub struct FlagRates {
    /// Top-1 accuracy on whole clips.
    pub top1: f64,
    /// Share of the correct predictions that are flagged.
    pub flagged_correct: f64,
    /// Share of the wrong predictions that are flagged.
    pub flagged_wrong: f64,
}

impl CalibrationClips {
    /// Computes the logits of `clips` in the three views; `at_home` says of each clip whether it is in its home scene.
    ///
    /// # Errors
    /// Returns an error if the clips do not have the pair's picture size.
    pub fn new(
        evaluator: &Evaluator<'_>,
        classifier: &Classifier<'_>,
        clips: &LabelledClips,
        at_home: Vec<bool>,
    ) -> Result<Self> {
        let classes = classifier.texts.dims()[0];
        let scale = values(classifier.pair.scale())[0];
        let of_view = |view| -> Result<Vec<Vec<f32>>> {
            let masks = MaskSource::Segmented;
            let stimulus = SingleView { view, masks, fill: evaluator.fill, object_fill: None };
            let logits = values(evaluator.cosines(classifier, &clips.clips, &stimulus)?.mul_scalar(scale));
            Ok(logits.chunks_exact(classes).map(<[f32]>::to_vec).collect())
        };
        let logits = [of_view(View::Full)?, of_view(View::Person)?, of_view(View::Background)?];
        Ok(Self { logits, labels: clips.labels.clone(), at_home })
    }

    /// Fits temperature and offset of each view, then the threshold of each score.
    ///
    /// The temperature minimises the cross-entropy. The offset makes the mean ln p of the true class at home equal to
    /// that of the full view. The threshold passes all but [`FALSE_FLAGS`] of the correct predictions at home.
    ///
    /// # Errors
    /// Returns an error if a logit is not finite.
    pub fn fit(&self) -> Result<GateSettings> {
        let temperature = [0, 1, 2].map(|view| self.temperature(view));
        let mean_log_p = [0, 1, 2].map(|view| self.mean_log_p(view, temperature[view]));
        let offset = mean_log_p.map(|log_p| (mean_log_p[View::Full.index()] - log_p) as f32);
        let calibration = Some(Calibration { temperature: temperature.map(|t| t as f32), offset });
        let mut settings = GateSettings { calibration, ..GateSettings::default() };
        for kind in ScoreKind::ALL {
            let mut scores: Vec<f32> = self
                .judgements(&settings)?
                .into_iter()
                .zip(self.labels.iter().zip(&self.at_home))
                .filter(|(judgement, (truth, at_home))| judgement.label == **truth && **at_home)
                .map(|(judgement, _)| judgement.scores.get(kind))
                .collect();
            scores.sort_by(f32::total_cmp);
            let passed = ((1.0 - FALSE_FLAGS) * scores.len() as f64).ceil() as usize;
            *settings.threshold.get_mut(kind) = scores.get(passed.saturating_sub(1)).copied().unwrap_or(0.0);
        }
        Ok(settings)
    }

    /// Measures a gate with `settings` on these clips.
    ///
    /// # Errors
    /// Returns an error if a setting is out of range.
    pub fn flag_rates(&self, settings: &GateSettings) -> Result<FlagRates> {
        let (mut correct, mut flagged_correct, mut flagged_wrong) = (0, 0, 0);
        let judgements = self.judgements(settings)?;
        for (judgement, truth) in judgements.iter().zip(&self.labels) {
            let (is_correct, is_flagged) = (judgement.label == *truth, matches!(judgement.verdict, Verdict::Flag(_)));
            correct += usize::from(is_correct);
            flagged_correct += usize::from(is_correct && is_flagged);
            flagged_wrong += usize::from(!is_correct && is_flagged);
        }
        let share = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        Ok(FlagRates {
            top1: share(correct, judgements.len()),
            flagged_correct: share(flagged_correct, correct),
            flagged_wrong: share(flagged_wrong, judgements.len() - correct),
        })
    }

    fn judgements(&self, settings: &GateSettings) -> Result<Vec<Judgement>> {
        let mut gate = Gate::new(settings.clone())?;
        let visibility = Visibility { person_area: 0.2, background_area: 0.5, frames_with_person: 1, frames: 1 };
        (0..self.labels.len())
            .map(|i| {
                gate.reset();
                let [full, person, background] = &self.logits;
                Ok(gate.judge(&Evidence::new([&full[i], &person[i], &background[i]], visibility)?))
            })
            .collect()
    }

    /// Returns the temperature from 0.25 to 16 with the smallest cross-entropy.
    fn temperature(&self, view: usize) -> f64 {
        let candidates = (0..=120).map(|i| 0.25 * 64f64.powf(f64::from(i) / 120.0));
        let loss = |temperature: f64| -> f64 {
            -self.logits[view].iter().zip(&self.labels).map(|(l, c)| log_p(l, *c, temperature)).sum::<f64>()
        };
        candidates.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(1.0)
    }

    /// Returns the mean ln p of the true class on clips at home.
    fn mean_log_p(&self, view: usize, temperature: f64) -> f64 {
        let at_home = || self.logits[view].iter().zip(&self.labels).zip(&self.at_home).filter(|(_, home)| **home);
        at_home().map(|((logits, c), _)| log_p(logits, *c, temperature)).sum::<f64>() / at_home().count().max(1) as f64
    }
}

fn log_p(logits: &[f32], class: usize, temperature: f64) -> f64 {
    let scaled = |logit: &f32| f64::from(*logit) / temperature;
    let most = logits.iter().map(scaled).fold(f64::NEG_INFINITY, f64::max);
    scaled(&logits[class]) - most - logits.iter().map(|l| (scaled(l) - most).exp()).sum::<f64>().ln()
}
