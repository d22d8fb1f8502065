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
    let expected = "a source that can be read again";
    let next = "count or select before the first frame, or pass a file";
    Error::new(Stage::Source, expected, format_args!("{name}, a pipe that was read already"), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two grey frames of 16x16.
    fn pipe(spool_limit: u64) -> Y4m {
        let clip = [b"YUV4MPEG2 W16 H16 Cmono\n".to_vec(), [b"FRAME\n", &[128; 256][..]].concat().repeat(2)].concat();
        let options = SourceOptions { spool_limit, ..SourceOptions::default() };
        Y4m::from_pipe("-".to_owned(), Box::new(std::io::Cursor::new(clip)), &options)
    }

    #[test]
    fn a_pipe_streams_without_being_spooled() {
        let mut source = pipe(0);
        assert!(source.next_frame().unwrap().is_some() && source.next_frame().unwrap().is_some());
        assert!(matches!(source.origin, Origin::Pipe(None)) && source.next_frame().unwrap().is_none());
    }

    #[test]
    fn a_pipe_above_the_spool_limit_is_an_error() {
        let length = 24 + 2 * (6 + 256);
        let error = pipe(length - 1).count().unwrap_err();
        assert!(error.settings().contains(&Setting::SpoolLimit), "{error}");
        assert_eq!(pipe(length).count().unwrap(), 2);
    }
}
