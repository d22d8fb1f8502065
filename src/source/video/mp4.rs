//! The tables of an MP4 or QuickTime file: how many frames its video has, when they are shown, which are key frames.
//!
//! Only plain files are read, whose samples are the frames that a player shows: one video of a codec without hidden
//! frames, not fragmented, and with no edits but the usual delay of reordered frames. ISO/IEC 14496-12 names the boxes.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

/// Maximum number of bytes of the box with the tables.
const MAX_MOVIE_BYTES: u64 = 64 << 20;
/// Maximum number of boxes before it.
const MAX_BOXES: usize = 1 << 12;
/// Maximum number of frames: more than a day at 60 frames per second.
const MAX_FRAMES: usize = 1 << 23;

/// Codecs of which every sample is one frame that is shown.
const CODECS: [&[u8; 4]; 14] = [
    b"avc1", b"avc3", b"hvc1", b"hev1", b"mp4v", b"mjpg", b"jpeg", b"apcn", b"apch", b"apcs", b"apco", b"ap4h",
    b"ap4x", b"AVdn",
];

/// The frames of a video as its container lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FrameIndex {
    /// Ticks in a second.
    pub timescale: u32,
    /// Width and height in pixels as stored.
    pub size: [u32; 2],
    /// When each frame is shown, in ticks, strictly ascending.
    pub times: Vec<i64>,
    /// Indices of the key frames, ascending; the first one is 0.
    pub keys: Vec<usize>,
}

impl FrameIndex {
    /// Reads the tables of the file at `path`; `None` if it is no plain file of one video, in which case its frames
    /// must be decoded to be counted.
    pub fn read(path: &Path) -> Option<Self> {
        let movie = movie(&mut File::open(path).ok()?)?;
        Self::of_movie(&movie)
    }

    /// Reads the content of the box `moov`.
    fn of_movie(movie: &[u8]) -> Option<Self> {
        let mut videos = children(movie).filter(|(kind, _)| kind == b"trak").filter(|(_, track)| is_video(track));
        let (_, track) = videos.next()?;
        let is_fragmented = children(movie).any(|(kind, _)| &kind == b"mvex");
        if videos.next().is_some() || is_fragmented {
            return None;
        }
        let movie_timescale = timescale(child(movie, b"mvhd")?)?;
        let media = child(track, b"mdia")?;
        let timescale = timescale(child(media, b"mdhd")?)?;
        let table = child(child(media, b"minf")?, b"stbl")?;
        let (shown, order) = shown_times(table)?;
        let (first, last) = (*shown.first()?, *shown.last()?);
        if let Some(edits) = child(track, b"edts") {
            let edit = Edit::only(child(edits, b"elst")?)?;
            let end = i128::from(edit.duration) * i128::from(timescale) / i128::from(movie_timescale);
            let is_whole = edit.duration == 0 || end > i128::from(last) - i128::from(first);
            if edit.start != first || !is_whole {
                return None;
            }
        } else if first != 0 {
            return None;
        }
        let keys = keys(table, &order)?;
        Some(Self {
            timescale,
            size: stored_size(table)?,
            times: shown.iter().map(|time| time - first).collect(),
            keys,
        })
    }

    /// Returns the index of the last key frame up to frame `index`.
    pub fn key_before(&self, index: usize) -> usize {
        let after = self.keys.partition_point(|key| *key <= index);
        self.keys.get(after.saturating_sub(1)).copied().unwrap_or(0)
    }

    /// Returns the time of frame `index` in microseconds.
    pub fn time_us(&self, index: usize) -> u64 {
        let ticks = self.times.get(index).copied().unwrap_or(0);
        u64::try_from(i128::from(ticks) * 1_000_000 / i128::from(self.timescale)).unwrap_or(0)
    }
}

/// The edit of a track that shows all of it from `start` on.
struct Edit {
    /// In ticks of the movie.
    duration: u64,
    /// In ticks of the media.
    start: i64,
}

impl Edit {
    /// Returns the edit of a list of one, at normal speed.
    fn only(list: &[u8]) -> Option<Self> {
        let (version, rest) = full_box(list)?;
        if u32_at(rest, 0)? != 1 {
            return None;
        }
        let (duration, start, rate) = match version {
            0 => (u64::from(u32_at(rest, 4)?), i64::from(u32_at(rest, 8)?.cast_signed()), u32_at(rest, 12)?),
            _ => (u64_at(rest, 4)?, u64_at(rest, 12)?.cast_signed(), u32_at(rest, 20)?),
        };
        (rate == 1 << 16).then_some(Self { duration, start })
    }
}

/// Reads the content of the box `moov` of a file.
fn movie(file: &mut File) -> Option<Vec<u8>> {
    let length = file.metadata().ok()?.len();
    let mut start = 0;
    for _ in 0..MAX_BOXES {
        let mut header = [0; 16];
        file.seek(SeekFrom::Start(start)).ok()?;
        file.read_exact(&mut header).ok()?;
        let (header_length, box_length) = match u32_at(&header, 0)? {
            0 => (8, length.checked_sub(start)?),
            1 => (16, u64_at(&header, 8)?),
            short => (8, u64::from(short)),
        };
        let kind = &header[4..8];
        if box_length < header_length || box_length > length.checked_sub(start)? {
            return None;
        }
        if kind == b"moov" {
            let content = box_length - header_length;
            let mut bytes = Vec::new();
            file.seek(SeekFrom::Start(start + header_length)).ok()?;
            file.take(content.min(MAX_MOVIE_BYTES)).read_to_end(&mut bytes).ok()?;
            return (bytes.len() as u64 == content).then_some(bytes);
        }
        let is_known =
            [b"ftyp", b"free", b"skip", b"wide", b"mdat", b"uuid", b"meta", b"pnot"].iter().any(|k| *k == kind);
        if !is_known {
            return None;
        }
        start = start.checked_add(box_length)?;
    }
    None
}

/// Returns kind and content of each box in `content`, up to the first that is cut short.
fn children(content: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    let mut rest = content;
    std::iter::from_fn(move || {
        let (header, _) = rest.split_first_chunk::<8>()?;
        let kind = [header[4], header[5], header[6], header[7]];
        let length = usize::try_from(u32_at(header, 0)?).ok()?;
        let inner = rest.get(8..length)?;
        rest = rest.get(length..)?;
        Some((kind, inner))
    })
}

fn child<'a>(content: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(content).find(|(found, _)| found == kind).map(|(_, inner)| inner)
}

/// Splits the content of a box into its version and what follows the flags.
fn full_box(content: &[u8]) -> Option<(u8, &[u8])> {
    Some((*content.first()?, content.get(4..)?))
}

fn is_video(track: &[u8]) -> bool {
    let handler = child(track, b"mdia").and_then(|media| child(media, b"hdlr"));
    handler.and_then(|handler| handler.get(8..12)) == Some(b"vide")
}

/// Reads the ticks in a second of `mvhd` or `mdhd`.
fn timescale(header: &[u8]) -> Option<u32> {
    let (version, rest) = full_box(header)?;
    u32_at(rest, if version == 0 { 8 } else { 16 }).filter(|ticks| *ticks > 0)
}

/// Reads width and height of the only description of samples, if its codec has no hidden frames.
fn stored_size(table: &[u8]) -> Option<[u32; 2]> {
    let (_, rest) = full_box(child(table, b"stsd")?)?;
    let mut entries = children(rest.get(4..)?);
    let (codec, entry) = entries.next()?;
    let is_plain = u32_at(rest, 0)? == 1 && CODECS.contains(&&codec);
    let side = |at: usize| Some(u32::from(u16::from_be_bytes([*entry.get(at)?, *entry.get(at + 1)?])));
    is_plain.then_some([side(24)?, side(26)?])
}

/// Returns the times at which frames are shown, ascending, and for each sample the index of its frame.
fn shown_times(table: &[u8]) -> Option<(Vec<i64>, Vec<usize>)> {
    let (_, sizes) = full_box(child(table, b"stsz")?)?;
    let count = usize::try_from(u32_at(sizes, 4)?).ok().filter(|count| (1..=MAX_FRAMES).contains(count))?;
    let durations = runs(child(table, b"stts")?)?;
    let offsets = child(table, b"ctts").map_or(Some(vec![(u32::MAX, 0)]), runs)?;
    let mut offsets = offsets.into_iter().flat_map(|(count, offset)| std::iter::repeat_n(offset, count as usize));
    let mut times = Vec::new();
    let mut decoded = 0_i64;
    for (run, duration) in durations {
        for _ in 0..run {
            if times.len() == count {
                return None;
            }
            times.push(decoded.checked_add(i64::from(offsets.next()?.cast_signed()))?);
            decoded = decoded.checked_add(i64::from(duration))?;
        }
    }
    if times.len() != count {
        return None;
    }
    let mut samples: Vec<usize> = (0..count).collect();
    samples.sort_by_key(|sample| times[*sample]);
    let mut order = vec![0; count];
    samples.iter().enumerate().for_each(|(index, sample)| order[*sample] = index);
    times.sort_unstable();
    times.is_sorted_by(|a, b| a < b).then_some((times, order))
}

/// Reads a table of runs: how often a value is repeated, and the value.
fn runs(content: &[u8]) -> Option<Vec<(u32, u32)>> {
    let (_, rest) = full_box(content)?;
    let count = usize::try_from(u32_at(rest, 0)?).ok()?;
    let entries = rest.get(4..)?.chunks_exact(8).take(count);
    let runs: Vec<(u32, u32)> = entries.filter_map(|entry| Some((u32_at(entry, 0)?, u32_at(entry, 4)?))).collect();
    (runs.len() == count).then_some(runs)
}

/// Reads the indices of key frames; all are without the table. `order` holds the frame of each sample.
fn keys(table: &[u8], order: &[usize]) -> Option<Vec<usize>> {
    let Some(content) = child(table, b"stss") else { return Some((0..order.len()).collect()) };
    let (_, rest) = full_box(content)?;
    let count = usize::try_from(u32_at(rest, 0)?).ok()?;
    let samples = rest.get(4..)?.chunks_exact(4).take(count).filter_map(|entry| u32_at(entry, 0));
    let frame = |sample: u32| order.get(usize::try_from(sample).ok()?.checked_sub(1)?).copied();
    let mut keys = samples.map(frame).collect::<Option<Vec<usize>>>()?;
    keys.sort_unstable();
    (keys.len() == count && keys.first() == Some(&0)).then_some(keys)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], content: &[u8]) -> Vec<u8> {
        [&(content.len() as u32 + 8).to_be_bytes()[..], kind, content].concat()
    }

    fn numbers(numbers: &[u32]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
    }

    /// The content of `moov` with six frames of 100 ticks, of which every second one is shown late, and two key frames.
    fn movie(codec: &[u8; 4], edit: &[u32]) -> Vec<u8> {
        let mut entry = vec![0; 78];
        entry[24..28].copy_from_slice(&[0x01, 0x40, 0x00, 0xF0]);
        let table = [
            boxed(b"stsd", &[numbers(&[0, 1]), boxed(codec, &entry)].concat()),
            boxed(b"stsz", &numbers(&[0, 1000, 6])),
            boxed(b"stts", &numbers(&[0, 1, 6, 100])),
            boxed(b"ctts", &numbers(&[0, 3, 1, 100, 2, 150, 3, 100])),
            boxed(b"stss", &numbers(&[0, 2, 1, 5])),
        ];
        let media = [
            boxed(b"mdhd", &numbers(&[0, 0, 0, 1000, 600, 0])),
            boxed(b"hdlr", &[numbers(&[0, 0]), b"vide".to_vec(), vec![0; 13]].concat()),
            boxed(b"minf", &boxed(b"stbl", &table.concat())),
        ];
        let edits = boxed(b"edts", &boxed(b"elst", &numbers(edit)));
        let track = [edits, boxed(b"mdia", &media.concat())].concat();
        [boxed(b"mvhd", &numbers(&[0, 0, 0, 1000, 600])), boxed(b"trak", &track)].concat()
    }

    const WHOLE: [u32; 5] = [0, 1, 600, 100, 1 << 16];

    #[test]
    fn a_plain_file_lists_its_frames() {
        let index = FrameIndex::of_movie(&movie(b"avc1", &WHOLE)).unwrap();
        assert_eq!(index.times, [0, 150, 250, 300, 400, 500]);
        assert_eq!((index.keys.as_slice(), index.size, index.timescale), (&[0, 4][..], [320, 240], 1000));
        assert_eq!([0, 3, 4, 5].map(|frame| index.key_before(frame)), [0, 0, 4, 4]);
        assert_eq!(index.time_us(1), 150_000);
    }

    #[test]
    fn a_file_whose_samples_are_not_what_is_shown_is_not_plain() {
        let is_plain = |movie: Vec<u8>| FrameIndex::of_movie(&movie).is_some();
        assert!(is_plain(movie(b"avc1", &WHOLE)) && is_plain(movie(b"hvc1", &WHOLE)));
        // Codecs with hidden frames, edits that cut, delay, speed up or repeat, fragments, a second video.
        assert!(!is_plain(movie(b"vp09", &WHOLE)) && !is_plain(movie(b"av01", &WHOLE)));
        for edit in
            [[0, 1, 300, 100, 1 << 16], [0, 1, 600, 250, 1 << 16], [0, 1, 600, 100, 1 << 17], [0, 2, 600, 100, 0]]
        {
            assert!(!is_plain(movie(b"avc1", &edit)), "{edit:?}");
        }
        let whole = movie(b"avc1", &WHOLE);
        assert!(!is_plain([whole.clone(), boxed(b"mvex", &[])].concat()));
        let track = child(&whole, b"trak").unwrap();
        assert!(!is_plain([whole.clone(), boxed(b"trak", track)].concat()));
    }

    #[test]
    fn damaged_tables_are_never_read_out_of_bounds() {
        let whole = movie(b"avc1", &WHOLE);
        for end in 0..whole.len() {
            assert!(FrameIndex::of_movie(&whole[..end]).is_none(), "{end}");
        }
        let mut state = 7_u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as usize
        };
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random() % 3 {
                let at = random() % bytes.len();
                bytes[at] = [0, 1, 0x7F, 0xFF, random() as u8][random() % 5];
            }
            if let Some(index) = FrameIndex::of_movie(&bytes) {
                assert!(index.times.len() <= MAX_FRAMES && index.keys.iter().all(|key| *key < index.times.len()));
                index.key_before(random());
                index.time_us(random());
            }
        }
    }
}
