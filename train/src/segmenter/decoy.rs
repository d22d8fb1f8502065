//! Decoys: shapes that are no persons, pasted behind or in front of the person.

use super::pattern::Pattern;
use super::warp::SampleImage;
use rand::{Rng, RngExt};

/// Depth of a decoy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Behind the person, which stays visible.
    Behind,
    /// In front of the person, which is covered.
    InFront,
}

/// A straight bar or rectangle with a pattern, between a limb and a wall in width.
#[derive(Clone, Copy, Debug)]
pub struct Decoy {
    ends: [[f32; 2]; 2],
    radius: f32,
    square: bool,
    pattern: Pattern,
}

impl Decoy {
    /// Draws a decoy in a picture of `side` pixels; its half width is at most a seventh of that.
    pub fn draw(side: usize, rng: &mut impl Rng) -> Self {
        let side = side as f32;
        let start = [0; 2].map(|_| rng.random_range(-0.1..1.1) * side);
        let (sin, cos) = rng.random_range(0.0..std::f32::consts::TAU).sin_cos();
        let length = rng.random_range(0.0..0.6) * side;
        Self {
            ends: [start, [start[0] + length * cos, start[1] + length * sin]],
            radius: rng.random_range(-4.2f32..-1.95).exp() * side,
            square: rng.random_bool(0.3),
            pattern: Pattern::draw(rng),
        }
    }

    /// Pastes the decoy on `image`.
    pub fn paste(&self, depth: Depth, image: &mut SampleImage) {
        let side = image.side;
        for (i, (rgb, person)) in image.rgb.chunks_exact_mut(3).zip(&mut image.person).enumerate() {
            let (x, y) = (i % side, i / side);
            if !self.covers([x as f32 + 0.5, y as f32 + 0.5]) {
                continue;
            }
            let shown = if depth == Depth::InFront { 1.0 } else { 1.0 - *person };
            for (byte, ink) in rgb.iter_mut().zip(self.pattern.at(x, y)) {
                *byte = (f32::from(*byte) * (1.0 - shown) + f32::from(ink) * shown) as u8;
            }
            if depth == Depth::InFront {
                *person = 0.0;
            }
        }
    }

    fn covers(&self, at: [f32; 2]) -> bool {
        let [start, end] = self.ends;
        if self.square {
            let inside = |axis: usize| {
                let (low, high) = (start[axis].min(end[axis]), start[axis].max(end[axis]));
                (low - self.radius..high + self.radius).contains(&at[axis])
            };
            return inside(0) && inside(1);
        }
        let along = [end[0] - start[0], end[1] - start[1]];
        let from = [at[0] - start[0], at[1] - start[1]];
        let length = (along[0] * along[0] + along[1] * along[1]).max(1e-6);
        let share = ((from[0] * along[0] + from[1] * along[1]) / length).clamp(0.0, 1.0);
        let gap = [from[0] - share * along[0], from[1] - share * along[1]];
        gap[0] * gap[0] + gap[1] * gap[1] < self.radius * self.radius
    }
}

/// Blends a random pattern over the person of `image`.
pub fn overlay_pattern(image: &mut SampleImage, rng: &mut impl Rng) {
    let (pattern, strength) = (Pattern::draw(rng), rng.random_range(0.2..0.8));
    let side = image.side;
    for (i, (rgb, person)) in image.rgb.chunks_exact_mut(3).zip(&image.person).enumerate() {
        let share = strength * person;
        if share == 0.0 {
            continue;
        }
        for (byte, ink) in rgb.iter_mut().zip(pattern.at(i % side, i / side)) {
            *byte = (f32::from(*byte) * (1.0 - share) + f32::from(ink) * share) as u8;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_pcg::Pcg64;

    #[test]
    fn a_decoy_in_front_of_the_person_hides_it_and_one_behind_does_not() {
        let mut rng = Pcg64::seed_from_u64(5);
        let mut person = SampleImage::new(16);
        person.person.fill(1.0);
        let decoy = Decoy { radius: 40.0, ..Decoy::draw(16, &mut rng) };
        let mut image = person.clone();
        decoy.paste(Depth::Behind, &mut image);
        assert_eq!((&image.rgb, &image.person), (&person.rgb, &person.person));
        decoy.paste(Depth::InFront, &mut image);
        assert!(image.person.iter().all(|p| *p == 0.0));
    }
}
