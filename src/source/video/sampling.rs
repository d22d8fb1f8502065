//! The sampled frames of a plain file, decoded once: of a short clip from one pass to its end, of a long one from the
//! groups of pictures that hold them. Either checks that the container told the truth.

use super::address::Address;
use super::command::{DecodePlan, Pass};
use super::log::{Report, Revision};
use super::mp4::FrameIndex;
use super::process::{Output, Process};
use super::raw;
use crate::error::Result;
use crate::source::SourceOptions;
use crate::source::picture::Picture;
use std::ffi::OsStr;

/// Maximum number of bytes of pictures that are held at a time.
const MAX_HELD_BYTES: u64 = 256 << 20;
/// What a start of ffmpeg costs, in decoded pixels: as much as fifteen frames of 1920x1080.
const START_PIXELS: u64 = 15 * 1920 * 1080;

/// The result of an attempt to decode what the container promises.
pub(super) enum Sampled {
    /// The pictures, in their order.
    Pictures(Vec<Picture>),
    /// The pass must be started again in another way.
    Revised(Revision),
    /// The file holds other frames than its container says, or is damaged.
    Otherwise(Box<Report>),
}

/// A file and how it is decoded.
#[derive(Clone, Copy)]
pub(super) struct Sampling<'a> {
    pub program: &'a OsStr,
    pub address: &'a Address,
    pub plan: &'a DecodePlan,
    pub options: &'a SourceOptions,
    pub index: &'a FrameIndex,
}

impl Sampling<'_> {
    /// Returns whether these frames are few enough to be held in memory.
    pub fn fits(&self, indices: &[u64]) -> bool {
        let [width, height] = self.index.size.map(u64::from);
        indices.len() as u64 * 3 * width * height <= MAX_HELD_BYTES
    }

    /// Decodes the frames with these ascending indices.
    ///
    /// # Errors
    /// Returns an error if ffmpeg is missing or cannot be started.
    pub fn decode(&self, indices: &[u64]) -> Result<Sampled> {
        let indices: Vec<usize> = indices.iter().filter_map(|index| usize::try_from(*index).ok()).collect();
        let groups = self.groups(&indices);
        if self.seeks(&groups) { self.decode_groups(&groups) } else { self.decode_whole(&indices) }
    }

    /// Decodes the whole file once and keeps the selected frames.
    fn decode_whole(&self, indices: &[usize]) -> Result<Sampled> {
        let numbers: Vec<u64> = indices.iter().map(|index| *index as u64).collect();
        let (process, output) = self.spawn(Pass::Selected(&numbers))?;
        let pictures = pictures(output, indices.len());
        let report = process.finish();
        let is_true = report.loss.is_none() && report.frames == self.index.times.len() as u64;
        Ok(match (report.revision, pictures) {
            (Some(revision), _) => Sampled::Revised(revision),
            (None, Ok(pictures)) if is_true && pictures.len() == indices.len() => {
                Sampled::Pictures(self.numbered(pictures, indices))
            }
            _ => Sampled::Otherwise(Box::new(report)),
        })
    }

    /// Decodes each group from its key frame up to the last selected frame; the next one starts meanwhile.
    fn decode_groups(&self, groups: &[Vec<usize>]) -> Result<Sampled> {
        let mut all = Vec::new();
        let mut next = groups.first().map(|group| self.start_group(group)).transpose()?;
        for (position, group) in groups.iter().enumerate() {
            let Some((process, output)) = next.take() else { break };
            next = groups.get(position + 1).map(|group| self.start_group(group)).transpose()?;
            let pictures = pictures(output, group.len());
            let report = process.end();
            match (report.revision, pictures) {
                (Some(revision), _) => return Ok(Sampled::Revised(revision)),
                (None, Ok(pictures)) if pictures.len() == group.len() && self.is_as_listed(&report, group) => {
                    all.extend(self.numbered(pictures, group));
                }
                _ => return Ok(Sampled::Otherwise(Box::new(report))),
            }
        }
        Ok(Sampled::Pictures(all))
    }

    fn start_group(&self, group: &[usize]) -> Result<(Process, Output)> {
        let ticks: Vec<i64> = group.iter().filter_map(|index| self.index.times.get(*index).copied()).collect();
        let key = self.index.key_before(group.first().copied().unwrap_or(0));
        // Between the key frame and the next one, because times are rounded.
        let start_us = (self.index.time_us(key) + self.index.time_us(key + 1).max(self.index.time_us(key))) / 2;
        self.spawn(Pass::Group { start_us, ticks: &ticks })
    }

    /// Returns whether the decoded frames are those that the container lists from a key frame on.
    fn is_as_listed(&self, report: &Report, group: &[usize]) -> bool {
        let times = &self.index.times;
        let Some(first) = report.times.first().and_then(|first| times.binary_search(first).ok()) else { return false };
        let last = group.last().copied().unwrap_or(0);
        let is_complete = report.times.len() > last.saturating_sub(first);
        let needed = report.times.iter().take(last.saturating_sub(first) + 1);
        first <= group.first().copied().unwrap_or(0)
            && is_complete
            && needed.eq(times.iter().skip(first).take(last - first + 1))
    }

    fn spawn(&self, pass: Pass<'_>) -> Result<(Process, Output)> {
        Process::spawn(self.program, self.address, pass, self.plan, self.options)
    }

    /// Gives pictures their indices and times.
    fn numbered(&self, mut pictures: Vec<Picture>, indices: &[usize]) -> Vec<Picture> {
        for (picture, index) in pictures.iter_mut().zip(indices) {
            (picture.index, picture.time_us) = (*index as u64, self.index.time_us(*index));
        }
        pictures
    }

    /// Divides ascending indices by the key frame before them.
    fn groups(&self, indices: &[usize]) -> Vec<Vec<usize>> {
        let key = |index: &usize| self.index.key_before(*index);
        indices.chunk_by(|a, b| key(a) == key(b)).map(<[usize]>::to_vec).collect()
    }

    /// Returns whether decoding the groups alone takes less than half of the time of all frames.
    fn seeks(&self, groups: &[Vec<usize>]) -> bool {
        let [width, height] = self.index.size.map(u64::from);
        let length = |group: &Vec<usize>| {
            let (first, last) = (group.first().copied().unwrap_or(0), group.last().copied().unwrap_or(0));
            (last - self.index.key_before(first) + 1) as u64
        };
        let decoded: u64 = groups.iter().map(length).sum();
        let seeking = decoded * width * height + groups.len() as u64 * START_PIXELS;
        2 * seeking < self.index.times.len() as u64 * width * height
    }
}

/// Reads up to `count` pictures.
fn pictures(output: Output, count: usize) -> Result<Vec<Picture>> {
    let mut pictures = Vec::with_capacity(count);
    if let Some(mut pipe) = output.pictures {
        for stamp in output.stamps.iter().take(count) {
            let mut picture = Picture::default();
            raw::read(&mut pipe, stamp, &mut picture)?;
            pictures.push(picture);
        }
    }
    Ok(pictures)
}
