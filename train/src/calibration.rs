//! A gate fitted to its model on clips that nothing was trained on.

use crate::clip::{Masks, ProcessedClip};
use crate::evaluate::{Evaluator, stimulus::SingleView};
use crate::pair::{ClipPair, values};
use burn::tensor::Tensor;
use figureground::Result;
use figureground::gate::{Calibration, Evidence, Gate, GateSettings, ScoreKind, Verdict, Visibility};
use figureground::view::View;

/// The fraction of right predictions in context that the fitted threshold may flag.
pub const FALSE_FLAGS: f64 = 0.05;

/// Clips whose classes are known, with the logits `[classes]` of their three views.
#[derive(Debug)]
pub struct Judged {
    logits: [Vec<Vec<f32>>; 3],
    labels: Vec<usize>,
    /// Whether the class is in its home scene.
    at_home: Vec<bool>,
}

/// What a fitted gate does on clips it was not fitted on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Effect {
    /// top1 of whole clips.
    pub top1: f64,
    /// Flagged among right predictions.
    pub false_flags: f64,
    /// Flagged among wrong predictions.
    pub flagged_wrong: f64,
}

impl Judged {
    /// Shows `clips` to `pair` in the three views.
    ///
    /// # Errors
    /// When clips does not fit the sizes.
    pub fn new(
        evaluator: &Evaluator<'_>,
        pair: &ClipPair,
        clips: &[ProcessedClip],
        labels: &[usize],
        at_home: Vec<bool>,
        texts: &Tensor<2>,
    ) -> Result<Self> {
        let classes = texts.dims()[0];
        let scale = values(pair.scale())[0];
        let of_view = |view| -> Result<Vec<Vec<f32>>> {
            let stimulus = SingleView { view, masks: Masks::Segmented, fill: evaluator.fill, object_fill: None };
            let clips = evaluator.clips(pair, clips, &stimulus)?;
            let logits = values(clips.matmul(texts.clone().transpose()).mul_scalar(scale));
            Ok(logits.chunks_exact(classes).map(<[f32]>::to_vec).collect())
        };
        let logits = [of_view(View::Full)?, of_view(View::Person)?, of_view(View::Background)?];
        Ok(Self { logits, labels: labels.to_vec(), at_home })
    }

    /// Temperature and offset per view, then each score's threshold.
    ///
    /// The temperature is the one with the smallest cross-entropy; the offset makes up for how much less, on clips at
    /// home, a view tells of the right class than the whole clip does; the threshold lets through all but
    /// [`FALSE_FLAGS`] of the right predictions at home.
    ///
    /// # Errors
    /// When a number is not finite.
    pub fn fit(&self) -> Result<GateSettings> {
        let temperature = [0, 1, 2].map(|view| self.temperature(view));
        let said = [0, 1, 2].map(|view| self.mean_log_p(view, temperature[view]));
        let offset = said.map(|view| (said[View::Full.index()] - view) as f32);
        let calibration = Some(Calibration { temperature: temperature.map(|t| t as f32), offset });
        let mut settings = GateSettings { calibration, ..GateSettings::default() };
        for kind in ScoreKind::ALL {
            let mut scores: Vec<f32> = self
                .judgements(&settings)?
                .into_iter()
                .zip(self.labels.iter().zip(&self.at_home))
                .filter(|((label, _, _), (truth, at_home))| label == *truth && **at_home)
                .map(|((_, scores, _), _)| scores.get(kind))
                .collect();
            scores.sort_by(f32::total_cmp);
            let kept = ((1.0 - FALSE_FLAGS) * scores.len() as f64).ceil() as usize;
            *settings.threshold.get_mut(kind) = scores.get(kept.saturating_sub(1)).copied().unwrap_or(0.0);
        }
        Ok(settings)
    }

    /// What a gate with `settings` does here.
    ///
    /// # Errors
    /// When a setting is out of range.
    pub fn effect(&self, settings: &GateSettings) -> Result<Effect> {
        let (mut right, mut flagged_right, mut flagged_wrong) = (0, 0, 0);
        let judgements = self.judgements(settings)?;
        for ((label, _, flagged), truth) in judgements.iter().zip(&self.labels) {
            right += usize::from(label == truth);
            flagged_right += usize::from(label == truth && *flagged);
            flagged_wrong += usize::from(label != truth && *flagged);
        }
        let fraction = |part: usize, whole: usize| part as f64 / whole.max(1) as f64;
        Ok(Effect {
            top1: fraction(right, judgements.len()),
            false_flags: fraction(flagged_right, right),
            flagged_wrong: fraction(flagged_wrong, judgements.len() - right),
        })
    }

    /// Label, scores and whether it is flagged, of every clip.
    fn judgements(&self, settings: &GateSettings) -> Result<Vec<(usize, figureground::gate::Scores, bool)>> {
        let mut gate = Gate::new(settings.clone())?;
        let seen = Visibility { person_area: 0.2, background_area: 0.5, frames_with_person: 1, frames: 1 };
        (0..self.labels.len())
            .map(|i| {
                gate.reset();
                let [full, person, background] = &self.logits;
                let judged = gate.judge(&Evidence::new([&full[i], &person[i], &background[i]], seen)?);
                Ok((judged.label, judged.scores, matches!(judged.verdict, Verdict::Flag(_))))
            })
            .collect()
    }

    /// The temperature with the smallest cross-entropy, from 0.25 to 16.
    fn temperature(&self, view: usize) -> f64 {
        let candidates = (0..=120).map(|i| 0.25 * 64f64.powf(f64::from(i) / 120.0));
        let loss = |temperature: f64| -> f64 {
            -self.logits[view].iter().zip(&self.labels).map(|(l, c)| log_p(l, *c, temperature)).sum::<f64>()
        };
        candidates.min_by(|a, b| loss(*a).total_cmp(&loss(*b))).unwrap_or(1.0)
    }

    /// Mean ln p of the right class on clips at home.
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
