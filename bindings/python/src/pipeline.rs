//! Frames to verdicts.

use crate::raised;
use crate::verdict::Verdict;
use figureground::bundle::{Bundle, labels};
use figureground::engine::{Backend, BackendOptions, Precision, all_cores};
use figureground::frame::Frame;
use figureground::pipeline::{FrameRecording, Pipeline as RustPipeline, Sliding, StreamSession};
use figureground::{Error, Result, Stage};
use numpy::{PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Seconds between frames without a capture time.
const FRAME_INTERVAL: f64 = 1.0 / 25.0;

/// Frames to verdicts. Calls from several threads run one after another.
#[pyclass(module = "figureground")]
#[derive(Debug)]
pub struct Pipeline(Mutex<Stream>);

/// A stream that is judged window by window.
#[derive(Debug)]
struct Stream {
    session: StreamSession<RustPipeline>,
    bundle: Bundle,
    threads: usize,
    frames: u64,
    /// Capture time of the last frame, in seconds.
    last: Option<f64>,
}

#[pymethods]
impl Pipeline {
    #[new]
    #[pyo3(signature = (bundle = None, *, window = 2.0, stride = 0.5, backend = "cpu", threads = None))]
    fn new(
        py: Python<'_>,
        bundle: Option<PathBuf>,
        window: f64,
        stride: f64,
        backend: &str,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let open = || Stream::open(bundle, Sliding::new(window, stride)?, backend, threads);
        let stream = py.detach(open).map_err(raised)?;
        Ok(Self(Mutex::new(stream)))
    }

    /// Takes the next frame; returns the verdict on the window that it completes, or None.
    #[pyo3(signature = (frame, time = None))]
    fn step(&self, py: Python<'_>, frame: PyReadonlyArray3<'_, u8>, time: Option<f64>) -> PyResult<Option<Verdict>> {
        let &[height, width, 3] = frame.shape() else {
            let got = format!("an array of shape {:?}", frame.shape());
            let next = "pass RGB: frame[..., :3], or frame[..., ::-1].copy() for BGR";
            return Err(raised(Error::new(Stage::Frame, "an array [height, width, 3]", got, next)));
        };
        let pixels = frame.as_slice().map_err(|_| {
            let next = "pass numpy.ascontiguousarray(frame)";
            raised(Error::new(Stage::Frame, "a contiguous array", "a view of another", next))
        })?;
        self.with(py, |stream| stream.step(pixels, [width, height], time))
    }

    /// Drops all frames and begins another stream.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |stream| {
            (stream.frames, stream.last) = (0, None);
            stream.session.restart()
        })
    }

    #[getter]
    fn labels(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |stream| Ok(stream.session.pipeline().names().to_vec()))
    }

    #[setter]
    fn set_labels(&self, py: Python<'_>, labels: Vec<String>) -> PyResult<()> {
        self.with(py, |stream| stream.set_labels(&labels))
    }

    /// Sets the threshold above which the gate flags, from the next window on.
    fn set_tau(&self, py: Python<'_>, tau: f32) -> PyResult<()> {
        self.with(py, |stream| stream.session.set_threshold(tau))
    }

    #[getter]
    fn backend(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.with(py, |stream| Ok(stream.session.pipeline().backend()))
    }
}

impl Pipeline {
    /// Runs `body` without holding Python's global lock.
    fn with<T: Send>(&self, py: Python<'_>, body: impl FnOnce(&mut Stream) -> Result<T> + Send) -> PyResult<T> {
        py.detach(|| body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))).map_err(raised)
    }
}

impl Stream {
    fn open(bundle: Option<PathBuf>, sliding: Sliding, backend: &str, threads: Option<usize>) -> Result<Self> {
        let backend = match backend {
            "auto" => Backend::Auto,
            "cpu" => Backend::Cpu,
            "gpu" => Backend::Gpu,
            other => return Err(Error::new(Stage::Command, "auto, cpu or gpu", other, "choose one of them")),
        };
        let threads = threads.filter(|threads| *threads > 0).unwrap_or_else(all_cores);
        let bundle = bundle.map_or_else(built_in, |directory| Bundle::open(&directory))?;
        let options = BackendOptions { backend, precision: Precision::F32, threads };
        let session = RustPipeline::load(&bundle, &options, FrameRecording::Off)?.into_session(sliding)?;
        Ok(Self { session, bundle, threads, frames: 0, last: None })
    }

    fn step(&mut self, pixels: &[u8], size: [usize; 2], time: Option<f64>) -> Result<Option<Verdict>> {
        let time = time.unwrap_or_else(|| self.last.map_or(0.0, |last| last + FRAME_INTERVAL));
        if !(time.is_finite() && time >= 0.0) {
            return Err(Error::new(Stage::Frame, "a time of at least 0 seconds", time, "count from the first frame"));
        }
        let [width, height] = size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let frame = Frame::new(pixels, width, height, self.frames, (time * 1e6).round() as u64)?;
        let mut found = None;
        let _ = self.session.step(&frame, &mut |window| {
            found = Some(Verdict::of_window(window)?);
            Ok(ControlFlow::Continue(()))
        })?;
        // A frame that was refused does not count.
        (self.last, self.frames) = (Some(time), self.frames + 1);
        Ok(found)
    }

    fn set_labels(&mut self, names: &[String]) -> Result<()> {
        let names = labels::parse_names(&names.join("\n"))?;
        self.session.set_labels(self.bundle.embed_labels(names, self.threads, &mut |_, _| Ok(()))?)
    }
}

#[cfg(feature = "built-in")]
fn built_in() -> Result<Bundle> {
    Bundle::built_in()
}

#[cfg(not(feature = "built-in"))]
fn built_in() -> Result<Bundle> {
    Err(Error::new(Stage::Bundle, "the directory of a bundle", "none", "pass one: this build has no bundle inside"))
}
