//! Labelled sets of clips, in the layouts in which they go around.

mod folder;
mod kinetics;
mod lists;
mod masks;
mod strata;
mod tree;

use crate::error::{Error, Result, Stage};
use crate::source::{self, FrameRange, MaskFolders, MaskedSource, Source, SourceOptions};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How a set is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "cli", derive(clap::ValueEnum))]
pub enum Format {
    /// A CSV of label, youtube_id, time_start, time_end, split; clips named by id and seconds, in a folder a label or not.
    Mimetics,
    /// As `mimetics`, which took its columns over.
    Kinetics,
    /// mmaction2's lists: `path label` for videos, `folder [offset] frames label` for raw frames.
    Mmaction2,
    /// Something-Something v2's JSON lists: `id` and `template`; clips under 16 frames are left out.
    Ssv2,
    /// HAT's tree: `ori/CLASS/CLIP/%06d.jpg`.
    Hat,
    /// A folder a class, with video files or folders of pictures.
    Folder,
}

/// One labelled clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledClip {
    /// What names it in records, the same wherever the set lies.
    pub id: String,
    /// Its class, as the set writes it.
    pub label: String,
    /// The file or folder of it; none where there is none.
    pub path: Option<PathBuf>,
    /// The frames of it that are meant, from which on and how many; all of them where nothing is said.
    pub span: Option<[u64; 2]>,
    /// Where masks of it lie that were made elsewhere.
    pub masks: Option<MaskFolders>,
    /// Where frames of it without the person lie that were made elsewhere.
    pub inpainted: Option<PathBuf>,
    /// The fewest frames that it may have.
    pub least_frames: u64,
    /// Stratum by name: what the set says of the clip besides its label.
    pub strata: BTreeMap<String, String>,
}

impl LabelledClip {
    /// A clip of which nothing else is known.
    pub fn new(id: String, label: String, path: Option<PathBuf>) -> Self {
        Self { id, label, path, span: None, masks: None, inpainted: None, least_frames: 1, strata: BTreeMap::new() }
    }

    /// Its frames, with masks where such were made elsewhere.
    ///
    /// # Errors
    /// When there is no file of it, or it or its masks cannot be read.
    pub fn open(&self, options: &SourceOptions) -> Result<Box<dyn Source>> {
        let Some(path) = &self.path else {
            return Err(Error::new(
                Stage::Source,
                "a file of every clip",
                format_args!("none of {:?}", self.id),
                "fetch it",
            ));
        };
        let mut source = source::open(path.as_os_str(), options)?;
        if let Some([offset, count]) = self.span {
            source = Box::new(FrameRange::new(source, offset, count)?);
        }
        if let Some(masks) = &self.masks {
            source = Box::new(MaskedSource::new(source, masks)?);
        }
        Ok(source)
    }
}

/// A labelled set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// Its clips by id, those whose files are missing among them.
    pub clips: Vec<LabelledClip>,
}

/// A share of a set, so that several machines can work on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shard {
    /// From 1.
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

impl Dataset {
    /// The set at `root`; `annotations` is the file that lists it, which otherwise is looked for.
    ///
    /// # Errors
    /// When the list is missing, cannot be read, names a clip twice, or no clip is there at all.
    pub fn open(format: Format, root: &Path, annotations: Option<&Path>) -> Result<Self> {
        if !root.is_dir() {
            let got = root.display();
            return Err(refused("the folder of a data set", got, "check the path"));
        }
        let mut clips = match format {
            Format::Mimetics | Format::Kinetics => kinetics::read(root, annotations)?,
            Format::Mmaction2 => lists::mmaction2(root, annotations)?,
            Format::Ssv2 => lists::ssv2(root, annotations)?,
            Format::Hat => tree::read(root)?,
            Format::Folder => folder::read(root)?,
        };
        clips.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some(pair) = clips.windows(2).find(|pair| pair[0].id == pair[1].id) {
            return Err(refused("every clip once", format_args!("{:?} twice", pair[0].id), "correct the list"));
        }
        if clips.iter().all(|clip| clip.path.is_none()) {
            let got = format!("{} clips listed, none of them there", clips.len());
            let next = "check DATA, --format and --annotations";
            return Err(refused(format_args!("clips under {}", root.display()), got, next));
        }
        strata::add(root, &mut clips)?;
        Ok(Self { clips })
    }

    /// The set with the masks under `root`: HAT's `seg/CLASS/CLIP` and pantomime's `obj/CLASS/CLIP` beside it, or
    /// `CLASS/CLIP` or the clip's name, with a folder `objects` in it. A clip without masks has none that can be read.
    ///
    /// # Errors
    /// When there are masks of no clip at all.
    pub fn with_masks(mut self, root: &Path) -> Result<Self> {
        let mut found = 0;
        for clip in &mut self.clips {
            let masks = masks::of(root, clip);
            found += usize::from(masks.person.is_dir());
            clip.masks = Some(masks);
        }
        if found == 0 {
            let got = format!("masks of none of {} clips under {}", self.clips.len(), root.display());
            return Err(refused("a folder of masks a clip", got, "lay them out as seg/CLASS/CLIP/%06d.png"));
        }
        Ok(self)
    }

    /// The set with frames without the person under `root`: HAT's `inp/CLASS/CLIP`, or `CLASS/CLIP`. Clips without such are
    /// inpainted here.
    ///
    /// # Errors
    /// When there are such of no clip at all.
    pub fn with_inpainted(mut self, root: &Path) -> Result<Self> {
        for clip in &mut self.clips {
            clip.inpainted = masks::there(&root.join("inp"), clip).or_else(|| masks::there(root, clip));
        }
        if self.clips.iter().all(|clip| clip.inpainted.is_none()) {
            let got = format!("frames of none of {} clips under {}", self.clips.len(), root.display());
            return Err(refused(
                "a folder of frames without the person",
                got,
                "lay them out as inp/CLASS/CLIP/%06d.png",
            ));
        }
        Ok(self)
    }

    /// A checksum of all clips' names and labels.
    pub fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for part in self.clips.iter().flat_map(|clip| [&clip.id, &clip.label]) {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Every `shard.count`-th clip.
    #[must_use]
    pub fn shard(self, shard: Shard) -> Self {
        let mine = |(place, _): &(usize, LabelledClip)| place % shard.count == shard.index - 1;
        Self { clips: self.clips.into_iter().enumerate().filter(mine).map(|(_, clip)| clip).collect() }
    }
}

impl core::str::FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> core::result::Result<Self, String> {
        let parts = text.split_once('/').and_then(|(k, n)| Some((k.parse().ok()?, n.parse().ok()?)));
        match parts {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err("K/N with K from 1 to N".to_owned()),
        }
    }
}

impl core::fmt::Display for Shard {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}/{}", self.index, self.count)
    }
}

/// Extensions of the files that are clips.
const VIDEO: [&str; 9] = ["mp4", "webm", "mkv", "avi", "mov", "m4v", "mpg", "y4m", "gif"];

fn is_video(path: &Path) -> bool {
    path.extension().is_some_and(|extension| VIDEO.iter().any(|video| extension.eq_ignore_ascii_case(video)))
}

/// What lies in a folder, sorted; hidden things left out.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable =
        |e: std::io::Error| refused("a readable folder", format_args!("{}: {e}", folder.display()), "check it");
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        paths.extend((!hidden).then_some(path));
    }
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// The list that was named, or the only file under `root` with this extension that is none of a set's side files.
fn list(root: &Path, named: Option<&Path>, extension: &str) -> Result<PathBuf> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let is_list = |path: &PathBuf| {
        let name = name(path);
        path.extension().is_some_and(|e| e == extension) && !name.contains("_strata.") && !name.contains("annot.")
    };
    let found: Vec<PathBuf> = entries(root)?.into_iter().filter(is_list).collect();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        others => {
            let got = format!("{} of them under {}", others.len(), root.display());
            Err(refused(format_args!("one .{extension} list"), got, "name it with --annotations"))
        }
    }
}

fn read_text(path: &Path) -> Result<String> {
    let unreadable = |e| refused("a readable list", format_args!("{}: {e}", path.display()), "check the path");
    std::fs::read_to_string(path).map_err(unreadable)
}

fn refused(expected: impl core::fmt::Display, got: impl core::fmt::Display, next: &str) -> Error {
    Error::new(Stage::DataSet, expected, got, next)
}

#[cfg(test)]
mod tests;
