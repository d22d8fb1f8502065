//! What a fitted gate does on the clips of its calibration, for comparison while it is in use.

use crate::gate::Verdict;

/// Share of flags and mean risk among the windows that a gate does not abstain from.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Share of flagged windows, between 0 and 1; `None` without windows.
    pub flagged: Option<f64>,
    /// Mean risk, in units of its score; `None` without windows or without a test of the risk.
    pub mean_risk: Option<f64>,
}

impl Figures {
    /// Computes the figures of windows, each with its verdict and its risk.
    pub fn of(windows: impl IntoIterator<Item = (Verdict, Option<f32>)>) -> Self {
        let (mut judged, mut flagged, mut risks, mut sum) = (0u64, 0u64, 0u64, 0.0);
        for (verdict, risk) in windows {
            if matches!(verdict, Verdict::Abstain(_)) {
                continue;
            }
            judged += 1;
            flagged += u64::from(matches!(verdict, Verdict::Flag(_)));
            if let Some(risk) = risk {
                risks += 1;
                sum += f64::from(risk);
            }
        }
        let mean = |sum: f64, count: u64| (count > 0).then(|| sum / count as f64);
        Self { flagged: mean(flagged as f64, judged), mean_risk: mean(sum, risks) }
    }
}
