//! Y4M from a file or a pipe, for input from any program that writes raw video.

mod stream;

use super::picture::Picture;
use super::selection::Selection;
use super::{Source, SourceOptions, cannot_open, cannot_read};
use crate::error::{Error, Result, Setting, Stage};
use crate::frame::Frame;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::path::{Path, PathBuf};
use stream::Stream;

/// Raw video. A pipe is streamed, and spooled to a temporary file only by [`Source::count`] and [`Source::select`].
pub(super) struct Y4m {
    name: String,
    origin: Origin,
    spool_limit: u64,
    stream: Option<Stream>,
    selection: Selection,
    picture: Picture,
}

/// The origin of the bytes.
enum Origin {
    Path(PathBuf),
    /// A pipe, read once; `None` once it is being read.
    Pipe(Option<Box<dyn Read>>),
    /// An unlinked temporary file with the content of a pipe.
    Spool(File),
}

impl Y4m {
    /// Opens a `.y4m` file; a named pipe is read as a pipe.
    ///
    /// # Errors
    /// Returns an error if it cannot be opened.
    pub fn from_path(name: String, path: &Path, options: &SourceOptions) -> Result<Self> {
        let file = File::open(path).map_err(|error| cannot_read(&name, error))?;
        let is_file = file.metadata().is_ok_and(|metadata| metadata.is_file());
        let origin = if is_file { Origin::Path(path.to_owned()) } else { Origin::Pipe(Some(Box::new(file))) };
        Ok(Self::new(name, origin, options))
    }

    /// Creates a source of a pipe such as stdin, without reading from it.
    pub fn from_pipe(name: String, pipe: Box<dyn Read>, options: &SourceOptions) -> Self {
        Self::new(name, Origin::Pipe(Some(pipe)), options)
    }

    fn new(name: String, origin: Origin, options: &SourceOptions) -> Self {
        let spool_limit = options.spool_limit;
        Self { name, origin, spool_limit, stream: None, selection: Selection::All, picture: Picture::default() }
    }

    fn open(&mut self) -> Result<Box<dyn Read>> {
        match &mut self.origin {
            Origin::Path(path) => {
                File::open(path).map(|file| Box::new(file) as Box<dyn Read>).map_err(|e| cannot_read(&self.name, e))
            }
            Origin::Pipe(pipe) => pipe.take().ok_or_else(|| read_once(&self.name)),
            Origin::Spool(file) => {
                let copy = file.rewind().and_then(|()| file.try_clone()).map_err(|e| cannot_read(&self.name, e))?;
                Ok(Box::new(copy))
            }
        }
    }

    fn rewind(&mut self) -> Result<()> {
        if let Origin::Pipe(pipe) = &mut self.origin {
            let bytes = pipe.take().ok_or_else(|| read_once(&self.name))?;
            self.origin = Origin::Spool(spool(&self.name, bytes, self.spool_limit)?);
        }
        self.stream = None;
        Ok(())
    }
}

impl Source for Y4m {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_live(&self) -> bool {
        false
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        if self.stream.is_none() {
            self.stream = Some(Stream::begin(self.name.clone(), self.open()?)?);
        }
        let Some(stream) = &mut self.stream else {
            return Ok(None);
        };
        let is_found = stream.read_until(|index| self.selection.contains(index), &mut self.picture)?;
        if is_found { self.picture.lend().map(Some) } else { Ok(None) }
    }

    fn count(&mut self) -> Result<u64> {
        self.rewind()?;
        let mut stream = Stream::begin(self.name.clone(), self.open()?)?;
        let end = stream.read_until(|_| false, &mut Picture::default());
        let whole = stream.frames_read();
        if whole == 0 {
            return Err(end.err().unwrap_or_else(|| cannot_open(&self.name, "a Y4M header without frames")));
        }
        self.selection = Selection::All;
        Ok(whole)
    }

    fn select(&mut self, indices: &[u64]) -> Result<()> {
        self.selection = Selection::only(indices)?;
        self.rewind()
    }
}

/// Copies all of `bytes` to an unlinked temporary file.
fn spool(name: &str, bytes: Box<dyn Read>, limit: u64) -> Result<File> {
    let failed = |error: std::io::Error| {
        let next = "free disk space, set TMPDIR, or use sliding windows, which need no file";
        Error::caused(Stage::Source, format!("space for {name} in a temporary file"), error, next)
            .about(Setting::Window)
    };
    let mut file = tempfile::tempfile().map_err(failed)?;
    let mut bytes = BufReader::new(bytes);
    std::io::copy(&mut bytes.by_ref().take(limit), &mut file).map_err(failed)?;
    let is_over = bytes.read(&mut [0]).map_err(failed)? > 0;
    if is_over {
        let next = "raise the limit, scale the video down, or use sliding windows, which need no file";
        let error = Error::new(Stage::Source, format_args!("at most {limit} bytes of Y4M from {name}"), "more", next);
        return Err(error.about(Setting::SpoolLimit).about(Setting::Window));
    }
    Ok(file)
}

fn read_once(name: &str) -> Error {
    Error::new(
        Stage::Source,
        "a source that can be read again",
        format_args!("{name}, a pipe that was read already"),
        "count or select before the first frame, or pass a file",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// `count` grey frames of 16x16 in 4:2:0, the i-th of luma 16 + i.
    fn clip(count: u8) -> Vec<u8> {
        let mut bytes = b"YUV4MPEG2 W16 H16 F30000:1001 Ip C420jpeg\n".to_vec();
        for i in 0..count {
            bytes.extend(b"FRAME\n");
            bytes.extend([16 + i; 256]);
            bytes.extend([128; 128]);
        }
        bytes
    }

    fn pipe(bytes: &[u8]) -> Y4m {
        pipe_with(bytes, &SourceOptions::default())
    }

    fn pipe_with(bytes: &[u8], options: &SourceOptions) -> Y4m {
        Y4m::from_pipe("-".to_owned(), Box::new(Cursor::new(bytes.to_vec())), options)
    }

    fn frame_times(source: &mut Y4m) -> Vec<(u64, u64)> {
        let mut times = Vec::new();
        while let Some(frame) = source.next_frame().unwrap() {
            let luma = (f64::from(frame.pixels()[0]) * 219.0 / 255.0).round() as u64;
            assert_eq!(luma, frame.index());
            times.push((frame.index(), frame.time_us()));
        }
        times
    }

    #[test]
    fn a_pipe_streams_without_being_spooled() {
        let mut source = pipe(&clip(3));
        assert_eq!(frame_times(&mut source), [(0, 0), (1, 33_366), (2, 66_733)]);
        assert!(matches!(source.origin, Origin::Pipe(None)));
        assert!(source.next_frame().unwrap().is_none());
    }

    #[test]
    fn a_pipe_is_spooled_by_count_and_rewound() {
        let mut source = pipe(&clip(5));
        assert_eq!(source.count().unwrap(), 5);
        source.select(&[1, 4]).unwrap();
        assert_eq!(frame_times(&mut source), [(1, 33_366), (4, 133_466)]);
        assert_eq!(source.count().unwrap(), 5);
        assert_eq!(frame_times(&mut source).len(), 5);
    }

    #[test]
    fn a_pipe_that_was_read_cannot_be_rewound() {
        let mut source = pipe(&clip(2));
        source.next_frame().unwrap();
        assert!(source.count().unwrap_err().to_string().contains("read already"));
        assert!(source.next_frame().unwrap().is_some());
    }

    #[test]
    fn a_pipe_above_the_spool_limit_is_an_error() {
        let bytes = clip(2);
        let with_limit = |spool_limit| SourceOptions { spool_limit, ..SourceOptions::default() };
        let error = pipe_with(&bytes, &with_limit(bytes.len() as u64 - 1)).count().unwrap_err();
        assert!(error.settings().contains(&Setting::SpoolLimit), "{error}");
        assert_eq!(pipe_with(&bytes, &with_limit(bytes.len() as u64)).count().unwrap(), 2);
    }

    #[test]
    fn a_truncated_stream_is_an_error_after_its_last_whole_frame() {
        let bytes = clip(3);
        for cut in [1, 100, 384, 389] {
            let mut source = pipe(&bytes[..bytes.len() - cut]);
            assert_eq!(source.count().unwrap(), 2, "{cut} bytes missing");
            source.next_frame().unwrap().unwrap();
            source.next_frame().unwrap().unwrap();
            let error = source.next_frame().unwrap_err().to_string();
            assert!(error.contains("2 whole frames"), "{error}");
        }
    }

    #[test]
    fn a_stream_without_a_whole_frame_is_an_error() {
        for bytes in [&b""[..], b"YUV4MPEG2 W16", b"YUV4MPEG2 W16 H16\n", b"YUV4MPEG2 W16 H16\nFRAME\nxx"] {
            assert!(pipe(bytes).count().is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn a_file_is_read_again_from_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("-a.y4m");
        std::fs::write(&path, clip(4)).unwrap();
        let mut source = Y4m::from_path("-a.y4m".to_owned(), &path, &SourceOptions::default()).unwrap();
        source.next_frame().unwrap();
        assert_eq!(source.count().unwrap(), 4);
        source.select(&[3]).unwrap();
        assert_eq!(frame_times(&mut source), [(3, 100_100)]);
    }
}
