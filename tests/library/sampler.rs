//! Samplers take the frame indices of the papers' Python code.

use figureground::sampler::Sampler;

const COUNTS: [usize; 4] = [1, 8, 16, 32];

/// Python's `int(numerator / denominator)`, which truncates towards zero, clamped to the clip.
fn int(numerator: i64, denominator: i64, n: i64) -> u64 {
    (numerator / denominator).clamp(0, n - 1) as u64
}

fn for_each_index(check: impl Fn(i64, i64, i64)) {
    for n in 1..400 {
        for t in COUNTS {
            (0..t as i64).for_each(|i| check(i, n, t as i64));
        }
    }
}

#[test]
fn vificlip_samples_the_centres_of_equal_parts() {
    // i*N/T + N/T/2 over the common denominator 2T.
    for_each_index(|i, n, t| {
        let expected = int(2 * i * n + n, 2 * t, n);
        assert_eq!(Sampler::ViFiClip.index(i as usize, n as u64, t as usize), expected, "{i} {n} {t}");
    });
}

#[test]
fn actionclip_samples_the_centre_frames_of_equal_parts() {
    // i*N/T + (N/T-1)/2 over the common denominator 2T.
    for_each_index(|i, n, t| {
        let expected = int(2 * i * n + n - t, 2 * t, n);
        assert_eq!(Sampler::ActionClip.index(i as usize, n as u64, t as usize), expected, "{i} {n} {t}");
    });
}

#[test]
fn dense_strides_over_64_frames_from_the_middle_position() {
    for_each_index(|i, n, t| {
        let sample_position = 1.max(1 + n - 64);
        let expected = (i * (64 / t) + (sample_position - 1) / 2) % n;
        assert_eq!(Sampler::Dense.index(i as usize, n as u64, t as usize), expected as u64, "{i} {n} {t}");
    });
}

#[test]
fn indices_equal_those_of_python() {
    let indices = |sampler: Sampler, n| -> Vec<u64> { (0..8).map(|i| sampler.index(i, n, 8)).collect() };
    assert_eq!(indices(Sampler::ViFiClip, 280), [17, 52, 87, 122, 157, 192, 227, 262]);
    assert_eq!(indices(Sampler::ViFiClip, 72), [4, 13, 22, 31, 40, 49, 58, 67]);
    assert_eq!(indices(Sampler::ViFiClip, 3), [0, 0, 0, 1, 1, 2, 2, 2]);
    assert_eq!(indices(Sampler::ActionClip, 280), [17, 52, 87, 122, 157, 192, 227, 262]);
    assert_eq!(indices(Sampler::ActionClip, 72), [4, 13, 22, 31, 40, 49, 58, 67]);
    assert_eq!(indices(Sampler::ActionClip, 3), [0, 0, 0, 0, 1, 1, 1, 2]);
    assert_eq!(indices(Sampler::Dense, 280), [108, 116, 124, 132, 140, 148, 156, 164]);
    assert_eq!(indices(Sampler::Dense, 20), [0, 8, 16, 4, 12, 0, 8, 16]);
}

#[test]
fn empty_clips_zero_counts_and_huge_numbers_give_an_index_in_the_clip() {
    for sampler in [Sampler::ViFiClip, Sampler::ActionClip, Sampler::Dense] {
        assert_eq!(sampler.index(3, 0, 8), 0);
        assert!(sampler.index(0, 5, 0) < 5);
        assert!(sampler.index(usize::MAX, u64::MAX, usize::MAX) < u64::MAX);
        assert!(sampler.index(99, 300, 100) < 300);
    }
}
