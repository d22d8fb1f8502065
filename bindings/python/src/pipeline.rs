//! Frames in, verdicts out.

use crate::raised;
use crate::verdict::Verdict;
use figureground::bundle::{Bundle, labels};
use figureground::engine::{Backend, BackendOptions, Precision, all_cores};
use figureground::frame::Frame;
use figureground::pipeline::{self, FrameRecording, Sliding};
use figureground::{Error, Result, Stage};
use numpy::{PyReadonlyArray3, PyUntypedArrayMethods};
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Seconds between frames that come without a time.
const TICK: f64 = 1.0 / 25.0;

/// Frames to verdicts. Calls from several threads follow one another.
#[pyclass(module = "figureground")]
#[derive(Debug)]
pub struct Pipeline(Mutex<Stream>);

/// A stream that is judged window by window.
#[derive(Debug)]
struct Stream {
    pipeline: pipeline::Pipeline,
    bundle: Bundle,
    sliding: Sliding,
    threads: usize,
    frames: u64,
    /// When the last frame was captured, in seconds.
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
        let stream = py.detach(|| Stream::open(bundle, [window, stride], backend, threads)).map_err(raised)?;
        Ok(Self(Mutex::new(stream)))
    }

    /// The verdict on the window that `frame` completes, or None.
    #[pyo3(signature = (frame, time = None))]
    fn step(&self, py: Python<'_>, frame: PyReadonlyArray3<'_, u8>, time: Option<f64>) -> PyResult<Option<Verdict>> {
        let &[height, width, 3] = frame.shape() else {
            let got = format!("an array of shape {:?}", frame.shape());
            let next = "pass RGB: frame[..., :3], or frame[..., ::-1].copy() for BGR";
            return Err(raised(Error::new(Stage::Frame, "an array [height, width, 3]", got, next)));
        };
        let pixels = frame.as_slice().map_err(|_| {
            let next = "pass numpy.ascontiguousarray(frame)";
            raised(Error::new(Stage::Frame, "an array whose rows follow each other", "a view of another", next))
        })?;
        self.with(py, |stream| stream.step(pixels, [width, height], time))
    }

    /// Forgets the frames so far.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.with(py, |stream| {
            (stream.frames, stream.last) = (0, None);
            stream.pipeline.start(stream.sliding)
        })
    }

    #[getter]
    fn labels(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.with(py, |stream| Ok(stream.pipeline.names().to_vec()))
    }

    #[setter]
    fn set_labels(&self, py: Python<'_>, labels: Vec<String>) -> PyResult<()> {
        self.with(py, |stream| stream.relabel(&labels))
    }

    /// Flags above `tau` from the next window on.
    fn set_tau(&self, py: Python<'_>, tau: f32) -> PyResult<()> {
        self.with(py, |stream| stream.pipeline.set_threshold(tau))
    }

    #[getter]
    fn backend(&self, py: Python<'_>) -> PyResult<&'static str> {
        self.with(py, |stream| Ok(stream.pipeline.backend()))
    }
}

impl Pipeline {
    /// Does `body` while other threads of Python run.
    fn with<T: Send>(&self, py: Python<'_>, body: impl FnOnce(&mut Stream) -> Result<T> + Send) -> PyResult<T> {
        py.detach(|| body(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))).map_err(raised)
    }
}

impl Stream {
    fn open(
        bundle: Option<PathBuf>,
        [window, stride]: [f64; 2],
        backend: &str,
        threads: Option<usize>,
    ) -> Result<Self> {
        let backend = match backend {
            "auto" => Backend::Auto,
            "cpu" => Backend::Cpu,
            "gpu" => Backend::Gpu,
            other => return Err(Error::new(Stage::Command, "auto, cpu or gpu", other, "choose one of them")),
        };
        let threads = threads.filter(|threads| *threads > 0).unwrap_or_else(all_cores);
        let bundle = bundle.map_or_else(built_in, |directory| Bundle::open(&directory))?;
        let choice = BackendOptions { backend, precision: Precision::F32, threads };
        let sliding = Sliding::new(window, stride)?;
        let mut pipeline = pipeline::Pipeline::load(&bundle, &choice, FrameRecording::Off)?;
        pipeline.start(sliding)?;
        Ok(Self { pipeline, bundle, sliding, threads, frames: 0, last: None })
    }

    fn step(&mut self, pixels: &[u8], size: [usize; 2], time: Option<f64>) -> Result<Option<Verdict>> {
        let time = time.unwrap_or_else(|| self.last.map_or(0.0, |last| last + TICK));
        if !(time.is_finite() && time >= 0.0) {
            return Err(Error::new(Stage::Frame, "a time from 0 on, in seconds", time, "count from the first frame"));
        }
        let [width, height] = size.map(|side| u32::try_from(side).unwrap_or(u32::MAX));
        let frame = Frame::new(pixels, width, height, self.frames, (time * 1e6).round() as u64)?;
        let mut found = None;
        let _ = self.pipeline.step(&frame, &mut |outcome| {
            let span = outcome.time_span_us();
            found = Some(Verdict::new(outcome.names, &outcome.judgement, &outcome.visibility, outcome.frames, span));
            Ok(ControlFlow::Continue(()))
        })?;
        // A frame that was refused has not been there.
        (self.last, self.frames) = (Some(time), self.frames + 1);
        Ok(found)
    }

    fn relabel(&mut self, names: &[String]) -> Result<()> {
        let names = labels::parse_names(&names.join("\n"))?;
        self.pipeline.set_labels(self.bundle.embed_labels(names, self.threads, &mut |_, _| Ok(()))?)
    }
}

#[cfg(feature = "built-in")]
fn built_in() -> Result<Bundle> {
    Bundle::built_in()
}

#[cfg(not(feature = "built-in"))]
fn built_in() -> Result<Bundle> {
    Err(Error::new(Stage::Bundle, "the directory of a bundle", "none", "this build has no bundle of its own"))
}
