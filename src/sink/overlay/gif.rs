//! An animated GIF that repeats for ever.

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

/// How coarsely the palette of a frame is learned, 1 to 30: at 10, the palette takes a tenth of the time of 1.
const SPEED: i32 = 10;

/// A GIF that is written frame by frame.
pub(super) struct Gif {
    encoder: GifEncoder<Spool>,
    spool: Spool,
    size: Option<Size>,
    file: AtomicFile,
}

impl core::fmt::Debug for Gif {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Gif").field("file", &self.file).field("size", &self.size).finish_non_exhaustive()
    }
}

impl Gif {
    /// An empty GIF on its way to `path`.
    ///
    /// # Errors
    /// When the directory cannot be written.
    pub(super) fn create(path: &Path) -> Result<Self> {
        let file = AtomicFile::create(path)?;
        let spool = Spool::new(file.handle()?);
        let mut encoder = GifEncoder::new_with_speed(spool.clone(), SPEED);
        encoder.set_repeat(Repeat::Infinite).map_err(|error| file.failed(&error))?;
        Ok(Self { encoder, spool, size: None, file })
    }

    /// Adds one frame that is shown for `duration_ms`.
    ///
    /// # Errors
    /// When it has another size than the first, or cannot be written.
    pub(super) fn put(&mut self, canvas: &Canvas, duration_ms: u64) -> Result<()> {
        canvas.expect(*self.size.get_or_insert(canvas.size()))?;
        let (size, delay) = (canvas.size(), Delay::from_saturating_duration(Duration::from_millis(duration_ms)));
        let picture = RgbImage::from_raw(size.width, size.height, canvas.pixels().to_vec()).unwrap_or_default();
        let frame = Frame::from_parts(image::DynamicImage::from(picture).into_rgba8(), 0, 0, delay);
        self.encoder.encode_frame(frame).map_err(|error| self.file.failed(&error))?;
        self.spool.check().map_err(|error| self.file.failed(&error))
    }

    /// Completes the file and puts it under its name.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(self) -> Result<()> {
        let Self { encoder, spool, file, .. } = self;
        // Its end writes the trailer, and says nothing of errors.
        drop(encoder);
        spool.finish().map_err(|error| file.failed(&error))?;
        file.commit()
    }
}

/// Where the encoder writes. It takes its writer for good and ends in silence, so errors wait here to be asked for.
#[derive(Clone)]
struct Spool(Arc<Mutex<Buffer>>);

struct Buffer {
    file: BufWriter<File>,
    /// Why bytes were lost, if they were: there is no good end after that.
    trouble: Option<String>,
}

impl Spool {
    fn new(file: File) -> Self {
        Self(Arc::new(Mutex::new(Buffer { file: BufWriter::new(file), trouble: None })))
    }

    fn check(&self) -> io::Result<()> {
        self.buffer().trouble.clone().map_or(Ok(()), |trouble| Err(io::Error::other(trouble)))
    }

    fn finish(self) -> io::Result<()> {
        self.check()?;
        self.buffer().file.flush()
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Spool {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut buffer = self.buffer();
        if buffer.trouble.is_none() {
            buffer.trouble = buffer.file.write_all(bytes).err().map(|error| error.to_string());
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
