//! Weights of temporal smoothing.

/// Exponential smoothing over capture time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Smoothing {
    /// Seconds after which the previous mask has weight 1/e; 0 for no smoothing.
    constant: f32,
    /// Capture time of the previous mask, in microseconds.
    previous_us: Option<u64>,
}

impl Smoothing {
    pub(crate) fn new(constant: f32) -> Self {
        Self { constant, previous_us: None }
    }

    /// Returns whether masks are smoothed.
    pub(crate) fn is_on(&self) -> bool {
        self.constant > 0.0
    }

    /// Returns the weight, below 1, of the previous mask in the one captured at `time_us`; none for a stream's first
    /// mask.
    pub(crate) fn weight(&mut self, time_us: u64) -> Option<f32> {
        let previous_us = self.previous_us.replace(time_us)?;
        let age = time_us.saturating_sub(previous_us) as f32 / 1e6;
        Some(libm::expf(-age / self.constant))
    }

    /// Forgets the previous mask.
    pub(crate) fn forget(&mut self) {
        self.previous_us = None;
    }
}
