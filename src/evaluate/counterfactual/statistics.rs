//! What has to be known of all clips of a set before one is put before another's background.

use super::clean_plate::spread;
use super::segmented_frames::SegmentedFrames;
use super::{PersonSegmenter, SceneClassifier};
use crate::error::Result;
use crate::evaluate::dataset::Dataset;
use crate::evaluate::journal::{JournalEntry, JournalHeader};
use crate::mask::Shape;
use crate::source::Source;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const SCHEMA: u32 = 1;

/// The first line of a file of surveys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsHeader {
    /// The version of the format.
    pub schema: u32,
    /// Checksum of the bundle whose segmenter found the person, or that masks came with the set.
    pub segmenter: String,
    /// Checksum of what scored the scenes.
    pub scenes: String,
    /// Checksum of the set.
    pub set: String,
}

impl StatisticsHeader {
    /// The first line for surveys of `dataset` by a segmenter and scenes with these checksums.
    pub fn new(dataset: &Dataset, segmenter: String, scenes: &SceneClassifier) -> Self {
        Self { schema: SCHEMA, segmenter, scenes: scenes.fingerprint().to_owned(), set: dataset.fingerprint() }
    }
}

impl JournalHeader for StatisticsHeader {
    fn schema(&self) -> u32 {
        self.schema
    }

    fn difference(&self, other: &Self) -> &'static str {
        if self.set != other.set {
            "another set of clips, or of other labels"
        } else if self.scenes != other.scenes {
            "another scorer of scenes"
        } else {
            "another bundle's segmenter"
        }
    }
}

/// One clip's line.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatisticsEntry {
    /// What names the clip in its set.
    pub clip: String,
    /// What is to be seen in it, or why it could not be read.
    pub sight: core::result::Result<ClipStatistics, String>,
}

impl JournalEntry for StatisticsEntry {
    type Header = StatisticsHeader;
    const SCHEMA: u32 = SCHEMA;

    fn clip(&self) -> &str {
        &self.clip
    }

    fn fits(&self, _: &StatisticsHeader) -> bool {
        true
    }
}

/// What is to be seen in a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipStatistics {
    /// Frames.
    pub frames: u64,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// The least and the most of a frame that the person covers, in 0..=1.
    pub covered: [f32; 2],
    /// The mean of that over all frames.
    pub mean_covered: f32,
    /// The middle of the person in the first frame where there is one, in 0..=1 of width and height.
    pub centroid: Option<[f64; 2]>,
    /// Mean colour.
    pub colour: [f64; 3],
    /// Mean probability of every scene.
    pub scene: Vec<f32>,
}

impl ClipStatistics {
    /// Takes `source` to its end.
    ///
    /// # Errors
    /// When it cannot be read, or a model fails.
    pub fn of(source: &mut dyn Source, segmenter: &mut PersonSegmenter, scenes: &mut SceneClassifier) -> Result<Self> {
        let count = source.count()?;
        let looked_at = spread(count);
        let mut sight = Self {
            frames: 0,
            size: [0; 2],
            covered: [1.0, 0.0],
            mean_covered: 0.0,
            centroid: None,
            colour: [0.0; 3],
            scene: Vec::new(),
        };
        let mut covered_sum = 0.0;
        let mut segmented = SegmentedFrames::default();
        while let Some((frame, person)) = segmented.next(source, segmenter)? {
            let covered = person.area();
            sight.covered = [sight.covered[0].min(covered), sight.covered[1].max(covered)];
            covered_sum += f64::from(covered);
            if sight.frames == 0 {
                (sight.size, sight.centroid) = ([frame.width(), frame.height()], centroid(person));
            }
            sight.frames += 1;
            let mut sums = [0u64; 3];
            for pixel in frame.pixels().chunks_exact(3) {
                (0..3).for_each(|channel| sums[channel] += u64::from(pixel[channel]));
            }
            let pixels = f64::from(frame.width()) * f64::from(frame.height());
            (0..3).for_each(|channel| sight.colour[channel] += sums[channel] as f64 / pixels);
            if looked_at.binary_search(&frame.index()).is_ok() {
                let scene = scenes.score(&frame)?;
                sight.scene.resize(scene.len(), 0.0);
                sight.scene.iter_mut().zip(scene).for_each(|(sum, p)| *sum += p / looked_at.len() as f32);
            }
        }
        let frames = sight.frames.max(1) as f64;
        sight.colour = sight.colour.map(|sum| sum / frames);
        sight.mean_covered = (covered_sum / frames) as f32;
        Ok(sight)
    }
}

/// The mean place of a shape's pixels, in 0..=1 of width and height.
fn centroid(shape: &Shape) -> Option<[f64; 2]> {
    let (width, height) = (shape.size().width() as usize, shape.size().height() as usize);
    let (mut count, mut x, mut y) = (0u64, 0u64, 0u64);
    for (place, _) in shape.pixels().iter().enumerate().filter(|(_, inside)| **inside) {
        (count, x, y) = (count + 1, x + (place % width) as u64, y + (place / width) as u64);
    }
    let mean = |sum: u64, side: usize| (sum as f64 / count as f64 + 0.5) / side as f64;
    (count > 0).then(|| [mean(x, width), mean(y, height)])
}

/// The surveys of a set, with its labels.
#[derive(Clone, Debug, Default)]
pub struct SetStatistics {
    /// Label and sight of every clip that could be read.
    pub clips: BTreeMap<String, (String, ClipStatistics)>,
}

impl SetStatistics {
    /// Those of `dataset` among `entries`.
    pub fn new(dataset: &Dataset, mut entries: BTreeMap<String, StatisticsEntry>) -> Self {
        let seen = |clip: &crate::evaluate::dataset::LabelledClip| {
            let sight = entries.remove(&clip.id)?.sight.ok()?;
            Some((clip.id.clone(), (clip.label.clone(), sight)))
        };
        Self { clips: dataset.clips.iter().filter_map(seen).collect() }
    }

    /// The mean colour of all clips, each counted by its frames: HAT's fill.
    pub fn colour(&self) -> [u8; 3] {
        let (mut sum, mut frames) = ([0.0; 3], 0.0);
        for (_, sight) in self.clips.values() {
            let weight = sight.frames as f64;
            frames += weight;
            (0..3).for_each(|channel| sum[channel] += weight * sight.colour[channel]);
        }
        sum.map(|sum| (sum / f64::max(frames, 1.0)).round() as u8)
    }
}
