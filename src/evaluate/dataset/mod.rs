//! Labelled sets of clips, in the layouts that they are published in.

mod files;
mod folder;
mod kinetics;
mod lists;
mod masks;
mod notes;
mod strata;
mod unique;

use crate::bundle::checksum;
use crate::error::{Error, Result, Setting, Stage};
use crate::source::{self, FrameRange, MaskFolders, MaskedSource, Source, SourceOptions};
use crate::text_file;
use files::Files;
use notes::Notes;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Layout of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// CSV of label, youtube_id, time_start, time_end, split; clips are named by id and seconds.
    Mimetics,
    /// Same as `Mimetics`.
    Kinetics,
    /// mmaction2's lists: `path label` for videos, `folder [offset] frames label` for raw frames.
    Mmaction2,
    /// Something-Something v2's JSON lists of `id` and `template`, without clips under 16 frames.
    Ssv2,
    /// HAT's tree: `ori/CLASS/CLIP/%06d.jpg`.
    Hat,
    /// A folder per class, with video files or folders of pictures.
    Folder,
}

impl Format {
    /// All layouts.
    pub const ALL: [Self; 6] = [Self::Mimetics, Self::Kinetics, Self::Mmaction2, Self::Ssv2, Self::Hat, Self::Folder];

    /// Returns the layout's name: `mimetics`, `kinetics`, …
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mimetics => "mimetics",
            Self::Kinetics => "kinetics",
            Self::Mmaction2 => "mmaction2",
            Self::Ssv2 => "ssv2",
            Self::Hat => "hat",
            Self::Folder => "folder",
        }
    }
}

/// One labelled clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelledClip {
    /// Id in records, independent of the set's location.
    pub id: String,
    /// Class, as the set spells it.
    pub label: String,
    /// File or folder; `None` if it is missing.
    pub path: Option<PathBuf>,
    /// Offset and number of the clip's frames in the file; `None` for all frames.
    pub span: Option<[u64; 2]>,
    /// Start and end of the clip in the file, in microseconds; `None` for the whole file.
    pub time_us: Option<[u64; 2]>,
    /// Folders of precomputed masks.
    pub masks: Option<MaskFolders>,
    /// Folder of frames without the person, inpainted elsewhere.
    pub inpainted: Option<PathBuf>,
    /// Smallest number of frames of a valid clip.
    pub least_frames: u64,
    /// Further attributes of the clip by name.
    pub strata: BTreeMap<String, String>,
}

impl LabelledClip {
    /// Creates a clip without masks and strata.
    pub fn new(id: String, label: String, path: Option<PathBuf>) -> Self {
        Self {
            id,
            label,
            path,
            span: None,
            time_us: None,
            masks: None,
            inpainted: None,
            least_frames: 1,
            strata: BTreeMap::new(),
        }
    }

    /// Returns the files and folders that the clip is read from, by their role.
    pub fn inputs(&self) -> Vec<(&'static str, PathBuf)> {
        let masks = self.masks.iter().flat_map(|masks| {
            let objects = masks.objects.iter().map(|objects| ("objects", objects.clone()));
            [("masks", masks.person.clone())].into_iter().chain(objects)
        });
        self.path.iter().map(|path| ("clip", path.clone())).chain(masks).collect()
    }

    /// Opens the clip's frames, with its masks if it has any.
    ///
    /// # Errors
    /// Returns an error if the file is missing, or if it or its masks cannot be read.
    pub fn open(&self, options: &SourceOptions) -> Result<Box<dyn Source>> {
        let Some(path) = &self.path else {
            let got = format!("none of {:?}", self.id);
            return Err(Error::new(Stage::Source, "a file of every clip", got, "download it"));
        };
        let mut source = source::open(path.as_os_str(), options)?;
        if let Some(time_us) = self.time_us {
            source = Box::new(source::time_range(source, time_us)?);
        }
        if let Some([offset, count]) = self.span {
            source = Box::new(FrameRange::new(source, offset, count)?);
        }
        if let Some(masks) = &self.masks {
            source = Box::new(MaskedSource::new(source, masks)?);
        }
        Ok(source)
    }
}

/// A labelled set of clips.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dataset {
    /// All clips, sorted by id, with those whose files are missing.
    pub clips: Vec<LabelledClip>,
}

/// Part of a data set for one of several machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Shard {
    /// Number of the part, from 1.
    pub index: usize,
    /// Number of parts.
    pub count: usize,
}

impl Dataset {
    /// Finds the clips under `root`. `annotations` is the list of clips; `None` looks for it in `root`. Logs what is
    /// left out, and which file is taken where several are of one clip.
    ///
    /// # Errors
    /// Returns an error if the list is missing, cannot be read or gives a clip several labels, or if all clips are
    /// missing.
    pub fn open(format: Format, root: &Path, annotations: Option<&Path>) -> Result<Self> {
        if !root.is_dir() {
            let got = root.display();
            return Err(refused("the folder of a data set", got, "check the path").about(Setting::Data));
        }
        let mut notes = Notes::default();
        let mut clips = match format {
            Format::Mimetics | Format::Kinetics => kinetics::read(root, annotations, &mut notes)?,
            Format::Mmaction2 => lists::mmaction2(root, annotations, &mut notes)?,
            Format::Ssv2 => lists::ssv2(root, annotations, &mut notes)?,
            Format::Hat => folder::hat(root, &mut notes)?,
            Format::Folder => folder::read(root, &mut notes)?,
        };
        notes.log(root);
        clips.sort_by(|a, b| a.id.cmp(&b.id));
        if let Some((first, second)) = clips.iter().zip(clips.iter().skip(1)).find(|(a, b)| a.id == b.id) {
            let got = format!("{:?} of {:?} and of {:?}", first.id, first.label, second.label);
            return Err(refused("every clip once", got, "rename one of them"));
        }
        if clips.iter().all(|clip| clip.path.is_none()) {
            let got = format!("{} clips listed, none of them there", clips.len());
            let expected = format!("clips under {}", root.display());
            let error = refused(expected, got, "check the folder, its format and the list of clips");
            return Err(error.about(Setting::Data).about(Setting::Format).about(Setting::Annotations));
        }
        strata::add(root, &mut clips)?;
        Ok(Self { clips })
    }

    /// Adds the precomputed masks under `root`: HAT's `seg/CLASS/CLIP` with pantomime's `obj/CLASS/CLIP`, or
    /// `CLASS/CLIP` or the clip's name, with a folder `objects` in it. A clip without masks can then not be read.
    ///
    /// # Errors
    /// Returns an error if no clip has masks.
    pub fn with_masks(mut self, root: &Path) -> Result<Self> {
        let (mut found, mut files) = (0, Files::default());
        for clip in &mut self.clips {
            let masks = masks::of(root, clip, &mut files);
            found += usize::from(masks.person.is_dir());
            clip.masks = Some(masks);
        }
        if found == 0 {
            let got = format!("masks of none of {} clips under {}", self.clips.len(), root.display());
            let next = "lay them out as seg/CLASS/CLIP/%06d.png";
            return Err(refused("a folder of masks per clip", got, next).about(Setting::Masks));
        }
        Ok(self)
    }

    /// Returns whether the clips have precomputed masks.
    pub fn has_masks(&self) -> bool {
        self.clips.iter().any(|clip| clip.masks.is_some())
    }

    /// Adds the frames without the person under `root`: HAT's `inp/CLASS/CLIP`, or `CLASS/CLIP`. Other clips are
    /// inpainted when they are read.
    ///
    /// # Errors
    /// Returns an error if no clip has such frames.
    pub fn with_inpainted(mut self, root: &Path) -> Result<Self> {
        let mut files = Files::default();
        for clip in &mut self.clips {
            let inpainted = masks::folder(&root.join("inp"), clip, &mut files);
            clip.inpainted = inpainted.or_else(|| masks::folder(root, clip, &mut files));
        }
        if self.clips.iter().all(|clip| clip.inpainted.is_none()) {
            let got = format!("frames of none of {} clips under {}", self.clips.len(), root.display());
            let next = "lay them out as inp/CLASS/CLIP/%06d.png";
            return Err(refused("a folder of frames without the person", got, next));
        }
        Ok(self)
    }

    /// Returns a checksum of all ids and labels.
    pub fn fingerprint(&self) -> String {
        checksum::of_parts(self.clips.iter().flat_map(|clip| [clip.id.as_str(), clip.label.as_str()]))
    }

    /// Keeps every `shard.count`-th clip.
    #[must_use]
    pub fn shard(self, shard: Shard) -> Self {
        Self { clips: self.clips.into_iter().skip(shard.index.saturating_sub(1)).step_by(shard.count.max(1)).collect() }
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

/// Returns the paths in a folder, sorted, without hidden ones and those of operating systems.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let unreadable = |e: std::io::Error| {
        Error::caused(Stage::DataSet, "a readable folder", e, "check its permissions").at(folder.display())
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        paths.extend((!source::is_system_file(&path)).then_some(path));
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

/// Returns `annotations`, or the only file under `root` with this extension that is not a table of strata or people.
fn list(root: &Path, annotations: Option<&Path>, extension: &str) -> Result<PathBuf> {
    if let Some(path) = annotations {
        return Ok(path.to_owned());
    }
    let is_list = |path: &PathBuf| {
        let name = name(path);
        let is_other = ["_strata.", "_people.", "annot."].iter().any(|mark| name.contains(mark));
        // The class names of mmaction2's lists lie beside them.
        path.extension().is_some_and(|e| e.eq_ignore_ascii_case(extension)) && !is_other && name != "classes.txt"
    };
    let found: Vec<PathBuf> = entries(root)?.into_iter().filter(is_list).collect();
    match found.as_slice() {
        [only] => Ok(only.clone()),
        others => {
            let got = format!("{} of them under {}", others.len(), root.display());
            let error = refused(format_args!("one .{extension} list"), got, "name the file that lists the clips");
            Err(error.about(Setting::Annotations))
        }
    }
}

fn read_text(path: &Path) -> Result<String> {
    text_file::read(path)
        .map_err(|e| Error::caused(Stage::DataSet, "a readable list", e, "check the path").at(path.display()))
}

fn refused(expected: impl core::fmt::Display, got: impl core::fmt::Display, next: &str) -> Error {
    Error::new(Stage::DataSet, expected, got, next)
}
