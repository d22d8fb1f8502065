//! Cameras through nokhwa, read on a capture thread.

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
    let cameras = nokhwa::query(ApiBackend::Auto).map_err(|error| camera_error("the system", error))?;
    let describe =
        |info: &nokhwa::utils::CameraInfo| CameraName { index: info.index().as_string(), name: info.human_name() };
    Ok(cameras.iter().map(describe).collect())
}

pub(super) fn open(name: String, index: &str, options: &SourceOptions) -> Result<Box<dyn Source>> {
    let number = index.parse().map_err(|_| refused(&name, "a name instead of a number, as in camera:0"))?;
    let (opened, is_open) = sync_channel(1);
    let (writer, frames) = queue(WhenFull::DropOldest);
    let damaged = Arc::new(AtomicU64::new(0));
    let capture = Capture {
        name: name.clone(),
        number,
        request: FormatRequest::new(options),
        opened,
        writer,
        damaged: Arc::clone(&damaged),
    };
    let capture = std::thread::Builder::new()
        .name("camera".to_owned())
        .spawn(move || capture.run())
        .map_err(|error| camera_error(&name, error))?;
    match is_open.recv_timeout(options.stall) {
        Ok(()) => Ok(Box::new(CameraSource {
            name,
            frames,
            damaged,
            capture: Some(capture),
            stall: options.stall,
            size: FirstSize::default(),
            picture: Picture::default(),
        })),
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err(refused(&name, "no response")),
        Err(_) => Err(ended(&name, capture)),
    }
}

/// An open camera. Dropping it ends the capture thread at its next frame without waiting, because an unplugged camera
/// may never return one.
struct CameraSource {
    name: String,
    frames: Reader,
    /// Number of pictures that could not be decoded.
    damaged: Arc<AtomicU64>,
    capture: Option<JoinHandle<Result<()>>>,
    stall: Duration,
    size: FirstSize,
    picture: Picture,
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
        SourceHealth { dropped: self.frames.dropped() + self.damaged.load(Ordering::Relaxed), reconnects: 0 }
    }

    fn count(&mut self) -> Result<u64> {
        Err(live(&self.name))
    }

    fn select(&mut self, _indices: &[u64]) -> Result<()> {
        Err(live(&self.name))
    }
}

/// The capture thread.
struct Capture {
    name: String,
    number: u32,
    request: FormatRequest,
    /// Signals that the camera is open.
    opened: SyncSender<()>,
    writer: Writer,
    damaged: Arc<AtomicU64>,
}

impl Capture {
    /// Opens the camera and reads it until the source is dropped or the camera fails.
    fn run(self) -> Result<()> {
        let mut camera = start(self.number, self.request).map_err(|error| camera_error(&self.name, error))?;
        if self.opened.send(()).is_err() {
            return Ok(());
        }
        let (begin, mut picture, mut index) = (Instant::now(), Picture::default(), 0);
        loop {
            let buffer = camera.frame().map_err(|error| camera_error(&self.name, error))?;
            (picture.index, picture.time_us) = (index, u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX));
            index += 1;
            match pixels::convert(buffer.source_frame_format(), buffer.buffer(), buffer.resolution(), &mut picture) {
                Ok(()) if self.writer.push(&mut picture) => {}
                Ok(()) => return Ok(()),
                // Cables damage a picture now and then; a camera with damaged pictures only counts as stalled.
                Err(error) => {
                    let count = self.damaged.fetch_add(1, Ordering::Relaxed) + 1;
                    // Powers of two keep the log short.
                    if count.is_power_of_two() {
                        log::warn!("{}: {count} pictures dropped so far, the last because of: {error}", self.name);
                    }
                }
            }
        }
    }
}

/// The preferred format of a camera.
#[derive(Clone, Copy, Debug)]
struct FormatRequest {
    size: [u32; 2],
    fps: u32,
    format: Option<FrameFormat>,
}

impl FormatRequest {
    fn new(options: &SourceOptions) -> Self {
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

fn start(number: u32, request: FormatRequest) -> core::result::Result<Camera, nokhwa::NokhwaError> {
    let any = RequestedFormat::with_formats(RequestedFormatType::None, &pixels::FORMATS);
    let mut camera = Camera::new(CameraIndex::Index(number), any)?;
    let formats = camera.compatible_camera_formats().unwrap_or_default();
    if let Some(format) = request.format.filter(|format| formats.iter().all(|offered| offered.format() != *format)) {
        let mut offered: Vec<String> = formats.iter().map(|offered| offered.format().to_string()).collect();
        offered.sort();
        offered.dedup();
        let reason = format!("it sends {} instead of {format}", offered.join(", "));
        return Err(nokhwa::NokhwaError::GeneralError(reason));
    }
    if let Some(format) = nearest(&formats, request) {
        let exact = RequestedFormat::with_formats(RequestedFormatType::Exact(format), &pixels::FORMATS);
        if let Err(error) = camera.set_camera_requset(exact) {
            log::warn!("camera:{number} keeps {}: {error}", camera.camera_format());
        }
    }
    camera.open_stream()?;
    Ok(camera)
}

/// Returns the format nearest to the request: first by size, then by frames per second, then by decoding cost.
fn nearest(formats: &[CameraFormat], request: FormatRequest) -> Option<CameraFormat> {
    let distance = |format: &&CameraFormat| {
        let size = format.width().abs_diff(request.size[0]) + format.height().abs_diff(request.size[1]);
        let cost = pixels::FORMATS.iter().position(|known| *known == format.format());
        (size, format.frame_rate().abs_diff(request.fps), cost)
    };
    let is_allowed = |format: &&CameraFormat| match request.format {
        Some(requested) => format.format() == requested,
        None => pixels::FORMATS.contains(&format.format()),
    };
    formats.iter().filter(is_allowed).min_by_key(distance).copied()
}

fn ended(name: &str, capture: JoinHandle<Result<()>>) -> Error {
    match capture.join() {
        Ok(Err(error)) => error,
        _ => refused(name, "an unexpected end"),
    }
}

/// Returns the error of a camera that failed because of `error`.
fn camera_error(name: &str, error: impl core::error::Error + Send + Sync + 'static) -> Error {
    refused(name, &error).with_source(error)
}

fn refused(name: &str, reason: impl core::fmt::Display) -> Error {
    let next = "list the cameras, and check that no other program uses it";
    Error::new(Stage::Source, "a camera that sends pictures", format_args!("{name}: {reason}"), next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nokhwa::utils::Resolution;

    #[test]
    fn a_missing_camera_is_an_error_when_it_is_opened() {
        for index in ["4000", "front", ""] {
            let error = open(format!("camera:{index}"), index, &SourceOptions::default()).err().unwrap().to_string();
            assert!(error.contains(&format!("camera:{index}: ")), "{error}");
        }
    }

    #[test]
    fn the_format_nearest_to_vga_at_30_frames_per_second_is_chosen() {
        let format = |width, height, rate| CameraFormat::new(Resolution::new(width, height), FrameFormat::YUYV, rate);
        let formats = [format(1920, 1080, 30), format(640, 480, 15), format(640, 480, 30), format(320, 240, 60)];
        let request = FormatRequest::new(&SourceOptions::default());
        assert_eq!(nearest(&formats, request), Some(formats[2]));
        assert_eq!(nearest(&[], request), None);
    }

    #[test]
    fn a_camera_that_stalls_is_an_error() {
        let (writer, frames) = queue(WhenFull::DropOldest);
        let capture = std::thread::spawn(move || {
            let mut picture = Picture::default();
            picture.resize(32, 16)?;
            writer.push(&mut picture);
            std::thread::sleep(Duration::from_millis(400));
            Err(refused("camera:0", "unplugged"))
        });
        let mut source = CameraSource {
            name: "camera:0".to_owned(),
            frames,
            damaged: Arc::default(),
            capture: Some(capture),
            stall: Duration::from_millis(100),
            size: FirstSize::default(),
            picture: Picture::default(),
        };
        assert!(source.is_live() && source.count().is_err() && source.select(&[0]).is_err());
        assert_eq!(source.next_frame().unwrap().unwrap().width(), 32);
        assert!(source.next_frame().unwrap_err().to_string().contains("no picture for 100"));
        source.stall = Duration::from_secs(5);
        assert!(source.next_frame().unwrap_err().to_string().contains("unplugged"));
        assert!(source.next_frame().unwrap().is_none());
    }
}
