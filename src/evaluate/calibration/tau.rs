//! Chooses tau, above which the background explains a label.

use super::FALSE_FLAGS;
use crate::evaluate::metrics::{CrossedGrid, ScoredClip};
use crate::gate::{ScoreKind, Verdict};
use crate::view::View;
use std::collections::BTreeMap;

/// Smallest share of the flags that must be the background's doing.
pub const BACKGROUNDS_DOING: f64 = 0.8;
/// Fewer candidates than this, of which it is known whether the label is the background's doing, choose no tau.
const MIN_CANDIDATES: usize = 20;

/// The rule that chose a tau, with what it does on the clips that chose it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum TauRule {
    /// The smallest from 0 on at which at least [`BACKGROUNDS_DOING`] of the flags are the background's doing.
    BackgroundsDoing {
        /// Number of flags.
        flags: usize,
        /// Number of them that are the background's doing.
        of_background: usize,
    },
    /// The smallest from 0 on that flags at most [`FALSE_FLAGS`] of the right labels.
    FalseFlags {
        /// Number of right labels that are flagged.
        flags: usize,
        /// Number of right labels.
        right: usize,
    },
}

/// Chooses tau of `score` on `clips`, by what is known of them: on a crossed grid, a label is the background's doing if
/// the place changes it more than the person does (T above 0); on clips in the place of another class, if it is that
/// class. Without either, tau keeps right labels from being flagged. Clips without the score do not count.
pub(super) fn choose(clips: &[ScoredClip], score: ScoreKind) -> (f32, TauRule) {
    let judged: Vec<&ScoredClip> = clips.iter().filter(|clip| !matches!(clip.verdict, Verdict::Abstain(_))).collect();
    let is_first = |clip: &ScoredClip| clip.best[View::Background.index()] == clip.label();
    let value = |clip: &ScoredClip| clip.scores.get(score).filter(|_| is_first(clip));
    let effects = effects(clips);
    let is_of_background = |clip: &ScoredClip| match &effects {
        Some(effects) => effects.get(clip.name.as_str()).map(|effect| *effect > 0.0),
        None => clip.background.filter(|class| *class != clip.truth).map(|class| clip.label() == class),
    };
    let known: Vec<(f32, bool)> =
        judged.iter().filter_map(|clip| Some((value(clip)?, is_of_background(clip)?))).collect();
    if known.len() >= MIN_CANDIDATES {
        return by_doing(known);
    }
    let right: Vec<&&ScoredClip> = judged.iter().filter(|clip| clip.is_right()).collect();
    let values: Vec<f32> = right.iter().filter_map(|clip| value(clip)).collect();
    let tau = smallest_threshold(values.clone(), right.len());
    let flags = values.iter().filter(|value| **value > tau).count();
    (tau, TauRule::FalseFlags { flags, right: right.len() })
}

/// Returns T of every clip of a crossed grid, by the clip's name; `None` if `clips` are no grid.
fn effects(clips: &[ScoredClip]) -> Option<BTreeMap<&str, f64>> {
    let grid = CrossedGrid::of(clips)?;
    Some(grid.cells.iter().map(|cell| (cell.clip.name.as_str(), cell.effect())).collect())
}

/// Returns the smallest tau from 0 on at which enough flags are the background's doing; the largest value, which flags
/// nothing, if there is none.
fn by_doing(mut known: Vec<(f32, bool)>) -> (f32, TauRule) {
    known.sort_by(|a, b| a.0.total_cmp(&b.0));
    let above = |tau: f32| {
        let flagged = known.iter().filter(|(value, _)| *value > tau);
        (flagged.clone().count(), flagged.filter(|(_, is_of_background)| *is_of_background).count())
    };
    let is_enough = |tau: &f32| {
        let (flags, of_background) = above(*tau);
        flags > 0 && of_background as f64 >= BACKGROUNDS_DOING * flags as f64
    };
    let largest = known.last().map_or(0.0, |(value, _)| value.max(0.0));
    let taus = core::iter::once(0.0).chain(known.iter().map(|(value, _)| *value).filter(|value| *value > 0.0));
    let tau = taus.clone().find(is_enough).unwrap_or(largest);
    let (flags, of_background) = above(tau);
    (tau, TauRule::BackgroundsDoing { flags, of_background })
}

/// Returns the smallest threshold from 0 on that at most [`FALSE_FLAGS`] of `labels` right labels exceed; `dominances`
/// are those of the right labels that the background ranks first.
pub fn smallest_threshold(mut dominances: Vec<f32>, labels: usize) -> f32 {
    dominances.sort_by(|a, b| b.total_cmp(a));
    let allowed = (FALSE_FLAGS * labels as f64).floor() as usize;
    dominances.get(allowed).map_or(0.0, |tau| tau.max(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tau_is_the_smallest_with_enough_flags_of_the_background() {
        let known = |of_background: fn(usize) -> bool| (0..100).map(|i| (i as f32 / 100.0, of_background(i))).collect();
        let (tau, rule) = by_doing(known(|i| i >= 50));
        // From .38 on: 50 of 61 flags.
        assert_eq!(rule, TauRule::BackgroundsDoing { flags: 62, of_background: 50 });
        assert!((tau - 0.37).abs() < 1e-6, "{tau}");
        assert_eq!(by_doing(known(|_| true)).0, 0.0);
        let (tau, rule) = by_doing(known(|_| false));
        assert_eq!((tau, rule), (0.99, TauRule::BackgroundsDoing { flags: 0, of_background: 0 }));
    }

    #[test]
    fn without_known_backgrounds_few_right_labels_are_flagged() {
        let dominances = (0..100).map(|i| i as f32 / 100.0).collect();
        assert_eq!(smallest_threshold(dominances, 200), 0.89);
        assert_eq!(smallest_threshold(vec![0.5], 200), 0.0);
    }
}
