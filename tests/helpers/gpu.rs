//! Helpers of the tests of the GPU engine.

use figureground::engine::gpu::{Device, Gpu};
use std::sync::{Arc, OnceLock};

/// Returns this machine's device. Without one prints a loud message, or panics if FIGUREGROUND_GPU=require.
pub fn device() -> Option<Arc<Device>> {
    static DEVICE: OnceLock<Option<Arc<Device>>> = OnceLock::new();
    let open = || match Gpu::any().and_then(|gpu| Device::open(&gpu)) {
        Ok(device) => Some(device),
        Err(e) if std::env::var("FIGUREGROUND_GPU").is_ok_and(|value| value == "require") => panic!("{e}"),
        Err(e) => {
            eprintln!("SKIPPED: {e}");
            None
        }
    };
    DEVICE.get_or_init(open).clone()
}

/// Seeded numbers from -1 to 1.
pub struct Numbers(u64);

impl Numbers {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn take(&mut self, count: usize) -> Vec<f32> {
        (0..count).map(|_| self.next()).collect()
    }

    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 40) as f32 / (1u64 << 23) as f32 - 1.0
    }
}

/// Returns the largest difference, as a fraction of the largest number of `want`; infinite for NaN.
pub fn difference(got: &[f32], want: &[f32]) -> f32 {
    assert_eq!(got.len(), want.len());
    let scale = want.iter().fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
    let apart = got.iter().zip(want).map(|(g, w)| (g - w).abs() / scale);
    apart.fold(0.0, |most, d| if d.is_nan() { f32::INFINITY } else { most.max(d) })
}
