//! Frames in, verdicts out.

use crate::Verdict;
use crate::ffi::{catch, numbers, object, tell, text};
use core::ffi::{c_char, c_int};
use figureground::bundle::{Bundle, labels};
use figureground::engine::{Backend, BackendOptions, Precision, all_cores};
use figureground::frame::{Frame, check_size};
use figureground::pipeline::{self, FrameRecording, Sliding};
use figureground::{Error, Result, Stage};
use std::ffi::CString;
use std::ops::ControlFlow;
use std::path::Path;

/// A stream that is judged window by window.
#[derive(Debug)]
pub struct Pipeline {
    pipeline: pipeline::Pipeline,
    bundle: Bundle,
    sliding: Sliding,
    threads: usize,
    names: Vec<CString>,
    frames: u64,
    /// Rows without what pads them.
    packed: Vec<u8>,
}

/// How a stream is judged. `fg_options_usual` gives the usual ones.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Length of a window in seconds.
    pub window: f64,
    /// Seconds from the end of a window to that of the next.
    pub stride: f64,
    /// Threads on the CPU; 0 is all cores.
    pub threads: u32,
    /// Models run on a GPU where it is true, else on the CPU; never on another than was asked for.
    pub gpu: bool,
}

/// Windows of 2 seconds, one every half, on all cores.
#[unsafe(no_mangle)]
pub extern "C" fn fg_options_usual() -> Options {
    Options { window: 2.0, stride: 0.5, threads: 0, gpu: false }
}

/// Opens the bundle in the directory `bundle`, or the one inside the library where it is null. Null on an error.
///
/// # Safety
/// `bundle` is null or ends with a 0; `options` is null, for the usual ones, or points to some.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_open(bundle: *const c_char, options: *const Options) -> *mut Pipeline {
    catch(core::ptr::null_mut(), || {
        // SAFETY: as the caller promises.
        let options = unsafe { options.as_ref() }.copied().unwrap_or_else(|| fg_options_usual());
        let bundle = if bundle.is_null() {
            built_in()?
        } else {
            // SAFETY: as the caller promises.
            Bundle::open(Path::new(unsafe { text(bundle, "a directory") }?))?
        };
        Pipeline::open(bundle, options).map(|pipeline| Box::into_raw(Box::new(pipeline)))
    })
}

/// Takes the next frame: `height` rows of `width` pixels, each R, G, B; a row begins `stride` bytes after the one before it.
/// `time_us` is when it was captured, in microseconds; it never runs backwards. 1 when `verdict` was filled in, 0 when the window
/// goes on, -1 on an error, after which the next frame may be given.
///
/// # Safety
/// `pipeline` comes from `fg_open`, `pixels` points to all rows, `verdict` to a verdict.
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
        // SAFETY: as the caller promises.
        let this = unsafe { object(pipeline) }?;
        check_size(width, height)?;
        let (row, rows) = (3 * width as usize, height as usize);
        if stride < row {
            let expected = format!("rows of at least {row} bytes");
            return Err(Error::new(Stage::Frame, expected, stride, "pass width, height and stride of one picture"));
        }
        let length = stride.saturating_mul(rows - 1).saturating_add(row);
        // SAFETY: as the caller promises.
        let pixels = unsafe { numbers(pixels, length, "pixels") }?;
        match this.step((pixels, stride), [width, height], time_us)? {
            None => Ok(0),
            // SAFETY: as the caller promises.
            Some(found) => unsafe { tell(verdict, found) }.map(|()| 1),
        }
    })
}

/// Forgets the frames so far: another stream begins. 0, or -1 on an error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_reset(pipeline: *mut Pipeline) -> c_int {
    catch(-1, || {
        // SAFETY: as the caller promises.
        let this = unsafe { object(pipeline) }?;
        this.frames = 0;
        this.pipeline.start(this.sliding).map(|()| 0)
    })
}

/// Tells `labels` apart from the next window on: names in UTF-8, one a line. They are embedded now, which may take seconds. 0, or
/// -1 on an error; the old ones then stay.
///
/// # Safety
/// `pipeline` comes from `fg_open`, `labels` ends with a 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_set_labels(pipeline: *mut Pipeline, labels: *const c_char) -> c_int {
    catch(-1, || {
        // SAFETY: as the caller promises.
        let (this, labels) = unsafe { (object(pipeline)?, text(labels, "labels")?) };
        let names = labels::parse_names(labels)?;
        this.pipeline.set_labels(this.bundle.embed_labels(names, this.threads, &mut |_, _| Ok(()))?)?;
        this.names = c_names(this.pipeline.names());
        Ok(0)
    })
}

/// Flags above `tau` from the next window on. 0, or -1 on an error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_set_tau(pipeline: *mut Pipeline, tau: f32) -> c_int {
    // SAFETY: as the caller promises.
    catch(-1, || unsafe { object(pipeline) }?.pipeline.set_threshold(tau).map(|()| 0))
}

/// How many labels are told apart; 0 on an error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_label_count(pipeline: *mut Pipeline) -> usize {
    // SAFETY: as the caller promises.
    catch(0, || unsafe { object(pipeline) }.map(|this| this.names.len()))
}

/// The name of a label in UTF-8, valid until labels change or the pipeline is closed. Null on an error.
///
/// # Safety
/// `pipeline` comes from `fg_open`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_label(pipeline: *mut Pipeline, label: usize) -> *const c_char {
    catch(core::ptr::null(), || {
        // SAFETY: as the caller promises.
        let names = &unsafe { object(pipeline) }?.names;
        let refused = || {
            let expected = format!("a label under {}", names.len());
            Error::new(Stage::LabelBank, expected, label, "pass the label of a verdict of this pipeline")
        };
        names.get(label).map(|name| name.as_ptr()).ok_or_else(refused)
    })
}

/// Lets a pipeline go; null is none.
///
/// # Safety
/// `pipeline` comes from `fg_open` and is not used any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn fg_close(pipeline: *mut Pipeline) {
    if !pipeline.is_null() {
        // SAFETY: as the caller promises.
        drop(unsafe { Box::from_raw(pipeline) });
    }
}

impl Pipeline {
    fn open(bundle: Bundle, options: Options) -> Result<Self> {
        let threads = if options.threads == 0 { all_cores() } else { options.threads as usize };
        let backend = if options.gpu { Backend::Gpu } else { Backend::Cpu };
        let choice = BackendOptions { backend, precision: Precision::F32, threads };
        let sliding = Sliding::new(options.window, options.stride)?;
        let mut pipeline = pipeline::Pipeline::load(&bundle, &choice, FrameRecording::Off)?;
        pipeline.start(sliding)?;
        let names = c_names(pipeline.names());
        Ok(Self { pipeline, bundle, sliding, threads, names, frames: 0, packed: Vec::new() })
    }

    /// The verdict that the frame completes, the last one where it completes several.
    fn step(&mut self, (pixels, stride): (&[u8], usize), size: [u32; 2], time_us: u64) -> Result<Option<Verdict>> {
        let [width, height] = size;
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
        let _ = self.pipeline.step(&frame, &mut |outcome| {
            let areas = [outcome.visibility.person_area, outcome.visibility.background_area];
            found = Some(Verdict::new(&outcome.judgement, areas, outcome.time_span_us()));
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(found)
    }
}

fn c_names(names: &[String]) -> Vec<CString> {
    names.iter().map(|name| CString::new(name.replace('\0', " ")).unwrap_or_default()).collect()
}

#[cfg(feature = "built-in")]
fn built_in() -> Result<Bundle> {
    Bundle::built_in()
}

#[cfg(not(feature = "built-in"))]
fn built_in() -> Result<Bundle> {
    Err(Error::new(Stage::Bundle, "the directory of a bundle", "null", "this build has no bundle of its own"))
}
