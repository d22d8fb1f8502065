//! Shares of clips, in 0..=1; NaN of none.

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

/// The share whose best class of `view` is the true one: top1, P-top1 and B-top1.
pub fn top1<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>, view: View) -> f64 {
    share(clips, |clip| clip.best[view.index()] == clip.truth)
}

/// The share whose true class is among the five best of the whole picture.
pub fn top5<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>) -> f64 {
    share(clips, |clip| clip.in_top5)
}

/// The mean over the classes that have clips of each one's top1.
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

/// The pointing game: the mean share of frames in which the encoder looks at the person most.
pub fn pointing<'a>(clips: impl IntoIterator<Item = &'a ScoredClip>) -> f64 {
    let shares: Vec<f64> = clips.into_iter().filter_map(|clip| clip.pointing).map(f64::from).collect();
    shares.iter().sum::<f64>() / shares.len() as f64
}
