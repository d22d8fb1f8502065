//! Loops over f32 that the compiler turns into the widest vector instructions the processor has.

use pulp::Arch;

/// Runs `body`, compiled for the processor at hand.
pub fn dispatch<R>(body: impl pulp::NullaryFnOnce<Output = R>) -> R {
    static ARCH: std::sync::OnceLock<Arch> = std::sync::OnceLock::new();
    ARCH.get_or_init(Arch::new).dispatch(body)
}

/// `e^x` to 2 units in the last place, without branches; 0 below the range of f32, never infinite.
///
/// `2^n * p(r)` with `x = n ln 2 + r`, `|r| <= ln 2 / 2` and `p` the Taylor polynomial of degree 7 in Horner's form.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    /// Adding it rounds to an integer that the low bits then hold.
    const ROUND: f32 = 12_582_912.0;
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.3, 88.0);
    let rounded = x * core::f32::consts::LOG2_E + ROUND;
    let n = rounded - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.0 / 5040.0;
    for factor in [1.0 / 720.0, 1.0 / 120.0, 1.0 / 24.0, 1.0 / 6.0, 0.5, 1.0, 1.0] {
        p = p * r + factor;
    }
    let exponent = (rounded.to_bits() as i32).wrapping_sub(ROUND.to_bits() as i32);
    p * f32::from_bits(((exponent + 127) << 23) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_agrees_with_the_library_over_its_whole_range() {
        for i in -8700..=8800 {
            let x = i as f32 / 100.0;
            let want = f64::from(x).exp();
            assert!((f64::from(exp(x)) / want - 1.0).abs() < 3e-7, "{x}: {} {want}", exp(x));
        }
        assert!(exp(-1e30) < 1e-37 && exp(1e30).is_finite());
    }
}
