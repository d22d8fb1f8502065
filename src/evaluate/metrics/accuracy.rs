//! Accuracies: fractions of clips, in 0..=1; NaN of no clips.

use super::ScoredClip;
use crate::view::View;
use std::collections::BTreeMap;

/// Returns the share of `clips` for which `holds` is true.
pub fn share<T>(clips: impl IntoIterator<Item = T>, holds: impl Fn(T) -> bool) -> f64 {
    let (mut all, mut held) = (0u32, 0u32);
    for clip in clips {
        all += 1;
        held += u32::from(holds(clip));
    }
    f64::from(held) / f64::from(all)
}

/// Returns whether a clip counts for contrastive accuracy: the prediction is right on SCUBA and another one on SCUFO.
pub fn is_contrastive(truth: usize, scuba: usize, scufo: usize) -> bool {
    scuba == truth && scufo != truth
}

/// Returns the top-1 accuracy of `view`: top1, P-top1 or B-top1.
pub fn top1<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>, view: View) -> f64 {
    share(clips, |clip| clip.best[view.index()] == clip.truth)
}

/// Returns the top-5 accuracy of the full view.
pub fn top5<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>) -> f64 {
    share(clips, |clip| clip.in_top5)
}

/// Returns the mean over classes of their top-1 accuracy, without classes that have no clips.
pub fn mean_class<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>) -> f64 {
    let mut classes: BTreeMap<usize, (u32, u32)> = BTreeMap::new();
    for clip in clips {
        let (all, right) = classes.entry(clip.truth).or_default();
        *all += 1;
        *right += u32::from(clip.is_right());
    }
    let sum: f64 = classes.values().map(|&(all, right)| f64::from(right) / f64::from(all)).sum();
    sum / classes.len() as f64
}

/// Returns the pointing game: the mean fraction of frames in which the encoder attends most to the person.
pub fn pointing<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>) -> f64 {
    let fractions: Vec<f64> = clips.into_iter().filter_map(|clip| clip.pointing).map(f64::from).collect();
    fractions.iter().sum::<f64>() / fractions.len() as f64
}
