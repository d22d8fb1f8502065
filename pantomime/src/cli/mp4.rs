//! Writes clips as H.264 files through an ffmpeg process.

use super::clip_list::NamedClip;
use super::files::{create_folder, not_written};
use figureground::mask::Size;
use figureground::{Error, Result, Stage};
use pantomime::Picture;
use std::io::{ErrorKind, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Writes `<root>/<label>/{id}_{start:06}_{end:06}.mp4`.
pub(super) fn write(named: &NamedClip, size: Size, picture: &mut Picture, root: &Path) -> Result<()> {
    if !size.width().is_multiple_of(2) || !size.height().is_multiple_of(2) {
        let next = "pass an even --size, or --format frames";
        return Err(Error::new(Stage::Sink, "a size with even sides for mp4", size, next));
    }
    let directory = root.join(named.clip().label());
    create_folder(&directory)?;
    let path = directory.join(format!("{}.mp4", named.stem()));
    let mut child = start(size, &path)?;
    let piped = pipe(named, size, picture, &mut child);
    let mut message = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        let _ = stderr.read_to_string(&mut message);
    }
    let status = child.wait().map_err(|error| not_written(&path, error))?;
    match piped {
        Ok(()) if status.success() => Ok(()),
        Err(error) if message.trim().is_empty() => Err(not_written(&path, error)),
        _ => {
            let expected = format!("a video file {}", path.display());
            Err(Error::new(Stage::Sink, expected, message.trim(), "check ffmpeg's message and the free space"))
        }
    }
}

fn start(size: Size, path: &Path) -> Result<Child> {
    let mut command = Command::new("ffmpeg");
    command.args(["-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", &size.to_string()]);
    command.args(["-r", "12.5", "-i", "-", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p", "-threads", "1"]);
    command.arg(path).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().map_err(|error| {
        let got = if error.kind() == ErrorKind::NotFound { "none on the PATH".to_owned() } else { error.to_string() };
        Error::new(Stage::Sink, "the program ffmpeg", got, "install it, or pass --format frames")
    })
}

fn pipe(named: &NamedClip, size: Size, picture: &mut Picture, child: &mut Child) -> std::io::Result<()> {
    let mut renderer = named.crowd.renderer(size);
    let mut stdin = child.stdin.take().ok_or(ErrorKind::BrokenPipe)?;
    for frame in 0..named.clip().frames() {
        renderer.render(frame, picture);
        stdin.write_all(&picture.rgb)?;
    }
    Ok(())
}
