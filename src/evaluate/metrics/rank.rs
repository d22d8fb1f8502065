//! How well a score ranks clips: Spearman's correlation, average precision and AUROC, of clips with weights.
//!
//! The weight of a clip is the number of times that it counts, as in a bootstrap sample. A measure of weighted clips is
//! that of a list in which every clip occurs so often. A score is sorted once for all samples.

/// Clips in ascending order of a score.
#[derive(Clone, Debug)]
pub struct Ranking {
    /// Indices of the clips.
    order: Vec<usize>,
    /// End in `order` of each run of clips with equal scores.
    ends: Vec<usize>,
}

impl Ranking {
    /// Sorts clips by their `scores`. Clips are later named by their index in `scores`.
    pub fn of(scores: &[f64]) -> Self {
        let mut order: Vec<usize> = (0..scores.len()).collect();
        order.sort_by(|&a, &b| scores[a].total_cmp(&scores[b]));
        let tied = order.chunk_by(|&a, &b| scores[a] == scores[b]);
        let ends = tied.scan(0, |end, tied| {
            *end += tied.len();
            Some(*end)
        });
        Self { ends: ends.collect(), order }
    }

    /// Returns the runs of clips with equal scores, in ascending order.
    fn ties(&self) -> impl DoubleEndedIterator<Item = &[usize]> {
        (0..self.ends.len()).map(|run| {
            let start = run.checked_sub(1).map_or(0, |before| self.ends[before]);
            &self.order[start..self.ends[run]]
        })
    }

    /// Returns the rank of every clip, from 1. Clips with equal scores share the mean of their ranks.
    pub fn ranks(&self, weights: &[f64]) -> Vec<f64> {
        let (mut ranks, mut before) = (vec![0.0; self.order.len()], 0.0);
        for tied in self.ties() {
            let weight: f64 = tied.iter().map(|&clip| weights[clip]).sum();
            tied.iter().for_each(|&clip| ranks[clip] = before + (weight + 1.0) / 2.0);
            before += weight;
        }
        ranks
    }

    /// Returns Spearman's correlation of two scores of the same clips; NaN if one is constant.
    pub fn spearman(&self, other: &Self, weights: &[f64]) -> f64 {
        let (a, b) = (self.ranks(weights), other.ranks(weights));
        let total: f64 = weights.iter().sum();
        // The mean of ranks from 1 to `total`.
        let mean = (total + 1.0) / 2.0;
        let (mut product, mut square_a, mut square_b) = (0.0, 0.0, 0.0);
        for ((a, b), weight) in a.iter().zip(&b).zip(weights) {
            let (a, b) = (a - mean, b - mean);
            product += weight * a * b;
            square_a += weight * a * a;
            square_b += weight * b * b;
        }
        let spread = (square_a * square_b).sqrt();
        if spread > 0.0 { product / spread } else { f64::NAN }
    }

    /// Returns the average precision: the mean over the positive clips of the share of positive ones among the clips
    /// with the same score or a larger one. NaN without positive clips.
    ///
    /// Clips with equal scores enter together, as in scikit-learn, so a constant score has the share of positive clips.
    pub fn average_precision(&self, positive: &[bool], weights: &[f64]) -> f64 {
        let (mut found, mut seen, mut sum) = (0.0, 0.0, 0.0);
        for tied in self.ties().rev() {
            let [found_here, seen_here] = counts(tied, positive, weights);
            (found, seen) = (found + found_here, seen + seen_here);
            if found_here > 0.0 {
                sum += found_here * found / seen;
            }
        }
        sum / found
    }

    /// Returns the AUROC: the probability that a positive clip has a larger score than another one, with ties counted
    /// half. NaN without either.
    pub fn auroc(&self, positive: &[bool], weights: &[f64]) -> f64 {
        let (mut below, mut found, mut won) = (0.0, 0.0, 0.0);
        for tied in self.ties() {
            let [found_here, seen_here] = counts(tied, positive, weights);
            let negative = seen_here - found_here;
            won += found_here * (below + negative / 2.0);
            (below, found) = (below + negative, found + found_here);
        }
        won / (below * found)
    }
}

/// Returns how many of `clips` are positive, and how many there are.
fn counts(clips: &[usize], positive: &[bool], weights: &[f64]) -> [f64; 2] {
    let (mut found, mut seen) = (0.0, 0.0);
    for &clip in clips {
        seen += weights[clip];
        if positive[clip] {
            found += weights[clip];
        }
    }
    [found, seen]
}
