//! Fits a gate to its model on clips that training never uses.

use crate::clip::{LabelledClips, MaskSource};
use crate::evaluate::{Classifier, Evaluator, SingleView};
use crate::pair::values;
use figureground::Result;
use figureground::evaluate::calibration::{Figures, fit_temperature, smallest_threshold};
use figureground::gate::{Calibration, CalibrationKind, Evidence, Gate, GateSettings, Judgement, Verdict, Visibility};
use figureground::timestamp::Timestamp;
use figureground::view::View;

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

    /// Fits the temperature to the full views, then tau of dominance to the correct predictions at home. There is no
    /// test of the risk.
    ///
    /// # Errors
    /// Returns an error if a logit is not finite, or if the best temperature is at the edge of its range.
    pub fn fit(&self) -> Result<GateSettings> {
        let full = &self.logits[View::Full.index()];
        let clips: Vec<(Vec<f32>, usize)> = full.iter().cloned().zip(self.labels.iter().copied()).collect();
        let temperature = fit_temperature(&clips)? as f32;
        let mut settings = GateSettings { temperature, ..GateSettings::default() };
        let judgements = self.judgements(&settings)?;
        let is_right_at_home = |i: usize, judgement: &Judgement| judgement.label == self.labels[i] && self.at_home[i];
        let right = || judgements.iter().enumerate().filter(|(i, judgement)| is_right_at_home(*i, judgement));
        let of_background = right().filter(|(_, judgement)| judgement.background_rank == 1);
        let dominances = of_background.map(|(_, judgement)| judgement.scores.dominance).collect();
        settings.threshold = smallest_threshold(dominances, right().count());
        let Figures { flagged, mean_risk } =
            Figures::of(self.judgements(&settings)?.iter().map(|judgement| (judgement.verdict, None)));
        settings.calibration = Some(Calibration {
            kind: CalibrationKind::Labels,
            temperature,
            threshold: settings.threshold,
            risk_threshold: None,
            on_background: settings.on_background,
            bound: None,
            clips: self.labels.len() as u32,
            records: "pantomime, calibration split".to_owned(),
            at: Timestamp::now().to_string(),
            flagged,
            mean_risk,
        });
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
        let visibility = Visibility::of_areas(0.2, 0.5, settings);
        (0..self.labels.len())
            .map(|i| {
                gate.reset();
                let [full, person, background] = &self.logits;
                Ok(gate.judge(&Evidence::new([&full[i], &person[i], &background[i]], visibility)?))
            })
            .collect()
    }
}
