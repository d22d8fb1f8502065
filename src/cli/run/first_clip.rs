//! The first clip, decoded while the models load.

use super::args::RunArgs;
use figureground::Result;
use figureground::bundle::manifest::ClipSettings;
use figureground::pipeline::Window;
use figureground::source::{self, PreparedClip, SourceOptions};
use std::ffi::OsString;
use std::path::Path;

/// A file among the sources that is to be classified as a whole.
pub(super) struct FirstClip<'a> {
    spec: &'a OsString,
    options: SourceOptions,
    clip: &'a ClipSettings,
}

impl<'a> FirstClip<'a> {
    /// Returns the first of `sources`, if it is a file that is classified as a whole.
    pub fn of(args: &RunArgs, sources: &'a [OsString], clip: &'a ClipSettings) -> Option<Self> {
        let spec = sources.first().filter(|spec| Path::new(spec).is_file() && !source::is_live(spec))?;
        let is_whole = matches!(args.window(false), Ok(Window::Clip));
        is_whole.then(|| Self { spec, options: args.source_options(), clip })
    }

    /// Decodes its sampled frames.
    ///
    /// # Errors
    /// Returns an error if it cannot be read.
    pub fn decode(&self) -> Result<PreparedClip> {
        let mut source = source::open(self.spec, &self.options)?;
        PreparedClip::read(source.as_mut(), &mut |count| self.clip.distinct(count))
    }
}
