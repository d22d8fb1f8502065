//! How much the mask before counts.

/// Exponential forgetting over capture time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Smoothing {
    /// Seconds after which the mask before counts 1/e; 0 for no smoothing.
    constant: f32,
    /// When the mask before was captured, in microseconds.
    before: Option<u64>,
}

impl Smoothing {
    pub(crate) fn new(constant: f32) -> Self {
        Self { constant, before: None }
    }

    /// Whether masks are smoothed at all.
    pub(crate) fn is_on(&self) -> bool {
        self.constant > 0.0
    }

    /// The weight of the mask before in the one captured at `time_us`, below 1; none where there is none before.
    pub(crate) fn weight(&mut self, time_us: u64) -> Option<f32> {
        let before = self.before.replace(time_us)?;
        let age = time_us.saturating_sub(before) as f32 / 1e6;
        Some(libm::expf(-age / self.constant))
    }

    /// Forgets the mask before.
    pub(crate) fn forget(&mut self) {
        self.before = None;
    }
}
