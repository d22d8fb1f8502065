//! An animated GIF that repeats forever.

use super::canvas::Canvas;
use crate::error::Result;
use crate::file::AtomicFile;
use embedded_graphics::prelude::{OriginDimensions, Size};
use image::codecs::gif::{GifEncoder, Repeat};
use image::{Delay, Frame, RgbImage};
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Speed of the palette quantization, 1 to 30: 10 takes a tenth of the time of 1.
const SPEED: i32 = 10;

/// A GIF writer, frame by frame.
pub(super) struct Gif {
    encoder: GifEncoder<SharedWriter>,
    writer: SharedWriter,
    size: Option<Size>,
    file: AtomicFile,
}

impl core::fmt::Debug for Gif {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Gif").field("file", &self.file).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Gif {
    /// Creates an empty GIF that [`Gif::finish`] moves to `path`.
    ///
    /// # Errors
    /// Returns an error if the directory is not writable.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = AtomicFile::create(path)?;
        let writer = SharedWriter::new(file.handle()?);
        let mut encoder = GifEncoder::new_with_speed(writer.clone(), SPEED);
        encoder.set_repeat(Repeat::Infinite).map_err(|error| file.failed(&error))?;
        Ok(Self { encoder, writer, size: None, file })
    }

    /// Appends one frame that is shown for `duration_ms`.
    ///
    /// # Errors
    /// Returns an error if its size differs from the first frame's, or it cannot be written.
    pub(super) fn put(&mut self, canvas: &Canvas, duration_ms: u64) -> Result<()> {
        canvas.check_size(*self.size.get_or_insert(canvas.size()))?;
        let (size, delay) = (canvas.size(), Delay::from_saturating_duration(Duration::from_millis(duration_ms)));
        let picture = RgbImage::from_raw(size.width, size.height, canvas.pixels().to_vec()).unwrap_or_default();
        let frame = Frame::from_parts(image::DynamicImage::from(picture).into_rgba8(), 0, 0, delay);
        self.encoder.encode_frame(frame).map_err(|error| self.file.failed(&error))?;
        self.writer.check().map_err(|error| self.file.io_failed(error))
    }

    /// Completes the file and moves it to its path.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub(super) fn finish(self) -> Result<()> {
        let Self { encoder, writer, file, .. } = self;
        // Dropping it writes the trailer and ignores errors.
        drop(encoder);
        writer.finish().map_err(|error| file.io_failed(error))?;
        file.commit()
    }
}

/// The writer of the encoder. The encoder takes its writer by value and ignores errors on drop, so they are kept here.
#[derive(Clone)]
struct SharedWriter(Arc<Mutex<Buffer>>);

struct Buffer {
    file: BufWriter<File>,
    /// The first write error; nothing is written after it.
    failure: Option<(io::ErrorKind, String)>,
}

impl SharedWriter {
    fn new(file: File) -> Self {
        Self(Arc::new(Mutex::new(Buffer { file: BufWriter::new(file), failure: None })))
    }

    fn check(&self) -> io::Result<()> {
        self.buffer().failure.clone().map_or(Ok(()), |(kind, reason)| Err(io::Error::new(kind, reason)))
    }

    fn finish(self) -> io::Result<()> {
        self.check()?;
        self.buffer().file.flush()
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for SharedWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.buffer();
        if buffer.failure.is_none() {
            buffer.failure = buffer.file.write_all(bytes).err().map(|error| (error.kind(), error.to_string()));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
