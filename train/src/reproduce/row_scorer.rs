//! Scores of the trained pair of a row.

use super::rows::Experiment;
use super::test_set::TestSet;
use crate::clip::{MaskSource, ProcessedClip};
use crate::evaluate::accuracy::{accuracy, contrastive_accuracy};
use crate::evaluate::stimulus::{BackgroundOnly, OverBackground, StillFrame};
use crate::evaluate::{BackgroundKind, Evaluator, SingleView};
use crate::pair::ClipPair;
use figureground::Result;
use figureground::evaluate::metrics::accuracy::share;
use figureground::preprocess::PreprocessSettings;
use figureground::view::View;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use std::collections::{BTreeMap, BTreeSet};

/// Measures a pair on test sets and collects its scores by name.
pub(super) struct RowScorer<'a> {
    pub(super) evaluator: &'a Evaluator<'a>,
    pub(super) pair: &'a ClipPair,
    pub(super) experiment: Experiment,
    /// Scores as `test_set.measure`.
    pub(super) scores: BTreeMap<String, f64>,
}

impl RowScorer<'_> {
    /// Adds top1 with its strata of skin and clothes, B-top1 and P-top1 by segmented and by exact masks (for objects by
    /// exact ones only), and for some experiments accuracy on a still and on the scene without people (BOR's
    /// numerator).
    pub(super) fn add_test_set(&mut self, test_set: &TestSet) -> Result<()> {
        let classifier = self.evaluator.classifier(self.pair, &test_set.prompts);
        let (clips, labels) = (&test_set.clips.clips, &test_set.clips.labels);
        let predictions = self.evaluator.predictions(&classifier, clips, &self.evaluator.view(View::Full))?;
        let mut measured = vec![("top1".to_owned(), accuracy(&predictions, labels))];
        measured.extend(accuracy_by_stratum("skin", &predictions, test_set, |clip| clip.skin));
        measured.extend(accuracy_by_stratum("clothes", &predictions, test_set, |clip| clip.clothes));
        let mut measure = |name: &str, stimulus: &dyn crate::evaluate::Stimulus| -> Result<()> {
            let predictions = self.evaluator.predictions(&classifier, clips, stimulus)?;
            measured.push((name.to_owned(), accuracy(&predictions, labels)));
            Ok(())
        };
        let (background, person) = (self.evaluator.view(View::Background), self.evaluator.view(View::Person));
        if self.experiment != Experiment::Objects {
            measure("b_top1", &SingleView { masks: MaskSource::Segmented, ..background })?;
            measure("p_top1", &SingleView { masks: MaskSource::Segmented, ..person })?;
        }
        measure("b_top1_exact", &background)?;
        measure("p_top1_exact", &person)?;
        if matches!(self.experiment, Experiment::Cross | Experiment::Frames) {
            measure("still", &StillFrame)?;
        }
        if self.experiment == Experiment::Frames {
            measure("background", &BackgroundOnly)?;
        }
        self.scores.extend(measured.into_iter().map(|(name, score)| (format!("{}.{name}", test_set.name), score)));
        Ok(())
    }

    /// Adds SCUBA, SCUFO, ConflFG and contrastive accuracy over each kind of background, and their means.
    pub(super) fn add_counterfactuals(
        &mut self,
        test_set: &TestSet,
        preprocess: &PreprocessSettings,
        seed: u64,
    ) -> Result<()> {
        let classifier = self.evaluator.classifier(self.pair, &test_set.prompts);
        let (clips, labels) = (&test_set.clips.clips, &test_set.clips.labels);
        let others = clips_of_other_classes(labels, seed);
        let predict = |stimulus: &OverBackground<'_>| self.evaluator.predictions(&classifier, clips, stimulus);
        let mut means: BTreeMap<&str, f64> = BTreeMap::new();
        for kind in BackgroundKind::ALL {
            let backgrounds = kind.backgrounds(clips, preprocess, seed)?;
            let scuba = OverBackground { backgrounds: &backgrounds, still: false, conflicting: None };
            let (moving, still) = (predict(&scuba)?, predict(&OverBackground { still: true, ..scuba.clone() })?);
            let conflict = predict(&OverBackground { conflicting: Some(&others), ..scuba })?;
            for (measure, value) in [
                ("scuba", accuracy(&moving, labels)),
                ("scufo", accuracy(&still, labels)),
                ("conflfg", accuracy(&conflict, labels)),
                ("contrastive", contrastive_accuracy(&moving, &still, labels)),
            ] {
                self.scores.insert(format!("{measure}.{}", kind.name()), value);
                *means.entry(measure).or_default() += value / BackgroundKind::ALL.len() as f64;
            }
        }
        self.scores.extend(means.into_iter().map(|(measure, mean)| (format!("{measure}.mean"), mean)));
        Ok(())
    }
}

/// Returns the accuracy in each stratum as `name.stratum`.
fn accuracy_by_stratum(
    name: &str,
    predictions: &[usize],
    test_set: &TestSet,
    stratum: fn(&ProcessedClip) -> usize,
) -> Vec<(String, f64)> {
    let strata: BTreeSet<usize> = test_set.clips.clips.iter().map(stratum).collect();
    let of_stratum = |index: usize| {
        let clips = predictions.iter().zip(&test_set.clips.labels).zip(&test_set.clips.clips);
        let clips = clips.filter(|(_, clip)| stratum(clip) == index);
        share(clips, |((prediction, label), _)| prediction == label)
    };
    strata.into_iter().map(|index| (format!("{name}.{index}"), of_stratum(index))).collect()
}

/// Draws, for each clip, a clip of another class.
fn clips_of_other_classes(labels: &[usize], seed: u64) -> Vec<usize> {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut order: Vec<usize> = (0..labels.len()).collect();
    order.shuffle(&mut rng);
    labels
        .iter()
        .map(|label| {
            let from = rng.random_range(0..order.len());
            let others = order.iter().cycle().skip(from).take(order.len());
            others.copied().find(|other| labels[*other] != *label).unwrap_or(from)
        })
        .collect()
}
