//! Three parts of records, none with clips of a video of another part.

use super::refused;
use crate::error::Result;
use crate::evaluate::Record;
use crate::evaluate::source_video::source_video;
use std::collections::BTreeMap;

/// The records of a calibration in three parts.
#[derive(Debug, Default)]
pub(super) struct Parts<'a> {
    /// For temperature and weights.
    pub fit: Vec<&'a Record>,
    /// For the score, tau and the order of thresholds.
    pub choose: Vec<&'a Record>,
    /// For the bound.
    pub bound: Vec<&'a Record>,
}

impl<'a> Parts<'a> {
    /// Splits `records`. The videos of each class are in the order of their names; of a number that three does not
    /// divide, each part gets one more in turn.
    ///
    /// # Errors
    /// Returns an error if there are fewer than three videos.
    pub fn of(records: &[&'a Record]) -> Result<Self> {
        let mut videos: BTreeMap<&str, Vec<&'a Record>> = BTreeMap::new();
        records.iter().for_each(|record| videos.entry(video(record)).or_default().push(record));
        if videos.len() < 3 {
            let got = format!("{} clips of {} videos", records.len(), videos.len());
            let next = "add clips of other videos; clips of one video stay together";
            return Err(refused("clips of at least three videos", got, next));
        }
        let mut classes: BTreeMap<&str, Vec<Vec<&'a Record>>> = BTreeMap::new();
        for clips in videos.into_values() {
            classes.entry(&clips[0].truth).or_default().push(clips);
        }
        let mut parts = [Vec::new(), Vec::new(), Vec::new()];
        for (turn, clips) in classes.into_values().flatten().enumerate() {
            parts[turn % 3].extend(clips);
        }
        let [fit, choose, bound] = parts;
        Ok(Self { fit, choose, bound })
    }
}

/// Returns the video of a record, or the clip itself where its video is not known.
pub(super) fn video(record: &Record) -> &str {
    source_video(record).unwrap_or(&record.clip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::ClipOutcome;

    fn record(clip: &str, truth: &str) -> Record {
        let (clip, truth) = (clip.to_owned(), truth.to_owned());
        Record {
            clip,
            truth,
            strata: BTreeMap::new(),
            pointing: None,
            files: BTreeMap::new(),
            outcome: ClipOutcome::Missing,
        }
    }

    #[test]
    fn clips_of_one_video_are_in_one_part() {
        let records: Vec<Record> = (0..90)
            .map(|i| record(&format!("waving/video{:02}_{:06}_{:06}.mp4", i / 3, i, i + 3), ["a", "b"][i / 3 % 2]))
            .collect();
        let records: Vec<&Record> = records.iter().collect();
        assert_eq!(video(records[4]), "video01");
        let parts = Parts::of(&records).unwrap();
        let sizes = [&parts.fit, &parts.choose, &parts.bound].map(Vec::len);
        assert_eq!(sizes, [30; 3]);
        let videos = [&parts.fit, &parts.choose, &parts.bound]
            .map(|part| part.iter().map(|record| video(record)).collect::<std::collections::BTreeSet<_>>());
        assert!(videos[0].is_disjoint(&videos[1]) && videos[1].is_disjoint(&videos[2]) && videos[0].len() == 10);
    }

    #[test]
    fn clips_of_one_video_alone_are_refused() {
        let records = [record("v_000001_000002", "a"), record("v_000003_000005", "a")];
        let error = Parts::of(&records.iter().collect::<Vec<_>>()).unwrap_err().to_string();
        assert!(error.contains("2 clips of 1 videos"), "{error}");
    }
}
