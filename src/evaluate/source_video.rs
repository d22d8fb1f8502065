//! The video that a clip was cut from. Clips of one video resemble each other.

use super::Record;

/// Stratum that names the source video of a clip.
const VIDEO: &str = "video";
/// Stratum that the drawn clips of one person share.
const PERSON: &str = "seed";

/// Returns the source video of a record's clip: its stratum `video`, or the person of a drawn clip, or the video of an
/// id as in Kinetics, `VIDEO_000010_000020`; `None` if it is not known.
pub(super) fn source_video(record: &Record) -> Option<&str> {
    let stratum = |name: &str| record.strata.get(name).map(String::as_str);
    stratum(VIDEO).or_else(|| stratum(PERSON)).or_else(|| of_id(&record.clip))
}

/// Returns the video in a clip's id, without folders.
fn of_id(id: &str) -> Option<&str> {
    let name = id.rsplit('/').next().unwrap_or(id);
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let is_second = |part: &str| part.len() == 6 && part.bytes().all(|byte| byte.is_ascii_digit());
    let of_name = |name: &'_ str| -> Option<usize> {
        let (rest, end) = name.rsplit_once('_')?;
        let (video, start) = rest.rsplit_once('_')?;
        (is_second(start) && is_second(end) && !video.is_empty()).then_some(video.len())
    };
    of_name(name).or_else(|| of_name(stem)).map(|length| &name[..length])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::ClipOutcome;
    use std::collections::BTreeMap;

    #[test]
    fn kinetics_ids_name_their_video() {
        assert_eq!(of_id("a_b-c_000010_000020"), Some("a_b-c"));
        assert_eq!(of_id("waving/7"), None);
        assert_eq!(of_id("x_10_20"), None);
        assert_eq!(of_id("waving/a.b_000010_000020.mp4"), Some("a.b"));
        assert_eq!(of_id("waving/a.b_000010_000020"), Some("a.b"));
    }

    #[test]
    fn the_stratum_comes_before_the_person_and_the_person_before_the_id() {
        let video = |strata: &[(&str, &str)]| {
            let strata: BTreeMap<_, _> =
                strata.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            let (clip, truth) = ("a_000010_000020".to_owned(), "waving".to_owned());
            let record =
                Record { clip, truth, strata, pointing: None, files: BTreeMap::new(), outcome: ClipOutcome::Missing };
            source_video(&record).map(str::to_owned)
        };
        assert_eq!(video(&[("seed", "7"), ("video", "b")]).as_deref(), Some("b"));
        assert_eq!(video(&[("seed", "7")]).as_deref(), Some("7"));
        assert_eq!(video(&[]).as_deref(), Some("a"));
    }
}
