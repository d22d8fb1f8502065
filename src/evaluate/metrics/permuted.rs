//! Clips with the background of another clip: how often the gate blames a background that was never there.

use super::bootstrap::SplitMix64;
use crate::error::Result;
use crate::evaluate::record::ViewLogits;
use crate::evaluate::{ClipOutcome, Record};
use crate::gate::{FlagReason, Gate, GateSettings, Verdict};
use std::collections::BTreeMap;

/// Number of permutations.
const PERMUTATIONS: usize = 10;
/// Seed of the permutations.
const SEED: u64 = 0;

/// Flags of clips whose background logits were permuted among them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PermutedFlags {
    /// Number of permutations.
    pub permutations: usize,
    /// By clip, the share of permutations in which the gate flags it as the background's.
    pub shares: BTreeMap<String, f64>,
}

impl PermutedFlags {
    /// Judges the scored clips among `records` by a gate with these settings, under each permutation.
    ///
    /// # Errors
    /// Returns an error if a record's numbers are invalid, or if the settings are out of range.
    pub fn of(records: &[&Record], settings: &GateSettings) -> Result<Self> {
        let (mut gate, mut rng) = (Gate::new(settings.clone())?, SplitMix64(SEED));
        let scored: Vec<&Record> = records.iter().copied().filter(|record| record.outcome.is_scored()).collect();
        let mut shares: BTreeMap<String, f64> = scored.iter().map(|record| (record.clip.clone(), 0.0)).collect();
        let mut donors = scored.clone();
        for _ in 0..PERMUTATIONS {
            shuffle(&mut donors, &mut rng);
            for (record, donor) in scored.iter().zip(&donors) {
                let is_flagged = is_flagged(&mut gate, &record.outcome, &donor.outcome)?;
                if let Some(share) = shares.get_mut(&record.clip).filter(|_| is_flagged) {
                    *share += 1.0 / PERMUTATIONS as f64;
                }
            }
        }
        Ok(Self { permutations: PERMUTATIONS, shares })
    }
}

/// Shuffles `items` (Fisher and Yates), every order with the same probability.
fn shuffle<T>(items: &mut [T], rng: &mut SplitMix64) {
    for end in (1..items.len()).rev() {
        items.swap(end, rng.below(end + 1));
    }
}

/// Returns whether `gate` flags a clip as the background's when it has the background logits of `donor`.
fn is_flagged(gate: &mut Gate, outcome: &ClipOutcome, donor: &ClipOutcome) -> Result<bool> {
    let (ClipOutcome::Scored { verdict, logits }, ClipOutcome::Scored { logits: other, .. }) = (outcome, donor) else {
        return Ok(false);
    };
    let logits = ViewLogits { background: other.background.clone(), ..logits.clone() };
    let permuted = ClipOutcome::Scored { verdict: verdict.clone(), logits };
    let verdict = permuted.judge(gate, |_, _, judgement| judgement.verdict)?;
    Ok(verdict == Some(Verdict::Flag(FlagReason::BackgroundDominates)))
}
