//! An MP4 with H.264 in it, encoded by an `ffmpeg` child process.

use crate::error::{Error, Result, Stage};
use crate::file::AtomicFile;
use crate::mask::Size;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, ErrorKind, Read, Seek, Write};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};

/// Encoders with what they need for clear letters, the best first: two for H.264, and one that every ffmpeg has.
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

/// An MP4 that is written frame by frame.
#[derive(Debug)]
pub(crate) struct Mp4 {
    program: OsString,
    /// Pictures a second.
    rate: u32,
    codec: Codec,
    /// Stands before the file, so that it ends before the file that it writes is removed.
    encoder: Option<Encoder>,
    file: AtomicFile,
}

impl Mp4 {
    /// An empty MP4 of `rate` pictures a second on its way to `path`.
    ///
    /// # Errors
    /// When ffmpeg is missing or the directory cannot be written.
    pub(crate) fn create(path: &Path, rate: u32) -> Result<Self> {
        Self::with_program("ffmpeg".as_ref(), path, rate)
    }

    /// As [`Mp4::create`], by another ffmpeg.
    pub(crate) fn with_program(program: &OsStr, path: &Path, rate: u32) -> Result<Self> {
        let (file, codec) = (AtomicFile::create(path)?, best_codec(program)?);
        Ok(Self { program: program.to_owned(), rate, codec, encoder: None, file })
    }

    /// The size of its pictures, once there is one.
    #[cfg(feature = "overlay")]
    pub(crate) fn size(&self) -> Option<Size> {
        self.encoder.as_ref().map(|encoder| encoder.size)
    }

    /// Adds a picture of RGB8 `pixels`, `times` over; all pictures have one `size`. Of an odd side the last pixel is lost.
    ///
    /// # Errors
    /// When it has another size than the first, ffmpeg does not start, or ends before its time.
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

    /// Completes the file and puts it under its name.
    ///
    /// # Errors
    /// When ffmpeg fails or the file cannot be written.
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
    /// What it says goes to a nameless file: a pipe would have to be emptied all the time.
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
        let child = command.stderr(stderr).spawn().map_err(|error| not_started(program, &error))?;
        Ok(Self { child, size, log })
    }

    fn write(&mut self, pixels: &[u8]) -> io::Result<()> {
        let written = self.child.stdin.as_mut().map(|pipe| pipe.write_all(pixels));
        match written {
            Some(Ok(())) => Ok(()),
            // It has ended; why, it says itself.
            _ => Err(self.finish().err().unwrap_or_else(|| io::Error::other("ffmpeg ended too early"))),
        }
    }

    /// Waits for the end that comes when its input ends.
    fn finish(&mut self) -> io::Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        let mut log = Vec::new();
        self.log.rewind()?;
        self.log.read_to_end(&mut log)?;
        judged(status, &String::from_utf8_lossy(&log))
    }
}

impl Drop for Encoder {
    fn drop(&mut self) {
        // Both fail only when it has ended and been reaped, which is what they are for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether ffmpeg has done its work, by its status and its log of errors. Version 5.1 ends with status 0 when the disk
/// is too full for the index, without which nothing can be played: only the log tells.
fn judged(status: ExitStatus, log: &str) -> io::Result<()> {
    match log.lines().map(str::trim).rfind(|line| !line.is_empty()) {
        Some(last_words) => Err(io::Error::other(format!("ffmpeg: {last_words}"))),
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
    // Browsers play nothing but yuv420p, which has even sides, and start at once when the index comes first.
    command.args(["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", "-y"]);
    let mut url = OsString::from("file:");
    url.push(to);
    command.arg(url).stdin(Stdio::piped()).stdout(Stdio::null());
    // Ctrl-C is ours to answer: in its own process group ffmpeg does not end first.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// The best encoder that this ffmpeg was built with.
fn best_codec(program: &OsStr) -> Result<Codec> {
    let mut command = Command::new(program);
    let listing = command.args(["-hide_banner", "-loglevel", "error", "-encoders"]).stdin(Stdio::null()).output();
    let listing = listing.map_err(|error| not_started(program, &error))?;
    let listing = String::from_utf8_lossy(&listing.stdout);
    let has = |codec: &Codec| listing.split_whitespace().any(|word| word == codec.name);
    CODECS.into_iter().find(has).ok_or_else(|| {
        let names = CODECS.map(|codec| codec.name).join(", ");
        let next = "install a full one: apt-get install ffmpeg, or write a .gif";
        Error::new(Stage::Sink, format_args!("an ffmpeg with one of {names}"), "none of them", next)
    })
}

fn not_started(program: &OsStr, error: &io::Error) -> Error {
    let program = program.to_string_lossy();
    if error.kind() == ErrorKind::NotFound {
        let next = "install it: apt-get install ffmpeg, or write a .gif";
        return Error::new(Stage::Sink, "ffmpeg, which encodes video", format_args!("no {program}"), next);
    }
    Error::new(Stage::Sink, format_args!("{program} to start"), error, "check its permissions, or write a .gif")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_error_are_an_error_though_the_status_is_0() {
        let told = |log: &str| judged(ExitStatus::default(), log).map_err(|error| error.to_string());
        assert_eq!(told("\n"), Ok(()));
        assert_eq!(told("a\nNo space left on device\n"), Err("ffmpeg: No space left on device".to_owned()));
    }

    #[test]
    fn an_ffmpeg_that_ends_too_early_is_told() {
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
    fn a_missing_ffmpeg_is_named_with_its_install_line_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = Mp4::with_program("no-such-ffmpeg".as_ref(), &folder.path().join("a.mp4"), 10).unwrap_err();
        assert!(error.to_string().contains("apt-get install ffmpeg"), "{error}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
