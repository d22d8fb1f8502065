//! Statistics of clips: person area, colour and scene.

use super::clean_plate::spread_evenly;
use super::segmented_frames::SegmentedFrames;
use super::{PersonSegmenter, SceneClassifier};
use crate::error::Result;
use crate::evaluate::FileIdentities;
use crate::evaluate::dataset::{Dataset, LabelledClip};
use crate::evaluate::file_identity::short;
use crate::evaluate::journal::{JournalEntry, JournalHeader};
use crate::mask::Shape;
use crate::source::Source;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const SCHEMA: u32 = 1;

/// First line of a file of clip statistics.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsHeader {
    /// Version of the format.
    pub schema: u32,
    /// Checksum of the segmenter's bundle, or a note that the data set has masks.
    pub segmenter: String,
    /// Checksum of the scene classifier.
    pub scenes: String,
    /// Checksum of the data set.
    pub set: String,
}

impl StatisticsHeader {
    /// Creates the header for statistics of `dataset` by these models.
    pub fn new(dataset: &Dataset, segmenter: String, scenes: &SceneClassifier) -> Self {
        Self { schema: SCHEMA, segmenter, scenes: scenes.fingerprint().to_owned(), set: dataset.fingerprint() }
    }
}

impl JournalHeader for StatisticsHeader {
    fn schema(&self) -> u32 {
        self.schema
    }

    fn difference(&self, other: &Self) -> String {
        if self.set != other.set {
            format!("another set of clips, or of other labels, {} and not {}", short(&other.set), short(&self.set))
        } else if self.scenes != other.scenes {
            format!("another scene classifier, {} and not {}", short(&other.scenes), short(&self.scenes))
        } else {
            let (old, new) = (short(&other.segmenter), short(&self.segmenter));
            format!("another bundle's segmenter, {old} and not {new}")
        }
    }
}

/// One clip's line in a file of clip statistics.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct StatisticsEntry {
    /// Id of the clip in its data set.
    pub clip: String,
    /// Files that it was made from by their role; empty in files of older versions, which are made anew.
    #[serde(default, skip_serializing_if = "FileIdentities::is_empty")]
    pub files: FileIdentities,
    /// The statistics, or the error that reading the clip gave.
    #[serde(rename = "sight")]
    pub statistics: core::result::Result<ClipStatistics, String>,
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

/// Person area, colour and scene of a clip.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClipStatistics {
    /// Number of frames.
    pub frames: u64,
    /// Width and height in pixels.
    pub size: [u32; 2],
    /// Smallest and largest fraction of a frame that the person covers, in 0..=1.
    #[serde(rename = "covered")]
    pub person_area: [f32; 2],
    /// Mean of that fraction over all frames.
    #[serde(rename = "mean_covered")]
    pub mean_person_area: f32,
    /// Centroid of the person in the first frame, in 0..=1 of width and height; `None` without a person there.
    pub centroid: Option<[f64; 2]>,
    /// Mean colour, RGB in 0..=255.
    pub colour: [f64; 3],
    /// Mean probability of every scene.
    pub scene: Vec<f32>,
}

impl ClipStatistics {
    /// Reads `source` to its end and returns its statistics.
    ///
    /// # Errors
    /// Returns an error if the source cannot be read, or if a model fails.
    pub fn of(source: &mut dyn Source, segmenter: &mut PersonSegmenter, scenes: &mut SceneClassifier) -> Result<Self> {
        let classified = spread_evenly(source.count()?);
        let mut statistics = Self {
            frames: 0,
            size: [0; 2],
            person_area: [1.0, 0.0],
            mean_person_area: 0.0,
            centroid: None,
            colour: [0.0; 3],
            scene: Vec::new(),
        };
        let mut area_sum = 0.0;
        let mut segmented = SegmentedFrames::default();
        while let Some((frame, person)) = segmented.next(source, segmenter)? {
            let (area, [least, most]) = (person.area(), statistics.person_area);
            statistics.person_area = [least.min(area), most.max(area)];
            area_sum += f64::from(area);
            if statistics.frames == 0 {
                (statistics.size, statistics.centroid) = ([frame.width(), frame.height()], centroid(person));
            }
            statistics.frames += 1;
            let mut sums = [0u64; 3];
            for pixel in frame.pixels().chunks_exact(3) {
                (0..3).for_each(|channel| sums[channel] += u64::from(pixel[channel]));
            }
            let pixels = f64::from(frame.width()) * f64::from(frame.height());
            (0..3).for_each(|channel| statistics.colour[channel] += sums[channel] as f64 / pixels);
            if classified.binary_search(&frame.index()).is_ok() {
                let scene = scenes.score(&frame)?;
                statistics.scene.resize(scene.len(), 0.0);
                statistics.scene.iter_mut().zip(scene).for_each(|(sum, p)| *sum += p / classified.len() as f32);
            }
        }
        let frames = statistics.frames.max(1) as f64;
        statistics.colour = statistics.colour.map(|sum| sum / frames);
        statistics.mean_person_area = (area_sum / frames) as f32;
        Ok(statistics)
    }
}

/// Returns the mean position of a shape's pixels, in 0..=1 of width and height; `None` if it is empty.
fn centroid(shape: &Shape) -> Option<[f64; 2]> {
    let (width, height) = (shape.size().width() as usize, shape.size().height() as usize);
    let (mut count, mut x, mut y) = (0u64, 0u64, 0u64);
    for (index, _) in shape.pixels().iter().enumerate().filter(|(_, inside)| **inside) {
        (count, x, y) = (count + 1, x + (index % width) as u64, y + (index / width) as u64);
    }
    let mean = |sum: u64, side: usize| (sum as f64 / count as f64 + 0.5) / side as f64;
    (count > 0).then(|| [mean(x, width), mean(y, height)])
}

/// Statistics of all readable clips of a data set.
#[derive(Clone, Debug, Default)]
pub struct SetStatistics {
    /// Label and statistics by clip id.
    pub clips: BTreeMap<String, LabelledStatistics>,
}

/// Statistics of a clip, with its label.
#[derive(Clone, Debug, PartialEq)]
pub struct LabelledStatistics {
    /// The clip's class.
    pub label: String,
    /// Its statistics.
    pub statistics: ClipStatistics,
}

impl SetStatistics {
    /// Selects the statistics of the clips of `dataset` from `entries`.
    pub fn new(dataset: &Dataset, mut entries: BTreeMap<String, StatisticsEntry>) -> Self {
        let labelled = |clip: &LabelledClip| {
            let statistics = entries.remove(&clip.id)?.statistics.ok()?;
            Some((clip.id.clone(), LabelledStatistics { label: clip.label.clone(), statistics }))
        };
        Self { clips: dataset.clips.iter().filter_map(labelled).collect() }
    }

    /// Returns the mean colour of all frames of all clips: HAT's fill colour.
    pub fn colour(&self) -> [u8; 3] {
        let (mut sum, mut frames) = ([0.0; 3], 0.0);
        for LabelledStatistics { statistics, .. } in self.clips.values() {
            let weight = statistics.frames as f64;
            frames += weight;
            (0..3).for_each(|channel| sum[channel] += weight * statistics.colour[channel]);
        }
        sum.map(|sum| (sum / f64::max(frames, 1.0)).round() as u8)
    }
}
