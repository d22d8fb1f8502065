//! Instance segmenters of the YOLO family: boxes with class scores and mask coefficients, and prototypes to mix.
//!
//! A box's mask is `sigmoid(sum_k coefficient_k * prototype_k)` inside the box. A pixel's person probability is the
//! largest of all person boxes that are left after the weaker one of two that overlap is dropped.

use crate::engine::Instance;
use crate::mask::{Mask, Size};

/// Boxes whose person score is not above this show nobody.
const LEAST_SCORE: f32 = 0.25;
/// Of two boxes whose intersection over union exceeds this, the weaker is dropped.
const MOST_OVERLAP: f32 = 0.45;
/// The most boxes that are compared with each other.
const MOST_BOXES: usize = 300;
/// Numbers of a box before its class scores: centre x and y, width and height, in input pixels.
const GEOMETRY: usize = 4;

/// Shapes of the two outputs, and the classes that are person.
#[derive(Clone, Debug)]
pub struct Instances {
    /// Boxes that the model proposes.
    pub boxes: usize,
    /// Numbers of a box: geometry, class scores, coefficients.
    pub channels: usize,
    /// Prototypes, as many as coefficients.
    pub prototypes: usize,
    /// Size of a prototype.
    pub size: Size,
    /// Size of the input that boxes are given in.
    pub input: Size,
    /// Class indices of people.
    pub person: Vec<usize>,
}

/// A box with its corners in prototype pixels.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    index: usize,
    score: f32,
    corners: [f32; 4],
}

impl Instances {
    /// Decodes `values`, the boxes [channels, boxes] followed by the prototypes [prototypes, height, width], to
    /// `probabilities` [height, width], from 0 to 1.
    pub fn decode(&self, values: &[f32], probabilities: &mut [f32]) {
        probabilities.fill(0.0);
        let (boxes, prototypes) = values.split_at(self.channels * self.boxes);
        for candidate in strongest(self.candidates(boxes)) {
            self.paint(&candidate, boxes, prototypes, probabilities);
        }
    }

    /// Decodes `values` as [`decode`](Self::decode) does, but returns each person by itself, the most confident first.
    pub fn persons(&self, values: &[f32]) -> Vec<Instance> {
        let (boxes, prototypes) = values.split_at(self.channels * self.boxes);
        let person = |candidate: Candidate| {
            let mut mask = Mask::new(self.size);
            self.paint(&candidate, boxes, prototypes, mask.probabilities_mut());
            Instance { mask, score: candidate.score }
        };
        strongest(self.candidates(boxes)).into_iter().map(person).collect()
    }

    /// The boxes whose best class is person, and clearly.
    fn candidates(&self, boxes: &[f32]) -> Vec<Candidate> {
        let classes = self.channels - GEOMETRY - self.prototypes;
        let number = |channel: usize, index: usize| boxes[channel * self.boxes + index];
        let (mut found, scale) = (Vec::new(), [self.size.width(), self.size.height()].map(|side| side as f32));
        let scale = [scale[0] / self.input.width() as f32, scale[1] / self.input.height() as f32];
        for index in 0..self.boxes {
            let score = |class: usize| number(GEOMETRY + class, index);
            let person = self.person.iter().map(|&class| score(class)).fold(0.0, f32::max);
            if person > LEAST_SCORE && (0..classes).all(|class| self.person.contains(&class) || score(class) <= person)
            {
                let [x, y, width, height] = [0, 1, 2, 3].map(|channel| number(channel, index));
                let corners = [
                    (x - width / 2.0) * scale[0],
                    (y - height / 2.0) * scale[1],
                    (x + width / 2.0) * scale[0],
                    (y + height / 2.0) * scale[1],
                ];
                found.push(Candidate { index, score: person, corners });
            }
        }
        found
    }

    fn paint(&self, candidate: &Candidate, boxes: &[f32], prototypes: &[f32], probabilities: &mut [f32]) {
        let (width, height) = (self.size.width() as usize, self.size.height() as usize);
        let [left, top, right, bottom] = candidate.corners;
        let first = self.channels - self.prototypes;
        let coefficient = |k: usize| boxes[(first + k) * self.boxes + candidate.index];
        let within =
            |low: f32, high: f32, most: usize| low.max(0.0) as usize..(high.max(0.0).ceil() as usize).min(most);
        for row in within(top, bottom, height) {
            for column in within(left, right, width) {
                let pixel = row * width + column;
                let logit: f32 =
                    (0..self.prototypes).map(|k| coefficient(k) * prototypes[k * width * height + pixel]).sum();
                let probability = super::sigmoid(logit);
                if probability > probabilities[pixel] {
                    probabilities[pixel] = probability;
                }
            }
        }
    }
}

/// The boxes that are left when of two that overlap the weaker goes.
fn strongest(mut candidates: Vec<Candidate>) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.score.total_cmp(&a.score));
    candidates.truncate(MOST_BOXES);
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.iter().all(|stronger| overlap(&stronger.corners, &candidate.corners) <= MOST_OVERLAP) {
            kept.push(candidate);
        }
    }
    kept
}

/// Intersection over union.
fn overlap(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let area = |corners: &[f32; 4]| (corners[2] - corners[0]).max(0.0) * (corners[3] - corners[1]).max(0.0);
    let shared = [a[0].max(b[0]), a[1].max(b[1]), a[2].min(b[2]), a[3].min(b[3])];
    let union = area(a) + area(b) - area(&shared);
    if union > 0.0 { area(&shared) / union } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three boxes, two classes, one prototype of 8x8 for an input of 32x32.
    fn instances() -> Instances {
        let size = Size::new(8, 8).unwrap();
        let input = Size::new(32, 32).unwrap();
        Instances { boxes: 3, channels: 7, prototypes: 1, size, input, person: vec![0] }
    }

    /// The model's outputs for boxes of (x, y, width, height, person, other, coefficient) and a prototype of ones.
    fn outputs(boxes: [[f32; 7]; 3]) -> Vec<f32> {
        let mut values: Vec<f32> = (0..7).flat_map(|channel| boxes.map(|b| b[channel])).collect();
        values.extend([1.0; 64]);
        values
    }

    fn decoded(values: &[f32]) -> [f32; 64] {
        let mut out = [9.0; 64];
        instances().decode(values, &mut out);
        out
    }

    #[test]
    fn people_are_painted_inside_their_boxes_and_other_classes_are_not() {
        let out = decoded(&outputs([
            [8.0, 8.0, 16.0, 16.0, 0.9, 0.1, 4.0],
            [24.0, 24.0, 16.0, 16.0, 0.3, 0.8, 4.0],
            [24.0, 8.0, 16.0, 16.0, 0.1, 0.0, 4.0],
        ]));
        for (pixel, p) in out.iter().enumerate() {
            let inside = pixel % 8 < 4 && pixel / 8 < 4;
            assert_eq!(*p > 0.9, inside, "{pixel}: {p}");
            assert!(inside || *p == 0.0);
        }
    }

    #[test]
    fn of_two_boxes_of_one_person_the_stronger_stays() {
        // The weaker box would add probability, since its coefficient is larger.
        let out = decoded(&outputs([
            [16.0, 16.0, 16.0, 16.0, 0.9, 0.0, 1.0],
            [16.0, 16.0, 16.0, 18.0, 0.6, 0.0, 9.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]));
        let most = out.iter().copied().fold(0.0, f32::max);
        assert!((most - 0.731).abs() < 1e-3, "{most}");
    }

    #[test]
    fn persons_are_returned_one_by_one_and_their_union_is_the_mask() {
        let values = outputs([
            [8.0, 8.0, 16.0, 16.0, 0.8, 0.1, 4.0],
            [24.0, 24.0, 16.0, 16.0, 0.9, 0.1, 4.0],
            [24.0, 8.0, 16.0, 16.0, 0.1, 0.8, 4.0],
        ]);
        let persons = instances().persons(&values);
        assert_eq!(persons.iter().map(|person| person.score).collect::<Vec<_>>(), [0.9, 0.8]);
        let out = decoded(&values);
        let pixels = persons[0].mask.probabilities().iter().zip(persons[1].mask.probabilities());
        assert!(pixels.clone().all(|(a, b)| *a == 0.0 || *b == 0.0), "their boxes do not overlap");
        assert!(pixels.map(|(a, b)| a.max(*b)).eq(out));
    }

    #[test]
    fn numbers_that_are_not_finite_paint_nothing_and_boxes_beyond_the_edge_are_cut() {
        let nan = f32::NAN;
        let out = decoded(&outputs([
            [nan, nan, nan, nan, 0.9, 0.0, nan],
            [0.0, 0.0, 1e9, 1e9, 0.8, 0.0, 4.0],
            [nan, 0.0, 0.0, 0.0, nan, 0.0, 0.0],
        ]));
        assert!(out.iter().all(|p| (0.0..=1.0).contains(p)));
        assert!(out.iter().all(|p| *p > 0.9));
    }
}
