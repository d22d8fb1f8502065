//! Cameras through nokhwa, read on a thread of their own.

use super::{CameraName, PixelFormat, pixels};
use crate::error::{Error, Result, Stage};
use crate::frame::Frame;
use crate::source::picture::{FirstSize, Picture};
use crate::source::queue::{Reader, Taken, WhenFull, Writer, queue};
use crate::source::{Source, SourceHealth, SourceOptions, live};
use nokhwa::Camera;
use nokhwa::utils::{ApiBackend, CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

pub(super) fn list() -> Result<Vec<CameraName>> {
    let cameras = nokhwa::query(ApiBackend::Auto).map_err(|error| refused("the system", error))?;
    let describe =
        |info: &nokhwa::utils::CameraInfo| CameraName { index: info.index().as_string(), name: info.human_name() };
    Ok(cameras.iter().map(describe).collect())
}

pub(super) fn open(name: String, index: &str, options: &SourceOptions) -> Result<Box<dyn Source>> {
    let number = index.parse().map_err(|_| refused(&name, "a camera has a number, as camera:0"))?;
    let (opened, is_open) = sync_channel(1);
    let (writer, frames) = queue(WhenFull::DropOldest);
    let (wanted, spoiled) = (Wanted::of(options), Arc::new(AtomicU64::new(0)));
    let (called, counted) = (name.clone(), Arc::clone(&spoiled));
    let capture = std::thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || capture(&called, (number, wanted), &opened, &writer, &counted))
        .map_err(|error| refused(&name, error))?;
    match is_open.recv_timeout(options.stall) {
        Ok(()) => Ok(Box::new(CameraSource::new(name, (frames, spoiled), capture, options.stall))),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(refused(&name, "no answer")),
        Err(_) => Err(ended(&name, capture)),
    }
}

/// A camera that is being read. When it is dropped the thread ends at its next frame; it is not waited for, since a
/// camera that is gone may never give one.
struct CameraSource {
    name: String,
    frames: Reader,
    /// Pictures that could not be read.
    spoiled: Arc<AtomicU64>,
    capture: Option<JoinHandle<Result<()>>>,
    stall: Duration,
    size: FirstSize,
    picture: Picture,
}

impl CameraSource {
    fn new(
        name: String,
        (frames, spoiled): (Reader, Arc<AtomicU64>),
        capture: JoinHandle<Result<()>>,
        stall: Duration,
    ) -> Self {
        let (size, picture) = (FirstSize::default(), Picture::default());
        Self { name, frames, spoiled, capture: Some(capture), stall, size, picture }
    }
}

impl Source for CameraSource {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_live(&self) -> bool {
        true
    }

    fn next_frame(&mut self) -> Result<Option<Frame<'_>>> {
        match self.frames.take(&mut self.picture, Some(self.stall)) {
            Taken::Picture => {}
            Taken::Timeout => return Err(refused(&self.name, format_args!("no picture for {:.1?}", self.stall))),
            Taken::End => {
                return self.capture.take().map_or(Ok(None), |capture| Err(ended(&self.name, capture)));
            }
        }
        let Picture { index, width, height, .. } = self.picture;
        self.size.check(&self.name, index, width, height)?;
        self.picture.lend().map(Some)
    }

    fn arrived(&self) -> Option<Instant> {
        self.picture.arrived
    }

    fn health(&self) -> SourceHealth {
        SourceHealth { dropped: self.frames.dropped() + self.spoiled.load(Ordering::Relaxed), reconnects: 0 }
    }

    fn count(&mut self) -> Result<u64> {
        Err(live(&self.name))
    }

    fn select(&mut self, _indices: &[u64]) -> Result<()> {
        Err(live(&self.name))
    }
}

/// Opens the camera, says so, and reads it until the caller is gone or the camera fails.
fn capture(
    name: &str,
    (number, wanted): (u32, Wanted),
    opened: &SyncSender<()>,
    writer: &Writer,
    spoiled: &AtomicU64,
) -> Result<()> {
    let mut camera = start(number, wanted).map_err(|error| refused(name, error))?;
    if opened.send(()).is_err() {
        return Ok(());
    }
    let (begin, mut picture, mut index) = (Instant::now(), Picture::default(), 0);
    loop {
        let buffer = camera.frame().map_err(|error| refused(name, error))?;
        (picture.index, picture.time_us) = (index, u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
        index += 1;
        let size = (buffer.resolution().width(), buffer.resolution().height());
        match pixels::convert(buffer.source_frame_format(), buffer.buffer(), size, &mut picture) {
            Ok(()) if writer.push(&mut picture) => {}
            Ok(()) => return Ok(()),
            // Cables and hubs spoil a picture now and then; a camera that spoils all of them counts as stalled.
            Err(error) => {
                let count = spoiled.fetch_add(1, Ordering::Relaxed) + 1;
                // Ever more seldom: a log must not grow with what is wrong.
                if count.is_power_of_two() {
                    log::warn!("{name}: {count} pictures passed over, the last because: {error}");
                }
            }
        }
    }
}

/// What a camera is asked for.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    size: [u32; 2],
    fps: u32,
    format: Option<FrameFormat>,
}

impl Wanted {
    fn of(options: &SourceOptions) -> Self {
        let format = options.camera_format.map(|format| match format {
            PixelFormat::Yuyv => FrameFormat::YUYV,
            PixelFormat::Nv12 => FrameFormat::NV12,
            PixelFormat::Mjpeg => FrameFormat::MJPEG,
            PixelFormat::Rgb => FrameFormat::RAWRGB,
            PixelFormat::Bgr => FrameFormat::RAWBGR,
            PixelFormat::Grey => FrameFormat::GRAY,
        });
        Self { size: options.camera_size, fps: options.camera_fps, format }
    }
}

fn start(number: u32, wanted: Wanted) -> core::result::Result<Camera, nokhwa::NokhwaError> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &pixels::FORMATS);
    let mut camera = Camera::new(CameraIndex::Index(number), any)?;
    let formats = camera.compatible_camera_formats().unwrap_or_default();
    if let Some(format) = wanted.format.filter(|format| formats.iter().all(|offered| offered.format() != *format)) {
        let mut offered: Vec<String> = formats.iter().map(|offered| offered.format().to_string()).collect();
        offered.sort();
        offered.dedup();
        let reason = format!("it does not send {format}, but {}", offered.join(", "));
        return Err(nokhwa::NokhwaError::GeneralError(reason));
    }
    if let Some(format) = nearest(&formats, wanted) {
        let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(format), &pixels::FORMATS);
        if let Err(error) = camera.set_camera_requset(exact) {
            log::warn!("camera:{number} keeps {}: {error}", camera.camera_format());
        }
    }
    camera.open_stream()?;
    Ok(camera)
}

/// The format nearest to what is wanted: first in width and height, then in frames a second, then the one that costs least.
fn nearest(formats: &[CameraFormat], wanted: Wanted) -> Option<CameraFormat> {
    let distance = |format: &&CameraFormat| {
        let size = format.width().abs_diff(wanted.size[0]) + format.height().abs_diff(wanted.size[1]);
        let cost = pixels::FORMATS.iter().position(|known| *known == format.format());
        (size, format.frame_rate().abs_diff(wanted.fps), cost)
    };
    let is_meant = |format: &&CameraFormat| match wanted.format {
        Some(wanted) => format.format() == wanted,
        None => pixels::FORMATS.contains(&format.format()),
    };
    formats.iter().filter(is_meant).min_by_key(distance).copied()
}

fn ended(name: &str, capture: JoinHandle<Result<()>>) -> Error {
    match capture.join() {
        Ok(Err(error)) => error,
        _ => refused(name, "an end, though cameras go on"),
    }
}

fn refused(name: &str, reason: impl core::fmt::Display) -> Error {
    Error::new(
        Stage::Source,
        "a camera that gives pictures",
        format_args!("{name}: {reason}"),
        "list cameras with figureground devices, and check that no other program holds it",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use nokhwa::utils::Resolution;

    #[test]
    fn a_camera_that_is_not_there_is_an_error_when_it_is_opened() {
        for index in ["4000", "front", ""] {
            let error = open(format!("camera:{index}"), index, &SourceOptions::default()).err().unwrap().to_string();
            assert!(error.contains(&format!("camera:{index}: ")), "{error}");
        }
    }

    #[test]
    fn the_format_nearest_to_vga_at_30_frames_a_second_is_taken() {
        let format = |width, height, rate| CameraFormat::new(Resolution::new(width, height), FrameFormat::YUYV, rate);
        let formats = [format(1920, 1080, 30), format(640, 480, 15), format(640, 480, 30), format(320, 240, 60)];
        let wanted = Wanted::of(&SourceOptions::default());
        assert_eq!(nearest(&formats, wanted), Some(formats[2]));
        assert_eq!(nearest(&[], wanted), None);
    }

    #[test]
    fn a_camera_that_falls_silent_is_an_error() {
        let (writer, frames) = queue(WhenFull::DropOldest);
        let capture = std::thread::spawn(move || {
            let mut picture = Picture::default();
            picture.resize(32, 16)?;
            writer.push(&mut picture);
            std::thread::sleep(Duration::from_millis(400));
            Err(refused("camera:0", "unplugged"))
        });
        let mut source =
            CameraSource::new("camera:0".to_owned(), (frames, Arc::default()), capture, Duration::from_millis(100));
        assert!(source.is_live() && source.count().is_err() && source.select(&[0]).is_err());
        assert_eq!(source.next_frame().unwrap().unwrap().width(), 32);
        assert!(source.next_frame().unwrap_err().to_string().contains("no picture for 100"));
        source.stall = Duration::from_secs(5);
        assert!(source.next_frame().unwrap_err().to_string().contains("unplugged"));
        assert!(source.next_frame().unwrap().is_none());
    }
}
