//! Frames in, verdicts out.

use crate::Verdict;
use crate::ffi::{catch, numbers, object, text, write_verdict};
use core::ffi::{c_char, c_int};
use figureground::bundle::{Bundle, labels};
use figureground::engine::{Backend, BackendOptions, Precision, all_cores};
use figureground::frame::{Frame, check_size};
use figureground::pipeline::{self, FrameRecording, Sliding, StreamSession};
use figureground::sink::json_lines::VerdictLine;
use figureground::{Error, Result, Stage};
use std::ffi::CString;
use std::ops::ControlFlow;
use std::path::Path;

/// Name of a stream's source in verdict lines.
const SOURCE: &str = "c";

/// A stream that is judged window by window.
#[derive(Debug)]
pub struct Pipeline {
    session: StreamSession<pipeline::Pipeline>,
    bundle: Bundle,
    threads: usize,
    names: Vec<CString>,
    frames: u64,
    /// Rows without padding.
    packed: Vec<u8>,
    /// Verdict line of the last window; empty before it.
    line: CString,
}

/// How a stream is judged. `fg_options_usual` returns the defaults.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Length of a window in seconds.
    pub window: f64,
    /// Seconds from the end of one window to the end of the next.
    pub stride: f64,
    /// Number of CPU threads; 0 is all cores.
    pub threads: u32,
    /// Whether models run on a GPU instead of the CPU; there is no fallback.
    pub gpu: bool,
}

/// Returns the default options: windows of 2 seconds, one every half second, on all cores of the CPU.
#[unsafe(no_mangle)]
pub extern "C" fn fg_options_usual() -> Options {
    Options { window: 2.0, stride: 0.5, threads: 0, gpu: false }
}

/// Opens the bundle in the directory `bundle`, or the bundle inside the library if it is null. Returns null on an
/// error.
///
/// # Safety
/// `bundle` is null or a string that ends with a 0; `options` is null, for the defaults, or points to options.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_open(bundle: *const c_char, options: *const Options) -> *mut Pipeline {
    catch(core::ptr::null_mut(), || {
        // SAFETY: promised by the caller.
        let options = unsafe { options.as_ref() }.copied().unwrap_or_else(|| fg_options_usual());
        let bundle = if bundle.is_null() {
            built_in()?
        } else {
            // SAFETY: promised by the caller.
            Bundle::open(Path::new(unsafe { text(bundle, "a directory") }?))?
        };
        Pipeline::open(bundle, options).map(|pipeline| Box::into_raw(Box::new(pipeline)))
    })
}

/// Takes the next frame: `height` rows of `width` pixels, three bytes each (R, G, B); rows begin `stride` bytes apart.
/// `time_us` is the capture time in microseconds; it never decreases. Returns 1 if `verdict` was written, 0 if the
/// frame completes no window, and -1 on an error, after which the next frame may be given.
///
/// # Safety
/// `pipeline` comes from `fg_open`, `pixels` points to all rows, and `verdict` to a verdict.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_step(
    pipeline: *mut Pipeline,
    pixels: *const u8,
    width: u32,
    height: u32,
    stride: usize,
    time_us: u64,
    verdict: *mut Verdict,
) -> c_int {
    catch(-1, || {
        // SAFETY: promised by the caller.
        let this = unsafe { object(pipeline) }?;
        check_size(width, height)?;
        let (row, rows) = (3 * width as usize, height as usize);
        if stride < row {
            let expected = format!("rows of at least {row} bytes");
            return Err(Error::new(Stage::Frame, expected, stride, "pass the width, height and stride of one picture"));
        }
        let length = stride.saturating_mul(rows - 1).saturating_add(row);
        // SAFETY: promised by the caller.
        let pixels = unsafe { numbers(pixels, length, "pixels") }?;
        match this.step(Rows { pixels, stride, width, height }, time_us)? {
            None => Ok(0),
            // SAFETY: promised by the caller.
            Some(found) => unsafe { write_verdict(verdict, found) }.map(|()| 1),
        }
    })
}

/// Drops all frames and begins another stream. Returns 0, or -1 on an error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_reset(pipeline: *mut Pipeline) -> c_int {
    catch(-1, || {
        // SAFETY: promised by the caller.
        let this = unsafe { object(pipeline) }?;
        this.frames = 0;
        this.session.restart().map(|()| 0)
    })
}

/// Replaces the labels from the next window on; `labels` is UTF-8, one name per line. They are embedded at once, which
/// may take seconds. Returns 0, or -1 on an error, which keeps the old labels.
///
/// # Safety
/// `pipeline` comes from `fg_open`, and `labels` ends with a 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_set_labels(pipeline: *mut Pipeline, labels: *const c_char) -> c_int {
    catch(-1, || {
        // SAFETY: promised by the caller.
        let (this, labels) = unsafe { (object(pipeline)?, text(labels, "labels")?) };
        let names = labels::parse_names(labels)?;
        this.session.set_labels(this.bundle.embed_labels(names, this.threads, &mut |_, _| Ok(()))?)?;
        this.names = c_names(this.session.pipeline().names());
        Ok(0)
    })
}

/// Sets the threshold above which the gate flags, from the next window on. Returns 0, or -1 on an error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_set_tau(pipeline: *mut Pipeline, tau: f32) -> c_int {
    // SAFETY: promised by the caller.
    catch(-1, || unsafe { object(pipeline) }?.session.set_threshold(tau).map(|()| 0))
}

/// Returns the number of labels; 0 on an error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_label_count(pipeline: *mut Pipeline) -> usize {
    // SAFETY: promised by the caller.
    catch(0, || unsafe { object(pipeline) }.map(|this| this.names.len()))
}

/// Returns the name of a label in UTF-8, valid until the labels change or the pipeline is closed. Returns null on an
/// error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_label(pipeline: *mut Pipeline, label: usize) -> *const c_char {
    catch(core::ptr::null(), || {
        // SAFETY: promised by the caller.
        let names = &unsafe { object(pipeline) }?.names;
        let refused = || {
            let expected = format!("a label under {}", names.len());
            Error::new(Stage::LabelBank, expected, label, "pass the label of a verdict of this pipeline")
        };
        names.get(label).map(|name| name.as_ptr()).ok_or_else(refused)
    })
}

/// Returns the verdict line of the last window, JSON as `figureground run` writes it, valid until the next step. It is
/// empty before the first window. Returns null on an error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_line(pipeline: *mut Pipeline) -> *const c_char {
    // SAFETY: promised by the caller.
    catch(core::ptr::null(), || unsafe { object(pipeline) }.map(|this| this.line.as_ptr()))
}

/// Closes a pipeline; null is ignored.
///
/// # Safety
/// `pipeline` comes from `fg_open` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_close(pipeline: *mut Pipeline) {
    if !pipeline.is_null() {
        // SAFETY: promised by the caller.
        drop(unsafe { Box::from_raw(pipeline) });
    }
}

impl Pipeline {
    fn open(bundle: Bundle, options: Options) -> Result<Self> {
        let threads = if options.threads == 0 { all_cores() } else { options.threads as usize };
        let sliding = Sliding::new(options.window, options.stride)?;
        let backend = if options.gpu { Backend::Gpu } else { Backend::Cpu };
        let options = BackendOptions { backend, precision: Precision::F32, threads };
        let session = pipeline::Pipeline::load(&bundle, &options, FrameRecording::Off)?.into_session(sliding)?;
        let names = c_names(session.pipeline().names());
        Ok(Self { session, bundle, threads, names, frames: 0, packed: Vec::new(), line: CString::default() })
    }

    /// Returns the verdict of the window that the frame completes, the last one if it completes several.
    fn step(&mut self, Rows { pixels, stride, width, height }: Rows<'_>, time_us: u64) -> Result<Option<Verdict>> {
        let row = 3 * width as usize;
        let pixels = if stride == row {
            pixels
        } else {
            self.packed.clear();
            pixels.chunks(stride).for_each(|padded| self.packed.extend_from_slice(&padded[..row]));
            &self.packed
        };
        let frame = Frame::new(pixels, width, height, self.frames, time_us)?;
        self.frames += 1;
        let mut found = None;
        let _ = self.session.step(&frame, &mut |window| {
            found = Some(Verdict::new(&window.judgement, &window.visibility, window.time_span_us()));
            self.line = c_text(&VerdictLine::new(SOURCE, window).to_json()?);
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}

/// A picture whose rows may be padded.
struct Rows<'a> {
    pixels: &'a [u8],
    /// Bytes from one row to the next.
    stride: usize,
    width: u32,
    height: u32,
}

fn c_names(names: &[String]) -> Vec<CString> {
    names.iter().map(|name| c_text(name)).collect()
}

fn c_text(text: &str) -> CString {
    CString::new(text.replace('\0', " ")).unwrap_or_default()
}

#[cfg(feature = "built-in")]
fn built_in() -> Result<Bundle> {
    Bundle::built_in()
}

#[cfg(not(feature = "built-in"))]
fn built_in() -> Result<Bundle> {
    Err(Error::new(Stage::Bundle, "the directory of a bundle", "null", "pass one: this build has no bundle inside"))
}
