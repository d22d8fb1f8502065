//! H.264 video in MP4, encoded by an `ffmpeg` child process.

use crate::error::{Error, Result, Stage};
use crate::file::AtomicFile;
use crate::mask::Size;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Encoders in order of preference, with options for sharp text: two for H.264, and one that every ffmpeg has.
const CODECS: [Codec; 3] = [
    Codec { name: "libx264", options: &["-crf", "18"] },
    Codec { name: "libopenh264", options: &["-b:v", "4M"] },
    Codec { name: "mpeg4", options: &["-q:v", "2"] },
];

#[derive(Clone, Copy, Debug)]
struct Codec {
    name: &'static str,
    options: &'static [&'static str],
}

/// An MP4 writer, frame by frame.
#[derive(Debug)]
pub(crate) struct Mp4 {
    program: OsString,
    /// Frames per second.
    rate: u32,
    codec: Codec,
    /// Declared before `file`, so that it ends before its output is removed.
    encoder: Option<Encoder>,
    file: AtomicFile,
}

impl Mp4 {
    /// Creates an empty MP4 of `rate` frames per second that [`Mp4::finish`] moves to `path`.
    ///
    /// # Errors
    /// Returns an error if ffmpeg is missing or the directory is not writable.
    pub(crate) fn create(path: &Path, rate: u32) -> Result<Self> {
        Self::with_program("ffmpeg".as_ref(), path, rate)
    }

    /// Does the same as [`Mp4::create`] with another ffmpeg.
    pub(crate) fn with_program(program: &OsStr, path: &Path, rate: u32) -> Result<Self> {
        let (file, codec) = (AtomicFile::create(path)?, best_codec(program)?);
        Ok(Self { program: program.to_owned(), rate, codec, encoder: None, file })
    }

    /// Returns the frame size, once there is a frame.
    #[cfg(feature = "overlay")]
    pub(crate) fn size(&self) -> Option<Size> {
        self.encoder.as_ref().map(|encoder| encoder.size)
    }

    /// Appends RGB8 `pixels` as `times` equal frames; all frames have one `size`. The last row or column of an odd size
    /// is dropped.
    ///
    /// # Errors
    /// Returns an error if the size differs from the first frame's, or ffmpeg does not start or ends early.
    pub(crate) fn put(&mut self, pixels: &[u8], size: Size, times: u64) -> Result<()> {
        let encoder = match self.encoder.take() {
            Some(encoder) => encoder,
            None => Encoder::spawn(&self.program, self.codec, size, self.rate, &self.file)?,
        };
        let encoder = self.encoder.insert(encoder);
        encoder.size.expect(size, Stage::Sink)?;
        for _ in 0..times {
            encoder.write(pixels).map_err(|error| self.file.failed(&error))?;
        }
        Ok(())
    }

    /// Completes the file and moves it to its path.
    ///
    /// # Errors
    /// Returns an error if ffmpeg fails or the file cannot be written.
    pub(crate) fn finish(self) -> Result<()> {
        if let Some(mut encoder) = self.encoder {
            encoder.finish().map_err(|error| self.file.failed(&error))?;
        }
        self.file.commit()
    }
}

/// A running ffmpeg, killed and reaped when dropped.
#[derive(Debug)]
struct Encoder {
    child: Child,
    size: Size,
    /// Its stderr, in an unnamed file: a pipe would need a thread that reads it.
    log: File,
}

impl Encoder {
    fn spawn(program: &OsStr, codec: Codec, size: Size, rate: u32, file: &AtomicFile) -> Result<Self> {
        let log = || -> io::Result<(File, File)> {
            let log = tempfile::tempfile()?;
            Ok((log.try_clone()?, log))
        };
        let (stderr, log) = log().map_err(|error| file.failed(&format!("no temporary file: {error}")))?;
        let mut command = command(program, codec, size, rate, file.temporary_path());
        let child = command.stderr(stderr).spawn().map_err(|error| not_started(program, error))?;
        Ok(Self { child, size, log })
    }

    fn write(&mut self, pixels: &[u8]) -> io::Result<()> {
        let written = self.child.stdin.as_mut().map(|pipe| pipe.write_all(pixels));
        match written {
            Some(Ok(())) => Ok(()),
            // It has ended, and its log says why.
            _ => Err(self.finish().err().unwrap_or_else(|| io::Error::other("ffmpeg ended early"))),
        }
    }

    /// Closes the input and waits for ffmpeg to end.
    fn finish(&mut self) -> io::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        let mut log = Vec::new();
        self.log.rewind()?;
        self.log.read_to_end(&mut log)?;
        check_exit(status, &String::from_utf8_lossy(&log))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // Both fail only if the process has ended and been reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns an error if the exit status or the error log of ffmpeg shows a failure. The log matters because version 5.1
/// exits with status 0 when a full disk keeps it from writing the index, without which the file does not play.
fn check_exit(status: ExitStatus, log: &str) -> io::Result<()> {
    match log.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(line) => Err(io::Error::other(format!("ffmpeg: {line}"))),
        None if status.success() => Ok(()),
        None => Err(io::Error::other(format!("ffmpeg ended with {status}"))),
    }
}

fn command(program: &OsStr, codec: Codec, size: Size, rate: u32, to: &Path) -> Command {
    let mut command = Command::new(program);
    command.env("AV_LOG_FORCE_NOCOLOR", "1").env_remove("AV_LOG_FORCE_COLOR");
    command.args(["-nostdin", "-hide_banner", "-nostats", "-loglevel", "error"]);
    command.args(["-f", "rawvideo", "-pixel_format", "rgb24", "-framerate", &rate.to_string()]);
    command.args(["-video_size", &size.to_string(), "-i", "pipe:0"]);
    command.args(["-c:v", codec.name]).args(codec.options);
    command.args(["-vf", "crop=trunc(iw/2)*2:trunc(ih/2)*2"]);
    // Browsers need yuv420p, which has even sides, and can start at once if the index comes first.
    command.args(["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", "-y"]);
    let mut url = OsString::from("file:");
    url.push(to);
    command.arg(url).stdin(Stdio::piped()).stdout(Stdio::null());
    // In its own process group, ffmpeg does not receive ctrl-C.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// Returns the preferred encoder among those of this ffmpeg.
fn best_codec(program: &OsStr) -> Result<Codec> {
    let mut command = Command::new(program);
    let listing = command.args(["-hide_banner", "-loglevel", "error", "-encoders"]).stdin(Stdio::null()).output();
    let listing = listing.map_err(|error| not_started(program, error))?;
    let listing = String::from_utf8_lossy(&listing.stdout);
    let has = |codec: &Codec| listing.split_whitespace().any(|word| word == codec.name);
    CODECS.into_iter().find(has).ok_or_else(|| {
        let names = CODECS.map(|codec| codec.name).join(", ");
        let next = "install a complete one: apt-get install ffmpeg, or write a .gif";
        Error::new(Stage::Sink, format_args!("an ffmpeg with one of {names}"), "one without them", next)
    })
}

fn not_started(program: &OsStr, error: io::Error) -> Error {
    let program = program.to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        let next = "install it: apt-get install ffmpeg, or write a .gif";
        let got = format!("no program {program}");
        return Error::new(Stage::Sink, "ffmpeg, to encode video", got, next).with_source(error);
    }
    let expected = format!("{program} to start");
    Error::caused(Stage::Sink, expected, error, "check its permissions, or write a .gif")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_error_is_an_error_despite_status_0() {
        let check = |log: &str| check_exit(ExitStatus::default(), log).map_err(|error| error.to_string());
        assert_eq!(check("\n"), Ok(()));
        assert_eq!(check("a\nNo space left on device\n"), Err("ffmpeg: No space left on device".to_owned()));
    }

    #[test]
    fn an_ffmpeg_that_ends_early_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let Ok(mut mp4) = Mp4::create(&folder.path().join("a.mp4"), 10) else {
            eprintln!("SKIPPED: this test needs ffmpeg: apt-get install ffmpeg");
            return;
        };
        mp4.codec = Codec { name: "no-such-codec", options: &[] };
        let size = Size::new(640, 480).unwrap();
        let error = mp4.put(&vec![0; 3 * size.area()], size, 10).and_then(|()| mp4.finish()).unwrap_err().to_string();
        assert!(error.contains("no-such-codec"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_missing_ffmpeg_is_an_error_with_its_install_command_and_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let error = Mp4::with_program("no-such-ffmpeg".as_ref(), &folder.path().join("a.mp4"), 10).unwrap_err();
        assert!(error.to_string().contains("apt-get install ffmpeg"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
