//! Intersection over union.

use figureground::mask::Shape;

/// Mean intersection over union of pictures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Overlap {
    sum: f64,
    /// Number of pictures in which at least one shape is not empty; the others do not count.
    pub pictures: usize,
}

impl Overlap {
    /// Adds a picture with two shapes of one size.
    pub fn add(&mut self, a: &Shape, b: &Shape) {
        let count = |both: fn(bool, bool) -> bool| {
            a.pixels().iter().zip(b.pixels()).filter(|&(&a, &b)| both(a, b)).count() as f64
        };
        let union = count(|a, b| a || b);
        if union > 0.0 {
            self.sum += count(|a, b| a && b) / union;
            self.pictures += 1;
        }
    }

    /// Adds the pictures of `other`.
    pub fn join(&mut self, other: Self) {
        self.sum += other.sum;
        self.pictures += other.pictures;
    }

    /// Returns the mean, 0 to 1, or `None` without pictures.
    pub fn mean(&self) -> Option<f64> {
        (self.pictures > 0).then(|| self.sum / self.pictures as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use figureground::mask::Size;

    #[test]
    fn pictures_count_equally_and_empty_ones_do_not_count() {
        let shape = |pixels: [bool; 4]| {
            let mut shape = Shape::new(Size::new(2, 2).unwrap());
            shape.pixels_mut().copy_from_slice(&pixels);
            shape
        };
        let (none, one, all) = (shape([false; 4]), shape([true, false, false, false]), shape([true; 4]));
        let mut overlap = Overlap::default();
        assert_eq!(overlap.mean(), None);
        overlap.add(&none, &none);
        overlap.add(&one, &all);
        overlap.add(&all, &all);
        assert_eq!((overlap.pictures, overlap.mean()), (2, Some(0.625)));
        overlap.add(&none, &one);
        assert_eq!(overlap.pictures, 3);
    }
}
